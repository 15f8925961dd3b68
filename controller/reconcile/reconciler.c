/* SPDX-License-Identifier: Apache-2.0 */
/* Lifecycle, the work queue's pump, and which keys a change touches. */
#include "reconcile/reconciler.h"

#include <stdlib.h>
#include <string.h>

#include "base/json_text.h"
#include "base/log.h"
#include "base/str.h"
#include "core/conditions.h"
#include "reconcile/state.h"

/* What is done before the loop gets its turn again: a number of keys, within a time. Gateways and
 * the API server work on what they were sent meanwhile, and wait for more. */
#define SLICE_KEYS 64
#define SLICE_US 2000
/* So far apart is what has failed for a passing reason tried out of its turn. */
#define HASTEN_AGAIN_MS 10000

static const enum object_kind watched_kinds[] = {OBJECT_API, OBJECT_WEBHOOK, OBJECT_CONTEXT,
                                                 OBJECT_NAMESPACE};

static void pump(void *arg);

const struct cache *reconciler_cache(const struct reconciler *reconciler)
{
    return informer_cache(reconciler->informer);
}

/* Queueing. */

static size_t backlog_left(const struct reconciler *reconciler)
{
    return reconciler->backlog_count - reconciler->backlog_next;
}

void reconciler_schedule(struct reconciler *reconciler)
{
    if (!reconciler->active)
        return;
    int64_t now = loop_now(reconciler->loop);
    int64_t due = workqueue_next_due(reconciler->queue, now);
    if (due < 0 && !backlog_left(reconciler)) {
        loop_timer_disarm(reconciler->timer);
    } else if (due <= now || backlog_left(reconciler)) {
        loop_defer(reconciler->loop, pump, reconciler);
    } else {
        loop_timer_arm(reconciler->timer, due - now);
    }
}

static void touch_work(void *arg, const char *work_key)
{
    struct reconciler *reconciler = arg;
    if (!reconciler->active)
        return; /* all keys will be queued */
    workqueue_add(reconciler->queue, work_key, WORKQUEUE_NORMAL, loop_now(reconciler->loop));
    reconciler_schedule(reconciler);
}

void reconciler_touch(struct reconciler *reconciler, const char *prefix, const char *key)
{
    CLEANUP(freep) char *work_key = xasprintf("%s%s", prefix, key);
    touch_work(reconciler, work_key);
}

static void add_after(struct reconciler *reconciler, const char *work_key, int64_t delay_ms)
{
    if (!reconciler->active)
        return;
    reconciler->look_comes_back |= str_equal(work_key, reconciler->looked_at);
    workqueue_add_after(reconciler->queue, work_key, delay_ms, loop_now(reconciler->loop));
    reconciler_schedule(reconciler);
}

void reconciler_touch_after(struct reconciler *reconciler, const char *prefix, const char *key,
                            int64_t delay_ms)
{
    CLEANUP(freep) char *work_key = xasprintf("%s%s", prefix, key);
    add_after(reconciler, work_key, delay_ms);
}

void reconciler_await(struct reconciler *reconciler, const char *work_key, int64_t delay_ms)
{
    if (reconciler->active)
        strset_add(reconciler->awaited, work_key);
    add_after(reconciler, work_key, delay_ms);
}

/* What is told of looks. */

static const struct {
    char letter; /* of work keys */
    enum object_kind kind;
} looked_at[LOOK_KIND_COUNT] = {{'a', OBJECT_API}, {'w', OBJECT_WEBHOOK}, {'c', OBJECT_CONTEXT}};

static void look_ended(struct reconciler *reconciler, const char *work_key, int64_t began_us,
                       enum look_result result)
{
    for (size_t i = 0; i < LOOK_KIND_COUNT; i++) {
        if (looked_at[i].letter != work_key[0])
            continue;
        struct look_figures *figures = &reconciler->figures[i];
        figures->results[result]++;
        histogram_observe(&figures->seconds,
                          (double)(loop_clock_us(reconciler->loop) - began_us) / 1e6);
    }
}

/* The store has answered, whatever it says: what waits because it did not is tried at once, but not
 * in a row with what fails by itself again and again. */
