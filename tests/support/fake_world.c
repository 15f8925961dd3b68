/* SPDX-License-Identifier: Apache-2.0 */
#include "support/fake_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/buf.h"
#include "base/json_text.h"
#include "base/str.h"
#include "base/strmap.h"
#include "core/cache.h"
#include "support/fake_loop.h"

struct store_call {
    struct fake_world *world;
    enum object_kind kind;
    char *key;
    char *version; /* the write's condition */
    char *uid;
    char *status; /* NULL: a change */
    char *add_finalizer;
    char **remove_finalizers;
    char *annotation;
    char *annotation_value;
    char *spec_patch;
    store_done_fn *done;
    void *arg;
    TAILQ_ENTRY(store_call) entry;
};

struct told {
    char *key;
    char *reason;
    char *note;
    STAILQ_ENTRY(told) entry;
};

struct fake_world {
    struct object_source source;
    struct object_store store;
    struct loop *loop;
    struct cache *objects;
    const struct object_sink *sink;
    void *sink_arg;
    bool started[OBJECT_KIND_COUNT];
    bool cut[OBJECT_KIND_COUNT];
    bool forbidden[OBJECT_KIND_COUNT];
    struct strmap *followed[OBJECT_KIND_COUNT];
    struct cache *backup; /* NULL: none */
    unsigned relists[OBJECT_KIND_COUNT];
    bool unsure;
    int64_t doubted_since;
    bool follows_are_held;
    char *only_ns;
    bool unchangeable;
    bool hold;
    bool fail_all;
    bool fail_statuses;
    char *fail_key; /* NULL: none */
    size_t limit;   /* of an object; 0: none */
    unsigned failed_writes;
    bool fail_next;
    enum err_class fail_class;
    unsigned status_writes;
    unsigned changes;
    unsigned next_version;
    unsigned next_uid;
    TAILQ_HEAD(, store_call) calls;
    STAILQ_HEAD(, told) events;
};

static struct fake_world *of_source(const struct object_source *source)
{
    return (struct fake_world *)(uintptr_t)source; /* the first member */
}

static struct fake_world *of_store(const struct object_store *store)
{
    return (void *)((char *)(uintptr_t)store - offsetof(struct fake_world, store));
}

/* 'single' to "double" */
static char *quoted(const char *json)
{
    char *text = xstrdup(json);
    for (char *at = text; *at; at++) {
        if (*at == '\'')
            *at = '"';
    }
    return text;
}

/* The source. */

static bool is_listed(enum object_kind kind)
{
    return kind != OBJECT_SECRET && kind != OBJECT_CONFIGMAP && kind != OBJECT_SERVICE &&
           kind != OBJECT_ENDPOINTSLICE;
}

/* What follow() has to name for the object to be told: itself, or a slice's Service. */
static char *follow_key(const struct object *object)
{
    if (object->kind != OBJECT_ENDPOINTSLICE)
        return xstrdup(object->key);
    CLEANUP(freep) char *service = object_label(object, "kubernetes.io/service-name");
    return object_key_of(object->ns, service ? service : "");
}

static bool is_told(const struct fake_world *world, const struct object *object)
{
    enum object_kind kind = object->kind;
    if (world->cut[kind] || world->forbidden[kind])
        return false;
    CLEANUP(freep) char *key = follow_key(object);
    return is_listed(kind) ? world->started[kind] : strmap_has(world->followed[kind], key);
}

static bool list_one(void *arg, const struct object *object)
{
    struct fake_world *world = arg;
    world->sink->put(world->sink_arg, object);
    return true;
}

static void list(struct fake_world *world, enum object_kind kind)
{
    if (world->forbidden[kind]) {
        struct err err;
        err_set(&err, ERR_DENIED, 403, "may not list");
        world->sink->trouble(world->sink_arg, kind, &err);
        return;
    }
    world->sink->begin(world->sink_arg, kind);
    cache_visit(world->objects, kind, list_one, world);
    world->sink->end(world->sink_arg, kind);
}

