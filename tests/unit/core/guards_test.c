/* SPDX-License-Identifier: Apache-2.0 */
#include "core/guards.h"

#include "make.h"

static bool has(const char *text)
{
    return guards_find_reference(text, strlen(text)) != NULL;
}

static void references_are_found_at_any_place(void **state)
{
    (void)state;
    static const char *const yes[] = {"env://A",         "secrets://a",      "vault://a/b",
                                      "consul://x",      "file:///etc/x",    "kv://s/k",
                                      "x env://A y",     "http://h/?env://", "a$kv{x}",
                                      "$secret_vault.x", "$secret_env.X",    "${env://A}"};
    static const char *const no[] = {"",    "env:/A",  "env:",        "http://h/",  "https://h",
                                     "$kv", "$secret", "environ://x", "vaults://x", "env//A",
                                     "://", "$5",      "ENV://A"};
    for (size_t i = 0; i < ARRAY_LENGTH(yes); i++) {
        if (!has(yes[i]))
            fail_msg("%s was overlooked", yes[i]);
    }
    for (size_t i = 0; i < ARRAY_LENGTH(no); i++) {
        if (has(no[i]))
            fail_msg("%s was taken for one", no[i]);
    }
}

static char *path_of_next(const char *json, const char *from)
{
    struct span text = {json, strlen(json)};
    const char *mark;
    struct span found = guards_next_reference(text, from, &mark);
    if (!found.ptr)
        return NULL;
    struct buf path;
    buf_init(&path, BUF_UNLIMITED);
    guards_add_path(text, found.ptr, &path);
    return buf_take(&path);
}

static void references_in_json_are_found_with_their_place(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        const char *path;
    } table[] = {
        {"{\"a\":{\"b\":[1,{\"c\":\"env://X\"}]}}", ".a.b[1].c"},
        {"{\"a\":1,\"env://X\":2}", ".env://X"},
        {"[\"\\\"\",\"env:\\/\\/X\"]", "[1]"},
        {"[\"\\u0065nv://X\"]", "[0]"},
        {"\"kv://x\"", ""},
        {"{\"a\":\"http://h/\",\"b\":\"$9 \\\\ :\"}", NULL},
        {"{\"a\":\"env:\",\"//\":1}", NULL},
        {"{}", NULL},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(table); i++) {
        CLEANUP(freep) char *path = path_of_next(table[i].json, NULL);
        if (!table[i].path)
            assert_null(path);
        else
            assert_string_equal(path, table[i].path);
    }
    const char *several = "[\"env://a\",\"x\",\"env://b\"]";
    struct span text = {several, strlen(several)};
    const char *mark;
    struct span first = guards_next_reference(text, NULL, &mark);
    assert_string_equal(mark, "env://");
    CLEANUP(freep) char *second = path_of_next(several, first.ptr + first.length);
    assert_string_equal(second, "[2]");
}

static void templates_stay_in_the_agreed_folders(void **state)
{
    (void)state;
    const struct gateway_abilities usual = {.template_paths = NULL};
    static const char *const own_paths[] = {"/hooks/", NULL};
    static const char *const no_paths[] = {NULL};
    const struct gateway_abilities own = {.template_paths = own_paths};
    const struct gateway_abilities none = {.template_paths = no_paths};
    static const char *const good[] = {"", "templates/a.json", "./templates/a.json",
                                       "templates/../templates/a",
                                       "/opt/tyk-gateway/templates/x/y"};
    static const char *const bad[] = {"/etc/passwd",    "templates",
                                      "templates/",     "templatesx/a",
                                      "templates/../x", "../templates/a",
                                      "a/templates/b",  "/opt/tyk-gateway/templates/../tyk.conf"};
    for (size_t i = 0; i < ARRAY_LENGTH(good); i++) {
        if (!guards_template_is_allowed(good[i], &usual))
            fail_msg("%s was refused", good[i]);
    }
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        if (guards_template_is_allowed(bad[i], &usual))
            fail_msg("%s was taken", bad[i]);
    }
    assert_true(guards_template_is_allowed("/hooks/a", &own));
    assert_false(guards_template_is_allowed("templates/a", &own));
    assert_false(guards_template_is_allowed("templates/a", &none));
    assert_true(guards_template_is_allowed("", &none));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(references_are_found_at_any_place),
        cmocka_unit_test(references_in_json_are_found_with_their_place),
        cmocka_unit_test(templates_stay_in_the_agreed_folders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
