/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "text.h"

/* Go's durations, in nanoseconds. */

/* Reads what Go's ParseDuration takes ("1m30s", "1.5s", "-2h"). Returns false for anything else. */
bool duration_read(const char *text, int64_t *ret_ns);

/* Writes whole parts only: "1h30s", "2m", "0s". */
void duration_write(struct text *out, int64_t ns);
