/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/span.h"

/*
 * The twins of the CEL rules in the CRDs: one function a rule, found by the rule's exact text, so
 * that a rule that changes is noticed when the schema is compiled.
 */
struct schema_rule {
    const char *text;
    /* Does `self` (a value that has the type the schema wants) comply? `old` is the same value of
     * the object as it is now; only rules of change get to see it. */
    bool (*complies)(struct span self, struct span old);
    bool is_about_change; /* names oldSelf: asked only when there is an old value */
};

/* NULL: no rule of this text has a twin. */
const struct schema_rule *schema_rule_find(const char *text);
/* All of them, for the tests. */
const struct schema_rule *schema_rules_all(size_t *ret_count);
