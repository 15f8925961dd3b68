/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/fleet.h"
#include "gateway/foreign.h"
#include "gateway/gateway_client.h"
#include "gateway/observation.h"
#include "gateway/slots.h"

/*
 * One gateway, brought to what it shall hold, independent of all others:
 *
 *   CHECKING ──200──► (RELOADING) ──► OBSERVING ──► IDLE ──► PUSHING ──► RELOADING ──► VERIFYING ─┐
 *     │  ▲ ▲                             ▲          │ ▲ │                    └─► OBSERVING        │
 *    503 │ └──── back-off ── DOWN        └──────────┘ │ └─► SPOTTING ──► IDLE / STOPPED           │
 *     ▼  │                    ▲ any failure └────────────────────────────────────────────┘
 *   NOT_READY
 *
 * What is to be done is kept in facts (slots, flags, times); whatever changes one wakes the
 * endpoint, and it looks at all of them.
 */
enum endpoint_state {
    ENDPOINT_BLOCKED,   /* there is nothing to be let in with */
    ENDPOINT_CHECKING,  /* asks whether it may be read */
    ENDPOINT_NOT_READY, /* it may not: asks again soon */
    ENDPOINT_GLANCING,  /* before the first reload: looks for what a process that died has left */
    ENDPOINT_OBSERVING, /* lists, or waits for its turn to */
    ENDPOINT_IDLE,
    ENDPOINT_PUSHING,   /* a batch of writes */
    ENDPOINT_RELOADING, /* the one reload of a batch, or waits until it may */
    ENDPOINT_VERIFYING, /* reads back what was written */
    ENDPOINT_SPOTTING,  /* reads one, to see whether anything has drifted */
    ENDPOINT_DOWN,      /* the breaker is open: a probe is due after a while */
    ENDPOINT_STOPPED,   /* a load balancer: nothing is written */
};
#define ENDPOINT_STATE_COUNT 12
#define ENDPOINT_FIRST_EPOCH 1
const char *endpoint_state_name(enum endpoint_state state);

/* One request about one slot. */
enum job_kind {
    JOB_NONE,
    JOB_LOOK, /* what stands there, before it is written */
    JOB_POST,
    JOB_DELETE,
    JOB_SWEEP, /* deletes an OAS definition that a Classic one was posted over; then posts again */
    JOB_READ,  /* after the reload */
};
struct job {
    struct endpoint *endpoint;
    struct slot *slot;
    struct gateway_call *call;
    enum job_kind kind;
    enum api_family form;
    int64_t began_us; /* a write */
};
#define JOB_COUNT 6

struct batch {
    int64_t began_at;
    int64_t first_write_at; /* -1: none yet */
    bool user_waits;
    bool is_closing;
    size_t posted;
    size_t deleted;
    size_t verified;
    size_t failed;
    size_t repaired;
};

/* Reading one definition several times, each time on a new connection: does it come and go? */
struct burst {
    char *api_id; /* NULL: none */
    enum api_family form;
    uint64_t fingerprint;
    unsigned reads;
    unsigned changes;
    bool last;
    bool is_drift; /* not what was just written, but what had been verified */
};

