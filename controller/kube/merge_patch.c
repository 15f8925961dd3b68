/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/merge_patch.h"

#include <string.h>

#include "base/json_members.h"
#include "base/json_text.h"
#include "base/mem.h"

static bool same_bytes(struct span a, struct span b)
{
    if (a.length == b.length && memcmp(a.ptr, b.ptr, a.length) == 0)
        return true;
    CLEANUP(buf_fini) struct buf left;
    CLEANUP(buf_fini) struct buf right;
    buf_init(&left, BUF_UNLIMITED);
    buf_init(&right, BUF_UNLIMITED);
    json_text_add_compact(&left, a);
    json_text_add_compact(&right, b);
    return left.length == right.length &&
           memcmp(buf_text(&left), buf_text(&right), left.length) == 0;
}

static void add_key(struct buf *out, struct span key, size_t *count)
{
    CLEANUP(freep) char *text = json_text_string(key);
    if ((*count)++)
        buf_add_char(out, ',');
    json_text_add_string(out, text);
    buf_add_char(out, ':');
}

bool merge_patch_add(struct span before, struct span after, struct buf *out)
{
    if (json_text_type(after) != JSON_TEXT_OBJECT) {
        buf_add(out, after.ptr, after.length);
        return true;
    }
    struct json_members old;
    struct json_members new;
    json_members_read(&old, before);
    json_members_read(&new, after);
    size_t count = 0;
    buf_add_char(out, '{');
    struct json_text_iter iter = json_text_iterate(old.count ? before : (struct span){NULL, 0});
    while (json_text_next(&iter)) {
        if (json_members_like(&new, iter.key).ptr)
            continue;
        add_key(out, iter.key, &count);
        buf_add_text(out, "null");
    }
    iter = json_text_iterate(after);
    while (json_text_next(&iter)) {
        struct span value = json_members_like(&old, iter.key);
        if (value.ptr && same_bytes(value, iter.value))
            continue;
        add_key(out, iter.key, &count);
        merge_patch_add(value, iter.value, out);
    }
    buf_add_char(out, '}');
    return count > 0;
}
