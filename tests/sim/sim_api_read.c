/* SPDX-License-Identifier: Apache-2.0 */
/* Lists in pages, and watches. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "sim/sim_api_private.h"
#include "sim/sim_json.h"
#include "sim/sim_store_private.h"

#define PAGED_LISTS_MAX 32
#define LAST_BOOKMARK_US 2000000

/* Selectors. */

void sim_selector_read(const struct sim_exchange *exchange, struct sim_selector *ret_selector)
{
    CLEANUP(freep) char *field = sim_request_query(exchange, "fieldSelector");
    ret_selector->label = sim_request_query(exchange, "labelSelector");
    ret_selector->name = NULL;
    if (field && str_starts(field, "metadata.name="))
        ret_selector->name = xstrdup(field + strlen("metadata.name="));
}

void sim_selector_fini(struct sim_selector *selector)
{
    free(selector->name);
    free(selector->label);
}

bool sim_selector_takes(const struct sim_selector *selector, const char *ns,
                        const struct sim_object *object)
{
    if (!object || (ns && strcmp(ns, object->ns) != 0) ||
        (selector->name && strcmp(selector->name, object->name) != 0))
        return false;
    if (!selector->label)
        return true;
    size_t length = strcspn(selector->label, "=");
    CLEANUP(freep) char *name = xstrndup(selector->label, length);
    const char *wanted = selector->label[length] ? selector->label + length + 1 : "";
    return strcmp(sim_json_text(object->tree, "metadata", "labels", name, NULL), wanted) == 0;
}

/* Lists. */

void sim_pages_free(struct sim_pages *pages)
{
    LIST_REMOVE(pages, entry);
    for (size_t i = 0; i < pages->count; i++)
        sim_object_unref((struct sim_object *)(uintptr_t)pages->objects[i]);
    sim_selector_fini(&pages->selector);
    free(pages->objects);
    free(pages);
}

/* Lists that nobody pages through any more. */
static void drop_old_pages(struct sim_api *api)
{
    size_t count = 0;
    struct sim_pages *next;
    for (struct sim_pages *pages = LIST_FIRST(&api->pages); pages; pages = next) {
        next = LIST_NEXT(pages, entry);
        if (++count > PAGED_LISTS_MAX)
            sim_pages_free(pages);
    }
}

/* Items of custom resources come as they are; those of built-in kinds without kind and
 * apiVersion. */
static void add_item(const struct sim_object *object, struct buf *out)
{
    if (sim_resource_of(object->kind)->crd) {
        buf_add(out, object->text, object->length);
        return;
    }
    json_t *bare = json_copy(object->tree);
    json_object_del(bare, "kind");
    json_object_del(bare, "apiVersion");
    CLEANUP(freep) char *text = sim_json_dump(bare);
    buf_add_text(out, text);
    json_decref(bare);
}

/* How many are left is said only where nothing is selected. Custom resources always have a
 * `continue`. */
static void add_metadata(const struct sim_pages *pages, unsigned kind, size_t next, struct buf *out)
{
    bool selects = pages->selector.name || pages->selector.label;
    buf_add_text(out, "\"metadata\":{");
    if (next < pages->count)
        buf_add_format(out, "\"continue\":\"p%" PRIu64 "-%zu\",", pages->id, next);
    else if (sim_resource_of(kind)->crd)
        buf_add_text(out, "\"continue\":\"\",");
    if (next < pages->count && !selects)
        buf_add_format(out, "\"remainingItemCount\":%zu,", pages->count - next);
    buf_add_format(out, "\"resourceVersion\":\"%" PRId64 "\"}", pages->revision);
}

