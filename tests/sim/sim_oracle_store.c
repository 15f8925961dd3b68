/* SPDX-License-Identifier: Apache-2.0 */
/* Rules about what is written to the API server. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "core/accepted.h"
#include "sim/sim_oracle_private.h"

static void copy_track_free(void *value)
{
    struct sim_copy_track *track = value;
    free(track->webhook_uid);
    free(track->webhook_key);
    json_decref(track->call);
    free(track);
}

void sim_api_track_free(void *value)
{
    struct sim_api_track *track = value;
    strmap_free(track->copies);
    strmap_free(track->known);
    strmap_free(track->pushed);
    free(track->place);
    free(track->key);
    free(track);
}

struct sim_api_track *sim_oracle_track(struct sim_oracle *oracle, const char *uid, const char *key)
{
    struct sim_api_track *track = strmap_get(oracle->apis, uid);
    if (!track) {
        track = xcalloc(1, sizeof(*track));
        *track = (struct sim_api_track){.key = xstrdup(key),
                                        .copies = strmap_new(copy_track_free),
                                        .known = strset_new(),
                                        .pushed = strmap_new(free),
                                        .since = sim_now(oracle->sim->time)};
        strmap_set(oracle->apis, uid, track);
    }
    return track;
}

char *sim_copy_print(const char *ref, const json_t *call)
{
    json_t *plain = json_copy((json_t *)(uintptr_t)call);
    json_object_del(plain, "suspend");
    char *text = sim_json_dump_sorted(plain);
    char *print = xasprintf("%s %s", ref, text);
    free(text);
    json_decref(plain);
    return print;
}

void sim_oracle_note_place(struct sim_oracle *oracle, const struct sim_object *api)
{
    struct sim_api_track *track = sim_oracle_track(oracle, api->uid, api->key);
    struct sim_wish wish;
    sim_wish_read(oracle->sim, api, &wish);
    char *place = xasprintf("%s %s", wish.context, wish.api_id);
    sim_wish_fini(&wish);
    if (str_equal(place, track->place)) {
        free(place);
        return;
    }
    free(track->place);
    track->place = place;
    track->place_since = sim_now(oracle->sim->time);
}

/* ---- copies in a status ---- */

static bool spec_names(const struct sim *sim, const struct sim_object *api, const char *ref)
{
    struct sim_wish wish;
    sim_wish_read(sim, api, &wish);
    json_t *handlers = sim_handlers(wish.document, wish.oas);
    bool found = !wish.document; /* a ConfigMap that is missing: not known */
    for (size_t i = 0; i < json_array_size(handlers); i++)
        found |= strcmp(sim_json_text(json_array_get(handlers, i), "ref", NULL), ref) == 0;
    json_decref(handlers);
    sim_wish_fini(&wish);
    return found;
}

static bool was_ever_denied(const struct sim_oracle *oracle, const char *uid, const char *ns)
{
    CLEANUP(freep) char *key = xasprintf("%s %s", uid, ns);
    return strmap_has(oracle->denials, key);
}

/* The least that a deletion has to stand; clocks of processes may run a little fast. */
#define GRACE (SECONDS * 7 / 2)

void sim_oracle_note_deletion(struct sim_oracle *oracle, const char *uid)
{
    if (strmap_has(oracle->deleted_webhooks, uid))
        return;
    int64_t *since = xmalloc(sizeof(*since));
    *since = sim_now(oracle->sim->time);
    strmap_set(oracle->deleted_webhooks, uid, since);
}

static void check_conversion(struct sim_oracle *oracle, const struct sim_object *api,
                             const struct resolved_ref *ref, const struct sim_copy_track *before)
{
    struct sim *sim = oracle->sim;
    if (before && before->converted)
        return;
    if (!strmap_has(oracle->deleted_webhooks, ref->webhook_uid))
        sim_fail(sim, "conversion",
                 "%s: reference %s is converted, and Webhook %s/%s (%s) has not "
                 "been deleted",
                 api->key, ref->ref, ref->webhook_ns, ref->webhook_name, ref->webhook_uid);
    const int64_t *since = strmap_get(oracle->deleted_webhooks, ref->webhook_uid);
    if (since && sim_now(sim->time) - *since < GRACE)
        sim_fail(sim, "grace",
                 "%s: reference %s is converted %" PRId64 " ms after its Webhook went", api->key,
                 ref->ref, (sim_now(sim->time) - *since) / 1000);
    json_t *call = sim_call_of_copy(ref->copy);
    if (before && !json_equal(before->call, call)) {
        CLEANUP(freep) char *was = sim_json_dump(before->call);
        CLEANUP(freep) char *is = sim_json_dump(call);
        sim_fail(sim, "conversion-loses", "%s: reference %s was %s and is converted to %s",
                 api->key, ref->ref, was, is);
    }
    json_decref(call);
}

