/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "kube/kube_client.h"
#include "kube/kube_source.h"
#include "support/fake_http.h"
#include "support/fake_loop.h"

struct world {
    struct loop *loop;
    struct http *http;
    struct kube_config config;
    struct kube_client *client;
    struct object_source *source;
    struct buf told;
    const char *unfollow_when_told; /* this key is unfollowed from within the sink */
};

static void on_begin(void *arg, enum object_kind kind)
{
    struct world *world = arg;
    buf_add_format(&world->told, "begin %s\n", object_kind_name(kind));
}

static void unfollow(struct world *world, enum object_kind kind, const char *key)
{
    if (world->unfollow_when_told && strcmp(key, world->unfollow_when_told) == 0)
        world->source->ops->unfollow(world->source, kind, key);
}

static void on_put(void *arg, const struct object *object)
{
    struct world *world = arg;
    buf_add_format(&world->told, "put %s@%s\n", object->key, object->version);
    unfollow(world, object->kind, object->key);
}

static void on_put_listed(void *arg, const struct object *object)
{
    struct world *world = arg;
    buf_add_format(&world->told, "listed %s@%s\n", object->key, object->version);
}

static void on_gone(void *arg, enum object_kind kind, const char *key, const char *uid)
{
    struct world *world = arg;
    buf_add_format(&world->told, "gone %s %s %s\n", object_kind_name(kind), key, uid);
}

static void on_end(void *arg, enum object_kind kind)
{
    struct world *world = arg;
    buf_add_format(&world->told, "end %s\n", object_kind_name(kind));
}

static void on_trouble(void *arg, enum object_kind kind, const struct err *err)
{
    struct world *world = arg;
    buf_add_format(&world->told, "trouble %s %s: %s\n", object_kind_name(kind),
                   err_class_name(err->class), err->msg);
}

static void on_resumed(void *arg, enum object_kind kind)
{
    struct world *world = arg;
    buf_add_format(&world->told, "resumed %s\n", object_kind_name(kind));
}

static void on_missing(void *arg, enum object_kind kind, const char *key, const struct err *err)
{
    struct world *world = arg;
    buf_add_format(&world->told, "missing %s %s %s\n", object_kind_name(kind), key,
                   err_class_name(err->class));
    unfollow(world, kind, key);
}

