/* SPDX-License-Identifier: Apache-2.0 */
/* Writes: C2 to C10, and what restores lose. C1 is grapnel-sim --crash-points. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "sim/sim_act.h"
#include "sim/sim_oracle.h"
#include "sim/sim_scene.h"

static const struct scene_options plain;

static void expect_end(struct sim *sim)
{
    assert_true(scene_end(sim));
}

static void rule(struct sim *sim, enum sim_fault fault, const char *part, unsigned count)
{
    sim_host_add_rule(
        scene_api_host(sim),
        &(struct sim_rule){
            .fault = fault, .method = "PATCH", .part = part, .count = count, .delay_ms = 3000});
}

static void refuse(struct sim *sim, const char *part, unsigned count, long status)
{
    static const char body[] = "{\"kind\":\"Status\",\"reason\":\"Invalid\",\"message\":\"no\"}";
    sim_host_add_rule(scene_api_host(sim), &(struct sim_rule){.fault = SIM_STATUS,
                                                              .method = "PATCH",
                                                              .part = part,
                                                              .count = count,
                                                              .status = status,
                                                              .body = body});
}

static void on_restart(void *arg)
{
    sim_start(arg, 0);
}

static void on_trap(void *arg, const char *client)
{
    struct sim *sim = arg;
    (void)client;
    sim_operator_mark_killed(sim->operators[0]);
    sim_after(sim->time, 1000000, on_restart, NULL, sim);
}

static void c2_killed_at_every_request_of_the_start(void **state)
{
    (void)state;
    for (uint64_t n = 1; n <= 60; n++) {
        struct sim *sim = scene_new(&(struct scene_options){.bare = true});
        scene_objects(sim);
        sim_oracle_at_write(sim->oracle, n, n % 2, true, on_trap, sim);
        sim_start(sim, 0);
        assert_in_range(scene_rest(sim), 0, 60000);
        expect_end(sim);
    }
}

static void c3_conflicts_end(void **state)
{
    (void)state;
    struct sim *sim = scene_new(&plain);
    refuse(sim, "/status", 7, 409);
    scene_api(sim, "a/p1", 2, false, "b/w1");
    assert_in_range(scene_rest(sim), 0, 60000);
    expect_end(sim);
}

static void c3_conflicts_for_ever_are_no_hot_loop(void **state)
{
    (void)state;
    struct sim *sim = scene_new(&plain);
    refuse(sim, "/status", 0, 409);
    scene_api(sim, "a/p1", 2, false, "b/w1");
    uint64_t requests = sim_net_requests(sim->net);
    sim_run(sim, 600000);
    /* Reads of secrets and definitions come at their own pace: some 600 of them. */
    assert_in_range(sim_net_requests(sim->net) - requests, 1, 800);
    assert_int_equal(scene_version_on(sim, 0, "a/p1"), 2);
    sim_host_clear_rules(scene_api_host(sim));
    assert_in_range(scene_rest(sim), 0, 330000);
    expect_end(sim);
}

static void c4_a_lost_answer_is_written_once(void **state)
{
    (void)state;
    static const enum sim_fault faults[] = {SIM_LOSE_ANSWER, SIM_HANG_ANSWER, SIM_CUT, SIM_HTML,
                                            SIM_BREAK};
    for (size_t i = 0; i < ARRAY_LENGTH(faults); i++) {
        struct sim *sim = scene_new(&plain);
        rule(sim, faults[i], "/p7", 2);
        scene_api(sim, "a/p7", 1, true, "b/w1");
        assert_in_range(scene_rest(sim), 0, 90000);
        sim_run(sim, 5000);
        assert_int_equal(sim_api_events(sim->api, "a/p7", "Synced"), 1);
        expect_end(sim);
    }
}

static void c5_an_edit_overtakes_a_status(void **state)
{
    (void)state;
    struct sim *sim = scene_new(&plain);
    rule(sim, SIM_SLOW, "/p0/status", 2);
    scene_api(sim, "a/p0", 2, true, "w0");
    sim_run(sim, 2000);
    scene_api(sim, "a/p0", 3, true, "b/w1");
    sim_run(sim, 2000);
    scene_api(sim, "a/p0", 4, true, "w0");
    assert_in_range(scene_rest(sim), 0, 60000);
    expect_end(sim);
}

