/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

/*
 * JSON as text: finds the bytes of values inside a document and edits the document by replacing
 * bytes, so that everything that is not touched stays exactly as it was (numbers of any form,
 * order, unknown keys, Unicode), and nothing is built in memory (a parsed tree costs 8 to 13 times
 * its text).
 *
 * Text is checked once where it comes in (json_text_check); all other functions expect valid JSON
 * and stay within the span they are given even if it is not.
 */

struct json_text_limits {
    unsigned depth; /* of nesting */
    bool unique_keys;
};

/* Strict check by RFC 8259: grammar, well-formed UTF-8, no U+0000 (Kubernetes and C texts end
 * there), nothing behind the value; depth at most limits->depth; where unique_keys is set, no
 * object has a key twice. `ret_at` (may be NULL) is the offset of the fault. */
int json_text_check(struct span text, const struct json_text_limits *limits, size_t *ret_at,
                    struct err *err);

/* Does an object's or array's text end where its value ends? Cheaper than a check, and true of
 * texts with any other fault: an answer may break off without anybody saying so, and what is left
 * of it says nothing. */
bool json_text_is_whole(struct span text);

enum json_text_type {
    JSON_TEXT_NONE, /* an empty span: no such value */
    JSON_TEXT_OBJECT,
    JSON_TEXT_ARRAY,
    JSON_TEXT_STRING,
    JSON_TEXT_NUMBER,
    JSON_TEXT_TRUE,
    JSON_TEXT_FALSE,
    JSON_TEXT_NULL,
};
enum json_text_type json_text_type(struct span value);
/* "object", "number", …: as error messages say it. */
const char *json_text_type_name(enum json_text_type type);

/* The value of a key of an object (the last one, where a key stands twice: as most parsers have
 * it); an empty span when absent or when `object` is none. */
struct span json_text_member(struct span object, const char *key);
/* Walks down members, the names separated by NULL-terminated arguments:
 * json_text_get(text, "spec", "proxy", NULL). */
struct span json_text_get(struct span object, ...) __attribute__((sentinel));

/* One step through the members of an object or the elements of an array:
 *   struct json_text_iter it = json_text_iterate(value);
 *   while (json_text_next(&it)) … it.key (with its quotes; empty for elements), it.value, it.index
 */
struct json_text_iter {
    struct span key;
    struct span value;
    size_t index;
    /* private */
    const char *at;
    const char *end;
};
struct json_text_iter json_text_iterate(struct span container);
bool json_text_next(struct json_text_iter *iter);

/* Is this string value (with its quotes) the given text? Inline, for each key that is passed is
 * asked: the length of most texts is a constant, and most keys are too short (an escape is longer
 * than what it stands for) or differ in their first byte. */
bool json_text_is_n(struct span string, const char *text, size_t length);
static inline bool json_text_is(struct span string, const char *text)
{
    size_t length = strlen(text);
    if (!string.ptr || string.length < length + 2 ||
        (length && string.ptr[1] != text[0] && string.ptr[1] != '\\'))
        return false;
    return json_text_is_n(string, text, length);
}
/* Returns owned: the decoded text of a string value; NULL when the value is not a string. */
char *json_text_string(struct span value);
/* Whole number, also written as 10.0 or 1e1; false when it is not one or does not fit. */
bool json_text_int64(struct span value, int64_t *ret_value);
/* true/false; `otherwise` for everything else. */
bool json_text_bool(struct span value, bool otherwise);

/* Do both say the same, whatever the order of keys, blanks, escapes and forms of numbers? For
 * objects of few members: each is looked for in the other. */
bool json_text_equal(struct span a, struct span b);

/* Returns owned tree (json_decref) of one value, NULL when it cannot be parsed: for the small parts
 * that are worth a tree. */
json_t *json_text_parse(struct span value);

/* Appends text as a JSON string, quoted and escaped; broken UTF-8 becomes U+FFFD. */
void json_text_add_string(struct buf *out, const char *text);
void json_text_add_string_n(struct buf *out, const char *text, size_t length);
/* Appends a tree in compact form, keys in the order of their bytes. */
void json_text_add_tree(struct buf *out, const json_t *tree);
/* Appends a value without the blanks between its tokens. */
void json_text_add_compact(struct buf *out, struct span value);

/*
 * Edits: a list of replacements in one text, made in any order, applied at once.
 */
struct json_edit;
struct json_edit *json_edit_new(struct span text);
void json_edit_free(struct json_edit *edit);
void json_edit_freep(struct json_edit **edit);
/* Replaces a value (a span of the text) by `bytes` (copied). */
void json_edit_replace(struct json_edit *edit, struct span value, const char *bytes, size_t length);
/* Sets a member of an object that is in the text: replaces its value, or adds it as the last one.
 * Several additions to one object keep their order. */
void json_edit_set(struct json_edit *edit, struct span object, const char *key, const char *bytes,
                   size_t length);
/* Takes a member out, all occurrences; nothing happens when it is absent. */
void json_edit_remove(struct json_edit *edit, struct span object, const char *key);
/* Appends the edited text. Edits within something that is replaced or removed as a whole are lost.
 */
void json_edit_apply(struct json_edit *edit, struct buf *out);