static void store_answers(struct reconciler *reconciler)
{
    if (!reconciler->active || !workqueue_counts(reconciler->queue).passing)
        return;
    int64_t now = loop_now(reconciler->loop);
    int64_t due = reconciler->hastened_ms + HASTEN_AGAIN_MS;
    if (reconciler->hastened_ms > now)
        due = reconciler->hastened_ms;
    reconciler->hastened_ms = due > now ? due : now;
    workqueue_hasten(reconciler->queue, reconciler->hastened_ms);
    reconciler_schedule(reconciler);
}

/* A push follows a look, or the write that a look began. */
static void tell_expected(struct reconciler *reconciler)
{
    struct workqueue_counts counts = workqueue_counts(reconciler->queue);
    bool more = counts.ready + counts.processing + backlog_left(reconciler) > 0;
    reconciler->gateways->ops->expect(reconciler->gateways, more);
}

void reconciler_write_ended(struct reconciler *reconciler, const char *work_key, int64_t looked_us,
                            const struct err *err)
{
    int64_t now = loop_now(reconciler->loop);
    look_ended(reconciler, work_key, looked_us, err ? LOOK_ERROR : LOOK_SUCCESS);
    if (err)
        /* After a conflict or a vanished object news are on their way; the delay is for the case
         * that they are not. */
        workqueue_add_failed(reconciler->queue, work_key, err->class == ERR_TRANSIENT, now,
                             loop_random(reconciler->loop, UINT32_MAX));
    else
        workqueue_forget(reconciler->queue, work_key);
    workqueue_done(reconciler->queue, work_key, now);
    if (!err || err->class != ERR_TRANSIENT)
        store_answers(reconciler);
    tell_expected(reconciler);
    reconciler_schedule(reconciler);
    if (strmap_count(reconciler->held_back))
        loop_defer(reconciler->loop, pump, reconciler);
}

/* As many as writes have ended are looked at again, when there is nothing else to look at. */
static void release_held_back(struct reconciler *reconciler)
{
    struct workqueue_counts counts = workqueue_counts(reconciler->queue);
    const struct strmap_entry *entry;
    for (size_t count = counts.ready + counts.processing + backlog_left(reconciler);
         count < WRITES_MAX && (entry = strmap_first(reconciler->held_back)); count++) {
        CLEANUP(freep) char *key = xstrdup(strmap_entry_key(entry));
        strmap_remove(reconciler->held_back, key);
        reconciler_touch(reconciler, WORK_API, key);
    }
}

void reconciler_figures(const struct reconciler *reconciler,
                        struct look_figures ret_figures[LOOK_KIND_COUNT])
{
    for (size_t i = 0; i < LOOK_KIND_COUNT; i++) {
        ret_figures[i] = reconciler->figures[i];
        ret_figures[i].queue =
            workqueue_share(reconciler->queue, looked_at[i].letter, loop_now(reconciler->loop));
        for (size_t j = reconciler->backlog_next; j < reconciler->backlog_count; j++)
            ret_figures[i].queue.ready += reconciler->backlog[j]->kind == looked_at[i].kind;
    }
}

/* True: the key stays taken, the end of a write goes on. */
static bool process(struct reconciler *reconciler, const char *work_key)
{
    const char *key = work_key + strlen(WORK_API);
    switch (work_key[0]) {
    case 'a':
        return api_reconcile(reconciler, key);
    case 'w':
        return webhook_reconcile(reconciler, key);
    default:
        return context_reconcile(reconciler, key);
    }
}

static bool queue_object(void *arg, const struct object *object)
{
    struct reconciler *reconciler = arg;
    static const char *const prefixes[OBJECT_KIND_COUNT] = {
        [OBJECT_API] = WORK_API, [OBJECT_WEBHOOK] = WORK_WEBHOOK, [OBJECT_CONTEXT] = WORK_CONTEXT};
    CLEANUP(freep) char *work_key = xasprintf("%s%s", prefixes[object->kind], object->key);
    workqueue_add(reconciler->queue, work_key, WORKQUEUE_BACKGROUND, loop_now(reconciler->loop));
    return true;
}

static void drop_backlog(struct reconciler *reconciler)
{
    while (backlog_left(reconciler))
        object_unref(reconciler->backlog[reconciler->backlog_next++]);
    free(TAKE(reconciler->backlog));
    reconciler->backlog_next = reconciler->backlog_count = 0;
}

