/* SPDX-License-Identifier: Apache-2.0 */
/* At rest: each ApiDefinition, its status, and what the gateways hold of it. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "sim/sim_oracle_private.h"

static bool say(struct buf *why, const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool say(struct buf *why, const char *format, ...)
{
    va_list args;
    char *text = NULL;
    va_start(args, format);
    if (vasprintf(&text, format, args) < 0)
        abort();
    va_end(args);
    buf_add_text(why, text);
    free(text);
    return false;
}

/* ---- who else wants it ---- */

static bool same_claim(const struct sim_wish *a, const char *context, const char *id,
                       const char *path)
{
    return strcmp(a->context, context) == 0 &&
           ((*id && strcmp(a->api_id, id) == 0) || (*path && strcmp(a->path, path) == 0));
}

static bool rivals(const struct sim_wish *wish, const struct sim_wish *other)
{
    const json_t *status = json_object_get(other->object->tree, "status");
    const char *held_ns = sim_json_text(status, "contextRef", "namespace", NULL);
    CLEANUP(freep)
    char *held_in =
        *held_ns ? xasprintf("%s/%s", held_ns, sim_json_text(status, "contextRef", "name", NULL))
                 : xstrdup("");
    return same_claim(wish, other->context, other->api_id, other->path) ||
           same_claim(wish, held_in, sim_json_text(status, "apiId", NULL),
                      sim_json_text(status, "listenPath", NULL));
}

struct path_search {
    struct sim_oracle *oracle;
    const struct sim_wish *wish;
    bool found;
};

/* Two contexts may mean the same gateways: there they meet too. */
static void search_path(void *arg, const struct sim_definition *definition)
{
    struct path_search *search = arg;
    const json_t *marker =
        sim_oracle_our_marker(search->oracle, definition->document, definition->oas);
    bool own = strcmp(sim_json_text(marker, "api", NULL), search->wish->object->key) == 0;
    const char *path = sim_document_path(definition->document, definition->oas);
    if (!own && (strcmp(definition->id, search->wish->api_id) == 0 ||
                 strcmp(path, search->wish->path) == 0))
        search->found = true;
}

/* Does somebody else's definition, or that of another API, stand in its way? */
static bool is_obstructed(struct sim_oracle *oracle, const struct sim_wish *wish,
                          enum sim_group group)
{
    struct path_search search = {oracle, wish, false};
    for (size_t i = 0; i < oracle->pod_count; i++) {
        if (oracle->pods[i].pod->group == group && !oracle->pods[i].pod->gone)
            sim_gateway_each(oracle->pods[i].pod->gateway, false, search_path, &search);
    }
    return search.found;
}

bool sim_rest_is_contested(struct sim_oracle *oracle, const struct sim_wish *wish)
{
    struct sim *sim = oracle->sim;
    size_t count;
    CLEANUP(freep) const struct sim_object **all = sim_store_all(sim->store, OBJECT_API, &count);
    for (size_t i = 0; i < count; i++) {
        if (all[i] == wish->object)
            continue;
        struct sim_wish other;
        sim_wish_read(sim, all[i], &other);
        bool contested = rivals(wish, &other);
        sim_wish_fini(&other);
        if (contested)
            return true;
    }
    enum sim_group group;
    return sim_context_permits(sim, wish->context, wish->object->ns, &group) &&
           is_obstructed(oracle, wish, group);
}

bool sim_rest_is_held_up(struct sim_oracle *oracle, const struct sim_object *api)
{
    const json_t *status = json_object_get(api->tree, "status");
    const char *ns = sim_json_text(status, "contextRef", "namespace", NULL);
    CLEANUP(freep)
    char *key = xasprintf("%s/%s", ns, sim_json_text(status, "contextRef", "name", NULL));
    CLEANUP(freep) char *id = xstrdup(sim_json_text(status, "apiId", NULL));
    struct sim_wish held = {
        .object = api, .api_id = id, .path = sim_json_text(status, "listenPath", NULL)};
    return *ns && *id && sim_get(oracle->sim, OBJECT_CONTEXT, key) &&
           is_obstructed(oracle, &held, SIM_EDGE);
}

