/* SPDX-License-Identifier: Apache-2.0 */
/* APIs that go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rig.h"

static void a_deleted_api_leaves_the_gateways_before_its_finalizer_goes(void **state)
{
    struct rig *rig = *state;
    rig_api(rig, "orders", NULL, ",'finalizers':['finalizers.tyk.io/apidefinition']");
    rig_start(rig);
    assert_non_null(fake_gateways_document(rig->gateways, "default/orders"));
    fake_gateways_hold(rig->gateways, true);
    fake_world_delete(rig->world, OBJECT_API, "default/orders");
    fake_loop_advance(rig->loop, 10 * RIG_FINALIZER_MS);
    assert_non_null(fake_world_get(rig->world, OBJECT_API, "default/orders"));
    fake_gateways_hold(rig->gateways, false);
    fake_loop_advance(rig->loop, 100);
    assert_null(fake_gateways_document(rig->gateways, "default/orders"));
    assert_null(fake_world_get(rig->world, OBJECT_API, "default/orders"));
    assert_int_equal(fake_gateways_removals(rig->gateways), 1);
}

static void a_deletion_goes_on_after_a_restart_only_when_the_gateways_are_known(void **state)
{
    struct rig *rig = *state;
    rig_api(rig, "orders", NULL, ",'finalizers':['grapnel.dev/gateway']");
    fake_world_apply(rig->world, "{'kind':'OperatorContext','metadata':{'name':'edge','namespace':"
                                 "'tyk'},'spec':{'serviceRef':{'name':'gw','port':'control'}}}");
    fake_world_delete(rig->world, OBJECT_API, "default/orders");
    fake_world_hold_follows(rig->world, true);
    rig_start(rig);
    fake_loop_advance(rig->loop, 5000);
    assert_non_null(fake_world_get(rig->world, OBJECT_API, "default/orders"));
    fake_world_hold_follows(rig->world, false);
    fake_loop_advance(rig->loop, 1000);
    assert_null(fake_world_get(rig->world, OBJECT_API, "default/orders"));
}

/* As one whose gateways do not answer. */
static void a_context_that_cannot_be_read_holds_a_deletion_up_only_for_the_timeout(void **state)
{
    struct rig *rig = *state;
    for (int running = 0; running < 2; running++) {
        rig_api(rig, "orders", NULL, ",'finalizers':['grapnel.dev/gateway']");
        if (running) {
            rig_start(rig);
            fake_loop_advance(rig->loop, 10 * RIG_FINALIZER_MS);
        }
        fake_world_hold_follows(rig->world, true);
        fake_world_apply(rig->world, "{'kind':'OperatorContext','metadata':{'name':'edge',"
                                     "'namespace':'tyk'},'spec':{'urls':['http://gw1'],"
                                     "'secretRef':{'name':'conf'}}}");
        fake_world_delete(rig->world, OBJECT_API, "default/orders");
        if (!running)
            rig_start(rig);
        fake_loop_advance(rig->loop, RIG_FINALIZER_MS - 1000);
        assert_non_null(fake_world_get(rig->world, OBJECT_API, "default/orders"));
        fake_loop_advance(rig->loop, 2000);
        assert_null(fake_world_get(rig->world, OBJECT_API, "default/orders"));
        assert_int_equal(fake_world_events(rig->world, "default/orders", "CleanupSkipped"),
                         1 + running);
        fake_world_delete(rig->world, OBJECT_CONTEXT, "tyk/edge");
        fake_world_hold_follows(rig->world, false);
        rig_stop(rig);
    }
    rig_start(rig);
}

static void an_unreachable_gateway_holds_a_deletion_up_only_for_the_timeout(void **state)
{
    struct rig *rig = *state;
    rig_api(rig, "orders", NULL, "");
    rig_start(rig);
    fake_gateways_set_unreachable(rig->gateways, true);
    fake_world_delete(rig->world, OBJECT_API, "default/orders");
    fake_loop_advance(rig->loop, RIG_FINALIZER_MS - 1000);
    assert_non_null(fake_world_get(rig->world, OBJECT_API, "default/orders"));
    fake_loop_advance(rig->loop, 2000);
    assert_null(fake_world_get(rig->world, OBJECT_API, "default/orders"));
    assert_int_equal(fake_world_events(rig->world, "default/orders", "CleanupSkipped"), 1);
}

