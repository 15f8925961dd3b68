/* SPDX-License-Identifier: Apache-2.0 */
/* What others do to the Lease itself: L6. */
#include "lease_world.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static void a_write_of_somebody_else_to_the_object_costs_one_read(void **state)
{
    struct world *world = *state;
    world_have_two(world);
    for (int i = 0; i < 5; i++) {
        CLEANUP(freep) char *note = xasprintf("\"%d\"", i);
        server_edit_spec(&world->server, "note", note);
        world_run(world, 2500);
    }
    assert_int_equal(world->a.lost, 0);
    server_expect_spec(&world->server, "note", "\"4\"");
    struct lease_stats stats;
    lease_stats(world->a.lease, &stats);
    assert_int_equal(stats.slow_paths, 5);
    assert_true(stats.leads);
}

static void a_lease_that_was_deleted_is_made_again_by_its_holder(void **state)
{
    struct world *world = *state;
    candidate_start(&world->a);
    world_run(world, 10000);
    free(TAKE(world->server.object));
    world_run(world, 20000);
    assert_int_equal(world->a.lost, 0);
    server_expect_spec(&world->server, "holderIdentity", "\"a_1\"");
    server_expect_spec(&world->server, "leaseTransitions", "0");
}

static void a_deleted_lease_that_another_made_first_is_lost(void **state)
{
    struct world *world = *state;
    candidate_start(&world->a);
    world_run(world, 10000);
    free(TAKE(world->server.object));
    world->server.mode = SERVER_HANGS;
    while (!fake_http_call(world->a.http, "PUT", NULL))
        world_run(world, STEP_MS);
    fake_http_answer(world->a.http, fake_http_expect(world->a.http, "PUT", NULL), 404, "{}");
    fake_http_answer(world->a.http, fake_http_expect(world->a.http, "GET", NULL), 404, "{}");
    assert_true(world->a.leads);
    world->server.object =
        xstrdup("{\"metadata\":{\"name\":\"grapnel\",\"resourceVersion\":\"99\"},\"spec\":"
                "{\"holderIdentity\":\"other\",\"leaseDurationSeconds\":15}}");
    world->server.mode = SERVER_WELL;
    world_run(world, STEP_MS);
    assert_false(world->a.leads);
    assert_int_equal(world->a.lost, 1);
}

static void a_lease_given_to_another_by_hand_is_lost_with_the_next_renewal(void **state)
{
    struct world *world = *state;
    candidate_start(&world->a);
    world_run(world, 10000);
    world_run_until_renewed(world);
    server_edit_spec(&world->server, "holderIdentity", "\"b_2\"");
    world_run(world, 2010);
    assert_false(world->a.leads);
    assert_int_equal(world->a.lost, 1);
    /* And is taken back when that one never comes. */
    world_run_until_leads(world, &world->a, 24000);
    server_expect_spec(&world->server, "leaseTransitions", "1");
}

static void an_emptied_lease_is_taken_again_by_its_holder(void **state)
{
    struct world *world = *state;
    candidate_start(&world->a);
    world_run(world, 10000);
    server_edit_spec(&world->server, "holderIdentity", "\"\"");
    world_run(world, 10000);
    assert_int_equal(world->a.lost, 0);
    server_expect_spec(&world->server, "holderIdentity", "\"a_1\"");
    server_expect_spec(&world->server, "leaseTransitions", "1");
}

static void the_duration_that_stands_in_the_record_counts(void **state)
{
    struct world *world = *state;
    world_have_two(world);
    server_edit_spec(&world->server, "leaseDurationSeconds", "3600");
    world_run(world, 5000);
    server_expect_spec(&world->server, "leaseDurationSeconds", "15"); /* the holder knows better */
    candidate_kill(&world->a);
    server_edit_spec(&world->server, "leaseDurationSeconds", "40");
    world_run(world, 40000);
    assert_false(world->b.leads);
    world_run_until_leads(world, &world->b, 10000);
    candidate_kill(&world->b);
    server_edit_spec(&world->server, "leaseDurationSeconds", "1");
    candidate_start(&world->a);
    world_run_until_leads(world, &world->a, 6000);
}

