/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A try:  IDLE ──(we hold it)──► WRITING ──2xx──► IDLE
 *          │                       │ refused (the slow path)
 *          └────► READING ◄────────┘
 *                  │ ├── free, ours or run out ──► WRITING ──► IDLE
 *                  │ └── another's ──► IDLE
 *                  └── 404 ──► CREATING ──► IDLE
 *
 * Every time here is of the clock as it is at that moment: a round may have been long.
 */
#include "kube/lease.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json_text.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "core/lease_record.h"
#include "core/version.h"
#include "kube/kube_path.h"

#define ROOT "/apis/coordination.k8s.io/v1/namespaces/"
#define POOL "lease"
#define CALL_MS 5000
#define READS_MAX 2
/* client-go's health check gives a holder this much more than the lease lasts. */
#define OVERDUE_MS 20000
/* Tries are seconds apart. Who has not tried for so many durations of the lease was stopped (or its
 * machine was): others may have led, and a restore been missed. */
#define STOOD_STILL_DURATIONS 2

enum lease_state { LEASE_IDLE, LEASE_READING, LEASE_CREATING, LEASE_WRITING };

static const char *const state_names[] = {"idle", "reading", "creating", "writing"};

struct lease {
    struct leadership leadership; /* first member */
    /* set by lease_new(), not changed after */
    struct loop *loop;
    struct kube_client *client;
    struct lease_timing timing;
    char *ns;
    char *name;
    char *identity;
    struct lease_callbacks callbacks;
    void *arg;
    /* progress */
    enum lease_state state;
    struct kube_call *call;
    int64_t called_ms; /* when the call was started */
    enum lease_claim claim;
    unsigned reads; /* in the try at hand */
    struct loop_timer *timer;
    struct lease_view view;
    char *object; /* the Lease as it was read or written last; NULL: none is known */
    char *holder; /* who stands in it; NULL: not known */
    /* Of the Lease that was seen last, also where it is not known any more; NULL: none was. */
    char *seen_uid;
    char *seen_version;
    bool complained;
    /* the end */
    lease_released_fn *released; /* NULL: not yet */
    void *released_arg;
    int64_t release_by_ms;
    struct lease_stats stats;
};

static void start(void *arg);
static void step(struct lease *lease);
static void send_get(struct lease *lease);                                              /* 1 */
static void on_get(void *arg, const struct kube_answer *answer, const struct err *err); /* 1 */
static void send_post(struct lease *lease);                                             /* 2 */
static void send_put(struct lease *lease, enum lease_claim claim);                      /* 2 */
static void on_write(void *arg, const struct kube_answer *answer, const struct err *err);
static void on_released(void *arg, const struct kube_answer *answer, const struct err *err);
static void on_release_get(void *arg, const struct kube_answer *answer, const struct err *err);

static int64_t clock_ms(const struct lease *lease)
{
    return loop_clock_us(lease->loop) / 1000;
}

static bool is_held(const struct leadership *leadership)
{
    const struct lease *lease = (const struct lease *)leadership;
    return lease_still_holds(&lease->view, &lease->timing, clock_ms(lease));
}

static void set_state(struct lease *lease, enum lease_state state)
{
    if (log_is_on(LOG_LEVEL_DEBUG))
        log_debug("lease", .ns = lease->ns, .name = lease->name, .reason = state_names[state]);
    lease->state = state;
}

static void arm(struct lease *lease, int64_t due_ms)
{
    loop_timer_arm(lease->timer, due_ms - loop_now(lease->loop));
}

/* What is known. */

static void tell_set_back(void *arg)
{
    const struct lease *lease = arg;
    if (lease->callbacks.set_back && !lease->released)
        lease->callbacks.set_back(lease->arg);
}

/* What was read may not be how it is. */
static void doubt(struct lease *lease, const char *why)
{
    log_warn(why, .ns = lease->ns, .name = lease->name);
    loop_defer(lease->loop, tell_set_back, lease);
}

static void forget_object(struct lease *lease)
{
    free(TAKE(lease->object));
    lease->view.is_known = false;
    lease->view.is_fresh = false;
    lease->view.is_ours = false;
    lease->view.is_free = false;
}

/* Takes note of its version. Is it an older one of the object that was seen last? */
static bool is_set_back(struct lease *lease, struct span text)
{
    char *uid = json_text_string(json_text_get(text, "metadata", "uid", NULL));
    char *version = json_text_string(json_text_get(text, "metadata", "resourceVersion", NULL));
    bool older = version && lease->seen_version && str_equal(uid, lease->seen_uid) &&
                 version_is_older(version, lease->seen_version);
    free(lease->seen_uid);
    free(lease->seen_version);
    lease->seen_uid = uid;
    lease->seen_version = version;
    return older;
}

