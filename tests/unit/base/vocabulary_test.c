/* SPDX-License-Identifier: Apache-2.0 */
/* err, mem, buf, strmap, seal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/seal.h"
#include "base/strmap.h"

static void an_error_reads_from_the_outside_in(void **state)
{
    (void)state;
    struct err err;
    assert_int_equal(err_set(&err, ERR_DENIED, 403, "may not read"), -1);
    assert_int_equal(err_wrap(&err, "secret %s/%s", "ns", "s"), -1);
    assert_string_equal(err.msg, "secret ns/s: may not read");
    assert_int_equal(err.class, ERR_DENIED);
    assert_int_equal(err.code, 403);
    assert_int_equal(err_set(NULL, ERR_DENIED, 0, "nobody asked"), -1);
}

static void of_a_long_error_the_cause_survives(void **state)
{
    (void)state;
    struct err err;
    err_set(&err, ERR_INVALID, 0, "the cause");
    char context[600];
    memset(context, 'x', sizeof(context) - 1);
    context[sizeof(context) - 1] = '\0';
    err_wrap(&err, "%s", context);
    err_wrap(&err, "%s", context);
    assert_true(strlen(err.msg) < sizeof(err.msg));
    assert_non_null(strstr(err.msg, ": the cause"));
}

static void a_buffer_refuses_what_crosses_its_limit(void **state)
{
    (void)state;
    CLEANUP(buf_fini) struct buf buf;
    buf_init(&buf, 8);
    buf_add_text(&buf, "12345678");
    assert_false(buf.overflowed);
    buf_add_char(&buf, '9');
    assert_true(buf.overflowed);
    assert_string_equal(buf_text(&buf), "12345678");
    buf_clear(&buf);
    buf_add_format(&buf, "%d", 42);
    assert_string_equal(buf_text(&buf), "42");
    buf_add_format(&buf, "%s", "1234567");
    assert_true(buf.overflowed);
    assert_string_equal(buf_text(&buf), "42");
}

static void a_taken_buffer_is_empty(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, BUF_UNLIMITED);
    char *none = buf_take(&buf);
    assert_string_equal(none, "");
    free(none);
    buf_add(&buf, "a\0b", 3);
    assert_int_equal(buf.length, 3);
    char *bytes = buf_take(&buf);
    assert_memory_equal(bytes, "a\0b", 4);
    free(bytes);
    assert_int_equal(buf.length, 0);
    assert_string_equal(buf_text(&buf), "");
}

static unsigned freed;

static void count_free(void *value)
{
    (void)value;
    freed++;
}

static void a_map_frees_what_leaves_it(void **state)
{
    (void)state;
    freed = 0;
    int values[3] = {0};
    struct strmap *map = strmap_new(count_free);
    strmap_set(map, "b", &values[0]);
    strmap_set(map, "a", &values[1]);
    strmap_set(map, "b", &values[2]);
    assert_int_equal(freed, 1);
    assert_ptr_equal(strmap_get(map, "b"), &values[2]);
    assert_ptr_equal(strmap_take(map, "a"), &values[1]);
    assert_int_equal(freed, 1);
    strmap_remove(map, "none");
    strmap_free(map);
    assert_int_equal(freed, 2);
}

static void a_map_keeps_the_order_of_coming_and_can_sort(void **state)
{
    (void)state;
    CLEANUP(strmap_freep) struct strmap *set = strset_new();
    static const char *const keys[] = {"z", "a", "m", "B"};
    for (size_t i = 0; i < ARRAY_LENGTH(keys); i++)
        strset_add(set, keys[i]);
    strset_add(set, "a");
    size_t at = 0;
    struct strmap_entry *next;
    for (struct strmap_entry *e = strmap_first(set); e; e = next) {
        next = strmap_next(e);
        assert_string_equal(strmap_entry_key(e), keys[at++]);
        if (at == 2)
            strmap_take(set, "a"); /* the entry at hand may go */
    }
    CLEANUP(freep) const char **sorted = strmap_sorted_keys(set);
    assert_string_equal(sorted[0], "B");
    assert_string_equal(sorted[1], "m");
    assert_string_equal(sorted[2], "z");
    assert_null(sorted[3]);
}

