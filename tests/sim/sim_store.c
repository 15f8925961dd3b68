/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/sim_store_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "sim/sim_json.h"

/* How far behind the newest revision a restored etcd goes on. */
#define RESTORE_BUMP 1000

#define TYK_GROUP "tyk.tyk.io"
/* A resource of the core group, of another, of ours. */
#define CORE(plural, kind, namespaced)                                                             \
    {                                                                                              \
        "/api/v1", plural, "v1", kind, namespaced, NULL, "", plural                                \
    }
#define OTHER(group, plural, kind, namespaced)                                                     \
    {                                                                                              \
        "/apis/" group "/v1", plural, group "/v1", kind, namespaced, NULL, group, plural "." group \
    }
#define TYK(plural, kind)                                                                          \
    {                                                                                              \
        "/apis/" TYK_GROUP "/v1alpha1", plural, TYK_GROUP "/v1alpha1", kind, true,                 \
            plural "." TYK_GROUP, TYK_GROUP, plural "." TYK_GROUP                                  \
    }

static const struct sim_resource resources[SIM_KIND_COUNT] = {
    [OBJECT_API] = TYK("apidefinitions", "ApiDefinition"),
    [OBJECT_WEBHOOK] = TYK("webhooks", "Webhook"),
    [OBJECT_CONTEXT] = TYK("operatorcontexts", "OperatorContext"),
    [OBJECT_SECRET] = CORE("secrets", "Secret", true),
    [OBJECT_CONFIGMAP] = CORE("configmaps", "ConfigMap", true),
    [OBJECT_NAMESPACE] = CORE("namespaces", "Namespace", false),
    [OBJECT_SERVICE] = CORE("services", "Service", true),
    [OBJECT_ENDPOINTSLICE] = OTHER("discovery.k8s.io", "endpointslices", "EndpointSlice", true),
    [OBJECT_CRD] = OTHER("apiextensions.k8s.io", "customresourcedefinitions",
                         "CustomResourceDefinition", false),
    [OBJECT_LEASE] = OTHER("coordination.k8s.io", "leases", "Lease", true),
};

const char *sim_group_of(unsigned kind)
{
    return resources[kind].group;
}

const char *sim_qualified_name(unsigned kind)
{
    return resources[kind].qualified_name;
}

bool sim_has_generation(unsigned kind)
{
    return resources[kind].crd || kind == OBJECT_CRD || kind == OBJECT_ENDPOINTSLICE;
}

const struct sim_resource *sim_resource_of(unsigned kind)
{
    return &resources[kind];
}

struct sim_object *sim_object_ref(const struct sim_object *object)
{
    struct sim_object *counted = (struct sim_object *)(uintptr_t)object;
    if (counted)
        counted->refs++;
    return counted;
}

void sim_object_unref(struct sim_object *object)
{
    if (!object || --object->refs)
        return;
    json_decref(object->tree);
    accepted_free(object->copies);
    free(object->text);
    free(object->key);
    free(object);
}

struct sim_object *sim_object_make(unsigned kind, json_t *tree, int64_t revision)
{
    struct sim_object *object = xcalloc(1, sizeof(*object));
    json_t *metadata = sim_json_own(tree, "metadata");
    char version[24];
    snprintf(version, sizeof(version), "%" PRId64, revision);
    json_object_set_new(metadata, "resourceVersion", json_string(version));
    object->refs = 1;
    object->kind = kind;
    object->tree = tree;
    object->revision = revision;
    object->ns = sim_json_text(metadata, "namespace", NULL);
    object->name = sim_json_text(metadata, "name", NULL);
    object->uid = sim_json_text(metadata, "uid", NULL);
    object->generation = sim_json_int(metadata, "generation", NULL);
    object->deleting = json_object_get(metadata, "deletionTimestamp") != NULL;
    object->key =
        *object->ns ? xasprintf("%s/%s", object->ns, object->name) : xstrdup(object->name);
    /* Of custom resources the server keeps no order of keys. */
    object->text = resources[kind].crd ? sim_json_dump_sorted(tree) : sim_json_dump(tree);
    object->length = strlen(object->text);
    return object;
}

