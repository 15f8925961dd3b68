/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "doc.h"
#include "text.h"

/*
 * The shape of a Go type: what reading JSON into it and writing it out again does to a document.
 * Unknown keys are lost, absent fields come back with their zero value, wrong types are refused.
 */
enum shape_kind {
    SHAPE_BOOL,
    SHAPE_STRING,
    SHAPE_LOWER_STRING, /* made lower-case when it is loaded */
    SHAPE_INT,
    SHAPE_FLOAT,
    SHAPE_DURATION,  /* "1m30s"; what cannot be read is zero */
    SHAPE_OBJECT_ID, /* 24 hex digits or empty */
    SHAPE_ANY,
    SHAPE_ANY_MAP, /* map[string]any */
    SHAPE_LIST,    /* null when absent */
    SHAPE_MAP,     /* null when absent, keys sorted */
    SHAPE_STRUCT,
};

/* When a field is not written. */
enum shape_omit {
    OMIT_NEVER,
    OMIT_EMPTY, /* Go's omitempty: false, 0, "", null, [] and {}; never a struct */
    OMIT_ZERO,  /* also a struct or a free value in which everything is zero */
};

struct shape_field {
    const char *name;
    size_t name_len;
    const struct shape *shape;
    enum shape_omit omit;
};

struct shape {
    enum shape_kind kind;
    const struct shape *element;
    const struct shape_field *fields;
    size_t field_count;
};

/* For tables of fields. */
#define FIELD(name, shape)                                                                         \
    {                                                                                              \
        name, sizeof(name) - 1, &(shape), OMIT_NEVER                                               \
    }
#define FIELD_OMITTED(name, shape, when)                                                           \
    {                                                                                              \
        name, sizeof(name) - 1, &(shape), when                                                     \
    }
#define STRUCT_SHAPE(fields)                                                                       \
    {                                                                                              \
        SHAPE_STRUCT, NULL, fields, sizeof(fields) / sizeof((fields)[0])                           \
    }

/* No struct has more fields. */
#define SHAPE_FIELD_LIMIT 160

extern const struct shape shape_bool, shape_string, shape_int, shape_float, shape_duration,
    shape_object_id, shape_any, shape_any_map, shape_strings, shape_ints, shape_string_map,
    shape_any_list, shape_lower_strings;

/* Where the value of one field was written. */
struct shape_mark {
    const struct shape *shape; /* the struct that has the field */
    const char *name;
    size_t start;
    size_t len;
};

/*
 * Writes the node (DOC_NONE: the zero value) through the shape to out. Returns false if Go would
 * refuse a type in it; out then holds a part. mark may be NULL.
 */
bool shape_write(const struct shape *shape, const struct doc *doc, uint32_t node, struct text *out,
                 struct shape_mark *mark);
