/* SPDX-License-Identifier: Apache-2.0 */
#include "core/pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct pace_case fewer = {PROGRAMMED_TRUE, 11, 11, 12, true, true};
static const struct pace_case busy = {PROGRAMMED_PENDING, 12, 11, 12, true, false};
static const struct pace_case away = {PROGRAMMED_UNREACHABLE, 12, 11, 12, true, false};

static void what_has_stood_for_a_while_is_told(void **state)
{
    (void)state;
    struct pace pace = {.told = 0};
    assert_int_equal(pace_delay(&pace, &fewer, 0), 10000);
    assert_int_equal(pace_delay(&pace, &fewer, 9999), 1);
    assert_int_equal(pace_delay(&pace, &fewer, 10000), 0);
}

static void being_busy_is_no_news_for_longer(void **state)
{
    (void)state;
    struct pace pace = {.told = 0};
    assert_int_equal(pace_delay(&pace, &busy, 100), 30000);
    /* What becomes of it counts from then on. */
    assert_int_equal(pace_delay(&pace, &away, 5000), 10000);
}

static void what_never_stands_is_told_after_two_minutes(void **state)
{
    (void)state;
    struct pace pace = {.told = 0};
    for (int64_t now = 0; now < 120000; now += 4000)
        assert_true(pace_delay(&pace, now % 8000 ? &busy : &fewer, now) > 0);
    assert_int_equal(pace_delay(&pace, &busy, 120000), 0);
}

static void what_goes_by_is_not_told(void **state)
{
    (void)state;
    struct pace pace = {.told = 0};
    (void)pace_delay(&pace, &fewer, 0);
    pace_settled(&pace);
    assert_int_equal(pace_delay(&pace, &fewer, 9000), 10000);
}

static void it_waits_longer_the_more_was_told_lately(void **state)
{
    (void)state;
    struct pace pace = {.told = 0};
    static const int64_t waits[] = {10000, 20000, 40000, 40000, 40000, 40000};
    int64_t now = 0;
    for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
        assert_int_equal(pace_delay(&pace, &fewer, now), waits[i]);
        now += waits[i];
        assert_int_equal(pace_delay(&pace, &fewer, now), 0);
        pace_followed(&pace, now);
    }
    now += 1800001;
    assert_int_equal(pace_delay(&pace, &fewer, now), 10000);
}

static void more_than_a_rolling_update_does_waits_ten_seconds_each_time(void **state)
{
    (void)state;
    static const struct pace_case cases[] = {
        {PROGRAMMED_TRUE, 2, 2, 1, true, true},
        {PROGRAMMED_TRUE, 16, 16, 12, true, true},
        {PROGRAMMED_TRUE, 8, 8, 12, true, true},
        {PROGRAMMED_UNREACHABLE, 12, 11, 12, true, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct pace pace = {.told = 3, .told_ms = 1000};
        assert_int_equal(pace_delay(&pace, &cases[i], 2000), 10000);
    }
    struct pace pace = {.told = 3, .told_ms = 1000};
    struct pace_case surge = {PROGRAMMED_TRUE, 15, 15, 12, true, true};
    assert_int_equal(pace_delay(&pace, &surge, 2000), 40000);
}

static void that_all_is_in_place_is_told_at_once(void **state)
{
    (void)state;
    struct pace pace = {.told = 3, .told_ms = 900};
    struct pace_case good = {PROGRAMMED_TRUE, 12, 12, 12, false, false};
    assert_int_equal(pace_delay(&pace, &good, 1000), 0);
}

static void the_first_trouble_is_told_at_once_and_later_ones_are_not(void **state)
{
    (void)state;
    struct pace pace = {.told = 0};
    struct pace_case trouble = {PROGRAMMED_UNREACHABLE, 12, 11, 12, false, false};
    assert_int_equal(pace_delay(&pace, &trouble, 1000), 0);
    pace_followed(&pace, 1000);
    struct pace_case other = {PROGRAMMED_UNAUTHORIZED, 12, 11, 12, false, false};
    assert_int_equal(pace_delay(&pace, &other, 2000), 10000);
}

static void counts_on_the_way_wait(void **state)
{
    (void)state;
    struct pace pace = {.told = 0};
    struct pace_case filling = {PROGRAMMED_PENDING, 12, 3, 12, false, true};
    assert_int_equal(pace_delay(&pace, &filling, 1000), 30000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_has_stood_for_a_while_is_told),
        cmocka_unit_test(being_busy_is_no_news_for_longer),
        cmocka_unit_test(what_never_stands_is_told_after_two_minutes),
        cmocka_unit_test(what_goes_by_is_not_told),
        cmocka_unit_test(it_waits_longer_the_more_was_told_lately),
        cmocka_unit_test(more_than_a_rolling_update_does_waits_ten_seconds_each_time),
        cmocka_unit_test(that_all_is_in_place_is_told_at_once),
        cmocka_unit_test(the_first_trouble_is_told_at_once_and_later_ones_are_not),
        cmocka_unit_test(counts_on_the_way_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