static void unref_object(void *value)
{
    sim_object_unref(value);
}

static void change_fini(struct sim_change *change)
{
    sim_object_unref(change->before);
    sim_object_unref(change->after);
    sim_object_unref(change->last);
}

struct sim_store *sim_store_new(struct sim_time *time, int64_t wall_start)
{
    struct sim_store *store = xcalloc(1, sizeof(*store));
    store->time = time;
    store->wall_start = wall_start;
    store->revision = 1;
    store->compacted = 1;
    store->past = strset_new();
    for (size_t i = 0; i < SIM_KIND_COUNT; i++)
        store->objects[i] = strmap_new(unref_object);
    return store;
}

static char *version_of(unsigned kind, const json_t *tree, int64_t revision)
{
    return xasprintf("%u %s/%s %" PRId64, kind, sim_json_text(tree, "metadata", "namespace", NULL),
                     sim_json_text(tree, "metadata", "name", NULL), revision);
}

static void forget_changes(struct sim_store *store)
{
    for (size_t i = 0; i < store->change_count; i++) {
        const struct sim_object *after = store->changes[i].after;
        CLEANUP(freep)
        char *version = after ? version_of(after->kind, after->tree, after->revision) : NULL;
        if (version)
            strset_add(store->past, version);
        change_fini(&store->changes[i]);
    }
    store->change_count = 0;
}

void sim_store_free(struct sim_store *store)
{
    for (size_t i = 0; i < store->change_count; i++)
        change_fini(&store->changes[i]);
    free(store->changes);
    strmap_free(store->past);
    sim_object_unref(store->answered);
    for (size_t i = 0; i < SIM_KIND_COUNT; i++)
        strmap_free(store->objects[i]);
    free(store);
}

void sim_store_listen(struct sim_store *store, sim_change_fn *fn, void *arg)
{
    if (store->listener_count == ARRAY_LENGTH(store->listeners))
        abort();
    store->listeners[store->listener_count].fn = fn;
    store->listeners[store->listener_count++].arg = arg;
}

int64_t sim_store_revision(const struct sim_store *store)
{
    return store->revision;
}

const struct sim_object *sim_store_get(const struct sim_store *store, unsigned kind,
                                       const char *key)
{
    return strmap_get(store->objects[kind], key);
}

const struct sim_object **sim_store_all(const struct sim_store *store, unsigned kind,
                                        size_t *ret_count)
{
    CLEANUP(freep) const char **keys = strmap_sorted_keys(store->objects[kind]);
    size_t count = strmap_count(store->objects[kind]);
    const struct sim_object **all = xcalloc(count + 1, sizeof(struct sim_object *));
    for (size_t i = 0; i < count; i++)
        all[i] = strmap_get(store->objects[kind], keys[i]);
    if (ret_count)
        *ret_count = count;
    return all;
}

const struct sim_change *sim_store_next_change(const struct sim_store *store, int64_t revision)
{
    size_t low = 0;
    size_t high = store->change_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (store->changes[middle].revision <= revision)
            low = middle + 1;
        else
            high = middle;
    }
    return low < store->change_count ? &store->changes[low] : NULL;
}

int64_t sim_store_compacted(const struct sim_store *store)
{
    return store->compacted;
}

void sim_store_compact(struct sim_store *store)
{
    forget_changes(store);
    store->compacted = store->revision;
}

static void tell(struct sim_store *store, size_t index)
{
    /* Who listens may write: the array may move. */
    struct sim_change change = store->changes[index];
    change.before = sim_object_ref(change.before);
    change.after = sim_object_ref(change.after);
    change.last = sim_object_ref(change.last);
    for (size_t i = 0; i < store->listener_count; i++)
        store->listeners[i].fn(store->listeners[i].arg, &change);
    change_fini(&change);
}

/* No object of a name gets the same version twice, with another content: after a restore that has
 * not raised the revisions that could be, but where thousands of other writes come in between it
 * would be a coincidence, and nobody who watches could tell. The Lease may: it has most versions of
 * a small store, and would pass all that it had before with one write. */