static void list_started(void *arg)
{
    struct fake_world *world = arg;
    for (size_t i = 0; i < OBJECT_KIND_COUNT; i++) {
        if (world->started[i])
            list(world, (enum object_kind)i);
    }
}

static void source_start(struct object_source *source, const enum object_kind *kinds, size_t count,
                         const struct object_sink *sink, void *arg)
{
    struct fake_world *world = of_source(source);
    world->sink = sink;
    world->sink_arg = arg;
    for (size_t i = 0; i < count; i++)
        world->started[kinds[i]] = true;
    loop_defer(world->loop, list_started, world);
}

static bool tell_slice(void *arg, const struct object *slice)
{
    struct fake_world *world = arg;
    if (is_told(world, slice))
        world->sink->put(world->sink_arg, slice);
    return true;
}

static void tell_followed(void *arg)
{
    struct fake_world *world = arg;
    if (world->follows_are_held)
        return;
    static const enum object_kind kinds[] = {OBJECT_SECRET, OBJECT_CONFIGMAP, OBJECT_SERVICE};
    cache_visit(world->objects, OBJECT_ENDPOINTSLICE, tell_slice, world);
    const struct strmap *slices = world->followed[OBJECT_ENDPOINTSLICE];
    for (struct strmap_entry *e = strmap_first(slices); e; e = strmap_next(e))
        world->sink->followed(world->sink_arg, OBJECT_ENDPOINTSLICE, strmap_entry_key(e));
    for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
        struct strmap *followed = world->followed[kinds[i]];
        for (struct strmap_entry *e = strmap_first(followed); e; e = strmap_next(e)) {
            const char *key = strmap_entry_key(e);
            const struct object *object = cache_get(world->objects, kinds[i], key);
            struct err err;
            if (object) {
                world->sink->put(world->sink_arg, object);
            } else {
                err_set(&err, ERR_NOT_FOUND, 404, "%s %s not found", object_kind_name(kinds[i]),
                        key);
                world->sink->missing(world->sink_arg, kinds[i], key, &err);
            }
        }
    }
}

static void source_follow(struct object_source *source, enum object_kind kind, const char *key)
{
    struct fake_world *world = of_source(source);
    strset_add(world->followed[kind], key);
    loop_defer(world->loop, tell_followed, world);
}

static bool tell_slice_gone(void *arg, const struct object *slice)
{
    struct fake_world *world = arg;
    if (!is_told(world, slice))
        world->sink->gone(world->sink_arg, OBJECT_ENDPOINTSLICE, slice->key, slice->uid);
    return true;
}

/* The slices of a Service go with it, as far as anybody is told. */
static void source_unfollow(struct object_source *source, enum object_kind kind, const char *key)
{
    struct fake_world *world = of_source(source);
    strmap_take(world->followed[kind], key);
    if (kind == OBJECT_ENDPOINTSLICE)
        cache_visit(world->objects, OBJECT_ENDPOINTSLICE, tell_slice_gone, world);
}

static void source_relist(struct object_source *source, enum object_kind kind)
{
    struct fake_world *world = of_source(source);
    world->relists[kind]++;
    if (world->started[kind] && !world->cut[kind])
        list(world, kind);
    else
        loop_defer(world->loop, tell_followed, world);
}

static bool source_stands(struct object_source *source, enum object_kind kind, int64_t since)
{
    struct fake_world *world = of_source(source);
    (void)kind;
    if (world->unsure)
        world->doubted_since = since;
    return !world->unsure;
}

static bool source_watches(const struct object_source *source, const char *ns)
{
    const struct fake_world *world = of_source(source);
    return !world->only_ns || str_equal(world->only_ns, ns);
}

static void source_free(struct object_source *source)
{
    struct fake_world *world = of_source(source);
    loop_defer_cancel(world->loop, list_started, world);
    loop_defer_cancel(world->loop, tell_followed, world);
    world->sink = NULL;
    memset(world->started, 0, sizeof(world->started));
}

