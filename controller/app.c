/* SPDX-License-Identifier: Apache-2.0 */
#include "app.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app_metrics.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/commands.h"
#include "core/packing.h"
#include "dir/file.h"
#include "gateway/gateways.h"
#include "net/http_curl.h"
#include "net/http_server.h"
#include "net/loop.h"
#include "reconcile/reconciler.h"
#include "serve/notify.h"
#include "world.h"

/* How often the files of flags are looked at. */
#define FILES_INTERVAL_MS 5000
/* --once: how often it is asked whether everything is settled. */
#define ONCE_INTERVAL_MS 100
#define SECRET_LIMIT 65536
#define CA_LIMIT (1U << 20)
/* Contents of objects that stay as text: those of some hundred APIs. */
#define OPEN_MAX (2U << 20)

struct app {
    const struct config *config;
    struct loop *loop;
    struct packing *packing; /* of all objects */
    struct http *http;
    struct world *world;
    struct reconciler *reconciler;
    struct gateways *gateways;
    struct http_server *server;

    struct gateway_endpoint *endpoints; /* of the default context */
    char *service;                      /* or that of its pods; "ns/name" */
    const char *service_port;
    char *secret;
    char *ca_pem;
    struct loop_timer *files_timer;
    struct loop_timer *once_timer;
    bool failed;
};

/* The default context. */

/* Reads a file into *text; keeps what was there when it cannot be read. True when it differs. */
static bool refresh_file(const char *path, size_t limit, char **text)
{
    if (!path)
        return false;
    struct buf bytes;
    struct err err;
    buf_init(&bytes, limit);
    if (file_read(path, limit, true, &bytes, &err) < 0) {
        log_warn("file not read, what it held before stays in force", .name = path, .err = &err);
        buf_fini(&bytes);
        return false;
    }
    size_t length = bytes.length;
    while (length && strchr("\r\n", bytes.data[length - 1]))
        bytes.data[--length] = '\0';
    if (str_equal(*text, buf_text(&bytes))) {
        buf_fini(&bytes);
        return false;
    }
    free(*text);
    *text = buf_take(&bytes);
    return true;
}

static void set_default_context(struct app *app)
{
    const struct config *config = app->config;
    bool folder = config->source_path != NULL;
    struct default_context context = {
        .endpoints = app->endpoints,
        .endpoint_count = config->gateway_urls.count,
        .service = app->service,
        .service_port = app->service_port,
        .secret = app->secret,
        .tls = {.ca_pem = app->ca_pem, .insecure = config->gateway_insecure},
        .abilities =
            {
                .version = config->gateway_version ? config->gateway_version : "",
                .jsvm = config->gateway_jsvm,
                .kv_references = config->gateway_kv_references,
                .folder_owner = folder,
                .org_id = getenv("TYK_ORG"),
            },
        .confirm_prune = config->confirm_prune,
    };
    reconciler_set_default_context(app->reconciler, &context);
}

static void on_files(void *arg)
{
    struct app *app = arg;
    bool changed = refresh_file(app->config->gateway_secret_file, SECRET_LIMIT, &app->secret);
    changed = refresh_file(app->config->gateway_ca_file, CA_LIMIT, &app->ca_pem) || changed;
    if (changed) {
        log_info("file changed", .detail = "secret or CA of the gateways");
        set_default_context(app);
    }
    loop_timer_arm(app->files_timer, FILES_INTERVAL_MS);
}

/* What must be readable at the start is an error then, not later. */
static int read_files(struct app *app, struct err *err)
{
    const char *paths[] = {app->config->gateway_secret_file, app->config->gateway_ca_file};
    for (size_t i = 0; i < ARRAY_LENGTH(paths); i++) {
        CLEANUP(buf_fini) struct buf bytes;
        buf_init(&bytes, CA_LIMIT);
        if (paths[i] && file_read(paths[i], CA_LIMIT, true, &bytes, err) < 0)
            return err_wrap(err, "%s", paths[i]);
    }
    refresh_file(paths[0], SECRET_LIMIT, &app->secret);
    refresh_file(paths[1], CA_LIMIT, &app->ca_pem);
    const char *auth = getenv("TYK_AUTH");
    if (!app->secret && !str_is_empty(auth))
        app->secret = xstrdup(auth);
    if (app->config->gateway_service) {
        app->service = xstrdup(app->config->gateway_service);
        char *colon = strrchr(app->service, ':');
        *colon = '\0';
        app->service_port = colon + 1;
    }
    const struct option_texts *urls = &app->config->gateway_urls;
    app->endpoints = xcalloc(urls->count + 1, sizeof(*app->endpoints));
    for (size_t i = 0; i < urls->count; i++)
        app->endpoints[i] = (struct gateway_endpoint){
            .id = urls->items[i], .url = urls->items[i], .pod = "", .ready = true};
    return 0;
}

/* --once. */

static void on_once(void *arg)
{
    struct app *app = arg;
    if (!reconciler_is_settled(app->reconciler)) {
        loop_timer_arm(app->once_timer, ONCE_INTERVAL_MS);
        return;
    }
    struct reconciler_counts counts;
    reconciler_count(app->reconciler, &counts);
    printf("%zu APIs: %zu synced, %zu stalled, %zu waiting; %zu webhooks\n", counts.apis,
           counts.ready, counts.stalled, counts.apis - counts.ready - counts.stalled,
           counts.webhooks);
    app->failed = counts.ready < counts.apis;
    loop_stop(app->loop);
}

