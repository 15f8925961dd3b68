/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/gateways.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "gateway/endpoint.h"
#include "gateway/fleet.h"
#include "gateway/gateway_client.h"

#define DRIFT_INTERVAL_MS 10000
#define ORPHAN_MS 30000
/* Longer than the cache of an API server is behind. */
#define INFORMED_AFTER_MS 60000

static struct fleet *fleet_of(struct gateways *gateways)
{
    /* The port is the first member. */
    return (struct fleet *)gateways;
}

static void touch_places(struct fleet *fleet, const struct fleet_context *context)
{
    for (struct place *place = context->places; place; place = place->context_next) {
        fleet_touch_api(fleet, place->api);
        fleet_check_moves(fleet, place->api);
    }
}

static struct context_endpoint *link_of(struct context_endpoint *links, size_t count,
                                        const char *id)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(links[i].endpoint->id, id) == 0)
            return &links[i];
    }
    return NULL;
}

/* The URL of an endpoint is what its first context says: contexts that reach it in two ways would
 * send it to and fro. */
static void set_urls(const struct fleet_context *context, const struct gateway_context *config)
{
    for (size_t i = 0; i < config->endpoint_count; i++) {
        const struct context_endpoint *link =
            link_of(context->endpoints, context->endpoint_count, config->endpoints[i].id);
        if (!link)
            continue;
        bool is_first = link->endpoint->contexts[0] == context;
        endpoint_reconfigure(link->endpoint,
                             is_first ? config->endpoints[i].url : link->endpoint->url);
    }
}

/* Brings the context's endpoints to the configured ones: new ones are attached before old ones are
 * let go, so that a shared endpoint is never without a context. True: they were others. */
static bool set_endpoints(struct fleet *fleet, struct fleet_context *context,
                          const struct gateway_context *config, bool unsettled)
{
    struct context_endpoint *before = context->endpoints;
    size_t before_count = context->endpoint_count;
    struct context_endpoint *links = xcalloc(config->endpoint_count + 1, sizeof(*links));
    size_t count = 0;
    bool changed = false;
    for (size_t i = 0; i < config->endpoint_count; i++) {
        const struct gateway_endpoint *wanted = &config->endpoints[i];
        if (link_of(links, count, wanted->id))
            continue;
        struct context_endpoint *old = link_of(before, before_count, wanted->id);
        struct endpoint *endpoint = strmap_get(fleet->endpoints, wanted->id);
        if (!endpoint) {
            endpoint = endpoint_new(fleet, wanted);
            endpoint->wants_reload = fleet_take_unloaded(fleet, wanted->id) || unsettled;
        }
        changed |= !old || old->ready != wanted->ready;
        if (old && wanted->ready && !old->ready)
            endpoint_nudge(endpoint);
        links[count++] = (struct context_endpoint){endpoint, wanted->ready};
    }
    context->endpoints = links;
    context->endpoint_count = count;
    for (size_t i = 0; i < count; i++) {
        if (!link_of(before, before_count, links[i].endpoint->id))
            endpoint_attach(links[i].endpoint, context);
    }
    set_urls(context, config);
    for (size_t i = 0; i < before_count; i++) {
        if (!link_of(links, count, before[i].endpoint->id)) {
            endpoint_detach(before[i].endpoint, context);
            changed = true;
        }
    }
    free(before);
    if (changed)
        touch_places(fleet, context);
    return changed;
}

/* Consents that are given now change what foreign definitions and orphans may expect. */
static void apply_consents(struct fleet_context *context)
{
    for (size_t i = 0; i < context->endpoint_count; i++) {
        struct endpoint *endpoint = context->endpoints[i].endpoint;
        if (!endpoint->is_observed)
            continue;
        struct slot *next = NULL;
        for (struct slot *slot = endpoint->slots.lists[SLOT_FOREIGN].first; slot; slot = next) {
            next = slot->next;
            if (slot->place->context == context)
                look_reconsider(endpoint, slot);
        }
        look_collect(endpoint);
    }
}

/* Is something kept that may be on the disks of the context's endpoints? */
static bool doubts_disks(const struct fleet *fleet, const char *name)
{
    for (struct strmap_entry *entry = strmap_first(fleet->apis); entry;
         entry = strmap_next(entry)) {
        const struct api *api = strmap_entry_value(entry);
        if (api->mode == API_KEPT && api->was_there && str_equal(api->stands_in, name))
            return true;
    }
    return false;
}

/* What stands of the API in other places than the current one is on its way out. */
static void reconsider_others(struct fleet *fleet, struct api *api)
{
    struct place *next = NULL;
    for (struct place *place = api->places; place; place = next) {
        next = place->next;
        if (place == api->current)
            continue;
        if (place->slot_count)
            fleet_each_slot(fleet, place, look_reconsider);
        else
            place_free(fleet, place);
    }
}

