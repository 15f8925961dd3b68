/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "ports/loop.h"

/*
 * ports/loop.h on libevent: made and run by the composition root.
 *
 * A round waits for I/O and timers, runs what is due, then what was deferred, in the order it was
 * deferred. When deferred work has taken more than 10 ms the rest of it waits for the next round,
 * so that I/O goes on; what was deferred is never lost but by loop_free().
 *
 * `now` (CLOCK_BOOTTIME: it goes on in suspend) is read once a round, when the waiting ends. A
 * timer never fires before loop_now() has reached its time; after a suspend it may be late by the
 * time that was slept.
 *
 * A watchdog measures each callback and each round. Those over 100 ms are counted and logged:
 * nothing here may hold up a lease.
 */

/* NULL with *err set when the kernel gives no event queue. Ignores SIGPIPE for the process: a peer
 * that has gone is an error of the write, not the end of us. */
struct loop *loop_new(struct err *err);
/* Everything made on the loop (timers, watches, clients, servers) has to be freed before; deferred
 * calls are forgotten. NULL is fine. */
void loop_free(struct loop *loop);

/* Runs rounds until loop_stop(). May be called again after that, to let a shutdown finish. */
void loop_run(struct loop *loop);
/* loop_run() returns at the end of this round (at once when it is not running: then the next
 * loop_run() is not affected). */
void loop_stop(struct loop *loop);

/* Calls fn after each callback, when nothing of the program is under way. One such function a loop.
 */
void loop_after_callbacks(struct loop *loop, loop_fn *fn, void *arg);

typedef void loop_signal_fn(void *arg, int signal_number);
/* Calls fn from the loop at SIGTERM, SIGINT and SIGHUP, which have no other effect from then on.
 * Once a loop, and for one loop a process. */
void loop_on_signals(struct loop *loop, loop_signal_fn *fn, void *arg);

/* What the watchdog has seen since the start. */
struct loop_stats {
    uint64_t rounds;
    uint64_t callbacks;
    uint64_t slow_callbacks; /* over 100 ms */
    uint64_t slow_rounds;
    int64_t longest_callback_us;
    int64_t longest_round_us;
};
void loop_stats(const struct loop *loop, struct loop_stats *ret_stats);

/* How long, in ms, what should be over or have begun is waiting: the round at hand, or the deferred
 * call that has waited longest (work that defers itself for ever, faster than it is done). That is
 * what can be seen from within, when something gets its turn to ask. A callback that never ends
 * lets nobody ask: it shows by silence, and whoever probes over HTTP has a timeout for that. */
int64_t loop_stalled_ms(const struct loop *loop);
