/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * The event loop, as the flows see it: one thread, one `now` a round, timers, work put off to the
 * end of the round, and file descriptors. net/loop.c runs it on libevent; the tests run it in
 * virtual time.
 *
 * Nothing ever calls back from within start or arm: callbacks come from the loop only. A callback
 * may free its own timer or call.
 */
struct loop;

typedef void loop_fn(void *arg);

/* Milliseconds of a clock that only goes forward (also in suspend), the same all through a round.
 */
int64_t loop_now(const struct loop *loop);
/* Microseconds of the same clock as it is at this very moment: to measure with, and for what has to
 * hold right now, however long the round has lasted or the process was stopped. */
int64_t loop_clock_us(const struct loop *loop);
/* Seconds (microseconds) since 1970 by the wall clock: for times that people read, never for
 * decisions. */
int64_t loop_wall_time(const struct loop *loop);
int64_t loop_wall_time_us(const struct loop *loop);
/* A random number, uniform over [0, bound): jitter, never secrets. */
uint32_t loop_random(struct loop *loop, uint32_t bound);

/* A timer belongs to its owner and is unarmed at first; arming again moves it. */
struct loop_timer;
struct loop_timer *loop_timer_new(struct loop *loop, loop_fn *fn, void *arg);
void loop_timer_free(struct loop_timer *timer);
void loop_timer_arm(struct loop_timer *timer, int64_t delay_ms);
void loop_timer_disarm(struct loop_timer *timer);
bool loop_timer_is_armed(const struct loop_timer *timer);

/* Runs fn(arg) once at the end of this round. A second call for the same pair before that does
 * nothing. */
void loop_defer(struct loop *loop, loop_fn *fn, void *arg);
/* Forgets a deferred call, if there is one. */
void loop_defer_cancel(struct loop *loop, loop_fn *fn, void *arg);

/* Calls fn while `fd` is readable. The descriptor stays the caller's. */
struct loop_watch;
struct loop_watch *loop_watch_new(struct loop *loop, int fd, loop_fn *fn, void *arg);
void loop_watch_free(struct loop_watch *watch);

/* The loop itself is made and run by the composition root only; see net/loop.h. */
