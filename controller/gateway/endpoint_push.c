/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/endpoint.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "core/object.h"

#define CLASSIC_AT_ONCE 4
#define OAS_AT_ONCE 2
#define RELOAD_EVERY_MS 1000
/* What was seen so long ago may have changed hands. A deletion cannot be taken back. */
#define FRESH_S 30
#define FRESH_TO_DELETE_S 5
#define SERVER_ERRORS_MAX 3
/* How long a failed slot rests: for good, as it were, where only another document can help (the
 * periodic look tries again), else longer each time. */
#define REST_REFUSED_S 600
#define REST_MIN_S 2
#define REST_MAX_S 300
#define REST_SERVER_MAX_S 30
#define REST_UNKNOWN_DOCUMENT_S 5

static bool start(struct endpoint *endpoint, struct slot *slot);       /* 1 */
static void on_look(void *arg, const struct gateway_answer *answer);   /* 2, if need be */
static void on_post(void *arg, const struct gateway_answer *answer);   /* 3 */
static void on_delete(void *arg, const struct gateway_answer *answer); /* 3 */
static void on_reload(void *arg, const struct gateway_answer *answer); /* 4, once a batch */

struct job *job_free_one(struct endpoint *endpoint)
{
    for (size_t i = 0; i < JOB_COUNT; i++) {
        if (endpoint->jobs[i].kind == JOB_NONE)
            return &endpoint->jobs[i];
    }
    return NULL;
}

size_t jobs_active(const struct endpoint *endpoint)
{
    size_t active = 0;
    for (size_t i = 0; i < JOB_COUNT; i++)
        active += endpoint->jobs[i].kind != JOB_NONE;
    return active;
}

static void job_cancel(struct job *job)
{
    gateway_call_cancel(job->call);
    *job = (struct job){0};
}

void jobs_cancel(struct endpoint *endpoint)
{
    for (size_t i = 0; i < JOB_COUNT; i++)
        job_cancel(&endpoint->jobs[i]);
}

void job_cancel_of(struct endpoint *endpoint, const struct slot *slot)
{
    for (size_t i = 0; i < JOB_COUNT; i++) {
        if (endpoint->jobs[i].kind != JOB_NONE && endpoint->jobs[i].slot == slot) {
            job_cancel(&endpoint->jobs[i]);
            endpoint_wake(endpoint);
        }
    }
}

/* Ends a job: what it was about. */
static struct slot *job_end(struct job *job, struct endpoint **ret_endpoint)
{
    struct slot *slot = job->slot;
    *ret_endpoint = job->endpoint;
    endpoint_wake(job->endpoint);
    *job = (struct job){0};
    return slot;
}

void push_begin(struct endpoint *endpoint)
{
    endpoint->batch = (struct batch){
        .began_at = loop_now(endpoint->fleet->loop),
        .first_write_at = -1,
    };
}

static bool needs_look(const struct endpoint *endpoint, const struct slot *slot)
{
    /* Pushing over what was ours is repair; everything else depends on what stands there now. */
    if (!slot->is_deletion && slot->found == PLAN_OURS)
        return false;
    uint32_t fresh = slot->is_deletion ? FRESH_TO_DELETE_S : FRESH_S;
    return !slot->looked_at || endpoint_seconds(endpoint) - slot->looked_at > fresh;
}

bool push_wants_look(const struct endpoint *endpoint)
{
    size_t stale = 0;
    for (int state = SLOT_USER_CLASSIC; state <= SLOT_REFILL_OAS; state++) {
        for (struct slot *slot = endpoint->slots.lists[state].first; slot; slot = slot->next)
            stale += needs_look(endpoint, slot);
    }
    return plan_reads_all(stale, endpoint->loaded);
}

static bool lane_is_oas(const struct job *job)
{
    return job->kind == JOB_POST ? job->slot->place->family == API_OAS : job->form == API_OAS;
}

static size_t lane_count(const struct endpoint *endpoint, bool oas)
{
    size_t count = 0;
    for (size_t i = 0; i < JOB_COUNT; i++)
        count += endpoint->jobs[i].kind != JOB_NONE && lane_is_oas(&endpoint->jobs[i]) == oas;
    return count;
}

