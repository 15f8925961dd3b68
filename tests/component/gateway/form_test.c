/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <string.h>

#include "base/mem.h"

/* Definitions that change between Classic and OAS. A Classic one that is posted over an OAS one
 * leaves the latter's file on the gateway for ever, and a deletion goes by what is loaded. */

static void classic_over_oas_leaves_no_companion_file(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    world_context(world, &(struct world_context){.count = 1});
    world_want(world, &(struct world_api){.name = "a", .oas = true});
    world_settle(world);
    reset_counts(world);
    world_want(world, &(struct world_api){.name = "a"});
    world_settle(world);
    expect_synced(world, "a", 1);
    /* Posted to see that it is taken, deleted with both files, posted again. */
    expect_counts(world, 0, .posts = 2, .deletes = 1, .reloads = 1, .reads = 1);
    assert_non_null(strstr(fake_gateway_loaded(world->gateway[0], "a"), "config_data"));
    assert_false(fake_gateway_has_companion(world->gateway[0], "a"));
    world_free(world);
}

static void expect_classic_alone(struct world *world)
{
    world_settle(world);
    expect_synced(world, "a", 1);
    assert_non_null(strstr(fake_gateway_loaded(world->gateway[0], "a"), "config_data"));
    assert_non_null(strstr(fake_gateway_file(world->gateway[0], "a"), "config_data"));
    assert_false(fake_gateway_has_companion(world->gateway[0], "a"));
}

/* A definition that nothing has loaded cannot be deleted: first comes a reload. */
static void classic_over_an_oas_definition_that_is_not_loaded_leaves_none_either(void **state)
{
    (void)state;
    static const bool befores[] = {false, true}; /* a Classic one is loaded */
    for (size_t i = 0; i < 2; i++) {
        struct world *world = world_new(1);
        world_context(world, &(struct world_context){.count = 1});
        if (befores[i])
            world_want(world, &(struct world_api){.name = "a"});
        world_settle(world);
        reset_counts(world);
        world_want(world, &(struct world_api){.name = "a", .oas = true});
        world_run(world, 10);
        assert_int_equal(counts(world, 0)->oas_posts, 1);
        assert_int_equal(counts(world, 0)->reloads, 0);
        world_want(world, &(struct world_api){.name = "a", .version = 2});
        expect_classic_alone(world);
        assert_int_equal(counts(world, 0)->posts, 2);
        assert_int_equal(counts(world, 0)->deletes, 1);
        assert_int_equal(counts(world, 0)->reloads, 2);
        world_free(world);
    }
}

/* The answer to the OAS one comes when the Classic one is wanted already. */
static void classic_while_an_oas_definition_is_being_posted_leaves_none_either(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    world_context(world, &(struct world_context){.count = 1});
    world_settle(world);
    fake_gateway_fault(world->gateway[0],
                       &(struct fake_fault_rule){.fault = FAKE_HANG, .method = "POST"});
    world_want(world, &(struct world_api){.name = "a", .oas = true});
    world_run(world, 10);
    world_want(world, &(struct world_api){.name = "a"});
    fake_gateway_heal(world->gateway[0]);
    expect_classic_alone(world);
    world_free(world);
}

/* It was OAS, the gateway has lost that, and OAS is posted once more before it becomes Classic. */
static void classic_over_oas_that_was_lost_leaves_none_either(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    world_context(world, &(struct world_context){.count = 1});
    world_want(world, &(struct world_api){.name = "a", .oas = true});
    world_settle(world);
    fake_gateway_restart(world->gateway[0], true, 0);
    world_want(world, &(struct world_api){.name = "a", .oas = true, .version = 2});
    world_run(world, 10);
    assert_true(fake_gateway_has_companion(world->gateway[0], "a"));
    world_want(world, &(struct world_api){.name = "a"});
    expect_classic_alone(world);
    world_free(world);
}