/* Takes note of the Lease as the server shows it; -1: that is not what it shows. */
static int note_object(struct lease *lease, struct span text, struct err *err)
{
    struct lease_record record;
    if (lease_record_read(text, &record, err) < 0)
        return -1;
    if (is_set_back(lease, text))
        doubt(lease, "lease is older than before: the store was restored from a backup");
    bool same = false;
    struct lease_record before;
    if (lease->object && lease_record_read((struct span){lease->object, strlen(lease->object)},
                                           &before, NULL) == 0) {
        same = before.spec.length == record.spec.length &&
               memcmp(before.spec.ptr, record.spec.ptr, record.spec.length) == 0;
        lease_record_fini(&before);
    }
    if (!same)
        lease->view.observed_ms = clock_ms(lease);
    lease->view.is_known = true;
    lease->view.is_free = !*record.holder;
    lease->view.is_ours = str_equal(record.holder, lease->identity);
    lease->view.duration_ms = record.duration_ms;
    if (!str_equal(lease->holder, record.holder)) {
        if (!lease->view.is_ours && !lease->view.is_free)
            log_info("another replica leads, this one stands by", .ns = lease->ns,
                     .name = lease->name, .detail = record.holder);
        free(lease->holder);
        lease->holder = TAKE(record.holder);
    }
    free(lease->object);
    lease->object = xstrndup(text.ptr, text.length);
    lease_record_fini(&record);
    return 0;
}

static void note_absent(struct lease *lease)
{
    forget_object(lease);
    free(TAKE(lease->holder));
    lease->view.is_known = true;
    lease->view.is_free = true;
}

/* Leading, and no longer. */

static void lose(struct lease *lease)
{
    bool is_others = lease->view.is_known && !lease->view.is_ours && !lease->view.is_free;
    log_warn("leadership is lost, nothing is written any more", .ns = lease->ns,
             .name = lease->name, .detail = is_others ? lease->holder : "not renewed in time",
             .duration_ms = clock_ms(lease) - lease->view.renewed_ms);
    lease->view.leads = false;
    lease->stats.losses++;
    kube_cancel(TAKE(lease->call));
    set_state(lease, LEASE_IDLE);
    lease->callbacks.lost(lease->arg);
}

/* A write of ours has succeeded. */
static void written(struct lease *lease, int64_t began_ms)
{
    bool led = lease->view.leads;
    lease->complained = false;
    lease->view.is_fresh = false;
    lease->view.leads = true;
    lease->view.renewed_ms = began_ms;
    bool in_time = lease_still_holds(&lease->view, &lease->timing, clock_ms(lease));
    if (led || !in_time) {
        lease->view.leads = led; /* if it came too late, step() says so */
        return;
    }
    log_info("this replica leads", .ns = lease->ns, .name = lease->name, .detail = lease->identity);
    lease->callbacks.acquired(lease->arg);
}

/* Trying. */

static void begin_try(struct lease *lease)
{
    int64_t now = clock_ms(lease);
    if (now - lease->view.tried_ms > STOOD_STILL_DURATIONS * lease->timing.duration_ms)
        doubt(lease, "this process has stood still: everything is read anew");
    lease->view.tried_ms = now;
    lease->view.random = loop_random(lease->loop, UINT32_MAX);
    lease->view.is_fresh = false;
    lease->reads = 0;
}

static void fail_try(struct lease *lease, const struct err *err)
{
    lease->view.is_fresh = false;
    /* Who loses a race for the lease has nothing to complain about. */
    bool is_news = !lease->complained && err->class != ERR_CONFLICT;
    log_at(is_news ? LOG_LEVEL_WARN : LOG_LEVEL_DEBUG,
           lease->view.leads ? "lease cannot be renewed now" : "lease cannot be had now",
           .ns = lease->ns, .name = lease->name, .err = err);
    lease->complained = lease->complained || is_news;
    set_state(lease, LEASE_IDLE);
    step(lease);
}

/* Does what is due; comes to rest with a timer or a call. */
static void step(struct lease *lease)
{
    for (;;) {
        struct lease_decision decision =
            lease_decide(&lease->view, &lease->timing, clock_ms(lease));
        switch (decision.step) {
        case LEASE_WAIT:
            lease->view.is_fresh = false;
            set_state(lease, LEASE_IDLE);
            arm(lease, decision.until_ms);
            return;
        case LEASE_READ:
            begin_try(lease);
            send_get(lease);
            return;
        case LEASE_TAKE:
            if (lease->object)
                send_put(lease, LEASE_CLAIM_TAKE);
            else
                send_post(lease);
            return;
        case LEASE_RENEW:
            if (!lease->view.is_fresh)
                begin_try(lease);
            send_put(lease, LEASE_CLAIM_KEEP);
            return;
        case LEASE_LOSE:
            lose(lease);
            break;
        }
    }
}

