/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/conversion.h"

#include <stdlib.h>
#include <string.h>

#include "base/json_text.h"
#include "base/log.h"
#include "base/str.h"
#include "core/gitops.h"
#include "core/rewrite.h"

/* More than this share of all Webhooks gone at once looks like an accident (a namespace or a folder
 * emptied): specs are left alone then. */
#define MASS_DELETION_MIN 3
#define MASS_DELETION_PERCENT 20

void conversion_add_events(struct api_state *state, const struct accepted *before,
                           const struct resolution *after)
{
    for (size_t i = 0; i < after->ref_count; i++) {
        const struct resolved_ref *now = &after->refs[i];
        const struct resolved_ref *then = accepted_get(before, now->ref);
        if (!then)
            continue;
        if (now->source == REF_CONVERTED && then->source == REF_GLOBAL) {
            state->reconciler->counts.conversions++;
            api_add_event(state, EVENT_NORMAL, "Converted",
                          "global webhook %s/%s is gone: its last copy goes on as a local webhook",
                          now->webhook_ns, now->webhook_name);
        } else if (now->source == REF_GLOBAL && then->source == REF_CONVERTED) {
            api_add_event(state, EVENT_NORMAL, "Relinked",
                          "global webhook %s/%s is there again and takes over reference %s",
                          now->webhook_ns, now->webhook_name, now->ref);
        }
    }
}

/* An element of the annotation. */
struct element {
    char *ref;
    struct span text;
};

static int by_ref(const void *a, const void *b)
{
    const struct element *left = a;
    const struct element *right = b;
    return strcmp(left->ref, right->ref);
}

static bool names_ref(const struct resolution *resolution, const char *ref)
{
    for (size_t i = 0; i < resolution->ref_count; i++) {
        if (strcmp(resolution->refs[i].ref, ref) == 0)
            return true;
    }
    return false;
}

/* Adds the elements of an array that pass: converted ones, or those whose reference left the spec.
 */
static void collect(struct span array, const struct resolution *left_spec,
                    struct element **elements, size_t *count, size_t *capacity)
{
    struct json_text_iter iter = json_text_iterate(array);
    while (json_text_next(&iter)) {
        char *ref = json_text_string(json_text_member(iter.value, "ref"));
        bool converted = json_text_is(json_text_member(iter.value, "source"), "Converted");
        if (!ref || !converted || (left_spec && names_ref(left_spec, ref))) {
            free(ref);
            continue;
        }
        *elements = xgrow(*elements, *count, capacity, sizeof(**elements));
        (*elements)[(*count)++] = (struct element){ref, iter.value};
    }
}

char *conversion_annotation(const struct object *api, const struct seal_key *key,
                            const struct resolution *resolution, const char *before)
{
    CLEANUP(buf_fini) struct buf webhooks;
    buf_init(&webhooks, BUF_UNLIMITED);
    resolution_add_webhooks(resolution, COPY_SEALED, key, api->key, &webhooks);

    struct element *elements = NULL;
    size_t count = 0;
    size_t capacity = 0;
    collect((struct span){buf_text(&webhooks), webhooks.length}, NULL, &elements, &count,
            &capacity);
    const struct json_text_limits limits = {.depth = 32};
    struct span old = {before, before ? strlen(before) : 0};
    if (before && json_text_check(old, &limits, NULL, NULL) == 0)
        collect(old, resolution, &elements, &count, &capacity);
    if (count)
        qsort(elements, count, sizeof(*elements), by_ref);

    struct buf out;
    buf_init(&out, BUF_UNLIMITED);
    for (size_t i = 0; i < count; i++) {
        buf_add_char(&out, i ? ',' : '[');
        json_text_add_compact(&out, elements[i].text);
        free(elements[i].ref);
    }
    free(elements);
    if (!count)
        return NULL;
    buf_add_char(&out, ']');
    return buf_take(&out);
}

/* Have so many Webhooks gone within the delay that it looks like an accident? */
static bool is_mass_deletion(struct reconciler *reconciler)
{
    size_t lately = deletions_lately(reconciler);
    size_t all = lately + cache_count(reconciler_cache(reconciler), OBJECT_WEBHOOK);
    size_t limit = all * MASS_DELETION_PERCENT / 100;
    return lately > (limit > MASS_DELETION_MIN ? limit : MASS_DELETION_MIN);
}

#define MATERIALIZE "(grapnel materialize prints what to write there)"

/* Returns owned: why the spec is left alone although the policy of `refs` would rewrite it; NULL:
 * nothing is in the way. */