static const struct object_source_ops source_ops = {
    .start = source_start,
    .follow = source_follow,
    .unfollow = source_unfollow,
    .relist = source_relist,
    .stands = source_stands,
    .watches = source_watches,
    .free = source_free,
};

/* What is there. */

static void tell_change(struct fake_world *world, const struct object *object)
{
    if (world->sink && is_told(world, object))
        world->sink->put(world->sink_arg, object);
}

static void tell_gone(struct fake_world *world, const struct object *object)
{
    if (!world->sink || !is_told(world, object))
        return;
    struct err err;
    err_set(&err, ERR_NOT_FOUND, 404, "not found");
    if (is_listed(object->kind) || object->kind == OBJECT_ENDPOINTSLICE)
        world->sink->gone(world->sink_arg, object->kind, object->key, object->uid);
    else
        world->sink->missing(world->sink_arg, object->kind, object->key, &err);
}

/* Stores a tree as the newest version; takes it. */
static const struct object *put_tree(struct fake_world *world, enum object_kind kind, json_t *tree)
{
    char version[16];
    snprintf(version, sizeof(version), "%u", ++world->next_version);
    json_object_set_new(json_object_get(tree, "metadata"), "resourceVersion", json_string(version));
    char *text = json_dumps(tree, JSON_COMPACT);
    json_decref(tree);
    struct object *object = NULL;
    struct err err;
    if (object_new(kind, (struct span){text, strlen(text)}, NULL, &object, &err) < 0)
        fail_msg("%s", err.msg);
    free(text);
    object_unref(cache_put(world->objects, object));
    object_unref(object);
    const struct object *stored = cache_get(world->objects, kind, object->key);
    tell_change(world, stored);
    return stored;
}

static void take_over(json_t *metadata, const json_t *before, const char *name)
{
    json_t *value = json_object_get(before, name);
    if (value && !json_object_get(metadata, name))
        json_object_set(metadata, name, value);
}

static bool same_spec(const json_t *a, const json_t *b)
{
    return json_equal(json_object_get(a, "spec"), json_object_get(b, "spec"));
}

void fake_world_apply(struct fake_world *world, const char *json)
{
    CLEANUP(freep) char *text = quoted(json);
    json_error_t fault;
    json_t *tree = json_loads(text, 0, &fault);
    if (!tree)
        fail_msg("%s at %d: %s", fault.text, fault.position, text);
    json_t *metadata = json_object_get(tree, "metadata");
    const char *kind_name = json_string_value(json_object_get(tree, "kind"));
    enum object_kind kind = OBJECT_API;
    while (kind < OBJECT_KIND_COUNT && !str_equal(object_kind_name(kind), kind_name))
        kind++;
    assert_true(kind < OBJECT_KIND_COUNT);
    if (object_kind_is_namespaced(kind) && !json_object_get(metadata, "namespace"))
        json_object_set_new(metadata, "namespace", json_string("default"));

    const char *ns = json_string_value(json_object_get(metadata, "namespace"));
    const char *name = json_string_value(json_object_get(metadata, "name"));
    CLEANUP(freep) char *key = ns ? object_key_of(ns, name) : xstrdup(name);
    const struct object *present = cache_get(world->objects, kind, key);
    if (present) {
        json_auto_t *before = json_text_parse(object_text(present));
        const json_t *old = json_object_get(before, "metadata");
        static const char *const kept[] = {"uid",        "creationTimestamp", "generation",
                                           "finalizers", "annotations",       "deletionTimestamp"};
        for (size_t i = 0; i < ARRAY_LENGTH(kept); i++)
            take_over(metadata, old, kept[i]);
        take_over(tree, before, "status");
        if (!same_spec(before, tree)) {
            json_int_t generation = json_integer_value(json_object_get(old, "generation"));
            json_object_set_new(metadata, "generation", json_integer(generation + 1));
        }
    } else {
        char created[21];
        char uid[24];
        str_format_time(created, loop_wall_time(world->loop));
        snprintf(uid, sizeof(uid), "uid-%u", ++world->next_uid);
        if (!world->unchangeable)
            json_object_set_new(metadata, "uid", json_string(uid));
        if (!json_object_get(metadata, "creationTimestamp"))
            json_object_set_new(metadata, "creationTimestamp", json_string(created));
        json_object_set_new(metadata, "generation", json_integer(1));
        if (!json_object_get(tree, "status"))
            json_object_set_new(tree, "status", json_pack("{s:i}", "observedGeneration", -1));
    }
    put_tree(world, kind, tree);
    fake_loop_run(world->loop);
}

