/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"

static void durations_are_read_in_the_units_that_flags_have(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } good[] = {{"10s", 10000}, {"1m30s", 90000}, {"2h", 7200000},   {"500ms", 500},
                {"0", 0},       {"0s", 0},        {"1h1ms", 3600001}};
    for (size_t i = 0; i < ARRAY_LENGTH(good); i++) {
        int64_t ms = -1;
        assert_int_equal(str_to_duration_ms(good[i].text, &ms, NULL), 0);
        assert_int_equal(ms, good[i].ms);
    }
    static const char *const bad[] = {"", "10", "s", "1.5s", "-5s", "10s10s", "1d", " 1s", "1s "};
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        int64_t ms = -1;
        assert_int_equal(str_to_duration_ms(bad[i], &ms, NULL), -1);
        assert_int_equal(ms, -1);
    }
}

static void whole_numbers_have_bounds(void **state)
{
    (void)state;
    int64_t value = 7;
    struct err err;
    assert_int_equal(str_to_int64("65535", 0, 65535, &value, &err), 0);
    assert_int_equal(value, 65535);
    assert_int_equal(str_to_int64("65536", 0, 65535, &value, &err), -1);
    assert_string_equal(err.msg, "out of range 0 to 65535");
    assert_int_equal(str_to_int64("99999999999999999999", 0, INT64_MAX, &value, &err), -1);
    static const char *const bad[] = {"", "x", "1x", " 1", "+1", "-"};
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
        assert_int_equal(str_to_int64(bad[i], -9, 9, &value, NULL), -1);
    assert_int_equal(value, 65535);
}

static void base64_follows_the_rfc(void **state)
{
    (void)state;
    /* RFC 4648, section 10 */
    static const char *const plain[] = {"", "f", "fo", "foo", "foob", "fooba", "foobar"};
    static const char *const coded[] = {"",         "Zg==",     "Zm8=",    "Zm9v",
                                        "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
    for (size_t i = 0; i < ARRAY_LENGTH(plain); i++) {
        CLEANUP(buf_fini) struct buf out;
        buf_init(&out, BUF_UNLIMITED);
        str_base64(&out, plain[i], strlen(plain[i]));
        assert_string_equal(buf_text(&out), coded[i]);
        buf_clear(&out);
        assert_int_equal(str_base64_decode(&out, coded[i], strlen(coded[i]), NULL), 0);
        assert_string_equal(buf_text(&out), plain[i]);
    }
    CLEANUP(buf_fini) struct buf out;
    buf_init(&out, BUF_UNLIMITED);
    buf_add_text(&out, "id:");
    str_base64url(&out, "\xfb\xff\xfe?", 4);
    assert_string_equal(buf_text(&out), "id:-__-Pw");
    static const char *const bad[] = {"Zg", "Zg=", "Z===", "Zm9v\n", " Zm8=", "Zm8*", "=Zm9"};
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
        assert_int_equal(str_base64_decode(&out, bad[i], strlen(bad[i]), NULL), -1);
}

static void times_are_those_of_rfc_3339(void **state)
{
    (void)state;
    char text[21];
    str_format_time(text, 1767225600);
    assert_string_equal(text, "2026-01-01T00:00:00Z");
    static const struct {
        const char *text;
        int64_t seconds;
    } good[] = {{"2026-01-01T00:00:00Z", 1767225600},
                {"2026-01-01T00:00:00.123456Z", 1767225600},
                {"2026-01-01T02:00:00+02:00", 1767225600},
                {"2025-12-31T23:30:00-00:30", 1767225600}};
    for (size_t i = 0; i < ARRAY_LENGTH(good); i++) {
        int64_t seconds = 0;
        assert_int_equal(str_parse_time(good[i].text, &seconds, NULL), 0);
        assert_int_equal(seconds, good[i].seconds);
    }
    static const char *const bad[] = {"",
                                      "2026-01-01",
                                      "2026-01-01T00:00:00",
                                      "2026-01-01T00:00:00Zx",
                                      "2026-01-01T00:00:00+2:00",
                                      "now"};
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        int64_t seconds = 0;
        assert_int_equal(str_parse_time(bad[i], &seconds, NULL), -1);
    }
}

