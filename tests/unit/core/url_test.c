/* SPDX-License-Identifier: Apache-2.0 */
#include "core/url.h"

#include "make.h"

static void urls_that_the_gateway_can_call_are_fine(void **state)
{
    (void)state;
    static const char *const good[] = {
        "http://h",
        "https://pager.example/hook",
        "HTTP://H.EXAMPLE:80/",
        "hTTps://h?q=%zz",
        "http://h#f",
        "http://10.0.0.1:65535/x",
        "http://[::1]",
        "http://[2001:db8::1]:8080/x",
        "http://[fe80::1%25eth0]/",
        "https://webhook.site/<unique-target>",
        "http://h/with blank?and more",
        "http://h%C3%A9.example/",
        ("http://b\xc3\xbc"
         "cher.example/\xf0\x9f\x98\x80"),
        "http://h:/",
        "http://a_b.svc.cluster.local/%41",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(good); i++) {
        bool user_info = true;
        const char *fault = url_fault(good[i], &user_info);
        if (fault)
            fail_msg("%s: %s", good[i], fault);
        assert_false(user_info);
    }
}

static void urls_that_it_cannot_call_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "h",
        "//h/x",
        "/hook",
        "ftp://h/",
        "http:/h",
        "http:h",
        "http://",
        "http:///x",
        "http://:80/",
        "http://h:65536/",
        "http://h:8o/",
        "http://h:-1/",
        "http://[::1",
        "http://[x]/",
        "http://[1]/",
        "http://[::1]x/",
        "http://[::1]:99999/",
        "http://[fe80::1%eth0]/",
        "http://a b/",
        "http://a\\b/",
        "http://a<b/",
        "http://h/%zz",
        "http://h/%4",
        "http://h/#%zz",
        "http://h%zz/",
        "http://h/\n",
        "http://h/\x7f",
        "http://us er@h/",
        "http://user@/",
        " http://h/",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        if (!url_fault(bad[i], NULL))
            fail_msg("%s was taken", bad[i]);
    }
}

static void user_info_is_told(void **state)
{
    (void)state;
    bool user_info = false;
    assert_null(url_fault("https://user:pass@h/x@y", &user_info));
    assert_true(user_info);
    assert_null(url_fault("https://h/x@y", &user_info));
    assert_false(user_info);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls_that_the_gateway_can_call_are_fine),
        cmocka_unit_test(urls_that_it_cannot_call_are_refused),
        cmocka_unit_test(user_info_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
