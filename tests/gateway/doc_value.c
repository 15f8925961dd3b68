/* SPDX-License-Identifier: Apache-2.0 */
#include "doc.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mem.h"

bool doc_is(const struct doc *doc, uint32_t node, enum doc_kind kind)
{
    return node != DOC_NONE && doc->nodes[node].kind == kind;
}

bool doc_is_null(const struct doc *doc, uint32_t node)
{
    return node == DOC_NONE || doc->nodes[node].kind == DOC_NULL;
}

bool doc_is_zero(const struct doc *doc, uint32_t node)
{
    if (node == DOC_NONE) {
        return true;
    }
    const struct doc_node *it = &doc->nodes[node];
    switch (it->kind) {
    case DOC_NULL:
    case DOC_FALSE:
        return true;
    case DOC_TRUE:
        return false;
    case DOC_NUMBER:
        return fpclassify(doc_number(doc, node)) == FP_ZERO;
    case DOC_STRING:
        return it->len == 0;
    case DOC_ARRAY:
        return it->next == node + 1;
    case DOC_OBJECT:
        for (uint32_t key = node + 1; key < it->next; key = doc->nodes[key + 1].next) {
            if (!doc_is_zero(doc, key + 1)) {
                return false;
            }
        }
        return true;
    }
    return false;
}

/* Compares a key without copying it where it has no escapes. */
static bool key_matches(const struct doc *doc, uint32_t key, const char *name, size_t name_len)
{
    const struct doc_node *it = &doc->nodes[key];
    if (it->plain) {
        return it->len == name_len && strncasecmp(doc->text + it->start, name, name_len) == 0;
    }
    struct text decoded = {0};
    doc_string(doc, key, &decoded);
    bool matches = decoded.len == name_len && strncasecmp(decoded.bytes, name, name_len) == 0;
    text_fini(&decoded);
    return matches;
}

uint32_t doc_member(const struct doc *doc, uint32_t object, const char *name)
{
    if (!doc_is(doc, object, DOC_OBJECT)) {
        return DOC_NONE;
    }
    uint32_t found = DOC_NONE;
    size_t name_len = strlen(name);
    for (uint32_t key = object + 1; key < doc->nodes[object].next; key = doc->nodes[key + 1].next) {
        if (key_matches(doc, key, name, name_len)) {
            found = key + 1;
        }
    }
    return found;
}

uint32_t doc_path(const struct doc *doc, uint32_t object, ...)
{
    va_list names;
    va_start(names, object);
    const char *name = NULL;
    while (object != DOC_NONE && (name = va_arg(names, const char *)) != NULL) {
        object = doc_member(doc, object, name);
    }
    va_end(names);
    return object;
}

static void put_utf8(struct text *out, uint32_t rune)
{
    if (rune < 0x80) {
        text_putc(out, (char)rune);
    } else if (rune < 0x800) {
        text_putc(out, (char)(0xc0 | (rune >> 6)));
        text_putc(out, (char)(0x80 | (rune & 0x3f)));
    } else if (rune < 0x10000) {
        text_putc(out, (char)(0xe0 | (rune >> 12)));
        text_putc(out, (char)(0x80 | ((rune >> 6) & 0x3f)));
        text_putc(out, (char)(0x80 | (rune & 0x3f)));
    } else {
        text_putc(out, (char)(0xf0 | (rune >> 18)));
        text_putc(out, (char)(0x80 | ((rune >> 12) & 0x3f)));
        text_putc(out, (char)(0x80 | ((rune >> 6) & 0x3f)));
        text_putc(out, (char)(0x80 | (rune & 0x3f)));
    }
}

/* The four hex digits behind \u; they were checked when the text was read. */
static uint32_t hex4(const char *digits)
{
    char copy[5] = {digits[0], digits[1], digits[2], digits[3], '\0'};
    return (uint32_t)strtoul(copy, NULL, 16);
}

/* Decodes one escape at `at` (behind the backslash) and returns where it ends. */
static const char *decode_escape(const char *at, const char *end, struct text *out)
{
    static const char from[] = "bfnrt";
    static const char to[] = "\b\f\n\r\t";
    if (*at != 'u') {
        const char *found = strchr(from, *at);
        text_putc(out, found != NULL ? to[found - from] : *at);
        return at + 1;
    }
    uint32_t rune = hex4(at + 1);
    at += 5;
    if (rune >= 0xd800 && rune < 0xdc00 && end - at >= 6 && at[0] == '\\' && at[1] == 'u') {
        uint32_t low = hex4(at + 2);
        if (low >= 0xdc00 && low < 0xe000) {
            put_utf8(out, 0x10000 + ((rune - 0xd800) << 10) + (low - 0xdc00));
            return at + 6;
        }
    }
    put_utf8(out, rune >= 0xd800 && rune < 0xe000 ? 0xfffd : rune);
    return at;
}