static void on_followed(void *arg, enum object_kind kind, const char *key)
{
    struct world *world = arg;
    buf_add_format(&world->told, "followed %s %s\n", object_kind_name(kind), key);
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

static int setup(void **state)
{
    struct world *world = xcalloc(1, sizeof(*world));
    log_setup(LOG_LEVEL_ERROR, true);
    world->loop = fake_loop_new(3);
    world->http = fake_http_new(world->loop);
    world->config.server = xstrdup("https://k");
    world->client = kube_client_new(world->loop, world->http, &world->config);
    buf_init(&world->told, BUF_UNLIMITED);
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    world->source->ops->free(world->source);
    kube_client_free(world->client);
    fake_http_free(world->http);
    fake_loop_free(world->loop);
    kube_config_fini(&world->config);
    buf_fini(&world->told);
    free(world);
    return 0;
}

static void make(struct world *world, const char *const *namespaces)
{
    const struct kube_source_options options = {.loop = world->loop,
                                                .client = world->client,
                                                .namespaces = namespaces,
                                                .secret_poll_ms = 30000};
    world->source = kube_source_new(&options);
}

static void start(struct world *world, const enum object_kind *kinds, size_t count)
{
    world->source->ops->start(world->source, kinds, count, &sink, world);
    fake_loop_run(world->loop);
}

static void expect_told(struct world *world, const char *want)
{
    assert_string_equal(buf_text(&world->told), want);
    buf_clear(&world->told);
}

static const enum object_kind webhooks[] = {OBJECT_WEBHOOK};
static const char *const two[] = {"one", "two", NULL};

#define ONE "/namespaces/one/webhooks?limit=500"
#define TWO "/namespaces/two/webhooks?limit=500"
#define WATCH_ONE "/namespaces/one/webhooks?watch=true"
#define WATCH_TWO "/namespaces/two/webhooks?watch=true"

static void answer(struct world *world, const char *part, long status, const char *body)
{
    CLEANUP(freep) char *text = xstrdup(body);
    for (char *at = text; *at; at++) {
        if (*at == '\'')
            *at = '"';
    }
    struct fake_call *call = fake_http_expect(world->http, "GET", part);
    fake_http_answer(world->http, call, status, text);
}

/* A list of namespace `ns` with items "a@1 b@2". */
static void answer_list(struct world *world, const char *part, const char *ns, const char *items,
                        const char *version)
{
    CLEANUP(buf_fini) struct buf body;
    buf_init(&body, BUF_UNLIMITED);
    buf_add_text(&body, "{'items':[");
    CLEANUP(freep) char *copy = xstrdup(items);
    char *rest = copy;
    const char *separator = "";
    for (char *item; (item = strsep(&rest, " "));) {
        char *at = strchr(item, '@');
        if (!at)
            continue;
        *at = '\0';
        buf_add_format(&body,
                       "%s{'metadata':{'name':'%s','namespace':'%s','uid':'u-%s',"
                       "'resourceVersion':'%s'}}",
                       separator, item, ns, item, at + 1);
        separator = ",";
    }
    buf_add_format(&body, "],'kind':'XList','metadata':{'resourceVersion':'%s'}}", version);
    answer(world, part, 200, buf_text(&body));
}

static void send_event(struct world *world, const char *part, const char *type, const char *ns,
                       const char *name, const char *version)
{
    CLEANUP(freep)
    char *line = xasprintf("{\"type\":\"%s\",\"object\":{\"metadata\":{\"name\":\"%s\","
                           "\"namespace\":\"%s\",\"uid\":\"u-%s\",\"resourceVersion\":\"%s\"}}}\n",
                           type, name, ns, name, version);
    fake_http_bytes(world->http, fake_http_expect(world->http, "GET", part), line, strlen(line));
}

static void refuse(struct world *world, const char *part)
{
    fake_http_fail(world->http, fake_http_expect(world->http, "GET", part), ERR_TRANSIENT, 7,
                   "refused");
}

/* The watch stands, for as long as it takes to be believed. */
static void resume(struct world *world, const char *part)
{
    fake_http_open(world->http, fake_http_expect(world->http, "GET", part));
    fake_loop_advance(world->loop, 1000);
}

static void all_namespaces_are_one_list_a_kind(void **state)
{
    struct world *world = *state;
    static const enum object_kind kinds[] = {OBJECT_WEBHOOK, OBJECT_NAMESPACE};
    make(world, NULL);
    assert_true(world->source->ops->watches(world->source, "any"));
    start(world, kinds, ARRAY_LENGTH(kinds));
    answer_list(world, "/v1alpha1/webhooks?limit", "n", "a@1", "10");
    expect_told(world, "begin Webhook\nput n/a@1\nend Webhook\n");
    answer_list(world, "/api/v1/namespaces?limit", "", "n@2", "11");
    expect_told(world, "begin Namespace\nput n@2\nend Namespace\n");
    struct reflector_stats stats;
    kube_source_stats(world->source, OBJECT_NAMESPACE, &stats);
    assert_int_equal(stats.lists, 1);
}

static void one_namespace_is_asked_for_alone(void **state)
{
    struct world *world = *state;
    static const enum object_kind kinds[] = {OBJECT_WEBHOOK, OBJECT_NAMESPACE};
    static const char *const one[] = {"one", "one", NULL};
    make(world, one);
    assert_true(world->source->ops->watches(world->source, "one"));
    assert_false(world->source->ops->watches(world->source, "two"));
    start(world, kinds, ARRAY_LENGTH(kinds));
    assert_int_equal(fake_http_pending(world->http), 3); /* the third is of the CRD */
    answer_list(world, ONE, "one", "a@1", "10");
    answer_list(world, "/api/v1/namespaces?fieldSelector=metadata.name%3Done&limit", "", "one@2",
                "11");
    expect_told(world, "begin Webhook\nput one/a@1\nend Webhook\n"
                       "begin Namespace\nput one@2\nend Namespace\n");
}

static void expire(struct world *world, const char *part)
{
    static const char line[] =
        "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":410}}\n";
    fake_http_bytes(world->http, fake_http_expect(world->http, "GET", part), line,
                    sizeof(line) - 1);
}

#define CRD_LIST "customresourcedefinitions?fieldSelector=metadata.name%3Dwebhooks.tyk.tyk.io&limit"
#define CRD_WATCH                                                                                  \
    "customresourcedefinitions?fieldSelector=metadata.name%3Dwebhooks.tyk.tyk.io&watch"

#define CRD_PROBE CRD_LIST "=1&resourceVersion="

