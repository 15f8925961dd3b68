/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/packing.h"
#include "reconcile/reconciler.h"
#include "support/fake_gateways.h"
#include "support/fake_loop.h"
#include "support/fake_world.h"

#define RIG_GRACE_MS INT64_C(5000)
#define RIG_REFERENCE_GRACE_MS INT64_C(10000)
#define RIG_REWRITE_MS INT64_C(30000)
#define RIG_FINALIZER_MS INT64_C(60000)

/* A reconciler, and a world with the namespace "default". No content of an object stays open
 * between two callbacks: who holds on to one falls over. */
struct rig {
    struct loop *loop;
    struct packing *packing;
    struct fake_world *world;
    struct reconciler *reconciler; /* NULL until it is started */
    struct fake_gateways *gateways;
};

int rig_set_up(void **state);
/* … and it leads already. */
int rig_set_up_leading(void **state);
int rig_tear_down(void **state);

/* A reconciler that leads; it runs until it has nothing to do. */
void rig_start(struct rig *rig);
void rig_stop(struct rig *rig);
/* After reconciler_stand_by() and fake_gateways_free(). */
void rig_lead(struct rig *rig);

/* A Secret with TOKEN under the key t. */
void rig_secret(struct rig *rig, const char *name);
/* A Webhook with the URL https://NAME/hook; `rest` goes on in its spec. */
void rig_webhook(struct rig *rig, const char *name, const char *rest);
/* … with the header A from a Secret of rig_secret(). */
void rig_webhook_of_secret(struct rig *rig, const char *name, const char *secret);
/* An OAS API with one handler that refers to `ref` (NULL: none), under the listen path /NAME/;
 * `metadata` goes on there. */
void rig_api(struct rig *rig, const char *name, const char *ref, const char *metadata);

void rig_expect_in_document(const struct rig *rig, const char *key, const char *text, bool there);
/* As fake_world_expect() and fake_world_expect_reason(), of an ApiDefinition. */
void rig_expect_api(const struct rig *rig, const char *key, const char *path, const char *json);
void rig_expect_reason(const struct rig *rig, const char *key, const char *condition,
                       const char *reason);
