/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <string.h>

#include "base/mem.h"

/* Deletions and moves: nothing of ours stays behind, and nothing goes that should not. */

static void a_removed_api_is_deleted_and_its_absence_verified(void **state)
{
    (void)state;
    struct world *world = world_new(2);
    world_context(world, &(struct world_context){.count = 2});
    world_want_many(world, 20, 1, false);
    world_settle(world);
    reset_counts(world);
    world_remove(world, "a3");
    world_run(world, 1);
    assert_int_equal(world_progress(world, "a3").leaving, 2);
    world_settle(world);
    assert_int_equal(world_progress(world, "a3").leaving, 0);
    assert_null(fake_gateway_loaded(world->gateway[0], "a3"));
    expect_counts(world, 0, .deletes = 1, .reloads = 1, .reads = 1);
    world->ops->forget(world->gateways, "ns/a3");
    struct gateway_progress progress;
    assert_false(world->ops->progress(world->gateways, "ns/a3", &progress));
    world_free(world);
}

static void a_deletion_looks_first_when_the_last_look_is_old(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    world_context(world, &(struct world_context){.count = 1});
    world_want_many(world, 20, 1, false);
    world_settle(world);
    world_run(world, 60000);
    /* Somebody has put a definition of their own there meanwhile. */
    fake_gateway_put(world->gateway[0], "a3", false,
                     "{\"api_id\":\"a3\",\"proxy\":{\"listen_path\":\"/a3/\"}}");
    reset_counts(world);
    world_remove(world, "a3");
    world_settle(world);
    assert_int_equal(writes(world, 0), 0);
    assert_non_null(fake_gateway_loaded(world->gateway[0], "a3"));
    assert_int_equal(world_progress(world, "a3").leaving, 0);
    world_free(world);
}

static void created_and_deleted_within_a_reload_leaves_nothing(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    world_context(world, &(struct world_context){.count = 1});
    world_want_many(world, 5, 1, false);
    world_settle(world);
    world_want(world, &(struct world_api){.name = "new"});
    world_run(world, 10);
    assert_non_null(fake_gateway_file(world->gateway[0], "new"));
    assert_null(fake_gateway_loaded(world->gateway[0], "new"));
    world_remove(world, "new");
    world_settle(world);
    assert_int_equal(world_progress(world, "new").leaving, 0);
    assert_null(fake_gateway_file(world->gateway[0], "new"));
    assert_null(fake_gateway_loaded(world->gateway[0], "new"));
    world_free(world);
}

static void a_404_on_delete_counts_only_after_a_reload(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    world_context(world, &(struct world_context){.count = 1});
    world_run(world, 10);
    world->ops->expect(world->gateways, true);
    world_want(world, &(struct world_api){.name = "new"});
    world_run(world, 10);
    world_remove(world, "new");
    world_run(world, 10);
    /* The batch is still open: it is on the disk, and not loaded. */
    assert_int_equal(counts(world, 0)->deletes, 1);
    assert_non_null(fake_gateway_file(world->gateway[0], "new"));
    assert_int_equal(world_progress(world, "new").leaving, 1);
    world->ops->expect(world->gateways, false);
    world_settle(world);
    assert_null(fake_gateway_file(world->gateway[0], "new"));
    assert_int_equal(counts(world, 0)->deletes, 2);
    assert_int_equal(counts(world, 0)->reloads, 2);
    world_free(world);
}

static void deleted_late_in_a_long_batch_leaves_nothing_either(void **state)
{
    (void)state;
    for (int oas = 0; oas < 2; oas++) {
        struct world *world = world_new(1);
        world_context(world, &(struct world_context){.count = 1});
        world_run(world, 10);
        world->ops->expect(world->gateways, true);
        world_want(world, &(struct world_api){.name = "new", .oas = oas});
        for (int i = 0; i < 80; i++) {
            CLEANUP(freep) char *name = xasprintf("a%d", i);
            world_want(world, &(struct world_api){.name = name});
            world_run(world, 100);
        }
        assert_non_null(fake_gateway_file(world->gateway[0], "new"));
        assert_int_equal(counts(world, 0)->reloads, 0);
        /* The last look is old: nothing is loaded, and yet it is there. */
        world_remove(world, "new");
        world_run(world, 10);
        assert_int_equal(world_progress(world, "new").leaving, 1);
        world->ops->expect(world->gateways, false);
        world_settle(world);
        assert_null(fake_gateway_file(world->gateway[0], "new"));
        assert_int_equal(fake_gateway_loaded_count(world->gateway[0]), 80);
        world_free(world);
    }
}

