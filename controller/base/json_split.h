/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/span.h"

/*
 * Splits one array of a JSON document into its elements while the bytes arrive, so that a list of
 * any length is never in memory as a whole. The array is a member of an object ({"items": […]}), or
 * the document itself; the rest of the document, which is small, is collected with `[]` in its
 * place. However the bytes are cut, the same elements and the same result come out.
 *
 * An element that is handed out is complete and its brackets match; whether it is valid otherwise
 * is for the receiver to check (one bad element need not spoil the list). The rest is checked in
 * full. `null` in place of the array counts as an empty one: that is how Go prints a nil slice.
 */
struct json_split;

/* An element, borrowed for the call. -1 with *err set ends the splitting. Must not free the
 * splitter. */
typedef int json_split_fn(void *arg, struct span item, struct err *err);

struct json_split_options {
    /* The names of the members that lead to the array, NULL behind the last (copied). NULL: the
     * document is the array. */
    const char *const *path;
    size_t item_limit; /* bytes of one element */
    size_t rest_limit; /* bytes of all else */
    unsigned depth;    /* nesting within an element; crossing it is an error */
    json_split_fn *item;
    void *arg;
};

struct json_split *json_split_new(const struct json_split_options *options);
void json_split_free(struct json_split *split);
void json_split_freep(struct json_split **split);

/* Takes the next bytes. -1, ERR_INVALID (or what the receiver said): the document is not what was
 * expected; all further calls fail likewise. */
int json_split_feed(struct json_split *split, const char *bytes, size_t length,
                    struct err *err) MUST_CHECK;

/* The document has ended: 0 only when it was complete, valid and had the array. *ret_rest (may be
 * NULL) is borrowed until json_split_free(). */
int json_split_finish(struct json_split *split, struct span *ret_rest, struct err *err) MUST_CHECK;
