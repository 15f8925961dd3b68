/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"
#include "base/strmap.h"
#include "base/yaml.h"

/*
 * Builds the JSON text of one document from the events of a parser, YAML or JSON, without
 * recursion: an event at a time, so that a large file can be read in slices. Private to
 * base/yaml*.c. All functions that can fail set ERR_INVALID with a message that has no line: the
 * caller knows it.
 */
struct yaml_anchor {
    char *json; /* NULL while the value is still being read */
    size_t length;
    size_t nodes;
    unsigned height; /* of nesting within */
    size_t serial;   /* of anchors of one name the one that began last counts */
};

/* A key's JSON string in the output. */
struct yaml_key {
    size_t offset;
    size_t length;
};

struct yaml_frame {
    bool is_map;
    bool wants_value;   /* a key has been read */
    bool merges;        /* the value at hand is that of a merge key */
    bool has_merged;    /* members came from a merge key: a later one wins over an earlier one */
    bool through_alias; /* the value at hand was an alias */
    size_t start;       /* of the container in the output */
    size_t item_start;  /* of the member at hand, its comma included */
    size_t value_start;
    size_t item_places; /* number of places before the member at hand */
    size_t first_key;   /* of its own keys in build->keys */
    size_t key_count;
    struct strmap *seen; /* its own keys, once they are many */
    char *anchor;
    size_t anchor_serial;
    size_t nodes;    /* number before it */
    unsigned height; /* the greatest of its values */
};

struct yaml_build {
    const struct yaml_limits *limits;
    struct buf out;
    struct yaml_place *places;
    size_t place_count;
    size_t place_capacity;
    struct yaml_frame *frames;
    size_t depth;
    size_t frame_capacity;
    struct yaml_key *keys; /* of all open maps */
    size_t key_count;
    size_t key_capacity;
    struct strmap *anchors;
    size_t anchor_bytes;
    size_t anchor_serial;
    size_t nodes;
    bool done; /* the document's value is complete */
};

/* `bytes` is the size of the file: what aliases may add is measured by it. */
void yaml_build_init(struct yaml_build *build, const struct yaml_limits *limits, size_t bytes);
void yaml_build_fini(struct yaml_build *build);
/* Forgets the document at hand. */
void yaml_build_reset(struct yaml_build *build);

/* `anchor` may be NULL. */
int yaml_build_open(struct yaml_build *build, bool is_map, const char *anchor, unsigned line,
                    struct err *err) MUST_CHECK;
int yaml_build_close(struct yaml_build *build, struct err *err) MUST_CHECK;
/* A scalar as JSON text, key or value. */
int yaml_build_scalar(struct yaml_build *build, struct span json, const char *anchor, unsigned line,
                      struct err *err) MUST_CHECK;
/* The key `<<`. */
int yaml_build_merge_key(struct yaml_build *build, unsigned line, struct err *err) MUST_CHECK;
int yaml_build_alias(struct yaml_build *build, const char *name, unsigned line,
                     struct err *err) MUST_CHECK;

/* Does the map at hand expect a key? */
bool yaml_build_wants_key(const struct yaml_build *build);
/* Moves the document out. */
void yaml_build_take(struct yaml_build *build, struct yaml_document *ret_document);
