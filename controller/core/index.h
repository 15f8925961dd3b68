/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

/*
 * Reverse references: who depends on what. A dependent (a key) names tokens ("webhook-ref pager",
 * "secret ns/name"); when the thing behind a token changes, its dependents are touched. So the cost
 * of a change is that of its dependents, not of everything. Pure.
 */
struct index;

/* A token that nothing depends on any more. The index must not change meanwhile. */
typedef void index_idle_fn(void *arg, const char *token);

/* `idle` may be NULL. Freeing the index tells nothing. */
struct index *index_new(index_idle_fn *idle, void *arg);
void index_free(struct index *index);

/* What `dependent` depends on from now on (count 0: nothing), which it keeps at `edges`: NULL at
 * first. It must depend on nothing before it goes, unless the index goes as well; its key is
 * borrowed until then. Tokens are copied; doubles are fine. Tokens that it goes on to depend on are
 * not idle in between. */
struct index_edge;
void index_set(struct index *index, struct index_edge **edges, const char *dependent,
               const char *const *tokens, size_t count);

typedef void index_visit_fn(void *arg, const char *dependent);
/* The dependents of a token, in no order that means anything. The index must not change meanwhile.
 */
void index_visit(const struct index *index, const char *token, index_visit_fn *fn, void *arg);
size_t index_count(const struct index *index, const char *token);