static void note_copy(struct sim_api_track *track, const struct resolved_ref *ref)
{
    struct sim_copy_track *copy = xcalloc(1, sizeof(*copy));
    copy->converted = ref->source == REF_CONVERTED;
    copy->webhook_uid = xstrdup(ref->webhook_uid);
    copy->webhook_key = xasprintf("%s/%s", ref->webhook_ns, ref->webhook_name);
    copy->call = sim_call_of_copy(ref->copy);
    CLEANUP(freep) char *print = sim_copy_print(ref->ref, copy->call);
    strset_add(track->known, print);
    strmap_set(track->copies, ref->ref, copy);
}

void sim_oracle_note_copies(struct sim_oracle *oracle, const struct sim_object *api)
{
    const struct accepted *accepted = sim_copies(api);
    const json_t *webhooks = sim_json_get(api->tree, "status", "webhooks", NULL);
    for (size_t i = 0; i < json_array_size(webhooks); i++) {
        const struct resolved_ref *ref =
            accepted_get(accepted, sim_json_text(json_array_get(webhooks, i), "ref", NULL));
        if (ref)
            note_copy(sim_oracle_track(oracle, api->uid, api->key), ref);
    }
}

/* A copy may only be erased when nobody refers to it any more, or when the Webhook does not let the
 * API use it. */
static void check_erasure(struct sim_oracle *oracle, const struct sim_object *api, const char *ref,
                          const struct sim_copy_track *copy)
{
    struct sim *sim = oracle->sim;
    /* Another Webhook of this name may not have let it in either. */
    if (!spec_names(sim, api, ref) || was_ever_denied(oracle, copy->webhook_uid, api->ns) ||
        was_ever_denied(oracle, copy->webhook_key, api->ns))
        return;
    if (strmap_has(oracle->deleted_webhooks, copy->webhook_uid))
        sim_fail(sim, "conversion-lost",
                 "%s: the copy of reference %s is erased, its Webhook %s is "
                 "deleted: it should be converted",
                 api->key, ref, copy->webhook_uid);
}

static void check_copies(struct sim_oracle *oracle, const struct sim_change *change)
{
    struct sim *sim = oracle->sim;
    const struct sim_object *api = change->after;
    struct sim_api_track *track = sim_oracle_track(oracle, api->uid, api->key);
    const struct accepted *accepted = sim_copies(api);
    const json_t *webhooks = sim_json_get(api->tree, "status", "webhooks", NULL);
    CLEANUP(strmap_freep) struct strmap *seen = strset_new();
    for (size_t i = 0; i < json_array_size(webhooks); i++) {
        const char *name = sim_json_text(json_array_get(webhooks, i), "ref", NULL);
        const struct resolved_ref *ref = accepted_get(accepted, name);
        strset_add(seen, name);
        if (!ref) {
            sim_fail(sim, "sealed", "%s: the copy of %s cannot be read or opened", api->key, name);
            continue;
        }
        if (ref->source == REF_CONVERTED)
            check_conversion(oracle, api, ref, strmap_get(track->copies, name));
        note_copy(track, ref);
    }
    struct strmap_entry *next;
    for (struct strmap_entry *e = strmap_first(track->copies); e; e = next) {
        next = strmap_next(e);
        CLEANUP(freep) char *ref = xstrdup(strmap_entry_key(e));
        if (strmap_has(seen, ref))
            continue;
        check_erasure(oracle, api, ref, strmap_entry_value(e));
        strmap_remove(track->copies, ref);
    }
}

/* ---- what a status says ---- */

