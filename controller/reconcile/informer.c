/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/informer.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/strmap.h"
#include "core/packing.h"
#include "core/version.h"

/* What is applied before the loop gets its turn again: about 10 ms of work. */
#define SLICE 256

enum news_type {
    NEWS_PUT,
    NEWS_PUT_LISTED,
    NEWS_GONE,
    NEWS_LISTED,
    NEWS_TROUBLE,
    NEWS_RESUMED,
    NEWS_MISSING,
    NEWS_FOLLOWED
};

/* Something the source told, waiting for its turn. */
struct news {
    enum news_type type;
    enum object_kind kind;
    struct object *object;     /* PUT, PUT_LISTED */
    char *key;                 /* GONE, MISSING, FOLLOWED */
    char *uid;                 /* GONE; NULL: unknown */
    struct strmap *listed;     /* LISTED: key → object */
    struct strmap_entry *next; /* … of these the next one to be applied */
    struct err *err;           /* TROUBLE, MISSING */
    STAILQ_ENTRY(news) entry;
};

struct kind_state {
    struct strmap *list; /* of the list being read: key → object; NULL: none */
    bool complete;
    bool suspected; /* until it has been listed again */
    bool went_back; /* … and that showed older versions */
    bool troubled;
    struct err trouble;
};

/* A Secret or ConfigMap that is read by name. */
struct follow {
    bool told; /* all of it has been told, there or not */
    bool missing;
    struct err reason;
};

struct informer {
    struct loop *loop;
    struct object_source *source;
    struct packing *packing;
    struct informer_callbacks callbacks;
    void *arg;
    struct cache *cache;
    struct kind_state kinds[OBJECT_KIND_COUNT];
    struct strmap *followed[OBJECT_KIND_COUNT]; /* key → struct follow */
    STAILQ_HEAD(, news) inbox;
};

static void work(void *arg);

static void unref_object(void *value)
{
    object_unref(value);
}

static void news_free(struct news *news)
{
    object_unref(news->object);
    free(news->key);
    free(news->uid);
    strmap_free(news->listed);
    free(news->err);
    free(news);
}

static struct err *copy_err(const struct err *err)
{
    struct err *copy = xmalloc(sizeof(*copy));
    *copy = *err;
    return copy;
}

static struct news *tell(struct informer *informer, enum news_type type, enum object_kind kind)
{
    struct news *news = xcalloc(1, sizeof(*news));
    news->type = type;
    news->kind = kind;
    STAILQ_INSERT_TAIL(&informer->inbox, news, entry);
    loop_defer(informer->loop, work, informer);
    return news;
}

/* The sink: only collects. */

static void on_begin(void *arg, enum object_kind kind)
{
    struct informer *informer = arg;
    strmap_free(informer->kinds[kind].list);
    informer->kinds[kind].list = strmap_new(unref_object);
}

static void on_put(void *arg, const struct object *object)
{
    struct informer *informer = arg;
    struct strmap *list = informer->kinds[object->kind].list;
    packing_add(informer->packing, object);
    if (!list) {
        tell(informer, NEWS_PUT, object->kind)->object = object_ref(object);
        return;
    }
    /* An unchanged object is held once, not twice, while lists are compared. */
    const struct object *cached = cache_get(informer->cache, object->kind, object->key);
    bool same = cached && str_equal(cached->uid, object->uid) &&
                str_equal(cached->version, object->version) && *object->version;
    strmap_set(list, object->key, object_ref(same ? cached : object));
}

static void on_put_listed(void *arg, const struct object *object)
{
    struct informer *informer = arg;
    packing_add(informer->packing, object);
    tell(informer, NEWS_PUT_LISTED, object->kind)->object = object_ref(object);
}

static void on_gone(void *arg, enum object_kind kind, const char *key, const char *uid)
{
    struct news *news = tell(arg, NEWS_GONE, kind);
    news->key = xstrdup(key);
    news->uid = uid ? xstrdup(uid) : NULL;
}

