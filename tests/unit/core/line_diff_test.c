/* SPDX-License-Identifier: Apache-2.0 */
#include "core/line_diff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"

static void add(void *arg, char sign, const char *line, size_t length)
{
    struct buf *out = arg;
    buf_add_char(out, sign);
    buf_add(out, line, length);
    buf_add_char(out, '\n');
}

static void expect(const char *before, const char *after, const char *want)
{
    CLEANUP(buf_fini) struct buf out;
    buf_init(&out, BUF_UNLIMITED);
    line_diff(before, after, 1, add, &out);
    assert_string_equal(buf_text(&out), want);
}

static void equal_texts_say_nothing(void **state)
{
    (void)state;
    expect("", "", "");
    expect("a\nb\n", "a\nb\n", "");
}

static void changes_are_shown_with_the_lines_around(void **state)
{
    (void)state;
    expect("a\nb\nc\nd\ne\n", "a\nb\nX\nd\ne\n", "@\n b\n-c\n+X\n d\n");
    expect("", "a\n", "@\n+a\n");
    expect("a\n", "", "@\n-a\n");
    expect("a\nb\n", "b\n", "@\n-a\n b\n");
    expect("a\n", "a\nb\n", "@\n a\n+b\n");
}

static void changes_far_apart_are_hunks_of_their_own(void **state)
{
    (void)state;
    expect("1\n2\n3\n4\n5\n6\n", "X\n2\n3\n4\n5\nY\n", "@\n-1\n+X\n 2\n@\n 5\n-6\n+Y\n");
    expect("1\n2\n3\n", "X\n2\nY\n", "@\n-1\n+X\n 2\n-3\n+Y\n");
}

static void what_stays_is_as_much_as_can_be(void **state)
{
    (void)state;
    expect("a\nb\nc\nb\n", "b\na\nb\nb\n", "@\n+b\n a\n b\n-c\n b\n");
}

static void a_hunk_is_headed_by_the_keys_above_its_first_change(void **state)
{
    (void)state;
    expect("proxy:\n  transport:\n    a: 1\n    b: 2\n  target: x\n",
           "proxy:\n  transport:\n    a: 1\n    b: 3\n  target: x\n",
           "@proxy.transport\n     a: 1\n-    b: 2\n+    b: 3\n   target: x\n");
    expect("hooks:\n  - name: a\n    url: b\n", "hooks:\n  - name: a\n    url: b\n    x: 1\n",
           "@hooks\n     url: b\n+    x: 1\n");
}

/* A rough oracle: taking the result apart gives both texts back. */
static void expect_complete(const char *before, const char *after)
{
    CLEANUP(buf_fini) struct buf out;
    CLEANUP(buf_fini) struct buf old;
    CLEANUP(buf_fini) struct buf new;
    buf_init(&out, BUF_UNLIMITED);
    buf_init(&old, BUF_UNLIMITED);
    buf_init(&new, BUF_UNLIMITED);
    line_diff(before, after, 100000, add, &out);
    for (const char *line = buf_text(&out); *line;) {
        size_t length = strcspn(line, "\n") + 1;
        if (*line == ' ' || *line == '-')
            buf_add(&old, line + 1, length - 1);
        if (*line == ' ' || *line == '+')
            buf_add(&new, line + 1, length - 1);
        line += length;
    }
    if (strcmp(before, after) == 0)
        return;
    assert_string_equal(buf_text(&old), before);
    assert_string_equal(buf_text(&new), after);
}

static void nothing_is_lost_whatever_the_texts(void **state)
{
    (void)state;
    uint32_t dice = 1;
    for (int round = 0; round < 2000; round++) {
        struct buf texts[2];
        for (int side = 0; side < 2; side++) {
            buf_init(&texts[side], BUF_UNLIMITED);
            dice = dice * 1664525 + 1013904223;
            uint32_t count = (dice >> 16) % 30;
            for (uint32_t i = 0; i < count; i++) {
                dice = dice * 1664525 + 1013904223;
                buf_add_format(&texts[side], "%c\n", 'a' + (int)((dice >> 16) % 4));
            }
        }
        expect_complete(buf_text(&texts[0]), buf_text(&texts[1]));
        buf_fini(&texts[0]);
        buf_fini(&texts[1]);
    }
}

static void texts_with_nothing_in_common_are_replaced(void **state)
{
    (void)state;
    CLEANUP(buf_fini) struct buf before;
    CLEANUP(buf_fini) struct buf after;
    buf_init(&before, BUF_UNLIMITED);
    buf_init(&after, BUF_UNLIMITED);
    for (int i = 0; i < 3000; i++) {
        buf_add_format(&before, "a%d\n", i);
        buf_add_format(&after, "b%d\n", i);
    }
    expect_complete(buf_text(&before), buf_text(&after));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_texts_say_nothing),
        cmocka_unit_test(changes_are_shown_with_the_lines_around),
        cmocka_unit_test(changes_far_apart_are_hunks_of_their_own),
        cmocka_unit_test(what_stays_is_as_much_as_can_be),
        cmocka_unit_test(a_hunk_is_headed_by_the_keys_above_its_first_change),
        cmocka_unit_test(nothing_is_lost_whatever_the_texts),
        cmocka_unit_test(texts_with_nothing_in_common_are_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
