/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json_text.h"

static struct span text(const char *bytes)
{
    return (struct span){bytes, strlen(bytes)};
}

static int check(const char *bytes, bool unique_keys, unsigned depth, size_t *at)
{
    struct json_text_limits limits = {.depth = depth, .unique_keys = unique_keys};
    struct err err;
    return json_text_check(text(bytes), &limits, at, &err);
}

static void valid_json_passes_the_check(void **state)
{
    (void)state;
    static const char *const good[] = {
        "{}",
        "[]",
        " [1, -0, 0.5, 1e9, 1E+2, -2.5e-3] ",
        "null",
        "\"\"",
        "{\"a\":{\"b\":[true,false,null]}}",
        "0",
        "\"\\u00e9\\ud83d\\ude00\\n\"",
        "\"é😀\"",
        "{\"a\":1,\"a\":2}",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(good); i++)
        assert_int_equal(check(good[i], false, 64, NULL), 0);
}

static void broken_json_is_refused_with_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t at;
    } bad[] = {
        {"", 0},
        {"{", 1},
        {"[1,]", 3},
        {"{\"a\" 1}", 5},
        {"01", 1},
        {"1.", 2},
        {"-", 1},
        {"nul", 0},
        {"{a:1}", 1},
        {"[1 2]", 3},
        {"\"\x01\"", 1},
        {"\"abc", 4},
        {"\"\\x\"", 3},
        {"\"\\u12g4\"", 6},
        {"{} {}", 3},
        {"\"\\u0000\"", 7},
        {"\"\\ud800\"", 7},
        {"\"\xff\"", 2},
        {"\"\\udc00\"", 7},
        {"[1]]", 3},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        size_t at = 999;
        assert_int_equal(check(bad[i].bytes, false, 64, &at), -1);
        assert_int_equal(at, bad[i].at);
    }
}

static void a_text_is_whole_when_its_brackets_and_strings_are_closed(void **state)
{
    (void)state;
    static const char text[] = " {\"a\":[\"}\\\"\",{\"b\":\"]\"}],\"c\":1} ";
    size_t end = sizeof(text) - 2; /* the blank behind it may be missing */
    for (size_t length = 0; length < end; length++)
        assert_false(json_text_is_whole((struct span){text, length}));
    assert_true(json_text_is_whole((struct span){text, end}));
    assert_true(json_text_is_whole((struct span){text, end + 1}));
    assert_false(json_text_is_whole((struct span){"{}{", 3}));
    assert_false(json_text_is_whole((struct span){"<html>", 6}));
    assert_false(json_text_is_whole((struct span){NULL, 0}));
}

static void depth_is_bounded(void **state)
{
    (void)state;
    assert_int_equal(check("[[[]]]", false, 3, NULL), 0);
    assert_int_equal(check("[[[[]]]]", false, 3, NULL), -1);
    char *deep = malloc(2000001);
    memset(deep, '[', 2000000);
    deep[2000000] = '\0';
    assert_int_equal(check(deep, false, 500, NULL), -1);
    free(deep);
}

static void a_key_that_stands_twice_is_refused_where_asked(void **state)
{
    (void)state;
    assert_int_equal(check("{\"a\":{\"b\":1,\"c\":2},\"c\":{\"b\":1}}", true, 64, NULL), 0);
    assert_int_equal(check("{\"a\":1,\"\\u0061\":2}", true, 64, NULL), -1);
    assert_int_equal(check("[{\"a\":1,\"b\":{\"x\":1,\"x\":1}}]", true, 64, NULL), -1);
}

