/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/service_watch.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/strmap.h"
#include "kube/reflector.h"

/* One Service, or the slices of one. */
struct followed {
    struct service_watch *watch;
    enum object_kind kind;
    char *key;
    struct reflector *reflector;
    struct strmap *known;   /* keys of what was told */
    struct strmap *listing; /* keys of the list that is being read; NULL: none is */
};

struct service_watch {
    struct loop *loop;
    struct kube_client *client;
    const struct object_sink *sink; /* NULL: not started */
    void *arg;
    struct strmap *followed; /* "kind key" → struct followed */
};

static void on_begin(void *arg)
{
    struct followed *followed = arg;
    strmap_free(followed->listing);
    followed->listing = strset_new();
}

/* What stands in a list is there whether the list ends well or not. */
static void on_put(void *arg, const struct object *object)
{
    struct followed *followed = arg;
    const struct service_watch *watch = followed->watch;
    strset_add(followed->known, object->key);
    if (followed->listing)
        strset_add(followed->listing, object->key);
    watch->sink->put(watch->arg, object);
}

static void tell_gone(struct followed *followed, const char *key, const char *uid)
{
    const struct service_watch *watch = followed->watch;
    watch->sink->gone(watch->arg, followed->kind, key, uid);
}

static void tell_missing(struct followed *followed, const struct err *err)
{
    const struct service_watch *watch = followed->watch;
    watch->sink->missing(watch->arg, followed->kind, followed->key, err);
}

/* True: there is no such Service; slices may be none. */
static bool tell_if_missing(struct followed *followed)
{
    if (followed->kind != OBJECT_SERVICE || strmap_count(followed->known))
        return false;
    struct err err;
    err_set(&err, ERR_NOT_FOUND, 404, "there is no Service %s", followed->key);
    tell_missing(followed, &err);
    return true;
}

static void on_gone(void *arg, const char *key, const char *uid)
{
    struct followed *followed = arg;
    strmap_take(followed->known, key);
    tell_gone(followed, key, uid);
    (void)tell_if_missing(followed);
}

static void on_end(void *arg)
{
    struct followed *followed = arg;
    const struct service_watch *watch = followed->watch;
    struct strmap_entry *next;
    for (struct strmap_entry *e = strmap_first(followed->known); e; e = next) {
        next = strmap_next(e);
        CLEANUP(freep) char *key = xstrdup(strmap_entry_key(e));
        if (strmap_has(followed->listing, key))
            continue;
        strmap_take(followed->known, key);
        tell_gone(followed, key, NULL);
    }
    strmap_free(followed->listing);
    followed->listing = NULL;
    if (!tell_if_missing(followed))
        watch->sink->followed(watch->arg, followed->kind, followed->key);
}

static void on_trouble(void *arg, const struct err *err)
{
    struct followed *followed = arg;
    strmap_free(followed->listing);
    followed->listing = NULL;
    log_warn("cannot be followed", .kind = object_kind_name(followed->kind), .key = followed->key,
             .err = err);
    if (err->class == ERR_DENIED && !strmap_count(followed->known))
        tell_missing(followed, err);
}

static void on_resumed(void *arg)
{
    (void)arg;
}

static const struct reflector_callbacks callbacks = {.begin = on_begin,
                                                     .put = on_put,
                                                     .gone = on_gone,
                                                     .end = on_end,
                                                     .trouble = on_trouble,
                                                     .resumed = on_resumed};

static void start(struct followed *followed)
{
    CLEANUP(freep) char *ns = object_key_ns(followed->key);
    const char *name = object_key_name(followed->key);
    bool slices = followed->kind == OBJECT_ENDPOINTSLICE;
    CLEANUP(freep)
    char *selector = slices ? xasprintf("kubernetes.io/service-name=%s", name)
                            : xasprintf("metadata.name=%s", name);
    const struct reflector_options options = {
        .loop = followed->watch->loop,
        .client = followed->watch->client,
        .scope = {.kind = followed->kind,
                  .ns = ns,
                  .field_selector = slices ? NULL : selector,
                  .label_selector = slices ? selector : NULL},
    };
    followed->reflector = reflector_new(&options, &callbacks, followed);
}

static void followed_free(void *value)
{
    struct followed *followed = value;
    reflector_free(followed->reflector);
    strmap_free(followed->known);
    strmap_free(followed->listing);
    free(followed->key);
    free(followed);
}

struct service_watch *service_watch_new(struct loop *loop, struct kube_client *client)
{
    struct service_watch *watch = xcalloc(1, sizeof(*watch));
    watch->loop = loop;
    watch->client = client;
    watch->followed = strmap_new(followed_free);
    return watch;
}

void service_watch_free(struct service_watch *watch)
{
    if (!watch)
        return;
    strmap_free(watch->followed);
    free(watch);
}

void service_watch_start(struct service_watch *watch, const struct object_sink *sink, void *arg)
{
    watch->sink = sink;
    watch->arg = arg;
    for (struct strmap_entry *e = strmap_first(watch->followed); e; e = strmap_next(e))
        start(strmap_entry_value(e));
}

void service_watch_add(struct service_watch *watch, enum object_kind kind, const char *key)
{
    CLEANUP(freep) char *place = xasprintf("%s %s", object_kind_name(kind), key);
    if (strmap_has(watch->followed, place))
        return;
    struct followed *followed = xcalloc(1, sizeof(*followed));
    *followed =
        (struct followed){.watch = watch, .kind = kind, .key = xstrdup(key), .known = strset_new()};
    strmap_set(watch->followed, place, followed);
    if (watch->sink)
        start(followed);
}

void service_watch_remove(struct service_watch *watch, enum object_kind kind, const char *key)
{
    CLEANUP(freep) char *place = xasprintf("%s %s", object_kind_name(kind), key);
    struct followed *followed = strmap_take(watch->followed, place);
    if (!followed)
        return;
    struct strmap_entry *e;
    for (e = strmap_first(followed->known); e && watch->sink; e = strmap_next(e))
        tell_gone(followed, strmap_entry_key(e), NULL);
    followed_free(followed);
}

void service_watch_relist(struct service_watch *watch, enum object_kind kind)
{
    for (struct strmap_entry *e = strmap_first(watch->followed); e; e = strmap_next(e)) {
        const struct followed *followed = strmap_entry_value(e);
        if (followed->kind == kind && followed->reflector)
            reflector_relist(followed->reflector);
    }
}
