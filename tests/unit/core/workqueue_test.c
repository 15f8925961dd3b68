/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/workqueue.h"

static int set_up(void **state)
{
    *state = workqueue_new();
    return 0;
}

static int tear_down(void **state)
{
    workqueue_free(*state);
    return 0;
}

static void a_key_added_twice_runs_once(void **state)
{
    struct workqueue *queue = *state;
    workqueue_add(queue, "a", WORKQUEUE_NORMAL, 0);
    workqueue_add(queue, "a", WORKQUEUE_NORMAL, 0);
    assert_string_equal(workqueue_get(queue, 0), "a");
    assert_null(workqueue_get(queue, 0));
    workqueue_done(queue, "a", 0);
    assert_null(workqueue_get(queue, 0));
    assert_int_equal(workqueue_counts(queue).adds, 1);
}

static void a_key_added_while_it_runs_runs_once_more(void **state)
{
    struct workqueue *queue = *state;
    workqueue_add(queue, "a", WORKQUEUE_NORMAL, 0);
    assert_string_equal(workqueue_get(queue, 0), "a");
    workqueue_add(queue, "a", WORKQUEUE_NORMAL, 0);
    workqueue_add(queue, "a", WORKQUEUE_NORMAL, 0);
    assert_null(workqueue_get(queue, 0));
    workqueue_done(queue, "a", 0);
    assert_string_equal(workqueue_get(queue, 0), "a");
    workqueue_done(queue, "a", 0);
    assert_null(workqueue_get(queue, 0));
}

static void keys_come_in_the_order_of_their_adding(void **state)
{
    struct workqueue *queue = *state;
    char key[16];
    for (int i = 0; i < 100; i++) {
        snprintf(key, sizeof(key), "k%d", i);
        workqueue_add(queue, key, WORKQUEUE_NORMAL, 0);
    }
    for (int i = 0; i < 100; i++) {
        snprintf(key, sizeof(key), "k%d", i);
        assert_string_equal(workqueue_get(queue, 0), key);
    }
}

static void a_queue_that_ran_dry_goes_on(void **state)
{
    struct workqueue *queue = *state;
    for (int round = 0; round < 3; round++) {
        workqueue_add(queue, "a", WORKQUEUE_NORMAL, round);
        workqueue_add_after(queue, "b", 10, round);
        assert_string_equal(workqueue_get(queue, round), "a");
        workqueue_done(queue, "a", round);
        assert_null(workqueue_get(queue, round));
        assert_string_equal(workqueue_get(queue, round + 10), "b");
        workqueue_done(queue, "b", round + 10);
        assert_int_equal(workqueue_counts(queue).known, 0);
    }
}

static void what_a_user_changed_goes_before_the_initial_list(void **state)
{
    struct workqueue *queue = *state;
    workqueue_add(queue, "old1", WORKQUEUE_BACKGROUND, 0);
    workqueue_add(queue, "old2", WORKQUEUE_BACKGROUND, 0);
    workqueue_add(queue, "edited", WORKQUEUE_NORMAL, 0);
    workqueue_add(queue, "old2", WORKQUEUE_NORMAL, 0);
    assert_string_equal(workqueue_get(queue, 0), "edited");
    assert_string_equal(workqueue_get(queue, 0), "old2");
    assert_string_equal(workqueue_get(queue, 0), "old1");
}

static void of_several_delays_the_earliest_counts(void **state)
{
    struct workqueue *queue = *state;
    workqueue_add_after(queue, "a", 100, 0);
    workqueue_add_after(queue, "a", 50, 0);
    workqueue_add_after(queue, "a", 200, 0);
    assert_int_equal(workqueue_next_due(queue, 0), 50);
    assert_null(workqueue_get(queue, 49));
    assert_string_equal(workqueue_get(queue, 50), "a");
    workqueue_done(queue, "a", 50);
    assert_int_equal(workqueue_next_due(queue, 50), -1);
}

static void an_addition_does_not_cancel_a_delay(void **state)
{
    struct workqueue *queue = *state;
    workqueue_add_after(queue, "a", 100, 0);
    workqueue_add(queue, "a", WORKQUEUE_NORMAL, 0);
    assert_string_equal(workqueue_get(queue, 0), "a");
    workqueue_done(queue, "a", 0);
    assert_int_equal(workqueue_next_due(queue, 0), 100);
    assert_string_equal(workqueue_get(queue, 100), "a");
}

