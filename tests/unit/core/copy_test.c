/* SPDX-License-Identifier: Apache-2.0 */
#include "core/copy.h"

#include "make.h"

static const struct seal_key key = {"0123456789abcdef0123456789abcde"};
static const struct seal_key other_key = {"another key of the same length.."};

/* A copy with a secret URL and one secret header of two. */
static struct copy *make_copy(const char *name)
{
    struct copy *copy = copy_new();
    copy->name = xstrdup(name);
    copy->url = xstrdup("https://pager.example/s3cret");
    copy->url_secret = xstrdup("platform/pager url");
    copy->method = xstrdup("POST");
    copy->body_template = xstrdup("");
    copy->cooldown = xstrdup("10s");
    copy_add_header(copy, xstrdup("X-Team"), xstrdup("platform"), NULL);
    copy_add_header(copy, xstrdup("Authorization"), xstrdup("Bearer t0ken"),
                    xstrdup("platform/pager token"));
    copy_sort_headers(copy);
    return copy;
}

static char *to_json(const struct copy *copy, enum copy_form form, const char *api, const char *ref)
{
    struct buf out;
    buf_init(&out, BUF_UNLIMITED);
    copy_add_json(copy, form, form == COPY_SEALED ? &key : NULL, api, ref, &out);
    return buf_take(&out);
}

static struct copy *from_json(const char *json, const struct seal_key *with, const char *api,
                              const char *ref)
{
    struct err err;
    return copy_from_json((struct span){json, strlen(json)}, with, api, ref, &err);
}