static void a_retained_api_stays_on_the_gateways(void **state)
{
    struct rig *rig = *state;
    rig_api(rig, "orders", NULL, ",'annotations':{'grapnel.dev/deletion-policy':'Retain'}");
    rig_start(rig);
    fake_world_delete(rig->world, OBJECT_API, "default/orders");
    fake_loop_advance(rig->loop, 1000);
    assert_null(fake_world_get(rig->world, OBJECT_API, "default/orders"));
    assert_int_equal(fake_gateways_removals(rig->gateways), 0);
}

static void a_retained_api_stays_also_after_a_restart_and_without_a_finalizer(void **state)
{
    struct rig *rig = *state;
    for (int torn = 0; torn < 2; torn++) {
        rig_api(rig, "orders", NULL, ",'annotations':{'grapnel.dev/deletion-policy':'Retain'}");
        rig_start(rig);
        fake_loop_advance(rig->loop, 1000);
        rig_stop(rig);
        if (!torn)
            fake_world_delete(rig->world, OBJECT_API, "default/orders");
        else
            /* Refused: nothing is wanted of it in this life. */
            fake_world_apply(rig->world,
                             "{'kind':'ApiDefinition','metadata':{'name':'orders','annotations':{"
                             "'grapnel.dev/deletion-policy':'Retain'}},'spec':{'name':'orders',"
                             "'oas':{},'proxy':{'listen_path':'/o/'}}}");
        rig_start(rig);
        if (torn) {
            fake_loop_advance(rig->loop, 1000);
            rig_expect_reason(rig, "default/orders", "Ready", "InvalidSpec");
            fake_world_delete(rig->world, OBJECT_API, "default/orders");
        }
        fake_loop_advance(rig->loop, 1000);
        assert_null(fake_world_get(rig->world, OBJECT_API, "default/orders"));
        assert_int_equal(fake_gateways_removals(rig->gateways), 0);
        rig_stop(rig);
    }
    rig_start(rig);
}

/* The finalizer could not be taken off before: the object is there, and its policy may change. */
static void an_api_that_is_not_retained_any_more_leaves_the_gateways(void **state)
{
    struct rig *rig = *state;
    rig_api(rig, "orders", NULL, ",'annotations':{'grapnel.dev/deletion-policy':'Retain'}");
    rig_start(rig);
    fake_world_fail_writes(rig->world, ERR_TRANSIENT, true);
    fake_world_delete(rig->world, OBJECT_API, "default/orders");
    fake_loop_advance(rig->loop, 1000);
    assert_int_equal(fake_gateways_removals(rig->gateways), 0);
    fake_gateways_hold(rig->gateways, true);
    rig_api(rig, "orders", NULL, ",'annotations':{'grapnel.dev/deletion-policy':'Delete'}");
    fake_world_fail_writes(rig->world, ERR_TRANSIENT, false);
    fake_loop_advance(rig->loop, RIG_FINALIZER_MS);
    assert_non_null(fake_world_get(rig->world, OBJECT_API, "default/orders"));
    fake_gateways_hold(rig->gateways, false);
    fake_loop_advance(rig->loop, 1000);
    assert_null(fake_gateways_document(rig->gateways, "default/orders"));
    assert_null(fake_world_get(rig->world, OBJECT_API, "default/orders"));
}

