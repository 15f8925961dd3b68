/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the files of the oracle share. Nothing else includes it. */

#include <stdio.h>

#include "base/strmap.h"
#include "sim/sim_oracle.h"
#include "sim/sim_truth.h"

#define SECONDS INT64_C(1000000)
/* What the operator may take to see a change that nothing delays. */
#define SIM_VIEW_AGE (60 * SECONDS)

/* The last copy of a reference that was written. */
struct sim_copy_track {
    bool converted;
    char *webhook_uid;
    char *webhook_key;
    json_t *call;
};

/* What was pushed to one place last. */
struct sim_push {
    int64_t version;
    unsigned number; /* of the process */
    unsigned incarnation;
    int64_t leads_since; /* sim.h */
};

/* What has been seen of one ApiDefinition, by uid. */
struct sim_api_track {
    char *key;
    struct strmap *copies; /* ref → struct sim_copy_track: as the status has them now */
    struct strmap *known;  /* "ref call": every copy that was ever written */
    struct strmap *pushed; /* "gateway id" → struct sim_push */
    char *place;           /* "context id" that it wants */
    int64_t place_since;
    int64_t since;     /* its creation, as far as is known */
    bool was_resolved; /* a status has said so */
    bool is_stripped;  /* somebody else has taken our finalizer off */
};

struct sim_foreign_track {
    json_t *document;
    int64_t since;
    bool was_ours; /* the id has been ours on this gateway */
};

struct sim_pod_track {
    const struct sim_pod *pod;
    int64_t disturbed_at;
    struct strmap *foreign; /* id → struct sim_foreign_track */
    struct strmap *ours;    /* ids that have borne our marker */
    struct strmap *strays;  /* ids whose file of another form may stay behind */
    struct strmap *owed;    /* ids with a file of another form when a process was killed */
    struct strmap *unheard; /* ids whose deletion was answered, and last of all not done */
    struct strmap *unseen;  /* ids that were posted, and not loaded, when etcd was restored */
    struct strmap *meddled; /* ids of ours that somebody has edited or deleted */
};

/* What one process has underway to one gateway. */
struct sim_flight {
    unsigned posts;
    unsigned oas_posts;
    unsigned deletes;
    unsigned reloads;
    unsigned oas_reads;
};

struct sim_oracle {
    struct sim *sim;
    struct strmap *apis;             /* uid → struct sim_api_track */
    struct strmap *known_before;     /* "uid ref call": copies that a restore has taken away */
    struct strmap *webhooks;         /* uids of all that have ever been */
    struct strmap *deleted_webhooks; /* uid → int64_t: since when */
    struct strmap *gone_with_crd;    /* uids, while their CRD goes */
    struct strmap *denials;          /* "uid ns": the Webhook has not let the namespace in */
    bool ignored[SIM_KIND_COUNT];
    struct sim_pod_track pods[SIM_PODS_MAX];
    size_t pod_count;
    int64_t api_disturbed_at;
    int64_t restored_at;
    int64_t killed_at;
    int64_t resumed_at; /* when a process went on that was stopped */
    unsigned kills;
    int64_t config_maps_changed;
    struct strmap *flights; /* "client host" → struct sim_flight */
    struct strmap *asked;   /* "client method path" → count, of this window */
    int64_t window;
    uint64_t writes;
    uint64_t requests;
    uint64_t trap; /* 0: none */
    bool trap_is_after;
    bool trap_is_of_requests;
    void (*trap_fn)(void *arg, const char *client);
    void *trap_arg;
    FILE *log; /* what the controller's log writes to */
    char *log_text;
    size_t log_length;
    FILE *real_stderr;
};

/* sim_oracle_store.c */
void sim_oracle_on_change(void *arg, const struct sim_change *change);
/* A Webhook is gone, as anybody can see from now on. */
void sim_oracle_note_deletion(struct sim_oracle *oracle, const char *uid);
void sim_oracle_note_place(struct sim_oracle *oracle, const struct sim_object *api);
/* The copies that its status has, wherever they are from. */
void sim_oracle_note_copies(struct sim_oracle *oracle, const struct sim_object *api);
struct sim_api_track *sim_oracle_track(struct sim_oracle *oracle, const char *uid, const char *key);
void sim_api_track_free(void *value);
/* What the operator sees may be of before a restore: the store was set back, or its servers were
 * disturbed, a short while ago. */
bool sim_oracle_may_be_of_before(const struct sim_oracle *oracle);
/* "ref call" with the call's suspension left out. Owned. */
char *sim_copy_print(const char *ref, const json_t *call);
/* A file of another form that a process owes to this object: it may stay. */
void sim_oracle_note_owed(struct sim_oracle *oracle, const struct sim_object *api);
/* sim_oracle_gateway.c */
extern const struct sim_gateway_watcher sim_oracle_gateway_watcher;
/* Is whoever has pushed it last gone, or does not lead any more? */
bool sim_oracle_is_left(const struct sim_oracle *oracle, const struct sim_push *push);
/* Nothing tells any more of what is posted and not loaded. */
void sim_oracle_note_unseen(struct sim_oracle *oracle);
/* Our marker on a document, NULL: it is somebody else's. */
const json_t *sim_oracle_our_marker(const struct sim_oracle *oracle, const json_t *document,
                                    bool oas);
struct sim_pod_track *sim_oracle_pod(struct sim_oracle *oracle, const struct sim_gateway *gateway);
/* Can what it wants be pushed, as far as its spec and its context go? */
bool sim_oracle_is_good(struct sim_oracle *oracle, const struct sim_object *api);
/* Its document is in a ConfigMap that has changed lately. */
bool sim_oracle_may_be_old(const struct sim_oracle *oracle, const char *key);
void sim_foreign_track_free(void *value);
/* sim_oracle_gateway.c */
void sim_oracle_note_owed_files(struct sim_oracle *oracle);
/* sim_oracle_net.c */
extern const struct sim_net_watcher sim_oracle_net_watcher;
/* sim_rest*.c: true: fine. */
bool sim_rest_apis(struct sim_oracle *oracle, struct buf *why);
bool sim_rest_gateways(struct sim_oracle *oracle, struct buf *why);
bool sim_rest_others(struct sim_oracle *oracle, struct buf *why);
/* Does another valid API of the context want or hold what this one wants, or a foreign definition
 * on one of its gateways? */
bool sim_rest_is_contested(struct sim_oracle *oracle, const struct sim_wish *wish);
/* The same of the place that its status says it has. What was wanted last stays in force there
 * while the object names a context that is missing or does not let it in, and the gateways are no
 * more exact for that. */
bool sim_rest_is_held_up(struct sim_oracle *oracle, const struct sim_object *api);
/* The same of what was pushed last of an API that cannot be pushed any more: before it is verified,
 * no status tells of the place. And what somebody edits before that is tried again with the next
 * look at everything. */
bool sim_rest_is_kept_and_disturbed(struct sim_oracle *oracle, const struct sim_wish *wish);
