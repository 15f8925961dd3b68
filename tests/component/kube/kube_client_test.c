/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "kube/kube_client.h"
#include "kube/kube_status.h"
#include "support/fake_http.h"
#include "support/fake_loop.h"

#define PEM(word) "-----BEGIN CERTIFICATE-----\n" word "\n"

struct world {
    struct loop *loop;
    struct http *http;
    struct kube_client *client;
    struct kube_config config;
    char token_path[64];
    char ca_path[64];
    /* the call at hand */
    struct kube_call *call;
    int done;
    long status;
    char body[256];
    int64_t retry_after_ms;
    bool failed;
    struct err err;
};

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static int setup(void **state)
{
    struct world *world = xcalloc(1, sizeof(*world));
    world->loop = fake_loop_new(1);
    world->http = fake_http_new(world->loop);
    snprintf(world->token_path, sizeof(world->token_path), "/tmp/grapnel-token-%d", (int)getpid());
    snprintf(world->ca_path, sizeof(world->ca_path), "/tmp/grapnel-ca-%d", (int)getpid());
    world->config.server = xstrdup("https://k:6443");
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    kube_client_free(world->client);
    fake_http_free(world->http);
    fake_loop_free(world->loop);
    kube_config_fini(&world->config);
    unlink(world->token_path);
    unlink(world->ca_path);
    free(world);
    return 0;
}

static void use_token_file(struct world *world, const char *token)
{
    world->config.token_file = xstrdup(world->token_path);
    write_file(world->token_path, token);
}

static void on_done(void *arg, const struct kube_answer *answer, const struct err *err)
{
    struct world *world = arg;
    world->done++;
    world->call = NULL;
    world->status = answer->status;
    world->retry_after_ms = answer->retry_after_ms;
    assert_true(answer->body.length < sizeof(world->body));
    memcpy(world->body, answer->body.ptr ? answer->body.ptr : "", answer->body.length);
    world->body[answer->body.length] = '\0';
    world->failed = err != NULL;
    if (err)
        world->err = *err;
}

static void ask_with(struct world *world, const struct kube_request *request)
{
    if (!world->client)
        world->client = kube_client_new(world->loop, world->http, &world->config);
    int before = world->done;
    world->call = kube_start(world->client, request, on_done, world);
    assert_int_equal(world->done, before);
    fake_loop_run(world->loop);
}

static void ask(struct world *world)
{
    struct kube_request request = {.method = "GET", .path = "/version"};
    ask_with(world, &request);
}

static struct fake_call *sent(struct world *world)
{
    return fake_http_expect(world->http, NULL, "https://k:6443/");
}

static const char *sent_header(struct world *world, const char *name)
{
    return fake_call_header(sent(world), name);
}

static void answer(struct world *world, long status, const char *body)
{
    fake_http_answer(world->http, sent(world), status, body);
}

static void a_request_carries_address_identity_and_body(void **state)
{
    struct world *world = *state;
    world->config.token = xstrdup("tok");
    world->config.server_name = xstrdup("kubernetes");
    world->config.ca_pem = xstrdup("CA");
    struct kube_request request = {.method = "PATCH",
                                   .path = "/x?y=z",
                                   .content_type = "application/merge-patch+json",
                                   .body = {"{}", 2},
                                   .pool = "lease"};
    ask_with(world, &request);
    struct fake_call *call = sent(world);
    assert_string_equal(call->method, "PATCH");
    assert_string_equal(call->url, "https://k:6443/x?y=z");
    assert_string_equal(call->pool, "lease");
    assert_string_equal(call->body.ptr, "{}");
    assert_string_equal(call->ca_pem, "CA");
    assert_string_equal(call->server_name, "kubernetes");
    assert_string_equal(fake_call_header(call, "Authorization"), "Bearer tok");
    assert_string_equal(fake_call_header(call, "Accept"), "application/json");
    assert_string_equal(fake_call_header(call, "Content-Type"), "application/merge-patch+json");
    answer(world, 200, "{\"a\":1}");
    assert_int_equal(world->done, 1);
    assert_false(world->failed);
    assert_string_equal(world->body, "{\"a\":1}");
}

