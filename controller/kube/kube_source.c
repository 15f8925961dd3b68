/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kube_source.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "kube/crd_guard.h"
#include "kube/guarded_sink.h"
#include "kube/kube_follow.h"
#include "kube/ns_merge.h"
#include "kube/service_watch.h"

/* A reflector and what it stands for. */
struct feed {
    struct kind_feeds *feeds;
    size_t index;
    struct reflector *reflector;
};

struct kind_feeds {
    struct kube_source *source;
    enum object_kind kind;
    struct ns_merge *merge; /* NULL: one reflector, told straight */
    struct feed *items;
    size_t count;
    struct crd_guard *guard;     /* NULL: none */
    struct guarded_sink guarded; /* what all is told to, if there is one */
    bool leaving;                /* the CRD is: what its reflectors tell is no news */
};

struct kube_source {
    struct object_source port;
    struct loop *loop;
    struct kube_client *client;
    char **namespaces; /* NULL: all */
    size_t namespace_count;
    struct kube_follow *follow;
    struct service_watch *services;
    const struct object_sink *sink;
    void *sink_arg;
    struct kind_feeds kinds[OBJECT_KIND_COUNT];
};

static struct kube_source *source_of(struct object_source *port)
{
    return (struct kube_source *)port;
}

/* What stands of a kind before the sink. What is concluded from the absence of a Webhook cannot be
 * taken back. */
static bool is_guarded(const struct kind_feeds *feeds)
{
    return feeds->kind == OBJECT_WEBHOOK;
}

static const struct object_sink *sink_of(const struct kind_feeds *feeds)
{
    return is_guarded(feeds) ? &guarded_sink_port : feeds->source->sink;
}

static void *sink_arg_of(const struct kind_feeds *feeds)
{
    /* The guarded sink is ours to change. */
    return is_guarded(feeds) ? (void *)(uintptr_t)&feeds->guarded : feeds->source->sink_arg;
}

/* From a reflector to the merge, or straight to the sink. */

static void on_begin(void *arg)
{
    const struct feed *feed = arg;
    const struct kind_feeds *feeds = feed->feeds;
    if (feeds->leaving)
        return;
    if (feeds->merge)
        ns_merge_begin(feeds->merge, feed->index);
    else
        sink_of(feeds)->begin(sink_arg_of(feeds), feeds->kind);
}

static void on_put(void *arg, const struct object *object)
{
    const struct feed *feed = arg;
    const struct kind_feeds *feeds = feed->feeds;
    if (feeds->leaving)
        return;
    if (feeds->merge)
        ns_merge_put(feeds->merge, feed->index, object);
    else
        sink_of(feeds)->put(sink_arg_of(feeds), object);
}

static void on_gone(void *arg, const char *key, const char *uid)
{
    const struct feed *feed = arg;
    const struct kind_feeds *feeds = feed->feeds;
    if (feeds->leaving)
        return;
    if (feeds->merge)
        ns_merge_gone(feeds->merge, feed->index, key, uid);
    else
        sink_of(feeds)->gone(sink_arg_of(feeds), feeds->kind, key, uid);
}

static void on_end(void *arg)
{
    const struct feed *feed = arg;
    const struct kind_feeds *feeds = feed->feeds;
    if (feeds->leaving)
        return;
    if (feeds->merge)
        ns_merge_end(feeds->merge, feed->index);
    else
        sink_of(feeds)->end(sink_arg_of(feeds), feeds->kind);
}

static void on_trouble(void *arg, const struct err *err)
{
    const struct feed *feed = arg;
    const struct kind_feeds *feeds = feed->feeds;
    if (feeds->leaving)
        return;
    if (feeds->merge)
        ns_merge_trouble(feeds->merge, feed->index, err);
    else
        sink_of(feeds)->trouble(sink_arg_of(feeds), feeds->kind, err);
}

