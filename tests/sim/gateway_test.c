/* SPDX-License-Identifier: Apache-2.0 */
/* Gateways: G1 to G5. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "sim/sim_act.h"
#include "sim/sim_end.h"
#include "sim/sim_oracle.h"
#include "sim/sim_scene.h"

static const struct scene_options plain;

static void expect_end(struct sim *sim)
{
    assert_true(scene_end(sim));
}

static void change_both(struct sim *sim, unsigned version)
{
    scene_webhook(sim, "a/w0", version, "s0");
    scene_api(sim, "a/p1", version, false, "b/w1");
}

static void g1_faults_of_one_request_or_of_all_for_a_while(void **state)
{
    (void)state;
    static const struct {
        enum sim_fault fault;
        long status;
        const char *body;
    } rows[] = {
        {SIM_REFUSE, 0, NULL},
        {SIM_RESET, 0, NULL},
        {SIM_LOSE_ANSWER, 0, NULL},
        {SIM_HANG, 0, NULL},
        {SIM_HANG_ANSWER, 0, NULL},
        {SIM_BREAK, 0, NULL},
        {SIM_CUT, 0, NULL},
        {SIM_EMPTY, 0, NULL},
        {SIM_HTML, 0, NULL},
        {SIM_SLOW, 0, NULL},
        {SIM_STATUS, 500, "{\"status\":\"error\"}"},
        {SIM_STATUS, 401, "{\"status\":\"error\"}"},
        {SIM_STATUS, 403, "{\"status\":\"error\"}"},
        {SIM_STATUS, 409, "{\"status\":\"error\"}"},
        {SIM_STATUS, 429, "{\"status\":\"error\"}"},
        {SIM_STATUS, 200, "{\"key\":\"another\",\"status\":\"ok\",\"action\":\"added\"}"},
        {SIM_STATUS, 200, "{\"key\":\"YS9wMA\",\"status\":\"ok\",\"action\":\"added\"}"},
    };
    static const char *const methods[] = {"POST", "GET", NULL};
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        for (size_t m = 0; m < ARRAY_LENGTH(methods); m++) {
            struct sim *sim = scene_new(&plain);
            sim_oracle_disturb(sim->oracle, sim_pod_of(sim, SIM_DEFAULT, 0));
            sim_host_add_rule(scene_gateway_host(sim, 0),
                              &(struct sim_rule){.fault = rows[i].fault,
                                                 .method = methods[m],
                                                 .count = rows[i].status == 409 ? 2 : 3,
                                                 .status = rows[i].status,
                                                 .body = rows[i].body,
                                                 .delay_ms = 7000});
            change_both(sim, 2);
            /* The other gateway does not wait for it. */
            sim_run(sim, 6000);
            assert_int_equal(scene_version_on(sim, 1, "a/p1"), 2);
            /* What is refused is tried again with the next look at everything. */
            int64_t limit = rows[i].status == 409 ? 650000 : 180000;
            int64_t took = scene_rest(sim);
            if (took < 0 || took > limit)
                printf("%sfault %zu of %s: %lld ms\n", buf_text(&sim->story), i,
                       methods[m] ? methods[m] : "any request", (long long)took);
            assert_in_range(took, 0, limit);
            expect_end(sim);
        }
    }
}

static void g1_taken_and_not_applied_is_not_programmed(void **state)
{
    (void)state;
    struct sim *sim = scene_new(&plain);
    struct sim_pod *pod = sim_pod_of(sim, SIM_DEFAULT, 0);
    sim_oracle_disturb(sim->oracle, pod);
    sim_gateway_set_deaf(pod->gateway, true);
    scene_api(sim, "a/p1", 2, false, "b/w1");
    sim_run(sim, 120000);
    assert_string_equal(sim_condition(sim, OBJECT_API, "a/p1", "Programmed"), "False");
    sim_oracle_disturb(sim->oracle, pod);
    sim_gateway_set_deaf(pod->gateway, false);
    assert_in_range(scene_rest(sim), 0, 120000);
    expect_end(sim);
}

