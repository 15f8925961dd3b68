/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/span.h"
#include "core/cache.h"
#include "core/problem.h"

/*
 * allowedNamespaces of a Webhook or OperatorContext: `{from: Same | All | Selector, selector}`.
 */

/* Adds an InvalidSpec problem for each fault, and a warning of a selector without effect; `field`
 * is where it stands
 * ("spec.allowedNamespaces"). */
void allowed_check(struct span allowed, const char *field, struct problems *problems);

/* May objects of namespace `ns` use an object of namespace `owner`? The own namespace always may;
 * a malformed rule lets nobody else in. A namespace that is not in the cache has the one label
 * that every namespace has, kubernetes.io/metadata.name. */
bool allowed_permits(struct span allowed, const char *owner, const char *ns,
                     const struct cache *cache);
