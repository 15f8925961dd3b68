/* SPDX-License-Identifier: Apache-2.0 */
/* An ApiDefinition on its way out: the gateways drop it first, then the finalizer goes. */
#include <stdlib.h>
#include <string.h>

#include "base/json_text.h"
#include "base/log.h"
#include "base/str.h"
#include "reconcile/state.h"

#define MAX_FINALIZERS 16

/* Our finalizer and those of Tyk Operator, which nobody else would ever remove. NULL at the end. */
static size_t our_finalizers(const struct object *api, char *names[MAX_FINALIZERS + 1])
{
    size_t count = 0;
    struct json_text_iter iter =
        json_text_iterate(json_text_get(object_metadata(api), "finalizers", NULL));
    while (count < MAX_FINALIZERS && json_text_next(&iter)) {
        char *name = json_text_string(iter.value);
        if (name && (str_equal(name, GATEWAY_FINALIZER) || str_starts(name, "finalizers.tyk.io/")))
            names[count++] = name;
        else
            free(name);
    }
    names[count] = NULL;
    return count;
}

/* Takes the finalizers off; true: a write is in flight. */
static bool release(struct api_state *state, const struct object *api)
{
    char *names[MAX_FINALIZERS + 1];
    size_t count = our_finalizers(api, names);
    if (count)
        api_change(state, api,
                   &(struct object_change){.remove_finalizers = (const char *const *)names});
    for (size_t i = 0; i < count; i++)
        free(names[i]);
    return count > 0;
}

bool api_may_stand(const struct object *api)
{
    return object_has_finalizer(api, GATEWAY_FINALIZER) ||
           json_text_member(object_status(api), "apiId").ptr;
}

char *api_stands_in(const struct object *api)
{
    if (json_text_member(object_status(api), "apiId").ptr) {
        char *held_in = claims_held_in(api);
        return held_in ? held_in : xstrdup("");
    }
    CLEANUP(api_links_fini) struct api_links links;
    api_links_read(api, &links);
    return links.context ? TAKE(links.context) : xstrdup("");
}

/* May what was wanted last still get there, perhaps the mark that lets the definition stay: without
 * it, a later process, or this one, would take it for an orphan. For a while at most. */
static bool is_on_its_way(struct reconciler *reconciler, const struct api_state *state)
{
    struct gateways *gateways = reconciler->gateways;
    struct gateway_progress progress;
    if (!state->wanted || !gateways->ops->progress(gateways, state->key, &progress))
        return false;
    /* What it has moved from bears no mark, and is to be gone. */
    bool is_over = progress.state != GATEWAY_PENDING && progress.state != GATEWAY_UNREACHABLE &&
                   progress.state != GATEWAY_UNAUTHORIZED;
    if (is_over && !progress.leaving && !progress.leaving_unreachable)
        return false;
    int64_t waited = loop_now(reconciler->loop) - state->wanted_ms;
    int64_t left = reconciler->options.finalizer_timeout_ms - waited;
    if (left > 0)
        reconciler_touch_after(reconciler, WORK_API, state->key, left);
    return left > 0;
}

/* Until it is gone its policy may change: what stands of it stays, and stays known. */
static bool leave_behind(struct reconciler *reconciler, struct api_state *state,
                         const struct object *api)
{
    struct gateways *gateways = reconciler->gateways;
    CLEANUP(freep) char *context = api_stands_in(api);
    gateways->ops->keep(gateways, state->key, context, api_may_stand(api));
    state->leaving = false;
    if (is_on_its_way(reconciler, state))
        return false;
    api_release(reconciler, state);
    return release(state, api);
}

/* What gateways there are is not known yet: just started, which takes a moment; or what a context
 * names cannot be read, which counts as gateways that do not answer. */
static bool awaits_context(struct reconciler *reconciler, struct api_state *state,
                           const char *unknown)
{
    CLEANUP(freep) char *token = xasprintf("context %s", unknown);
    const char *tokens[] = {token};
    index_set(reconciler->index, &state->edges, state->work_key, tokens, 1);
    int64_t waited = loop_now(reconciler->loop) - state->wanted_ms;
    int64_t timeout = reconciler->options.finalizer_timeout_ms;
    int64_t left = (timeout > UNREAD_MS ? timeout : UNREAD_MS) - waited;
    if (left > 0)
        reconciler_touch_after(reconciler, WORK_API, state->key, left);
    return left > 0;
}

static void tell_unread(struct api_state *state, const char *context)
{
    CLEANUP(freep)
    char *what = *context ? xasprintf("OperatorContext %s", context)
                          : xstrdup("the Service of the default context");
    api_add_event(state, EVENT_WARNING, "CleanupSkipped",
                  "%s cannot be read; what its gateways hold of this API is collected when it can",
                  what);
}

bool api_leave(struct reconciler *reconciler, struct api_state *state, const struct object *api)
{
    struct gateways *gateways = reconciler->gateways;
    if (state->retained)
        return leave_behind(reconciler, state, api);
    api_release(reconciler, state);
    if (!state->leaving) {
        state->leaving = true;
        state->wanted = false;
        state->wanted_ms = loop_now(reconciler->loop);
        CLEANUP(freep) char *context = api_stands_in(api);
        gateways->ops->remove(gateways, state->key, context);
    }
    const char *unknown;
    bool is_unknown = context_is_unknown(reconciler, &unknown);
    if (is_unknown && awaits_context(reconciler, state, unknown))
        return false;
    struct gateway_progress progress;
    if (!gateways->ops->progress(gateways, state->key, &progress))
        return release(state, api);
    if (progress.leaving)
        return false; /* told when it changes */
    if (progress.leaving_unreachable) {
        int64_t waited = loop_now(reconciler->loop) - progress.unreachable_since;
        int64_t timeout = reconciler->options.finalizer_timeout_ms;
        if (waited < timeout) {
            reconciler_touch_after(reconciler, WORK_API, state->key, timeout - waited);
            return false;
        }
        api_add_event(state, EVENT_WARNING, "CleanupSkipped",
                      "%zu gateways do not answer; what they hold of this API is collected when "
                      "they come back",
                      progress.leaving_unreachable);
    }
    if (is_unknown)
        tell_unread(state, unknown);
    return release(state, api);
}

void api_gone(struct reconciler *reconciler, struct api_state *state)
{
    struct gateways *gateways = reconciler->gateways;
    struct gateway_progress progress;
    bool retained = state->retained;
    api_release(reconciler, state);
    if (!state->leaving && !retained) {
        state->leaving = true;
        state->wanted = false;
        gateways->ops->remove(gateways, state->key, state->context ? state->context : "");
    }
    if (!retained && gateways->ops->progress(gateways, state->key, &progress) &&
        (progress.leaving || progress.leaving_unreachable))
        return; /* told when it changes */
    gateways->ops->forget(gateways, state->key);
    strmap_remove(reconciler->apis, state->key);
}
