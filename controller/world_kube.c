/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cluster as the world:
 *
 *   what the start needs ──► source: ready ──► lease ──acquired──► store: leading ──┐
 *                                               ▲                                    │
 *                                               └──────── lost: no store ◄───────────┘
 *
 * All that a standby writes is, once in the life of an installation, the Secret with the key that
 * seals values: it is only ever created, and all take the one that was first.
 */
#include "world.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "kube/kube_bootstrap.h"
#include "kube/kube_client.h"
#include "kube/kube_config.h"
#include "kube/kube_object.h"
#include "kube/kube_source.h"
#include "kube/kube_store.h"
#include "kube/lease.h"

/* What the start needs is asked for again after this. */
#define RETRY_MS 2000

struct world_kube {
    struct world base;
    struct loop *loop;
    struct http *http;
    const struct config *config;
    struct world_callbacks callbacks;
    void *arg;
    struct kube_config kube;
    struct kube_client *client;
    struct kube_bootstrap *bootstrap;
    struct loop_timer *retry;
    struct err trouble; /* why the start has not what it needs; empty: not known */
    struct kube_requests requests;
    char host[256];
    /* Where several may run. */
    char *identity;
    struct lease *lease;
    /* While it leads: what writes has a client of its own, which asks whether it still does. */
    struct http *led;
    struct kube_client *writer;
};

void world_free(struct world *world)
{
    if (world)
        world->ops->free(world);
}

/* The store and what it writes by. */

static void make_store(struct world_kube *world)
{
    world->led = http_led_new(world->http, world->base.leadership);
    world->writer = kube_client_new(world->loop, world->led, &world->kube);
    kube_client_count(world->writer, &world->requests);
    struct kube_store_options options = {
        .loop = world->loop, .client = world->writer, .instance = world->host};
    world->base.store = kube_store_new(&options);
}

static void free_store(struct world_kube *world)
{
    if (world->base.store)
        world->base.store->ops->free(TAKE(world->base.store));
    kube_client_free(TAKE(world->writer));
    http_led_free(TAKE(world->led));
}

/* As client-go tells it, so that `kubectl describe lease` shows who led when. */
static void tell_event(const struct world_kube *world)
{
    const char *text = lease_object(world->lease);
    CLEANUP(object_unrefp) struct object *object = NULL;
    if (!text ||
        kube_object_decode(OBJECT_LEASE, (struct span){text, strlen(text)}, &object, NULL) < 0)
        return;
    CLEANUP(freep) char *note = xasprintf("%s became leader", world->identity);
    world->base.store->ops->event(world->base.store, object, EVENT_NORMAL, "LeaderElection", note);
}

static void lead(void *arg)
{
    struct world_kube *world = arg;
    make_store(world);
    if (world->lease)
        tell_event(world);
    world->callbacks.leading(world->arg);
}

static void stand_by(void *arg)
{
    struct world_kube *world = arg;
    world->callbacks.lost(world->arg);
    free_store(world);
}

/* As client-go has it: the host's name and a UUID (RFC 9562, version 4). */
static char *make_identity(const char *host)
{
    unsigned char r[16];
    if (getrandom(r, sizeof(r), 0) != sizeof(r))
        abort(); /* two of one name would both lead */
    r[6] = (unsigned char)((r[6] & 0x0f) | 0x40);
    r[8] = (unsigned char)((r[8] & 0x3f) | 0x80);
    return xasprintf("%s_%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
                     host, r[0], r[1], r[2], r[3], r[4], r[5], r[6], r[7], r[8], r[9], r[10], r[11],
                     r[12], r[13], r[14], r[15]);
}

/* Watches that go on at versions from before may never tell what has gone. */
static void set_back(void *arg)
{
    const struct world_kube *world = arg;
    struct object_source *source = world->base.source;
    for (enum object_kind kind = 0; kind < OBJECT_KIND_COUNT; kind++)
        source->ops->relist(source, kind);
}

static void stand_for_election(struct world_kube *world)
{
    static const struct lease_callbacks callbacks = {
        .acquired = lead, .lost = stand_by, .set_back = set_back};
    const struct config *config = world->config;
    world->identity = make_identity(world->host);
    const struct lease_options options = {
        .loop = world->loop,
        .client = world->client,
        .ns = config->lease_namespace ? config->lease_namespace : world->base.own_ns,
        .name = config->lease_name,
        .identity = world->identity,
    };
    world->lease = lease_new(&options, &callbacks, world);
    world->base.leadership = lease_leadership(world->lease);
}

/* The start. */

