/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <string.h>

#include "base/mem.h"

/* A process that has just begun may know less than the one before it has pushed: the API server
 * that it follows is behind. */

static void start(struct world *world)
{
    world_stop(world);
    reset_counts(world);
    world_start(world, NULL);
    world_context(world, &(struct world_context){.count = world->gateway_count});
    world->ops->set_complete(world->gateways, true);
}

/* "ns/a" in its second version is on all gateways; nobody is there. */
static struct world *pushed(size_t gateways)
{
    struct world *world = world_new(gateways);
    world_context(world, &(struct world_context){.count = gateways});
    world_want(world, &(struct world_api){.name = "a", .version = 1, .object_version = 40});
    world_settle(world);
    world_want(world, &(struct world_api){.name = "a", .version = 2, .object_version = 105});
    world_settle(world);
    start(world);
    return world;
}

static bool holds(const struct world *world, size_t gateway, const char *id, const char *part)
{
    const char *loaded = fake_gateway_loaded(world->gateway[gateway], id);
    return loaded && strstr(loaded, part);
}

static void what_is_newer_than_what_is_known_is_not_overwritten(void **state)
{
    (void)state;
    struct world *world = pushed(2);
    world_want(world, &(struct world_api){.name = "a", .version = 1, .object_version = 40});
    world_run(world, 20000);
    assert_int_equal(writes(world, 0) + writes(world, 1), 0);
    assert_true(holds(world, 0, "a", "\"version\":2"));
    expect_state(world, "a", GATEWAY_PENDING, "newer version");
    CLEANUP(freep) char *word = world_word(world, "", 0);
    assert_string_equal(word, "Syncing");
    assert_false(world->ops->is_quiet(world->gateways));

    /* Still not all. */
    world_want(world, &(struct world_api){.name = "a", .version = 3, .object_version = 104});
    world_run(world, 10000);
    assert_int_equal(writes(world, 0) + writes(world, 1), 0);

    /* What was pushed last. */
    world_want(world, &(struct world_api){.name = "a", .version = 2, .object_version = 105});
    world_settle(world);
    assert_int_equal(writes(world, 0) + writes(world, 1), 0);
    expect_synced(world, "a", 2);
    world_free(world);
}

static void what_is_known_is_pushed_as_soon_as_it_is_newer(void **state)
{
    (void)state;
    struct world *world = pushed(2);
    world_want(world, &(struct world_api){.name = "a", .version = 1, .object_version = 40});
    world_run(world, 20000);
    world_want(world, &(struct world_api){.name = "a", .version = 3, .object_version = 106});
    assert_in_range(world_settle(world), 0, 5000);
    assert_true(holds(world, 0, "a", "\"version\":3"));
    assert_int_equal(counts(world, 0)->posts, 1);
    expect_synced(world, "a", 2);
    world_free(world);
}

/* The content of a version that has not changed since: it was only what was said of it. */
static void it_may_have_caught_up_without_another_content(void **state)
{
    (void)state;
    struct world *world = pushed(1);
    world_want(world, &(struct world_api){.name = "a", .version = 1, .object_version = 40});
    world_run(world, 20000);
    world_want(world, &(struct world_api){.name = "a", .version = 1, .object_version = 110});
    assert_in_range(world_settle(world), 0, 5000);
    assert_true(holds(world, 0, "a", "\"version\":1"));
    expect_synced(world, "a", 1);
    world_free(world);
}

/* A backup of the store was restored: nothing newer will come. */
static void what_is_known_counts_after_a_minute(void **state)
{
    (void)state;
    struct world *world = pushed(2);
    world_want(world, &(struct world_api){.name = "a", .version = 1, .object_version = 40});
    world_run(world, 59000);
    assert_int_equal(writes(world, 0) + writes(world, 1), 0);
    world_run(world, 5000);
    assert_true(holds(world, 0, "a", "\"version\":1"));
    assert_true(holds(world, 1, "a", "\"version\":1"));
    expect_synced(world, "a", 2);

    /* And at once from then on. */
    world_want(world, &(struct world_api){.name = "a", .version = 2, .object_version = 30});
    assert_in_range(world_settle(world), 0, 5000);
    assert_true(holds(world, 0, "a", "\"version\":2"));
    world_free(world);
}

