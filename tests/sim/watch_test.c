/* SPDX-License-Identifier: Apache-2.0 */
/* Lists and watches: W1 to W22. README.md says which is where. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/mem.h"
#include "sim/sim_act.h"
#include "sim/sim_oracle.h"
#include "sim/sim_scene.h"

static const struct scene_options plain;

static void expect_end(struct sim *sim)
{
    assert_true(scene_end(sim));
}

static void change_something(struct sim *sim, unsigned version)
{
    scene_webhook(sim, "a/w0", version, "s0");
    scene_api(sim, "a/p1", version, false, "b/w1");
}

static void w1_expired_within_a_stream_finds_what_was_missed(void **state)
{
    (void)state;
    static const char *const reasons[] = {"Expired", "Gone"};
    for (size_t i = 0; i < ARRAY_LENGTH(reasons); i++) {
        struct sim *sim = scene_new(&plain);
        uint64_t writes = sim_oracle_writes(sim->oracle);
        sim_api_end_watches(sim->api, OBJECT_API, 410, reasons[i]);
        sim_run(sim, 30000);
        assert_int_equal(sim_oracle_writes(sim->oracle), writes); /* no status flaps */
        /* A Webhook goes unseen, then the watch expires. */
        sim_api_drop_events(sim->api, OBJECT_WEBHOOK, 1);
        sim_delete(sim, OBJECT_WEBHOOK, "b/w1");
        sim_run(sim, 20000);
        sim_api_end_watches(sim->api, OBJECT_WEBHOOK, 410, reasons[i]);
        assert_in_range(scene_rest(sim), 0, 30000);
        assert_string_equal(sim_reason(sim, OBJECT_API, "a/p1", "ResolvedRefs"), "Converted");
        expect_end(sim);
    }
}

static void w2_lists_that_are_expired_too_are_tried_with_back_off(void **state)
{
    (void)state;
    struct sim *sim = scene_new(&plain);
    static const char body[] = "{'kind':'Status','reason':'Expired','code':410}";
    sim_host_add_rule(scene_api_host(sim), &(struct sim_rule){.fault = SIM_STATUS,
                                                              .method = "GET",
                                                              .part = "/webhooks?limit",
                                                              .count = 4,
                                                              .status = 410,
                                                              .body = body});
    sim_api_end_watches(sim->api, OBJECT_WEBHOOK, 410, "Expired");
    change_something(sim, 2);
    assert_in_range(scene_rest(sim), 1000, 60000);
    expect_end(sim);
}

static void w3_expired_on_the_third_page_gives_the_whole_list(void **state)
{
    (void)state;
    struct sim *sim = scene_new(&(struct scene_options){.sim = {.page_max = 1}});
    sim_host_add_rule(scene_api_host(sim),
                      &(struct sim_rule){.fault = SIM_STATUS,
                                         .method = "GET",
                                         .part = "/apidefinitions?limit=500&continue",
                                         .skip = 1,
                                         .count = 1,
                                         .status = 410,
                                         .body = "{}"});
    uint64_t writes = sim_oracle_writes(sim->oracle);
    sim_api_end_watches(sim->api, OBJECT_API, 410, "Expired");
    sim_run(sim, 60000);
    assert_int_equal(sim_oracle_writes(sim->oracle), writes);
    change_something(sim, 2);
    assert_in_range(scene_rest(sim), 0, 30000);
    expect_end(sim);
}

static void w4_a_version_that_is_too_large_leads_to_a_list(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "{\"kind\":\"Status\",\"reason\":\"Timeout\",\"message\":\"Too large resource version: 9, "
        "current: 1\",\"code\":504}",
        "{\"kind\":\"Status\",\"reason\":\"Timeout\",\"message\":\"x\",\"details\":{\"causes\":[{"
        "\"reason\":\"ResourceVersionTooLarge\"}]},\"code\":504}"};
    for (size_t i = 0; i < ARRAY_LENGTH(bodies); i++) {
        struct sim *sim = scene_new(&plain);
        sim_host_add_rule(scene_api_host(sim), &(struct sim_rule){.fault = SIM_STATUS,
                                                                  .part = "NotOlderThan",
                                                                  .count = 3,
                                                                  .status = 504,
                                                                  .body = bodies[i]});
        sim_run(sim, 10000);
        sim_host_break_all(scene_api_host(sim));
        change_something(sim, 2);
        assert_in_range(scene_rest(sim), 0, 60000);
        expect_end(sim);
    }
}

