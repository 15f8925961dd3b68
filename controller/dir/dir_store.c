/* SPDX-License-Identifier: Apache-2.0 */
/* Writes that are asked for in one round of the loop share the flush of the disk at its end. */
#include "dir/dir_store.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/json_text.h"
#include "base/log.h"

/* So many are written in one go: some 20 ms on a disk that flushes in 5. As many as the reconciler
 * looks at in one go, so that writes do not pile up. */
#define BATCH 64

struct store_call {
    struct object *object;
    char *status; /* until it is written */
    store_done_fn *done;
    void *arg;
    struct object *result; /* NULL: err says why */
    struct err *err;       /* large, and seldom there */
    TAILQ_ENTRY(store_call) entry;
};

TAILQ_HEAD(call_list, store_call);

struct dir_store {
    struct object_store base;
    struct loop *loop;
    struct dir_state *state;
    struct call_list waiting;  /* to be written */
    struct call_list answered; /* to be told */
};

static struct dir_store *store_of(struct object_store *base)
{
    return (struct dir_store *)(void *)base; /* its first member */
}

static void call_free(struct store_call *call)
{
    object_unref(call->object);
    object_unref(call->result);
    free(call->status);
    free(call->err);
    free(call);
}

static void fail(struct store_call *call, const struct err *err)
{
    call->err = xmalloc(sizeof(*call->err));
    *call->err = *err;
}

/* Writes the first of those that wait. */
static void write_batch(struct dir_store *store)
{
    struct dir_write *writes[BATCH];
    struct store_call *calls[BATCH];
    size_t count = 0;
    struct store_call *call;
    struct err err;
    while (count < BATCH && (call = TAILQ_FIRST(&store->waiting))) {
        TAILQ_REMOVE(&store->waiting, call, entry);
        TAILQ_INSERT_TAIL(&store->answered, call, entry);
        struct span status = {call->status, strlen(call->status)};
        calls[count] = call;
        writes[count] = dir_write_begin(store->state, call->object, status, &err);
        if (writes[count])
            count++;
        else
            fail(call, &err);
    }
    for (size_t i = 0; i < count; i++) {
        const struct object *result = dir_write_finish(writes[i], &err);
        if (result)
            calls[i]->result = object_ref(result);
        else
            fail(calls[i], &err);
    }
    if (count)
        dir_state_sync(store->state);
}

static void work(void *arg)
{
    struct dir_store *store = arg;
    write_batch(store);
    /* What is told may ask for more, or cancel what is still to be told. */
    struct store_call *call;
    while ((call = TAILQ_FIRST(&store->answered))) {
        TAILQ_REMOVE(&store->answered, call, entry);
        call->done(call->arg, call->result, call->err);
        call_free(call);
    }
    if (!TAILQ_EMPTY(&store->waiting))
        loop_defer(store->loop, work, store);
}

static struct store_call *write_status(struct object_store *base, const struct object *object,
                                       struct span status, store_done_fn *done, void *arg)
{
    struct dir_store *store = store_of(base);
    struct store_call *call = xcalloc(1, sizeof(*call));
    call->object = object_ref(object);
    call->status = xstrndup(status.ptr ? status.ptr : "", status.length);
    call->done = done;
    call->arg = arg;
    TAILQ_INSERT_TAIL(&store->waiting, call, entry);
    loop_defer(store->loop, work, store);
    return call;
}

/* Manifests belong to people: can_change() says so, and nobody asks. Who does all the same is told
 * as a server would. */
static struct store_call *change(struct object_store *base, const struct object *object,
                                 const struct object_change *what, store_done_fn *done, void *arg)
{
    (void)what;
    struct dir_store *store = store_of(base);
    struct store_call *call = xcalloc(1, sizeof(*call));
    call->object = object_ref(object);
    call->done = done;
    call->arg = arg;
    struct err err;
    err_set(&err, ERR_INVALID, 0, "manifests in a folder are not changed");
    fail(call, &err);
    TAILQ_INSERT_TAIL(&store->answered, call, entry);
    loop_defer(store->loop, work, store);
    return call;
}

static bool is_in(const struct call_list *list, const struct store_call *call)
{
    const struct store_call *at;
    TAILQ_FOREACH(at, list, entry)
    {
        if (at == call)
            return true;
    }
    return false;
}

static void cancel(struct object_store *base, struct store_call *call)
{
    struct dir_store *store = store_of(base);
    if (is_in(&store->waiting, call))
        TAILQ_REMOVE(&store->waiting, call, entry);
    else
        TAILQ_REMOVE(&store->answered, call, entry);
    call_free(call);
}

static void event(struct object_store *base, const struct object *object, enum event_type type,
                  const char *reason, const char *note)
{
    (void)base;
    struct log_fields fields = {.kind = object_kind_name(object->kind),
                                .ns = object->ns,
                                .name = object->name,
                                .reason = reason,
                                .detail = note};
    log_line(type == EVENT_WARNING ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, "event", &fields);
}

static bool can_change(const struct object_store *base)
{
    (void)base;
    return false;
}

static void store_free(struct object_store *base)
{
    struct dir_store *store = store_of(base);
    loop_defer_cancel(store->loop, work, store);
    struct store_call *call;
    while ((call = TAILQ_FIRST(&store->waiting))) {
        TAILQ_REMOVE(&store->waiting, call, entry);
        call_free(call);
    }
    while ((call = TAILQ_FIRST(&store->answered))) {
        TAILQ_REMOVE(&store->answered, call, entry);
        call_free(call);
    }
    free(store);
}

static const struct object_store_ops ops = {
    .write_status = write_status,
    .change = change,
    .cancel = cancel,
    .event = event,
    .can_change = can_change,
    .free = store_free,
};

struct object_store *dir_store_new(struct loop *loop, struct dir_state *state)
{
    struct dir_store *store = xcalloc(1, sizeof(*store));
    store->base.ops = &ops;
    store->loop = loop;
    store->state = state;
    TAILQ_INIT(&store->waiting);
    TAILQ_INIT(&store->answered);
    return &store->base;
}