static void c6_another_object_of_the_name_gets_no_status_of_the_first(void **state)
{
    (void)state;
    struct sim *sim = scene_new(&plain);
    rule(sim, SIM_SLOW, "/p0", 3);
    scene_api(sim, "a/p0", 2, true, "b/w1");
    sim_run(sim, 1000);
    scene_vanish(sim, OBJECT_API, "a/p0");
    scene_api(sim, "a/p0", 3, false, NULL);
    sim_run(sim, 1);
    assert_string_equal(sim_reason(sim, OBJECT_API, "a/p0", "Ready"), "");
    assert_in_range(scene_rest(sim), 0, 60000);
    expect_end(sim);
}

static void c7_refused_statuses_are_no_hot_loop(void **state)
{
    (void)state;
    static const long statuses[] = {422, 413, 403};
    for (size_t i = 0; i < ARRAY_LENGTH(statuses); i++) {
        struct sim *sim = scene_new(&plain);
        refuse(sim, "/status", 0, statuses[i]);
        scene_api(sim, "b/p0", 2, true, NULL);
        uint64_t writes = sim_oracle_writes(sim->oracle);
        sim_run(sim, 300000);
        assert_in_range(sim_oracle_writes(sim->oracle) - writes, 1, 60);
        sim_host_clear_rules(scene_api_host(sim));
        assert_in_range(scene_rest(sim), 0, 320000);
        expect_end(sim);
    }
}

static void c8_finalizers_that_others_touch(void **state)
{
    (void)state;
    struct sim *sim = scene_new(&plain);
    struct sim_result result;
    /* The user takes it off: it comes back, or the object goes and its definition with it. */
    sim_store_patch(sim->store, SIM_USER, OBJECT_API, "b/p0",
                    sim_json_of("{'metadata':{'finalizers':null}}"), SIM_MERGE_PATCH, false,
                    &result);
    assert_in_range(scene_rest(sim), 0, 30000);
    scene_vanish(sim, OBJECT_API, "b/p0");
    assert_in_range(scene_rest(sim), 0, 30000);
    assert_int_equal(scene_version_on(sim, 0, "b/p0"), -1);
    /* Others come and go while the operator's own removal is underway. */
    rule(sim, SIM_SLOW, "/p1", 2);
    sim_delete(sim, OBJECT_API, "a/p1");
    sim_run(sim, 2500);
    sim_store_patch(sim->store, SIM_USER, OBJECT_API, "a/p1",
                    sim_json_of("{'metadata':{'annotations':{'else':'x'}}}"), SIM_MERGE_PATCH,
                    false, &result);
    assert_in_range(scene_rest(sim), 0, 60000);
    assert_null(sim_get(sim, OBJECT_API, "a/p1"));
    /* It vanishes while its finalizer is being removed. */
    rule(sim, SIM_SLOW, "/p0", 1);
    sim_delete(sim, OBJECT_API, "a/p0");
    sim_run(sim, 2500);
    scene_vanish(sim, OBJECT_API, "a/p0");
    assert_in_range(scene_rest(sim), 0, 60000);
    expect_end(sim);
}

static void c8_somebody_elses_finalizer_stays(void **state)
{
    (void)state;
    struct sim *sim = scene_new(&plain);
    struct sim_result result;
    sim_store_patch(sim->store, SIM_USER, OBJECT_API, "a/p0",
                    sim_json_of("{'metadata':{'finalizers':['else.example/hold',"
                                "'grapnel.dev/gateway']}}"),
                    SIM_MERGE_PATCH, false, &result);
    sim_delete(sim, OBJECT_API, "a/p0");
    sim_run(sim, 20000);
    const json_t *left =
        sim_json_get(sim_get(sim, OBJECT_API, "a/p0"), "metadata", "finalizers", NULL);
    assert_int_equal(json_array_size(left), 1);
    assert_string_equal(json_string_value(json_array_get(left, 0)), "else.example/hold");
    assert_int_equal(scene_version_on(sim, 1, "a/p0"), -1);
    scene_vanish(sim, OBJECT_API, "a/p0");
    assert_in_range(scene_rest(sim), 0, 30000);
    expect_end(sim);
}

static void c8_what_is_retained_and_deleted_while_nobody_looks_stays(void **state)
{
    (void)state;
    struct sim *sim = scene_new(&plain);
    sim_kill(sim, 0);
    struct sim_result result;
    sim_store_patch(
        sim->store, SIM_USER, OBJECT_API, "a/p1",
        sim_json_of("{'metadata':{'annotations':{'grapnel.dev/deletion-policy':'Retain'}}}"),
        SIM_MERGE_PATCH, false, &result);
    sim_delete(sim, OBJECT_API, "a/p1");
    sim_start(sim, 0);
    assert_in_range(scene_rest(sim), 0, 60000);
    assert_null(sim_get(sim, OBJECT_API, "a/p1"));
    sim_run(sim, 900000);
    assert_int_equal(scene_version_on(sim, 0, "a/p1"), 1);
    expect_end(sim);
}

