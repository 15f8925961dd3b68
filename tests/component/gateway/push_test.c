/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <string.h>

#include "base/mem.h"

/* From want to verified: what is asked of a gateway, and how often. */

static void a_new_api_is_posted_reloaded_and_read_back(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    world_context(world, &(struct world_context){.count = 1});
    world_want(world, &(struct world_api){.name = "orders"});
    expect_state(world, "orders", GATEWAY_PENDING, "");
    world_settle(world);
    expect_synced(world, "orders", 1);
    expect_counts(world, 0, .ready = 1, .lists = 1, .posts = 1, .reloads = 1, .reads = 1);
    const char *loaded = fake_gateway_loaded(world->gateway[0], "orders");
    assert_non_null(strstr(loaded, "\"config_data\":{\"grapnel\":{\"v\":1,\"owner\":\"grapnel\","
                                   "\"cluster\":\"c-1\",\"context\":\"\",\"api\":\"ns/orders\","
                                   "\"uid\":\"uid-orders\",\"hash\":\""));
    world_free(world);
}

static void an_oas_api_goes_its_own_way(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    world_context(world, &(struct world_context){.count = 1});
    world_want(world, &(struct world_api){.name = "orders", .oas = true});
    world_settle(world);
    expect_synced(world, "orders", 1);
    expect_counts(world, 0, .ready = 1, .lists = 1, .oas_posts = 1, .reloads = 1, .oas_reads = 1);
    assert_non_null(strstr(fake_gateway_loaded(world->gateway[0], "orders"), "\"x-grapnel\":{"));
    world_free(world);
}

static void five_hundred_apis_cost_one_post_each_and_one_reload(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    world_context(world, &(struct world_context){.count = 1});
    world_want_many(world, 500, 1, false);
    world_settle(world);
    expect_counts(world, 0, .ready = 1, .lists = 2, .posts = 500, .reloads = 1);
    expect_synced(world, "a0", 1);
    expect_synced(world, "a499", 1);
    world_free(world);
}

static void five_hundred_oas_apis_are_read_back_by_list(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    world_context(world, &(struct world_context){.count = 1});
    world_want_many(world, 500, 1, true);
    world_settle(world);
    expect_counts(world, 0, .ready = 1, .lists = 2, .oas_lists = 1, .oas_posts = 500, .reloads = 1);
    world_free(world);
}

static void one_changed_api_costs_one_post_one_reload_and_one_read(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    world_context(world, &(struct world_context){.count = 1});
    world_want_many(world, 500, 1, false);
    world_settle(world);
    reset_counts(world);
    world_want(world, &(struct world_api){.name = "a7", .version = 2});
    world_settle(world);
    expect_counts(world, 0, .posts = 1, .reloads = 1, .reads = 1);
    assert_non_null(strstr(fake_gateway_loaded(world->gateway[0], "a7"), "\"version\":2"));
    world_free(world);
}

static void a_few_oas_apis_are_read_back_one_at_a_time(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    world_context(world, &(struct world_context){.count = 1});
    world_want_many(world, 20, 1, true);
    world_settle(world);
    reset_counts(world);
    /* The fake gateway fails the test when two are read at once. */
    world_want_many(world, 4, 2, true);
    world_settle(world);
    expect_counts(world, 0, .oas_posts = 4, .reloads = 1, .oas_reads = 4);
    world_free(world);
}

static void what_has_not_changed_costs_nothing(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    world_context(world, &(struct world_context){.count = 1});
    world_want_many(world, 50, 1, false);
    world_settle(world);
    reset_counts(world);
    size_t asked = world->documents_asked;
    world_want_many(world, 50, 1, false);
    world_context(world, &(struct world_context){.count = 1});
    world_run(world, 100);
    assert_int_equal(requests(world, 0), 0);
    assert_int_equal(world->documents_asked, asked);
    world->progressed = 0;
    world_want_many(world, 50, 1, false);
    world_run(world, 100);
    assert_int_equal(world->progressed, 0);
    world_free(world);
}

static void wants_that_come_one_by_one_share_a_reload(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    world_context(world, &(struct world_context){.count = 1});
    world_run(world, 1);
    world->ops->expect(world->gateways, true);
    for (int i = 0; i < 20; i++) {
        CLEANUP(freep) char *name = xasprintf("a%d", i);
        world_want(world, &(struct world_api){.name = name});
        world_run(world, 100);
    }
    assert_int_equal(counts(world, 0)->reloads, 0);
    world->ops->expect(world->gateways, false);
    world_settle(world);
    expect_counts(world, 0, .ready = 1, .lists = 2, .posts = 20, .reloads = 1);
    world_free(world);
}