static void check_generation(struct sim_oracle *oracle, const struct sim_object *object)
{
    int64_t observed = sim_json_int(object->tree, "status", "observedGeneration", NULL);
    if (observed != object->generation)
        sim_fail(oracle->sim, "generation",
                 "%s: the status speaks of generation %" PRId64 ", the object is at %" PRId64,
                 object->key, observed, object->generation);
}

static const json_t *condition(const struct sim_object *object, const char *type)
{
    const json_t *conditions = sim_json_get(object->tree, "status", "conditions", NULL);
    for (size_t i = 0; i < json_array_size(conditions); i++) {
        if (strcmp(sim_json_text(json_array_get(conditions, i), "type", NULL), type) == 0)
            return json_array_get(conditions, i);
    }
    return NULL;
}

static void note_resolved(struct sim_oracle *oracle, const struct sim_object *api)
{
    if (strcmp(sim_json_text(condition(api, "ResolvedRefs"), "status", NULL), "True") == 0)
        sim_oracle_track(oracle, api->uid, api->key)->was_resolved = true;
}

static bool holds(const struct sim_pod_track *pod, const struct sim_wish *wish)
{
    struct sim_definition definition;
    if (!sim_gateway_loaded(pod->pod->gateway, wish->api_id, &definition))
        return false;
    const json_t *marker = sim_marker(definition.document, definition.oas);
    return strcmp(sim_json_text(marker, "uid", NULL), wish->object->uid) == 0 &&
           sim_document_version(definition.document, definition.oas) >= wish->version;
}

/* Who says that all gateways hold it must be right about those that nothing disturbs. One that says
 * that it does not see its context speaks of where it was. */
static void check_programmed(struct sim_oracle *oracle, const struct sim_object *api)
{
    struct sim *sim = oracle->sim;
    struct sim_wish wish;
    enum sim_group group;
    if (strcmp(sim_json_text(condition(api, "Programmed"), "status", NULL), "True") != 0 ||
        strcmp(sim_json_text(condition(api, "ResolvedRefs"), "reason", NULL), "ContextNotFound") ==
            0)
        return;
    sim_wish_read(sim, api, &wish);
    int64_t now = sim_now(sim->time);
    if (wish.document && now - oracle->api_disturbed_at > SIM_VIEW_AGE &&
        !sim_oracle_may_be_old(oracle, api->key) &&
        sim_context_permits(sim, wish.context, api->ns, &group)) {
        for (size_t i = 0; i < oracle->pod_count; i++) {
            const struct sim_pod_track *pod = &oracle->pods[i];
            if (pod->pod->group == group && !pod->pod->gone && pod->pod->ready &&
                !pod->pod->terminating && now - pod->disturbed_at > SIM_VIEW_AGE &&
                !holds(pod, &wish))
                sim_fail(sim, "programmed", "%s says that all gateways hold it, and %s does not",
                         api->key, pod->pod->name);
        }
    }
    sim_wish_fini(&wish);
}

/* ---- deletions ---- */

struct uid_search {
    const struct sim *sim;
    const char *uid;
    bool spares_marked; /* not what is marked as retained */
    const char *found;  /* the id it stands under */
};

static void search_uid(void *arg, const struct sim_definition *definition)
{
    struct uid_search *search = arg;
    const json_t *marker = sim_marker(definition->document, definition->oas);
    const char *context = sim_json_text(marker, "context", NULL);
    /* Who has lost its context has lost the way to its gateways: what stands there waits for the
     * context to come back, and nothing waits for that. */
    bool is_in_reach = !*context || sim_get(search->sim, OBJECT_CONTEXT, context);
    bool is_spared = search->spares_marked && json_is_true(json_object_get(marker, "retain"));
    if (is_in_reach && !is_spared && strcmp(sim_json_text(marker, "uid", NULL), search->uid) == 0)
        search->found = definition->id;
}

static bool is_retained(const struct sim_object *api)
{
    return strcmp(sim_json_text(api->tree, "metadata", "annotations", "grapnel.dev/deletion-policy",
                                NULL),
                  "Retain") == 0;
}

/* What is retained is nobody's: an object of the same name may write another form over it. */
static void note_retained(struct sim_oracle *oracle, const struct sim_object *api)
{
    struct sim_wish wish;
    sim_wish_read(oracle->sim, api, &wish);
    for (size_t i = 0; i < oracle->pod_count; i++)
        strset_add(oracle->pods[i].strays, wish.api_id);
    sim_wish_fini(&wish);
}

