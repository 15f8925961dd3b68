/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/json_split.h"

static const char *const items_path[] = {"items", NULL};
static const char *const deep_path[] = {"a", "b", NULL};

/* What came out of one run: the elements with a newline behind each, then "= " and the rest, or "!
 * " and the message. */
struct outcome {
    struct buf text;
    size_t items;
    size_t refuse_at; /* the receiver refuses this element, from 1; 0: none */
};

static int on_item(void *arg, struct span item, struct err *err)
{
    struct outcome *outcome = arg;
    if (++outcome->items == outcome->refuse_at)
        return err_set(err, ERR_CONFLICT, 7, "refused");
    buf_add(&outcome->text, item.ptr, item.length);
    buf_add_char(&outcome->text, '\n');
    return 0;
}

static struct json_split_options options_for(const char *const *path, struct outcome *outcome)
{
    return (struct json_split_options){.path = path,
                                       .item_limit = 64,
                                       .rest_limit = 128,
                                       .depth = 8,
                                       .item = on_item,
                                       .arg = outcome};
}

/* Feeds the text in pieces that end at `first`, `second` and then every `step` bytes. The pieces
 * are copied, so that reading past one is seen by the sanitizer. */
static void run(const struct json_split_options *options, const char *text, size_t length,
                size_t first, size_t second, size_t step)
{
    struct outcome *outcome = options->arg;
    CLEANUP(json_split_freep) struct json_split *split = json_split_new(options);
    struct err err = {0};
    size_t at = 0;
    int result = 0;
    while (at < length && result == 0) {
        size_t end = at < first ? first : at < second ? second : at + step;
        if (end > length)
            end = length;
        char *piece = xmalloc(end - at);
        memcpy(piece, text + at, end - at);
        result = json_split_feed(split, piece, end - at, &err);
        free(piece);
        at = end;
    }
    struct span rest;
    if (result == 0)
        result = json_split_finish(split, &rest, &err);
    else
        assert_int_equal(json_split_finish(split, &rest, NULL), -1);
    if (result == 0) {
        buf_add_text(&outcome->text, "= ");
        buf_add(&outcome->text, rest.ptr, rest.length);
    } else {
        buf_add_format(&outcome->text, "! %s", err.msg);
    }
}

static char *outcome_of(const char *const *path, const char *text, size_t first, size_t second,
                        size_t step)
{
    struct outcome outcome = {0};
    buf_init(&outcome.text, BUF_UNLIMITED);
    struct json_split_options options = options_for(path, &outcome);
    run(&options, text, strlen(text), first, second, step);
    return buf_take(&outcome.text);
}

/* All ways to cut the text at two places, and byte by byte, give `want`. */
static void expect(const char *const *path, const char *text, const char *want)
{
    size_t length = strlen(text);
    for (size_t first = 0; first <= length; first++) {
        for (size_t second = first; second <= length; second++) {
            CLEANUP(freep) char *got = outcome_of(path, text, first, second, length + 1);
            assert_string_equal(got, want);
        }
    }
    CLEANUP(freep) char *bytewise = outcome_of(path, text, 0, 0, 1);
    assert_string_equal(bytewise, want);
}

static void elements_of_a_member_come_out_and_the_rest_stays(void **state)
{
    (void)state;
    expect(
        items_path,
        "{\"kind\":\"L\",\"items\":[{\"a\":[1,\"]}\\\"\"]},\n {}],\"metadata\":{\"rv\":\"7\"}}\n",
        "{\"a\":[1,\"]}\\\"\"]}\n{}\n= "
        "{\"kind\":\"L\",\"items\":[],\"metadata\":{\"rv\":\"7\"}}\n");
    expect(items_path, "{\"metadata\":{\"items\":[9]},\"items\":[]}",
           "= {\"metadata\":{\"items\":[9]},\"items\":[]}");
    expect(items_path, "{\"x\":\"items\",\"y\":[\"items\",{\"items\":[3]}],\"items\" : [ 1 ] }",
           "1\n= {\"x\":\"items\",\"y\":[\"items\",{\"items\":[3]}],\"items\" : [] }");
}

static void elements_of_any_kind_come_out(void **state)
{
    (void)state;
    expect(NULL, " [ 1, -2.5e3 ,\"a,]\\\\\",true,null,[[]],{\"k\":[{}]} ] ",
           "1\n-2.5e3\n\"a,]\\\\\"\ntrue\nnull\n[[]]\n{\"k\":[{}]}\n=  [] ");
    expect(NULL, "[]", "= []");
}

static void a_deeper_array_is_found_on_its_path_only(void **state)
{
    (void)state;
    expect(deep_path, "{\"b\":[1],\"a\":{\"c\":{\"b\":[2]},\"b\":[3]},\"d\":0}",
           "3\n= {\"b\":[1],\"a\":{\"c\":{\"b\":[2]},\"b\":[]},\"d\":0}");
    expect(deep_path, "{\"a\":[{\"b\":[1]}]}", "! not the JSON that is expected: it has no list");
    expect(deep_path, "{\"a\":{\"c\":1},\"x\":{\"y\":0,\"b\":[5]}}",
           "! not the JSON that is expected: it has no list");
    expect(deep_path, "{\"a\":{},\"x\":{\"b\":[5]},\"a2\":{\"y\":{},\"b\":[5]}}",
           "! not the JSON that is expected: it has no list");
    expect(deep_path, "{\"a\":{\"c\":1},\"b\":[5]}",
           "! not the JSON that is expected: it has no list");
}

