/* SPDX-License-Identifier: Apache-2.0 */
/* At rest: what stands on the gateways besides, Webhooks and contexts. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "sim/sim_oracle_private.h"

/* ---- definitions that stand on a gateway ---- */

struct search {
    struct sim_oracle *oracle;
    const struct sim_pod_track *pod;
    struct buf *why;
    bool fine;
    bool unseen;
};

static void find(struct search *search, const char *rule, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void find(struct search *search, const char *rule, const char *format, ...)
{
    va_list args;
    char *text = NULL;
    if (!search->fine)
        return;
    search->fine = false;
    va_start(args, format);
    if (vasprintf(&text, format, args) < 0)
        abort();
    va_end(args);
    buf_add_format(search->why, "%s: %s", rule, text);
    free(text);
}

static bool context_is_there(const struct sim *sim, const char *context)
{
    return !*context || sim_get(sim, OBJECT_CONTEXT, context);
}

/* Is the collection of orphans held up, and does the context say so? */
static bool is_mass_deletion(const struct sim *sim, const char *context)
{
    return !*context ||
           strcmp(sim_reason(sim, OBJECT_CONTEXT, context, "Ready"), "MassDeletion") == 0;
}

static size_t orphans_on(const struct search *search);

/* Its finalizer was taken off by hand, and who has posted it does not lead any more. */
static bool is_left(const struct search *search, const char *id, const json_t *marker)
{
    const struct sim_oracle *oracle = search->oracle;
    const struct sim_api_track *track =
        strmap_get(oracle->apis, sim_json_text(marker, "uid", NULL));
    CLEANUP(freep) char *place = xasprintf("%s %s", search->pod->pod->name, id);
    const struct sim_push *push = track ? strmap_get(track->pushed, place) : NULL;
    return push && track->is_stripped && sim_oracle_is_left(oracle, push);
}

/* A process was killed between a POST and its reload, and then the store was set back to before the
 * object, or the object went without having been let go: nothing anywhere tells of the file, which
 * shows (and is collected) after the gateway's next reload. */
static bool is_unseen(const struct search *search, const struct sim_definition *definition)
{
    const struct sim_oracle *oracle = search->oracle;
    const json_t *marker = sim_oracle_our_marker(oracle, definition->document, definition->oas);
    struct sim_definition loaded;
    return marker && !sim_get(oracle->sim, OBJECT_API, sim_json_text(marker, "api", NULL)) &&
           !sim_gateway_loaded(search->pod->pod->gateway, definition->id, &loaded) &&
           (oracle->restored_at >= 0 || is_left(search, definition->id, marker));
}

/* Is it retained? One gateway that bears the mark tells of all, also of those that were out of
 * reach when the object went. */
static bool is_retained(const struct search *search, const char *id, const char *key)
{
    const struct sim_oracle *oracle = search->oracle;
    for (size_t i = 0; i < oracle->pod_count; i++) {
        const struct sim_pod *pod = oracle->pods[i].pod;
        struct sim_definition definition;
        if (pod->gone || pod->group != search->pod->pod->group ||
            !sim_gateway_loaded(pod->gateway, id, &definition))
            continue;
        const json_t *marker = sim_oracle_our_marker(oracle, definition.document, definition.oas);
        if (json_is_true(json_object_get(marker, "retain")) &&
            strcmp(sim_json_text(marker, "api", NULL), key) == 0)
            return true;
    }
    return false;
}

static void check_ours(struct search *search, const struct sim_definition *definition,
                       const json_t *marker)
{
    struct sim *sim = search->oracle->sim;
    const char *key = sim_json_text(marker, "api", NULL);
    const char *context = sim_json_text(marker, "context", NULL);
    const struct sim_object *api = sim_store_get(sim->store, OBJECT_API, key);
    const char *pod = search->pod->pod->name;
    if (!api) {
        /* What belongs to a context that is gone is nobody's business until it is back. */
        bool kept = json_is_true(json_object_get(marker, "retain")) ||
                    is_retained(search, definition->id, key) || !context_is_there(sim, context) ||
                    is_unseen(search, definition);
        if (!kept && !(orphans_on(search) > 5 && is_mass_deletion(sim, context)))
            find(search, "orphan", "%s still holds %s of %s, which is gone", pod, definition->id,
                 key);
        return;
    }
    struct sim_wish wish;
    enum sim_group group;
    sim_wish_read(sim, api, &wish);
    bool good = !wish.is_invalid && wish.document && !api->deleting &&
                sim_context_permits(sim, wish.context, api->ns, &group) &&
                !sim_rest_is_contested(search->oracle, &wish);
    bool here =
        good && group == search->pod->pod->group && strcmp(wish.api_id, definition->id) == 0;
    bool same_context = strcmp(context, wish.context) == 0;
    if (good && !here && context_is_there(sim, context))
        find(search, "leftover", "%s still holds %s of %s, which has moved to \"%s\" %s", pod,
             definition->id, key, wish.context, wish.api_id);
    else if (here && !same_context)
        find(search, "leftover", "%s holds %s of %s as of context \"%s\", not \"%s\"", pod,
             definition->id, key, context, wish.context);
    sim_wish_fini(&wish);
}

struct orphans {
    struct sim_oracle *oracle;
    size_t count;
};

static void count_orphan(void *arg, const struct sim_definition *definition)
{
    struct orphans *orphans = arg;
    const json_t *marker =
        sim_oracle_our_marker(orphans->oracle, definition->document, definition->oas);
    orphans->count +=
        marker && !sim_get(orphans->oracle->sim, OBJECT_API, sim_json_text(marker, "api", NULL));
}

static size_t orphans_on(const struct search *search)
{
    struct orphans orphans = {search->oracle, 0};
    sim_gateway_each(search->pod->pod->gateway, false, count_orphan, &orphans);
    return orphans.count;
}

static void check_definition(void *arg, const struct sim_definition *definition)
{
    struct search *search = arg;
    search->unseen |=
        is_unseen(search, definition) || strmap_has(search->pod->unseen, definition->id);
    const struct sim_foreign_track *foreign = strmap_get(search->pod->foreign, definition->id);
    const json_t *marker =
        sim_oracle_our_marker(search->oracle, definition->document, definition->oas);
    if (marker)
        check_ours(search, definition, marker);
    else if (foreign && !json_equal(foreign->document, definition->document))
        find(search, "foreign", "%s of somebody else is changed on %s", definition->id,
             search->pod->pod->name);
}

static bool check_pod(struct sim_oracle *oracle, const struct sim_pod_track *pod, struct buf *why)
{
    struct search search = {.oracle = oracle, .pod = pod, .why = why, .fine = true};
    sim_gateway_each(pod->pod->gateway, false, check_definition, &search);
    for (struct strmap_entry *e = strmap_first(pod->foreign); e; e = strmap_next(e)) {
        struct sim_definition definition;
        if (!sim_gateway_disk(pod->pod->gateway, strmap_entry_key(e), &definition))
            find(&search, "foreign", "%s of somebody else is gone from %s", strmap_entry_key(e),
                 pod->pod->name);
    }
    /* Who has lost its context is not looked after. */
    bool has_context = pod->pod->group == SIM_DEFAULT ||
                       sim_get(oracle->sim, OBJECT_CONTEXT, "tyk/edge") ||
                       sim_get(oracle->sim, OBJECT_CONTEXT, "tyk/near");
    if (search.fine && has_context && !search.unseen && !sim_gateway_is_current(pod->pod->gateway))
        find(&search, "reload", "what is on the disk of %s is not what it has loaded",
             pod->pod->name);
    return search.fine;
}

bool sim_rest_gateways(struct sim_oracle *oracle, struct buf *why)
{
    for (size_t i = 0; i < oracle->pod_count; i++) {
        if (!oracle->pods[i].pod->gone && !check_pod(oracle, &oracle->pods[i], why))
            return false;
    }
    return true;
}

/* ---- Webhooks ---- */

struct usage {
    size_t apis;
    size_t handlers;
    bool is_unclear; /* an API that cannot be judged may use it */
};

static void add_usage(struct sim_oracle *oracle, const struct sim_object *api,
                      const struct sim_object *webhook, struct usage *usage)
{
    struct sim *sim = oracle->sim;
    struct sim_wish wish;
    sim_wish_read(sim, api, &wish);
    enum sim_group group;
    if (wish.is_invalid || !wish.document || api->deleting ||
        !sim_context_permits(sim, wish.context, api->ns, &group))
        usage->is_unclear = true;
    json_t *handlers = sim_handlers(wish.document, wish.oas);
    size_t used = 0;
    for (size_t i = 0; i < json_array_size(handlers); i++) {
        const struct sim_object *found = NULL;
        const char *ref = sim_json_text(json_array_get(handlers, i), "ref", NULL);
        if (*ref && sim_look_up(sim, api->ns, ref, &found) == SIM_FOUND && found == webhook)
            used++;
    }
    usage->apis += used > 0;
    usage->handlers += used;
    json_decref(handlers);
    sim_wish_fini(&wish);
}

static bool check_webhook(struct sim_oracle *oracle, const struct sim_object *webhook,
                          struct buf *why)
{
    struct sim *sim = oracle->sim;
    const json_t *status = json_object_get(webhook->tree, "status");
    int64_t observed = sim_json_int(status, "observedGeneration", NULL);
    if (observed != webhook->generation) {
        buf_add_format(why,
                       "status: Webhook %s is at generation %" PRId64 ", its status at "
                       "%" PRId64,
                       webhook->key, webhook->generation, observed);
        return false;
    }
    json_t *call = sim_call_of_webhook(sim, webhook);
    const char *ready = sim_condition(sim, OBJECT_WEBHOOK, webhook->key, "Ready");
    const char *reason = sim_reason(sim, OBJECT_WEBHOOK, webhook->key, "Ready");
    bool duplicate = strcmp(reason, "DuplicateId") == 0;
    bool fine =
        duplicate || (call ? strcmp(ready, "True") == 0 : strcmp(reason, "SecretNotFound") == 0);
    struct usage usage = {0};
    bool usable = call != NULL;
    json_decref(call);
    if (!fine) {
        buf_add_format(why, "status: Webhook %s says Ready %s, %s", webhook->key, ready, reason);
        return false;
    }
    size_t count;
    CLEANUP(freep) const struct sim_object **apis = sim_store_all(sim->store, OBJECT_API, &count);
    for (size_t i = 0; i < count; i++)
        add_usage(oracle, apis[i], webhook, &usage);
    int64_t apis_said = sim_json_int(status, "usedBy", "apis", NULL);
    int64_t handlers_said = sim_json_int(status, "usedBy", "handlers", NULL);
    if (usable && !usage.is_unclear &&
        (apis_said != (int64_t)usage.apis || handlers_said != (int64_t)usage.handlers)) {
        buf_add_format(why,
                       "usage: Webhook %s says it is used by %" PRId64 " APIs, %" PRId64
                       " handlers; it is by %zu, %zu",
                       webhook->key, apis_said, handlers_said, usage.apis, usage.handlers);
        return false;
    }
    return true;
}

/* ---- contexts ---- */

bool sim_oracle_is_contested(struct sim_oracle *oracle)
{
    size_t count;
    CLEANUP(freep)
    const struct sim_object **apis = sim_store_all(oracle->sim->store, OBJECT_API, &count);
    for (size_t i = 0; i < count; i++) {
        struct sim_wish wish;
        sim_wish_read(oracle->sim, apis[i], &wish);
        bool contested = sim_rest_is_contested(oracle, &wish) ||
                         sim_rest_is_held_up(oracle, apis[i]) ||
                         sim_rest_is_kept_and_disturbed(oracle, &wish);
        sim_wish_fini(&wish);
        if (contested)
            return true;
    }
    return false;
}

static bool check_context(struct sim_oracle *oracle, const struct sim_object *context,
                          struct buf *why)
{
    struct sim *sim = oracle->sim;
    int64_t ready = 0;
    int64_t all = 0;
    for (size_t i = 0; i < oracle->pod_count; i++) {
        const struct sim_pod *pod = oracle->pods[i].pod;
        if (pod->group != SIM_EDGE || pod->gone || pod->terminating)
            continue;
        all++;
        ready += pod->ready;
    }
    const json_t *status = json_object_get(context->tree, "status");
    bool secret = sim_get(sim, OBJECT_SECRET, "tyk/edge-conf") != NULL;
    bool good = strcmp(sim_condition(sim, OBJECT_CONTEXT, context->key, "Ready"), "True") == 0;
    const char *reason = sim_reason(sim, OBJECT_CONTEXT, context->key, "Ready");
    int64_t endpoints = (int64_t)json_array_size(json_object_get(status, "endpoints"));
    if (sim_json_int(status, "observedGeneration", NULL) != context->generation)
        buf_add_format(why, "status: OperatorContext %s has not been observed", context->key);
    else if (secret && endpoints != all)
        buf_add_format(why, "status: OperatorContext %s has %" PRId64 " endpoints, not %" PRId64,
                       context->key, endpoints, all);
    else if (good && (!secret || !ready))
        buf_add_format(why, "status: OperatorContext %s is Ready (%s)", context->key, reason);
    else if (!good && secret && ready && strcmp(reason, "MassDeletion") != 0 &&
             !sim_oracle_is_contested(oracle))
        buf_add_format(why, "status: OperatorContext %s is not Ready (%s)", context->key, reason);
    return why->length == 0;
}

bool sim_rest_others(struct sim_oracle *oracle, struct buf *why)
{
    size_t count;
    CLEANUP(freep)
    const struct sim_object **webhooks = sim_store_all(oracle->sim->store, OBJECT_WEBHOOK, &count);
    for (size_t i = 0; i < count; i++) {
        if (!check_webhook(oracle, webhooks[i], why))
            return false;
    }
    CLEANUP(freep)
    const struct sim_object **contexts = sim_store_all(oracle->sim->store, OBJECT_CONTEXT, &count);
    for (size_t i = 0; i < count; i++) {
        if (!check_context(oracle, contexts[i], why))
            return false;
    }
    return true;
}
