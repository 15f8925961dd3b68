/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "doc.h"
#include "text.h"

/*
 * The part of JSON schema (draft 4) that the check of OAS documents needs, with the messages of the
 * gateway's validator, and its way to choose among the alternatives of an anyOf: the one that fits
 * best is the one whose errors are shown.
 */
enum schema_type {
    SCHEMA_ANY = 0,
    SCHEMA_OBJECT = 1 << 0,
    SCHEMA_ARRAY = 1 << 1,
    SCHEMA_STRING = 1 << 2,
    SCHEMA_BOOLEAN = 1 << 3,
    SCHEMA_INTEGER = 1 << 4,
    SCHEMA_NUMBER = 1 << 5,
};

struct schema;

struct schema_property {
    const char *name;
    const struct schema *schema;
    bool null_if_absent; /* the gateway writes the field as null before it checks */
};

struct schema_pattern {
    const char *text; /* as the message shows it */
    bool (*matches)(const char *value);
};

struct schema {
    enum schema_type type;
    const struct schema_pattern *pattern;     /* of a string */
    const char *const *values;                /* an enum, ended by NULL */
    const char *const *required;              /* ended by NULL */
    const struct schema_property *properties; /* ended by a NULL name */
    const struct schema_property *prefixed;   /* properties by the beginning of their names */
    const struct schema *first_item;          /* of an array: only its first element is checked */
    const struct schema *const *any_of;       /* ended by NULL */
    bool closed;                              /* no other properties */
};

/*
 * Checks the node and adds one line to errors for each error, joined by newlines. name is that of
 * the node in messages, "" for the root. Returns true if there was none.
 */
bool schema_check(const struct schema *schema, const struct doc *doc, uint32_t node,
                  const char *name, struct text *errors);
