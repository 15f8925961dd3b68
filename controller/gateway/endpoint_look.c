/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/endpoint.h"

#include <stdlib.h>
#include <string.h>

#include "base/json_text.h"
#include "base/log.h"
#include "base/mem.h"
#include "core/object.h"

#define LOOK_EVERY_MS 600000
/* While somebody else's definition is in our way. */
#define LOOK_BLOCKED_MS 120000
#define ORPHAN_S 30
#define ORPHAN_MS 30000
#define MAX_N 60000
/* Slots, before the loop gets its turn again: a few milliseconds of work. */
#define DECIDED_AT_ONCE 512
/* Events of one batch; a gateway that lost everything is one line in the log. */
#define REPAIRS_TOLD 10

static void on_begin(void *arg);
static void on_definition(void *arg, enum api_family form, const struct definition *definition);
static void on_done(void *arg, const struct gateway_answer *answer);
static void decide_some(void *arg);
static void finish(struct endpoint *endpoint);

void look_start(struct endpoint *endpoint)
{
    static const struct observation_callbacks callbacks = {
        .begin = on_begin, .definition = on_definition, .done = on_done};
    /* What is asked for from here on needs another look. */
    endpoint->wants_look = false;
    endpoint->observation = observation_start(&endpoint->fleet->turn, endpoint->client, API_CLASSIC,
                                              endpoint->is_forced, &callbacks, endpoint);
}

static void on_begin(void *arg)
{
    struct endpoint *endpoint = arg;
    foreign_fini(&endpoint->next_foreign);
    endpoint->next_loaded = 0;
    for (int state = 0; state < SLOT_STATE_COUNT; state++) {
        for (struct slot *slot = endpoint->slots.lists[state].first; slot; slot = slot->next)
            slot->seen = false;
    }
}

/* On the listen path that it was sent with, also if it was renamed. */
static uint64_t claim_of(const struct definition *definition, const char *api_id)
{
    CLEANUP(freep) char *path = json_text_string(definition->listen_path);
    CLEANUP(freep) char *domain = json_text_string(definition->domain);
    CLEANUP(freep) char *before = path ? listen_path_before_rename(path, api_id) : NULL;
    const char *sent = before ? before : path;
    return listen_path_claim(sent ? sent : "", domain ? domain : "");
}

/* A slot for a definition with our marker that nothing wants under this id: its object wants
 * another place, is to go, or has not been named. NULL: it is none of our business here. */
static struct slot *stray_slot(struct endpoint *endpoint, const struct marker *marker,
                               const char *api_id, const struct definition *definition)
{
    struct fleet *fleet = endpoint->fleet;
    struct api *api = strmap_get(fleet->apis, marker->api);
    bool is_named = api && api->mode != API_UNKNOWN;
    if (!is_named && !endpoint_has_context(endpoint, marker->context))
        return NULL;
    api = fleet_api(fleet, marker->api);
    struct fleet_context *context = fleet_context(fleet, marker->context);
    struct place *place = place_find(api, context, api_id);
    if (!place) {
        place = place_new(api, context, api_id);
        place->family = definition->is_oas ? API_OAS : API_CLASSIC;
        place->claim = claim_of(definition, api_id);
    }
    /* One of its gateways may have been out of reach when the others were told. */
    if (!is_named)
        place->retain |= marker->retain;
    place->slot_count++;
    return slots_add(&endpoint->slots, place);
}

static void add_foreign(struct endpoint *endpoint, const char *api_id, enum plan_found found,
                        const struct definition *definition)
{
    struct foreign *foreign = &endpoint->next_foreign;
    CLEANUP(freep) char *path = json_text_string(definition->listen_path);
    CLEANUP(freep) char *domain = json_text_string(definition->domain);
    const char *where = domain ? domain : "";
    foreign_add(foreign, api_id, found);
    if (!path || !*path)
        return;
    foreign_add_claim(foreign, api_id, listen_path_claim(path, where));
    /* Renamed already; after the gateway's next start it would claim the path that it was sent
     * with. */
    CLEANUP(freep) char *before = listen_path_before_rename(path, api_id);
    if (before)
        foreign_add_claim(foreign, api_id, listen_path_claim(before, where));
}

