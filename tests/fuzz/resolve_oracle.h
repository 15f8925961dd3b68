/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/cache.h"

/*
 * Everything that is decided about the ApiDefinitions of a cache, and what must hold whatever they
 * say: the same snapshot gives the same bytes; what comes out is JSON; no reference that did not
 * resolve is in a document, no handler without URL and method, no cooldown of zero; what the status
 * keeps is what was resolved; the patch of a rewrite fits. Ends the run where one does not.
 */
void resolve_oracle(const struct cache *cache);
