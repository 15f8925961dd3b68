/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"
#include "base/seal.h"
#include "config.h"
#include "ports/http.h"
#include "ports/loop.h"
#include "ports/object_source.h"
#include "ports/object_store.h"

struct packing;

/*
 * Where objects come from and results go: a cluster or a folder, behind one face, with what belongs
 * to it: an identity, a key for sealing, a namespace of our own. The two makers are world_kube.c
 * and world_dir.c.
 */
struct world {
    const struct world_ops *ops;
    /* Set when it is ready. */
    struct object_source *source;
    struct object_store *store;
    struct seal_key seal_key;
    char *cluster; /* tells clusters (and state folders) apart on one gateway */
    char *own_ns;
};

struct world_ops {
    void (*free)(struct world *world);
};

/* `err` NULL: ready. Called once from the loop, never after world_free(). */
typedef void world_ready_fn(void *arg, const struct err *err);

/* Both return owned, or NULL with *err set when it cannot work at all (exit code 2). Everything is
 * borrowed. What fails for a time is tried again, and logged. */
struct world *world_open_kube(struct loop *loop, struct http *http, const struct config *config,
                              world_ready_fn *ready, void *arg, struct err *err);
struct world *world_open_dir(struct loop *loop, const struct config *config,
                             struct packing *packing, world_ready_fn *ready, void *arg,
                             struct err *err);
/* Cancels what is in flight. NULL is fine. */
void world_free(struct world *world);
