/* SPDX-License-Identifier: Apache-2.0 */
/* Bounds of what is kept and told. */
#include "make.h"

#include "base/mem.h"
#include "base/seal.h"
#include "base/str.h"
#include "core/conditions.h"
#include "core/lease_record.h"
#include "core/line_diff.h"
#include "core/schemas.h"
#include "core/usage.h"

/* Returns owned: a text of one letter, with a quote at its beginning. */
static char *long_text(size_t length)
{
    char *text = xmalloc(length + 1);
    memset(text, 'x', length);
    text[0] = '"';
    text[length] = '\0';
    return text;
}

static void a_conditions_message_is_cut(void **state)
{
    (void)state;
    CLEANUP(freep) char *text = long_text(100000);
    struct conditions conditions = {.count = 0};
    conditions_add(&conditions, "Ready", CONDITION_FALSE, "InvalidSpec", "%s", text);
    size_t length = strlen(conditions.items[0].message);
    assert_true(length >= 1000 && length <= 1027);
    conditions_fini(&conditions);
}

static void a_problems_message_is_cut(void **state)
{
    (void)state;
    CLEANUP(freep) char *text = long_text(100000);
    struct problems problems = {.count = 0};
    problems_refuse(&problems, "spec.name", NULL, "%s", text);
    size_t length = strlen(problems.items[0].message);
    assert_true(length >= 1000 && length <= 1027);
    problems_fini(&problems);
}

static void ignore(void *arg, const char *webhook)
{
    (void)arg;
    (void)webhook;
}

static void a_webhook_names_a_limited_number_of_those_who_use_it(void **state)
{
    (void)state;
    struct usage *usage = usage_new();
    for (int i = 0; i < 150; i++) {
        CLEANUP(freep) char *api = xasprintf("team/api-%03d", i);
        const struct usage_count count = {"team/pager", 2};
        usage_set(usage, api, &count, 1, ignore, NULL);
    }
    CLEANUP(buf_fini) struct buf out;
    buf_init(&out, BUF_UNLIMITED);
    buf_add_char(&out, '{');
    usage_add_json(usage, "team/pager", 100, &out);
    buf_add_char(&out, '}');
    struct span json = {buf_text(&out), out.length};
    size_t named = 0;
    struct json_text_iter iter = json_text_iterate(json_text_member(json, "references"));
    while (json_text_next(&iter))
        named++;
    assert_int_equal(named, 100);
    int64_t apis = 0;
    assert_true(json_text_int64(json_text_get(json, "usedBy", "apis", NULL), &apis));
    assert_int_equal(apis, 150);
    usage_free(usage);
}

static void count_line(void *arg, char sign, const char *line, size_t length)
{
    (void)line;
    (void)length;
    size_t *lines = arg;
    lines[sign == '-' ? 0 : sign == '+' ? 1 : 2]++;
}

static void texts_that_differ_in_too_many_lines_are_replaced_whole(void **state)
{
    (void)state;
    /* Every second line is the same: looked for, 3,000 changes would take millions of steps. */
    CLEANUP(buf_fini) struct buf before;
    CLEANUP(buf_fini) struct buf after;
    buf_init(&before, BUF_UNLIMITED);
    buf_init(&after, BUF_UNLIMITED);
    for (int i = 0; i < 3000; i++) {
        buf_add_format(&before, "same\nold %d\n", i);
        buf_add_format(&after, "same\nnew %d\n", i);
    }
    size_t lines[3] = {0};
    line_diff(buf_text(&before), buf_text(&after), 3, count_line, lines);
    assert_true(lines[0] >= 5999 && lines[1] >= 5999);
}

