/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/fleet.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "core/marker.h"
#include "gateway/endpoint.h"
#include "gateway/gateway_client.h"

/* Told a round, so that no round gets long when an endpoint with thousands of APIs changes. */
#define TOLD_AT_ONCE 256
#define UNLOADED_MAX 256

struct api *fleet_api(struct fleet *fleet, const char *key)
{
    struct api *api = strmap_get(fleet->apis, key);
    if (!api) {
        api = xcalloc(1, sizeof(*api));
        api->key = xstrdup(key);
        strmap_set(fleet->apis, key, api);
    }
    return api;
}

void fleet_note_unloaded(struct fleet *fleet, const char *endpoint_id)
{
    if (strmap_count(fleet->unloaded) >= UNLOADED_MAX)
        strmap_clear(fleet->unloaded);
    strset_add(fleet->unloaded, endpoint_id);
}

bool fleet_take_unloaded(struct fleet *fleet, const char *endpoint_id)
{
    bool was_unloaded = strmap_has(fleet->unloaded, endpoint_id);
    strmap_remove(fleet->unloaded, endpoint_id);
    return was_unloaded;
}

static void forget_dirty(struct fleet *fleet, struct api *api)
{
    struct api **link = &fleet->dirty;
    struct api *before = NULL;
    while (*link && *link != api) {
        before = *link;
        link = &(*link)->next_dirty;
    }
    if (!*link)
        return;
    *link = api->next_dirty;
    if (fleet->dirty_last == api)
        fleet->dirty_last = before;
}

static void api_free(struct fleet *fleet, struct api *api)
{
    if (api->is_dirty)
        forget_dirty(fleet, api);
    strmap_take(fleet->apis, api->key);
    free(api->stands_in);
    free(api->key);
    free(api);
}

void fleet_release_api(struct fleet *fleet, struct api *api)
{
    bool is_named = api->mode != API_UNKNOWN && !api->is_forgotten;
    if (!is_named && !api->places)
        api_free(fleet, api);
}

struct fleet_context *fleet_context(struct fleet *fleet, const char *name)
{
    struct fleet_context *context = strmap_get(fleet->contexts, name);
    if (!context) {
        context = xcalloc(1, sizeof(*context));
        context->name = xstrdup(name);
        strmap_set(fleet->contexts, name, context);
    }
    return context;
}

void fleet_release_context(struct fleet *fleet, struct fleet_context *context)
{
    if (context->is_set || context->places)
        return;
    strmap_take(fleet->contexts, context->name);
    gateway_access_unref(context->access);
    free(context->blocked);
    free(context->endpoints);
    free(context->name);
    free(context);
}

struct place *place_find(const struct api *api, const struct fleet_context *context,
                         const char *api_id)
{
    for (struct place *place = api->places; place; place = place->next) {
        if (place->context == context && strcmp(place->api_id, api_id) == 0)
            return place;
    }
    return NULL;
}

static void set_texts(struct place *place, const char *const texts[4])
{
    char **fields[4] = {&place->uid, &place->listen_path, &place->target, &place->domain};
    size_t size = 0;
    bool same = true;
    for (size_t i = 0; i < 4; i++) {
        size += strlen(texts[i]) + 1;
        same = same && str_equal(*fields[i], texts[i]);
    }
    if (same)
        return;
    char *before = place->uid;
    char *at = xmalloc(size);
    for (size_t i = 0; i < 4; i++) {
        size_t length = strlen(texts[i]) + 1;
        *fields[i] = memcpy(at, texts[i], length);
        at += length;
    }
    free(before);
}

struct place *place_new(struct api *api, struct fleet_context *context, const char *api_id)
{
    struct place *place = xcalloc(1, sizeof(*place));
    place->api = api;
    place->context = context;
    place->api_id = xstrdup(api_id);
    set_texts(place, (const char *const[]){"", "", "", ""});
    place->next = api->places;
    api->places = place;
    place->context_next = context->places;
    if (context->places)
        context->places->context_prev = place;
    context->places = place;
    return place;
}

