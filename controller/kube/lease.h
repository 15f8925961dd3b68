/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/lease_decision.h"
#include "kube/kube_client.h"
#include "ports/leadership.h"
#include "ports/loop.h"

/*
 * Leader election by a Lease, as client-go does it and with its record (core/lease_decision.h has
 * the rules): one request every two seconds, on a connection of its own, five seconds at most each.
 *
 * Leadership ends in one of two ways: another holder is read, or the last renewal that succeeded
 * began ten seconds ago. Then lost() is called, and afterwards this is a candidate like any other.
 * The caller goes back to standby instead of ending its process, because that is as safe and serves
 * better:
 *   - safe: all that writes exists only from acquired() to lost(). It is freed before lost()
 *     returns, which cancels what it has in flight, so nothing is left that could write later; and
 *     a request that is started or goes on after the deadline, before the loop gets to call lost()
 *     (a long callback, a process that was stopped), is refused by the client that asks leadership
 *     at the last moment (http_led_new() in ports/http.h). An exit does no more: bytes that the
 * kernel has taken go out either way.
 *   - better: in an outage of the API server every leader loses its lease. A process that exits is
 *     started again after longer and longer pauses and lists everything anew; a standby is warm and
 *     leads within seconds when the server is back.
 *
 * What a lease cannot do: recall what was handed to the kernel before the deadline. It takes effect
 * at most as late as the network delivers it; five seconds lie between the deadline and the moment
 * when another may begin.
 */
struct lease;

struct lease_options {
    struct loop *loop;
    struct kube_client *client; /* of its own or shared; not one that only the leader may use */
    const char *ns;
    const char *name;
    const char *identity; /* of this process and no other */
};

/* The lease may not be freed from within these. They come from the loop. */
struct lease_callbacks {
    void (*acquired)(void *arg);
    /* leadership_is_held() is false already. When this returns, nothing may write any more. */
    void (*lost)(void *arg);
    /* The Lease is older than it has been read before: the store was restored from a backup. This
     * is the one object whose version everybody knows to be new. Or this process has stood still
     * for so long that it may have missed that. NULL: nobody asks. */
    void (*set_back)(void *arg);
};

/* Begins to try at once. Texts are copied, the rest is borrowed. */
struct lease *lease_new(const struct lease_options *options,
                        const struct lease_callbacks *callbacks, void *arg);
/* The record stays as it is: others wait until it has run out. NULL is fine. */
void lease_free(struct lease *lease);

/* Borrowed until lease_free(). */
const struct leadership *lease_leadership(const struct lease *lease);
/* The Lease as it was read or written last, as JSON text; borrowed until the loop goes on. NULL:
 * none is known. */
const char *lease_object(const struct lease *lease);

typedef void lease_released_fn(void *arg);
/* Gives the lease up for good, so that another takes it at its next try. Everything that writes has
 * to have stopped. `done` comes once, after five seconds at the latest, whatever came of it; none
 * of the callbacks comes any more. */
void lease_release(struct lease *lease, lease_released_fn *done, void *arg);

struct lease_stats {
    bool leads;
    uint64_t slow_paths; /* renewals that had to read first */
    uint64_t losses;
};
void lease_stats(const struct lease *lease, struct lease_stats *ret_stats);
/* It leads by its own account and has not renewed for so long that it should have stopped: the
 * process is not well, and this is what /healthz says of it. NULL: it is. */
const char *lease_complaint(const struct lease *lease);
