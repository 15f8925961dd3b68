/* SPDX-License-Identifier: Apache-2.0 */
/* Groups of gateways: the default one from the flags, and OperatorContexts. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_text.h"
#include "base/str.h"
#include "core/conditions.h"
#include "reconcile/state.h"

/* Endpoints come and go: told at most once a second. */
#define STATUS_INTERVAL_MS 1000

void context_state_free(void *value)
{
    struct context_state *state = value;
    context_fini(&state->context);
    context_place_fini(&state->place);
    free(state);
}

static struct context_state *state_of(struct reconciler *reconciler, const char *key)
{
    struct context_state *state = strmap_get(reconciler->contexts, key);
    if (!state) {
        state = xcalloc(1, sizeof(*state));
        strmap_set(reconciler->contexts, key, state);
    }
    return state;
}

static void touch_users(struct reconciler *reconciler, const char *key)
{
    CLEANUP(freep) char *token = xasprintf("context %s", key);
    reconciler_touch_token(reconciler, token);
}

/* The default context. */

static void push_default_context(struct reconciler *reconciler)
{
    const struct default_context *from = &reconciler->default_context;
    struct gateway_context config = {
        .endpoints = from->endpoints,
        .endpoint_count = from->endpoint_count,
        .secret = from->secret,
        .tls = from->tls,
        .confirm_prune = from->confirm_prune,
        .unsettled = reconciler->unsettled,
    };
    reconciler->gateways->ops->set_context(reconciler->gateways, "", &config);
}

void reconciler_set_default_context(struct reconciler *reconciler,
                                    const struct default_context *context)
{
    struct context_state *state = state_of(reconciler, "");
    state->abilities = context->abilities;
    reconciler->default_context = *context;
    if (reconciler->complete)
        push_default_context(reconciler);
}

/* OperatorContexts. */

static bool is_known(struct reconciler *reconciler, const char *secret)
{
    if (!secret)
        return true;
    informer_follow(reconciler->informer, OBJECT_SECRET, secret);
    return informer_is_known(reconciler->informer, OBJECT_SECRET, secret);
}

static const struct object *secret_of(struct reconciler *reconciler, const char *key)
{
    return key ? cache_get(reconciler_cache(reconciler), OBJECT_SECRET, key) : NULL;
}

/* Follows the Secrets; false while one has not been read yet. */
static bool follow_secrets(struct reconciler *reconciler, const struct object_state *writes,
                           const struct object *object)
{
    struct context_place needs;
    context_place_needs(object, &needs);
    CLEANUP(freep)
    char *secret = needs.secret ? xasprintf("secret %s", needs.secret) : NULL;
    CLEANUP(freep)
    char *ca = needs.ca_secret ? xasprintf("secret %s", needs.ca_secret) : NULL;
    const char *tokens[2];
    size_t count = 0;
    if (secret)
        tokens[count++] = secret;
    if (ca)
        tokens[count++] = ca;
    index_set(reconciler->index, writes->work_key, tokens, count);
    bool known = is_known(reconciler, needs.secret);
    known = is_known(reconciler, needs.ca_secret) && known;
    context_place_fini(&needs);
    return known;
}

static void push_context(struct reconciler *reconciler, const struct object *object,
                         const struct context_state *state)
{
    size_t count = 0;
    while (state->place.urls[count])
        count++;
    struct gateway_endpoint *endpoints = xcalloc(count + 1, sizeof(*endpoints));
    for (size_t i = 0; i < count; i++)
        endpoints[i] = (struct gateway_endpoint){
            .id = state->place.urls[i], .url = state->place.urls[i], .pod = "", .ready = true};
    CLEANUP(freep) char *confirmed = object_annotation(object, "grapnel.dev/confirm-prune");
    struct gateway_context config = {
        .endpoints = endpoints,
        .endpoint_count = count,
        .secret = state->place.auth,
        .tls = {.ca_pem = state->place.ca_pem,
                .server_name = state->place.server_name,
                .insecure = state->place.insecure},
        .allow_adoption = state->place.allow_adoption,
        .confirm_prune = str_equal(confirmed, "true"),
        .unsettled = reconciler->unsettled,
        .blocked = state->place.problem,
    };
    reconciler->gateways->ops->set_context(reconciler->gateways, object->key, &config);
    free(endpoints);
}

/* Reads the context anew; its users are touched when something that concerns documents differs. */
static struct context_state *refresh(struct reconciler *reconciler, const struct object *object)
{
    bool first = !strmap_has(reconciler->contexts, object->key);
    struct context_state *state = state_of(reconciler, object->key);
    context_fini(&state->context);
    context_place_fini(&state->place);
    context_read(reconciler_cache(reconciler), object->key, object->ns, &state->context);
    state->abilities = state->context.abilities;
    context_place_needs(object, &state->place);
    const struct object *secret = secret_of(reconciler, state->place.secret);
    const struct object *ca_secret = secret_of(reconciler, state->place.ca_secret);
    context_place_fini(&state->place);
    context_place_read(object, secret, ca_secret, &state->place);
    push_context(reconciler, object, state);