static void values_are_found_as_spans_of_the_text(void **state)
{
    (void)state;
    struct span json =
        text("{ \"spec\" : {\"a\\\"b\":[1, {\"c\":\"}]\"}], \"n\": 1.50 } , \"t\":true}");
    struct span n = json_text_get(json, "spec", "n", NULL);
    assert_int_equal(n.length, 4);
    assert_memory_equal(n.ptr, "1.50", 4);
    struct span list = json_text_get(json, "spec", "a\"b", NULL);
    assert_int_equal(json_text_type(list), JSON_TEXT_ARRAY);
    assert_null(json_text_get(json, "spec", "none", "below", NULL).ptr);
    assert_null(json_text_get(json, "t", "below", NULL).ptr);

    struct json_text_iter iter = json_text_iterate(list);
    assert_true(json_text_next(&iter));
    assert_int_equal(iter.index, 0);
    assert_true(json_text_next(&iter));
    assert_int_equal(iter.index, 1);
    assert_true(json_text_is(json_text_member(iter.value, "c"), "}]"));
    assert_false(json_text_next(&iter));
}

static void the_last_of_equal_keys_counts(void **state)
{
    (void)state;
    struct span value = json_text_member(text("{\"a\":1,\"a\":22}"), "a");
    assert_int_equal(value.length, 2);
}

static void strings_are_decoded(void **state)
{
    (void)state;
    char *decoded = json_text_string(text("\"a\\n\\u00e9\\ud83d\\ude00\\/\\\"\""));
    assert_string_equal(decoded, "a\né😀/\"");
    free(decoded);
    assert_null(json_text_string(text("12")));
}

static void whole_numbers_are_read_in_any_form(void **state)
{
    (void)state;
    int64_t number = 0;
    assert_true(json_text_int64(text("10.0"), &number));
    assert_int_equal(number, 10);
    assert_true(json_text_int64(text("1e2"), &number));
    assert_int_equal(number, 100);
    assert_true(json_text_int64(text("-9223372036854775808"), &number));
    assert_true(number == INT64_MIN);
    assert_false(json_text_int64(text("10.5"), &number));
    assert_false(json_text_int64(text("99999999999999999999"), &number));
    assert_false(json_text_int64(text("\"10\""), &number));
}

static char *edited(struct json_edit *edit)
{
    struct buf out;
    buf_init(&out, BUF_UNLIMITED);
    json_edit_apply(edit, &out);
    json_edit_free(edit);
    return buf_take(&out);
}

static void what_is_not_edited_passes_through_exactly(void **state)
{
    (void)state;
    struct span json = text("{\"x\": 0.10, \"list\":[1.0,{\"k\":\"\\u0041\"}], \"gone\" : 1}");
    struct json_edit *edit = json_edit_new(json);
    struct json_text_iter iter = json_text_iterate(json_text_member(json, "list"));
    json_text_next(&iter);
    json_text_next(&iter);
    json_edit_set(edit, iter.value, "new", "true", 4);
    json_edit_remove(edit, json, "gone");
    json_edit_set(edit, json, "x", "0.10", 4);
    char *result = edited(edit);
    assert_string_equal(result, "{\"x\": 0.10,\"list\":[1.0,{\"k\":\"\\u0041\",\"new\":true}]}");
    free(result);
}

static void members_are_added_to_empty_and_emptied_objects(void **state)
{
    (void)state;
    struct span json = text("{\"a\":{},\"b\":{\"old\":1}}");
    struct json_edit *edit = json_edit_new(json);
    json_edit_set(edit, json_text_member(json, "a"), "p", "1", 1);
    json_edit_set(edit, json_text_member(json, "a"), "q", "2", 1);
    json_edit_remove(edit, json_text_member(json, "b"), "old");
    json_edit_set(edit, json_text_member(json, "b"), "n\"w", "3", 1);
    char *result = edited(edit);
    assert_string_equal(result, "{\"a\":{\"p\":1,\"q\":2},\"b\":{\"n\\\"w\":3}}");
    free(result);
}

static void edits_inside_a_replaced_value_are_lost(void **state)
{
    (void)state;
    struct span json = text("{\"a\":{\"b\":1},\"c\":2}");
    struct json_edit *edit = json_edit_new(json);
    json_edit_set(edit, json_text_member(json, "a"), "b", "5", 1);
    json_edit_set(edit, json, "a", "null", 4);
    char *result = edited(edit);
    assert_string_equal(result, "{\"a\":null,\"c\":2}");
    free(result);
}

