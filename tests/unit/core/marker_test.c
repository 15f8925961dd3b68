/* SPDX-License-Identifier: Apache-2.0 */
#include "core/marker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json_text.h"
#include "base/mem.h"

static char owner[] = "grapnel";
static char cluster[] = "c-1";
static char context[] = "tyk/edge";
static char api[] = "platform/orders";
static char uid[] = "u";
static char hash[] = "abc";

static struct marker sample(void)
{
    return (struct marker){owner, cluster, context, api, uid, hash, 2, false, 0};
}

#define JSON                                                                                       \
    "{\"v\":1,\"owner\":\"grapnel\",\"cluster\":\"c-1\",\"context\":\"tyk/edge\","                 \
    "\"api\":\"platform/orders\",\"uid\":\"u\",\"hash\":\"abc\",\"n\":2}"

static struct span span_of(const char *text)
{
    return (struct span){text, strlen(text)};
}

static void expect_added(enum api_family family, const char *document, const char *expected)
{
    struct marker marker = sample();
    struct err err;
    CLEANUP(buf_fini) struct buf out;
    buf_init(&out, BUF_UNLIMITED);
    assert_int_equal(marker_add(span_of(document), family, &marker, &out, &err), 0);
    assert_string_equal(buf_text(&out), expected);
}

static void everything_but_the_marker_passes_through_byte_for_byte(void **state)
{
    (void)state;
    expect_added(API_OAS,
                 "{ \"a\" : 0.10, \"x-tyk-api-gateway\": {\"n\": 1e3} , \"é\\u0041\":[ ] }",
                 "{\"a\" : 0.10,\"x-tyk-api-gateway\": {\"n\": 1e3},\"é\\u0041\":[ ]"
                 ",\"x-grapnel\":" JSON "}");
    expect_added(API_CLASSIC, "{\"big\":123456789012345678901234567890}",
                 "{\"big\":123456789012345678901234567890,\"config_data\":{\"grapnel\":" JSON "}}");
}

static void the_marker_goes_into_config_data_that_is_absent_null_or_an_object(void **state)
{
    (void)state;
    expect_added(API_CLASSIC, "{}", "{\"config_data\":{\"grapnel\":" JSON "}}");
    expect_added(API_CLASSIC, "{\"config_data\":null,\"b\":1}",
                 "{\"config_data\":{\"grapnel\":" JSON "},\"b\":1}");
    expect_added(API_CLASSIC, "{\"config_data\":{\"k\":1.0},\"b\":1}",
                 "{\"config_data\":{\"k\":1.0,\"grapnel\":" JSON "},\"b\":1}");
    expect_added(API_CLASSIC, "{\"config_data\":{}}", "{\"config_data\":{\"grapnel\":" JSON "}}");
}

static void config_data_of_another_type_is_refused(void **state)
{
    (void)state;
    static const char *const documents[] = {"{\"config_data\":\"x\"}", "{\"config_data\":[1]}",
                                            "{\"config_data\":5}", "[]", "null"};
    for (size_t i = 0; i < ARRAY_LENGTH(documents); i++) {
        struct marker marker = sample();
        struct err err = {0};
        CLEANUP(buf_fini) struct buf out;
        buf_init(&out, BUF_UNLIMITED);
        assert_int_equal(marker_add(span_of(documents[i]), API_CLASSIC, &marker, &out, &err), -1);
        assert_int_equal(err.class, ERR_INVALID);
    }
}

static void a_marker_that_is_there_is_replaced(void **state)
{
    (void)state;
    expect_added(API_OAS, "{\"x-grapnel\":{\"old\":1},\"a\":1}",
                 "{\"x-grapnel\":" JSON ",\"a\":1}");
    expect_added(API_CLASSIC, "{\"config_data\":{\"grapnel\":7,\"k\":1}}",
                 "{\"config_data\":{\"grapnel\":" JSON ",\"k\":1}}");
}

static void what_was_written_reads_back_equal(void **state)
{
    (void)state;
    char odd[] = "a\"b\\é\n&";
    struct marker marker = sample();
    marker.owner = odd;
    marker.retain = true;
    marker.object_version = UINT64_MAX - 1;
    struct err err;
    CLEANUP(buf_fini) struct buf out;
    buf_init(&out, BUF_UNLIMITED);
    assert_int_equal(marker_add(span_of("{}"), API_OAS, &marker, &out, &err), 0);

    struct marker read;
    struct span text = {out.data, out.length};
    assert_true(marker_read(json_text_member(text, "x-grapnel"), &read));
    assert_string_equal(read.owner, odd);
    assert_string_equal(read.cluster, cluster);
    assert_string_equal(read.context, context);
    assert_string_equal(read.api, api);
    assert_string_equal(read.uid, uid);
    assert_string_equal(read.hash, hash);
    assert_int_equal(read.n, 2);
    assert_true(read.retain);
    assert_true(read.object_version == UINT64_MAX - 1);
    assert_true(marker_fingerprint(&read) == marker_fingerprint(&marker));
    marker_fini(&read);
}

