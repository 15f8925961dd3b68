/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One look at an ApiDefinition. Each step that writes ends the look; the end of the write touches
 * the key, and the next look goes one step further:
 *
 *   resolve → finalizer → copies into the status → annotation → want → status → rewrite
 */
#include <stdlib.h>
#include <string.h>

#include "base/json_text.h"
#include "base/log.h"
#include "base/str.h"
#include "core/annotations.h"
#include "core/conditions.h"
#include "core/version.h"
#include "reconcile/api_look.h"
#include "reconcile/conversion.h"

#define UNSURE_MS 500 /* until the store is asked again whether something went by itself */

/* State. */

static void unpin(struct api_state *state)
{
    documents_drop(&state->reconciler->documents, state);
    object_unref(state->api);
    object_unref(state->config_map);
    accepted_free(state->accepted);
    free(state->context);
    state->api = NULL;
    state->config_map = NULL;
    state->accepted = NULL;
    state->context = NULL;
}

/* In a folder the key stands in for the uid: it is there already. */
static void free_uid(struct api_state *state)
{
    if (state->uid != state->key)
        free((char *)(uintptr_t)state->uid);
}

void api_state_free(void *value)
{
    struct api_state *state = value;
    if (state->call)
        state->reconciler->store->ops->cancel(state->reconciler->store, state->call);
    api_drop_events(state);
    unpin(state);
    strmap_free(state->rewritten);
    absence_log_free(state->absences);
    free(state->conflict);
    free(state->oversize);
    free_uid(state);
    free(state->work_key);
    free(state);
}

static struct api_state *state_of(struct reconciler *reconciler, const char *key)
{
    struct api_state *state = strmap_get(reconciler->apis, key);
    if (state)
        return state;
    state = xcalloc(1, sizeof(*state));
    state->reconciler = reconciler;
    state->work_key = xasprintf("%s%s", WORK_API, key);
    state->key = state->work_key + strlen(WORK_API);
    state->first_seen_ms = loop_now(reconciler->loop);
    state->by_user = reconciler->gateways_complete;
    strmap_set(reconciler->apis, key, state);
    return state;
}

/* An object that was deleted and created again before anybody looked is another one. What the
 * gateways hold of the first stays until it is known what the second wants. */
static void begin_life(struct api_state *state, const struct object *api)
{
    if (str_equal(state->uid, api->uid))
        return;
    if (state->uid) {
        state->first_seen_ms = loop_now(state->reconciler->loop);
        state->is_new = state->leaving = false;
        state->leaves_ms = 0;
        state->converted_ms = 0;
        state->rewrite_refused = false;
        strmap_free(TAKE(state->rewritten));
        absence_log_free(TAKE(state->absences));
        state->flaws = 0;
        oversize_forget(state);
    }
    free_uid(state);
    state->uid = str_equal(api->uid, state->key) ? state->key : xstrdup(api->uid);
}

static void mark_judged(struct api_state *state)
{
    state->reconciler->unjudged -= !state->judged;
    state->judged = true;
}

/* Looking. */

/* What resolve() asks about a global that is not there, or does not permit: has that lasted for the
 * grace, with a view that proves it? */
static enum absence on_absence(void *arg, const char *api_key, const char *ref,
                               const char *webhook_key, bool denied)
{
    const struct api_look *look = arg;
    struct reconciler *reconciler = look->reconciler;
    int64_t now = loop_now(reconciler->loop);
    CLEANUP(freep) char *ns = object_key_ns(webhook_key);
    const struct err *trouble = informer_trouble(reconciler->informer, OBJECT_WEBHOOK);
    if (!informer_watches(reconciler->informer, ns))
        return ABSENCE_UNKNOWN;
    if (trouble && trouble->class != ERR_TRANSIENT) {
        strset_add(reconciler->doubtful, api_key);
        return ABSENCE_UNKNOWN;
    }
    if (!informer_proves_absence(reconciler->informer, OBJECT_WEBHOOK)) {
        strset_add(reconciler->doubtful, api_key);
        return ABSENCE_PENDING;
    }
    if (!look->state->absences)
        look->state->absences = absence_log_new();
    CLEANUP(freep) char *log_key = xasprintf("%s %s", denied ? "denied" : "gone", ref);
    int64_t since = absence_since(look->state->absences, log_key, now);
    if (since < reconciler->webhooks_since)
        since = reconciler->webhooks_since;
    if (!denied)
        since = deletions_since(reconciler, webhook_key, since);
    int64_t left = since + reconciler->options.conversion_grace_ms - now;
    bool is_sure = denied || informer_proves_deletion(reconciler->informer, OBJECT_WEBHOOK, since);
    if (left <= 0 && is_sure)
        return ABSENCE_PROVEN;
    reconciler_await(reconciler, look->state->work_key, left > 0 ? left : UNSURE_MS);
    return ABSENCE_PENDING;
}

