/* SPDX-License-Identifier: Apache-2.0 */
/* What writes meet: a store that does not answer, and one that was restored from a backup. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "rig.h"

static unsigned writes(const struct rig *rig)
{
    return fake_world_status_writes(rig->world) + fake_world_changes(rig->world);
}

static void expect_synced(const struct rig *rig, const char *key)
{
    fake_world_expect_reason(rig->world, OBJECT_API, key, "Ready", "Synced");
}

/* A restored store. */

static void what_no_watch_tells_of_a_restored_store_is_found_by_its_conflicts(void **state)
{
    struct rig *rig = *state;
    rig_webhook(rig, "pager", "");
    rig_api(rig, "orders", "pager", "");
    rig_api(rig, "bills", "pager", "");
    fake_loop_advance(rig->loop, 5000);
    fake_world_back_up(rig->world);
    rig_api(rig, "orders", "nobody", "");
    fake_world_apply(rig->world, "{'kind':'Webhook','metadata':{'name':'pager'},'spec':{'url':"
                                 "'https://after/','method':'POST','bodyTemplate':'',"
                                 "'conversionPolicy':'Auto'}}");
    fake_loop_advance(rig->loop, 120000);
    fake_world_restore(rig->world);
    /* Whatever is written of orders is refused: it is another version than we know. */
    fake_gateways_set_state(rig->gateways, "default/orders", GATEWAY_UNREACHABLE, 1, "gone");
    fake_loop_advance(rig->loop, 3000);
    assert_int_equal(fake_world_relists(rig->world, OBJECT_API), 0);
    fake_loop_advance(rig->loop, 27000);
    assert_int_equal(fake_world_relists(rig->world, OBJECT_API), 1);
    fake_world_expect_reason(rig->world, OBJECT_API, "default/orders", "ResolvedRefs", "Resolved");
    expect_synced(rig, "default/orders");
    fake_gateways_set_state(rig->gateways, "default/orders", GATEWAY_REJECTED, 1, "no");
    fake_loop_advance(rig->loop, 15000);
    fake_world_expect_reason(rig->world, OBJECT_API, "default/orders", "Programmed",
                             "GatewayRejected");
    /* And the other kinds, of which nothing would ever have shown it. */
    assert_int_equal(fake_world_relists(rig->world, OBJECT_WEBHOOK), 1);
    assert_non_null(
        strstr(fake_gateways_document(rig->gateways, "default/bills"), "https://pager/hook"));
    /* Once is enough. */
    unsigned before = writes(rig);
    fake_loop_advance(rig->loop, 600000);
    assert_int_equal(fake_world_relists(rig->world, OBJECT_API), 1);
    assert_int_equal(writes(rig), before);
}

static void what_a_restored_store_does_not_have_any_more_is_found_too(void **state)
{
    struct rig *rig = *state;
    fake_world_back_up(rig->world);
    rig_webhook(rig, "pager", "");
    rig_api(rig, "orders", "pager", "");
    fake_loop_advance(rig->loop, 5000);
    expect_synced(rig, "default/orders");
    fake_world_restore(rig->world);
    fake_gateways_set_state(rig->gateways, "default/orders", GATEWAY_UNREACHABLE, 1, "gone");
    fake_loop_advance(rig->loop, 30000);
    assert_int_equal(fake_world_relists(rig->world, OBJECT_API), 1);
    assert_null(fake_gateways_document(rig->gateways, "default/orders"));
}

/* Somebody else writes all the time: each conflict is followed by news. */
static void conflicts_that_news_follow_list_nothing(void **state)
{
    struct rig *rig = *state;
    rig_webhook(rig, "pager", "");
    rig_api(rig, "orders", "pager", "");
    fake_loop_advance(rig->loop, 5000);
    fake_gateways_set_state(rig->gateways, "default/orders", GATEWAY_UNREACHABLE, 1, "gone");
    for (int i = 0; i < 60; i++) {
        fake_world_fail_next_write(rig->world, ERR_CONFLICT);
        rig_api(rig, "orders", i % 2 ? "pager" : "nobody", "");
        fake_loop_advance(rig->loop, 1000);
    }
    assert_int_equal(fake_world_relists(rig->world, OBJECT_API), 0);
}

