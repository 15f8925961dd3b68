/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of writing, as kube-apiserver has them for custom resources and the built-in kinds that
 * are used here. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "core/schemas.h"
#include "sim/sim_json.h"
#include "sim/sim_store_private.h"

static void refuse(struct sim_result *result, long status, const char *reason, const char *format,
                   ...) __attribute__((format(printf, 4, 5)));

static void refuse(struct sim_result *result, long status, const char *reason, const char *format,
                   ...)
{
    *result = (struct sim_result){.status = status};
    snprintf(result->reason, sizeof(result->reason), "%s", reason);
    va_list args;
    va_start(args, format);
    vsnprintf(result->message, sizeof(result->message), format, args);
    va_end(args);
}

static void name_object(struct sim_result *result, unsigned kind, const char *name)
{
    result->about = sim_resource_of(kind)->plural;
    result->group = sim_group_of(kind);
    snprintf(result->name, sizeof(result->name), "%s", name);
}

static void accept(struct sim_result *result, long status, const struct sim_object *object)
{
    *result = (struct sim_result){.status = status, .object = object};
}

bool sim_refuse_missing(struct sim_result *result, unsigned kind, const char *key)
{
    const char *slash = strchr(key, '/');
    const char *name = slash ? slash + 1 : key;
    refuse(result, 404, "NotFound", "%s \"%s\" not found", sim_qualified_name(kind), name);
    name_object(result, kind, name);
    return false;
}

static void refuse_stale(struct sim_result *result, const struct sim_object *now)
{
    refuse(result, 409, "Conflict",
           "Operation cannot be fulfilled on %s \"%s\": the object has been modified; please apply "
           "your changes to the latest version and try again",
           sim_qualified_name(now->kind), now->name);
    name_object(result, now->kind, now->name);
}

static void refuse_invalid(struct sim_result *result, unsigned kind, const char *name,
                           const char *field, const char *message)
{
    refuse(result, 422, "Invalid", "%s.%s \"%s\" is invalid: %s: %s", sim_resource_of(kind)->kind,
           sim_group_of(kind), name, field, message);
    name_object(result, kind, name);
    result->about = sim_resource_of(kind)->kind;
    snprintf(result->field, sizeof(result->field), "%s", field);
}

static void set_time(const struct sim_store *store, json_t *metadata, const char *name)
{
    char time[21];
    str_format_time(time, store->wall_start + sim_now(store->time) / 1000000);
    json_object_set_new(metadata, name, json_string(time));
}

/* The compiled CRDs, shared by all stores of the process and never changed. */
static const struct schemas *schemas(void)
{
    static struct schemas *compiled;
    struct err err;
    if (!compiled && schemas_new(&compiled, &err) < 0) {
        fprintf(stderr, "schemas: %s\n", err.msg);
        abort();
    }
    return compiled;
}

/* Has nobody touched what is neither metadata nor status? Then it stands shared in both. */
static bool rest_is_shared(const json_t *tree, const json_t *before)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)tree, name, value)
    {
        if (strcmp(name, "metadata") != 0 && strcmp(name, "status") != 0 &&
            json_object_get(before, name) != value)
            return false;
    }
    return json_object_size(tree) == json_object_size(before);
}

/* What a schema has to look at again: all else it has seen as it is. Returns owned. */
static json_t *new_part(json_t *tree, const struct sim_object *before)
{
    json_t *status = json_object_get(tree, "status");
    if (!before || !status || !rest_is_shared(tree, before->tree))
        return json_incref(tree);
    json_t *part = json_object();
    json_object_set(part, "metadata", json_object_get(tree, "metadata"));
    if (json_object_get(before->tree, "status") != status)
        json_object_set(part, "status", status);
    return part;
}

/* A status that does not fit is a warning to users, but the operator must never write one. What is
 * said of members that are not in the part is about their absence. */
static bool is_wrong(const struct schema_problem *problem, bool of_part)
{
    return str_starts(problem->field, "status") ||
           (!problem->is_warning && (!of_part || str_starts(problem->field, "metadata")));
}

static const struct schema_problem *find_wrong(const struct schema_problems *problems, bool of_part)
{
    for (size_t i = 0; i < problems->count; i++) {
        if (is_wrong(&problems->items[i], of_part))
            return &problems->items[i];
    }
    return NULL;
}

/* Steals the tree and what the schema has made of its part. */
static json_t *take_made(json_t *tree, const json_t *part, json_t *made)
{
    if (part == tree) {
        json_decref(tree);
        return made;
    }
    if (json_object_get(part, "status"))
        json_object_set(tree, "status", json_object_get(made, "status"));
    json_decref(made);
    return tree;
}

