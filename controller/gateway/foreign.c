/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/foreign.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static uint64_t hash_of(const char *text)
{
    uint64_t hash = 14695981039346656037ULL;
    for (const unsigned char *at = (const unsigned char *)text; *at; at++)
        hash = (hash ^ *at) * 1099511628211ULL;
    return hash;
}

void foreign_fini(struct foreign *foreign)
{
    free(foreign->ids);
    free(foreign->claims);
    buf_fini(&foreign->names);
    *foreign = (struct foreign){0};
}

void foreign_add(struct foreign *foreign, const char *api_id, enum plan_found found)
{
    foreign->ids =
        xgrow(foreign->ids, foreign->id_count, &foreign->id_capacity, sizeof(*foreign->ids));
    foreign->ids[foreign->id_count++] = (struct foreign_id){hash_of(api_id), found};
}

void foreign_add_claim(struct foreign *foreign, const char *api_id, uint64_t claim)
{
    foreign->claims = xgrow(foreign->claims, foreign->claim_count, &foreign->claim_capacity,
                            sizeof(*foreign->claims));
    if (!foreign->names.limit)
        buf_init(&foreign->names, BUF_UNLIMITED);
    foreign->claims[foreign->claim_count++] =
        (struct foreign_claim){claim, hash_of(api_id), foreign->names.length};
    buf_add(&foreign->names, api_id, strlen(api_id) + 1);
}

static int by_id(const void *a, const void *b)
{
    const struct foreign_id *left = a;
    const struct foreign_id *right = b;
    return left->id < right->id ? -1 : left->id > right->id;
}

static int by_claim(const void *a, const void *b)
{
    const struct foreign_claim *left = a;
    const struct foreign_claim *right = b;
    return left->claim < right->claim ? -1 : left->claim > right->claim;
}

void foreign_sort(struct foreign *foreign)
{
    if (foreign->id_count)
        qsort(foreign->ids, foreign->id_count, sizeof(*foreign->ids), by_id);
    if (foreign->claim_count)
        qsort(foreign->claims, foreign->claim_count, sizeof(*foreign->claims), by_claim);
}

enum plan_found foreign_found(const struct foreign *foreign, const char *api_id)
{
    struct foreign_id key = {.id = hash_of(api_id)};
    const struct foreign_id *hit =
        foreign->id_count
            ? bsearch(&key, foreign->ids, foreign->id_count, sizeof(*foreign->ids), by_id)
            : NULL;
    return hit ? hit->found : PLAN_ABSENT;
}

const char *foreign_claimant(const struct foreign *foreign, uint64_t claim, const char *api_id)
{
    uint64_t id = hash_of(api_id);
    /* The first with this claim. */
    size_t low = 0;
    size_t high = foreign->claim_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (foreign->claims[middle].claim < claim)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < foreign->claim_count && foreign->claims[low].claim == claim; low++) {
        if (foreign->claims[low].id != id)
            return foreign->names.data + foreign->claims[low].name;
    }
    return NULL;
}

bool foreign_claims(const struct foreign *foreign, uint64_t claim, const char *api_id)
{
    return foreign_claimant(foreign, claim, api_id) != NULL;
}