/* Whose absence was not asked for is there again. */
static void sweep_absences(struct api_look *look)
{
    struct api_state *state = look->state;
    if (state->absences && informer_proves_absence(look->reconciler->informer, OBJECT_WEBHOOK) &&
        !absence_sweep(state->absences))
        absence_log_free(TAKE(state->absences));
}

/* False: the context is there and has not been read yet. */
static bool find_context(struct api_look *look, const char *key)
{
    struct reconciler *reconciler = look->reconciler;
    const struct context_state *state = strmap_get(reconciler->contexts, key ? key : "");
    bool there = !key || cache_get(reconciler_cache(reconciler), OBJECT_CONTEXT, key);
    if (!state || !state->known)
        return !there;
    if (!key)
        look->abilities = &state->abilities;
    else if (context_read(reconciler_cache(reconciler), key, look->api->ns, &look->context))
        look->abilities = &look->context.abilities;
    return true;
}

/* What the look depends on, so that a change of it touches the API. */
static void set_dependencies(struct api_look *look)
{
    const struct api_facts *facts = &look->resolution.facts;
    size_t capacity = 0;
    size_t count = 0;
    char **tokens = NULL;
    for (size_t i = 0; facts->refs && facts->refs[i]; i++) {
        tokens = xgrow(tokens, count, &capacity, sizeof(*tokens));
        tokens[count++] = xasprintf("ref %s", facts->refs[i]);
    }
    for (size_t i = 0; look->resolution.secrets && look->resolution.secrets[i]; i++) {
        tokens = xgrow(tokens, count, &capacity, sizeof(*tokens));
        tokens[count++] = xasprintf("secret %s", look->resolution.secrets[i]);
    }
    char *others[] = {
        facts->config_map ? xasprintf("configmap %s", facts->config_map) : NULL,
        xasprintf("context %s", facts->context ? facts->context : ""),
        facts->context || count ? xasprintf("namespace %s", look->api->ns) : NULL,
    };
    for (size_t i = 0; i < ARRAY_LENGTH(others); i++) {
        tokens = xgrow(tokens, count, &capacity, sizeof(*tokens));
        if (others[i])
            tokens[count++] = others[i];
    }
    index_set(look->reconciler->index, &look->state->edges, look->state->work_key,
              (const char *const *)tokens, count);
    for (size_t i = 0; i < count; i++)
        free(tokens[i]);
    free(tokens);
}

/* Follows what is read by name; false while some of it has not been read yet. */
static bool follow_needs(struct api_look *look)
{
    struct informer *informer = look->reconciler->informer;
    bool known = true;
    const char *config_map = look->resolution.facts.config_map;
    if (config_map) {
        informer_follow(informer, OBJECT_CONFIGMAP, config_map);
        known = informer_is_known(informer, OBJECT_CONFIGMAP, config_map);
    }
    for (size_t i = 0; look->resolution.secrets && look->resolution.secrets[i]; i++) {
        informer_follow(informer, OBJECT_SECRET, look->resolution.secrets[i]);
        known = informer_is_known(informer, OBJECT_SECRET, look->resolution.secrets[i]) && known;
    }
    return known;
}

static void count_handlers(struct api_look *look)
{
    const struct resolution *resolution = &look->resolution;
    struct api_state *state = look->state;
    memset(state->handlers, 0, sizeof(state->handlers));
    for (size_t i = 0; i < resolution->handler_count; i++) {
        if (resolution->handlers[i].is_webhook)
            state->handlers[resolution->handlers[i].source]++;
    }
}

