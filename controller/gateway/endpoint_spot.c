/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/endpoint.h"

#include <stdlib.h>

#include "base/json_text.h"
#include "base/log.h"
#include "base/mem.h"

/*
 * One definition is read now and then: a gateway that lost everything, or lost this one, is found
 * out. Behind a load balancer the answers come from several gateways, of which one has what was
 * pushed last: a definition that comes, goes and comes again, while nobody writes.
 */
#define BURST_READS 8
#define BURST_CHANGES 2

static void on_probe(void *arg, const struct gateway_answer *answer);
static void on_spot(void *arg, const struct gateway_answer *answer);
static void send_burst(struct endpoint *endpoint);
static void on_burst(void *arg, const struct gateway_answer *answer);

void spot_clear(struct endpoint *endpoint)
{
    /* What made us stop is looked at again before anything is written. */
    if (endpoint->is_balanced)
        return;
    free(endpoint->burst.api_id);
    endpoint->burst = (struct burst){0};
}

void spot_suspect(struct endpoint *endpoint, const struct slot *slot)
{
    if (*endpoint->pod || endpoint->burst.api_id)
        return;
    endpoint->burst = (struct burst){
        .api_id = xstrdup(slot->place->api_id),
        .form = slot->place->family,
        .fingerprint = slot->place->fingerprint,
    };
}

void spot_end(struct endpoint *endpoint)
{
    endpoint->spot_at = loop_now(endpoint->fleet->loop) + endpoint->fleet->drift_interval_ms;
    endpoint_enter(endpoint, ENDPOINT_IDLE);
}

void spot_lost(struct endpoint *endpoint)
{
    endpoint->wants_look = true;
    if (!endpoint->is_forced)
        return;
    endpoint->is_forced = false;
    endpoint->not_ready_since = -1;
}

/* The one that was read longest ago. */
static struct slot *next_in_rotation(const struct endpoint *endpoint)
{
    struct slot *synced = endpoint->slots.lists[SLOT_SYNCED].first;
    struct slot *kept = endpoint->slots.lists[SLOT_KEPT].first;
    return kept && (!synced || kept->looked_at < synced->looked_at) ? kept : synced;
}

void spot_start(struct endpoint *endpoint)
{
    if (endpoint->burst.api_id) {
        endpoint->burst.reads = endpoint->burst.changes = 0;
        send_burst(endpoint);
        return;
    }
    if (obstacle_spot(endpoint))
        return;
    struct slot *slot = next_in_rotation(endpoint);
    if (!slot) {
        /* Nothing of ours is there to be read: is the gateway there, and does it let us in? */
        endpoint->call =
            gateway_get(endpoint->client, "grapnel", API_CLASSIC, false, on_probe, endpoint);
        return;
    }
    slots_move(&endpoint->slots, slot, slot->state);
    endpoint->burst = (struct burst){
        .api_id = xstrdup(slot->place->api_id),
        .form = slot->is_oas ? API_OAS : API_CLASSIC,
        .fingerprint = slot->held,
        .is_drift = true,
    };
    bool fresh = !*endpoint->pod;
    endpoint->call = gateway_get(endpoint->client, endpoint->burst.api_id, endpoint->burst.form,
                                 fresh, on_spot, endpoint);
}

/* Is it an answer about the definition, rather than a failure? */
static bool is_about_definition(const struct gateway_answer *answer)
{
    return !answer->err || answer->status == 404 || answer->status == 400;
}

/* Has a gateway said it? What is between us may say anything, and says nothing about how many
 * gateways there are. */
static bool is_of_gateway(const struct gateway_answer *answer)
{
    if (!answer->err)
        return json_text_is_whole(answer->body);
    return gateway_answer_is_refusal(answer);
}

static void fail(struct endpoint *endpoint, const struct gateway_answer *answer)
{
    struct gateway_answer failed = *answer;
    struct err err;
    if (is_about_definition(answer)) {
        err_set(&err, ERR_INVALID, (int)answer->status, "the answer is not one of a gateway");
        failed.err = &err;
    }
    endpoint_fail(endpoint, &failed);
}

