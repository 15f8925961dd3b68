/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

/* Is resourceVersion `a` certainly older than `b`? They are decimal numbers without leading zeros
 * of up to 128 bits (KEP-5504); of any other text nothing is known but equality. */
bool version_is_older(const char *a, const char *b);
