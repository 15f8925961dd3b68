/* SPDX-License-Identifier: Apache-2.0 */
/* A Webhook's own status: is it valid, does it hold its id, who uses it. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_text.h"
#include "base/log.h"
#include "base/str.h"
#include "core/annotations.h"
#include "core/conditions.h"
#include "core/ids.h"
#include "core/webhook.h"
#include "reconcile/state.h"

/* Who uses it may change with every API: looked at and told at most once a second. */
#define USAGE_INTERVAL_MS 1000
#define REFERENCES_MAX 100

void object_state_free(void *value)
{
    struct object_state *state = value;
    if (state->call)
        state->reconciler->store->ops->cancel(state->reconciler->store, state->call);
    free(state->conflict);
    free(state->work_key);
    free(state);
}

struct object_state *object_state_of(struct reconciler *reconciler, const char *prefix,
                                     const char *key)
{
    CLEANUP(freep) char *work_key = xasprintf("%s%s", prefix, key);
    struct object_state *state = strmap_get(reconciler->others, work_key);
    if (state)
        return state;
    state = xcalloc(1, sizeof(*state));
    state->reconciler = reconciler;
    state->work_key = xstrdup(work_key);
    state->looked_ms = state->written_ms = -USAGE_INTERVAL_MS;
    strmap_set(reconciler->others, work_key, state);
    return state;
}

void object_forget(struct reconciler *reconciler, const char *prefix, const char *key)
{
    CLEANUP(freep) char *work_key = xasprintf("%s%s", prefix, key);
    struct object_state *state = strmap_get(reconciler->others, work_key);
    if (!state)
        return;
    index_set(reconciler->index, &state->edges, work_key, NULL, 0);
    strmap_remove(reconciler->others, work_key);
}

void webhook_used(void *arg, const char *webhook)
{
    struct reconciler *reconciler = arg;
    struct object_state *state = object_state_of(reconciler, WORK_WEBHOOK, webhook);
    int64_t left = state->looked_ms + USAGE_INTERVAL_MS - loop_now(reconciler->loop);
    if (left <= 0) {
        reconciler_touch(reconciler, WORK_WEBHOOK, webhook);
        return;
    }
    reconciler_await(reconciler, state->work_key, left);
}

static void on_written(void *arg, const struct object *object, const struct err *err)
{
    struct object_state *state = arg;
    struct reconciler *reconciler = state->reconciler;
    enum object_kind kind = state->work_key[0] == WORK_WEBHOOK[0] ? OBJECT_WEBHOOK : OBJECT_CONTEXT;
    const char *key = state->work_key + strlen(WORK_WEBHOOK);
    state->call = NULL;
    conflict_note(reconciler, &state->conflict, kind, key, err);
    if (!err)
        informer_put(reconciler->informer, object);
    else if (err->class != ERR_CONFLICT && err->class != ERR_NOT_FOUND)
        log_warn("status not written", .kind = object_kind_name(kind), .key = key, .err = err);
    reconciler_write_ended(reconciler, state->work_key, state->looked_us, err);
}

void object_write_status(struct object_state *state, const struct object *object,
                         const struct buf *status)
{
    struct reconciler *reconciler = state->reconciler;
    struct span text = {buf_text(status), status->length};
    state->written_ms = loop_now(reconciler->loop);
    state->looked_us = reconciler->look_began_us;
    reconciler->counts.status_writes++;
    state->call =
        reconciler->store->ops->write_status(reconciler->store, object, text, on_written, state);
}

static void add_ready(const struct problems *problems, struct conditions *conditions)
{
    CLEANUP(buf_fini) struct buf message;
    buf_init(&message, 4096);
    const char *reason = NULL;
    for (size_t i = 0; i < problems->count; i++) {
        const struct problem *problem = &problems->items[i];
        if (problem->severity != PROBLEM_ERROR)
            continue;
        /* Only a missing Secret is somebody else's to mend. */
        if (!reason || str_equal(problem->reason, "InvalidSpec"))
            reason = problem->reason;
        buf_add_format(&message, "%s%s%s%s", message.length ? "; " : "",
                       problem->field ? problem->field : "", problem->field ? ": " : "",
                       problem->message);
        if (problem->hint)
            buf_add_format(&message, " (%s)", problem->hint);
    }
    if (!reason) {
        conditions_add(conditions, "Ready", CONDITION_TRUE, "Valid", "%s", "");
        return;
    }
    bool stalled = !str_equal(reason, "SecretNotFound");
    conditions_add(conditions, "Ready", CONDITION_FALSE, reason, "%s", buf_text(&message));
    conditions_add(conditions, stalled ? "Stalled" : "Reconciling", CONDITION_TRUE, reason, "%s",
                   buf_text(&message));
}

