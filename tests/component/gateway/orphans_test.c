/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include "base/mem.h"

/* Orphans: what is ours and has no object any more goes, late and never in a mass unasked. */

static void put(struct world *world, size_t gateway, const char *id, bool retain)
{
    CLEANUP(freep)
    char *text = xasprintf(
        "{\"api_id\":\"%s\",\"config_data\":{\"grapnel\":{\"v\":1,\"owner\":\"grapnel\","
        "\"cluster\":"
        "\"c-1\",\"context\":\"\",\"api\":\"ns/gone-%s\",\"uid\":\"u\",\"hash\":\"h\",\"n\":0%s}},"
        "\"proxy\":{\"listen_path\":\"/%s/\",\"target_url\":\"http://u/\"}}",
        id, id, retain ? ",\"retain\":true" : "", id);
    fake_gateway_put(world->gateway[gateway], id, false, text);
}

static void put_orphan(struct world *world, size_t gateway, const char *id)
{
    put(world, gateway, id, false);
}

static void orphans_go_after_thirty_seconds(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    put_orphan(world, 0, "lost");
    world_context(world, &(struct world_context){.count = 1});
    world_want_many(world, 10, 1, false);
    world_run(world, 5000);
    world->ops->set_complete(world->gateways, true);
    world_run(world, 29000);
    assert_non_null(fake_gateway_loaded(world->gateway[0], "lost"));
    world_run(world, 4000);
    assert_null(fake_gateway_loaded(world->gateway[0], "lost"));
    assert_int_equal(counts(world, 0)->deletes, 1);
    world_free(world);
}

static void an_orphan_whose_deletion_comes_late_is_looked_at_and_goes(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    put_orphan(world, 0, "lost");
    world_context(world, &(struct world_context){.count = 1});
    world_want_many(world, 20, 1, false);
    world->ops->set_complete(world->gateways, true);
    world_run(world, 25000);
    /* The look at 30 s takes a while, and users' edits whose pushes take long come before it. */
    fake_gateway_fault(world->gateway[0],
                       &(struct fake_fault_rule){.fault = FAKE_HANG, .url_part = "/tyk/apis"});
    world_run(world, 6000);
    for (int i = 0; i < 4; i++) {
        CLEANUP(freep) char *name = xasprintf("a%d", i);
        world_want(world, &(struct world_api){.name = name, .version = 2, .by_user = true});
    }
    fake_gateway_heal(world->gateway[0]);
    fake_gateway_fault(world->gateway[0],
                       &(struct fake_fault_rule){.fault = FAKE_HANG, .method = "POST"});
    world_run(world, 10000);
    assert_int_equal(fake_http_count(world->http, "POST", NULL), 4);
    assert_int_equal(counts(world, 0)->deletes, 0);
    reset_counts(world);
    fake_gateway_heal(world->gateway[0]);
    world_run(world, 3000);
    assert_null(fake_gateway_loaded(world->gateway[0], "lost"));
    assert_int_equal(counts(world, 0)->deletes, 1);
    world_free(world);
}

static void the_thirty_seconds_begin_when_all_apis_have_been_named(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    put_orphan(world, 0, "lost");
    world_context(world, &(struct world_context){.count = 1});
    world_want_many(world, 20, 1, false);
    world_run(world, 40000);
    world->ops->set_complete(world->gateways, true);
    world_run(world, 3000);
    /* Everything is read meanwhile. */
    world_want_many(world, 20, 2, false);
    world_run(world, 3000);
    assert_int_equal(counts(world, 0)->lists, 3);
    assert_non_null(fake_gateway_loaded(world->gateway[0], "lost"));
    world_run(world, 30000);
    assert_null(fake_gateway_loaded(world->gateway[0], "lost"));
    world_free(world);
}

static void orphans_stay_while_not_all_apis_have_been_named(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    put_orphan(world, 0, "lost");
    world_context(world, &(struct world_context){.count = 1});
    world_run(world, 3600000);
    assert_non_null(fake_gateway_loaded(world->gateway[0], "lost"));
    assert_int_equal(writes(world, 0), 0);
    world_free(world);
}

static void orphans_of_namespaces_that_are_not_watched_stay(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    put_orphan(world, 0, "lost");
    world->may_not_collect = true;
    world_context(world, &(struct world_context){.count = 1});
    world->ops->set_complete(world->gateways, true);
    world_run(world, 5000);
    /* Nothing that comes by itself is waited for. */
    assert_true(world->ops->is_quiet(world->gateways));
    world_run(world, 3600000);
    assert_non_null(fake_gateway_loaded(world->gateway[0], "lost"));
    world->may_not_collect = false;
    assert_false(world->ops->is_quiet(world->gateways));
    world_free(world);
}

