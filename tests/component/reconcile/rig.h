/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "reconcile/reconciler.h"
#include "support/fake_gateways.h"
#include "support/fake_loop.h"
#include "support/fake_world.h"

/* A reconciler that leads, in an empty world: namespace "default", grace of 5 s, reference grace of
 * 10 s. */
struct rig {
    struct loop *loop;
    struct fake_world *world;
    struct reconciler *reconciler;
    struct fake_gateways *gateways;
};

int rig_set_up(void **state);
int rig_tear_down(void **state);
/* After reconciler_stand_by() and fake_gateways_free(). */
void rig_lead(struct rig *rig);

/* A Secret with TOKEN under the key t. */
void rig_secret(struct rig *rig, const char *name);
/* A Webhook; `secret` NULL: without a header from one. */
void rig_webhook(struct rig *rig, const char *name, const char *secret);
/* An OAS API with one handler; its listen path is /NAME/. */
void rig_api(struct rig *rig, const char *name, const char *ref);
