/* SPDX-License-Identifier: Apache-2.0 */
/* Rules about what is written to gateways. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "sim/sim_oracle_private.h"

/* What was seen so long ago may have changed hands (30 s for a push, 5 s for a deletion), and so
 * may what was ours until the next look at everything. */
#define FOREIGN_SEEN (35 * SECONDS)
#define FOREIGN_SEEN_TO_DELETE (8 * SECONDS)
#define OURS_SEEN (720 * SECONDS)

void sim_foreign_track_free(void *value)
{
    struct sim_foreign_track *track = value;
    json_decref(track->document);
    free(track);
}

struct sim_pod_track *sim_oracle_pod(struct sim_oracle *oracle, const struct sim_gateway *gateway)
{
    for (size_t i = 0; i < oracle->pod_count; i++) {
        if (oracle->pods[i].pod->gateway == gateway)
            return &oracle->pods[i];
    }
    abort();
}

const json_t *sim_oracle_our_marker(const struct sim_oracle *oracle, const json_t *document,
                                    bool oas)
{
    const json_t *marker = sim_marker(document, oas);
    const struct sim_object *cluster =
        sim_store_get(oracle->sim->store, OBJECT_NAMESPACE, "kube-system");
    bool ours = strcmp(sim_json_text(marker, "owner", NULL), "grapnel") == 0 && cluster &&
                strcmp(sim_json_text(marker, "cluster", NULL), cluster->uid) == 0;
    return ours ? marker : NULL;
}

static bool may_adopt(const struct sim_oracle *oracle, const json_t *marker)
{
    const struct sim *sim = oracle->sim;
    const json_t *api = sim_get(sim, OBJECT_API, sim_json_text(marker, "api", NULL));
    const json_t *context = sim_get(sim, OBJECT_CONTEXT, sim_json_text(marker, "context", NULL));
    return strcmp(sim_json_text(api, "metadata", "annotations", "grapnel.dev/adopt", NULL),
                  "true") == 0 &&
           json_is_true(sim_json_get(context, "spec", "allowAdoption", NULL));
}

/* Somebody else's definition under the id. */
static void check_foreign(struct sim_oracle *oracle, const struct sim_gateway_write *write,
                          struct sim_pod_track *pod, const json_t *marker)
{
    struct sim *sim = oracle->sim;
    const struct sim_foreign_track *foreign = strmap_get(pod->foreign, write->id);
    struct sim_definition now;
    if (!foreign || !sim_gateway_disk(write->gateway, write->id, &now))
        return;
    int64_t age = sim_now(sim->time) - foreign->since;
    int64_t seen = write->is_delete ? FOREIGN_SEEN_TO_DELETE : FOREIGN_SEEN;
    if (foreign->was_ours)
        seen = OURS_SEEN;
    bool adopted = !write->is_delete && may_adopt(oracle, marker);
    /* Who was stopped finds the answer to what it asked before: it is news to nobody else. */
    bool was_stopped = sim_now(sim->time) - oracle->resumed_at < seen;
    if (age > seen && !adopted && !was_stopped)
        sim_fail(sim, "foreign", "%s: %s of %s, which is somebody else's since %" PRId64 " s",
                 pod->pod->name, write->is_delete ? "DELETE" : "POST", write->id, age / SECONDS);
    strmap_remove(pod->foreign, write->id);
}

static bool was_known_before(const struct sim_oracle *oracle, const char *uid, const char *print)
{
    CLEANUP(freep) char *of_api = xasprintf("%s %s", uid, print);
    return sim_oracle_may_be_of_before(oracle) && strmap_has(oracle->known_before, of_api);
}

