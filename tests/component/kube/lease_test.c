/* SPDX-License-Identifier: Apache-2.0 */
#include "lease_world.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define WALL 1767225600

/* Acquiring. */

static void the_first_candidate_makes_the_lease_and_leads(void **state)
{
    struct world *world = *state;
    candidate_start(&world->a);
    world_run(world, 50);
    assert_true(world->a.leads);
    server_expect_spec(&world->server, "holderIdentity", "\"a_1\"");
    server_expect_spec(&world->server, "leaseDurationSeconds", "15");
    server_expect_spec(&world->server, "leaseTransitions", "0");
    CLEANUP(freep) char *renewed = read_member(world->server.object, "spec", "renewTime");
    assert_int_equal(strlen(renewed), strlen("\"2026-01-01T00:00:00.000000Z\""));
}

static void a_lease_is_renewed_by_one_request_every_two_seconds(void **state)
{
    struct world *world = *state;
    candidate_start(&world->a);
    world_run(world, 1000);
    unsigned writes = world->server.writes;
    unsigned reads = world->server.reads;
    CLEANUP(freep) char *acquired = read_member(world->server.object, "spec", "acquireTime");
    CLEANUP(freep) char *before = read_member(world->server.object, "spec", "renewTime");
    world_run(world, 60000);
    assert_int_equal(world->server.writes - writes, 30);
    assert_int_equal(world->server.reads - reads, 0);
    server_expect_spec(&world->server, "acquireTime", acquired);
    server_expect_spec(&world->server, "leaseTransitions", "0");
    CLEANUP(freep) char *after = read_member(world->server.object, "spec", "renewTime");
    assert_string_not_equal(before, after);
    assert_int_equal(world->a.acquired, 1);
    assert_int_equal(world->a.lost, 0);
}

static void of_two_that_begin_at_once_one_leads(void **state)
{
    struct world *world = *state;
    candidate_start(&world->a);
    candidate_start(&world->b);
    world_run(world, 60000);
    assert_int_equal(world->a.acquired + world->b.acquired, 1);
    assert_int_equal(world->a.lost + world->b.lost, 0);
}

static void two_that_find_no_lease_at_once_make_one(void **state)
{
    struct world *world = *state;
    candidate_start(&world->a);
    candidate_start(&world->b);
    world->server.mode = SERVER_HANGS;
    world_run(world, 20);
    /* Both reads are answered 404 before either creates. */
    fake_http_answer(world->a.http, fake_http_expect(world->a.http, "GET", "/grapnel"), 404, "{}");
    fake_http_answer(world->b.http, fake_http_expect(world->b.http, "GET", "/grapnel"), 404, "{}");
    assert_int_equal(fake_http_count(world->a.http, "POST", "/leases"), 1);
    assert_int_equal(fake_http_count(world->b.http, "POST", "/leases"), 1);
    world->server.mode = SERVER_WELL;
    world_run(world, 30000);
    assert_int_equal(world->a.acquired + world->b.acquired, 1);
}

/* L1 to L3. */

static void a_dead_leader_is_followed_when_its_lease_has_run_out(void **state)
{
    struct world *world = *state;
    for (int round = 0; round < 20; round++) {
        if (!world->a.lease)
            candidate_start(&world->a);
        world_run_until_leads(world, &world->a, 30000);
        if (!world->b.lease)
            candidate_start(&world->b);
        world_run(world, 5000 + round * 310);
        int64_t died = world->now;
        candidate_kill(&world->a);
        world_run_until_leads(world, &world->b, 25000);
        assert_true(world->now - died >= 13000); /* it had renewed up to two seconds before */
        assert_true(world->now - died <= 24000);
        candidate_kill(&world->b);
    }
}