static void record_usage(struct api_look *look)
{
    const struct resolution *resolution = &look->resolution;
    struct usage_count *counts = xcalloc(resolution->ref_count + 1, sizeof(*counts));
    size_t count = 0;
    for (size_t i = 0; i < resolution->ref_count; i++) {
        const struct resolved_ref *ref = &resolution->refs[i];
        if (ref->source != REF_GLOBAL)
            continue;
        size_t handlers = 0;
        for (size_t j = 0; j < resolution->handler_count; j++)
            handlers += str_equal(resolution->handlers[j].ref, ref->ref);
        char *webhook = object_key_of(ref->webhook_ns, ref->webhook_name);
        size_t known = 0;
        while (known < count && strcmp(counts[known].webhook, webhook) != 0)
            known++;
        if (known < count)
            free(webhook);
        else
            counts[count++].webhook = webhook;
        counts[known].handlers += handlers;
    }
    usage_set(look->reconciler->usage, look->state->key, counts, count, webhook_used,
              look->reconciler);
    for (size_t i = 0; i < count; i++)
        free((char *)(uintptr_t)counts[i].webhook);
    free(counts);
}

/* By its status. Until it is looked at again it is to give nobody the hope that it will move. */
static bool was_refused(const struct object *api)
{
    CLEANUP(freep) char *reason = condition_reason(api, "Stalled", NULL);
    return str_equal(reason, "InvalidSpec") && api_reported_generation(api) == api->generation;
}

void api_claim(struct reconciler *reconciler, const char *key, const struct object *api)
{
    if (!api) {
        claims_remove(reconciler->claims, key);
        return;
    }
    struct api_facts facts;
    api_facts_read(api, NULL, &facts);
    if (facts.config_map) {
        const struct object *config_map =
            cache_get(reconciler_cache(reconciler), OBJECT_CONFIGMAP, facts.config_map);
        api_facts_fini(&facts);
        api_facts_read(api, config_map, &facts);
    }
    claims_put(reconciler->claims, api, &facts, !api->problem && !was_refused(api));
    api_facts_fini(&facts);
}

static void add_copies(const struct api_look *look, struct buf *out)
{
    resolution_add_webhooks(&look->resolution, COPY_SEALED,
                            look->reconciler->options.resolve.seal_key, look->api->key, out);
}

/* What the store does not take cannot be accepted, whatever the definition is like. */
static void judge_size(struct api_look *look)
{
    if (!look->state->oversize || !look->resolution.valid)
        return;
    CLEANUP(buf_fini) struct buf copies;
    buf_init(&copies, BUF_UNLIMITED);
    add_copies(look, &copies);
    size_t definition = look->api->length - object_status(look->api).length;
    if (oversize_holds(look->state, copies.length))
        resolution_add_oversize(&look->resolution, look->api->key, definition, copies.length);
}

static void judge(struct api_look *look)
{
    struct reconciler *reconciler = look->reconciler;
    struct api_state *state = look->state;
    judge_size(look);
    claims_put(reconciler->claims, look->api, &look->resolution.facts, look->resolution.valid);
    claims_settle(reconciler->claims);
    const struct claims_conflict *conflict = claims_conflict(reconciler->claims, state->key);
    if (conflict)
        resolution_add_conflict(&look->resolution, conflict);
    look->stalled = !look->resolution.valid || !look->abilities;
    bool never_wanted = !state->wanted || !str_equal(state->api->uid, look->api->uid);
    /* New until it is wanted somewhere, whatever its status says meanwhile: a conflict, or that
     * something was missing that may go again before the push. With a finalizer of ours it may
     * have been pushed by an earlier process. */
    bool is_fresh =
        !api_was_reported(look->api) && !object_has_finalizer(look->api, GATEWAY_FINALIZER);
    state->is_new = never_wanted && (state->is_new || is_fresh);
    int64_t left =
        state->first_seen_ms + reconciler->options.reference_grace_ms - loop_now(reconciler->loop);
    look->held = state->is_new && look->resolution.waits && left > 0;
    if (look->held)
        reconciler_await(reconciler, state->work_key, left);
}

/* How long may it still hold up all others? */
static int64_t unread_ms_left(const struct api_state *state)
{
    return state->first_seen_ms + UNREAD_MS - loop_now(state->reconciler->loop);
}

