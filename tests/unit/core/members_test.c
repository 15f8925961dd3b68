/* SPDX-License-Identifier: Apache-2.0 */
#include "core/members.h"

#include "make.h"

static struct span span_of(const char *text)
{
    return (struct span){text, strlen(text)};
}

static void members_are_found_in_one_pass(void **state)
{
    (void)state;
    static const char *const names[] = {"a", "b", "c", "d"};
    struct span values[4];
    members_read(span_of("{\"x\":{\"a\":0},\"b\":[1, 2],\"a\":\"t\",\"c\":null,\"\\u0064\":1.0}"),
                 names, 4, values, NULL, NULL);
    assert_memory_equal(values[0].ptr, "\"t\"", 3);
    assert_int_equal(values[1].length, 6);
    assert_null(values[2].ptr); /* null is absence */
    assert_memory_equal(values[3].ptr, "1.0", 3);
    members_read(span_of("[1]"), names, 4, values, NULL, NULL);
    assert_null(values[0].ptr);
    members_read((struct span){NULL, 0}, names, 4, values, NULL, NULL);
    assert_null(values[0].ptr);
}

static void keys_that_differ_by_case_are_found_out(void **state)
{
    (void)state;
    static const char *const names[] = {"api_id", "task"};
    static const char *const variants[] = {
        "{\"Api_Id\":1}",
        "{\"API_ID\":1}",
        "{\"\\u0041pi_id\":1}",
        ("{\"ta\xc5\xbf"
         "k\":1}"),
        "{\"tas\xe2\x84\xaa\":1}",
        "{\"api_id\":1,\"TASK\":2}",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(variants); i++) {
        struct span values[2];
        struct span variant;
        const char *name;
        members_read(span_of(variants[i]), names, 2, values, &variant, &name);
        if (!variant.ptr)
            fail_msg("%s was overlooked", variants[i]);
    }
    struct span values[2];
    struct span variant;
    const char *name;
    members_read(span_of("{\"api_id\":1,\"api-id\":2,\"api_i\":3,\"api_idx\":4}"), names, 2, values,
                 &variant, &name);
    assert_null(variant.ptr);
}

static void check_write(const char *text, const struct member_edit *edits, size_t count,
                        const char *wanted)
{
    struct buf out;
    buf_init(&out, BUF_UNLIMITED);
    members_write(span_of(text), edits, count, &out);
    assert_string_equal(buf_text(&out), wanted);
    buf_fini(&out);
}

static void members_are_set_and_taken_out_and_the_rest_stays(void **state)
{
    (void)state;
    const struct member_edit edits[] = {
        members_set("b", "2"),
        members_set("gone", NULL),
        {"kept", "9", 1, true},
    };
    check_write("{\"a\" : 1.0,\"b\":1,\"c\":[ 1 ]}", edits, 3,
                "{\"a\" : 1.0,\"b\":2,\"c\":[ 1 ],\"kept\":9}");
    check_write("{\"gone\":1}", edits, 2, "{\"b\":2}");
    check_write("{}", edits, 3, "{\"b\":2,\"kept\":9}");
    check_write("{\"kept\":5,\"gone\":1,\"gone\":2,\"b\":0}", edits, 3, "{\"kept\":5,\"b\":2}");
    check_write("{\"kept\":null}", edits, 3, "{\"kept\":9,\"b\":2}");
    check_write("{\"\\u0062\":1,\"z\":1}", edits, 1, "{\"b\":2,\"z\":1}");
    check_write("{\"a\":1}", NULL, 0, "{\"a\":1}");
    const struct member_edit empty = members_set("", "2");
    check_write("{\"\":1,\"a\":0}", &empty, 1, "{\"\":2,\"a\":0}");
    struct span nothing = {NULL, 0};
    struct buf out;
    buf_init(&out, BUF_UNLIMITED);
    members_write(nothing, edits, 1, &out);
    assert_string_equal(buf_text(&out), "{\"b\":2}");
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_are_found_in_one_pass),
        cmocka_unit_test(keys_that_differ_by_case_are_found_out),
        cmocka_unit_test(members_are_set_and_taken_out_and_the_rest_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