/* What was OAS is Classic now: the OAS half, which would stay for ever, was not deleted either. */
static void g1_another_form_that_was_not_applied_is_told_again_with_its_deletion(void **state)
{
    (void)state;
    struct sim *sim = scene_new(&plain);
    struct sim_pod *pod = sim_pod_of(sim, SIM_DEFAULT, 0);
    sim_oracle_disturb(sim->oracle, pod);
    sim_gateway_set_deaf(pod->gateway, true);
    scene_api(sim, "a/p0", 2, false, "w0");
    sim_run(sim, 30000);
    sim_gateway_set_deaf(pod->gateway, false);
    assert_in_range(scene_rest(sim), 0, 120000);
    expect_end(sim);
}

static void g1_a_gateway_that_hangs_is_probed_not_hammered(void **state)
{
    (void)state;
    struct sim *sim = scene_new(&plain);
    struct sim_pod *pod = sim_pod_of(sim, SIM_DEFAULT, 0);
    sim_oracle_disturb(sim->oracle, pod);
    sim_host_set_state(sim_gateway_net(pod->gateway), SIM_HANG);
    uint64_t before = sim_net_requests(sim->net);
    sim_run(sim, 600000);
    /* The others are read all the while, some 130 times; this one at most once in fifteen seconds.
     */
    assert_in_range(sim_net_requests(sim->net) - before, 1, 420);
    sim_host_set_state(sim_gateway_net(pod->gateway), SIM_FINE);
    sim_oracle_disturb(sim->oracle, pod);
    assert_in_range(scene_rest(sim), 0, 60000);
    expect_end(sim);
}

static void g2_a_gateway_comes_back_empty(void **state)
{
    (void)state;
    struct sim *sim = scene_new(&plain);
    struct sim_pod *pod = sim_pod_of(sim, SIM_DEFAULT, 0);
    sim_oracle_disturb(sim->oracle, pod);
    sim_oracle_emptied(sim->oracle, pod);
    sim_gateway_restart(pod->gateway, true, 3000);
    sim_run(sim, 4000);
    assert_int_equal(scene_version_on(sim, 0, "a/p0"), -1);
    assert_in_range(scene_rest(sim), 0, 30000);
    assert_int_equal(scene_version_on(sim, 0, "a/p0"), 1);
    expect_end(sim);
}

static void g2_a_gateway_comes_back_with_older_data(void **state)
{
    (void)state;
    struct sim *sim = scene_new(&plain);
    struct sim_pod *pod = sim_pod_of(sim, SIM_DEFAULT, 0);
    sim_gateway_back_up(pod->gateway);
    change_both(sim, 2);
    sim_delete(sim, OBJECT_API, "b/p0");
    assert_true(scene_rest(sim) >= 0);
    sim_oracle_disturb(sim->oracle, pod);
    sim_oracle_emptied(sim->oracle, pod);
    sim_gateway_restore(pod->gateway);
    assert_in_range(scene_rest(sim), 0, 120000);
    assert_int_equal(scene_version_on(sim, 0, "a/p1"), 2);
    assert_int_equal(scene_version_on(sim, 0, "b/p0"), -1);
    expect_end(sim);
}

static void g2_a_foreign_definition_of_the_same_id_is_left_alone(void **state)
{
    (void)state;
    struct sim *sim = scene_new(&plain);
    struct sim_pod *pod = sim_pod_of(sim, SIM_DEFAULT, 0);
    json_t *document = sim_json_of("{'name':'foreign 9','api_id':'YS9wOQ','proxy':{'listen_path':"
                                   "'/f/','target_url':'http://elsewhere/'}}"); /* a/p9 */
    sim_oracle_foreign(sim->oracle, pod, "YS9wOQ", document);
    sim_gateway_put(pod->gateway, "YS9wOQ", false, document);
    /* Until the gateway is looked at, nobody can know. */
    sim_run(sim, 660000);
    scene_api(sim, "a/p9", 1, true, NULL);
    sim_run(sim, 60000);
    assert_int_equal(scene_version_on(sim, 0, "a/p9"), 9);
    assert_string_equal(sim_reason(sim, OBJECT_API, "a/p9", "Stalled"), "ForeignDefinition");
    assert_int_equal(scene_version_on(sim, 1, "a/p9"), 1);
    expect_end(sim);
}