static void broken_utf8_is_found(void **state)
{
    (void)state;
    static const char *const good[] = {"", "abc", "é", "€", "😀", "\xf4\x8f\xbf\xbf"};
    static const char *const bad[] = {
        "\xff", "\xc3", "\xc0\xaf", "\xed\xa0\x80", "\xe0\x80\xaf", "\xf4\x90\x80\x80", "\x80"};
    for (size_t i = 0; i < ARRAY_LENGTH(good); i++)
        assert_true(str_is_utf8(good[i], strlen(good[i])));
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
        assert_false(str_is_utf8(bad[i], strlen(bad[i])));
    for (size_t at = 0; at < 20; at++) {
        char text[20];
        memset(text, 'a', sizeof(text));
        assert_true(str_is_utf8(text, sizeof(text)));
        text[at] = '\xff';
        assert_false(str_is_utf8(text, sizeof(text)));
    }
}

static void text_from_outside_is_made_printable_and_cut(void **state)
{
    (void)state;
    CLEANUP(buf_fini) struct buf out;
    buf_init(&out, BUF_UNLIMITED);
    str_add_printable(&out, "a\n\x1b[31mé\xff", 9, 100);
    assert_string_equal(buf_text(&out), "a??[31mé");
    buf_clear(&out);
    str_add_printable(&out, "ééééé", 10, 5);
    assert_string_equal(buf_text(&out), "éé…");
}

static void words_are_told_apart_by_letters(void **state)
{
    (void)state;
    assert_int_equal(str_distance("Webhook", "Webhook"), 0);
    assert_int_equal(str_distance("Webhok", "Webhook"), 1);
    assert_int_equal(str_distance("Webhooks", "Webhook"), 1);
    assert_int_equal(str_distance("Wehbook", "Webhook"), 2);
    assert_int_equal(str_distance("", "ab"), 2);
    assert_int_equal(str_distance("Gateway", "Webhook"), 3);
    char longer[65] = "";
    memset(longer, 'a', 64);
    assert_int_equal(str_distance(longer, longer), 3);
}

/* What a terminal obeys, or what turns the order of the letters round. */
static void what_a_terminal_obeys_is_not_printable(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *shown;
    } cases[] = {
        {"a\xc2\x80"
         "b\xc2\x9b"
         "c\xc2\x9f\xc2\xa0",
         "a?b?c?\xc2\xa0"},
        {"\u061c\u061b", "?\u061b"},
        {"\u200d\u200e\u200f\u2010", "\u200d??\u2010"},
        {"\u2027\u2028\u2029", "\u2027??"},
        /* NOLINTBEGIN(misc-misleading-bidirectional): that is what they are */
        {"\u202a\u202b\u202c\u202d\u202e\u202f", "?????\u202f"},
        {"\u2065\u2066\u2067\u2068\u2069\u206a", "\u2065????\u206a"},
        /* NOLINTEND(misc-misleading-bidirectional) */
        {"\x7f\t\r", "???"},
        {"\U0001f512", "\U0001f512"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        CLEANUP(buf_fini) struct buf out;
        buf_init(&out, BUF_UNLIMITED);
        str_add_printable(&out, cases[i].text, strlen(cases[i].text), 100);
        assert_string_equal(buf_text(&out), cases[i].shown);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_terminal_obeys_is_not_printable),
        cmocka_unit_test(durations_are_read_in_the_units_that_flags_have),
        cmocka_unit_test(whole_numbers_have_bounds),
        cmocka_unit_test(base64_follows_the_rfc),
        cmocka_unit_test(times_are_those_of_rfc_3339),
        cmocka_unit_test(broken_utf8_is_found),
        cmocka_unit_test(text_from_outside_is_made_printable_and_cut),
        cmocka_unit_test(words_are_told_apart_by_letters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
