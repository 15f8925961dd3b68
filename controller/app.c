/* SPDX-License-Identifier: Apache-2.0 */
#include "app.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app_metrics.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/commands.h"
#include "cli/line.h"
#include "core/packing.h"
#include "default_gateways.h"
#include "net/http_curl.h"
#include "net/http_server.h"
#include "net/loop.h"
#include "replica.h"
#include "serve/notify.h"
#include "serve/probes.h"
#include "world.h"

/* --once: how often it is asked whether everything is settled. */
#define ONCE_INTERVAL_MS 100
/* Contents of objects: all stay open up to WHOLE_MAX bytes, else OPEN_MAX of them. */
#define WHOLE_MAX (8U << 20)
#define OPEN_MAX (2U << 20)

struct app {
    const struct config *config;
    struct loop *loop;
    struct packing *packing; /* of all objects */
    struct http *http;
    struct default_gateways *defaults;
    struct world *world;
    struct replica *replica; /* NULL: the world is not ready yet */
    struct http_server *server;
    struct loop_timer *once_timer;
    bool ending;
    bool failed;
};

/* The end: what writes stops first, then others may lead. */

static void on_released(void *arg)
{
    struct app *app = arg;
    loop_stop(app->loop);
}

static void end(struct app *app)
{
    if (app->ending || !app->world || !app->world->ops->release) {
        loop_stop(app->loop);
        return;
    }
    app->ending = true;
    if (app->replica)
        replica_stand_by(app->replica);
    app->world->ops->release(app->world, on_released, app);
}

static void tell_service_manager(const char *state)
{
    struct err err;
    if (notify_send(getenv("NOTIFY_SOCKET"), state, &err) < 0)
        log_warn("service manager not told", .err = &err);
}

/* What may have changed unseen is looked at. */
static void look_anew(struct app *app)
{
    static const enum object_kind kinds[] = {OBJECT_API, OBJECT_WEBHOOK, OBJECT_CONTEXT,
                                             OBJECT_NAMESPACE};
    log_info("looking at everything anew", .detail = strsignal(SIGHUP));
    for (size_t i = 0; i < ARRAY_LENGTH(kinds) && app->replica; i++)
        app->world->source->ops->relist(app->world->source, kinds[i]);
}

static void on_signal(void *arg, int number)
{
    struct app *app = arg;
    if (number == SIGHUP) {
        look_anew(app);
        return;
    }
    log_info("stopping", .detail = strsignal(number));
    app->failed |= app->config->once && !app->ending;
    tell_service_manager("STOPPING=1");
    end(app);
}

/* --once. */

/* The last line says what else keeps it from being converged than APIs that are not in place. */
static void print_summary(const struct reconciler_counts *counts, const char *fault, size_t held,
                          const char *doubt)
{
    printf("%zu APIs: %zu synced, %zu stalled, %zu waiting; %zu webhooks\n", counts->apis,
           counts->ready, counts->stalled, counts->apis - counts->ready - counts->stalled,
           counts->webhooks);
    if (fault)
        printf("not converged: the folder is not whole, nothing is deleted: %s\n", fault);
    else if (held)
        printf("not converged: MassDeletion: %zu definitions on gateways are not deleted (if it is "
               "meant: --confirm-prune, or grapnel.dev/confirm-prune on the OperatorContext)\n",
               held);
    else if (doubt)
        line_print(stdout, "not converged: what has to go may still stand on a gateway: %s", doubt);
}

/* Nothing of the folder could ever be read: there is nothing to wait for. */
static bool is_hopeless(const struct reconciler *reconciler, const char *fault)
{
    return fault && !reconciler_is_ready(reconciler, NULL);
}