static void on_resumed(void *arg)
{
    const struct feed *feed = arg;
    const struct kind_feeds *feeds = feed->feeds;
    if (feeds->leaving)
        return;
    if (feeds->merge)
        ns_merge_resumed(feeds->merge, feed->index);
    else
        sink_of(feeds)->resumed(sink_arg_of(feeds), feeds->kind);
}

static const struct reflector_callbacks callbacks = {
    .begin = on_begin,
    .put = on_put,
    .gone = on_gone,
    .end = on_end,
    .trouble = on_trouble,
    .resumed = on_resumed,
};

static void start_feeds(struct kind_feeds *feeds)
{
    struct kube_source *source = feeds->source;
    bool all = !source->namespace_count;
    feeds->count = all ? 1 : source->namespace_count;
    feeds->items = xcalloc(feeds->count, sizeof(*feeds->items));
    if (feeds->count > 1)
        feeds->merge = ns_merge_new(feeds->kind, feeds->count, sink_of(feeds), sink_arg_of(feeds));
    for (size_t i = 0; i < feeds->count; i++) {
        struct feed *feed = &feeds->items[i];
        const char *ns = all ? NULL : source->namespaces[i];
        bool by_name = ns && !object_kind_is_namespaced(feeds->kind);
        CLEANUP(freep) char *selector = by_name ? xasprintf("metadata.name=%s", ns) : NULL;
        const struct reflector_options options = {
            .loop = source->loop,
            .client = source->client,
            .scope = {.kind = feeds->kind, .ns = by_name ? NULL : ns, .field_selector = selector}};
        *feed = (struct feed){.feeds = feeds, .index = i};
        feed->reflector = reflector_new(&options, &callbacks, feed);
    }
}

static void stop_feeds(struct kind_feeds *feeds)
{
    for (size_t i = 0; i < feeds->count; i++)
        reflector_free(feeds->items[i].reflector);
    free(feeds->items);
    ns_merge_free(feeds->merge);
    feeds->items = NULL;
    feeds->merge = NULL;
    feeds->count = 0;
}

/* Objects that go with their CRD have not been deleted by anybody. When it stands again, its kind
 * is listed anew. */
static void on_guard(void *arg, bool standing)
{
    struct kind_feeds *feeds = arg;
    feeds->leaving = !standing;
    if (standing) {
        stop_feeds(feeds);
        guarded_sink_restart(&feeds->guarded);
        start_feeds(feeds);
        return;
    }
    struct err err;
    crd_guard_describe(feeds->kind, &err);
    sink_of(feeds)->trouble(sink_arg_of(feeds), feeds->kind, &err);
}

/* While the CRD is known to go that is trouble enough. */
static void on_sight(void *arg, const struct err *err)
{
    struct kind_feeds *feeds = arg;
    guarded_sink_set_blind(&feeds->guarded, err);
}

static void start_kind(struct kube_source *source, enum object_kind kind)
{
    static const struct crd_guard_callbacks guard = {.changed = on_guard, .sight = on_sight};
    struct kind_feeds *feeds = &source->kinds[kind];
    *feeds = (struct kind_feeds){.source = source, .kind = kind};
    guarded_sink_init(&feeds->guarded, kind, source->sink, source->sink_arg);
    start_feeds(feeds);
    if (is_guarded(feeds))
        feeds->guard = crd_guard_new(source->loop, source->client, kind, &guard, feeds);
}

static void source_start(struct object_source *port, const enum object_kind *kinds, size_t count,
                         const struct object_sink *sink, void *arg)
{
    struct kube_source *source = source_of(port);
    source->sink = sink;
    source->sink_arg = arg;
    for (size_t i = 0; i < count; i++)
        start_kind(source, kinds[i]);
    kube_follow_start(source->follow, sink, arg);
    service_watch_start(source->services, sink, arg);
}