static void a_large_map_loses_and_finds_what_it_should(void **state)
{
    (void)state;
    CLEANUP(strmap_freep) struct strmap *map = strset_new();
    char text[32];
    for (int i = 0; i < 3000; i++) {
        snprintf(text, sizeof(text), "key-%d", i);
        strset_add(map, text);
        /* Of each three that come the one in the middle goes again. */
        if (i % 3 != 2)
            continue;
        snprintf(text, sizeof(text), "key-%d", i - 1);
        assert_ptr_equal(strmap_take(map, text), map);
    }
    assert_int_equal(strmap_count(map), 2000);
    for (int i = 0; i < 3000; i++) {
        snprintf(text, sizeof(text), "key-%d", i);
        assert_int_equal(strmap_has(map, text), i % 3 != 1);
    }
    size_t seen = 0;
    for (struct strmap_entry *e = strmap_first(map); e; e = strmap_next(e), seen++) {
        snprintf(text, sizeof(text), "key-%zu", seen / 2 * 3 + seen % 2 * 2);
        assert_string_equal(strmap_entry_key(e), text);
        assert_ptr_equal(strmap_key(map, text), strmap_entry_key(e));
    }
    assert_int_equal(seen, 2000);
    /* One that has lost everything is as good as new. */
    for (int i = 0; i < 3000; i++) {
        snprintf(text, sizeof(text), "key-%d", i);
        strmap_remove(map, text);
    }
    assert_int_equal(strmap_count(map), 0);
    for (int i = 0; i < 50; i++) {
        snprintf(text, sizeof(text), "new-%d", i);
        strset_add(map, text);
        assert_true(strmap_has(map, text));
        assert_false(strmap_has(map, "key-0"));
    }
    strmap_clear(map);
    assert_int_equal(strmap_count(map), 0);
    assert_false(strmap_has(map, "key-0"));
}

static const struct seal_key key = {"0123456789abcdef0123456789abcde"};

static int open_seal(const struct seal_key *with, const char *context, const char *sealed,
                     char **ret_value)
{
    struct buf out;
    buf_init(&out, BUF_UNLIMITED);
    struct err err;
    int result = unseal(with, context, strlen(context), sealed, &out, &err);
    if (result == 0)
        *ret_value = buf_take(&out);
    else
        buf_fini(&out);
    return result;
}

static void a_sealed_value_opens_in_its_context_only(void **state)
{
    (void)state;
    CLEANUP(freep) char *sealed = seal(&key, "api/a", 5, "secret", 6);
    assert_memory_equal(sealed, "v1:", 3);
    assert_null(strstr(sealed, "secret"));
    char *value = NULL;
    assert_int_equal(open_seal(&key, "api/a", sealed, &value), 0);
    assert_string_equal(value, "secret");
    free(value);
    assert_int_equal(open_seal(&key, "api/b", sealed, &value), -1);
    const struct seal_key other = {"another key another key another"};
    assert_int_equal(open_seal(&other, "api/a", sealed, &value), -1);
}

static void sealing_is_a_pure_function(void **state)
{
    (void)state;
    CLEANUP(freep) char *one = seal(&key, "c", 1, "v", 1);
    CLEANUP(freep) char *two = seal(&key, "c", 1, "v", 1);
    CLEANUP(freep) char *three = seal(&key, "cv", 2, "", 0);
    assert_string_equal(one, two);
    assert_string_not_equal(one, three);
}

static void any_changed_byte_closes_a_seal_for_good(void **state)
{
    (void)state;
    CLEANUP(freep) char *sealed = seal(&key, "c", 1, "value", 5);
    char *value = NULL;
    for (size_t i = 0; sealed[i]; i++) {
        char before = sealed[i];
        sealed[i] = (char)(before == 'A' ? 'B' : 'A');
        assert_int_equal(open_seal(&key, "c", sealed, &value), -1);
        sealed[i] = before;
    }
    static const char *const junk[] = {"", "v1:", "v1:AAAA", "v2:AAAA", "v1:not base64!", "plain"};
    for (size_t i = 0; i < ARRAY_LENGTH(junk); i++)
        assert_int_equal(open_seal(&key, "c", junk[i], &value), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_error_reads_from_the_outside_in),
        cmocka_unit_test(of_a_long_error_the_cause_survives),
        cmocka_unit_test(a_buffer_refuses_what_crosses_its_limit),
        cmocka_unit_test(a_taken_buffer_is_empty),
        cmocka_unit_test(a_map_frees_what_leaves_it),
        cmocka_unit_test(a_map_keeps_the_order_of_coming_and_can_sort),
        cmocka_unit_test(a_large_map_loses_and_finds_what_it_should),
        cmocka_unit_test(a_sealed_value_opens_in_its_context_only),
        cmocka_unit_test(sealing_is_a_pure_function),
        cmocka_unit_test(any_changed_byte_closes_a_seal_for_good),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
