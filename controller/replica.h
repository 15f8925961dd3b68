/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "config.h"
#include "default_gateways.h"
#include "gateway/gateways.h"
#include "ports/gateways.h"
#include "ports/http.h"
#include "ports/loop.h"
#include "reconcile/reconciler.h"
#include "world.h"

/*
 * What a replica does in a world that is ready: caches from the start; gateways, and with them
 * everything that writes, for as long as it leads.
 */
struct replica;

/* As a standby. Everything is borrowed; `world` has to be ready. */
struct replica *replica_new(struct loop *loop, struct http *http, const struct config *config,
                            struct packing *packing, const struct default_gateways *defaults,
                            const struct world *world);
/* Before the world. NULL is fine. */
void replica_free(struct replica *replica);

/* From now on world->store is there, and may be written to. */
void replica_lead(struct replica *replica);
/* Cancels all that is in flight and forgets all that was known but the caches: when it returns,
 * nothing is left that writes. Nothing happens when it does not lead. */
void replica_stand_by(struct replica *replica);
/* The default context is another (a rotated secret). */
void replica_refresh(struct replica *replica);

/* Borrowed. */
const struct reconciler *replica_reconciler(const struct replica *replica);
/* Over all the times that it has led. */
const struct gateways_figures *replica_figures(const struct replica *replica);
/* NULL: this is a standby. */
const struct gateways *replica_gateways(const struct replica *replica);
