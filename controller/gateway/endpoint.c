/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/endpoint.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

#define CHECK_AGAIN_MS 500
#define NOT_READY_MAX_MS 30000
#define BACKOFF_MIN_MS 800
#define BACKOFF_MAX_MS 30000
#define RETRY_AFTER_MAX_MS 300000
#define BALANCED_AGAIN_MS 60000
#define NEVER INT64_MAX

static void on_timer(void *arg);
static void step(void *arg);
static void on_check(void *arg, const struct gateway_answer *answer);

const char *endpoint_state_name(enum endpoint_state state)
{
    static const char *const names[ENDPOINT_STATE_COUNT] = {
        "blocked", "checking",  "not-ready", "glancing", "observing", "idle",
        "pushing", "reloading", "verifying", "spotting", "down",      "stopped",
    };
    return names[state];
}

struct endpoint *endpoint_new(struct fleet *fleet, const struct gateway_endpoint *config)
{
    struct endpoint *endpoint = xcalloc(1, sizeof(*endpoint));
    endpoint->fleet = fleet;
    endpoint->id = xstrdup(config->id);
    endpoint->pod = xstrdup(config->pod ? config->pod : "");
    endpoint->url = xstrdup(config->url);
    endpoint->label = endpoint_label(config->url);
    endpoint->timer = loop_timer_new(fleet->loop, on_timer, endpoint);
    endpoint->client = gateway_client_new(fleet->loop, fleet->http, config->url, config->id);
    endpoint->is_blocked = true;
    endpoint->state = ENDPOINT_BLOCKED;
    endpoint->epoch = ENDPOINT_FIRST_EPOCH;
    endpoint->not_ready_since = -1;
    endpoint->down_since = loop_now(fleet->loop);
    endpoint->look_at = endpoint->spot_at = endpoint->retry_at = NEVER;
    endpoint->reload_began_at = endpoint->ready_at = INT64_MIN / 2;
    endpoint->batch.first_write_at = -1;
    strmap_set(fleet->endpoints, endpoint->id, endpoint);
    return endpoint;
}

static void cancel_work(struct endpoint *endpoint)
{
    gateway_call_cancel(TAKE(endpoint->call));
    look_cancel(endpoint);
    jobs_cancel(endpoint);
    spot_clear(endpoint);
    loop_timer_disarm(endpoint->timer);
}

void endpoint_free(struct endpoint *endpoint)
{
    if (!endpoint)
        return;
    strmap_take(endpoint->fleet->endpoints, endpoint->id);
    endpoint->is_balanced = false;
    cancel_work(endpoint);
    endpoint->is_contended = false;
    endpoint_release(endpoint, NULL);
    loop_defer_cancel(endpoint->fleet->loop, step, endpoint);
    endpoint_bind_cancel(endpoint);
    loop_timer_free(endpoint->timer);
    slots_fini(&endpoint->slots);
    foreign_fini(&endpoint->foreign);
    gateway_client_free(endpoint->client);
    free(endpoint->contexts);
    free(endpoint->label);
    free(endpoint->url);
    free(endpoint->pod);
    free(endpoint->id);
    free(endpoint);
}

uint32_t endpoint_seconds(const struct endpoint *endpoint)
{
    return (uint32_t)(loop_now(endpoint->fleet->loop) / 1000);
}

void endpoint_touch(struct endpoint *endpoint)
{
    for (size_t i = 0; i < endpoint->context_count; i++)
        fleet_touch_context(endpoint->fleet, endpoint->contexts[i]);
}

bool endpoint_is_reachable(const struct endpoint *endpoint)
{
    return !endpoint->failures && !endpoint->is_balanced && endpoint->state != ENDPOINT_BLOCKED;
}

/* What progress() tells of a slot in this state. */
static int visible(enum slot_state state)
{
    return state < SLOT_SYNCED ? 0 : (int)state;
}

void endpoint_move(struct endpoint *endpoint, struct slot *slot, enum slot_state state)
{
    if (visible(slot->state) != visible(state))
        fleet_touch_api(endpoint->fleet, slot->place->api);
    slots_move(&endpoint->slots, slot, state);
}

void endpoint_wake(struct endpoint *endpoint)
{
    loop_defer(endpoint->fleet->loop, step, endpoint);
}

static void wait_until(struct endpoint *endpoint, int64_t due_at)
{
    endpoint->due_at = due_at;
    loop_timer_arm(endpoint->timer, due_at - loop_now(endpoint->fleet->loop));
}

/* What was in flight is in doubt. */
void endpoint_forget_flight(struct endpoint *endpoint)
{
    cancel_work(endpoint);
    endpoint->is_observed = false;
    /* What was posted is on its disk; it shows only after a reload. */
    endpoint->wants_reload |= endpoint->dirty > 0;
    for (int state = SLOT_WRITING; state <= SLOT_READING; state++) {
        while (endpoint->slots.lists[state].first)
            endpoint_move(endpoint, endpoint->slots.lists[state].first, SLOT_UNKNOWN);
    }
    endpoint->batch = (struct batch){.first_write_at = -1};
}