static void source_follow(struct object_source *port, enum object_kind kind, const char *key)
{
    if (kind == OBJECT_SERVICE || kind == OBJECT_ENDPOINTSLICE)
        service_watch_add(source_of(port)->services, kind, key);
    else
        kube_follow_add(source_of(port)->follow, kind, key);
}

static void source_unfollow(struct object_source *port, enum object_kind kind, const char *key)
{
    if (kind == OBJECT_SERVICE || kind == OBJECT_ENDPOINTSLICE)
        service_watch_remove(source_of(port)->services, kind, key);
    else
        kube_follow_remove(source_of(port)->follow, kind, key);
}

static void source_relist(struct object_source *port, enum object_kind kind)
{
    struct kube_source *source = source_of(port);
    const struct kind_feeds *feeds = &source->kinds[kind];
    for (size_t i = 0; i < feeds->count; i++)
        reflector_relist(feeds->items[i].reflector);
    if (feeds->guard)
        crd_guard_relist(feeds->guard);
    service_watch_relist(source->services, kind);
}

static bool source_stands(struct object_source *port, enum object_kind kind, int64_t since)
{
    struct crd_guard *guard = source_of(port)->kinds[kind].guard;
    return !guard || crd_guard_stands(guard, since);
}

static bool source_watches(const struct object_source *port, const char *ns)
{
    const struct kube_source *source = (const struct kube_source *)port;
    for (size_t i = 0; i < source->namespace_count; i++) {
        if (str_equal(source->namespaces[i], ns))
            return true;
    }
    return !source->namespace_count;
}

static void source_free(struct object_source *port)
{
    struct kube_source *source = source_of(port);
    for (size_t i = 0; i < OBJECT_KIND_COUNT; i++) {
        crd_guard_free(source->kinds[i].guard);
        stop_feeds(&source->kinds[i]);
    }
    service_watch_free(source->services);
    kube_follow_free(source->follow);
    for (size_t i = 0; i < source->namespace_count; i++)
        free(source->namespaces[i]);
    free(source->namespaces);
    free(source);
}

struct object_source *kube_source_new(const struct kube_source_options *options)
{
    static const struct object_source_ops ops = {
        .start = source_start,
        .follow = source_follow,
        .unfollow = source_unfollow,
        .relist = source_relist,
        .stands = source_stands,
        .watches = source_watches,
        .free = source_free,
    };
    struct kube_source *source = xcalloc(1, sizeof(*source));
    source->port.ops = &ops;
    source->loop = options->loop;
    source->client = options->client;
    size_t given = 0;
    while (options->namespaces && options->namespaces[given])
        given++;
    source->namespaces = xcalloc(given + 1, sizeof(*source->namespaces));
    for (size_t i = 0; i < given; i++) {
        /* Named twice is named once. */
        if (!source->namespace_count || !source_watches(&source->port, options->namespaces[i]))
            source->namespaces[source->namespace_count++] = xstrdup(options->namespaces[i]);
    }
    source->services = service_watch_new(options->loop, options->client);
    source->follow = kube_follow_new(options->loop, options->client, options->secret_poll_ms);
    return &source->port;
}

void kube_source_stats(const struct object_source *port, enum object_kind kind,
                       struct reflector_stats *ret_stats)
{
    const struct kube_source *source = (const struct kube_source *)port;
    const struct kind_feeds *feeds = &source->kinds[kind];
    struct reflector_stats sum = {0};
    for (size_t i = 0; i < feeds->count; i++) {
        struct reflector_stats one;
        reflector_stats(feeds->items[i].reflector, &one);
        sum.lists += one.lists;
        sum.list_failures += one.list_failures;
        sum.watches += one.watches;
        sum.watch_failures += one.watch_failures;
        sum.expired += one.expired;
        sum.silenced += one.silenced;
        sum.bookmarks += one.bookmarks;
        sum.events += one.events;
        sum.undecodable += one.undecodable;
    }
    *ret_stats = sum;
}
