/* SPDX-License-Identifier: Apache-2.0 */
/* An object that is larger than the store takes: with its copies, with a status at all, with the
 * annotation of a conversion, with a rewritten spec. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "rig.h"

#define ORDERS "default/orders"
#define HOUR_MS 3600000

/* A Webhook with headers of about so many bytes. */
static void webhook(struct rig *rig, const char *name, const char *policy, size_t bytes)
{
    CLEANUP(freep) char *value = xcalloc(1, bytes + 1);
    memset(value, 'v', bytes);
    CLEANUP(freep)
    char *json = xasprintf("{'kind':'Webhook','metadata':{'name':'%s'},'spec':{'url':"
                           "'https://w/%zu','method':'POST','bodyTemplate':'',"
                           "'conversionPolicy':'%s','headers':[{'name':'A','value':'%s'}]}}",
                           name, bytes, policy, value);
    fake_world_apply(rig->world, json);
}

static unsigned writes(const struct rig *rig)
{
    return fake_world_status_writes(rig->world) + fake_world_changes(rig->world);
}

static void expect_reason(const struct rig *rig, const char *condition, const char *reason)
{
    fake_world_expect_reason(rig->world, OBJECT_API, ORDERS, condition, reason);
}

static void expect_pushed(const struct rig *rig, const char *part)
{
    const char *document = fake_gateways_document(rig->gateways, ORDERS);
    if (!document || !strstr(document, part))
        fail_msg("%s is not in %s", part, document ? document : "(nothing)");
}

static void expect_message(const struct rig *rig, const char *part)
{
    CLEANUP(freep)
    char *message = fake_world_read(rig->world, OBJECT_API, ORDERS, "status/conditions/0/message");
    if (!message || !strstr(message, part))
        fail_msg("%s is not in %s", part, message ? message : "(nothing)");
}

/* An API that is in place, with a copy of 1,000 bytes, in a store that takes 6,000. */
static void settle(struct rig *rig, const char *policy)
{
    webhook(rig, "pager", policy, 1000);
    rig_api(rig, "orders", "pager", "");
    fake_loop_advance(rig->loop, 5000);
    expect_reason(rig, "Ready", "Synced");
    fake_world_set_limit(rig->world, 6000);
}

static void copies_that_do_not_fit_leave_the_last_good_state(void **state)
{
    struct rig *rig = *state;
    settle(rig, "Retain");
    unsigned before = writes(rig);
    webhook(rig, "pager", "Retain", 7000);
    fake_loop_advance(rig->loop, HOUR_MS);
    expect_reason(rig, "Ready", "InvalidSpec");
    expect_reason(rig, "Stalled", "InvalidSpec");
    expect_message(rig, "ApiDefinition " ORDERS " is larger than the API server stores");
    expect_message(rig, "bytes, and 7"); /* 7,2xx of copies */
    expect_message(rig, "spec.oasRef");
    assert_int_equal(fake_world_events(rig->world, ORDERS, "InvalidSpec"), 1);
    expect_pushed(rig, "https://w/1000");
    fake_world_expect(rig->world, OBJECT_API, ORDERS, "status/webhooks/0/copy/url",
                      "'https://w/1000'");
    /* One write was refused, one told it; and the Webhook's own status. */
    assert_int_equal(fake_world_failed_writes(rig->world), 1);
    assert_in_range(writes(rig) - before, 2, 3);

    /* More of it is not tried either, less of it is. */
    webhook(rig, "pager", "Retain", 8000);
    fake_loop_advance(rig->loop, 60000);
    assert_int_equal(fake_world_failed_writes(rig->world), 1);
    webhook(rig, "pager", "Retain", 1500);
    fake_loop_advance(rig->loop, 60000);
    expect_reason(rig, "Ready", "Synced");
    expect_pushed(rig, "https://w/1500");
    assert_int_equal(fake_world_failed_writes(rig->world), 1);
}

