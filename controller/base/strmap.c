/* SPDX-License-Identifier: Apache-2.0 */
#include "base/strmap.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

/* There are many maps of a few entries: those are searched along their list, without a table. */
#define WITHOUT_TABLE 6
#define FIRST_CAPACITY 16

/* Some 30 bytes and the key, because there are a dozen for every object. */
struct strmap_entry {
    struct strmap_entry *next; /* in the order of insertion */
    struct strmap_entry *prev;
    void *value;
    uint32_t hash;
    char key[];
};

struct strmap {
    struct strmap_entry *first;
    struct strmap_entry *last;
    struct strmap_entry **table; /* open addressing; NULL while there are few */
    uint32_t capacity;           /* of the table; a power of two */
    uint32_t count;
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
    return map->count;
}

/* FNV-1a, and a last stir: tables use the low bits. */
static uint32_t hash_of(const char *key)
{
    uint32_t hash = 2166136261U;
    for (const unsigned char *at = (const unsigned char *)key; *at; at++)
        hash = (hash ^ *at) * 16777619U;
    return hash ^ (hash >> 15);
}

static bool is_it(const struct strmap_entry *entry, uint32_t hash, const char *key)
{
    return entry->hash == hash && strcmp(entry->key, key) == 0;
}

static struct strmap_entry *find(const struct strmap *map, uint32_t hash, const char *key)
{
    struct strmap_entry *entry = map->first;
    if (!map->table) {
        while (entry && !is_it(entry, hash, key))
            entry = entry->next;
        return entry;
    }
    uint32_t mask = map->capacity - 1;
    for (uint32_t i = hash & mask; (entry = map->table[i]); i = (i + 1) & mask) {
        if (is_it(entry, hash, key))
            return entry;
    }
    return NULL;
}

void *strmap_get(const struct strmap *map, const char *key)
{
    const struct strmap_entry *entry = find(map, hash_of(key), key);
    return entry ? entry->value : NULL;
}

bool strmap_has(const struct strmap *map, const char *key)
{
    return find(map, hash_of(key), key) != NULL;
}

const char *strmap_key(const struct strmap *map, const char *key)
{
    const struct strmap_entry *entry = find(map, hash_of(key), key);
    return entry ? entry->key : NULL;
}

static void place(struct strmap *map, struct strmap_entry *entry)
{
    uint32_t mask = map->capacity - 1;
    uint32_t i = entry->hash & mask;
    while (map->table[i])
        i = (i + 1) & mask;
    map->table[i] = entry;
}

/* Makes room in the table for one entry more: at most three quarters full. */
static void grow(struct strmap *map)
{
    if (map->count < WITHOUT_TABLE || map->count + 1 <= map->capacity / 4 * 3)
        return;
    map->capacity = map->capacity ? map->capacity * 2 : FIRST_CAPACITY;
    free(map->table);
    map->table = xcalloc(map->capacity, sizeof(struct strmap_entry *));
    for (struct strmap_entry *entry = map->first; entry; entry = entry->next)
        place(map, entry);
}

void strmap_set(struct strmap *map, const char *key, void *value)
{
    uint32_t hash = hash_of(key);
    struct strmap_entry *entry = find(map, hash, key);
    if (entry) {
        if (map->free_value && entry->value != value)
            map->free_value(entry->value);
        entry->value = value;
        return;
    }
    grow(map);
    size_t size = strlen(key) + 1;
    entry = xmalloc(offsetof(struct strmap_entry, key) + size);
    entry->next = NULL;
    entry->prev = map->last;
    entry->value = value;
    entry->hash = hash;
    memcpy(entry->key, key, size);
    if (map->last)
        map->last->next = entry;
    else
        map->first = entry;
    map->last = entry;
    map->count++;
    if (map->table)
        place(map, entry);
}

/* Takes an entry out of the table; whoever it has pushed on moves up. */
static void displace(struct strmap *map, const struct strmap_entry *entry)
{
    uint32_t mask = map->capacity - 1;
    uint32_t hole = entry->hash & mask;
    while (map->table[hole] != entry)
        hole = (hole + 1) & mask;
    for (uint32_t i = (hole + 1) & mask; map->table[i]; i = (i + 1) & mask) {
        uint32_t home = map->table[i]->hash & mask;
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            map->table[hole] = map->table[i];
            hole = i;
        }
    }
    map->table[hole] = NULL;
}

void *strmap_take(struct strmap *map, const char *key)
{
    struct strmap_entry *entry = find(map, hash_of(key), key);
    if (!entry)
        return NULL;
    if (map->table)
        displace(map, entry);
    if (entry->prev)
        entry->prev->next = entry->next;
    else
        map->first = entry->next;
    if (entry->next)
        entry->next->prev = entry->prev;
    else
        map->last = entry->prev;
    if (!--map->count) {
        free(TAKE(map->table)); /* it may be large: of a start, say */
        map->capacity = 0;
    }
    void *value = entry->value;
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
    struct strmap_entry *entry = map->first;
    free(map->table);
    *map = (struct strmap){.free_value = map->free_value};
    while (entry) {
        struct strmap_entry *next = entry->next;
        if (map->free_value && entry->value)
            map->free_value(entry->value);
        free(entry);
        entry = next;
    }
}

struct strmap_entry *strmap_first(const struct strmap *map)
{
    return map->first;
}

struct strmap_entry *strmap_next(const struct strmap_entry *entry)
{
    return entry->next;
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
    const char **keys = xcalloc((size_t)map->count + 1, sizeof(*keys));
    size_t used = 0;
    for (const struct strmap_entry *entry = map->first; entry; entry = entry->next)
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
    if (!strmap_has(set, key))
        strmap_set(set, key, set);
}