/* No handler may come to a gateway with an id and nothing to call. */
static void check_resolved(struct sim_oracle *oracle, const struct sim_gateway_write *write,
                           const struct sim_pod_track *pod, const json_t *marker)
{
    struct sim *sim = oracle->sim;
    const char *uid = sim_json_text(marker, "uid", NULL);
    const char *key = sim_json_text(marker, "api", NULL);
    const struct sim_api_track *track = strmap_get(oracle->apis, uid);
    json_t *handlers = sim_handlers(write->document, write->oas);
    for (size_t i = 0; i < json_array_size(handlers); i++) {
        const json_t *handler = json_array_get(handlers, i);
        const char *ref = sim_json_text(handler, "ref", NULL);
        const json_t *call = json_object_get(handler, "call");
        if (!call) {
            sim_fail(sim, "unresolved", "%s gets %s with a handler that calls nothing (id \"%s\")",
                     pod->pod->name, key, ref);
            continue;
        }
        CLEANUP(freep) char *print = sim_copy_print(ref, call);
        if (*ref && (!track || !strmap_has(track->known, print)) &&
            !was_known_before(oracle, uid, print))
            sim_fail(sim, "push-before-status",
                     "%s gets %s with a copy that was never written to its status: %s",
                     pod->pod->name, key, print);
    }
    json_decref(handlers);
}

/* A ConfigMap is read every 30 s, where the process runs and the API server answers: what it said
 * before may be pushed for so long. */
#define CONFIG_MAP_AGE (35 * SECONDS)
#define LONGEST_OUTAGE (70 * SECONDS)

bool sim_oracle_may_be_old(const struct sim_oracle *oracle, const char *key)
{
    const struct sim *sim = oracle->sim;
    const struct sim_object *api = sim_store_get(sim->store, OBJECT_API, key);
    int64_t now = sim_now(sim->time);
    int64_t changed = oracle->config_maps_changed;
    bool was_away = now - oracle->api_disturbed_at < CONFIG_MAP_AGE &&
                    now - changed < LONGEST_OUTAGE + 2 * CONFIG_MAP_AGE;
    return api && sim_json_get(api->tree, "spec", "oasRef", NULL) &&
           (now - changed < CONFIG_MAP_AGE || was_away);
}

static bool is_ahead(const struct sim_oracle *oracle, const char *key, int64_t version)
{
    const struct sim_object *api = sim_store_get(oracle->sim->store, OBJECT_API, key);
    if (!api)
        return true;
    struct sim_wish wish;
    sim_wish_read(oracle->sim, api, &wish);
    bool ahead = version > wish.version;
    sim_wish_fini(&wish);
    return ahead;
}

bool sim_oracle_is_left(const struct sim_oracle *oracle, const struct sim_push *push)
{
    const struct sim *sim = oracle->sim;
    return sim_operator_incarnation(sim->operators[push->number]) != push->incarnation ||
           sim->leads_since[push->number] != push->leads_since;
}

struct newer_search {
    const char *uid;
    int64_t than;
    bool found;
};

static void search_newer(void *arg, const struct sim_definition *definition)
{
    struct newer_search *search = arg;
    const json_t *marker = sim_marker(definition->document, definition->oas);
    search->found |= strcmp(sim_json_text(marker, "uid", NULL), search->uid) == 0 &&
                     sim_document_version(definition->document, definition->oas) > search->than;
}

/* Another process has pushed the newer one, and the gateway does not show it: it has lost it, or
 * has not loaded it yet. */
static bool is_unaware(const struct sim_gateway_write *write, const char *uid,
                       const struct sim_push *before, const struct sim_push *now)
{
    struct newer_search search = {uid, now->version, false};
    if (now->number == before->number && now->incarnation == before->incarnation)
        return false;
    sim_gateway_each(write->gateway, true, search_newer, &search);
    return !search.found;
}