static bool reads_oas(const struct endpoint *endpoint)
{
    for (size_t i = 0; i < JOB_COUNT; i++) {
        if ((endpoint->jobs[i].kind == JOB_LOOK || endpoint->jobs[i].kind == JOB_READ) &&
            endpoint->jobs[i].form == API_OAS)
            return true;
    }
    return false;
}

static void pump(struct endpoint *endpoint, bool oas)
{
    size_t at_once = oas ? OAS_AT_ONCE : CLASSIC_AT_ONCE;
    struct slot *slot;
    while (endpoint->state == ENDPOINT_PUSHING && lane_count(endpoint, oas) < at_once &&
           (slot = slots_next_write(&endpoint->slots, oas))) {
        if (!start(endpoint, slot))
            break;
    }
}

static struct plan_batch batch_now(const struct endpoint *endpoint)
{
    const struct batch *batch = &endpoint->batch;
    const struct slot_list *lists = endpoint->slots.lists;
    int64_t now = loop_now(endpoint->fleet->loop);
    return (struct plan_batch){
        .age_ms = batch->first_write_at < 0 ? 0 : now - batch->first_write_at,
        .quiet_ms = now - endpoint->last_want_at,
        .user_waits = batch->user_waits,
        .user_queued = lists[SLOT_USER_CLASSIC].count || lists[SLOT_USER_OAS].count,
        .queue_is_empty = !slots_queued(&endpoint->slots) && !jobs_active(endpoint),
        .expects_more = endpoint->fleet->expects_more,
    };
}

void push_step(struct endpoint *endpoint)
{
    struct batch *batch = &endpoint->batch;
    struct plan_batch plan = batch_now(endpoint);
    batch->is_closing |= plan.age_ms && plan_batch_closes(&plan) && !plan.queue_is_empty;
    if (!batch->is_closing) {
        pump(endpoint, false);
        pump(endpoint, true);
        if (endpoint->state != ENDPOINT_PUSHING)
            return;
    }
    plan = batch_now(endpoint);
    bool is_over = !jobs_active(endpoint) && (batch->is_closing || plan_batch_closes(&plan));
    if (!is_over) {
        loop_timer_arm(endpoint->timer, plan_batch_closes_in(&plan));
        return;
    }
    if (endpoint->is_dirty || endpoint->wants_reload) {
        endpoint_enter(endpoint, ENDPOINT_RELOADING);
    } else {
        push_done(endpoint);
        endpoint_enter(endpoint, ENDPOINT_IDLE);
    }
}

static void send_post(struct endpoint *endpoint, struct job *job, struct slot *slot,
                      struct buf *body)
{
    struct batch *batch = &endpoint->batch;
    if (batch->first_write_at < 0)
        batch->first_write_at = loop_now(endpoint->fleet->loop);
    /* Even if no answer comes: it may have been taken. */
    endpoint->is_dirty = true;
    slot->posted = slot->place->fingerprint;
    slot->epoch = endpoint->epoch;
    slot->repairs = slot->drifted;
    *job = (struct job){
        .endpoint = endpoint, .slot = slot, .kind = JOB_POST, .form = slot->place->family};
    job->call = gateway_post(endpoint->client, slot->place->family, body, on_post, job);
}

static void send_delete(struct endpoint *endpoint, struct job *job, struct slot *slot,
                        enum job_kind kind)
{
    struct batch *batch = &endpoint->batch;
    if (batch->first_write_at < 0)
        batch->first_write_at = loop_now(endpoint->fleet->loop);
    endpoint->is_dirty = true;
    *job = (struct job){.endpoint = endpoint, .slot = slot, .kind = kind, .form = API_CLASSIC};
    job->call = gateway_delete(endpoint->client, slot->place->api_id, on_delete, job);
}

static void refuse_document(struct endpoint *endpoint, struct slot *slot, const struct err *err)
{
    if (err->class == ERR_INVALID) {
        slot->posted = slot->place->fingerprint;
        slot_fail(endpoint, slot, FAULT_DOCUMENT, 0);
        return;
    }
    /* A new want is on its way. */
    slot->posted = slot->place->fingerprint;
    slot_fail(endpoint, slot, FAULT_NONE, 0);
}

