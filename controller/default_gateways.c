/* SPDX-License-Identifier: Apache-2.0 */
#include "default_gateways.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "dir/file.h"

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
    char *secret;
    char *ca_pem;
};

/* Reads a file into *text; keeps what was there when it cannot be read. True when it differs. */
static bool refresh_file(const char *path, size_t limit, char **text)
{
    if (!path)
        return false;
    CLEANUP(buf_fini) struct buf bytes;
    struct err err;
    buf_init(&bytes, limit);
    if (file_read(path, limit, true, &bytes, &err) < 0) {
        log_warn("file not read, what it held before stays in force", .name = path, .err = &err);
        return false;
    }
    size_t length = bytes.length;
    while (length && strchr("\r\n", bytes.data[length - 1]))
        bytes.data[--length] = '\0';
    if (str_equal(*text, buf_text(&bytes)))
        return false;
    free(*text);
    *text = buf_take(&bytes);
    return true;
}

static void on_timer(void *arg)
{
    struct default_gateways *defaults = arg;
    bool changed =
        refresh_file(defaults->config->gateway_secret_file, SECRET_LIMIT, &defaults->secret);
    changed =
        refresh_file(defaults->config->gateway_ca_file, CA_LIMIT, &defaults->ca_pem) || changed;
    loop_timer_arm(defaults->timer, INTERVAL_MS);
    if (changed) {
        log_info("file changed", .detail = "secret or CA of the gateways");
        defaults->changed(defaults->arg);
    }
}

static int check_files(const struct config *config, struct err *err)
{
    const char *paths[] = {config->gateway_secret_file, config->gateway_ca_file};
    for (size_t i = 0; i < ARRAY_LENGTH(paths); i++) {
        CLEANUP(buf_fini) struct buf bytes;
        buf_init(&bytes, CA_LIMIT);
        if (paths[i] && file_read(paths[i], CA_LIMIT, true, &bytes, err) < 0)
            return err_wrap(err, "%s", paths[i]);
    }
    return 0;
}

static void read_flags(struct default_gateways *defaults)
{
    const struct config *config = defaults->config;
    refresh_file(config->gateway_secret_file, SECRET_LIMIT, &defaults->secret);
    refresh_file(config->gateway_ca_file, CA_LIMIT, &defaults->ca_pem);
    const char *auth = getenv("TYK_AUTH");
    if (!defaults->secret && !str_is_empty(auth))
        defaults->secret = xstrdup(auth);
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
    /* What must be readable at the start is an error then, not later. */
    if (check_files(config, err) < 0)
        return NULL;
    struct default_gateways *defaults = xcalloc(1, sizeof(*defaults));
    *defaults = (struct default_gateways){.config = config, .changed = changed, .arg = arg};
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
    if (defaults->secret)
        explicit_bzero(defaults->secret, strlen(defaults->secret));
    free(defaults->secret);
    free(defaults->ca_pem);
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
        .secret = defaults->secret,
        .tls = {.ca_pem = defaults->ca_pem, .insecure = config->gateway_insecure},
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