/* Prunes, fills in defaults and checks. Steals the tree; NULL: it is refused. */
static json_t *apply_schema(unsigned kind, json_t *tree, const struct sim_object *before,
                            struct sim_result *result)
{
    if (!sim_resource_of(kind)->crd)
        return tree;
    json_t *part = new_part(tree, before);
    CLEANUP(freep) char *text = sim_json_dump(part);
    struct span old = {before ? before->text : NULL, before ? before->length : 0};
    CLEANUP(buf_fini) struct buf out;
    buf_init(&out, BUF_UNLIMITED);
    struct schema_problems problems = {.count = 0};
    schemas_apply(schemas(), (enum object_kind)kind, (struct span){text, strlen(text)}, old, &out,
                  &problems);
    const struct schema_problem *wrong = find_wrong(&problems, part != tree);
    if (wrong) {
        refuse_invalid(result, kind, sim_json_text(tree, "metadata", "name", NULL), wrong->field,
                       wrong->message);
        json_decref(tree);
        tree = NULL;
    } else if (out.length != strlen(text) || memcmp(out.data, text, out.length) != 0) {
        tree = take_made(tree, part, sim_json_parse(out.data, out.length));
    }
    json_decref(part);
    schema_problems_fini(&problems);
    return tree;
}

/* Creation. */

static bool namespace_takes(const struct sim_store *store, unsigned kind, const char *ns,
                            struct sim_result *result)
{
    if (!sim_resource_of(kind)->namespaced)
        return true;
    const struct sim_object *object = sim_store_get(store, OBJECT_NAMESPACE, ns);
    if (!object)
        return sim_refuse_missing(result, OBJECT_NAMESPACE, ns);
    if (object->deleting) {
        refuse(result, 403, "Forbidden",
               "unable to create new content in namespace %s because it is being terminated", ns);
        return false;
    }
    return true;
}

static bool crd_takes(const struct sim_store *store, unsigned kind, struct sim_result *result)
{
    if (!sim_resource_of(kind)->crd)
        return true;
    const struct sim_object *crd = sim_store_get(store, OBJECT_CRD, sim_resource_of(kind)->crd);
    if (!crd)
        refuse(result, 404, "NotFound", "the server could not find the requested resource");
    else if (crd->deleting)
        refuse(result, 405, "MethodNotAllowed",
               "create not allowed while custom resource definition is terminating");
    return crd && !crd->deleting;
}

static void set_identity(struct sim_store *store, unsigned kind, const char *ns, json_t *tree)
{
    const struct sim_resource *resource = sim_resource_of(kind);
    json_t *metadata = sim_json_object(tree, "metadata");
    char uid[48];
    snprintf(uid, sizeof(uid), "00000000-0000-4000-8000-%012" PRIx64, ++store->next_uid);
    json_object_set_new(tree, "apiVersion", json_string(resource->api_version));
    json_object_set_new(tree, "kind", json_string(resource->kind));
    if (resource->namespaced)
        json_object_set_new(metadata, "namespace", json_string(ns));
    json_object_set_new(metadata, "uid", json_string(uid));
    json_object_del(metadata, "generation");
    if (sim_has_generation(kind))
        json_object_set_new(metadata, "generation", json_integer(1));
    json_object_del(metadata, "deletionTimestamp");
    json_object_del(metadata, "deletionGracePeriodSeconds");
    set_time(store, metadata, "creationTimestamp");
    /* Every namespace has it. */
    if (kind == OBJECT_NAMESPACE)
        json_object_set_new(sim_json_object(metadata, "labels"), "kubernetes.io/metadata.name",
                            json_string(sim_json_text(metadata, "name", NULL)));
}

/* An EndpointSlice without endpoints is printed with null. */
static void write_empty_lists(unsigned kind, json_t *tree)
{
    const json_t *endpoints = json_object_get(tree, "endpoints");
    if (kind == OBJECT_ENDPOINTSLICE && !json_array_size(endpoints))
        json_object_set_new(tree, "endpoints", json_null());
}

