/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "core/api.h"
#include "core/object.h"

/*
 * What the APIs of a context claim for themselves: an api_id, a listen path on a domain. Who holds
 * a thing that several claim: the incumbent (recorded in its status: apiId, listenPath), else the
 * oldest, else the smaller key; the others hold nothing new and push nothing. So
 * status.apiId and status.listenPath must say what an API holds, not what it wants.
 *
 * Pure, and incremental: a change costs as much as the APIs that contest the same things.
 */
struct claims;

struct claims *claims_new(void);
void claims_free(struct claims *claims);

struct claims_conflict {
    const char *with; /* key of the holder; NULL: the gateway itself */
    const char *over; /* "listen path /a/", "api_id x" */
};

/* Another API whose conflict has come, gone or changed. */
typedef void claims_changed_fn(void *arg, const char *api_key);

/* An API as it is now. A refused one (`valid` false) holds only what is recorded in its status.
 * `changed` (may be NULL) is not called for the API itself. */
void claims_put(struct claims *claims, const struct object *api, const struct api_facts *facts,
                bool valid, claims_changed_fn *changed, void *arg);
void claims_remove(struct claims *claims, const char *api_key, claims_changed_fn *changed,
                   void *arg);

/* Returns owned: the context in which the API holds what its status says; NULL: the default one. */
char *claims_held_in(const struct object *api);

/* Borrowed until the next change: who keeps the API from what it wants; NULL: nobody. */
const struct claims_conflict *claims_conflict(const struct claims *claims, const char *api_key);