/* What has moved to the context stays where it was while the context is not there. */
static void reconsider_moves(struct fleet *fleet, const struct fleet_context *context)
{
    for (struct place *place = context->places; place; place = place->context_next) {
        if (place_is_wanted(place))
            reconsider_others(fleet, place->api);
    }
}

static void set_context(struct gateways *gateways, const char *name,
                        const struct gateway_context *config)
{
    struct fleet *fleet = fleet_of(gateways);
    struct fleet_context *context = fleet_context(fleet, name);
    /* What is as it was is no news: who is told looks at the context, and sets it again. */
    bool is_new = !context->is_set;
    bool changed = is_new || !str_equal(context->blocked, config->blocked);
    context->is_set = true;
    struct gateway_access *access = gateway_access_new(config->secret, &config->tls);
    gateway_access_unref(context->access);
    context->access = access;
    free(context->blocked);
    context->blocked = config->blocked ? xstrdup(config->blocked) : NULL;
    bool consents = context->allow_adoption != config->allow_adoption ||
                    context->confirm_prune != config->confirm_prune;
    context->allow_adoption = config->allow_adoption;
    context->confirm_prune = config->confirm_prune;
    bool is_first = config->endpoint_count && !context->had_endpoints;
    context->had_endpoints |= is_first;
    bool unsettled = is_first && (config->unsettled || doubts_disks(fleet, name));
    changed |= set_endpoints(fleet, context, config, unsettled);
    if (consents)
        apply_consents(context);
    if (is_new)
        reconsider_moves(fleet, context);
    if (changed || consents)
        fleet_touch_context(fleet, context);
}

static void remove_context(struct gateways *gateways, const char *name)
{
    struct fleet *fleet = fleet_of(gateways);
    struct fleet_context *context = strmap_get(fleet->contexts, name);
    if (!context || !context->is_set)
        return;
    struct gateway_context none = {0};
    set_endpoints(fleet, context, &none, false);
    touch_places(fleet, context);
    context->is_set = false;
    reconsider_moves(fleet, context);
    fleet_release_context(fleet, context);
}

/* A body may hold secrets: it goes when nothing is to be pushed any more. */
static void set_current(struct fleet *fleet, struct api *api, struct place *place)
{
    struct place *before = api->current;
    api->current = place;
    if (!before || before == place)
        return;
    bodies_drop(&fleet->bodies, before);
    for (size_t i = 0; i < before->context->endpoint_count; i++)
        endpoint_bind_contended(before->context->endpoints[i].endpoint);
}

static void want(struct gateways *gateways, const struct gateway_want *wanted)
{
    struct fleet *fleet = fleet_of(gateways);
    struct api *api = fleet_api(fleet, wanted->api);
    struct fleet_context *context = fleet_context(fleet, wanted->context);
    struct place *place = place_find(api, context, wanted->api_id);
    if (!place)
        place = place_new(api, context, wanted->api_id);
    bool was_behind = api_is_behind(fleet, api);
    api->object_version = wanted->object_version;
    bool caught_up = was_behind && !api_is_behind(fleet, api);
    place->is_stray = false;
    bool changed = place_set(fleet, place, wanted);
    bool moved = api->mode != API_WANTED || api->current != place;
    api->is_forgotten = false;
    if (!changed && !moved && !caught_up)
        return;
    api->mode = API_WANTED;
    set_current(fleet, api, place);
    fleet_touch_api(fleet, api);
    for (size_t i = 0; i < context->endpoint_count; i++)
        endpoint_bind(context->endpoints[i].endpoint, place, wanted->by_user);
    reconsider_others(fleet, api);
}

static void set_stands_in(struct api *api, const char *context)
{
    free(api->stands_in);
    api->stands_in = xstrdup(context);
}

static void remove_api(struct gateways *gateways, const char *key, const char *context)
{
    struct fleet *fleet = fleet_of(gateways);
    struct api *api = fleet_api(fleet, key);
    api->mode = API_REMOVED;
    set_stands_in(api, context);
    api->is_forgotten = false;
    set_current(fleet, api, NULL);
    fleet_touch_api(fleet, api);
    reconsider_others(fleet, api);
}

/* What bears the mark of what is retained stays known: the next look would find it. */
static void let_go(struct endpoint *endpoint, struct slot *slot)
{
    if (slot->place->retain && slot->state == SLOT_SYNCED)
        look_reconsider(endpoint, slot);
    else
        endpoint_drop(endpoint, slot);
}

