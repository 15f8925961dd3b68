/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/strmap.h"
#include "core/index.h"

static void collect(void *arg, const char *dependent)
{
    strset_add(arg, dependent);
}

static size_t dependents(const struct index *index, const char *token, const char *expected)
{
    struct strmap *set = strset_new();
    index_visit(index, token, collect, set);
    size_t count = strmap_count(set);
    if (expected)
        assert_true(strmap_has(set, expected));
    strmap_free(set);
    return count;
}

static void a_token_touches_just_those_that_name_it(void **state)
{
    (void)state;
    struct index *index = index_new(NULL, NULL);
    struct index_edge *api1 = NULL;
    struct index_edge *api2 = NULL;
    index_set(index, &api1, "api1", (const char *[]){"pager", "mail", "pager"}, 3);
    index_set(index, &api2, "api2", (const char *[]){"pager"}, 1);
    assert_int_equal(dependents(index, "pager", "api2"), 2);
    assert_int_equal(index_count(index, "pager"), 2); /* named twice is named */
    assert_int_equal(dependents(index, "mail", "api1"), 1);
    assert_int_equal(dependents(index, "none", NULL), 0);
    index_free(index);
}

static void a_new_set_replaces_the_old_one(void **state)
{
    (void)state;
    struct index *index = index_new(NULL, NULL);
    struct index_edge *api1 = NULL;
    index_set(index, &api1, "api1", (const char *[]){"pager", "pager"}, 2);
    index_set(index, &api1, "api1", (const char *[]){"mail"}, 1);
    assert_int_equal(index_count(index, "pager"), 0);
    assert_int_equal(dependents(index, "mail", "api1"), 1);
    index_set(index, &api1, "api1", NULL, 0);
    assert_int_equal(index_count(index, "mail"), 0);
    index_free(index);
}

static void a_token_is_idle_when_its_last_dependent_leaves_it(void **state)
{
    (void)state;
    struct strmap *idle = strset_new();
    struct index *index = index_new(collect, idle);
    struct index_edge *api1 = NULL;
    struct index_edge *api2 = NULL;
    index_set(index, &api1, "api1", (const char *[]){"pager", "mail"}, 2);
    index_set(index, &api2, "api2", (const char *[]){"pager"}, 1);
    index_set(index, &api1, "api1", (const char *[]){"mail", "pager", "news"}, 3);
    assert_int_equal(strmap_count(idle), 0);
    index_set(index, &api1, "api1", (const char *[]){"mail"}, 1);
    assert_int_equal(strmap_count(idle), 1);
    assert_true(strmap_has(idle, "news"));
    index_set(index, &api2, "api2", NULL, 0);
    assert_true(strmap_has(idle, "pager"));
    assert_int_equal(strmap_count(idle), 2);
    index_free(index);
    assert_int_equal(strmap_count(idle), 2);
    strmap_free(idle);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_touches_just_those_that_name_it),
        cmocka_unit_test(a_new_set_replaces_the_old_one),
        cmocka_unit_test(a_token_is_idle_when_its_last_dependent_leaves_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
