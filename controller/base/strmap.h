/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/mem.h"

/*
 * A map from text to pointer. Iteration is in the order of insertion; the order by
 * bytes, where output must not depend on history, is strmap_sorted_keys(). Keys are copied.
 * A NULL value cannot be told from absence by strmap_get().
 */
struct strmap;
struct strmap_entry;

typedef void strmap_free_fn(void *value);

/* `free_value` (may be NULL: values are borrowed) is called for each value that leaves the map by
 * strmap_set(), strmap_remove() or strmap_free(). */
struct strmap *strmap_new(strmap_free_fn *free_value);
void strmap_free(struct strmap *map);
/* For CLEANUP. */
void strmap_freep(struct strmap **map);

size_t strmap_count(const struct strmap *map);
void *strmap_get(const struct strmap *map, const char *key);
bool strmap_has(const struct strmap *map, const char *key);
/* The map's own copy of the key, borrowed while it is in the map; NULL when absent. */
const char *strmap_key(const struct strmap *map, const char *key);
/* Takes `value`; an older value under the key is freed. */
void strmap_set(struct strmap *map, const char *key, void *value);
/* Frees the value; does nothing when the key is absent. */
void strmap_remove(struct strmap *map, const char *key);
/* Returns owned: the value leaves the map without being freed; NULL when absent. */
void *strmap_take(struct strmap *map, const char *key);
void strmap_clear(struct strmap *map);

/* for (e = strmap_first(m); e; e = strmap_next(e)): the entry at hand may be removed only after the
 * next one has been fetched. */
struct strmap_entry *strmap_first(const struct strmap *map);
struct strmap_entry *strmap_next(const struct strmap_entry *entry);
const char *strmap_entry_key(const struct strmap_entry *entry);
void *strmap_entry_value(const struct strmap_entry *entry);

/* Returns owned array (free(3)) of borrowed keys in the order of their bytes, NULL behind the last.
 */
const char **strmap_sorted_keys(const struct strmap *map);

/* A set of texts: a map in which only the keys matter. */
struct strmap *strset_new(void);
void strset_add(struct strmap *set, const char *key);
