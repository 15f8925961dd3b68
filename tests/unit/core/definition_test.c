/* SPDX-License-Identifier: Apache-2.0 */
#include "core/definition.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json_text.h"
#include "base/mem.h"

static struct span span_of(const char *text)
{
    return (struct span){text, strlen(text)};
}

static void a_classic_definition_tells_id_path_domain_target_and_marker(void **state)
{
    (void)state;
    struct definition read;
    definition_read(
        span_of("{\"name\":\"proxy\",\"api_id\":\"a\",\"domain\":\"d.example\","
                "\"proxy\":{\"x\":{\"listen_path\":\"/no/\"},\"listen_path\":\"/a/\","
                "\"target_url\":\"http://u\\u0026\"},\"config_data\":{\"grapnel\":{}}}"),
        API_CLASSIC, &read);
    assert_true(json_text_is(read.api_id, "a"));
    assert_true(json_text_is(read.listen_path, "/a/"));
    assert_true(json_text_is(read.domain, "d.example"));
    assert_true(json_text_is(read.target, "http://u&"));
    assert_int_equal(json_text_type(read.marker), JSON_TEXT_OBJECT);
    assert_false(read.is_oas);
}

static void the_classic_form_of_an_oas_api_says_so_and_has_no_marker(void **state)
{
    (void)state;
    struct definition read;
    definition_read(span_of("{\"api_id\":\"m\",\"is_oas\":true,\"config_data\":null}"), API_CLASSIC,
                    &read);
    assert_true(read.is_oas);
    assert_int_equal(json_text_type(read.marker), JSON_TEXT_NONE);
}

static void an_oas_definition_tells_the_same(void **state)
{
    (void)state;
    struct definition read;
    definition_read(
        span_of("{\"info\":{\"id\":\"no\"},\"x-grapnel\":{\"v\":1},\"x-tyk-api-gateway\":{"
                "\"info\":{\"id\":\"o\"},\"upstream\":{\"url\":\"http://u/\"},\"server\":{"
                "\"listenPath\":{\"value\":\"/o/\"},\"customDomain\":{\"enabled\":true,\"name\":"
                "\"d\"}}}}"),
        API_OAS, &read);
    assert_true(json_text_is(read.api_id, "o"));
    assert_true(json_text_is(read.listen_path, "/o/"));
    assert_true(json_text_is(read.domain, "d"));
    assert_true(json_text_is(read.target, "http://u/"));
    assert_int_equal(json_text_type(read.marker), JSON_TEXT_OBJECT);
}

static void a_domain_that_is_switched_off_is_none(void **state)
{
    (void)state;
    struct definition read;
    definition_read(span_of("{\"domain\":\"d\",\"domain_disabled\":true}"), API_CLASSIC, &read);
    assert_null(read.domain.ptr);
    definition_read(span_of("{\"x-tyk-api-gateway\":{\"server\":{\"customDomain\":{\"enabled\":"
                            "false,\"name\":\"d\"}}}}"),
                    API_OAS, &read);
    assert_null(read.domain.ptr);
}

static void text_of_any_other_kind_tells_nothing(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "", "null", "5", "[]", "\"x\"", "{", "{\"proxy\":5,", "{\"x-tyk-api-gateway\":\"text\"}"};
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
        struct definition read;
        definition_read(span_of(texts[i]), API_CLASSIC, &read);
        assert_null(read.api_id.ptr);
        definition_read(span_of(texts[i]), API_OAS, &read);
        assert_null(read.api_id.ptr);
    }
}