static void a_takeover_counts_a_transition_and_says_when(void **state)
{
    struct world *world = *state;
    world_have_two(world);
    CLEANUP(freep) char *acquired = read_member(world->server.object, "spec", "acquireTime");
    server_edit_spec(&world->server, "preferredHolder", "\"b_2\"");
    server_edit_spec(&world->server, "strategy", "\"OldestEmulationVersion\"");
    world_run(world, 5000);
    candidate_kill(&world->a);
    world_run_until_leads(world, &world->b, 25000);
    world_run(world, 5000);
    server_expect_spec(&world->server, "holderIdentity", "\"b_2\"");
    server_expect_spec(&world->server, "leaseTransitions", "1");
    server_expect_spec(&world->server, "preferredHolder", "\"b_2\"");
    server_expect_spec(&world->server, "strategy", "\"OldestEmulationVersion\"");
    CLEANUP(freep) char *later = read_member(world->server.object, "spec", "acquireTime");
    assert_string_not_equal(acquired, later);
}

static void a_leader_that_was_stopped_holds_nothing_when_it_goes_on(void **state)
{
    struct world *world = *state;
    world_have_two(world);
    world->a.stopped = true;
    world_run(world, 9900 - 2000);
    assert_true(candidate_holds(&world->a)); /* had it been asked */
    world_run(world, 20000);
    assert_true(world->b.leads);
    assert_false(candidate_holds(&world->a)); /* before anything else of it has run */
    assert_true(world->a.leads);
    candidate_continue(&world->a);
    world_run(world, STEP_MS);
    assert_false(world->a.leads);
    world_run(world, 30000);
    assert_int_equal(world->a.acquired, 1);
    assert_int_equal(world->b.lost, 0);
}

static void a_renewal_that_was_answered_while_it_was_stopped_comes_too_late(void **state)
{
    struct world *world = *state;
    world_have_two(world);
    world->server.mode = SERVER_HANGS;
    while (!fake_http_call(world->a.http, "PUT", "/grapnel"))
        world_run(world, STEP_MS);
    world->server.mode = SERVER_WELL;
    /* The server takes it, and the answer waits in the socket. */
    struct fake_call *call = fake_http_expect(world->a.http, "PUT", "/grapnel");
    assert_int_equal(server_write(&world->server, call), 200);
    CLEANUP(freep) char *body = xstrdup(world->server.object);
    world->a.stopped = true;
    world_run(world, 25000);
    assert_true(world->b.leads);
    candidate_continue(&world->a);
    /* The answer is read before any timer runs. */
    fake_http_answer(world->a.http, call, 200, body);
    assert_false(candidate_holds(&world->a));
    assert_false(world->a.leads);
    world_run(world, 10000);
    assert_int_equal(world->a.acquired, 1);
}

static void a_first_write_that_was_answered_too_late_leads_nowhere(void **state)
{
    struct world *world = *state;
    candidate_start(&world->a);
    world->server.mode = SERVER_HANGS;
    world_run(world, 20);
    fake_http_answer(world->a.http, fake_http_expect(world->a.http, "GET", NULL), 404, "{}");
    struct fake_call *call = fake_http_expect(world->a.http, "POST", NULL);
    assert_int_equal(server_write(&world->server, call), 201);
    CLEANUP(freep) char *body = xstrdup(world->server.object);
    world->a.stopped = true;
    world_run(world, 12000);
    candidate_continue(&world->a);
    fake_http_answer(world->a.http, call, 201, body);
    assert_int_equal(world->a.acquired, 0);
    assert_false(candidate_holds(&world->a));
    world->server.mode = SERVER_WELL;
    world_run_until_leads(world, &world->a, 4500);
    assert_int_equal(world->a.lost, 0);
}

static void a_stop_shorter_than_the_deadline_does_nothing(void **state)
{
    struct world *world = *state;
    world_have_two(world);
    world->a.stopped = true;
    world_run(world, 7500);
    candidate_continue(&world->a);
    world_run(world, 30000);
    assert_int_equal(world->a.lost, 0);
    assert_int_equal(world->b.acquired, 0);
}

/* L4. */