static void w5_a_restored_store_that_is_behind_is_noticed(void **state)
{
    (void)state;
    struct sim *sim = scene_new(&plain);
    sim->backup = sim_store_back_up(sim->store);
    change_something(sim, 2);
    assert_true(scene_rest(sim) >= 0);
    sim_store_restore(sim->store, sim->backup, false);
    sim_api_restored(sim->api);
    sim_oracle_restored(sim->oracle);
    /* Watches at a version that has not come yet are silent until somebody asks. */
    assert_in_range(scene_rest(sim), 0, 650000);
    expect_end(sim);
}

static void w6_streams_that_end_at_once_again_and_again_are_no_hot_loop(void **state)
{
    (void)state;
    struct sim *sim = scene_new(&plain);
    uint64_t requests = sim_net_requests(sim->net);
    for (int i = 0; i < 600; i++) {
        sim_api_end_watches(sim->api, OBJECT_WEBHOOK, 0, "");
        sim_run(sim, 100);
    }
    assert_in_range(sim_net_requests(sim->net) - requests, 1, 150);
    /* And after every event. */
    for (unsigned version = 2; version < 12; version++) {
        scene_webhook(sim, "b/w1", version, NULL);
        sim_run(sim, 50);
        sim_api_end_watches(sim->api, OBJECT_WEBHOOK, 0, "");
        sim_run(sim, 50);
    }
    assert_in_range(scene_rest(sim), 0, 60000);
    expect_end(sim);
}

static void w7_bytes_come_in_any_pieces(void **state)
{
    (void)state;
    struct sim *sim = scene_new(&(struct scene_options){.sim = {.splits = true, .page_max = 2}});
    for (unsigned version = 2; version < 8; version++) {
        change_something(sim, version);
        assert_in_range(scene_rest(sim), 0, 30000);
    }
    expect_end(sim);
}

static void w8_connections_break_everywhere(void **state)
{
    (void)state;
    static const enum sim_fault faults[] = {SIM_REFUSE, SIM_UNKNOWN, SIM_DENY_TLS,   SIM_RESET,
                                            SIM_BREAK,  SIM_HANG,    SIM_HANG_ANSWER};
    for (size_t i = 0; i < ARRAY_LENGTH(faults); i++) {
        struct sim *sim = scene_new(&plain);
        sim_oracle_disturb(sim->oracle, NULL);
        sim_host_add_rule(scene_api_host(sim),
                          &(struct sim_rule){.fault = faults[i], .method = "GET", .count = 6});
        sim_api_restart(sim->api, 0);
        change_something(sim, 2);
        assert_in_range(scene_rest(sim), 0, 120000);
        expect_end(sim);
    }
}

static void w8_half_open_watches_are_given_up(void **state)
{
    (void)state;
    struct sim *sim = scene_new(&plain);
    sim_run(sim, 130000); /* bookmarks have been seen */
    sim_host_silence_all(scene_api_host(sim));
    change_something(sim, 2);
    assert_in_range(scene_rest(sim), 1000, 160000);
    expect_end(sim);
}

static void w9_lists_that_are_no_lists_change_nothing(void **state)
{
    (void)state;
    static const enum sim_fault faults[] = {SIM_CUT, SIM_HTML, SIM_EMPTY};
    for (size_t i = 0; i < ARRAY_LENGTH(faults); i++) {
        struct sim *sim = scene_new(&plain);
        uint64_t writes = sim_oracle_writes(sim->oracle);
        sim_host_add_rule(
            scene_api_host(sim),
            &(struct sim_rule){.fault = faults[i], .method = "GET", .part = "?limit", .count = 9});
        sim_api_end_watches(sim->api, OBJECT_WEBHOOK, 410, "Expired");
        sim_api_end_watches(sim->api, OBJECT_API, 410, "Expired");
        sim_run(sim, 90000);
        assert_int_equal(sim_oracle_writes(sim->oracle), writes);
        expect_end(sim);
    }
}

