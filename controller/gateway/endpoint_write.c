/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/endpoint.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "core/object.h"

#define SERVER_ERRORS_MAX 3

static void on_post(void *arg, const struct gateway_answer *answer);
static void on_delete(void *arg, const struct gateway_answer *answer);

void write_post(struct endpoint *endpoint, struct job *job, struct slot *slot, struct bytes *body)
{
    struct batch *batch = &endpoint->batch;
    if (batch->first_write_at < 0)
        batch->first_write_at = loop_now(endpoint->fleet->loop);
    /* Even if no answer comes: it may have been taken. */
    endpoint->dirty++;
    slot->posted = slot->place->fingerprint;
    slot->epoch = endpoint->epoch;
    slot->repairs = slot->drifted;
    slot->oas_sent |= slot->place->family == API_OAS;
    *job = (struct job){.endpoint = endpoint,
                        .slot = slot,
                        .kind = JOB_POST,
                        .form = slot->place->family,
                        .began_us = loop_clock_us(endpoint->fleet->loop)};
    job->call = gateway_post(endpoint->client, slot->place->family, body, on_post, job);
}

void write_delete(struct endpoint *endpoint, struct job *job, struct slot *slot, enum job_kind kind)
{
    struct batch *batch = &endpoint->batch;
    if (batch->first_write_at < 0)
        batch->first_write_at = loop_now(endpoint->fleet->loop);
    endpoint->dirty++;
    *job = (struct job){.endpoint = endpoint,
                        .slot = slot,
                        .kind = kind,
                        .form = API_CLASSIC,
                        .began_us = loop_clock_us(endpoint->fleet->loop)};
    job->call = gateway_delete(endpoint->client, slot->place->api_id, on_delete, job);
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

/* Does a Classic definition stand over an OAS one, whose file would be left behind? `form`: of what
 * was sent; by now another may be wanted. */
static bool owes_sweep(const struct slot *slot, enum api_family form)
{
    return form == API_CLASSIC && (slot->is_oas || slot->oas_sent);
}

static void accepted(struct endpoint *endpoint, struct slot *slot, enum api_family form,
                     const struct gateway_answer *answer)
{
    endpoint->server_errors = 0;
    if (!gateway_answer_is_for(answer, slot->place->api_id)) {
        log_refusal(endpoint, slot, "definition was written under another id", answer);
        slot_fail(endpoint, slot, FAULT_WRONG_ID, 0);
        clean_wrong_id(endpoint, slot, answer);
        return;
    }
    slot->found = PLAN_OURS;
    slot->held = 0;
    if (owes_sweep(slot, form)) {
        /* The OAS half of what stood there would stay on the disk for ever: both files are deleted,
         * and what has just proved acceptable is written again. */
        struct job *job = job_free_one(endpoint);
        write_delete(endpoint, job, slot, JOB_SWEEP);
        return;
    }
    endpoint->batch.posted++;
    endpoint->batch.user_waits |= slot->by_user;
    endpoint_move(endpoint, slot, SLOT_WRITTEN);
    /* It may have changed, or may have to go, since. */
    look_decide(endpoint, slot);
}

static void count_push(const struct job *job)
{
    const struct fleet *fleet = job->endpoint->fleet;
    if (fleet->figures)
        histogram_observe(&fleet->figures->pushes,
                          (double)(loop_clock_us(fleet->loop) - job->began_us) / 1e6);
}

static void on_post(void *arg, const struct gateway_answer *answer)
{
    count_push(arg);
    struct endpoint *endpoint;
    enum api_family form = ((struct job *)arg)->form;
    struct slot *slot = job_end(arg, &endpoint);
    if (is_about_gateway(answer)) {
        endpoint_fail(endpoint, answer);
        return;
    }
    struct api *api = slot->place->api;
    if (!answer->err) {
        accepted(endpoint, slot, form, answer);
        look_moved(endpoint, api);
        return;
    }
    if (answer->status == 500 && ++endpoint->server_errors >= SERVER_ERRORS_MAX) {
        endpoint_fail(endpoint, answer);
        return;
    }
    /* An earlier one, or part of this, may be on the disk, and a reload would load that: the OAS
     * file could not be deleted any more. So nothing else is done for a while, some times. */
    if (answer->status == 500 && owes_sweep(slot, form) && slot->attempts < SERVER_ERRORS_MAX) {
        slot->attempts++;
        endpoint_fail(endpoint, answer);
        return;
    }
    /* With a 500, part of it may be on the disk. */
    endpoint->dirty -= answer->status != 500;
    log_refusal(endpoint, slot, "definition is refused", answer);
    slot_fail(endpoint, slot, answer->status == 500 ? FAULT_SERVER : FAULT_REFUSED, answer->status);
    look_decide(endpoint, slot);
}

/* The companion file is gone (or could not be deleted, and stays): write the definition again. */
static void swept(struct endpoint *endpoint, struct slot *slot)
{
    slot->is_oas = slot->oas_sent = false;
    endpoint_move(endpoint, slot, SLOT_UNKNOWN);
    look_decide(endpoint, slot);
}

static void on_delete(void *arg, const struct gateway_answer *answer)
{
    struct endpoint *endpoint;
    enum job_kind kind = ((struct job *)arg)->kind;
    count_push(arg);
    struct slot *slot = job_end(arg, &endpoint);
    bool is_known = !answer->err || answer->status == 404 || answer->status == 500;
    bool is_of_gateway = !answer->err || gateway_answer_is_refusal(answer);
    if (!is_of_gateway || (!is_known && is_about_gateway(answer))) {
        endpoint_fail(endpoint, answer);
        return;
    }
    if (kind == JOB_SWEEP) {
        swept(endpoint, slot);
        return;
    }
    if (!is_known) {
        endpoint->dirty--;
        log_refusal(endpoint, slot, "deletion is refused", answer);
        slot_fail(endpoint, slot, FAULT_UNDELETABLE, answer->status);
        return;
    }
    /* 404: not loaded. If it was posted since the last reload, it is on the disk nevertheless, and
     * can be deleted after the next. Else it is gone, or the gateway has just been started and is
     * loading it: the reload will show. 500: the file is not there, or not where it is looked for:
     * the same. */
    slot->redo = answer->status == 404 && slot->epoch == endpoint->epoch;
    slot->held = 0;
    endpoint->batch.deleted += !answer->err;
    endpoint->batch.user_waits |= slot->by_user;
    endpoint_move(endpoint, slot, SLOT_WRITTEN);
    look_decide(endpoint, slot);
}
