/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/json_text.h"

/*
 * What is wrong with an object, or should be said about it: with the field, the reason in one
 * word, and the remedy.
 */
enum problem_severity { PROBLEM_ERROR, PROBLEM_WARNING };

struct problem {
    enum problem_severity severity;
    /* InvalidSpec, WebhookNotFound, WebhookInvalid, SecretNotFound, ConfigMapNotFound,
     * ContextNotFound, Conflict; for warnings also others. */
    const char *reason;
    char *trigger; /* of the handler it is about; NULL: the whole object */
    size_t index;
    char *field;   /* path in the manifest, "spec.proxy.listen_path"; NULL: the whole object */
    char *message; /* what is wrong; never holds a secret */
    char *hint;    /* the remedy; NULL: none */
};

struct problems {
    struct problem *items;
    size_t count;
    size_t capacity;
};

/* What a problem is about; texts are copied, but for the reason, which is a constant. */
struct problem_about {
    enum problem_severity severity;
    const char *reason;
    const char *trigger;
    size_t index;
    const char *field;
    const char *hint;
};

void problems_add(struct problems *problems, const struct problem_about *about, const char *format,
                  ...) __attribute__((format(printf, 3, 4)));
/* An InvalidSpec error about a field of an object. */
void problems_refuse(struct problems *problems, const char *field, const char *hint,
                     const char *format, ...) __attribute__((format(printf, 4, 5)));
/* Is there an error (of this reason, unless it is NULL)? */
bool problems_have_error(const struct problems *problems, const char *reason);
/* Moves all problems of `from` behind those of `to`. */
void problems_move(struct problems *to, struct problems *from);
/* "error" or "warning". */
const char *problem_severity_name(enum problem_severity severity);
/* What a value is, as messages say it: "a map", "a text", …. */
const char *problem_found(struct span value);
void problems_fini(struct problems *problems);