static void add_path(const struct lease *lease, bool with_name, struct buf *path)
{
    buf_add_text(path, ROOT);
    kube_path_add_escaped(path, lease->ns);
    buf_add_text(path, "/leases");
    if (with_name) {
        buf_add_char(path, '/');
        kube_path_add_escaped(path, lease->name);
    }
}

/* `body` NULL: none. */
static void send(struct lease *lease, enum lease_state state, const char *method,
                 const struct buf *body, kube_done_fn *done)
{
    CLEANUP(buf_fini) struct buf path;
    buf_init(&path, BUF_UNLIMITED);
    add_path(lease, state != LEASE_CREATING, &path);
    struct kube_request request = {
        .method = method, .path = buf_text(&path), .pool = POOL, .timeout_ms = CALL_MS};
    if (body)
        request.body = (struct span){body->data, body->length};
    set_state(lease, state);
    lease->called_ms = clock_ms(lease);
    lease->call = kube_start(lease->client, &request, done, lease);
    /* The client may wait longer than a request takes: for credentials, or as the server asks. */
    int64_t due = lease->called_ms + CALL_MS;
    int64_t deadline = lease->view.renewed_ms + lease->timing.renew_deadline_ms;
    if (lease->released)
        due = lease->release_by_ms;
    else if (lease->view.leads && deadline < due)
        due = deadline;
    arm(lease, due);
}

static void send_get(struct lease *lease)
{
    lease->reads++;
    send(lease, LEASE_READING, "GET", NULL, on_get);
}

static void on_get(void *arg, const struct kube_answer *answer, const struct err *err)
{
    struct lease *lease = arg;
    lease->call = NULL;
    struct err why;
    if (answer->status == 404) {
        note_absent(lease);
    } else if (err) {
        fail_try(lease, err);
        return;
    } else if (note_object(lease, answer->body, &why) < 0) {
        fail_try(lease, &why);
        return;
    }
    lease->view.is_fresh = true;
    lease->complained = false;
    step(lease);
}

static struct lease_author author_of(const struct lease *lease)
{
    return (struct lease_author){.identity = lease->identity,
                                 .duration_ms = lease->timing.duration_ms,
                                 .wall_us = loop_wall_time_us(lease->loop)};
}

static void send_post(struct lease *lease)
{
    CLEANUP(buf_fini) struct buf body;
    buf_init(&body, BUF_UNLIMITED);
    struct lease_author author = author_of(lease);
    lease_record_create(lease->ns, lease->name, &author, &body);
    send(lease, LEASE_CREATING, "POST", &body, on_write);
}

static void put(struct lease *lease, enum lease_claim claim, kube_done_fn *done)
{
    CLEANUP(buf_fini) struct buf body;
    buf_init(&body, BUF_UNLIMITED);
    struct lease_author author = author_of(lease);
    lease_record_write((struct span){lease->object, strlen(lease->object)}, claim, &author, &body);
    send(lease, LEASE_WRITING, "PUT", &body, done);
}

static void send_put(struct lease *lease, enum lease_claim claim)
{
    put(lease, claim, on_write);
}

/* The object may have been written to by somebody, or the answer to a write of ours was lost: read,
 * then decide. */
static bool should_read(const struct lease *lease, enum lease_state state, long status)
{
    bool other_was_first = state == LEASE_CREATING && status == 409;
    return lease->view.leads && lease->reads < (other_was_first ? READS_MAX : 1);
}

static void on_write(void *arg, const struct kube_answer *answer, const struct err *err)
{
    struct lease *lease = arg;
    enum lease_state state = lease->state;
    int64_t began_ms = lease->called_ms;
    lease->call = NULL;
    struct err why;
    /* Something between may say 200 to everything: only a Lease says that it is written. */
    if (!err && note_object(lease, answer->body, &why) < 0) {
        forget_object(lease);
        err = &why;
    }
    if (err) {
        if (should_read(lease, state, answer->status)) {
            lease->stats.slow_paths++;
            send_get(lease);
        } else {
            fail_try(lease, err);
        }
        return;
    }
    set_state(lease, LEASE_IDLE);
    written(lease, began_ms);
    step(lease);
}

