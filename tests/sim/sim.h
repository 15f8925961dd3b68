/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "sim/sim_api.h"
#include "sim/sim_gateway.h"
#include "sim/sim_json.h"
#include "sim/sim_net.h"
#include "sim/sim_operator.h"
#include "sim/sim_random.h"
#include "sim/sim_store.h"
#include "sim/sim_time.h"

/*
 * A whole cluster: API servers, gateways, one or two processes of the controller, and a watcher who
 * knows the truth. All that happens follows from the seed and from what the caller does.
 *
 * Namespaces: kube-system, grapnel (the operator's), tyk (Services and contexts), a and b (APIs and
 * Webhooks). Groups of gateways: "gateway", which the default context follows, and "edge", for
 * OperatorContexts.
 */
struct sim_oracle;

#define SIM_GROUPS 2
enum sim_group { SIM_DEFAULT, SIM_EDGE };
extern const char *const sim_group_names[SIM_GROUPS];

#define SIM_PODS_MAX 16
struct sim_pod {
    struct sim_gateway *gateway;
    enum sim_group group;
    char *name;
    char *uid;
    char *ip;
    bool ready;
    bool terminating;
    bool gone; /* not in the slices any more, and not reachable */
};

#define SIM_OPERATORS_MAX 2
#define SIM_TOKEN "operator-token"
#define SIM_WALL_START INT64_C(1767225600)
extern const char *const sim_secrets[SIM_GROUPS]; /* X-Tyk-Authorization */

struct sim_options {
    uint64_t seed;
    unsigned pods[SIM_GROUPS];
    bool namespaced;    /* the operator watches only grapnel, tyk, a and b */
    bool fixed;         /* the default context has URLs, not a Service */
    bool elect;         /* two processes, of which one leads */
    int64_t clock_rate; /* of the second one's clock, in thousandths; 0: 1000 */
    unsigned page_max;
    size_t open_max; /* of the operator */
    bool splits;
    uint32_t slow_permille;
    int64_t rewrite_delay_ms;
    bool story; /* remember what happens, for people */
    bool without_oracle;
};

struct sim {
    struct sim_options options;
    struct sim_time *time;
    struct sim_net *net;
    struct sim_store *store;
    struct sim_api *api;
    struct sim_pod pods[SIM_PODS_MAX];
    size_t pod_count;
    unsigned next_pod;
    struct sim_operator *operators[SIM_OPERATORS_MAX];
    int64_t leads_since[SIM_OPERATORS_MAX]; /* by its own account; -1: it does not */
    char *urls[SIM_PODS_MAX + 1];           /* of the default context, where they are fixed */
    struct sim_oracle *oracle;
    struct sim_backup *backup;
    int64_t restart_ms; /* after a crash that a write sets off */
    struct buf story;
    bool failed;
    char oracle_name[32];
    char failure[2048];
};

struct sim *sim_new(const struct sim_options *options);
void sim_free(struct sim *sim);

/* Lets time pass; ends at the first failure. */
void sim_run(struct sim *sim, int64_t ms);

/* What went wrong: the first thing counts. `oracle` names the rule. */
void sim_fail(struct sim *sim, const char *oracle, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* A line of the story; costs nothing when nobody listens. */
void sim_say(struct sim *sim, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Processes. */
void sim_start(struct sim *sim, unsigned operator_number);
void sim_kill(struct sim *sim, unsigned operator_number);
/* Starts all that should run. */
void sim_start_all(struct sim *sim);
/* The number of the process of this name. */
unsigned sim_number_of(const char *operator_name);
/* The one that leads; the first, when none does. */
unsigned sim_leader(const struct sim *sim);

/* Pods. Returns borrowed, valid for ever. */
struct sim_pod *sim_add_pod(struct sim *sim, enum sim_group group);
void sim_remove_pod(struct sim *sim, struct sim_pod *pod);
/* Writes the EndpointSlices of a group as its pods are. */
void sim_write_slices(struct sim *sim, enum sim_group group);
/* The n-th pod of a group that is not gone, modulo their number; NULL: there is none. */
struct sim_pod *sim_pod_of(struct sim *sim, enum sim_group group, unsigned number);

/* Users: as kubectl apply (what is not given stays; null removes) and delete. `text` is an object
 * with 'single quotes'. Returns the HTTP status. */
long sim_apply(struct sim *sim, const char *text);
long sim_apply_tree(struct sim *sim, json_t *tree);
long sim_delete(struct sim *sim, unsigned kind, const char *key);
/* The object's tree; NULL when absent. Borrowed until the next change. */
const json_t *sim_get(const struct sim *sim, unsigned kind, const char *key);
/* The reason of a condition, "" when absent; "True" and the like is its status. */
const char *sim_reason(const struct sim *sim, unsigned kind, const char *key,
                       const char *condition);
const char *sim_condition(const struct sim *sim, unsigned kind, const char *key,
                          const char *condition);