static void w10_events_come_twice_and_from_servers_that_are_behind(void **state)
{
    (void)state;
    struct sim *sim = scene_new(&plain);
    sim_api_set_doubles(sim->api, 1000);
    sim_api_set_lag(sim->api, 1, 3000000);
    for (unsigned version = 2; version < 8; version++) {
        change_something(sim, version);
        sim_api_use(sim->api, version % 2);
        sim_host_break_all(scene_api_host(sim));
        sim_run(sim, 500);
    }
    sim_delete(sim, OBJECT_WEBHOOK, "b/w1");
    assert_in_range(scene_rest(sim), 0, 60000);
    expect_end(sim);
}

static void w11_a_lost_event_costs_time_only(void **state)
{
    (void)state;
    struct sim *sim = scene_new(&plain);
    sim_api_drop_events(sim->api, OBJECT_WEBHOOK, 1);
    scene_webhook(sim, "a/w0", 2, "s0");
    sim_api_drop_events(sim->api, OBJECT_API, 2);
    scene_api(sim, "a/p1", 2, false, "b/w1");
    scene_api(sim, "b/p9", 1, true, NULL);
    sim_run(sim, 20000);
    assert_int_equal(scene_version_on(sim, 0, "a/p1"), 1);
    sim_api_end_watches(sim->api, OBJECT_WEBHOOK, 410, "Expired");
    sim_api_end_watches(sim->api, OBJECT_API, 410, "Expired");
    assert_in_range(scene_rest(sim), 0, 30000);
    expect_end(sim);
}

static void w12_deleted_and_created_again_during_an_outage(void **state)
{
    (void)state;
    struct sim *sim = scene_new(&plain);
    sim_oracle_disturb(sim->oracle, NULL);
    sim_host_set_state(scene_api_host(sim), SIM_REFUSE);
    sim_host_break_all(scene_api_host(sim));
    scene_vanish(sim, OBJECT_API, "a/p0");
    scene_api(sim, "a/p0", 2, true, "w0");
    sim_delete(sim, OBJECT_WEBHOOK, "b/w1");
    scene_webhook(sim, "b/w1", 2, NULL);
    sim_api_compact(sim->api);
    sim_run(sim, 20000);
    sim_oracle_disturb(sim->oracle, NULL);
    sim_host_set_state(scene_api_host(sim), SIM_FINE);
    assert_in_range(scene_rest(sim), 0, 60000);
    assert_int_equal(scene_version_on(sim, 1, "a/p0"), 2);
    expect_end(sim);
}

static void w13_slices_leave_and_enter_the_selector(void **state)
{
    (void)state;
    struct sim *sim = scene_new(&plain);
    struct sim_result result;
    for (unsigned i = 0; i < SIM_PODS_MAX && i < sim->pod_count; i++)
        sim_oracle_disturb(sim->oracle, &sim->pods[i]);
    sim_store_patch(sim->store, SIM_USER, OBJECT_ENDPOINTSLICE, "tyk/gateway-x",
                    sim_json_of("{'metadata':{'labels':{'kubernetes.io/service-name':'other'}}}"),
                    SIM_MERGE_PATCH, false, &result);
    sim_run(sim, 20000);
    assert_string_equal(sim_reason(sim, OBJECT_API, "b/p0", "Programmed"), "NoGateways");
    scene_api(sim, "b/p0", 2, true, NULL);
    sim_write_slices(sim, SIM_DEFAULT);
    assert_in_range(scene_rest(sim), 0, 30000);
    expect_end(sim);
}

static void w14_bookmarks_come_never_or_all_the_time(void **state)
{
    (void)state;
    static const int64_t every[] = {0, 10};
    for (size_t i = 0; i < ARRAY_LENGTH(every); i++) {
        struct sim *sim = scene_new(&(struct scene_options){.bare = true});
        sim_api_set_bookmarks(sim->api, every[i]);
        scene_objects(sim);
        sim_start(sim, 0);
        assert_in_range(scene_rest(sim), 0, 30000);
        sim_run(sim, every[i] ? 20000 : 700000);
        change_something(sim, 2);
        assert_in_range(scene_rest(sim), 0, 30000);
        sim_api_set_bookmarks(sim->api, 60000);
        expect_end(sim);
    }
}

