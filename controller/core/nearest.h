/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

/*
 * What somebody may have meant who wrote a name that is not known.
 */

#define NEAREST_FAR 3 /* the most that str_distance() says */

/* How many letters have to be changed, added or dropped to come from one name to the other, at most
 * NEAREST_FAR; 0 when just case, dashes and underscores differ: event_handlers, eventHandlers. */
unsigned nearest_distance(const char *a, const char *b);

/* Borrowed from `names`: the one that is meant, up to two letters apart; of short names fewer, as
 * all of them are close to each other. NULL: none. */
const char *nearest_name(const char *name, const char *const *names, size_t count);