/* Does something stand in the way of what was pushed under this id? */
static bool is_obstructed_on(struct sim_oracle *oracle, const struct sim_object *api,
                             const struct sim_pod *pod, char *id)
{
    struct sim_definition there;
    if (!sim_gateway_disk(pod->gateway, id, &there))
        return false;
    struct sim_wish pushed = {
        .object = api, .api_id = id, .path = sim_document_path(there.document, there.oas)};
    struct path_search search = {oracle, &pushed, false};
    sim_gateway_each(pod->gateway, false, search_path, &search);
    return search.found;
}

/* It says that somebody else's definition has its id or path, and one has, wherever it was wanted
 * last: from where it has stood before that it does not go. */
static bool is_truly_stalled(struct sim_oracle *oracle, const struct sim_wish *wish)
{
    const char *reason = sim_reason(oracle->sim, OBJECT_API, wish->object->key, "Stalled");
    return (strcmp(reason, "ForeignDefinition") == 0 || strcmp(reason, "Conflict") == 0) &&
           (is_obstructed(oracle, wish, SIM_DEFAULT) || is_obstructed(oracle, wish, SIM_EDGE));
}

bool sim_rest_is_kept_and_disturbed(struct sim_oracle *oracle, const struct sim_wish *wish)
{
    const struct sim_object *api = wish->object;
    const struct sim_api_track *track = strmap_get(oracle->apis, api->uid);
    enum sim_group group;
    if (!track || (!wish->is_invalid && wish->document &&
                   sim_context_permits(oracle->sim, wish->context, api->ns, &group)))
        return false;
    if (is_truly_stalled(oracle, wish))
        return true;
    for (struct strmap_entry *e = strmap_first(track->pushed); e; e = strmap_next(e)) {
        CLEANUP(freep) char *place = xstrdup(strmap_entry_key(e)); /* "pod id" */
        char *id = strchr(place, ' ');
        *id++ = '\0';
        for (size_t i = 0; i < oracle->pod_count; i++) {
            const struct sim_pod *pod = oracle->pods[i].pod;
            if (!pod->gone && strcmp(pod->name, place) == 0 &&
                (strmap_has(oracle->pods[i].meddled, id) || is_obstructed_on(oracle, api, pod, id)))
                return true;
        }
    }
    return false;
}

/* ---- what each reference should be ---- */

enum outcome { OUTCOME_GLOBAL, OUTCOME_CONVERTED, OUTCOME_KEPT, OUTCOME_MISSING };

struct expectation {
    enum outcome outcome;
    bool is_bad;  /* ResolvedRefs cannot be True */
    json_t *call; /* owned; NULL: MISSING */
    int64_t cooldown;
};

/* The reference leads to a Webhook that may be used. */
static bool expect_global(struct sim_oracle *oracle, const struct sim_wish *wish, const char *ref,
                          const struct sim_object *webhook, const struct resolved_ref *copy,
                          struct expectation *expectation, struct buf *why)
{
    json_t *call = sim_call_of_webhook(oracle->sim, webhook);
    const char *key = wish->object->key;
    expectation->is_bad = !call;
    if (!call) {
        /* The last good copy, whatever it was; none, if there never was one. */
        expectation->outcome = copy ? OUTCOME_KEPT : OUTCOME_MISSING;
        expectation->call = copy ? sim_call_of_copy(copy->copy) : NULL;
        return true;
    }
    expectation->call = call;
    const char *cooldown = sim_json_text(webhook->tree, "spec", "cooldownPeriod", NULL);
    expectation->cooldown = *cooldown ? strtoll(cooldown, NULL, 10) : 10;
    if (!copy)
        return say(why, "copy: %s has no copy of %s", key, ref);
    if (copy->source != REF_GLOBAL || strcmp(copy->webhook_uid, webhook->uid) != 0)
        return say(why, "copy: %s: the copy of %s is not of Webhook %s", key, ref, webhook->key);
    json_t *written = sim_call_of_copy(copy->copy);
    bool same = json_equal(call, written);
    CLEANUP(freep) char *wanted = same ? NULL : sim_json_dump(call);
    CLEANUP(freep) char *found = same ? NULL : sim_json_dump(written);
    json_decref(written);
    if (!same)
        return say(why, "copy: %s: the copy of %s is %s, the Webhook says %s", key, ref, found,
                   wanted);
    if (copy->webhook_generation != webhook->generation)
        return say(why, "copy: %s: the copy of %s is of generation %" PRId64 ", not %" PRId64, key,
                   ref, copy->webhook_generation, webhook->generation);
    return true;
}