static void crd_event(struct world *world, const char *type, const char *rest)
{
    CLEANUP(freep)
    char *line =
        xasprintf("{\"type\":\"%s\",\"object\":{\"metadata\":{\"name\":"
                  "\"webhooks.tyk.tyk.io\",\"uid\":\"u\",\"resourceVersion\":\"20\"%s}}}\n",
                  type, rest);
    fake_http_bytes(world->http, fake_http_expect(world->http, "GET", CRD_WATCH), line,
                    strlen(line));
}

static void objects_that_go_with_their_crd_are_not_told_to_be_gone(void **state)
{
    struct world *world = *state;
    make(world, NULL);
    start(world, webhooks, 1);
    answer_list(world, "/v1alpha1/webhooks?limit", "n", "a@1", "10");
    answer_list(world, CRD_LIST, "", "webhooks.tyk.tyk.io@5", "10");
    expect_told(world, "begin Webhook\nput n/a@1\nend Webhook\n");
    fake_http_open(world->http, fake_http_expect(world->http, "GET", "/v1alpha1/webhooks?watch"));
    fake_http_open(world->http, fake_http_expect(world->http, "GET", CRD_WATCH));
    crd_event(world, "MODIFIED", ",\"deletionTimestamp\":\"2026-01-01T00:00:00Z\"");
    expect_told(world, "trouble Webhook not-found: the CRD webhooks.tyk.tyk.io is being deleted or "
                       "gone\n");
    send_event(world, "/v1alpha1/webhooks?watch", "DELETED", "n", "a", "11");
    expect_told(world, "");
    /* Installed again: its objects are listed anew. */
    crd_event(world, "DELETED", "");
    crd_event(world, "ADDED", "");
    fake_loop_run(world->loop);
    answer_list(world, "/v1alpha1/webhooks?limit", "n", "b@30", "31");
    expect_told(world, "begin Webhook\nput n/b@30\nend Webhook\n");
}

static void cut_crd_watch(struct world *world)
{
    fake_http_fail(world->http, fake_http_expect(world->http, "GET", CRD_WATCH), ERR_TRANSIENT, 7,
                   "connection refused");
}

/* The CRD may be going just then: whether an object is deleted or goes with it nobody knows. */
static void absence_proves_nothing_while_the_crd_cannot_be_looked_at(void **state)
{
    struct world *world = *state;
    static const char blind[] =
        "trouble Webhook transient: watch customresourcedefinitions: connection refused\n";
    make(world, NULL);
    start(world, webhooks, 1);
    answer_list(world, "/v1alpha1/webhooks?limit", "n", "a@1", "10");
    answer_list(world, CRD_LIST, "", "webhooks.tyk.tyk.io@5", "10");
    expect_told(world, "begin Webhook\nput n/a@1\nend Webhook\n");
    fake_http_open(world->http, fake_http_expect(world->http, "GET", "/v1alpha1/webhooks?watch"));
    cut_crd_watch(world);
    expect_told(world, blind);
    send_event(world, "/v1alpha1/webhooks?watch", "DELETED", "n", "a", "11");
    expect_told(world, "gone Webhook n/a u-a\n");
    /* Nor after a complete list. */
    fake_loop_advance(world->loop, 20000);
    fake_http_fail(world->http, fake_http_expect(world->http, "GET", CRD_PROBE), ERR_TRANSIENT, 7,
                   "connection refused");
    expect_told(world, blind);
    expire(world, "/v1alpha1/webhooks?watch");
    answer_list(world, "/v1alpha1/webhooks?limit", "n", "", "12");
    CLEANUP(freep) char *listed = xasprintf("begin Webhook\nend Webhook\n%s", blind);
    expect_told(world, listed);
    /* It can be looked at again, and is going. */
    fake_loop_advance(world->loop, 20000);
    answer_list(world, CRD_PROBE, "", "webhooks.tyk.tyk.io@5", "10");
    fake_http_open(world->http, fake_http_expect(world->http, "GET", CRD_WATCH));
    expect_told(world, "");
    fake_loop_advance(world->loop, 1100);
    expect_told(world, "resumed Webhook\n");
    crd_event(world, "MODIFIED", ",\"deletionTimestamp\":\"2026-01-01T00:00:00Z\"");
    expect_told(world, "trouble Webhook not-found: the CRD webhooks.tyk.tyk.io is being deleted or "
                       "gone\n");
}

