/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "ports/http_server.h"

/*
 * What the probes answer: 200 "ok", or 503 and what is amiss, in one line.
 */

/* `stalled_ms`: for how long work has waited for the event loop, as loop_stalled_ms() has it; a
 * stall is told before `complaint` (NULL: none), which may be what comes of it. */
void probe_health(struct http_reply *reply, int64_t stalled_ms, const char *complaint);
/* `reason`: what is waited for; NULL: nothing is. */
void probe_ready(struct http_reply *reply, const char *reason);