/* The marker of a place; its texts are the place's, the fleet's and `hash`. */
static struct marker marker_of(const struct fleet *fleet, const struct place *place, char hash[65])
{
    digest_hex(&place->digest, hash);
    return (struct marker){
        .owner = fleet->owner,
        .cluster = fleet->cluster,
        .context = place->context->name,
        .api = place->api->key,
        .uid = place->uid,
        .hash = hash,
        .retain = place->retain,
        .object_version = place->api->object_version,
    };
}

bool place_set(const struct fleet *fleet, struct place *place, const struct gateway_want *want)
{
    bool had_form = place->fingerprint != 0;
    uint64_t fingerprint = place->fingerprint;
    enum api_family family = place->family;
    set_texts(place,
              (const char *const[]){want->uid, want->listen_path, want->target, want->domain});
    place->digest = want->digest;
    place->family = want->family;
    place->retain = want->retain;
    bool adopts = want->adopt && !place->adopt;
    place->adopt = want->adopt;
    place->claim = listen_path_claim(place->listen_path, place->domain);
    char hash[65];
    struct marker marker = marker_of(fleet, place, hash);
    place->fingerprint = marker_fingerprint(&marker);
    /* Listen path, domain and target are in the document. */
    return !had_form || adopts || family != place->family || fingerprint != place->fingerprint;
}

void place_free(struct fleet *fleet, struct place *place)
{
    bodies_drop(&fleet->bodies, place);
    struct place **link = &place->api->places;
    while (*link != place)
        link = &(*link)->next;
    *link = place->next;
    if (place->api->current == place)
        place->api->current = NULL;

    if (place->context_prev)
        place->context_prev->context_next = place->context_next;
    else
        place->context->places = place->context_next;
    if (place->context_next)
        place->context_next->context_prev = place->context_prev;
    fleet_release_context(fleet, place->context);

    free(place->api_id);
    free(place->uid);
    free(place);
}

void place_drop_slot(struct fleet *fleet, struct place *place)
{
    place->slot_count--;
    if (place->slot_count || place->api->current == place)
        return;
    struct api *api = place->api;
    place_free(fleet, place);
    fleet_release_api(fleet, api);
}

bool place_is_wanted(const struct place *place)
{
    return place->api->mode == API_WANTED && place->api->current == place;
}

bool api_is_established(const struct api *api)
{
    const struct place *place = api->current;
    if (!place)
        return false;
    size_t ready = 0;
    for (size_t i = 0; i < place->context->endpoint_count; i++) {
        const struct context_endpoint *link = &place->context->endpoints[i];
        if (!link->ready)
            continue;
        const struct slot *slot = slots_find(&link->endpoint->slots, place->api_id);
        if (!slot || slot->place != place || slot->state != SLOT_SYNCED)
            return false;
        ready++;
    }
    return ready > 0;
}

bool api_is_behind(const struct fleet *fleet, const struct api *api)
{
    return api->current && api->object_version && api->object_version < api->pushed_version &&
           loop_now(fleet->loop) < fleet->informed_at;
}

/* Does the API's new definition stand on the same endpoint, and is this one in its way? Then it has
 * to go with the same reload: beside it, the new one is renamed for good. */
static bool gives_way(const struct place *place, const struct endpoint *endpoint)
{
    const struct place *current = place->api->current;
    const struct slot *slot = current ? slots_find(&endpoint->slots, current->api_id) : NULL;
    if (!slot || slot->place != current)
        return false;
    bool is_there = (slot->state == SLOT_WRITTEN && !slot->redo) ||
                    (slot->found == PLAN_OURS && slot->held == current->fingerprint);
    return is_there && (current->claim == place->claim || slot->form == PLAN_FORM_RENAMED);
}