static void a_key_with_escapes_is_the_same_key(void **state)
{
    (void)state;
    expect(items_path, "{\"it\\u0065ms\":[1]}", "1\n= {\"it\\u0065ms\":[]}");
    expect(items_path, "{\"items\\\\\":[1]}", "! not the JSON that is expected: it has no list");
}

static void null_counts_as_an_empty_list(void **state)
{
    (void)state;
    expect(items_path, "{\"items\":null}", "= {\"items\":null}");
    expect(NULL, "null", "= null");
    expect(NULL, "nil", "! not JSON: a value is expected here");
}

static void what_is_not_the_expected_document_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *want;
    } bad[] = {
        {"", "! not JSON: a value is expected here"},
        {"{}", "! not the JSON that is expected: it has no list"},
        {"<html>", "! not JSON: a value is expected here"},
        {"{\"items\":{}}",
         "! not the JSON that is expected: something else stands where a list is expected"},
        {"{\"items\":[1]", "1\n! not JSON: a comma or } is missing"},
        {"{\"items\":[1", "! not the JSON that is expected: it breaks off within its list"},
        {"{\"items\":[\"a", "! not the JSON that is expected: it breaks off within its list"},
        {"{\"items\":[1,", "1\n! not the JSON that is expected: it breaks off within its list"},
        {"{\"items\":[1,]}",
         "1\n! not the JSON that is expected: an element is missing in its list"},
        {"{\"items\":[1 2]}", "1\n! not the JSON that is expected: a comma is missing in its list"},
        {"{\"items\":[,1]}", "! not the JSON that is expected: an element is missing in its list"},
        {"{\"items\":[{]}]}", "! not the JSON that is expected: its brackets do not match"},
        {"{\"items\":[[}]}", "! not the JSON that is expected: its brackets do not match"},
        {"{\"items\":[1]}}", "1\n! not JSON: text behind the value"},
        {"{\"items\":[1]} x", "1\n! not JSON: text behind the value"},
        {"{\"items\":[1],\"items\":[2]}",
         "1\n! not the JSON that is expected: the list stands twice in it"},
        {"{\"items\":null,\"items\":[2]}",
         "! not the JSON that is expected: the list stands twice in it"},
        {"{\"items\":[1],\"items\":null}", "1\n! key \"items\" stands twice in one object"},
        {"{\"items\":[1],\"a\":1,\"a\":2}", "1\n! key \"a\" stands twice in one object"},
        {"{\"items\":[1],\"a\":}", "1\n! not JSON: a value is expected here"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
        expect(items_path, bad[i].text, bad[i].want);
    expect(NULL, "{\"status\":\"error\"}",
           "! not the JSON that is expected: something else stands where a list is expected");
    expect(NULL, "[1] [2]", "1\n! not JSON: text behind the value");
}

static void limits_hold_however_the_bytes_are_cut(void **state)
{
    (void)state;
    expect(NULL, "[\"12345678901234567890123456789012345678901234567890123456789012\"]",
           "\"12345678901234567890123456789012345678901234567890123456789012\"\n= []");
    expect(NULL, "[\"123456789012345678901234567890123456789012345678901234567890123\"]",
           "! not the JSON that is expected: an element of its list is too long");
    expect(NULL, "[[[[[[[[[]]]]]]]],1]", "[[[[[[[[]]]]]]]]\n1\n= []");
    expect(NULL, "[1,[[[[[[[[[]]]]]]]]]]",
           "1\n! not the JSON that is expected: an element of its list is nested too deeply");
    expect(items_path,
           "{\"items\":[1],\"a\":\"12345678901234567890123456789012345678901234567890123456789012"
           "34567890123456789012345678901234567890123456789012345678901234567890\"}",
           "1\n! not the JSON that is expected: it is too long outside of its list");
}

static void the_receiver_can_end_it(void **state)
{
    (void)state;
    struct outcome outcome = {.refuse_at = 2};
    buf_init(&outcome.text, BUF_UNLIMITED);
    struct json_split_options options = options_for(NULL, &outcome);
    CLEANUP(json_split_freep) struct json_split *split = json_split_new(&options);
    struct err err;
    assert_int_equal(json_split_feed(split, "[1,2,3]", 7, &err), -1);
    assert_int_equal(err.class, ERR_CONFLICT);
    assert_int_equal(err.code, 7);
    assert_int_equal(json_split_feed(split, "]", 1, &err), -1);
    assert_string_equal(err.msg, "refused");
    assert_int_equal(json_split_finish(split, NULL, &err), -1);
    assert_int_equal(outcome.items, 2);
    buf_fini(&outcome.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elements_of_a_member_come_out_and_the_rest_stays),
        cmocka_unit_test(elements_of_any_kind_come_out),
        cmocka_unit_test(a_deeper_array_is_found_on_its_path_only),
        cmocka_unit_test(a_key_with_escapes_is_the_same_key),
        cmocka_unit_test(null_counts_as_an_empty_list),
        cmocka_unit_test(what_is_not_the_expected_document_is_refused),
        cmocka_unit_test(limits_hold_however_the_bytes_are_cut),
        cmocka_unit_test(the_receiver_can_end_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
