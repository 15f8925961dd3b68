/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/event_recorder.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/buf.h"
#include "base/json_text.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strmap.h"
#include "kube/kube_path.h"

#define SERIES_MAX 1000
#define BUCKETS_MAX 4096
#define BUCKET_SIZE 25
#define BUCKET_REFILL_MS 300000
#define IN_FLIGHT_MAX 2
#define TRIES_MAX 12
#define PAUSE_MIN_MS 7500
#define PAUSE_SPREAD_MS 5000
#define QUIET_MS 360000
#define REFRESH_MS 1800000
#define HOUSEKEEPING_MS 60000
#define NOTE_MAX 1000
#define NAME_MAX_LENGTH 230
#define INSTANCE_MAX 128
#define TIMEOUT_MS 10000
#define EVENTS_ROOT "/apis/events.k8s.io/v1/namespaces/"
#define REPORTING_CONTROLLER "grapnel.dev/grapnel"

/* What an event is about: not the object, which would be kept for minutes after it has gone. */
struct subject {
    enum object_kind kind;
    char *ns;
    char *name;
    char *uid;
    char *version;
};

/* Equal events: the first, and how often it came since. */
struct series {
    struct event_recorder *recorder;
    char *key;
    /* of the first one */
    struct subject subject;
    enum event_type type;
    char *reason;
    char *note;
    int64_t first_seen; /* wall clock */
    /* progress */
    char *name; /* of the Event in the server; NULL: to be created */
    unsigned count;
    unsigned written;  /* the count that the server has; 0: not created */
    int64_t last_seen; /* loop time */
    int64_t last_seen_wall;
    int64_t last_sent;
    unsigned tries;
    bool is_queued;
    struct kube_call *call;
    unsigned sending; /* the count in the call */
    TAILQ_ENTRY(series) entry;
};

struct bucket {
    double tokens;
    int64_t filled_at;
};

struct event_recorder {
    struct loop *loop;
    struct kube_client *client;
    char *instance;
    struct strmap *series;
    struct strmap *buckets; /* by object */
    TAILQ_HEAD(, series) queue;
    unsigned in_flight;
    int64_t paused_until;
    struct loop_timer *pause;
    struct loop_timer *housekeeping;
    bool complained; /* since one was taken */
    struct event_stats stats;
};

static void pump(void *arg);
static void on_answer(void *arg, const struct kube_answer *answer, const struct err *err);

static void series_free(void *value)
{
    struct series *series = value;
    struct event_recorder *recorder = series->recorder;
    if (series->is_queued)
        TAILQ_REMOVE(&recorder->queue, series, entry);
    if (series->call)
        recorder->in_flight--;
    kube_cancel(series->call);
    free(series->subject.ns);
    free(series->subject.name);
    free(series->subject.uid);
    free(series->subject.version);
    free(series->key);
    free(series->reason);
    free(series->note);
    free(series->name);
    free(series);
}

static void forget(struct series *series)
{
    CLEANUP(freep) char *key = xstrdup(series->key);
    strmap_remove(series->recorder->series, key);
}

static void enqueue(struct series *series, bool first)
{
    struct event_recorder *recorder = series->recorder;
    if (series->is_queued || series->call)
        return;
    series->is_queued = true;
    if (first)
        TAILQ_INSERT_HEAD(&recorder->queue, series, entry);
    else
        TAILQ_INSERT_TAIL(&recorder->queue, series, entry);
    loop_defer(recorder->loop, pump, recorder);
}

/* What is said. */

static void add_time(struct buf *out, const char *name, int64_t seconds)
{
    char time[21];
    str_format_time(time, seconds);
    time[19] = '\0'; /* without the Z: six digits follow */
    buf_add_format(out, "\"%s\":\"%s.000000Z\"", name, time);
}

static void add_series(const struct series *series, struct buf *out)
{
    buf_add_format(out, "\"series\":{\"count\":%u,", series->count);
    add_time(out, "lastObservedTime", series->last_seen_wall);
    buf_add_char(out, '}');
}

static void add_text(struct buf *out, const char *name, const char *text)
{
    buf_add_format(out, ",\"%s\":", name);
    json_text_add_string(out, text);
}

static const char *namespace_of(const struct series *series)
{
    return *series->subject.ns ? series->subject.ns : "default";
}

static void add_regarding(const struct subject *subject, struct buf *out)
{
    const struct kube_resource *resource = kube_resource_of(subject->kind);
    buf_add_format(out, ",\"regarding\":{\"apiVersion\":\"%s\"", resource->api_version);
    add_text(out, "kind", resource->kind);
    if (*subject->ns)
        add_text(out, "namespace", subject->ns);
    add_text(out, "name", subject->name);
    add_text(out, "uid", subject->uid);
    if (*subject->version)
        add_text(out, "resourceVersion", subject->version);
    buf_add_char(out, '}');
}