/* A store that does not answer. */

static void what_waits_for_the_store_is_tried_when_it_answers_again(void **state)
{
    struct rig *rig = *state;
    static const char *const names[] = {"a1", "a2", "a3", "a4", "a5", "a6"};
    rig_webhook(rig, "pager", "");
    fake_loop_advance(rig->loop, 5000);
    fake_world_fail_writes(rig->world, ERR_TRANSIENT, true);
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
        rig_api(rig, names[i], "pager", "");
    unsigned before = writes(rig);
    fake_loop_advance(rig->loop, 3600000);
    unsigned tried = writes(rig) - before;
    assert_in_range(tried, 6 * 16, 6 * 32);
    fake_world_fail_writes(rig->world, ERR_TRANSIENT, false);
    /* A watch that stands again is an answer. */
    fake_world_cut(rig->world, OBJECT_NAMESPACE, true);
    fake_world_resume(rig->world, OBJECT_NAMESPACE);
    fake_loop_advance(rig->loop, 15000);
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        CLEANUP(freep) char *key = xasprintf("default/%s", names[i]);
        expect_synced(rig, key);
    }
}

static void one_write_that_is_answered_frees_all_others(void **state)
{
    struct rig *rig = *state;
    rig_webhook(rig, "pager", "");
    fake_loop_advance(rig->loop, 5000);
    fake_world_fail_writes(rig->world, ERR_TRANSIENT, true);
    rig_api(rig, "a1", "pager", "");
    rig_api(rig, "a2", "pager", "");
    fake_loop_advance(rig->loop, 3600000);
    fake_world_fail_writes(rig->world, ERR_TRANSIENT, false);
    rig_api(rig, "a3", "pager", "");
    fake_loop_advance(rig->loop, 15000);
    expect_synced(rig, "default/a1");
    expect_synced(rig, "default/a2");
}

/* What fails by itself goes on waiting, however much else is answered; and a refusal is no passing
 * failure. */
static void what_is_refused_is_not_hurried_by_what_is_not(void **state)
{
    struct rig *rig = *state;
    static const enum err_class classes[] = {ERR_TRANSIENT, ERR_INVALID};
    static const unsigned most[] = {80, 20};
    rig_webhook(rig, "pager", "");
    rig_api(rig, "other", "pager", "");
    for (size_t i = 0; i < ARRAY_LENGTH(classes); i++) {
        fake_loop_advance(rig->loop, 5000);
        fake_world_fail_writes_of(rig->world, "default/bad", classes[i]);
        rig_api(rig, "bad", "pager", "");
        fake_loop_advance(rig->loop, 30000);
        unsigned failed = fake_world_failed_writes(rig->world);
        for (int edit = 0; edit < 150; edit++) {
            rig_api(rig, "other", edit % 2 ? "pager" : "nobody", "");
            fake_loop_advance(rig->loop, 4000);
        }
        assert_in_range(fake_world_failed_writes(rig->world) - failed, 1, most[i]);
        fake_world_fail_writes_of(rig->world, NULL, classes[i]);
        fake_world_strip(rig->world, OBJECT_API, "default/bad");
        fake_world_delete(rig->world, OBJECT_API, "default/bad");
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up_leading, rig_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_no_watch_tells_of_a_restored_store_is_found_by_its_conflicts),
        TEST(what_a_restored_store_does_not_have_any_more_is_found_too),
        TEST(conflicts_that_news_follow_list_nothing),
        TEST(what_waits_for_the_store_is_tried_when_it_answers_again),
        TEST(one_write_that_is_answered_frees_all_others),
        TEST(what_is_refused_is_not_hurried_by_what_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
