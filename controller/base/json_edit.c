/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json_text.h"

#include <stdlib.h>
#include <string.h>

struct member {
    char *key;
    char *value; /* NULL: the key is removed */
    size_t length;
};

/* One place that changes: a value that is replaced, or an object whose members come and go. */
struct change {
    struct span place;
    char *bytes; /* replacement; NULL for an object */
    size_t length;
    struct member *members;
    size_t count;
    size_t capacity;
};

struct json_edit {
    struct span text;
    struct change *changes;
    size_t count;
    size_t capacity;
};

struct json_edit *json_edit_new(struct span text)
{
    struct json_edit *edit = xcalloc(1, sizeof(*edit));
    edit->text = text;
    return edit;
}

void json_edit_free(struct json_edit *edit)
{
    if (!edit)
        return;
    for (size_t i = 0; i < edit->count; i++) {
        struct change *change = &edit->changes[i];
        for (size_t j = 0; j < change->count; j++) {
            free(change->members[j].key);
            free(change->members[j].value);
        }
        free(change->members);
        free(change->bytes);
    }
    free(edit->changes);
    free(edit);
}

void json_edit_freep(struct json_edit **edit)
{
    json_edit_free(*edit);
}

/* The change at this place, made when there is none. */
static struct change *change_at(struct json_edit *edit, struct span place)
{
    for (size_t i = 0; i < edit->count; i++) {
        if (edit->changes[i].place.ptr == place.ptr)
            return &edit->changes[i];
    }
    edit->changes = xgrow(edit->changes, edit->count, &edit->capacity, sizeof(*edit->changes));
    struct change *change = &edit->changes[edit->count++];
    *change = (struct change){.place = place};
    return change;
}

void json_edit_replace(struct json_edit *edit, struct span value, const char *bytes, size_t length)
{
    struct change *change = change_at(edit, value);
    free(change->bytes);
    change->bytes = xstrndup(bytes, length);
    change->length = length;
}

static void set_member(struct json_edit *edit, struct span object, const char *key,
                       const char *bytes, size_t length)
{
    struct change *change = change_at(edit, object);
    struct member *member = NULL;
    for (size_t i = 0; i < change->count && !member; i++) {
        if (strcmp(change->members[i].key, key) == 0)
            member = &change->members[i];
    }
    if (!member) {
        change->members =
            xgrow(change->members, change->count, &change->capacity, sizeof(*change->members));
        member = &change->members[change->count++];
        *member = (struct member){.key = xstrdup(key)};
    }
    free(member->value);
    member->value = bytes ? xstrndup(bytes, length) : NULL;
    member->length = length;
}

void json_edit_set(struct json_edit *edit, struct span object, const char *key, const char *bytes,
                   size_t length)
{
    struct span value = json_text_member(object, key);
    if (value.ptr)
        json_edit_replace(edit, value, bytes, length);
    else
        set_member(edit, object, key, bytes, length);
}

void json_edit_remove(struct json_edit *edit, struct span object, const char *key)
{
    set_member(edit, object, key, NULL, 0);
}

static int by_place(const void *a, const void *b)
{
    const struct change *left = a;
    const struct change *right = b;
    if (left->place.ptr != right->place.ptr)
        return left->place.ptr < right->place.ptr ? -1 : 1;
    return 0;
}

static void emit(const struct json_edit *edit, struct buf *out, const char *at, const char *end);

static bool is_removed(const struct change *change, struct span key)
{
    for (size_t i = 0; i < change->count; i++) {
        if (!change->members[i].value && json_text_is(key, change->members[i].key))
            return true;
    }
    return false;
}

static void emit_object(const struct json_edit *edit, struct buf *out, const struct change *change)
{
    const char *separator = "";
    buf_add_char(out, '{');
    struct json_text_iter iter = json_text_iterate(change->place);
    while (json_text_next(&iter)) {
        if (is_removed(change, iter.key))
            continue;
        buf_add_text(out, separator);
        emit(edit, out, iter.key.ptr, iter.value.ptr + iter.value.length);
        separator = ",";
    }
    for (size_t i = 0; i < change->count; i++) {
        if (!change->members[i].value)
            continue;
        buf_add_text(out, separator);
        json_text_add_string(out, change->members[i].key);
        buf_add_char(out, ':');
        buf_add(out, change->members[i].value, change->members[i].length);
        separator = ",";
    }
    buf_add_char(out, '}');
}

/* Appends the bytes from `at` to `end` with the changes that lie in them. */
static void emit(const struct json_edit *edit, struct buf *out, const char *at, const char *end)
{
    for (size_t i = 0; i < edit->count; i++) {
        const struct change *change = &edit->changes[i];
        if (change->place.ptr < at)
            continue;
        if (change->place.ptr >= end)
            break;
        buf_add(out, at, (size_t)(change->place.ptr - at));
        if (change->bytes)
            buf_add(out, change->bytes, change->length);
        else
            emit_object(edit, out, change);
        at = change->place.ptr + change->place.length;
    }
    buf_add(out, at, (size_t)(end - at));
}

void json_edit_apply(struct json_edit *edit, struct buf *out)
{
    if (edit->count)
        qsort(edit->changes, edit->count, sizeof(*edit->changes), by_place);
    emit(edit, out, edit->text.ptr, edit->text.ptr + edit->text.length);
}