static void a_heading_of_a_difference_is_not_deeper_than_64(void **state)
{
    (void)state;
    CLEANUP(buf_fini) struct buf before;
    buf_init(&before, BUF_UNLIMITED);
    for (int i = 0; i < 500; i++)
        buf_add_format(&before, "%*skey-%d:\n", i, "", i);
    CLEANUP(freep) char *after = xasprintf("%s%*svalue\n", buf_text(&before), 500, "");
    size_t lines[3] = {0};
    line_diff(buf_text(&before), after, 1, count_line, lines);
    assert_int_equal(lines[0], 0);
    assert_int_equal(lines[1], 1);
}

static void a_lease_counts_within_what_the_api_has_room_for(void **state)
{
    (void)state;
    static const char text[] =
        "{\"metadata\":{\"name\":\"l\"},\"spec\":{\"leaseDurationSeconds\":99999999999,"
        "\"leaseTransitions\":9223372036854775807}}";
    const struct span object = {text, sizeof(text) - 1};
    const struct lease_author author = {"me", 15000, 0};
    struct lease_record record;
    assert_int_equal(lease_record_read(object, &record, NULL), 0);
    assert_int_equal(record.duration_ms, INT32_MAX * INT64_C(1000));
    assert_int_equal(record.transitions, INT32_MAX);
    lease_record_fini(&record);
    CLEANUP(buf_fini) struct buf out;
    buf_init(&out, BUF_UNLIMITED);
    lease_record_write(object, LEASE_CLAIM_TAKE, &author, &out);
    assert_non_null(strstr(buf_text(&out), "\"leaseTransitions\":1"));
}

static void annotations_have_256_kilobytes_together(void **state)
{
    (void)state;
    struct schemas *schemas = NULL;
    assert_int_equal(schemas_new(&schemas, NULL), 0);
    static const size_t lengths[] = {250000, 270000};
    for (size_t i = 0; i < ARRAY_LENGTH(lengths); i++) {
        CLEANUP(freep) char *value = long_text(lengths[i]);
        value[0] = 'x';
        CLEANUP(freep)
        char *json = xasprintf("{\"metadata\":{\"name\":\"a\",\"annotations\":{\"a\":\"%s\"}},"
                               "\"data\":{}}",
                               value);
        CLEANUP(buf_fini) struct buf out;
        buf_init(&out, BUF_UNLIMITED);
        struct schema_problems problems = {0};
        schemas_apply(schemas, OBJECT_SECRET, (struct span){json, strlen(json)},
                      (struct span){NULL, 0}, &out, &problems);
        assert_int_equal(problems.errors, i);
        schema_problems_fini(&problems);
    }
    schemas_free(schemas);
}

static void a_sealed_text_of_more_than_a_megabyte_is_not_looked_at(void **state)
{
    (void)state;
    const struct seal_key key = {"0123456789abcdef0123456789abcde"};
    CLEANUP(freep) char *value = long_text(800000);
    CLEANUP(freep) char *sealed = seal(&key, "c", 1, value, 800000);
    CLEANUP(buf_fini) struct buf out;
    buf_init(&out, BUF_UNLIMITED);
    struct err err;
    assert_true(strlen(sealed) > 1U << 20);
    assert_int_equal(unseal(&key, "c", 1, sealed, &out, &err), -1);
    CLEANUP(freep) char *shorter = seal(&key, "c", 1, value, 700000);
    assert_int_equal(unseal(&key, "c", 1, shorter, &out, &err), 0);
    assert_int_equal(out.length, 700000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_conditions_message_is_cut),
        cmocka_unit_test(a_problems_message_is_cut),
        cmocka_unit_test(a_webhook_names_a_limited_number_of_those_who_use_it),
        cmocka_unit_test(texts_that_differ_in_too_many_lines_are_replaced_whole),
        cmocka_unit_test(a_heading_of_a_difference_is_not_deeper_than_64),
        cmocka_unit_test(a_lease_counts_within_what_the_api_has_room_for),
        cmocka_unit_test(annotations_have_256_kilobytes_together),
        cmocka_unit_test(a_sealed_text_of_more_than_a_megabyte_is_not_looked_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
