/* SPDX-License-Identifier: Apache-2.0 */
/* Brackets found a block at a time are those that are found byte by byte, wherever blocks begin. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json_scan.h"

#define TEXTS 20000
#define TEXT_MAX 300

/* xorshift64, so that a failure comes again. */
static uint64_t random_next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* Full of what matters; or of long strings; or a string and little but escapes. */
static size_t fill(char *text, uint64_t *state)
{
    static const char *const alphabets[] = {
        "\"\"\\\\{}[]a,", "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\\{}[]", "\\\\\\\\\\\\\\\\aaaa{}\""};
    size_t which = random_next(state) % (sizeof(alphabets) / sizeof(alphabets[0]));
    size_t count = strlen(alphabets[which]);
    size_t length = random_next(state) % TEXT_MAX;
    for (size_t i = 0; i < length; i++)
        text[i] = alphabets[which][random_next(state) % count];
    if (which == 2 && length)
        text[0] = '"';
    return length;
}

struct walk {
    bool in_string;
    bool escaped;
};

/* '{' or '}' for a bracket of either kind outside of strings, else 0. */
static char step(struct walk *walk, char byte)
{
    if (walk->escaped) {
        walk->escaped = false;
        return 0;
    }
    if (walk->in_string) {
        walk->escaped = byte == '\\';
        walk->in_string = byte != '"';
        return 0;
    }
    walk->in_string = byte == '"';
    if (byte == '{' || byte == '[')
        return '{';
    return byte == '}' || byte == ']' ? '}' : 0;
}

static void check_block(const char *text, size_t length, struct json_scan *scan, struct walk *walk)
{
    struct json_brackets found = json_scan_brackets(scan, text, length);
    struct json_brackets expected = {0, 0};
    for (size_t i = 0; i < length; i++) {
        char bracket = step(walk, text[i]);
        expected.opening |= (uint64_t)(bracket == '{') << i;
        expected.closing |= (uint64_t)(bracket == '}') << i;
    }
    assert_int_equal(found.opening, expected.opening);
    assert_int_equal(found.closing, expected.closing);
    assert_int_equal(scan->in_string, walk->in_string);
    assert_int_equal(scan->escaped, walk->escaped);
}

static void blocks_of_any_length_are_read_as_bytes_are(void **state)
{
    (void)state;
    uint64_t seed = 88172645463325252ULL;
    for (unsigned i = 0; i < TEXTS; i++) {
        char text[TEXT_MAX];
        size_t length = fill(text, &seed);
        struct json_scan scan = {false, false};
        struct walk walk = {false, false};
        bool whole = random_next(&seed) % 2;
        for (size_t at = 0; at < length;) {
            size_t left = length - at;
            size_t most = left < JSON_SCAN_BLOCK ? left : JSON_SCAN_BLOCK;
            size_t block = whole ? most : random_next(&seed) % most + 1;
            check_block(text + at, block, &scan, &walk);
            at += block;
        }
    }
}

static void a_container_ends_where_counting_its_brackets_ends(void **state)
{
    (void)state;
    uint64_t seed = 362436069362436069ULL;
    for (unsigned i = 0; i < TEXTS; i++) {
        /* Just as long as it is, so that a byte too far is seen. */
        char buffer[TEXT_MAX + 1];
        size_t length = fill(buffer + 1, &seed) + 1;
        buffer[0] = random_next(&seed) % 2 ? '{' : '[';
        char *text = test_malloc(length);
        memcpy(text, buffer, length);
        struct walk walk = {false, false};
        size_t depth = 0;
        size_t end = length;
        for (size_t at = 0; at < length && end == length; at++) {
            char bracket = step(&walk, text[at]);
            depth += bracket == '{';
            depth -= bracket == '}';
            if (bracket == '}' && depth == 0) {
                end = at + 1;
                break;
            }
        }
        assert_ptr_equal(json_scan_container(text, text + length), text + end);
        if (end < length)
            assert_ptr_equal(json_scan_container(text, text + end + 1), text + end);
        test_free(text);
    }
}

/* Returns where the string ends, as json_scan_string() has it. */
static const char *end_of_string(const char *at, const char *end, bool *escaped)
{
    for (; at < end; at++) {
        if (*escaped)
            *escaped = false;
        else if (*at == '"')
            return at + 1;
        else
            *escaped = *at == '\\';
    }
    return NULL;
}

static void a_string_ends_where_its_first_plain_quote_is(void **state)
{
    (void)state;
    uint64_t seed = 521288629546311691ULL;
    for (unsigned i = 0; i < TEXTS; i++) {
        char buffer[TEXT_MAX];
        size_t length = fill(buffer, &seed);
        char *text = test_malloc(length + 1);
        memcpy(text, buffer, length);
        bool was_escaped = random_next(&seed) % 4 == 0;
        bool escaped = was_escaped;
        const char *end = end_of_string(text, text + length, &escaped);
        bool found_escaped = was_escaped;
        assert_ptr_equal(json_scan_string(text, text + length, &found_escaped), end);
        if (!end)
            assert_int_equal(found_escaped, escaped);
        test_free(text);
    }
}

static void plain_bytes_end_before_a_quote_an_escape_or_a_control_character(void **state)
{
    (void)state;
    static const char alphabet[] =
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa !~\x7f\x80\xff\"\\\x1f\x01";
    uint64_t seed = 1442695040888963407ULL;
    for (unsigned i = 0; i < TEXTS; i++) {
        size_t length = random_next(&seed) % 80;
        char *text = test_malloc(length + 1);
        for (size_t at = 0; at < length; at++)
            text[at] = alphabet[random_next(&seed) % sizeof(alphabet)];
        size_t plain = 0;
        bool expected_high = false;
        for (; plain < length && (unsigned char)text[plain] >= ' ' && text[plain] != '"' &&
               text[plain] != '\\';
             plain++)
            expected_high |= (unsigned char)text[plain] >= 0x80;
        bool high = false;
        assert_ptr_equal(json_scan_plain(text, text + length, &high), text + plain);
        assert_int_equal(high, expected_high);
        test_free(text);
    }
}

static void brackets_in_strings_and_behind_escapes_do_not_count(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{}",
        "{\"}\":1}",
        "{\"\\\"}\":[\"\\\\\"]}",
        /* NOLINTNEXTLINE(bugprone-suspicious-missing-comma): one text, longer than a block */
        "{\"a\":\"a string that is longer than a block is, with a bracket } in its midst, and a "
        "quote \\\" and another bracket ] behind it\",\"b\":[{}]}",
        "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        char text[512];
        size_t length = strlen(texts[i]);
        memcpy(text, texts[i], length);
        memset(text + length, '}', sizeof(text) - length);
        assert_ptr_equal(json_scan_container(text, text + sizeof(text)), text + length);
        assert_ptr_equal(json_scan_container(text, text + length), text + length);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_of_any_length_are_read_as_bytes_are),
        cmocka_unit_test(a_container_ends_where_counting_its_brackets_ends),
        cmocka_unit_test(a_string_ends_where_its_first_plain_quote_is),
        cmocka_unit_test(plain_bytes_end_before_a_quote_an_escape_or_a_control_character),
        cmocka_unit_test(brackets_in_strings_and_behind_escapes_do_not_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
