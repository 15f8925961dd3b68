/* SPDX-License-Identifier: Apache-2.0 */
/* What is found in one walk is what json_text_member() finds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/json_members.h"
#include "base/json_text.h"

static struct span of(const char *text)
{
    return (struct span){text, strlen(text)};
}

static void check(const char *object, const char *key, const char *quoted)
{
    struct json_members members;
    json_members_read(&members, of(object));
    struct span expected = json_text_member(of(object), key);
    struct span found = json_members_get(&members, key);
    assert_ptr_equal(found.ptr, expected.ptr);
    assert_int_equal(found.length, expected.length);
    found = json_members_like(&members, of(quoted));
    assert_ptr_equal(found.ptr, expected.ptr);
    assert_int_equal(found.length, expected.length);
}

static void members_are_those_that_are_found_one_by_one(void **state)
{
    (void)state;
    static const char *const objects[] = {
        "{}",
        "{\"a\":1,\"b\":{\"a\":2},\"c\":[\"a\"]}",
        "{ \"b\" : 2 , \"a\" : \"x\" }",
        "{\"a\":1,\"b\":2,\"a\":3}",
        "{\"\\u0061\":1,\"b\":2}",
        "{\"a\":1,\"\\u0061\":2}",
        "{\"\\u0061\":2,\"a\":1}",
        "{\"ab\":1,\"\":2}",
        "[\"a\",1]",
        "\"a\"",
        "null",
        "",
    };
    for (size_t i = 0; i < sizeof(objects) / sizeof(objects[0]); i++) {
        check(objects[i], "a", "\"a\"");
        check(objects[i], "a", "\"\\u0061\"");
        check(objects[i], "b", "\"b\"");
        check(objects[i], "", "\"\"");
        check(objects[i], "absent", "\"absent\"");
    }
}

static void an_object_may_have_more_members_than_are_kept(void **state)
{
    (void)state;
    struct buf object;
    buf_init(&object, BUF_UNLIMITED);
    for (unsigned count = 0; count < JSON_MEMBERS_FEW + 3; count++) {
        buf_clear(&object);
        for (unsigned i = 0; i < count; i++)
            buf_add_format(&object, "%s\"k%u\":%u", i ? "," : "{", i, i);
        buf_add_text(&object, count ? "}" : "{}");
        for (unsigned i = 0; i < count + 1; i++) {
            char key[16];
            char quoted[16];
            snprintf(key, sizeof(key), "k%u", i);
            snprintf(quoted, sizeof(quoted), "\"k%u\"", i);
            check(buf_text(&object), key, quoted);
        }
    }
    buf_fini(&object);
}

static void objects_of_many_members_are_compared_too(void **state)
{
    (void)state;
    struct buf left;
    struct buf right;
    buf_init(&left, BUF_UNLIMITED);
    buf_init(&right, BUF_UNLIMITED);
    const unsigned count = JSON_MEMBERS_FEW + 8;
    for (unsigned i = 0; i < count; i++) {
        buf_add_format(&left, "%s\"k%u\":%u", i ? "," : "{", i, i);
        buf_add_format(&right, "%s\"k%u\":%u", i ? "," : "{", count - 1 - i, count - 1 - i);
    }
    buf_add_char(&left, '}');
    buf_add_char(&right, '}');
    struct span a = {left.data, left.length};
    struct span b = {right.data, right.length};
    assert_true(json_text_equal(a, b));
    assert_false(json_text_equal(a, of("{\"k0\":0}")));
    assert_false(json_text_equal(of("{\"k0\":0}"), a));
    right.data[right.length - 2] = '7';
    assert_false(json_text_equal(a, b));
    buf_fini(&left);
    buf_fini(&right);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_are_those_that_are_found_one_by_one),
        cmocka_unit_test(an_object_may_have_more_members_than_are_kept),
        cmocka_unit_test(objects_of_many_members_are_compared_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
