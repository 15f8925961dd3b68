/* SPDX-License-Identifier: Apache-2.0 */
/* References that lead nowhere, or may not be used. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "rig.h"

static void a_new_api_waits_for_a_missing_webhook(void **state)
{
    struct rig *rig = *state;
    rig_start(rig);
    rig_api(rig, "orders", "pager", "");
    fake_loop_advance(rig->loop, RIG_REFERENCE_GRACE_MS / 2);
    assert_null(fake_gateways_document(rig->gateways, "default/orders"));
    rig_webhook(rig, "pager", "");
    fake_loop_advance(rig->loop, 100);
    rig_expect_in_document(rig, "default/orders", "https://pager/hook", true);
    assert_int_equal(fake_gateways_pushes(rig->gateways), 1);
}

/* Its Webhook comes, and goes again before anything was pushed. */
static void a_new_api_waits_on_when_its_webhook_was_there_for_a_moment(void **state)
{
    struct rig *rig = *state;
    rig_start(rig);
    rig_api(rig, "orders", "pager", "");
    fake_loop_advance(rig->loop, RIG_REFERENCE_GRACE_MS / 4);
    fake_world_hold_writes(rig->world, true);
    rig_webhook(rig, "pager", "");
    fake_loop_advance(rig->loop, 100); /* the finalizer is on its way */
    fake_world_delete(rig->world, OBJECT_WEBHOOK, "default/pager");
    fake_world_hold_writes(rig->world, false);
    fake_loop_advance(rig->loop, RIG_REFERENCE_GRACE_MS / 4);
    assert_null(fake_gateways_document(rig->gateways, "default/orders"));
    fake_loop_advance(rig->loop, RIG_REFERENCE_GRACE_MS);
    rig_expect_in_document(rig, "default/orders", "pager", false);
}

/* It has a status by then, and was pushed nowhere. */
static void a_new_api_waits_for_a_missing_webhook_after_a_conflict_too(void **state)
{
    struct rig *rig = *state;
    rig_start(rig);
    rig_api(rig, "orders", NULL, "");
    fake_loop_advance(rig->loop, 1000);
    fake_world_apply(rig->world,
                     "{'kind':'ApiDefinition','metadata':{'name':'rival'},'spec':{'name':'rival',"
                     "'proxy':{'target_url':'http://up/','listen_path':'/orders/'},"
                     "'event_handlers':{'events':{'AuthFailure':[{'handler_name':"
                     "'eh_web_hook_handler','handler_meta':{'disabled':false,'id':'pager'}}]}}}}");
    fake_loop_advance(rig->loop, RIG_REFERENCE_GRACE_MS / 4);
    rig_expect_reason(rig, "default/rival", "Stalled", "Conflict");
    fake_world_delete(rig->world, OBJECT_API, "default/orders");
    fake_loop_advance(rig->loop, RIG_REFERENCE_GRACE_MS / 4);
    assert_null(fake_gateways_document(rig->gateways, "default/rival"));
    rig_webhook(rig, "pager", "");
    fake_loop_advance(rig->loop, 1000);
    rig_expect_in_document(rig, "default/rival", "https://pager/hook", true);
}

/* Deleted and created again before anybody looked: it is a new one. */
static void an_api_that_is_replaced_waits_for_a_missing_webhook_too(void **state)
{
    struct rig *rig = *state;
    rig_webhook(rig, "pager", "");
    rig_api(rig, "orders", "pager", "");
    rig_start(rig);
    rig_expect_in_document(rig, "default/orders", "https://pager/hook", true);
    fake_loop_advance(rig->loop, 2 * RIG_REFERENCE_GRACE_MS);
    fake_world_cut(rig->world, OBJECT_API, true);
    fake_world_delete(rig->world, OBJECT_WEBHOOK, "default/pager");
    fake_world_strip(rig->world, OBJECT_API, "default/orders");
    fake_world_delete(rig->world, OBJECT_API, "default/orders");
    rig_api(rig, "orders", "pager", "");
    fake_world_cut(rig->world, OBJECT_API, false);
    fake_loop_advance(rig->loop, RIG_REFERENCE_GRACE_MS - 1000);
    rig_expect_in_document(rig, "default/orders", "https://pager/hook", true);
    rig_expect_reason(rig, "default/orders", "Programmed", "Pending");
    fake_loop_advance(rig->loop, 2000);
    rig_expect_in_document(rig, "default/orders", "https://pager/hook", false);
    /* And it leaves like any other. */
    fake_world_delete(rig->world, OBJECT_API, "default/orders");
    fake_loop_advance(rig->loop, 1000);
    assert_null(fake_gateways_document(rig->gateways, "default/orders"));
    assert_null(fake_world_get(rig->world, OBJECT_API, "default/orders"));
}