/* Whose reflectors are in trouble themselves is not well because the CRD can be seen. */
static void a_kind_in_trouble_stays_so_when_its_crd_can_be_looked_at_again(void **state)
{
    struct world *world = *state;
    make(world, NULL);
    start(world, webhooks, 1);
    answer_list(world, "/v1alpha1/webhooks?limit", "n", "a@1", "10");
    answer_list(world, CRD_LIST, "", "webhooks.tyk.tyk.io@5", "10");
    cut_crd_watch(world);
    fake_http_fail(world->http, fake_http_expect(world->http, "GET", "/v1alpha1/webhooks?watch"),
                   ERR_TRANSIENT, 7, "connection refused");
    buf_clear(&world->told);
    fake_loop_advance(world->loop, 20000);
    answer_list(world, CRD_PROBE, "", "webhooks.tyk.tyk.io@5", "10");
    fake_http_open(world->http, fake_http_expect(world->http, "GET", CRD_WATCH));
    fake_loop_advance(world->loop, 1100);
    expect_told(world, "");
    answer_list(world, "/v1alpha1/webhooks?limit", "n", "a@1", "10");
    fake_http_open(world->http, fake_http_expect(world->http, "GET", "/v1alpha1/webhooks?watch"));
    fake_loop_advance(world->loop, 1100);
    expect_told(world, "resumed Webhook\n");
}

/* Who may not read the CRD at all does without. */
static void a_crd_that_may_not_be_read_is_no_trouble(void **state)
{
    struct world *world = *state;
    make(world, NULL);
    start(world, webhooks, 1);
    fake_http_answer(world->http, fake_http_expect(world->http, "GET", CRD_LIST), 403, "{}");
    fake_loop_run(world->loop);
    answer_list(world, "/v1alpha1/webhooks?limit", "n", "a@1", "10");
    expect_told(world, "begin Webhook\nput n/a@1\nend Webhook\n");
}

/* What is known of the CRD may have gone back with everything else. */
static void a_kind_is_listed_anew_with_its_crd(void **state)
{
    struct world *world = *state;
    make(world, NULL);
    start(world, webhooks, 1);
    answer_list(world, "/v1alpha1/webhooks?limit", "n", "a@1", "10");
    answer_list(world, CRD_LIST, "", "webhooks.tyk.tyk.io@5", "10");
    fake_http_open(world->http, fake_http_expect(world->http, "GET", "/v1alpha1/webhooks?watch"));
    fake_http_open(world->http, fake_http_expect(world->http, "GET", CRD_WATCH));
    crd_event(world, "DELETED", "");
    buf_clear(&world->told);
    fake_loop_advance(world->loop, 70000);
    world->source->ops->relist(world->source, OBJECT_WEBHOOK);
    fake_loop_advance(world->loop, 1);
    answer_list(world, "/v1alpha1/webhooks?limit", "n", "a@1", "9");
    answer_list(world, CRD_LIST, "", "webhooks.tyk.tyk.io@5", "9");
    expect_told(world, "");
    answer_list(world, "/v1alpha1/webhooks?limit", "n", "a@1", "9");
    expect_told(world, "begin Webhook\nput n/a@1\nend Webhook\n");
}

#define SLICES "/namespaces/n/endpointslices?labelSelector=kubernetes.io%2Fservice-name%3Dgw"

static void the_slices_of_one_service_are_followed_alone(void **state)
{
    struct world *world = *state;
    make(world, NULL);
    start(world, NULL, 0);
    world->source->ops->follow(world->source, OBJECT_ENDPOINTSLICE, "n/gw");
    fake_loop_run(world->loop);
    answer_list(world, SLICES "&limit", "n", "a@1 b@2", "10");
    expect_told(world, "put n/a@1\nput n/b@2\nfollowed EndpointSlice n/gw\n");
    fake_http_open(world->http, fake_http_expect(world->http, "GET", SLICES "&watch"));
    send_event(world, SLICES "&watch", "DELETED", "n", "a", "11");
    expect_told(world, "gone EndpointSlice n/a u-a\n");
    fake_loop_advance(world->loop, 20000);
    expire(world, SLICES "&watch");
    answer_list(world, SLICES "&limit", "n", "c@20", "21");
    expect_told(world, "put n/c@20\ngone EndpointSlice n/b (null)\nfollowed EndpointSlice n/gw\n");
    fake_http_open(world->http, fake_http_expect(world->http, "GET", SLICES "&watch"));
    fake_loop_advance(world->loop, 70000);
    world->source->ops->relist(world->source, OBJECT_ENDPOINTSLICE);
    fake_loop_advance(world->loop, 1);
    answer_list(world, SLICES "&limit", "n", "c@15", "16");
    expect_told(world, "put n/c@15\nfollowed EndpointSlice n/gw\n");
    world->source->ops->unfollow(world->source, OBJECT_ENDPOINTSLICE, "n/gw");
    expect_told(world, "gone EndpointSlice n/c (null)\n");
}

