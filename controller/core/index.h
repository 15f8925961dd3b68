/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

/*
 * Reverse references: who depends on what. A dependent (a key) names tokens ("webhook-ref pager",
 * "secret ns/name"); when the thing behind a token changes, its dependents are touched. So the cost
 * of a change is that of its dependents, not of everything. Pure.
 */
struct index;

struct index *index_new(void);
void index_free(struct index *index);

/* What `dependent` depends on from now on (count 0: nothing). Tokens are copied; doubles are fine.
 */
void index_set(struct index *index, const char *dependent, const char *const *tokens, size_t count);

typedef void index_visit_fn(void *arg, const char *dependent);
/* The dependents of a token, in no order that means anything. The index must not change meanwhile.
 */
void index_visit(const struct index *index, const char *token, index_visit_fn *fn, void *arg);
size_t index_count(const struct index *index, const char *token);