static void what_is_not_of_this_owner_cluster_and_context_is_no_orphan(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    struct fake_gateway *gateway = world->gateway[0];
    fake_gateway_put(gateway, "plain", false,
                     "{\"api_id\":\"plain\",\"proxy\":{\"listen_path\":\"/p/\"}}");
    fake_gateway_put(
        gateway, "owner", false,
        "{\"api_id\":\"owner\",\"config_data\":{\"grapnel\":{\"v\":1,\"owner\":\"other\","
        "\"cluster\":\"c-1\",\"context\":\"\",\"api\":\"a/b\",\"uid\":\"u\",\"hash\":\"h\","
        "\"n\":0}},\"proxy\":{\"listen_path\":\"/o/\"}}");
    fake_gateway_put(
        gateway, "cluster", false,
        "{\"api_id\":\"cluster\",\"config_data\":{\"grapnel\":{\"v\":1,\"owner\":"
        "\"grapnel\",\"cluster\":\"c-2\",\"context\":\"\",\"api\":\"a/b\",\"uid\":\"u\","
        "\"hash\":\"h\",\"n\":0}},\"proxy\":{\"listen_path\":\"/c/\"}}");
    fake_gateway_put(gateway, "context", false,
                     "{\"api_id\":\"context\"," OURS("ns/x", "other/context",
                                                     "h") "\"proxy\":{\"listen_path\":\"/x/\"}}");
    world_context(world, &(struct world_context){.count = 1});
    world->ops->set_complete(world->gateways, true);
    world_run(world, 3600000);
    assert_int_equal(fake_gateway_loaded_count(gateway), 4);
    assert_int_equal(writes(world, 0), 0);
    world_free(world);
}

static void what_is_kept_is_read_in_rotation_as_well(void **state)
{
    (void)state;
    for (int lost = 0; lost < 2; lost++) {
        struct world *world = world_new(1);
        put_orphan(world, 0, "kept");
        world_context(world, &(struct world_context){.count = 1});
        world_want(world, &(struct world_api){.name = "a"});
        world_want(world, &(struct world_api){.name = "b"});
        world->ops->keep(world->gateways, "ns/gone-kept", "", false);
        world->ops->set_complete(world->gateways, true);
        world_settle(world);
        world_run(world, 60000);
        reset_counts(world);
        world_run(world, 60000);
        assert_int_equal(counts(world, 0)->lists, 0);
        struct gateway_progress progress;
        world->ops->progress(world->gateways, "ns/gone-kept", &progress);
        assert_int_equal(progress.synced, 1);
        if (lost)
            fake_gateway_take(world->gateway[0], "kept");
        else
            fake_gateway_put(world->gateway[0], "kept", false,
                             "{\"api_id\":\"kept\",\"proxy\":{\"listen_path\":\"/p/\"}}");
        world_run(world, 31000);
        assert_false(world->ops->progress(world->gateways, "ns/gone-kept", &progress) &&
                     progress.synced);
        world_free(world);
    }
}

/* The other gateway could not be told before the object went. */
static void what_one_gateway_holds_as_retained_is_retained_on_all(void **state)
{
    (void)state;
    for (size_t marked = 0; marked < 2; marked++) {
        struct world *world = world_new(2);
        put(world, marked, "r", true);
        put(world, !marked, "r", false);
        put_orphan(world, !marked, "lost");
        world_context(world, &(struct world_context){.count = 2});
        world->ops->set_complete(world->gateways, true);
        world_run(world, 3600000);
        assert_non_null(fake_gateway_loaded(world->gateway[0], "r"));
        assert_non_null(fake_gateway_loaded(world->gateway[1], "r"));
        assert_null(fake_gateway_loaded(world->gateway[!marked], "lost"));
        assert_true(world->ops->is_quiet(world->gateways));
        world_free(world);
    }
}

static void what_is_kept_or_retained_is_no_orphan(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    put_orphan(world, 0, "kept");
    world_context(world, &(struct world_context){.count = 1});
    world_want(world, &(struct world_api){.name = "r", .retain = true});
    world->ops->keep(world->gateways, "ns/gone-kept", "", false);
    world->ops->set_complete(world->gateways, true);
    world_settle(world);
    world->ops->forget(world->gateways, "ns/r");
    world_run(world, 3600000);
    assert_non_null(fake_gateway_loaded(world->gateway[0], "kept"));
    assert_non_null(fake_gateway_loaded(world->gateway[0], "r"));
    assert_int_equal(counts(world, 0)->deletes, 0);
    struct gateway_progress progress;
    assert_true(world->ops->progress(world->gateways, "ns/gone-kept", &progress));
    assert_int_equal(progress.synced, 1);

    /* Named again, it is taken up as if nothing had been. */
    reset_counts(world);
    world_want(world, &(struct world_api){.name = "r", .retain = true});
    world_run(world, 100);
    assert_int_equal(writes(world, 0), 0);
    expect_synced(world, "r", 1);
    world_free(world);
}