void doc_string(const struct doc *doc, uint32_t node, struct text *out)
{
    const struct doc_node *it = &doc->nodes[node];
    const char *at = doc->text + it->start;
    const char *end = at + it->len;
    if (it->plain) {
        text_add(out, at, it->len);
        return;
    }
    while (at < end) {
        if (*at == '\\') {
            at = decode_escape(at + 1, end, out);
        } else {
            const char *run = at;
            while (at < end && *at != '\\') {
                at++;
            }
            text_add(out, run, (size_t)(at - run));
        }
    }
}

char *doc_string_copy(const struct doc *doc, uint32_t node)
{
    struct text decoded = {0};
    if (doc_is(doc, node, DOC_STRING)) {
        doc_string(doc, node, &decoded);
    }
    return decoded.bytes != NULL ? decoded.bytes : mem_string("");
}

bool doc_string_is(const struct doc *doc, uint32_t node, const char *expected)
{
    if (!doc_is(doc, node, DOC_STRING)) {
        return false;
    }
    struct text decoded = {0};
    doc_string(doc, node, &decoded);
    bool same = strcmp(text_string(&decoded), expected) == 0;
    text_fini(&decoded);
    return same;
}

bool doc_bool(const struct doc *doc, uint32_t node)
{
    return doc_is(doc, node, DOC_TRUE);
}

double doc_number(const struct doc *doc, uint32_t node)
{
    if (!doc_is(doc, node, DOC_NUMBER)) {
        return 0;
    }
    char *copy = mem_string_of(doc->text + doc->nodes[node].start, doc->nodes[node].len);
    double value = strtod(copy, NULL);
    free(copy);
    return value;
}

bool doc_numbers_fit(const struct doc *doc, uint32_t node)
{
    uint32_t end = node == DOC_NONE ? 0 : doc->nodes[node].next;
    for (uint32_t i = node; i < end; i++) {
        const struct doc_node *it = &doc->nodes[i];
        const char *raw = doc->text + it->start;
        bool may_be_large =
            it->kind == DOC_NUMBER && (it->len > 300 || memchr(raw, 'e', it->len) != NULL ||
                                       memchr(raw, 'E', it->len) != NULL);
        if (may_be_large && !isfinite(doc_number(doc, i))) {
            return false;
        }
    }
    return true;
}

bool doc_integer(const struct doc *doc, uint32_t node, int64_t *ret_value)
{
    if (!doc_is(doc, node, DOC_NUMBER) || doc->nodes[node].len > 20) {
        return false;
    }
    char copy[24] = {0};
    memcpy(copy, doc->text + doc->nodes[node].start, doc->nodes[node].len);
    char *end = NULL;
    errno = 0;
    long long value = strtoll(copy, &end, 10);
    if (errno != 0 || *end != '\0') {
        return false;
    }
    *ret_value = value;
    return true;
}

static int compare_members(const void *left, const void *right)
{
    const struct doc_member *a = left;
    const struct doc_member *b = right;
    size_t len = a->key_len < b->key_len ? a->key_len : b->key_len;
    int order = memcmp(a->key, b->key, len);
    if (order == 0 && a->key_len != b->key_len) {
        order = a->key_len < b->key_len ? -1 : 1;
    }
    /* Equal keys stay in document order, so that the last one can be told. */
    return order != 0 ? order : (a->value < b->value ? -1 : 1);
}

struct doc_member *doc_members(const struct doc *doc, uint32_t object, size_t *ret_count)
{
    *ret_count = 0;
    if (!doc_is(doc, object, DOC_OBJECT)) {
        return NULL;
    }
    struct doc_member *members = NULL;
    size_t count = 0;
    size_t capacity = 0;
    for (uint32_t key = object + 1; key < doc->nodes[object].next; key = doc->nodes[key + 1].next) {
        if (count == capacity) {
            capacity = capacity == 0 ? 8 : capacity * 2;
            members = mem_resized(members, capacity, sizeof(*members));
        }
        struct text decoded = {0};
        doc_string(doc, key, &decoded);
        size_t len = decoded.len;
        members[count++] = (struct doc_member){
            decoded.bytes != NULL ? decoded.bytes : mem_string(""), len, key + 1};
    }
    if (count == 0) {
        return NULL;
    }
    qsort(members, count, sizeof(*members), compare_members);
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (i + 1 < count && members[i].key_len == members[i + 1].key_len &&
            memcmp(members[i].key, members[i + 1].key, members[i].key_len) == 0) {
            free(members[i].key);
        } else {
            members[kept++] = members[i];
        }
    }
    *ret_count = kept;
    return members;
}

void doc_members_free(struct doc_member *members, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(members[i].key);
    }
    free(members);
}
