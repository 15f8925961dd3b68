/* SPDX-License-Identifier: Apache-2.0 */
#include "core/cache.h"

#include <stdlib.h>
#include <string.h>

#include "base/json_text.h"
#include "base/str.h"
#include "base/strmap.h"

/* The keys of the Webhooks that claim one spec.id. */
struct claimants {
    char **keys; /* NULL at the end */
    size_t count;
    size_t capacity;
};

struct cache {
    struct strmap *objects[OBJECT_KIND_COUNT];
    struct strmap *webhook_ids; /* spec.id → struct claimants */
};

static void unref_value(void *value)
{
    object_unref(value);
}

static void claimants_free(void *value)
{
    struct claimants *claimants = value;
    for (size_t i = 0; i < claimants->count; i++)
        free(claimants->keys[i]);
    free(claimants->keys);
    free(claimants);
}

struct cache *cache_new(void)
{
    struct cache *cache = xcalloc(1, sizeof(*cache));
    for (size_t i = 0; i < OBJECT_KIND_COUNT; i++)
        cache->objects[i] = strmap_new(unref_value);
    cache->webhook_ids = strmap_new(claimants_free);
    return cache;
}

void cache_free(struct cache *cache)
{
    if (!cache)
        return;
    for (size_t i = 0; i < OBJECT_KIND_COUNT; i++)
        strmap_free(cache->objects[i]);
    strmap_free(cache->webhook_ids);
    free(cache);
}

void cache_freep(struct cache **cache)
{
    cache_free(*cache);
}

const struct object *cache_get(const struct cache *cache, enum object_kind kind, const char *key)
{
    return strmap_get(cache->objects[kind], key);
}

const struct object *cache_get_named(const struct cache *cache, enum object_kind kind,
                                     const char *ns, const char *name)
{
    CLEANUP(freep) char *key = object_key_of(ns, name);
    return cache_get(cache, kind, key);
}

size_t cache_count(const struct cache *cache, enum object_kind kind)
{
    return strmap_count(cache->objects[kind]);
}

static char *webhook_id(const struct object *webhook)
{
    char *id = json_text_string(json_text_get(object_spec(webhook), "id", NULL));
    if (id && !*id) {
        free(id);
        return NULL;
    }
    return id;
}

static void claim_id(struct cache *cache, const struct object *webhook)
{
    CLEANUP(freep) char *id = webhook_id(webhook);
    if (!id)
        return;
    struct claimants *claimants = strmap_get(cache->webhook_ids, id);
    if (!claimants) {
        claimants = xcalloc(1, sizeof(*claimants));
        strmap_set(cache->webhook_ids, id, claimants);
    }
    claimants->keys = xgrow(claimants->keys, claimants->count + 1, &claimants->capacity,
                            sizeof(*claimants->keys));
    claimants->keys[claimants->count++] = xstrdup(webhook->key);
    claimants->keys[claimants->count] = NULL;
}

static void release_id(struct cache *cache, const struct object *webhook)
{
    CLEANUP(freep) char *id = webhook_id(webhook);
    struct claimants *claimants = id ? strmap_get(cache->webhook_ids, id) : NULL;
    if (!claimants)
        return;
    for (size_t i = 0; i < claimants->count; i++) {
        if (strcmp(claimants->keys[i], webhook->key) != 0)
            continue;
        free(claimants->keys[i]);
        claimants->keys[i] = claimants->keys[--claimants->count];
        claimants->keys[claimants->count] = NULL;
        break;
    }
    if (!claimants->count)
        strmap_remove(cache->webhook_ids, id);
}

struct object *cache_put(struct cache *cache, const struct object *object)
{
    struct object *before = strmap_take(cache->objects[object->kind], object->key);
    if (object->kind == OBJECT_WEBHOOK) {
        if (before)
            release_id(cache, before);
        claim_id(cache, object);
    }
    strmap_set(cache->objects[object->kind], object->key, object_ref(object));
    return before;
}

struct object *cache_remove(struct cache *cache, enum object_kind kind, const char *key)
{
    struct object *before = strmap_take(cache->objects[kind], key);
    if (before && kind == OBJECT_WEBHOOK)
        release_id(cache, before);
    return before;
}

void cache_visit(const struct cache *cache, enum object_kind kind, cache_visit_fn *fn, void *arg)
{
    struct strmap_entry *next;
    for (struct strmap_entry *entry = strmap_first(cache->objects[kind]); entry; entry = next) {
        next = strmap_next(entry);
        if (!fn(arg, strmap_entry_value(entry)))
            return;
    }
}

const char **cache_sorted_keys(const struct cache *cache, enum object_kind kind)
{
    return strmap_sorted_keys(cache->objects[kind]);
}

const char *const *cache_webhooks_with_id(const struct cache *cache, const char *id)
{
    static const char *const none[] = {NULL};
    const struct claimants *claimants = strmap_get(cache->webhook_ids, id);
    return claimants ? (const char *const *)claimants->keys : none;
}
