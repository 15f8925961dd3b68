/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as kubeconfig files (a form feed parts them): what is taken is usable, and holds
 * nothing that could end a header. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "kube/kubeconfig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void require_plain(const char *text)
{
    for (const unsigned char *at = (const unsigned char *)text; at && *at; at++)
        require(*at >= 0x20 && *at != 0x7f);
}

static void check(const struct kube_config *config)
{
    require(config->server && config->ns);
    require(config->server[strlen(config->server) - 1] != '/');
    require(!(config->insecure && (config->ca_pem || config->ca_file)));
    require(!(config->ca_pem && config->ca_file));
    require(!(config->cert_pem && config->cert_file));
    require((config->cert_pem || config->cert_file) == (config->key_pem || config->key_file));
    require(!(config->exec && (config->token || config->token_file)));
    require_plain(config->token);
    require_plain(config->username);
    require_plain(config->as);
    require_plain(config->as_uid);
    for (size_t i = 0; config->as_groups && config->as_groups[i]; i++)
        require_plain(config->as_groups[i]);
    for (size_t i = 0; config->as_extra && config->as_extra[i].key; i++) {
        require_plain(config->as_extra[i].key);
        for (size_t j = 0; config->as_extra[i].values && config->as_extra[i].values[j]; j++)
            require_plain(config->as_extra[i].values[j]);
    }
    if (config->exec)
        require(config->exec->command && config->exec->api_version && config->exec->info);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kubeconfig *files = kubeconfig_new();
    const char *at = (const char *)data;
    const char *end = at + size;
    struct err err;
    bool all = true;
    while (all && at < end) {
        const char *feed = memchr(at, '\f', (size_t)(end - at));
        size_t length = (size_t)((feed ? feed : end) - at);
        CLEANUP(freep) char *text = xstrndup(at, length);
        all = kubeconfig_add_text(files, "some/config", (struct span){text, length}, &err) == 0;
        at += length + 1;
    }
    static const char *const contexts[] = {NULL, "c"};
    for (size_t i = 0; i < ARRAY_LENGTH(contexts); i++) {
        struct kube_config config = {0};
        if (kubeconfig_select(files, contexts[i], &config, &err) == 0)
            check(&config);
        else
            require(*err.msg);
        kube_config_fini(&config);
    }
    kubeconfig_free(files);
    return 0;
}