static void an_outage_of_nine_seconds_is_survived(void **state)
{
    struct world *world = *state;
    static const enum server_mode modes[] = {SERVER_REFUSES, SERVER_FAILS, SERVER_LOSES};
    world_have_two(world);
    for (size_t i = 0; i < ARRAY_LENGTH(modes); i++) {
        world_run_until_renewed(world);
        world->server.mode = modes[i];
        world_run(world, 9000);
        world->server.mode = SERVER_WELL;
        world_run(world, 20000);
        assert_int_equal(world->a.lost, 0);
        assert_int_equal(world->b.acquired, 0);
    }
}

static void an_outage_of_eleven_seconds_ends_leadership_at_the_deadline(void **state)
{
    struct world *world = *state;
    static const enum server_mode modes[] = {SERVER_REFUSES, SERVER_FAILS, SERVER_HANGS,
                                             SERVER_LOSES, SERVER_PUTS_OFF};
    candidate_start(&world->a);
    world_run(world, 1000);
    for (size_t i = 0; i < ARRAY_LENGTH(modes); i++) {
        world_run_until_renewed(world);
        int64_t renewed = world->now;
        world->server.mode = modes[i];
        world_run(world, 11000);
        assert_int_equal(world->a.lost, i + 1);
        assert_in_range(world->a.lost_at - renewed, 10000 - STEP_MS, 10000);
        world->server.mode = SERVER_WELL;
        /* It is back soon: its own record keeps nobody from it. */
        world_run_until_leads(world, &world->a, i == 2 ? 10000 : 4500);
        server_expect_spec(&world->server, "leaseTransitions", "0");
    }
}

static void in_an_outage_nobody_leads_and_afterwards_one_does(void **state)
{
    struct world *world = *state;
    world_have_two(world);
    world->server.mode = SERVER_REFUSES;
    world_run(world, 60000);
    assert_false(world->a.leads || world->b.leads);
    world->server.mode = SERVER_WELL;
    world_run(world, 25000);
    assert_true(world->a.leads != world->b.leads);
}

static void a_renewal_that_hangs_leaves_time_for_another(void **state)
{
    struct world *world = *state;
    candidate_start(&world->a);
    world_run(world, 1000);
    world_run_until_renewed(world);
    world->server.mode = SERVER_HANGS;
    world_run(world, 6900); /* sent after 2 s, given up after 5 s */
    assert_int_equal(fake_http_count(world->a.http, "PUT", NULL), 1);
    world->server.mode = SERVER_WELL;
    /* The one that hangs is never answered. */
    struct fake_call *hung = fake_http_expect(world->a.http, "PUT", NULL);
    assert_true(hung != NULL);
    fake_loop_advance(world->a.loop, 200);
    assert_int_equal(fake_http_count(world->a.http, "GET", NULL), 1);
    world_run(world, 10000);
    assert_int_equal(world->a.lost, 0);
}

static void a_lost_answer_to_the_first_write_leads_at_the_next_try(void **state)
{
    struct world *world = *state;
    candidate_start(&world->a);
    world->server.mode = SERVER_LOSES;
    world_run(world, 1000);
    assert_non_null(world->server.object);
    assert_false(world->a.leads);
    world->server.mode = SERVER_WELL;
    world_run_until_leads(world, &world->a, 4500);
    server_expect_spec(&world->server, "leaseTransitions", "0");
}

static void what_is_no_lease_is_no_answer(void **state)
{
    struct world *world = *state;
    candidate_start(&world->a);
    world->server.mode = SERVER_HANGS;
    world_run(world, 20);
    fake_http_answer(world->a.http, fake_http_expect(world->a.http, "GET", NULL), 200,
                     "<html>proxy</html>");
    world_run(world, 4500);
    fake_http_answer(world->a.http, fake_http_expect(world->a.http, "GET", NULL), 403, "{}");
    assert_false(world->a.leads);
    world->server.mode = SERVER_WELL;
    world_run_until_leads(world, &world->a, 4500);
    /* So it is with a write: the Lease is read, and the renewal stands in it. */
    world_run_until_renewed(world);
    world->server.mode = SERVER_HANGS;
    while (!fake_http_call(world->a.http, "PUT", NULL))
        world_run(world, STEP_MS);
    struct fake_call *call = fake_http_expect(world->a.http, "PUT", NULL);
    assert_int_equal(server_write(&world->server, call), 200);
    fake_http_answer(world->a.http, call, 200, "ok");
    world->server.mode = SERVER_WELL;
    world_run(world, 20000);
    assert_int_equal(world->a.lost, 0);
}