static void remove_object(struct fake_world *world, enum object_kind kind, const char *key)
{
    struct object *object = cache_remove(world->objects, kind, key);
    if (object)
        tell_gone(world, object);
    object_unref(object);
}

static void remove_if_released(struct fake_world *world, enum object_kind kind, const char *key)
{
    const struct object *object = cache_get(world->objects, kind, key);
    struct span finalizers = json_text_get(object_text(object), "metadata", "finalizers", NULL);
    struct json_text_iter iter = json_text_iterate(finalizers);
    if (object->deleting && !json_text_next(&iter))
        remove_object(world, kind, key);
}

void fake_world_delete(struct fake_world *world, enum object_kind kind, const char *key)
{
    const struct object *object = cache_get(world->objects, kind, key);
    assert_non_null(object);
    json_t *tree = json_text_parse(object_text(object));
    json_t *metadata = json_object_get(tree, "metadata");
    char now[21];
    str_format_time(now, loop_wall_time(world->loop));
    json_object_set_new(metadata, "deletionTimestamp", json_string(now));
    json_int_t generation = json_integer_value(json_object_get(metadata, "generation"));
    json_object_set_new(metadata, "generation", json_integer(generation + 1));
    if (json_array_size(json_object_get(metadata, "finalizers"))) {
        put_tree(world, kind, tree);
    } else {
        json_decref(tree);
        remove_object(world, kind, key);
    }
    fake_loop_run(world->loop);
}

void fake_world_strip(struct fake_world *world, enum object_kind kind, const char *key)
{
    const struct object *object = cache_get(world->objects, kind, key);
    json_t *tree = json_text_parse(object_text(object));
    json_object_del(json_object_get(tree, "metadata"), "finalizers");
    put_tree(world, kind, tree);
    remove_if_released(world, kind, key);
    fake_loop_run(world->loop);
}

const struct object *fake_world_get(const struct fake_world *world, enum object_kind kind,
                                    const char *key)
{
    return cache_get(world->objects, kind, key);
}

void fake_world_lose(struct fake_world *world, enum object_kind kind, enum err_class class)
{
    world->cut[kind] = true;
    struct err err;
    err_set(&err, class, 0, "cannot be followed");
    world->sink->trouble(world->sink_arg, kind, &err);
    fake_loop_run(world->loop);
}

void fake_world_cut(struct fake_world *world, enum object_kind kind, bool cut)
{
    if (cut) {
        fake_world_lose(world, kind, ERR_TRANSIENT);
        return;
    }
    world->cut[kind] = false;
    list(world, kind);
    fake_loop_run(world->loop);
}

static bool put_into(void *arg, const struct object *object)
{
    struct cache *cache = arg;
    object_unref(cache_put(cache, object));
    return true;
}

static void copy_all(struct cache *to, const struct cache *from)
{
    for (enum object_kind kind = 0; kind < OBJECT_KIND_COUNT; kind++)
        cache_visit(from, kind, put_into, to);
}

void fake_world_back_up(struct fake_world *world)
{
    cache_free(world->backup);
    world->backup = cache_new();
    copy_all(world->backup, world->objects);
}

void fake_world_restore(struct fake_world *world)
{
    cache_free(world->objects);
    world->objects = cache_new();
    copy_all(world->objects, world->backup);
}

void fake_world_set_unsure(struct fake_world *world, bool unsure)
{
    world->unsure = unsure;
    world->doubted_since = -1;
}

int64_t fake_world_doubted_since(const struct fake_world *world)
{
    return world->doubted_since;
}

