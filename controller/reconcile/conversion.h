/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "reconcile/state.h"

/*
 * What becomes of an API whose global webhook is gone (DESIGN 3.4): who is told, the annotation
 * that survives backups, and the rewrite of the spec.
 */

/* Events for references whose source changes: Converted, Relinked. */
void conversion_add_events(struct api_state *state, const struct accepted *before,
                           const struct resolution *after);

/* Returns owned: what grapnel.dev/converted-webhooks should hold, NULL: it should not be there.
 * `before` is what it holds (may be NULL): elements whose reference is not in the spec any more
 * (rewritten) are kept, those that are relinked go. */
char *conversion_annotation(const struct object *api, const struct seal_key *key,
                            const struct resolution *resolution, const char *before);

/* Rewrites the spec once its delay is over and where the policy allows it, each reference once
 * until its Webhook is there again; true: a write is in flight. */
bool conversion_rewrite(struct api_state *state, const struct object *api,
                        const struct resolution *resolution);

/* The store does not take the spec with the copies in it: that is told, and they stay where they
 * are. */
void conversion_too_large(struct api_state *state);
