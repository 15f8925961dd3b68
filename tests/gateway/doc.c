/* SPDX-License-Identifier: Apache-2.0 */
#include "doc.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mem.h"

/* As deep as Go goes. */
#define DEPTH_LIMIT 10000

enum expected { VALUE, FIRST_VALUE, KEY, FIRST_KEY, AFTER_VALUE };

struct reader {
    struct doc *doc;
    const char *at;
    const char *end;
    uint32_t *open; /* containers that are not closed yet */
    uint32_t depth;
    uint32_t open_capacity;
};

static uint32_t add_node(struct reader *reader, enum doc_kind kind, const char *start)
{
    struct doc *doc = reader->doc;
    if (doc->count == doc->capacity) {
        doc->capacity = doc->capacity == 0 ? 512 : doc->capacity * 2;
        doc->nodes = mem_resized(doc->nodes, doc->capacity, sizeof(*doc->nodes));
    }
    uint32_t index = doc->count++;
    doc->nodes[index] =
        (struct doc_node){.kind = kind, .start = (uint32_t)(start - doc->text), .next = index + 1};
    return index;
}

static void skip_space(struct reader *reader)
{
    while (reader->at < reader->end && (*reader->at == ' ' || *reader->at == '\n' ||
                                        *reader->at == '\r' || *reader->at == '\t')) {
        reader->at++;
    }
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool skip_escape(struct reader *reader)
{
    if (++reader->at == reader->end) {
        return false;
    }
    char c = *reader->at++;
    if (c != 'u') {
        return c != '\0' && strchr("\"\\/bfnrt", c) != NULL;
    }
    for (int i = 0; i < 4; i++, reader->at++) {
        if (reader->at == reader->end || !is_hex(*reader->at)) {
            return false;
        }
    }
    return true;
}

static bool read_string(struct reader *reader)
{
    const char *start = ++reader->at;
    bool plain = true;
    while (reader->at < reader->end && *reader->at != '"') {
        unsigned char c = (unsigned char)*reader->at;
        if (c < 0x20) {
            return false;
        }
        if (c == '\\') {
            plain = false;
            if (!skip_escape(reader)) {
                return false;
            }
            continue;
        }
        if (c >= 0x7f || c == '<' || c == '>' || c == '&') {
            plain = false;
        }
        reader->at++;
    }
    if (reader->at == reader->end) {
        return false;
    }
    uint32_t index = add_node(reader, DOC_STRING, start);
    reader->doc->nodes[index].len = (uint32_t)(reader->at - start);
    reader->doc->nodes[index].plain = plain;
    reader->at++;
    return true;
}

static bool skip_digits(struct reader *reader)
{
    const char *start = reader->at;
    while (reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9') {
        reader->at++;
    }
    return reader->at > start;
}

static bool read_number(struct reader *reader)
{
    const char *start = reader->at;
    if (*reader->at == '-') {
        reader->at++;
    }
    if (reader->at < reader->end && *reader->at == '0') {
        reader->at++;
    } else if (!skip_digits(reader)) {
        return false;
    }
    if (reader->at < reader->end && *reader->at == '.') {
        reader->at++;
        if (!skip_digits(reader)) {
            return false;
        }
    }
    if (reader->at < reader->end && (*reader->at == 'e' || *reader->at == 'E')) {
        reader->at++;
        if (reader->at < reader->end && (*reader->at == '+' || *reader->at == '-')) {
            reader->at++;
        }
        if (!skip_digits(reader)) {
            return false;
        }
    }
    uint32_t index = add_node(reader, DOC_NUMBER, start);
    reader->doc->nodes[index].len = (uint32_t)(reader->at - start);
    return true;
}

static bool read_word(struct reader *reader, const char *word, enum doc_kind kind)
{
    size_t len = strlen(word);
    if ((size_t)(reader->end - reader->at) < len || memcmp(reader->at, word, len) != 0) {
        return false;
    }
    uint32_t index = add_node(reader, kind, reader->at);
    reader->doc->nodes[index].len = (uint32_t)len;
    reader->at += len;
    return true;
}

static bool open_container(struct reader *reader, enum doc_kind kind)
{
    if (reader->depth == DEPTH_LIMIT) {
        return false;
    }
    if (reader->depth == reader->open_capacity) {
        reader->open_capacity = reader->open_capacity == 0 ? 32 : reader->open_capacity * 2;
        reader->open = mem_resized(reader->open, reader->open_capacity, sizeof(*reader->open));
    }
    reader->open[reader->depth++] = add_node(reader, kind, reader->at);
    reader->at++;
    return true;
}

static void close_container(struct reader *reader)
{
    struct doc_node *node = &reader->doc->nodes[reader->open[--reader->depth]];
    reader->at++;
    node->len = (uint32_t)(reader->at - reader->doc->text) - node->start;
    node->next = reader->doc->count;
}

/* Reads a scalar or the bracket that opens a container; *ret_expected says what has to follow. */
static bool read_value(struct reader *reader, enum expected *ret_expected)
{
    *ret_expected = AFTER_VALUE;
    switch (*reader->at) {
    case '{':
        *ret_expected = FIRST_KEY;
        return open_container(reader, DOC_OBJECT);
    case '[':
        *ret_expected = FIRST_VALUE;
        return open_container(reader, DOC_ARRAY);
    case '"':
        return read_string(reader);
    case 't':
        return read_word(reader, "true", DOC_TRUE);
    case 'f':
        return read_word(reader, "false", DOC_FALSE);
    case 'n':
        return read_word(reader, "null", DOC_NULL);
    default:
        return read_number(reader);
    }
}

static bool read_key(struct reader *reader)
{
    if (*reader->at != '"' || !read_string(reader)) {
        return false;
    }
    skip_space(reader);
    if (reader->at == reader->end || *reader->at != ':') {
        return false;
    }
    reader->at++;
    return true;
}

/* Reads what follows a value inside a container: a comma, or the bracket that closes it. */
static bool read_after_value(struct reader *reader, enum expected *ret_expected)
{
    bool in_object = reader->doc->nodes[reader->open[reader->depth - 1]].kind == DOC_OBJECT;
    if (*reader->at == ',') {
        reader->at++;
        *ret_expected = in_object ? KEY : VALUE;
        return true;
    }
    if (*reader->at != (in_object ? '}' : ']')) {
        return false;
    }
    close_container(reader);
    *ret_expected = AFTER_VALUE;
    return true;
}

static bool read_step(struct reader *reader, enum expected *expected)
{
    switch (*expected) {
    case FIRST_VALUE:
        if (*reader->at == ']') {
            close_container(reader);
            *expected = AFTER_VALUE;
            return true;
        }
        return read_value(reader, expected);
    case VALUE:
        return read_value(reader, expected);
    case FIRST_KEY:
        if (*reader->at == '}') {
            close_container(reader);
            *expected = AFTER_VALUE;
            return true;
        }
        *expected = VALUE;
        return read_key(reader);
    case KEY:
        *expected = VALUE;
        return read_key(reader);
    case AFTER_VALUE:
        return read_after_value(reader, expected);
    }
    return false;
}

bool doc_read(struct doc *doc, const char *text, size_t len, size_t *ret_end)
{
    if (len > DOC_LIMIT) {
        return false;
    }
    doc->text = text;
    doc->count = 0;
    struct reader reader = {.doc = doc, .at = text, .end = text + len};
    enum expected expected = VALUE;
    bool good = true;
    do {
        skip_space(&reader);
        good = reader.at < reader.end && read_step(&reader, &expected);
    } while (good && (reader.depth > 0 || expected != AFTER_VALUE));
    free(reader.open);
    if (good) {
        *ret_end = (size_t)(reader.at - text);
    }
    return good;
}

bool doc_read_whole(struct doc *doc, const char *text, size_t len)
{
    size_t end = 0;
    if (!doc_read(doc, text, len, &end)) {
        return false;
    }
    struct reader rest = {.at = text + end, .end = text + len};
    skip_space(&rest);
    return rest.at == rest.end;
}

void doc_fini(struct doc *doc)
{
    free(doc->nodes);
    *doc = (struct doc){0};
}

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
