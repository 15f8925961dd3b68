/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

/*
 * The schema of a CRD, applied to JSON text as the API server applies it when an object is created:
 * unknown fields are pruned, nulls that the schema does not allow are dropped or defaulted,
 * defaults are filled in, then everything is checked, and all that is wrong is told at once. What
 * the schema does not know more about passes through byte for byte.
 */
struct schema;

struct schema_problem {
    bool is_warning; /* the object is usable all the same: an unknown field was pruned */
    char *field;     /* as the API server prints it: "spec.headers[0].name" */
    char *message;
    char *hint;     /* NULL: none */
    const char *at; /* in the text that was checked: the value, or what is nearest around it */
};

struct schema_problems {
    struct schema_problem *items;
    size_t count;
    size_t capacity;
    size_t errors; /* how many are no warnings, those that are not kept included */
};

/* More problems of one object are counted, not kept. */
#define SCHEMA_PROBLEMS_MAX 200

void schema_problems_fini(struct schema_problems *problems);
/* Adds a problem; takes the three texts. */
void schema_problems_add(struct schema_problems *problems, bool is_warning, const char *at,
                         char *field, char *message, char *hint);

/* Compiles an OpenAPI schema (JSON text, borrowed until the schema is freed). -1, ERR_INVALID: a
 * keyword that is not known here, or a CEL rule without a twin (schema_rules.h). */
int schema_compile(struct span openapi, struct schema **ret_schema, struct err *err) MUST_CHECK;
void schema_free(struct schema *schema);
void schema_freep(struct schema **schema);

/* Appends what the API server would store of `value`, and adds what is wrong with it. `old` is the
 * object as it is now, for the rules of change; ptr NULL: there is none. A member `status` of the
 * root is not worth a refusal: where it does not fit the schema, it is left out with a warning. */
void schema_apply(const struct schema *schema, struct span value, struct span old, struct buf *out,
                  struct schema_problems *problems);