static void many_wants_long_after_the_last_look_take_one_list(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    world_context(world, &(struct world_context){.count = 1});
    world_run(world, 5000);
    reset_counts(world);
    world_want(world, &(struct world_api){.name = "first"});
    fake_loop_advance(world->loop, 0); /* it is being looked at by itself */
    world_want_many(world, 200, 1, false);
    world_settle(world);
    assert_int_equal(counts(world, 0)->posts, 201);
    assert_int_equal(counts(world, 0)->reloads, 1);
    assert_int_equal(counts(world, 0)->lists, 2); /* and to verify */
    assert_in_range(counts(world, 0)->reads, 0, 1);
    world_free(world);
}

static void a_users_edit_is_reloaded_after_five_seconds_of_a_long_batch(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    world_context(world, &(struct world_context){.count = 1});
    world_run(world, 1);
    world->ops->expect(world->gateways, true);
    world_want(world, &(struct world_api){.name = "edit", .by_user = true});
    for (int i = 0; i < 60; i++) {
        CLEANUP(freep) char *name = xasprintf("a%d", i);
        world_want(world, &(struct world_api){.name = name});
        world_run(world, 100);
        if (i == 48)
            assert_int_equal(counts(world, 0)->reloads, 0);
    }
    assert_int_equal(counts(world, 0)->reloads, 1);
    expect_synced(world, "edit", 1);
    world_free(world);
}

static void refills_alone_are_reloaded_after_thirty_seconds(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    world_context(world, &(struct world_context){.count = 1});
    world_run(world, 1);
    world->ops->expect(world->gateways, true);
    for (int i = 0; i < 320; i++) {
        CLEANUP(freep) char *name = xasprintf("a%d", i);
        world_want(world, &(struct world_api){.name = name});
        world_run(world, 100);
        if (i == 298)
            assert_int_equal(counts(world, 0)->reloads, 0);
    }
    assert_int_equal(counts(world, 0)->reloads, 1);
    world_free(world);
}

static void users_edits_go_before_refills(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    world_context(world, &(struct world_context){.count = 1});
    world_run(world, 1);
    fake_gateway_fault(world->gateway[0],
                       &(struct fake_fault_rule){.fault = FAKE_HANG, .method = "POST"});
    world_want_many(world, 10, 1, false);
    world_run(world, 1);
    world_want(world, &(struct world_api){.name = "edit", .by_user = true});
    fake_gateway_heal(world->gateway[0]);
    for (int i = 0; i < 4; i++) {
        struct fake_call *call = fake_http_expect(world->http, "POST", "gw-0");
        fake_http_answer(world->http, call, 200, "{\"key\":\"a0\"}");
        if (memmem(fake_http_nth(world->http, 3)->body.ptr,
                   fake_http_nth(world->http, 3)->body.length, "ns/edit", 7))
            break;
        assert_true(i < 1);
    }
    world_free(world);
}

static void at_most_one_reload_a_second(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    fake_gateway_set_tick(world->gateway[0], 0);
    world_context(world, &(struct world_context){.count = 1});
    world_run(world, 1);
    for (unsigned i = 0; i < 100; i++) {
        world_want(world, &(struct world_api){.name = "a", .version = i});
        world_run(world, 100);
    }
    assert_true(counts(world, 0)->reloads <= 11);
    assert_true(counts(world, 0)->reloads >= 4);
    world_free(world);
}

static void a_change_while_its_post_is_in_flight_is_posted_again_before_the_reload(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    world_context(world, &(struct world_context){.count = 1});
    world_run(world, 1);
    fake_gateway_fault(world->gateway[0],
                       &(struct fake_fault_rule){.fault = FAKE_HANG, .method = "POST"});
    world_want(world, &(struct world_api){.name = "a", .version = 1});
    world_run(world, 1);
    world_want(world, &(struct world_api){.name = "a", .version = 2});
    fake_gateway_heal(world->gateway[0]);
    world_settle(world);
    expect_counts(world, 0, .ready = 1, .lists = 1, .posts = 2, .reloads = 1, .reads = 1);
    assert_non_null(strstr(fake_gateway_loaded(world->gateway[0], "a"), "\"version\":2"));
    world_free(world);
}