static void on_end(void *arg, enum object_kind kind)
{
    struct informer *informer = arg;
    struct strmap *list = TAKE(informer->kinds[kind].list);
    if (!list)
        return;
    struct news *news = tell(informer, NEWS_LISTED, kind);
    news->listed = list;
    news->next = strmap_first(list);
}

static void on_trouble(void *arg, enum object_kind kind, const struct err *err)
{
    struct informer *informer = arg;
    strmap_free(informer->kinds[kind].list);
    informer->kinds[kind].list = NULL;
    tell(informer, NEWS_TROUBLE, kind)->err = copy_err(err);
}

static void on_missing(void *arg, enum object_kind kind, const char *key, const struct err *err)
{
    struct news *news = tell(arg, NEWS_MISSING, kind);
    news->key = xstrdup(key);
    news->err = copy_err(err);
}

static void on_followed(void *arg, enum object_kind kind, const char *key)
{
    tell(arg, NEWS_FOLLOWED, kind)->key = xstrdup(key);
}

static void on_resumed(void *arg, enum object_kind kind)
{
    tell(arg, NEWS_RESUMED, kind);
}

static const struct object_sink sink = {
    .begin = on_begin,
    .put = on_put,
    .put_listed = on_put_listed,
    .gone = on_gone,
    .end = on_end,
    .trouble = on_trouble,
    .resumed = on_resumed,
    .missing = on_missing,
    .followed = on_followed,
};

/* Applying. */

/* Single things are read from the store, or told in the order in which they changed. */
static bool is_followed_kind(enum object_kind kind)
{
    return kind == OBJECT_SECRET || kind == OBJECT_CONFIGMAP || kind == OBJECT_SERVICE ||
           kind == OBJECT_ENDPOINTSLICE;
}

/* Has been told, but was let go before its turn came. */
static bool is_let_go(const struct informer *informer, const struct object *object)
{
    bool by_name = object->kind == OBJECT_SECRET || object->kind == OBJECT_CONFIGMAP;
    return by_name && !strmap_has(informer->followed[object->kind], object->key);
}

/* `listed`: by a complete list, which is the truth even where it looks older: a restored backup has
 * the same uids at lower versions. */
static void apply_put(struct informer *informer, const struct object *object, bool listed)
{
    const struct object *cached = cache_get(informer->cache, object->kind, object->key);
    if (cached == object || is_let_go(informer, object))
        return;
    struct follow *follow = strmap_get(informer->followed[object->kind], object->key);
    if (follow)
        *follow = (struct follow){.told = true};
    CLEANUP(object_unrefp) struct object *before = NULL;
    if (cached && !str_equal(cached->uid, object->uid)) {
        before = cache_remove(informer->cache, object->kind, object->key);
        informer->callbacks.changed(informer->arg, before, NULL);
        object_unref(before);
        before = NULL;
    } else if (cached) {
        bool resync = *object->version && str_equal(cached->version, object->version);
        bool is_truth = listed || is_followed_kind(object->kind);
        bool is_older = version_is_older(object->version, cached->version);
        if (resync || (!is_truth && is_older))
            return;
        informer->kinds[object->kind].went_back |= listed && is_older;
    }
    before = cache_put(informer->cache, object);
    informer->callbacks.changed(informer->arg, before, object);
}

static void apply_gone(struct informer *informer, enum object_kind kind, const char *key,
                       const char *uid)
{
    const struct object *cached = cache_get(informer->cache, kind, key);
    if (!cached || (uid && !str_equal(cached->uid, uid)))
        return;
    CLEANUP(object_unrefp) struct object *before = cache_remove(informer->cache, kind, key);
    informer->callbacks.changed(informer->arg, before, NULL);
}

static void apply_missing(struct informer *informer, enum object_kind kind, const char *key,
                          const struct err *err)
{
    struct follow *follow = strmap_get(informer->followed[kind], key);
    if (!follow)
        return;
    *follow = (struct follow){.told = true, .missing = true, .reason = *err};
    CLEANUP(object_unrefp) struct object *before = cache_remove(informer->cache, kind, key);
    if (before)
        informer->callbacks.changed(informer->arg, before, NULL);
    else
        informer->callbacks.missing(informer->arg, kind, key);
}

