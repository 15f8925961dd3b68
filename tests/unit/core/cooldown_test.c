/* SPDX-License-Identifier: Apache-2.0 */
#include "core/cooldown.h"

#include "make.h"

static void whole_hours_minutes_and_seconds_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t seconds;
    } table[] = {
        {"", 0},
        {"0s", 0},
        {"0h0m0s", 0},
        {"10s", 10},
        {"90s", 90},
        {"1m30s", 90},
        {"1h", 3600},
        {"1h1s", 3601},
        {"2h3m4s", 7384},
        {"007s", 7},
        {"9223372036s", COOLDOWN_MAX},
        {"2562047h47m16s", COOLDOWN_MAX},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(table); i++) {
        int64_t seconds = -1;
        assert_true(cooldown_read(table[i].text, &seconds));
        assert_int_equal(seconds, table[i].seconds);
    }
}

static void everything_else_is_refused_and_sets_nothing(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "10",
        "s",
        "1.5s",
        "500ms",
        "1d",
        "-5s",
        "+5s",
        "30m10h",
        "1s1s",
        " 10s",
        "10s ",
        "10 s",
        "1H",
        "1m1m",
        "1s1m",
        "9223372037s",
        "2562047h47m17s",
        "99999999999999999999s",
        "1h2",
        "0x1s",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        int64_t seconds = -7;
        if (cooldown_read(bad[i], &seconds))
            fail_msg("%s was taken", bad[i]);
        assert_int_equal(seconds, -7);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_hours_minutes_and_seconds_are_read),
        cmocka_unit_test(everything_else_is_refused_and_sets_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
