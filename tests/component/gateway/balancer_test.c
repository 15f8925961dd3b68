/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <string.h>

#include "base/mem.h"

/* A URL behind which answers alternate is a load balancer, and nothing else is. */

static void a_load_balanced_url_is_found_out_and_left_alone(void **state)
{
    (void)state;
    struct world *world = world_new(2);
    fake_gateway_balance(world->gateway[0], world->gateway[1]);
    world_context(world, &(struct world_context){.count = 1, .fixed = true});
    world_want_many(world, 6, 1, false);
    world_run(world, 60000);
    expect_state(world, "a0", GATEWAY_LOAD_BALANCED, "answers alternate");
    size_t written = writes(world, 0);
    world_want_many(world, 6, 2, false);
    world_run(world, 300000);
    assert_int_equal(writes(world, 0), written);
    CLEANUP(freep) char *word = world_word(world, "", 0);
    assert_string_equal(word, "LoadBalanced");
    assert_true(world->ops->is_quiet(world->gateways));

    /* Only one gateway is left behind it: work goes on. */
    fake_gateway_balance(world->gateway[0], NULL);
    world_run(world, 70000);
    expect_synced(world, "a0", 1);
    world_free(world);
}

static void that_answers_do_not_alternate_any_more_is_told(void **state)
{
    (void)state;
    struct world *world = world_new(2);
    world_context(world, &(struct world_context){.count = 1, .fixed = true});
    world_want_many(world, 6, 1, false);
    world_settle(world);
    fake_gateway_balance(world->gateway[0], world->gateway[1]);
    world_run(world, 60000);
    expect_state(world, "a0", GATEWAY_LOAD_BALANCED, "answers alternate");
    fake_gateway_balance(world->gateway[0], NULL);
    world->progressed = 0;
    world_run(world, 70000);
    expect_synced(world, "a0", 1);
    assert_int_equal(world->progressed, 6); /* what stood there all the time as well */
    world_free(world);
}

/* Nothing is deleted there either, and a deletion waits for it as for one that does not answer. */
static void a_load_balancer_counts_as_unreachable_for_what_leaves(void **state)
{
    (void)state;
    struct world *world = world_new(2);
    world_context(world, &(struct world_context){.count = 1, .fixed = true});
    world_want_many(world, 6, 1, false);
    world_settle(world);
    int64_t balanced_at = loop_now(world->loop);
    fake_gateway_balance(world->gateway[0], world->gateway[1]);
    world_run(world, 60000);
    world_remove(world, "a0");
    world_run(world, 60000);
    struct gateway_progress progress = world_progress(world, "a0");
    assert_int_equal(progress.leaving, 0);
    assert_int_equal(progress.leaving_unreachable, 1);
    assert_in_range(progress.unreachable_since, balanced_at, balanced_at + 60000);
    /* It was not waited for; it goes when it can. */
    world->ops->forget(world->gateways, "ns/a0");
    fake_gateway_balance(world->gateway[0], NULL);
    world_run(world, 70000);
    assert_null(fake_gateway_loaded(world->gateway[0], "a0"));
    assert_non_null(fake_gateway_loaded(world->gateway[0], "a1"));
    world_free(world);
}

static void a_balancer_that_is_put_in_later_is_found_out_by_the_rotation(void **state)
{
    (void)state;
    struct world *world = world_new(2);
    world_context(world, &(struct world_context){.count = 1, .fixed = true});
    world_want_many(world, 6, 1, false);
    world_settle(world);
    reset_counts(world);
    fake_gateway_balance(world->gateway[0], world->gateway[1]);
    world_run(world, 30000);
    expect_state(world, "a0", GATEWAY_LOAD_BALANCED, "answers alternate");
    assert_int_equal(writes(world, 0), 0);
    world_free(world);
}

/* Something in between answers every second or third request by itself: no second gateway is seen.
 */