static void apply_followed(struct informer *informer, enum object_kind kind, const char *key)
{
    struct follow *follow = strmap_get(informer->followed[kind], key);
    if (!follow || (follow->told && !follow->missing))
        return;
    *follow = (struct follow){.told = true};
    informer->callbacks.missing(informer->arg, kind, key);
}

/* The store was restored from a backup; of the other kinds nothing may ever show it. */
static void relist_others(struct informer *informer, enum object_kind kind)
{
    for (enum object_kind other = 0; other < OBJECT_KIND_COUNT; other++) {
        if (other != kind)
            informer->source->ops->relist(informer->source, other);
    }
}

struct sweep {
    const struct strmap *listed;
    struct strmap *gone;
};

static bool find_gone(void *arg, const struct object *object)
{
    const struct sweep *sweep = arg;
    if (!strmap_has(sweep->listed, object->key))
        strset_add(sweep->gone, object->key);
    return true;
}

/* A list may be long: it stays the first of the news until all that it holds has been applied. */
static bool apply_next_listed(struct informer *informer, struct news *news)
{
    struct strmap_entry *entry = news->next;
    if (!entry)
        return false;
    news->next = strmap_next(entry);
    apply_put(informer, strmap_entry_value(entry), true);
    return true;
}

/* All that the list holds has been applied. */
static void apply_listed(struct informer *informer, enum object_kind kind,
                         const struct strmap *listed)
{
    struct sweep sweep = {listed, strset_new()};
    /* All of the list is in the cache: where that has no more, there is nothing to search for. */
    if (cache_count(informer->cache, kind) != strmap_count(listed))
        cache_visit(informer->cache, kind, find_gone, &sweep);
    CLEANUP(freep) const char **keys = strmap_sorted_keys(sweep.gone);
    for (size_t i = 0; keys[i]; i++)
        apply_gone(informer, kind, keys[i], NULL);
    strmap_free(sweep.gone);
    struct kind_state *state = &informer->kinds[kind];
    if (state->suspected && state->went_back)
        relist_others(informer, kind);
    state->suspected = state->went_back = false;
    state->complete = true;
    state->troubled = false;
    informer->callbacks.listed(informer->arg, kind);
}

static void apply_trouble(struct informer *informer, enum object_kind kind, const struct err *err)
{
    struct kind_state *state = &informer->kinds[kind];
    bool known = state->troubled && state->trouble.class == err->class &&
                 str_equal(state->trouble.msg, err->msg);
    state->troubled = true;
    state->trouble = *err;
    if (!known)
        informer->callbacks.trouble(informer->arg, kind, err);
}

static void work(void *arg)
{
    struct informer *informer = arg;
    for (size_t done = 0; done < SLICE; done++) {
        struct news *news = STAILQ_FIRST(&informer->inbox);
        if (!news)
            return;
        if (apply_next_listed(informer, news))
            continue;
        STAILQ_REMOVE_HEAD(&informer->inbox, entry);
        switch (news->type) {
        case NEWS_PUT:
            apply_put(informer, news->object, false);
            break;
        case NEWS_PUT_LISTED:
            apply_put(informer, news->object, true);
            break;
        case NEWS_GONE:
            apply_gone(informer, news->kind, news->key, news->uid);
            break;
        case NEWS_LISTED:
            apply_listed(informer, news->kind, news->listed);
            break;
        case NEWS_TROUBLE:
            apply_trouble(informer, news->kind, news->err);
            break;
        case NEWS_RESUMED:
            informer->kinds[news->kind].troubled = false;
            informer->callbacks.listed(informer->arg, news->kind);
            break;
        case NEWS_MISSING:
            apply_missing(informer, news->kind, news->key, news->err);
            break;
        case NEWS_FOLLOWED:
            apply_followed(informer, news->kind, news->key);
            break;
        }
        news_free(news);
    }
    loop_defer(informer->loop, work, informer);
}