/* What was there at the start is queued when there is nothing else to look at. */
static void queue_backlog(struct reconciler *reconciler)
{
    for (size_t i = 0; i < SLICE_KEYS && backlog_left(reconciler); i++) {
        CLEANUP(object_unrefp)
        struct object *object = reconciler->backlog[reconciler->backlog_next++];
        const struct api_state *state =
            object->kind == OBJECT_API ? strmap_get(reconciler->apis, object->key) : NULL;
        if (!state || !state->judged)
            queue_object(reconciler, object);
    }
    if (!backlog_left(reconciler))
        drop_backlog(reconciler);
}

static void pump(void *arg)
{
    struct reconciler *reconciler = arg;
    claims_settle(reconciler->claims);
    int64_t end_us = loop_clock_us(reconciler->loop) + SLICE_US;
    for (size_t done = 0; done < SLICE_KEYS && loop_clock_us(reconciler->loop) < end_us; done++) {
        int64_t now = loop_now(reconciler->loop);
        const char *borrowed = workqueue_get(reconciler->queue, now);
        if (!borrowed && backlog_left(reconciler)) {
            queue_backlog(reconciler);
            borrowed = workqueue_get(reconciler->queue, now);
        }
        if (!borrowed)
            break;
        CLEANUP(freep) char *work_key = xstrdup(borrowed);
        reconciler->look_began_us = loop_clock_us(reconciler->loop);
        reconciler->looked_at = work_key;
        reconciler->look_comes_back = false;
        strmap_remove(reconciler->awaited, work_key);
        bool is_writing = process(reconciler, work_key);
        reconciler->looked_at = NULL;
        if (is_writing)
            continue;
        /* There is nothing to write, or not yet: what failed is over. */
        if (!reconciler->look_comes_back)
            workqueue_forget(reconciler->queue, work_key);
        look_ended(reconciler, work_key, reconciler->look_began_us,
                   reconciler->look_comes_back ? LOOK_REQUEUE_AFTER : LOOK_SUCCESS);
        workqueue_done(reconciler->queue, work_key, now);
    }
    tell_expected(reconciler);
    if (!reconciler->unjudged && !reconciler->gateways_complete) {
        reconciler->gateways_complete = true;
        /* Who uses a Webhook is known only now. */
        cache_visit(reconciler_cache(reconciler), OBJECT_WEBHOOK, queue_object, reconciler);
        reconciler->gateways->ops->set_complete(reconciler->gateways, true);
    }
    release_held_back(reconciler);
    reconciler_schedule(reconciler);
}

/* Completeness: nothing is decided before every list that a decision may need has been applied. */

static bool kind_is_known(const struct reconciler *reconciler, enum object_kind kind)
{
    if (informer_is_complete(reconciler->informer, kind))
        return true;
    /* Who may not read namespaces does without their labels. */
    const struct err *trouble = informer_trouble(reconciler->informer, kind);
    return kind == OBJECT_NAMESPACE && trouble && trouble->class == ERR_DENIED;
}

/* Has an earlier process perhaps written this API to gateways without a reload behind it? */
static bool is_unsettled(const struct object *object)
{
    bool programmed = false;
    free(condition_reason(object, "Programmed", &programmed));
    /* A push does not wait for the status: what it says of an earlier generation says nothing. */
    return api_may_stand(object) &&
           !(programmed && api_reported_generation(object) == object->generation);
}

static bool add_to_backlog(void *arg, const struct object *object)
{
    struct reconciler *reconciler = arg;
    reconciler->backlog[reconciler->backlog_count++] = object_ref(object);
    return true;
}

/* Looks at everything: there may be very much, so it is queued bit by bit. */
static void activate(struct reconciler *reconciler)
{
    reconciler->active = true;
    reconciler->unsettled = reconciler->unprogrammed > 0;
    const struct cache *cache = reconciler_cache(reconciler);
    reconciler->unjudged = cache_count(cache, OBJECT_API);
    /* Contexts first: what an API may do depends on them. */
    context_reconcile(reconciler, "");
    static const enum object_kind order[] = {OBJECT_CONTEXT, OBJECT_WEBHOOK, OBJECT_API};
    size_t count = 0;
    for (size_t i = 0; i < ARRAY_LENGTH(order); i++)
        count += cache_count(cache, order[i]);
    reconciler->backlog = xcalloc(count + 1, sizeof(struct object *));
    for (size_t i = 0; i < ARRAY_LENGTH(order); i++)
        cache_visit(cache, order[i], add_to_backlog, reconciler);
    loop_defer(reconciler->loop, pump, reconciler);
}