static void a_500_on_delete_means_reload_and_look(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    world_context(world, &(struct world_context){.count = 1});
    world_want_many(world, 2, 1, false);
    world_settle(world);
    reset_counts(world);
    fake_gateway_fault(world->gateway[0],
                       &(struct fake_fault_rule){
                           .fault = FAKE_STATUS, .method = "DELETE", .status = 500, .count = 1});
    world_remove(world, "a0");
    world_run(world, 1500);
    /* It is still there: tried again. */
    assert_int_equal(counts(world, 0)->reloads, 1);
    assert_int_equal(world_progress(world, "a0").leaving, 1);
    world_settle(world);
    assert_null(fake_gateway_loaded(world->gateway[0], "a0"));
    assert_int_equal(counts(world, 0)->deletes, 2);
    world_free(world);
}

static void what_cannot_be_deleted_is_tried_more_and_more_seldom(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    world_context(world, &(struct world_context){.count = 1});
    world_want_many(world, 20, 1, false);
    world_settle(world);
    reset_counts(world);
    fake_gateway_fault(
        world->gateway[0],
        &(struct fake_fault_rule){.fault = FAKE_STATUS, .method = "DELETE", .status = 500});
    world_remove(world, "a0");
    world_run(world, 60000);
    assert_in_range(counts(world, 0)->deletes, 4, 8);
    assert_int_equal(world_progress(world, "a0").leaving, 1);
    /* Looks that happen meanwhile change nothing about that. */
    for (unsigned i = 2; i < 8; i++) {
        world_want_many(world, 0, i, false);
        for (int j = 1; j < 20; j++) {
            CLEANUP(freep) char *name = xasprintf("a%d", j);
            world_want(world, &(struct world_api){.name = name, .version = i});
        }
        world_run(world, 3000);
    }
    assert_true(counts(world, 0)->lists >= 6);
    assert_in_range(counts(world, 0)->deletes, 4, 9);
    world_free(world);
}

static void expect_doubt(struct world *world, const char *doubt)
{
    struct gateway_summary summary;
    assert_true(world->ops->summary(world->gateways, "", &summary));
    assert_string_equal(summary.doubt, doubt);
}

/* For --once: nothing of this is in the status of an API that stays. */
static void a_gateway_that_may_hold_what_has_to_go_is_told(void **state)
{
    (void)state;
    struct world *world = world_new(2);
    world_context(world, &(struct world_context){.count = 2});
    world_want_many(world, 2, 1, false);
    world_settle(world);
    expect_doubt(world, "");
    fake_gateway_fault(
        world->gateway[1],
        &(struct fake_fault_rule){.fault = FAKE_STATUS, .method = "DELETE", .status = 400});
    world_remove(world, "a0");
    world_run(world, 3000);
    expect_doubt(world, "gw-1: does not delete ns/a0 (HTTP 400)");
    fake_gateway_heal(world->gateway[1]);
    world_run(world, 60000);
    expect_doubt(world, "");
    world_remove(world, "a1");
    world_settle(world);
    expect_doubt(world, "");

    /* It cannot be looked at: nobody knows. One that is not ready does not count. */
    fake_gateway_fault(world->gateway[0], &(struct fake_fault_rule){.fault = FAKE_REFUSE});
    world_run(world, 30000);
    struct gateway_summary summary;
    assert_true(world->ops->summary(world->gateways, "", &summary));
    assert_non_null(strstr(summary.doubt, "gw-0: "));
    world_context(world, &(struct world_context){.count = 2, .not_ready = true});
    world_run(world, 1000);
    expect_doubt(world, "");
    world_free(world);
}