/* Without the mark on the gateways it would be collected there later. */
static void an_api_is_let_go_when_gateways_know_that_it_is_retained(void **state)
{
    static const struct {
        enum gateway_state first;
        enum gateway_state then;
        int64_t after_ms;
    } ends[] = {{GATEWAY_PENDING, GATEWAY_SYNCED, 20000},
                {GATEWAY_UNREACHABLE, GATEWAY_SYNCED, 20000},
                {GATEWAY_UNAUTHORIZED, GATEWAY_SYNCED, 20000},
                {GATEWAY_PENDING, GATEWAY_PENDING, RIG_FINALIZER_MS + 1000},
                {GATEWAY_UNREACHABLE, GATEWAY_UNREACHABLE, RIG_FINALIZER_MS + 1000}};
    struct rig *rig = *state;
    rig_start(rig);
    for (size_t i = 0; i < ARRAY_LENGTH(ends); i++) {
        rig_api(rig, "orders", NULL, "");
        fake_loop_advance(rig->loop, 2 * RIG_FINALIZER_MS);
        fake_gateways_set_state(rig->gateways, "default/orders", ends[i].first, 1, "gw1");
        rig_api(rig, "orders", NULL, ",'annotations':{'grapnel.dev/deletion-policy':'Retain'}");
        fake_world_delete(rig->world, OBJECT_API, "default/orders");
        fake_loop_advance(rig->loop, 10000);
        assert_non_null(fake_world_get(rig->world, OBJECT_API, "default/orders"));
        fake_gateways_set_state(rig->gateways, "default/orders", ends[i].then, 1, "gw1");
        fake_loop_advance(rig->loop, ends[i].after_ms);
        assert_null(fake_world_get(rig->world, OBJECT_API, "default/orders"));
        assert_int_equal(fake_gateways_removals(rig->gateways), 0);
    }
}

/* Its deletion shows together with what lets it stay: that is put on the gateways first, and with
 * it what it wants now, its copies in the status before as ever. */
static void an_api_that_was_retained_and_deleted_at_once_is_marked_before_it_goes(void **state)
{
    struct rig *rig = *state;
    for (int runs = 0; runs < 2; runs++) {
        rig_webhook(rig, "pager", "");
        rig_api(rig, "orders", "pager", "");
        rig_start(rig);
        fake_loop_advance(rig->loop, 5000);
        if (runs)
            fake_world_cut(rig->world, OBJECT_API, true);
        else
            rig_stop(rig);
        rig_webhook(rig, "pager", ",'method':'PUT'");
        rig_api(rig, "orders", "pager", ",'annotations':{'grapnel.dev/deletion-policy':'Retain'}");
        fake_world_delete(rig->world, OBJECT_API, "default/orders");
        if (runs)
            fake_world_cut(rig->world, OBJECT_API, false);
        else
            rig_start(rig);
        fake_loop_advance(rig->loop, 5000);
        const char *left = fake_gateways_left(rig->gateways, "default/orders");
        assert_non_null(left);
        assert_non_null(strstr(left, "PUT"));
        assert_null(fake_world_get(rig->world, OBJECT_API, "default/orders"));
        assert_int_equal(fake_gateways_removals(rig->gateways), 0);
        rig_stop(rig);
    }
    rig_start(rig);
}

/* What it has left is deleted before: it bears no mark, and would be an orphan later. */
static void a_retained_api_is_let_go_when_what_it_has_moved_from_is_gone(void **state)
{
    struct rig *rig = *state;
    rig_api(rig, "orders", NULL, ",'annotations':{'grapnel.dev/deletion-policy':'Retain'}");
    rig_start(rig);
    fake_gateways_set_state(rig->gateways, "default/orders", GATEWAY_SYNCED, 1, "gw1");
    fake_gateways_set_leaving(rig->gateways, "default/orders", 1);
    fake_world_delete(rig->world, OBJECT_API, "default/orders");
    fake_loop_advance(rig->loop, 5000);
    assert_non_null(fake_world_get(rig->world, OBJECT_API, "default/orders"));
    fake_gateways_set_leaving(rig->gateways, "default/orders", 0);
    fake_loop_advance(rig->loop, 5000);
    assert_null(fake_world_get(rig->world, OBJECT_API, "default/orders"));
}

