/* SPDX-License-Identifier: Apache-2.0 */
#include "map.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"

/* An empty slot has no key; one that was emptied has a key and no value. */
struct map_slot {
    const char *key;
    void *value;
    uint64_t hash;
};

static uint64_t hash_of(const char *key)
{
    uint64_t hash = 1469598103934665603ULL; /* FNV-1a */
    for (; *key != '\0'; key++) {
        hash = (hash ^ (unsigned char)*key) * 1099511628211ULL;
    }
    return hash;
}

/* The slot of a key, or the free one where it belongs. */
static struct map_slot *find(const struct map *map, const char *key, uint64_t hash)
{
    for (size_t i = hash & (map->capacity - 1);; i = (i + 1) & (map->capacity - 1)) {
        struct map_slot *slot = &map->slots[i];
        if (slot->key == NULL ||
            (slot->value != NULL && slot->hash == hash && strcmp(slot->key, key) == 0)) {
            return slot;
        }
    }
}

void *map_get(const struct map *map, const char *key)
{
    return map->capacity == 0 ? NULL : find(map, key, hash_of(key))->value;
}

static void grow(struct map *map)
{
    struct map larger = {.capacity = 64};
    while (larger.capacity < map->count * 4) {
        larger.capacity *= 2;
    }
    larger.slots = mem_zeroed(larger.capacity * sizeof(*larger.slots));
    for (size_t i = 0; i < map->capacity; i++) {
        struct map_slot *old = &map->slots[i];
        if (old->value != NULL) {
            *find(&larger, old->key, old->hash) = *old;
            larger.count++;
        }
    }
    larger.used = larger.count;
    free(map->slots);
    *map = larger;
}

void *map_put(struct map *map, const char *key, void *value)
{
    if (map->capacity == 0 || (map->used + 1) * 2 > map->capacity) {
        grow(map);
    }
    uint64_t hash = hash_of(key);
    struct map_slot *slot = find(map, key, hash);
    void *before = slot->value;
    if (slot->key == NULL) {
        map->used++;
    }
    if (before == NULL) {
        map->count++;
    }
    *slot = (struct map_slot){key, value, hash};
    return before;
}

void *map_remove(struct map *map, const char *key)
{
    if (map->capacity == 0) {
        return NULL;
    }
    struct map_slot *slot = find(map, key, hash_of(key));
    void *before = slot->value;
    if (before != NULL) {
        slot->key = "";
        slot->value = NULL;
        map->count--;
    }
    return before;
}

void *map_next(const struct map *map, size_t *position)
{
    while (*position < map->capacity) {
        struct map_slot *slot = &map->slots[(*position)++];
        if (slot->value != NULL) {
            return slot->value;
        }
    }
    return NULL;
}

void map_fini(struct map *map)
{
    free(map->slots);
    *map = (struct map){0};
}