struct informer *informer_new(struct loop *loop, struct object_source *source,
                              struct packing *packing, const struct informer_callbacks *callbacks,
                              void *arg)
{
    struct informer *informer = xcalloc(1, sizeof(*informer));
    informer->loop = loop;
    informer->source = source;
    informer->packing = packing;
    informer->callbacks = *callbacks;
    informer->arg = arg;
    informer->cache = cache_new();
    STAILQ_INIT(&informer->inbox);
    for (size_t i = 0; i < OBJECT_KIND_COUNT; i++)
        informer->followed[i] = strmap_new(free);
    return informer;
}

void informer_free(struct informer *informer)
{
    if (!informer)
        return;
    loop_defer_cancel(informer->loop, work, informer);
    while (!STAILQ_EMPTY(&informer->inbox)) {
        struct news *news = STAILQ_FIRST(&informer->inbox);
        STAILQ_REMOVE_HEAD(&informer->inbox, entry);
        news_free(news);
    }
    for (size_t i = 0; i < OBJECT_KIND_COUNT; i++) {
        strmap_free(informer->kinds[i].list);
        strmap_free(informer->followed[i]);
    }
    cache_free(informer->cache);
    free(informer);
}

void informer_start(struct informer *informer, const enum object_kind *kinds, size_t count)
{
    informer->source->ops->start(informer->source, kinds, count, &sink, informer);
}

const struct cache *informer_cache(const struct informer *informer)
{
    return informer->cache;
}

bool informer_is_complete(const struct informer *informer, enum object_kind kind)
{
    return informer->kinds[kind].complete;
}

bool informer_proves_absence(const struct informer *informer, enum object_kind kind)
{
    return informer->kinds[kind].complete && !informer->kinds[kind].troubled;
}

bool informer_proves_deletion(const struct informer *informer, enum object_kind kind, int64_t since)
{
    return informer->source->ops->stands(informer->source, kind, since);
}

const struct err *informer_trouble(const struct informer *informer, enum object_kind kind)
{
    return informer->kinds[kind].troubled ? &informer->kinds[kind].trouble : NULL;
}

bool informer_watches(const struct informer *informer, const char *ns)
{
    return informer->source->ops->watches(informer->source, ns);
}

void informer_suspect(struct informer *informer, enum object_kind kind)
{
    informer->kinds[kind].suspected = true;
    informer->source->ops->relist(informer->source, kind);
}

void informer_follow(struct informer *informer, enum object_kind kind, const char *key)
{
    if (strmap_has(informer->followed[kind], key))
        return;
    strmap_set(informer->followed[kind], key, xcalloc(1, sizeof(struct follow)));
    informer->source->ops->follow(informer->source, kind, key);
}

void informer_unfollow(struct informer *informer, enum object_kind kind, const char *key)
{
    if (!strmap_has(informer->followed[kind], key))
        return;
    informer->source->ops->unfollow(informer->source, kind, key);
    strmap_remove(informer->followed[kind], key);
    object_unref(cache_remove(informer->cache, kind, key));
}

void informer_unfollow_all(struct informer *informer)
{
    for (enum object_kind kind = 0; kind < OBJECT_KIND_COUNT; kind++) {
        const struct strmap_entry *entry;
        while ((entry = strmap_first(informer->followed[kind]))) {
            CLEANUP(freep) char *key = xstrdup(strmap_entry_key(entry));
            informer_unfollow(informer, kind, key);
        }
    }
}

bool informer_is_known(const struct informer *informer, enum object_kind kind, const char *key)
{
    const struct follow *follow = strmap_get(informer->followed[kind], key);
    return (follow && follow->told) || cache_get(informer->cache, kind, key);
}

const struct err *informer_missing(const struct informer *informer, enum object_kind kind,
                                   const char *key)
{
    const struct follow *follow = strmap_get(informer->followed[kind], key);
    return follow && follow->missing ? &follow->reason : NULL;
}

void informer_put(struct informer *informer, const struct object *object)
{
    const struct object *cached = cache_get(informer->cache, object->kind, object->key);
    packing_add(informer->packing, object);
    if (cached && str_equal(cached->uid, object->uid))
        apply_put(informer, object, false);
}