static void a_marker_reads_in_the_form_that_gateways_show(void **state)
{
    (void)state;
    /* Keys sorted, & escaped, numbers through floating point. */
    struct marker read;
    assert_true(
        marker_read(span_of("{\"api\":\"a/b\",\"cluster\":\"c\",\"context\":\"\",\"hash\":"
                            "\"h\",\"n\":3.0,\"owner\":\"x\\u0026y\",\"uid\":\"u\",\"v\":1}"),
                    &read));
    assert_string_equal(read.owner, "x&y");
    assert_int_equal(read.n, 3);
    assert_false(read.retain);
    assert_int_equal(read.object_version, 0);
    marker_fini(&read);
}

static void a_version_that_is_none_is_not_known(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "5", "\"x\"", "null", "\"-1\"", "\"\"", "{}", "\"18446744073709551616\""};
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
        CLEANUP(freep)
        char *text = xasprintf("%.*s,\"rv\":%s}", (int)strlen(JSON) - 1, JSON, texts[i]);
        struct marker read;
        assert_true(marker_read(span_of(text), &read));
        assert_int_equal(read.object_version, 0);
        marker_fini(&read);
    }
}

static void what_we_cannot_have_written_is_no_marker(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "null",
        "\"grapnel\"",
        "[]",
        "{}",
        "{\"v\":2,\"owner\":\"o\",\"cluster\":\"c\",\"context\":\"\",\"api\":\"a/b\",\"uid\":\"u\","
        "\"hash\":\"h\",\"n\":0}",
        "{\"v\":1,\"cluster\":\"c\",\"context\":\"\",\"api\":\"a/b\",\"uid\":\"u\",\"hash\":\"h\","
        "\"n\":0}",
        "{\"v\":1,\"owner\":5,\"cluster\":\"c\",\"context\":\"\",\"api\":\"a/b\",\"uid\":\"u\","
        "\"hash\":\"h\",\"n\":0}",
        "{\"v\":1,\"owner\":\"o\",\"cluster\":\"c\",\"context\":\"\",\"api\":\"a/b\",\"uid\":\"u\","
        "\"hash\":\"h\",\"n\":-1}",
        "{\"v\":1,\"owner\":\"o\",\"cluster\":\"c\",\"context\":\"\",\"api\":\"a/b\",\"uid\":\"u\","
        "\"hash\":\"h\"}",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
        struct marker read;
        assert_false(marker_read(span_of(texts[i]), &read));
    }
}

static void every_field_but_n_and_version_is_in_the_fingerprint(void **state)
{
    (void)state;
    char other[] = "other";
    struct marker marker = sample();
    uint64_t fingerprint = marker_fingerprint(&marker);
    struct marker changed[] = {sample(), sample(), sample(), sample(),
                               sample(), sample(), sample()};
    changed[0].owner = other;
    changed[1].cluster = other;
    changed[2].context = other;
    changed[3].api = other;
    changed[4].uid = other;
    changed[5].hash = other;
    changed[6].retain = true;
    for (size_t i = 0; i < ARRAY_LENGTH(changed); i++)
        assert_true(marker_fingerprint(&changed[i]) != fingerprint);
    marker.n = 9;
    marker.object_version = 9;
    assert_true(marker_fingerprint(&marker) == fingerprint);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_but_the_marker_passes_through_byte_for_byte),
        cmocka_unit_test(the_marker_goes_into_config_data_that_is_absent_null_or_an_object),
        cmocka_unit_test(config_data_of_another_type_is_refused),
        cmocka_unit_test(a_marker_that_is_there_is_replaced),
        cmocka_unit_test(what_was_written_reads_back_equal),
        cmocka_unit_test(a_marker_reads_in_the_form_that_gateways_show),
        cmocka_unit_test(what_we_cannot_have_written_is_no_marker),
        cmocka_unit_test(a_version_that_is_none_is_not_known),
        cmocka_unit_test(every_field_but_n_and_version_is_in_the_fingerprint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
