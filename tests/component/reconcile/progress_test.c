/* SPDX-License-Identifier: Apache-2.0 */
/* How statuses follow the gateways. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "core/conditions.h"
#include "rig.h"

static void the_state_of_gateways_becomes_reasons(void **state)
{
    struct rig *rig = *state;
    rig_api(rig, "orders", NULL, "");
    rig_start(rig);
    static const struct {
        enum gateway_state state;
        const char *programmed;
        const char *ready;
        const char *stalled;
    } table[] = {
        {GATEWAY_UNREACHABLE, "GatewayUnreachable", "GatewayUnreachable", NULL},
        {GATEWAY_UNAUTHORIZED, "GatewayUnauthorized", "GatewayUnauthorized", NULL},
        {GATEWAY_REJECTED, "GatewayRejected", "GatewayRejected", NULL},
        {GATEWAY_LOAD_BALANCED, "LoadBalancedUrl", "LoadBalancedUrl", NULL},
        {GATEWAY_NONE, "NoGateways", "NoGateways", NULL},
        {GATEWAY_FOREIGN, "Pending", "ForeignDefinition", "ForeignDefinition"},
        {GATEWAY_CONFLICT, "Pending", "Conflict", "Conflict"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(table); i++) {
        fake_gateways_set_state(rig->gateways, "default/orders", table[i].state, 1, "gw1: why");
        fake_loop_advance(rig->loop, 11000);
        rig_expect_reason(rig, "default/orders", "Programmed", table[i].programmed);
        rig_expect_reason(rig, "default/orders", "Ready", table[i].ready);
        rig_expect_reason(rig, "default/orders", "Stalled", table[i].stalled);
        rig_expect_api(rig, "default/orders", "status/gateways", "{'total':2,'synced':1}");
    }
    fake_gateways_set_state(rig->gateways, "default/orders", GATEWAY_SYNCED, 2, "");
    fake_loop_advance(rig->loop, 11000);
    rig_expect_reason(rig, "default/orders", "Ready", "Synced");
}

static void expect_says(struct rig *rig, const char *text)
{
    const struct object *api = fake_world_get(rig->world, OBJECT_API, "default/orders");
    assert_true(strstr(object_status(api).ptr, text));
}

static void what_is_said_is_what_can_be_done(void **state)
{
    struct rig *rig = *state;
    rig_api(rig, "orders", NULL, "");
    rig_start(rig);
    fake_gateways_set_state(rig->gateways, "default/orders", GATEWAY_REJECTED, 1,
                            "gw1: (HTTP 400)");
    fake_loop_advance(rig->loop, 11000);
    expect_says(rig,
                "gw1: (HTTP 400) (edit it: the gateway's answer stands in the operator's log)");
    /* Stalled: what stands on gateways, if anything does. */
    fake_gateways_set_state(rig->gateways, "default/orders", GATEWAY_FOREIGN, 1, "");
    fake_loop_advance(rig->loop, 11000);
    expect_says(rig, "the last good definition stays on the gateways");
    fake_gateways_set_state(rig->gateways, "default/orders", GATEWAY_FOREIGN, 0, "");
    fake_loop_advance(rig->loop, 11000);
    expect_says(rig, "it is not pushed as it is now");
}

static void expect_sorted(struct rig *rig, const char *key)
{
    const struct object *api = fake_world_get(rig->world, OBJECT_API, key);
    struct span status = object_status(api);
    json_t *tree = json_text_parse(status);
    CLEANUP(buf_fini) struct buf sorted;
    buf_init(&sorted, BUF_UNLIMITED);
    json_text_add_tree(&sorted, tree);
    json_decref(tree);
    CLEANUP(freep) char *written = xstrndup(status.ptr, status.length);
    assert_string_equal(written, buf_text(&sorted));
}

/* Whether a status says something new is asked at every look: it is soon answered where the text is
 * that of the server, which sorts members. */
static void a_status_is_written_as_servers_store_it(void **state)
{
    struct rig *rig = *state;
    rig_api(rig, "orders", NULL, "");
    rig_api(rig, "waiting", "nowhere", "");
    rig_start(rig);
    fake_loop_advance(rig->loop, 11000);
    rig_expect_reason(rig, "default/orders", "Ready", "Synced");
    rig_expect_reason(rig, "default/waiting", "Ready", "WebhookNotFound");
    expect_sorted(rig, "default/orders");
    expect_sorted(rig, "default/waiting");
    fake_gateways_set_state(rig->gateways, "default/orders", GATEWAY_UNREACHABLE, 1, "gw1: why");
    fake_loop_advance(rig->loop, 11000);
    expect_sorted(rig, "default/orders");
}