static void give_up_call(struct lease *lease)
{
    struct kube_answer none = {.retry_after_ms = -1};
    struct err err;
    enum lease_state state = lease->state;
    kube_cancel(TAKE(lease->call));
    err_set(&err, ERR_TRANSIENT, 0, "no answer within %d s", CALL_MS / 1000);
    if (state == LEASE_READING)
        on_get(lease, &none, &err);
    else
        on_write(lease, &none, &err);
}

/* The end. */

static void finish_release(struct lease *lease)
{
    lease_released_fn *released = lease->released;
    kube_cancel(TAKE(lease->call));
    loop_timer_disarm(lease->timer);
    set_state(lease, LEASE_IDLE);
    released(lease->released_arg);
}

static void on_timer(void *arg)
{
    struct lease *lease = arg;
    if (lease->released) {
        finish_release(lease);
        return;
    }
    bool is_late =
        lease->view.leads && !lease_still_holds(&lease->view, &lease->timing, clock_ms(lease));
    if (lease->call && !is_late)
        give_up_call(lease);
    else
        step(lease);
}

static void on_released(void *arg, const struct kube_answer *answer, const struct err *err)
{
    struct lease *lease = arg;
    lease->call = NULL;
    if (err && answer->status == 409 && lease->reads++ < READS_MAX) {
        send(lease, LEASE_READING, "GET", NULL, on_release_get);
        return;
    }
    if (err)
        log_warn("lease is not released, others wait until it has run out", .ns = lease->ns,
                 .name = lease->name, .err = err);
    else
        log_info("lease is released", .ns = lease->ns, .name = lease->name);
    finish_release(lease);
}

static void on_release_get(void *arg, const struct kube_answer *answer, const struct err *err)
{
    struct lease *lease = arg;
    (void)answer;
    lease->call = NULL;
    if (err || note_object(lease, answer->body, NULL) < 0 || !lease->view.is_ours)
        finish_release(lease);
    else
        put(lease, LEASE_CLAIM_RELEASE, on_released);
}

void lease_release(struct lease *lease, lease_released_fn *done, void *arg)
{
    bool was_writing = lease->call && lease->state != LEASE_READING;
    loop_defer_cancel(lease->loop, start, lease);
    kube_cancel(TAKE(lease->call));
    lease->view.leads = false;
    lease->released = done;
    lease->released_arg = arg;
    lease->release_by_ms = clock_ms(lease) + CALL_MS;
    lease->reads = 0;
    if (was_writing) /* it may have been taken */
        send(lease, LEASE_READING, "GET", NULL, on_release_get);
    else if (lease->object && lease->view.is_ours)
        put(lease, LEASE_CLAIM_RELEASE, on_released);
    else
        loop_timer_arm(lease->timer, 0);
}

/* Lifecycle. */

static void start(void *arg)
{
    step(arg);
}

struct lease *lease_new(const struct lease_options *options,
                        const struct lease_callbacks *callbacks, void *arg)
{
    struct lease *lease = xcalloc(1, sizeof(*lease));
    *lease = (struct lease){
        .leadership = {.is_held = is_held},
        .loop = options->loop,
        .client = options->client,
        .timing = lease_timing_default,
        .ns = xstrdup(options->ns),
        .name = xstrdup(options->name),
        .identity = xstrdup(options->identity),
        .callbacks = *callbacks,
        .arg = arg,
    };
    /* The first try is due at once. */
    lease->view.tried_ms = clock_ms(lease) - lease->timing.duration_ms;
    lease->timer = loop_timer_new(lease->loop, on_timer, lease);
    loop_defer(lease->loop, start, lease);
    return lease;
}

void lease_free(struct lease *lease)
{
    if (!lease)
        return;
    loop_defer_cancel(lease->loop, start, lease);
    loop_defer_cancel(lease->loop, tell_set_back, lease);
    kube_cancel(lease->call);
    loop_timer_free(lease->timer);
    free(lease->object);
    free(lease->holder);
    free(lease->seen_uid);
    free(lease->seen_version);
    free(lease->ns);
    free(lease->name);
    free(lease->identity);
    free(lease);
}

const struct leadership *lease_leadership(const struct lease *lease)
{
    return &lease->leadership;
}

const char *lease_object(const struct lease *lease)
{
    return lease->object;
}

void lease_stats(const struct lease *lease, struct lease_stats *ret_stats)
{
    *ret_stats = lease->stats;
    ret_stats->leads = lease->view.leads;
}

const char *lease_complaint(const struct lease *lease)
{
    bool is_overdue =
        lease->view.leads &&
        clock_ms(lease) > lease->view.renewed_ms + lease->timing.duration_ms + OVERDUE_MS;
    return is_overdue ? "the lease is held and has not been renewed for 35 s" : NULL;
}