static int64_t backoff(const struct endpoint *endpoint)
{
    unsigned doubled = endpoint->failures - 1 < 6 ? endpoint->failures - 1 : 6;
    int64_t delay = (int64_t)BACKOFF_MIN_MS << doubled;
    if (delay > BACKOFF_MAX_MS)
        delay = BACKOFF_MAX_MS;
    /* Up to a tenth less, so that endpoints that went together do not come together. */
    return delay - (int64_t)loop_random(endpoint->fleet->loop, (uint32_t)(delay / 10) + 1);
}

void endpoint_touch_unsynced(struct endpoint *endpoint)
{
    endpoint_touch(endpoint);
    for (int state = 0; state < SLOT_STATE_COUNT; state++) {
        if (state == SLOT_SYNCED)
            continue;
        for (struct slot *slot = endpoint->slots.lists[state].first; slot; slot = slot->next)
            fleet_touch_api(endpoint->fleet, slot->place->api);
    }
    if (!endpoint->was_observed)
        fleet_touch_removed(endpoint->fleet);
}

void endpoint_enter(struct endpoint *endpoint, enum endpoint_state state)
{
    if (log_is_on(LOG_LEVEL_DEBUG)) {
        CLEANUP(freep)
        char *trace =
            xasprintf("%s -> %s", endpoint_state_name(endpoint->state), endpoint_state_name(state));
        log_debug("endpoint", .endpoint = endpoint->label, .reason = trace);
    }
    /* A spot check that found nothing is nothing to tell. */
    bool is_news = endpoint->state != ENDPOINT_SPOTTING;
    if (endpoint->state == ENDPOINT_BLOCKED)
        endpoint_touch_unsynced(endpoint);
    endpoint->state = state;
    int64_t now = loop_now(endpoint->fleet->loop);
    loop_timer_disarm(endpoint->timer);
    switch (state) {
    case ENDPOINT_BLOCKED:
        endpoint_forget_flight(endpoint);
        if (!endpoint->failures)
            endpoint->down_since = now;
        endpoint_touch_unsynced(endpoint);
        break;
    case ENDPOINT_CHECKING:
        endpoint->call = gateway_ready(endpoint->client, on_check, endpoint);
        break;
    case ENDPOINT_NOT_READY:
        wait_until(endpoint, now + CHECK_AGAIN_MS);
        break;
    case ENDPOINT_OBSERVING:
        look_start(endpoint);
        break;
    case ENDPOINT_PUSHING:
        push_begin(endpoint);
        break;
    case ENDPOINT_VERIFYING:
        verify_begin(endpoint);
        break;
    case ENDPOINT_SPOTTING:
        spot_start(endpoint);
        break;
    case ENDPOINT_DOWN:
        wait_until(endpoint, now + backoff(endpoint));
        break;
    case ENDPOINT_STOPPED:
        wait_until(endpoint, now + BALANCED_AGAIN_MS);
        break;
    case ENDPOINT_IDLE:
        if (is_news)
            endpoint_touch(endpoint);
        break;
    case ENDPOINT_GLANCING:
    case ENDPOINT_RELOADING:
        break;
    }
    endpoint_wake(endpoint);
}

/* For the log, with the remedy: only a gateway that gives no answer is out of reach. */
static const char *trouble_of(const struct err *failure)
{
    if (gateway_refuses_secret(failure))
        return "gateway refuses the secret (TYK_AUTH, --gateway-secret-file or the Secret of the "
               "OperatorContext must hold the secret of the gateway's own configuration)";
    if (failure->class == ERR_DENIED)
        return "gateway has a certificate that is not trusted (give its CA: --gateway-ca-file, or "
               "tls.caSecretRef of the OperatorContext)";
    if (failure->code >= 300)
        return "gateway answers with errors";
    if (failure->class == ERR_INVALID)
        return "what answers is no gateway";
    return "gateway is out of reach";
}

void endpoint_fail(struct endpoint *endpoint, const struct gateway_answer *answer)
{
    struct err failure = *answer->err;
    int64_t retry_after = answer->retry_after_ms;
    /* One that turns from one kind of failure into another needs another remedy. */
    bool same = endpoint->failures && endpoint->last_error.class == failure.class &&
                gateway_refuses_secret(&endpoint->last_error) == gateway_refuses_secret(&failure);
    if (!same)
        log_warn(trouble_of(&failure), .endpoint = endpoint->label, .err = &failure,
                 .detail = answer->detail);
    if (!endpoint->failures)
        endpoint->down_since = loop_now(endpoint->fleet->loop);
    endpoint->failures++;
    endpoint->server_errors = 0;
    endpoint->last_error = failure;
    endpoint->not_ready_since = -1;
    endpoint->is_forced = false;
    endpoint_forget_flight(endpoint);
    endpoint_enter(endpoint, ENDPOINT_DOWN);
    if (retry_after > endpoint->due_at - loop_now(endpoint->fleet->loop))
        wait_until(endpoint,
                   loop_now(endpoint->fleet->loop) +
                       (retry_after < RETRY_AFTER_MAX_MS ? retry_after : RETRY_AFTER_MAX_MS));
    if (!same)
        endpoint_touch_unsynced(endpoint);
}

