/* SPDX-License-Identifier: Apache-2.0 */
/* What is followed by its name. */
#include "source_world.h"

#include "base/mem.h"

/* Services and their slices. */

#define SLICES "/namespaces/n/endpointslices?labelSelector=kubernetes.io%2Fservice-name%3Dgw"

static void the_slices_of_one_service_are_followed_alone(void **state)
{
    struct world *world = *state;
    source_make(world, NULL);
    source_start(world, NULL, 0);
    world->source->ops->follow(world->source, OBJECT_ENDPOINTSLICE, "n/gw");
    fake_loop_run(world->loop);
    source_answer_list(world, SLICES "&limit", "n", "a@1 b@2", "10");
    source_expect_told(world, "put n/a@1\nput n/b@2\nfollowed EndpointSlice n/gw\n");
    fake_http_open(world->http, fake_http_expect(world->http, "GET", SLICES "&watch"));
    source_send_event(world, SLICES "&watch", "DELETED", "n", "a", "11");
    source_expect_told(world, "gone EndpointSlice n/a u-a\n");
    fake_loop_advance(world->loop, 20000);
    source_expire(world, SLICES "&watch");
    source_answer_list(world, SLICES "&limit", "n", "c@20", "21");
    source_expect_told(world,
                       "put n/c@20\ngone EndpointSlice n/b (null)\nfollowed EndpointSlice n/gw\n");
    fake_http_open(world->http, fake_http_expect(world->http, "GET", SLICES "&watch"));
    fake_loop_advance(world->loop, 70000);
    world->source->ops->relist(world->source, OBJECT_ENDPOINTSLICE);
    fake_loop_advance(world->loop, 1);
    source_answer_list(world, SLICES "&limit", "n", "c@15", "16");
    source_expect_told(world, "put n/c@15\nfollowed EndpointSlice n/gw\n");
    world->source->ops->unfollow(world->source, OBJECT_ENDPOINTSLICE, "n/gw");
    source_expect_told(world, "gone EndpointSlice n/c (null)\n");
}

static void a_service_that_is_not_there_is_missing(void **state)
{
    struct world *world = *state;
    source_make(world, NULL);
    source_start(world, NULL, 0);
    world->source->ops->follow(world->source, OBJECT_SERVICE, "n/gw");
    fake_loop_run(world->loop);
    source_answer_list(world, "/namespaces/n/services?fieldSelector=metadata.name%3Dgw&limit", "n",
                       "", "10");
    source_expect_told(world, "missing Service n/gw not-found\n");
}

static void a_service_that_is_deleted_is_missing(void **state)
{
    static const char watch[] = "/namespaces/n/services?fieldSelector=metadata.name%3Dgw&watch";
    struct world *world = *state;
    source_make(world, NULL);
    source_start(world, NULL, 0);
    world->source->ops->follow(world->source, OBJECT_SERVICE, "n/gw");
    fake_loop_run(world->loop);
    source_answer_list(world, "/namespaces/n/services?fieldSelector=metadata.name%3Dgw&limit", "n",
                       "gw@1", "10");
    source_expect_told(world, "put n/gw@1\nfollowed Service n/gw\n");
    fake_http_open(world->http, fake_http_expect(world->http, "GET", watch));
    source_send_event(world, watch, "DELETED", "n", "gw", "11");
    source_expect_told(world, "gone Service n/gw u-gw\nmissing Service n/gw not-found\n");
    source_send_event(world, watch, "ADDED", "n", "gw", "12");
    source_expect_told(world, "put n/gw@12\n");
}

/* Secrets and ConfigMaps. */

#define SECRET "/api/v1/namespaces/n/secrets/s"

static void follow_secret(struct world *world)
{
    source_make(world, NULL);
    source_start(world, NULL, 0);
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
    source_answer(world, SECRET, 200, body);
}

static void a_followed_secret_is_polled_and_changes_are_told(void **state)
{
    struct world *world = *state;
    follow_secret(world);
    answer_secret(world, "1");
    source_expect_told(world, "put n/s@1\n");
    fake_loop_advance(world->loop, 26999);
    assert_int_equal(fake_http_pending(world->http), 0);
    fake_loop_advance(world->loop, 3001);
    answer_secret(world, "1");
    source_expect_told(world, "");
    fake_loop_advance(world->loop, 30000);
    answer_secret(world, "2");
    source_expect_told(world, "put n/s@2\n");
}

