/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "base/span.h"
#include "base/yaml_build.h"

/*
 * The strict tokens of JSON as events for yaml_build: a file of JSON gets the same lines, limits
 * and check for duplicate keys as one of YAML. Private to base/yaml*.c.
 */
enum yaml_json_state {
    YAML_JSON_VALUE,
    YAML_JSON_FIRST_ITEM, /* behind [ */
    YAML_JSON_KEY,
    YAML_JSON_FIRST_KEY, /* behind { */
    YAML_JSON_COLON,
    YAML_JSON_BEHIND, /* behind a value */
};

struct yaml_json {
    const char *at;
    const char *end;
    unsigned line;
    enum yaml_json_state state;
    bool is_not_json; /* the fault is one of grammar: the text may still be YAML */
};

/* Reads one token; build->done says that the document is complete. */
int yaml_json_step(struct yaml_json *json, struct yaml_build *build, struct err *err) MUST_CHECK;
/* Skips blanks and counts lines. */
void yaml_json_skip_blanks(struct yaml_json *json);