static void texts_are_quoted_and_broken_utf8_is_replaced(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        const char *quoted;
    } table[] = {
        {"", "\"\""},
        {"a\"b\\c\n\x01\t", "\"a\\\"b\\\\c\\n\\u0001\\u0009\""},
        {"\xc3\xa9 \xf0\x9f\x98\x80", "\"\xc3\xa9 \xf0\x9f\x98\x80\""},
        {"a\xff\"b", "\"a\xef\xbf\xbd\\\"b\""},
        {"\xc3", "\"\xef\xbf\xbd\""},
        {"\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
        {"\xf0\x9f\x98\x80\xf0\x9f\n", "\"\xf0\x9f\x98\x80\xef\xbf\xbd\xef\xbf\xbd\\n\""},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(table); i++) {
        struct buf out;
        buf_init(&out, BUF_UNLIMITED);
        json_text_add_string(&out, table[i].bytes);
        assert_string_equal(buf_text(&out), table[i].quoted);
        assert_int_equal(check(buf_text(&out), true, 1, NULL), 0);
        buf_fini(&out);
    }
}

static void compact_text_keeps_blanks_in_strings(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, BUF_UNLIMITED);
    json_text_add_compact(&out, text("{ \"a b\" : [ 1 ,\n 2 ] , \"c\" : \" \\\" x \" }"));
    assert_string_equal(buf_text(&out), "{\"a b\":[1,2],\"c\":\" \\\" x \"}");
    buf_fini(&out);
}

static void equality_looks_through_the_form(void **state)
{
    (void)state;
    static const struct {
        const char *a;
        const char *b;
        bool equal;
    } table[] = {
        {"{\"a\":1,\"b\":[true,null]}", "{ \"b\" : [true, null], \"a\":1.0 }", true},
        {"{\"a\":1}", "{\"a\":1,\"b\":2}", false},
        {"{\"a\":1,\"b\":2}", "{\"a\":1,\"c\":2}", false},
        {"[1,2]", "[2,1]", false},
        {"[1,2]", "[1,2,3]", false},
        {"\"\\u0041\"", "\"A\"", true},
        {"\"1\"", "1", false},
        {"0.5", "5e-1", true},
        {"0.5", "0.25", false},
        {"null", "false", false},
        {"{\"a\":{\"x\":[{}]}}", "{\"a\":{\"x\":[{}]}}", true},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(table); i++) {
        if (json_text_equal(text(table[i].a), text(table[i].b)) != table[i].equal)
            fail_msg("%s and %s", table[i].a, table[i].b);
    }
    assert_true(json_text_equal((struct span){NULL, 0}, (struct span){NULL, 0}));
    assert_false(json_text_equal((struct span){NULL, 0}, text("null")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(valid_json_passes_the_check),
        cmocka_unit_test(broken_json_is_refused_with_its_place),
        cmocka_unit_test(a_text_is_whole_when_its_brackets_and_strings_are_closed),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(a_key_that_stands_twice_is_refused_where_asked),
        cmocka_unit_test(values_are_found_as_spans_of_the_text),
        cmocka_unit_test(the_last_of_equal_keys_counts),
        cmocka_unit_test(strings_are_decoded),
        cmocka_unit_test(whole_numbers_are_read_in_any_form),
        cmocka_unit_test(what_is_not_edited_passes_through_exactly),
        cmocka_unit_test(members_are_added_to_empty_and_emptied_objects),
        cmocka_unit_test(edits_inside_a_replaced_value_are_lost),
        cmocka_unit_test(texts_are_quoted_and_broken_utf8_is_replaced),
        cmocka_unit_test(compact_text_keeps_blanks_in_strings),
        cmocka_unit_test(equality_looks_through_the_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
