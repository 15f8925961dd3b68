/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/mem.h"
#include "net/loop.h"

struct world {
    struct loop *loop;
    struct loop_timer *timer;
    struct loop_timer *other;
    struct loop_watch *watch;
    int pipe[2];
    int calls;
    int order[16];
    int64_t armed_at;
    int signal_number;
};

static int setup(void **state)
{
    struct world *world = xcalloc(1, sizeof(*world));
    world->loop = loop_new(NULL);
    assert_non_null(world->loop);
    assert_int_equal(pipe(world->pipe), 0);
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    loop_timer_free(world->timer);
    loop_timer_free(world->other);
    loop_watch_free(world->watch);
    loop_free(world->loop);
    close(world->pipe[0]);
    close(world->pipe[1]);
    free(world);
    return 0;
}

static void busy(int ms)
{
    struct timespec from;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &from);
    do
        clock_gettime(CLOCK_MONOTONIC, &now);
    while ((now.tv_sec - from.tv_sec) * 1000 + (now.tv_nsec - from.tv_nsec) / 1000000 < ms);
}

static void stop(void *arg)
{
    struct world *world = arg;
    world->calls++;
    loop_stop(world->loop);
}

static void first(void *arg)
{
    struct world *world = arg;
    world->order[world->calls++] = 1;
}

static void second(void *arg)
{
    struct world *world = arg;
    world->order[world->calls++] = 2;
}

static void deferred_calls_run_once_and_in_order(void **state)
{
    struct world *world = *state;
    loop_defer(world->loop, first, world);
    loop_defer(world->loop, second, world);
    loop_defer(world->loop, first, world);
    assert_int_equal(world->calls, 0);
    loop_defer(world->loop, stop, world);
    loop_run(world->loop);
    assert_int_equal(world->calls, 3);
    assert_int_equal(world->order[0], 1);
    assert_int_equal(world->order[1], 2);
}

static void a_deferred_call_can_be_cancelled(void **state)
{
    struct world *world = *state;
    loop_defer(world->loop, first, world);
    loop_defer(world->loop, second, world);
    loop_defer_cancel(world->loop, first, world);
    loop_defer_cancel(world->loop, first, world);
    loop_defer(world->loop, stop, world);
    loop_run(world->loop);
    assert_int_equal(world->calls, 2);
    assert_int_equal(world->order[0], 2);
}

static void what_is_deferred_at_the_end_is_forgotten_by_free(void **state)
{
    struct world *world = *state;
    loop_defer(world->loop, first, world);
    /* teardown frees the loop: no leak, no call */
    assert_int_equal(world->calls, 0);
}

static void check_timer(void *arg)
{
    struct world *world = arg;
    assert_true(loop_now(world->loop) >= world->armed_at + 30);
    assert_false(loop_timer_is_armed(world->timer));
    stop(arg);
}

static void a_timer_never_fires_before_its_time(void **state)
{
    struct world *world = *state;
    world->timer = loop_timer_new(world->loop, check_timer, world);
    assert_false(loop_timer_is_armed(world->timer));
    for (int i = 0; i < 20; i++) {
        world->armed_at = loop_now(world->loop);
        loop_timer_arm(world->timer, 30);
        assert_true(loop_timer_is_armed(world->timer));
        loop_run(world->loop);
    }
    assert_int_equal(world->calls, 20);
}

static void free_own_timer(void *arg)
{
    struct world *world = arg;
    loop_timer_free(TAKE(world->timer));
    stop(arg);
}

static void a_timer_may_free_itself(void **state)
{
    struct world *world = *state;
    world->timer = loop_timer_new(world->loop, free_own_timer, world);
    loop_timer_arm(world->timer, 0);
    loop_run(world->loop);
    assert_int_equal(world->calls, 1);
}

static void a_disarmed_timer_stays_silent_and_a_moved_one_fires_late(void **state)
{
    struct world *world = *state;
    world->timer = loop_timer_new(world->loop, first, world);
    world->other = loop_timer_new(world->loop, stop, world);
    loop_timer_arm(world->timer, 1);
    loop_timer_disarm(world->timer);
    loop_timer_arm(world->other, 1);
    loop_timer_arm(world->other, 20);
    int64_t began = loop_now(world->loop);
    loop_run(world->loop);
    assert_int_equal(world->calls, 1);
    assert_true(loop_now(world->loop) >= began + 20);
}

static void read_pipe(void *arg)
{
    struct world *world = arg;
    char byte;
    assert_int_equal(read(world->pipe[0], &byte, 1), 1);
    world->calls++;
    if (byte == '!')
        loop_stop(world->loop);
}