static void w16_busy_and_broken_servers_are_asked_again_later(void **state)
{
    (void)state;
    static const struct {
        long status;
        int64_t retry_after_s;
    } rows[] = {{429, 0}, {429, 1}, {429, 3600}, {500, 0}, {502, 0}, {503, 7}, {504, 0}};
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct sim *sim = scene_new(&plain);
        sim_oracle_disturb(sim->oracle, NULL);
        sim_host_add_rule(scene_api_host(sim),
                          &(struct sim_rule){.fault = SIM_STATUS,
                                             .count = 12,
                                             .status = rows[i].status,
                                             .body = "{}",
                                             .retry_after_s = rows[i].retry_after_s});
        sim_api_restart(sim->api, 0);
        change_something(sim, 2);
        assert_in_range(scene_rest(sim), 0, 240000);
        expect_end(sim);
    }
}

static void w17_a_token_that_is_replaced_is_read_again(void **state)
{
    (void)state;
    struct sim *sim = scene_new(&plain);
    sim_oracle_disturb(sim->oracle, NULL);
    sim_api_set_token(sim->api, "operator-token-2");
    sim_host_break_all(scene_api_host(sim));
    sim_run(sim, 30000);
    sim_operator_set_token(sim->operators[0], "operator-token-2");
    change_something(sim, 2);
    assert_in_range(scene_rest(sim), 0, 60000);
    sim_operator_set_token(sim->operators[0], SIM_TOKEN);
    expect_end(sim);
}

static void w17_a_kind_that_may_not_be_read_degrades_what_needs_it(void **state)
{
    (void)state;
    struct sim *sim = scene_new(&plain);
    uint64_t writes = sim_oracle_writes(sim->oracle);
    sim_oracle_disturb(sim->oracle, NULL);
    sim_api_deny(sim->api, OBJECT_WEBHOOK, SIM_ALL_VERBS);
    sim_api_end_watches(sim->api, OBJECT_WEBHOOK, 410, "Expired");
    sim_run(sim, 60000);
    assert_int_equal(sim_oracle_writes(sim->oracle), writes); /* nothing is taken for gone */
    scene_api(sim, "b/p0", 2, true, NULL);
    sim_run(sim, 20000);
    assert_int_equal(scene_version_on(sim, 0, "b/p0"), 2); /* what does not need it goes on */
    sim_api_deny(sim->api, OBJECT_WEBHOOK, 0);
    assert_in_range(scene_rest(sim), 0, 90000);
    expect_end(sim);
}

static void w17_a_crd_that_is_missing_is_waited_for(void **state)
{
    (void)state;
    struct sim *sim = scene_new(&(struct scene_options){.bare = true});
    scene_vanish(sim, OBJECT_CRD, "webhooks.tyk.tyk.io");
    sim_start(sim, 0);
    sim_run(sim, 60000);
    assert_int_equal(scene_posts(sim), 0);
    sim_apply(sim, "{'kind':'CustomResourceDefinition','metadata':{'name':'webhooks.tyk.tyk.io',"
                   "'finalizers':['sim/cluster']},'spec':{}}");
    scene_objects(sim);
    assert_in_range(scene_rest(sim), 0, 60000);
    expect_end(sim);
}

static void w18_a_server_that_is_behind_destroys_nothing(void **state)
{
    (void)state;
    struct sim *sim = scene_new(&plain);
    /* Instance 1 stands still before p9 and the new Webhook come. */
    sim_api_freeze(sim->api, 1, true);
    scene_webhook(sim, "a/w2", 1, NULL);
    scene_api(sim, "b/p9", 1, true, "a/w2");
    assert_true(scene_rest(sim) >= 0);
    sim_kill(sim, 0);
    sim_oracle_disturb(sim->oracle, NULL);
    sim_api_use(sim->api, 1);
    sim_start(sim, 0);
    sim_run(sim, 120000); /* the rules see every write */
    assert_int_equal(scene_version_on(sim, 0, "b/p9"), 1);
    sim_api_freeze(sim->api, 1, false);
    assert_in_range(scene_rest(sim), 0, 60000);
    expect_end(sim);
}