/* False: something that the look needs is still to come, and will touch the key. */
static bool look_at(struct api_look *look)
{
    struct reconciler *reconciler = look->reconciler;
    const struct cache *cache = reconciler_cache(reconciler);
    struct api_links links;
    api_links_read(look->api, &links);
    bool context_known = find_context(look, links.context);
    if (links.config_map)
        look->config_map = cache_get(cache, OBJECT_CONFIGMAP, links.config_map);
    CLEANUP(freep)
    char *context_token = xasprintf("context %s", links.context ? links.context : "");
    api_links_fini(&links);
    look->unread = !context_known;
    if (!context_known && unread_ms_left(look->state) > 0) {
        const char *tokens[] = {context_token};
        index_set(reconciler->index, &look->state->edges, look->state->work_key, tokens, 1);
        return false;
    }

    look->accepted = accepted_read(look->api, reconciler->options.resolve.seal_key);
    struct resolve_input input = {
        .api = look->api,
        .cache = cache,
        .settings = &reconciler->options.resolve,
        .abilities = look->abilities,
        .accepted = look->accepted,
        .absence = on_absence,
        .absence_arg = look,
    };
    resolve(&input, &look->resolution);
    sweep_absences(look);
    look->context_key = look->resolution.facts.context ? look->resolution.facts.context : "";
    set_dependencies(look);
    look->unread = !follow_needs(look) || look->unread;
    if (look->unread)
        return false;
    record_usage(look);
    count_handlers(look);
    judge(look);
    return true;
}

/* Steps. Each returns true when it has written something. */

static bool step_finalizer(struct api_look *look)
{
    struct object_store *store = look->reconciler->store;
    if (!store->ops->can_change(store) || object_has_finalizer(look->api, GATEWAY_FINALIZER))
        return false;
    api_change(look->state, look->api, &(struct object_change){.add_finalizer = GATEWAY_FINALIZER});
    return true;
}

/* Does the status hold the copies that were resolved now? */
static bool copies_are_written(const struct api_look *look)
{
    CLEANUP(buf_fini) struct buf text;
    buf_init(&text, BUF_UNLIMITED);
    add_copies(look, &text);
    look->state->copies_size = (uint32_t)text.length;
    struct span before = json_text_member(object_status(look->api), "webhooks");
    struct span after = {buf_text(&text), text.length};
    return json_text_equal(before.ptr ? before : (struct span){"[]", 2}, after);
}

static bool step_copies(struct api_look *look)
{
    if (copies_are_written(look))
        return false;
    conversion_add_events(look->state, look->accepted, &look->resolution);
    CLEANUP(conditions_fini) struct conditions conditions;
    CLEANUP(buf_fini) struct buf status;
    buf_init(&status, BUF_UNLIMITED);
    api_build_status(look, NULL, &conditions, &status);
    api_write_status(look->state, look->api, &status);
    return true;
}

static bool step_annotation(struct api_look *look)
{
    struct object_store *store = look->reconciler->store;
    if (!store->ops->can_change(store))
        return false;
    CLEANUP(freep) char *before = object_annotation(look->api, CONVERTED_ANNOTATION);
    CLEANUP(freep)
    char *after = conversion_annotation(look->api, look->reconciler->options.resolve.seal_key,
                                        &look->resolution, before);
    /* It would be refused for ever; the status has the copies too. */
    if (after && (strlen(after) > CONVERTED_ANNOTATION_MAX || look->state->no_annotation))
        free(TAKE(after));
    if (str_equal(before, after))
        return false;
    api_change(
        look->state, look->api,
        &(struct object_change){.annotation = CONVERTED_ANNOTATION, .annotation_value = after});
    return true;
}

/* Returns owned; NULL when there are no references, as with most APIs. */
static struct accepted *accepted_now(const struct resolution *resolution)
{
    struct accepted *accepted = NULL;
    for (size_t i = 0; i < resolution->ref_count; i++) {
        if (!resolution->refs[i].copy && !resolution->refs[i].is_refused)
            continue;
        accepted = accepted ? accepted : accepted_new();
        accepted_set(accepted, &resolution->refs[i]);
    }
    return accepted;
}