static void failures_double_the_delay_until_they_are_forgotten(void **state)
{
    struct workqueue *queue = *state;
    int64_t now = 0;
    static const int64_t delays[] = {5, 10, 20, 40};
    for (size_t i = 0; i < 4; i++) {
        workqueue_add_failed(queue, "a", false, now, 0);
        assert_int_equal(workqueue_next_due(queue, now) - now, delays[i]);
        now = workqueue_next_due(queue, now);
        assert_string_equal(workqueue_get(queue, now), "a");
        workqueue_done(queue, "a", now);
    }
    for (int i = 0; i < 40; i++) {
        workqueue_add_failed(queue, "a", false, now, UINT32_MAX);
        assert_true(workqueue_next_due(queue, now) - now <= 600000);
        now = workqueue_next_due(queue, now);
        workqueue_get(queue, now);
        workqueue_done(queue, "a", now);
    }
    workqueue_forget(queue, "a");
    workqueue_add_failed(queue, "a", false, now, 0);
    assert_int_equal(workqueue_next_due(queue, now) - now, 5);
}

static void figures_are_told_by_the_first_letter(void **state)
{
    struct workqueue *queue = *state;
    workqueue_add(queue, "a 1", WORKQUEUE_NORMAL, 0);
    workqueue_add(queue, "a 2", WORKQUEUE_NORMAL, 0);
    workqueue_add(queue, "a 3", WORKQUEUE_NORMAL, 0);
    workqueue_add(queue, "w 1", WORKQUEUE_NORMAL, 0);
    assert_string_equal(workqueue_get(queue, 100), "a 1");
    assert_string_equal(workqueue_get(queue, 300), "a 2");
    workqueue_add_failed(queue, "a 1", false, 300, 0);
    struct workqueue_share share = workqueue_share(queue, 'a', 1000);
    assert_int_equal(share.ready, 1);
    assert_int_equal(share.processing, 2);
    assert_int_equal(share.longest_ms, 900);
    assert_int_equal(share.unfinished_ms, 1600);
    assert_int_equal(share.adds, 3);
    assert_int_equal(share.retries, 1);
    share = workqueue_share(queue, 'w', 1000);
    assert_int_equal(share.ready, 1);
    assert_int_equal(share.processing + share.longest_ms + share.retries, 0);
    assert_int_equal(share.adds, 1);
    share = workqueue_share(queue, 'c', 1000);
    assert_int_equal(share.adds + share.ready, 0);
    workqueue_done(queue, "a 1", 1000);
    workqueue_done(queue, "a 2", 1000);
    assert_int_equal(workqueue_share(queue, 'a', 2000).longest_ms, 0);
}

static void what_has_failed_for_a_passing_reason_can_be_hurried(void **state)
{
    (void)state;
    struct workqueue *queue = workqueue_new();
    static const char *const keys[] = {"a 1", "a 2", "a 3"};
    int64_t now = 0;
    for (size_t i = 0; i < 3; i++)
        workqueue_add(queue, keys[i], WORKQUEUE_NORMAL, now);
    /* The third one fails by itself. */
    for (int tries = 0; tries < 36; tries++) {
        now = workqueue_next_due(queue, now);
        const char *key = workqueue_get(queue, now);
        workqueue_add_failed(queue, key, strcmp(key, keys[2]) != 0, now, 0);
        workqueue_done(queue, key, now);
    }
    assert_int_equal(workqueue_counts(queue).passing, 2);
    assert_true(workqueue_next_due(queue, now) > now + 5000);
    workqueue_hasten(queue, now + 100);
    assert_int_equal(workqueue_counts(queue).passing, 0);
    now = workqueue_next_due(queue, now);
    for (size_t i = 0; i < 2; i++) {
        const char *key = workqueue_get(queue, now);
        assert_non_null(key);
        assert_string_not_equal(key, keys[2]);
    }
    assert_null(workqueue_get(queue, now));
    /* Failures are remembered: the next delay is longer still. */
    workqueue_add_failed(queue, keys[0], true, now, 0);
    workqueue_done(queue, keys[0], now);
    workqueue_done(queue, keys[1], now);
    workqueue_forget(queue, keys[1]);
    workqueue_forget(queue, keys[2]);
    assert_int_equal(workqueue_counts(queue).passing, 1);
    workqueue_forget(queue, keys[0]);
    assert_int_equal(workqueue_counts(queue).passing, 0);
    workqueue_free(queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_key_added_twice_runs_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_key_added_while_it_runs_runs_once_more, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(keys_come_in_the_order_of_their_adding, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_queue_that_ran_dry_goes_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_a_user_changed_goes_before_the_initial_list, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(of_several_delays_the_earliest_counts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_addition_does_not_cancel_a_delay, set_up, tear_down),
        cmocka_unit_test_setup_teardown(figures_are_told_by_the_first_letter, set_up, tear_down),
        cmocka_unit_test_setup_teardown(failures_double_the_delay_until_they_are_forgotten, set_up,
                                        tear_down),
        cmocka_unit_test(what_has_failed_for_a_passing_reason_can_be_hurried),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
