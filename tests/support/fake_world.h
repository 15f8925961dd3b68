/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "ports/loop.h"
#include "ports/object_source.h"
#include "ports/object_store.h"

/*
 * An API server in memory, as a source and a store (ports/object_source.h, object_store.h): objects
 * with uids, resourceVersions and generations; what changes is told to the sink as a watch would.
 * Time is the fake loop's.
 */
struct fake_world;

struct fake_world *fake_world_new(struct loop *loop);
/* The source and the store are freed by their owners; the world last. */
void fake_world_free(struct fake_world *world);
struct object_source *fake_world_source(struct fake_world *world);
struct object_store *fake_world_store(struct fake_world *world);

/* Creates or changes an object from JSON with `kind`, `metadata.name` and so on ('single quotes'
 * stand for double ones); what the API server keeps (uid, version, generation, status, finalizers)
 * is added or taken over. */
void fake_world_apply(struct fake_world *world, const char *json);
/* As kubectl delete: at once, or a deletionTimestamp while finalizers stand. */
void fake_world_delete(struct fake_world *world, enum object_kind kind, const char *key);
/* Removes the finalizers by force. */
void fake_world_strip(struct fake_world *world, enum object_kind kind, const char *key);
/* Borrowed until the next change; NULL when absent. */
const struct object *fake_world_get(const struct fake_world *world, enum object_kind kind,
                                    const char *key);

/* Until false: changes happen, but the watch of the kind tells nothing (a lost connection; told as
 * trouble). Ending it lists again. */
void fake_world_cut(struct fake_world *world, enum object_kind kind, bool cut);
/* The same with a reason: not served (NOT_FOUND), not permitted (DENIED). Ended by a cut's end. */
void fake_world_lose(struct fake_world *world, enum object_kind kind, enum err_class class);
/* Ends a cut without a list: the watch goes on where it was. */
void fake_world_resume(struct fake_world *world, enum object_kind kind);
/* Everything is as it was at the backup, with the versions it had then; no watch tells it. */
void fake_world_back_up(struct fake_world *world);
void fake_world_restore(struct fake_world *world);
/* Nobody knows whether what goes does not go with its kind; and up to when that was asked for
 * last, -1: it was not. */
void fake_world_set_unsure(struct fake_world *world, bool unsure);
int64_t fake_world_doubted_since(const struct fake_world *world);
/* How often the source was asked to list a kind anew. */
unsigned fake_world_relists(const struct fake_world *world, enum object_kind kind);
/* What is followed from now on is not told until false. */
void fake_world_hold_follows(struct fake_world *world, bool hold);
/* A list of this kind is refused (403) instead of answered. Before start. */
void fake_world_forbid(struct fake_world *world, enum object_kind kind);
/* These namespaces are watched; by default all. */
void fake_world_watch_only(struct fake_world *world, const char *ns);
/* Is it read by name, because somebody asked for it? */
bool fake_world_is_followed(const struct fake_world *world, enum object_kind kind, const char *key);
/* A folder's store: change() may not be called, and objects have no uids. */
void fake_world_set_unchangeable(struct fake_world *world);

/* The next write fails with this class (once). */
void fake_world_fail_next_write(struct fake_world *world, enum err_class class);
/* All fail until false. */
void fake_world_fail_writes(struct fake_world *world, enum err_class class, bool fail);
/* All of a status fail until false. */
void fake_world_fail_statuses(struct fake_world *world, enum err_class class, bool fail);
/* All that concern this object fail; NULL: none any more. */
void fake_world_fail_writes_of(struct fake_world *world, const char *key, enum err_class class);
/* Those that would make an ApiDefinition longer than so many bytes fail as TOO_LARGE; 0: none. */
void fake_world_set_limit(struct fake_world *world, size_t bytes);
/* How many have failed because of one of these. */
unsigned fake_world_failed_writes(const struct fake_world *world);
/* Writes wait until this is false again. */
void fake_world_hold_writes(struct fake_world *world, bool hold);
unsigned fake_world_status_writes(const struct fake_world *world);
unsigned fake_world_changes(const struct fake_world *world);
/* All events that were told. */
void fake_world_forget_events(struct fake_world *world);
/* How often an event of this reason was told about the object. */
unsigned fake_world_events(const struct fake_world *world, const char *key, const char *reason);
/* Do any of the notes of events hold this text? */
bool fake_world_event_says(const struct fake_world *world, const char *text);

/* Reads a member of the object: a path of names and indices, "status/conditions/0/reason". Returns
 * owned JSON text, NULL when absent. */
char *fake_world_read(const struct fake_world *world, enum object_kind kind, const char *key,
                      const char *path);
/* Asserts that the value at the path is this JSON ('single quotes' for double; NULL: absent). */
void fake_world_expect(const struct fake_world *world, enum object_kind kind, const char *key,
                       const char *path, const char *json);
/* The reason of a condition must be this; NULL: the condition is absent. */
void fake_world_expect_reason(const struct fake_world *world, enum object_kind kind,
                              const char *key, const char *condition, const char *reason);
