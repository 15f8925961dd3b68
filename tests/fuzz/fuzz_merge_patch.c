/* SPDX-License-Identifier: Apache-2.0 */
/* Two documents with a line feed between: the patch that makes one of the other does so, as RFC
 * 7386 applies it, and there is none exactly when they are equal. */
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json_text.h"
#include "base/mem.h"
#include "kube/merge_patch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

/* null is what a merge patch cannot say. */
static bool has_null(const json_t *tree)
{
    const char *key;
    json_t *value;
    size_t index;
    if (json_is_object(tree)) {
        json_object_foreach((json_t *)(uintptr_t)tree, key, value)
        {
            if (has_null(value))
                return true;
        }
    }
    json_array_foreach((json_t *)(uintptr_t)tree, index, value)
    {
        if (has_null(value))
            return true;
    }
    return json_is_null(tree);
}

/* Takes `target` (NULL: nothing), returns owned: RFC 7386, section 2. */
static json_t *apply(json_t *target, const json_t *patch)
{
    if (!json_is_object(patch)) {
        json_decref(target);
        return json_deep_copy(patch);
    }
    json_t *result = json_is_object(target) ? json_deep_copy(target) : json_object();
    json_decref(target);
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)patch, key, value)
    {
        if (json_is_null(value)) {
            json_object_del(result, key);
            continue;
        }
        json_t *member = json_object_get(result, key);
        json_object_set_new(result, key, apply(member ? json_incref(member) : NULL, value));
    }
    return result;
}

static void check(struct span before, struct span after)
{
    json_auto_t *old = json_loadb(before.ptr, before.length, JSON_DECODE_ANY, NULL);
    json_auto_t *new = json_loadb(after.ptr, after.length, JSON_DECODE_ANY, NULL);
    if (!old || !new || has_null(old) || has_null(new))
        return; /* numbers that jansson cannot hold, and the like */
    CLEANUP(buf_fini) struct buf text;
    buf_init(&text, BUF_UNLIMITED);
    bool differs = merge_patch_add(before, after, &text);
    json_auto_t *patch = json_loadb(buf_text(&text), text.length, JSON_DECODE_ANY, NULL);
    require(patch != NULL);
    json_auto_t *made = apply(json_incref(old), patch);
    require(json_equal(made, new));
    if (!differs)
        require(json_equal(old, new));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct json_text_limits limits = {.depth = 20, .unique_keys = true};
    const uint8_t *feed = size ? memchr(data, '\n', size) : NULL;
    if (!feed)
        return 0;
    size_t first = (size_t)(feed - data);
    CLEANUP(freep) char *before = xstrndup((const char *)data, first);
    CLEANUP(freep) char *after = xstrndup((const char *)feed + 1, size - first - 1);
    struct span old = {before, first};
    struct span new = {after, size - first - 1};
    /* As they come from an object: an object, without blanks around. */
    if (json_text_check(old, &limits, NULL, NULL) < 0 ||
        json_text_check(new, &limits, NULL, NULL) < 0 || *before != '{' || *after != '{')
        return 0;
    check(old, new);
    return 0;
}