static void on_definition(void *arg, enum api_family form, const struct definition *definition)
{
    struct endpoint *endpoint = arg;
    /* It comes again in its own form, with its marker. */
    if (form == API_CLASSIC && definition->is_oas)
        return;
    CLEANUP(freep) char *api_id = json_text_string(definition->api_id);
    if (!api_id || !*api_id)
        return;
    endpoint->next_loaded++;
    struct marker marker = {0};
    enum plan_found found =
        plan_whose(definition->marker, endpoint->fleet->owner, endpoint->fleet->cluster, &marker);
    struct slot *slot = slots_find(&endpoint->slots, api_id);
    if (!slot && found == PLAN_OURS)
        slot = stray_slot(endpoint, &marker, api_id, definition);
    if (!slot || found != PLAN_OURS)
        add_foreign(endpoint, api_id, found, definition);
    if (slot) {
        slot->seen = true;
        look_found(endpoint, slot, found, &marker, definition);
    }
    marker_fini(&marker);
}

void look_found(struct endpoint *endpoint, struct slot *slot, enum plan_found found,
                const struct marker *marker, const struct definition *definition)
{
    const struct place *place = slot->place;
    struct api *api = place->api;
    uint64_t before = slot->held;
    slot->found = found;
    slot->held = found == PLAN_OURS ? marker_fingerprint(marker) : 0;
    slot->is_oas = definition->is_oas;
    slot->oas_sent &= slot->epoch == endpoint->epoch;
    slot->form = PLAN_FORM_GOOD;
    slot->looked_at = endpoint_seconds(endpoint);
    slot->in_doubt = false;
    if (found == PLAN_OURS) {
        slot->n = (uint16_t)(marker->n < MAX_N ? marker->n : 0);
        if (marker->object_version > api->pushed_version && strcmp(marker->api, api->key) == 0)
            api->pushed_version = marker->object_version;
        /* Only what was sent as wanted now can be compared with it. */
        if (slot->held == place->fingerprint)
            slot->form = plan_compare(definition, place->api_id, place->listen_path, place->target);
    }
    if (slot->state == SLOT_SYNCED && (slot->held != before || slot->form != PLAN_FORM_GOOD))
        slot->drifted = true;
}

void look_absent(struct endpoint *endpoint, struct slot *slot)
{
    slot->drifted |= slot->state == SLOT_SYNCED;
    slot->found = PLAN_ABSENT;
    slot->held = 0;
    slot->is_oas = false;
    slot->oas_sent &= slot->epoch == endpoint->epoch;
    slot->form = PLAN_FORM_GOOD;
    slot->in_doubt = false;
    slot->looked_at = endpoint_seconds(endpoint);
}

bool look_read(struct endpoint *endpoint, struct slot *slot, enum api_family form,
               const struct gateway_answer *answer)
{
    if (answer->status == 404) {
        look_absent(endpoint, slot);
        return true;
    }
    /* One that has broken off says nothing of what stands there. */
    if (!json_text_is_whole(answer->body))
        return false;
    struct definition definition;
    definition_read(answer->body, form, &definition);
    if (!json_text_is(definition.api_id, slot->place->api_id))
        return false;
    /* The Classic form of an OAS API does not show whose it is. */
    if (form == API_CLASSIC && definition.is_oas)
        return false;
    struct marker marker = {0};
    enum plan_found found =
        plan_whose(definition.marker, endpoint->fleet->owner, endpoint->fleet->cluster, &marker);
    look_found(endpoint, slot, found, &marker, &definition);
    marker_fini(&marker);
    return true;
}

static void close_breaker(struct endpoint *endpoint)
{
    if (!endpoint->failures)
        return;
    log_info("gateway answers as it should again", .endpoint = endpoint->label,
             .duration_ms = loop_now(endpoint->fleet->loop) - endpoint->down_since,
             .attempt = endpoint->failures);
    endpoint->failures = 0;
    endpoint_touch_unsynced(endpoint);
}

static void plan_next_look(struct endpoint *endpoint)
{
    int64_t now = loop_now(endpoint->fleet->loop);
    /* A tenth at random, so that a fleet's lists do not come all at once. */
    int64_t every = endpoint->slots.lists[SLOT_FOREIGN].count ? LOOK_BLOCKED_MS : LOOK_EVERY_MS;
    endpoint->look_at =
        now + every - (int64_t)loop_random(endpoint->fleet->loop, (uint32_t)(every / 10));
    int64_t interval = endpoint->fleet->drift_interval_ms;
    if (endpoint->spot_at == INT64_MAX)
        endpoint->spot_at = now + (int64_t)loop_random(endpoint->fleet->loop, (uint32_t)interval);
    else if (endpoint->spot_at <= now)
        endpoint->spot_at = now + interval;
}