static void after_the_grace_it_goes_live_without_the_handler(void **state)
{
    struct rig *rig = *state;
    rig_start(rig);
    rig_api(rig, "orders", "pager", "");
    fake_loop_advance(rig->loop, RIG_REFERENCE_GRACE_MS + 1000);
    rig_expect_in_document(rig, "default/orders", "pager", false);
    rig_expect_reason(rig, "default/orders", "ResolvedRefs", "WebhookNotFound");
    rig_expect_reason(rig, "default/orders", "Ready", "WebhookNotFound");
    rig_expect_reason(rig, "default/orders", "Reconciling", "WaitingForReference");
    rig_expect_reason(rig, "default/orders", "Stalled", NULL);
    rig_expect_api(rig, "default/orders", "status/handlers/0/source", "'Missing'");
    assert_int_equal(fake_world_events(rig->world, "default/orders", "WebhookNotFound"), 1);
}

static void withdrawn_permission_erases_the_copy_after_the_grace(void **state)
{
    struct rig *rig = *state;
    fake_world_apply(rig->world, "{'kind':'Namespace','metadata':{'name':'platform'}}");
    fake_world_apply(rig->world,
                     "{'kind':'Webhook','metadata':{'name':'pager','namespace':'platform'},'spec':"
                     "{'url':'https://p/','method':'POST','allowedNamespaces':{'from':'All'}}}");
    rig_api(rig, "orders", "platform/pager", "");
    rig_start(rig);
    rig_expect_in_document(rig, "default/orders", "https://p/", true);
    fake_world_apply(rig->world,
                     "{'kind':'Webhook','metadata':{'name':'pager','namespace':'platform'},'spec':"
                     "{'url':'https://p/','method':'POST','allowedNamespaces':{'from':'Same'}}}");
    fake_loop_advance(rig->loop, RIG_GRACE_MS - 1);
    rig_expect_in_document(rig, "default/orders", "https://p/", true);
    fake_loop_advance(rig->loop, 3000);
    rig_expect_in_document(rig, "default/orders", "https://p/", false);
    rig_expect_reason(rig, "default/orders", "ResolvedRefs", "WebhookNotFound");
    rig_expect_api(rig, "default/orders", "status/webhooks", "[]");
}

static void an_invalid_global_leaves_the_last_good_copy_in_force(void **state)
{
    struct rig *rig = *state;
    rig_webhook(rig, "pager", "");
    rig_api(rig, "orders", "pager", "");
    rig_start(rig);
    fake_world_apply(rig->world, "{'kind':'Webhook','metadata':{'name':'pager'},'spec':{'url':"
                                 "'not a url','method':'POST'}}");
    fake_loop_advance(rig->loop, 3000);
    rig_expect_in_document(rig, "default/orders", "https://pager/hook", true);
    rig_expect_reason(rig, "default/orders", "ResolvedRefs", "WebhookInvalid");
    fake_world_expect_reason(rig->world, OBJECT_WEBHOOK, "default/pager", "Ready", "InvalidSpec");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)

static const struct CMUnitTest tests[] = {
    TEST(a_new_api_waits_for_a_missing_webhook),
    TEST(a_new_api_waits_on_when_its_webhook_was_there_for_a_moment),
    TEST(a_new_api_waits_for_a_missing_webhook_after_a_conflict_too),
    TEST(an_api_that_is_replaced_waits_for_a_missing_webhook_too),
    TEST(after_the_grace_it_goes_live_without_the_handler),
    TEST(withdrawn_permission_erases_the_copy_after_the_grace),
    TEST(an_invalid_global_leaves_the_last_good_copy_in_force),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