/* Returns where the next page begins: a page is full, however many that match come behind it. */
static size_t add_items(const struct sim_pages *pages, size_t first, size_t limit, struct buf *out)
{
    size_t at = first;
    size_t added = 0;
    buf_add_text(out, "\"items\":[");
    for (; at < pages->count && (!limit || added < limit); at++) {
        if (!sim_selector_takes(&pages->selector, NULL, pages->objects[at]))
            continue;
        if (added++)
            buf_add_char(out, ',');
        add_item(pages->objects[at], out);
    }
    buf_add_char(out, ']');
    return at;
}

static void answer_page(struct sim_exchange *exchange, unsigned kind, const struct sim_pages *pages,
                        size_t first, size_t limit)
{
    const struct sim_resource *resource = sim_resource_of(kind);
    CLEANUP(buf_fini) struct buf body;
    CLEANUP(buf_fini) struct buf items;
    buf_init(&body, BUF_UNLIMITED);
    buf_init(&items, BUF_UNLIMITED);
    size_t next = add_items(pages, first, limit, &items);
    buf_add_format(&body, "{\"apiVersion\":\"%s\",", resource->api_version);
    /* Custom resources print items before kind and metadata, built-in kinds metadata first. */
    if (resource->crd) {
        buf_add(&body, items.data, items.length);
        buf_add_format(&body, ",\"kind\":\"%sList\",", resource->kind);
        add_metadata(pages, kind, next, &body);
    } else {
        buf_add_format(&body, "\"kind\":\"%sList\",", resource->kind);
        add_metadata(pages, kind, next, &body);
        buf_add_char(&body, ',');
        buf_add(&body, items.data, items.length);
    }
    buf_add_char(&body, '}');
    sim_reply(exchange, 200, body.data, body.length);
}

static struct sim_pages *make_pages(struct sim_api *api, const struct sim_exchange *exchange,
                                    const struct sim_target *target)
{
    struct sim_pages *pages = xcalloc(1, sizeof(*pages));
    const struct sim_selector all = {.name = NULL};
    sim_selector_read(exchange, &pages->selector);
    pages->id = ++api->next_page;
    pages->revision = sim_store_revision(api->options.store);
    pages->objects = sim_store_all(api->options.store, target->kind, NULL);
    size_t kept = 0;
    for (size_t i = 0; pages->objects[i]; i++) {
        if (sim_selector_takes(&all, target->ns, pages->objects[i]))
            pages->objects[kept++] = sim_object_ref(pages->objects[i]);
    }
    pages->count = kept;
    LIST_INSERT_HEAD(&api->pages, pages, entry);
    drop_old_pages(api);
    return pages;
}

static void proceed(struct sim_api *api, struct sim_exchange *exchange,
                    const struct sim_target *target, const char *token, size_t limit)
{
    uint64_t id = 0;
    size_t first = 0;
    char *end;
    if (*token == 'p')
        id = strtoull(token + 1, &end, 10);
    if (id && *end == '-')
        first = strtoul(end + 1, NULL, 10);
    struct sim_pages *pages;
    LIST_FOREACH(pages, &api->pages, entry)
    {
        if (pages->id == id) {
            answer_page(exchange, target->kind, pages, first, limit);
            return;
        }
    }
    if (id)
        sim_answer_expired_page(exchange);
    else
        sim_answer_status(exchange, 400, "BadRequest", "continue key is not valid");
}

/* At a version: only the operator's probe asks so, which does not look at the items. */
static bool version_is_there(struct sim_api *api, struct sim_exchange *exchange,
                             const char *version)
{
    const struct sim_instance *instance = &api->instances[api->active];
    if (strtoll(version, NULL, 10) <= instance->seen)
        return true;
    sim_answer_to_come(exchange, version, instance->seen);
    return false;
}

void sim_api_list(struct sim_api *api, struct sim_exchange *exchange,
                  const struct sim_target *target)
{
    CLEANUP(freep) char *limit_text = sim_request_query(exchange, "limit");
    CLEANUP(freep) char *token = sim_request_query(exchange, "continue");
    CLEANUP(freep) char *version = sim_request_query(exchange, "resourceVersion");
    size_t limit = limit_text ? strtoul(limit_text, NULL, 10) : 0;
    unsigned most = api->options.page_max;
    if (most && limit > most)
        limit = most;
    if (token)
        proceed(api, exchange, target, token, limit);
    else if (!version || version_is_there(api, exchange, version))
        answer_page(exchange, target->kind, make_pages(api, exchange, target), 0, limit);
}

