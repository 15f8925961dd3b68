/* SPDX-License-Identifier: Apache-2.0 */
/*
 *   LISTING ──────────► OPENING ──200──► WATCHING
 *    ▲ │ ▲  (complete)   ▲ │ ▲              │ ends as watches do: OPENING again
 *    │ │ └── expired ────┼─┼─┼──────────────┤ nothing came all its life, or no byte for too long:
 * PROBING │ ▼                 │ ▼ └── PROBING ◄──┘ WAITING (back-off) ─┴── refused, or the
 * connection failed
 *
 * The resourceVersion is where the watch goes on: that of the list, then of the last event or
 * bookmark. A watch at a version that the server has not reached (etcd restored from a backup)
 * stands and stays silent for ever; so after silence, and after every failure to connect, a list of
 * one item at least as new as that version is asked for: such a server answers 504 to it.
 */
#include "kube/reflector.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json_text.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "core/backoff.h"
#include "kube/kube_object.h"
#include "kube/kube_path.h"
#include "kube/kube_status.h"
#include "kube/watch_decoder.h"

#define OPEN_TIMEOUT_MS 30000
/* The server ends a watch after a random time in this range; we, when it does not. */
#define WATCH_MIN_S 300
#define WATCH_SPREAD_S 301
#define WATCH_LEEWAY_MS 10000
/* Servers that send bookmarks do so every minute, also when nothing happens. */
#define SILENCE_MS 150000
#define SHORT_WATCH_MS 1000
#define SETTLE_MS 1000
/* An expired watch lists at once when the last list is at least this old. */
#define RELIST_MIN_MS 10000
/* A list that somebody asks for comes this long after the last one. */
#define RELIST_AGAIN_MS 60000
#define RELIST_NOW_MS 1000
#define BACKOFF_RESET_MS 120000
#define RETRY_AFTER_MAX_MS 60000
#define EVENT_LIMIT (16U << 20)
#define WATCH_POOL "kube-watch"

static const struct backoff backoff = {.first_ms = 800, .longest_ms = 30000};

enum reflector_state {
    REFLECTOR_LISTING,
    REFLECTOR_OPENING,
    REFLECTOR_WATCHING,
    REFLECTOR_PROBING,
    REFLECTOR_WAITING,
};

static const char *const state_names[] = {"listing", "opening", "watching", "probing", "waiting"};

struct reflector {
    /* set by reflector_new(), not changed after */
    struct reflector_options options;
    struct reflector_callbacks callbacks;
    void *arg;
    const struct kube_resource *resource;
    /* progress */
    enum reflector_state state;
    enum reflector_state next; /* WAITING: what for */
    struct kube_call *call;
    struct loop_timer *timer; /* back-off; the opening's or the watch's deadline */
    char *version;            /* where the watch goes on; NULL: list first */
    bool troubled;
    char *last_trouble; /* what was logged last */
    unsigned attempts;
    int64_t backed_off_at;
    struct reflector_stats stats;
    /* of the list at hand */
    struct kube_list *list;
    size_t listed;
    int64_t list_began;
    int64_t listed_at; /* when the last complete one began */
    bool relist_wanted;
    bool is_urgent;
    /* of the watch at hand */
    struct watch_decoder *decoder;
    bool opened;
    uint64_t watch_events; /* and bookmarks */
    int64_t watch_began;
    int64_t watch_deadline;
    int64_t last_byte;
    bool has_event_error; /* an ERROR event came */
    bool has_refusal;     /* we have ended it: why comes before what libcurl makes of it */
    struct err refusal;
    /* this server sends bookmarks: from then on silence means something */
    bool sends_bookmarks;
};

static void send_list(struct reflector *reflector);
static void on_list(void *arg, const char *version, const struct kube_answer *answer,
                    const struct err *err);
static void send_watch(struct reflector *reflector);
static void on_watch_open(void *arg);
static void on_watch(void *arg, const struct kube_answer *answer, const struct err *err);
static void send_probe(struct reflector *reflector);
static void on_probe(void *arg, const struct kube_answer *answer, const struct err *err);

static void set_state(struct reflector *reflector, enum reflector_state state)
{
    if (log_is_on(LOG_LEVEL_DEBUG))
        log_debug("reflector", .kind = reflector->resource->kind, .ns = reflector->options.scope.ns,
                  .reason = state_names[state]);
    reflector->state = state;
}