static char *obstacle(struct reconciler *reconciler, const struct object *api,
                      const struct resolution *resolution, const struct strmap *refs)
{
    const struct object *ns = cache_get(reconciler_cache(reconciler), OBJECT_NAMESPACE, api->ns);
    if (ns && ns->deleting)
        return xstrdup("the spec is not rewritten: its namespace is being deleted");
    if (is_mass_deletion(reconciler))
        return xstrdup("the spec is not rewritten: many Webhooks were deleted at once, which looks "
                       "like an accident " MATERIALIZE);
    for (size_t i = 0; i < resolution->ref_count; i++) {
        const struct resolved_ref *ref = &resolution->refs[i];
        if (strmap_has(refs, ref->ref) && copy_has_secrets(ref->copy))
            return xasprintf("the spec is not rewritten: the copy of %s holds a value from a "
                             "Secret, which must not stand in a spec " MATERIALIZE,
                             ref->ref);
    }
    return NULL;
}

/* Returns owned: the converted references that their policy would rewrite, and that were not
 * rewritten yet; NULL: none. Who writes one back (a GitOps tool that left no mark) has decided: two
 * would write for ever. */
static struct strmap *refs_to_rewrite(const struct api_state *state, const struct object *api,
                                      const struct resolution *resolution)
{
    bool owned = gitops_owns(api);
    struct strmap *refs = NULL;
    for (size_t i = 0; i < resolution->ref_count && !resolution->facts.config_map; i++) {
        const struct resolved_ref *ref = &resolution->refs[i];
        if (ref->source != REF_CONVERTED ||
            (state->rewritten && strmap_get(state->rewritten, ref->ref)))
            continue;
        if (ref->policy == CONVERSION_RETAIN || (ref->policy == CONVERSION_AUTO && owned))
            continue;
        refs = refs ? refs : strset_new();
        strset_add(refs, ref->ref);
    }
    return refs;
}

static void remember_rewrite(struct api_state *state, const struct strmap *refs)
{
    if (!state->rewritten)
        state->rewritten = strmap_new(NULL);
    for (struct strmap_entry *e = strmap_first(refs); e; e = strmap_next(e))
        strmap_set(state->rewritten, strmap_entry_key(e), state);
}

/* Those whose Webhook is there again start anew. */
static void forget_rewrites(struct api_state *state, const struct resolution *resolution)
{
    for (size_t i = 0; state->rewritten && i < resolution->ref_count; i++) {
        if (resolution->refs[i].source == REF_GLOBAL)
            strmap_remove(state->rewritten, resolution->refs[i].ref);
    }
}

bool conversion_rewrite(struct api_state *state, const struct object *api,
                        const struct resolution *resolution)
{
    struct reconciler *reconciler = state->reconciler;
    int64_t now = loop_now(reconciler->loop);
    forget_rewrites(state, resolution);
    CLEANUP(strmap_freep) struct strmap *refs = refs_to_rewrite(state, api, resolution);
    if (!reconciler->store->ops->can_change(reconciler->store) || !refs) {
        state->converted_ms = 0;
        state->rewrite_refused = false;
        return false;
    }
    if (!state->converted_ms)
        state->converted_ms = now;
    int64_t left = state->converted_ms + reconciler->options.rewrite_delay_ms - now;
    if (left > 0) {
        reconciler_await(reconciler, state->work_key, left);
        return false;
    }
    CLEANUP(freep) char *why_not = obstacle(reconciler, api, resolution, refs);
    if (why_not) {
        if (!state->rewrite_refused)
            reconciler->store->ops->event(reconciler->store, api, EVENT_WARNING, "Converted",
                                          why_not);
        state->rewrite_refused = true;
        return false;
    }
    CLEANUP(buf_fini) struct buf patch;
    buf_init(&patch, BUF_UNLIMITED);
    if (!rewrite_patch(api, state->accepted, refs, &reconciler->options.resolve, &patch))
        return false;
    api_add_event(
        state, EVENT_NORMAL, "SpecRewritten",
        "the references whose global webhooks are gone are local webhooks in the spec now");
    remember_rewrite(state, refs);
    struct span text = {buf_text(&patch), patch.length};
    api_change(state, api, &(struct object_change){.spec_patch = text});
    return true;
}

void conversion_too_large(struct api_state *state)
{
    struct reconciler *reconciler = state->reconciler;
    const struct object *api = cache_get(reconciler_cache(reconciler), OBJECT_API, state->key);
    if (api)
        reconciler->store->ops->event(
            reconciler->store, api, EVENT_WARNING, "Converted",
            "the copy stays in the status: with it in the spec too the object would be larger than "
            "the API server stores");
}