/* False: not now (another OAS document is being read). */
static bool start(struct endpoint *endpoint, struct slot *slot)
{
    struct job *job = job_free_one(endpoint);
    if (!job)
        return false;
    if (needs_look(endpoint, slot)) {
        enum api_family form = slot->is_oas ? API_OAS : API_CLASSIC;
        if (form == API_OAS && reads_oas(endpoint))
            return false;
        endpoint_move(endpoint, slot, SLOT_WRITING);
        *job = (struct job){.endpoint = endpoint, .slot = slot, .kind = JOB_LOOK, .form = form};
        job->call = gateway_get(endpoint->client, slot->place->api_id, form, false, on_look, job);
        return true;
    }
    if (slot->is_deletion) {
        endpoint_move(endpoint, slot, SLOT_WRITING);
        send_delete(endpoint, job, slot, JOB_DELETE);
        return true;
    }
    struct err err = {0};
    CLEANUP(buf_fini) struct buf body;
    buf_init(&body, BUF_UNLIMITED);
    endpoint_move(endpoint, slot, SLOT_WRITING);
    if (!fleet_body(endpoint->fleet, slot->place, slot->n, &body, &err))
        refuse_document(endpoint, slot, &err);
    else
        send_post(endpoint, job, slot, &body);
    return true;
}

static void on_look(void *arg, const struct gateway_answer *answer)
{
    struct endpoint *endpoint;
    enum api_family form = ((struct job *)arg)->form;
    struct slot *slot = job_end(arg, &endpoint);
    endpoint_move(endpoint, slot, SLOT_UNKNOWN);
    if (answer->err && answer->status != 404 && answer->status != 400) {
        endpoint_fail(endpoint, answer);
        return;
    }
    /* 400: it is of the other family by now. */
    if (answer->status == 400 || !look_read(endpoint, slot, form, answer)) {
        slot->looked_at = 0;
        endpoint->wants_look = true;
        return;
    }
    /* An orphan has waited already; it only had to be seen to be still there. */
    if (slot->is_deletion && slot->found == PLAN_OURS &&
        place_wish(slot->place, endpoint) == PLAN_UNACCOUNTED)
        endpoint_move(endpoint, slot, SLOT_REFILL_CLASSIC);
    else
        look_decide(endpoint, slot);
}

static uint32_t rest_of(const struct slot *slot, enum slot_fault fault)
{
    switch (fault) {
    case FAULT_REFUSED:
    case FAULT_TRUNCATED:
    case FAULT_DOCUMENT:
        return REST_REFUSED_S;
    case FAULT_WRONG_ID:
        /* Each try leaves a definition with a random id behind. */
        return UINT32_MAX / 2;
    case FAULT_NONE:
        return REST_UNKNOWN_DOCUMENT_S;
    case FAULT_SERVER:
    case FAULT_NOT_LOADED:
    case FAULT_RENAMED:
    case FAULT_UNDELETABLE:
    case FAULT_FOREIGN_ID:
    case FAULT_FOREIGN_PATH:
        break;
    }
    uint32_t limit = fault == FAULT_SERVER ? REST_SERVER_MAX_S : REST_MAX_S;
    unsigned doubled = slot->attempts < 8 ? slot->attempts : 8;
    uint32_t rest = (uint32_t)(REST_MIN_S / 2) << doubled;
    return rest < limit ? rest : limit;
}

void slot_fail(struct endpoint *endpoint, struct slot *slot, enum slot_fault fault, long status)
{
    if (slot->attempts < UINT8_MAX)
        slot->attempts++;
    slot->fault = fault;
    slot->status = (uint16_t)(status > 0 && status < 1000 ? status : 0);
    slot->retry_at = endpoint_seconds(endpoint) + rest_of(slot, fault);
    if ((int64_t)slot->retry_at * 1000 < endpoint->retry_at)
        endpoint->retry_at = (int64_t)slot->retry_at * 1000;
    endpoint->batch.failed++;
    fleet_touch_api(endpoint->fleet, slot->place->api);
    endpoint_move(endpoint, slot, SLOT_FAILED);
}