static void a_deletion_that_is_not_in_force_is_tried_again(void **state)
{
    (void)state;
    for (int oas = 0; oas < 2; oas++) {
        struct world *world = world_new(1);
        world_context(world, &(struct world_context){.count = 1});
        world_want(world, &(struct world_api){.name = "a", .oas = oas});
        world_settle(world);
        fake_gateway_fault(world->gateway[0], &(struct fake_fault_rule){.fault = FAKE_STATUS,
                                                                        .method = "DELETE",
                                                                        .status = 200,
                                                                        .count = 1});
        world_remove(world, "a");
        world_run(world, 1500);
        assert_int_equal(world_progress(world, "a").leaving, 1);
        world_settle(world);
        assert_int_equal(world_progress(world, "a").leaving, 0);
        assert_null(fake_gateway_loaded(world->gateway[0], "a"));
        world_free(world);
    }
}

static void oas_definitions_are_looked_at_one_at_a_time_before_they_are_deleted(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    world_context(world, &(struct world_context){.count = 1});
    world_want_many(world, 20, 1, true);
    world_settle(world);
    world_run(world, 600);
    world_run(world, 200000);
    reset_counts(world);
    world_remove(world, "a3");
    world_remove(world, "a4");
    world_remove(world, "a5");
    world_settle(world);
    assert_int_equal(counts(world, 0)->deletes, 3);
    assert_in_range(counts(world, 0)->oas_reads, 2, 4);
    assert_int_equal(fake_gateway_loaded_count(world->gateway[0]), 17);
    world_free(world);
}

static void an_unreachable_gateway_is_told_apart_and_cleaned_when_it_returns(void **state)
{
    (void)state;
    struct world *world = world_new(2);
    world_context(world, &(struct world_context){.count = 2});
    world_want_many(world, 3, 1, false);
    world_settle(world);
    fake_gateway_fault(world->gateway[1], &(struct fake_fault_rule){.fault = FAKE_REFUSE});
    world_remove(world, "a1");
    world_run(world, 5000);
    struct gateway_progress progress = world_progress(world, "a1");
    assert_int_equal(progress.leaving, 0);
    assert_int_equal(progress.leaving_unreachable, 1);
    assert_true(progress.unreachable_since >= loop_now(world->loop) - 5000);
    assert_null(fake_gateway_loaded(world->gateway[0], "a1"));

    /* Its object goes without waiting any longer; what is left goes all the same. */
    world->ops->forget(world->gateways, "ns/a1");
    assert_false(world->ops->progress(world->gateways, "ns/a1", &progress));
    fake_gateway_heal(world->gateway[1]);
    world_run(world, 40000);
    assert_null(fake_gateway_loaded(world->gateway[1], "a1"));
    assert_int_equal(fake_gateway_loaded_count(world->gateway[1]), 2);
    world_free(world);
}

static void an_api_that_was_removed_while_the_operator_was_down_is_found_by_its_marker(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    world_context(world, &(struct world_context){.count = 1});
    world_want_many(world, 3, 1, false);
    world_settle(world);
    world_stop(world);
    world_start(world, NULL);
    world_context(world, &(struct world_context){.count = 1});
    world_want_many(world, 2, 1, false);
    /* All that its object says is that it shall go; its place is not known. */
    world_remove(world, "a2");
    assert_int_equal(world_progress(world, "a2").leaving, 1);
    world_settle(world);
    assert_int_equal(world_progress(world, "a2").leaving, 0);
    assert_null(fake_gateway_loaded(world->gateway[0], "a2"));
    assert_int_equal(fake_gateway_loaded_count(world->gateway[0]), 2);
    world_free(world);
}

