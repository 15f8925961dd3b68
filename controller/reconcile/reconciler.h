/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/histogram.h"
#include "core/accepted.h"
#include "core/resolve.h"
#include "core/workqueue.h"
#include "ports/gateways.h"
#include "ports/loop.h"
#include "ports/object_source.h"
#include "ports/object_store.h"

/*
 * The flow itself: what changes in the source marks keys; each key is looked at by itself, against
 * the snapshot as it is then: resolve → write the copies to the status → tell the gateways what is
 * wanted → write where they stand. Level-triggered: a lost or doubled event costs time, never
 * correctness.
 *
 * It begins as a standby: caches fill and follow the source, nothing is looked at, and there is
 * nothing to write with. reconciler_lead() gives it that, and looks at everything afresh.
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
                                  const struct reconciler_options *options);
/* Before the store that it leads with. */
void reconciler_free(struct reconciler *reconciler);

/* The gateways call back into the reconciler: they are made with these callbacks and the reconciler
 * as argument. */
extern const struct gateways_callbacks reconciler_gateway_callbacks;
/* From now on it writes to `store` and to `gateways` (borrowed until reconciler_stand_by() or
 * reconciler_free()). Whatever an earlier leader has known is found out anew. */
void reconciler_lead(struct reconciler *reconciler, struct object_store *store,
                     struct gateways *gateways);
/* Writes in flight are cancelled, what was queued, known or waited for is forgotten; neither store
 * nor gateways are used any more. The caches go on. */
void reconciler_stand_by(struct reconciler *reconciler);

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
    bool allow_adoption;
    bool confirm_prune;
};
void reconciler_set_default_context(struct reconciler *reconciler,
                                    const struct default_context *context);

void reconciler_start(struct reconciler *reconciler);

/* Are all caches complete (whatever gateways are like)? Otherwise *ret_reason (may be NULL) says
 * what is waited for; valid until the next call. */
bool reconciler_is_ready(const struct reconciler *reconciler, const char **ret_reason);
/* Nothing is queued or in flight, no grace (of a conversion, of a missing reference) or delay of a
 * rewrite runs, and no trouble with the lists passes by itself: the world is as wanted, or cannot
 * be made so now. For --once. */
bool reconciler_is_settled(const struct reconciler *reconciler);

/* Definitions that wait for a confirmation before they are deleted (MassDeletion); one that several
 * contexts share counts for each. For --once. */
size_t reconciler_held(const struct reconciler *reconciler);

/* Returns owned: a gateway that may hold what has to go, and why; NULL: there is none. For --once.
 */
char *reconciler_doubt(const struct reconciler *reconciler);

/* Logs why each API that is not in place is not. For --once. */
void reconciler_tell_waiting(const struct reconciler *reconciler);

struct reconciler_counts {
    size_t apis;
    size_t ready; /* of these; a standby has no opinion: 0 */
    size_t stalled;
    size_t webhooks;
    uint64_t conversions;
    uint64_t status_writes;
    /* Handlers of APIs by where they come from, by enum ref_source. */
    size_t handlers[REF_SOURCE_COUNT];
};
void reconciler_count(const struct reconciler *reconciler, struct reconciler_counts *ret_counts);

/* How looks at the objects of a kind have gone. A look lasts until what it has written is answered.
 */
enum look_result {
    LOOK_SUCCESS,
    LOOK_ERROR,         /* a write was refused; it is tried again */
    LOOK_REQUEUE_AFTER, /* fine, and to be looked at again after a while */
};
#define LOOK_RESULT_COUNT 3
#define LOOK_KIND_COUNT 3
struct look_figures {
    enum object_kind kind;
    uint64_t results[LOOK_RESULT_COUNT];
    struct histogram seconds;
    struct workqueue_share queue; /* a standby has none */
};
void reconciler_figures(const struct reconciler *reconciler,
                        struct look_figures ret_figures[LOOK_KIND_COUNT]);
