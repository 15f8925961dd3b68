/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "core/api.h"
#include "core/object.h"

/*
 * What the APIs of a context claim for themselves: an api_id, a listen path on a domain. Who holds
 * a thing that several claim: the incumbent (recorded in its status: apiId, listenPath), else the
 * oldest, else the smaller key; the others hold nothing new and push nothing. But incumbents that
 * want each other's listen paths, and nothing else that is held, have them. So status.apiId and
 * status.listenPath must say what an API holds, not what it wants.
 *
 * Pure, and incremental: changes are gathered, and a decision costs as much as the APIs that
 * contest something with those that have changed, however many there are of either.
 */
struct claims;

/* Another API whose conflict has come, gone or changed. It must not change the claims. */
typedef void claims_changed_fn(void *arg, const char *api_key);

/* `changed` (may be NULL) is called by claims_settle(). */
struct claims *claims_new(claims_changed_fn *changed, void *arg);
void claims_free(struct claims *claims);

struct claims_conflict {
    const char *with; /* key of the holder; NULL: the gateway itself */
    const char *over; /* "listen path /a/", "api_id x" */
};

/* An API as it is now. A refused one (`valid` false) holds only what is recorded in its status.
 * False: it is as it was, as far as claims go. */
bool claims_put(struct claims *claims, const struct object *api, const struct api_facts *facts,
                bool valid);
void claims_remove(struct claims *claims, const char *api_key);

/* Decides what the changes since the last time have left open, and tells whose answer is another
 * one now: not those that were put. */
void claims_settle(struct claims *claims);

/* Returns owned: the context in which the API holds what its status says; NULL: the default one. */
char *claims_held_in(const struct object *api);

/* Borrowed until the next change: who keeps the API from what it wants, as it was decided last;
 * NULL: nobody. */
const struct claims_conflict *claims_conflict(const struct claims *claims, const char *api_key);
