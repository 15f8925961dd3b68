/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <regex.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "base/strmap.h"
#include "core/schema_rules.h"

/*
 * A compiled schema: what schema_compile.c makes and schema_apply.c walks. Private to these two.
 */
enum schema_type {
    SCHEMA_ANY,
    SCHEMA_OBJECT,
    SCHEMA_ARRAY,
    SCHEMA_STRING,
    SCHEMA_INTEGER,
    SCHEMA_NUMBER,
    SCHEMA_BOOLEAN,
    SCHEMA_INT_OR_STRING,
};

struct schema_property {
    char *name;
    struct schema *schema;
};

struct schema_rule_use {
    const struct schema_rule *rule;
    char *message;
    char *field_path; /* ".id"; "" when the rule is about the value itself */
};

struct schema {
    enum schema_type type;
    bool nullable;
    bool preserves; /* unknown fields */
    char *description;
    struct span default_value; /* ptr NULL: none */
    struct strmap *properties; /* name → struct schema; NULL: none */
    struct schema *additional; /* values of other keys; NULL: none */
    struct schema *items;
    char **required;     /* NULL at the end; NULL: none */
    struct span choices; /* of enum; ptr NULL: any */
    char *pattern;
    regex_t regex; /* set when pattern is */
    /* Limits; -1: none. */
    int64_t min_length;
    int64_t max_length;
    int64_t min_items;
    int64_t max_items;
    int64_t max_properties;
    bool has_minimum;
    bool has_maximum;
    double minimum;
    double maximum;
    char **list_keys; /* of a list that is a map; NULL at the end; NULL: none */
    struct schema_rule_use *rules;
    size_t rule_count;
};
