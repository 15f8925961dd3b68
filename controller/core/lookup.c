/* SPDX-License-Identifier: Apache-2.0 */
#include "core/lookup.h"

#include <string.h>

#include "core/ids.h"
#include "core/webhook.h"

static const struct object *find(const struct lookup *lookup, const struct cache *cache,
                                 const char *ref)
{
    const char *slash = strchr(ref, '/');
    if (!*ref || (slash && strchr(slash + 1, '/')))
        return NULL;
    const struct object *webhook = slash ? cache_get(cache, OBJECT_WEBHOOK, ref)
                                         : cache_get_named(cache, OBJECT_WEBHOOK, lookup->ns, ref);
    struct id_scope own = {.ns = lookup->ns};
    struct id_scope shared = {.namespaces = lookup->id_namespaces,
                              .all = lookup->all_id_namespaces};
    if (!webhook)
        webhook = ids_holder(cache, &own, ref);
    return webhook ? webhook : ids_holder(cache, &shared, ref);
}

enum lookup_result lookup_webhook(const struct lookup *lookup, const struct cache *cache,
                                  const char *ref, const struct object **ret_webhook)
{
    *ret_webhook = find(lookup, cache, ref);
    if (!*ret_webhook)
        return LOOKUP_ABSENT;
    return webhook_permits(*ret_webhook, lookup->ns, cache) ? LOOKUP_FOUND : LOOKUP_DENIED;
}
