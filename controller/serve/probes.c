/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/probes.h"

#include <inttypes.h>

#include "base/mem.h"

/* What has waited for its turn for so long will not get it. */
#define STALLED_MS 10000

static void say(struct http_reply *reply, const char *trouble)
{
    reply->status = trouble ? 503 : 200;
    buf_add_format(&reply->body, "%s\n", trouble ? trouble : "ok");
}

void probe_health(struct http_reply *reply, int64_t stalled_ms, const char *complaint)
{
    CLEANUP(freep) char *stall = NULL;
    if (stalled_ms > STALLED_MS)
        stall = xasprintf("the event loop stalls: work has waited for %" PRId64 " s",
                          stalled_ms / 1000);
    say(reply, stall ? stall : complaint);
}

void probe_ready(struct http_reply *reply, const char *reason)
{
    say(reply, reason);
}
