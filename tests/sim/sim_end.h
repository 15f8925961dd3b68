/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "sim/sim.h"

/* Everything that the operator is responsible for, as it stands at the end: objects with their
 * statuses, definitions on gateways; without times, versions and what is sealed anew each time. */
void sim_end_state(const struct sim *sim, struct buf *out);
/* Are two end states the same? Otherwise the first difference. */
bool sim_end_equal(const char *wanted, const char *found, struct buf *ret_difference);