unsigned fake_world_relists(const struct fake_world *world, enum object_kind kind)
{
    return world->relists[kind];
}

void fake_world_resume(struct fake_world *world, enum object_kind kind)
{
    world->cut[kind] = false;
    world->sink->resumed(world->sink_arg, kind);
    fake_loop_run(world->loop);
}

void fake_world_forbid(struct fake_world *world, enum object_kind kind)
{
    world->forbidden[kind] = true;
}

bool fake_world_is_followed(const struct fake_world *world, enum object_kind kind, const char *key)
{
    return strmap_has(world->followed[kind], key);
}

void fake_world_watch_only(struct fake_world *world, const char *ns)
{
    free(world->only_ns);
    world->only_ns = xstrdup(ns);
}

void fake_world_set_unchangeable(struct fake_world *world)
{
    world->unchangeable = true;
}

/* The store. */

static void call_free(struct store_call *call)
{
    free(call->key);
    free(call->version);
    free(call->uid);
    free(call->status);
    free(call->add_finalizer);
    for (size_t i = 0; call->remove_finalizers && call->remove_finalizers[i]; i++)
        free(call->remove_finalizers[i]);
    free(call->remove_finalizers);
    free(call->annotation);
    free(call->annotation_value);
    free(call->spec_patch);
    free(call);
}

static json_t *patch_target(json_t *tree, const char *path, char **ret_last)
{
    json_t *at = tree;
    char *copy = xstrdup(path);
    char *rest = copy + 1;
    char *slash;
    while ((slash = strchr(rest, '/'))) {
        *slash = '\0';
        at = json_is_array(at) ? json_array_get(at, strtoul(rest, NULL, 10))
                               : json_object_get(at, rest);
        rest = slash + 1;
    }
    *ret_last = xstrdup(rest);
    free(copy);
    return at;
}

/* RFC 6902, as far as rewrites need it: test, add, replace, remove on members. */
static bool apply_patch(json_t *tree, const char *patch)
{
    json_auto_t *operations = json_loads(patch, 0, NULL);
    assert_non_null(operations);
    size_t index;
    json_t *operation;
    json_array_foreach(operations, index, operation)
    {
        const char *op = json_string_value(json_object_get(operation, "op"));
        json_t *value = json_object_get(operation, "value");
        char *last = NULL;
        json_t *target =
            patch_target(tree, json_string_value(json_object_get(operation, "path")), &last);
        bool fine = target != NULL;
        if (fine && strcmp(op, "test") == 0)
            fine = json_is_array(target)
                       ? json_equal(json_array_get(target, strtoul(last, NULL, 10)), value)
                       : json_equal(json_object_get(target, last), value);
        else if (fine && strcmp(op, "remove") == 0)
            fine = json_object_del(target, last) == 0;
        else if (fine && json_is_array(target))
            fine = json_array_set(target, strtoul(last, NULL, 10), value) == 0;
        else if (fine)
            fine = json_object_set(target, last, value) == 0;
        free(last);
        if (!fine)
            return false;
    }
    return true;
}

static void change_finalizers(json_t *metadata, const struct store_call *call)
{
    json_t *list = json_object_get(metadata, "finalizers");
    if (!list) {
        list = json_array();
        json_object_set_new(metadata, "finalizers", list);
    }
    if (call->add_finalizer)
        json_array_append_new(list, json_string(call->add_finalizer));
    for (size_t i = 0; call->remove_finalizers && call->remove_finalizers[i]; i++) {
        for (size_t j = 0; j < json_array_size(list); j++) {
            if (str_equal(json_string_value(json_array_get(list, j)), call->remove_finalizers[i]))
                json_array_remove(list, j--);
        }
    }
}

static void change_annotation(json_t *metadata, const struct store_call *call)
{
    if (!call->annotation)
        return;
    json_t *annotations = json_object_get(metadata, "annotations");
    if (!annotations) {
        annotations = json_object();
        json_object_set_new(metadata, "annotations", annotations);
    }
    if (call->annotation_value)
        json_object_set_new(annotations, call->annotation, json_string(call->annotation_value));
    else
        json_object_del(annotations, call->annotation);
}

