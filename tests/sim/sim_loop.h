/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "ports/loop.h"
#include "sim/sim_random.h"
#include "sim/sim_time.h"

/*
 * ports/loop.h of one process in virtual time. A round is one callback and all that it defers. The
 * process may be stopped for a while (what comes meanwhile waits), and killed: from the moment of
 * sim_loop_kill() nothing of it runs any more, not even what is deferred.
 */
struct sim_loop_options {
    struct sim_time *time;
    struct sim_random random;
    int64_t wall_start;     /* seconds since 1970 at virtual time 0 */
    int64_t rate;           /* of its clock, in thousandths of the true one's; 0: 1000 */
    uint32_t slow_permille; /* how often a deferred call makes the rest of the round late */
};

struct loop *sim_loop_new(const struct sim_loop_options *options);
/* Everything that was made on it has to be freed before: returns how many timers, watches and
 * deferred calls are left, which should be none. */
size_t sim_loop_free(struct loop *loop);

/* Calls fn(arg) as the loop would: now, or when the process goes on again; not at all if it has
 * been killed. `drop` (may be NULL) is called in that case. */
void sim_loop_call(struct loop *loop, sim_fn *fn, sim_fn *drop, void *arg);
/* As net/loop.h has it. */
void sim_loop_after_callbacks(struct loop *loop, loop_fn *fn, void *arg);
void sim_loop_kill(struct loop *loop);
bool sim_loop_is_killed(const struct loop *loop);
/* A round did not come to its end: the process is taken for killed. */
bool sim_loop_spins(const struct loop *loop);
/* Stops the process, and lets it go on. */
void sim_loop_set_stopped(struct loop *loop, bool stopped);
/* Moves its wall clock. */
void sim_loop_jump(struct loop *loop, int64_t seconds);