static void a_document_that_is_not_known_now_is_asked_for_again(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    world_context(world, &(struct world_context){.count = 1});
    world->withhold_documents = true;
    world_want(world, &(struct world_api){.name = "a"});
    world_run(world, 1000);
    expect_state(world, "a", GATEWAY_PENDING, "");
    assert_int_equal(writes(world, 0), 0);
    world->withhold_documents = false;
    world_settle(world);
    expect_synced(world, "a", 1);
    world_free(world);
}

static void twelve_endpoints_build_a_document_once(void **state)
{
    (void)state;
    struct world *world = world_new(12);
    world_context(world, &(struct world_context){.count = 12});
    world_want_many(world, 50, 1, false);
    world_settle(world);
    expect_synced(world, "a0", 12);
    for (size_t i = 0; i < 12; i++) {
        assert_int_equal(counts(world, i)->posts, 50);
        assert_int_equal(counts(world, i)->reloads, 1);
    }
    assert_int_equal(world->documents_asked, 50);
    /* Nothing is kept: a refill asks again. */
    fake_gateway_restart(world->gateway[3], true, 0);
    world_run(world, 30000);
    assert_int_equal(counts(world, 3)->posts, 100);
    assert_int_equal(world->documents_asked, 100);
    world_free(world);
}

static void endpoints_that_are_not_ready_are_filled_but_do_not_count(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    world_context(world, &(struct world_context){.count = 1, .not_ready = true});
    world_want(world, &(struct world_api){.name = "a"});
    world_settle(world);
    assert_non_null(fake_gateway_loaded(world->gateway[0], "a"));
    expect_state(world, "a", GATEWAY_NONE, "none is ready");
    reset_counts(world);
    world_context(world, &(struct world_context){.count = 1});
    world_run(world, 10);
    expect_synced(world, "a", 1);
    assert_int_equal(requests(world, 0), counts(world, 0)->reads);
    world_free(world);
}

static void odd_ids_are_escaped_in_urls(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    world_context(world, &(struct world_context){.count = 1});
    world_want(world, &(struct world_api){.name = "a", .id = "ä b?c#d%e+f"});
    world_settle(world);
    expect_synced(world, "a", 1);
    world_remove(world, "a");
    world_settle(world);
    assert_null(fake_gateway_file(world->gateway[0], "ä b?c#d%e+f"));
    world_free(world);
}

/* Who is told looks at the context again, and says again what it is. */
static void a_context_that_is_as_it_was_is_no_news(void **state)
{
    (void)state;
    struct world *world = world_new(2);
    const struct world_context config = {.name = "ns/c", .count = 2};
    world_context(world, &config);
    world_run(world, 20000);
    assert_true(world->context_changed > 0);
    world->context_changed = 0;
    world_context(world, &config);
    world_run(world, 100);
    assert_int_equal(world->context_changed, 0);
    world_context(world, &(struct world_context){.name = "ns/c", .count = 1});
    world_run(world, 100);
    assert_int_equal(world->context_changed, 1);
    world_context(world,
                  &(struct world_context){.name = "ns/c", .count = 1, .blocked = "no Secret"});
    world_run(world, 100);
    assert_int_equal(world->context_changed, 2);
    world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_context_that_is_as_it_was_is_no_news),
        cmocka_unit_test(a_new_api_is_posted_reloaded_and_read_back),
        cmocka_unit_test(an_oas_api_goes_its_own_way),
        cmocka_unit_test(five_hundred_apis_cost_one_post_each_and_one_reload),
        cmocka_unit_test(five_hundred_oas_apis_are_read_back_by_list),
        cmocka_unit_test(one_changed_api_costs_one_post_one_reload_and_one_read),
        cmocka_unit_test(a_few_oas_apis_are_read_back_one_at_a_time),
        cmocka_unit_test(what_has_not_changed_costs_nothing),
        cmocka_unit_test(wants_that_come_one_by_one_share_a_reload),
        cmocka_unit_test(many_wants_long_after_the_last_look_take_one_list),
        cmocka_unit_test(a_users_edit_is_reloaded_after_five_seconds_of_a_long_batch),
        cmocka_unit_test(refills_alone_are_reloaded_after_thirty_seconds),
        cmocka_unit_test(users_edits_go_before_refills),
        cmocka_unit_test(at_most_one_reload_a_second),
        cmocka_unit_test(a_change_while_its_post_is_in_flight_is_posted_again_before_the_reload),
        cmocka_unit_test(a_document_that_is_not_known_now_is_asked_for_again),
        cmocka_unit_test(twelve_endpoints_build_a_document_once),
        cmocka_unit_test(endpoints_that_are_not_ready_are_filled_but_do_not_count),
        cmocka_unit_test(odd_ids_are_escaped_in_urls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
