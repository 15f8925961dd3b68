/* SPDX-License-Identifier: Apache-2.0 */
#include "core/members.h"

#include <stdint.h>
#include <string.h>

#include "base/json_text.h"
#include "base/mem.h"

static char fold(char byte)
{
    return (char)(byte >= 'A' && byte <= 'Z' ? byte + 32 : byte);
}

bool members_key_matches(struct span key, const char *name)
{
    CLEANUP(freep) char *decoded = NULL;
    const char *at = key.ptr + 1;
    const char *end = key.ptr + key.length - 1;
    if (memchr(at, '\\', (size_t)(end - at))) {
        decoded = json_text_string(key);
        at = decoded;
        end = decoded + strlen(decoded);
    }
    for (; at < end && *name; name++) {
        /* The two letters beyond ASCII that fold to ASCII ones: long s and the Kelvin sign. */
        if (end - at >= 2 && memcmp(at, "\xc5\xbf", 2) == 0) {
            if (fold(*name) != 's')
                return false;
            at += 2;
        } else if (end - at >= 3 && memcmp(at, "\xe2\x84\xaa", 3) == 0) {
            if (fold(*name) != 'k')
                return false;
            at += 3;
        } else if (fold(*at++) != fold(*name)) {
            return false;
        }
    }
    return at == end && !*name;
}

static bool key_is(struct span key, const char *name, size_t length)
{
    return key.length == length + 2 && memcmp(key.ptr + 1, name, length) == 0;
}

/* The name that a key is, or stands for; NULL when it is another key. */
static bool find_name(struct span key, const char *const *names, size_t count, size_t *ret_index,
                      bool *ret_exact)
{
    for (size_t i = 0; i < count; i++) {
        if (key_is(key, names[i], strlen(names[i]))) {
            *ret_index = i;
            *ret_exact = true;
            return true;
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (members_key_matches(key, names[i])) {
            *ret_index = i;
            *ret_exact = json_text_is(key, names[i]); /* written with escapes */
            return true;
        }
    }
    return false;
}

void members_read(struct span object, const char *const *names, size_t count, struct span *values,
                  struct span *ret_variant, const char **ret_name)
{
    for (size_t i = 0; i < count; i++)
        values[i] = (struct span){NULL, 0};
    if (ret_variant)
        *ret_variant = (struct span){NULL, 0};
    if (json_text_type(object) != JSON_TEXT_OBJECT)
        return;
    struct json_text_iter iter = json_text_iterate(object);
    while (json_text_next(&iter)) {
        size_t index;
        bool exact;
        if (!iter.key.ptr || !find_name(iter.key, names, count, &index, &exact))
            continue;
        if (exact) {
            bool null = json_text_type(iter.value) == JSON_TEXT_NULL;
            values[index] = null ? (struct span){NULL, 0} : iter.value;
        } else if (ret_variant && !ret_variant->ptr) {
            *ret_variant = iter.key;
            *ret_name = names[index];
        }
    }
}

struct member_edit members_set(const char *key, const char *bytes)
{
    return (struct member_edit){key, bytes, bytes ? strlen(bytes) : 0, false};
}

static const struct member_edit *find_edit(struct span key, const struct member_edit *edits,
                                           size_t count, size_t *ret_index)
{
    bool escaped = memchr(key.ptr, '\\', key.length);
    for (size_t i = 0; i < count; i++) {
        if (escaped ? json_text_is(key, edits[i].key)
                    : key_is(key, edits[i].key, strlen(edits[i].key))) {
            *ret_index = i;
            return &edits[i];
        }
    }
    return NULL;
}

static void add_member(struct buf *out, bool *first, const struct member_edit *edit)
{
    if (!*first)
        buf_add_char(out, ',');
    *first = false;
    json_text_add_string(out, edit->key);
    buf_add_char(out, ':');
    buf_add(out, edit->bytes, edit->length);
}

void members_write(struct span object, const struct member_edit *edits, size_t count,
                   struct buf *out)
{
    uint32_t done = 0;
    bool first = true;
    /* Members that stay and stand together are copied at once. */
    const char *run = NULL;
    const char *run_end = NULL;
    buf_add_char(out, '{');
    struct json_text_iter iter = json_text_iterate(object);
    while (json_text_next(&iter)) {
        size_t index = 0;
        const struct member_edit *edit = find_edit(iter.key, edits, count, &index);
        bool kept = !edit || (edit->keep && json_text_type(iter.value) != JSON_TEXT_NULL);
        if (edit && kept)
            done |= UINT32_C(1) << index;
        if (kept) {
            run = run ? run : iter.key.ptr;
            run_end = iter.value.ptr + iter.value.length;
            continue;
        }
        if (run) {
            buf_add(out, first ? "" : ",", first ? 0 : 1);
            buf_add(out, run, (size_t)(run_end - run));
            first = false;
            run = NULL;
        }
        if (edit->bytes && !(done & UINT32_C(1) << index))
            add_member(out, &first, edit);
        done |= UINT32_C(1) << index;
    }
    if (run) {
        buf_add(out, first ? "" : ",", first ? 0 : 1);
        buf_add(out, run, (size_t)(run_end - run));
        first = false;
    }
    for (size_t i = 0; i < count; i++) {
        if (edits[i].bytes && !(done & UINT32_C(1) << i))
            add_member(out, &first, &edits[i]);
    }
    buf_add_char(out, '}');
}