static bool is_too_large(const struct fake_world *world, const json_t *tree)
{
    return world->limit && json_dumpb(tree, NULL, 0, JSON_COMPACT) > world->limit;
}

static int perform(struct store_call *call, struct err *err)
{
    struct fake_world *world = call->world;
    const struct object *object = cache_get(world->objects, call->kind, call->key);
    bool fails = world->fail_all || (world->fail_statuses && call->status) ||
                 str_equal(world->fail_key, call->key);
    if (world->fail_next || fails) {
        world->fail_next = false;
        world->failed_writes++;
        return err_set(err, world->fail_class, 0, "failed as told");
    }
    if (!object)
        return err_set(err, ERR_NOT_FOUND, 404, "not found");
    if (!str_equal(object->version, call->version) || !str_equal(object->uid, call->uid))
        return err_set(err, ERR_CONFLICT, 409, "the object has been modified");
    json_t *tree = json_text_parse(object_text(object));
    json_t *metadata = json_object_get(tree, "metadata");
    if (call->status) {
        json_t *status = json_loads(call->status, 0, NULL);
        if (!status)
            fail_msg("status is no JSON: %s", call->status);
        json_object_set_new(tree, "status", status);
    } else {
        json_auto_t *before = json_deep_copy(json_object_get(tree, "spec"));
        change_finalizers(metadata, call);
        change_annotation(metadata, call);
        if (call->spec_patch && !apply_patch(tree, call->spec_patch)) {
            json_decref(tree);
            return err_set(err, ERR_CONFLICT, 422, "a test of the patch failed");
        }
        if (!json_equal(before, json_object_get(tree, "spec"))) {
            json_int_t generation = json_integer_value(json_object_get(metadata, "generation"));
            json_object_set_new(metadata, "generation", json_integer(generation + 1));
        }
    }
    if (call->kind == OBJECT_API && is_too_large(world, tree)) {
        json_decref(tree);
        world->failed_writes++;
        return err_set(err, ERR_TOO_LARGE, 500, "request is too large");
    }
    put_tree(world, call->kind, tree);
    return 0;
}

static void answer(void *arg)
{
    struct store_call *call = arg;
    struct fake_world *world = call->world;
    struct err err;
    int result = perform(call, &err);
    CLEANUP(object_unrefp) struct object *object = NULL;
    if (result == 0) {
        object = object_ref(cache_get(world->objects, call->kind, call->key));
        remove_if_released(world, call->kind, call->key);
    }
    TAILQ_REMOVE(&world->calls, call, entry);
    store_done_fn *done = call->done;
    void *done_arg = call->arg;
    call_free(call);
    done(done_arg, object, result == 0 ? NULL : &err);
}

static struct store_call *start_call(struct object_store *store, const struct object *object,
                                     store_done_fn *done, void *arg)
{
    struct fake_world *world = of_store(store);
    struct store_call *call = xcalloc(1, sizeof(*call));
    call->world = world;
    call->kind = object->kind;
    call->key = xstrdup(object->key);
    call->version = xstrdup(object->version);
    call->uid = xstrdup(object->uid);
    call->done = done;
    call->arg = arg;
    TAILQ_INSERT_TAIL(&world->calls, call, entry);
    if (!world->hold)
        loop_defer(world->loop, answer, call);
    return call;
}

static struct store_call *store_write_status(struct object_store *store,
                                             const struct object *object, struct span status,
                                             store_done_fn *done, void *arg)
{
    struct store_call *call = start_call(store, object, done, arg);
    call->status = xstrndup(status.ptr, status.length);
    of_store(store)->status_writes++;
    return call;
}

