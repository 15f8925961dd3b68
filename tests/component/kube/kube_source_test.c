/* SPDX-License-Identifier: Apache-2.0 */
#include "source_world.h"

#include <string.h>

#include "base/mem.h"

static const enum object_kind webhooks[] = {OBJECT_WEBHOOK};
static const char *const two[] = {"one", "two", NULL};

#define ONE "/namespaces/one/webhooks?limit=500"
#define TWO "/namespaces/two/webhooks?limit=500"
#define WATCH_ONE "/namespaces/one/webhooks?watch=true"
#define WATCH_TWO "/namespaces/two/webhooks?watch=true"

static void all_namespaces_are_one_list_a_kind(void **state)
{
    struct world *world = *state;
    static const enum object_kind kinds[] = {OBJECT_WEBHOOK, OBJECT_NAMESPACE};
    source_make(world, NULL);
    assert_true(world->source->ops->watches(world->source, "any"));
    source_start(world, kinds, ARRAY_LENGTH(kinds));
    source_answer_list(world, "/v1alpha1/webhooks?limit", "n", "a@1", "10");
    source_expect_told(world, "begin Webhook\nput n/a@1\nend Webhook\n");
    source_answer_list(world, "/api/v1/namespaces?limit", "", "n@2", "11");
    source_expect_told(world, "begin Namespace\nput n@2\nend Namespace\n");
    struct reflector_stats stats;
    kube_source_stats(world->source, OBJECT_NAMESPACE, &stats);
    assert_int_equal(stats.lists, 1);
}

static void one_namespace_is_asked_for_alone(void **state)
{
    struct world *world = *state;
    static const enum object_kind kinds[] = {OBJECT_WEBHOOK, OBJECT_NAMESPACE};
    static const char *const one[] = {"one", "one", NULL};
    source_make(world, one);
    assert_true(world->source->ops->watches(world->source, "one"));
    assert_false(world->source->ops->watches(world->source, "two"));
    source_start(world, kinds, ARRAY_LENGTH(kinds));
    assert_int_equal(fake_http_pending(world->http), 3); /* the third is of the CRD */
    source_answer_list(world, ONE, "one", "a@1", "10");
    source_answer_list(world, "/api/v1/namespaces?fieldSelector=metadata.name%3Done&limit", "",
                       "one@2", "11");
    source_expect_told(world, "begin Webhook\nput one/a@1\nend Webhook\n"
                              "begin Namespace\nput one@2\nend Namespace\n");
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
    source_make(world, NULL);
    source_start(world, webhooks, 1);
    source_answer_list(world, "/v1alpha1/webhooks?limit", "n", "a@1", "10");
    source_answer_list(world, CRD_LIST, "", "webhooks.tyk.tyk.io@5", "10");
    source_expect_told(world, "begin Webhook\nput n/a@1\nend Webhook\n");
    fake_http_open(world->http, fake_http_expect(world->http, "GET", "/v1alpha1/webhooks?watch"));
    fake_http_open(world->http, fake_http_expect(world->http, "GET", CRD_WATCH));
    crd_event(world, "MODIFIED", ",\"deletionTimestamp\":\"2026-01-01T00:00:00Z\"");
    source_expect_told(world,
                       "trouble Webhook not-found: the CRD webhooks.tyk.tyk.io is being deleted or "
                       "gone\n");
    source_send_event(world, "/v1alpha1/webhooks?watch", "DELETED", "n", "a", "11");
    source_expect_told(world, "");
    /* Installed again: its objects are listed anew. */
    crd_event(world, "DELETED", "");
    crd_event(world, "ADDED", "");
    fake_loop_run(world->loop);
    source_answer_list(world, "/v1alpha1/webhooks?limit", "n", "b@30", "31");
    source_expect_told(world, "begin Webhook\nput n/b@30\nend Webhook\n");
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
    source_make(world, NULL);
    source_start(world, webhooks, 1);
    source_answer_list(world, "/v1alpha1/webhooks?limit", "n", "a@1", "10");
    source_answer_list(world, CRD_LIST, "", "webhooks.tyk.tyk.io@5", "10");
    source_expect_told(world, "begin Webhook\nput n/a@1\nend Webhook\n");
    fake_http_open(world->http, fake_http_expect(world->http, "GET", "/v1alpha1/webhooks?watch"));
    cut_crd_watch(world);
    source_expect_told(world, blind);
    source_send_event(world, "/v1alpha1/webhooks?watch", "DELETED", "n", "a", "11");
    source_expect_told(world, "gone Webhook n/a u-a\n");
    /* Nor after a complete list. */
    fake_loop_advance(world->loop, 20000);
    fake_http_fail(world->http, fake_http_expect(world->http, "GET", CRD_PROBE), ERR_TRANSIENT, 7,
                   "connection refused");
    source_expect_told(world, blind);
    source_expire(world, "/v1alpha1/webhooks?watch");
    source_answer_list(world, "/v1alpha1/webhooks?limit", "n", "", "12");
    CLEANUP(freep) char *listed = xasprintf("begin Webhook\nend Webhook\n%s", blind);
    source_expect_told(world, listed);
    /* It can be looked at again, and is going. */
    fake_loop_advance(world->loop, 20000);
    source_answer_list(world, CRD_PROBE, "", "webhooks.tyk.tyk.io@5", "10");
    fake_http_open(world->http, fake_http_expect(world->http, "GET", CRD_WATCH));
    source_expect_told(world, "");
    fake_loop_advance(world->loop, 1100);
    source_expect_told(world, "resumed Webhook\n");
    crd_event(world, "MODIFIED", ",\"deletionTimestamp\":\"2026-01-01T00:00:00Z\"");
    source_expect_told(world,
                       "trouble Webhook not-found: the CRD webhooks.tyk.tyk.io is being deleted or "
                       "gone\n");
}