/* Who edits a definition need not be who reads the log. */
#define LOGGED "[{'handler_name':'eh_log_handler','handler_meta':{'prefix':'x'}}]"
static void the_warnings_of_an_edit_are_events_once(void **state)
{
    struct rig *rig = *state;
    static const char api[] =
        "{'kind':'ApiDefinition','metadata':{'name':'orders','generation':%d},'spec':{'name':'o',"
        "'proxy':{'target_url':'http://up/','listen_path':'/orders/'},'event_handlers':{'events':{"
        "'Custom':" LOGGED ",'Mine':" LOGGED ",'Third':" LOGGED ",'Fourth':" LOGGED
        ",'Fifth':" LOGGED "}}}}";
    CLEANUP(freep) char *first = xasprintf(api, 1);
    CLEANUP(freep) char *second = xasprintf(api, 2);
    fake_world_apply(rig->world, first);
    rig_start(rig);
    rig_expect_reason(rig, "default/orders", "Ready", "Synced");
    assert_int_equal(fake_world_events(rig->world, "default/orders", "ValidationWarning"), 4);
    rig_stop(rig);
    rig_start(rig);
    assert_int_equal(fake_world_events(rig->world, "default/orders", "ValidationWarning"), 4);
    fake_world_apply(rig->world, second);
    fake_loop_advance(rig->loop, 3000);
    assert_int_equal(fake_world_events(rig->world, "default/orders", "ValidationWarning"), 8);
}

/* Annotations change without a new generation. */
static void an_annotation_that_means_nothing_is_an_event(void **state)
{
    struct rig *rig = *state;
    static const char api[] =
        "{'kind':'ApiDefinition','metadata':{'name':'orders','generation':1,'annotations':{%s}},"
        "'spec':{'name':'o','proxy':{'target_url':'http://up/','listen_path':'/orders/'}}}";
    static const char *const annotations[] = {"", "'grapnel.dev/deletionPolicy':'Retain'",
                                              "'grapnel.dev/deletion-policy':'Keep'",
                                              "'grapnel.dev/deletion-policy':'retain'"};
    static const unsigned events[] = {0, 1, 2, 2};
    for (size_t i = 0; i < ARRAY_LENGTH(annotations); i++) {
        CLEANUP(freep) char *text = xasprintf(api, annotations[i]);
        fake_world_apply(rig->world, text);
        if (!i)
            rig_start(rig);
        fake_loop_advance(rig->loop, 3000);
        rig_expect_reason(rig, "default/orders", "Ready", "Synced");
        assert_int_equal(fake_world_events(rig->world, "default/orders", "ValidationWarning"),
                         events[i]);
    }
}

static void a_synced_status_follows_gateways_at_most_every_ten_seconds(void **state)
{
    struct rig *rig = *state;
    rig_api(rig, "orders", NULL, "");
    rig_start(rig);
    unsigned writes = fake_world_status_writes(rig->world);
    for (int i = 0; i < 18; i++) {
        bool down = i % 2 == 0;
        fake_gateways_set_state(rig->gateways, "default/orders",
                                down ? GATEWAY_PENDING : GATEWAY_SYNCED, down ? 1 : 2, "");
        fake_loop_advance(rig->loop, 1000);
    }
    assert_true(fake_world_status_writes(rig->world) - writes <= 2);
}

/* Twelve pods, replaced one by one: a new one comes, is filled, an old one goes. */
static void roll(struct rig *rig, int64_t step_ms)
{
    for (int i = 0; i < 12; i++) {
        fake_gateways_set(rig->gateways, "default/orders", GATEWAY_PENDING, 13, 12);
        fake_loop_advance(rig->loop, step_ms / 3);
        fake_gateways_set(rig->gateways, "default/orders", GATEWAY_SYNCED, 13, 13);
        fake_loop_advance(rig->loop, step_ms / 3);
        fake_gateways_set(rig->gateways, "default/orders", GATEWAY_SYNCED, 12, 12);
        fake_loop_advance(rig->loop, step_ms / 3);
    }
}