/* Has the API's new definition been renamed because one that `other` leaves has its path? */
static bool waits_for(const struct api *api, const struct api *other)
{
    const struct place *current = api->current;
    const struct fleet_context *context = current->context;
    for (size_t i = 0; i < context->endpoint_count; i++) {
        const struct slots *slots = &context->endpoints[i].endpoint->slots;
        const struct slot *slot = slots_find(slots, current->api_id);
        if (!slot || slot->place != current || slot->fault != FAULT_RENAMED)
            continue;
        for (const struct place *left = other->places; left; left = left->next) {
            if (left == other->current || left->claim != current->claim)
                continue;
            const struct slot *old = slots_find(slots, left->api_id);
            if (old && old->place == left)
                return true;
        }
    }
    return false;
}

/* Does another API wait for this one to go, and its API for that one? Two that take each other's
 * places: neither would ever be verified first. */
static bool is_exchanged(const struct place *place, const struct endpoint *endpoint)
{
    const struct slot *slot = endpoint->slots.lists[SLOT_FAILED].first;
    for (; slot; slot = slot->next) {
        if (slot->fault == FAULT_RENAMED && slot->place->claim == place->claim &&
            place_is_wanted(slot->place) && waits_for(place->api, slot->place->api))
            return true;
    }
    return false;
}

enum plan_wish place_wish(const struct place *place, const struct endpoint *endpoint)
{
    switch (place->api->mode) {
    case API_UNKNOWN:
        return place->retain ? PLAN_KEPT : PLAN_UNACCOUNTED;
    case API_KEPT:
        return PLAN_KEPT;
    case API_REMOVED:
        return PLAN_UNWANTED;
    case API_WANTED:
        break;
    }
    /* Its context may be gone, or may not have this endpoint any more: what is there stays. */
    if (place->api->current == place)
        return endpoint_has_context(endpoint, place->context->name) ? PLAN_WANTED : PLAN_KEPT;
    if (place->is_stray)
        return PLAN_UNWANTED;
    bool may_go = api_is_established(place->api) || gives_way(place, endpoint) ||
                  is_exchanged(place, endpoint);
    if (may_go)
        return PLAN_UNWANTED;
    /* Where the context that it moves to is gone, nothing is on its way there any more. */
    const struct place *current = place->api->current;
    return current && !current->context->is_set ? PLAN_KEPT : PLAN_LEAVING;
}

void fleet_each_slot(struct fleet *fleet, const struct place *place,
                     void (*fn)(struct endpoint *endpoint, struct slot *slot))
{
    /* fn may remove the slot, and with it the place. */
    size_t left = place->slot_count;
    CLEANUP(freep) char *api_id = xstrdup(place->api_id);
    for (struct strmap_entry *entry = strmap_first(fleet->endpoints); entry && left;
         entry = strmap_next(entry)) {
        struct endpoint *endpoint = strmap_entry_value(entry);
        struct slot *slot = slots_find(&endpoint->slots, api_id);
        if (slot && slot->place == place) {
            left--;
            fn(endpoint, slot);
        }
    }
}

static void clean(struct fleet *fleet, struct api *api)
{
    if (api->mode != API_WANTED || !api_is_established(api))
        return;
    struct place *next = NULL;
    for (struct place *place = api->places; place; place = next) {
        next = place->next;
        if (place != api->current)
            fleet_each_slot(fleet, place, look_reconsider);
    }
}

static void tell(void *arg)
{
    struct fleet *fleet = arg;
    for (size_t told = 0; fleet->dirty && told < TOLD_AT_ONCE; told++) {
        struct api *api = fleet->dirty;
        fleet->dirty = api->next_dirty;
        if (!fleet->dirty)
            fleet->dirty_last = NULL;
        api->is_dirty = false;
        if (api->may_clean)
            clean(fleet, api);
        api->may_clean = false;
        bool is_named = api->mode != API_UNKNOWN && !api->is_forgotten;
        if (is_named)
            fleet->callbacks.progressed(fleet->arg, api->key);
    }
    for (struct strmap_entry *entry = strmap_first(fleet->contexts); entry;
         entry = strmap_next(entry)) {
        struct fleet_context *context = strmap_entry_value(entry);
        if (!context->is_dirty)
            continue;
        context->is_dirty = false;
        if (context->is_set)
            fleet->callbacks.context_changed(fleet->arg, context->name);
    }
    if (fleet->dirty)
        loop_defer(fleet->loop, tell, fleet);
}

