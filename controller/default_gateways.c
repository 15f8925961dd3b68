/* SPDX-License-Identifier: Apache-2.0 */
#include "default_gateways.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "dir/flag_file.h"

/* How often the files of flags are looked at. */
#define INTERVAL_MS 5000
#define SECRET_LIMIT 65536
#define CA_LIMIT (1U << 20)

struct default_gateways {
    const struct config *config;
    default_gateways_changed_fn *changed;
    void *arg;
    struct loop_timer *timer;
    struct gateway_endpoint *endpoints; /* of fixed URLs */
    char *service;                      /* or that of pods; "ns/name" */
    const char *service_port;
    struct flag_file secret;
    struct flag_file ca;
    char *environment_secret; /* where no file holds it */
};

static void on_timer(void *arg)
{
    struct default_gateways *defaults = arg;
    bool changed = flag_file_refresh(&defaults->secret);
    changed = flag_file_refresh(&defaults->ca) || changed;
    loop_timer_arm(defaults->timer, INTERVAL_MS);
    if (changed) {
        log_info("file changed", .detail = "secret or CA of the gateways");
        defaults->changed(defaults->arg);
    }
}

static void read_flags(struct default_gateways *defaults)
{
    const struct config *config = defaults->config;
    const char *auth = getenv("TYK_AUTH");
    if (!config->gateway_secret_file && !str_is_empty(auth))
        defaults->environment_secret = xstrdup(auth);
    if (config->gateway_service) {
        defaults->service = xstrdup(config->gateway_service);
        char *colon = strrchr(defaults->service, ':');
        *colon = '\0';
        defaults->service_port = colon + 1;
    }
    const struct option_texts *urls = &config->gateway_urls;
    defaults->endpoints = xcalloc(urls->count + 1, sizeof(*defaults->endpoints));
    for (size_t i = 0; i < urls->count; i++)
        defaults->endpoints[i] = (struct gateway_endpoint){
            .id = urls->items[i], .url = urls->items[i], .pod = "", .ready = true};
}

struct default_gateways *default_gateways_new(struct loop *loop, const struct config *config,
                                              default_gateways_changed_fn *changed, void *arg,
                                              struct err *err)
{
    struct default_gateways *defaults = xcalloc(1, sizeof(*defaults));
    *defaults = (struct default_gateways){.config = config, .changed = changed, .arg = arg};
    /* What must be readable at the start is an error then, not later. */
    if (flag_file_read(&defaults->secret, config->gateway_secret_file, SECRET_LIMIT, err) < 0 ||
        flag_file_read(&defaults->ca, config->gateway_ca_file, CA_LIMIT, err) < 0) {
        default_gateways_free(defaults);
        return NULL;
    }
    read_flags(defaults);
    defaults->timer = loop_timer_new(loop, on_timer, defaults);
    loop_timer_arm(defaults->timer, INTERVAL_MS);
    return defaults;
}

void default_gateways_free(struct default_gateways *defaults)
{
    if (!defaults)
        return;
    loop_timer_free(defaults->timer);
    free(defaults->endpoints);
    free(defaults->service);
    flag_file_fini(&defaults->secret);
    flag_file_fini(&defaults->ca);
    if (defaults->environment_secret)
        explicit_bzero(defaults->environment_secret, strlen(defaults->environment_secret));
    free(defaults->environment_secret);
    free(defaults);
}

struct default_context default_gateways_context(const struct default_gateways *defaults)
{
    const struct config *config = defaults->config;
    return (struct default_context){
        .endpoints = defaults->endpoints,
        .endpoint_count = config->gateway_urls.count,
        .service = defaults->service,
        .service_port = defaults->service_port,
        .secret =
            config->gateway_secret_file ? defaults->secret.text : defaults->environment_secret,
        .tls = {.ca_pem = defaults->ca.text, .insecure = config->gateway_insecure},
        .abilities =
            {
                .version = config->gateway_version ? config->gateway_version : "",
                .jsvm = config->gateway_jsvm,
                .kv_references = config->gateway_kv_references,
                .folder_owner = config->source_path != NULL,
                .org_id = getenv("TYK_ORG"),
            },
        .allow_adoption = config->gateway_allow_adoption,
        .confirm_prune = config->confirm_prune,
    };
}