/* It may be read. */
static void checked(struct endpoint *endpoint)
{
    endpoint->ready_at = loop_now(endpoint->fleet->loop);
    if (endpoint->is_balanced)
        endpoint_enter(endpoint, ENDPOINT_SPOTTING);
    else if (!endpoint->wants_reload)
        endpoint_enter(endpoint, ENDPOINT_OBSERVING);
    else
        endpoint_enter(endpoint, ENDPOINT_GLANCING);
}

static void on_check(void *arg, const struct gateway_answer *answer)
{
    struct endpoint *endpoint = arg;
    endpoint->call = NULL;
    int64_t now = loop_now(endpoint->fleet->loop);
    /* 404: a gateway too old to know /ready. */
    if (!answer->err || answer->status == 404) {
        endpoint->not_ready_since = -1;
        endpoint->is_forced = false;
        checked(endpoint);
        return;
    }
    if (answer->status != 503) {
        endpoint_fail(endpoint, answer);
        return;
    }
    if (endpoint->not_ready_since < 0)
        endpoint->not_ready_since = now;
    if (now - endpoint->not_ready_since < NOT_READY_MAX_MS) {
        endpoint_enter(endpoint, ENDPOINT_NOT_READY);
        return;
    }
    /* Without Redis it says 503 for ever, yet everything works; one reload, to be sure that what is
     * on its disk is loaded. */
    if (!endpoint->is_forced) {
        endpoint->is_forced = true;
        endpoint->wants_reload = true;
    }
    checked(endpoint);
}

static void retry(struct endpoint *endpoint, enum slot_state state)
{
    uint32_t now = endpoint_seconds(endpoint);
    struct slot *next = NULL;
    for (struct slot *slot = endpoint->slots.lists[state].first; slot; slot = next) {
        next = slot->next;
        if (slot->retry_at <= now)
            look_decide(endpoint, slot);
        else if ((int64_t)slot->retry_at * 1000 < endpoint->retry_at)
            endpoint->retry_at = (int64_t)slot->retry_at * 1000;
    }
}

static int64_t earliest(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void idle_step(struct endpoint *endpoint)
{
    int64_t now = loop_now(endpoint->fleet->loop);
    if (endpoint->retry_at <= now) {
        endpoint->retry_at = NEVER;
        retry(endpoint, SLOT_FAILED);
        retry(endpoint, SLOT_AHEAD);
    }
    if (!endpoint->is_observed || endpoint->wants_look || endpoint->look_at <= now ||
        push_wants_look(endpoint)) {
        endpoint_enter(endpoint, ENDPOINT_CHECKING);
    } else if (slots_queued(&endpoint->slots)) {
        endpoint_enter(endpoint, ENDPOINT_PUSHING);
    } else if (endpoint->wants_reload) {
        endpoint_enter(endpoint, ENDPOINT_RELOADING);
    } else if (endpoint->spot_at <= now) {
        endpoint_enter(endpoint, ENDPOINT_SPOTTING);
    } else {
        int64_t due = earliest(endpoint->retry_at, earliest(endpoint->look_at, endpoint->spot_at));
        if (due != NEVER)
            wait_until(endpoint, due);
    }
}

static void step(void *arg)
{
    struct endpoint *endpoint = arg;
    bool is_due = loop_now(endpoint->fleet->loop) >= endpoint->due_at;
    switch (endpoint->state) {
    case ENDPOINT_NOT_READY:
    case ENDPOINT_DOWN:
        if (is_due)
            endpoint_enter(endpoint, ENDPOINT_CHECKING);
        break;
    case ENDPOINT_STOPPED:
        if (is_due)
            endpoint_enter(endpoint, ENDPOINT_SPOTTING);
        break;
    case ENDPOINT_IDLE:
        idle_step(endpoint);
        break;
    case ENDPOINT_PUSHING:
        push_step(endpoint);
        break;
    case ENDPOINT_RELOADING:
        reload_step(endpoint);
        break;
    case ENDPOINT_VERIFYING:
        verify_step(endpoint);
        break;
    case ENDPOINT_GLANCING:
        glance_step(endpoint);
        break;
    case ENDPOINT_BLOCKED:
    case ENDPOINT_CHECKING:
    case ENDPOINT_OBSERVING:
    case ENDPOINT_SPOTTING:
        break;
    }
}

static void on_timer(void *arg)
{
    step(arg);
}
