/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kube_follow.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strmap.h"
#include "core/backoff.h"
#include "kube/kube_object.h"
#include "kube/kube_path.h"

#define IN_FLIGHT_MAX 8
/* A server may put us off for as long, whatever it says. */
#define RETRY_AFTER_LONGEST_MS 600000

static const struct backoff backoff = {.first_ms = 800, .longest_ms = 30000};

enum item_state { ITEM_UNKNOWN, ITEM_THERE, ITEM_MISSING };

struct item {
    struct kube_follow *follow;
    enum object_kind kind;
    char *key;
    char *ns;
    enum item_state state;
    char *version;             /* when it was THERE last */
    enum err_class missing_as; /* MISSING */
    bool is_due;               /* in the queue */
    unsigned attempts;         /* that failed in a row */
    struct kube_call *call;
    struct loop_timer *timer;
    STAILQ_ENTRY(item) entry;
};

struct kube_follow {
    struct loop *loop;
    struct kube_client *client;
    int64_t poll_ms;
    const struct object_sink *sink; /* NULL: not started */
    void *arg;
    struct strmap *items[OBJECT_KIND_COUNT];
    STAILQ_HEAD(, item) due;
    unsigned in_flight;
};

static void pump(void *arg);

static void item_free(void *value)
{
    struct item *item = value;
    struct kube_follow *follow = item->follow;
    if (item->call)
        follow->in_flight--;
    if (item->is_due)
        STAILQ_REMOVE(&follow->due, item, item, entry);
    kube_cancel(item->call);
    loop_timer_free(item->timer);
    free(item->key);
    free(item->ns);
    free(item->version);
    free(item);
}

struct kube_follow *kube_follow_new(struct loop *loop, struct kube_client *client, int64_t poll_ms)
{
    struct kube_follow *follow = xcalloc(1, sizeof(*follow));
    *follow = (struct kube_follow){.loop = loop, .client = client, .poll_ms = poll_ms};
    for (size_t i = 0; i < OBJECT_KIND_COUNT; i++)
        follow->items[i] = strmap_new(item_free);
    STAILQ_INIT(&follow->due);
    return follow;
}

void kube_follow_free(struct kube_follow *follow)
{
    if (!follow)
        return;
    for (size_t i = 0; i < OBJECT_KIND_COUNT; i++)
        strmap_free(follow->items[i]);
    loop_defer_cancel(follow->loop, pump, follow);
    free(follow);
}

static void make_due(void *arg)
{
    struct item *item = arg;
    item->is_due = true;
    STAILQ_INSERT_TAIL(&item->follow->due, item, entry);
    loop_defer(item->follow->loop, pump, item->follow);
}

/* Spread a little, so that what began together does not stay together. */
static int64_t poll_delay(const struct kube_follow *follow)
{
    int64_t spread = follow->poll_ms / 10;
    uint32_t bound = spread < UINT32_MAX ? (uint32_t)spread + 1 : UINT32_MAX;
    return follow->poll_ms - (int64_t)loop_random(follow->loop, bound);
}

static void tell_missing(struct item *item, const struct err *err)
{
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): an object or an error */
    bool is_news = item->state != ITEM_MISSING || item->missing_as != err->class;
    item->state = ITEM_MISSING;
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): as above */
    item->missing_as = err->class;
    if (is_news)
        item->follow->sink->missing(item->follow->arg, item->kind, item->key, err);
}

static void tell_there(struct item *item, const struct object *object)
{
    bool is_news = item->state != ITEM_THERE || !str_equal(item->version, object->version);
    item->state = ITEM_THERE;
    free(item->version);
    item->version = xstrdup(object->version);
    if (is_news)
        item->follow->sink->put(item->follow->arg, object);
}

static void try_later(struct item *item, int64_t retry_after_ms, const struct err *err)
{
    struct kube_follow *follow = item->follow;
    item->attempts++;
    log_at(item->attempts == 1 ? LOG_LEVEL_WARN : LOG_LEVEL_DEBUG, "object cannot be read now",
           .kind = object_kind_name(item->kind), .key = item->key, .attempt = item->attempts,
           .err = err);
    int64_t delay = backoff_delay(&backoff, item->attempts, loop_random(follow->loop, UINT32_MAX));
    /* Of what is known already there is no hurry. */
    if (delay > follow->poll_ms || item->state != ITEM_UNKNOWN)
        delay = poll_delay(follow);
    if (retry_after_ms > RETRY_AFTER_LONGEST_MS)
        retry_after_ms = RETRY_AFTER_LONGEST_MS;
    if (delay < retry_after_ms)
        delay = retry_after_ms;
    loop_timer_arm(item->timer, delay);
}

static void on_answer(void *arg, const struct kube_answer *answer, const struct err *err)
{
    struct item *item = arg;
    struct kube_follow *follow = item->follow;
    item->call = NULL;
    follow->in_flight--;
    loop_defer(follow->loop, pump, follow);

    CLEANUP(object_unrefp) struct object *object = NULL;
    struct err why;
    if (!err && kube_object_decode(item->kind, answer->body, &object, &why) < 0)
        err = &why;
    /* Only the server can say that it is missing; that we are not let in at all is another matter.
     */
    bool missing = answer->status == 404 || answer->status == 403;
    if (err && !missing) {
        try_later(item, answer->retry_after_ms, err);
        return;
    }
    item->attempts = 0;
    loop_timer_arm(item->timer, poll_delay(follow));
    /* Last, because what is told may end the following. */
    if (object)
        tell_there(item, object);
    else
        tell_missing(item, err);
}

static void send_get(struct item *item)
{
    struct kube_follow *follow = item->follow;
    const char *name = object_key_name(item->key);
    if (!kube_name_is_valid(item->ns) || !kube_name_is_valid(name)) {
        struct err err;
        err_set(&err, ERR_NOT_FOUND, 0, "no object can have this name");
        tell_missing(item, &err);
        return;
    }
    CLEANUP(buf_fini) struct buf path;
    buf_init(&path, BUF_UNLIMITED);
    kube_path_object(&path, kube_resource_of(item->kind), item->ns, name, NULL);
    const struct kube_request request = {.method = "GET", .path = buf_text(&path)};
    follow->in_flight++;
    item->call = kube_start(follow->client, &request, on_answer, item);
}

static void pump(void *arg)
{
    struct kube_follow *follow = arg;
    while (follow->sink && follow->in_flight < IN_FLIGHT_MAX && !STAILQ_EMPTY(&follow->due)) {
        struct item *item = STAILQ_FIRST(&follow->due);
        STAILQ_REMOVE_HEAD(&follow->due, entry);
        item->is_due = false;
        send_get(item);
    }
}

void kube_follow_start(struct kube_follow *follow, const struct object_sink *sink, void *arg)
{
    follow->sink = sink;
    follow->arg = arg;
    loop_defer(follow->loop, pump, follow);
}

void kube_follow_add(struct kube_follow *follow, enum object_kind kind, const char *key)
{
    if (strmap_has(follow->items[kind], key))
        return;
    struct item *item = xcalloc(1, sizeof(*item));
    *item = (struct item){
        .follow = follow, .kind = kind, .key = xstrdup(key), .ns = object_key_ns(key)};
    item->timer = loop_timer_new(follow->loop, make_due, item);
    strmap_set(follow->items[kind], key, item);
    make_due(item);
}

void kube_follow_remove(struct kube_follow *follow, enum object_kind kind, const char *key)
{
    strmap_remove(follow->items[kind], key);
    loop_defer(follow->loop, pump, follow);
}