static void set_version(struct reflector *reflector, const char *version)
{
    if (str_is_empty(version) || str_equal(version, reflector->version))
        return;
    free(reflector->version);
    reflector->version = xstrdup(version);
}

/* What goes wrong. */

static void wait_for(struct reflector *reflector, enum reflector_state next, int64_t retry_after_ms)
{
    struct loop *loop = reflector->options.loop;
    if (loop_now(loop) - reflector->backed_off_at > BACKOFF_RESET_MS)
        reflector->attempts = 0;
    int64_t delay = backoff_delay(&backoff, ++reflector->attempts, loop_random(loop, UINT32_MAX));
    if (retry_after_ms > RETRY_AFTER_MAX_MS)
        retry_after_ms = RETRY_AFTER_MAX_MS;
    if (delay < retry_after_ms)
        delay = retry_after_ms;
    reflector->backed_off_at = loop_now(loop) + delay;
    reflector->next = next;
    set_state(reflector, REFLECTOR_WAITING);
    loop_timer_arm(reflector->timer, delay);
}

static void tell_trouble(struct reflector *reflector, const struct err *err)
{
    reflector->troubled = true;
    bool is_news = !str_equal(reflector->last_trouble, err->msg);
    if (is_news) {
        free(reflector->last_trouble);
        reflector->last_trouble = xstrdup(err->msg);
    }
    log_at(is_news ? LOG_LEVEL_WARN : LOG_LEVEL_DEBUG, "kind cannot be followed",
           .kind = reflector->resource->kind, .ns = reflector->options.scope.ns,
           .attempt = reflector->attempts, .err = err);
    reflector->callbacks.trouble(reflector->arg, err);
}

static void clear_trouble(struct reflector *reflector)
{
    if (reflector->troubled)
        log_info("kind is followed again", .kind = reflector->resource->kind,
                 .ns = reflector->options.scope.ns);
    reflector->troubled = false;
    free(TAKE(reflector->last_trouble));
}

/* Names what is asked for, and the remedy where it is known. */
static void explain(const struct reflector *reflector, const char *verb, struct err *err)
{
    const struct kube_resource *resource = reflector->resource;
    if (err->class == ERR_NOT_FOUND && err->code == 404 && resource->crd) {
        err_set(err, ERR_NOT_FOUND, 404,
                "the CRD %s is not installed (remedy: kubectl apply -f crds/)", resource->crd);
        return;
    }
    if (err->class == ERR_NOT_FOUND && err->code == 404)
        err_set(err, ERR_NOT_FOUND, 404, "the server does not serve %s %s", resource->api_version,
                resource->plural);
    if (reflector->options.scope.ns)
        err_wrap(err, "%s %s in namespace %s", verb, resource->plural, reflector->options.scope.ns);
    else
        err_wrap(err, "%s %s", verb, resource->plural);
}

static void fail(struct reflector *reflector, const char *verb, const struct err *why,
                 enum reflector_state next, const struct kube_answer *answer)
{
    struct err err = *why;
    explain(reflector, verb, &err);
    wait_for(reflector, next, answer ? answer->retry_after_ms : -1);
    tell_trouble(reflector, &err);
}

/* Listing. */

static void on_list_begin(void *arg)
{
    struct reflector *reflector = arg;
    reflector->listed = 0;
    reflector->callbacks.begin(reflector->arg);
}

static void on_list_put(void *arg, const struct object *object)
{
    struct reflector *reflector = arg;
    reflector->listed++;
    reflector->callbacks.put(reflector->arg, object);
}

static void send_list(struct reflector *reflector)
{
    static const struct kube_list_callbacks callbacks = {
        .begin = on_list_begin, .put = on_list_put, .done = on_list};
    set_state(reflector, REFLECTOR_LISTING);
    reflector->listed = 0;
    reflector->relist_wanted = reflector->is_urgent = false;
    reflector->list_began = loop_now(reflector->options.loop);
    reflector->list = kube_list_start(reflector->options.client, &reflector->options.scope,
                                      &callbacks, reflector);
}