static void log_refusal(const struct endpoint *endpoint, const struct slot *slot,
                        const char *message, const struct gateway_answer *answer)
{
    CLEANUP(freep) char *ns = object_key_ns(slot->place->api->key);
    log_warn(message, .kind = "ApiDefinition", .ns = ns,
             .name = object_key_name(slot->place->api->key), .endpoint = endpoint->label,
             .err = answer->err, .detail = answer->detail);
}

/* Does the answer speak of the gateway rather than of one definition? */
static bool is_about_gateway(const struct gateway_answer *answer)
{
    if (!answer->err || answer->status == 500)
        return false;
    bool is_refusal = answer->status == 400 || answer->status == 409 || answer->status == 413 ||
                      answer->status == 422;
    return !is_refusal;
}

/* What else of the API stands on this endpoint, and has to go with the same reload? */
static void reconsider_moved(struct endpoint *endpoint, const struct api *api)
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

/* The gateway has written it under an id of its own: that one goes again. */
static void clean_wrong_id(struct endpoint *endpoint, const struct slot *slot,
                           const struct gateway_answer *answer)
{
    CLEANUP(freep) char *key = gateway_answer_key(answer);
    if (!key || !*key || slots_find(&endpoint->slots, key))
        return;
    const struct place *place = slot->place;
    struct place *stray = place_find(place->api, place->context, key);
    if (!stray)
        stray = place_new(place->api, place->context, key);
    stray->is_stray = true;
    stray->slot_count++;
    struct slot *other = slots_add(&endpoint->slots, stray);
    other->found = PLAN_OURS;
    other->looked_at = endpoint_seconds(endpoint);
    other->epoch = endpoint->epoch;
    other->posted = 1;
    look_decide(endpoint, other);
}

static void accepted(struct endpoint *endpoint, struct slot *slot,
                     const struct gateway_answer *answer)
{
    endpoint->server_errors = 0;
    if (!gateway_answer_is_for(answer, slot->place->api_id)) {
        log_refusal(endpoint, slot, "definition was written under another id", answer);
        slot_fail(endpoint, slot, FAULT_WRONG_ID, 0);
        clean_wrong_id(endpoint, slot, answer);
        return;
    }
    bool replaced_oas = slot->is_oas && slot->place->family == API_CLASSIC && !slot->swept;
    slot->found = PLAN_OURS;
    slot->held = 0;
    slot->form = PLAN_FORM_GOOD;
    if (replaced_oas) {
        /* The OAS half of what stood there would stay on the disk for ever: both files are deleted,
         * and what has just proved acceptable is written again. */
        struct job *job = job_free_one(endpoint);
        slot->swept = true;
        send_delete(endpoint, job, slot, JOB_SWEEP);
        return;
    }
    endpoint->batch.posted++;
    endpoint->batch.user_waits |= slot->by_user;
    endpoint_move(endpoint, slot, SLOT_WRITTEN);
    /* It may have changed, or may have to go, since. */
    look_decide(endpoint, slot);
}

static void on_post(void *arg, const struct gateway_answer *answer)
{
    struct endpoint *endpoint;
    struct slot *slot = job_end(arg, &endpoint);
    if (is_about_gateway(answer)) {
        endpoint_fail(endpoint, answer);
        return;
    }
    struct api *api = slot->place->api;
    if (!answer->err) {
        accepted(endpoint, slot, answer);
        reconsider_moved(endpoint, api);
        return;
    }
    if (answer->status == 500 && ++endpoint->server_errors >= SERVER_ERRORS_MAX) {
        endpoint_fail(endpoint, answer);
        return;
    }
    log_refusal(endpoint, slot, "definition is refused", answer);
    slot_fail(endpoint, slot, answer->status == 500 ? FAULT_SERVER : FAULT_REFUSED, answer->status);
    look_decide(endpoint, slot);
}

/* The companion file is gone (or could not be deleted, and stays): write the definition again. */
static void swept(struct endpoint *endpoint, struct slot *slot)
{
    endpoint_move(endpoint, slot, SLOT_UNKNOWN);
    look_decide(endpoint, slot);
}