/* Watches. */

static void watch_free(struct sim_watch *watch)
{
    struct sim_time *time = watch->api->options.time;
    LIST_REMOVE(watch, entry);
    sim_unset(time, &watch->end);
    sim_unset(time, &watch->bookmark);
    sim_selector_fini(&watch->selector);
    free(watch->ns);
    free(watch);
}

static void on_gone(void *arg)
{
    watch_free(arg);
}

static void end_watch(struct sim_watch *watch)
{
    struct sim_exchange *exchange = watch->exchange;
    watch_free(watch);
    sim_reply_end(exchange);
}

static void on_end(void *arg)
{
    end_watch(arg);
}

void sim_instance_break(struct sim_instance *instance)
{
    while (!LIST_EMPTY(&instance->watches)) {
        struct sim_watch *watch = LIST_FIRST(&instance->watches);
        struct sim_exchange *exchange = watch->exchange;
        watch_free(watch);
        sim_reply_break(exchange);
    }
}

static void send_event(struct sim_watch *watch, const char *type, const char *object)
{
    CLEANUP(buf_fini) struct buf line;
    buf_init(&line, BUF_UNLIMITED);
    buf_add_format(&line, "{\"type\":\"%s\",\"object\":", type);
    buf_add_text(&line, object);
    buf_add_text(&line, "}\n");
    sim_reply_bytes(watch->exchange, line.data, line.length);
}

static void send_bookmark(struct sim_watch *watch)
{
    const struct sim_resource *resource = sim_resource_of(watch->kind);
    int64_t seen = watch->instance->seen > watch->last ? watch->instance->seen : watch->last;
    CLEANUP(freep)
    char *object = xasprintf("{\"kind\":\"%s\",\"apiVersion\":\"%s\",\"metadata\":{"
                             "\"resourceVersion\":\"%" PRId64 "\"}}",
                             resource->kind, resource->api_version, seen);
    send_event(watch, "BOOKMARK", object);
}

/* One after a while, and one shortly before the end. */
static void set_bookmark(struct sim_watch *watch)
{
    struct sim_time *time = watch->api->options.time;
    int64_t last = watch->end.at - LAST_BOOKMARK_US;
    int64_t next = sim_now(time) + watch->api->bookmark_ms * 1000;
    if (watch->bookmarks && watch->api->bookmark_ms)
        sim_set_at(time, &watch->bookmark, last > sim_now(time) && last < next ? last : next);
}

static void on_bookmark(void *arg)
{
    struct sim_watch *watch = arg;
    /* A watch ahead of its server hears nothing at all. */
    if (watch->instance->seen >= watch->last)
        send_bookmark(watch);
    set_bookmark(watch);
}

static void send_expired(struct sim_watch *watch, int64_t version)
{
    CLEANUP(freep)
    char *object = xasprintf("{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},"
                             "\"status\":\"Failure\",\"message\":\"too old resource version: "
                             "%" PRId64 " (%" PRId64 ")\",\"reason\":\"Expired\",\"code\":410}",
                             version, watch->instance->oldest);
    send_event(watch, "ERROR", object);
}

/* What has gone, also from a selector, is shown as it was, at the version of its going. Returns
 * owned. */
static struct sim_object *was_it(const struct sim_change *change)
{
    if (change->last)
        return sim_object_ref(change->last);
    return sim_object_make(change->kind, json_copy(change->before->tree), change->revision);
}