/* Something between says 200 to everything: nobody has written anything. */
static void a_page_of_a_proxy_makes_no_leader(void **state)
{
    struct world *world = *state;
    candidate_start(&world->a);
    world->server.mode = SERVER_HANGS;
    world_run(world, 20);
    fake_http_answer(world->a.http, fake_http_expect(world->a.http, "GET", NULL), 404, "{}");
    world_run(world, 20);
    fake_http_answer(world->a.http, fake_http_expect(world->a.http, "POST", NULL), 200,
                     "<html>proxy</html>");
    world_run(world, 20);
    assert_int_equal(world->a.acquired, 0);
    world->server.mode = SERVER_WELL;
    world_run_until_leads(world, &world->a, 4500);
    server_expect_spec(&world->server, "holderIdentity", "\"a_1\"");
}

/* L5. */

static void jumps_of_the_wall_clock_change_nothing(void **state)
{
    struct world *world = *state;
    world_have_two(world);
    static const int64_t jumps[] = {3600, -3600, 100000, -100000};
    for (size_t i = 0; i < ARRAY_LENGTH(jumps); i++) {
        fake_loop_set_wall_time(world->a.loop, loop_wall_time(world->a.loop) + jumps[i]);
        world_run(world, 20000);
        fake_loop_set_wall_time(world->b.loop, loop_wall_time(world->b.loop) - jumps[i]);
        world_run(world, 20000);
    }
    assert_int_equal(world->a.lost, 0);
    assert_int_equal(world->b.acquired, 0);
    /* And a takeover takes as long as ever. */
    fake_loop_set_wall_time(world->b.loop, WALL + 360000);
    int64_t died = world->now;
    candidate_kill(&world->a);
    world_run_until_leads(world, &world->b, 24000);
    assert_true(world->now - died >= 13000);
}

/* The worst case: the leader is cut off right after a renewal. Returns for how long two held it. */
static int64_t cut_off(struct world *world, int rate_percent)
{
    world->b.rate_percent = rate_percent;
    if (!world->a.lease)
        world_have_two(world);
    for (int i = 0; i < 10; i++) {
        world_run_until_renewed(world);
        world->a.is_cut_off = true;
        world_run(world, 30000);
        assert_false(world->a.leads);
        assert_true(world->b.leads);
        candidate_kill(&world->b);
        world->a.is_cut_off = false;
        world_run_until_leads(world, &world->a, 25000);
        candidate_start(&world->b);
        world_run(world, 10000 + i * 170);
    }
    return world->doubled_ms;
}

static void a_standby_whose_clock_is_fast_by_two_fifths_waits_long_enough(void **state)
{
    struct world *world = *state;
    assert_int_equal(cut_off(world, 100), 0);
    assert_int_equal(cut_off(world, 140), 0);
}

/* What no lease can do: it takes twice its time for once. */
static void a_standby_whose_clock_runs_at_double_speed_does_not(void **state)
{
    struct world *world = *state;
    assert_true(cut_off(world, 200) > 0);
    world->doubled_ms = 0;
}

/* A process that was stopped, whoever leads meanwhile: what its connections have brought may be of
 * before a restore, and the Lease that it finds be the one that it has written itself. */