static void on_done(void *arg, const struct gateway_answer *answer)
{
    struct endpoint *endpoint = arg;
    endpoint->observation = NULL;
    if (answer->err) {
        foreign_fini(&endpoint->next_foreign);
        endpoint_fail(endpoint, answer);
        return;
    }
    foreign_fini(&endpoint->foreign);
    endpoint->foreign = endpoint->next_foreign;
    endpoint->next_foreign = (struct foreign){0};
    foreign_sort(&endpoint->foreign);
    endpoint->loaded = endpoint->next_loaded;
    endpoint->observed_at = loop_now(endpoint->fleet->loop);
    slots_walk(&endpoint->slots);
    decide_some(endpoint);
}

static void decide_after_look(struct endpoint *endpoint, struct slot *slot)
{
    if (!slot->seen) {
        look_absent(endpoint, slot);
        slot->found = foreign_found(&endpoint->foreign, slot->place->api_id);
        if (slot->found != PLAN_ABSENT)
            slot->looked_at = 0;
    }
    obstacle_looked_for(slot);
    if (slot->state != SLOT_WRITTEN)
        look_decide(endpoint, slot);
    else if (verify_slot(endpoint, slot))
        look_moved(endpoint, slot->place->api);
}

/* Those that nobody could decide about meanwhile come last. */
static void decide_some(void *arg)
{
    struct endpoint *endpoint = arg;
    for (size_t i = 0; i < DECIDED_AT_ONCE; i++) {
        struct slot *slot = slots_walk_next(&endpoint->slots);
        if (!slot)
            slot = endpoint->slots.lists[SLOT_UNKNOWN].first;
        if (!slot) {
            finish(endpoint);
            return;
        }
        decide_after_look(endpoint, slot);
    }
    loop_defer(endpoint->fleet->loop, decide_some, endpoint);
}

static void finish(struct endpoint *endpoint)
{
    slots_walk_end(&endpoint->slots);
    endpoint->is_observed = true;
    if (!endpoint->was_observed)
        fleet_touch_removed(endpoint->fleet);
    endpoint->was_observed = true;
    close_breaker(endpoint);
    obstacles_review(endpoint);
    plan_next_look(endpoint);
    look_collect(endpoint);
    push_done(endpoint);
    endpoint_enter(endpoint, endpoint->burst.api_id ? ENDPOINT_SPOTTING : ENDPOINT_IDLE);
}

void look_cancel(struct endpoint *endpoint)
{
    observation_cancel(TAKE(endpoint->observation));
    foreign_fini(&endpoint->next_foreign);
    loop_defer_cancel(endpoint->fleet->loop, decide_some, endpoint);
    slots_walk_end(&endpoint->slots);
}

static void log_about(const struct endpoint *endpoint, const struct slot *slot, const char *message)
{
    CLEANUP(freep) char *ns = object_key_ns(slot->place->api->key);
    log_warn(message, .kind = "ApiDefinition", .ns = ns,
             .name = object_key_name(slot->place->api->key), .endpoint = endpoint->label);
}

/* The gateway deletes the files of what it has loaded. An OAS definition that it has not loaded
 * yet, and that has to go with both of its files, must be loaded first. For a deletion an earlier
 * one that is loaded will do; a Classic one is not posted over it for that: the gateway may have
 * been restarted since, and then it is too late. */
static bool awaits_reload(const struct endpoint *endpoint, const struct slot *slot)
{
    if (!slot->oas_sent || slot->epoch != endpoint->epoch)
        return false;
    return slot->is_deletion ? !slot->is_oas : slot->place->family == API_CLASSIC;
}

static void enqueue(struct endpoint *endpoint, struct slot *slot, bool is_deletion)
{
    slot->is_deletion = is_deletion;
    slot->redo = awaits_reload(endpoint, slot);
    if (slot->redo) {
        endpoint->wants_reload = true;
        endpoint_move(endpoint, slot, SLOT_WRITTEN);
        endpoint_wake(endpoint);
        return;
    }
    bool oas = !is_deletion && slot->place->family == API_OAS;
    enum slot_state user = oas ? SLOT_USER_OAS : SLOT_USER_CLASSIC;
    enum slot_state refill = oas ? SLOT_REFILL_OAS : SLOT_REFILL_CLASSIC;
    endpoint_move(endpoint, slot, slot->by_user ? user : refill);
    endpoint_wake(endpoint);
}