static void statuses_that_are_refused_hold_a_retained_api_up_only_for_the_timeout(void **state)
{
    struct rig *rig = *state;
    rig_webhook(rig, "pager", "");
    rig_api(rig, "orders", "pager", ",'annotations':{'grapnel.dev/deletion-policy':'Retain'}");
    rig_start(rig);
    fake_loop_advance(rig->loop, 5000);
    fake_world_fail_statuses(rig->world, ERR_DENIED, true);
    rig_webhook(rig, "pager", ",'method':'PUT'");
    fake_world_delete(rig->world, OBJECT_API, "default/orders");
    fake_loop_advance(rig->loop, RIG_FINALIZER_MS - 1000);
    assert_non_null(fake_world_get(rig->world, OBJECT_API, "default/orders"));
    fake_loop_advance(rig->loop, 2000);
    assert_null(fake_world_get(rig->world, OBJECT_API, "default/orders"));
    assert_null(strstr(fake_gateways_left(rig->gateways, "default/orders"), "PUT"));
}

static void an_api_whose_finalizer_was_torn_off_still_leaves_the_gateways(void **state)
{
    struct rig *rig = *state;
    rig_api(rig, "orders", NULL, "");
    rig_start(rig);
    fake_gateways_set_unreachable(rig->gateways, true);
    fake_world_delete(rig->world, OBJECT_API, "default/orders");
    fake_world_strip(rig->world, OBJECT_API, "default/orders");
    fake_loop_advance(rig->loop, 1000);
    assert_null(fake_gateways_document(rig->gateways, "default/orders"));
}

static void what_comes_back_while_it_leaves_can_leave_again(void **state)
{
    struct rig *rig = *state;
    /* In a folder it is the same object, as far as anybody can tell. */
    fake_world_set_unchangeable(rig->world);
    rig_api(rig, "orders", NULL, "");
    rig_start(rig);
    fake_gateways_hold(rig->gateways, true);
    fake_world_delete(rig->world, OBJECT_API, "default/orders");
    assert_int_equal(fake_gateways_removals(rig->gateways), 1);
    rig_api(rig, "orders", NULL, "");
    fake_gateways_hold(rig->gateways, false);
    fake_loop_advance(rig->loop, 5000);
    rig_expect_reason(rig, "default/orders", "Ready", "Synced");
    fake_world_delete(rig->world, OBJECT_API, "default/orders");
    assert_int_equal(fake_gateways_removals(rig->gateways), 2);
}

static void a_deletion_that_a_backup_undoes_can_come_again(void **state)
{
    struct rig *rig = *state;
    rig_api(rig, "orders", NULL, "");
    rig_start(rig);
    fake_loop_advance(rig->loop, 5000);
    fake_world_back_up(rig->world);
    fake_gateways_set_unreachable(rig->gateways, true);
    for (unsigned time = 1; time < 3; time++) {
        fake_world_delete(rig->world, OBJECT_API, "default/orders");
        assert_int_equal(fake_gateways_removals(rig->gateways), time);
        fake_world_restore(rig->world);
        fake_world_cut(rig->world, OBJECT_API, true);
        fake_world_cut(rig->world, OBJECT_API, false);
        fake_loop_advance(rig->loop, 5000);
        assert_non_null(fake_gateways_document(rig->gateways, "default/orders"));
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)

static const struct CMUnitTest tests[] = {
    TEST(a_deleted_api_leaves_the_gateways_before_its_finalizer_goes),
    TEST(a_deletion_goes_on_after_a_restart_only_when_the_gateways_are_known),
    TEST(a_context_that_cannot_be_read_holds_a_deletion_up_only_for_the_timeout),
    TEST(an_unreachable_gateway_holds_a_deletion_up_only_for_the_timeout),
    TEST(a_retained_api_stays_on_the_gateways),
    TEST(a_retained_api_stays_also_after_a_restart_and_without_a_finalizer),
    TEST(an_api_that_is_not_retained_any_more_leaves_the_gateways),
    TEST(an_api_is_let_go_when_gateways_know_that_it_is_retained),
    TEST(an_api_that_was_retained_and_deleted_at_once_is_marked_before_it_goes),
    TEST(a_retained_api_is_let_go_when_what_it_has_moved_from_is_gone),
    TEST(statuses_that_are_refused_hold_a_retained_api_up_only_for_the_timeout),
    TEST(an_api_whose_finalizer_was_torn_off_still_leaves_the_gateways),
    TEST(what_comes_back_while_it_leaves_can_leave_again),
    TEST(a_deletion_that_a_backup_undoes_can_come_again),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