static void who_has_stood_still_is_told_to_read_everything_anew(void **state)
{
    struct world *world = *state;
    world_have_two(world);
    world->a.stopped = true;
    world_run(world, 20000);
    world->a.stopped = false;
    world_run(world, 5000);
    assert_int_equal(world->a.set_back, 0); /* it cannot have missed much */
    world->a.stopped = true;
    world_run(world, 60000);
    world->a.stopped = false;
    world_run(world, 5000);
    assert_int_equal(world->a.set_back, 1);
    world_run(world, 60000);
    assert_int_equal(world->a.set_back, 1);
    assert_int_equal(world->b.set_back, 0);
    /* An outage of the server is none. */
    world->server.mode = SERVER_HANGS;
    world_run(world, 60000);
    world->server.mode = SERVER_WELL;
    world_run(world, 20000);
    assert_int_equal(world->a.set_back + world->b.set_back, 1);
}

/* The end. */

static void it_can_be_freed_at_any_moment(void **state)
{
    struct world *world = *state;
    for (int64_t at = 0; at < 3000; at += STEP_MS) {
        world->server.mode = at % 3 ? SERVER_WELL : SERVER_HANGS;
        candidate_start(&world->a);
        world_run(world, at);
        if (at % 20)
            lease_release(world->a.lease, candidate_on_released, &world->a);
        candidate_kill(&world->a); /* a call left behind would fail the test at its end */
        assert_int_equal(fake_http_pending(world->a.http), 0);
        world->a.released = false;
        free(TAKE(world->server.object));
    }
}

static void only_a_holder_that_should_have_stopped_is_complained_of(void **state)
{
    struct world *world = *state;
    struct lease_stats stats;
    world_have_two(world);
    world_run(world, 60000);
    assert_null(lease_complaint(world->a.lease));
    assert_null(lease_complaint(world->b.lease));
    world->a.stopped = true;
    world_run(world, 33000);
    assert_null(lease_complaint(world->a.lease));
    world_run(world, 4000);
    /* Nothing of it has run yet. */
    assert_string_equal(lease_complaint(world->a.lease),
                        "the lease is held and has not been renewed for 35 s");
    candidate_continue(&world->a);
    world_run(world, STEP_MS);
    assert_null(lease_complaint(world->a.lease));
    lease_stats(world->a.lease, &stats);
    assert_false(stats.leads);
    assert_int_equal(stats.losses, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, lease_world_set_up, lease_world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_first_candidate_makes_the_lease_and_leads),
        TEST(a_lease_is_renewed_by_one_request_every_two_seconds),
        TEST(of_two_that_begin_at_once_one_leads),
        TEST(two_that_find_no_lease_at_once_make_one),
        TEST(a_dead_leader_is_followed_when_its_lease_has_run_out),
        TEST(a_takeover_counts_a_transition_and_says_when),
        TEST(a_leader_that_was_stopped_holds_nothing_when_it_goes_on),
        TEST(a_renewal_that_was_answered_while_it_was_stopped_comes_too_late),
        TEST(a_first_write_that_was_answered_too_late_leads_nowhere),
        TEST(a_stop_shorter_than_the_deadline_does_nothing),
        TEST(an_outage_of_nine_seconds_is_survived),
        TEST(an_outage_of_eleven_seconds_ends_leadership_at_the_deadline),
        TEST(in_an_outage_nobody_leads_and_afterwards_one_does),
        TEST(a_renewal_that_hangs_leaves_time_for_another),
        TEST(a_lost_answer_to_the_first_write_leads_at_the_next_try),
        TEST(what_is_no_lease_is_no_answer),
        TEST(a_page_of_a_proxy_makes_no_leader),
        TEST(jumps_of_the_wall_clock_change_nothing),
        TEST(a_standby_whose_clock_is_fast_by_two_fifths_waits_long_enough),
        TEST(a_standby_whose_clock_runs_at_double_speed_does_not),
        TEST(who_has_stood_still_is_told_to_read_everything_anew),
        TEST(it_can_be_freed_at_any_moment),
        TEST(only_a_holder_that_should_have_stopped_is_complained_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