static void an_api_that_comes_back_while_it_leaves_stays(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    world_context(world, &(struct world_context){.count = 1});
    world_want_many(world, 3, 1, false);
    world_settle(world);
    world_remove(world, "a1");
    world_run(world, 10);
    assert_null(fake_gateway_file(world->gateway[0], "a1"));
    world_want(world, &(struct world_api){.name = "a1", .version = 1});
    world_settle(world);
    expect_synced(world, "a1", 1);
    assert_non_null(fake_gateway_file(world->gateway[0], "a1"));
    world_free(world);
}

static void a_move_to_another_context_is_verified_before_the_old_place_is_cleaned(void **state)
{
    (void)state;
    struct world *world = world_new(2);
    world_context(world, &(struct world_context){.name = "x/one", .count = 1});
    world_context(world, &(struct world_context){.name = "x/two", .from = 1, .count = 1});
    world_want(world, &(struct world_api){.name = "a", .context = "x/one"});
    world_settle(world);
    fake_gateway_fault(world->gateway[1],
                       &(struct fake_fault_rule){.fault = FAKE_HANG, .url_part = "/reload"});
    world_want(world, &(struct world_api){.name = "a", .context = "x/two"});
    world_run(world, 3000);
    assert_non_null(fake_gateway_loaded(world->gateway[0], "a"));
    assert_int_equal(counts(world, 0)->deletes, 0);
    assert_int_equal(world_progress(world, "a").leaving, 1);
    fake_gateway_heal(world->gateway[1]);
    world_settle(world);
    expect_synced(world, "a", 1);
    assert_null(fake_gateway_loaded(world->gateway[0], "a"));
    assert_int_equal(world_progress(world, "a").leaving, 0);
    world_free(world);
}

static void a_move_to_a_context_without_gateways_cleans_nothing(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    world_context(world, &(struct world_context){.name = "x/one", .count = 1});
    world_want(world, &(struct world_api){.name = "a", .context = "x/one"});
    world_settle(world);
    world_context(world, &(struct world_context){.name = "x/nowhere"});
    world_want(world, &(struct world_api){.name = "a", .context = "x/nowhere"});
    world_run(world, 60000);
    assert_int_equal(counts(world, 0)->deletes, 0);
    expect_state(world, "a", GATEWAY_NONE, "");
    assert_false(fleet_is_settled(world->gateways));
    assert_true(world->ops->is_quiet(world->gateways));
    /* And back: nothing has to be pushed. */
    reset_counts(world);
    world_want(world, &(struct world_api){.name = "a", .context = "x/one"});
    world_settle(world);
    expect_synced(world, "a", 1);
    assert_int_equal(writes(world, 0), 0);
    world_free(world);
}

static void a_move_while_the_operator_was_down_is_finished(void **state)
{
    (void)state;
    struct world *world = world_new(2);
    world_context(world, &(struct world_context){.name = "x/one", .count = 1});
    world_want(world, &(struct world_api){.name = "a", .context = "x/one"});
    world_settle(world);
    world_stop(world);
    world_start(world, NULL);
    world_context(world, &(struct world_context){.name = "x/one", .count = 1});
    world_context(world, &(struct world_context){.name = "x/two", .from = 1, .count = 1});
    world_run(world, 100);
    world_want(world, &(struct world_api){.name = "a", .context = "x/two"});
    world->ops->set_complete(world->gateways, true);
    world_settle(world);
    expect_synced(world, "a", 1);
    assert_null(fake_gateway_loaded(world->gateway[0], "a"));
    assert_non_null(fake_gateway_loaded(world->gateway[1], "a"));
    world_free(world);
}

static void what_an_api_left_in_a_context_that_is_gone_is_cleaned_too(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    fake_gateway_put(world->gateway[0], "one", false,
                     "{\"api_id\":\"one\"," OURS("ns/a", "x/gone",
                                                 "h") "\"proxy\":{\"listen_path\":\"/one/\"}}");
    world_context(world, &(struct world_context){.name = "x/new", .count = 1});
    world_want(world, &(struct world_api){.name = "a", .id = "two", .context = "x/new"});
    world_settle(world);
    expect_synced(world, "a", 1);
    assert_null(fake_gateway_loaded(world->gateway[0], "one"));
    world_free(world);
}