    CLEANUP(buf_fini) struct buf facts;
    buf_init(&facts, BUF_UNLIMITED);
    struct span spec = object->spec;
    buf_add(&facts, spec.ptr, spec.length);
    buf_add_text(&facts, state->context.org_id ? state->context.org_id : "");
    struct digest digest = digest_of(buf_text(&facts), facts.length);
    if (first || memcmp(&digest, &state->digest, sizeof(digest)) != 0)
        touch_users(reconciler, object->key);
    state->digest = digest;
    return state;
}

static void add_ready(const struct context_state *state, const struct gateway_summary *summary,
                      struct conditions *conditions)
{
    if (state->place.problem)
        conditions_add(conditions, "Ready", CONDITION_FALSE, state->place.problem_reason, "%s",
                       state->place.problem);
    else if (summary->orphans_held)
        conditions_add(conditions, "Ready", CONDITION_FALSE, "MassDeletion",
                       "%zu definitions would be deleted at once; set the annotation "
                       "grapnel.dev/confirm-prune: \"true\" if that is meant",
                       summary->orphans_held);
    else if (!summary->ready)
        conditions_add(conditions, "Ready", CONDITION_FALSE, "NoGateways",
                       "there is no gateway to push to");
    else if (summary->synced == summary->ready)
        conditions_add(conditions, "Ready", CONDITION_TRUE, "GatewaysSynced",
                       "%zu of %zu gateways hold what they should", summary->synced,
                       summary->ready);
    else
        conditions_add(conditions, "Ready", CONDITION_FALSE,
                       summary->state == GATEWAY_PENDING ? "Progressing" : "GatewayUnreachable",
                       "%zu of %zu gateways hold what they should%s%s", summary->synced,
                       summary->ready, *summary->detail ? ": " : "", summary->detail);
}

static void add_status(struct reconciler *reconciler, const struct object *object,
                       const struct context_state *state, struct buf *out)
{
    struct gateway_summary summary = {.state = GATEWAY_NONE};
    (void)reconciler->gateways->ops->summary(reconciler->gateways, object->key, &summary);
    CLEANUP(conditions_fini) struct conditions conditions = {.count = 0};
    add_ready(state, &summary, &conditions);
    const struct condition *ready = conditions_get(&conditions, "Ready");
    if (ready->status != CONDITION_TRUE)
        conditions_add(&conditions, "Reconciling", CONDITION_TRUE, ready->reason, "%s",
                       ready->message);
    buf_add_format(out,
                   "{\"observedGeneration\":%" PRId64
                   ",\"gateways\":{\"total\":%zu,\"synced\":%zu},\"gatewaysSummary\":\"%zu/%zu\"",
                   object->generation, summary.ready, summary.synced, summary.synced,
                   summary.ready);
    buf_add_text(out, ",\"endpoints\":");
    reconciler->gateways->ops->describe(reconciler->gateways, object->key, out);
    buf_add_text(out, ",\"conditions\":");
    conditions_add_json(&conditions, object, loop_wall_time(reconciler->loop), out);
    buf_add_char(out, '}');
}

static void forget(struct reconciler *reconciler, const char *key)
{
    CLEANUP(freep) char *work_key = xasprintf("%s%s", WORK_CONTEXT, key);
    index_set(reconciler->index, work_key, NULL, 0);
    strmap_remove(reconciler->others, work_key);
    if (!strmap_has(reconciler->contexts, key))
        return;
    strmap_remove(reconciler->contexts, key);
    reconciler->gateways->ops->remove_context(reconciler->gateways, key);
    touch_users(reconciler, key);
}

bool context_reconcile(struct reconciler *reconciler, const char *key)
{
    if (!*key) {
        push_default_context(reconciler);
        return false;
    }
    const struct object *object = cache_get(reconciler_cache(reconciler), OBJECT_CONTEXT, key);
    if (!object) {
        forget(reconciler, key);
        return false;
    }
    struct object_state *writes = object_state_of(reconciler, WORK_CONTEXT, key);
    if (!follow_secrets(reconciler, writes, object))
        return false;
    const struct context_state *state = refresh(reconciler, object);
    CLEANUP(buf_fini) struct buf status;
    buf_init(&status, BUF_UNLIMITED);
    add_status(reconciler, object, state, &status);
    if (status_is_current(object, buf_text(&status), status.length))
        return false;
    int64_t left = writes->written_ms + STATUS_INTERVAL_MS - loop_now(reconciler->loop);
    if (left > 0) {
        reconciler_touch_after(reconciler, WORK_CONTEXT, key, left);
        return false;
    }
    object_write_status(writes, object, &status);
    return true;
}
