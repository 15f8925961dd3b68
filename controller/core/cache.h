/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/object.h"

/*
 * The newest version of each object, by kind and key. Pure: what changes is told by the informer.
 */
struct cache;

struct cache *cache_new(void);
void cache_free(struct cache *cache);
void cache_freep(struct cache **cache);

/* Borrowed until the next change; NULL when absent. */
const struct object *cache_get(const struct cache *cache, enum object_kind kind, const char *key);
const struct object *cache_get_named(const struct cache *cache, enum object_kind kind,
                                     const char *ns, const char *name);
size_t cache_count(const struct cache *cache, enum object_kind kind);

/* Puts an object (takes a reference of its own) and returns owned what stood there before, or NULL.
 */
struct object *cache_put(struct cache *cache, const struct object *object);
/* Returns owned what stood there, or NULL. */
struct object *cache_remove(struct cache *cache, enum object_kind kind, const char *key);

/* The objects of a kind, in no order that means anything: fn returns false to stop. */
typedef bool cache_visit_fn(void *arg, const struct object *object);
void cache_visit(const struct cache *cache, enum object_kind kind, cache_visit_fn *fn, void *arg);
/* Returns owned array (free(3)) of the borrowed keys in the order of their bytes, NULL at its end.
 */
const char **cache_sorted_keys(const struct cache *cache, enum object_kind kind);

/* The Webhooks whose spec.id is `id`: borrowed array of their keys, NULL at its end, in no order.
 */
const char *const *cache_webhooks_with_id(const struct cache *cache, const char *id);
