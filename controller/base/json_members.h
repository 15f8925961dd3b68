/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "base/span.h"

/*
 * The members of one JSON object, found in one walk, for who asks for more than one of them:
 * json_text_member() walks over all of the object each time.
 */

/* Of an object with more, each question is a walk. */
#define JSON_MEMBERS_FEW 24

struct json_members {
    struct span object;
    size_t count; /* all */
    struct span keys[JSON_MEMBERS_FEW];
    struct span values[JSON_MEMBERS_FEW];
};

/* Borrows the text. Anything but an object has no members. */
void json_members_read(struct json_members *members, struct span object);
/* As json_text_member() has it. */
struct span json_members_get(const struct json_members *members, const char *key);
/* The same for a key as it stands in some text, with its quotes. */
struct span json_members_like(const struct json_members *members, struct span key);