/* Builds the document, for its digest, and pins what it was made of. Takes `accepted`. */
static int pin(struct api_look *look, struct accepted *accepted, unsigned edition)
{
    struct reconciler *reconciler = look->reconciler;
    struct api_state *state = look->state;
    CLEANUP(buf_fini) struct buf document;
    buf_init(&document, BUF_UNLIMITED);
    struct err err;
    if (document_build(look->api, look->config_map, accepted, &reconciler->options.resolve,
                       look->abilities, &document, &err) < 0) {
        log_error("a resolved definition cannot be built", .kind = "ApiDefinition",
                  .key = state->key, .err = &err);
        accepted_free(accepted);
        return -1;
    }
    struct digest digest = digest_of(buf_text(&document), document.length);
    bool is_news = !state->wanted || memcmp(&digest, &state->digest, sizeof(digest)) != 0;
    bool is_marked_anew =
        state->wanted && annotations_retain(state->api) != annotations_retain(look->api);
    if (is_news || is_marked_anew)
        state->wanted_ms = loop_now(reconciler->loop);
    unpin(state);
    state->api = object_ref(look->api);
    state->config_map = look->config_map ? object_ref(look->config_map) : NULL;
    state->accepted = accepted;
    state->context = *look->context_key ? xstrdup(look->context_key) : NULL;
    state->edition = edition;
    state->digest = digest;
    state->wanted = true;
    if (is_news)
        documents_put(&reconciler->documents, state, &document);
    return 0;
}

/* Would the document be made of what it was made of? Most looks are for the gateways' progress. */
static bool is_pinned(const struct api_look *look, const struct accepted *accepted,
                      unsigned edition)
{
    const struct api_state *state = look->state;
    return state->wanted && state->api == look->api && state->config_map == look->config_map &&
           str_equal(state->context ? state->context : "", look->context_key) &&
           state->edition == edition && accepted_equal(state->accepted, accepted);
}

/* Tells the gateways what was accepted. */
static void step_want(struct api_look *look)
{
    struct reconciler *reconciler = look->reconciler;
    struct api_state *state = look->state;
    const struct api_facts *facts = &look->resolution.facts;
    const struct context_state *context = strmap_get(reconciler->contexts, look->context_key);
    unsigned edition = context ? context->edition : 0;
    struct accepted *accepted = accepted_now(&look->resolution);
    if (is_pinned(look, accepted, edition))
        accepted_free(accepted);
    else if (pin(look, accepted, edition) < 0)
        return;

    struct gateway_want want = {
        .context = look->context_key,
        .api = state->key,
        .uid = look->api->uid,
        .api_id = facts->api_id,
        .family = facts->form == API_FORM_OAS ? API_OAS : API_CLASSIC,
        .listen_path = facts->listen_path ? facts->listen_path : "",
        .domain = facts->domain,
        .target = facts->target,
        .digest = state->digest,
        .object_version = version_number(look->api->version),
        .by_user = state->by_user,
        .adopt = annotations_adopt(look->api),
        .retain = annotations_retain(look->api),
    };
    reconciler->gateways->ops->want(reconciler->gateways, &want);
}

static void tell_warnings(const struct api_look *look)
{
    struct problems problems = {look->resolution.problems, look->resolution.problem_count, 0};
    flaws_tell(look->reconciler, &look->state->flaws, look->api, &problems);
}

/* What stands of it stays: where its status says, whatever its spec names by now. */
static void keep(const struct api_look *look)
{
    struct gateways *gateways = look->reconciler->gateways;
    const char *key = look->state->key;
    CLEANUP(freep) char *context = api_stands_in(look->api);
    gateways->ops->keep(gateways, key, context, api_may_stand(look->api));
}

static bool take_steps(struct api_look *look)
{
    struct api_state *state = look->state;
    tell_warnings(look);
    if (look->stalled || look->held) {
        if (!state->wanted)
            keep(look);
        mark_judged(state);
        return api_report(look);
    }
    if (step_finalizer(look) || step_copies(look) || step_annotation(look))
        return true;
    step_want(look);
    mark_judged(state);
    if (api_report(look))
        return true;
    return conversion_rewrite(state, look->api, &look->resolution);
}

/* It goes, and its definition stays: that is to be written into the definition, with what the
 * object wanted last. What cannot be pushed (any more, or for a while) is left as it stands. */
static bool take_leave(struct api_look *look)
{
    struct reconciler *reconciler = look->reconciler;
    struct api_state *state = look->state;
    int64_t now = loop_now(reconciler->loop);
    state->leaves_ms = state->leaves_ms ? state->leaves_ms : now;
    int64_t left = state->leaves_ms + reconciler->options.finalizer_timeout_ms - now;
    if (!look->stalled && !look->held) {
        if (copies_are_written(look)) {
            step_want(look);
        } else if (left > 0) {
            reconciler_touch_after(reconciler, WORK_API, state->key, left);
            return step_copies(look);
        }
    }
    mark_judged(state);
    return api_leave(reconciler, state, look->api);
}