static void an_oas_definition_over_a_classic_one_goes_with_both_files(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    world_context(world, &(struct world_context){.count = 1});
    world_want(world, &(struct world_api){.name = "a"});
    world_settle(world);
    world_want(world, &(struct world_api){.name = "a", .oas = true});
    world_run(world, 10);
    assert_true(fake_gateway_has_companion(world->gateway[0], "a"));
    world_remove(world, "a");
    world_settle(world);
    assert_null(fake_gateway_loaded(world->gateway[0], "a"));
    assert_null(fake_gateway_file(world->gateway[0], "a"));
    assert_false(fake_gateway_has_companion(world->gateway[0], "a"));
    world_free(world);
}

/* The OAS definition is loaded while the Classic one is wanted already, so that nobody has read it
 * in its own form; and the answer to the Classic one breaks off. */
static void classic_over_oas_whose_answer_breaks_off_leaves_none_either(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    world_context(world, &(struct world_context){.count = 1});
    world_want(world, &(struct world_api){.name = "b"});
    world_settle(world);
    world_want(world, &(struct world_api){.name = "a", .oas = true});
    world_run(world, 200);
    assert_int_equal(counts(world, 0)->oas_posts, 1);
    fake_gateway_fault(world->gateway[0],
                       &(struct fake_fault_rule){.fault = FAKE_LOSE, .method = "POST"});
    world_want(world, &(struct world_api){.name = "a"});
    world_run(world, 1500);
    assert_null(strstr(fake_gateway_file(world->gateway[0], "a"), "x-grapnel"));
    fake_gateway_heal(world->gateway[0]);
    world_run(world, 40000);
    expect_classic_alone(world);
    world_free(world);
}

/* The connection goes between the POST and the deletion of the companion, or somebody in between
 * answers for the gateway. */