static void a_service_that_is_not_there_is_missing(void **state)
{
    struct world *world = *state;
    make(world, NULL);
    start(world, NULL, 0);
    world->source->ops->follow(world->source, OBJECT_SERVICE, "n/gw");
    fake_loop_run(world->loop);
    answer_list(world, "/namespaces/n/services?fieldSelector=metadata.name%3Dgw&limit", "n", "",
                "10");
    expect_told(world, "missing Service n/gw not-found\n");
}

static void a_service_that_is_deleted_is_missing(void **state)
{
    static const char watch[] = "/namespaces/n/services?fieldSelector=metadata.name%3Dgw&watch";
    struct world *world = *state;
    make(world, NULL);
    start(world, NULL, 0);
    world->source->ops->follow(world->source, OBJECT_SERVICE, "n/gw");
    fake_loop_run(world->loop);
    answer_list(world, "/namespaces/n/services?fieldSelector=metadata.name%3Dgw&limit", "n", "gw@1",
                "10");
    expect_told(world, "put n/gw@1\nfollowed Service n/gw\n");
    fake_http_open(world->http, fake_http_expect(world->http, "GET", watch));
    send_event(world, watch, "DELETED", "n", "gw", "11");
    expect_told(world, "gone Service n/gw u-gw\nmissing Service n/gw not-found\n");
    send_event(world, watch, "ADDED", "n", "gw", "12");
    expect_told(world, "put n/gw@12\n");
}

static void several_namespaces_are_told_when_all_are_complete(void **state)
{
    struct world *world = *state;
    make(world, two);
    start(world, webhooks, 1);
    answer_list(world, ONE, "one", "a@1 b@2", "10");
    fake_http_open(world->http, fake_http_expect(world->http, "GET", WATCH_ONE));
    send_event(world, WATCH_ONE, "DELETED", "one", "a", "11");
    send_event(world, WATCH_ONE, "ADDED", "one", "c", "12");
    expect_told(world, "");
    answer_list(world, TWO, "two", "d@3", "13");
    expect_told(world, "begin Webhook\nput one/b@2\nput one/c@12\nput two/d@3\nend Webhook\n");
    send_event(world, WATCH_ONE, "DELETED", "one", "c", "14");
    send_event(world, WATCH_TWO, "MODIFIED", "two", "d", "15");
    expect_told(world, "gone Webhook one/c u-c\nput two/d@15\n");
}

static void a_namespace_in_trouble_keeps_the_kind_incomplete(void **state)
{
    struct world *world = *state;
    make(world, two);
    start(world, webhooks, 1);
    answer(world, TWO, 403, "{}");
    answer_list(world, ONE, "one", "a@1", "10");
    expect_told(world, "trouble Webhook denied: list webhooks in namespace two: HTTP 403\n");
    fake_http_open(world->http, fake_http_expect(world->http, "GET", WATCH_ONE));
    fake_loop_advance(world->loop, 1600);
    answer_list(world, TWO, "two", "", "20");
    expect_told(world, "begin Webhook\nput one/a@1\nend Webhook\n");
}

static void the_first_whole_may_wait_for_a_watch_to_resume(void **state)
{
    struct world *world = *state;
    make(world, two);
    start(world, webhooks, 1);
    answer_list(world, ONE, "one", "a@1", "10");
    refuse(world, WATCH_ONE);
    answer_list(world, TWO, "two", "b@2", "20");
    expect_told(world, "trouble Webhook transient: watch webhooks in namespace one: refused\n");
    fake_loop_advance(world->loop, 1600);
    answer(world, "/namespaces/one/webhooks?limit=1", 200, "{}");
    resume(world, WATCH_ONE);
    expect_told(world, "begin Webhook\nput one/a@1\nput two/b@2\nend Webhook\n");
}

/* Both listed (one/a, two/b) and watched. */
static void reach_watches(struct world *world)
{
    make(world, two);
    start(world, webhooks, 1);
    answer_list(world, ONE, "one", "a@1", "10");
    answer_list(world, TWO, "two", "b@2", "10");
    fake_http_open(world->http, fake_http_expect(world->http, "GET", WATCH_ONE));
    fake_http_open(world->http, fake_http_expect(world->http, "GET", WATCH_TWO));
    buf_clear(&world->told);
    fake_loop_advance(world->loop, 20000);
}

