/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * What a candidate for the lead does next: client-go's algorithm (tools/leaderelection). Pure.
 *
 * Who wants the lease waits until the record has not changed for as long as it says, by the
 * candidate's own clock, from when the candidate saw it change; who holds it stops when its last
 * renewal that succeeded began longer ago than the renew deadline. The times within the record
 * decide nothing. So clocks may be set to anything, and may run at rates that differ by up to
 * duration / renew_deadline.
 *
 * Two things are stricter than in client-go: the deadline counts from the start of the last renewal
 * (there, from the next one's), and a holder that reads of another one stops at once (there, it
 * tries on until the deadline). And candidates look more often: every 2 to 2.4 s, there 2 to 4.4 s
 * (JitterUntil with factor 1.2), so that a lease that is given up lies free for half as long.
 */
struct lease_timing {
    int64_t duration_ms;
    int64_t renew_deadline_ms;
    int64_t retry_ms;
};
/* 15 s, 10 s, 2 s: as all of Kubernetes' own components. */
extern const struct lease_timing lease_timing_default;

/* What the candidate knows. Times are of its own clock. */
struct lease_view {
    bool is_known; /* the lease has been read, or found missing */
    bool is_fresh; /* … in the try at hand */
    bool is_free;  /* there is none, or it names no holder */
    bool is_ours;
    int64_t duration_ms; /* that the record claims */
    int64_t observed_ms; /* when it was seen to change */
    bool leads;
    int64_t renewed_ms; /* leads: when the last renewal that succeeded began */
    int64_t tried_ms;   /* when the last try began */
    uint32_t random;    /* drawn for each try */
};

enum lease_step {
    LEASE_WAIT,
    LEASE_READ,
    LEASE_TAKE,  /* write ourselves in */
    LEASE_RENEW, /* write that we still hold it */
    LEASE_LOSE,  /* nothing may be written any more, from now on */
};
struct lease_decision {
    enum lease_step step;
    int64_t until_ms; /* LEASE_WAIT: look again then */
};
struct lease_decision lease_decide(const struct lease_view *view, const struct lease_timing *timing,
                                   int64_t now_ms);

/* May a holder still act at this time? */
bool lease_still_holds(const struct lease_view *view, const struct lease_timing *timing,
                       int64_t now_ms);
