/* SPDX-License-Identifier: Apache-2.0 */
#include "doc.h"

#include <stdlib.h>
#include <string.h>

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
