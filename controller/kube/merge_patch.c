/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/merge_patch.h"

#include <string.h>

#include "base/json_text.h"
#include "base/mem.h"

static bool same_bytes(struct span a, struct span b)
{
    CLEANUP(buf_fini) struct buf left;
    CLEANUP(buf_fini) struct buf right;
    buf_init(&left, BUF_UNLIMITED);
    buf_init(&right, BUF_UNLIMITED);
    json_text_add_compact(&left, a);
    json_text_add_compact(&right, b);
    return left.length == right.length &&
           memcmp(buf_text(&left), buf_text(&right), left.length) == 0;
}

static void add_key(struct buf *out, const char *key, size_t *count)
{
    if ((*count)++)
        buf_add_char(out, ',');
    json_text_add_string(out, key);
    buf_add_char(out, ':');
}

bool merge_patch_add(struct span before, struct span after, struct buf *out)
{
    bool both = json_text_type(before) == JSON_TEXT_OBJECT;
    if (json_text_type(after) != JSON_TEXT_OBJECT) {
        buf_add(out, after.ptr, after.length);
        return true;
    }
    size_t count = 0;
    buf_add_char(out, '{');
    struct json_text_iter iter = json_text_iterate(before);
    while (both && json_text_next(&iter)) {
        CLEANUP(freep) char *key = json_text_string(iter.key);
        if (json_text_member(after, key).ptr)
            continue;
        add_key(out, key, &count);
        buf_add_text(out, "null");
    }
    iter = json_text_iterate(after);
    while (json_text_next(&iter)) {
        CLEANUP(freep) char *key = json_text_string(iter.key);
        struct span old = both ? json_text_member(before, key) : (struct span){NULL, 0};
        if (old.ptr && same_bytes(old, iter.value))
            continue;
        add_key(out, key, &count);
        merge_patch_add(old, iter.value, out);
    }
    buf_add_char(out, '}');
    return count > 0;
}