static void expect_definitions(struct world *world, const char *context, unsigned count)
{
    CLEANUP(buf_fini) struct buf text;
    buf_init(&text, BUF_UNLIMITED);
    world->ops->describe(world->gateways, context, &text);
    CLEANUP(freep) char *wanted = xasprintf("\"Synced\",\"definitions\":%u", count);
    if (!strstr(buf_text(&text), wanted))
        fail_msg("%s, not %s", buf_text(&text), wanted);
}

/* The other context, whose gateway it is too, would say one thing now and another after the next
 * look at everything. */
static void what_stands_on_a_shared_gateway_stays_known_when_its_context_goes(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    world_context(world, &(struct world_context){.name = "x/one", .count = 1});
    world_context(world, &(struct world_context){.name = "x/two", .count = 1});
    world_want(world, &(struct world_api){.name = "a", .context = "x/one"});
    world_settle(world);
    expect_definitions(world, "x/two", 1);
    world->ops->remove_context(world->gateways, "x/one");
    world_run(world, 2000);
    expect_definitions(world, "x/two", 1);
    world_run(world, 1300000);
    expect_definitions(world, "x/two", 1);
    assert_int_equal(counts(world, 0)->deletes, 0);
    world_free(world);
}

static void expect_exact(struct world *world, const char *context)
{
    struct gateway_summary summary;
    assert_true(world->ops->summary(world->gateways, context, &summary));
    assert_int_equal(summary.state, GATEWAY_SYNCED);
    assert_int_equal(summary.synced, 1);
}

/* Nothing is on its way any more: the old context would say for ever that it is not done. */
static void what_has_not_moved_yet_stays_when_the_new_context_goes(void **state)
{
    (void)state;
    for (unsigned shared = 0; shared < 2; shared++) {
        struct world *world = world_new(2);
        struct world_context to = {.name = "x/new", .from = !shared, .count = 1};
        world_context(world, &(struct world_context){.name = "x/old", .count = 1});
        world_context(world, &to);
        world_want(world, &(struct world_api){.name = "a", .context = "x/old"});
        world_settle(world);
        world_want(world, &(struct world_api){.name = "a", .version = 2, .context = "x/new"});
        world->ops->remove_context(world->gateways, "x/new");
        world_run(world, 5000);
        expect_exact(world, "x/old");
        assert_non_null(fake_gateway_loaded(world->gateway[0], "a"));
        world_context(world, &to);
        world_settle(world);
        expect_synced(world, "a", 1);
        expect_exact(world, "x/old");
        expect_exact(world, "x/new");
        assert_true((fake_gateway_loaded(world->gateway[0], "a") != NULL) == shared);
        world_free(world);
    }
}

static void a_new_api_id_with_the_same_path_changes_place_in_one_reload(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    world_context(world, &(struct world_context){.count = 1});
    world_want(world, &(struct world_api){.name = "a", .id = "one", .path = "/a/"});
    world_settle(world);
    reset_counts(world);
    world_want(world, &(struct world_api){.name = "a", .id = "two", .path = "/a/"});
    world_settle(world);
    expect_synced(world, "a", 1);
    assert_null(fake_gateway_loaded(world->gateway[0], "one"));
    assert_non_null(strstr(fake_gateway_loaded(world->gateway[0], "two"), "\"/a/\""));
    assert_int_equal(counts(world, 0)->posts, 1);
    assert_int_equal(counts(world, 0)->deletes, 1);
    assert_int_equal(counts(world, 0)->reloads, 1);
    world_free(world);
}

static void a_new_api_id_with_another_path_is_verified_first(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    world_context(world, &(struct world_context){.count = 1});
    world_want(world, &(struct world_api){.name = "a", .id = "one", .path = "/one/"});
    world_settle(world);
    reset_counts(world);
    world_want(world, &(struct world_api){.name = "a", .id = "two", .path = "/two/"});
    world_run(world, 100);
    assert_int_equal(counts(world, 0)->deletes, 0);
    world_settle(world);
    expect_synced(world, "a", 1);
    assert_null(fake_gateway_loaded(world->gateway[0], "one"));
    assert_int_equal(counts(world, 0)->reloads, 2);
    world_free(world);
}