/* Whose reflectors are in trouble themselves is not well because the CRD can be seen. */
static void a_kind_in_trouble_stays_so_when_its_crd_can_be_looked_at_again(void **state)
{
    struct world *world = *state;
    source_make(world, NULL);
    source_start(world, webhooks, 1);
    source_answer_list(world, "/v1alpha1/webhooks?limit", "n", "a@1", "10");
    source_answer_list(world, CRD_LIST, "", "webhooks.tyk.tyk.io@5", "10");
    cut_crd_watch(world);
    fake_http_fail(world->http, fake_http_expect(world->http, "GET", "/v1alpha1/webhooks?watch"),
                   ERR_TRANSIENT, 7, "connection refused");
    buf_clear(&world->told);
    fake_loop_advance(world->loop, 20000);
    source_answer_list(world, CRD_PROBE, "", "webhooks.tyk.tyk.io@5", "10");
    fake_http_open(world->http, fake_http_expect(world->http, "GET", CRD_WATCH));
    fake_loop_advance(world->loop, 1100);
    source_expect_told(world, "");
    source_answer_list(world, "/v1alpha1/webhooks?limit", "n", "a@1", "10");
    fake_http_open(world->http, fake_http_expect(world->http, "GET", "/v1alpha1/webhooks?watch"));
    fake_loop_advance(world->loop, 1100);
    source_expect_told(world, "resumed Webhook\n");
}

/* Its watch may be silent while that of its objects is not: it is listed when it matters. */
static void a_deletion_is_proven_by_a_look_at_the_crd_that_came_later(void **state)
{
    struct world *world = *state;
    source_make(world, NULL);
    source_start(world, webhooks, 1);
    const struct object_source_ops *ops = world->source->ops;
    source_answer_list(world, "/v1alpha1/webhooks?limit", "n", "a@1", "10");
    source_answer_list(world, CRD_LIST, "", "webhooks.tyk.tyk.io@5", "10");
    fake_http_open(world->http, fake_http_expect(world->http, "GET", "/v1alpha1/webhooks?watch"));
    fake_http_open(world->http, fake_http_expect(world->http, "GET", CRD_WATCH));
    fake_loop_advance(world->loop, 5000);
    source_send_event(world, "/v1alpha1/webhooks?watch", "DELETED", "n", "a", "11");
    int64_t since = loop_now(world->loop);
    fake_loop_advance(world->loop, 1);
    assert_true(ops->stands(world->source, OBJECT_WEBHOOK, -1));
    assert_false(ops->stands(world->source, OBJECT_WEBHOOK, since));
    assert_true(ops->stands(world->source, OBJECT_CONTEXT, since));
    fake_loop_advance(world->loop, 1);
    source_answer_list(world, CRD_LIST, "", "webhooks.tyk.tyk.io@5", "12");
    assert_true(ops->stands(world->source, OBJECT_WEBHOOK, since));
    /* The next looks are a second apart, and one that fails proves nothing. */
    fake_http_open(world->http, fake_http_expect(world->http, "GET", CRD_WATCH));
    fake_loop_advance(world->loop, 10);
    since = loop_now(world->loop);
    assert_false(ops->stands(world->source, OBJECT_WEBHOOK, since));
    fake_loop_advance(world->loop, 900);
    assert_int_equal(fake_http_count(world->http, "GET", CRD_LIST), 0);
    fake_loop_advance(world->loop, 100);
    fake_http_fail(world->http, fake_http_expect(world->http, "GET", CRD_LIST), ERR_TRANSIENT, 7,
                   "connection refused");
    assert_false(ops->stands(world->source, OBJECT_WEBHOOK, since));
    fake_loop_advance(world->loop, 5000);
    source_answer_list(world, CRD_LIST, "", "", "13");
    assert_false(ops->stands(world->source, OBJECT_WEBHOOK, since));
}

