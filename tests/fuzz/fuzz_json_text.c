/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Editing text is editing what it says: a JSON text that is edited and then parsed equals the
 * parsed one that is edited as a tree. The first bytes choose the place and the edits.
 */
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_text.h"
#include "base/mem.h"
#include "core/members.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHOICES 8
static const char value[] = "{\"new\":[1,\"\\u00e9\"]}";

static void expect(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "does not hold: %s\n", what);
    abort();
}

/* The same step down in text and tree; false at a scalar or an empty container. */
static bool step_down(uint8_t choice, struct span *text, json_t **tree, char **ret_key)
{
    size_t count = 0;
    struct json_text_iter iter = json_text_iterate(*text);
    while (json_text_next(&iter))
        count++;
    if (!count)
        return false;
    size_t wanted = choice % count;
    iter = json_text_iterate(*text);
    while (json_text_next(&iter) && iter.index < wanted)
        ;
    free(*ret_key);
    *ret_key = iter.key.ptr ? json_text_string(iter.key) : NULL;
    if (*ret_key) {
        *text = json_text_member(*text, *ret_key); /* the last one counts where keys are doubled */
        *tree = json_object_get(*tree, *ret_key);
    } else {
        *text = iter.value;
        *tree = json_array_get(*tree, wanted);
    }
    return *tree;
}

struct place {
    struct span text;
    json_t *tree;
};

/* Goes down as the choices say and stops at an object. */
static struct place choose_object(const uint8_t *choices, struct span text, json_t *tree)
{
    struct place place = {text, tree};
    struct place found = {{NULL, 0}, NULL};
    CLEANUP(freep) char *key = NULL;
    for (size_t i = 0; i < 3; i++) {
        if (json_is_object(place.tree))
            found = place;
        if (!step_down(choices[i], &place.text, &place.tree, &key))
            break;
    }
    return found;
}

/* A key of the object, or a new one. */
static char *choose_key(uint8_t choice, struct span object)
{
    struct json_text_iter iter = json_text_iterate(object);
    size_t wanted = choice % 5;
    while (json_text_next(&iter)) {
        if (iter.index == wanted)
            return json_text_string(iter.key);
    }
    return xstrdup(choice & 0x80 ? "new" : "n\"\xc3\xa9w");
}

static void compare(struct span edited, const json_t *tree, const char *what)
{
    json_t *parsed = json_loadb(edited.ptr, edited.length, JSON_DECODE_ANY, NULL);
    expect(parsed, "an edited text is JSON");
    expect(json_equal(parsed, tree), what);
    json_decref(parsed);
}

static void edit_text(const uint8_t *choices, struct span text, json_t *tree)
{
    struct place place = choose_object(choices, text, tree);
    if (!place.tree)
        return;
    struct json_edit *edit = json_edit_new(text);
    json_t *new_value = json_loads(value, JSON_DECODE_ANY, NULL);
    for (size_t i = 3; i < 6; i++) {
        CLEANUP(freep) char *key = choose_key(choices[i], place.text);
        if (choices[6] & 1U << i) {
            /* A removal after a setting of the same key would be ambiguous: each key once. */
            if (i > 3)
                continue;
            json_edit_remove(edit, place.text, key);
            json_object_del(place.tree, key);
        } else if (i == 3 || !(choices[6] & 1U << 3)) {
            json_edit_set(edit, place.text, key, value, strlen(value));
            json_object_set(place.tree, key, new_value);
        }
    }
    struct buf out;
    buf_init(&out, BUF_UNLIMITED);
    json_edit_apply(edit, &out);
    compare((struct span){buf_text(&out), out.length}, tree, "edit then parse is parse then edit");
    buf_fini(&out);
    json_edit_free(edit);
    json_decref(new_value);
}

static void write_members(const uint8_t *choices, struct span text, const json_t *whole)
{
    json_t *tree = json_deep_copy(whole);
    struct place place = choose_object(choices, text, tree);
    if (place.tree) {
        CLEANUP(freep) char *key = choose_key(choices[3], place.text);
        struct member_edit edit = members_set(key, choices[6] & 1 ? NULL : value);
        struct buf out;
        buf_init(&out, BUF_UNLIMITED);
        members_write(place.text, &edit, 1, &out);
        if (edit.bytes)
            json_object_set_new(place.tree, key, json_loads(value, JSON_DECODE_ANY, NULL));
        else
            json_object_del(place.tree, key);
        compare((struct span){buf_text(&out), out.length}, place.tree, "members are written");
        buf_fini(&out);
    }
    json_decref(tree);
}

/* Compact text and strings say what they said. */
static void rewrite(struct span text, const json_t *tree)
{
    struct buf out;
    buf_init(&out, BUF_UNLIMITED);
    json_text_add_compact(&out, text);
    compare((struct span){buf_text(&out), out.length}, tree, "compact text says the same");
    buf_clear(&out);
    json_text_add_tree(&out, tree);
    json_t *parsed = json_loadb(buf_text(&out), out.length, JSON_DECODE_ANY, NULL);
    expect(parsed, "a printed tree is JSON");
    json_decref(parsed);
    if (json_is_string(tree)) {
        CLEANUP(freep) char *decoded = json_text_string(text);
        expect(strcmp(decoded, json_string_value(tree)) == 0, "a string is decoded alike");
        buf_clear(&out);
        json_text_add_string(&out, decoded);
        compare((struct span){buf_text(&out), out.length}, tree, "a string is encoded alike");
    }
    buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct json_text_limits limits = {.depth = 64};
    if (size <= CHOICES)
        return 0;
    CLEANUP(freep) char *copy = xstrndup((const char *)data + CHOICES, size - CHOICES);
    struct span text = {copy, size - CHOICES};
    bool valid = json_text_check(text, &limits, NULL, NULL) == 0;
    json_t *tree = json_loadb(text.ptr, text.length, JSON_DECODE_ANY, NULL);
    if (valid && tree) {
        size_t blank = strspn(text.ptr, " \t\r\n");
        struct span trimmed = {text.ptr + blank, text.length - blank};
        while (strchr(" \t\r\n", trimmed.ptr[trimmed.length - 1]))
            trimmed.length--;
        rewrite(trimmed, tree);
        write_members(data, trimmed, tree);
        edit_text(data, trimmed, tree);
    }
    json_decref(tree);
    return 0;
}