static void on_kill(void *arg, const char *client)
{
    struct sim *sim = arg;
    (void)client;
    sim_operator_mark_killed(sim->operators[0]);
}

static bool is_on_disk(struct sim *sim, const char *id)
{
    struct sim_definition definition;
    return sim_gateway_disk(sim_pod_of(sim, SIM_DEFAULT, 0)->gateway, id, &definition);
}

/* The process dies between POST and reload, and the object goes with its finalizer taken off: what
 * no list shows is collected when the gateway has loaded it for another reason. */
static void c8_what_nobody_tells_of_is_collected_after_the_next_reload(void **state)
{
    (void)state;
    struct sim *sim = scene_new(&plain);
    sim_oracle_at_write(sim->oracle, 3, true, false, on_kill, sim); /* the finalizer is the first */
    scene_api(sim, "b/p5", 1, true, NULL);
    sim_run(sim, 5000);
    assert_true(is_on_disk(sim, "Yi9wNQ"));
    scene_vanish(sim, OBJECT_API, "b/p5");
    sim_start(sim, 0);
    assert_in_range(scene_rest(sim), 0, 60000);
    sim_run(sim, 60000);
    assert_true(is_on_disk(sim, "Yi9wNQ"));
    scene_api(sim, "a/p1", 2, false, "b/w1");
    sim_run(sim, 700000); /* the next look at everything finds it */
    assert_false(is_on_disk(sim, "Yi9wNQ"));
    assert_in_range(scene_rest(sim), 0, 30000);
    expect_end(sim);
}

static void c9_a_gateway_is_down_during_a_deletion(void **state)
{
    (void)state;
    for (int comes_back = 0; comes_back < 2; comes_back++) {
        struct sim *sim = scene_new(&plain);
        struct sim_pod *pod = sim_pod_of(sim, SIM_DEFAULT, 1);
        sim_oracle_disturb(sim->oracle, pod);
        sim_host_set_state(sim_gateway_net(pod->gateway), SIM_REFUSE);
        sim_run(sim, 5000);
        sim_delete(sim, OBJECT_API, "a/p0");
        sim_run(sim, 30000);
        assert_non_null(sim_get(sim, OBJECT_API, "a/p0"));
        if (comes_back) {
            sim_host_set_state(sim_gateway_net(pod->gateway), SIM_FINE);
            sim_oracle_disturb(sim->oracle, pod);
            assert_in_range(scene_rest(sim), 0, 60000);
            assert_int_equal(sim_api_events(sim->api, "a/p0", "CleanupSkipped"), 0);
        } else {
            sim_run(sim, 90000);
            assert_null(sim_get(sim, OBJECT_API, "a/p0"));
            assert_int_equal(sim_api_events(sim->api, "a/p0", "CleanupSkipped"), 1);
            assert_int_equal(scene_version_on(sim, 1, "a/p0"), 1);
            sim_host_set_state(sim_gateway_net(pod->gateway), SIM_FINE);
            assert_in_range(scene_rest(sim), 0, 90000);
        }
        assert_int_equal(scene_version_on(sim, 1, "a/p0"), -1);
        expect_end(sim);
    }
}

static void c10_events_are_refused_or_slow(void **state)
{
    (void)state;
    static const enum sim_fault faults[] = {SIM_STATUS, SIM_HANG, SIM_SLOW};
    for (size_t i = 0; i < ARRAY_LENGTH(faults); i++) {
        struct sim *sim = scene_new(&plain);
        sim_host_add_rule(scene_api_host(sim), &(struct sim_rule){.fault = faults[i],
                                                                  .method = "POST",
                                                                  .part = "/events",
                                                                  .status = i ? 500 : 403,
                                                                  .body = "{}",
                                                                  .delay_ms = 9000});
        for (unsigned version = 2; version < 12; version++) {
            scene_api(sim, "a/p0", version, true, version % 2 ? "nobody" : "w0");
            sim_run(sim, 1000);
        }
        assert_in_range(scene_rest(sim), 0, 20000);
        expect_end(sim);
    }
}