static void a_namespace_listed_again_tells_the_whole(void **state)
{
    struct world *world = *state;
    reach_watches(world);
    expire(world, WATCH_ONE);
    /* the other one goes on meanwhile */
    send_event(world, WATCH_TWO, "ADDED", "two", "c", "11");
    expect_told(world, "put two/c@11\n");
    answer_list(world, ONE, "one", "x@20", "21");
    expect_told(world, "begin Webhook\nput one/x@20\nput two/b@2\nput two/c@11\nend Webhook\n");
}

static void a_namespace_listed_again_beside_trouble_tells_what_it_changed(void **state)
{
    struct world *world = *state;
    reach_watches(world);
    send_event(world, WATCH_TWO, "ADDED", "two", "c", "11");
    fake_http_end(world->http, fake_http_expect(world->http, "GET", WATCH_TWO));
    refuse(world, WATCH_TWO);
    expire(world, WATCH_ONE);
    answer_list(world, ONE, "one", "x@20", "21");
    expect_told(world, "put two/c@11\n"
                       "trouble Webhook transient: watch webhooks in namespace two: refused\n"
                       "listed one/x@20\ngone Webhook one/a u-a\n");
    /* and when the other is well again, it is as before */
    fake_loop_advance(world->loop, 1600);
    answer(world, "/namespaces/two/webhooks?limit=1", 200, "{}");
    resume(world, WATCH_TWO);
    expect_told(world, "resumed Webhook\n");
}

static void trouble_of_two_namespaces_ends_with_the_last(void **state)
{
    struct world *world = *state;
    reach_watches(world);
    static const char *const watches[] = {WATCH_ONE, WATCH_TWO};
    for (size_t i = 0; i < 2; i++) {
        send_event(world, watches[i], "ADDED", i ? "two" : "one", "c", "11");
        fake_http_end(world->http, fake_http_expect(world->http, "GET", watches[i]));
        refuse(world, watches[i]);
    }
    buf_clear(&world->told);
    fake_loop_advance(world->loop, 1600);
    answer(world, "/namespaces/one/webhooks?limit=1", 200, "{}");
    resume(world, WATCH_ONE);
    expect_told(world, "");
    answer(world, "/namespaces/two/webhooks?limit=1", 200, "{}");
    resume(world, WATCH_TWO);
    expect_told(world, "resumed Webhook\n");
}

static void a_list_that_breaks_off_in_one_namespace_changes_nothing(void **state)
{
    struct world *world = *state;
    reach_watches(world);
    expire(world, WATCH_ONE);
    static const char half[] = "{\"items\":[{\"metadata\":{\"name\":\"z\",\"namespace\":\"one\"}},";
    fake_http_bytes(world->http, fake_http_expect(world->http, "GET", ONE), half, sizeof(half) - 1);
    refuse(world, ONE);
    expect_told(world, "trouble Webhook transient: list webhooks in namespace one: refused\n");
    fake_loop_advance(world->loop, 1600);
    answer_list(world, ONE, "one", "a@1", "30");
    expect_told(world, "begin Webhook\nput one/a@1\nput two/b@2\nend Webhook\n");
}

/* Secrets and ConfigMaps. */

#define SECRET "/api/v1/namespaces/n/secrets/s"

static void follow_secret(struct world *world)
{
    make(world, NULL);
    start(world, webhooks, 0);
    world->source->ops->follow(world->source, OBJECT_SECRET, "n/s");
    world->source->ops->follow(world->source, OBJECT_SECRET, "n/s");
    fake_loop_run(world->loop);
    assert_int_equal(fake_http_pending(world->http), 1);
}

static void answer_secret(struct world *world, const char *version)
{
    CLEANUP(freep)
    char *body = xasprintf("{'kind':'Secret','apiVersion':'v1','metadata':{'name':'s','namespace':"
                           "'n','resourceVersion':'%s'},'data':{}}",
                           version);
    answer(world, SECRET, 200, body);
}