static void note_requests(void *arg, const char *method, unsigned code, uint64_t count)
{
    buf_add_format(arg, "%s %u: %d; ", method, code, (int)count);
}

static void what_requests_come_to_is_counted(void **state)
{
    struct world *world = *state;
    struct kube_requests *requests = xcalloc(1, sizeof(*requests));
    world->client = kube_client_new(world->loop, world->http, &world->config);
    kube_client_count(world->client, requests);
    ask(world);
    answer(world, 200, "{}");
    ask(world);
    answer(world, 200, "{}");
    ask(world);
    answer(world, 404, "{}");
    ask(world);
    fake_http_fail(world->http, sent(world), ERR_TRANSIENT, 7, "refused");
    struct kube_request request = {.method = "PATCH", .path = "/x"};
    ask_with(world, &request);
    answer(world, 999, "{}");
    CLEANUP(buf_fini) struct buf text;
    buf_init(&text, BUF_UNLIMITED);
    kube_requests_visit(requests, note_requests, &text);
    assert_string_equal(buf_text(&text), "GET 0: 1; GET 200: 2; GET 404: 1; PATCH 599: 1; ");
    free(requests);
}

static void other_identities_have_their_headers(void **state)
{
    struct world *world = *state;
    world->config.username = xstrdup("jane");
    world->config.password = xstrdup("pw");
    world->config.as = xstrdup("bob");
    world->config.as_uid = xstrdup("7");
    world->config.as_groups = xcalloc(3, sizeof(char *));
    world->config.as_groups[0] = xstrdup("g1");
    world->config.as_groups[1] = xstrdup("g2");
    world->config.as_extra = xcalloc(2, sizeof(struct kube_extra));
    world->config.as_extra[0].key = xstrdup("Acme/Scopes");
    world->config.as_extra[0].values = xcalloc(2, sizeof(char *));
    world->config.as_extra[0].values[0] = xstrdup("view");
    ask(world);
    assert_string_equal(sent_header(world, "Authorization"), "Basic amFuZTpwdw==");
    assert_string_equal(sent_header(world, "Impersonate-User"), "bob");
    assert_string_equal(sent_header(world, "Impersonate-Uid"), "7");
    assert_string_equal(sent_header(world, "Impersonate-Group"), "g1");
    assert_string_equal(sent_header(world, "Impersonate-Extra-acme%2Fscopes"), "view");
    int groups = 0;
    for (size_t i = 0; sent(world)->headers[i]; i++)
        groups += str_starts(sent(world)->headers[i], "Impersonate-Group: ");
    assert_int_equal(groups, 2);
    answer(world, 200, "");
}

static void the_token_file_is_read_again_after_fifty_seconds(void **state)
{
    struct world *world = *state;
    use_token_file(world, "one\n");
    ask(world);
    assert_string_equal(sent_header(world, "Authorization"), "Bearer one");
    answer(world, 200, "");
    write_file(world->token_path, "two\n");
    fake_loop_advance(world->loop, 49000);
    ask(world);
    assert_string_equal(sent_header(world, "Authorization"), "Bearer one");
    answer(world, 200, "");
    fake_loop_advance(world->loop, 1000);
    ask(world);
    assert_string_equal(sent_header(world, "Authorization"), "Bearer two");
    answer(world, 200, "");
}

static void a_token_file_that_went_bad_leaves_the_last_token(void **state)
{
    struct world *world = *state;
    static const char *const bad[] = {"", " \n", "a\nb"};
    use_token_file(world, "one");
    for (size_t i = 0; i <= ARRAY_LENGTH(bad); i++) {
        ask(world);
        assert_string_equal(sent_header(world, "Authorization"), "Bearer one");
        answer(world, 200, "");
        if (i < ARRAY_LENGTH(bad))
            write_file(world->token_path, bad[i]);
        else
            unlink(world->token_path);
        fake_loop_advance(world->loop, 60000);
    }
    ask(world);
    assert_string_equal(sent_header(world, "Authorization"), "Bearer one");
    answer(world, 200, "");
}