static void g3_pods_come_and_go(void **state)
{
    (void)state;
    struct sim *sim = scene_new(&plain);
    for (int i = 0; i < 5; i++) {
        sim_add_pod(sim, SIM_DEFAULT);
        sim_write_slices(sim, SIM_DEFAULT);
        sim_run(sim, 700);
        sim_remove_pod(sim, sim_pod_of(sim, SIM_DEFAULT, 0));
        sim_run(sim, 700);
    }
    assert_in_range(scene_rest(sim), 0, 40000);
    expect_end(sim);
}

static void g3_terminating_unready_and_no_endpoints(void **state)
{
    (void)state;
    struct sim *sim = scene_new(&plain);
    struct sim_pod *pod = sim_pod_of(sim, SIM_DEFAULT, 0);
    sim_oracle_disturb(sim->oracle, pod);
    pod->terminating = true;
    sim_write_slices(sim, SIM_DEFAULT);
    size_t posts = sim_gateway_counts(pod->gateway)->posts;
    change_both(sim, 2);
    assert_in_range(scene_rest(sim), 0, 30000);
    assert_int_equal(sim_gateway_counts(pod->gateway)->posts, posts);
    sim_remove_pod(sim, pod);
    /* One that is not ready is filled and does not count. */
    sim_pod_of(sim, SIM_DEFAULT, 0)->ready = false;
    sim_write_slices(sim, SIM_DEFAULT);
    sim_run(sim, 30000);
    assert_string_equal(sim_reason(sim, OBJECT_API, "a/p1", "Programmed"), "NoGateways");
    change_both(sim, 3);
    sim_run(sim, 10000);
    assert_int_equal(scene_version_on(sim, 0, "a/p1"), 3);
    sim_pod_of(sim, SIM_DEFAULT, 0)->ready = true;
    sim_write_slices(sim, SIM_DEFAULT);
    assert_in_range(scene_rest(sim), 0, 30000);
    expect_end(sim);
}

static void g3_two_slices_and_another_port(void **state)
{
    (void)state;
    struct sim *sim = scene_new(&plain);
    struct sim_result result;
    /* The same endpoints in a second slice. */
    json_t *twin = json_deep_copy(sim_get(sim, OBJECT_ENDPOINTSLICE, "tyk/gateway-x"));
    json_object_set_new(json_object_get(twin, "metadata"), "name", json_string("gateway-y"));
    sim_apply_tree(sim, twin);
    uint64_t writes = sim_oracle_writes(sim->oracle);
    sim_run(sim, 30000);
    assert_int_equal(sim_oracle_writes(sim->oracle), writes);
    /* The port moves away: nothing is there, and back. */
    for (size_t i = 0; i < sim->pod_count; i++)
        sim_oracle_disturb(sim->oracle, &sim->pods[i]);
    sim_delete(sim, OBJECT_ENDPOINTSLICE, "tyk/gateway-y");
    sim_store_patch(sim->store, SIM_USER, OBJECT_ENDPOINTSLICE, "tyk/gateway-x",
                    sim_json_of("{'ports':[{'name':'control','port':9090}]}"), SIM_MERGE_PATCH,
                    false, &result);
    change_both(sim, 2);
    sim_run(sim, 30000);
    assert_string_equal(sim_reason(sim, OBJECT_API, "a/p1", "Programmed"), "GatewayUnreachable");
    sim_write_slices(sim, SIM_DEFAULT);
    assert_in_range(scene_rest(sim), 0, 60000);
    expect_end(sim);
}

static void g4_a_secret_is_rotated_deleted_and_created(void **state)
{
    (void)state;
    struct sim *sim = scene_new(&plain);
    size_t posts = scene_posts(sim);
    scene_secret(sim, "a/s0", 2);
    assert_in_range(scene_rest(sim), 0, 60000);
    assert_int_equal(scene_posts(sim), posts + 2); /* one API on two gateways */
    /* The same content at another version. */
    sim_apply(sim, "{'kind':'Secret','metadata':{'namespace':'a','name':'s0','annotations':{'x':"
                   "'y'}},'data':{'token':'c2stMg=='}}");
    sim_run(sim, 60000);
    assert_int_equal(scene_posts(sim), posts + 2);
    /* Gone: the last good copy stays. */
    sim_delete(sim, OBJECT_SECRET, "a/s0");
    sim_run(sim, 60000);
    assert_int_equal(scene_posts(sim), posts + 2);
    assert_string_equal(sim_reason(sim, OBJECT_API, "a/p0", "ResolvedRefs"), "SecretNotFound");
    scene_secret(sim, "a/s0", 3);
    assert_in_range(scene_rest(sim), 0, 60000);
    assert_int_equal(scene_posts(sim), posts + 4);
    expect_end(sim);
}