struct endpoint {
    /* set by endpoint_new(), not changed after */
    struct fleet *fleet;
    char *id;
    char *pod; /* "" for a fixed URL */
    struct loop_timer *timer;
    /* where, and who wants something here */
    char *url;
    char *label; /* the URL without credentials, for people */
    struct fleet_context **contexts;
    size_t context_count;
    struct gateway_client *client;
    bool is_blocked;
    bool is_contended; /* a wanted id is held by another API's place */
    /* what stands here */
    struct slots slots;
    struct foreign foreign;
    size_t loaded;       /* definitions at the last look */
    bool is_observed;    /* slots can be trusted and acted on */
    bool was_observed;   /* ever */
    size_t orphans_held; /* MassDeletion */
    /* what is due */
    bool wants_look;
    bool wants_reload;
    size_t dirty;   /* writes since the last reload that was waited for, taken or in doubt */
    uint32_t epoch; /* reloads that were waited for, from ENDPOINT_FIRST_EPOCH */
    int64_t observed_at;
    int64_t look_at; /* times of loop_now() */
    int64_t spot_at;
    int64_t retry_at;
    int64_t due_at; /* of the state */
    int64_t last_want_at;
    int64_t reload_began_at;
    int64_t ready_at;        /* when it was last known to have loaded everything */
    int64_t not_ready_since; /* -1: it is */
    bool is_forced;          /* not ready for so long that it is used all the same */
    /* what is in flight */
    enum endpoint_state state;
    struct gateway_call *call; /* check, reload, spot */
    struct observation *observation;
    struct foreign next_foreign;
    size_t next_loaded;
    struct job jobs[JOB_COUNT];
    struct batch batch;
    struct burst burst;
    bool spots_obstacle; /* the last spot check was of one */
    /* the breaker */
    unsigned failures; /* in a row; 0: reachable as far as known */
    unsigned server_errors;
    int64_t down_since; /* or blocked, or balanced */
    struct err last_error;
    bool is_balanced;
};

/* endpoint.c */
struct endpoint *endpoint_new(struct fleet *fleet, const struct gateway_endpoint *config);
/* Cancels everything; slots go, what stands on the gateway stays. */
void endpoint_free(struct endpoint *endpoint);
/* Looks at all that is due, at the end of the round. */
void endpoint_wake(struct endpoint *endpoint);
/* The one way to another state. */
void endpoint_enter(struct endpoint *endpoint, enum endpoint_state state);
/* Opens the breaker: what was in flight counts for nothing, everything is looked at again. */
void endpoint_fail(struct endpoint *endpoint, const struct gateway_answer *answer);
/* Cancels what is in flight: what was being written is in doubt. */
void endpoint_forget_flight(struct endpoint *endpoint);
void endpoint_move(struct endpoint *endpoint, struct slot *slot, enum slot_state state);
uint32_t endpoint_seconds(const struct endpoint *endpoint);
void endpoint_touch(struct endpoint *endpoint);
/* It has become reachable or unreachable: that is told of all that is not synced there. */
void endpoint_touch_unsynced(struct endpoint *endpoint);
/* Is what has to go there written and deleted? */
bool endpoint_is_reachable(const struct endpoint *endpoint);

/* endpoint_bind.c: where it is, and who wants something here */
/* Returns owned: the URL as people may see it; what stands before an @ is a password. */
char *endpoint_label(const char *url);
bool endpoint_has_context(const struct endpoint *endpoint, const char *name);
void endpoint_attach(struct endpoint *endpoint, struct fleet_context *context);
/* Frees the endpoint when this was its last context. */
void endpoint_detach(struct endpoint *endpoint, struct fleet_context *context);
/* Kubernetes has seen it get ready: it may have come back, and it may have come back empty. */
void endpoint_nudge(struct endpoint *endpoint);
/* The URL or the access of a context may have changed. */
void endpoint_reconfigure(struct endpoint *endpoint, const char *url);
/* Makes or finds the slot for a wanted place and decides what it needs. */
void endpoint_bind(struct endpoint *endpoint, struct place *place, bool by_user);
/* Lets go of a slot: what stands on the gateway stays. */
void endpoint_drop(struct endpoint *endpoint, struct slot *slot);
/* The same for all slots that `context` (NULL: any) has here. */
void endpoint_release(struct endpoint *endpoint, const struct fleet_context *context);
/* Tries again, at the end of the round, to bind what another API's place was in the way of. */
void endpoint_bind_contended(struct endpoint *endpoint);
void endpoint_bind_cancel(struct endpoint *endpoint);

/* endpoint_look.c */
/* Lists all that stands here, then decides about every slot, some in each round of the loop; until
 * then the endpoint is OBSERVING. */