static void check_version(struct sim_oracle *oracle, const struct sim_gateway_write *write,
                          const struct sim_pod_track *pod, const json_t *marker)
{
    const char *uid = sim_json_text(marker, "uid", NULL);
    struct sim_api_track *track = strmap_get(oracle->apis, uid);
    int64_t version = sim_document_version(write->document, write->oas);
    if (!track)
        return;
    /* What the store does not have (any more) says nothing of what comes next. */
    if (sim_oracle_may_be_of_before(oracle) && is_ahead(oracle, track->key, version))
        return;
    CLEANUP(freep) char *place = xasprintf("%s %s", pod->pod->name, write->id);
    unsigned number = sim_number_of(write->client);
    struct sim_push push = {
        .version = version,
        .number = number,
        .incarnation = sim_operator_incarnation(oracle->sim->operators[number]),
        .leads_since = oracle->sim->leads_since[number],
    };
    const struct sim_push *before = strmap_get(track->pushed, place);
    if (before && version < before->version && !sim_oracle_may_be_old(oracle, track->key) &&
        !is_unaware(write, uid, before, &push))
        sim_fail(oracle->sim, "older", "%s gets version %" PRId64 " of %s after %" PRId64,
                 pod->pod->name, version, track->key, before->version);
    struct sim_push *now = xmalloc(sizeof(*now));
    *now = push;
    strmap_set(track->pushed, place, now);
}

/* Who refers to what is not there (yet) is not pushed for a while at first; who has a status
 * already (it waited for its context or ConfigMap, another process wrote it, or all was there and a
 * permission has been withdrawn since) is. */
#define REFERENCE_GRACE (7 * SECONDS)

static void check_grace(struct sim_oracle *oracle, const struct sim_gateway_write *write,
                        const struct sim_pod_track *pod, const json_t *marker)
{
    struct sim *sim = oracle->sim;
    const char *uid = sim_json_text(marker, "uid", NULL);
    const struct sim_api_track *track = strmap_get(oracle->apis, uid);
    const struct sim_object *api =
        sim_store_get(sim->store, OBJECT_API, sim_json_text(marker, "api", NULL));
    if (!api || !track || strcmp(api->uid, uid) != 0 || strmap_count(track->pushed) ||
        sim_now(sim->time) - track->since > REFERENCE_GRACE)
        return;
    struct sim_wish wish;
    sim_wish_read(sim, api, &wish);
    json_t *wanted = sim_handlers(wish.document, wish.oas);
    json_t *given = sim_handlers(write->document, write->oas);
    bool had_status = *wish.context || track->was_resolved || oracle->killed_at > track->since ||
                      api->generation > 1 || sim_oracle_may_be_old(oracle, api->key) ||
                      sim->options.elect;
    if (!had_status && sim_document_version(write->document, write->oas) == wish.version &&
        json_array_size(given) < json_array_size(wanted))
        sim_fail(sim, "reference-grace",
                 "%s gets %s without all of its handlers %" PRId64 " ms after its creation",
                 pod->pod->name, api->key, (sim_now(sim->time) - track->since) / 1000);
    json_decref(wanted);
    json_decref(given);
    sim_wish_fini(&wish);
}

/* A gateway that has answered a deletion, and not done it, hears again: what is written now is
 * written over an OAS definition that was deleted, as far as anybody can know. */
static void note_heard(struct sim_pod_track *pod, const struct sim_gateway_write *write)
{
    struct sim_definition disk;
    if (!strmap_has(pod->unheard, write->id) || sim_gateway_is_deaf(write->gateway))
        return;
    strmap_remove(pod->unheard, write->id);
    if (!write->oas && sim_gateway_disk(write->gateway, write->id, &disk) && disk.oas)
        strset_add(pod->strays, write->id);
}

/* It was underway when its sender was killed, perhaps. */
static void note_sent_late(const struct sim_oracle *oracle, struct sim_pod_track *pod,
                           const struct sim_gateway_write *write)
{
    struct sim_definition disk;
    if (!write->oas && sim_now(oracle->sim->time) - oracle->killed_at < SIM_VIEW_AGE &&
        sim_gateway_disk(write->gateway, write->id, &disk) && disk.oas)
        strset_add(pod->owed, write->id);
}