/* Who may not read the CRD at all does without. */
static void a_crd_that_may_not_be_read_is_no_trouble(void **state)
{
    struct world *world = *state;
    source_make(world, NULL);
    source_start(world, webhooks, 1);
    fake_http_answer(world->http, fake_http_expect(world->http, "GET", CRD_LIST), 403, "{}");
    fake_loop_run(world->loop);
    source_answer_list(world, "/v1alpha1/webhooks?limit", "n", "a@1", "10");
    source_expect_told(world, "begin Webhook\nput n/a@1\nend Webhook\n");
    assert_true(world->source->ops->stands(world->source, OBJECT_WEBHOOK, loop_now(world->loop)));
}

/* What is known of the CRD may have gone back with everything else. */
static void a_kind_is_listed_anew_with_its_crd(void **state)
{
    struct world *world = *state;
    source_make(world, NULL);
    source_start(world, webhooks, 1);
    source_answer_list(world, "/v1alpha1/webhooks?limit", "n", "a@1", "10");
    source_answer_list(world, CRD_LIST, "", "webhooks.tyk.tyk.io@5", "10");
    fake_http_open(world->http, fake_http_expect(world->http, "GET", "/v1alpha1/webhooks?watch"));
    fake_http_open(world->http, fake_http_expect(world->http, "GET", CRD_WATCH));
    crd_event(world, "DELETED", "");
    buf_clear(&world->told);
    fake_loop_advance(world->loop, 70000);
    world->source->ops->relist(world->source, OBJECT_WEBHOOK);
    fake_loop_advance(world->loop, 1);
    source_answer_list(world, "/v1alpha1/webhooks?limit", "n", "a@1", "9");
    source_answer_list(world, CRD_LIST, "", "webhooks.tyk.tyk.io@5", "9");
    source_expect_told(world, "");
    source_answer_list(world, "/v1alpha1/webhooks?limit", "n", "a@1", "9");
    source_expect_told(world, "begin Webhook\nput n/a@1\nend Webhook\n");
}

static void several_namespaces_are_told_when_all_are_complete(void **state)
{
    struct world *world = *state;
    source_make(world, two);
    source_start(world, webhooks, 1);
    source_answer_list(world, ONE, "one", "a@1 b@2", "10");
    fake_http_open(world->http, fake_http_expect(world->http, "GET", WATCH_ONE));
    source_send_event(world, WATCH_ONE, "DELETED", "one", "a", "11");
    source_send_event(world, WATCH_ONE, "ADDED", "one", "c", "12");
    source_expect_told(world, "");
    source_answer_list(world, TWO, "two", "d@3", "13");
    source_expect_told(world,
                       "begin Webhook\nput one/b@2\nput one/c@12\nput two/d@3\nend Webhook\n");
    source_send_event(world, WATCH_ONE, "DELETED", "one", "c", "14");
    source_send_event(world, WATCH_TWO, "MODIFIED", "two", "d", "15");
    source_expect_told(world, "gone Webhook one/c u-c\nput two/d@15\n");
}

static void a_namespace_in_trouble_keeps_the_kind_incomplete(void **state)
{
    struct world *world = *state;
    source_make(world, two);
    source_start(world, webhooks, 1);
    source_answer(world, TWO, 403, "{}");
    source_answer_list(world, ONE, "one", "a@1", "10");
    source_expect_told(world, "trouble Webhook denied: list webhooks in namespace two: HTTP 403\n");
    fake_http_open(world->http, fake_http_expect(world->http, "GET", WATCH_ONE));
    fake_loop_advance(world->loop, 1600);
    source_answer_list(world, TWO, "two", "", "20");
    source_expect_told(world, "begin Webhook\nput one/a@1\nend Webhook\n");
}

static void the_first_whole_may_wait_for_a_watch_to_resume(void **state)
{
    struct world *world = *state;
    source_make(world, two);
    source_start(world, webhooks, 1);
    source_answer_list(world, ONE, "one", "a@1", "10");
    source_refuse(world, WATCH_ONE);
    source_answer_list(world, TWO, "two", "b@2", "20");
    source_expect_told(world,
                       "trouble Webhook transient: watch webhooks in namespace one: refused\n");
    fake_loop_advance(world->loop, 1600);
    source_answer(world, "/namespaces/one/webhooks?limit=1", 200, "{}");
    source_resume(world, WATCH_ONE);
    source_expect_told(world, "begin Webhook\nput one/a@1\nput two/b@2\nend Webhook\n");
}

