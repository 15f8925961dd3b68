/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kube_store.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/buf.h"
#include "base/json_text.h"
#include "base/mem.h"
#include "base/str.h"
#include "kube/event_recorder.h"
#include "kube/kube_object.h"
#include "kube/kube_path.h"
#include "kube/merge_patch.h"

#define IN_FLIGHT_MAX 16
#define TIMEOUT_MS 15000

enum call_state { CALL_QUEUED, CALL_SENT, CALL_NEEDLESS };

struct store_call {
    /* set at the start, not changed after */
    struct kube_store *store;
    struct object *object;
    const char *subresource; /* NULL: the object itself */
    bool is_json_patch;
    char *body; /* NULL: nothing to change */
    store_done_fn *done;
    void *arg;
    /* progress */
    enum call_state state;
    struct kube_call *call;
    TAILQ_ENTRY(store_call) entry; /* in the queue, or among all */
};
TAILQ_HEAD(call_list, store_call);

struct kube_store {
    struct object_store port;
    struct loop *loop;
    struct kube_client *client;
    struct event_recorder *events;
    struct call_list queued;
    struct call_list others; /* in flight, or needless */
    unsigned in_flight;
};

static void pump(void *arg);
static void finish_needless(void *arg);

static struct kube_store *store_of(struct object_store *port)
{
    return (struct kube_store *)port;
}

static void call_free(struct store_call *call)
{
    struct kube_store *store = call->store;
    TAILQ_REMOVE(call->state == CALL_QUEUED ? &store->queued : &store->others, call, entry);
    if (call->state == CALL_SENT) {
        store->in_flight--;
        loop_defer(store->loop, pump, store);
    }
    loop_defer_cancel(store->loop, finish_needless, call);
    kube_cancel(call->call);
    object_unref(call->object);
    free(call->body);
    free(call);
}

static void call_finish(struct store_call *call, const struct object *object, const struct err *err)
{
    store_done_fn *done = call->done;
    void *arg = call->arg;
    call_free(call);
    done(arg, object, err);
}

static void finish_needless(void *arg)
{
    struct store_call *call = arg;
    CLEANUP(object_unrefp) struct object *object = object_ref(call->object);
    call_finish(call, object, NULL);
}

/* A JSON patch whose `test` fails is answered 422 like an object that is not valid. What tells them
 * apart: the latter names its fields, and is not spoken of in these general words (1.20 to 1.36).
 */
static bool is_failed_test(const struct kube_answer *answer)
{
    static const struct json_text_limits limits = {.depth = 64};
    if (answer->status != 422 || json_text_check(answer->body, &limits, NULL, NULL) < 0)
        return false;
    CLEANUP(freep) char *message = json_text_string(json_text_member(answer->body, "message"));
    struct span causes = json_text_get(answer->body, "details", "causes", NULL);
    struct json_text_iter iter = json_text_iterate(causes);
    bool names_fields = json_text_next(&iter) && json_text_member(iter.value, "field").ptr;
    return message && str_starts(message, "the server rejected our request") && !names_fields;
}

static void on_answer(void *arg, const struct kube_answer *answer, const struct err *err)
{
    struct store_call *call = arg;
    call->call = NULL;
    CLEANUP(object_unrefp) struct object *written = NULL;
    struct err why;
    if (err) {
        why = *err;
        if (call->is_json_patch && is_failed_test(answer))
            why.class = ERR_CONFLICT;
        call_finish(call, NULL, &why);
        return;
    }
    if (kube_object_decode(call->object->kind, answer->body, &written, &why) < 0) {
        why.class = ERR_TRANSIENT; /* it is written, or not: the watch will tell */
        call_finish(call, NULL, &why);
        return;
    }
    if (!str_equal(written->uid, call->object->uid)) {
        err_set(&why, ERR_CONFLICT, 0, "another object of this name was written to");
        call_finish(call, NULL, &why);
        return;
    }
    call_finish(call, written, NULL);
}