/* No object says so where there is no API yet, or nobody looks at statuses. */
static void warn_without_gateways(const struct reconciler *reconciler)
{
    const struct default_context *defaults = &reconciler->default_context;
    if (defaults->endpoint_count || defaults->service ||
        cache_count(reconciler_cache(reconciler), OBJECT_CONTEXT))
        return;
    log_warn("no gateway is named: nothing is pushed", .reason = "NoGateways",
             .detail = "name them with --gateway-url (or TYK_URL), --gateway-service, or an "
                       "OperatorContext");
}

static void check_complete(struct reconciler *reconciler)
{
    if (reconciler->complete)
        return;
    for (size_t i = 0; i < ARRAY_LENGTH(watched_kinds); i++) {
        if (!kind_is_known(reconciler, watched_kinds[i]))
            return;
    }
    reconciler->complete = true;
    log_info("caches complete",
             .count = (int64_t)cache_count(reconciler_cache(reconciler), OBJECT_API));
    warn_without_gateways(reconciler);
    if (reconciler->store)
        activate(reconciler);
}

/* Who is touched by a change. */

void reconciler_touch_token(struct reconciler *reconciler, const char *token)
{
    index_visit(reconciler->index, token, touch_work, reconciler);
}

static void touch_token(struct reconciler *reconciler, const char *type, const char *name)
{
    CLEANUP(freep) char *token = xasprintf("%s %s", type, name);
    reconciler_touch_token(reconciler, token);
}

struct namespace_filter {
    struct reconciler *reconciler;
    const char *ns;
};

/* A bare name refers within the API's own namespace only. */
static void touch_in_namespace(void *arg, const char *work_key)
{
    const struct namespace_filter *filter = arg;
    CLEANUP(freep) char *ns = object_key_ns(work_key + strlen(WORK_API));
    if (strcmp(ns, filter->ns) == 0)
        touch_work(filter->reconciler, work_key);
}

static void touch_users(struct reconciler *reconciler, const struct object *webhook)
{
    if (!webhook)
        return;
    CLEANUP(freep) char *token = xasprintf("ref %s", webhook->name);
    struct namespace_filter filter = {reconciler, webhook->ns};
    index_visit(reconciler->index, token, touch_in_namespace, &filter);
    touch_token(reconciler, "ref", webhook->key);
    CLEANUP(freep) char *id = json_text_string(json_text_get(object_spec(webhook), "id", NULL));
    if (str_is_empty(id))
        return;
    touch_token(reconciler, "ref", id);
    /* Others that claim the id may have won or lost it. */
    const char *const *claimants = cache_webhooks_with_id(reconciler_cache(reconciler), id);
    for (size_t i = 0; claimants[i]; i++)
        reconciler_touch(reconciler, WORK_WEBHOOK, claimants[i]);
}

static void webhook_changed(struct reconciler *reconciler, const struct object *before,
                            const struct object *after)
{
    const char *key = (after ? after : before)->key;
    reconciler_touch(reconciler, WORK_WEBHOOK, key);
    if (before && after && object_same_content(before, after) &&
        str_equal(before->problem, after->problem))
        return; /* only its status */
    touch_users(reconciler, before);
    touch_users(reconciler, after);
    if (!after && reconciler->active)
        deletions_note(reconciler, key, loop_now(reconciler->loop));
}

static void touch_rival(void *arg, const char *key)
{
    reconciler_touch(arg, WORK_API, key);
}

static void api_changed(struct reconciler *reconciler, const struct object *before,
                        const struct object *after)
{
    const char *key = (after ? after : before)->key;
    struct api_state *state = reconciler->active ? strmap_get(reconciler->apis, key) : NULL;
    if (after && before && state && after->generation != before->generation)
        state->by_user = true;
    if (reconciler->active && (!state || !state->judged)) {
        reconciler->unjudged += after != NULL;
        reconciler->unjudged -= before != NULL;
    }
    oversize_changed(reconciler, key, before, after);
    reconciler->unprogrammed += after && is_unsettled(after);
    reconciler->unprogrammed -= before && is_unsettled(before);
    /* What is being deleted holds what it has until it is gone, whatever its spec says now. */
    if (!before || !after || !after->deleting)
        api_claim(reconciler, key, after);
    /* That is the usual end of a change, for each of thousands of APIs. */
    bool concludes = after && state && state->concluding && state->api == after;
    if (concludes)
        claims_settle(reconciler->claims);
    if (concludes && !claims_conflict(reconciler->claims, key))
        pace_settled(&state->pace);
    else
        reconciler_touch(reconciler, WORK_API, key);
}

