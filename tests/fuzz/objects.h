/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <string.h>

#include "base/json_text.h"
#include "base/mem.h"
#include "core/cache.h"

/* A line is an object if it is JSON with a kind of ours. */
static inline void put_line(struct cache *cache, struct span line)
{
    static const struct json_text_limits limits = {.depth = 100, .unique_keys = true};
    static const char *const versions[] = {"tyk.tyk.io/v1alpha1", "v1"};
    if (json_text_check(line, &limits, NULL, NULL) < 0)
        return;
    CLEANUP(freep) char *kind = json_text_string(json_text_member(line, "kind"));
    enum object_kind which;
    struct object *object = NULL;
    if (!kind || (!object_kind_from_name(versions[0], kind, &which) &&
                  !object_kind_from_name(versions[1], kind, &which)))
        return;
    if (object_new(which, line, NULL, &object, NULL) < 0)
        return;
    object_unref(cache_put(cache, object));
    object_unref(object);
}

/* Returns owned: what is among the lines of a text. */
static inline struct cache *read_objects(const char *text, size_t size)
{
    struct cache *cache = cache_new();
    const char *end = text + size;
    while (text < end) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        const char *stop = newline ? newline : end;
        if (stop > text)
            put_line(cache, (struct span){text, (size_t)(stop - text)});
        text = stop + 1;
    }
    return cache;
}
