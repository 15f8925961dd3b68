/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/span.h"

/*
 * Several members of one JSON object in one pass: an API of 13 KB is walked once, not once a
 * field.
 */

/* What an object holds besides the members that were asked for. */
struct members_rest {
    /* The gateway's JSON decoder ignores the case of keys: a key that differs from one of the names
     * only so would be obeyed there and overlooked here. The first such key, with its quotes, and
     * the name it stands for. */
    struct span variant;
    const char *variant_of;
    bool others; /* members of other names that are not null */
};

/* Fills values[i] with the member names[i] (an empty span when it is absent or null: Kubernetes
 * and the gateway treat null as absent in all fields that are read here). Anything but an object
 * gives empty spans. */
void members_survey(struct span object, const char *const *names, size_t count, struct span *values,
                    struct members_rest *ret_rest);

/* The same, with the key that differs by case alone: `ret_variant` (may be NULL) and `ret_name`. */
void members_read(struct span object, const char *const *names, size_t count, struct span *values,
                  struct span *ret_variant, const char **ret_name);

/* A change to one member. */
struct member_edit {
    const char *key;
    const char *bytes; /* the new value; NULL takes the member out */
    size_t length;
    bool keep; /* the value stays if the member is there and not null */
};

/* An edit that sets (or with NULL takes out) a member; texts are borrowed. */
struct member_edit members_set(const char *key, const char *bytes);

/* Appends the object with the edits made: members in their old order, untouched ones byte for
 * byte, new ones at the end in the order of the edits. Up to 32 edits. */
void members_write(struct span object, const struct member_edit *edits, size_t count,
                   struct buf *out);

/* Does the text of a key (with its quotes) equal the name as the gateway compares keys: without
 * regard to case? */
bool members_key_matches(struct span key, const char *name);