static struct store_call *store_change(struct object_store *store, const struct object *object,
                                       const struct object_change *change, store_done_fn *done,
                                       void *arg)
{
    assert_false(of_store(store)->unchangeable);
    struct store_call *call = start_call(store, object, done, arg);
    call->add_finalizer = change->add_finalizer ? xstrdup(change->add_finalizer) : NULL;
    size_t count = 0;
    while (change->remove_finalizers && change->remove_finalizers[count])
        count++;
    call->remove_finalizers = xcalloc(count + 1, sizeof(char *));
    for (size_t i = 0; i < count; i++)
        call->remove_finalizers[i] = xstrdup(change->remove_finalizers[i]);
    call->annotation = change->annotation ? xstrdup(change->annotation) : NULL;
    call->annotation_value = change->annotation_value ? xstrdup(change->annotation_value) : NULL;
    if (change->spec_patch.ptr)
        call->spec_patch = xstrndup(change->spec_patch.ptr, change->spec_patch.length);
    of_store(store)->changes++;
    return call;
}

static void store_cancel(struct object_store *store, struct store_call *call)
{
    struct fake_world *world = of_store(store);
    loop_defer_cancel(world->loop, answer, call);
    TAILQ_REMOVE(&world->calls, call, entry);
    call_free(call);
}

static void store_event(struct object_store *store, const struct object *object,
                        enum event_type type, const char *reason, const char *note)
{
    struct fake_world *world = of_store(store);
    (void)type;
    assert_true(strlen(note) <= 1024);
    struct told *told = xcalloc(1, sizeof(*told));
    *told = (struct told){xstrdup(object->key), xstrdup(reason), xstrdup(note), {NULL}};
    STAILQ_INSERT_TAIL(&world->events, told, entry);
}

static bool store_can_change(const struct object_store *store)
{
    return !of_store(store)->unchangeable;
}

static void store_free(struct object_store *store)
{
    (void)store;
}

static const struct object_store_ops store_ops = {
    .write_status = store_write_status,
    .change = store_change,
    .cancel = store_cancel,
    .event = store_event,
    .can_change = store_can_change,
    .free = store_free,
};

/* Setting up and looking. */

struct fake_world *fake_world_new(struct loop *loop)
{
    struct fake_world *world = xcalloc(1, sizeof(*world));
    world->source.ops = &source_ops;
    world->store.ops = &store_ops;
    world->loop = loop;
    world->objects = cache_new();
    world->next_version = 100;
    for (size_t i = 0; i < OBJECT_KIND_COUNT; i++)
        world->followed[i] = strset_new();
    TAILQ_INIT(&world->calls);
    STAILQ_INIT(&world->events);
    return world;
}

void fake_world_forget_events(struct fake_world *world)
{
    while (!STAILQ_EMPTY(&world->events)) {
        struct told *told = STAILQ_FIRST(&world->events);
        STAILQ_REMOVE_HEAD(&world->events, entry);
        free(told->key);
        free(told->reason);
        free(told->note);
        free(told);
    }
}

void fake_world_free(struct fake_world *world)
{
    assert_true(TAILQ_EMPTY(&world->calls));
    fake_world_forget_events(world);
    for (size_t i = 0; i < OBJECT_KIND_COUNT; i++)
        strmap_free(world->followed[i]);
    cache_free(world->objects);
    cache_free(world->backup);
    free(world->fail_key);
    free(world->only_ns);
    free(world);
}

struct object_source *fake_world_source(struct fake_world *world)
{
    return &world->source;
}

struct object_store *fake_world_store(struct fake_world *world)
{
    return &world->store;
}

void fake_world_fail_next_write(struct fake_world *world, enum err_class class)
{
    world->fail_next = true;
    world->fail_class = class;
}

void fake_world_fail_writes_of(struct fake_world *world, const char *key, enum err_class class)
{
    free(world->fail_key);
    world->fail_key = key ? xstrdup(key) : NULL;
    world->fail_class = class;
}

void fake_world_set_limit(struct fake_world *world, size_t bytes)
{
    world->limit = bytes;
}

unsigned fake_world_failed_writes(const struct fake_world *world)
{
    return world->failed_writes;
}

void fake_world_fail_writes(struct fake_world *world, enum err_class class, bool fail)
{
    world->fail_all = fail;
    world->fail_class = class;
}