static void without_any_token_the_call_fails_and_the_next_tries_again(void **state)
{
    struct world *world = *state;
    world->config.token_file = xstrdup(world->token_path);
    ask(world);
    assert_int_equal(world->done, 1);
    assert_true(world->failed);
    assert_int_equal(world->err.class, ERR_DENIED);
    assert_non_null(strstr(world->err.msg, world->token_path));
    assert_int_equal(world->status, 0);
    write_file(world->token_path, "late");
    ask(world);
    assert_string_equal(sent_header(world, "Authorization"), "Bearer late");
    answer(world, 200, "");
}

static void a_refused_token_is_read_again_once(void **state)
{
    struct world *world = *state;
    use_token_file(world, "one");
    ask(world);
    write_file(world->token_path, "two");
    answer(world, 401, "{}");
    assert_int_equal(world->done, 0);
    assert_string_equal(sent_header(world, "Authorization"), "Bearer two");
    write_file(world->token_path, "three");
    answer(world, 401, "{}");
    assert_int_equal(world->done, 1);
    assert_true(world->failed);
    assert_int_equal(world->err.class, ERR_DENIED);
    assert_int_equal(world->status, 401);
}

static void a_refused_token_that_is_still_the_same_is_not_sent_again(void **state)
{
    struct world *world = *state;
    use_token_file(world, "one");
    ask(world);
    answer(world, 401, "{}");
    assert_int_equal(world->done, 1);
    assert_int_equal(world->err.class, ERR_DENIED);
}

static void the_ca_file_is_read_again_after_five_minutes(void **state)
{
    struct world *world = *state;
    world->config.ca_file = xstrdup(world->ca_path);
    write_file(world->ca_path, PEM("one"));
    ask(world);
    assert_string_equal(sent(world)->ca_pem, PEM("one"));
    /* what is in flight keeps what it began with */
    write_file(world->ca_path, PEM("two"));
    fake_loop_advance(world->loop, 29000);
    answer(world, 200, "");
    fake_loop_advance(world->loop, 300000);
    ask(world);
    assert_string_equal(sent(world)->ca_pem, PEM("two"));
    answer(world, 200, "");
    write_file(world->ca_path, "rubbish");
    fake_loop_advance(world->loop, 300000);
    ask(world);
    assert_string_equal(sent(world)->ca_pem, PEM("two"));
    answer(world, 200, "");
}

static void a_denied_handshake_reads_the_ca_again(void **state)
{
    struct world *world = *state;
    world->config.ca_file = xstrdup(world->ca_path);
    write_file(world->ca_path, PEM("one"));
    ask(world);
    write_file(world->ca_path, PEM("two"));
    fake_http_fail(world->http, sent(world), ERR_DENIED, 60, "self-signed certificate");
    assert_int_equal(world->done, 0);
    assert_string_equal(sent(world)->ca_pem, PEM("two"));
    fake_http_fail(world->http, sent(world), ERR_DENIED, 60, "self-signed certificate");
    assert_int_equal(world->done, 1);
    assert_int_equal(world->err.class, ERR_DENIED);
}

static void a_missing_ca_file_is_named(void **state)
{
    struct world *world = *state;
    world->config.ca_file = xstrdup("/nonexistent/ca.crt");
    ask(world);
    assert_int_equal(world->err.class, ERR_DENIED);
    assert_non_null(strstr(world->err.msg, "/nonexistent/ca.crt"));
}

static void a_call_that_is_put_off_is_sent_again_when_the_server_says(void **state)
{
    struct world *world = *state;
    ask(world);
    fake_http_answer_with(world->http, sent(world), 429, (struct span){"", 0}, NULL, 7000);
    fake_loop_advance(world->loop, 6999);
    assert_int_equal(fake_http_pending(world->http), 0);
    fake_loop_advance(world->loop, 1);
    fake_http_answer_with(world->http, sent(world), 503, (struct span){"", 0}, NULL, 3600000);
    fake_loop_advance(world->loop, 30000);
    answer(world, 504,
           "{\"kind\":\"Status\",\"reason\":\"Timeout\",\"details\":{\"retryAfterSeconds\":1}}");
    fake_loop_advance(world->loop, 1000);
    answer(world, 200, "");
    assert_int_equal(world->done, 1);
    assert_false(world->failed);
}

