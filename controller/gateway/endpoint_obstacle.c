/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/endpoint.h"

#include <stdlib.h>

#include "base/json_text.h"
#include "base/mem.h"

/*
 * Another definition has the id or the listen path of one of ours. The gateway gives a second one
 * another path, for good: posting again helps only when the first is gone. Who it is, the lists
 * tell; somebody else's is read now and then, so that ours comes soon after it has gone.
 */
static void on_obstacle(void *arg, const struct gateway_answer *answer);

/* Which other API of ours has the listen path here, or shall have it? NULL: none. The API itself
 * may, under the id that it leaves: that goes with the same reload. */
static struct slot *rival_of(const struct endpoint *endpoint, const struct slot *slot)
{
    for (int state = 0; state < SLOT_STATE_COUNT; state++) {
        struct slot *other = endpoint->slots.lists[state].first;
        for (; other; other = other->next) {
            bool stands = other->found == PLAN_OURS && other->fault != FAULT_RENAMED;
            if (stands && other->place->claim == slot->place->claim &&
                other->place->api != slot->place->api)
                return other;
        }
    }
    return NULL;
}

void obstacle_met(struct endpoint *endpoint, struct slot *slot)
{
    struct slot *rival = rival_of(endpoint, slot);
    if (rival) {
        slot->retry_at = SLOT_NEVER;
        /* It may be leaving, and wait in turn for what this one leaves. */
        if (rival->state == SLOT_LEAVING)
            look_decide(endpoint, rival);
        return;
    }
    if (endpoint->state == ENDPOINT_OBSERVING)
        obstacle_looked_for(slot);
    else
        endpoint->wants_look = true;
}

void obstacle_looked_for(struct slot *slot)
{
    /* A duplicate's path comes right when it is pushed as another definition. Once, at once. */
    if (slot->state == SLOT_FAILED && slot->fault == FAULT_RENAMED && slot->attempts == 1 &&
        slot->retry_at != SLOT_NEVER)
        slot->retry_at = 0;
}

void obstacles_review(struct endpoint *endpoint)
{
    struct slot *next = NULL;
    for (struct slot *slot = endpoint->slots.lists[SLOT_FAILED].first; slot; slot = next) {
        next = slot->next;
        if (slot->fault != FAULT_RENAMED || slot->retry_at != SLOT_NEVER ||
            rival_of(endpoint, slot))
            continue;
        slot->retry_at = 0;
        slot->attempts = 0;
        look_decide(endpoint, slot);
    }
}

bool obstacle_spot(struct endpoint *endpoint)
{
    struct slot *slot = endpoint->slots.lists[SLOT_FOREIGN].first;
    endpoint->spots_obstacle = slot && !endpoint->spots_obstacle;
    if (!endpoint->spots_obstacle)
        return false;
    slots_move(&endpoint->slots, slot, SLOT_FOREIGN);
    const struct place *place = slot->place;
    const char *id = slot->fault == FAULT_FOREIGN_ID
                         ? place->api_id
                         : foreign_claimant(&endpoint->foreign, place->claim, place->api_id);
    if (!id)
        return false;
    endpoint->burst = (struct burst){.api_id = xstrdup(place->api_id)};
    endpoint->call = gateway_get(endpoint->client, id, API_CLASSIC, false, on_obstacle, endpoint);
    return true;
}

/* Does the definition that was read still claim the path? It may have been renamed itself. */
static bool claims(const struct definition *definition, uint64_t claim)
{
    CLEANUP(freep) char *api_id = json_text_string(definition->api_id);
    CLEANUP(freep) char *path = json_text_string(definition->listen_path);
    CLEANUP(freep) char *domain = json_text_string(definition->domain);
    if (!api_id || !path)
        return true; /* not the answer of a gateway: nothing is known */
    CLEANUP(freep) char *before = listen_path_before_rename(path, api_id);
    const char *where = domain ? domain : "";
    return listen_path_claim(path, where) == claim ||
           (before && listen_path_claim(before, where) == claim);
}

static void on_obstacle(void *arg, const struct gateway_answer *answer)
{
    struct endpoint *endpoint = arg;
    endpoint->call = NULL;
    if (answer->err && answer->status != 404) {
        endpoint_fail(endpoint, answer);
        return;
    }
    const struct slot *slot = slots_find(&endpoint->slots, endpoint->burst.api_id);
    spot_clear(endpoint);
    if (slot && slot->state == SLOT_FOREIGN) {
        struct definition definition;
        if (!answer->err)
            definition_read(answer->body, API_CLASSIC, &definition);
        if (answer->err ||
            (slot->fault == FAULT_FOREIGN_PATH && !claims(&definition, slot->place->claim)))
            spot_lost(endpoint);
    }
    spot_end(endpoint);
}
