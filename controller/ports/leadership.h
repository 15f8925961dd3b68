/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

/*
 * May this process write to the world (the API server, gateways) at this very moment? Of several
 * replicas at most one may.
 *
 * The flows do not ask. The composition root gives those that write a client that asks for them,
 * right before bytes go out (http_led_new()), and makes them only for as long as it leads.
 */
struct leadership {
    /* By the clock as it is now, not as it was when the loop's round began: the process may have
     * been stopped meanwhile. */
    bool (*is_held)(const struct leadership *leadership);
};

/* NULL: nobody else is there who could write. */
static inline bool leadership_is_held(const struct leadership *leadership)
{
    return !leadership || leadership->is_held(leadership);
}