static void a_version_ahead_of_the_server_is_not_waited_for(void **state)
{
    struct world *world = *state;
    ask(world);
    answer(world, 504,
           "{\"kind\":\"Status\",\"details\":{\"retryAfterSeconds\":1,\"causes\":[{\"reason\":"
           "\"ResourceVersionTooLarge\"}]}}");
    assert_int_equal(world->done, 1);
    assert_int_equal(world->err.class, ERR_EXPIRED);
}

static void putting_off_ends_after_five_times(void **state)
{
    struct world *world = *state;
    ask(world);
    for (int i = 0; i < 6; i++) {
        fake_http_answer_with(world->http, sent(world), 429, (struct span){"", 0}, NULL, 0);
        fake_loop_advance(world->loop, 1);
    }
    assert_int_equal(world->done, 1);
    assert_int_equal(world->err.class, ERR_TRANSIENT);
    assert_int_equal(world->retry_after_ms, 0);
}

static void without_retry_after_nothing_is_sent_again(void **state)
{
    struct world *world = *state;
    ask(world);
    answer(world, 429, "");
    assert_int_equal(world->done, 1);
    ask(world);
    answer(world, 500, "");
    assert_int_equal(world->done, 2);
}

static bool on_bytes(void *arg, const char *bytes, size_t length)
{
    struct world *world = arg;
    (void)bytes;
    return world->done == 0 && length > 0;
}

static void a_stream_is_not_sent_again_by_the_client(void **state)
{
    struct world *world = *state;
    struct kube_request request = {.method = "GET", .path = "/watch", .on_bytes = on_bytes};
    ask_with(world, &request);
    assert_true(sent(world)->is_stream);
    fake_loop_advance(world->loop, 3600000);
    fake_http_answer_with(world->http, sent(world), 429, (struct span){"", 0}, NULL, 1000);
    assert_int_equal(world->done, 1);
    assert_int_equal(world->retry_after_ms, 1000);
}

static void an_ordinary_call_has_a_deadline(void **state)
{
    struct world *world = *state;
    ask(world);
    fake_loop_advance(world->loop, 30000);
    assert_int_equal(world->done, 1);
    assert_int_equal(world->err.class, ERR_TRANSIENT);
}

static void a_cancelled_call_never_calls_back(void **state)
{
    struct world *world = *state;
    /* before it is sent */
    world->client = kube_client_new(world->loop, world->http, &world->config);
    struct kube_request request = {.method = "GET", .path = "/version"};
    kube_cancel(kube_start(world->client, &request, on_done, world));
    fake_loop_run(world->loop);
    /* in flight */
    ask(world);
    kube_cancel(world->call);
    assert_int_equal(fake_http_pending(world->http), 0);
    /* put off */
    ask(world);
    fake_http_answer_with(world->http, sent(world), 429, (struct span){"", 0}, NULL, 1000);
    kube_cancel(world->call);
    fake_loop_advance(world->loop, 5000);
    assert_int_equal(world->done, 0);
    kube_cancel(NULL);
}

static void a_failed_connection_keeps_its_class(void **state)
{
    struct world *world = *state;
    ask(world);
    fake_http_fail(world->http, sent(world), ERR_TRANSIENT, 7, "refused");
    assert_int_equal(world->err.class, ERR_TRANSIENT);
    assert_int_equal(world->err.code, 7);
    assert_string_equal(world->err.msg, "refused");
}

