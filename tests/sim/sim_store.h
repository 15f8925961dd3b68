/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/accepted.h"
#include "core/object.h"
#include "sim/sim_time.h"

/*
 * What an API server stands on: the objects, the revisions, what has changed since the last
 * compaction, and the rules of writing that all servers share (generation, finalizers, status,
 * preconditions, schemas). Written through by users at once, and by the operator over HTTP.
 */
struct sim_store;

/* Kinds: those of enum object_kind. */
#define SIM_KIND_COUNT OBJECT_KIND_COUNT

struct sim_resource {
    const char *root; /* "/api/v1", "/apis/GROUP/VERSION" */
    const char *plural;
    const char *api_version;
    const char *kind;
    bool namespaced;
    const char *crd; /* custom: served while it is there; has a status of its own. NULL: built in */
    const char *group;
    const char *qualified_name;
};
const struct sim_resource *sim_resource_of(unsigned kind);
/* Its API group, "" for the core's. Static text. */
const char *sim_group_of(unsigned kind);
/* "webhooks.tyk.tyk.io", as messages name resources. Static text. */
const char *sim_qualified_name(unsigned kind);
/* Have its objects a generation? */
bool sim_has_generation(unsigned kind);

/* Never changes once it is stored. */
struct sim_object {
    unsigned refs;
    unsigned kind;
    char *key; /* "ns/name", "name" */
    const char *ns;
    const char *name;
    const char *uid;
    int64_t revision;
    int64_t generation;
    bool deleting;
    json_t *tree;
    char *text;
    size_t length;
    struct accepted *copies; /* sim_copies() has read them; NULL: not yet */
};
struct sim_object *sim_object_ref(const struct sim_object *object);
void sim_object_unref(struct sim_object *object);

/* Who writes. */
enum sim_actor { SIM_USER, SIM_OPERATOR, SIM_CLUSTER };

struct sim_change {
    int64_t revision;
    unsigned kind;
    enum sim_actor actor;
    bool of_status;
    struct sim_object *before; /* NULL: created */
    struct sim_object *after;  /* NULL: deleted */
    struct sim_object *last;   /* of a deletion: the last state, at the revision of the deletion */
};

typedef void sim_change_fn(void *arg, const struct sim_change *change);

/* `wall_start`: seconds since 1970 at virtual time 0. */
struct sim_store *sim_store_new(struct sim_time *time, int64_t wall_start);
void sim_store_free(struct sim_store *store);
/* Called for each change, in order. */
void sim_store_listen(struct sim_store *store, sim_change_fn *fn, void *arg);

int64_t sim_store_revision(const struct sim_store *store);
/* Borrowed until the next change; NULL when absent. */
const struct sim_object *sim_store_get(const struct sim_store *store, unsigned kind,
                                       const char *key);
/* Returns owned array of borrowed objects in the order of their keys, NULL at its end. */
const struct sim_object **sim_store_all(const struct sim_store *store, unsigned kind,
                                        size_t *ret_count);
/* The changes behind a revision, oldest first; NULL: there is none (more). */
const struct sim_change *sim_store_next_change(const struct sim_store *store, int64_t revision);
int64_t sim_store_compacted(const struct sim_store *store);
/* Forgets the changes up to now. */
void sim_store_compact(struct sim_store *store);

/* What becomes of a write: an HTTP status, and the object (borrowed) or what is wrong. */
struct sim_result {
    long status;
    const struct sim_object *object;
    char reason[32];
    char message[512];
    /* details: what it is about; `about` (a plural or a kind) NULL: there are none */
    const char *about;
    const char *group;
    char name[256];  /* "": a collection */
    char uid[48];    /* of what has been deleted */
    char field[128]; /* details.causes names it; "": no causes */
};

enum sim_patch_form { SIM_MERGE_PATCH, SIM_JSON_PATCH };

/* Says so in the result; returns false. */
bool sim_refuse_missing(struct sim_result *result, unsigned kind, const char *key);

/* All of these steal their tree. `ns` NULL: from the tree. */
void sim_store_create(struct sim_store *store, enum sim_actor actor, unsigned kind, const char *ns,
                      json_t *tree, struct sim_result *ret_result);
void sim_store_update(struct sim_store *store, enum sim_actor actor, unsigned kind, const char *key,
                      json_t *next, bool status, struct sim_result *result);
void sim_store_patch(struct sim_store *store, enum sim_actor actor, unsigned kind, const char *key,
                     json_t *patch, enum sim_patch_form form, bool status,
                     struct sim_result *ret_result);
/* `uid` NULL: whichever. */
void sim_store_delete(struct sim_store *store, enum sim_actor actor, unsigned kind, const char *key,
                      const char *uid, struct sim_result *ret_result);

/* A backup of everything, and going back to it: revisions go on from the old one, or (bump, as
 * etcd's own advice is) from far behind the newest, and nothing older can be watched. */
struct sim_backup;
struct sim_backup *sim_store_back_up(const struct sim_store *store);
/* What it has of an object; NULL: nothing. */
const struct sim_object *sim_backup_get(const struct sim_backup *backup, unsigned kind,
                                        const char *key);
void sim_backup_free(struct sim_backup *backup);
void sim_store_restore(struct sim_store *store, const struct sim_backup *backup, bool bump);
/* Begins with a backup that was made of another store of the same history: with its objects,
 * revision and uids. For a store that is new. */
void sim_store_begin_with(struct sim_store *store, const struct sim_backup *backup);
/* Counts restores. */
unsigned sim_store_restores(const struct sim_store *store);
