/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An ApiDefinition that the store does not take with its copies: a definition and copies may be
 * within their own bounds and yet be more than etcd's request limit together. What that limit is
 * only a refusal tells. From then on the API is judged InvalidSpec, which its status tells with the
 * copies that it had, so that the last good definition stays on the gateways; nothing larger is
 * tried until somebody has changed the object, or its copies have become less.
 */
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "reconcile/state.h"

/* So far apart is what cannot even be told tried again, in case that the store takes more by now
 * (or was a proxy): as rarely as what is refused for other reasons. */
#define AGAIN_MS 300000

static void go_mute(struct api_state *state)
{
    struct reconciler *reconciler = state->reconciler;
    const struct object *api = cache_get(reconciler_cache(reconciler), OBJECT_API, state->key);
    static const char note[] = "the object is so large that the API server does not take a status: "
                               "make it smaller, or put the OAS document in a ConfigMap";
    log_warn(note, .kind = "ApiDefinition", .key = state->key, .reason = "InvalidSpec",
             .count = api ? (int64_t)api->length : 0);
    if (api)
        reconciler->store->ops->event(reconciler->store, api, EVENT_WARNING, "InvalidSpec", note);
    state->oversize->mute_until_ms = loop_now(reconciler->loop) + AGAIN_MS;
}

void oversize_note(struct api_state *state)
{
    if (state->annotating) {
        state->no_annotation = true;
    } else if (state->oversize) {
        go_mute(state);
    } else {
        state->oversize = xcalloc(1, sizeof(*state->oversize));
        state->oversize->copies = state->copies_size;
    }
}

void oversize_forget(struct api_state *state)
{
    free(TAKE(state->oversize));
    state->no_annotation = false;
}

bool oversize_holds(struct api_state *state, size_t copies)
{
    const struct oversize *oversize = state->oversize;
    if (!oversize)
        return false;
    int64_t until = oversize->mute_until_ms;
    bool is_over = until && loop_now(state->reconciler->loop) >= until;
    if (copies >= oversize->copies && !is_over)
        return true;
    oversize_forget(state);
    return false;
}

bool oversize_is_mute(struct api_state *state)
{
    struct reconciler *reconciler = state->reconciler;
    int64_t until = state->oversize ? state->oversize->mute_until_ms : 0;
    int64_t left = until - loop_now(reconciler->loop);
    if (left > 0)
        reconciler_touch_after(reconciler, WORK_API, state->key, left);
    return left > 0;
}

void oversize_changed(struct reconciler *reconciler, const char *key, const struct object *before,
                      const struct object *after)
{
    struct api_state *state = strmap_get(reconciler->apis, key);
    /* Seldom: to compare large objects costs. */
    if (state && (state->oversize || state->no_annotation) && before && after &&
        !object_same_content(before, after))
        oversize_forget(state);
}
