/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/sim_oracle.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "sim/sim_make.h"
#include "sim/sim_oracle_private.h"

/* ---- secrets ---- */

static void look_for_secret(struct sim_oracle *oracle, const char *where, const char *text,
                            size_t length)
{
    const char *const marks[] = {SIM_SECRET_MARK, sim_secrets[0], sim_secrets[1], SIM_TOKEN};
    for (size_t i = 0; i < ARRAY_LENGTH(marks); i++) {
        const char *found = memmem(text, length, marks[i], strlen(marks[i]));
        if (!found)
            continue;
        size_t before = (size_t)(found - text) < 160 ? (size_t)(found - text) : 160;
        size_t left = length - (size_t)(found - text);
        sim_fail(oracle->sim, "secret", "%s: …%.*s", where, (int)(before + (left < 60 ? left : 60)),
                 found - before);
    }
}

static void on_body(void *arg, const char *path, struct span body)
{
    look_for_secret(arg, path, body.ptr, body.length);
}

/* The log goes to memory. */
void sim_oracle_read_log(struct sim_oracle *oracle)
{
    fflush(oracle->log);
    size_t length = oracle->log_length;
    if (!length)
        return;
    rewind(oracle->log);
    look_for_secret(oracle, "log", oracle->log_text, length);
    if (oracle->sim->options.story)
        buf_add(&oracle->sim->story, oracle->log_text, length);
    fflush(oracle->log);
}

/* ---- lifecycle ---- */

struct sim_oracle *sim_oracle_new(struct sim *sim)
{
    struct sim_oracle *oracle = xcalloc(1, sizeof(*oracle));
    oracle->sim = sim;
    oracle->apis = strmap_new(sim_api_track_free);
    oracle->known_before = strset_new();
    oracle->webhooks = strset_new();
    oracle->deleted_webhooks = strmap_new(free);
    oracle->gone_with_crd = strset_new();
    oracle->denials = strset_new();
    oracle->flights = strmap_new(free);
    oracle->asked = strmap_new(free);
    oracle->api_disturbed_at = -SIM_VIEW_AGE;
    oracle->restored_at = INT64_MIN / 2;
    oracle->killed_at = oracle->resumed_at = -SIM_VIEW_AGE;
    oracle->log = open_memstream(&oracle->log_text, &oracle->log_length);
    oracle->real_stderr = stderr;
    stderr = oracle->log;
    sim_store_listen(sim->store, sim_oracle_on_change, oracle);
    sim_net_watch(sim->net, &sim_oracle_net_watcher, oracle);
    sim_api_on_body(sim->api, on_body, oracle);
    return oracle;
}

void sim_oracle_free(struct sim_oracle *oracle)
{
    if (!oracle)
        return;
    stderr = oracle->real_stderr;
    fclose(oracle->log);
    free(oracle->log_text);
    for (size_t i = 0; i < oracle->pod_count; i++) {
        strmap_free(oracle->pods[i].foreign);
        strmap_free(oracle->pods[i].ours);
        strmap_free(oracle->pods[i].strays);
        strmap_free(oracle->pods[i].owed);
        strmap_free(oracle->pods[i].unheard);
        strmap_free(oracle->pods[i].unseen);
        strmap_free(oracle->pods[i].meddled);
    }
    strmap_free(oracle->apis);
    strmap_free(oracle->known_before);
    strmap_free(oracle->webhooks);
    strmap_free(oracle->deleted_webhooks);
    strmap_free(oracle->gone_with_crd);
    strmap_free(oracle->denials);
    strmap_free(oracle->flights);
    strmap_free(oracle->asked);
    free(oracle);
}

void sim_oracle_add_gateway(struct sim_oracle *oracle, struct sim_pod *pod)
{
    struct sim_pod_track *track = &oracle->pods[oracle->pod_count++];
    *track = (struct sim_pod_track){
        .pod = pod,
        .disturbed_at = sim_now(oracle->sim->time),
        .foreign = strmap_new(sim_foreign_track_free),
        .ours = strset_new(),
        .strays = strset_new(),
        .owed = strset_new(),
        .unheard = strset_new(),
        .unseen = strset_new(),
        .meddled = strset_new(),
    };
    sim_gateway_watch(pod->gateway, &sim_oracle_gateway_watcher, oracle);
}

/* What an API wants is not known as long as its first push is held, for a reference that is
 * missing; the reload that the start begins with does not wait for that. */
static bool may_be_held(const struct sim *sim, const struct sim_object *api)
{
    const json_t *reported = sim_json_get(api->tree, "status", "observedGeneration", NULL);
    if (json_integer_value(reported) > 0 ||
        json_array_size(sim_json_get(api->tree, "metadata", "finalizers", NULL)))
        return false;
    struct sim_wish wish;
    sim_wish_read(sim, api, &wish);
    json_t *handlers = sim_handlers(wish.document, wish.oas);
    bool refers = false;
    for (size_t i = 0; i < json_array_size(handlers); i++)
        refers |= *sim_json_text(json_array_get(handlers, i), "ref", NULL) != '\0';
    json_decref(handlers);
    sim_wish_fini(&wish);
    return refers;
}

static void note_held(struct sim_oracle *oracle)
{
    size_t count;
    CLEANUP(freep)
    const struct sim_object **apis = sim_store_all(oracle->sim->store, OBJECT_API, &count);
    for (size_t i = 0; i < count; i++) {
        if (may_be_held(oracle->sim, apis[i]))
            sim_oracle_note_owed(oracle, apis[i]);
    }
}

void sim_oracle_killed(struct sim_oracle *oracle, const struct sim_operator *operator_)
{
    (void)operator_;
    sim_oracle_read_log(oracle);
    note_held(oracle);
    sim_oracle_note_owed_files(oracle);
    /* A new process begins with what it reads. */
    oracle->killed_at = sim_now(oracle->sim->time);
    oracle->kills++;
}

