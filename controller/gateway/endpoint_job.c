/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/endpoint.h"

/* How long a failed slot rests: for good, as it were, where only another document can help (the
 * periodic look tries again), else longer each time. */
#define REST_REFUSED_S 600
#define REST_MIN_S 2
#define REST_MAX_S 300
#define REST_SERVER_MAX_S 30
#define REST_UNKNOWN_DOCUMENT_S 5

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

struct slot *job_end(struct job *job, struct endpoint **ret_endpoint)
{
    struct slot *slot = job->slot;
    *ret_endpoint = job->endpoint;
    endpoint_wake(job->endpoint);
    *job = (struct job){0};
    return slot;
}

static uint32_t rest_of(const struct slot *slot, enum slot_fault fault)
{
    switch (fault) {
    case FAULT_REFUSED:
    case FAULT_TRUNCATED:
    case FAULT_DOCUMENT:
        return REST_REFUSED_S;
    case FAULT_NONE:
        return REST_UNKNOWN_DOCUMENT_S;
    case FAULT_WRONG_ID:
    case FAULT_SERVER:
    case FAULT_NOT_LOADED:
    case FAULT_RENAMED:
    case FAULT_UNDELETABLE:
    case FAULT_FOREIGN_ID:
    case FAULT_FOREIGN_PATH:
    case FAULT_AHEAD:
        break;
    }
    /* Each try under another id leaves one behind, which is deleted again. */
    uint32_t limit = fault == FAULT_SERVER     ? REST_SERVER_MAX_S
                     : fault == FAULT_WRONG_ID ? REST_REFUSED_S
                                               : REST_MAX_S;
    unsigned doubled = slot->attempts < 10 ? slot->attempts : 10;
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