/* Starting. */

static void tell_service_manager(const char *state)
{
    struct err err;
    if (notify_send(getenv("NOTIFY_SOCKET"), state, &err) < 0)
        log_warn("service manager not told", .err = &err);
}

static void on_world_ready(void *arg, const struct err *err)
{
    struct app *app = arg;
    const struct config *config = app->config;
    if (err) {
        fprintf(stderr, "grapnel: %s\n", err->msg);
        app->failed = true;
        loop_stop(app->loop);
        return;
    }
    static const char *own[2];
    own[0] = app->world->own_ns;
    bool named = config->id_namespaces.count > 0;
    struct reconciler_options options = {
        .resolve =
            {
                .default_cooldown = config->default_cooldown,
                .id_namespaces = named ? (const char *const *)config->id_namespaces.items : own,
                .all_id_namespaces = config->source_path && !named,
                .seal_key = &app->world->seal_key,
            },
        .conversion_grace_ms = config->conversion_grace_ms,
        .reference_grace_ms = config->reference_grace_ms,
        .rewrite_delay_ms = config->rewrite_delay_ms,
        .finalizer_timeout_ms = config->finalizer_timeout_ms,
        .packing = app->packing,
        .folder_source = config->source_path != NULL,
    };
    app->reconciler = reconciler_new(app->loop, app->world->source, app->world->store, &options);
    struct gateways_options gateways = {
        .owner = config->owner,
        .cluster = app->world->cluster,
        .drift_interval_ms = config->drift_interval_ms,
        .confirm_prune = config->confirm_prune,
    };
    app->gateways = gateways_new(app->loop, app->http, &gateways, &reconciler_gateway_callbacks,
                                 app->reconciler);
    reconciler_set_gateways(app->reconciler, app->gateways);
    set_default_context(app);
    reconciler_start(app->reconciler);
    loop_timer_arm(app->files_timer, FILES_INTERVAL_MS);
    if (config->once)
        loop_timer_arm(app->once_timer, ONCE_INTERVAL_MS);
    tell_service_manager("READY=1");
}

static void on_signal(void *arg, int number)
{
    struct app *app = arg;
    log_info("stopping", .detail = strsignal(number));
    tell_service_manager("STOPPING=1");
    loop_stop(app->loop);
}

/* Probes. */

static void fill_health(void *arg, struct http_reply *reply)
{
    (void)arg;
    buf_add_text(&reply->body, "ok\n");
}

static void fill_ready(void *arg, struct http_reply *reply)
{
    const struct app *app = arg;
    const char *reason = "starting";
    if (app->reconciler && reconciler_is_ready(app->reconciler, &reason)) {
        buf_add_text(&reply->body, "ok\n");
        return;
    }
    reply->status = 503;
    buf_add_format(&reply->body, "%s\n", reason);
}

static void fill_metrics(void *arg, struct http_reply *reply)
{
    const struct app *app = arg;
    reply->content_type = "text/plain; version=0.0.4; charset=utf-8";
    app_metrics_add(app->loop, app->reconciler, &reply->body);
}

static int listen_on(struct app *app, struct err *err)
{
    if (str_is_empty(app->config->listen) || app->config->once)
        return 0;
    const struct http_route routes[] = {
        {"/healthz", fill_health, app},
        {"/readyz", fill_ready, app},
        {"/metrics", fill_metrics, app},
    };
    app->server =
        http_server_new(app->loop, app->config->listen, routes, ARRAY_LENGTH(routes), err);
    return app->server ? 0 : err_wrap(err, "--listen %s", app->config->listen);
}

static int start(struct app *app, struct err *err)
{
    app->loop = loop_new(err);
    if (!app->loop || read_files(app, err) < 0)
        return -1;
    loop_on_signals(app->loop, on_signal, app);
    app->packing = packing_new(OPEN_MAX);
    loop_after_callbacks(app->loop, packing_rest, app->packing);
    app->http = http_curl_new(app->loop, GRAPNEL_VERSION);
    app->files_timer = loop_timer_new(app->loop, on_files, app);
    app->once_timer = loop_timer_new(app->loop, on_once, app);
    if (listen_on(app, err) < 0)
        return -1;
    app->world =
        app->config->source_path
            ? world_open_dir(app->loop, app->config, app->packing, on_world_ready, app, err)
            : world_open_kube(app->loop, app->http, app->config, on_world_ready, app, err);
    return app->world ? 0 : -1;
}

/* From the top down: who calls goes before who is called. */
static void stop(struct app *app)
{
    http_server_free(app->server);
    loop_timer_free(app->once_timer);
    loop_timer_free(app->files_timer);
    reconciler_free(app->reconciler);
    if (app->gateways)
        app->gateways->ops->free(app->gateways);
    world_free(app->world);
    http_curl_free(app->http);
    packing_free(app->packing);
    loop_free(app->loop);
    free(app->endpoints);
    free(app->service);
    free(app->secret);
    free(app->ca_pem);
}

int app_run(const struct config *config)
{
    struct app app = {.config = config};
    struct err err;
    int code = EXIT_FINE;
    if (start(&app, &err) < 0) {
        fprintf(stderr, "grapnel: %s\n", err.msg);
        code = EXIT_UNABLE;
    } else {
        loop_run(app.loop);
        if (app.failed)
            code = app.reconciler ? EXIT_PROBLEMS : EXIT_UNABLE;
    }
    stop(&app);
    return code;
}
