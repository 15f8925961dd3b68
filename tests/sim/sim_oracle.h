/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "sim/sim.h"

/*
 * The watcher: knows the truth (the store, every disk) and what has been, looks at every write of
 * the operator, and at everything when all is at rest. What it finds wrong it tells sim_fail().
 */
struct sim_oracle *sim_oracle_new(struct sim *sim);
void sim_oracle_free(struct sim_oracle *oracle);
void sim_oracle_add_gateway(struct sim_oracle *oracle, struct sim_pod *pod);
void sim_oracle_killed(struct sim_oracle *oracle, const struct sim_operator *operator_);
