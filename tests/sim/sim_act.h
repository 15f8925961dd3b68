/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "sim/sim.h"

/*
 * What users, the cluster and misfortune do. Each action is made of a salt alone, and does nothing
 * where what it is about is not there: so any of them can be left out of a plan.
 */
enum sim_action {
    /* users */
    SIM_PUT_API,
    SIM_DELETE_API,
    SIM_BREAK_API, /* takes its spec back to an earlier version, or spoils it, in place */
    SIM_PUT_WEBHOOK,
    SIM_DELETE_WEBHOOK,
    SIM_REPLACE_WEBHOOK, /* deleted and created again in one go */
    SIM_PERMIT,          /* another allowedNamespaces */
    SIM_PUT_SECRET,
    SIM_DELETE_SECRET,
    SIM_PUT_CONTEXT,
    SIM_DELETE_CONTEXT,
    SIM_LABEL_NAMESPACE,
    SIM_STRIP_FINALIZERS,
    SIM_HOLD_API,     /* somebody else's finalizer, for a while */
    SIM_RECREATE_API, /* restored from a manifest: no status, another uid, annotations kept */
    SIM_FOREIGN,
    SIM_EDIT_DEFINITION, /* somebody edits what we have pushed */
    SIM_DROP_DEFINITION,
    /* scaling */
    SIM_ADD_POD,
    SIM_REMOVE_POD,
    SIM_FLIP_POD, /* not ready, for a while */
    SIM_LAST_USER_ACTION = SIM_FLIP_POD,
    /* the cluster */
    SIM_DELETE_NAMESPACE,
    SIM_CYCLE_CRD, /* the CRD of Webhooks goes, with all of them, and comes back */
    SIM_BACK_UP,
    SIM_RESTORE,
    SIM_LAST_CLUSTER_ACTION = SIM_RESTORE,
    /* misfortune, for a while */
    SIM_API_DOWN,
    SIM_API_HANGS,
    SIM_API_CHAOS,
    SIM_API_FREEZE,
    SIM_API_SWITCH,
    SIM_API_RESTART,
    SIM_API_COMPACT,
    SIM_API_END_WATCHES,
    SIM_API_DENY,
    SIM_API_LAG,
    SIM_TOKEN_EXPIRES,
    SIM_GATEWAY_DOWN,
    SIM_GATEWAY_HANGS,
    SIM_GATEWAY_CHAOS,
    SIM_GATEWAY_RESTART,
    SIM_GATEWAY_EMPTY,
    SIM_GATEWAY_RESTORE,
    SIM_GATEWAY_NEVER_READY,
    SIM_GATEWAY_DEAF,
    SIM_GATEWAY_SECRET,
    SIM_CRASH,
    SIM_CRASH_AT_WRITE,
    SIM_STOP,
    SIM_CLOCK,
    SIM_ACTION_COUNT
};

struct sim_step {
    enum sim_action action;
    int64_t at_ms;
    int64_t lasts_ms; /* misfortune; 0: a moment */
    uint64_t salt;
    unsigned version; /* of what is written */
    unsigned scope;   /* SIM_FEW_…, sim_make.h */
    bool is_left_out;
};

/* Returns the pod that it strikes, if it is about one: pods come and go until it ends. */
struct sim_pod *sim_step_begin(struct sim *sim, const struct sim_step *step);
void sim_step_end(struct sim *sim, const struct sim_step *step, struct sim_pod *pod);
/* "ns/name" of the object that it is about; NULL: none, or not one alone. Static text. */
const char *sim_step_key(const struct sim_step *step);
/* For people. */
void sim_step_describe(const struct sim_step *step, struct buf *out);
/* Ends all misfortune, and gives back what is needed for rest. */
void sim_heal(struct sim *sim);
