/* SPDX-License-Identifier: Apache-2.0 */
/* A cluster as the world. */
#include "world.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "kube/kube_bootstrap.h"
#include "kube/kube_client.h"
#include "kube/kube_config.h"
#include "kube/kube_source.h"
#include "kube/kube_store.h"

/* What the start needs is asked for again after this. */
#define RETRY_MS 2000

struct world_kube {
    struct world base;
    struct loop *loop;
    const struct config *config;
    struct kube_config kube;
    struct kube_client *client;
    struct kube_bootstrap *bootstrap;
    struct loop_timer *retry;
    world_ready_fn *ready;
    void *arg;
};

void world_free(struct world *world)
{
    if (world)
        world->ops->free(world);
}

/* Source and store first: both use the client. */
static void free_kube(struct world *base)
{
    struct world_kube *world = (struct world_kube *)(void *)base;
    kube_bootstrap_cancel(world->bootstrap);
    loop_timer_free(world->retry);
    if (base->source)
        base->source->ops->free(base->source);
    if (base->store)
        base->store->ops->free(base->store);
    kube_client_free(world->client);
    kube_config_fini(&world->kube);
    free(base->cluster);
    free(base->own_ns);
    explicit_bzero(&base->seal_key, sizeof(base->seal_key));
    free(world);
}

static const struct world_ops ops = {.free = free_kube};

static void make_ports(struct world_kube *world)
{
    struct kube_source_options source = {
        .loop = world->loop,
        .client = world->client,
        .namespaces = (const char *const *)world->config->namespaces.items,
        .secret_poll_ms = world->config->secret_poll_ms,
    };
    char host[256] = "grapnel";
    (void)gethostname(host, sizeof(host) - 1);
    struct kube_store_options store = {
        .loop = world->loop, .client = world->client, .instance = host};
    world->base.source = kube_source_new(&source);
    world->base.store = kube_store_new(&store);
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
        loop_timer_arm(world->retry, RETRY_MS);
        return;
    }
    world->base.cluster = xstrdup(cluster_id);
    world->base.seal_key = *key;
    make_ports(world);
    world->ready(world->arg, NULL);
}

static void bootstrap(void *arg)
{
    struct world_kube *world = arg;
    world->bootstrap = kube_bootstrap_start(world->client, world->base.own_ns, on_bootstrap, world);
}

struct world *world_open_kube(struct loop *loop, struct http *http, const struct config *config,
                              world_ready_fn *ready, void *arg, struct err *err)
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
                                 .config = config,
                                 .kube = kube,
                                 .ready = ready,
                                 .arg = arg};
    world->base.own_ns = xstrdup(kube.ns);
    world->client = kube_client_new(loop, http, &world->kube);
    world->retry = loop_timer_new(loop, bootstrap, world);
    bootstrap(world);
    return &world->base;
}
