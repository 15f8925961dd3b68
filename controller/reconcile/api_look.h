/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/api_status.h"
#include "reconcile/state.h"

/* What one look has found; lives on the stack. */
struct api_look {
    struct reconciler *reconciler;
    struct api_state *state;
    const struct object *api;
    const struct object *config_map;
    struct context context;                    /* of an OperatorContext */
    const struct gateway_abilities *abilities; /* NULL: it is unknown or does not permit us */
    const char *context_key;                   /* "" is the default one */
    struct accepted *accepted;                 /* as the status has it */
    struct resolution resolution;
    bool unread;  /* a Secret or ConfigMap that it needs has not been read yet */
    bool stalled; /* nothing new may be pushed */
    bool held;    /* first push, a reference is missing, the grace runs */
};

/* api_report.c */
/* Appends the status as it should be now. `progress` is NULL when nothing is known of the
 * gateways; the conditions that it holds are put into *ret_conditions as well. */
void api_build_status(const struct api_look *look, const struct gateway_progress *progress,
                      struct conditions *ret_conditions, struct buf *out);
/* Writes the status if it is not what it should be, and if it is time to; true: it does. */
bool api_report(struct api_look *look);
