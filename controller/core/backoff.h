/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

/* Exponential back-off: the delay before try number `attempt` (from 1), in [d, 2d) with
 * d = min(first · 2^(attempt − 1), longest). client-go's reflectors use 800 ms and 30 s. */
struct backoff {
    int64_t first_ms;
    int64_t longest_ms;
};

/* `random` is uniform over 32 bits: the jitter is handed in. */
int64_t backoff_delay(const struct backoff *backoff, unsigned attempt, uint32_t random);