/* Both listed (one/a, two/b) and watched. */
static void reach_watches(struct world *world)
{
    source_make(world, two);
    source_start(world, webhooks, 1);
    source_answer_list(world, ONE, "one", "a@1", "10");
    source_answer_list(world, TWO, "two", "b@2", "10");
    fake_http_open(world->http, fake_http_expect(world->http, "GET", WATCH_ONE));
    fake_http_open(world->http, fake_http_expect(world->http, "GET", WATCH_TWO));
    buf_clear(&world->told);
    fake_loop_advance(world->loop, 20000);
}

static void a_namespace_listed_again_tells_the_whole(void **state)
{
    struct world *world = *state;
    reach_watches(world);
    source_expire(world, WATCH_ONE);
    /* the other one goes on meanwhile */
    source_send_event(world, WATCH_TWO, "ADDED", "two", "c", "11");
    source_expect_told(world, "put two/c@11\n");
    source_answer_list(world, ONE, "one", "x@20", "21");
    source_expect_told(world,
                       "begin Webhook\nput one/x@20\nput two/b@2\nput two/c@11\nend Webhook\n");
}

static void a_namespace_listed_again_beside_trouble_tells_what_it_changed(void **state)
{
    struct world *world = *state;
    reach_watches(world);
    source_send_event(world, WATCH_TWO, "ADDED", "two", "c", "11");
    fake_http_end(world->http, fake_http_expect(world->http, "GET", WATCH_TWO));
    source_refuse(world, WATCH_TWO);
    source_expire(world, WATCH_ONE);
    source_answer_list(world, ONE, "one", "x@20", "21");
    source_expect_told(world,
                       "put two/c@11\n"
                       "trouble Webhook transient: watch webhooks in namespace two: refused\n"
                       "listed one/x@20\ngone Webhook one/a u-a\n");
    /* and when the other is well again, it is as before */
    fake_loop_advance(world->loop, 1600);
    source_answer(world, "/namespaces/two/webhooks?limit=1", 200, "{}");
    source_resume(world, WATCH_TWO);
    source_expect_told(world, "resumed Webhook\n");
}

static void trouble_of_two_namespaces_ends_with_the_last(void **state)
{
    struct world *world = *state;
    reach_watches(world);
    static const char *const watches[] = {WATCH_ONE, WATCH_TWO};
    for (size_t i = 0; i < 2; i++) {
        source_send_event(world, watches[i], "ADDED", i ? "two" : "one", "c", "11");
        fake_http_end(world->http, fake_http_expect(world->http, "GET", watches[i]));
        source_refuse(world, watches[i]);
    }
    buf_clear(&world->told);
    fake_loop_advance(world->loop, 1600);
    source_answer(world, "/namespaces/one/webhooks?limit=1", 200, "{}");
    source_resume(world, WATCH_ONE);
    source_expect_told(world, "");
    source_answer(world, "/namespaces/two/webhooks?limit=1", 200, "{}");
    source_resume(world, WATCH_TWO);
    source_expect_told(world, "resumed Webhook\n");
}

static void a_list_that_breaks_off_in_one_namespace_changes_nothing(void **state)
{
    struct world *world = *state;
    reach_watches(world);
    source_expire(world, WATCH_ONE);
    static const char half[] = "{\"items\":[{\"metadata\":{\"name\":\"z\",\"namespace\":\"one\"}},";
    fake_http_bytes(world->http, fake_http_expect(world->http, "GET", ONE), half, sizeof(half) - 1);
    source_refuse(world, ONE);
    source_expect_told(world,
                       "trouble Webhook transient: list webhooks in namespace one: refused\n");
    fake_loop_advance(world->loop, 1600);
    source_answer_list(world, ONE, "one", "a@1", "30");
    source_expect_told(world, "begin Webhook\nput one/a@1\nput two/b@2\nend Webhook\n");
}

#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(name, source_world_set_up, source_world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(all_namespaces_are_one_list_a_kind),
        TEST(one_namespace_is_asked_for_alone),
        TEST(objects_that_go_with_their_crd_are_not_told_to_be_gone),
        TEST(absence_proves_nothing_while_the_crd_cannot_be_looked_at),
        TEST(a_kind_in_trouble_stays_so_when_its_crd_can_be_looked_at_again),
        TEST(a_deletion_is_proven_by_a_look_at_the_crd_that_came_later),
        TEST(a_crd_that_may_not_be_read_is_no_trouble),
        TEST(a_kind_is_listed_anew_with_its_crd),
        TEST(several_namespaces_are_told_when_all_are_complete),
        TEST(a_namespace_in_trouble_keeps_the_kind_incomplete),
        TEST(the_first_whole_may_wait_for_a_watch_to_resume),
        TEST(a_namespace_listed_again_tells_the_whole),
        TEST(a_namespace_listed_again_beside_trouble_tells_what_it_changed),
        TEST(trouble_of_two_namespaces_ends_with_the_last),
        TEST(a_list_that_breaks_off_in_one_namespace_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