void fake_world_fail_statuses(struct fake_world *world, enum err_class class, bool fail)
{
    world->fail_statuses = fail;
    world->fail_class = class;
}

void fake_world_hold_follows(struct fake_world *world, bool hold)
{
    world->follows_are_held = hold;
    if (!hold)
        loop_defer(world->loop, tell_followed, world);
}

void fake_world_hold_writes(struct fake_world *world, bool hold)
{
    world->hold = hold;
    struct store_call *call;
    TAILQ_FOREACH(call, &world->calls, entry)
    {
        if (!hold)
            loop_defer(world->loop, answer, call);
    }
    fake_loop_run(world->loop);
}

unsigned fake_world_status_writes(const struct fake_world *world)
{
    return world->status_writes;
}

unsigned fake_world_changes(const struct fake_world *world)
{
    return world->changes;
}

unsigned fake_world_events(const struct fake_world *world, const char *key, const char *reason)
{
    unsigned count = 0;
    const struct told *told;
    STAILQ_FOREACH(told, &world->events, entry)
    {
        count += str_equal(told->key, key) && str_equal(told->reason, reason);
    }
    return count;
}

bool fake_world_event_says(const struct fake_world *world, const char *text)
{
    const struct told *told;
    STAILQ_FOREACH(told, &world->events, entry)
    {
        if (strstr(told->note, text))
            return true;
    }
    return false;
}

static json_t *value_at(json_t *tree, const char *path)
{
    CLEANUP(freep) char *copy = xstrdup(path);
    char *rest = copy;
    while (tree && *rest) {
        char *end = strchrnul(rest, '/');
        bool more = *end != '\0';
        *end = '\0';
        tree = json_is_array(tree) ? json_array_get(tree, strtoul(rest, NULL, 10))
                                   : json_object_get(tree, rest);
        rest = more ? end + 1 : end;
    }
    return tree;
}

char *fake_world_read(const struct fake_world *world, enum object_kind kind, const char *key,
                      const char *path)
{
    const struct object *object = cache_get(world->objects, kind, key);
    if (!object)
        return NULL;
    json_auto_t *tree = json_text_parse(object_text(object));
    const json_t *value = value_at(tree, path);
    return value ? json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY) : NULL;
}

void fake_world_expect(const struct fake_world *world, enum object_kind kind, const char *key,
                       const char *path, const char *json)
{
    CLEANUP(freep) char *found = fake_world_read(world, kind, key, path);
    if (!json) {
        if (found)
            fail_msg("%s %s: %s is %s, nothing was expected", object_kind_name(kind), key, path,
                     found);
        return;
    }
    CLEANUP(freep) char *text = quoted(json);
    json_auto_t *wanted = json_loads(text, JSON_DECODE_ANY, NULL);
    json_auto_t *present = found ? json_loads(found, JSON_DECODE_ANY, NULL) : NULL;
    assert_non_null(wanted);
    if (!json_equal(wanted, present))
        fail_msg("%s %s: %s is %s, %s was expected", object_kind_name(kind), key, path,
                 found ? found : "absent", text);
}

void fake_world_expect_reason(const struct fake_world *world, enum object_kind kind,
                              const char *key, const char *condition, const char *reason)
{
    const struct object *object = cache_get(world->objects, kind, key);
    assert_non_null(object);
    struct json_text_iter iter =
        json_text_iterate(json_text_get(object_text(object), "status", "conditions", NULL));
    CLEANUP(freep) char *found = NULL;
    while (json_text_next(&iter)) {
        if (json_text_is(json_text_member(iter.value, "type"), condition))
            found = json_text_string(json_text_member(iter.value, "reason"));
    }
    if (!str_equal(found, reason))
        fail_msg("%s %s: %s is %s, %s was expected; status: %.*s", object_kind_name(kind), key,
                 condition, found ? found : "absent", reason ? reason : "nothing",
                 (int)json_text_member(object_text(object), "status").length,
                 json_text_member(object_text(object), "status").ptr);
}