static void namespace_changed(struct reconciler *reconciler, const struct object *before,
                              const struct object *after)
{
    if (before && after) {
        struct span old = json_text_get(object_metadata(before), "labels", NULL);
        struct span new = json_text_get(object_metadata(after), "labels", NULL);
        if (old.length == new.length && memcmp(old.ptr, new.ptr, new.length) == 0)
            return;
    }
    touch_token(reconciler, "namespace", (after ? after : before)->name);
}

static void touch_config_map_user(void *arg, const char *work_key)
{
    struct reconciler *reconciler = arg;
    const char *key = work_key + strlen(WORK_API);
    api_claim(reconciler, key, cache_get(reconciler_cache(reconciler), OBJECT_API, key));
    touch_work(reconciler, work_key);
}

static void slice_changed(struct reconciler *reconciler, const struct object *slice)
{
    CLEANUP(freep) char *service = object_label(slice, "kubernetes.io/service-name");
    CLEANUP(freep) char *key = object_key_of(slice->ns, service ? service : "");
    touch_token(reconciler, "service", key);
}

static void on_changed(void *arg, const struct object *before, const struct object *after)
{
    struct reconciler *reconciler = arg;
    const struct object *object = after ? after : before;
    CLEANUP(freep) char *token = NULL;
    switch (object->kind) {
    case OBJECT_API:
        api_changed(reconciler, before, after);
        break;
    case OBJECT_WEBHOOK:
        webhook_changed(reconciler, before, after);
        break;
    case OBJECT_CONTEXT:
        reconciler_touch(reconciler, WORK_CONTEXT, object->key);
        break;
    case OBJECT_NAMESPACE:
        namespace_changed(reconciler, before, after);
        break;
    case OBJECT_SECRET:
        touch_token(reconciler, "secret", object->key);
        break;
    case OBJECT_CONFIGMAP:
        token = xasprintf("configmap %s", object->key);
        index_visit(reconciler->index, token, touch_config_map_user, reconciler);
        break;
    case OBJECT_SERVICE:
        touch_token(reconciler, "service", object->key);
        break;
    case OBJECT_ENDPOINTSLICE:
        slice_changed(reconciler, object);
        break;
    case OBJECT_CRD:
    case OBJECT_LEASE:
        break;
    }
}

static void on_missing(void *arg, enum object_kind kind, const char *key)
{
    const char *token = kind == OBJECT_SECRET      ? "secret"
                        : kind == OBJECT_CONFIGMAP ? "configmap"
                                                   : "service";
    touch_token(arg, token, key);
}

static void on_listed(void *arg, enum object_kind kind)
{
    struct reconciler *reconciler = arg;
    check_complete(reconciler);
    store_answers(reconciler);
    if (kind != OBJECT_WEBHOOK)
        return;
    if (reconciler->webhooks_lost)
        reconciler->webhooks_since = loop_now(reconciler->loop);
    reconciler->webhooks_lost = false;
    CLEANUP(freep) const char **keys = strmap_sorted_keys(reconciler->doubtful);
    for (size_t i = 0; keys[i]; i++)
        reconciler_touch(reconciler, WORK_API, keys[i]);
    strmap_clear(reconciler->doubtful);
}

static void on_trouble(void *arg, enum object_kind kind, const struct err *err)
{
    struct reconciler *reconciler = arg;
    log_warn("objects cannot be listed or followed", .kind = object_kind_name(kind), .err = err);
    reconciler->webhooks_lost |= kind == OBJECT_WEBHOOK && err->class != ERR_TRANSIENT;
    check_complete(reconciler);
}

static const struct informer_callbacks informer_callbacks = {
    .changed = on_changed, .listed = on_listed, .trouble = on_trouble, .missing = on_missing};

/* What the gateways tell. */

/* While gateways are just busy their steps are not looked at one by one: nothing is told of them
 * that early, and each look reads the whole definition. */
static void on_progressed(void *arg, const char *api)
{
    struct reconciler *reconciler = arg;
    struct gateway_progress progress;
    const struct object *object = cache_get(reconciler_cache(reconciler), OBJECT_API, api);
    bool is_busy = object && !object->deleting &&
                   reconciler->gateways->ops->progress(reconciler->gateways, api, &progress) &&
                   progress.state == GATEWAY_PENDING;
    if (is_busy)
        reconciler_touch_after(reconciler, WORK_API, api, PENDING_QUIET_MS);
    else
        reconciler_touch(reconciler, WORK_API, api);
}