static void forget(struct gateways *gateways, const char *key)
{
    struct fleet *fleet = fleet_of(gateways);
    struct api *api = strmap_get(fleet->apis, key);
    if (!api || api->mode == API_UNKNOWN)
        return;
    if (api->mode == API_REMOVED) {
        /* What is left stands on gateways that are out of reach: it goes when they come back. */
        api->is_forgotten = true;
        fleet_release_api(fleet, api);
        return;
    }
    api->mode = API_UNKNOWN;
    set_current(fleet, api, NULL);
    struct place *next = NULL;
    for (struct place *place = api->places; place; place = next) {
        next = place->next;
        if (place->slot_count)
            fleet_each_slot(fleet, place, let_go);
        else
            place_free(fleet, place);
    }
    if (strmap_get(fleet->apis, key) == api)
        fleet_release_api(fleet, api);
}

/* An earlier process may have posted what is kept, and have died before its reload: it shows
 * nowhere, and nothing of ours would be posted there again. */
static void doubt_disks(const struct fleet_context *context)
{
    for (size_t i = 0; i < context->endpoint_count; i++) {
        struct endpoint *endpoint = context->endpoints[i].endpoint;
        if (endpoint->epoch != ENDPOINT_FIRST_EPOCH)
            continue;
        endpoint->wants_reload = endpoint->wants_look = true;
        endpoint_wake(endpoint);
    }
}

static void keep(struct gateways *gateways, const char *key, const char *context, bool was_there)
{
    struct fleet *fleet = fleet_of(gateways);
    struct api *api = fleet_api(fleet, key);
    /* What was wanted last stays in force; and what is kept already is no news, else who is told of
     * it would look again and say it again, for ever. */
    if (api->mode == API_WANTED ||
        (api->mode == API_KEPT && !api->is_forgotten && str_equal(api->stands_in, context)))
        return;
    api->mode = API_KEPT;
    api->is_forgotten = false;
    api->was_there = was_there;
    set_stands_in(api, context);
    const struct fleet_context *stands_in = strmap_get(fleet->contexts, context);
    if (was_there && stands_in)
        doubt_disks(stands_in);
    fleet_touch_api(fleet, api);
    reconsider_others(fleet, api);
}

static void expect(struct gateways *gateways, bool more)
{
    struct fleet *fleet = fleet_of(gateways);
    if (fleet->expects_more == more)
        return;
    fleet->expects_more = more;
    for (struct strmap_entry *entry = strmap_first(fleet->endpoints); entry;
         entry = strmap_next(entry))
        endpoint_wake(strmap_entry_value(entry));
}

static void set_complete(struct gateways *gateways, bool complete)
{
    struct fleet *fleet = fleet_of(gateways);
    if (fleet->is_complete == complete)
        return;
    fleet->is_complete = complete;
    for (struct strmap_entry *entry = strmap_first(fleet->endpoints); entry && complete;
         entry = strmap_next(entry)) {
        struct endpoint *endpoint = strmap_entry_value(entry);
        struct slot *slot = endpoint->slots.lists[SLOT_ORPHAN].first;
        /* From now on they are known to be nobody's. */
        if (slot && endpoint->look_at > loop_now(fleet->loop) + ORPHAN_MS)
            endpoint->look_at = loop_now(fleet->loop) + ORPHAN_MS;
        for (; slot; slot = slot->next)
            slot->retry_at = endpoint_seconds(endpoint);
        look_collect(endpoint);
        endpoint_wake(endpoint);
    }
}

static void free_gateways(struct gateways *gateways)
{
    if (gateways)
        fleet_free(fleet_of(gateways));
}

struct gateways *gateways_new(struct loop *loop, struct http *http,
                              const struct gateways_options *options,
                              const struct gateways_callbacks *callbacks, void *arg)
{
    static const struct gateways_ops ops = {
        .set_context = set_context,
        .remove_context = remove_context,
        .want = want,
        .remove = remove_api,
        .forget = forget,
        .keep = keep,
        .expect = expect,
        .set_complete = set_complete,
        .progress = fleet_progress,
        .summary = fleet_summary,
        .describe = fleet_describe,
        .is_quiet = fleet_is_quiet,
        .free = free_gateways,
    };
    struct fleet *fleet = xcalloc(1, sizeof(*fleet));
    fleet->gateways.ops = &ops;
    fleet->loop = loop;
    fleet->http = http;
    fleet->began_at = loop_now(loop);
    fleet->owner = xstrdup(options->owner);
    fleet->cluster = xstrdup(options->cluster);
    fleet->drift_interval_ms =
        options->drift_interval_ms ? options->drift_interval_ms : DRIFT_INTERVAL_MS;
    fleet->informed_at = loop_now(loop) + INFORMED_AFTER_MS;
    fleet->confirm_prune = options->confirm_prune;
    fleet->figures = options->figures;
    fleet->callbacks = *callbacks;
    fleet->arg = arg;
    fleet->apis = strmap_new(NULL);
    fleet->contexts = strmap_new(NULL);
    fleet->endpoints = strmap_new(NULL);
    fleet->unloaded = strset_new();
    turn_init(&fleet->turn, loop);
    bodies_init(&fleet->bodies, loop);
    return &fleet->gateways;
}