static void send(struct store_call *call)
{
    struct kube_store *store = call->store;
    CLEANUP(buf_fini) struct buf path;
    buf_init(&path, BUF_UNLIMITED);
    kube_path_object(&path, kube_resource_of(call->object->kind), call->object->ns,
                     call->object->name, call->subresource);
    const struct kube_request request = {
        .method = "PATCH",
        .path = buf_text(&path),
        .content_type =
            call->is_json_patch ? "application/json-patch+json" : "application/merge-patch+json",
        .body = {call->body, strlen(call->body)},
        .timeout_ms = TIMEOUT_MS,
    };
    call->state = CALL_SENT;
    store->in_flight++;
    call->call = kube_start(store->client, &request, on_answer, call);
}

static void pump(void *arg)
{
    struct kube_store *store = arg;
    while (store->in_flight < IN_FLIGHT_MAX && !TAILQ_EMPTY(&store->queued)) {
        struct store_call *call = TAILQ_FIRST(&store->queued);
        TAILQ_REMOVE(&store->queued, call, entry);
        TAILQ_INSERT_TAIL(&store->others, call, entry);
        send(call);
    }
}

/* Takes `body`; NULL: there is nothing to write. */
static struct store_call *queue(struct kube_store *store, const struct object *object, char *body,
                                store_done_fn *done, void *arg)
{
    struct store_call *call = xcalloc(1, sizeof(*call));
    *call = (struct store_call){.store = store,
                                .object = object_ref(object),
                                .body = body,
                                .done = done,
                                .arg = arg,
                                .state = body ? CALL_QUEUED : CALL_NEEDLESS};
    if (body) {
        TAILQ_INSERT_TAIL(&store->queued, call, entry);
        loop_defer(store->loop, pump, store);
    } else {
        TAILQ_INSERT_TAIL(&store->others, call, entry);
        loop_defer(store->loop, finish_needless, call);
    }
    return call;
}

static struct store_call *store_write_status(struct object_store *port, const struct object *object,
                                             struct span status, store_done_fn *done, void *arg)
{
    CLEANUP(buf_fini) struct buf body;
    buf_init(&body, BUF_UNLIMITED);
    buf_add_text(&body, "{\"metadata\":{\"resourceVersion\":");
    json_text_add_string(&body, object->version);
    buf_add_text(&body, "},\"status\":");
    bool differs = merge_patch_add(object_status(object), status, &body);
    buf_add_char(&body, '}');
    struct store_call *call =
        queue(store_of(port), object, differs ? buf_take(&body) : NULL, done, arg);
    call->subresource = "status";
    return call;
}

/* JSON patches. */

/* `patch` begins with its bracket. */
static void begin_operation(struct buf *patch)
{
    if (patch->length > 1)
        buf_add_char(patch, ',');
}

static void add_finalizer(const struct object *object, const char *name, struct buf *patch)
{
    if (object_has_finalizer(object, name))
        return;
    struct span list = json_text_get(object_metadata(object), "finalizers", NULL);
    bool is_list = json_text_type(list) == JSON_TEXT_ARRAY;
    begin_operation(patch);
    buf_add_format(patch, "{\"op\":\"add\",\"path\":\"/metadata/finalizers%s\",\"value\":%s",
                   is_list ? "/-" : "", is_list ? "" : "[");
    json_text_add_string(patch, name);
    buf_add_text(patch, is_list ? "}" : "]}");
}

static bool is_listed(const char *const *names, struct span name)
{
    for (size_t i = 0; names && names[i]; i++) {
        if (json_text_is(name, names[i]))
            return true;
    }
    return false;
}

/* From the last to the first, so that places stay what they are; each is tested first. */
static void remove_finalizers(const struct object *object, const char *const *names,
                              struct buf *patch)
{
    struct span list = json_text_get(object_metadata(object), "finalizers", NULL);
    size_t count = 0;
    for (struct json_text_iter iter = json_text_iterate(list); json_text_next(&iter);)
        count++;
    for (size_t at = count; at-- > 0;) {
        struct json_text_iter iter = json_text_iterate(list);
        while (json_text_next(&iter) && iter.index < at)
            ;
        if (!is_listed(names, iter.value))
            continue;
        begin_operation(patch);
        buf_add_format(patch,
                       "{\"op\":\"test\",\"path\":\"/metadata/finalizers/%zu\",\"value\":", at);
        buf_add(patch, iter.value.ptr, iter.value.length);
        buf_add_format(patch, "},{\"op\":\"remove\",\"path\":\"/metadata/finalizers/%zu\"}", at);
    }
}

