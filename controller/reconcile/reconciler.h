/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/resolve.h"
#include "ports/gateways.h"
#include "ports/loop.h"
#include "ports/object_source.h"
#include "ports/object_store.h"

/*
 * The flow itself: what changes in the source marks keys; each key is looked at by itself, against
 * the snapshot as it is then: resolve → write the copies to the status → tell the gateways what is
 * wanted → write where they stand. Level-triggered: a lost or doubled event costs time, never
 * correctness.
 */
struct reconciler;
struct packing;

struct reconciler_options {
    struct resolve_settings resolve;
    int64_t conversion_grace_ms;
    int64_t reference_grace_ms;
    int64_t rewrite_delay_ms;
    int64_t finalizer_timeout_ms;
    struct packing *packing; /* of the objects; outlives the reconciler; NULL: none */
    bool folder_source;      /* its owner is the gateways' owner; files are never edited */
};

struct reconciler *reconciler_new(struct loop *loop, struct object_source *source,
                                  struct object_store *store,
                                  const struct reconciler_options *options);
void reconciler_free(struct reconciler *reconciler);

/* The gateways call back into the reconciler: make it first, then them with these callbacks and the
 * reconciler as argument, then tell it. */
extern const struct gateways_callbacks reconciler_gateway_callbacks;
void reconciler_set_gateways(struct reconciler *reconciler, struct gateways *gateways);

/* The context of APIs that name none, from the flags. Borrowed until the next call; may be changed
 * at any time (a rotated secret). */
struct default_context {
    const struct gateway_endpoint *endpoints;
    size_t endpoint_count;
    const char *service; /* "ns/name": each pod behind it instead; NULL: none */
    const char *service_port;
    const char *secret;
    struct http_tls tls;
    struct gateway_abilities abilities;
    bool confirm_prune;
};
void reconciler_set_default_context(struct reconciler *reconciler,
                                    const struct default_context *context);

void reconciler_start(struct reconciler *reconciler);

/* Are all caches complete (whatever gateways are like)? Otherwise *ret_reason (may be NULL) says
 * what is waited for; valid until the next call. */
bool reconciler_is_ready(const struct reconciler *reconciler, const char **ret_reason);
/* Nothing is queued, in flight, or waiting for time that will change something soon: the world is
 * as wanted, or cannot be made so now. For --once. */
bool reconciler_is_settled(const struct reconciler *reconciler);

struct reconciler_counts {
    size_t apis;
    size_t ready; /* of these */
    size_t stalled;
    size_t webhooks;
    uint64_t conversions;
    uint64_t status_writes;
};
void reconciler_count(const struct reconciler *reconciler, struct reconciler_counts *ret_counts);