/* Is there an OAS file that nothing shows, or one that is to be deleted? */
static bool may_leave_file(const struct sim_gateway *gateway, const char *id)
{
    struct sim_definition disk;
    struct sim_definition loaded;
    bool is_oas = sim_gateway_disk(gateway, id, &disk) && disk.oas;
    return sim_gateway_has_stray(gateway, id) ||
           (is_oas && !(sim_gateway_loaded(gateway, id, &loaded) && loaded.oas));
}

void sim_oracle_note_owed(struct sim_oracle *oracle, const struct sim_object *api)
{
    struct sim_wish wish;
    sim_wish_read(oracle->sim, api, &wish);
    for (size_t i = 0; i < oracle->pod_count; i++) {
        if (may_leave_file(oracle->pods[i].pod->gateway, wish.api_id))
            strset_add(oracle->pods[i].strays, wish.api_id);
    }
    sim_wish_fini(&wish);
}

bool sim_oracle_is_good(struct sim_oracle *oracle, const struct sim_object *api)
{
    struct sim_wish wish;
    enum sim_group group;
    sim_wish_read(oracle->sim, api, &wish);
    bool good = !wish.is_invalid && wish.document &&
                sim_context_permits(oracle->sim, wish.context, api->ns, &group) &&
                !sim_rest_is_contested(oracle, &wish);
    sim_wish_fini(&wish);
    return good;
}

/* The operator lets an object go: no gateway that it can reach may hold anything of it, or, of what
 * is retained, anything without the mark that says so: it would be collected later. */
static void check_released(struct sim_oracle *oracle, const struct sim_object *api)
{
    struct sim *sim = oracle->sim;
    int64_t now = sim_now(sim->time);
    bool retained = is_retained(api);
    if (now - oracle->api_disturbed_at < SIM_VIEW_AGE ||
        (retained && !sim_oracle_is_good(oracle, api)))
        return;
    for (size_t i = 0; i < oracle->pod_count; i++) {
        const struct sim_pod_track *pod = &oracle->pods[i];
        if (pod->pod->gone || now - pod->disturbed_at < 2 * SIM_VIEW_AGE ||
            !sim_gateway_is_up(pod->pod->gateway))
            continue;
        struct uid_search search = {.sim = sim, .uid = api->uid, .spares_marked = retained};
        sim_gateway_each(pod->pod->gateway, true, search_uid, &search);
        if (search.found)
            sim_fail(sim, retained ? "retained" : "finalizer",
                     "%s is let go, and %s still serves it under id %s%s", api->key, pod->pod->name,
                     search.found, retained ? " without the mark" : "");
    }
}

/* ---- spec and metadata ---- */

static bool same_member(const struct sim_change *change, const char *name)
{
    return json_equal(json_object_get(change->before->tree, name),
                      json_object_get(change->after->tree, name)) ||
           json_object_get(change->before->tree, name) ==
               json_object_get(change->after->tree, name);
}

/* What the operator may change of an ApiDefinition besides its status. */
static void check_change(struct sim_oracle *oracle, const struct sim_change *change)
{
    struct sim *sim = oracle->sim;
    const struct sim_object *before = change->before;
    if (same_member(change, "spec"))
        return;
    if (before->deleting)
        sim_fail(sim, "rewrite", "%s: its spec is rewritten while it is being deleted",
                 before->key);
    if (*sim_json_text(before->tree, "metadata", "annotations", "argocd.argoproj.io/tracking-id",
                       NULL)) {
        const json_t *webhooks = sim_json_get(before->tree, "status", "webhooks", NULL);
        bool wanted = false;
        for (size_t i = 0; i < json_array_size(webhooks); i++)
            wanted |= strcmp(sim_json_text(json_array_get(webhooks, i), "webhook",
                                           "conversionPolicy", NULL),
                             "Rewrite") == 0;
        if (!wanted)
            sim_fail(sim, "rewrite", "%s: its spec is rewritten although a GitOps tool owns it",
                     before->key);
    }
}

/* ---- permissions ---- */