/* Not knowing what one API wants must not leave the orphans and statuses of all others undone for
 * as long as its Secret, or its context's, cannot be read (a key of the API server's storage is
 * lost, say), or its copies are not taken. What the gateways hold of it stays, as that of one that
 * is refused since before the start. */
static void give_up_waiting(struct api_look *look)
{
    struct api_state *state = look->state;
    int64_t left = unread_ms_left(state);
    if (state->judged)
        return;
    if (left > 0) {
        reconciler_await(look->reconciler, state->work_key, left);
        return;
    }
    log_warn(look->unread ? "not known what it needs, what stands of it on gateways stays"
                          : "its copies are not written yet, what stands of it on gateways stays",
             .kind = "ApiDefinition", .key = state->key);
    record_usage(look);
    keep(look);
    mark_judged(state);
}

bool api_reconcile(struct reconciler *reconciler, const char *key)
{
    const struct object *api = cache_get(reconciler_cache(reconciler), OBJECT_API, key);
    if (!api) {
        struct api_state *state = strmap_get(reconciler->apis, key);
        if (state)
            api_gone(reconciler, state);
        return false;
    }
    struct api_state *state = state_of(reconciler, key);
    begin_life(state, api);
    state->retained = annotations_retain(api);
    if (api->deleting && !(state->retained && object_has_finalizer(api, GATEWAY_FINALIZER))) {
        mark_judged(state);
        return api_leave(reconciler, state, api);
    }
    /* It may be there again with the uid that it had: from a backup, or in a folder. */
    state->leaving = false;
    if (!api->deleting)
        state->leaves_ms = 0;
    struct api_look look = {.reconciler = reconciler, .state = state, .api = api};
    bool writing = false;
    if (look_at(&look)) {
        /* `api` must outlive what the steps do to the cache. */
        CLEANUP(object_unrefp) struct object *held = object_ref(api);
        look.api = held;
        writing = api->deleting ? take_leave(&look) : take_steps(&look);
        give_up_waiting(&look);
    } else if (look.unread) {
        give_up_waiting(&look);
        if (state->judged && api->deleting)
            writing = api_leave(reconciler, state, api);
    }
    accepted_free(look.accepted);
    resolution_fini(&look.resolution);
    context_fini(&look.context);
    return writing;
}

void api_release(struct reconciler *reconciler, struct api_state *state)
{
    index_set(reconciler->index, &state->edges, state->work_key, NULL, 0);
    usage_set(reconciler->usage, state->key, NULL, 0, webhook_used, reconciler);
    memset(state->handlers, 0, sizeof(state->handlers));
}

/* What the gateways ask and tell. */

struct bytes *api_document(void *arg, const char *api, const struct digest *digest)
{
    struct reconciler *reconciler = arg;
    struct api_state *state = strmap_get(reconciler->apis, api);
    if (!state || !state->wanted)
        return NULL;
    const struct context_state *context =
        strmap_get(reconciler->contexts, state->context ? state->context : "");
    if (!context)
        return NULL;
    CLEANUP(bytes_unrefp) struct bytes *kept = documents_take(&reconciler->documents, state);
    /* What the context allows may have changed since. */
    if (kept && context->edition == state->edition &&
        memcmp(digest, &state->digest, sizeof(*digest)) == 0)
        return TAKE(kept);
    CLEANUP(buf_fini) struct buf built;
    buf_init(&built, BUF_UNLIMITED);
    if (document_build(state->api, state->config_map, state->accepted, &reconciler->options.resolve,
                       &context->abilities, &built, NULL) < 0)
        return NULL;
    struct digest made = digest_of(buf_text(&built), built.length);
    return memcmp(&made, digest, sizeof(made)) == 0 ? bytes_take(&built) : NULL;
}

void api_happened(void *arg, const char *api, bool warning, const char *reason, const char *note)
{
    struct reconciler *reconciler = arg;
    const struct object *object = cache_get(reconciler_cache(reconciler), OBJECT_API, api);
    if (object)
        reconciler->store->ops->event(reconciler->store, object,
                                      warning ? EVENT_WARNING : EVENT_NORMAL, reason, note);
}
