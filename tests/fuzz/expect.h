/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/span.h"

/* Ends the run when an invariant does not hold, and says which. */
static inline void expect(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "does not hold: %s\n", what);
    abort();
}

static inline bool same_bytes(struct span a, struct span b)
{
    return a.length == b.length && (!a.length || memcmp(a.ptr, b.ptr, a.length) == 0);
}

/* The input as a row of decisions; zeros when it is used up. */
struct choices {
    const uint8_t *at;
    const uint8_t *end;
};

/* One of `count` (at most 256) possibilities. */
static inline unsigned choose(struct choices *choices, unsigned count)
{
    return choices->at < choices->end ? *choices->at++ % count : 0;
}

/* A number of 16 bits. */
static inline unsigned choose_number(struct choices *choices)
{
    unsigned high = choose(choices, 256);
    return high << 8 | choose(choices, 256);
}
