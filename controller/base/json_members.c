/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json_members.h"

#include <string.h>

#include "base/json_text.h"
#include "base/mem.h"

void json_members_read(struct json_members *members, struct span object)
{
    members->object = object;
    members->count = 0;
    if (json_text_type(object) != JSON_TEXT_OBJECT)
        return;
    struct json_text_iter iter = json_text_iterate(object);
    while (json_text_next(&iter)) {
        if (members->count < JSON_MEMBERS_FEW) {
            members->keys[members->count] = iter.key;
            members->values[members->count] = iter.value;
        }
        members->count++;
    }
}

struct span json_members_get(const struct json_members *members, const char *key)
{
    if (members->count > JSON_MEMBERS_FEW)
        return json_text_member(members->object, key);
    for (size_t i = members->count; i-- > 0;) {
        if (json_text_is(members->keys[i], key))
            return members->values[i];
    }
    return (struct span){NULL, 0};
}

struct span json_members_like(const struct json_members *members, struct span key)
{
    bool plain =
        members->count <= JSON_MEMBERS_FEW && key.ptr && !memchr(key.ptr, '\\', key.length);
    for (size_t i = members->count; plain && i-- > 0;) {
        struct span known = members->keys[i];
        if (known.length == key.length && memcmp(known.ptr, key.ptr, key.length) == 0)
            return members->values[i];
        /* What has escapes is longer than what it stands for. */
        plain = known.length <= key.length || !memchr(known.ptr, '\\', known.length);
    }
    CLEANUP(freep) char *text = plain ? NULL : json_text_string(key);
    return text ? json_members_get(members, text) : (struct span){NULL, 0};
}