static void check_post(struct sim_oracle *oracle, const struct sim_gateway_write *write)
{
    struct sim *sim = oracle->sim;
    struct sim_pod_track *pod = sim_oracle_pod(oracle, write->gateway);
    const json_t *marker = sim_oracle_our_marker(oracle, write->document, write->oas);
    if (!marker) {
        sim_fail(sim, "marker", "%s gets %s without our marker", pod->pod->name, write->id);
        return;
    }
    sim_say(sim, "    %s: %s under id %s, version %" PRId64, pod->pod->name,
            sim_json_text(marker, "api", NULL), write->id,
            sim_document_version(write->document, write->oas));
    check_foreign(oracle, write, pod, marker);
    check_resolved(oracle, write, pod, marker);
    check_grace(oracle, write, pod, marker);
    check_version(oracle, write, pod, marker);
    note_heard(pod, write);
    note_sent_late(oracle, pod, write);
    strset_add(pod->ours, write->id);
}

static bool wants_oas(const struct sim_oracle *oracle, const struct sim_object *api)
{
    struct sim_wish wish;
    sim_wish_read(oracle->sim, api, &wish);
    bool oas = wish.oas;
    sim_wish_fini(&wish);
    return oas;
}

/* Why may this definition go? NULL: there is no reason. */
static const char *reason_to_delete(struct sim_oracle *oracle,
                                    const struct sim_gateway_write *write, const json_t *marker)
{
    struct sim *sim = oracle->sim;
    const char *key = sim_json_text(marker, "api", NULL);
    const struct sim_object *api = sim_store_get(sim->store, OBJECT_API, key);
    struct sim_definition loaded;
    if (!api)
        return "its object is gone";
    if (api->deleting)
        return "its object is going";
    if (strcmp(api->uid, sim_json_text(marker, "uid", NULL)) != 0)
        return "it is of an earlier object of this name";
    /* Both files go by what is loaded. One that takes writes and does nothing shows the OAS one as
     * long as that lasts: then it is the object that tells. */
    if (sim_gateway_loaded(write->gateway, write->id, &loaded) &&
        (loaded.oas != write->oas || (loaded.oas && !wants_oas(oracle, api))))
        return "it is posted anew, for it has changed its form";
    /* Somebody has put another form there, unseen: it was an OAS one that was written over. */
    if (!write->oas && !wants_oas(oracle, api) &&
        strmap_has(sim_oracle_pod(oracle, write->gateway)->strays, write->id))
        return "it is posted anew, for it had another form when it was seen last";
    const struct sim_api_track *track = strmap_get(oracle->apis, api->uid);
    CLEANUP(freep)
    char *place = xasprintf("%s %s", sim_json_text(marker, "context", NULL), write->id);
    if (!track || !str_equal(track->place, place))
        return "the object wants another place";
    if (sim_now(sim->time) - track->place_since < SIM_VIEW_AGE ||
        track->place_since > oracle->api_disturbed_at - SIM_VIEW_AGE ||
        track->place_since > oracle->killed_at - SIM_VIEW_AGE)
        return "until lately the object wanted another place";
    return NULL;
}

static void check_delete(struct sim_oracle *oracle, const struct sim_gateway_write *write)
{
    struct sim *sim = oracle->sim;
    struct sim_pod_track *pod = sim_oracle_pod(oracle, write->gateway);
    const json_t *marker = sim_oracle_our_marker(oracle, write->document, write->oas);
    if (!marker) {
        check_foreign(oracle, write, pod, NULL);
        return;
    }
    if (sim_gateway_is_deaf(write->gateway))
        strset_add(pod->unheard, write->id);
    const char *reason = reason_to_delete(oracle, write, marker);
    if (reason)
        sim_say(sim, "    %s: %s goes, %s", pod->pod->name, write->id, reason);
    else
        sim_fail(sim, "deletion", "%s: DELETE of %s, which %s wants there", pod->pod->name,
                 write->id, sim_json_text(marker, "api", NULL));
}

static void on_write(void *arg, const struct sim_gateway_write *write)
{
    if (write->is_delete)
        check_delete(arg, write);
    else
        check_post(arg, write);
}