/* Is it there, as it was sent? */
static bool is_there(const struct endpoint *endpoint, const struct gateway_answer *answer)
{
    if (answer->err)
        return false;
    struct definition definition;
    definition_read(answer->body, endpoint->burst.form, &definition);
    struct marker marker = {0};
    bool there = plan_whose(definition.marker, endpoint->fleet->owner, endpoint->fleet->cluster,
                            &marker) == PLAN_OURS &&
                 marker_fingerprint(&marker) == endpoint->burst.fingerprint;
    marker_fini(&marker);
    const struct slot *slot = slots_find(&endpoint->slots, endpoint->burst.api_id);
    if (there && slot && slot->place->fingerprint == endpoint->burst.fingerprint)
        there = plan_compare(&definition, slot->place->api_id, slot->place->listen_path,
                             slot->place->target) == PLAN_FORM_GOOD;
    return there;
}

static void on_probe(void *arg, const struct gateway_answer *answer)
{
    struct endpoint *endpoint = arg;
    endpoint->call = NULL;
    if (is_about_definition(answer))
        spot_end(endpoint);
    else
        fail(endpoint, answer);
}

static void on_spot(void *arg, const struct gateway_answer *answer)
{
    struct endpoint *endpoint = arg;
    endpoint->call = NULL;
    if (!is_about_definition(answer) || !is_of_gateway(answer)) {
        fail(endpoint, answer);
        return;
    }
    if (is_there(endpoint, answer)) {
        struct slot *slot = slots_find(&endpoint->slots, endpoint->burst.api_id);
        if (slot)
            slot->looked_at = endpoint_seconds(endpoint);
        spot_clear(endpoint);
        spot_end(endpoint);
        return;
    }
    if (!*endpoint->pod) {
        send_burst(endpoint);
        return;
    }
    spot_clear(endpoint);
    spot_lost(endpoint);
    spot_end(endpoint);
}

static void send_burst(struct endpoint *endpoint)
{
    endpoint->call = gateway_get(endpoint->client, endpoint->burst.api_id, endpoint->burst.form,
                                 true, on_burst, endpoint);
}

/* It matters to all that stands there. */
static void tell_all(struct endpoint *endpoint)
{
    for (int state = 0; state < SLOT_STATE_COUNT; state++) {
        struct slot *slot = endpoint->slots.lists[state].first;
        for (; slot; slot = slot->next)
            fleet_touch_api(endpoint->fleet, slot->place->api);
    }
    endpoint_touch(endpoint);
}

static void stop(struct endpoint *endpoint)
{
    if (!endpoint->is_balanced) {
        log_warn("answers alternate between gateways: nothing is pushed",
                 .endpoint = endpoint->label, .reason = "LoadBalancedUrl");
        endpoint->is_balanced = true;
        endpoint->down_since = loop_now(endpoint->fleet->loop);
        tell_all(endpoint);
    }
    endpoint_enter(endpoint, ENDPOINT_STOPPED);
}

static void on_burst(void *arg, const struct gateway_answer *answer)
{
    struct endpoint *endpoint = arg;
    endpoint->call = NULL;
    if (!is_about_definition(answer) || !is_of_gateway(answer)) {
        fail(endpoint, answer);
        return;
    }
    struct burst *burst = &endpoint->burst;
    bool there = is_there(endpoint, answer);
    if (burst->reads++ && there != burst->last)
        burst->changes++;
    burst->last = there;
    if (burst->changes >= BURST_CHANGES) {
        stop(endpoint);
        return;
    }
    if (burst->reads < BURST_READS) {
        send_burst(endpoint);
        return;
    }
    if (burst->is_drift || endpoint->is_balanced)
        spot_lost(endpoint);
    endpoint->is_observed &= !endpoint->is_balanced;
    if (endpoint->is_balanced) {
        log_info("answers do not alternate any more", .endpoint = endpoint->label);
        tell_all(endpoint);
    }
    endpoint->is_balanced = false;
    spot_clear(endpoint);
    spot_end(endpoint);
}
