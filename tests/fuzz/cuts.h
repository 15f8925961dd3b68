/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Feeds bytes in pieces, each in memory of its own, so that reading past one is noticed. */
typedef int cut_feed_fn(void *arg, const char *bytes, size_t length);

/* Pieces of 1 to `longest` bytes, by a sequence that `seed` starts; `longest` 0: all in one piece.
 * Stops at the first failure and returns what feed() did. */
static inline int feed_in_pieces(const uint8_t *data, size_t size, uint32_t seed, size_t longest,
                                 cut_feed_fn *feed, void *arg)
{
    int result = 0;
    for (size_t at = 0; at < size && result == 0;) {
        seed = seed * 1664525 + 1013904223;
        size_t length = longest ? 1 + (seed >> 16) % longest : size;
        if (length > size - at)
            length = size - at;
        char *piece = xmalloc(length);
        memcpy(piece, data + at, length);
        result = feed(arg, piece, length);
        free(piece);
        at += length;
    }
    return result;
}