static void add_event(const struct series *series, struct buf *out)
{
    buf_add_text(out, "{\"apiVersion\":\"events.k8s.io/v1\",\"kind\":\"Event\",\"metadata\":{");
    buf_add_format(out, "\"name\":\"%s\"", series->name);
    add_text(out, "namespace", namespace_of(series));
    buf_add_text(out, "},");
    add_time(out, "eventTime", series->first_seen);
    add_text(out, "type", series->type == EVENT_WARNING ? "Warning" : "Normal");
    add_text(out, "reason", series->reason);
    add_text(out, "action", "Reconcile");
    add_text(out, "note", series->note);
    add_regarding(&series->subject, out);
    add_text(out, "reportingController", REPORTING_CONTROLLER);
    add_text(out, "reportingInstance", series->recorder->instance);
    if (series->count > 1) {
        buf_add_char(out, ',');
        add_series(series, out);
    }
    buf_add_char(out, '}');
}

/* Sending. */

static char *new_name(struct event_recorder *recorder, const char *of)
{
    uint32_t high = loop_random(recorder->loop, UINT32_MAX);
    uint32_t low = loop_random(recorder->loop, UINT32_MAX);
    size_t length = strnlen(of, NAME_MAX_LENGTH);
    while (length && (of[length - 1] == '.' || of[length - 1] == '-'))
        length--; /* where it was cut: no part of a name may end so */
    return xasprintf("%.*s.%08" PRIx32 "%08" PRIx32, (int)length, of, high, low);
}

static void send(struct series *series)
{
    struct event_recorder *recorder = series->recorder;
    bool create = !series->written;
    if (create && !series->name)
        series->name = new_name(recorder, series->subject.name);
    CLEANUP(buf_fini) struct buf path;
    CLEANUP(buf_fini) struct buf body;
    buf_init(&path, BUF_UNLIMITED);
    buf_init(&body, BUF_UNLIMITED);
    buf_add_text(&path, EVENTS_ROOT);
    kube_path_add_escaped(&path, namespace_of(series));
    buf_add_text(&path, "/events");
    if (create) {
        add_event(series, &body);
    } else {
        buf_add_format(&path, "/%s", series->name);
        buf_add_char(&body, '{');
        add_series(series, &body);
        buf_add_char(&body, '}');
    }
    const struct kube_request request = {
        .method = create ? "POST" : "PATCH",
        .path = buf_text(&path),
        .content_type = create ? "application/json" : "application/merge-patch+json",
        .body = {body.data, body.length},
        .timeout_ms = TIMEOUT_MS,
    };
    series->tries++;
    series->sending = series->count;
    recorder->in_flight++;
    series->call = kube_start(recorder->client, &request, on_answer, series);
}

static void pump(void *arg)
{
    struct event_recorder *recorder = arg;
    int64_t left = recorder->paused_until - loop_now(recorder->loop);
    if (left > 0) {
        loop_timer_arm(recorder->pause, left);
        return;
    }
    while (recorder->in_flight < IN_FLIGHT_MAX && !TAILQ_EMPTY(&recorder->queue)) {
        struct series *series = TAILQ_FIRST(&recorder->queue);
        TAILQ_REMOVE(&recorder->queue, series, entry);
        series->is_queued = false;
        send(series);
    }
}

static void on_written(struct series *series)
{
    struct event_recorder *recorder = series->recorder;
    recorder->stats.sent++;
    recorder->complained = false;
    series->written = series->sending;
    series->tries = 0;
    series->last_sent = loop_now(recorder->loop);
    /* It came again while the first was on its way: that is the second time. */
    if (series->written == 1 && series->count > 1)
        enqueue(series, false);
}

static void drop(struct series *series, const struct err *err)
{
    struct event_recorder *recorder = series->recorder;
    log_at(recorder->complained ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARN, "event cannot be written",
           .kind = object_kind_name(series->subject.kind), .ns = series->subject.ns,
           .name = series->subject.name, .reason = series->reason, .err = err);
    recorder->complained = true;
    recorder->stats.dropped++;
    forget(series);
}

static void on_answer(void *arg, const struct kube_answer *answer, const struct err *err)
{
    struct series *series = arg;
    struct event_recorder *recorder = series->recorder;
    series->call = NULL;
    recorder->in_flight--;
    loop_defer(recorder->loop, pump, recorder);
    bool created = !series->written;
    /* The answer to an earlier try was lost: the name is of no other event. */
    bool is_there = created && answer->status == 409;
    if (!err || is_there) {
        on_written(series);
    } else if (!created && answer->status == 404) { /* the server keeps events for an hour only */
        series->written = 0;
        free(TAKE(series->name));
        enqueue(series, true);
    } else if ((err->class == ERR_TRANSIENT || err->class == ERR_CONFLICT) &&
               series->tries < TRIES_MAX) {
        recorder->paused_until =
            loop_now(recorder->loop) + PAUSE_MIN_MS + loop_random(recorder->loop, PAUSE_SPREAD_MS);
        enqueue(series, true);
    } else {
        drop(series, err);
    }
}

/* What is kept. */

static void look_at_series(struct event_recorder *recorder, struct series *series)
{
    int64_t now = loop_now(recorder->loop);
    bool unwritten = series->count > series->written;
    if (series->call || series->is_queued)
        return;
    bool is_over = now - series->last_seen >= QUIET_MS;
    if (unwritten && (is_over || now - series->last_sent >= REFRESH_MS))
        enqueue(series, false);
    else if (is_over)
        forget(series);
}