static void on_context_changed(void *arg, const char *context)
{
    if (*context)
        reconciler_touch(arg, WORK_CONTEXT, context);
}

/* A definition of ours whose object is absent may be collected where absence proves something. */
static bool on_may_collect(void *arg, const char *api)
{
    const struct reconciler *reconciler = arg;
    CLEANUP(freep) char *ns = object_key_ns(api);
    return informer_proves_absence(reconciler->informer, OBJECT_API) &&
           informer_watches(reconciler->informer, ns) &&
           !cache_get(reconciler_cache(reconciler), OBJECT_API, api);
}

const struct gateways_callbacks reconciler_gateway_callbacks = {
    .document = api_document,
    .progressed = on_progressed,
    .context_changed = on_context_changed,
    .happened = api_happened,
    .may_collect = on_may_collect,
};

/* Lifecycle. */

/* What only a leader knows. */
static void make_memory(struct reconciler *reconciler)
{
    reconciler->queue = workqueue_new();
    reconciler->index = index_new(follows_idle, reconciler);
    reconciler->usage = usage_new();
    reconciler->apis = strmap_new(api_state_free);
    reconciler->contexts = strmap_new(context_state_free);
    reconciler->others = strmap_new(object_state_free);
    reconciler->doubtful = strset_new();
    reconciler->deletions = strmap_new(free);
    reconciler->idle = strmap_new(free);
    reconciler->held_back = strset_new();
    reconciler->awaited = strset_new();
    reconciler->active = false;
    reconciler->unjudged = 0;
    reconciler->unsettled = false;
    reconciler->gateways_complete = false;
}

/* Writes in flight are cancelled with the states that they belong to. */
static void free_memory(struct reconciler *reconciler)
{
    loop_defer_cancel(reconciler->loop, pump, reconciler);
    loop_timer_disarm(reconciler->timer);
    loop_timer_disarm(reconciler->tidy);
    strmap_free(reconciler->apis);
    strmap_free(reconciler->others);
    strmap_free(reconciler->contexts);
    strmap_free(reconciler->doubtful);
    strmap_free(reconciler->deletions);
    strmap_free(reconciler->idle);
    strmap_free(reconciler->held_back);
    strmap_free(reconciler->awaited);
    drop_backlog(reconciler);
    workqueue_free(reconciler->queue);
    index_free(reconciler->index);
    usage_free(reconciler->usage);
}

struct reconciler *reconciler_new(struct loop *loop, struct object_source *source,
                                  const struct reconciler_options *options)
{
    struct reconciler *reconciler = xcalloc(1, sizeof(*reconciler));
    reconciler->loop = loop;
    reconciler->options = *options;
    reconciler->informer =
        informer_new(loop, source, options->packing, &informer_callbacks, reconciler);
    reconciler->timer = loop_timer_new(loop, pump, reconciler);
    reconciler->tidy = loop_timer_new(loop, lately_tidy, reconciler);
    documents_init(&reconciler->documents, loop);
    reconciler->claims = claims_new(touch_rival, reconciler);
    reconciler->hastened_ms = -HASTEN_AGAIN_MS;
    for (size_t i = 0; i < LOOK_KIND_COUNT; i++)
        reconciler->figures[i] =
            (struct look_figures){.kind = looked_at[i].kind, .seconds.bounds = &histogram_seconds};
    make_memory(reconciler);
    return reconciler;
}

void reconciler_free(struct reconciler *reconciler)
{
    if (!reconciler)
        return;
    free_memory(reconciler);
    loop_timer_free(reconciler->timer);
    loop_timer_free(reconciler->tidy);
    documents_fini(&reconciler->documents);
    informer_free(reconciler->informer);
    claims_free(reconciler->claims);
    free(reconciler);
}

void reconciler_lead(struct reconciler *reconciler, struct object_store *store,
                     struct gateways *gateways)
{
    reconciler->store = store;
    reconciler->gateways = gateways;
    if (reconciler->complete)
        activate(reconciler);
}

void reconciler_stand_by(struct reconciler *reconciler)
{
    informer_unfollow_all(reconciler->informer);
    free_memory(reconciler);
    make_memory(reconciler);
    reconciler->store = NULL;
    reconciler->gateways = NULL;
}