void fleet_touch_api(struct fleet *fleet, struct api *api)
{
    if (api->is_dirty || api->mode == API_UNKNOWN)
        return;
    api->is_dirty = true;
    api->next_dirty = NULL;
    if (fleet->dirty_last)
        fleet->dirty_last->next_dirty = api;
    else
        fleet->dirty = api;
    fleet->dirty_last = api;
    loop_defer(fleet->loop, tell, fleet);
}

void fleet_touch_removed(struct fleet *fleet)
{
    for (struct strmap_entry *entry = strmap_first(fleet->apis); entry;
         entry = strmap_next(entry)) {
        struct api *api = strmap_entry_value(entry);
        if (api->mode == API_REMOVED && !api->is_forgotten)
            fleet_touch_api(fleet, api);
    }
}

void fleet_check_moves(struct fleet *fleet, struct api *api)
{
    /* The current place is one of them. */
    if (!api->places || !api->places->next)
        return;
    api->may_clean = true;
    fleet_touch_api(fleet, api);
}

void fleet_touch_context(struct fleet *fleet, struct fleet_context *context)
{
    context->is_dirty = true;
    loop_defer(fleet->loop, tell, fleet);
}

struct bytes *fleet_body(struct fleet *fleet, struct place *place, unsigned n, struct err *err)
{
    size_t endpoints = place->context->endpoint_count;
    struct bytes *kept = bodies_get(&fleet->bodies, place, n, endpoints);
    if (kept)
        return kept;
    CLEANUP(bytes_unrefp)
    struct bytes *document = fleet->callbacks.document(fleet->arg, place->api->key, &place->digest);
    if (!document) {
        err_set(err, ERR_NOT_FOUND, 0, "the document is not known now");
        return NULL;
    }
    char hash[65];
    struct marker marker = marker_of(fleet, place, hash);
    marker.n = n;
    CLEANUP(buf_fini) struct buf marked;
    buf_init(&marked, BUF_UNLIMITED);
    if (marker_add(bytes_span(document), place->family, &marker, &marked, err) < 0)
        return NULL;
    struct bytes *body = bytes_take(&marked);
    if (endpoints > 1)
        bodies_put(&fleet->bodies, place, n, body);
    return body;
}

void fleet_free(struct fleet *fleet)
{
    struct strmap_entry *entry;
    while ((entry = strmap_first(fleet->endpoints)))
        endpoint_free(strmap_entry_value(entry));
    /* Nobody is told any more: to take each of very many out of the list would take long. */
    for (struct api *api = fleet->dirty; api; api = api->next_dirty)
        api->is_dirty = false;
    fleet->dirty = fleet->dirty_last = NULL;
    while ((entry = strmap_first(fleet->apis))) {
        struct api *api = strmap_entry_value(entry);
        struct place *next = NULL;
        for (struct place *place = api->places; place; place = next) {
            next = place->next;
            place_free(fleet, place);
        }
        api_free(fleet, api);
    }
    while ((entry = strmap_first(fleet->contexts))) {
        struct fleet_context *context = strmap_entry_value(entry);
        context->is_set = false;
        fleet_release_context(fleet, context);
    }
    strmap_free(fleet->endpoints);
    strmap_free(fleet->unloaded);
    strmap_free(fleet->apis);
    strmap_free(fleet->contexts);
    bodies_fini(&fleet->bodies);
    turn_fini(&fleet->turn);
    loop_defer_cancel(fleet->loop, tell, fleet);
    free(fleet->owner);
    free(fleet->cluster);
    free(fleet);
}