static void on_list(void *arg, const char *version, const struct kube_answer *answer,
                    const struct err *err)
{
    struct reflector *reflector = arg;
    reflector->list = NULL;
    if (err) {
        reflector->stats.list_failures++;
        reflector->stats.expired += err->class == ERR_EXPIRED;
        fail(reflector, "list", err, REFLECTOR_LISTING, answer);
        return;
    }
    set_version(reflector, version);
    reflector->stats.lists++;
    reflector->listed_at = reflector->list_began;
    log_info("kind listed", .kind = reflector->resource->kind, .ns = reflector->options.scope.ns,
             .count = (int64_t)reflector->listed,
             .duration_ms = loop_now(reflector->options.loop) - reflector->list_began);
    clear_trouble(reflector);
    reflector->callbacks.end(reflector->arg);
    send_watch(reflector);
}

/* Watching. */

static void take_bookmark(struct reflector *reflector, struct span object)
{
    CLEANUP(freep)
    char *version = json_text_string(json_text_get(object, "metadata", "resourceVersion", NULL));
    reflector->stats.bookmarks++;
    reflector->sends_bookmarks = true;
    set_version(reflector, version);
}

static void take_object(struct reflector *reflector, const struct watch_event *event)
{
    CLEANUP(object_unrefp) struct object *object = NULL;
    struct err err;
    if (kube_object_decode(reflector->options.scope.kind, event->object, &object, &err) < 0) {
        reflector->stats.undecodable++;
        log_warn("event of a watch cannot be read", .kind = reflector->resource->kind,
                 .ns = reflector->options.scope.ns, .err = &err);
        return; /* and the version stays where it was */
    }
    reflector->stats.events++;
    set_version(reflector, object->version);
    if (event->type == WATCH_DELETED)
        reflector->callbacks.gone(reflector->arg, object->key, object->uid);
    else
        reflector->callbacks.put(reflector->arg, object);
}

/* After trouble: the watch goes on where it was. A version that has expired meanwhile shows at
 * once, by an ERROR event; so this waits for any other event, or for a second. */
static void resume(struct reflector *reflector)
{
    if (!reflector->troubled)
        return;
    clear_trouble(reflector);
    reflector->callbacks.resumed(reflector->arg);
}

static int on_event(void *arg, const struct watch_event *event, struct err *err)
{
    struct reflector *reflector = arg;
    struct kube_status status;
    reflector->watch_events++;
    if (event->type != WATCH_ERROR)
        resume(reflector);
    switch (event->type) {
    case WATCH_ADDED:
    case WATCH_MODIFIED:
    case WATCH_DELETED:
        take_object(reflector, event);
        return 0;
    case WATCH_BOOKMARK:
        take_bookmark(reflector, event->object);
        return 0;
    case WATCH_ERROR:
        reflector->has_event_error = true;
        kube_status_of_event(event->object, &status, err);
        return -1;
    }
    return 0;
}

static bool on_watch_bytes(void *arg, const char *bytes, size_t length)
{
    struct reflector *reflector = arg;
    reflector->last_byte = loop_now(reflector->options.loop);
    if (watch_decoder_feed(reflector->decoder, bytes, length, &reflector->refusal) == 0)
        return true;
    reflector->has_refusal = true;
    return false;
}

static void send_watch(struct reflector *reflector)
{
    struct loop *loop = reflector->options.loop;
    set_state(reflector, REFLECTOR_OPENING);
    watch_decoder_free(reflector->decoder);
    reflector->decoder = watch_decoder_new(EVENT_LIMIT, on_event, reflector);
    reflector->opened = false;
    reflector->watch_events = 0;
    reflector->has_event_error = false;
    reflector->has_refusal = false;
    reflector->watch_began = loop_now(loop);
    uint32_t seconds = WATCH_MIN_S + loop_random(loop, WATCH_SPREAD_S);
    reflector->watch_deadline = loop_now(loop) + seconds * INT64_C(1000) + WATCH_LEEWAY_MS;

    char timeout[16];
    snprintf(timeout, sizeof(timeout), "%u", seconds);
    CLEANUP(buf_fini) struct buf path;
    buf_init(&path, BUF_UNLIMITED);
    kube_scope_add_path(&reflector->options.scope, &path);
    kube_path_add_query(&path, "watch", "true");
    kube_path_add_query(&path, "allowWatchBookmarks", "true");
    kube_path_add_query(&path, "resourceVersion", reflector->version);
    kube_path_add_query(&path, "timeoutSeconds", timeout);
    const struct kube_request request = {
        .method = "GET",
        .path = buf_text(&path),
        .pool = WATCH_POOL,
        .on_bytes = on_watch_bytes,
        .on_open = on_watch_open,
    };
    loop_timer_arm(reflector->timer, OPEN_TIMEOUT_MS);
    reflector->call = kube_start(reflector->options.client, &request, on_watch, reflector);
}