static void answers_of_a_proxy_are_no_load_balancer(void **state)
{
    (void)state;
    static const struct {
        long status;
        const char *body;
        const char *why;
    } rows[] = {
        {200, "<html>Sign in</html>", "not one of a gateway"},
        {200, "", "not one of a gateway"},
        {404, "<html>Not here</html>", "not one of a gateway"},
        {404, "404 page not found\n", "not one of a gateway"},
        {400, "Bad Request", "not one of a gateway"},
        {502, "<html>Bad Gateway</html>", "HTTP 502"},
        {503, "{\"status\":\"error\",\"message\":\"no upstream\"}", "HTTP 503"},
        {500, NULL, "HTTP 500"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows) * 2; i++) {
        struct world *world = world_new(1);
        struct fake_fault_rule rule = {.fault = FAKE_STATUS,
                                       .method = "GET",
                                       .url_part = "/tyk/apis/",
                                       .status = rows[i / 2].status,
                                       .body = rows[i / 2].body,
                                       .every = 2 + i % 2};
        world_context(world, &(struct world_context){.count = 1, .fixed = true});
        world_want(world, &(struct world_api){.name = "a"});
        world_settle(world);
        fake_gateway_fault(world->gateway[0], &rule);
        size_t failed = 0;
        for (int s = 0; s < 1200; s++) {
            world_run(world, 100);
            struct gateway_progress progress = world_progress(world, "a");
            assert_int_not_equal(progress.state, GATEWAY_LOAD_BALANCED);
            CLEANUP(freep) char *word = world_word(world, "", 0);
            if (strcmp(word, "Unreachable") == 0) {
                struct gateway_summary summary;
                assert_true(world->ops->summary(world->gateways, "", &summary));
                assert_int_equal(summary.state, GATEWAY_UNREACHABLE);
                assert_non_null(strstr(summary.detail, rows[i / 2].why));
                failed++;
            }
        }
        if (!failed)
            fail_msg("row %zu: nothing was told", i);
        world_want(world, &(struct world_api){.name = "a", .version = 2});
        world_run(world, 60000);
        assert_int_not_equal(world_progress(world, "a").state, GATEWAY_LOAD_BALANCED);
        fake_gateway_heal(world->gateway[0]);
        world_run(world, 40000);
        expect_synced(world, "a", 1);
        world_free(world);
    }
}

static void a_gateway_that_lost_one_definition_is_no_load_balancer(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    world_context(world, &(struct world_context){.count = 1, .fixed = true});
    world_want_many(world, 2, 1, false);
    world_settle(world);
    fake_gateway_take(world->gateway[0], "a0");
    world_run(world, 40000);
    expect_synced(world, "a0", 1);
    assert_non_null(fake_gateway_loaded(world->gateway[0], "a0"));
    world_free(world);
}

static void one_change_of_mind_is_no_load_balancer(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    world_context(world, &(struct world_context){.count = 1, .fixed = true});
    world_want(world, &(struct world_api){.name = "a"});
    world_settle(world);
    reset_counts(world);
    /* It was starting, say, and now it has started. */
    fake_gateway_fault(world->gateway[0], &(struct fake_fault_rule){.fault = FAKE_STATUS,
                                                                    .status = 404,
                                                                    .url_part = "/tyk/apis/a",
                                                                    .count = 4});
    world_run(world, 15000);
    expect_synced(world, "a", 1);
    assert_in_range(counts(world, 0)->reads, 9, 11);
    assert_int_equal(counts(world, 0)->lists, 1);
    assert_int_equal(writes(world, 0), 0);
    world_free(world);
}

static void what_is_read_in_rotation_behind_a_url_may_come_from_another_connection(void **state)
{
    (void)state;
    for (int fixed = 0; fixed < 2; fixed++) {
        struct world *world = world_new(1);
        world_context(world, &(struct world_context){.count = 1, .fixed = fixed});
        world_want(world, &(struct world_api){.name = "a"});
        world_settle(world);
        fake_gateway_fault(world->gateway[0], &(struct fake_fault_rule){.fault = FAKE_HANG,
                                                                        .url_part = "/tyk/apis/a"});
        world_run(world, 10000);
        struct fake_call *call = fake_http_expect(world->http, "GET", "/tyk/apis/a");
        const char *connection = fake_call_header(call, "Connection");
        assert_string_equal(connection ? connection : "keep", fixed ? "close" : "keep");
        world_free(world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_load_balanced_url_is_found_out_and_left_alone),
        cmocka_unit_test(that_answers_do_not_alternate_any_more_is_told),
        cmocka_unit_test(a_load_balancer_counts_as_unreachable_for_what_leaves),
        cmocka_unit_test(a_balancer_that_is_put_in_later_is_found_out_by_the_rotation),
        cmocka_unit_test(answers_of_a_proxy_are_no_load_balancer),
        cmocka_unit_test(a_gateway_that_lost_one_definition_is_no_load_balancer),
        cmocka_unit_test(one_change_of_mind_is_no_load_balancer),
        cmocka_unit_test(what_is_read_in_rotation_behind_a_url_may_come_from_another_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