/* `a` on the first `count` gateways and `b` on those from the second on take each other's context
 * and listen path. */
static void exchange(size_t count, bool at_once)
{
    struct world *world = world_new(count + 1);
    world_context(world, &(struct world_context){.name = "x/one", .count = count});
    world_context(world, &(struct world_context){.name = "x/two", .from = 1, .count = count});
    world_want(world, &(struct world_api){.name = "a", .context = "x/one", .path = "/1/"});
    world_want(world, &(struct world_api){.name = "b", .context = "x/two", .path = "/2/"});
    world_settle(world);
    world_want(world, &(struct world_api){.name = "a", .context = "x/two", .path = "/2/"});
    if (!at_once) {
        world_run(world, 10000);
        /* Nobody has to wait but `a`: what it leaves stays until it is somewhere else. */
        expect_state(world, "a", GATEWAY_REJECTED, "has its listen path");
        assert_non_null(fake_gateway_loaded(world->gateway[0], "a"));
        assert_non_null(strstr(fake_gateway_loaded(world->gateway[count], "b"), "\"/2/\""));
    }
    world_want(world, &(struct world_api){.name = "b", .context = "x/one", .path = "/1/"});
    world_settle(world);
    expect_synced(world, "a", count);
    expect_synced(world, "b", count);
    assert_null(fake_gateway_loaded(world->gateway[0], "a"));
    assert_null(fake_gateway_loaded(world->gateway[count], "b"));
    assert_non_null(strstr(fake_gateway_loaded(world->gateway[count], "a"), "\"/2/\""));
    assert_non_null(strstr(fake_gateway_loaded(world->gateway[0], "b"), "\"/1/\""));
    world_free(world);
}

static void two_that_take_each_others_place_do_not_wait_for_each_other(void **state)
{
    (void)state;
    exchange(1, true);
    exchange(1, false);
    /* With a gateway that both contexts have. */
    exchange(2, true);
    exchange(2, false);
}

/* The operator was killed between the deletion on the gateways and the finalizer: a gateway that
 * has not been looked at yet may hold the API, and who waits for that must hear of it. */
static void what_leaves_and_was_never_there_is_told_when_all_have_been_looked_at(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    world_context(world, &(struct world_context){.count = 1, .fixed = true});
    world_remove(world, "gone");
    assert_int_equal(world_progress(world, "gone").leaving, 1);
    world_settle(world);
    assert_int_equal(world_progress(world, "gone").leaving, 0);
    assert_int_equal(world->progressed, 2);
    world_free(world);
}

static void what_leaves_and_was_never_there_is_told_when_a_gateway_is_down_or_goes(void **state)
{
    (void)state;
    struct world *world = world_new(2);
    fake_gateway_fault(world->gateway[1], &(struct fake_fault_rule){.fault = FAKE_REFUSE});
    world_context(world, &(struct world_context){.count = 2});
    world_remove(world, "gone");
    world_run(world, 5000);
    assert_int_equal(world_progress(world, "gone").leaving, 0);
    assert_int_equal(world_progress(world, "gone").leaving_unreachable, 1);
    assert_true(world->progressed > 0);
    world->progressed = 0;
    world_context(world, &(struct world_context){.count = 1});
    world_run(world, 100);
    assert_int_equal(world_progress(world, "gone").leaving_unreachable, 0);
    assert_true(world->progressed > 0);
    world_free(world);
}