static void a_gateway_without_it_gets_what_is_known(void **state)
{
    (void)state;
    struct world *world = pushed(2);
    fake_gateway_take(world->gateway[1], "a");
    world_want(world, &(struct world_api){.name = "a", .version = 1, .object_version = 40});
    world_run(world, 20000);
    assert_true(holds(world, 0, "a", "\"version\":2"));
    assert_true(holds(world, 1, "a", "\"version\":1"));
    assert_int_equal(writes(world, 0), 0);
    world_free(world);
}

/* It has moved to another id, which this process has not heard of. */
static void what_has_moved_meanwhile_does_not_move_back(void **state)
{
    (void)state;
    struct world *world = pushed(1);
    world_want(world,
               &(struct world_api){.name = "a", .id = "b", .version = 3, .object_version = 120});
    world_settle(world);
    assert_null(fake_gateway_loaded(world->gateway[0], "a"));
    start(world);
    world_want(world, &(struct world_api){.name = "a", .version = 2, .object_version = 105});
    world_run(world, 50000);
    assert_int_equal(writes(world, 0), 0);
    assert_true(holds(world, 0, "b", "\"version\":3"));

    /* Nothing newer comes. */
    world_run(world, 20000);
    world_settle(world);
    assert_null(fake_gateway_loaded(world->gateway[0], "b"));
    assert_true(holds(world, 0, "a", "\"version\":2"));
    world_free(world);
}

static void another_version_alone_is_nothing_to_push(void **state)
{
    (void)state;
    struct world *world = pushed(1);
    for (uint64_t version = 105; version < 200; version += 5) {
        world_want(world,
                   &(struct world_api){.name = "a", .version = 2, .object_version = version});
        world_run(world, 500);
    }
    world_settle(world);
    assert_int_equal(writes(world, 0), 0);
    expect_synced(world, "a", 1);
    world_free(world);
}

static void an_older_definition_that_is_put_back_is_repaired_at_once(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    world_context(world, &(struct world_context){.count = 1});
    world_want(world, &(struct world_api){.name = "a", .version = 1, .object_version = 40});
    world_settle(world);
    CLEANUP(freep) char *before = xstrdup(fake_gateway_loaded(world->gateway[0], "a"));
    assert_non_null(strstr(before, "\"rv\":\"40\""));
    world_want(world, &(struct world_api){.name = "a", .version = 2, .object_version = 105});
    world_settle(world);
    fake_gateway_put(world->gateway[0], "a", false, before);
    world_run(world, 15000);
    assert_true(holds(world, 0, "a", "\"rv\":\"105\""));
    expect_synced(world, "a", 1);
    world_free(world);
}

/* As with a folder, or before markers had versions. */
static void where_versions_are_not_known_they_are_not_compared(void **state)
{
    (void)state;
    struct world *world = pushed(1);
    world_want(world, &(struct world_api){.name = "a", .version = 1});
    assert_in_range(world_settle(world), 0, 5000);
    assert_true(holds(world, 0, "a", "\"version\":1"));
    assert_false(holds(world, 0, "a", "\"rv\""));
    start(world);
    world_want(world, &(struct world_api){.name = "a", .version = 2, .object_version = 7});
    assert_in_range(world_settle(world), 0, 5000);
    assert_true(holds(world, 0, "a", "\"rv\":\"7\""));
    world_free(world);
}

/* Its object was made anew, under the id that another API had. */
static void versions_of_another_api_say_nothing(void **state)
{
    (void)state;
    struct world *world = pushed(1);
    world_remove(world, "a");
    world_want(world,
               &(struct world_api){.name = "b", .id = "a", .version = 1, .object_version = 50});
    assert_in_range(world_settle(world), 0, 5000);
    assert_true(holds(world, 0, "a", "ns/b"));
    world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_newer_than_what_is_known_is_not_overwritten),
        cmocka_unit_test(what_is_known_is_pushed_as_soon_as_it_is_newer),
        cmocka_unit_test(it_may_have_caught_up_without_another_content),
        cmocka_unit_test(what_is_known_counts_after_a_minute),
        cmocka_unit_test(a_gateway_without_it_gets_what_is_known),
        cmocka_unit_test(what_has_moved_meanwhile_does_not_move_back),
        cmocka_unit_test(another_version_alone_is_nothing_to_push),
        cmocka_unit_test(an_older_definition_that_is_put_back_is_repaired_at_once),
        cmocka_unit_test(where_versions_are_not_known_they_are_not_compared),
        cmocka_unit_test(versions_of_another_api_say_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