/* Follows the Secrets that it uses; false while one has not been read yet. */
static bool follow_secrets(struct reconciler *reconciler, struct object_state *state,
                           const struct webhook *webhook)
{
    bool known = true;
    char **tokens = xcalloc(webhook->secret_count + 1, sizeof(*tokens));
    for (size_t i = 0; i < webhook->secret_count; i++) {
        informer_follow(reconciler->informer, OBJECT_SECRET, webhook->secrets[i]);
        known =
            informer_is_known(reconciler->informer, OBJECT_SECRET, webhook->secrets[i]) && known;
        tokens[i] = xasprintf("secret %s", webhook->secrets[i]);
    }
    index_set(reconciler->index, &state->edges, state->work_key, (const char *const *)tokens,
              webhook->secret_count);
    for (size_t i = 0; i < webhook->secret_count; i++)
        free(tokens[i]);
    free(tokens);
    return known;
}

static void check_id(struct reconciler *reconciler, const struct object *object,
                     struct problems *problems, bool *ret_holds)
{
    const struct resolve_settings *settings = &reconciler->options.resolve;
    const struct object *rival = ids_rival(reconciler_cache(reconciler), settings->id_namespaces,
                                           settings->all_id_namespaces, object);
    *ret_holds = !rival;
    if (!rival)
        return;
    const struct problem_about about = {
        .severity = PROBLEM_ERROR,
        .reason = "DuplicateId",
        .field = "spec.id",
        .hint = "give this one another id, or delete that one",
    };
    problems_add(problems, &about, "Webhook %s holds this id", rival->key);
}

static void add_status(struct reconciler *reconciler, const struct object *object,
                       const struct problems *problems, bool holds_id, struct buf *out)
{
    CLEANUP(conditions_fini) struct conditions conditions = {.count = 0};
    add_ready(problems, &conditions);
    struct span id = json_text_get(object_spec(object), "id", NULL);
    buf_add_format(out, "{\"observedGeneration\":%" PRId64, object->generation);
    if (holds_id && json_text_type(id) == JSON_TEXT_STRING && id.length > 2) {
        buf_add_text(out, ",\"id\":");
        buf_add(out, id.ptr, id.length);
    }
    buf_add_char(out, ',');
    usage_add_json(reconciler->usage, object->key, REFERENCES_MAX, out);
    buf_add_text(out, ",\"conditions\":");
    conditions_add_json(&conditions, object, loop_wall_time(reconciler->loop), out);
    buf_add_char(out, '}');
}

bool webhook_reconcile(struct reconciler *reconciler, const char *key)
{
    const struct object *object = cache_get(reconciler_cache(reconciler), OBJECT_WEBHOOK, key);
    if (!object) {
        object_forget(reconciler, WORK_WEBHOOK, key);
        return false;
    }
    struct object_state *state = object_state_of(reconciler, WORK_WEBHOOK, key);
    state->looked_ms = loop_now(reconciler->loop);
    struct problems problems = {.count = 0};
    struct webhook webhook;
    bool holds_id = true;
    webhook_decode(object, reconciler_cache(reconciler), &webhook, &problems);
    annotations_lint(object, &problems);
    flaws_tell(reconciler, &state->flaws, object, &problems);
    bool known = follow_secrets(reconciler, state, &webhook);
    check_id(reconciler, object, &problems, &holds_id);
    CLEANUP(buf_fini) struct buf status;
    buf_init(&status, BUF_UNLIMITED);
    add_status(reconciler, object, &problems, holds_id, &status);
    problems_fini(&problems);
    webhook_fini(&webhook);
    if (!known || !reconciler->gateways_complete ||
        status_is_current(object, buf_text(&status), status.length))
        return false;
    int64_t left = state->written_ms + USAGE_INTERVAL_MS - loop_now(reconciler->loop);
    if (left > 0) {
        reconciler_await(reconciler, state->work_key, left);
        return false;
    }
    object_write_status(state, object, &status);
    return true;
}