/* What a change is for this watch: an object that leaves the selector is deleted for it. */
static void tell_change(struct sim_watch *watch, const struct sim_change *change)
{
    struct sim_api *api = watch->api;
    watch->last = change->revision;
    if (change->kind != watch->kind)
        return;
    bool was = sim_selector_takes(&watch->selector, watch->ns, change->before);
    bool is = sim_selector_takes(&watch->selector, watch->ns, change->after);
    if (!was && !is)
        return;
    if (api->drops[watch->kind]) {
        api->drops[watch->kind]--;
        return;
    }
    const char *type = is ? was ? "MODIFIED" : "ADDED" : "DELETED";
    struct sim_object *object = is ? sim_object_ref(change->after) : was_it(change);
    send_event(watch, type, object->text);
    if (api->doubles && sim_random_chance(&api->random, api->doubles))
        send_event(watch, type, object->text);
    sim_object_unref(object);
}

static void catch_up(struct sim_watch *watch)
{
    const struct sim_change *change;
    while ((change = sim_store_next_change(watch->api->options.store, watch->last)) &&
           change->revision <= watch->instance->seen)
        tell_change(watch, change);
}

void sim_api_watch(struct sim_api *api, struct sim_exchange *exchange,
                   const struct sim_target *target)
{
    struct sim_instance *instance = &api->instances[api->active];
    CLEANUP(freep) char *version = sim_request_query(exchange, "resourceVersion");
    CLEANUP(freep) char *seconds = sim_request_query(exchange, "timeoutSeconds");
    CLEANUP(freep) char *bookmarks = sim_request_query(exchange, "allowWatchBookmarks");
    int64_t from = version ? strtoll(version, NULL, 10) : 0;
    int64_t oldest = sim_store_compacted(api->options.store);
    if (oldest < instance->oldest)
        oldest = instance->oldest;
    bool expired = from < oldest;
    if (expired && api->expired_as_status) {
        sim_answer_status(exchange, 410, "Gone", "The resourceVersion is too old");
        return;
    }
    struct sim_watch *watch = xcalloc(1, sizeof(*watch));
    *watch = (struct sim_watch){.api = api,
                                .instance = instance,
                                .exchange = exchange,
                                .kind = target->kind,
                                .ns = target->ns ? xstrdup(target->ns) : NULL,
                                .last = from,
                                .bookmarks = str_equal(bookmarks, "true")};
    sim_selector_read(exchange, &watch->selector);
    watch->end = (struct sim_event){.fn = on_end, .arg = watch};
    watch->bookmark = (struct sim_event){.fn = on_bookmark, .arg = watch};
    LIST_INSERT_HEAD(&instance->watches, watch, entry);
    sim_reply_open(exchange);
    if (expired) {
        send_expired(watch, from);
        end_watch(watch);
        return;
    }
    sim_exchange_on_gone(exchange, on_gone, watch);
    sim_set(api->options.time, &watch->end,
            (seconds ? strtoll(seconds, NULL, 10) : 1800) * 1000000);
    set_bookmark(watch);
    catch_up(watch);
}

/* Instances. */

/* An instance's watch cache has come to a revision. */
static void advance(struct sim_instance *instance, int64_t revision)
{
    if (revision <= instance->seen)
        return;
    instance->seen = revision;
    struct sim_watch *next;
    for (struct sim_watch *watch = LIST_FIRST(&instance->watches); watch; watch = next) {
        next = LIST_NEXT(watch, entry);
        catch_up(watch);
    }
}

struct progress {
    struct sim_instance *instance;
    int64_t revision;
    uint64_t epoch;
};

static void on_progress(void *arg)
{
    struct progress progress = *(struct progress *)arg;
    free(arg);
    struct sim_instance *instance = progress.instance;
    if (progress.epoch != instance->api->epoch)
        return; /* of before a restore */
    if (progress.revision > instance->known)
        instance->known = progress.revision;
    if (!instance->frozen)
        advance(instance, instance->known);
}

