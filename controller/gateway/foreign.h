/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "core/plan.h"

/*
 * What stands on a gateway and has no slot: ids and claims on listen paths of definitions that are
 * not ours (or belong to a context that is not here), 40 bytes each and the id. Built anew by each
 * observation.
 */
struct foreign {
    struct foreign_id {
        uint64_t id;
        enum plan_found found;
    } * ids;
    size_t id_count;
    size_t id_capacity;
    struct foreign_claim {
        uint64_t claim;
        uint64_t id; /* whose */
        size_t name; /* the same in full: where in names */
    } * claims;
    size_t claim_count;
    size_t claim_capacity;
    struct buf names; /* each with a NUL behind */
};

void foreign_fini(struct foreign *foreign);
void foreign_add(struct foreign *foreign, const char *api_id, enum plan_found found);
void foreign_add_claim(struct foreign *foreign, const char *api_id, uint64_t claim);
/* After the last addition, before the first question. */
void foreign_sort(struct foreign *foreign);
/* PLAN_ABSENT when the id is not there. */
enum plan_found foreign_found(const struct foreign *foreign, const char *api_id);
/* Who but `api_id` claims it? NULL: nobody. Borrowed. */
const char *foreign_claimant(const struct foreign *foreign, uint64_t claim, const char *api_id);
bool foreign_claims(const struct foreign *foreign, uint64_t claim, const char *api_id);
