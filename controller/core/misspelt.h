/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "base/span.h"
#include "core/api.h"
#include "core/problem.h"

/*
 * Keys that go to the gateway as they are, where a key that is read here was probably meant: a
 * letter is wrong, or the other form's name was taken (event_handlers, eventHandlers).
 */

/* What is read of an object. */
struct misspelt_names {
    const char *const *names; /* that are read */
    size_t count;
    const char *const (*others)[2]; /* {written, meant}: names of the same thing elsewhere */
    size_t other_count;
};

typedef void misspelt_fn(void *arg, const char *key, const char *meant);

/* Tells of each key that stands for a name which the object does not have. */
void misspelt_find(struct span object, const struct misspelt_names *names, misspelt_fn *tell,
                   void *arg);

/* Warns (UnknownField) of such keys on the way to the handlers, the listen path and the target, and
 * of handlers that stand one level too high; those in handlers are told by who reads these. */
void misspelt_lint(const struct api_view *view, struct problems *problems);

#define MISSPELT_MESSAGE "unknown field, it goes to the gateway as it is"