static void a_followed_secret_is_polled_and_changes_are_told(void **state)
{
    struct world *world = *state;
    follow_secret(world);
    answer_secret(world, "1");
    expect_told(world, "put n/s@1\n");
    fake_loop_advance(world->loop, 26999);
    assert_int_equal(fake_http_pending(world->http), 0);
    fake_loop_advance(world->loop, 3001);
    answer_secret(world, "1");
    expect_told(world, "");
    fake_loop_advance(world->loop, 30000);
    answer_secret(world, "2");
    expect_told(world, "put n/s@2\n");
}

static void a_missing_secret_is_told_once_and_found_again(void **state)
{
    struct world *world = *state;
    follow_secret(world);
    answer(world, SECRET, 404, "{}");
    expect_told(world, "missing Secret n/s not-found\n");
    fake_loop_advance(world->loop, 30000);
    answer(world, SECRET, 404, "{}");
    expect_told(world, "");
    fake_loop_advance(world->loop, 30000);
    answer(world, SECRET, 403, "{}");
    expect_told(world, "missing Secret n/s denied\n");
    fake_loop_advance(world->loop, 30000);
    answer_secret(world, "1");
    expect_told(world, "put n/s@1\n");
    /* deleted and created anew between two looks, with the same version: never happens, but
     * deleted and restored does */
    fake_loop_advance(world->loop, 30000);
    answer(world, SECRET, 404, "{}");
    fake_loop_advance(world->loop, 30000);
    answer_secret(world, "1");
    expect_told(world, "missing Secret n/s not-found\nput n/s@1\n");
}

static void a_passing_failure_leaves_what_is_known(void **state)
{
    struct world *world = *state;
    follow_secret(world);
    refuse(world, SECRET);
    expect_told(world, "");
    /* nothing is known yet: soon again */
    fake_loop_advance(world->loop, 1600);
    answer(world, SECRET, 500, "{}");
    fake_loop_advance(world->loop, 3200);
    answer_secret(world, "1");
    expect_told(world, "put n/s@1\n");
    fake_loop_advance(world->loop, 30000);
    answer(world, SECRET, 401, "{}");
    expect_told(world, "");
    fake_loop_advance(world->loop, 26999);
    assert_int_equal(fake_http_pending(world->http), 0);
    fake_loop_advance(world->loop, 3001);
    answer_secret(world, "1");
    expect_told(world, "");
}

/* The client has asked again itself, as often as it does. */
static void put_off(struct world *world, int64_t ms)
{
    for (int i = 0; i < 6; i++) {
        struct fake_call *call = fake_http_expect(world->http, "GET", SECRET);
        fake_http_answer_with(world->http, call, 429, (struct span){"{}", 2}, NULL, ms);
        if (i < 5) /* longer than this it does not wait itself */
            fake_loop_advance(world->loop, ms < 30000 ? ms : 30000);
    }
}

static void a_server_that_puts_us_off_is_not_asked_before(void **state)
{
    struct world *world = *state;
    follow_secret(world);
    /* nothing is known, and it is longer than from one look to the next */
    put_off(world, 50000);
    fake_loop_advance(world->loop, 49999);
    assert_int_equal(fake_http_pending(world->http), 0);
    fake_loop_advance(world->loop, 1);
    answer_secret(world, "1");
    expect_told(world, "put n/s@1\n");
    /* it is known */
    fake_loop_advance(world->loop, 30000);
    put_off(world, 50000);
    fake_loop_advance(world->loop, 49999);
    assert_int_equal(fake_http_pending(world->http), 0);
    fake_loop_advance(world->loop, 1);
    answer_secret(world, "1");
    expect_told(world, "");
    /* not for ever */
    fake_loop_advance(world->loop, 30000);
    put_off(world, 86400000);
    fake_loop_advance(world->loop, 599999);
    assert_int_equal(fake_http_pending(world->http), 0);
    fake_loop_advance(world->loop, 1);
    answer_secret(world, "1");
    /* a shorter time does not make known ones come sooner */
    fake_loop_advance(world->loop, 30000);
    put_off(world, 1000);
    fake_loop_advance(world->loop, 26999);
    assert_int_equal(fake_http_pending(world->http), 0);
    fake_loop_advance(world->loop, 3001);
    answer_secret(world, "1");
}

static void an_answer_of_another_kind_is_a_passing_failure(void **state)
{
    struct world *world = *state;
    follow_secret(world);
    answer(world, SECRET, 200, "{'kind':'ConfigMap','metadata':{'name':'s'}}");
    expect_told(world, "");
    fake_loop_advance(world->loop, 1600);
    answer_secret(world, "1");
    expect_told(world, "put n/s@1\n");
}