static void an_orphan_that_gets_an_object_again_is_taken_up(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    world_context(world, &(struct world_context){.count = 1});
    world_want_many(world, 2, 1, false);
    world_settle(world);
    world_stop(world);
    world_start(world, NULL);
    world_context(world, &(struct world_context){.count = 1});
    world->ops->set_complete(world->gateways, true);
    world_run(world, 20000);
    reset_counts(world);
    world_want_many(world, 2, 1, false);
    world_run(world, 60000);
    assert_int_equal(writes(world, 0), 0);
    expect_synced(world, "a0", 1);
    world_free(world);
}

static void many_orphans_stop_the_collection_until_confirmed(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    for (int i = 0; i < 10; i++) {
        CLEANUP(freep) char *id = xasprintf("lost%d", i);
        put_orphan(world, 0, id);
    }
    world_context(world, &(struct world_context){.count = 1});
    world_want_many(world, 20, 1, false);
    world->ops->set_complete(world->gateways, true);
    world_run(world, 120000);
    assert_int_equal(fake_gateway_loaded_count(world->gateway[0]), 30);
    CLEANUP(freep) char *word = world_word(world, "", 0);
    assert_string_equal(word, "MassDeletion");
    struct gateway_summary summary;
    assert_true(world->ops->summary(world->gateways, "", &summary));
    assert_int_equal(summary.orphans_held, 10);
    assert_true(world->ops->is_quiet(world->gateways));
    assert_false(fleet_is_settled(world->gateways));

    /* What is wanted goes on meanwhile. */
    world_want(world, &(struct world_api){.name = "a0", .version = 2});
    world_run(world, 3000);
    expect_synced(world, "a0", 1);

    world_context(world, &(struct world_context){.count = 1, .confirm_prune = true});
    world_settle(world);
    assert_int_equal(fake_gateway_loaded_count(world->gateway[0]), 20);
    assert_true(world->ops->summary(world->gateways, "", &summary));
    assert_int_equal(summary.orphans_held, 0);
    world_free(world);
}

static void five_orphans_or_a_fifth_go_without_confirmation(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    for (int i = 0; i < 5; i++) {
        CLEANUP(freep) char *id = xasprintf("lost%d", i);
        put_orphan(world, 0, id);
    }
    world_context(world, &(struct world_context){.count = 1});
    world->ops->set_complete(world->gateways, true);
    world_run(world, 40000);
    assert_int_equal(fake_gateway_loaded_count(world->gateway[0]), 0);
    world_free(world);
}

static void the_flag_confirms_for_all(void **state)
{
    (void)state;
    static const struct gateways_options options = {
        .owner = "grapnel", .cluster = "c-1", .confirm_prune = true};
    struct world *world = world_new_with(1, &options);
    for (int i = 0; i < 10; i++) {
        CLEANUP(freep) char *id = xasprintf("lost%d", i);
        put_orphan(world, 0, id);
    }
    world_context(world, &(struct world_context){.count = 1});
    world->ops->set_complete(world->gateways, true);
    world_run(world, 40000);
    assert_int_equal(fake_gateway_loaded_count(world->gateway[0]), 0);
    world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(orphans_go_after_thirty_seconds),
        cmocka_unit_test(an_orphan_whose_deletion_comes_late_is_looked_at_and_goes),
        cmocka_unit_test(the_thirty_seconds_begin_when_all_apis_have_been_named),
        cmocka_unit_test(orphans_stay_while_not_all_apis_have_been_named),
        cmocka_unit_test(orphans_of_namespaces_that_are_not_watched_stay),
        cmocka_unit_test(what_is_not_of_this_owner_cluster_and_context_is_no_orphan),
        cmocka_unit_test(what_is_kept_is_read_in_rotation_as_well),
        cmocka_unit_test(what_one_gateway_holds_as_retained_is_retained_on_all),
        cmocka_unit_test(what_is_kept_or_retained_is_no_orphan),
        cmocka_unit_test(an_orphan_that_gets_an_object_again_is_taken_up),
        cmocka_unit_test(many_orphans_stop_the_collection_until_confirmed),
        cmocka_unit_test(five_orphans_or_a_fifth_go_without_confirmation),
        cmocka_unit_test(the_flag_confirms_for_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