static void a_watch_is_called_while_the_descriptor_is_readable(void **state)
{
    struct world *world = *state;
    world->watch = loop_watch_new(world->loop, world->pipe[0], read_pipe, world);
    assert_int_equal(write(world->pipe[1], "ab!", 3), 3);
    loop_run(world->loop);
    assert_int_equal(world->calls, 3);
}

static void defer_again(void *arg)
{
    struct world *world = arg;
    world->order[0]++;
    busy(1);
    loop_defer(world->loop, defer_again, world);
}

static void io_goes_on_under_a_load_of_deferred_work(void **state)
{
    struct world *world = *state;
    world->watch = loop_watch_new(world->loop, world->pipe[0], read_pipe, world);
    assert_int_equal(write(world->pipe[1], "!", 1), 1);
    loop_defer(world->loop, defer_again, world);
    loop_run(world->loop);
    assert_int_equal(world->calls, 1);
    assert_true(world->order[0] >= 1);
    /* about ten a round, not more: the budget is 10 ms */
    assert_true(world->order[0] < 50);
}

static void hold_up(void *arg)
{
    busy(120);
    stop(arg);
}

static void note_now(void *arg)
{
    struct world *world = arg;
    int64_t now = loop_now(world->loop);
    busy(5);
    assert_int_equal(loop_now(world->loop), now);
    loop_defer(world->loop, hold_up, world);
}

static void the_watchdog_counts_what_holds_the_loop_up(void **state)
{
    struct world *world = *state;
    log_setup(LOG_LEVEL_ERROR, true);
    struct loop_stats stats;
    loop_defer(world->loop, stop, world);
    loop_run(world->loop);
    loop_stats(world->loop, &stats);
    assert_int_equal(stats.slow_callbacks, 0);
    assert_int_equal(stats.slow_rounds, 0);
    assert_int_equal(stats.callbacks, 1);

    loop_defer(world->loop, note_now, world);
    loop_run(world->loop);
    loop_stats(world->loop, &stats);
    assert_int_equal(stats.slow_callbacks, 1);
    assert_int_equal(stats.slow_rounds, 1);
    assert_int_equal(stats.callbacks, 3);
    assert_in_range(stats.longest_callback_us, 119000, 2000000);
    assert_true(stats.longest_round_us >= stats.longest_callback_us);
}

static void on_signal(void *arg, int number)
{
    struct world *world = arg;
    world->signal_number = number;
    stop(arg);
}

static void expect_stalled(void *arg)
{
    struct world *world = arg;
    assert_in_range(loop_stalled_ms(world->loop), 120, 5000);
    world->calls++;
}

static void hold_up_and_go_on(void *arg)
{
    (void)arg;
    busy(126);
}

static void what_waits_behind_a_long_callback_is_seen(void **state)
{
    struct world *world = *state;
    log_setup(LOG_LEVEL_ERROR, true);
    assert_int_equal(loop_stalled_ms(world->loop), 0);
    loop_defer(world->loop, hold_up_and_go_on, world);
    loop_defer(world->loop, expect_stalled, world);
    loop_defer(world->loop, stop, world); /* still waits when the one before it looks */
    loop_run(world->loop);
    assert_int_equal(world->calls, 2);
    assert_int_equal(loop_stalled_ms(world->loop), 0);
}

static void signals_are_told_from_the_loop(void **state)
{
    struct world *world = *state;
    loop_on_signals(world->loop, on_signal, world);
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};
    for (size_t i = 0; i < ARRAY_LENGTH(numbers); i++) {
        kill(getpid(), numbers[i]);
        assert_int_equal(world->calls, (int)i);
        loop_run(world->loop);
        assert_int_equal(world->signal_number, numbers[i]);
    }
}

static void random_numbers_fill_their_range(void **state)
{
    struct world *world = *state;
    unsigned seen = 0;
    for (int i = 0; i < 1000; i++) {
        uint32_t number = loop_random(world->loop, 10);
        assert_true(number < 10);
        seen |= 1U << number;
    }
    assert_int_equal(seen, 0x3ff);
    assert_int_equal(loop_random(world->loop, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(deferred_calls_run_once_and_in_order),
        TEST(a_deferred_call_can_be_cancelled),
        TEST(what_is_deferred_at_the_end_is_forgotten_by_free),
        TEST(a_timer_never_fires_before_its_time),
        TEST(a_timer_may_free_itself),
        TEST(a_disarmed_timer_stays_silent_and_a_moved_one_fires_late),
        TEST(a_watch_is_called_while_the_descriptor_is_readable),
        TEST(io_goes_on_under_a_load_of_deferred_work),
        TEST(the_watchdog_counts_what_holds_the_loop_up),
        TEST(what_waits_behind_a_long_callback_is_seen),
        TEST(signals_are_told_from_the_loop),
        TEST(random_numbers_fill_their_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
