/* SPDX-License-Identifier: Apache-2.0 */
#include "core/backoff.h"

int64_t backoff_delay(const struct backoff *backoff, unsigned attempt, uint32_t random)
{
    int64_t delay = backoff->first_ms;
    for (unsigned i = 1; i < attempt && delay < backoff->longest_ms; i++)
        delay *= 2;
    if (delay > backoff->longest_ms)
        delay = backoff->longest_ms;
    return delay + (int64_t)((double)delay * random / 4294967296.0);
}
