/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "core/cache.h"

/*
 * Who holds a spec.id that several Webhooks claim: the one that held it (recorded in its
 * status.id), else the oldest, else the smaller key. The namespace of the reference and the
 * id namespaces are judged apart, so that nobody outside can take an id away from a namespace.
 */

/* In which namespaces a spec.id is looked up. */
struct id_scope {
    const char *ns;                /* this one only; NULL: */
    const char *const *namespaces; /* these (NULL at the end) */
    bool all;                      /* or all */
};

/* Borrowed: the holder among the Webhooks of the scope, NULL when none claims it. */
const struct object *ids_holder(const struct cache *cache, const struct id_scope *scope,
                                const char *id);

/* Borrowed: the Webhook that keeps `webhook` from holding its spec.id where it claims it, NULL when
 * it holds it (or has none). `namespaces` and `all` are those of the id look-up. */
const struct object *ids_rival(const struct cache *cache, const char *const *namespaces, bool all,
                               const struct object *webhook);

/* Does the first of two objects go before the second, by age (unknown is youngest), then key? */
bool ids_is_older(const struct object *a, const struct object *b);