static void a_missing_secret_is_told_once_and_found_again(void **state)
{
    struct world *world = *state;
    follow_secret(world);
    source_answer(world, SECRET, 404, "{}");
    source_expect_told(world, "missing Secret n/s not-found\n");
    fake_loop_advance(world->loop, 30000);
    source_answer(world, SECRET, 404, "{}");
    source_expect_told(world, "");
    fake_loop_advance(world->loop, 30000);
    source_answer(world, SECRET, 403, "{}");
    source_expect_told(world, "missing Secret n/s denied\n");
    fake_loop_advance(world->loop, 30000);
    answer_secret(world, "1");
    source_expect_told(world, "put n/s@1\n");
    /* deleted and created anew between two looks, with the same version: never happens, but
     * deleted and restored does */
    fake_loop_advance(world->loop, 30000);
    source_answer(world, SECRET, 404, "{}");
    fake_loop_advance(world->loop, 30000);
    answer_secret(world, "1");
    source_expect_told(world, "missing Secret n/s not-found\nput n/s@1\n");
}

static void a_passing_failure_leaves_what_is_known(void **state)
{
    struct world *world = *state;
    follow_secret(world);
    source_refuse(world, SECRET);
    source_expect_told(world, "");
    /* nothing is known yet: soon again */
    fake_loop_advance(world->loop, 1600);
    source_answer(world, SECRET, 500, "{}");
    fake_loop_advance(world->loop, 3200);
    answer_secret(world, "1");
    source_expect_told(world, "put n/s@1\n");
    fake_loop_advance(world->loop, 30000);
    source_answer(world, SECRET, 401, "{}");
    source_expect_told(world, "");
    fake_loop_advance(world->loop, 26999);
    assert_int_equal(fake_http_pending(world->http), 0);
    fake_loop_advance(world->loop, 3001);
    answer_secret(world, "1");
    source_expect_told(world, "");
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
    source_expect_told(world, "put n/s@1\n");
    /* it is known */
    fake_loop_advance(world->loop, 30000);
    put_off(world, 50000);
    fake_loop_advance(world->loop, 49999);
    assert_int_equal(fake_http_pending(world->http), 0);
    fake_loop_advance(world->loop, 1);
    answer_secret(world, "1");
    source_expect_told(world, "");
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
    source_answer(world, SECRET, 200, "{'kind':'ConfigMap','metadata':{'name':'s'}}");
    source_expect_told(world, "");
    fake_loop_advance(world->loop, 1600);
    answer_secret(world, "1");
    source_expect_told(world, "put n/s@1\n");
}

static void names_that_cannot_be_are_missing_without_a_request(void **state)
{
    struct world *world = *state;
    source_make(world, NULL);
    source_start(world, NULL, 0);
    world->source->ops->follow(world->source, OBJECT_SECRET, "n/..");
    world->source->ops->follow(world->source, OBJECT_CONFIGMAP, "n/a/b");
    fake_loop_advance(world->loop, 60000);
    assert_int_equal(fake_http_pending(world->http), 0);
    source_expect_told(world, "missing Secret n/.. not-found\nmissing ConfigMap n/a/b not-found\n");
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
            source_answer(world, "/secrets/m", 404, "");
        fake_loop_advance(world->loop, 60000);
        assert_int_equal(fake_http_pending(world->http), 0);
    }
    source_expect_told(world, "put n/s@1\nmissing Secret n/m not-found\n");
}

static void at_most_eight_are_read_at_a_time(void **state)
{
    struct world *world = *state;
    source_make(world, NULL);
    /* what is followed before the start waits for it */
    for (int i = 0; i < 20; i++) {
        CLEANUP(freep) char *key = xasprintf("n/s%d", i);
        world->source->ops->follow(world->source, OBJECT_SECRET, key);
    }
    fake_loop_run(world->loop);
    assert_int_equal(fake_http_pending(world->http), 0);
    source_start(world, NULL, 0);
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

#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(name, source_world_set_up, source_world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_slices_of_one_service_are_followed_alone),
        TEST(a_service_that_is_not_there_is_missing),
        TEST(a_service_that_is_deleted_is_missing),
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