static void change_annotation(const struct object *object, const char *name, const char *value,
                              struct buf *patch)
{
    struct span map = json_text_get(object_metadata(object), "annotations", NULL);
    CLEANUP(freep) char *now = object_annotation(object, name);
    if (str_equal(now, value))
        return;
    begin_operation(patch);
    if (json_text_type(map) != JSON_TEXT_OBJECT) /* only where something is to be added */
        buf_add_text(patch, "{\"op\":\"add\",\"path\":\"/metadata/annotations\",\"value\":{}},");
    buf_add_format(patch, "{\"op\":\"%s\",\"path\":\"/metadata/annotations/",
                   value ? "add" : "remove");
    for (const char *at = name; *at; at++) { /* a JSON pointer (RFC 6901) */
        if (*at == '~' || *at == '/')
            buf_add_text(patch, *at == '~' ? "~0" : "~1");
        else
            buf_add_char(patch, *at);
    }
    buf_add_char(patch, '"');
    if (value) {
        buf_add_text(patch, ",\"value\":");
        json_text_add_string(patch, value);
    }
    buf_add_char(patch, '}');
}

static struct store_call *store_change(struct object_store *port, const struct object *object,
                                       const struct object_change *change, store_done_fn *done,
                                       void *arg)
{
    CLEANUP(buf_fini) struct buf patch;
    buf_init(&patch, BUF_UNLIMITED);
    buf_add_char(&patch, '[');
    if (change->add_finalizer)
        add_finalizer(object, change->add_finalizer, &patch);
    remove_finalizers(object, change->remove_finalizers, &patch);
    if (change->annotation)
        change_annotation(object, change->annotation, change->annotation_value, &patch);
    struct json_text_iter iter = json_text_iterate(change->spec_patch);
    while (json_text_next(&iter)) {
        begin_operation(&patch);
        buf_add(&patch, iter.value.ptr, iter.value.length);
    }
    char *body = NULL;
    if (patch.length > 1) {
        /* The server compares the version of what it is given with what it has: 409 otherwise. */
        buf_add_text(&patch,
                     ",{\"op\":\"replace\",\"path\":\"/metadata/resourceVersion\",\"value\":");
        json_text_add_string(&patch, object->version);
        buf_add_text(&patch, "}]");
        body = buf_take(&patch);
    }
    struct store_call *call = queue(store_of(port), object, body, done, arg);
    call->is_json_patch = true;
    return call;
}

static void store_cancel(struct object_store *port, struct store_call *call)
{
    (void)port;
    if (call)
        call_free(call);
}

static void store_event(struct object_store *port, const struct object *object,
                        enum event_type type, const char *reason, const char *note)
{
    event_recorder_tell(store_of(port)->events, object, type, reason, note);
}

static bool store_can_change(const struct object_store *port)
{
    (void)port;
    return true;
}

static void store_free(struct object_store *port)
{
    struct kube_store *store = store_of(port);
    while (!TAILQ_EMPTY(&store->queued))
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): call_free() unlinks it */
        call_free(TAILQ_FIRST(&store->queued));
    while (!TAILQ_EMPTY(&store->others))
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): call_free() unlinks it */
        call_free(TAILQ_FIRST(&store->others));
    event_recorder_free(store->events);
    loop_defer_cancel(store->loop, pump, store);
    free(store);
}

struct object_store *kube_store_new(const struct kube_store_options *options)
{
    static const struct object_store_ops ops = {
        .write_status = store_write_status,
        .change = store_change,
        .cancel = store_cancel,
        .event = store_event,
        .can_change = store_can_change,
        .free = store_free,
    };
    struct kube_store *store = xcalloc(1, sizeof(*store));
    store->port.ops = &ops;
    store->loop = options->loop;
    store->client = options->client;
    store->events = event_recorder_new(options->loop, options->client, options->instance);
    TAILQ_INIT(&store->queued);
    TAILQ_INIT(&store->others);
    return &store->port;
}