static void answers_have_classes(void **state)
{
    (void)state;
    static const struct {
        long code;
        const char *body;
        enum err_class class;
        const char *message;
    } rows[] = {
        {401, "", ERR_DENIED, "HTTP 401"},
        {403, "{\"kind\":\"Status\",\"reason\":\"Forbidden\",\"message\":\"no \\u0007way\"}",
         ERR_DENIED, "HTTP 403 Forbidden: no ?way"},
        {404, "{\"kind\":\"Status\",\"reason\":\"NotFound\",\"message\":\"\"}", ERR_NOT_FOUND,
         "HTTP 404 NotFound"},
        {409, "{\"kind\":\"Status\",\"reason\":\"Conflict\"}", ERR_CONFLICT, "HTTP 409 Conflict"},
        {410, "{\"kind\":\"Status\",\"reason\":\"Expired\"}", ERR_EXPIRED, "HTTP 410 Expired"},
        {410, "{\"kind\":\"Status\",\"reason\":\"Gone\"}", ERR_EXPIRED, "HTTP 410 Gone"},
        {429, "<html>", ERR_TRANSIENT, "HTTP 429"},
        {422, "{\"kind\":\"Status\",\"reason\":\"Invalid\"}", ERR_INVALID, "HTTP 422 Invalid"},
        {400, "", ERR_INVALID, "HTTP 400"},
        {413, "", ERR_TOO_LARGE, "HTTP 413"},
        {415, "", ERR_INVALID, "HTTP 415"},
        {302, "", ERR_INVALID, "HTTP 302"},
        {500, "{\"kind\":\"Other\",\"reason\":\"Expired\"}", ERR_TRANSIENT, "HTTP 500"},
        {503, "", ERR_TRANSIENT, "HTTP 503"},
        {504, "{\"kind\":\"Status\",\"reason\":\"Timeout\"}", ERR_TRANSIENT, "HTTP 504 Timeout"},
        {504,
         "{\"kind\":\"Status\",\"reason\":\"Timeout\",\"details\":{\"causes\":[{\"reason\":\"X\"},"
         "{\"reason\":\"ResourceVersionTooLarge\"}],\"retryAfterSeconds\":1}}",
         ERR_EXPIRED, "HTTP 504 Timeout"},
        {504, "{\"kind\":\"Status\",\"message\":\"Too large resource version: 9, current: 3\"}",
         ERR_EXPIRED, "HTTP 504: Too large resource version: 9, current: 3"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct err err;
        struct kube_status status;
        struct span body = {rows[i].body, strlen(rows[i].body)};
        kube_status_to_err(rows[i].code, body, &status, &err);
        assert_int_equal(err.class, rows[i].class);
        assert_int_equal(err.code, rows[i].code);
        assert_string_equal(err.msg, rows[i].message);
        bool has_retry = strstr(rows[i].body, "retryAfterSeconds") != NULL;
        assert_int_equal(status.retry_after_ms, has_retry ? 1000 : -1);
    }
}

static void the_status_of_an_event_says_its_own_code(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        enum err_class class;
        long code;
    } rows[] = {
        {"{\"kind\":\"Status\",\"reason\":\"Expired\",\"code\":410}", ERR_EXPIRED, 410},
        {"{\"kind\":\"Status\",\"reason\":\"Gone\"}", ERR_EXPIRED, 410},
        {"{\"kind\":\"Status\",\"reason\":\"InternalError\",\"code\":500}", ERR_TRANSIENT, 500},
        {"{\"kind\":\"Status\",\"code\":200}", ERR_TRANSIENT, 500},
        {"{}", ERR_TRANSIENT, 500},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct err err;
        struct kube_status status;
        kube_status_of_event((struct span){rows[i].body, strlen(rows[i].body)}, &status, &err);
        assert_int_equal(err.class, rows[i].class);
        assert_int_equal(status.code, rows[i].code);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(a_request_carries_address_identity_and_body),
        TEST(what_requests_come_to_is_counted),
        TEST(other_identities_have_their_headers),
        TEST(the_token_file_is_read_again_after_fifty_seconds),
        TEST(a_token_file_that_went_bad_leaves_the_last_token),
        TEST(without_any_token_the_call_fails_and_the_next_tries_again),
        TEST(a_refused_token_is_read_again_once),
        TEST(a_refused_token_that_is_still_the_same_is_not_sent_again),
        TEST(the_ca_file_is_read_again_after_five_minutes),
        TEST(a_denied_handshake_reads_the_ca_again),
        TEST(a_missing_ca_file_is_named),
        TEST(a_call_that_is_put_off_is_sent_again_when_the_server_says),
        TEST(a_version_ahead_of_the_server_is_not_waited_for),
        TEST(putting_off_ends_after_five_times),
        TEST(without_retry_after_nothing_is_sent_again),
        TEST(a_stream_is_not_sent_again_by_the_client),
        TEST(an_ordinary_call_has_a_deadline),
        TEST(a_cancelled_call_never_calls_back),
        TEST(a_failed_connection_keeps_its_class),
        cmocka_unit_test(answers_have_classes),
        cmocka_unit_test(the_status_of_an_event_says_its_own_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