static void a_sweep_that_fails_is_made_up_for(void **state)
{
    (void)state;
    static const struct fake_fault_rule faults[] = {
        {.fault = FAKE_REFUSE},
        {.fault = FAKE_RESET},
        {.fault = FAKE_HANG},
        {.fault = FAKE_STATUS, .status = 200, .body = "<html>Please log in</html>"},
        {.fault = FAKE_STATUS, .status = 200, .body = "{\"key\":\"a\",\"sta"},
        {.fault = FAKE_STATUS, .status = 404, .body = "<html>Not here</html>"},
        {.fault = FAKE_STATUS, .status = 500, .body = "<html>Sorry</html>"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(faults); i++) {
        struct world *world = world_new(1);
        world_context(world, &(struct world_context){.count = 1});
        world_want(world, &(struct world_api){.name = "a", .oas = true});
        world_want(world, &(struct world_api){.name = "b"});
        world_settle(world);
        struct fake_fault_rule fault = faults[i];
        fault.method = "DELETE";
        fake_gateway_fault(world->gateway[0], &fault);
        world_want(world, &(struct world_api){.name = "a"});
        world_run(world, 200);
        assert_true(fake_gateway_has_companion(world->gateway[0], "a"));
        assert_null(strstr(fake_gateway_file(world->gateway[0], "a"), "x-grapnel"));
        world_run(world, 40000);
        fake_gateway_heal(world->gateway[0]);
        world_run(world, 40000);
        expect_classic_alone(world);
        expect_synced(world, "b", 1);
        world_free(world);
    }
}

/* It is taken, its sweep fails, and when it is written again the gateway cannot: no reload comes
 * before the sweep, or the OAS file stays. */
static void an_owed_sweep_outlives_a_server_error(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    world_context(world, &(struct world_context){.count = 1});
    world_want(world, &(struct world_api){.name = "a", .oas = true});
    world_want(world, &(struct world_api){.name = "b"});
    world_settle(world);
    fake_gateway_fault(
        world->gateway[0],
        &(struct fake_fault_rule){.fault = FAKE_STATUS, .status = 504, .method = "DELETE"});
    world_want(world, &(struct world_api){.name = "a"});
    world_run(world, 200);
    assert_null(strstr(fake_gateway_file(world->gateway[0], "a"), "x-grapnel"));
    fake_gateway_heal(world->gateway[0]);
    fake_gateway_fault(world->gateway[0],
                       &(struct fake_fault_rule){
                           .fault = FAKE_STATUS, .status = 500, .method = "POST", .count = 1});
    world_run(world, 40000);
    expect_classic_alone(world);
    expect_synced(world, "b", 1);
    world_free(world);
}

/* One that the gateway can never write does not keep the others waiting for ever. */
static void a_change_of_form_that_is_never_written_does_not_hold_others_up(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    world_context(world, &(struct world_context){.count = 1});
    world_want(world, &(struct world_api){.name = "a", .oas = true});
    world_settle(world);
    fake_gateway_fault(world->gateway[0],
                       &(struct fake_fault_rule){
                           .fault = FAKE_STATUS, .status = 500, .method = "POST", .count = 4});
    world_want(world, &(struct world_api){.name = "a"});
    world_run(world, 10000);
    world_want(world, &(struct world_api){.name = "b"});
    world_run(world, 3000);
    expect_synced(world, "b", 1);
    world_run(world, 40000);
    expect_classic_alone(world);
    world_free(world);
}

/* The process is killed between the two: the next one finds the OAS definition still loaded. */
static void a_sweep_that_a_killed_process_owes_is_made_up_for(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    world_context(world, &(struct world_context){.count = 1});
    world_want(world, &(struct world_api){.name = "a", .oas = true});
    world_want(world, &(struct world_api){.name = "o", .oas = true});
    world_want(world, &(struct world_api){.name = "b"});
    world_settle(world);
    fake_gateway_fault(world->gateway[0],
                       &(struct fake_fault_rule){.fault = FAKE_HANG, .method = "DELETE"});
    world_want(world, &(struct world_api){.name = "a"});
    world_run(world, 200);
    assert_true(fake_gateway_has_companion(world->gateway[0], "a"));
    world_stop(world);
    fake_gateway_heal(world->gateway[0]);
    reset_counts(world);

    world_start(world, NULL);
    world_context(world, &(struct world_context){.count = 1, .unsettled = true});
    world_want(world, &(struct world_api){.name = "a"});
    world_want(world, &(struct world_api){.name = "o", .oas = true});
    world_want(world, &(struct world_api){.name = "b"});
    expect_classic_alone(world);
    expect_synced(world, "b", 1);
    expect_synced(world, "o", 1);
    expect_counts(world, 0, .ready = 1, .oas_lists = 2, .lists = 1, .posts = 2, .deletes = 1,
                  .reloads = 1);
    world_free(world);
}

/* The next process has read the objects, and not all that one of them needs. */
static void a_sweep_that_a_killed_process_owes_waits_for_who_is_named_late(void **state)
{
    (void)state;
    for (int comes = 0; comes < 2; comes++) {
        struct world *world = world_new(1);
        world_context(world, &(struct world_context){.count = 1});
        world_want(world, &(struct world_api){.name = "a", .oas = true});
        world_settle(world);
        fake_gateway_fault(world->gateway[0],
                           &(struct fake_fault_rule){.fault = FAKE_HANG, .method = "DELETE"});
        world_want(world, &(struct world_api){.name = "a"});
        world_run(world, 200);
        world_stop(world);
        fake_gateway_heal(world->gateway[0]);
        reset_counts(world);

        world_start(world, NULL);
        world_context(world, &(struct world_context){.count = 1, .unsettled = true});
        world_run(world, 3000);
        assert_int_equal(counts(world, 0)->reloads, 0);
        if (comes) {
            world_want(world, &(struct world_api){.name = "a"});
            world->ops->set_complete(world->gateways, true);
            expect_classic_alone(world);
            assert_int_equal(counts(world, 0)->reloads, 1);
        } else {
            /* Whatever it waits for, the others do not for long. */
            world_run(world, 8000);
            assert_int_equal(counts(world, 0)->reloads, 1);
        }
        world_free(world);
    }
}

/* Both are found with their old form before the reload, and both may not be written. */
static void what_is_owed_and_in_somebody_elses_way_waits(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    fake_gateway_put(world->gateway[0], "t1", false,
                     "{\"api_id\":\"t1\",\"proxy\":{\"listen_path\":\"/s1/\"}}");
    fake_gateway_put(world->gateway[0], "t2", false,
                     "{\"api_id\":\"t2\",\"proxy\":{\"listen_path\":\"/s2/\"}}");
    world_context(world, &(struct world_context){.count = 1});
    world_want(world, &(struct world_api){.name = "a", .oas = true});
    world_want(world, &(struct world_api){.name = "b", .oas = true});
    world_settle(world);
    world_want(world, &(struct world_api){.name = "a", .path = "/s1/"});
    world_want(world, &(struct world_api){.name = "b", .path = "/s2/"});
    world_run(world, 3000);
    expect_state(world, "a", GATEWAY_CONFLICT, "has the listen path");
    fake_gateway_fault(
        world->gateway[0],
        &(struct fake_fault_rule){.fault = FAKE_REFUSE, .url_part = "/reload", .count = 1});
    world_want(world, &(struct world_api){.name = "c"});
    world_run(world, 60000);
    expect_state(world, "a", GATEWAY_CONFLICT, "has the listen path");
    expect_state(world, "b", GATEWAY_CONFLICT, "has the listen path");
    expect_synced(world, "c", 1);
    assert_int_equal(counts(world, 0)->deletes, 0);
    fake_gateway_take(world->gateway[0], "t1");
    fake_gateway_take(world->gateway[0], "t2");
    world_run(world, 40000);
    expect_classic_alone(world);
    expect_synced(world, "b", 1);
    assert_false(fake_gateway_has_companion(world->gateway[0], "b"));
    world_free(world);
}

/* Redis goes, then many APIs come: what waits to be looked at is not forgotten over what is owed.
 */
static void what_comes_while_redis_is_away_is_pushed_with_what_is_owed(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    world_context(world, &(struct world_context){.count = 1});
    world_want(world, &(struct world_api){.name = "a", .oas = true});
    world_want(world, &(struct world_api){.name = "b"});
    world_settle(world);
    world_run(world, 60000);
    fake_gateway_set_never_ready(world->gateway[0], true);
    world_want(world, &(struct world_api){.name = "a"});
    for (int i = 0; i < 6; i++) {
        CLEANUP(freep) char *name = xasprintf("new%d", i);
        world_want(world, &(struct world_api){.name = name});
    }
    world_run(world, 40000);
    expect_classic_alone(world);
    expect_synced(world, "new0", 1);
    expect_synced(world, "new5", 1);
    world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classic_over_oas_leaves_no_companion_file),
        cmocka_unit_test(classic_over_an_oas_definition_that_is_not_loaded_leaves_none_either),
        cmocka_unit_test(classic_while_an_oas_definition_is_being_posted_leaves_none_either),
        cmocka_unit_test(classic_over_oas_that_was_lost_leaves_none_either),
        cmocka_unit_test(an_oas_definition_over_a_classic_one_goes_with_both_files),
        cmocka_unit_test(classic_over_oas_whose_answer_breaks_off_leaves_none_either),
        cmocka_unit_test(a_sweep_that_fails_is_made_up_for),
        cmocka_unit_test(an_owed_sweep_outlives_a_server_error),
        cmocka_unit_test(a_change_of_form_that_is_never_written_does_not_hold_others_up),
        cmocka_unit_test(a_sweep_that_a_killed_process_owes_is_made_up_for),
        cmocka_unit_test(a_sweep_that_a_killed_process_owes_waits_for_who_is_named_late),
        cmocka_unit_test(what_is_owed_and_in_somebody_elses_way_waits),
        cmocka_unit_test(what_comes_while_redis_is_away_is_pushed_with_what_is_owed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
