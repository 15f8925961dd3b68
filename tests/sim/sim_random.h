/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Numbers that follow from a seed (splitmix64, Steele and others 2014). Each part of a simulation
 * has a stream of its own, so that taking a step out of a plan does not change what others do.
 */
struct sim_random {
    uint64_t state;
};

/* The stream of this name (any number) of a seed. */
struct sim_random sim_random_of(uint64_t seed, uint64_t stream);
uint64_t sim_random_next(struct sim_random *random);
/* Uniform over [0, bound); 0 when bound is 0. */
uint32_t sim_random_below(struct sim_random *random, uint32_t bound);
/* Uniform over [low, high]. */
int64_t sim_random_between(struct sim_random *random, int64_t low, int64_t high);
/* True `permille` times in a thousand. */
bool sim_random_chance(struct sim_random *random, uint32_t permille);
