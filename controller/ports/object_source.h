/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "core/object.h"

/*
 * Where objects come from: the Kubernetes API (kube/) or a folder (dir/). A source tells its sink
 * the state of the world, again and again; it keeps no store. All calls to the sink come from the
 * loop.
 *
 * Kinds are listed and then followed. Secrets and ConfigMaps are different: only those that
 * follow() named are read (by get, in Kubernetes), each told by put() or missing().
 */
struct object_sink {
    /* A complete list of a kind begins: until end(), put() adds to it, and nothing of it counts. */
    void (*begin)(void *arg, enum object_kind kind);
    /* An object as it is now. Borrowed: the sink takes its own reference. */
    void (*put)(void *arg, const struct object *object);
    /* The same, outside of a list of the whole kind, by a complete one of a part of it (a
     * namespace): the truth even where it looks older than what was told before. */
    void (*put_listed)(void *arg, const struct object *object);
    /* Seen to be deleted. `uid` is of the incarnation that went; NULL when unknown. */
    void (*gone)(void *arg, enum object_kind kind, const char *key, const char *uid);
    /* The list is complete and consistent: what it did not hold does not exist. */
    void (*end)(void *arg, enum object_kind kind);
    /* The list broke off, or the kind cannot be listed or followed now (err says why: DENIED,
     * NOT_FOUND: no such CRD, TRANSIENT). What is known stays; absence proves nothing until the
     * next end() or resumed(). Repeated for each failed attempt; a watch that ends as watches do is
     * no trouble. */
    void (*trouble)(void *arg, enum object_kind kind, const struct err *err);
    /* After trouble: the kind is followed again from where it was, nothing was missed. */
    void (*resumed)(void *arg, enum object_kind kind);
    /* A followed Secret or ConfigMap: it does not exist (NOT_FOUND) or may not be read (DENIED). A
     * passing failure is not told: what is known stays. */
    void (*missing)(void *arg, enum object_kind kind, const char *key, const struct err *err);
    /* What follow(kind, key) named has been told whole: its objects by put(), or there is none.
     * Told after each complete reading; for EndpointSlices, where `key` is the Service's. */
    void (*followed)(void *arg, enum object_kind kind, const char *key);
};

struct object_source;

struct object_source_ops {
    /* Starts to list and follow `kinds`. Once. */
    void (*start)(struct object_source *source, const enum object_kind *kinds, size_t count,
                  const struct object_sink *sink, void *arg);
    /* Reads this Secret, ConfigMap or Service, or (EndpointSlices) all of the Service `key`, now
     * and whenever it may have changed, until unfollow(). Calls may be repeated; they do not nest.
     */
    void (*follow)(struct object_source *source, enum object_kind kind, const char *key);
    void (*unfollow)(struct object_source *source, enum object_kind kind, const char *key);
    /* Something suggests that the kind (also one that is followed by name) is not as was told, and
     * that nothing will be told of it: a store restored from a backup. It is read anew soon, at
     * most once a minute. */
    void (*relist)(struct object_source *source, enum object_kind kind);
    /* Has the kind itself (its CRD) been seen to stand, not going, by a look that began after
     * `since` (loop time)? Then what had gone of it by then was deleted by itself. False: it is
     * looked at now; ask again a little later. True where there is no such look. */
    bool (*stands)(struct object_source *source, enum object_kind kind, int64_t since);
    /* Is the namespace among those that are watched? */
    bool (*watches)(const struct object_source *source, const char *ns);
    /* Cancels everything and frees the source. */
    void (*free)(struct object_source *source);
};

struct object_source {
    const struct object_source_ops *ops;
};
