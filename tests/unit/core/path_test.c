/* SPDX-License-Identifier: Apache-2.0 */
#include "core/path.h"

#include "make.h"

static void a_path_is_cleaned_as_go_does(void **state)
{
    (void)state;
    /* The table of Go's own tests of path.Clean, and listen paths. */
    static const char *const table[][2] = {
        {"", "."},
        {"abc", "abc"},
        {"abc/def", "abc/def"},
        {"a/b/c", "a/b/c"},
        {".", "."},
        {"..", ".."},
        {"../..", "../.."},
        {"../../abc", "../../abc"},
        {"/abc", "/abc"},
        {"/", "/"},
        {"abc/", "abc"},
        {"abc/def/", "abc/def"},
        {"a/b/c/", "a/b/c"},
        {"./", "."},
        {"../", ".."},
        {"../../", "../.."},
        {"/abc/", "/abc"},
        {"abc//def//ghi", "abc/def/ghi"},
        {"//abc", "/abc"},
        {"///abc", "/abc"},
        {"//abc//", "/abc"},
        {"abc//", "abc"},
        {"abc/./def", "abc/def"},
        {"/./abc/def", "/abc/def"},
        {"abc/.", "abc"},
        {"abc/def/ghi/../jkl", "abc/def/jkl"},
        {"abc/def/../ghi/../jkl", "abc/jkl"},
        {"abc/def/..", "abc"},
        {"abc/def/../..", "."},
        {"/abc/def/../..", "/"},
        {"abc/def/../../..", ".."},
        {"/abc/def/../../..", "/"},
        {"abc/def/../../../ghi/jkl/../../../mno", "../../mno"},
        {"/../abc", "/abc"},
        {"abc/./../def", "def"},
        {"abc//./../def", "def"},
        {"abc/../../././../def", "../../def"},
        {"/lp/../lp-dots/", "/lp-dots"},
        {"//lp-double//x//", "/lp-double/x"},
        {"/...", "/..."},
        {"/a/..b/", "/a/..b"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(table); i++) {
        CLEANUP(freep) char *clean = path_clean(table[i][0]);
        assert_string_equal(clean, table[i][1]);
        CLEANUP(freep) char *again = path_clean(clean);
        assert_string_equal(again, clean);
    }
}

static void below_means_the_folder_or_in_it(void **state)
{
    (void)state;
    assert_true(path_is_below("/tyk", "/tyk"));
    assert_true(path_is_below("/tyk/apis", "/tyk"));
    assert_false(path_is_below("/tykx", "/tyk"));
    assert_false(path_is_below("/", "/tyk"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_is_cleaned_as_go_does),
        cmocka_unit_test(below_means_the_folder_or_in_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