static void on_died(void *arg, const struct sim_gateway *gateway, const char *id)
{
    struct sim_oracle *oracle = arg;
    struct sim_definition definition;
    if (sim_gateway_disk(gateway, id, &definition) &&
        sim_oracle_our_marker(oracle, definition.document, definition.oas))
        sim_fail(oracle->sim, "killer", "%s dies of %s, which we have posted",
                 sim_gateway_name(gateway), id);
}

struct note {
    const struct sim_gateway *gateway;
    struct strmap *strays;
};

static void note_stray(void *arg, const struct sim_definition *definition)
{
    const struct note *note = arg;
    if (sim_gateway_has_stray(note->gateway, definition->id))
        strset_add(note->strays, definition->id);
}

struct unseen {
    const struct sim_gateway *gateway;
    struct sim_pod_track *pod;
};

static void note_unseen(void *arg, const struct sim_definition *definition)
{
    const struct unseen *unseen = arg;
    struct sim_definition loaded;
    bool is_loaded = sim_gateway_loaded(unseen->gateway, definition->id, &loaded);
    bool same_form = is_loaded && loaded.oas == definition->oas;
    if (!same_form || sim_document_version(loaded.document, loaded.oas) !=
                          sim_document_version(definition->document, definition->oas))
        strset_add(unseen->pod->unseen, definition->id);
    /* Who writes a Classic one over it does not know that there is a file to be deleted. */
    if (definition->oas && !same_form)
        strset_add(unseen->pod->strays, definition->id);
}

void sim_oracle_note_unseen(struct sim_oracle *oracle)
{
    for (size_t i = 0; i < oracle->pod_count; i++) {
        struct unseen unseen = {oracle->pods[i].pod->gateway, &oracle->pods[i]};
        sim_gateway_each(unseen.gateway, false, note_unseen, &unseen);
    }
}

void sim_oracle_note_owed_files(struct sim_oracle *oracle)
{
    for (size_t i = 0; i < oracle->pod_count; i++) {
        struct note note = {oracle->pods[i].pod->gateway, oracle->pods[i].owed};
        sim_gateway_each(note.gateway, false, note_stray, &note);
    }
}

struct leftover {
    struct sim_oracle *oracle;
    struct sim_pod_track *pod;
};

/* The file of another form cannot go any more. The next process cannot have seen to it where the
 * gateway has taken the deletion and not done it, or where what is to stand there cannot be known:
 * its object is gone or refused. */
static void note_leftover(void *arg, const struct sim_definition *definition)
{
    const struct leftover *leftover = arg;
    struct sim_pod_track *pod = leftover->pod;
    struct sim_oracle *oracle = leftover->oracle;
    if (!sim_gateway_has_stray(pod->pod->gateway, definition->id))
        return;
    const json_t *marker = sim_marker(definition->document, definition->oas);
    const struct sim_object *api =
        sim_store_get(oracle->sim->store, OBJECT_API, sim_json_text(marker, "api", NULL));
    bool is_owed = strmap_has(pod->owed, definition->id);
    if (strmap_has(pod->unheard, definition->id) ||
        (is_owed && !(api && sim_oracle_is_good(oracle, api))))
        strset_add(pod->strays, definition->id);
}

/* Files of another form go only while what they belong to is loaded. Who was about to see to that
 * cannot know that somebody else's reload, or a start of the gateway, came in between. */
static void on_reloaded(void *arg, const struct sim_gateway *gateway, bool asked)
{
    struct sim_pod_track *pod = sim_oracle_pod(arg, gateway);
    struct note note = {gateway, pod->strays};
    struct leftover leftover = {arg, pod};
    strmap_clear(pod->unseen);
    if (!asked)
        sim_gateway_each(gateway, false, note_stray, &note);
    else if (strmap_count(pod->owed) || strmap_count(pod->unheard))
        sim_gateway_each(gateway, false, note_leftover, &leftover);
    strmap_clear(pod->owed);
}

const struct sim_gateway_watcher sim_oracle_gateway_watcher = {
    .write = on_write, .reloaded = on_reloaded, .died = on_died};
