/* SPDX-License-Identifier: Apache-2.0 */
#include "core/secret.h"

#include "make.h"

#include "base/mem.h"

static void what_is_shown_for_a_value_is_known_again(void **state)
{
    (void)state;
    static const char *const sources[] = {"platform/pager token", "a/b.c-9 tls.crt_OLD", ""};
    for (size_t i = 0; i < ARRAY_LENGTH(sources); i++) {
        CLEANUP(freep) char *text = secret_placeholder(sources[i]);
        if (!secret_is_placeholder(text))
            fail_msg("%s was overlooked", text);
    }
}

static void other_texts_are_values(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "secret",
                                        "<secret",
                                        "<secret >",
                                        "<secrets>",
                                        "<secret a>",
                                        "<secret a/b>",
                                        "<secret a/b >",
                                        "<secret /b c>",
                                        "<secret a/ c>",
                                        "<secret a/b c> ",
                                        "Bearer <secret a/b c>",
                                        "<secret a/b c d>",
                                        "<secret A/b c>",
                                        "<secret a/b/c d>"};
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
        if (secret_is_placeholder(texts[i]))
            fail_msg("%s was taken for a placeholder", texts[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_shown_for_a_value_is_known_again),
        cmocka_unit_test(other_texts_are_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