static void a_new_api_whose_copies_do_not_fit_is_not_pushed(void **state)
{
    struct rig *rig = *state;
    fake_world_set_limit(rig->world, 6000);
    webhook(rig, "pager", "Retain", 7000);
    rig_api(rig, "orders", "pager", "");
    fake_loop_advance(rig->loop, HOUR_MS);
    expect_reason(rig, "Stalled", "InvalidSpec");
    fake_world_expect(rig->world, OBJECT_API, ORDERS, "status/webhooks", "[]");
    assert_null(fake_gateways_document(rig->gateways, ORDERS));
    assert_int_equal(fake_world_failed_writes(rig->world), 1);

    /* Somebody has made room. */
    webhook(rig, "small", "Retain", 100);
    rig_api(rig, "orders", "small", "");
    fake_loop_advance(rig->loop, 60000);
    expect_reason(rig, "Ready", "Synced");
    expect_pushed(rig, "https://w/100");
}

static void what_is_known_of_one_object_does_not_hold_for_the_next_of_its_name(void **state)
{
    struct rig *rig = *state;
    fake_world_set_limit(rig->world, 6000);
    webhook(rig, "pager", "Retain", 7000);
    rig_api(rig, "orders", "pager", "");
    fake_loop_advance(rig->loop, 60000);
    expect_reason(rig, "Stalled", "InvalidSpec");
    fake_world_set_limit(rig->world, 0);
    fake_world_strip(rig->world, OBJECT_API, ORDERS);
    fake_world_delete(rig->world, OBJECT_API, ORDERS);
    rig_api(rig, "orders", "pager", "");
    fake_loop_advance(rig->loop, 60000);
    expect_reason(rig, "Ready", "Synced");
}

static void what_cannot_even_be_told_is_tried_again_seldom(void **state)
{
    struct rig *rig = *state;
    settle(rig, "Retain");
    fake_world_set_limit(rig->world, 1000);
    webhook(rig, "pager", "Retain", 2000);
    fake_loop_advance(rig->loop, HOUR_MS);
    expect_pushed(rig, "https://w/1000");
    /* Two refusals every five minutes. */
    assert_in_range(fake_world_failed_writes(rig->world), 2, 26);
    assert_true(fake_world_event_says(rig->world, "does not take a status"));
    fake_world_set_limit(rig->world, 0);
    fake_loop_advance(rig->loop, 301000);
    expect_reason(rig, "Ready", "Synced");
    expect_pushed(rig, "https://w/2000");
}

static void an_annotation_that_does_not_fit_is_done_without(void **state)
{
    struct rig *rig = *state;
    webhook(rig, "pager", "Retain", 3000);
    rig_api(rig, "orders", "pager", "");
    fake_loop_advance(rig->loop, 5000);
    fake_world_set_limit(rig->world, 6000);
    fake_world_delete(rig->world, OBJECT_WEBHOOK, "default/pager");
    fake_loop_advance(rig->loop, HOUR_MS);
    expect_reason(rig, "ResolvedRefs", "Converted");
    expect_reason(rig, "Ready", "Synced");
    fake_world_expect(rig->world, OBJECT_API, ORDERS, "metadata/annotations", NULL);
    assert_int_equal(fake_world_failed_writes(rig->world), 1);
    assert_null(strstr(fake_gateways_document(rig->gateways, ORDERS), "\"id\":\"pager\""));
}

static void a_spec_that_cannot_hold_the_copies_is_not_rewritten(void **state)
{
    struct rig *rig = *state;
    webhook(rig, "pager", "Rewrite", 1800);
    rig_api(rig, "orders", "pager", "");
    fake_loop_advance(rig->loop, 5000);
    fake_world_set_limit(rig->world, 6500);
    fake_world_delete(rig->world, OBJECT_WEBHOOK, "default/pager");
    fake_loop_advance(rig->loop, HOUR_MS);
    expect_reason(rig, "ResolvedRefs", "Converted");
    expect_reason(rig, "Ready", "Synced");
    assert_int_equal(fake_world_failed_writes(rig->world), 1);
    assert_true(fake_world_event_says(rig->world, "the copy stays in the status"));
    assert_int_equal(fake_world_events(rig->world, ORDERS, "SpecRewritten"), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up_leading, rig_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(copies_that_do_not_fit_leave_the_last_good_state),
        TEST(a_new_api_whose_copies_do_not_fit_is_not_pushed),
        TEST(what_is_known_of_one_object_does_not_hold_for_the_next_of_its_name),
        TEST(what_cannot_even_be_told_is_tried_again_seldom),
        TEST(an_annotation_that_does_not_fit_is_done_without),
        TEST(a_spec_that_cannot_hold_the_copies_is_not_rewritten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