void sim_watch_change(void *arg, const struct sim_change *change)
{
    struct sim_api *api = arg;
    for (size_t i = 0; i < SIM_API_INSTANCES; i++) {
        struct sim_instance *instance = &api->instances[i];
        struct progress *progress = xmalloc(sizeof(*progress));
        *progress = (struct progress){instance, change->revision, api->epoch};
        sim_after(api->options.time, sim_random_between(&api->random, 0, instance->lag),
                  on_progress, free, progress);
    }
}

void sim_api_use(struct sim_api *api, unsigned instance)
{
    api->active = instance;
}

void sim_api_freeze(struct sim_api *api, unsigned instance, bool frozen)
{
    struct sim_instance *thawing = &api->instances[instance];
    thawing->frozen = frozen;
    if (!frozen)
        advance(thawing, thawing->known);
}

void sim_api_set_lag(struct sim_api *api, unsigned instance, int64_t lag)
{
    api->instances[instance].lag = lag;
}

void sim_api_restart(struct sim_api *api, unsigned number)
{
    struct sim_instance *instance = &api->instances[number];
    sim_instance_break(instance);
    instance->frozen = false;
    instance->seen = instance->known = sim_store_revision(api->options.store);
    instance->oldest = instance->seen;
}

static void forget_pages(struct sim_api *api)
{
    while (!LIST_EMPTY(&api->pages))
        sim_pages_free(LIST_FIRST(&api->pages));
}

void sim_api_compact(struct sim_api *api)
{
    /* Watches that stand have their events in the servers' caches: told before they are
     * forgotten, except where the cache stands still; those expire. */
    for (size_t i = 0; i < SIM_API_INSTANCES; i++) {
        struct sim_instance *instance = &api->instances[i];
        if (instance->frozen)
            sim_instance_break(instance);
        else
            advance(instance, sim_store_revision(api->options.store));
    }
    sim_store_compact(api->options.store);
    forget_pages(api);
}

void sim_api_restored(struct sim_api *api)
{
    api->epoch++;
    forget_pages(api);
    for (size_t i = 0; i < SIM_API_INSTANCES; i++) {
        struct sim_instance *instance = &api->instances[i];
        sim_instance_break(instance);
        instance->frozen = false;
        instance->seen = instance->known = sim_store_revision(api->options.store);
        instance->oldest = 0;
    }
}

void sim_api_end_watches(struct sim_api *api, unsigned kind, long code, const char *reason)
{
    for (size_t i = 0; i < SIM_API_INSTANCES; i++) {
        struct sim_watch *next;
        for (struct sim_watch *watch = LIST_FIRST(&api->instances[i].watches); watch;
             watch = next) {
            next = LIST_NEXT(watch, entry);
            if (watch->kind != kind)
                continue;
            if (code) {
                CLEANUP(freep)
                char *status = xasprintf("{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":"
                                         "\"Failure\",\"message\":\"ended by the test\","
                                         "\"reason\":\"%s\",\"code\":%ld}",
                                         reason, code);
                send_event(watch, "ERROR", status);
            }
            end_watch(watch);
        }
    }
}

void sim_api_drop_events(struct sim_api *api, unsigned kind, unsigned count)
{
    api->drops[kind] = count;
}

void sim_api_set_doubles(struct sim_api *api, uint32_t permille)
{
    api->doubles = permille;
}

void sim_api_set_bookmarks(struct sim_api *api, int64_t every_ms)
{
    api->bookmark_ms = every_ms;
}

void sim_api_set_expired_as_status(struct sim_api *api, bool as_status)
{
    api->expired_as_status = as_status;
}

size_t sim_api_watch_count(const struct sim_api *api)
{
    size_t count = 0;
    for (size_t i = 0; i < SIM_API_INSTANCES; i++) {
        struct sim_watch *watch;
        LIST_FOREACH(watch, &api->instances[i].watches, entry)
        {
            count++;
        }
    }
    return count;
}