static bool expect_ref(struct sim_oracle *oracle, const struct sim_wish *wish, const char *ref,
                       const struct accepted *copies, struct expectation *expectation,
                       struct buf *why)
{
    struct sim *sim = oracle->sim;
    const struct resolved_ref *copy = accepted_get(copies, ref);
    const struct sim_object *webhook;
    *expectation = (struct expectation){.outcome = OUTCOME_GLOBAL, .cooldown = 10};
    enum sim_lookup found = sim_look_up(sim, wish->object->ns, ref, &webhook);
    if (found == SIM_FOUND)
        return expect_global(oracle, wish, ref, webhook, copy, expectation, why);
    expectation->is_bad = !copy;
    if (!copy) {
        expectation->outcome = OUTCOME_MISSING;
        return true;
    }
    if (copy->copy->cooldown)
        expectation->cooldown = strtoll(copy->copy->cooldown, NULL, 10);
    expectation->call = sim_call_of_copy(copy->copy);
    if (copy->source == REF_CONVERTED) {
        expectation->outcome = OUTCOME_CONVERTED;
        return true;
    }
    if (oracle->ignored[OBJECT_WEBHOOK]) {
        expectation->outcome = OUTCOME_KEPT;
        expectation->is_bad = true;
        return true;
    }
    return say(why,
               "copy: %s: reference %s leads nowhere (%s), and its copy is neither converted "
               "nor erased",
               wish->object->key, ref, found == SIM_DENIED ? "not permitted" : "no Webhook");
}

/* ---- handlers ---- */

static json_t *expected_handler(const json_t *wanted, const struct expectation *expectation)
{
    json_t *handler = json_copy((json_t *)(uintptr_t)wanted);
    json_t *call = json_copy(expectation->call);
    bool suspended = json_is_true(json_object_get(call, "suspend"));
    json_object_set_new(call, "suspend", json_false());
    json_object_set_new(handler, "call", call);
    if (suspended)
        json_object_set_new(handler, "enabled", json_false());
    if (expectation->outcome == OUTCOME_CONVERTED)
        json_object_del(handler, "ref");
    if (!json_object_get(handler, "cooldown"))
        json_object_set_new(handler, "cooldown", json_integer(expectation->cooldown));
    return handler;
}

struct expected {
    json_t *handlers;
    size_t total;
    size_t resolved;
    bool is_bad;
};

static bool expect_handlers(struct sim_oracle *oracle, const struct sim_wish *wish,
                            const struct accepted *copies, struct expected *expected,
                            struct buf *why)
{
    json_t *wanted = sim_handlers(wish->document, wish->oas);
    bool fine = true;
    expected->handlers = json_array();
    for (size_t i = 0; fine && i < json_array_size(wanted); i++) {
        json_t *handler = json_array_get(wanted, i);
        const char *ref = sim_json_text(handler, "ref", NULL);
        expected->total++;
        if (!*ref) {
            expected->resolved++;
            if (!json_object_get(handler, "cooldown"))
                json_object_set_new(handler, "cooldown", json_integer(10));
            json_array_append(expected->handlers, handler);
            continue;
        }
        struct expectation expectation;
        fine = expect_ref(oracle, wish, ref, copies, &expectation, why);
        expected->is_bad |= expectation.is_bad;
        if (fine && expectation.outcome != OUTCOME_MISSING) {
            expected->resolved++;
            /* What is kept of a bad global has the cooldown of its copy, and may be one that was
             * converted. */
            const struct resolved_ref *copy = accepted_get(copies, ref);
            if (expectation.outcome == OUTCOME_KEPT && copy->copy->cooldown)
                expectation.cooldown = strtoll(copy->copy->cooldown, NULL, 10);
            if (expectation.outcome == OUTCOME_KEPT && copy->source == REF_CONVERTED)
                expectation.outcome = OUTCOME_CONVERTED;
            json_array_append_new(expected->handlers, expected_handler(handler, &expectation));
        }
        json_decref(expectation.call);
    }
    json_decref(wanted);
    return fine;
}

/* ---- gateways ---- */