static void set_foreign(struct endpoint *endpoint, struct slot *slot, enum slot_fault fault)
{
    if (slot->state != SLOT_FOREIGN || slot->fault != fault) {
        log_about(endpoint, slot,
                  fault == FAULT_FOREIGN_ID ? "definition of somebody else has the id"
                                            : "definition of somebody else has the listen path");
        fleet_touch_api(endpoint->fleet, slot->place->api);
    }
    slot->fault = fault;
    slot->attempts = 0;
    endpoint_move(endpoint, slot, SLOT_FOREIGN);
}

/* Somebody has changed or lost the definition, and it has been pushed again. */
static void tell_repaired(struct endpoint *endpoint, const struct slot *slot)
{
    if (endpoint->fleet->figures)
        endpoint->fleet->figures->repairs++;
    if (++endpoint->batch.repaired > REPAIRS_TOLD)
        return;
    CLEANUP(freep) char *note = xasprintf("pushed again to %s", endpoint->label);
    endpoint->fleet->callbacks.happened(endpoint->fleet->arg, slot->place->api->key, false,
                                        "DriftRepaired", note);
}

static void settle(struct endpoint *endpoint, struct slot *slot)
{
    if (slot->drifted && slot->repairs)
        tell_repaired(endpoint, slot);
    slot->drifted = false;
    slot->repairs = false;
    slot->attempts = 0;
    slot->fault = FAULT_NONE;
    slot->by_user = false;
    endpoint_move(endpoint, slot, SLOT_SYNCED);
    fleet_check_moves(endpoint->fleet, slot->place->api);
}

/* Is what was started for the slot still what it needs? */
static bool is_underway(const struct slot *slot, enum plan_wish wish)
{
    if (slot->state == SLOT_WRITING || slot->state == SLOT_READING)
        return true; /* decided anew when the answer is there */
    if (slot->state != SLOT_WRITTEN && slot->state != SLOT_READ_CLASSIC &&
        slot->state != SLOT_READ_OAS)
        return false;
    if (slot->redo)
        return true;
    return slot->is_deletion ? wish == PLAN_UNWANTED || wish == PLAN_UNACCOUNTED
                             : wish == PLAN_WANTED && slot->posted == slot->place->fingerprint;
}

/* It was tried, and it is not time to try again. */
static bool rests(const struct endpoint *endpoint, const struct slot *slot, bool is_deletion)
{
    return slot->state == SLOT_FAILED && slot->is_deletion == is_deletion &&
           slot->retry_at > endpoint_seconds(endpoint) &&
           (is_deletion || slot->posted == slot->place->fingerprint);
}

/* An earlier process may have deleted the file of what we keep, and have died before its reload:
 * nothing of ours would ever make another, and the next one of somebody else takes it away. */
static void hold(struct endpoint *endpoint, struct slot *slot, enum plan_wish wish)
{
    if (slot->place->api->mode == API_KEPT && endpoint->epoch == ENDPOINT_FIRST_EPOCH)
        endpoint->wants_reload = endpoint->wants_look = true;
    endpoint_move(endpoint, slot, wish == PLAN_LEAVING ? SLOT_LEAVING : SLOT_KEPT);
}

/* Where nothing of the API stands, what is known of it is better than nothing. */
static bool is_behind(const struct endpoint *endpoint, const struct api *api)
{
    if (!api_is_behind(endpoint->fleet, api))
        return false;
    for (const struct place *place = api->places; place; place = place->next) {
        const struct slot *slot = slots_find(&endpoint->slots, place->api_id);
        if (slot && slot->place == place && slot->found == PLAN_OURS)
            return true;
    }
    return false;
}

static void await(struct endpoint *endpoint, struct slot *slot)
{
    int64_t until = endpoint->fleet->informed_at;
    slot->retry_at = (uint32_t)((until + 999) / 1000);
    if ((int64_t)slot->retry_at * 1000 < endpoint->retry_at)
        endpoint->retry_at = (int64_t)slot->retry_at * 1000;
    slot->fault = FAULT_AHEAD;
    slot->in_doubt = true;
    endpoint_move(endpoint, slot, SLOT_AHEAD);
}

static void set_orphan(struct endpoint *endpoint, struct slot *slot)
{
    /* One that was about to be deleted has waited already. */
    if (!slot_is_queued(slot) || !slot->is_deletion)
        slot->retry_at = endpoint_seconds(endpoint);
    endpoint_move(endpoint, slot, SLOT_ORPHAN);
}

