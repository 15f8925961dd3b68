/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <event2/event.h>

#include "ports/loop.h"

/* For the other files of net/, which hang events of their own on the loop. */

/* Borrowed until loop_free(). */
struct event_base *loop_event_base(struct loop *loop);

/* Calls fn(arg) as a callback of the loop: `now` is fresh for it and the watchdog measures it.
 * Whatever libevent calls directly goes through here. */
void loop_call(struct loop *loop, loop_fn *fn, void *arg);
