/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "sim/sim.h"

/*
 * A small cluster for a test of one fault: two gateways of the default context, one of the edge,
 * Secret a/s0, Webhooks a/w0 (with a value of that Secret) and b/w1, and ApiDefinitions a/p0 (OAS,
 * refers to w0), a/p1 (Classic, refers to b/w1) and b/p0 (OAS, refers to nothing). Everything at
 * rest, unless `bare`.
 */
struct scene_options {
    struct sim_options sim; /* pods 0: two and one */
    bool bare;              /* no objects, and the operator is not started */
};
struct sim *scene_new(const struct scene_options *options);
/* Heals, waits for rest, sees that nothing is written any more, and frees. True: no rule was
 * broken; otherwise what was is printed, with the story. */
bool scene_end(struct sim *sim);

void scene_objects(struct sim *sim);
/* An ApiDefinition "ns/name" of this version; `ref` NULL: no handler. */
void scene_api(struct sim *sim, const char *key, unsigned version, bool oas, const char *ref);
/* A Webhook of this version for all namespaces; `secret` NULL: no header from one. */
void scene_webhook(struct sim *sim, const char *key, unsigned version, const char *secret);
void scene_secret(struct sim *sim, const char *key, unsigned version);
/* An object goes at once, whatever finalizers it has. */
void scene_vanish(struct sim *sim, unsigned kind, const char *key);

/* Waits until everything is as it should be; how long it took. -1, and the story is printed: it is
 * not within twelve minutes, or a rule was broken. */
int64_t scene_rest(struct sim *sim);
struct sim_host *scene_api_host(struct sim *sim);
struct sim_host *scene_gateway_host(struct sim *sim, unsigned number);
/* POSTs that the gateways of the default context have taken. */
size_t scene_posts(struct sim *sim);
/* What a version is on a gateway of the default context; -1: absent. */
int64_t scene_version_on(struct sim *sim, unsigned gateway, const char *key);