/* The same where an old one goes first. */
static void roll_scarce(struct rig *rig, int64_t step_ms)
{
    for (int i = 0; i < 12; i++) {
        fake_gateways_set(rig->gateways, "default/orders", GATEWAY_SYNCED, 11, 11);
        fake_loop_advance(rig->loop, step_ms / 3);
        fake_gateways_set(rig->gateways, "default/orders", GATEWAY_PENDING, 12, 11);
        fake_loop_advance(rig->loop, step_ms / 3);
        fake_gateways_set(rig->gateways, "default/orders", GATEWAY_SYNCED, 12, 12);
        fake_loop_advance(rig->loop, step_ms / 3);
    }
}

static void a_rolling_update_costs_two_writes_an_api_at_most(void **state)
{
    struct rig *rig = *state;
    rig_api(rig, "orders", NULL, "");
    rig_start(rig);
    fake_gateways_set(rig->gateways, "default/orders", GATEWAY_SYNCED, 12, 12);
    fake_loop_advance(rig->loop, 2000000);
    static const int64_t steps[] = {600, 3000, 9000, 15000, 24000, 60000};
    for (size_t i = 0; i < 2 * ARRAY_LENGTH(steps); i++) {
        unsigned writes = fake_world_status_writes(rig->world);
        (i % 2 ? roll_scarce : roll)(rig, steps[i / 2]);
        fake_loop_advance(rig->loop, 2000000);
        unsigned cost = fake_world_status_writes(rig->world) - writes;
        if (cost > 2)
            fail_msg("%u writes, a pod each %d ms", cost, (int)steps[i / 2]);
        rig_expect_api(rig, "default/orders", "status/gateways", "{'total':12,'synced':12}");
        rig_expect_reason(rig, "default/orders", "Ready", "Synced");
    }
}

static void a_lasting_change_of_pods_is_told_after_ten_seconds(void **state)
{
    struct rig *rig = *state;
    rig_api(rig, "orders", NULL, "");
    rig_start(rig);
    fake_gateways_set(rig->gateways, "default/orders", GATEWAY_SYNCED, 5, 5);
    fake_loop_advance(rig->loop, 9000);
    rig_expect_api(rig, "default/orders", "status/gateways", "{'total':2,'synced':2}");
    fake_loop_advance(rig->loop, 2000);
    rig_expect_api(rig, "default/orders", "status/gateways", "{'total':5,'synced':5}");
}

static void each_trouble_of_a_gateway_is_told_after_ten_seconds_and_its_end_at_once(void **state)
{
    struct rig *rig = *state;
    rig_api(rig, "orders", NULL, "");
    rig_start(rig);
    static const enum gateway_state troubles[] = {GATEWAY_UNREACHABLE, GATEWAY_UNAUTHORIZED,
                                                  GATEWAY_REJECTED, GATEWAY_UNREACHABLE};
    static const char *const reasons[] = {"GatewayUnreachable", "GatewayUnauthorized",
                                          "GatewayRejected", "GatewayUnreachable"};
    for (size_t i = 0; i < ARRAY_LENGTH(troubles); i++) {
        fake_gateways_set(rig->gateways, "default/orders", troubles[i], 2, 1);
        fake_loop_advance(rig->loop, 10500);
        rig_expect_reason(rig, "default/orders", "Programmed", reasons[i]);
        fake_gateways_set(rig->gateways, "default/orders", GATEWAY_SYNCED, 2, 2);
        fake_loop_advance(rig->loop, 100);
        rig_expect_reason(rig, "default/orders", "Ready", "Synced");
    }
}

static void trouble_of_an_api_that_never_was_in_place_is_told_at_once(void **state)
{
    struct rig *rig = *state;
    rig_start(rig);
    fake_gateways_hold(rig->gateways, true);
    rig_api(rig, "orders", NULL, "");
    fake_loop_advance(rig->loop, 3000);
    rig_expect_reason(rig, "default/orders", "Ready", "Progressing");
    fake_gateways_set(rig->gateways, "default/orders", GATEWAY_UNREACHABLE, 2, 1);
    fake_loop_advance(rig->loop, 100);
    rig_expect_reason(rig, "default/orders", "Programmed", "GatewayUnreachable");
    fake_gateways_set(rig->gateways, "default/orders", GATEWAY_SYNCED, 2, 2);
    fake_loop_advance(rig->loop, 100);
    rig_expect_reason(rig, "default/orders", "Ready", "Synced");
}

