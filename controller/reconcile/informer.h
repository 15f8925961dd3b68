/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/cache.h"
#include "ports/loop.h"
#include "ports/object_source.h"

/*
 * Turns what a source tells into a cache and into changes: complete lists are collected aside and
 * compared, deletions and re-creations are told apart by uid, older versions never replace newer
 * ones. All of it runs in slices, so that a list of any length blocks nothing.
 */
struct informer;
struct packing;

struct informer_callbacks {
    /* An object is new (before NULL), changed, or gone (after NULL). A re-creation is told as gone,
     * then new. The cache has it already. */
    void (*changed)(void *arg, const struct object *before, const struct object *after);
    /* A complete list of the kind has been applied, or its watch was resumed after trouble (each
     * time): absence from the cache means absence from the world again. */
    void (*listed)(void *arg, enum object_kind kind);
    /* The kind cannot be listed or followed now; told when it begins and when the reason changes.
     */
    void (*trouble)(void *arg, enum object_kind kind, const struct err *err);
    /* A followed thing is known now to be missing, or to be empty (what is there is told by
     * changed()). */
    void (*missing)(void *arg, enum object_kind kind, const char *key);
};

/* `source` stays the caller's and must outlive the informer; so does `packing` (NULL: none), which
 * gets every object that comes. */
struct informer *informer_new(struct loop *loop, struct object_source *source,
                              struct packing *packing, const struct informer_callbacks *callbacks,
                              void *arg);
void informer_free(struct informer *informer);
/* Starts to list and follow. Callbacks come from the loop. */
void informer_start(struct informer *informer, const enum object_kind *kinds, size_t count);

const struct cache *informer_cache(const struct informer *informer);
/* Has the kind been listed completely, at least once? */
bool informer_is_complete(const struct informer *informer, enum object_kind kind);
/* Does absence from the cache mean absence from the world? Not while the kind has trouble (not
 * permitted, no such CRD, connection lost): then it only means that we do not know. */
bool informer_proves_absence(const struct informer *informer, enum object_kind kind);
/* Did what has gone of the kind up to `since` (loop time) go by itself, not with the kind? False:
 * not known yet, ask again a little later. */
bool informer_proves_deletion(const struct informer *informer, enum object_kind kind,
                              int64_t since);
/* Why not, or NULL. */
const struct err *informer_trouble(const struct informer *informer, enum object_kind kind);
bool informer_watches(const struct informer *informer, const char *ns);

/* What is told of the kind may not be how it is: it is listed anew. If that list shows that
 * versions have gone back, all other kinds are listed anew as well. */
void informer_suspect(struct informer *informer, enum object_kind kind);

/* Secrets and ConfigMaps: read them from now on (nothing happens when they are followed already),
 * or no longer (the cached object goes without a callback). */
void informer_follow(struct informer *informer, enum object_kind kind, const char *key);
void informer_unfollow(struct informer *informer, enum object_kind kind, const char *key);
/* The same for all that is followed, Services and their slices too. */
void informer_unfollow_all(struct informer *informer);
/* Is it cached, or known to be missing? */
bool informer_is_known(const struct informer *informer, enum object_kind kind, const char *key);
/* Why a followed object is missing (NOT_FOUND, DENIED), or NULL. */
const struct err *informer_missing(const struct informer *informer, enum object_kind kind,
                                   const char *key);

/* An object as a write of ours left it: applied at once, so that the next look sees it. Unless it
 * is gone: the answer to a write may come after the watch has told the deletion that it caused. */
void informer_put(struct informer *informer, const struct object *object);
