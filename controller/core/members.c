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

/* Go folds two letters beyond ASCII into it: the long s and the Kelvin sign. Returns how many bytes
 * `at` has in common with the letter, 0 when it is another one. */
static size_t fold_match(const char *at, const char *end, char letter)
{
    if (fold(*at) == fold(letter))
        return 1;
    if (fold(letter) == 's' && end - at >= 2 && memcmp(at, "\xc5\xbf", 2) == 0)
        return 2;
    if (fold(letter) == 'k' && end - at >= 3 && memcmp(at, "\xe2\x84\xaa", 3) == 0)
        return 3;
    return 0;
}

static bool text_matches(const char *at, const char *end, const char *name)
{
    for (; at < end && *name; name++) {
        size_t length = fold_match(at, end, *name);
        if (!length)
            return false;
        at += length;
    }
    return at == end && !*name;
}

bool members_key_matches(struct span key, const char *name)
{
    if (!memchr(key.ptr, '\\', key.length))
        return text_matches(key.ptr + 1, key.ptr + key.length - 1, name);
    CLEANUP(freep) char *decoded = json_text_string(key);
    return text_matches(decoded, decoded + strlen(decoded), name);
}

static bool key_is(struct span key, const char *name)
{
    size_t length = key.length - 2;
    if (length && key.ptr[1] != name[0])
        return false;
    return strncmp(key.ptr + 1, name, length) == 0 && !name[length];
}

enum match { MATCH_NONE, MATCH_EXACT, MATCH_VARIANT };

/* Which of the names a key is, or stands for. */
static enum match find_name(struct span key, const char *const *names, size_t count,
                            size_t *ret_index)
{
    for (size_t i = 0; i < count; i++) {
        if (key_is(key, names[i])) {
            *ret_index = i;
            return MATCH_EXACT;
        }
    }
    unsigned char first = (unsigned char)key.ptr[1];
    bool plain = first < 0x80 && first != '\\';
    for (size_t i = 0; i < count; i++) {
        if ((plain && fold((char)first) != fold(names[i][0])) ||
            !members_key_matches(key, names[i]))
            continue;
        *ret_index = i;
        return json_text_is(key, names[i]) ? MATCH_EXACT : MATCH_VARIANT; /* escapes are fine */
    }
    return MATCH_NONE;
}

void members_survey(struct span object, const char *const *names, size_t count, struct span *values,
                    struct members_rest *ret_rest)
{
    struct members_rest rest = {.others = false};
    for (size_t i = 0; i < count; i++)
        values[i] = (struct span){NULL, 0};
    struct json_text_iter iter = {.at = NULL};
    if (json_text_type(object) == JSON_TEXT_OBJECT)
        iter = json_text_iterate(object);
    while (json_text_next(&iter)) {
        size_t index = 0;
        bool null = json_text_type(iter.value) == JSON_TEXT_NULL;
        switch (iter.key.ptr ? find_name(iter.key, names, count, &index) : MATCH_NONE) {
        case MATCH_EXACT:
            values[index] = null ? (struct span){NULL, 0} : iter.value;
            break;
        case MATCH_VARIANT:
            if (!rest.variant.ptr)
                rest = (struct members_rest){iter.key, names[index], rest.others};
            break;
        case MATCH_NONE:
            rest.others = rest.others || !null;
            break;
        }
    }
    *ret_rest = rest;
}

void members_read(struct span object, const char *const *names, size_t count, struct span *values,
                  struct span *ret_variant, const char **ret_name)
{
    struct members_rest rest;
    members_survey(object, names, count, values, &rest);
    if (ret_variant) {
        *ret_variant = rest.variant;
        *ret_name = rest.variant_of;
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
        if (escaped ? json_text_is(key, edits[i].key) : key_is(key, edits[i].key)) {
            *ret_index = i;
            return &edits[i];
        }
    }
    return NULL;
}

/* An object while it is written. Members that stay and stand together are copied at once. */
struct writer {
    struct buf *out;
    bool any; /* something stands behind the brace */
    const char *run;
    const char *run_end;
};

static void separate(struct writer *writer)
{
    if (writer->any)
        buf_add_char(writer->out, ',');
    writer->any = true;
}

static void end_run(struct writer *writer)
{
    if (!writer->run)
        return;
    separate(writer);
    buf_add(writer->out, writer->run, (size_t)(writer->run_end - writer->run));
    writer->run = NULL;
}

static void add_member(struct writer *writer, const struct member_edit *edit)
{
    separate(writer);
    json_text_add_string(writer->out, edit->key);
    buf_add_char(writer->out, ':');
    buf_add(writer->out, edit->bytes, edit->length);
}

void members_write(struct span object, const struct member_edit *edits, size_t count,
                   struct buf *out)
{
    uint32_t done = 0;
    struct writer writer = {.out = out};
    buf_add_char(out, '{');
    struct json_text_iter iter = json_text_iterate(object);
    while (json_text_next(&iter)) {
        size_t index = 0;
        const struct member_edit *edit = find_edit(iter.key, edits, count, &index);
        if (!edit || (edit->keep && json_text_type(iter.value) != JSON_TEXT_NULL)) {
            writer.run = writer.run ? writer.run : iter.key.ptr;
            writer.run_end = iter.value.ptr + iter.value.length;
        } else {
            end_run(&writer);
            if (edit->bytes && !(done & UINT32_C(1) << index))
                add_member(&writer, edit);
        }
        if (edit)
            done |= UINT32_C(1) << index;
    }
    end_run(&writer);
    for (size_t i = 0; i < count; i++) {
        if (edits[i].bytes && !(done & UINT32_C(1) << i))
            add_member(&writer, &edits[i]);
    }
    buf_add_char(out, '}');
}
