/* SPDX-License-Identifier: Apache-2.0 */
/* What an ApiDefinition's status says of a look, and when it is written. */
#include <string.h>

#include "base/json_text.h"
#include "base/str.h"
#include "reconcile/api_look.h"

int64_t api_reported_generation(const struct object *api)
{
    int64_t observed = -1;
    json_text_int64(json_text_get(object_status(api), "observedGeneration", NULL), &observed);
    return observed;
}

bool api_was_reported(const struct object *api)
{
    return api_reported_generation(api) >= 0;
}

static enum programmed programmed_of(const struct gateway_progress *progress)
{
    switch (progress->state) {
    case GATEWAY_SYNCED:
        return PROGRAMMED_TRUE;
    case GATEWAY_PENDING:
        return PROGRAMMED_PENDING;
    case GATEWAY_UNREACHABLE:
        return PROGRAMMED_UNREACHABLE;
    case GATEWAY_UNAUTHORIZED:
        return PROGRAMMED_UNAUTHORIZED;
    case GATEWAY_REJECTED:
        return PROGRAMMED_REJECTED;
    case GATEWAY_FOREIGN:
        return PROGRAMMED_FOREIGN;
    case GATEWAY_CONFLICT:
        return PROGRAMMED_CONFLICT;
    case GATEWAY_LOAD_BALANCED:
        return PROGRAMMED_LOAD_BALANCED;
    case GATEWAY_NONE:
        return PROGRAMMED_NO_GATEWAYS;
    }
    return PROGRAMMED_PENDING;
}

/* Its spec was good when it was pushed, and is not any more: before a status could tell, perhaps.
 */
static bool read_pushed(const struct api_look *look, struct api_facts *ret_facts)
{
    const struct api_state *state = look->state;
    if (look->resolution.valid || !state->wanted ||
        json_text_member(object_status(look->api), "apiId").ptr)
        return false;
    api_facts_read(state->api, state->config_map, ret_facts);
    return true;
}

void api_build_status(const struct api_look *look, const struct gateway_progress *progress,
                      struct conditions *ret_conditions, struct buf *out)
{
    struct reconciler *reconciler = look->reconciler;
    struct api_status_input input = {
        .api = look->api,
        .resolution = &look->resolution,
        .seal_key = reconciler->options.resolve.seal_key,
        .programmed = progress ? programmed_of(progress) : PROGRAMMED_PENDING,
        .gateways_total = progress ? progress->total : 0,
        .gateways_synced = progress ? progress->synced : 0,
        .gateway_detail = progress ? progress->detail : "",
        .now_s = loop_wall_time(reconciler->loop),
    };
    struct api_facts pushed;
    bool was_pushed = read_pushed(look, &pushed);
    input.pushed = was_pushed ? &pushed : NULL;
    api_status_build(&input, ret_conditions, out);
    if (was_pushed)
        api_facts_fini(&pushed);
}

/* Transitions that people should hear of. */
static void add_transitions(struct api_state *state, const struct object *api,
                            const struct conditions *conditions)
{
    static const struct {
        const char *condition;
        const char *reason;
        enum event_type type;
    } told[] = {
        {"Ready", "Synced", EVENT_NORMAL},
        {"ResolvedRefs", "WebhookNotFound", EVENT_WARNING},
        {"ResolvedRefs", "WebhookInvalid", EVENT_WARNING},
        {"ResolvedRefs", "SecretNotFound", EVENT_WARNING},
        {"ResolvedRefs", "ConfigMapNotFound", EVENT_WARNING},
        {"ResolvedRefs", "ContextNotFound", EVENT_WARNING},
        {"Programmed", "GatewayRejected", EVENT_WARNING},
        {"Stalled", "InvalidSpec", EVENT_WARNING},
        {"Stalled", "Conflict", EVENT_WARNING},
        {"Stalled", "ForeignDefinition", EVENT_WARNING},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(told); i++) {
        const struct condition *now = conditions_get(conditions, told[i].condition);
        if (!now || strcmp(now->reason, told[i].reason) != 0)
            continue;
        CLEANUP(freep) char *before = condition_reason(api, told[i].condition, NULL);
        if (!str_equal(before, told[i].reason))
            api_add_event(state, told[i].type, told[i].reason, "%s", now->message);
    }
}

static bool same_reason(const struct object *api, const struct conditions *conditions,
                        const char *type)
{
    const struct condition *now = conditions_get(conditions, type);
    CLEANUP(freep) char *before = condition_reason(api, type, NULL);
    return str_equal(before, now ? now->reason : NULL);
}

static bool same_message(const struct object *api, const struct conditions *conditions,
                         const char *type)
{
    const struct condition *now = conditions_get(conditions, type);
    CLEANUP(freep) char *before = condition_message(api, type);
    return str_equal(before ? before : "", now && now->message ? now->message : "");
}

