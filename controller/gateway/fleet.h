/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/strmap.h"
#include "core/plan.h"
#include "gateway/bodies.h"
#include "gateway/gateways.h"
#include "gateway/slots.h"
#include "gateway/turn.h"

/*
 * What is wanted, for all endpoints: each API that was named (or that only a marker on some gateway
 * names), and its places. A place is an API in a context under an id; the one it is wanted in now
 * is current, the others are left when nothing of them stands anywhere any more.
 */
struct endpoint;
struct gateway_access;

enum api_mode {
    API_UNKNOWN, /* known from markers only */
    API_KEPT,    /* its object is there, what it wants is not known */
    API_WANTED,
    API_REMOVED, /* shall be nowhere */
};

struct api {
    char *key; /* "ns/name" */
    enum api_mode mode;
    bool is_forgotten; /* nobody asks any more; what is left of it on gateways still goes */
    bool was_there;    /* API_KEPT: an earlier process may have written it */
    bool is_dirty;     /* waits in the fleet's list to be told */
    bool may_clean;    /* and it may be time to clean what it has left */
    struct api *next_dirty;
    struct place *current; /* NULL: none */
    struct place *places;
    uint64_t object_version; /* of what is wanted; 0: not known */
    uint64_t pushed_version; /* the newest that was found on a gateway; 0: none */
    char *stands_in; /* API_KEPT, API_REMOVED: the name of the context in which it was last */
};

struct place {
    struct api *api;
    struct place *next; /* of the API */
    struct fleet_context *context;
    struct place *context_prev; /* of the context */
    struct place *context_next;
    size_t slot_count; /* slots that point here */
    struct body *body; /* kept for the endpoints to come; NULL: none */
    char *api_id;
    char *uid; /* with the next three in one piece of memory */
    char *listen_path;
    char *target;
    char *domain;
    struct digest digest; /* of the document */
    uint64_t fingerprint; /* of the marker */
    uint64_t claim;       /* on the listen path */
    enum api_family family;
    bool adopt;
    bool retain;
    bool is_stray; /* a gateway has put it there by itself: goes at once */
};

struct context_endpoint {
    struct endpoint *endpoint;
    bool ready;
};

struct fleet_context {
    char *name;
    bool is_set; /* by set_context(); places may name one that is not */
    struct context_endpoint *endpoints;
    size_t endpoint_count;
    bool had_endpoints; /* once */
    struct place *places;
    struct gateway_access *access;
    bool allow_adoption;
    bool confirm_prune;
    char *blocked; /* NULL: fine */
    bool is_dirty;
};

struct fleet {
    struct gateways gateways; /* the port: first member */
    struct loop *loop;
    struct http *http;
    char *owner;
    char *cluster;
    int64_t began_at; /* loop time */
    int64_t drift_interval_ms;
    int64_t informed_at; /* from then on, what is known is taken to be what there is */
    bool confirm_prune;
    struct gateways_figures *figures; /* NULL: nobody counts */
    struct gateways_callbacks callbacks;
    void *arg;
    struct strmap *apis;
    struct strmap *contexts;
    struct strmap *endpoints;
    struct turn turn;
    bool is_complete;
    bool expects_more;
    struct api *dirty;
    struct api *dirty_last;
    struct bodies bodies;
    struct strmap
        *unloaded; /* ids of endpoints that went with writes and no reload behind; a set */
};

/* An endpoint goes on whose disk something may be that it does not show; and was this one such,
 * when it comes back (it is taken out)? Pods that never come back are forgotten when they are many.
 */
void fleet_note_unloaded(struct fleet *fleet, const char *endpoint_id);
bool fleet_take_unloaded(struct fleet *fleet, const char *endpoint_id);

struct api *fleet_api(struct fleet *fleet, const char *key); /* made when absent */
struct fleet_context *fleet_context(struct fleet *fleet, const char *name);
/* Frees the API if nothing is known of it any more: neither named nor on any gateway. */
void fleet_release_api(struct fleet *fleet, struct api *api);
/* Frees the context if it is not set and no place names it. */
void fleet_release_context(struct fleet *fleet, struct fleet_context *context);

struct place *place_find(const struct api *api, const struct fleet_context *context,
                         const char *api_id);
/* Returns borrowed: a new place, owned by the API. */
struct place *place_new(struct api *api, struct fleet_context *context, const char *api_id);
/* Sets what is wanted there; true when the definition has to be pushed anew for it. */
bool place_set(const struct fleet *fleet, struct place *place, const struct gateway_want *want);
/* One slot less points there; the place (and the API) goes when nothing needs it. */
void place_drop_slot(struct fleet *fleet, struct place *place);
/* Takes it out of API and context, and frees it. No slot may point there. */
void place_free(struct fleet *fleet, struct place *place);
bool place_is_wanted(const struct place *place);
/* What is to be done with it on an endpoint; see wish in core/plan.h. */
enum plan_wish place_wish(const struct place *place, const struct endpoint *endpoint);
/* Is the API verified on every ready endpoint of its current context (and is there one)? */
bool api_is_established(const struct api *api);

/* Was something newer pushed for the API than is known to be wanted? A process that has just begun
 * may follow an API server that is behind: for a while, news is likely. Later it is not; the
 * versions of a store that was restored from a backup begin anew. */
bool api_is_behind(const struct fleet *fleet, const struct api *api);

/* fn for every slot of the place, on whatever endpoint. */
void fleet_each_slot(struct fleet *fleet, const struct place *place,
                     void (*fn)(struct endpoint *endpoint, struct slot *slot));

/* Something that progress() or summary() tells may have changed: it is told at the end of the
 * round. */
void fleet_touch_api(struct fleet *fleet, struct api *api);
/* The same of all APIs that shall be nowhere: an endpoint that was never looked at may hold them,
 * whatever else is known. */
void fleet_touch_removed(struct fleet *fleet);
/* The API has been verified somewhere: at the end of the round, what it is leaving goes if the new
 * place is verified everywhere. */
void fleet_check_moves(struct fleet *fleet, struct api *api);
void fleet_touch_context(struct fleet *fleet, struct fleet_context *context);

/* Returns owned: the body to push, the document with its marker. NULL: the document is not known
 * (now), or ERR_INVALID in *err: it cannot bear a marker. */
struct bytes *fleet_body(struct fleet *fleet, struct place *place, unsigned n, struct err *err);

void fleet_free(struct fleet *fleet);

/* progress.c: the telling part of the port. */
bool fleet_progress(const struct gateways *gateways, const char *api_key,
                    struct gateway_progress *ret_progress);
bool fleet_summary(const struct gateways *gateways, const char *context_name,
                   struct gateway_summary *ret_summary);
void fleet_describe(const struct gateways *gateways, const char *context_name, struct buf *out);
/* Is everything that is wanted verified, and nothing left to delete, on every endpoint that can be
 * reached? For tests. */
bool fleet_is_settled(const struct gateways *gateways);
bool fleet_is_quiet(const struct gateways *gateways);
