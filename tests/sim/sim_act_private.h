/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What sim_act.c and sim_misfortune.c share. Nothing else includes it. */

#include "sim/sim_act.h"

/* The pod that a step is about; NULL: there is none. */
struct sim_pod *sim_step_pod(struct sim *sim, const struct sim_step *step);
void sim_act_begin(struct sim *sim, const struct sim_step *step);
void sim_act_end(struct sim *sim, const struct sim_step *step, struct sim_pod *pod);
void sim_strip_finalizers(struct sim *sim, unsigned kind, const char *key);
/* Takes somebody else's finalizers off, wherever one is (again). */
void sim_let_go(struct sim *sim);
/* The CRD of Webhooks, where it is gone or going. */
void sim_install_crd(struct sim *sim);
/* A namespace or a CRD, and all that is in it, one after the other. */
void sim_delete_with_content(struct sim *sim, unsigned kind, const char *name);
