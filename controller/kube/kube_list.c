/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kube_list.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "kube/kube_object.h"
#include "kube/kube_path.h"
#include "kube/list_splitter.h"

#define PAGE_SIZE "500"
#define PAGE_TIMEOUT_MS 60000
#define WHOLE_TIMEOUT_MS 300000

struct kube_list {
    /* set by kube_list_start(), not changed after */
    struct kube_client *client;
    const struct kube_scope *scope;
    struct kube_list_callbacks callbacks;
    void *arg;
    /* progress */
    struct kube_call *call;
    struct list_splitter *splitter; /* of the page at hand */
    char *version;                  /* of the first page; NULL: it is not there yet */
    char *proceed;                  /* to the page at hand; NULL: the first */
    bool whole;                     /* asked for without pages, because they expired */
    size_t count;
    /* What we found wrong ourselves comes before what libcurl makes of it. */
    bool has_refusal;
    struct err refusal;
};

static void send_page(struct kube_list *list);
static void on_page(void *arg, const struct kube_answer *answer, const struct err *err);
static void finish(struct kube_list *list, const struct kube_answer *answer, const struct err *err);

void kube_scope_add_path(const struct kube_scope *scope, struct buf *path)
{
    kube_path_collection(path, kube_resource_of(scope->kind), scope->ns);
    if (scope->field_selector)
        kube_path_add_query(path, "fieldSelector", scope->field_selector);
    if (scope->label_selector)
        kube_path_add_query(path, "labelSelector", scope->label_selector);
}

struct kube_list *kube_list_start(struct kube_client *client, const struct kube_scope *scope,
                                  const struct kube_list_callbacks *callbacks, void *arg)
{
    struct kube_list *list = xcalloc(1, sizeof(*list));
    *list =
        (struct kube_list){.client = client, .scope = scope, .callbacks = *callbacks, .arg = arg};
    send_page(list);
    return list;
}

static void list_free(struct kube_list *list)
{
    list_splitter_free(list->splitter);
    free(list->version);
    free(list->proceed);
    free(list);
}

void kube_list_cancel(struct kube_list *list)
{
    if (!list)
        return;
    kube_cancel(list->call);
    list_free(list);
}

static int on_item(void *arg, struct span item, struct err *err)
{
    struct kube_list *list = arg;
    CLEANUP(object_unrefp) struct object *object = NULL;
    /* A list with something in it that is none of ours proves nothing about the rest. */
    if (kube_object_decode(list->scope->kind, item, &object, err) < 0)
        return err_wrap(err, "item %zu", list->count);
    list->count++;
    list->callbacks.put(list->arg, object);
    return 0;
}

static bool on_bytes(void *arg, const char *bytes, size_t length)
{
    struct kube_list *list = arg;
    list->has_refusal = list_splitter_feed(list->splitter, bytes, length, &list->refusal) < 0;
    return !list->has_refusal;
}

static void on_open(void *arg)
{
    struct kube_list *list = arg;
    if (!list->proceed)
        list->callbacks.begin(list->arg);
}

static void send_page(struct kube_list *list)
{
    list->has_refusal = false;
    list_splitter_free(list->splitter);
    list->splitter = list_splitter_new(on_item, list);
    CLEANUP(buf_fini) struct buf path;
    buf_init(&path, BUF_UNLIMITED);
    kube_scope_add_path(list->scope, &path);
    if (!list->whole)
        kube_path_add_query(&path, "limit", PAGE_SIZE);
    if (list->proceed)
        kube_path_add_query(&path, "continue", list->proceed);
    const struct kube_request request = {
        .method = "GET",
        .path = buf_text(&path),
        .timeout_ms = list->whole ? WHOLE_TIMEOUT_MS : PAGE_TIMEOUT_MS,
        .on_bytes = on_bytes,
        .on_open = on_open,
    };
    list->call = kube_start(list->client, &request, on_page, list);
}

static void begin_whole(struct kube_list *list)
{
    free(TAKE(list->version));
    free(TAKE(list->proceed));
    list->whole = true;
    list->count = 0;
    send_page(list);
}

/* Takes the page; -1 when it was none, or leads nowhere. */
static int take_page(struct kube_list *list, struct err *err)
{
    struct list_page page;
    if (list_splitter_finish(list->splitter, &page, err) < 0)
        return -1;
    /* All pages are of the version of the first. */
    if (!list->version)
        list->version = TAKE(page.version);
    bool stands_still = page.proceed && str_equal(page.proceed, list->proceed);
    free(list->proceed);
    list->proceed = TAKE(page.proceed);
    list_page_fini(&page);
    if (stands_still)
        return err_set(err, ERR_TRANSIENT, 0, "a page of the list leads to itself");
    return 0;
}

static void on_page(void *arg, const struct kube_answer *answer, const struct err *err)
{
    struct kube_list *list = arg;
    list->call = NULL;
    struct err why;
    if (err && err->class == ERR_EXPIRED && list->proceed && !list->whole)
        begin_whole(list);
    else if (err)
        finish(list, answer, list->has_refusal ? &list->refusal : err);
    else if (take_page(list, &why) < 0)
        finish(list, answer, &why);
    else if (list->proceed)
        send_page(list);
    else
        finish(list, answer, NULL);
}

static void finish(struct kube_list *list, const struct kube_answer *answer, const struct err *err)
{
    struct kube_list_callbacks callbacks = list->callbacks;
    void *arg = list->arg;
    CLEANUP(freep) char *version = TAKE(list->version);
    struct err why;
    if (err)
        why = *err;
    list_free(list);
    callbacks.done(arg, err ? NULL : version, answer, err ? &why : NULL);
}