void sim_store_create(struct sim_store *store, enum sim_actor actor, unsigned kind, const char *ns,
                      json_t *tree, struct sim_result *result)
{
    CLEANUP(freep)
    char *where = xstrdup(ns ? ns : sim_json_text(tree, "metadata", "namespace", NULL));
    const char *name = sim_json_text(tree, "metadata", "name", NULL);
    CLEANUP(freep)
    char *key = sim_resource_of(kind)->namespaced ? xasprintf("%s/%s", where, name) : xstrdup(name);
    if (!crd_takes(store, kind, result) || !namespace_takes(store, kind, where, result)) {
        json_decref(tree);
        return;
    }
    const struct sim_object *there = sim_store_get(store, kind, key);
    if (there) {
        refuse(result, 409, "AlreadyExists", "%s%s \"%s\" already exists",
               there->deleting ? "object is being deleted: " : "", sim_qualified_name(kind), name);
        name_object(result, kind, name);
        json_decref(tree);
        return;
    }
    set_identity(store, kind, where, tree);
    /* A status that is given at the creation is dropped, then the default is filled in. */
    if (sim_resource_of(kind)->crd)
        json_object_del(tree, "status");
    tree = apply_schema(kind, tree, NULL, result);
    if (!tree)
        return;
    write_empty_lists(kind, tree);
    accept(
        result, 201,
        sim_store_commit(store, &(struct sim_commit){.actor = actor, .kind = kind, .tree = tree}));
}

/* Changes. */

static bool same_content(const json_t *a, const json_t *b)
{
    json_t *left = json_copy((json_t *)(uintptr_t)a);
    json_t *right = json_copy((json_t *)(uintptr_t)b);
    static const char *const beside[] = {"metadata", "status"};
    for (size_t i = 0; i < ARRAY_LENGTH(beside); i++) {
        json_object_del(left, beside[i]);
        json_object_del(right, beside[i]);
    }
    bool same = json_equal(left, right);
    json_decref(left);
    json_decref(right);
    return same;
}

/* What nobody may change. */
static void keep_identity(const json_t *now, json_t *next)
{
    static const char *const names[] = {"name",
                                        "namespace",
                                        "uid",
                                        "generation",
                                        "creationTimestamp",
                                        "deletionTimestamp",
                                        "deletionGracePeriodSeconds"};
    const json_t *from = json_object_get(now, "metadata");
    json_t *to = sim_json_own(next, "metadata");
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        json_t *value = json_object_get(from, names[i]);
        if (value)
            json_object_set(to, names[i], value);
        else
            json_object_del(to, names[i]);
    }
}

static size_t finalizer_count(const json_t *tree)
{
    return json_array_size(sim_json_get(tree, "metadata", "finalizers", NULL));
}

/* No finalizer may come while an object is being deleted. */
static bool finalizers_are_allowed(const struct sim_object *now, const json_t *next)
{
    if (!now->deleting)
        return true;
    const json_t *before = sim_json_get(now->tree, "metadata", "finalizers", NULL);
    const json_t *after = sim_json_get(next, "metadata", "finalizers", NULL);
    for (size_t i = 0; i < json_array_size(after); i++) {
        bool known = false;
        for (size_t j = 0; j < json_array_size(before); j++)
            known |= json_equal(json_array_get(before, j), json_array_get(after, i)) == 1;
        if (!known)
            return false;
    }
    return true;
}

static void drop_empty(json_t *metadata, const char *name)
{
    const json_t *value = json_object_get(metadata, name);
    if ((json_is_array(value) && !json_array_size(value)) ||
        (json_is_object(value) && !json_object_size(value)))
        json_object_del(metadata, name);
}

static void store_next(struct sim_store *store, const struct sim_commit *commit,
                       struct sim_result *result)
{
    const struct sim_object *now = commit->before;
    json_t *next = commit->tree;
    json_t *metadata = sim_json_own(next, "metadata");
    json_object_set(metadata, "resourceVersion",
                    sim_json_get(now->tree, "metadata", "resourceVersion", NULL));
    drop_empty(metadata, "finalizers");
    drop_empty(metadata, "annotations");
    drop_empty(metadata, "labels");
    write_empty_lists(commit->kind, next);
    if (sim_has_generation(commit->kind) && !same_content(now->tree, next))
        json_object_set_new(metadata, "generation", json_integer(now->generation + 1));
    if (json_equal(now->tree, next)) {
        accept(result, 200, now);
        json_decref(next);
        return;
    }
    if (now->deleting && !finalizer_count(next)) {
        /* The answer shows it without finalizers, and with the version that it had; the event has
         * them, and a version of its own. */
        struct sim_object *held = sim_object_ref(now);
        sim_object_unref(store->answered);
        store->answered = sim_object_make(commit->kind, next, now->revision);
        struct sim_commit removal = *commit;
        removal.tree = NULL;
        removal.before = held;
        sim_store_commit(store, &removal);
        accept(result, 200, store->answered);
        sim_object_unref(held);
        return;
    }
    struct sim_object *held = sim_object_ref(now);
    struct sim_commit change = *commit;
    change.before = held;
    accept(result, 200, sim_store_commit(store, &change));
    sim_object_unref(held);
}

