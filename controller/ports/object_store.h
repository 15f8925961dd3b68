/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "core/object.h"

/*
 * Where results are written: the Kubernetes API (kube/) or the state folder (dir/). Each write
 * starts and is answered once by `done`, never before it returns, unless cancelled. Error classes:
 * CONFLICT (the object has changed since `object` was read: look again), NOT_FOUND (it is gone:
 * drop it), INVALID (the server refuses this write: repeating it cannot help), TOO_LARGE (the
 * object would be larger than the server stores), DENIED, TRANSIENT.
 */
struct object_store;
struct store_call;

/* `object` (borrowed) is the object after the write; NULL when err is set. */
typedef void store_done_fn(void *arg, const struct object *object, const struct err *err);

/* What a write changes of the object itself (not of its status). */
struct object_change {
    const char *add_finalizer;            /* NULL: none */
    const char *const *remove_finalizers; /* NULL behind the last; NULL: none */
    const char *annotation;               /* name; NULL: none */
    const char *annotation_value;         /* NULL: the annotation is removed */
    /* Members of the spec, as JSON patch (RFC 6902) operations that begin with `test`s: the rewrite
     * of a converted reference. ptr NULL: none. A failed test is CONFLICT. */
    struct span spec_patch;
};

enum event_type { EVENT_NORMAL, EVENT_WARNING };

struct object_store_ops {
    /* Sets the whole status, on condition that the object is still what `object` says
     * (resourceVersion and uid). `status` is JSON text, copied. */
    struct store_call *(*write_status)(struct object_store *store, const struct object *object,
                                       struct span status, store_done_fn *done, void *arg);
    /* Changes the object, on the same condition. */
    struct store_call *(*change)(struct object_store *store, const struct object *object,
                                 const struct object_change *change, store_done_fn *done,
                                 void *arg);
    void (*cancel)(struct object_store *store, struct store_call *call);
    /* Tells people, best effort: aggregated, bounded, never waited for. `reason` CamelCase, `note`
     * at most 1,024 bytes, without secrets. */
    void (*event)(struct object_store *store, const struct object *object, enum event_type type,
                  const char *reason, const char *note);
    /* Can objects carry finalizers, annotations and spec patches here? A folder's files are never
     * edited: there, change() is not called. */
    bool (*can_change)(const struct object_store *store);
    void (*free)(struct object_store *store);
};

struct object_store {
    const struct object_store_ops *ops;
};