void reconciler_start(struct reconciler *reconciler)
{
    informer_start(reconciler->informer, watched_kinds, ARRAY_LENGTH(watched_kinds));
}

bool reconciler_is_ready(const struct reconciler *reconciler, const char **ret_reason)
{
    if (reconciler->complete)
        return true;
    for (size_t i = 0; i < ARRAY_LENGTH(watched_kinds) && ret_reason; i++) {
        enum object_kind kind = watched_kinds[i];
        if (kind_is_known(reconciler, kind))
            continue;
        const struct err *trouble = informer_trouble(reconciler->informer, kind);
        *ret_reason = trouble ? trouble->msg : "the lists are not complete yet";
        break;
    }
    return false;
}

/* What cannot be seen now of a cluster soon can; in a folder, somebody has to mend it. */
static bool trouble_passes(const struct reconciler *reconciler)
{
    const struct err *trouble = informer_trouble(reconciler->informer, OBJECT_API);
    return trouble && trouble->class == ERR_TRANSIENT && !reconciler->options.folder_source;
}

size_t reconciler_held(const struct reconciler *reconciler)
{
    const struct gateways *gateways = reconciler->gateways;
    struct gateway_summary summary;
    size_t count = 0;
    if (!gateways)
        return 0;
    for (struct strmap_entry *e = strmap_first(reconciler->contexts); e; e = strmap_next(e)) {
        if (gateways->ops->summary(gateways, strmap_entry_key(e), &summary))
            count += summary.orphans_held;
    }
    return count;
}

char *reconciler_doubt(const struct reconciler *reconciler)
{
    const struct gateways *gateways = reconciler->gateways;
    struct gateway_summary summary;
    struct strmap_entry *e = gateways ? strmap_first(reconciler->contexts) : NULL;
    for (; e; e = strmap_next(e)) {
        const char *context = strmap_entry_key(e);
        if (!gateways->ops->summary(gateways, context, &summary) || !*summary.doubt)
            continue;
        return *context ? xasprintf("OperatorContext %s: %s", context, summary.doubt)
                        : xstrdup(summary.doubt);
    }
    return NULL;
}

bool reconciler_is_settled(const struct reconciler *reconciler)
{
    struct workqueue_counts counts = workqueue_counts(reconciler->queue);
    return reconciler->active && !trouble_passes(reconciler) && reconciler->gateways_complete &&
           !counts.ready && !counts.processing && !backlog_left(reconciler) &&
           !strmap_count(reconciler->awaited) &&
           reconciler->gateways->ops->is_quiet(reconciler->gateways);
}

void reconciler_tell_waiting(const struct reconciler *reconciler)
{
    const struct cache *cache = reconciler_cache(reconciler);
    CLEANUP(freep) const char **keys = cache_sorted_keys(cache, OBJECT_API);
    for (size_t i = 0; keys[i]; i++) {
        const struct api_state *state = strmap_get(reconciler->apis, keys[i]);
        if (state && state->ready)
            continue;
        const struct object *api = cache_get(cache, OBJECT_API, keys[i]);
        if (api->deleting) {
            log_warn("not gone yet", .kind = "ApiDefinition", .key = keys[i]);
            continue;
        }
        CLEANUP(freep) char *reason = condition_reason(api, "Ready", NULL);
        CLEANUP(freep) char *message = condition_message(api, "Ready");
        log_warn("not in place", .kind = "ApiDefinition", .key = keys[i], .reason = reason,
                 .detail = message);
    }
}

void reconciler_count(const struct reconciler *reconciler, struct reconciler_counts *ret_counts)
{
    *ret_counts = reconciler->counts;
    ret_counts->apis = cache_count(reconciler_cache(reconciler), OBJECT_API);
    ret_counts->webhooks = cache_count(reconciler_cache(reconciler), OBJECT_WEBHOOK);
    if (!reconciler->store)
        return;
    for (struct strmap_entry *e = strmap_first(reconciler->apis); e; e = strmap_next(e)) {
        const struct api_state *state = strmap_entry_value(e);
        ret_counts->ready += state->ready;
        ret_counts->stalled += state->stalled;
        for (size_t i = 0; i < REF_SOURCE_COUNT; i++)
            ret_counts->handlers[i] += state->handlers[i];
    }
}
