/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "text.h"

/*
 * A JSON document as a flat list of nodes over its text: no tree, no copy. It follows the rules of
 * Go's encoding/json, which a gateway reads with and jansson does not: bad UTF-8 and NUL in strings
 * are taken, numbers keep any size, the last of equal keys counts, keys match in any case.
 *
 * Nodes are in document order; the children of node i begin at i + 1, its next sibling is at
 * nodes[i].next. An object's children are key, value, key, value, …
 */
enum doc_kind { DOC_NULL, DOC_FALSE, DOC_TRUE, DOC_NUMBER, DOC_STRING, DOC_ARRAY, DOC_OBJECT };

struct doc_node {
    enum doc_kind kind;
    bool plain;     /* a string whose bytes mean themselves, also when they are written again */
    uint32_t start; /* offset in the text; of a string: behind its quote */
    uint32_t len;   /* of a string: without its quotes */
    uint32_t next;
};

struct doc {
    const char *text;
    struct doc_node *nodes;
    uint32_t count;
    uint32_t capacity;
};

/* "No such node": what is absent. All functions take it where they take a node. */
#define DOC_NONE UINT32_MAX

/* The largest text that is read. */
#define DOC_LIMIT ((size_t)256 << 20)

/*
 * Reads the first JSON value of text, which is borrowed for as long as doc is used. Returns false
 * if it is no JSON. *ret_end is set to the offset behind the value. doc may be used again: its
 * memory is kept. Node 0 is the value.
 */
bool doc_read(struct doc *doc, const char *text, size_t len, size_t *ret_end);

/* As doc_read, and nothing but white space may follow the value. */
bool doc_read_whole(struct doc *doc, const char *text, size_t len);

void doc_fini(struct doc *doc);

/* True if the node is there and of that kind. */
bool doc_is(const struct doc *doc, uint32_t node, enum doc_kind kind);

/* True if the node is absent or null. */
bool doc_is_null(const struct doc *doc, uint32_t node);

/* True if nothing but null, false, 0, "" and empty or such arrays and objects is in it. */
bool doc_is_zero(const struct doc *doc, uint32_t node);

/*
 * The value of a key in an object: the last one whose key is name, in any case of ASCII letters.
 * DOC_NONE if there is none or if the node is no object.
 */
uint32_t doc_member(const struct doc *doc, uint32_t object, const char *name);

/* Follows several keys, up to a NULL. */
uint32_t doc_path(const struct doc *doc, uint32_t object, ...) __attribute__((sentinel));

/* Adds the decoded text of a string to out: UTF-8, U+FFFD for what is none. */
void doc_string(const struct doc *doc, uint32_t node, struct text *out);

/* A new decoded copy of a string; "" when the node is no string. What follows a NUL is lost. */
char *doc_string_copy(const struct doc *doc, uint32_t node);

/* True if the node is a string equal to expected. */
bool doc_string_is(const struct doc *doc, uint32_t node, const char *expected);

bool doc_bool(const struct doc *doc, uint32_t node);

/* The value of a number, 0 when it is none. */
double doc_number(const struct doc *doc, uint32_t node);

/* True if every number in it fits a float64; Go refuses a document with one that does not. */
bool doc_numbers_fit(const struct doc *doc, uint32_t node);

/* The value of a number that Go would take for an int64. */
bool doc_integer(const struct doc *doc, uint32_t node, int64_t *ret_value);

/* One member of an object, its key decoded. */
struct doc_member {
    char *key;
    size_t key_len;
    uint32_t value;
};

/*
 * The members of an object as Go's map has them: sorted by the bytes of their keys, the last of
 * equal keys. Returns a list for doc_members_free, of *ret_count elements (none if it is no
 * object).
 */
struct doc_member *doc_members(const struct doc *doc, uint32_t object, size_t *ret_count);
void doc_members_free(struct doc_member *members, size_t count);
