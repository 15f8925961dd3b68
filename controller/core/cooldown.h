/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* The longest cooldown, in seconds: what a duration of Go (64 bits of nanoseconds) can say. A
 * longer one is read as zero by the gateway, which then delivers once and never again. */
#define COOLDOWN_MAX INT64_C(9223372036)

/* Reads `^(\d+h)?(\d+m)?(\d+s)?$`, the only form that the gateway's schema takes: whole hours,
 * minutes, seconds, in this order. False when the text is of another form or too long a time; ""
 * is zero. */
bool cooldown_read(const char *text, int64_t *ret_seconds);
