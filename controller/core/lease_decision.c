/* SPDX-License-Identifier: Apache-2.0 */
#include "core/lease_decision.h"

const struct lease_timing lease_timing_default = {
    .duration_ms = 15000, .renew_deadline_ms = 10000, .retry_ms = 2000};

bool lease_still_holds(const struct lease_view *view, const struct lease_timing *timing,
                       int64_t now_ms)
{
    return view->leads && now_ms < view->renewed_ms + timing->renew_deadline_ms;
}

/* Candidates try every 2 to 2.4 s. The holder renews every 2 s, and tries a last time half a second
 * before it has to stop. */
static int64_t next_try(const struct lease_view *view, const struct lease_timing *timing)
{
    int64_t retry = timing->retry_ms;
    if (!view->leads)
        return view->tried_ms + retry + (retry / 5 * view->random >> 32);
    int64_t last_chance = view->renewed_ms + timing->renew_deadline_ms - retry / 4;
    int64_t next = view->tried_ms + retry;
    return view->tried_ms < last_chance && next > last_chance ? last_chance : next;
}

static bool is_valid(const struct lease_view *view, int64_t now_ms)
{
    return view->observed_ms + view->duration_ms > now_ms;
}

static struct lease_decision wait_until(const struct lease_view *view,
                                        const struct lease_timing *timing, int64_t due_ms)
{
    int64_t deadline = view->renewed_ms + timing->renew_deadline_ms;
    return (struct lease_decision){LEASE_WAIT,
                                   view->leads && deadline < due_ms ? deadline : due_ms};
}

struct lease_decision lease_decide(const struct lease_view *view, const struct lease_timing *timing,
                                   int64_t now_ms)
{
    bool is_others = view->is_known && !view->is_ours && !view->is_free;
    if (view->leads && (is_others || !lease_still_holds(view, timing, now_ms)))
        return (struct lease_decision){.step = LEASE_LOSE};
    int64_t due = next_try(view, timing);
    if (view->is_fresh) {
        if (view->is_ours)
            return (struct lease_decision){.step = LEASE_RENEW};
        if (view->is_free || !is_valid(view, now_ms))
            return (struct lease_decision){.step = LEASE_TAKE};
        return wait_until(view, timing, due);
    }
    if (now_ms < due)
        return wait_until(view, timing, due);
    /* The holder knows what stands there: it has written it. */
    bool may_write = view->leads && view->is_ours && is_valid(view, now_ms);
    return (struct lease_decision){.step = may_write ? LEASE_RENEW : LEASE_READ};
}
