/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

/* A hash table by string. All zeros is an empty one. Keys and values are borrowed. */
struct map {
    struct map_slot *slots;
    size_t capacity;
    size_t count;
    size_t used; /* slots that are or were taken */
};

/* The value of a key, NULL if there is none. */
void *map_get(const struct map *map, const char *key);

/* Sets a value (not NULL) and returns the one before, NULL if there was none. The old key is let
 * go. */
void *map_put(struct map *map, const char *key, void *value);

/* Takes a key out and returns its value, NULL if there was none. */
void *map_remove(struct map *map, const char *key);

/* Goes through all values in no order: *position begins at 0; NULL at the end. */
void *map_next(const struct map *map, size_t *position);

void map_fini(struct map *map);