/* Others make contexts too, with any address. */
static void a_gateway_of_another_context_that_is_down_holds_no_deletion_up(void **state)
{
    (void)state;
    struct world *world = world_new(2);
    fake_gateway_fault(world->gateway[1], &(struct fake_fault_rule){.fault = FAKE_REFUSE});
    world_context(world, &(struct world_context){.count = 1});
    world_context(world, &(struct world_context){.name = "x/other", .from = 1, .count = 1});
    world_remove(world, "gone");
    assert_int_equal(world_progress(world, "gone").leaving, 2);
    world_run(world, 5000);
    assert_int_equal(world_progress(world, "gone").leaving, 0);
    assert_int_equal(world_progress(world, "gone").leaving_unreachable, 0);
    world_free(world);
}

/* Who is told of progress looks at the API again, and says again that it is kept. */
static void what_is_kept_already_is_no_news(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    world_context(world, &(struct world_context){.count = 1});
    world->ops->keep(world->gateways, "ns/k", "", false);
    world_settle(world);
    world->progressed = 0;
    world->ops->keep(world->gateways, "ns/k", "", false);
    world_run(world, 100);
    assert_int_equal(world->progressed, 0);
    world->ops->keep(world->gateways, "ns/k", "other/context", false);
    world_run(world, 100);
    assert_int_equal(world->progressed, 1);
    world_free(world);
}

static void many_named_removals_need_no_confirmation(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    world_context(world, &(struct world_context){.count = 1});
    world_want_many(world, 50, 1, false);
    world->ops->set_complete(world->gateways, true);
    world_settle(world);
    reset_counts(world);
    for (int i = 0; i < 50; i++) {
        CLEANUP(freep) char *name = xasprintf("a%d", i);
        world_remove(world, name);
    }
    world_settle(world);
    assert_int_equal(fake_gateway_loaded_count(world->gateway[0]), 0);
    expect_counts(world, 0, .deletes = 50, .reloads = 1, .lists = 1);
    world_free(world);
}

/* Its context has lost its Secret: nothing can be sent any more. */
static void a_gateway_that_is_blocked_while_an_api_leaves_counts_as_unreachable(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    world_context(world, &(struct world_context){.count = 1});
    world_want_many(world, 3, 1, false);
    world_settle(world);
    world_run(world, 60000);
    int64_t blocked_at = loop_now(world->loop);
    fake_gateway_fault(world->gateway[0],
                       &(struct fake_fault_rule){.fault = FAKE_HANG, .method = "DELETE"});
    world_remove(world, "a1");
    world_run(world, 10);
    assert_int_equal(world_progress(world, "a1").leaving, 1);
    size_t told = world->progressed;
    world_context(world, &(struct world_context){.count = 1, .blocked = "no Secret"});
    world_run(world, 10);
    struct gateway_progress progress = world_progress(world, "a1");
    assert_int_equal(progress.leaving, 0);
    assert_int_equal(progress.leaving_unreachable, 1);
    assert_true(progress.unreachable_since >= blocked_at);
    assert_true(world->progressed > told);
    fake_gateway_heal(world->gateway[0]);
    world_context(world, &(struct world_context){.count = 1});
    world_settle(world);
    assert_int_equal(world_progress(world, "a1").leaving, 0);
    assert_null(fake_gateway_file(world->gateway[0], "a1"));
    world_free(world);
}

static void what_was_pushed_before_a_block_leaves_nothing_behind(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    world_context(world, &(struct world_context){.count = 1});
    world_want_many(world, 3, 1, false);
    world_settle(world);
    world_want(world, &(struct world_api){.name = "new"});
    world_run(world, 10);
    assert_non_null(fake_gateway_file(world->gateway[0], "new"));
    assert_null(fake_gateway_loaded(world->gateway[0], "new"));
    world_context(world, &(struct world_context){.count = 1, .blocked = "no Secret"});
    world_run(world, 10);
    world_remove(world, "new");
    world_run(world, 10);
    world_context(world, &(struct world_context){.count = 1});
    world_settle(world);
    assert_int_equal(world_progress(world, "new").leaving, 0);
    assert_null(fake_gateway_file(world->gateway[0], "new"));
    world_free(world);
}

