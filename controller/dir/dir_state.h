/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/seal.h"
#include "core/object.h"

/*
 * The state folder: what a cluster would remember of the objects of a folder. Below its path:
 *   lock       held while a process uses it
 *   id         32 hex digits, made once: what a cluster's uid is
 *   seal.key   the key of sealed values, mode 0600
 *   .gitignore made when it is not there: nothing of this belongs in a repository
 *   status/KIND.NAMESPACE.NAME.yaml   generation, creation time and status of an object
 * It also holds the objects as they are now: a manifest, its status and generation in one.
 */
struct dir_state;

/* Opens the folder, and makes it when it is not there. -1: it cannot be used (ERR_CONFLICT: another
 * process uses it); the message names the path and the remedy. */
int dir_state_open(const char *path, struct dir_state **ret_state, struct err *err) MUST_CHECK;
void dir_state_free(struct dir_state *state);
void dir_state_freep(struct dir_state **state);

/* Borrowed. */
const char *dir_state_path(const struct dir_state *state);
const char *dir_state_id(const struct dir_state *state);
const struct seal_key *dir_state_seal_key(const struct dir_state *state);
/* Is this the state folder itself? (It may lie among the manifests.) */
bool dir_state_is(const struct dir_state *state, const char *path);

/* The object as it is now, or (the last one that the schema accepted) as it was; NULL: not known.
 * Borrowed until the next change. */
const struct object *dir_state_get(const struct dir_state *state, enum object_kind kind,
                                   const char *key);
const struct object *dir_state_accepted(const struct dir_state *state, enum object_kind kind,
                                        const char *key);

/* A manifest has been read: joins it with what is remembered of the object (its status, generation
 * and creation time; the manifest's own are dropped). The generation goes up when the content has
 * changed. `now` is the wall time, for an object that is new. Returns it borrowed. */
const struct object *dir_state_put(struct dir_state *state, const struct object *manifest,
                                   int64_t now);
/* The same object with another problem (NULL: none): its file cannot be read any more, or it stands
 * twice. Borrowed; NULL when the object is not known. */
const struct object *dir_state_set_problem(struct dir_state *state, enum object_kind kind,
                                           const char *key, const char *problem);
/* The object is gone: forgets it and its status. */
void dir_state_remove(struct dir_state *state, enum object_kind kind, const char *key);

/* Calls fn for each object that has a status file and is not known: it went while nobody looked. It
 * may be removed by dir_state_remove() from within fn. */
typedef void dir_state_lost_fn(void *arg, enum object_kind kind, const char *key);
void dir_state_visit_lost(struct dir_state *state, dir_state_lost_fn *fn, void *arg);

/*
 * Writing statuses, in three steps, so that one flush of the disk serves many: begin for each,
 * then finish for each, then sync once.
 */
struct dir_write;
/* Writes the new status beside the old one. NULL with *err set: NOT_FOUND, CONFLICT (`object` is
 * not the object as it is now), INVALID (no JSON object), TRANSIENT. */
struct dir_write *dir_write_begin(struct dir_state *state, const struct object *object,
                                  struct span status, struct err *err);
/* Puts it in the old one's place. Borrowed: the object with the new status; NULL with *err set.
 * Frees the write. */
const struct object *dir_write_finish(struct dir_write *write, struct err *err);
void dir_write_abort(struct dir_write *write);
void dir_state_sync(struct dir_state *state);
