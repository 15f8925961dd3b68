/* SPDX-License-Identifier: Apache-2.0 */
/* Two replicas: L1 to L7. That never two write is seen by the rules at every request. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "sim/sim_act.h"
#include "sim/sim_oracle.h"
#include "sim/sim_scene.h"

#define LEASE "grapnel/grapnel"

static struct sim *two(int64_t clock_rate)
{
    struct sim *sim = scene_new(
        &(struct scene_options){.sim = {.elect = true, .clock_rate = clock_rate}, .bare = true});
    scene_objects(sim);
    sim_start_all(sim);
    assert_in_range(scene_rest(sim), 0, 30000);
    sim_run(sim, 70000);
    return sim;
}

static void expect_end(struct sim *sim)
{
    assert_true(scene_end(sim));
}

/* How long until `number` leads; -1: not within a minute. */
static int64_t takeover(struct sim *sim, unsigned number)
{
    int64_t began = sim_now_ms(sim->time);
    while (sim->leads_since[number] < 0 && !sim->failed) {
        if (sim_now_ms(sim->time) - began > 60000)
            return -1;
        sim_run(sim, 10);
    }
    return sim_now_ms(sim->time) - began;
}

/* A rule for the lease's requests. */
static void lease_rule(struct sim *sim, enum sim_fault fault, unsigned count, long status,
                       int64_t delay_ms)
{
    sim_host_add_rule(scene_api_host(sim), &(struct sim_rule){.fault = fault,
                                                              .method = "PUT",
                                                              .part = "/leases/",
                                                              .count = count,
                                                              .status = status,
                                                              .body = "{}",
                                                              .delay_ms = delay_ms});
}

static void l1_a_leader_that_is_killed_is_followed(void **state)
{
    (void)state;
    struct sim *sim = two(0);
    unsigned leader = sim_leader(sim);
    scene_webhook(sim, "a/w0", 2, "s0");
    sim_run(sim, 20); /* in the middle of it */
    sim_kill(sim, leader);
    assert_in_range(takeover(sim, !leader), 0, 24000);
    assert_in_range(scene_rest(sim), 0, 30000);
    sim_start_all(sim);
    expect_end(sim);
}

static void l2_a_leader_that_ends_gives_the_lease_up(void **state)
{
    (void)state;
    struct sim *sim = two(0);
    unsigned leader = sim_leader(sim);
    sim_operator_terminate(sim->operators[leader]);
    assert_in_range(takeover(sim, !leader), 0, 5000);
    scene_webhook(sim, "a/w0", 2, "s0");
    assert_in_range(scene_rest(sim), 0, 30000);
    sim_start_all(sim);
    expect_end(sim);
}

static void l3_a_leader_that_was_stopped_writes_nothing_more(void **state)
{
    (void)state;
    for (int64_t into_it = 0; into_it < 1200; into_it += 50) {
        struct sim *sim = two(0);
        unsigned leader = sim_leader(sim);
        scene_webhook(sim, "a/w0", 2, "s0");
        scene_api(sim, "a/p1", 2, false, "b/w1");
        sim_run(sim, into_it);
        sim_loop_set_stopped(sim_operator_loop(sim->operators[leader]), true);
        assert_in_range(takeover(sim, !leader), 0, 24000);
        scene_api(sim, "a/p1", 3, false, "b/w1");
        sim_run(sim, 2000);
        sim_loop_set_stopped(sim_operator_loop(sim->operators[leader]), false);
        sim_run(sim, 100);
        assert_false(sim_operator_leads(sim->operators[leader]));
        assert_in_range(scene_rest(sim), 0, 30000);
        expect_end(sim);
    }
}

static void l4_what_a_leader_survives_and_what_it_does_not(void **state)
{
    (void)state;
    static const struct {
        enum sim_fault fault;
        unsigned count;
        long status;
        int64_t delay_ms;
        bool survives;
    } rows[] = {
        {SIM_STATUS, 1, 409, 0, true},     {SIM_STATUS, 1, 500, 0, true},
        {SIM_STATUS, 2, 503, 0, true},     {SIM_SLOW, 1, 0, 4000, true},
        {SIM_LOSE_ANSWER, 1, 0, 0, true},  {SIM_HANG_ANSWER, 1, 0, 0, true},
        {SIM_HANG, 1, 0, 0, true},         {SIM_CUT, 2, 0, 0, true},
        {SIM_STATUS, 0, 500, 0, false},    {SIM_HANG, 0, 0, 0, false},
        {SIM_LOSE_ANSWER, 0, 0, 0, false}, /* nothing is known for sure */
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct sim *sim = two(0);
        unsigned leader = sim_leader(sim);
        int64_t since = sim->leads_since[leader];
        lease_rule(sim, rows[i].fault, rows[i].count, rows[i].status, rows[i].delay_ms);
        sim_run(sim, 12500);
        if (rows[i].survives)
            assert_int_equal(sim->leads_since[leader], since);
        else
            assert_int_equal(sim->leads_since[leader], -1);
        sim_host_clear_rules(scene_api_host(sim));
        scene_webhook(sim, "a/w0", 2, "s0");
        assert_in_range(scene_rest(sim), 0, 60000);
        expect_end(sim);
    }
}

static void l4_an_outage_of_eight_seconds_is_survived_one_of_eleven_is_not(void **state)
{
    (void)state;
    static const int64_t lasts_ms[] = {7500, 11000};
    for (size_t i = 0; i < ARRAY_LENGTH(lasts_ms); i++) {
        struct sim *sim = two(0);
        unsigned leader = sim_leader(sim);
        int64_t since = sim->leads_since[leader];
        sim_oracle_disturb(sim->oracle, NULL);
        sim_host_set_state(scene_api_host(sim), SIM_REFUSE);
        sim_run(sim, lasts_ms[i]);
        assert_true((sim->leads_since[leader] == since) == (i == 0));
        sim_host_set_state(scene_api_host(sim), SIM_FINE);
        scene_webhook(sim, "a/w0", 2, "s0");
        assert_in_range(scene_rest(sim), 0, 60000);
        expect_end(sim);
    }
}