static void names_that_cannot_be_are_missing_without_a_request(void **state)
{
    struct world *world = *state;
    make(world, NULL);
    start(world, webhooks, 0);
    world->source->ops->follow(world->source, OBJECT_SECRET, "n/..");
    world->source->ops->follow(world->source, OBJECT_CONFIGMAP, "n/a/b");
    fake_loop_advance(world->loop, 60000);
    assert_int_equal(fake_http_pending(world->http), 0);
    expect_told(world, "missing Secret n/.. not-found\nmissing ConfigMap n/a/b not-found\n");
}

static void an_unfollowed_secret_is_not_read_any_more(void **state)
{
    struct world *world = *state;
    follow_secret(world);
    world->source->ops->unfollow(world->source, OBJECT_SECRET, "n/s");
    world->source->ops->unfollow(world->source, OBJECT_SECRET, "n/s");
    assert_int_equal(fake_http_pending(world->http), 0);
    fake_loop_advance(world->loop, 60000);
    assert_int_equal(fake_http_pending(world->http), 0);
    /* from within what it told */
    static const char *const keys[] = {"n/s", "n/m"};
    for (size_t i = 0; i < 2; i++) {
        world->unfollow_when_told = keys[i];
        world->source->ops->follow(world->source, OBJECT_SECRET, keys[i]);
        fake_loop_run(world->loop);
        if (i == 0)
            answer_secret(world, "1");
        else
            answer(world, "/secrets/m", 404, "");
        fake_loop_advance(world->loop, 60000);
        assert_int_equal(fake_http_pending(world->http), 0);
    }
    expect_told(world, "put n/s@1\nmissing Secret n/m not-found\n");
}

static void at_most_eight_are_read_at_a_time(void **state)
{
    struct world *world = *state;
    make(world, NULL);
    /* what is followed before the start waits for it */
    for (int i = 0; i < 20; i++) {
        CLEANUP(freep) char *key = xasprintf("n/s%d", i);
        world->source->ops->follow(world->source, OBJECT_SECRET, key);
    }
    fake_loop_run(world->loop);
    assert_int_equal(fake_http_pending(world->http), 0);
    start(world, webhooks, 0);
    assert_int_equal(fake_http_pending(world->http), 8);
    /* one that is in flight, one that waits: both make room */
    world->source->ops->unfollow(world->source, OBJECT_SECRET, "n/s0");
    world->source->ops->unfollow(world->source, OBJECT_SECRET, "n/s19");
    fake_loop_run(world->loop);
    assert_int_equal(fake_http_pending(world->http), 8);
    int answered = 0;
    for (struct fake_call *call; (call = fake_http_call(world->http, "GET", NULL)); answered++)
        fake_http_answer(world->http, call, 404, "");
    assert_int_equal(answered, 18);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(all_namespaces_are_one_list_a_kind),
        TEST(one_namespace_is_asked_for_alone),
        TEST(objects_that_go_with_their_crd_are_not_told_to_be_gone),
        TEST(absence_proves_nothing_while_the_crd_cannot_be_looked_at),
        TEST(a_kind_in_trouble_stays_so_when_its_crd_can_be_looked_at_again),
        TEST(a_crd_that_may_not_be_read_is_no_trouble),
        TEST(a_kind_is_listed_anew_with_its_crd),
        TEST(the_slices_of_one_service_are_followed_alone),
        TEST(a_service_that_is_not_there_is_missing),
        TEST(a_service_that_is_deleted_is_missing),
        TEST(several_namespaces_are_told_when_all_are_complete),
        TEST(a_namespace_in_trouble_keeps_the_kind_incomplete),
        TEST(the_first_whole_may_wait_for_a_watch_to_resume),
        TEST(a_namespace_listed_again_tells_the_whole),
        TEST(a_namespace_listed_again_beside_trouble_tells_what_it_changed),
        TEST(trouble_of_two_namespaces_ends_with_the_last),
        TEST(a_list_that_breaks_off_in_one_namespace_changes_nothing),
        TEST(a_followed_secret_is_polled_and_changes_are_told),
        TEST(a_missing_secret_is_told_once_and_found_again),
        TEST(a_passing_failure_leaves_what_is_known),
        TEST(a_server_that_puts_us_off_is_not_asked_before),
        TEST(an_answer_of_another_kind_is_a_passing_failure),
        TEST(names_that_cannot_be_are_missing_without_a_request),
        TEST(an_unfollowed_secret_is_not_read_any_more),
        TEST(at_most_eight_are_read_at_a_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
