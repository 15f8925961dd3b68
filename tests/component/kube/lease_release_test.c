/* SPDX-License-Identifier: Apache-2.0 */
/* A leader that goes gives its Lease back, if it is there to be given. */
#include "lease_world.h"

static void a_released_lease_is_taken_at_the_next_try(void **state)
{
    struct world *world = *state;
    world_have_two(world);
    int64_t began = world->now;
    lease_release(world->a.lease, candidate_on_released, &world->a);
    assert_false(candidate_holds(&world->a));
    world_run(world, 20);
    assert_true(world->a.released);
    assert_int_equal(world->a.lost, 0);
    world_run_until_leads(world, &world->b, 4500);
    assert_true(world->now - began <= 4500);
    server_expect_spec(&world->server, "leaseTransitions", "1");
    world_run(world, 30000);
    assert_true(world->b.leads);
    assert_int_equal(world->a.acquired, 1);
}

static void a_release_leaves_the_record_of_client_go(void **state)
{
    struct world *world = *state;
    candidate_start(&world->a);
    world_run(world, 5000);
    lease_release(world->a.lease, candidate_on_released, &world->a);
    world_run(world, 20);
    server_expect_spec(&world->server, "holderIdentity", "\"\"");
    server_expect_spec(&world->server, "leaseDurationSeconds", "1");
    server_expect_spec(&world->server, "leaseTransitions", "0");
}

static void who_never_led_has_nothing_to_release(void **state)
{
    struct world *world = *state;
    world_have_two(world);
    world->a.stopped = true; /* so that all writes are B's */
    world_run(world, 4500);  /* and what it has read is current */
    unsigned writes = world->server.writes;
    lease_release(world->b.lease, candidate_on_released, &world->b);
    assert_false(world->b.released); /* never from within */
    world_run(world, STEP_MS);
    assert_true(world->b.released);
    assert_int_equal(world->server.writes, writes);
    server_expect_spec(&world->server, "holderIdentity", "\"a_1\"");
}

static void a_release_ends_after_five_seconds_whatever_the_server_does(void **state)
{
    struct world *world = *state;
    static const enum server_mode modes[] = {SERVER_REFUSES, SERVER_HANGS, SERVER_PUTS_OFF};
    for (size_t i = 0; i < ARRAY_LENGTH(modes); i++) {
        candidate_start(&world->a);
        world_run_until_leads(world, &world->a, 24000);
        world->server.mode = modes[i];
        int64_t began = world->now;
        lease_release(world->a.lease, candidate_on_released, &world->a);
        world_run(world, 5050);
        assert_true(world->a.released);
        assert_true(world->a.released_at - began <= 5000 + STEP_MS);
        world->server.mode = SERVER_WELL;
        world_run(world, 30000);
        assert_int_equal(world->a.lost, 0);
        world->a.released = false;
        candidate_kill(&world->a);
    }
}

static void a_release_reads_first_when_the_object_is_another(void **state)
{
    struct world *world = *state;
    candidate_start(&world->a);
    world_run(world, 5000);
    server_edit_spec(&world->server, "note", "\"x\"");
    lease_release(world->a.lease, candidate_on_released, &world->a);
    world_run(world, 50);
    assert_true(world->a.released);
    server_expect_spec(&world->server, "holderIdentity", "\"\"");
    server_expect_spec(&world->server, "note", "\"x\"");
}

static void a_release_leaves_alone_what_another_has_taken(void **state)
{
    struct world *world = *state;
    candidate_start(&world->a);
    world_run(world, 5000);
    server_edit_spec(&world->server, "holderIdentity", "\"b_2\"");
    lease_release(world->a.lease, candidate_on_released, &world->a);
    world_run(world, 50);
    assert_true(world->a.released);
    server_expect_spec(&world->server, "holderIdentity", "\"b_2\"");
}

static void a_release_in_the_middle_of_a_renewal_takes_that_back_too(void **state)
{
    struct world *world = *state;
    candidate_start(&world->a);
    world_run(world, 5000);
    world->server.mode = SERVER_HANGS;
    while (!fake_http_call(world->a.http, "PUT", NULL))
        world_run(world, STEP_MS);
    assert_int_equal(server_write(&world->server, fake_http_expect(world->a.http, "PUT", NULL)),
                     200);
    lease_release(world->a.lease, candidate_on_released, &world->a);
    world->server.mode = SERVER_WELL;
    world_run(world, 50);
    assert_true(world->a.released);
    server_expect_spec(&world->server, "holderIdentity", "\"\"");
}

static void a_release_in_the_middle_of_the_first_write_takes_that_back_too(void **state)
{
    struct world *world = *state;
    candidate_start(&world->a);
    world->server.mode = SERVER_HANGS;
    world_run(world, 20);
    fake_http_answer(world->a.http, fake_http_expect(world->a.http, "GET", NULL), 404, "{}");
    assert_int_equal(server_write(&world->server, fake_http_expect(world->a.http, "POST", NULL)),
                     201);
    lease_release(world->a.lease, candidate_on_released, &world->a);
    world->server.mode = SERVER_WELL;
    world_run(world, 50);
    assert_true(world->a.released);
    server_expect_spec(&world->server, "holderIdentity", "\"\"");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, lease_world_set_up, lease_world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_released_lease_is_taken_at_the_next_try),
        TEST(a_release_leaves_the_record_of_client_go),
        TEST(who_never_led_has_nothing_to_release),
        TEST(a_release_ends_after_five_seconds_whatever_the_server_does),
        TEST(a_release_reads_first_when_the_object_is_another),
        TEST(a_release_leaves_alone_what_another_has_taken),
        TEST(a_release_in_the_middle_of_a_renewal_takes_that_back_too),
        TEST(a_release_in_the_middle_of_the_first_write_takes_that_back_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
