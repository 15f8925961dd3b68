/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "base/seal.h"
#include "config.h"
#include "kube/kube_requests.h"
#include "ports/http.h"
#include "ports/leadership.h"
#include "ports/loop.h"
#include "ports/object_source.h"
#include "ports/object_store.h"

struct packing;

/*
 * Where objects come from and results go: a cluster or a folder, behind one face, with what belongs
 * to it: an identity, a key for sealing, a namespace of our own, and who may write. The two makers
 * are world_kube.c and world_dir.c.
 */
struct world {
    const struct world_ops *ops;
    /* Set when it is ready. */
    struct object_source *source;
    struct seal_key seal_key;
    char *cluster; /* tells clusters (and state folders) apart on one gateway */
    char *own_ns;
    /* NULL: there is nobody else who could write. */
    const struct leadership *leadership;
    /* Set from leading() until lost() has returned. */
    struct object_store *store;
};

typedef void world_released_fn(void *arg);

/* For metrics. */
struct world_figures {
    const char *lease; /* its name; NULL: no election */
    bool leads;
    uint64_t lease_slow_paths;            /* renewals that had to read first */
    const struct kube_requests *requests; /* NULL: there is no API server */
};

struct world_ops {
    void (*free)(struct world *world);
    /* The rest may be NULL. */
    /* Lets others lead; nothing of ours may write any more. `done` comes once from the loop, after
     * a few seconds at the latest; no other callback comes after this call. */
    void (*release)(struct world *world, world_released_fn *done, void *arg);
    /* NULL when it is well, else what is not as it should be. */
    const char *(*complaint)(const struct world *world);
    void (*figures)(const struct world *world, struct world_figures *ret_figures);
    /* What keeps it from being whole until somebody mends it, so that nothing counts as gone;
     * NULL: nothing does. Valid until the next round of the loop. */
    const char *(*fault)(const struct world *world);
    /* Why it is not ready yet. */
    const char *(*waits_for)(const struct world *world);
};

/* All come from the loop, none after world_free(), which none may call. */
struct world_callbacks {
    /* `err` NULL: ready. Once. */
    void (*ready)(void *arg, const struct err *err);
    /* This process may write, until lost(). Where there is nobody else, right after ready(). */
    void (*leading)(void *arg);
    /* Another may write soon. When this returns, nothing of ours may be on its way, nor begin. */
    void (*lost)(void *arg);
};

/* Both return owned, or NULL with *err set when it cannot work at all (exit code 2). Everything is
 * borrowed, `callbacks` copied. What fails for a time is tried again, and logged. */
struct world *world_open_kube(struct loop *loop, struct http *http, const struct config *config,
                              const struct world_callbacks *callbacks, void *arg, struct err *err);
struct world *world_open_dir(struct loop *loop, const struct config *config,
                             struct packing *packing, const struct world_callbacks *callbacks,
                             void *arg, struct err *err);
/* Cancels what is in flight. NULL is fine. */
void world_free(struct world *world);