static void g4_a_secret_comes_after_all_that_needs_it(void **state)
{
    (void)state;
    struct sim *sim = scene_new(&plain);
    scene_webhook(sim, "b/w5", 1, "s5");
    scene_api(sim, "b/p5", 1, true, "w5");
    sim_run(sim, 30000);
    assert_string_equal(sim_reason(sim, OBJECT_API, "b/p5", "ResolvedRefs"), "SecretNotFound");
    scene_secret(sim, "b/s5", 1);
    assert_in_range(scene_rest(sim), 0, 60000);
    expect_end(sim);
}

static void end_of(struct sim *sim, struct buf *out)
{
    assert_true(scene_rest(sim) >= 0);
    sim_run(sim, 65000);
    buf_clear(out);
    sim_end_state(sim, out);
}

/* Generations and versions count what has been: they are set aside. */
static char *without_counts(const struct buf *end)
{
    char *text = xstrdup(buf_text(end));
    static const char *const names[] = {"\"generation\":",    "\"observedGeneration\":",
                                        "\"sim/version\":\"", "\"version\":\"",
                                        "\"hash\":\"",        "hook.example/"};
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        for (char *at = text; (at = strstr(at, names[i]));) {
            at += strlen(names[i]);
            for (; *at && strchr("0123456789abcdef", *at); at++)
                *at = '0';
        }
    }
    return text;
}

static void g5_back_is_as_before(void **state)
{
    (void)state;
    struct sim *sim = scene_new(&plain);
    CLEANUP(buf_fini) struct buf first;
    CLEANUP(buf_fini) struct buf then;
    buf_init(&first, BUF_UNLIMITED);
    buf_init(&then, BUF_UNLIMITED);
    end_of(sim, &first);
    for (int bad = 0; bad < 2; bad++) {
        if (bad) {
            struct sim_result result;
            sim_store_patch(sim->store, SIM_USER, OBJECT_API, "a/p1",
                            sim_json_of("{'metadata':{'annotations':{'sim/invalid':'true'}},'spec':"
                                        "{'client_certificate_refs':['x']}}"),
                            SIM_MERGE_PATCH, false, &result);
        } else {
            scene_api(sim, "a/p1", 1, true, "w0");
        }
        assert_true(scene_rest(sim) >= 0);
        scene_api(sim, "a/p1", 1, false, "b/w1");
        end_of(sim, &then);
        CLEANUP(freep) char *a = without_counts(&first);
        CLEANUP(freep) char *b = without_counts(&then);
        CLEANUP(buf_fini) struct buf difference;
        buf_init(&difference, BUF_UNLIMITED);
        if (!sim_end_equal(a, b, &difference)) {
            printf("%s\n", buf_text(&difference));
            fail();
        }
    }
    expect_end(sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(g1_faults_of_one_request_or_of_all_for_a_while),
        cmocka_unit_test(g1_taken_and_not_applied_is_not_programmed),
        cmocka_unit_test(g1_another_form_that_was_not_applied_is_told_again_with_its_deletion),
        cmocka_unit_test(g1_a_gateway_that_hangs_is_probed_not_hammered),
        cmocka_unit_test(g2_a_gateway_comes_back_empty),
        cmocka_unit_test(g2_a_gateway_comes_back_with_older_data),
        cmocka_unit_test(g2_a_foreign_definition_of_the_same_id_is_left_alone),
        cmocka_unit_test(g3_pods_come_and_go),
        cmocka_unit_test(g3_terminating_unready_and_no_endpoints),
        cmocka_unit_test(g3_two_slices_and_another_port),
        cmocka_unit_test(g4_a_secret_is_rotated_deleted_and_created),
        cmocka_unit_test(g4_a_secret_comes_after_all_that_needs_it),
        cmocka_unit_test(g5_back_is_as_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
