/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/span.h"

/*
 * YAML as kubectl reads it (sigs.k8s.io/yaml: YAML 1.1 with the deviations listed in the unit
 * tests), to compact JSON text. Scalars keep their form where JSON can say it; `014` and `0o14`
 * become 12,
 * `.5` 0.5, `y`/`yes`/`on` booleans, dates strings. Refused, with the line: duplicate keys, keys
 * that are no scalars, non-finite numbers, NUL, more depth or nodes than allowed (aliases count
 * each time they are expanded). JSON is YAML here too: a text that begins with `{` or `[` is read
 * as JSON first.
 */
struct yaml_limits {
    size_t bytes;   /* of one file */
    size_t nodes;   /* of one document, aliases expanded */
    unsigned depth; /* of nesting */
};

/* What an ordinary manifest may have; the API server's own request limit is 3 MiB. */
extern const struct yaml_limits yaml_default_limits;

/* Where a value of the JSON text stood in the file. */
struct yaml_place {
    size_t offset; /* in the JSON text */
    unsigned line; /* in the file, from 1; a map or list has that of its key */
};

struct yaml_document {
    char *json;
    size_t length;
    struct yaml_place *places; /* one a key and one a value, ascending by offset */
    size_t place_count;
};

struct yaml_documents {
    struct yaml_document *items; /* empty documents are left out */
    size_t count;
};

/*
 * Reads a file in slices, so that a large one does not hold up the loop.
 */
struct yaml_reader;
/* `text` and `limits` are borrowed until the reader is freed. */
struct yaml_reader *yaml_reader_new(struct span text, const struct yaml_limits *limits);
void yaml_reader_free(struct yaml_reader *reader);
void yaml_reader_freep(struct yaml_reader **reader);
/* Reads on, by at most `values` keys and values: 1 when there is more to read, 0 at the end, -1 on
 * a fault (*ret_line as yaml_read() has it). */
int yaml_reader_step(struct yaml_reader *reader, size_t values, unsigned *ret_line,
                     struct err *err) MUST_CHECK;
/* Moves out the documents that are complete; at any time. */
void yaml_reader_take(struct yaml_reader *reader, struct yaml_documents *ret_documents);

/* Reads all documents of a file. On failure *ret_line (may be NULL) is the line of the fault, 0
 * when it has none, and *ret_documents holds what was read before it, so that one fault does not
 * hide the problems above it. */
int yaml_read(struct span text, const struct yaml_limits *limits,
              struct yaml_documents *ret_documents, unsigned *ret_line, struct err *err) MUST_CHECK;
void yaml_documents_fini(struct yaml_documents *documents);

/* The line of the value (or key) that stands at `at` in document->json, or of the nearest one
 * before. */
unsigned yaml_line_of(const struct yaml_document *document, const char *at);

/* Appends a JSON value as a YAML document in block style (without `---`); strings that YAML would
 * read as something else are quoted. The order of keys is kept. */
void yaml_add_json(struct buf *out, struct span json);
