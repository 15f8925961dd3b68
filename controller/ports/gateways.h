/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/digest.h"
#include "base/err.h"
#include "core/marker.h"
#include "ports/http.h"

/*
 * The gateways, as the reconciler sees them: groups of endpoints (contexts), and for each API what
 * a context's endpoints shall hold. It says what it wants and is told when something about an API
 * has changed; how that is reached (observe, plan, push, reload, verify, per endpoint and
 * independent of all others) is the implementation's.
 */
struct gateways;

/* One endpoint: a pod's port or a fixed URL. `id` names the pod by its uid, or is a canonical URL:
 * two contexts that name the same id share the endpoint, whose URL is what the first of them says.
 */
struct gateway_endpoint {
    const char *id;
    const char *url; /* base, without a slash at the end */
    const char *pod; /* "" for a fixed URL */
    bool ready;      /* counts in progress; others are filled all the same */
};

/* A context as it is now. All borrowed, copied by set_context(). */
struct gateway_context {
    const struct gateway_endpoint *endpoints;
    size_t endpoint_count;
    const char *secret; /* X-Tyk-Authorization; NULL: none is sent */
    struct http_tls tls;
    bool allow_adoption;
    /* More orphans than the guard allows may be deleted here (3.5). */
    bool confirm_prune;
    /* An earlier process may have written to these endpoints without a reload behind it (an API
     * that has been pushed, or may have been, does not say Programmed): a blocking reload comes
     * before the first look. Read when a context is given endpoints for the first time. */
    bool unsettled;
    /* Why there is nothing to reach the gateways with (a Secret is missing): endpoints stay as they
     * are, nothing is sent. NULL: fine. */
    const char *blocked;
};

/* What the endpoints of a context shall hold for one API. Borrowed, copied by want(). */
struct gateway_want {
    const char *context; /* "ns/name", "" is the default context */
    const char *api;     /* "ns/name": whose it is; callbacks name it */
    const char *uid;
    const char *api_id;
    enum api_family family;
    const char *listen_path; /* to verify by; as in the document */
    const char *domain;      /* custom domain, "" when none */
    const char *target;
    struct digest digest; /* of the document without marker */
    /* resourceVersion of the object that it was made of; 0: not known. Of two wants for an object
     * the one with the higher version is the newer one, whichever process they come from. */
    uint64_t object_version;
    bool by_user; /* a user's edit: goes before refills */
    bool adopt;   /* the user consents to take over a definition without a marker */
    bool retain;  /* when the object goes, its definition stays: is put into the marker, so
                     that a later process does not take it for an orphan */
};

/* Where an API stands, over all contexts that have or had it. */
enum gateway_state {
    GATEWAY_SYNCED,       /* all ready endpoints hold it, verified */
    GATEWAY_PENDING,      /* on its way */
    GATEWAY_UNREACHABLE,  /* refused, reset, timeout, 5xx, 429 */
    GATEWAY_UNAUTHORIZED, /* 401, 403 */
    GATEWAY_REJECTED,     /* 400 and the like, or not loaded although accepted */
    GATEWAY_FOREIGN,      /* another owner's definition stands under this id */
    GATEWAY_CONFLICT,     /* another owner's definition has this listen path */
    GATEWAY_LOAD_BALANCED,
    GATEWAY_NONE, /* the context has no endpoint */
};

struct gateway_progress {
    size_t total;   /* endpoints that count */
    size_t synced;  /* of these */
    size_t leaving; /* endpoints, ready or not, that may still hold what is no longer wanted there,
                       and can be reached */
    size_t leaving_unreachable; /* … and have been unreachable since `unreachable_since` */
    int64_t unreachable_since; /* loop time of the latest of them; meaningless when there is none */
    enum gateway_state state;  /* the worst of the endpoints that are not synced */
    char detail[256];          /* for people: which endpoint, what class of failure; no secrets */
};

/* How a context's endpoints stand, for OperatorContext. */
struct gateway_summary {
    size_t total;
    size_t ready;
    size_t synced;       /* of the ready ones: hold exactly what they should, as far as is known */
    size_t orphans_held; /* inferred orphans that wait for a confirmation: MassDeletion */
    enum gateway_state state; /* the worst of the ready ones; GATEWAY_NONE when there is none */
    char detail[256];
    char doubt[256]; /* a ready one that may hold what has to go: it cannot be looked at or does not
                        delete it; "": none */
};

struct gateways_callbacks {
    /* Returns owned: the document to push for this API now, without marker. NULL: not known any
     * more, or not the one of `digest`: leave it, a new want is coming. Called right before a POST.
     */
    struct bytes *(*document)(void *arg, const char *api, const struct digest *digest);
    /* progress() of this API has changed. Comes from the loop, at most once a round for an API. */
    void (*progressed)(void *arg, const char *api);
    /* Something about a context's endpoints has changed (state, counts). */
    void (*context_changed)(void *arg, const char *context);
    /* Something happened that people should hear: reason is an event's ("DriftRepaired", …). */
    void (*happened)(void *arg, const char *api, bool warning, const char *reason,
                     const char *note);
    /* A definition bears our marker and names an API that nobody has named since the start: may it
     * be collected (is its namespace watched)? Asked right before it would be. */
    bool (*may_collect)(void *arg, const char *api);
};

struct gateways_ops {
    /* Creates or changes a context. */
    void (*set_context)(struct gateways *gateways, const char *context,
                        const struct gateway_context *config);
    /* Forgets a context and its endpoints (unless another context has them); nothing is deleted on
     * the gateways. */
    void (*remove_context)(struct gateways *gateways, const char *context);
    /* Sets or changes what an API's definition shall be in want->context. If the API was wanted
     * under another context or api_id before, that place is cleaned once the new one is verified.
     */
    void (*want)(struct gateways *gateways, const struct gateway_want *want);
    /* The API shall be nowhere: its definitions are deleted where they bear our marker. Of
     * endpoints that were never seen and are out of reach, those of this context may hold it. */
    void (*remove)(struct gateways *gateways, const char *api, const char *context);
    /* Nothing is known or wanted of the API any more (its object is gone and cleaned, or it is left
     * on the gateways on purpose). */
    void (*forget)(struct gateways *gateways, const char *api);
    /* The API exists but what it wants is not known (its spec is invalid since before our start):
     * what the gateways hold of it stays, and is no orphan. `was_there`: an earlier process may
     * have written it to endpoints of the context, and have died before its reload. */
    void (*keep)(struct gateways *gateways, const char *api, const char *context, bool was_there);
    /* More wants are on their way (APIs are looked at, or written before they are wanted): batches
     * stay open for them a little, so that they share one reload. Only a hint; false at first. */
    void (*expect)(struct gateways *gateways, bool more);
    /* All APIs have been named by want(), keep() or remove() since the start: what bears our marker
     * and is not among them is an orphan from now on. */
    void (*set_complete)(struct gateways *gateways, bool complete);
    bool (*progress)(const struct gateways *gateways, const char *api,
                     struct gateway_progress *ret_progress);
    /* False when the context is not known. */
    bool (*summary)(const struct gateways *gateways, const char *context,
                    struct gateway_summary *ret_summary);
    /* Appends the context's endpoints as the JSON of OperatorContext status.endpoints. */
    void (*describe)(const struct gateways *gateways, const char *context, struct buf *out);
    /* Will nothing more happen without a change from outside or a long wait? Settled, refused for
     * good, held by somebody else, or unreachable. For --once. */
    bool (*is_quiet)(const struct gateways *gateways);
    void (*free)(struct gateways *gateways);
};

struct gateways {
    const struct gateways_ops *ops;
};
