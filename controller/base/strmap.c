/* SPDX-License-Identifier: Apache-2.0 */
#include "base/strmap.h"

#include <stdlib.h>
#include <string.h>

/* Out of memory ends the process here as everywhere. */
#define uthash_malloc(size) xmalloc(size)
#define uthash_fatal(message) mem_exhausted()
#include <uthash.h>

#include "base/str.h"

struct strmap_entry {
    UT_hash_handle hh;
    void *value;
    char key[];
};

struct strmap {
    struct strmap_entry *entries;
    strmap_free_fn *free_value;
};

struct strmap *strmap_new(strmap_free_fn *free_value)
{
    struct strmap *map = xcalloc(1, sizeof(*map));
    map->free_value = free_value;
    return map;
}

void strmap_free(struct strmap *map)
{
    if (!map)
        return;
    strmap_clear(map);
    free(map);
}

void strmap_freep(struct strmap **map)
{
    strmap_free(*map);
}

size_t strmap_count(const struct strmap *map)
{
    return HASH_COUNT(map->entries);
}

static struct strmap_entry *find(const struct strmap *map, const char *key)
{
    struct strmap_entry *entry = NULL;
    HASH_FIND_STR(map->entries, key, entry);
    return entry;
}

void *strmap_get(const struct strmap *map, const char *key)
{
    struct strmap_entry *entry = find(map, key);
    return entry ? entry->value : NULL;
}

bool strmap_has(const struct strmap *map, const char *key)
{
    return find(map, key) != NULL;
}

void strmap_set(struct strmap *map, const char *key, void *value)
{
    struct strmap_entry *entry = find(map, key);
    if (entry) {
        if (map->free_value && entry->value != value)
            map->free_value(entry->value);
        entry->value = value;
        return;
    }
    size_t length = strlen(key);
    entry = xcalloc(1, sizeof(*entry) + length + 1);
    memcpy(entry->key, key, length + 1);
    entry->value = value;
    HASH_ADD_KEYPTR(hh, map->entries, entry->key, length, entry);
}

void *strmap_take(struct strmap *map, const char *key)
{
    struct strmap_entry *entry = find(map, key);
    if (!entry)
        return NULL;
    void *value = entry->value;
    HASH_DEL(map->entries, entry);
    free(entry);
    return value;
}

void strmap_remove(struct strmap *map, const char *key)
{
    void *value = strmap_take(map, key);
    if (value && map->free_value)
        map->free_value(value);
}

void strmap_clear(struct strmap *map)
{
    struct strmap_entry *entry;
    struct strmap_entry *next;
    HASH_ITER(hh, map->entries, entry, next)
    {
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): each entry is freed once */
        HASH_DEL(map->entries, entry);
        if (map->free_value && entry->value)
            map->free_value(entry->value);
        free(entry);
    }
}

struct strmap_entry *strmap_first(const struct strmap *map)
{
    return map->entries;
}

struct strmap_entry *strmap_next(const struct strmap_entry *entry)
{
    return entry->hh.next;
}

const char *strmap_entry_key(const struct strmap_entry *entry)
{
    return entry->key;
}

void *strmap_entry_value(const struct strmap_entry *entry)
{
    return entry->value;
}

const char **strmap_sorted_keys(const struct strmap *map)
{
    size_t count = strmap_count(map);
    const char **keys = xcalloc(count + 1, sizeof(*keys));
    size_t used = 0;
    for (struct strmap_entry *entry = strmap_first(map); entry; entry = strmap_next(entry))
        keys[used++] = entry->key;
    qsort(keys, used, sizeof(*keys), str_compare_pointers);
    return keys;
}

struct strmap *strset_new(void)
{
    return strmap_new(NULL);
}

void strset_add(struct strmap *set, const char *key)
{
    if (strmap_has(set, key))
        return;
    strmap_set(set, key, set);
}
