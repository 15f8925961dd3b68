/* SPDX-License-Identifier: Apache-2.0 */
#include "core/ids.h"

#include <string.h>

#include "base/json_text.h"
#include "base/mem.h"

bool ids_is_older(const struct object *a, const struct object *b)
{
    if (a->created != b->created) {
        /* What has no time has not been created yet. */
        if (!a->created || !b->created)
            return a->created;
        return a->created < b->created;
    }
    return strcmp(a->key, b->key) < 0;
}

static bool is_recorded(const struct object *webhook, const char *id)
{
    return json_text_is(json_text_get(object_status(webhook), "id", NULL), id);
}

static bool goes_before(const struct object *a, const struct object *b, const char *id)
{
    bool recorded = is_recorded(a, id);
    if (recorded != is_recorded(b, id))
        return recorded;
    /* A refused one claims nothing that another has a use for. */
    if (!recorded && !a->problem != !b->problem)
        return !a->problem;
    return ids_is_older(a, b);
}

static bool is_in_scope(const struct id_scope *scope, const char *ns)
{
    if (scope->ns)
        return strcmp(scope->ns, ns) == 0;
    for (size_t i = 0; !scope->all && scope->namespaces && scope->namespaces[i]; i++) {
        if (strcmp(scope->namespaces[i], ns) == 0)
            return true;
    }
    return scope->all;
}

const struct object *ids_holder(const struct cache *cache, const struct id_scope *scope,
                                const char *id)
{
    const struct object *holder = NULL;
    const char *const *keys = cache_webhooks_with_id(cache, id);
    for (size_t i = 0; keys[i]; i++) {
        const struct object *webhook = cache_get(cache, OBJECT_WEBHOOK, keys[i]);
        if (webhook && is_in_scope(scope, webhook->ns) &&
            (!holder || goes_before(webhook, holder, id)))
            holder = webhook;
    }
    return holder;
}

const struct object *ids_rival(const struct cache *cache, const char *const *namespaces, bool all,
                               const struct object *webhook)
{
    CLEANUP(freep) char *id = json_text_string(json_text_get(object_spec(webhook), "id", NULL));
    if (!id || !*id)
        return NULL;
    struct id_scope own = {.ns = webhook->ns};
    struct id_scope shared = {.namespaces = namespaces, .all = all};
    const struct object *holder = ids_holder(cache, &own, id);
    if (holder == webhook && is_in_scope(&shared, webhook->ns))
        holder = ids_holder(cache, &shared, id);
    return holder == webhook ? NULL : holder;
}