void look_start(struct endpoint *endpoint);
void look_cancel(struct endpoint *endpoint);
/* What one definition says about a slot. */
void look_found(struct endpoint *endpoint, struct slot *slot, enum plan_found found,
                const struct marker *marker, const struct definition *definition);
void look_absent(struct endpoint *endpoint, struct slot *slot);
/* Reads a by-id answer into the slot; false: it is not the answer of a gateway, or the endpoint
 * must be observed to tell. */
bool look_read(struct endpoint *endpoint, struct slot *slot, enum api_family form,
               const struct gateway_answer *answer);
/* Decides what the slot needs and puts it into the list for that; may drop it. */
void look_decide(struct endpoint *endpoint, struct slot *slot);
/* The same after something about its place has changed. */
void look_reconsider(struct endpoint *endpoint, struct slot *slot);
/* The API's definition is written here: what else of it stands here, and has to go with the same
 * reload? May drop slots, but not the one that is written. */
void look_moved(struct endpoint *endpoint, const struct api *api);
/* Lets orphans go that may. */
void look_collect(struct endpoint *endpoint);

/* endpoint_glance.c */
/* Before a reload at the start or after a failure: may a Classic definition stand beside the file
 * of the OAS one that it has replaced? Pushes what has to be pushed for that, and goes on to the
 * reload. */
void glance_step(struct endpoint *endpoint);

/* endpoint_push.c */
void push_begin(struct endpoint *endpoint);
void push_step(struct endpoint *endpoint);
void push_done(struct endpoint *endpoint); /* tells about the batch, if there was one */
void reload_step(struct endpoint *endpoint);
/* Would most of what is queued have to be looked at first? */
bool push_wants_look(const struct endpoint *endpoint);

/* endpoint_write.c: one POST or DELETE, and what its answer means */
void write_post(struct endpoint *endpoint, struct job *job, struct slot *slot, struct bytes *body);
void write_delete(struct endpoint *endpoint, struct job *job, struct slot *slot,
                  enum job_kind kind);

/* endpoint_job.c: requests in flight, and what has failed */
struct job *job_free_one(struct endpoint *endpoint); /* NULL: all are busy */
size_t jobs_active(const struct endpoint *endpoint);
void jobs_cancel(struct endpoint *endpoint);
void job_cancel_of(struct endpoint *endpoint, const struct slot *slot);
/* Frees the job and returns what it was about. */
struct slot *job_end(struct job *job, struct endpoint **ret_endpoint);
/* Puts the slot to rest: for long where only another document can help, else longer each time. */
void slot_fail(struct endpoint *endpoint, struct slot *slot, enum slot_fault fault, long status);

/* endpoint_verify.c */
void verify_begin(struct endpoint *endpoint);
void verify_step(struct endpoint *endpoint);
/* The slot was written, and what stands there now has been read; may drop it. True: it is there,
 * but another definition has its path: look_moved() is to follow. */
bool verify_slot(struct endpoint *endpoint, struct slot *slot);

/* endpoint_obstacle.c */
/* The slot has FAILED because another definition has its listen path: when is it tried again? */
void obstacle_met(struct endpoint *endpoint, struct slot *slot);
/* The lists have been read since. */
void obstacle_looked_for(struct slot *slot);
/* Something that stood here may be gone: what waits for that is tried again. */
void obstacles_review(struct endpoint *endpoint);
/* Reads somebody else's definition that is in our way, now and then; false: another is to be read
 * this time. */
bool obstacle_spot(struct endpoint *endpoint);

/* endpoint_spot.c */
void spot_start(struct endpoint *endpoint);
void spot_end(struct endpoint *endpoint);
/* What was there is not. A gateway that is used although it says that it is not ready (it has no
 * Redis) may have been restarted, and be loading what is on its disk: it has its time again. */
void spot_lost(struct endpoint *endpoint);
/* What was read is not what was written: may it be a load balancer? */
void spot_suspect(struct endpoint *endpoint, const struct slot *slot);
void spot_clear(struct endpoint *endpoint);