/* Is what the status says of anything but the gateways as it was? */
static bool only_gateways_differ(const struct api_look *look, const struct conditions *conditions,
                                 struct span status)
{
    bool same = api_reported_generation(look->api) == look->api->generation &&
                same_reason(look->api, conditions, "ResolvedRefs") &&
                same_message(look->api, conditions, "ResolvedRefs") &&
                same_reason(look->api, conditions, "Stalled") &&
                (!look->stalled || same_message(look->api, conditions, "Stalled"));
    struct json_text_iter iter = json_text_iterate(status);
    while (same && json_text_next(&iter)) {
        bool of_gateways = json_text_is(iter.key, "conditions") ||
                           json_text_is(iter.key, "gateways") ||
                           json_text_is(iter.key, "gatewaysSummary") ||
                           json_text_is(iter.key, "latestTransaction");
        CLEANUP(freep) char *key = json_text_string(iter.key);
        same = of_gateways ||
               json_text_equal(json_text_member(object_status(look->api), key), iter.value);
    }
    return same;
}

/* When may this status be written? 0: now. Gateways that are just busy, and pods that come and go,
 * are followed with delay; all else is told at once. */
static int64_t status_delay(const struct api_look *look, const struct gateway_progress *progress,
                            const struct conditions *conditions, bool gateways_only)
{
    struct api_state *state = look->state;
    int64_t now = loop_now(look->reconciler->loop);
    const struct condition *programmed = conditions_get(conditions, "Programmed");
    bool pending = str_equal(programmed->reason, "Pending");
    bool progressing = str_equal(conditions_get(conditions, "Ready")->reason, "Progressing");
    if (pending && (gateways_only || progressing) && now - state->wanted_ms < PENDING_QUIET_MS)
        return state->wanted_ms + PENDING_QUIET_MS - now;
    if (!gateways_only)
        return 0;
    bool was_programmed = false;
    CLEANUP(freep) char *reason = condition_reason(look->api, "Programmed", &was_programmed);
    int64_t told_total = 0;
    json_text_int64(json_text_get(object_status(look->api), "gateways", "total", NULL),
                    &told_total);
    struct pace_case now_case = {
        .programmed = programmed_of(progress),
        .total = progress->total,
        .synced = progress->synced,
        .told_total = told_total > 0 ? (size_t)told_total : 0,
        .was_programmed = was_programmed,
        .same_reason = str_equal(reason, programmed->reason),
    };
    return pace_delay(&state->pace, &now_case, now);
}

/* Would a look at the object with the status that is written now find nothing to do? */
static bool is_concluding(const struct api_look *look)
{
    const struct resolution *resolution = &look->resolution;
    bool converted = look->state->rewritten || look->state->converted_ms;
    for (size_t i = 0; i < resolution->ref_count; i++)
        converted |= resolution->refs[i].source == REF_CONVERTED;
    return !look->stalled && !look->held && !converted;
}

bool api_report(struct api_look *look)
{
    struct reconciler *reconciler = look->reconciler;
    struct api_state *state = look->state;
    struct gateway_progress progress = {.total = 0};
    /* Where one that waits for its first push follows another of its name, what they hold is that.
     */
    bool known = !(look->held && state->wanted) &&
                 reconciler->gateways->ops->progress(reconciler->gateways, state->key, &progress);
    CLEANUP(conditions_fini) struct conditions conditions;
    CLEANUP(buf_fini) struct buf status;
    buf_init(&status, BUF_UNLIMITED);
    api_build_status(look, known ? &progress : NULL, &conditions, &status);
    state->ready = conditions_get(&conditions, "Ready")->status == CONDITION_TRUE;
    state->stalled = conditions_get(&conditions, "Stalled") != NULL;
    struct span text = {buf_text(&status), status.length};
    if (status_is_current(look->api, text.ptr, text.length)) {
        pace_settled(&state->pace);
        return false;
    }
    if (oversize_is_mute(state))
        return false;
    bool gateways_only = known && only_gateways_differ(look, &conditions, text);
    int64_t delay = status_delay(look, &progress, &conditions, gateways_only);
    if (delay > 0) {
        reconciler_await(reconciler, state->work_key, delay);
        return false;
    }
    if (workqueue_counts(reconciler->queue).processing > WRITES_MAX) {
        strset_add(reconciler->held_back, state->key);
        strset_add(reconciler->awaited, state->work_key);
        return false;
    }
    if (gateways_only)
        pace_followed(&state->pace, loop_now(reconciler->loop));
    else
        state->pace = (struct pace){.told = 0}; /* news of its own: what follows is new as well */
    add_transitions(state, look->api, &conditions);
    api_write_status(state, look->api, &status);
    state->concluding = is_concluding(look);
    return true;
}