static void w21_servers_that_stop_and_start_are_resumed_without_a_storm(void **state)
{
    (void)state;
    struct sim *sim = scene_new(&plain);
    uint64_t requests = sim_net_requests(sim->net);
    uint64_t writes = sim_oracle_writes(sim->oracle);
    for (int i = 0; i < 5; i++) {
        sim_api_restart(sim->api, 0);
        sim_run(sim, 20000);
    }
    sim_host_set_state(scene_api_host(sim), SIM_HANG);
    sim_host_silence_all(scene_api_host(sim));
    sim_run(sim, 40000);
    sim_host_set_state(scene_api_host(sim), SIM_FINE);
    sim_run(sim, 60000);
    assert_in_range(sim_net_requests(sim->net) - requests, 1, 400);
    assert_int_equal(sim_oracle_writes(sim->oracle), writes);
    change_something(sim, 2);
    assert_in_range(scene_rest(sim), 0, 160000);
    expect_end(sim);
}

static void w22_ten_minutes_without_a_server(void **state)
{
    (void)state;
    for (int during = 0; during < 2; during++) {
        struct sim *sim =
            during ? scene_new(&plain) : scene_new(&(struct scene_options){.bare = true});
        if (!during)
            scene_objects(sim);
        sim_oracle_disturb(sim->oracle, NULL);
        uint64_t requests = sim_net_requests(sim->net);
        sim_host_set_state(scene_api_host(sim), SIM_REFUSE);
        sim_host_break_all(scene_api_host(sim));
        sim_start(sim, 0);
        if (during) {
            change_something(sim, 2);
            /* What is lost on a gateway is given back all the same: its status cannot be written.
             */
            sim_gateway_restart(sim_pod_of(sim, SIM_DEFAULT, 0)->gateway, true, 500);
        }
        sim_run(sim, 600000);
        assert_in_range(sim_net_requests(sim->net) - requests, 1, 1000);
        if (during)
            assert_int_equal(scene_version_on(sim, 0, "a/p1"), 1);
        sim_oracle_disturb(sim->oracle, NULL);
        sim_host_set_state(scene_api_host(sim), SIM_FINE);
        assert_in_range(scene_rest(sim), 0, 60000);
        expect_end(sim);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(w1_expired_within_a_stream_finds_what_was_missed),
        cmocka_unit_test(w2_lists_that_are_expired_too_are_tried_with_back_off),
        cmocka_unit_test(w3_expired_on_the_third_page_gives_the_whole_list),
        cmocka_unit_test(w4_a_version_that_is_too_large_leads_to_a_list),
        cmocka_unit_test(w5_a_restored_store_that_is_behind_is_noticed),
        cmocka_unit_test(w6_streams_that_end_at_once_again_and_again_are_no_hot_loop),
        cmocka_unit_test(w7_bytes_come_in_any_pieces),
        cmocka_unit_test(w8_connections_break_everywhere),
        cmocka_unit_test(w8_half_open_watches_are_given_up),
        cmocka_unit_test(w9_lists_that_are_no_lists_change_nothing),
        cmocka_unit_test(w10_events_come_twice_and_from_servers_that_are_behind),
        cmocka_unit_test(w11_a_lost_event_costs_time_only),
        cmocka_unit_test(w12_deleted_and_created_again_during_an_outage),
        cmocka_unit_test(w13_slices_leave_and_enter_the_selector),
        cmocka_unit_test(w14_bookmarks_come_never_or_all_the_time),
        cmocka_unit_test(w16_busy_and_broken_servers_are_asked_again_later),
        cmocka_unit_test(w17_a_token_that_is_replaced_is_read_again),
        cmocka_unit_test(w17_a_kind_that_may_not_be_read_degrades_what_needs_it),
        cmocka_unit_test(w17_a_crd_that_is_missing_is_waited_for),
        cmocka_unit_test(w18_a_server_that_is_behind_destroys_nothing),
        cmocka_unit_test(w21_servers_that_stop_and_start_are_resumed_without_a_storm),
        cmocka_unit_test(w22_ten_minutes_without_a_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
