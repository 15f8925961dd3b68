/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What sim_store.c and sim_write.c share. Nothing else includes it. */

#include "base/strmap.h"
#include "sim/sim_store.h"

struct sim_store {
    struct sim_time *time;
    int64_t wall_start;
    int64_t revision;
    int64_t compacted;
    uint64_t next_uid;
    unsigned restores;
    struct strmap *objects[SIM_KIND_COUNT];
    struct sim_change *changes;
    size_t change_count;
    size_t change_capacity;
    struct strmap *past; /* "kind ns/name revision" of changes that are forgotten; a set */
    struct {
        sim_change_fn *fn;
        void *arg;
    } listeners[4];
    size_t listener_count;
    struct sim_object *answered; /* what the last removal of a finalizer left, for its answer */
};

struct sim_commit {
    enum sim_actor actor;
    unsigned kind;
    bool of_status;
    const struct sim_object *before; /* NULL: created */
    json_t *tree;                    /* stolen; NULL: deleted */
};
/* Returns owned; steals the tree, which may share its members with others. */
struct sim_object *sim_object_make(unsigned kind, json_t *tree, int64_t revision);
/* Returns borrowed: the object; NULL when it was deleted. */
const struct sim_object *sim_store_commit(struct sim_store *store, const struct sim_commit *commit);