void sim_store_update(struct sim_store *store, enum sim_actor actor, unsigned kind, const char *key,
                      json_t *next, bool status, struct sim_result *result)
{
    const struct sim_object *now = sim_store_get(store, kind, key);
    if (!now && kind == OBJECT_LEASE) {
        /* Of the kinds here, the one that an update creates, whatever version it names. */
        CLEANUP(freep) char *ns = xstrndup(key, strcspn(key, "/"));
        sim_store_create(store, actor, kind, ns, next, result);
        return;
    }
    if (!now) {
        sim_refuse_missing(result, kind, key);
        json_decref(next);
        return;
    }
    const char *version = sim_json_text(next, "metadata", "resourceVersion", NULL);
    const char *uid = sim_json_text(next, "metadata", "uid", NULL);
    bool other_uid = !status && *uid && strcmp(uid, now->uid) != 0;
    if ((*version && strtoll(version, NULL, 10) != now->revision) || other_uid) {
        refuse_stale(result, now);
        json_decref(next);
        return;
    }
    if (status) {
        json_t *whole = json_copy(now->tree);
        json_t *given = json_object_get(next, "status");
        if (given)
            json_object_set(whole, "status", given);
        else
            json_object_del(whole, "status");
        json_decref(next);
        next = whole;
    } else if (sim_resource_of(kind)->crd) {
        json_t *kept = json_object_get(now->tree, "status");
        if (kept)
            json_object_set(next, "status", kept);
        else
            json_object_del(next, "status");
    }
    keep_identity(now->tree, next);
    if (!finalizers_are_allowed(now, next)) {
        refuse_invalid(result, kind, now->name, "metadata.finalizers",
                       "Forbidden: no new finalizers can be added if the object is being deleted");
        json_decref(next);
        return;
    }
    next = apply_schema(kind, next, now, result);
    if (!next)
        return;
    store_next(store,
               &(struct sim_commit){
                   .actor = actor, .kind = kind, .of_status = status, .before = now, .tree = next},
               result);
}

void sim_store_patch(struct sim_store *store, enum sim_actor actor, unsigned kind, const char *key,
                     json_t *patch, enum sim_patch_form form, bool status,
                     struct sim_result *result)
{
    const struct sim_object *now = sim_store_get(store, kind, key);
    if (!now) {
        sim_refuse_missing(result, kind, key);
        json_decref(patch);
        return;
    }
    json_t *next;
    bool applied = true;
    if (form == SIM_JSON_PATCH) {
        next = json_deep_copy(now->tree);
        applied = sim_json_patch(next, patch);
    } else {
        next = sim_merged(now->tree, patch);
    }
    json_decref(patch);
    if (!applied) {
        json_decref(next);
        refuse(result, 422, "Invalid",
               "the server rejected our request due to an error in our request");
        return;
    }
    sim_store_update(store, actor, kind, key, next, status, result);
}

void sim_store_delete(struct sim_store *store, enum sim_actor actor, unsigned kind, const char *key,
                      const char *uid, struct sim_result *result)
{
    const struct sim_object *now = sim_store_get(store, kind, key);
    if (!now) {
        sim_refuse_missing(result, kind, key);
        return;
    }
    if (uid && strcmp(uid, now->uid) != 0) {
        refuse(result, 409, "Conflict", "the UID in the precondition does not match");
        return;
    }
    struct sim_object *held = sim_object_ref(now);
    struct sim_commit commit = {.actor = actor, .kind = kind, .before = held};
    if (!finalizer_count(now->tree)) {
        sim_store_commit(store, &commit);
        accept(result, 200, NULL);
        name_object(result, kind, held->name);
        snprintf(result->uid, sizeof(result->uid), "%s", held->uid);
    } else if (now->deleting) {
        accept(result, 200, now);
    } else {
        json_t *next = json_copy(now->tree);
        json_t *metadata = sim_json_own(next, "metadata");
        set_time(store, metadata, "deletionTimestamp");
        json_object_set_new(metadata, "deletionGracePeriodSeconds", json_integer(0));
        if (sim_has_generation(kind))
            json_object_set_new(metadata, "generation", json_integer(now->generation + 1));
        commit.tree = next;
        accept(result, 200, sim_store_commit(store, &commit));
    }
    sim_object_unref(held);
}
