/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ports/loop.h"

/*
 * ports/loop.h in virtual time: nothing happens but by these calls. Time starts at 1,000,000 ms;
 * the wall clock at 2026-01-01T00:00:00Z. Random numbers come from the seed.
 */
struct loop *fake_loop_new(uint32_t seed);
/* Fails the test when a timer, a deferred call or a watch is left. */
void fake_loop_free(struct loop *loop);

/* Runs what is deferred, and what that defers, until nothing is left; time stands still. */
void fake_loop_run(struct loop *loop);
/* Lets time pass: timers fire in order at their times, deferred calls after each. */
void fake_loop_advance(struct loop *loop, int64_t ms);
/* The process stands still (SIGSTOP) in the middle of a round: the clock goes on, loop_now() and
 * timers do so with the next fake_loop_advance(), which may be by 0. */
void fake_loop_stand(struct loop *loop, int64_t ms);
/* The time of the earliest timer, -1 when none is armed. */
int64_t fake_loop_next(const struct loop *loop);
/* Moves the wall clock without the other. */
void fake_loop_set_wall_time(struct loop *loop, int64_t seconds);
/* Calls fn after each callback, as net/loop.h does. */
void fake_loop_after_callbacks(struct loop *loop, loop_fn *fn, void *arg);
/* Calls the watch on `fd`, if there is one, as if it were readable. */
void fake_loop_readable(struct loop *loop, int fd);