static void a_busy_gateway_is_reported_only_when_it_takes_long(void **state)
{
    struct rig *rig = *state;
    rig_start(rig);
    fake_gateways_hold(rig->gateways, true);
    rig_api(rig, "orders", NULL, "");
    fake_loop_advance(rig->loop, 1000);
    assert_int_equal(fake_world_status_writes(rig->world), 0);
    fake_loop_advance(rig->loop, 2000);
    rig_expect_reason(rig, "default/orders", "Ready", "Progressing");
    rig_expect_reason(rig, "default/orders", "Reconciling", "Progressing");
    fake_gateways_hold(rig->gateways, false);
    rig_expect_reason(rig, "default/orders", "Ready", "Synced");
}

static void busy_gateways_are_not_followed_step_by_step(void **state)
{
    struct rig *rig = *state;
    rig_start(rig);
    fake_gateways_hold(rig->gateways, true);
    rig_api(rig, "orders", NULL, "");
    fake_loop_advance(rig->loop, 100);
    unsigned looks = fake_gateways_wants(rig->gateways);
    for (size_t i = 1; i <= 12; i++) {
        fake_gateways_set(rig->gateways, "default/orders", GATEWAY_PENDING, 12, i);
        fake_loop_advance(rig->loop, 100);
    }
    assert_int_equal(fake_gateways_wants(rig->gateways), looks);
    fake_gateways_set(rig->gateways, "default/orders", GATEWAY_SYNCED, 12, 12);
    fake_loop_advance(rig->loop, 10);
    rig_expect_reason(rig, "default/orders", "Ready", "Synced");
}

static void a_status_that_says_everything_is_not_looked_at_again(void **state)
{
    struct rig *rig = *state;
    rig_webhook(rig, "pager", "");
    rig_api(rig, "orders", "pager", "");
    rig_start(rig);
    struct look_figures before[LOOK_KIND_COUNT];
    struct look_figures after[LOOK_KIND_COUNT];
    reconciler_figures(rig->reconciler, before);
    unsigned writes = fake_world_status_writes(rig->world);
    fake_gateways_set_state(rig->gateways, "default/orders", GATEWAY_REJECTED, 1, "gw1: why");
    fake_loop_advance(rig->loop, 11000);
    reconciler_figures(rig->reconciler, after);
    assert_int_equal(fake_world_status_writes(rig->world), writes + 1);
    assert_int_equal(after[0].results[LOOK_SUCCESS], before[0].results[LOOK_SUCCESS] + 1);
}

static void expect_names(struct rig *rig, const char *secret, const char *condition)
{
    const struct object *api = fake_world_get(rig->world, OBJECT_API, "default/orders");
    CLEANUP(freep) char *message = condition_message(api, condition);
    if (!message || !strstr(message, secret))
        fail_msg("%s does not name %s: %s", condition, secret, message ? message : "");
}

/* The reason is as it was, and the gateways are not what has changed. */
static void another_cause_of_the_same_reason_is_told_at_once(void **state)
{
    struct rig *rig = *state;
    rig_webhook_of_secret(rig, "pager", "first");
    rig_api(rig, "orders", "pager", "");
    rig_start(rig);
    fake_loop_advance(rig->loop, RIG_REFERENCE_GRACE_MS + 1000);
    rig_expect_reason(rig, "default/orders", "ResolvedRefs", "SecretNotFound");
    expect_names(rig, "first", "ResolvedRefs");
    rig_webhook_of_secret(rig, "pager", "second");
    fake_loop_advance(rig->loop, 100);
    rig_expect_reason(rig, "default/orders", "ResolvedRefs", "SecretNotFound");
    expect_names(rig, "second", "ResolvedRefs");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)

static const struct CMUnitTest tests[] = {
    TEST(the_state_of_gateways_becomes_reasons),
    TEST(what_is_said_is_what_can_be_done),
    TEST(a_status_is_written_as_servers_store_it),
    TEST(the_warnings_of_an_edit_are_events_once),
    TEST(an_annotation_that_means_nothing_is_an_event),
    TEST(a_synced_status_follows_gateways_at_most_every_ten_seconds),
    TEST(a_rolling_update_costs_two_writes_an_api_at_most),
    TEST(a_lasting_change_of_pods_is_told_after_ten_seconds),
    TEST(each_trouble_of_a_gateway_is_told_after_ten_seconds_and_its_end_at_once),
    TEST(trouble_of_an_api_that_never_was_in_place_is_told_at_once),
    TEST(a_busy_gateway_is_reported_only_when_it_takes_long),
    TEST(busy_gateways_are_not_followed_step_by_step),
    TEST(another_cause_of_the_same_reason_is_told_at_once),
    TEST(a_status_that_says_everything_is_not_looked_at_again),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
