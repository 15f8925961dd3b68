/* SPDX-License-Identifier: Apache-2.0 */
#include "core/usage.h"

#include <stdlib.h>
#include <string.h>

#include "base/json_text.h"
#include "base/strmap.h"
#include "core/object.h"

/* One API's use of one Webhook. */
struct use {
    size_t handlers;
};

struct usage {
    struct strmap *by_webhook; /* webhook → (api → struct use) */
    struct strmap *by_api;     /* api → set of webhooks */
};

static void map_free(void *value)
{
    strmap_free(value);
}

struct usage *usage_new(void)
{
    struct usage *usage = xcalloc(1, sizeof(*usage));
    usage->by_webhook = strmap_new(map_free);
    usage->by_api = strmap_new(map_free);
    return usage;
}

void usage_free(struct usage *usage)
{
    if (!usage)
        return;
    strmap_free(usage->by_webhook);
    strmap_free(usage->by_api);
    free(usage);
}

static size_t wanted_handlers(const struct usage_count *counts, size_t count, const char *webhook)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(counts[i].webhook, webhook) == 0)
            return counts[i].handlers;
    }
    return 0;
}

/* Sets one figure (0 takes it away); true when it was another. */
static bool set_use(struct usage *usage, const char *api, const char *webhook, size_t handlers)
{
    struct strmap *apis = strmap_get(usage->by_webhook, webhook);
    struct use *use = apis ? strmap_get(apis, api) : NULL;
    if ((use ? use->handlers : 0) == handlers)
        return false;
    if (!apis) {
        apis = strmap_new(free);
        strmap_set(usage->by_webhook, webhook, apis);
    }
    if (!handlers) {
        strmap_remove(apis, api);
        if (!strmap_count(apis))
            strmap_remove(usage->by_webhook, webhook);
    } else if (use) {
        use->handlers = handlers;
    } else {
        use = xcalloc(1, sizeof(*use));
        use->handlers = handlers;
        strmap_set(apis, api, use);
    }
    return true;
}

void usage_set(struct usage *usage, const char *api, const struct usage_count *counts, size_t count,
               usage_changed_fn *changed, void *arg)
{
    struct strmap *before = strmap_take(usage->by_api, api);
    for (struct strmap_entry *e = before ? strmap_first(before) : NULL; e; e = strmap_next(e)) {
        const char *webhook = strmap_entry_key(e);
        if (!wanted_handlers(counts, count, webhook) && set_use(usage, api, webhook, 0))
            changed(arg, webhook);
    }
    strmap_free(before);
    if (!count)
        return;
    struct strmap *now = strset_new();
    for (size_t i = 0; i < count; i++) {
        strset_add(now, counts[i].webhook);
        if (set_use(usage, api, counts[i].webhook, counts[i].handlers))
            changed(arg, counts[i].webhook);
    }
    strmap_set(usage->by_api, api, now);
}

void usage_add_json(const struct usage *usage, const char *webhook, size_t limit, struct buf *out)
{
    const struct strmap *apis = strmap_get(usage->by_webhook, webhook);
    size_t handlers = 0;
    for (struct strmap_entry *e = apis ? strmap_first(apis) : NULL; e; e = strmap_next(e))
        handlers += ((const struct use *)strmap_entry_value(e))->handlers;
    buf_add_format(out, "\"usedBy\":{\"apis\":%zu,\"handlers\":%zu},\"references\":[",
                   apis ? strmap_count(apis) : 0, handlers);
    CLEANUP(freep) const char **keys = apis ? strmap_sorted_keys(apis) : NULL;
    for (size_t i = 0; keys && keys[i] && i < limit; i++) {
        CLEANUP(freep) char *ns = object_key_ns(keys[i]);
        const struct use *use = strmap_get(apis, keys[i]);
        buf_add_text(out, i ? ",{\"namespace\":" : "{\"namespace\":");
        json_text_add_string(out, ns);
        buf_add_text(out, ",\"name\":");
        json_text_add_string(out, object_key_name(keys[i]));
        buf_add_format(out, ",\"handlers\":%zu}", use->handlers);
    }
    buf_add_char(out, ']');
}