/* Returns owned: `text` with the first `from` replaced. */
static char *replaced(const char *text, const char *from, const char *to)
{
    const char *at = strstr(text, from);
    assert_non_null(at);
    return xasprintf("%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
}

static void a_sealed_copy_opens_to_itself_and_shows_no_secret(void **state)
{
    (void)state;
    struct copy *copy = make_copy("Pager");
    char *json = to_json(copy, COPY_SEALED, "team/orders", "platform/pager");
    assert_null(strstr(json, "s3cret"));
    assert_null(strstr(json, "t0ken"));
    assert_non_null(strstr(json, "\"urlSealed\":\"v1:"));
    assert_non_null(strstr(json, "\"sealed\":\"v1:"));
    struct copy *opened = from_json(json, &key, "team/orders", "platform/pager");
    assert_non_null(opened);
    assert_true(copy_equal(copy, opened));
    assert_true(copy_has_secrets(opened));
    assert_string_equal(opened->url, "https://pager.example/s3cret");
    char *again = to_json(opened, COPY_SEALED, "team/orders", "platform/pager");
    assert_string_equal(again, json); /* a sealed text stays as it is */
    free(again);
    copy_unref(opened);
    free(json);
    copy_unref(copy);
}

static void a_copy_that_was_moved_or_forged_opens_to_nothing(void **state)
{
    (void)state;
    struct copy *copy = make_copy("Pager");
    char *json = to_json(copy, COPY_SEALED, "team/orders", "platform/pager");
    assert_null(from_json(json, &key, "team/other", "platform/pager"));
    assert_null(from_json(json, &key, "evil/orders", "platform/pager"));
    assert_null(from_json(json, &key, "team/orders", "pager"));
    assert_null(from_json(json, &other_key, "team/orders", "platform/pager"));
    assert_null(from_json(json, NULL, "team/orders", "platform/pager"));
    static const char *const forgeries[][2] = {
        {"\"POST\"", "\"GET\""},
        {"\"name\":\"Pager\"", "\"name\":\"Evil\""},
        {"\"bodyTemplate\":\"\"", "\"bodyTemplate\":\"x\""},
        {"\"10s\"", "\"20s\""},
        {"\"value\":\"platform\"", "\"value\":\"evil\""},
        {"\"name\":\"X-Team\"", "\"name\":\"X-Evil\""},
        {"\"name\":\"Authorization\"", "\"name\":\"X-Echo\""},
        {",\"headers\"", ",\"suspend\":true,\"headers\""},
        {"{\"name\":\"X-Team\"", "{\"name\":\"X\",\"value\":\"\"},{\"name\":\"X-Team\""},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(forgeries); i++) {
        char *forged = replaced(json, forgeries[i][0], forgeries[i][1]);
        if (from_json(forged, &key, "team/orders", "platform/pager"))
            fail_msg("opened: %s", forged);
        free(forged);
    }
    free(json);
    copy_unref(copy);
}

static void without_a_key_a_placeholder_stands_for_what_is_sealed(void **state)
{
    (void)state;
    struct copy *copy = make_copy("Pager");
    char *json = to_json(copy, COPY_SEALED, "team/orders", "pager");
    struct copy *hidden = copy_from_json_hidden((struct span){json, strlen(json)}, NULL);
    assert_non_null(hidden);
    assert_string_equal(hidden->url, "<secret>");
    assert_true(copy_is_hidden(hidden->url_secret, hidden->url));
    assert_string_equal(hidden->headers[0].value, "<secret>");
    assert_true(copy_is_hidden(hidden->headers[0].secret, hidden->headers[0].value));
    assert_string_equal(hidden->headers[1].value, "platform");
    assert_false(copy_is_hidden(hidden->headers[1].secret, hidden->headers[1].value));
    assert_false(copy_is_hidden(copy->url_secret, copy->url));
    copy_unref(hidden);
    CLEANUP(freep) char *bad = replaced(json, "\"POST\"", "\"post\"");
    assert_null(copy_from_json_hidden((struct span){bad, strlen(bad)}, NULL));
    CLEANUP(freep)
    char *nowhere = make_json(
        "{name: a, url: '<secret>', method: POST, bodyTemplate: '', headers: [{name: b, sealed: "
        "x}]}");
    assert_null(copy_from_json_hidden((struct span){nowhere, strlen(nowhere)}, NULL));
    free(json);
    copy_unref(copy);
}

static void another_url_beside_a_sealed_header_opens_to_nothing(void **state)
{
    (void)state;
    struct copy *copy = make_copy("Pager");
    free(copy->url_secret);
    copy->url_secret = NULL;
    char *json = to_json(copy, COPY_SEALED, "team/orders", "pager");
    char *forged = replaced(json, "https://pager.example/s3cret", "https://evil.example/");
    assert_null(from_json(forged, &key, "team/orders", "pager"));
    free(forged);
    free(json);
    copy_unref(copy);
}

static void sealed_values_cannot_change_places(void **state)
{
    (void)state;
    struct copy *copy = make_copy("Pager");
    char *json = to_json(copy, COPY_SEALED, "team/orders", "pager");
    struct span text = {json, strlen(json)};
    CLEANUP(freep) char *url = json_text_string(json_text_member(text, "urlSealed"));
    struct json_text_iter iter = json_text_iterate(json_text_member(text, "headers"));
    assert_true(json_text_next(&iter));
    CLEANUP(freep) char *header = json_text_string(json_text_member(iter.value, "sealed"));
    CLEANUP(freep) char *twice = replaced(json, url, header);
    CLEANUP(freep) char *gap = replaced(json, url, "v1:gap");
    CLEANUP(freep) char *moved = replaced(gap, header, url);
    CLEANUP(freep) char *swapped = replaced(moved, "v1:gap", header);
    assert_null(from_json(twice, &key, "team/orders", "pager"));
    assert_null(from_json(swapped, &key, "team/orders", "pager"));
    free(json);
    copy_unref(copy);
}

static void sealed_headers_cannot_change_places(void **state)
{
    (void)state;
    struct copy *copy = make_copy("Pager");
    copy_add_header(copy, xstrdup("X-Other"), xstrdup("an0ther"), xstrdup("platform/pager other"));
    copy_sort_headers(copy);
    char *json = to_json(copy, COPY_SEALED, "team/orders", "pager");
    struct span headers = json_text_member((struct span){json, strlen(json)}, "headers");
    char *sealed[2];
    size_t count = 0;
    struct json_text_iter iter = json_text_iterate(headers);
    while (json_text_next(&iter)) {
        char *text = json_text_string(json_text_member(iter.value, "sealed"));
        if (text)
            sealed[count++] = text;
    }
    assert_int_equal(count, 2);
    CLEANUP(freep) char *gap = replaced(json, sealed[0], "v1:gap");
    CLEANUP(freep) char *moved = replaced(gap, sealed[1], sealed[0]);
    CLEANUP(freep) char *swapped = replaced(moved, "v1:gap", sealed[1]);
    assert_null(from_json(swapped, &key, "team/orders", "pager"));
    free(sealed[0]);
    free(sealed[1]);
    free(json);
    copy_unref(copy);
}

static void headers_are_sorted_when_they_are_read(void **state)
{
    (void)state;
    char *json = make_json("{name: a, url: 'https://h/', method: POST, bodyTemplate: '', headers: "
                           "[{name: b, value: '2'}, {name: X, value: '1'}]}");
    struct copy *copy = from_json(json, NULL, "a/b", "c");
    assert_non_null(copy);
    assert_string_equal(copy->headers[0].name, "X");
    assert_string_equal(copy->headers[1].name, "b");
    copy_unref(copy);
    free(json);
}

static void render_shows_where_secrets_come_from(void **state)
{
    (void)state;
    struct copy *copy = make_copy("Pager");
    char *json = to_json(copy, COPY_SOURCES, "team/orders", "pager");
    assert_string_equal(
        json,
        "{\"name\":\"Pager\",\"urlFrom\":{\"secretKeyRef\":{\"name\":\"pager\",\"key\":\"url\"}},"
        "\"method\":\"POST\",\"bodyTemplate\":\"\",\"cooldownPeriod\":\"10s\",\"headers\":["
        "{\"name\":\"Authorization\",\"valueFrom\":{\"secretKeyRef\":{\"name\":\"pager\",\"key\":"
        "\"token\"}}},{\"name\":\"X-Team\",\"value\":\"platform\"}]}");
    free(json);
    copy_unref(copy);
}

static void what_is_malformed_is_absent(void **state)
{
    (void)state;
    static const char *const good =
        "{name: a, url: 'https://h/', method: POST, bodyTemplate: '', headers: []}";
    static const char *const bad[] = {
        "{url: 'https://h/', method: POST, bodyTemplate: '', headers: []}",
        "{name: a, method: POST, bodyTemplate: '', headers: []}",
        "{name: a, url: 'h', method: POST, bodyTemplate: '', headers: []}",
        "{name: a, url: 5, method: POST, bodyTemplate: '', headers: []}",
        "{name: a, url: 'https://h/', urlSealed: 'v1:x', method: POST, bodyTemplate: ''}",
        "{name: a, url: 'https://h/', method: post, bodyTemplate: '', headers: []}",
        "{name: a, url: 'https://h/', method: POST, headers: []}",
        "{name: a, url: 'https://h/', method: POST, bodyTemplate: '', cooldownPeriod: 5ms}",
        "{name: a, url: 'https://h/', method: POST, bodyTemplate: '', headers: [{name: b}]}",
        "{name: a, url: 'https://h/', method: POST, bodyTemplate: '', headers: [{value: b}]}",
        ("{name: a, url: 'https://h/', method: POST, bodyTemplate: '', headers: [{name: b, sealed: "
         "x}]}"),
        ("{name: a, url: 'https://h/', method: POST, bodyTemplate: '', headers: [{name: b, value: "
         "c,"
         " sealed: x}]}"),
        "[]",
    };
    char *json = make_json(good);
    struct copy *copy = from_json(json, NULL, "a/b", "c");
    assert_non_null(copy);
    assert_null(copy->cooldown);
    copy_unref(copy);
    free(json);
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        json = make_json(bad[i]);
        if (from_json(json, &key, "a/b", "c"))
            fail_msg("taken: %s", bad[i]);
        free(json);
    }
}

