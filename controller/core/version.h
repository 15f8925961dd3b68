/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Is resourceVersion `a` certainly older than `b`? They are decimal numbers without leading zeros
 * of up to 128 bits (KEP-5504); of any other text nothing is known but equality. */
bool version_is_older(const char *a, const char *b);

/* The number that it is; 0 when it is none, or one of more than 64 bits. */
uint64_t version_number(const char *version);
