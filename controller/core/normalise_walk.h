/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

/* Private to core/normalise*.c. */
struct normalise_pair {
    json_t *wanted; /* owned; NULL: absent, or zero on both sides */
    json_t *found;
};

/* Walks down both sides at once. What says the same in different words is the wanted side's on both
 * sides; what is zero or absent on both is left out. `shown` is `wanted` as people may see it. */
struct normalise_pair normalise_walk(const json_t *wanted, const json_t *shown, const json_t *found,
                                     bool hides);
