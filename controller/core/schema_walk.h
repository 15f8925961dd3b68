/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "base/buf.h"
#include "base/json_text.h"
#include "core/schema.h"
#include "core/schema_node.h"

/*
 * The state of one walk over a value and its schema, and the checks of single values. Private to
 * core/schema_*.c.
 */
struct schema_step {
    const struct schema_step *above;
    const char *name; /* NULL: an element */
    size_t index;
};

struct schema_walk {
    struct buf *out;
    const struct schema_step *here; /* NULL: the object itself */
    struct schema_problems *problems;
    size_t blocking; /* problems that make the answer of a rule meaningless */
    /* Set while a default is written: it stands nowhere in the text, its object does. */
    const char *at;
};

/* Returns owned: where the walk is, "spec.headers[0]". */
char *schema_path(const struct schema_walk *walk);
/* "a map", "true or false", …: what was found, in the words of YAML's users. */
const char *schema_found(enum json_text_type type);
/* Adds an error at the path of the walk, `suffix` behind it; takes the texts. */
void schema_complain(struct schema_walk *walk, const char *at, const char *suffix, char *message,
                     char *hint);
/* Returns owned: the first sentence of the description; NULL when there is none. */
char *schema_hint(const struct schema *schema);

bool schema_has_type(enum schema_type want, struct span value);
void schema_complain_of_type(struct schema_walk *walk, const struct schema *schema,
                             struct span value);
void schema_check_choices(struct schema_walk *walk, const struct schema *schema, struct span value);
void schema_check_string(struct schema_walk *walk, const struct schema *schema, struct span value);
void schema_check_number(struct schema_walk *walk, const struct schema *schema, struct span value);
