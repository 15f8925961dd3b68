/* SPDX-License-Identifier: Apache-2.0 */
#include "replica.h"

#include <stdlib.h>

#include "base/mem.h"
#include "gateway/gateways.h"

struct replica {
    struct loop *loop;
    struct http *http;
    const struct config *config;
    const struct default_gateways *defaults;
    const struct world *world;
    const char *own_namespaces[2];
    struct reconciler *reconciler;
    struct gateways_figures figures;
    /* While it leads. */
    struct http *led;
    struct gateways *gateways;
};

struct replica *replica_new(struct loop *loop, struct http *http, const struct config *config,
                            struct packing *packing, const struct default_gateways *defaults,
                            const struct world *world)
{
    struct replica *replica = xcalloc(1, sizeof(*replica));
    *replica = (struct replica){
        .loop = loop,
        .http = http,
        .config = config,
        .defaults = defaults,
        .world = world,
        .own_namespaces = {world->own_ns, NULL},
        .figures = {.pushes.bounds = &histogram_seconds, .reloads.bounds = &histogram_seconds}};
    bool named = config->id_namespaces.count > 0;
    struct reconciler_options options = {
        .resolve =
            {
                .default_cooldown = config->default_cooldown,
                .id_namespaces = named ? (const char *const *)config->id_namespaces.items
                                       : replica->own_namespaces,
                .all_id_namespaces = config->source_path && !named,
                .seal_key = &world->seal_key,
            },
        .conversion_grace_ms = config->conversion_grace_ms,
        .reference_grace_ms = config->reference_grace_ms,
        .rewrite_delay_ms = config->rewrite_delay_ms,
        .finalizer_timeout_ms = config->finalizer_timeout_ms,
        .packing = packing,
        .folder_source = config->source_path != NULL,
    };
    replica->reconciler = reconciler_new(loop, world->source, &options);
    replica_refresh(replica);
    reconciler_start(replica->reconciler);
    return replica;
}

void replica_lead(struct replica *replica)
{
    const struct config *config = replica->config;
    struct gateways_options options = {
        .owner = config->owner,
        .cluster = replica->world->cluster,
        .drift_interval_ms = config->drift_interval_ms,
        .confirm_prune = config->confirm_prune,
        .figures = &replica->figures,
    };
    replica->led = http_led_new(replica->http, replica->world->leadership);
    replica->gateways = gateways_new(replica->loop, replica->led, &options,
                                     &reconciler_gateway_callbacks, replica->reconciler);
    reconciler_lead(replica->reconciler, replica->world->store, replica->gateways);
}

void replica_stand_by(struct replica *replica)
{
    if (!replica->gateways)
        return;
    reconciler_stand_by(replica->reconciler);
    replica->gateways->ops->free(TAKE(replica->gateways));
    http_led_free(TAKE(replica->led));
}

void replica_free(struct replica *replica)
{
    if (!replica)
        return;
    replica_stand_by(replica);
    reconciler_free(replica->reconciler);
    free(replica);
}

void replica_refresh(struct replica *replica)
{
    struct default_context context = default_gateways_context(replica->defaults);
    reconciler_set_default_context(replica->reconciler, &context);
}

const struct reconciler *replica_reconciler(const struct replica *replica)
{
    return replica->reconciler;
}

const struct gateways_figures *replica_figures(const struct replica *replica)
{
    return &replica->figures;
}

const struct gateways *replica_gateways(const struct replica *replica)
{
    return replica->gateways;
}