static void times_in_the_record_decide_nothing(void **state)
{
    struct world *world = *state;
    world_have_two(world);
    candidate_kill(&world->a);
    server_edit_spec(&world->server, "renewTime", "\"2099-01-01T00:00:00.000000Z\"");
    world_run_until_leads(world, &world->b, 24000);
    candidate_kill(&world->b);
    server_edit_spec(&world->server, "renewTime", "\"1999-01-01T00:00:00.000000Z\"");
    int64_t died = world->now;
    candidate_start(&world->a);
    world_run_until_leads(world, &world->a, 24000);
    assert_true(world->now - died >= 15000);
}

static void changes_of_the_object_that_are_not_of_the_record_renew_nothing(void **state)
{
    struct world *world = *state;
    world_have_two(world);
    candidate_kill(&world->a);
    int64_t died = world->now;
    while (!world->b.leads && world->now - died < 30000) {
        /* Somebody touches it all the time. */
        struct span text = {world->server.object, strlen(world->server.object)};
        CLEANUP(freep) char *copy = xstrndup(text.ptr, text.length);
        server_store(&world->server, (struct span){copy, text.length});
        world_run(world, 500);
    }
    assert_true(world->b.leads);
}

static void a_store_that_was_restored_is_noticed_by_both(void **state)
{
    struct world *world = *state;
    world_have_two(world);
    CLEANUP(freep) char *backup = xstrdup(world->server.object);
    world_run(world, 20000);
    assert_int_equal(world->a.set_back + world->b.set_back, 0);
    free(world->server.object);
    world->server.object = xstrdup(backup);
    world_run(world, 3000);
    assert_int_equal(world->a.set_back, 1);
    assert_int_equal(world->b.set_back, 1);
    world_run(world, 20000);
    assert_int_equal(world->a.set_back + world->b.set_back, 2);
    assert_true(world->a.leads);
}

/* The answer to a write was no Lease, so what stands there has to be read: that it is older than
 * what was known before is noticed all the same. */
static void a_restore_right_after_a_broken_answer_is_noticed(void **state)
{
    struct world *world = *state;
    candidate_start(&world->a);
    world_run(world, 1000);
    CLEANUP(freep) char *backup = xstrdup(world->server.object);
    world_run(world, 20000);
    world_run_until_renewed(world);
    world->server.mode = SERVER_HANGS;
    while (!fake_http_call(world->a.http, "PUT", NULL))
        world_run(world, STEP_MS);
    fake_http_answer(world->a.http, fake_http_expect(world->a.http, "PUT", NULL), 200, "{");
    free(world->server.object);
    world->server.object = xstrdup(backup);
    world->server.mode = SERVER_WELL;
    world_run(world, 5000);
    assert_int_equal(world->a.set_back, 1);
    assert_true(world->a.leads);
    world_run(world, 20000);
    assert_int_equal(world->a.set_back, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, lease_world_set_up, lease_world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_write_of_somebody_else_to_the_object_costs_one_read),
        TEST(a_lease_that_was_deleted_is_made_again_by_its_holder),
        TEST(a_deleted_lease_that_another_made_first_is_lost),
        TEST(a_lease_given_to_another_by_hand_is_lost_with_the_next_renewal),
        TEST(an_emptied_lease_is_taken_again_by_its_holder),
        TEST(the_duration_that_stands_in_the_record_counts),
        TEST(times_in_the_record_decide_nothing),
        TEST(changes_of_the_object_that_are_not_of_the_record_renew_nothing),
        TEST(a_store_that_was_restored_is_noticed_by_both),
        TEST(a_restore_right_after_a_broken_answer_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
