/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

/* The end of a long list is decided about bit by bit: what happens in between? */

#define MANY 600

typedef void act_fn(struct world *world);

struct between {
    struct world *world;
    act_fn *act; /* NULL: was called */
    size_t least;
    size_t rounds; /* that ended with some decided, and others not */
};

static size_t held(const struct world *world)
{
    CLEANUP(buf_fini) struct buf text;
    buf_init(&text, BUF_UNLIMITED);
    world->ops->describe(world->gateways, "", &text);
    const char *count = strstr(buf_text(&text), "\"definitions\":");
    return count ? strtoul(count + strlen("\"definitions\":"), NULL, 10) : 0;
}

static void after_callback(void *arg)
{
    struct between *between = arg;
    struct world *world = between->world;
    if (!world->gateways || counts(world, 0)->lists != 1 || held(world) == MANY ||
        held(world) <= between->least)
        return;
    between->least = held(world);
    between->rounds++;
    act_fn *act = TAKE(between->act);
    if (act)
        act(world);
}

/* A gateway that holds MANY, and an operator that has just been started and wants them. */
static struct world *restarted(struct between *between, act_fn *act)
{
    struct world *world = world_new(2);
    world_context(world, &(struct world_context){.count = 1});
    world_want_many(world, MANY, 1, false);
    world_settle(world);
    world_stop(world);
    reset_counts(world);
    world_start(world, NULL);
    world_context(world, &(struct world_context){.count = 1});
    world_want_many(world, MANY, 1, false);
    *between = (struct between){.world = world, .act = act};
    fake_loop_after_callbacks(world->loop, after_callback, between);
    return world;
}

/* Lets it look, and act in between. */
static void look(struct world *world, const struct between *between)
{
    world_run(world, 500);
    assert_null(between->act);
    fake_loop_after_callbacks(world->loop, NULL, NULL);
}

static void do_nothing(struct world *world)
{
    assert_false(fleet_is_settled(world->gateways));
    assert_false(world->ops->is_quiet(world->gateways));
}

static void a_long_list_is_decided_about_in_more_than_one_round(void **state)
{
    (void)state;
    struct between between;
    struct world *world = restarted(&between, do_nothing);
    look(world, &between);
    assert_true(between.rounds >= 1);
    assert_int_equal(held(world), MANY);
    world_settle(world);
    assert_int_equal(writes(world, 0), 0);
    world_free(world);
}

static void let_go_and_want(struct world *world)
{
    for (int i = 0; i < MANY; i += 2) {
        CLEANUP(freep) char *key = xasprintf("ns/a%d", i);
        world->ops->forget(world->gateways, key);
    }
    for (int i = 1; i < MANY; i += 100) {
        CLEANUP(freep) char *name = xasprintf("a%d", i);
        world_want(world, &(struct world_api){.name = name, .version = 2, .by_user = true});
    }
    world_want(world, &(struct world_api){.name = "new", .version = 1});
    world_remove(world, "a3");
}

static void what_changes_meanwhile_is_done(void **state)
{
    (void)state;
    struct between between;
    struct world *world = restarted(&between, let_go_and_want);
    look(world, &between);
    world_settle(world);
    assert_int_equal(counts(world, 0)->posts, MANY / 100 + 1);
    assert_int_equal(counts(world, 0)->deletes, 1);
    expect_synced(world, "new", 1);
    expect_synced(world, "a201", 1);
    expect_synced(world, "a501", 1);
    assert_null(fake_gateway_loaded(world->gateway[0], "a3"));
    assert_non_null(fake_gateway_loaded(world->gateway[0], "a4"));
    world_free(world);
}

static void lose_leadership(struct world *world)
{
    world_stop(world);
}

static void the_end_may_come_meanwhile(void **state)
{
    (void)state;
    struct between between;
    struct world *world = restarted(&between, lose_leadership);
    look(world, &between);
    assert_int_equal(writes(world, 0), 0);
    world_free(world);
}

static void replace_gateway(struct world *world)
{
    world_context(world, &(struct world_context){.from = 1, .count = 1});
}

static void the_gateway_may_go_meanwhile(void **state)
{
    (void)state;
    struct between between;
    struct world *world = restarted(&between, replace_gateway);
    look(world, &between);
    world_settle(world);
    assert_int_equal(writes(world, 0), 0);
    assert_int_equal(fake_gateway_loaded_count(world->gateway[1]), MANY);
    world_free(world);
}

static void share_gateway(struct world *world)
{
    world_context(world, &(struct world_context){.name = "x/two", .count = 1});
    world->ops->remove_context(world->gateways, "");
}

static void the_context_may_go_meanwhile_and_leave_the_gateway_to_another(void **state)
{
    (void)state;
    struct between between;
    struct world *world = restarted(&between, share_gateway);
    look(world, &between);
    world_run(world, 5000);
    assert_int_equal(writes(world, 0), 0);
    assert_int_equal(fake_gateway_loaded_count(world->gateway[0]), MANY);
    world_context(world, &(struct world_context){.count = 1});
    world_settle(world);
    assert_int_equal(held(world), MANY);
    assert_int_equal(writes(world, 0), 0);
    world_free(world);
}

static void lose_secret(struct world *world)
{
    world_context(world, &(struct world_context){.count = 1, .blocked = "no Secret"});
}

static void what_was_decided_before_the_secret_went_is_looked_at_again(void **state)
{
    (void)state;
    struct between between;
    struct world *world = restarted(&between, lose_secret);
    look(world, &between);
    fake_gateway_restart(world->gateway[0], true, 0);
    world_run(world, 5000);
    assert_int_equal(counts(world, 0)->lists, 1);
    world_context(world, &(struct world_context){.count = 1});
    world_settle(world);
    assert_int_equal(fake_gateway_loaded_count(world->gateway[0]), MANY);
    world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_long_list_is_decided_about_in_more_than_one_round),
        cmocka_unit_test(what_changes_meanwhile_is_done),
        cmocka_unit_test(the_end_may_come_meanwhile),
        cmocka_unit_test(the_gateway_may_go_meanwhile),
        cmocka_unit_test(the_context_may_go_meanwhile_and_leave_the_gateway_to_another),
        cmocka_unit_test(what_was_decided_before_the_secret_went_is_looked_at_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