static int64_t watch_due(const struct reflector *reflector)
{
    int64_t silence = reflector->last_byte + SILENCE_MS;
    int64_t relist =
        reflector->list_began + (reflector->is_urgent ? RELIST_NOW_MS : RELIST_AGAIN_MS);
    int64_t due = reflector->watch_deadline;
    if (reflector->sends_bookmarks && silence < due)
        due = silence;
    return reflector->relist_wanted && relist < due ? relist : due;
}

/* Bookmarks may begin at any time, so what is due is looked at this often. */
static void arm_watchdog(struct reflector *reflector)
{
    int64_t left = watch_due(reflector) - loop_now(reflector->options.loop);
    int64_t most = reflector->troubled ? SETTLE_MS : SILENCE_MS;
    left = left < most ? left : most;
    loop_timer_arm(reflector->timer, left > 0 ? left : 0);
}

static void on_watch_open(void *arg)
{
    struct reflector *reflector = arg;
    set_state(reflector, REFLECTOR_WATCHING);
    reflector->opened = true;
    reflector->stats.watches++;
    reflector->last_byte = loop_now(reflector->options.loop);
    arm_watchdog(reflector);
}

/* The version is of no use any more: list, but not in a loop. */
static void expire(struct reflector *reflector, const struct err *err)
{
    reflector->stats.expired++;
    log_info("watch expired, listing", .kind = reflector->resource->kind,
             .ns = reflector->options.scope.ns, .err = err);
    if (loop_now(reflector->options.loop) - reflector->list_began >= RELIST_MIN_MS)
        send_list(reflector);
    else
        fail(reflector, "watch", err, REFLECTOR_LISTING, NULL);
}

/* It stood, and has ended: by itself, cut off, or because we gave up on it. */
static void watch_ended(struct reflector *reflector)
{
    int64_t lived = loop_now(reflector->options.loop) - reflector->watch_began;
    if (reflector->watch_events) {
        send_watch(reflector);
    } else if (lived < SHORT_WATCH_MS) {
        struct err err;
        reflector->stats.watch_failures++;
        err_set(&err, ERR_TRANSIENT, 0, "the watch ended at once, without an event");
        fail(reflector, "watch", &err, REFLECTOR_LISTING, NULL);
    } else {
        send_probe(reflector);
    }
}

/* It never stood, or the server or we had something against it. */
static void watch_failed(struct reflector *reflector, const struct kube_answer *answer,
                         const struct err *err)
{
    reflector->stats.watch_failures++;
    long code = reflector->has_event_error ? err->code : answer->status;
    if (err->class == ERR_EXPIRED)
        expire(reflector, err);
    else if (code == 429 || (!reflector->opened && answer->status == 0))
        fail(reflector, "watch", err, REFLECTOR_PROBING, answer);
    else
        fail(reflector, "watch", err, REFLECTOR_LISTING, answer);
}

static void on_watch(void *arg, const struct kube_answer *answer, const struct err *err)
{
    struct reflector *reflector = arg;
    reflector->call = NULL;
    loop_timer_disarm(reflector->timer);
    bool cut_off = err && reflector->opened && !reflector->has_refusal;
    if (!err || cut_off) {
        watch_ended(reflector);
        return;
    }
    watch_failed(reflector, answer, reflector->has_refusal ? &reflector->refusal : err);
}

/* Is the server at least where we are? */

static void send_probe(struct reflector *reflector)
{
    set_state(reflector, REFLECTOR_PROBING);
    CLEANUP(buf_fini) struct buf path;
    buf_init(&path, BUF_UNLIMITED);
    kube_scope_add_path(&reflector->options.scope, &path);
    kube_path_add_query(&path, "limit", "1");
    kube_path_add_query(&path, "resourceVersion", reflector->version);
    kube_path_add_query(&path, "resourceVersionMatch", "NotOlderThan");
    const struct kube_request request = {.method = "GET", .path = buf_text(&path)};
    reflector->call = kube_start(reflector->options.client, &request, on_probe, reflector);
}

