/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/endpoint.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

char *endpoint_label(const char *url)
{
    const char *host = strstr(url, "://");
    host = host ? host + 3 : url;
    size_t authority = strcspn(host, "/");
    const char *at = memrchr(host, '@', authority);
    return at ? xasprintf("%.*s%s", (int)(host - url), url, at + 1) : xstrdup(url);
}

bool endpoint_has_context(const struct endpoint *endpoint, const char *name)
{
    for (size_t i = 0; i < endpoint->context_count; i++) {
        if (strcmp(endpoint->contexts[i]->name, name) == 0)
            return true;
    }
    return false;
}

/* Binds what could not be bound because another API held its id. */
static void rebind(void *arg)
{
    struct endpoint *endpoint = arg;
    endpoint->is_contended = false;
    for (size_t i = 0; i < endpoint->context_count; i++) {
        for (struct place *place = endpoint->contexts[i]->places; place;
             place = place->context_next) {
            const struct slot *slot = slots_find(&endpoint->slots, place->api_id);
            if (place_is_wanted(place) && (!slot || slot->place != place))
                endpoint_bind(endpoint, place, false);
        }
    }
}

void endpoint_bind_contended(struct endpoint *endpoint)
{
    if (endpoint->is_contended)
        loop_defer(endpoint->fleet->loop, rebind, endpoint);
}

void endpoint_bind_cancel(struct endpoint *endpoint)
{
    loop_defer_cancel(endpoint->fleet->loop, rebind, endpoint);
}

void endpoint_drop(struct endpoint *endpoint, struct slot *slot)
{
    struct place *place = slot->place;
    job_cancel_of(endpoint, slot);
    slots_remove(&endpoint->slots, slot);
    fleet_touch_api(endpoint->fleet, place->api);
    place_drop_slot(endpoint->fleet, place);
    endpoint_bind_contended(endpoint);
}

void endpoint_release(struct endpoint *endpoint, const struct fleet_context *context)
{
    for (int state = 0; state < SLOT_STATE_COUNT; state++) {
        struct slot *next = NULL;
        for (struct slot *slot = endpoint->slots.lists[state].first; slot; slot = next) {
            next = slot->next;
            if (!context || slot->place->context == context)
                endpoint_drop(endpoint, slot);
        }
    }
}

/* May a wanted place take the slot over from the one that has it? */
static bool yields(const struct place *place)
{
    return !place_is_wanted(place) && place->api->mode != API_KEPT;
}

void endpoint_bind(struct endpoint *endpoint, struct place *place, bool by_user)
{
    struct slot *slot = slots_find(&endpoint->slots, place->api_id);
    if (slot && slot->place != place) {
        if (!yields(slot->place) && slot->place->api != place->api) {
            endpoint->is_contended = true;
            fleet_touch_api(endpoint->fleet, place->api);
            return;
        }
        struct place *before = slot->place;
        slot->in_doubt = true;
        slot->place = place;
        place->slot_count++;
        fleet_touch_api(endpoint->fleet, before->api);
        place_drop_slot(endpoint->fleet, before);
    } else if (!slot) {
        slot = slots_add(&endpoint->slots, place);
        place->slot_count++;
        slot->found = foreign_found(&endpoint->foreign, place->api_id);
        /* An absence that was seen is as old as the list it was seen in. */
        if (endpoint->is_observed && slot->found == PLAN_ABSENT)
            slot->looked_at = (uint32_t)(endpoint->observed_at / 1000);
    }
    slot->in_doubt |=
        slot->state == SLOT_KEPT || slot->state == SLOT_LEAVING || slot->state == SLOT_ORPHAN;
    slot->by_user = by_user;
    fleet_touch_api(endpoint->fleet, place->api);
    endpoint->last_want_at = loop_now(endpoint->fleet->loop);
    look_reconsider(endpoint, slot);
    endpoint_wake(endpoint);
}

/* The access of the first context that has one. True when it is another than before. */
static bool choose_access(struct endpoint *endpoint)
{
    struct gateway_access *access = NULL;
    for (size_t i = 0; i < endpoint->context_count && !access; i++) {
        if (!endpoint->contexts[i]->blocked)
            access = endpoint->contexts[i]->access;
    }
    endpoint->is_blocked = !access;
    return access && gateway_client_set_access(endpoint->client, access);
}

void endpoint_attach(struct endpoint *endpoint, struct fleet_context *context)
{
    size_t count = endpoint->context_count;
    endpoint->contexts = xrealloc(endpoint->contexts, (count + 1) * sizeof(struct fleet_context *));
    endpoint->contexts[endpoint->context_count++] = context;
    if (count)
        endpoint->wants_look = true; /* what bears its marker was nobody's until now */
    for (struct place *place = context->places; place; place = place->context_next) {
        if (place_is_wanted(place))
            endpoint_bind(endpoint, place, false);
    }
    endpoint_reconfigure(endpoint, endpoint->url);
}

void endpoint_detach(struct endpoint *endpoint, struct fleet_context *context)
{
    size_t kept = 0;
    for (size_t i = 0; i < endpoint->context_count; i++) {
        if (endpoint->contexts[i] != context)
            endpoint->contexts[kept++] = endpoint->contexts[i];
    }
    endpoint->context_count = kept;
    if (!kept) {
        if (!endpoint->was_observed)
            fleet_touch_removed(endpoint->fleet);
        if (endpoint->dirty || endpoint->wants_reload)
            fleet_note_unloaded(endpoint->fleet, endpoint->id);
        endpoint_free(endpoint);
        return;
    }
    endpoint_release(endpoint, context);
    endpoint_bind_contended(endpoint);
    endpoint->wants_look = true; /* what bears its marker stays, and is to be known as such */
    endpoint_reconfigure(endpoint, endpoint->url);
}

void endpoint_nudge(struct endpoint *endpoint)
{
    if (endpoint->state == ENDPOINT_DOWN || endpoint->state == ENDPOINT_NOT_READY)
        endpoint_enter(endpoint, ENDPOINT_CHECKING);
    else if (endpoint->is_observed)
        endpoint->spot_at = loop_now(endpoint->fleet->loop);
    endpoint_wake(endpoint);
}

void endpoint_reconfigure(struct endpoint *endpoint, const char *url)
{
    bool moved = strcmp(url, endpoint->url) != 0;
    if (moved) {
        endpoint->is_balanced = false;
        endpoint_forget_flight(endpoint);
        gateway_client_free(endpoint->client);
        endpoint->client =
            gateway_client_new(endpoint->fleet->loop, endpoint->fleet->http, url, endpoint->id);
        char *before = endpoint->url;
        endpoint->url = xstrdup(url);
        free(before);
        free(endpoint->label);
        endpoint->label = endpoint_label(url);
    }
    bool changed = choose_access(endpoint);
    if (endpoint->is_blocked) {
        if (endpoint->state != ENDPOINT_BLOCKED)
            endpoint_enter(endpoint, ENDPOINT_BLOCKED);
    } else if (moved || endpoint->state == ENDPOINT_BLOCKED ||
               (changed && endpoint->state == ENDPOINT_DOWN)) {
        /* What kept it away may be over. */
        endpoint_enter(endpoint, ENDPOINT_CHECKING);
    }
    endpoint_wake(endpoint);
}
