/* SPDX-License-Identifier: Apache-2.0 */
/* Times of grace: when they begin, and what does not end them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "rig.h"

static bool holds(const struct rig *rig, const char *text)
{
    const char *document = fake_gateways_document(rig->gateways, "default/orders");
    assert_non_null(document);
    return strstr(document, text) != NULL;
}

/* A first look that finds everything, a write, and a second one that does not. */
static void a_reference_that_resolves_for_a_moment_does_not_end_the_grace(void **state)
{
    struct rig *rig = *state;
    rig_api(rig, "orders", "pager", "");
    fake_loop_advance(rig->loop, 1000);
    fake_world_expect_reason(rig->world, OBJECT_API, "default/orders", "Reconciling",
                             "WaitingForReference");
    fake_world_hold_writes(rig->world, true);
    rig_webhook(rig, "pager", "");
    fake_world_apply(rig->world,
                     "{'kind':'Webhook','metadata':{'name':'pager'},'spec':{'url':'https://pager/',"
                     "'method':'POST','headers':[{'name':'A','valueFrom':{'secretKeyRef':{'name':"
                     "'s','key':'t'}}}]}}");
    fake_world_hold_writes(rig->world, false);
    fake_loop_advance(rig->loop, RIG_REFERENCE_GRACE_MS - 2000);
    assert_null(fake_gateways_document(rig->gateways, "default/orders"));
    fake_loop_advance(rig->loop, 2000);
    assert_non_null(fake_gateways_document(rig->gateways, "default/orders"));
}

/* Its CRD was deleted, and is there again: whoever makes the Webhooks again needs a moment. */
static void the_grace_begins_anew_when_webhooks_are_served_again(void **state)
{
    struct rig *rig = *state;
    rig_webhook(rig, "pager", "");
    rig_api(rig, "orders", "pager", "");
    fake_loop_advance(rig->loop, 3000);
    fake_world_delete(rig->world, OBJECT_WEBHOOK, "default/pager");
    fake_loop_advance(rig->loop, RIG_GRACE_MS - 1000);
    fake_world_lose(rig->world, OBJECT_WEBHOOK, ERR_NOT_FOUND);
    fake_loop_advance(rig->loop, 500);
    fake_world_cut(rig->world, OBJECT_WEBHOOK, false);
    fake_loop_advance(rig->loop, RIG_GRACE_MS - 1000);
    fake_world_expect(rig->world, OBJECT_API, "default/orders", "status/handlers/0/source",
                      "'Global'");
    fake_loop_advance(rig->loop, 2000);
    fake_world_expect(rig->world, OBJECT_API, "default/orders", "status/handlers/0/source",
                      "'Converted'");
}

static void each_withdrawal_has_a_grace_of_its_own(void **state)
{
    struct rig *rig = *state;
    static const char *const from[] = {"All", "Same", "All", "Same"};
    rig_api(rig, "orders", "platform/pager", "");
    for (size_t i = 0; i < ARRAY_LENGTH(from); i++) {
        CLEANUP(freep)
        char *json = xasprintf("{'kind':'Webhook','metadata':{'name':'pager','namespace':"
                               "'platform'},'spec':{'url':'https://p/','method':'POST',"
                               "'allowedNamespaces':{'from':'%s'}}}",
                               from[i]);
        fake_world_apply(rig->world, json);
        fake_loop_advance(rig->loop, RIG_GRACE_MS - 1000);
        assert_true(holds(rig, "https://p/"));
        fake_loop_advance(rig->loop, RIG_REFERENCE_GRACE_MS);
        assert_int_equal(holds(rig, "https://p/"), i % 2 == 0);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up_leading, rig_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_reference_that_resolves_for_a_moment_does_not_end_the_grace),
        TEST(the_grace_begins_anew_when_webhooks_are_served_again),
        TEST(each_withdrawal_has_a_grace_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
