/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/sim_oracle.h"
#include "base/mem.h"
#include <stdlib.h>
struct sim_oracle { struct sim *sim; };
struct sim_oracle *sim_oracle_new(struct sim *sim)
{
    struct sim_oracle *oracle = xcalloc(1, sizeof(*oracle));
    oracle->sim = sim;
    return oracle;
}
void sim_oracle_free(struct sim_oracle *oracle) { free(oracle); }
void sim_oracle_add_gateway(struct sim_oracle *oracle, struct sim_pod *pod) { (void)oracle; (void)pod; }
void sim_oracle_killed(struct sim_oracle *oracle, const struct sim_operator *operator_) { (void)oracle; (void)operator_; }