/* A restore without status: objects come from their manifests, other uids, no copies. */
static void a_restore_without_status_converts_nothing_and_loses_nothing(void **state)
{
    (void)state;
    struct sim *sim = scene_new(&plain);
    sim_delete(sim, OBJECT_WEBHOOK, "b/w1");
    assert_true(scene_rest(sim) >= 0);
    assert_string_equal(sim_reason(sim, OBJECT_API, "a/p1", "ResolvedRefs"), "Converted");
    /* Before the spec is rewritten; the annotation has the copy. */
    json_t *again = json_deep_copy(sim_get(sim, OBJECT_API, "a/p1"));
    json_object_del(again, "status");
    json_object_del(json_object_get(again, "metadata"), "finalizers");
    json_object_del(json_object_get(again, "metadata"), "resourceVersion");
    scene_vanish(sim, OBJECT_API, "a/p1");
    sim_apply_tree(sim, again);
    assert_in_range(scene_rest(sim), 0, 60000);
    assert_string_equal(sim_reason(sim, OBJECT_API, "a/p1", "ResolvedRefs"), "Converted");
    expect_end(sim);
}

static void a_restore_of_an_old_etcd_is_caught_up_with(void **state)
{
    (void)state;
    struct sim *sim = scene_new(&plain);
    sim->backup = sim_store_back_up(sim->store);
    for (unsigned version = 2; version < 5; version++)
        scene_api(sim, "a/p0", version, true, "b/w1");
    scene_api(sim, "b/p5", 5, true, NULL);
    scene_secret(sim, "a/s0", 2);
    sim_delete(sim, OBJECT_API, "b/p0");
    assert_true(scene_rest(sim) >= 0);
    sim_store_restore(sim->store, sim->backup, true);
    sim_api_restored(sim->api);
    sim_oracle_restored(sim->oracle);
    for (unsigned group = 0; group < SIM_GROUPS; group++)
        sim_write_slices(sim, (enum sim_group)group);
    assert_in_range(scene_rest(sim), 0, 90000);
    assert_int_equal(scene_version_on(sim, 0, "a/p0"), 1);
    assert_int_equal(scene_version_on(sim, 0, "b/p0"), 1);
    assert_int_equal(scene_version_on(sim, 0, "b/p5"), -1);
    expect_end(sim);
}

/* The revisions of a store that was restored without raising them have passed those that watches go
 * on at: nothing is told of what went back. With a lease that tells; without one a write meets a
 * conflict that no news follow. */
static void a_restore_whose_versions_have_caught_up_is_found(void **state)
{
    (void)state;
    for (int elect = 0; elect < 2; elect++) {
        struct sim *sim = scene_new(&(struct scene_options){.sim = {.elect = elect}});
        sim->backup = sim_store_back_up(sim->store);
        for (unsigned version = 2; version < 5; version++)
            scene_api(sim, "a/p0", version, true, elect ? NULL : "a/w0");
        assert_true(scene_rest(sim) >= 0);
        sim_store_restore(sim->store, sim->backup, false);
        sim_api_restored(sim->api);
        sim_oracle_restored(sim->oracle);
        /* Of the Secret the status of a/p0 has to tell, where there is no lease. */
        for (unsigned version = 2; version < 200; version++)
            scene_secret(sim, elect ? "b/s1" : "a/s0", version);
        sim_run(sim, 1000);
        assert_in_range(scene_rest(sim), 0, 150000);
        assert_int_equal(scene_version_on(sim, 0, "a/p0"), 1);
        expect_end(sim);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(c2_killed_at_every_request_of_the_start),
        cmocka_unit_test(c3_conflicts_end),
        cmocka_unit_test(c3_conflicts_for_ever_are_no_hot_loop),
        cmocka_unit_test(c4_a_lost_answer_is_written_once),
        cmocka_unit_test(c5_an_edit_overtakes_a_status),
        cmocka_unit_test(c6_another_object_of_the_name_gets_no_status_of_the_first),
        cmocka_unit_test(c7_refused_statuses_are_no_hot_loop),
        cmocka_unit_test(c8_finalizers_that_others_touch),
        cmocka_unit_test(c8_somebody_elses_finalizer_stays),
        cmocka_unit_test(c8_what_is_retained_and_deleted_while_nobody_looks_stays),
        cmocka_unit_test(c8_what_nobody_tells_of_is_collected_after_the_next_reload),
        cmocka_unit_test(c9_a_gateway_is_down_during_a_deletion),
        cmocka_unit_test(c10_events_are_refused_or_slow),
        cmocka_unit_test(a_restore_without_status_converts_nothing_and_loses_nothing),
        cmocka_unit_test(a_restore_of_an_old_etcd_is_caught_up_with),
        cmocka_unit_test(a_restore_whose_versions_have_caught_up_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
