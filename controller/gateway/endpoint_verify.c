/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/endpoint.h"

#include "base/log.h"
#include "base/mem.h"
#include "core/object.h"

#define CLASSIC_AT_ONCE 4
/* Concurrent reads of OAS documents make the gateway's handler panic. */
#define OAS_AT_ONCE 1

static void on_read(void *arg, const struct gateway_answer *answer);

void verify_begin(struct endpoint *endpoint)
{
    struct slot *slot;
    while ((slot = endpoint->slots.lists[SLOT_WRITTEN].first)) {
        bool oas = !slot->is_deletion && slot->place->family == API_OAS;
        endpoint_move(endpoint, slot, oas ? SLOT_READ_OAS : SLOT_READ_CLASSIC);
    }
}

static size_t reading(const struct endpoint *endpoint, enum api_family form)
{
    size_t count = 0;
    for (size_t i = 0; i < JOB_COUNT; i++)
        count += endpoint->jobs[i].kind == JOB_READ && endpoint->jobs[i].form == form;
    return count;
}

static void pump(struct endpoint *endpoint, enum api_family form)
{
    size_t at_once = form == API_OAS ? OAS_AT_ONCE : CLASSIC_AT_ONCE;
    const struct slot_list *list =
        &endpoint->slots.lists[form == API_OAS ? SLOT_READ_OAS : SLOT_READ_CLASSIC];
    while (list->first && reading(endpoint, form) < at_once) {
        struct slot *slot = list->first;
        struct job *job = job_free_one(endpoint);
        endpoint_move(endpoint, slot, SLOT_READING);
        *job = (struct job){.endpoint = endpoint, .slot = slot, .kind = JOB_READ, .form = form};
        job->call = gateway_get(endpoint->client, slot->place->api_id, form, false, on_read, job);
    }
}

void verify_step(struct endpoint *endpoint)
{
    pump(endpoint, API_CLASSIC);
    pump(endpoint, API_OAS);
    if (jobs_active(endpoint))
        return;
    push_done(endpoint);
    endpoint_enter(endpoint, endpoint->burst.api_id ? ENDPOINT_SPOTTING : ENDPOINT_IDLE);
}

static void on_read(void *arg, const struct gateway_answer *answer)
{
    struct endpoint *endpoint;
    enum api_family form = ((struct job *)arg)->form;
    struct slot *slot = job_end(arg, &endpoint);
    /* 400: an OAS document was asked for, and the API is Classic. */
    if (answer->err && answer->status != 404 && answer->status != 400) {
        endpoint_fail(endpoint, answer);
        return;
    }
    if (answer->status == 400 || !look_read(endpoint, slot, form, answer)) {
        slot->looked_at = 0;
        endpoint->wants_look = true;
        /* Whatever stands there is told by the list. */
        endpoint_move(endpoint, slot, SLOT_WRITTEN);
        return;
    }
    if (verify_slot(endpoint, slot))
        look_moved(endpoint, slot->place->api);
}

static void log_fault(const struct endpoint *endpoint, const struct slot *slot, const char *message)
{
    CLEANUP(freep) char *ns = object_key_ns(slot->place->api->key);
    log_warn(message, .kind = "ApiDefinition", .ns = ns,
             .name = object_key_name(slot->place->api->key), .endpoint = endpoint->label,
             .attempt = slot->attempts);
}

static void verify_deletion(struct endpoint *endpoint, struct slot *slot)
{
    if (slot->found == PLAN_OURS) {
        slot_fail(endpoint, slot, FAULT_UNDELETABLE, 0);
        log_fault(endpoint, slot, "definition is there although deleted");
        return;
    }
    endpoint->batch.verified++;
    endpoint_move(endpoint, slot, SLOT_UNKNOWN);
    look_decide(endpoint, slot);
}

static enum slot_fault fault_of(const struct slot *slot)
{
    if (slot->found == PLAN_ABSENT || slot->held != slot->posted)
        return FAULT_NOT_LOADED;
    return slot->form == PLAN_FORM_RENAMED ? FAULT_RENAMED : FAULT_TRUNCATED;
}

bool verify_slot(struct endpoint *endpoint, struct slot *slot)
{
    const struct place *place = slot->place;
    enum plan_wish wish = place_wish(place, endpoint);
    bool deleted = slot->is_deletion && (wish == PLAN_UNWANTED || wish == PLAN_UNACCOUNTED);
    if (deleted) {
        verify_deletion(endpoint, slot);
        return false;
    }
    bool as_sent = !slot->is_deletion && wish == PLAN_WANTED && slot->posted == place->fingerprint;
    bool is_there = slot->found == PLAN_OURS && slot->held == place->fingerprint &&
                    slot->form == PLAN_FORM_GOOD;
    bool is_ours = slot->found == PLAN_OURS || slot->found == PLAN_ABSENT;
    bool is_renamed = false;
    endpoint->batch.verified += as_sent && is_there;
    if (as_sent && !is_there && is_ours) {
        enum slot_fault fault = fault_of(slot);
        bool is_first = slot->attempts == 0;
        if (fault == FAULT_NOT_LOADED)
            spot_suspect(endpoint, slot);
        slot_fail(endpoint, slot, fault, 0);
        is_renamed = fault == FAULT_RENAMED;
        if (is_renamed)
            obstacle_met(endpoint, slot);
        /* A reload of somebody else's may have passed over it. Once, at once. */
        if (is_first && fault == FAULT_NOT_LOADED)
            slot->retry_at = 0;
        else if (!is_first || fault == FAULT_TRUNCATED)
            log_fault(endpoint, slot, "definition is taken but not in force");
    } else {
        endpoint_move(endpoint, slot, SLOT_UNKNOWN);
    }
    look_decide(endpoint, slot);
    return is_renamed;
}
