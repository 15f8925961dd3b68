/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/sim_random.h"

static uint64_t mix(uint64_t value)
{
    value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
    return value ^ (value >> 31);
}

struct sim_random sim_random_of(uint64_t seed, uint64_t stream)
{
    return (struct sim_random){mix(seed + UINT64_C(0x632be59bd9b4e019)) ^
                               mix(stream * UINT64_C(0x9e3779b97f4a7c15) + 1)};
}

uint64_t sim_random_next(struct sim_random *random)
{
    random->state += UINT64_C(0x9e3779b97f4a7c15);
    return mix(random->state);
}

uint32_t sim_random_below(struct sim_random *random, uint32_t bound)
{
    return bound ? (uint32_t)((sim_random_next(random) >> 32) * bound >> 32) : 0;
}

int64_t sim_random_between(struct sim_random *random, int64_t low, int64_t high)
{
    return low + (int64_t)sim_random_below(random, (uint32_t)(high - low + 1));
}

bool sim_random_chance(struct sim_random *random, uint32_t permille)
{
    return sim_random_below(random, 1000) < permille;
}
