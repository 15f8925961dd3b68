/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/sim_net.h"
#include "sim/sim_store.h"

/*
 * API servers over one store, behind one address: what kube-apiserver says over HTTP, as far as the
 * operator uses it. Each instance has a watch cache of its own that may lag behind, or stand still;
 * consistent reads and writes go to the store.
 */
struct sim_api;

#define SIM_API_HOST "api.sim:6443"
#define SIM_API_INSTANCES 2

struct sim_api_options {
    struct sim_time *time;
    struct sim_net *net;
    struct sim_store *store;
    uint64_t seed;
    const char *token; /* what a client has to show; changed by sim_api_set_token() */
    unsigned page_max; /* items of a page, whatever is asked for; 0: as asked for */
    bool managed_fields;
};
struct sim_api *sim_api_new(const struct sim_api_options *options);
void sim_api_free(struct sim_api *api);

/* Which instance answers new watches and reads at a version. */
void sim_api_use(struct sim_api *api, unsigned instance);
/* Its watch cache stands still until false. */
void sim_api_freeze(struct sim_api *api, unsigned instance, bool frozen);
/* How long after a change its watch cache has it, in microseconds, uniform over [0, lag]. */
void sim_api_set_lag(struct sim_api *api, unsigned instance, int64_t lag);
/* Restarts it: all its watches break, its cache begins now (older versions are expired). */
void sim_api_restart(struct sim_api *api, unsigned number);
/* The store forgets: older versions and pages are expired from now on. */
void sim_api_compact(struct sim_api *api);
/* The store has been set back (sim_store_restore()): everything begins anew. */
void sim_api_restored(struct sim_api *api);
/* Ends all watches of a kind: with an ERROR event of this code (0: cleanly). */
void sim_api_end_watches(struct sim_api *api, unsigned kind, long code, const char *reason);
/* The next events of watches of a kind are lost without a trace (no server does that: to see that
 * nothing depends on single events). */
void sim_api_drop_events(struct sim_api *api, unsigned kind, unsigned count);
/* Watches tell events twice, so many in a thousand. */
void sim_api_set_doubles(struct sim_api *api, uint32_t permille);
/* How often bookmarks come; 0: never. 60 s at first. */
void sim_api_set_bookmarks(struct sim_api *api, int64_t every_ms);
/* HTTP 410 in place of an ERROR event where a watch begins at an expired version. */
void sim_api_set_expired_as_status(struct sim_api *api, bool as_status);

enum sim_verb { SIM_LIST = 1, SIM_WATCH = 2, SIM_GET = 4, SIM_WRITE = 8, SIM_ALL_VERBS = 15 };
/* These verbs on the kind are answered 403 from now on. */
void sim_api_deny(struct sim_api *api, unsigned kind, unsigned verbs);
void sim_api_deny_events(struct sim_api *api, bool denied);
void sim_api_set_token(struct sim_api *api, const char *token);

/* Events (events.k8s.io) that were written: how many of this reason about the object. */
unsigned sim_api_events(const struct sim_api *api, const char *key, const char *reason);
/* Any body that the operator has sent, for those who look for secrets. */
void sim_api_on_body(struct sim_api *api, void (*fn)(void *arg, const char *path, struct span body),
                     void *arg);
size_t sim_api_watch_count(const struct sim_api *api);