static void copies_are_equal_in_what_is_pushed_or_kept(void **state)
{
    (void)state;
    struct copy *a = make_copy("Pager");
    struct copy *b = make_copy("Pager");
    assert_true(copy_equal(a, b));
    b->suspend = true;
    assert_false(copy_equal(a, b));
    b->suspend = false;
    free(b->headers[0].value);
    b->headers[0].value = xstrdup("x");
    assert_false(copy_equal(a, b));
    copy_unref(b);
    b = make_copy("Other");
    assert_false(copy_equal(a, b));
    copy_unref(b);
    b = make_copy("Pager");
    free(b->headers[0].secret);
    b->headers[0].secret = NULL;
    assert_false(copy_equal(a, b));
    copy_unref(b);
    copy_unref(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sealed_copy_opens_to_itself_and_shows_no_secret),
        cmocka_unit_test(a_copy_that_was_moved_or_forged_opens_to_nothing),
        cmocka_unit_test(without_a_key_a_placeholder_stands_for_what_is_sealed),
        cmocka_unit_test(another_url_beside_a_sealed_header_opens_to_nothing),
        cmocka_unit_test(sealed_values_cannot_change_places),
        cmocka_unit_test(sealed_headers_cannot_change_places),
        cmocka_unit_test(headers_are_sorted_when_they_are_read),
        cmocka_unit_test(render_shows_where_secrets_come_from),
        cmocka_unit_test(what_is_malformed_is_absent),
        cmocka_unit_test(copies_are_equal_in_what_is_pushed_or_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