static void on_once(void *arg)
{
    struct app *app = arg;
    const struct reconciler *reconciler = replica_reconciler(app->replica);
    const char *fault = app->world->ops->fault ? app->world->ops->fault(app->world) : NULL;
    if (!reconciler_is_settled(reconciler) && !is_hopeless(reconciler, fault)) {
        loop_timer_arm(app->once_timer, ONCE_INTERVAL_MS);
        return;
    }
    struct reconciler_counts counts;
    reconciler_count(reconciler, &counts);
    size_t held = reconciler_held(reconciler);
    CLEANUP(freep) char *doubt = reconciler_doubt(reconciler);
    print_summary(&counts, fault, held, doubt);
    app->failed = counts.ready < counts.apis || fault || held || doubt;
    if (app->failed)
        reconciler_tell_waiting(reconciler);
    end(app);
}

/* The world. */

static void on_world_ready(void *arg, const struct err *err)
{
    struct app *app = arg;
    if (err) {
        line_print(stderr, "grapnel: %s", err->msg);
        app->failed = true;
        loop_stop(app->loop);
        return;
    }
    app->replica =
        replica_new(app->loop, app->http, app->config, app->packing, app->defaults, app->world);
    if (app->config->once)
        loop_timer_arm(app->once_timer, ONCE_INTERVAL_MS);
    tell_service_manager("READY=1");
}

static void on_leading(void *arg)
{
    struct app *app = arg;
    replica_lead(app->replica);
}

static void on_lost(void *arg)
{
    struct app *app = arg;
    replica_stand_by(app->replica);
}

static const struct world_callbacks world_callbacks = {
    .ready = on_world_ready, .leading = on_leading, .lost = on_lost};

static void on_defaults_changed(void *arg)
{
    struct app *app = arg;
    if (app->replica)
        replica_refresh(app->replica);
}

/* Probes. */

static void fill_health(void *arg, struct http_reply *reply)
{
    const struct app *app = arg;
    const char *complaint =
        app->world && app->world->ops->complaint ? app->world->ops->complaint(app->world) : NULL;
    probe_health(reply, loop_stalled_ms(app->loop), complaint);
}

static void fill_ready(void *arg, struct http_reply *reply)
{
    const struct app *app = arg;
    const char *reason = "starting";
    if (app->replica && reconciler_is_ready(replica_reconciler(app->replica), &reason))
        reason = NULL;
    else if (!app->replica && app->world && app->world->ops->waits_for)
        reason = app->world->ops->waits_for(app->world);
    probe_ready(reply, reason);
}

static void fill_metrics(void *arg, struct http_reply *reply)
{
    const struct app *app = arg;
    reply->content_type = "text/plain; version=0.0.4; charset=utf-8";
    app_metrics_add(app->loop, app->world, app->replica, &reply->body);
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
    if (!app->loop)
        return -1;
    app->defaults = default_gateways_new(app->loop, app->config, on_defaults_changed, app, err);
    if (!app->defaults)
        return -1;
    loop_on_signals(app->loop, on_signal, app);
    app->packing = packing_new(WHOLE_MAX, OPEN_MAX);
    loop_after_callbacks(app->loop, packing_rest, app->packing);
    app->http = http_curl_new(app->loop, GRAPNEL_VERSION);
    app->once_timer = loop_timer_new(app->loop, on_once, app);
    if (listen_on(app, err) < 0)
        return -1;
    app->world =
        app->config->source_path
            ? world_open_dir(app->loop, app->config, app->packing, &world_callbacks, app, err)
            : world_open_kube(app->loop, app->http, app->config, &world_callbacks, app, err);
    return app->world ? 0 : -1;
}

/* From the top down: who calls goes before who is called. */
static void stop(struct app *app)
{
    http_server_free(app->server);
    loop_timer_free(app->once_timer);
    replica_free(app->replica);
    world_free(app->world);
    default_gateways_free(app->defaults);
    http_curl_free(app->http);
    packing_free(app->packing);
    loop_free(app->loop);
}

int app_run(const struct config *config)
{
    struct app app = {.config = config};
    struct err err;
    int code = EXIT_FINE;
    if (start(&app, &err) < 0) {
        line_print(stderr, "grapnel: %s", err.msg);
        code = EXIT_UNABLE;
    } else {
        loop_run(app.loop);
        if (app.failed)
            code = app.replica ? EXIT_PROBLEMS : EXIT_UNABLE;
    }
    stop(&app);
    return code;
}
