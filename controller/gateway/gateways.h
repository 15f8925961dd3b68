/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/histogram.h"
#include "base/mem.h"
#include "ports/gateways.h"
#include "ports/loop.h"

/*
 * ports/gateways.h over HTTP. The room by files:
 *   gateways    the port's operations
 *   fleet       what is wanted: APIs, their places, contexts
 *   endpoint    one gateway: its states, its breaker, its timers
 *     look      observe everything and decide, slot by slot
 *     push      a batch of writes, the reload
 *     verify    read back what was written
 *     spot      read one now and then, and find out load balancers
 *   observation, turn   the lists, at most one at a time in the process
 *   slots       what one endpoint holds or shall hold
 *   bodies      documents built lately
 *   progress    what is told about it
 */
/* What has happened, counted over all gateways that were made with it. Zero at first, but for the
 * bounds of the histograms. */
struct gateways_figures {
    uint64_t repairs;         /* definitions that were pushed again because they had drifted */
    struct histogram pushes;  /* each POST and DELETE, until its answer */
    struct histogram reloads; /* that were waited for */
};

struct gateways_options {
    const char *owner;                /* --owner */
    const char *cluster;              /* uid of namespace kube-system, or the state folder's id */
    int64_t drift_interval_ms;        /* --drift-interval; 0: 10 s */
    bool confirm_prune;               /* --confirm-prune: for all contexts */
    struct gateways_figures *figures; /* borrowed; NULL: nobody counts */
};

/* Returns owned (gateways->ops->free). Options and callbacks are copied; no callback may call back
 * into the gateways but through the loop. Nothing happens until a context is set. */
struct gateways *gateways_new(struct loop *loop, struct http *http,
                              const struct gateways_options *options,
                              const struct gateways_callbacks *callbacks, void *arg);

/* How many endpoints are in which state: those that Kubernetes calls ready, and fixed URLs. */
#define GATEWAYS_WORD_COUNT 8
struct gateways_word {
    const char *label; /* "synced", …: the words of status.endpoints of an OperatorContext */
    size_t endpoints;
};
void gateways_count(const struct gateways *gateways,
                    struct gateways_word ret_words[GATEWAYS_WORD_COUNT]);