static void on_probe(void *arg, const struct kube_answer *answer, const struct err *err)
{
    struct reflector *reflector = arg;
    reflector->call = NULL;
    if (!err) {
        send_watch(reflector);
        return;
    }
    if (err->class == ERR_EXPIRED) {
        expire(reflector, err);
        return;
    }
    reflector->stats.watch_failures++;
    bool unreachable = answer->status == 0 || answer->status == 429;
    fail(reflector, "watch", err, unreachable ? REFLECTOR_PROBING : REFLECTOR_LISTING, answer);
}

static void give_up_opening(struct reflector *reflector)
{
    const struct kube_answer none = {.retry_after_ms = -1};
    struct err err;
    kube_cancel(TAKE(reflector->call));
    err_set(&err, ERR_TRANSIENT, 0, "no answer within %d s", OPEN_TIMEOUT_MS / 1000);
    watch_failed(reflector, &none, &err);
}

static void on_timer(void *arg)
{
    struct reflector *reflector = arg;
    int64_t now = loop_now(reflector->options.loop);
    switch (reflector->state) {
    case REFLECTOR_WAITING:
        if (reflector->next == REFLECTOR_PROBING)
            send_probe(reflector);
        else
            send_list(reflector);
        return;
    case REFLECTOR_OPENING:
        give_up_opening(reflector);
        return;
    case REFLECTOR_WATCHING:
        if (now < watch_due(reflector)) {
            resume(reflector);
            arm_watchdog(reflector);
            return;
        }
        kube_cancel(TAKE(reflector->call));
        if (reflector->relist_wanted) {
            send_list(reflector);
            return;
        }
        reflector->stats.silenced++;
        send_probe(reflector);
        return;
    case REFLECTOR_LISTING:
    case REFLECTOR_PROBING:
        return; /* their calls have deadlines of their own */
    }
}

struct reflector *reflector_new(const struct reflector_options *options,
                                const struct reflector_callbacks *callbacks, void *arg)
{
    struct reflector *reflector = xcalloc(1, sizeof(*reflector));
    reflector->options = *options;
    reflector->options.scope.ns = options->scope.ns ? xstrdup(options->scope.ns) : NULL;
    reflector->options.scope.field_selector =
        options->scope.field_selector ? xstrdup(options->scope.field_selector) : NULL;
    reflector->options.scope.label_selector =
        options->scope.label_selector ? xstrdup(options->scope.label_selector) : NULL;
    reflector->callbacks = *callbacks;
    reflector->arg = arg;
    reflector->resource = kube_resource_of(options->scope.kind);
    reflector->listed_at = -1;
    reflector->backed_off_at = loop_now(options->loop);
    reflector->timer = loop_timer_new(options->loop, on_timer, reflector);
    send_list(reflector);
    return reflector;
}

void reflector_free(struct reflector *reflector)
{
    if (!reflector)
        return;
    kube_cancel(reflector->call);
    loop_timer_free(reflector->timer);
    kube_list_cancel(reflector->list);
    watch_decoder_free(reflector->decoder);
    free(reflector->version);
    free(reflector->last_trouble);
    free((void *)(uintptr_t)reflector->options.scope.ns);
    free((void *)(uintptr_t)reflector->options.scope.field_selector);
    free((void *)(uintptr_t)reflector->options.scope.label_selector);
    free(reflector);
}

void reflector_relist(struct reflector *reflector)
{
    if (reflector->relist_wanted || reflector->state == REFLECTOR_LISTING)
        return;
    log_info("kind is to be listed anew", .kind = reflector->resource->kind,
             .ns = reflector->options.scope.ns);
    reflector->relist_wanted = true;
    if (reflector->state == REFLECTOR_WATCHING)
        arm_watchdog(reflector);
}

void reflector_relist_now(struct reflector *reflector)
{
    reflector->relist_wanted = reflector->is_urgent = true;
    if (reflector->state == REFLECTOR_WATCHING)
        arm_watchdog(reflector);
}

int64_t reflector_listed_at(const struct reflector *reflector)
{
    return reflector->listed_at;
}

void reflector_stats(const struct reflector *reflector, struct reflector_stats *ret_stats)
{
    *ret_stats = reflector->stats;
}