static bool check_pod(const struct sim_wish *wish, const struct sim_pod_track *track,
                      const json_t *handlers, struct buf *why)
{
    const struct sim_pod *pod = track->pod;
    const char *key = wish->object->key;
    struct sim_definition loaded;
    struct sim_definition disk;
    if (!sim_gateway_disk(pod->gateway, wish->api_id, &disk))
        return say(why, "absent: %s is not on %s", key, pod->name);
    if (!sim_gateway_loaded(pod->gateway, wish->api_id, &loaded))
        return say(why, "absent: %s is on the disk of %s, and not loaded", key, pod->name);
    /* A process was killed between a POST and its reload, and then the store was set back: by what
     * the object says, and what is loaded, all is well until the gateway's next reload. */
    bool unseen = strmap_has(track->unseen, wish->api_id);
    if (unseen)
        disk = loaded;
    const json_t *marker = sim_marker(disk.document, disk.oas);
    if (strcmp(sim_json_text(marker, "uid", NULL), wish->object->uid) != 0)
        return say(why, "absent: %s has id %s of another object, not of %s", pod->name,
                   wish->api_id, key);
    bool has_stray = !unseen && sim_gateway_has_stray(pod->gateway, wish->api_id);
    if (disk.oas != wish->oas || (has_stray && !strmap_has(track->strays, wish->api_id)))
        return say(why, "absent: %s is on %s in another form", key, pod->name);
    int64_t version = sim_document_version(disk.document, disk.oas);
    if (version != wish->version ||
        sim_document_version(loaded.document, loaded.oas) != wish->version)
        return say(why, "outdated: %s has version %" PRId64 " of %s, not %" PRId64, pod->name,
                   version, key, wish->version);
    if (loaded.is_renamed || loaded.is_truncated)
        return say(why, "renamed: %s is %s on %s", key, loaded.is_renamed ? "renamed" : "truncated",
                   pod->name);
    json_t *found = sim_handlers(disk.document, disk.oas);
    bool same = json_equal(found, handlers);
    CLEANUP(freep) char *is = same ? NULL : sim_json_dump(found);
    CLEANUP(freep) char *wanted = same ? NULL : sim_json_dump(handlers);
    json_decref(found);
    if (!same)
        return say(why, "handlers: those of %s on %s are %s, not %s", key, pod->name, is, wanted);
    return true;
}

/* ---- status ---- */

static bool check_summary(const struct sim *sim, const struct sim_wish *wish,
                          const struct expected *expected, size_t pods, struct buf *why)
{
    const struct sim_object *api = wish->object;
    const json_t *status = json_object_get(api->tree, "status");
    CLEANUP(freep) char *webhooks = xasprintf("%zu/%zu", expected->resolved, expected->total);
    CLEANUP(freep) char *gateways = xasprintf("%zu/%zu", pods, pods);
    bool resolved = strcmp(sim_condition(sim, OBJECT_API, api->key, "ResolvedRefs"), "True") == 0;
    bool programmed = strcmp(sim_condition(sim, OBJECT_API, api->key, "Programmed"), "True") == 0;
    bool ready = strcmp(sim_condition(sim, OBJECT_API, api->key, "Ready"), "True") == 0;
    if (strcmp(sim_json_text(status, "webhooksSummary", NULL), webhooks) != 0)
        return say(why, "status: %s says %s of its webhooks, not %s", api->key,
                   sim_json_text(status, "webhooksSummary", NULL), webhooks);
    if (strcmp(sim_json_text(status, "gatewaysSummary", NULL), gateways) != 0)
        return say(why, "status: %s says %s of its gateways, not %s", api->key,
                   sim_json_text(status, "gatewaysSummary", NULL), gateways);
    if (resolved == expected->is_bad)
        return say(why, "status: %s says ResolvedRefs %d (%s)", api->key, resolved,
                   sim_reason(sim, OBJECT_API, api->key, "ResolvedRefs"));
    if (programmed != (pods > 0))
        return say(why, "status: %s says Programmed %d (%s) with %zu pods", api->key, programmed,
                   sim_reason(sim, OBJECT_API, api->key, "Programmed"), pods);
    if (ready != (resolved && programmed))
        return say(why, "status: %s says Ready %d (%s), ResolvedRefs %d, Programmed %d", api->key,
                   ready, sim_reason(sim, OBJECT_API, api->key, "Ready"), resolved, programmed);
    if (*sim_condition(sim, OBJECT_API, api->key, "Stalled"))
        return say(why, "status: %s is Stalled (%s)", api->key,
                   sim_reason(sim, OBJECT_API, api->key, "Stalled"));
    return true;
}