static void on_delete(void *arg, const struct gateway_answer *answer)
{
    struct endpoint *endpoint;
    enum job_kind kind = ((struct job *)arg)->kind;
    struct slot *slot = job_end(arg, &endpoint);
    bool is_known = !answer->err || answer->status == 404 || answer->status == 500;
    if (!is_known && is_about_gateway(answer)) {
        endpoint_fail(endpoint, answer);
        return;
    }
    if (kind == JOB_SWEEP) {
        swept(endpoint, slot);
        return;
    }
    if (!is_known) {
        log_refusal(endpoint, slot, "deletion is refused", answer);
        slot_fail(endpoint, slot, FAULT_UNDELETABLE, answer->status);
        return;
    }
    if (answer->status == 404) {
        /* Not loaded. If it was posted since the last reload, it is on the disk nevertheless. */
        bool may_be_on_disk = slot->epoch == endpoint->epoch;
        if (!may_be_on_disk) {
            look_absent(endpoint, slot);
            endpoint_move(endpoint, slot, SLOT_UNKNOWN);
            look_decide(endpoint, slot);
            return;
        }
        slot->redo = true;
    }
    /* 500: the file is not there, or not where it is looked for: the reload will show. */
    slot->held = 0;
    endpoint->batch.deleted += !answer->err;
    endpoint->batch.user_waits |= slot->by_user;
    endpoint_move(endpoint, slot, SLOT_WRITTEN);
    look_decide(endpoint, slot);
}

void reload_step(struct endpoint *endpoint)
{
    if (endpoint->call)
        return;
    int64_t now = loop_now(endpoint->fleet->loop);
    int64_t wait = endpoint->reload_began_at + RELOAD_EVERY_MS - now;
    if (wait > 0) {
        loop_timer_arm(endpoint->timer, wait);
        return;
    }
    endpoint->reload_began_at = now;
    size_t definitions =
        endpoint->loaded > endpoint->slots.count ? endpoint->loaded : endpoint->slots.count;
    endpoint->call = gateway_reload(endpoint->client, definitions, on_reload, endpoint);
}

static void redo_written(struct endpoint *endpoint)
{
    struct slot *next = NULL;
    for (struct slot *slot = endpoint->slots.lists[SLOT_WRITTEN].first; slot; slot = next) {
        next = slot->next;
        if (!slot->redo)
            continue;
        slot->redo = false;
        endpoint_move(endpoint, slot, SLOT_UNKNOWN);
        if (endpoint->is_observed)
            look_decide(endpoint, slot);
    }
}

static void on_reload(void *arg, const struct gateway_answer *answer)
{
    struct endpoint *endpoint = arg;
    endpoint->call = NULL;
    if (answer->err) {
        endpoint_fail(endpoint, answer);
        return;
    }
    endpoint->epoch++;
    endpoint->is_dirty = false;
    endpoint->wants_reload = false;
    redo_written(endpoint);
    size_t written = endpoint->slots.lists[SLOT_WRITTEN].count;
    size_t total =
        endpoint->loaded > endpoint->slots.count ? endpoint->loaded : endpoint->slots.count;
    if (!endpoint->is_observed || endpoint->wants_look || plan_reads_all(written, total)) {
        endpoint_enter(endpoint, ENDPOINT_OBSERVING);
    } else if (written) {
        endpoint_enter(endpoint, ENDPOINT_VERIFYING);
    } else {
        push_done(endpoint);
        endpoint_enter(endpoint, ENDPOINT_IDLE);
    }
}

void push_done(struct endpoint *endpoint)
{
    struct batch *batch = &endpoint->batch;
    if (batch->posted || batch->deleted) {
        CLEANUP(freep)
        char *counts = xasprintf("%zu posted, %zu deleted, %zu verified, %zu failed, %zu repaired",
                                 batch->posted, batch->deleted, batch->verified, batch->failed,
                                 batch->repaired);
        log_info("batch done", .endpoint = endpoint->label,
                 .count = (int64_t)(batch->posted + batch->deleted),
                 .duration_ms = loop_now(endpoint->fleet->loop) - batch->began_at,
                 .detail = counts);
    }
    *batch = (struct batch){.first_write_at = -1};
}