static int64_t next_revision(struct sim_store *store, const struct sim_commit *commit)
{
    const json_t *tree = commit->before ? commit->before->tree : commit->tree;
    bool taken = store->restores > 0 && commit->kind != OBJECT_LEASE;
    store->revision++;
    while (taken) {
        CLEANUP(freep) char *version = version_of(commit->kind, tree, store->revision);
        taken = strmap_has(store->past, version);
        store->revision += taken;
    }
    return store->revision;
}

const struct sim_object *sim_store_commit(struct sim_store *store, const struct sim_commit *commit)
{
    int64_t revision = next_revision(store, commit);
    struct strmap *map = store->objects[commit->kind];
    struct sim_change change = {
        .revision = revision,
        .kind = commit->kind,
        .actor = commit->actor,
        .of_status = commit->of_status,
        .before = sim_object_ref(commit->before),
    };
    struct sim_object *made = NULL;
    if (commit->tree)
        made = sim_object_make(commit->kind, commit->tree, revision);
    if (made) {
        change.after = sim_object_ref(made);
        strmap_set(map, made->key, made);
    } else {
        change.last = sim_object_make(commit->kind, json_copy(commit->before->tree), revision);
        strmap_remove(map, change.before->key);
    }
    store->changes =
        xgrow(store->changes, store->change_count, &store->change_capacity, sizeof(change));
    store->changes[store->change_count] = change;
    tell(store, store->change_count++);
    return made;
}

/* Backups. */

struct sim_backup {
    int64_t revision;
    uint64_t next_uid;
    size_t count;
    struct sim_object **objects;
};

struct sim_backup *sim_store_back_up(const struct sim_store *store)
{
    struct sim_backup *backup = xcalloc(1, sizeof(*backup));
    size_t capacity = 0;
    backup->revision = store->revision;
    backup->next_uid = store->next_uid;
    for (size_t kind = 0; kind < SIM_KIND_COUNT; kind++) {
        for (struct strmap_entry *e = strmap_first(store->objects[kind]); e; e = strmap_next(e)) {
            backup->objects =
                xgrow(backup->objects, backup->count, &capacity, sizeof(struct sim_object *));
            backup->objects[backup->count++] = sim_object_ref(strmap_entry_value(e));
        }
    }
    return backup;
}

const struct sim_object *sim_backup_get(const struct sim_backup *backup, unsigned kind,
                                        const char *key)
{
    for (size_t i = 0; i < backup->count; i++) {
        if (backup->objects[i]->kind == kind && strcmp(backup->objects[i]->key, key) == 0)
            return backup->objects[i];
    }
    return NULL;
}

void sim_backup_free(struct sim_backup *backup)
{
    if (!backup)
        return;
    for (size_t i = 0; i < backup->count; i++)
        sim_object_unref(backup->objects[i]);
    free(backup->objects);
    free(backup);
}

static void take_objects(struct sim_store *store, const struct sim_backup *backup)
{
    for (size_t i = 0; i < backup->count; i++) {
        struct sim_object *object = sim_object_ref(backup->objects[i]);
        strmap_set(store->objects[object->kind], object->key, object);
    }
}

void sim_store_begin_with(struct sim_store *store, const struct sim_backup *backup)
{
    take_objects(store, backup);
    store->revision = store->compacted = backup->revision;
    store->next_uid = backup->next_uid;
}

void sim_store_restore(struct sim_store *store, const struct sim_backup *backup, bool bump)
{
    int64_t newest = store->revision;
    forget_changes(store);
    for (size_t kind = 0; kind < SIM_KIND_COUNT; kind++)
        strmap_clear(store->objects[kind]);
    take_objects(store, backup);
    store->revision = backup->revision;
    if (bump)
        store->revision = newest + RESTORE_BUMP;
    store->compacted = store->revision;
    store->restores++;
}

unsigned sim_store_restores(const struct sim_store *store)
{
    return store->restores;
}