static void paths_are_cleaned_as_the_gateway_routes_them(void **state)
{
    (void)state;
    static const struct {
        const char *path, *clean;
    } cases[] = {
        {"/a/", "/a"},
        {"/a", "/a"},
        {"//a//x//", "/a/x"},
        {"/b/../a/", "/a"},
        {"/../../a", "/a"},
        {"/", "/"},
        {"//", "/"},
        {"/a/./b", "/a/b"},
        {"/a/b/../../", "/"},
        {"a/b", "/a/b"},
        {"", ""},
        {"/a..b/", "/a..b"},
        {"/{id}/x/", "/{id}/x"},
        {"/…/../é", "/é"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        CLEANUP(freep) char *clean = listen_path_clean(cases[i].path);
        assert_string_equal(clean, cases[i].clean);
    }
}

static void one_path_with_one_domain_is_one_claim(void **state)
{
    (void)state;
    assert_true(listen_path_claim("/a/", "") == listen_path_claim("//a", ""));
    assert_true(listen_path_claim("/a/", "D.example") == listen_path_claim("/a/", "d.EXAMPLE"));
    assert_true(listen_path_claim("/a/", "") != listen_path_claim("/a/", "d"));
    assert_true(listen_path_claim("/a/", "") != listen_path_claim("/b/", ""));
    assert_true(listen_path_claim("/a/b", "") != listen_path_claim("/a", "/b"));
}

static void a_listen_path_is_the_same_as_sent_or_cleaned(void **state)
{
    (void)state;
    assert_int_equal(listen_path_compare("//a//", "//a//", "id"), LISTEN_PATH_SAME);
    assert_int_equal(listen_path_compare("//a//", "/a", "id"), LISTEN_PATH_SAME);
    assert_int_equal(listen_path_compare("a", "/a", "id"), LISTEN_PATH_SAME);
    assert_int_equal(listen_path_compare("/a/", "/b/", "id"), LISTEN_PATH_OTHER);
    assert_int_equal(listen_path_compare("/a/", "", "id"), LISTEN_PATH_OTHER);
    assert_int_equal(listen_path_compare("", "", "id"), LISTEN_PATH_SAME);
}

static void a_duplicate_path_is_seen_to_be_renamed(void **state)
{
    (void)state;
    assert_int_equal(listen_path_compare("/same/", "/same/-sb", "sb"), LISTEN_PATH_RENAMED);
    assert_int_equal(listen_path_compare("/same", "/same-sb", "sb"), LISTEN_PATH_RENAMED);
    assert_int_equal(listen_path_compare("/same/", "/same/-sb_", "sb"), LISTEN_PATH_RENAMED);
    assert_int_equal(listen_path_compare("/same/", "/same/-sc", "sb"), LISTEN_PATH_OTHER);
    assert_int_equal(listen_path_compare("/x-sb", "/x-sb", "sb"), LISTEN_PATH_SAME);
    assert_null(listen_path_before_rename("/same/", "sb"));
    assert_null(listen_path_before_rename("/same/", ""));
    assert_null(listen_path_before_rename("-sb", "sb"));
    CLEANUP(freep) char *before = listen_path_before_rename("/same/-sb__", "sb");
    assert_string_equal(before, "/same/");
}

static void a_target_that_the_gateway_looks_up_cannot_be_compared(void **state)
{
    (void)state;
    assert_true(target_is("http://u/", "http://u/"));
    assert_false(target_is("http://u/", ""));
    assert_false(target_is("http://u/", "http://v/"));
    assert_true(target_is("env://HOST", "http://found/"));
    assert_true(target_is("http://$secret_env.HOST/", "http://found/"));
    assert_true(target_is("", ""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_classic_definition_tells_id_path_domain_target_and_marker),
        cmocka_unit_test(the_classic_form_of_an_oas_api_says_so_and_has_no_marker),
        cmocka_unit_test(an_oas_definition_tells_the_same),
        cmocka_unit_test(a_domain_that_is_switched_off_is_none),
        cmocka_unit_test(text_of_any_other_kind_tells_nothing),
        cmocka_unit_test(paths_are_cleaned_as_the_gateway_routes_them),
        cmocka_unit_test(one_path_with_one_domain_is_one_claim),
        cmocka_unit_test(a_listen_path_is_the_same_as_sent_or_cleaned),
        cmocka_unit_test(a_duplicate_path_is_seen_to_be_renamed),
        cmocka_unit_test(a_target_that_the_gateway_looks_up_cannot_be_compared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
