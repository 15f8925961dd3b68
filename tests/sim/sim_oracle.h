/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "sim/sim.h"

/*
 * The watcher: knows the truth (the store, every disk) and what has been, looks at every write of
 * the operator, and at everything when all is at rest. What it finds wrong it tells sim_fail().
 */
struct sim_oracle *sim_oracle_new(struct sim *sim);
void sim_oracle_free(struct sim_oracle *oracle);
void sim_oracle_add_gateway(struct sim_oracle *oracle, struct sim_pod *pod);
void sim_oracle_killed(struct sim_oracle *oracle, const struct sim_operator *operator_);
/* Processes that were stopped go on. */
void sim_oracle_resumed(struct sim_oracle *oracle);

/* Something beyond the operator's power begins or ends: what it does about it in the next seconds
 * is not held against it. `pod` NULL: the API servers. */
void sim_oracle_disturb(struct sim_oracle *oracle, const struct sim_pod *pod);
/* The store has been set back: what was seen since does not count. */
void sim_oracle_restored(struct sim_oracle *oracle);
/* A foreign definition is put there (document) or taken (NULL) by its owner, or a definition of
 * ours is edited by somebody. */
void sim_oracle_foreign(struct sim_oracle *oracle, const struct sim_pod *pod, const char *id,
                        const json_t *document);
/* Somebody edits or deletes a definition of ours. */
void sim_oracle_meddled(struct sim_oracle *oracle, const struct sim_pod *pod, const char *id);
/* The gateway loses its disk: what was foreign there is gone by itself. */
void sim_oracle_emptied(struct sim_oracle *oracle, const struct sim_pod *pod);
/* Objects that go while the CRD of their kind goes have not been deleted. */
void sim_oracle_ignore_deletions(struct sim_oracle *oracle, unsigned kind, bool ignore);

/* Is everything as it should be, now that nothing disturbs it? Otherwise false, and why: the first
 * word is the name of the rule. */
bool sim_oracle_at_rest(struct sim_oracle *oracle, struct buf *why);

/* Do two want one path or id, or does somebody else have what one of ours wants? That keeps
 * gateways from being exact, and is tried again now and then. */
bool sim_oracle_is_contested(struct sim_oracle *oracle);
/* Looks through what has been logged since, and adds it to the story. */
void sim_oracle_read_log(struct sim_oracle *oracle);

/* How many processes have been killed. */
unsigned sim_oracle_kills(const struct sim_oracle *oracle);
/* External writes of the operator so far: to the API server (events and leases do not count), and
 * to gateways (POST, DELETE, reload). */
uint64_t sim_oracle_writes(const struct sim_oracle *oracle);

/* Calls fn before the n-th external write (or request of any kind) from now leaves the operator
 * (`after` false), or when it has been obeyed and is not answered yet; once. */
void sim_oracle_at_write(struct sim_oracle *oracle, uint64_t n, bool after, bool of_requests,
                         void (*fn)(void *arg, const char *client), void *arg);
