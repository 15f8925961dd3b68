/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "core/definition.h"
#include "gateway/gateway_client.h"
#include "gateway/turn.h"

/*
 * One look at everything a gateway has loaded: the Classic list, and the OAS list if an OAS API is
 * among the first (the Classic form of one never shows its marker); or, from API_OAS on, at the OAS
 * list alone. Waits for its turn, and asks
 * again whether the gateway may be read if it has waited long (one that has started meanwhile shows
 * empty lists; not when `is_forced`). A list that breaks off is begun anew once, likewise.
 *
 * start() never calls back before it returns; `done` comes exactly once, unless cancelled: then
 * never.
 */
struct observation;

struct observation_callbacks {
    /* From the start (again): what was told counts for nothing. */
    void (*begin)(void *arg);
    /* Borrowed. An OAS API comes twice: its Classic form first (is_oas), then its own. */
    void (*definition)(void *arg, enum api_family form, const struct definition *definition);
    void (*done)(void *arg, const struct gateway_answer *answer);
};

struct observation *observation_start(struct turn *turn, struct gateway_client *client,
                                      enum api_family from, bool is_forced,
                                      const struct observation_callbacks *callbacks, void *arg);
/* NULL is fine. */
void observation_cancel(struct observation *observation);
