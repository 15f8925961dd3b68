/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/endpoint.h"

#include <stdlib.h>

#include "base/json_text.h"
#include "base/mem.h"

/*
 * A Classic definition that was posted over an OAS one, whose file was not deleted then: the
 * process was killed in between, or the connection went. The gateway deletes both files only while
 * it has the OAS one loaded, so that this is looked for before the reload that comes first, and
 * made up for by writing the Classic one again.
 */
static void on_begin(void *arg);
static void on_definition(void *arg, enum api_family form, const struct definition *definition);
static void on_done(void *arg, const struct gateway_answer *answer);

/* At the start it is to be known first what is wanted. Not for ever: one API whose Secret cannot be
 * read must not hold up all others. */
#define NAMES_MS 10000

static bool wants_classic(const struct slot *slot)
{
    return place_is_wanted(slot->place) && slot->place->family == API_CLASSIC;
}

static bool is_due(const struct endpoint *endpoint)
{
    for (int state = 0; state < SLOT_STATE_COUNT; state++) {
        const struct slot *slot = endpoint->slots.lists[state].first;
        for (; slot; slot = slot->next) {
            if (wants_classic(slot) && (slot->is_oas || slot->oas_sent || !endpoint->was_observed))
                return true;
        }
    }
    return false;
}

static int64_t names_left(const struct endpoint *endpoint)
{
    const struct fleet *fleet = endpoint->fleet;
    bool waits = !fleet->is_complete && endpoint->epoch == ENDPOINT_FIRST_EPOCH;
    return waits ? fleet->began_at + NAMES_MS - loop_now(fleet->loop) : 0;
}

void glance_step(struct endpoint *endpoint)
{
    if (endpoint->observation)
        return;
    int64_t left = names_left(endpoint);
    if (left > 0) {
        loop_timer_arm(endpoint->timer, left);
        return;
    }
    if (!is_due(endpoint)) {
        endpoint_enter(endpoint, ENDPOINT_RELOADING);
        return;
    }
    static const struct observation_callbacks callbacks = {
        .begin = on_begin, .definition = on_definition, .done = on_done};
    endpoint->observation = observation_start(&endpoint->fleet->turn, endpoint->client, API_OAS,
                                              endpoint->is_forced, &callbacks, endpoint);
}

/* What was to be written is decided anew after the look that follows. */
static void on_begin(void *arg)
{
    struct endpoint *endpoint = arg;
    endpoint->wants_look = true;
    for (int state = 0; state < SLOT_STATE_COUNT; state++) {
        struct slot *next = NULL;
        for (struct slot *slot = endpoint->slots.lists[state].first; slot; slot = next) {
            next = slot->next;
            slot->seen = false;
            if (slot_is_queued(slot))
                endpoint_move(endpoint, slot, SLOT_UNKNOWN);
        }
    }
}

static void on_definition(void *arg, enum api_family form, const struct definition *definition)
{
    struct endpoint *endpoint = arg;
    (void)form;
    CLEANUP(freep) char *api_id = json_text_string(definition->api_id);
    struct slot *slot = api_id ? slots_find(&endpoint->slots, api_id) : NULL;
    if (!slot || !wants_classic(slot))
        return;
    struct marker marker = {0};
    enum plan_found found =
        plan_whose(definition->marker, endpoint->fleet->owner, endpoint->fleet->cluster, &marker);
    slot->seen = found == PLAN_OURS;
    if (slot->seen)
        look_found(endpoint, slot, found, &marker, definition);
    marker_fini(&marker);
}

static void on_done(void *arg, const struct gateway_answer *answer)
{
    struct endpoint *endpoint = arg;
    endpoint->observation = NULL;
    if (answer->err) {
        endpoint_fail(endpoint, answer);
        return;
    }
    slots_walk(&endpoint->slots);
    struct slot *slot;
    while ((slot = slots_walk_next(&endpoint->slots))) {
        if (!slot->seen && wants_classic(slot))
            slot->is_oas = false;
        else if (slot->seen)
            look_decide(endpoint, slot);
    }
    slots_walk_end(&endpoint->slots);
    endpoint_enter(endpoint,
                   slots_queued(&endpoint->slots) ? ENDPOINT_PUSHING : ENDPOINT_RELOADING);
}