static void l5_clocks_that_jump_or_run_fast(void **state)
{
    (void)state;
    static const int64_t rates[] = {0, 1400, 700};
    for (size_t i = 0; i < ARRAY_LENGTH(rates); i++) {
        struct sim *sim = two(rates[i]);
        unsigned leader = sim_leader(sim);
        int64_t since = sim->leads_since[leader];
        for (int jump = 0; jump < 4; jump++) {
            sim_loop_jump(sim_operator_loop(sim->operators[jump % 2]), jump / 2 ? -3600 : 3600);
            sim_run(sim, 60000);
        }
        assert_int_equal(sim->leads_since[leader], since);
        sim_kill(sim, leader);
        assert_in_range(takeover(sim, !leader), 0, 40000);
        sim_start_all(sim);
        assert_in_range(scene_rest(sim), 0, 60000);
        expect_end(sim);
    }
}

static void l6_a_lease_that_others_touch(void **state)
{
    (void)state;
    static const char *const patches[] = {
        NULL, /* deleted */
        "{'spec':{'holderIdentity':''}}",
        "{'spec':{'holderIdentity':'somebody-else'}}",
        "{'spec':{'leaseDurationSeconds':1}}",
        "{'spec':{'renewTime':'2099-01-01T00:00:00.000000Z'}}",
        "{'spec':null}",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(patches); i++) {
        struct sim *sim = two(0);
        struct sim_result result;
        if (patches[i])
            sim_store_patch(sim->store, SIM_USER, OBJECT_LEASE, LEASE, sim_json_of(patches[i]),
                            SIM_MERGE_PATCH, false, &result);
        else
            sim_delete(sim, OBJECT_LEASE, LEASE);
        sim_run(sim, 30000);
        scene_webhook(sim, "a/w0", 2, "s0");
        assert_in_range(scene_rest(sim), 0, 60000);
        expect_end(sim);
    }
}

/* All is at rest, and the API server that the standby follows tells it nothing from now on. */
static struct sim *new_with_standby_behind(void)
{
    struct sim *sim = scene_new(&(struct scene_options){.sim = {.elect = true}, .bare = true});
    scene_objects(sim);
    sim_start(sim, 0);
    assert_in_range(scene_rest(sim), 0, 30000);
    sim_api_use(sim->api, 1);
    sim_start(sim, 1);
    sim_run(sim, 20000);
    sim_api_freeze(sim->api, 1, true);
    return sim;
}

/* What it watches says nothing of what its predecessor has pushed. */
static void l7_a_leader_that_is_behind_overwrites_nothing_newer(void **state)
{
    (void)state;
    struct sim *sim = new_with_standby_behind();
    scene_api(sim, "b/p0", 2, true, NULL);
    scene_api(sim, "a/p1", 2, false, "b/w1");
    assert_in_range(scene_rest(sim), 0, 30000);
    sim_oracle_disturb(sim->oracle, NULL);
    sim_kill(sim, 0);
    assert_in_range(takeover(sim, 1), 0, 24000);
    sim_run(sim, 15000); /* the rules see every write */
    assert_int_equal(scene_version_on(sim, 0, "b/p0"), 2);
    assert_int_equal(scene_version_on(sim, 0, "a/p1"), 2);
    sim_api_freeze(sim->api, 1, false);
    assert_in_range(scene_rest(sim), 0, 30000);
    sim_start_all(sim);
    expect_end(sim);
}

static void l7_a_gateway_that_has_lost_all_gets_what_is_known(void **state)
{
    (void)state;
    struct sim *sim = new_with_standby_behind();
    struct sim_pod *pod = sim_pod_of(sim, SIM_DEFAULT, 0);
    scene_api(sim, "b/p0", 2, true, NULL);
    assert_in_range(scene_rest(sim), 0, 30000);
    sim_oracle_disturb(sim->oracle, NULL);
    sim_oracle_disturb(sim->oracle, pod);
    sim_kill(sim, 0);
    sim_oracle_emptied(sim->oracle, pod);
    sim_gateway_restart(pod->gateway, true, 3000);
    assert_in_range(takeover(sim, 1), 0, 24000);
    sim_run(sim, 10000);
    assert_int_equal(scene_version_on(sim, 0, "b/p0"), 1);
    assert_int_equal(scene_version_on(sim, 1, "b/p0"), 2);
    sim_api_freeze(sim->api, 1, false);
    assert_in_range(scene_rest(sim), 0, 30000);
    sim_start_all(sim);
    expect_end(sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(l1_a_leader_that_is_killed_is_followed),
        cmocka_unit_test(l2_a_leader_that_ends_gives_the_lease_up),
        cmocka_unit_test(l3_a_leader_that_was_stopped_writes_nothing_more),
        cmocka_unit_test(l4_what_a_leader_survives_and_what_it_does_not),
        cmocka_unit_test(l4_an_outage_of_eight_seconds_is_survived_one_of_eleven_is_not),
        cmocka_unit_test(l5_clocks_that_jump_or_run_fast),
        cmocka_unit_test(l6_a_lease_that_others_touch),
        cmocka_unit_test(l7_a_leader_that_is_behind_overwrites_nothing_newer),
        cmocka_unit_test(l7_a_gateway_that_has_lost_all_gets_what_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