void sim_oracle_resumed(struct sim_oracle *oracle)
{
    oracle->resumed_at = sim_now(oracle->sim->time);
}

void sim_oracle_disturb(struct sim_oracle *oracle, const struct sim_pod *pod)
{
    int64_t now = sim_now(oracle->sim->time);
    if (!pod)
        oracle->api_disturbed_at = now;
    for (size_t i = 0; i < oracle->pod_count; i++) {
        if (oracle->pods[i].pod == pod)
            oracle->pods[i].disturbed_at = now;
    }
}

void sim_oracle_foreign(struct sim_oracle *oracle, const struct sim_pod *pod, const char *id,
                        const json_t *document)
{
    struct sim_pod_track *track = sim_oracle_pod(oracle, pod->gateway);
    strset_add(track->strays, id);
    if (!document) {
        strmap_remove(track->foreign, id);
        return;
    }
    struct sim_foreign_track *foreign = xcalloc(1, sizeof(*foreign));
    *foreign = (struct sim_foreign_track){
        .document = json_deep_copy(document),
        .since = sim_now(oracle->sim->time),
        .was_ours = strmap_has(track->ours, id),
    };
    strmap_set(track->foreign, id, foreign);
}

void sim_oracle_meddled(struct sim_oracle *oracle, const struct sim_pod *pod, const char *id)
{
    strset_add(sim_oracle_pod(oracle, pod->gateway)->meddled, id);
    sim_oracle_disturb(oracle, pod);
}

void sim_oracle_emptied(struct sim_oracle *oracle, const struct sim_pod *pod)
{
    struct sim_pod_track *track = sim_oracle_pod(oracle, pod->gateway);
    strmap_clear(track->foreign);
    strmap_clear(track->ours);
}

/* A push that is queued or underway is of before; so is what the operator sees until it has listed
 * again. */
static void note_known_before(struct sim_oracle *oracle)
{
    strmap_clear(oracle->known_before);
    for (struct strmap_entry *e = strmap_first(oracle->apis); e; e = strmap_next(e)) {
        const struct sim_api_track *track = strmap_entry_value(e);
        for (struct strmap_entry *k = strmap_first(track->known); k; k = strmap_next(k)) {
            CLEANUP(freep)
            char *print = xasprintf("%s %s", strmap_entry_key(e), strmap_entry_key(k));
            strset_add(oracle->known_before, print);
        }
    }
}

bool sim_oracle_may_be_of_before(const struct sim_oracle *oracle)
{
    return oracle->restored_at >= 0 &&
           sim_now(oracle->sim->time) - oracle->api_disturbed_at < SIM_VIEW_AGE;
}

void sim_oracle_restored(struct sim_oracle *oracle)
{
    struct sim *sim = oracle->sim;
    note_known_before(oracle);
    strmap_clear(oracle->apis);
    oracle->api_disturbed_at = oracle->restored_at = sim_now(sim->time);
    /* By the objects of then nobody can tell that something was posted since. */
    sim_oracle_note_unseen(oracle);
    size_t count;
    CLEANUP(freep) const struct sim_object **all = sim_store_all(sim->store, OBJECT_API, &count);
    for (size_t i = 0; i < count; i++) {
        sim_oracle_note_place(oracle, all[i]);
        sim_oracle_note_copies(oracle, all[i]);
        /* They come with what they were told. */
        sim_oracle_track(oracle, all[i]->uid, all[i]->key)->since -= SIM_VIEW_AGE;
    }
    /* What the backup does not have is gone, as far as anybody can tell. */
    for (struct strmap_entry *e = strmap_first(oracle->webhooks); e; e = strmap_next(e))
        sim_oracle_note_deletion(oracle, strmap_entry_key(e));
    CLEANUP(freep)
    const struct sim_object **webhooks = sim_store_all(sim->store, OBJECT_WEBHOOK, &count);
    for (size_t i = 0; i < count; i++)
        strmap_remove(oracle->deleted_webhooks, webhooks[i]->uid);
}

void sim_oracle_ignore_deletions(struct sim_oracle *oracle, unsigned kind, bool ignore)
{
    oracle->ignored[kind] = ignore;
    if (ignore)
        return;
    /* The CRD is served again, and they are not there: from now on that is a deletion. */
    for (struct strmap_entry *e = strmap_first(oracle->gone_with_crd); e; e = strmap_next(e)) {
        sim_oracle_note_deletion(oracle, strmap_entry_key(e));
        /* It went before that, and the grace began then. */
        *(int64_t *)strmap_get(oracle->deleted_webhooks, strmap_entry_key(e)) -= 10 * SECONDS;
    }
    strmap_clear(oracle->gone_with_crd);
}

unsigned sim_oracle_kills(const struct sim_oracle *oracle)
{
    return oracle->kills;
}

uint64_t sim_oracle_writes(const struct sim_oracle *oracle)
{
    return oracle->writes;
}

void sim_oracle_at_write(struct sim_oracle *oracle, uint64_t n, bool after, bool of_requests,
                         void (*fn)(void *arg, const char *client), void *arg)
{
    oracle->trap = (of_requests ? oracle->requests : oracle->writes) + n;
    oracle->trap_is_of_requests = of_requests;
    oracle->trap_is_after = after;
    oracle->trap_fn = fn;
    oracle->trap_arg = arg;
}

bool sim_oracle_at_rest(struct sim_oracle *oracle, struct buf *why)
{
    sim_oracle_read_log(oracle);
    return sim_rest_apis(oracle, why) && sim_rest_gateways(oracle, why) &&
           sim_rest_others(oracle, why);
}