static void refill(const struct event_recorder *recorder, struct bucket *bucket)
{
    int64_t now = loop_now(recorder->loop);
    bucket->tokens += (double)(now - bucket->filled_at) / BUCKET_REFILL_MS;
    if (bucket->tokens > BUCKET_SIZE)
        bucket->tokens = BUCKET_SIZE;
    bucket->filled_at = now;
}

static void keep_house(void *arg)
{
    struct event_recorder *recorder = arg;
    struct strmap_entry *next;
    for (struct strmap_entry *e = strmap_first(recorder->series); e; e = next) {
        next = strmap_next(e);
        look_at_series(recorder, strmap_entry_value(e));
    }
    for (struct strmap_entry *e = strmap_first(recorder->buckets); e; e = next) {
        next = strmap_next(e);
        struct bucket *bucket = strmap_entry_value(e);
        refill(recorder, bucket);
        if (bucket->tokens >= BUCKET_SIZE)
            strmap_remove(recorder->buckets, strmap_entry_key(e));
    }
    if (strmap_count(recorder->series) || strmap_count(recorder->buckets))
        loop_timer_arm(recorder->housekeeping, HOUSEKEEPING_MS);
}

static bool may_speak(struct event_recorder *recorder, const struct object *object)
{
    CLEANUP(freep)
    char *key = xasprintf("%s/%s", object_kind_name(object->kind), object->key);
    struct bucket *bucket = strmap_get(recorder->buckets, key);
    if (!bucket && strmap_count(recorder->buckets) >= BUCKETS_MAX)
        return false;
    if (!bucket) {
        bucket = xcalloc(1, sizeof(*bucket));
        *bucket = (struct bucket){.tokens = BUCKET_SIZE, .filled_at = loop_now(recorder->loop)};
        strmap_set(recorder->buckets, key, bucket);
    }
    refill(recorder, bucket);
    if (bucket->tokens < 1)
        return false;
    bucket->tokens -= 1;
    return true;
}

static char *cut_note(const char *note)
{
    struct buf cut;
    buf_init(&cut, BUF_UNLIMITED);
    str_add_printable(&cut, note, strlen(note), NOTE_MAX);
    return buf_take(&cut);
}

void event_recorder_tell(struct event_recorder *recorder, const struct object *object,
                         enum event_type type, const char *reason, const char *note)
{
    CLEANUP(freep) char *cut = cut_note(note);
    CLEANUP(freep)
    char *key = xasprintf("%d %s %s %s %s %s", (int)type, reason, object_kind_name(object->kind),
                          object->key, object->uid, cut);
    struct series *series = strmap_get(recorder->series, key);
    if (!series && (strmap_count(recorder->series) >= SERIES_MAX || !may_speak(recorder, object))) {
        recorder->stats.dropped++;
        return;
    }
    int64_t wall = loop_wall_time(recorder->loop);
    if (!series) {
        series = xcalloc(1, sizeof(*series));
        *series = (struct series){.recorder = recorder,
                                  .key = xstrdup(key),
                                  .subject = {.kind = object->kind,
                                              .ns = xstrdup(object->ns),
                                              .name = xstrdup(object->name),
                                              .uid = xstrdup(object->uid),
                                              .version = xstrdup(object->version)},
                                  .type = type,
                                  .reason = xstrdup(reason),
                                  .note = TAKE(cut),
                                  .first_seen = wall};
        strmap_set(recorder->series, key, series);
        if (!loop_timer_is_armed(recorder->housekeeping))
            loop_timer_arm(recorder->housekeeping, HOUSEKEEPING_MS);
    } else {
        recorder->stats.aggregated++;
    }
    series->count++;
    series->last_seen = loop_now(recorder->loop);
    series->last_seen_wall = wall;
    if (series->count <= 2)
        enqueue(series, false);
}

struct event_recorder *event_recorder_new(struct loop *loop, struct kube_client *client,
                                          const char *instance)
{
    struct event_recorder *recorder = xcalloc(1, sizeof(*recorder));
    recorder->loop = loop;
    recorder->client = client;
    recorder->instance = xstrndup(instance, strnlen(instance, INSTANCE_MAX));
    recorder->series = strmap_new(series_free);
    recorder->buckets = strmap_new(free);
    TAILQ_INIT(&recorder->queue);
    recorder->pause = loop_timer_new(loop, pump, recorder);
    recorder->housekeeping = loop_timer_new(loop, keep_house, recorder);
    return recorder;
}

void event_recorder_free(struct event_recorder *recorder)
{
    if (!recorder)
        return;
    strmap_free(recorder->series);
    strmap_free(recorder->buckets);
    loop_timer_free(recorder->pause);
    loop_timer_free(recorder->housekeeping);
    loop_defer_cancel(recorder->loop, pump, recorder);
    free(recorder->instance);
    free(recorder);
}

void event_recorder_stats(const struct event_recorder *recorder, struct event_stats *ret_stats)
{
    *ret_stats = recorder->stats;
}