static void make_source(struct world_kube *world)
{
    struct kube_source_options source = {
        .loop = world->loop,
        .client = world->client,
        .namespaces = (const char *const *)world->config->namespaces.items,
        .secret_poll_ms = world->config->secret_poll_ms,
    };
    world->base.source = kube_source_new(&source);
}

static void on_bootstrap(void *arg, const char *cluster_id, const struct seal_key *key,
                         const struct err *err)
{
    struct world_kube *world = arg;
    world->bootstrap = NULL;
    if (err) {
        /* A pod that would exit is started again by the kubelet with longer and longer pauses:
         * asking again here is sooner back. */
        log_warn("the cluster does not give what the start needs", .err = err);
        world->trouble = *err;
        loop_timer_arm(world->retry, RETRY_MS);
        return;
    }
    world->base.cluster = xstrdup(cluster_id);
    world->base.seal_key = *key;
    make_source(world);
    world->callbacks.ready(world->arg, NULL);
    if (world->config->leader_elect)
        stand_for_election(world);
    else
        lead(world);
}

static void bootstrap(void *arg)
{
    struct world_kube *world = arg;
    world->bootstrap = kube_bootstrap_start(world->client, world->base.own_ns, on_bootstrap, world);
}

/* The end. */

static void release_kube(struct world *base, world_released_fn *done, void *arg)
{
    struct world_kube *world = (struct world_kube *)(void *)base;
    kube_bootstrap_cancel(TAKE(world->bootstrap));
    loop_timer_disarm(world->retry);
    free_store(world);
    if (world->lease)
        lease_release(world->lease, done, arg);
    else
        loop_defer(world->loop, done, arg);
}

static void free_kube(struct world *base)
{
    struct world_kube *world = (struct world_kube *)(void *)base;
    kube_bootstrap_cancel(world->bootstrap);
    loop_timer_free(world->retry);
    free_store(world);
    lease_free(world->lease);
    free(world->identity);
    if (base->source)
        base->source->ops->free(base->source);
    kube_client_free(world->client);
    kube_config_fini(&world->kube);
    free(base->cluster);
    free(base->own_ns);
    explicit_bzero(&base->seal_key, sizeof(base->seal_key));
    free(world);
}

static const char *kube_complaint(const struct world *base)
{
    const struct world_kube *world = (const struct world_kube *)(const void *)base;
    struct lease_stats stats = {.leads = false};
    if (world->lease)
        lease_stats(world->lease, &stats);
    return stats.is_overdue ? "the lease is held and has not been renewed for 35 s" : NULL;
}

static void kube_figures(const struct world *base, struct world_figures *ret_figures)
{
    const struct world_kube *world = (const struct world_kube *)(const void *)base;
    struct lease_stats stats = {.leads = false};
    if (world->lease)
        lease_stats(world->lease, &stats);
    *ret_figures = (struct world_figures){
        .lease = world->config->leader_elect ? world->config->lease_name : NULL,
        .leads = stats.leads,
        .lease_slow_paths = stats.slow_paths,
        .requests = &world->requests,
    };
}

static const char *kube_waits_for(const struct world *base)
{
    const struct world_kube *world = (const struct world_kube *)(const void *)base;
    return *world->trouble.msg ? world->trouble.msg : "starting";
}

static const struct world_ops ops = {.free = free_kube,
                                     .release = release_kube,
                                     .complaint = kube_complaint,
                                     .figures = kube_figures,
                                     .waits_for = kube_waits_for};

struct world *world_open_kube(struct loop *loop, struct http *http, const struct config *config,
                              const struct world_callbacks *callbacks, void *arg, struct err *err)
{
    struct kube_config_source from = {.kubeconfig = NULL};
    kube_config_read_environment(&from);
    from.kubeconfig = config->kubeconfig;
    from.context = config->kube_context;
    struct kube_config kube;
    if (kube_config_load(&from, &kube, err) < 0)
        return NULL;
    struct world_kube *world = xcalloc(1, sizeof(*world));
    *world = (struct world_kube){.base = {.ops = &ops},
                                 .loop = loop,
                                 .http = http,
                                 .config = config,
                                 .callbacks = *callbacks,
                                 .arg = arg,
                                 .kube = kube,
                                 .host = "grapnel"};
    (void)gethostname(world->host, sizeof(world->host) - 1);
    world->base.own_ns = xstrdup(kube.ns);
    world->client = kube_client_new(loop, http, &world->kube);
    kube_client_count(world->client, &world->requests);
    world->retry = loop_timer_new(loop, bootstrap, world);
    bootstrap(world);
    return &world->base;
}