void look_decide(struct endpoint *endpoint, struct slot *slot)
{
    const struct place *place = slot->place;
    enum plan_wish wish = place_wish(place, endpoint);
    if (is_underway(slot, wish))
        return;
    struct plan_case plan_case = {
        .wish = wish,
        .found = slot->found,
        .same = slot->held && slot->held == place->fingerprint,
        .form = slot->form,
        .may_adopt = place->adopt && place->context->allow_adoption,
        .is_behind = is_behind(endpoint, place->api),
        .path_is_taken = foreign_claims(&endpoint->foreign, place->claim, place->api_id),
    };
    enum plan_step step = plan_decide(&plan_case);
    switch (step) {
    case PLAN_LEAVE:
        settle(endpoint, slot);
        break;
    case PLAN_POST:
    case PLAN_POST_RAISED:
        if (rests(endpoint, slot, false))
            break;
        slot->n = (uint16_t)(slot->n + (step == PLAN_POST_RAISED));
        enqueue(endpoint, slot, false);
        break;
    case PLAN_DELETE:
        if (!rests(endpoint, slot, true))
            enqueue(endpoint, slot, true);
        break;
    case PLAN_HOLD:
        hold(endpoint, slot, wish);
        break;
    case PLAN_AWAIT:
        await(endpoint, slot);
        break;
    case PLAN_FOREIGN:
        set_foreign(endpoint, slot, FAULT_FOREIGN_ID);
        break;
    case PLAN_PATH_TAKEN:
        set_foreign(endpoint, slot, FAULT_FOREIGN_PATH);
        break;
    case PLAN_ORPHAN:
        if (slot->state != SLOT_ORPHAN && !rests(endpoint, slot, true))
            set_orphan(endpoint, slot);
        break;
    case PLAN_FORGET:
        endpoint_drop(endpoint, slot);
        break;
    }
}

void look_reconsider(struct endpoint *endpoint, struct slot *slot)
{
    slot->attempts = 0;
    slot->drifted = false;
    if (endpoint->is_observed) {
        look_decide(endpoint, slot);
        return;
    }
    bool in_doubt = slot->state != SLOT_WRITING && slot->state != SLOT_READING;
    bool as_was = slot->state == SLOT_SYNCED && place_is_wanted(slot->place) &&
                  slot->held == slot->place->fingerprint;
    if (in_doubt && !as_was)
        endpoint_move(endpoint, slot, SLOT_UNKNOWN);
}

void look_moved(struct endpoint *endpoint, const struct api *api)
{
    struct place *next = NULL;
    for (struct place *place = api->places; place; place = next) {
        next = place->next;
        if (place == api->current)
            continue;
        struct slot *slot = slots_find(&endpoint->slots, place->api_id);
        if (slot && slot->place == place)
            look_decide(endpoint, slot);
    }
}

static void hold_orphans(struct endpoint *endpoint, size_t count)
{
    if (endpoint->orphans_held != count) {
        if (count && !endpoint->orphans_held)
            log_warn("more orphans than may go without a confirmation", .endpoint = endpoint->label,
                     .reason = "MassDeletion", .count = (int64_t)count);
        endpoint_touch(endpoint);
    }
    endpoint->orphans_held = count;
}

void look_collect(struct endpoint *endpoint)
{
    struct fleet *fleet = endpoint->fleet;
    struct slot_list *orphans = &endpoint->slots.lists[SLOT_ORPHAN];
    size_t ours = endpoint->slots.count - endpoint->slots.lists[SLOT_FOREIGN].count;
    bool is_mass = plan_is_mass_deletion(orphans->count, ours);
    uint32_t now = endpoint_seconds(endpoint);
    size_t held = 0;
    bool waits = false;
    struct slot *next = NULL;
    for (struct slot *slot = orphans->first; slot; slot = next) {
        next = slot->next;
        bool is_confirmed = fleet->confirm_prune || slot->place->context->confirm_prune;
        if (!fleet->is_complete || !slot->seen)
            continue;
        if (slot->place->retain) { /* as another gateway has shown since */
            look_decide(endpoint, slot);
            continue;
        }
        if (is_mass && !is_confirmed) {
            held++;
        } else if (now - slot->retry_at < ORPHAN_S) {
            waits = true;
        } else if (fleet->callbacks.may_collect(fleet->arg, slot->place->api->key)) {
            enqueue(endpoint, slot, true);
        }
    }
    hold_orphans(endpoint, held);
    if (waits && endpoint->look_at > loop_now(fleet->loop) + ORPHAN_MS)
        endpoint->look_at = loop_now(fleet->loop) + ORPHAN_MS;
}
