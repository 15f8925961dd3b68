/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/seal.h"
#include "core/conditions.h"
#include "core/resolve.h"

/*
 * The status of an ApiDefinition, from what was resolved and where the gateways stand (DESIGN 3.6).
 * Pure; what it makes is written only if it differs from what is there.
 */

/* Where the gateways stand, in the words of the Programmed condition. */
enum programmed {
    PROGRAMMED_TRUE,
    PROGRAMMED_PENDING,
    PROGRAMMED_UNREACHABLE,
    PROGRAMMED_UNAUTHORIZED,
    PROGRAMMED_REJECTED,
    PROGRAMMED_FOREIGN,
    PROGRAMMED_CONFLICT,
    PROGRAMMED_LOAD_BALANCED,
    PROGRAMMED_NO_GATEWAYS,
};

struct api_status_input {
    const struct object *api;
    const struct resolution *resolution;
    const struct seal_key *seal_key;
    /* The holder of what this API claims too, and what that is ("listen path /a/"); NULL: no
     * conflict. */
    const char *conflict_with;
    const char *conflict_over;
    /* Of what was pushed last, where the status does not record that yet; NULL: it does, or nothing
     * was. */
    const struct api_facts *pushed;
    enum programmed programmed;
    size_t gateways_total;
    size_t gateways_synced;
    const char *gateway_detail; /* which endpoint, what class of failure; "" */
    int64_t now_s;
};

/* Appends the JSON text of the whole status. The conditions are also returned for those who tell
 * transitions; conditions_fini() is the caller's. */
void api_status_build(const struct api_status_input *input, struct conditions *ret_conditions,
                      struct buf *out);
