/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/endpoint.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"

#define CLASSIC_AT_ONCE 4
#define OAS_AT_ONCE 2
#define RELOAD_EVERY_MS 1000
/* What was seen so long ago may have changed hands. A batch goes by what was seen right before it,
 * or since, for so long as it may take; a deletion cannot be taken back. */
#define FRESH_BEFORE_BATCH_S 1
#define FRESH_S 30
#define FRESH_TO_DELETE_S 5
/* So long after it was ready, a gateway may have been restarted, and say 404 to everything until it
 * has loaded what is on its disk; an idle connection that is replaced tells nobody. */
#define READY_FOR_MS 100

static bool start(struct endpoint *endpoint, struct slot *slot);      /* 1 */
static void on_ready(void *arg, const struct gateway_answer *answer); /* 2, if need be */
static void send_look(struct job *job);
static void on_look(void *arg, const struct gateway_answer *answer);   /* 2, if need be */
static void on_reload(void *arg, const struct gateway_answer *answer); /* 4, once a batch */

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
    if (!slot->is_deletion && slot->found == PLAN_OURS && !slot->in_doubt)
        return false;
    uint32_t now = endpoint_seconds(endpoint);
    if (!slot->looked_at || now - slot->looked_at > FRESH_S)
        return true;
    if (slot->is_deletion)
        return now - slot->looked_at > FRESH_TO_DELETE_S;
    bool is_in_batch = endpoint->state == ENDPOINT_PUSHING;
    uint32_t began = is_in_batch ? (uint32_t)(endpoint->batch.began_at / 1000) : now;
    return slot->looked_at + FRESH_BEFORE_BATCH_S < began;
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

static size_t lane_count(const struct endpoint *endpoint, bool oas)
{
    size_t count = 0;
    for (size_t i = 0; i < JOB_COUNT; i++)
        count += endpoint->jobs[i].kind != JOB_NONE && (endpoint->jobs[i].form == API_OAS) == oas;
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
    if (batch->first_write_at < 0 && push_wants_look(endpoint)) {
        /* More has come, which is cheaper to be looked at together. */
        if (!jobs_active(endpoint))
            endpoint_enter(endpoint, ENDPOINT_CHECKING);
        return;
    }
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
        /* Once closing, only the answers that are still to come matter. */
        if (!batch->is_closing)
            loop_timer_arm(endpoint->timer, plan_batch_closes_in(&plan));
        return;
    }
    if (endpoint->dirty || endpoint->wants_reload) {
        endpoint_enter(endpoint, ENDPOINT_RELOADING);
    } else {
        push_done(endpoint);
        endpoint_enter(endpoint, ENDPOINT_IDLE);
    }
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
        int64_t age = loop_now(endpoint->fleet->loop) - endpoint->ready_at;
        if (age < READY_FOR_MS || endpoint->is_forced)
            send_look(job);
        else
            job->call = gateway_ready(endpoint->client, on_ready, job);
        return true;
    }
    if (slot->is_deletion) {
        endpoint_move(endpoint, slot, SLOT_WRITING);
        write_delete(endpoint, job, slot, JOB_DELETE);
        return true;
    }
    struct err err = {0};
    endpoint_move(endpoint, slot, SLOT_WRITING);
    CLEANUP(bytes_unrefp)
    struct bytes *body = fleet_body(endpoint->fleet, slot->place, slot->n, &err);
    if (!body)
        refuse_document(endpoint, slot, &err);
    else
        write_post(endpoint, job, slot, body);
    return true;
}

static void send_look(struct job *job)
{
    job->call = gateway_get(job->endpoint->client, job->slot->place->api_id, job->form, false,
                            on_look, job);
}

static void on_ready(void *arg, const struct gateway_answer *answer)
{
    struct job *job = arg;
    job->call = NULL;
    if (answer->err && answer->status != 404) {
        endpoint_fail(job->endpoint, answer);
        return;
    }
    job->endpoint->ready_at = loop_now(job->endpoint->fleet->loop);
    send_look(job);
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
    /* As with a DELETE that says 404: the reload will show. */
    if (answer->status == 404 && slot->is_deletion) {
        slot->redo = slot->epoch == endpoint->epoch;
        slot->held = 0;
        endpoint->dirty++;
        endpoint_move(endpoint, slot, SLOT_WRITTEN);
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
        /* What was sent last is loaded now. */
        slot->is_oas |= slot->oas_sent;
        slot->oas_sent = false;
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
    if (endpoint->fleet->figures)
        histogram_observe(&endpoint->fleet->figures->reloads,
                          (double)(loop_now(endpoint->fleet->loop) - endpoint->reload_began_at) /
                              1e3);
    endpoint->epoch++;
    endpoint->ready_at = loop_now(endpoint->fleet->loop);
    endpoint->dirty = 0;
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
    bool changed = batch->verified > 0;
    *batch = (struct batch){.first_write_at = -1};
    if (changed)
        obstacles_review(endpoint);
}
