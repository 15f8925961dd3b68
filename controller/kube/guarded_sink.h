/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "ports/object_source.h"

/*
 * Stands between the reflectors of a kind and the sink: while the CRD of the kind cannot be looked
 * at, nobody knows whether an object has been deleted or goes with it, so the kind is in trouble
 * whatever the reflectors say. What they tell is passed on.
 */
struct guarded_sink {
    /* set by guarded_sink_init(), not changed after */
    const struct object_sink *sink;
    void *arg;
    enum object_kind kind;
    /* progress */
    bool is_blind;
    struct err why;
    bool is_listing;
    bool is_troubled; /* by the word of the reflectors */
};

void guarded_sink_init(struct guarded_sink *guarded, enum object_kind kind,
                       const struct object_sink *sink, void *arg);
/* What the reflectors tell, with the guarded sink as `arg`. */
extern const struct object_sink guarded_sink_port;
/* The CRD cannot be looked at (err says why; repeated for each failed attempt), or can again: NULL.
 * In the middle of a list that is told when the list has ended. */
void guarded_sink_set_blind(struct guarded_sink *guarded, const struct err *err);
/* The reflectors are gone, and new ones list anew. */
void guarded_sink_restart(struct guarded_sink *guarded);