/* As the next look at everything would find it. */
static void what_is_retained_still_counts_when_its_object_is_gone(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    world_context(world, &(struct world_context){.count = 1});
    world_want(world, &(struct world_api){.name = "a"});
    world_want(world, &(struct world_api){.name = "r", .retain = true});
    world_settle(world);
    expect_definitions(world, "", 2);
    world->ops->forget(world->gateways, "ns/r");
    world_run(world, 100);
    expect_definitions(world, "", 2);
    world_run(world, 1300000);
    expect_definitions(world, "", 2);
    assert_non_null(fake_gateway_loaded(world->gateway[0], "r"));
    world_free(world);
}

/* The annotation goes while the finalizer is taken off. */
static void what_is_retained_no_more_is_deleted_after_all(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    world_context(world, &(struct world_context){.count = 1});
    world_want(world, &(struct world_api){.name = "r", .retain = true});
    world_settle(world);
    world->ops->forget(world->gateways, "ns/r");
    world_remove(world, "r");
    assert_int_equal(world_progress(world, "r").leaving, 1);
    world_settle(world);
    assert_int_equal(world_progress(world, "r").leaving, 0);
    assert_null(fake_gateway_loaded(world->gateway[0], "r"));
    world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_removed_api_is_deleted_and_its_absence_verified),
        cmocka_unit_test(a_deletion_looks_first_when_the_last_look_is_old),
        cmocka_unit_test(created_and_deleted_within_a_reload_leaves_nothing),
        cmocka_unit_test(a_404_on_delete_counts_only_after_a_reload),
        cmocka_unit_test(deleted_late_in_a_long_batch_leaves_nothing_either),
        cmocka_unit_test(a_500_on_delete_means_reload_and_look),
        cmocka_unit_test(what_cannot_be_deleted_is_tried_more_and_more_seldom),
        cmocka_unit_test(a_deletion_that_is_not_in_force_is_tried_again),
        cmocka_unit_test(what_is_retained_no_more_is_deleted_after_all),
        cmocka_unit_test(what_is_retained_still_counts_when_its_object_is_gone),
        cmocka_unit_test(oas_definitions_are_looked_at_one_at_a_time_before_they_are_deleted),
        cmocka_unit_test(an_unreachable_gateway_is_told_apart_and_cleaned_when_it_returns),
        cmocka_unit_test(
            an_api_that_was_removed_while_the_operator_was_down_is_found_by_its_marker),
        cmocka_unit_test(an_api_that_comes_back_while_it_leaves_stays),
        cmocka_unit_test(a_move_to_another_context_is_verified_before_the_old_place_is_cleaned),
        cmocka_unit_test(a_move_to_a_context_without_gateways_cleans_nothing),
        cmocka_unit_test(a_move_while_the_operator_was_down_is_finished),
        cmocka_unit_test(what_an_api_left_in_a_context_that_is_gone_is_cleaned_too),
        cmocka_unit_test(what_stands_on_a_shared_gateway_stays_known_when_its_context_goes),
        cmocka_unit_test(what_has_not_moved_yet_stays_when_the_new_context_goes),
        cmocka_unit_test(a_new_api_id_with_the_same_path_changes_place_in_one_reload),
        cmocka_unit_test(a_new_api_id_with_another_path_is_verified_first),
        cmocka_unit_test(two_that_take_each_others_place_do_not_wait_for_each_other),
        cmocka_unit_test(what_is_kept_already_is_no_news),
        cmocka_unit_test(what_leaves_and_was_never_there_is_told_when_all_have_been_looked_at),
        cmocka_unit_test(what_leaves_and_was_never_there_is_told_when_a_gateway_is_down_or_goes),
        cmocka_unit_test(a_gateway_of_another_context_that_is_down_holds_no_deletion_up),
        cmocka_unit_test(many_named_removals_need_no_confirmation),
        cmocka_unit_test(a_gateway_that_may_hold_what_has_to_go_is_told),
        cmocka_unit_test(a_gateway_that_is_blocked_while_an_api_leaves_counts_as_unreachable),
        cmocka_unit_test(what_was_pushed_before_a_block_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