static bool has_finalizer(const struct sim_object *api)
{
    const json_t *finalizers = sim_json_get(api->tree, "metadata", "finalizers", NULL);
    for (size_t i = 0; i < json_array_size(finalizers); i++) {
        if (strcmp(json_string_value(json_array_get(finalizers, i)), "grapnel.dev/gateway") == 0)
            return true;
    }
    return false;
}

static bool check_good(struct sim_oracle *oracle, const struct sim_wish *wish, enum sim_group group,
                       struct buf *why)
{
    const struct accepted *copies = sim_copies(wish->object);
    struct expected expected = {.handlers = NULL};
    size_t ready = 0;
    bool fine = has_finalizer(wish->object) ||
                say(why, "no-finalizer: %s has no finalizer of ours", wish->object->key);
    fine = fine && expect_handlers(oracle, wish, copies, &expected, why);
    for (size_t i = 0; fine && i < oracle->pod_count; i++) {
        const struct sim_pod *pod = oracle->pods[i].pod;
        if (pod->group != group || pod->gone || pod->terminating)
            continue;
        fine = check_pod(wish, &oracle->pods[i], expected.handlers, why);
        ready += pod->ready;
    }
    fine = fine && check_summary(oracle->sim, wish, &expected, ready, why);
    json_decref(expected.handlers);
    return fine;
}

/* One that cannot be pushed says why, and is Stalled where only its author can help. */
static bool check_bad(struct sim_oracle *oracle, const struct sim_wish *wish, const char *reason,
                      bool stalled, struct buf *why)
{
    struct sim *sim = oracle->sim;
    const char *key = wish->object->key;
    if (strcmp(sim_condition(sim, OBJECT_API, key, "Ready"), "True") == 0)
        return say(why, "status: %s is Ready, and should be %s", key, reason);
    const char *type = stalled ? "Stalled" : "ResolvedRefs";
    if (strcmp(sim_reason(sim, OBJECT_API, key, type), reason) != 0)
        return say(why, "status: %s says %s %s, not %s", key, type,
                   sim_reason(sim, OBJECT_API, key, type), reason);
    return true;
}

static bool check_api(struct sim_oracle *oracle, const struct sim_object *api, struct buf *why)
{
    struct sim *sim = oracle->sim;
    int64_t observed = sim_json_int(api->tree, "status", "observedGeneration", NULL);
    if (api->deleting)
        return json_array_size(sim_json_get(api->tree, "metadata", "finalizers", NULL)) &&
                       *sim_json_text(api->tree, "metadata", "annotations", "sim/held", NULL)
                   ? true
                   : say(why, "deleting: %s is still there", api->key);
    if (observed != api->generation)
        return say(why, "status: %s is at generation %" PRId64 ", its status at %" PRId64, api->key,
                   api->generation, observed);
    struct sim_wish wish;
    enum sim_group group;
    sim_wish_read(sim, api, &wish);
    bool fine = true;
    if (!sim_context_permits(sim, wish.context, api->ns, &group))
        fine = check_bad(oracle, &wish, "ContextNotFound", false, why);
    else if (wish.is_invalid && wish.document)
        fine = check_bad(oracle, &wish, "InvalidSpec", true, why);
    else if (sim_rest_is_contested(oracle, &wish))
        fine = true; /* who has it depends on what has been: sim_rest_gateways() */
    else if (!wish.document)
        fine = check_bad(oracle, &wish, "ConfigMapNotFound", false, why);
    else
        fine = check_good(oracle, &wish, group, why);
    sim_wish_fini(&wish);
    return fine;
}

bool sim_rest_apis(struct sim_oracle *oracle, struct buf *why)
{
    size_t count;
    CLEANUP(freep)
    const struct sim_object **all = sim_store_all(oracle->sim->store, OBJECT_API, &count);
    for (size_t i = 0; i < count; i++) {
        if (!check_api(oracle, all[i], why))
            return false;
    }
    return true;
}
