/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "core/cache.h"

/*
 * From a reference to its Webhook: its name in the API's namespace; "namespace/name"; a spec.id, in
 * the API's namespace first, then in the id namespaces. The first that exists ends the look-up,
 * also when it does not permit the reference.
 */
struct lookup {
    const char *ns;                   /* of the API */
    const char *const *id_namespaces; /* NULL at the end */
    bool all_id_namespaces;
};

enum lookup_result { LOOKUP_FOUND, LOOKUP_DENIED, LOOKUP_ABSENT };

/* *ret_webhook is borrowed; NULL when there is none. */
enum lookup_result lookup_webhook(const struct lookup *lookup, const struct cache *cache,
                                  const char *ref, const struct object **ret_webhook);