static void note_denials(struct sim_oracle *oracle)
{
    static const char *const namespaces[] = {"a", "b"};
    struct sim *sim = oracle->sim;
    size_t count;
    CLEANUP(freep)
    const struct sim_object **all = sim_store_all(sim->store, OBJECT_WEBHOOK, &count);
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < ARRAY_LENGTH(namespaces); j++) {
            const struct sim_object *found;
            if (sim_look_up(sim, namespaces[j], all[i]->key, &found) != SIM_DENIED)
                continue;
            CLEANUP(freep) char *key = xasprintf("%s %s", all[i]->uid, namespaces[j]);
            CLEANUP(freep) char *name = xasprintf("%s %s", all[i]->key, namespaces[j]);
            strset_add(oracle->denials, key);
            strset_add(oracle->denials, name);
        }
    }
}

static bool has_our_finalizer(const struct sim_object *object)
{
    const json_t *finalizers = sim_json_get(object->tree, "metadata", "finalizers", NULL);
    for (size_t i = 0; i < json_array_size(finalizers); i++) {
        if (strcmp(json_string_value(json_array_get(finalizers, i)), "grapnel.dev/gateway") == 0)
            return true;
    }
    return false;
}

static void note_stripped(struct sim_oracle *oracle, const struct sim_change *change)
{
    if (change->actor == SIM_OPERATOR || !change->before || !has_our_finalizer(change->before) ||
        (change->after && has_our_finalizer(change->after)))
        return;
    sim_oracle_track(oracle, change->before->uid, change->before->key)->is_stripped = true;
}

/* What users write, in one line. */
static void say_content(struct sim_oracle *oracle, const struct sim_object *object)
{
    char *spec = json_dumps(json_object_get(object->tree, "spec"), JSON_COMPACT | JSON_ENCODE_ANY);
    char *annotations =
        json_dumps(sim_json_get(object->tree, "metadata", "annotations", NULL), JSON_COMPACT);
    sim_say(oracle->sim, "    %s %s", spec ? spec : "", annotations ? annotations : "");
    free(spec);
    free(annotations);
}

/* NOLINTNEXTLINE(readability-function-cognitive-complexity): one branch a kind of change */
void sim_oracle_on_change(void *arg, const struct sim_change *change)
{
    struct sim_oracle *oracle = arg;
    const struct sim_object *object = change->after ? change->after : change->before;
    if (change->actor != SIM_OPERATOR || !change->of_status)
        sim_say(oracle->sim, "  %s %s is %s (revision %" PRId64 ")",
                sim_resource_of(change->kind)->kind, object->key,
                !change->after    ? "gone"
                : !change->before ? "created"
                                  : "changed",
                change->revision);
    if (oracle->sim->options.story && change->actor == SIM_USER && change->after)
        say_content(oracle, object);
    if (change->kind == OBJECT_WEBHOOK && change->after)
        strset_add(oracle->webhooks, change->after->uid);
    if (change->kind == OBJECT_WEBHOOK && !change->after && oracle->ignored[OBJECT_WEBHOOK])
        strset_add(oracle->gone_with_crd, change->before->uid);
    else if (change->kind == OBJECT_WEBHOOK && !change->after)
        sim_oracle_note_deletion(oracle, change->before->uid);
    if ((change->kind == OBJECT_WEBHOOK || change->kind == OBJECT_NAMESPACE) && change->after)
        note_denials(oracle);
    if (change->kind == OBJECT_CONFIGMAP)
        oracle->config_maps_changed = sim_now(oracle->sim->time);
    bool ours = change->actor == SIM_OPERATOR && change->after;
    bool has_status = change->kind == OBJECT_API || change->kind == OBJECT_WEBHOOK ||
                      change->kind == OBJECT_CONTEXT;
    if (ours && change->of_status && has_status)
        check_generation(oracle, object);
    if (change->kind != OBJECT_API)
        return;
    if (ours && change->of_status) {
        check_copies(oracle, change);
        note_resolved(oracle, object);
        check_programmed(oracle, object);
    } else if (ours && change->before) {
        check_change(oracle, change);
    }
    note_stripped(oracle, change);
    if (!change->after && is_retained(change->before))
        note_retained(oracle, change->before);
    if (change->actor == SIM_OPERATOR && !change->after)
        check_released(oracle, change->before);
    else if (!change->after)
        sim_oracle_note_owed(oracle, change->before); /* by the object it would be noticed */
    if (change->after)
        sim_oracle_note_place(oracle, change->after);
}
