/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "net/http_curl.h"
#include "net/loop.h"
#include "net/loop_base.h"
#include "support/net/test_server.h"

/* One call and what became of it. */
struct probe {
    struct world *world;
    struct http_call *call;
    int done; /* times done() came */
    int opened;
    int pieces;
    bool failed;
    struct http_response response;
    char *body;
    char *content_type;
    struct err err;
    struct buf stream;
    struct probe *cancel_in_bytes; /* this call is cancelled from within on_bytes() */
    struct probe *cancel_in_done;
    bool refuse;
    size_t stop_after; /* the loop stops when this many bytes have streamed; 0: never */
};

struct world {
    struct loop *loop;
    struct http *http;
    struct test_server *server;
    struct loop_timer *guard;
    struct loop_timer *pause;
    struct probe probes[4];
    int waited_for;
};

static void on_guard(void *arg)
{
    (void)arg;
    fail_msg("nothing came for ten seconds");
}

static void stop(void *arg)
{
    struct world *world = arg;
    loop_stop(world->loop);
}

static int setup(void **state)
{
    struct world *world = xcalloc(1, sizeof(*world));
    world->loop = loop_new(NULL);
    world->http = http_curl_new(world->loop, "1.2.3");
    world->server = test_server_new(loop_event_base(world->loop), NULL, NULL);
    world->guard = loop_timer_new(world->loop, on_guard, world);
    world->pause = loop_timer_new(world->loop, stop, world);
    for (size_t i = 0; i < ARRAY_LENGTH(world->probes); i++) {
        world->probes[i].world = world;
        buf_init(&world->probes[i].stream, 1U << 20);
    }
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    for (size_t i = 0; i < ARRAY_LENGTH(world->probes); i++) {
        free(world->probes[i].body);
        free(world->probes[i].content_type);
        buf_fini(&world->probes[i].stream);
    }
    http_curl_free(world->http);
    test_server_free(world->server);
    loop_timer_free(world->guard);
    loop_timer_free(world->pause);
    loop_free(world->loop);
    free(world);
    return 0;
}

static void run(struct world *world)
{
    loop_timer_arm(world->guard, 10000);
    loop_run(world->loop);
    loop_timer_disarm(world->guard);
}

static void run_for(struct world *world, int64_t ms)
{
    loop_timer_arm(world->pause, ms);
    run(world);
}

static void on_done(void *arg, const struct http_response *response, const struct err *err)
{
    struct probe *probe = arg;
    assert_true((response == NULL) == (err != NULL));
    probe->done++;
    probe->call = NULL;
    probe->failed = err != NULL;
    if (err) {
        probe->err = *err;
    } else {
        free(probe->body);
        free(probe->content_type);
        probe->response = *response;
        assert_int_equal(response->body.ptr[response->body.length], '\0');
        probe->body = xstrndup(response->body.ptr, response->body.length);
        probe->content_type = response->content_type ? xstrdup(response->content_type) : NULL;
    }
    if (probe->cancel_in_done)
        http_cancel(TAKE(probe->cancel_in_done->call));
    if (--probe->world->waited_for == 0)
        loop_stop(probe->world->loop);
}

static bool on_bytes(void *arg, const char *bytes, size_t length)
{
    struct probe *probe = arg;
    buf_add(&probe->stream, bytes, length);
    probe->pieces++;
    if (probe->cancel_in_bytes)
        http_cancel(TAKE(probe->cancel_in_bytes->call));
    if (probe->stop_after && probe->stream.length >= probe->stop_after)
        loop_stop(probe->world->loop);
    return !probe->refuse;
}

static void on_open(void *arg)
{
    struct probe *probe = arg;
    assert_int_equal(probe->stream.length, 0);
    probe->opened++;
    if (!probe->stop_after)
        loop_stop(probe->world->loop);
}

static void start(struct probe *probe, const struct http_request *request)
{
    int before = probe->done;
    probe->call = http_start(probe->world->http, request, on_done, probe);
    assert_non_null(probe->call);
    assert_int_equal(probe->done, before);
    probe->world->waited_for++;
}

static struct http_request get(struct world *world, const char *path)
{
    return (struct http_request){.method = "GET",
                                 .url = test_server_url(world->server, "127.0.0.1", path),
                                 .proxy = "",
                                 .timeout_ms = 5000};
}

/* Starts a GET and waits for its end. */
static struct probe *fetch(struct world *world, const char *path)
{
    struct probe *probe = &world->probes[0];
    struct http_request request = get(world, path);
    start(probe, &request);
    run(world);
    return probe;
}

static void assert_has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("\"%s\" is not in \"%s\"", part, text);
}

static void assert_lacks(const char *text, const char *part)
{
    if (strcasestr(text, part))
        fail_msg("\"%s\" is in \"%s\"", part, text);
}

static void an_answer_is_told_with_all_its_parts(void **state)
{
    struct world *world = *state;
    test_server_answer(world->server, 404, "Content-Type: text/x\r\nRetry-After: 7\r\n", "gone");
    struct probe *probe = fetch(world, "/a?b=c");
    assert_int_equal(probe->done, 1);
    assert_false(probe->failed);
    assert_int_equal(probe->response.status, 404);
    assert_string_equal(probe->body, "gone");
    assert_string_equal(probe->content_type, "text/x");
    assert_int_equal(probe->response.retry_after_ms, 7000);
    assert_false(probe->response.connection_was_reused);
    const char *request = test_server_request(world->server);
    assert_has(request, "GET /a?b=c HTTP/1.1\r\n");
    assert_has(request, "User-Agent: grapnel/1.2.3 (linux/");
    assert_lacks(request, "expect:");
    assert_lacks(request, "content-type:");
}

static void retry_after_that_is_no_number_counts_as_none(void **state)
{
    struct world *world = *state;
    static const char *const values[] = {"Wed, 21 Oct 2026 07:28:00 GMT", "soon", "-1", "",
                                         "99999999999"};
    for (size_t i = 0; i < ARRAY_LENGTH(values); i++) {
        CLEANUP(freep) char *header = xasprintf("Retry-After: %s\r\n", values[i]);
        test_server_answer(world->server, 429, header, "");
        assert_int_equal(fetch(world, "/")->response.retry_after_ms, -1);
    }
    test_server_answer(world->server, 429, NULL, "");
    assert_int_equal(fetch(world, "/")->response.retry_after_ms, -1);
    test_server_answer(world->server, 429, "Retry-After: 0\r\n", "");
    assert_int_equal(fetch(world, "/")->response.retry_after_ms, 0);
}

static void bodies_and_methods_go_out_as_given(void **state)
{
    struct world *world = *state;
    static const char *const methods[] = {"POST", "PUT", "PATCH", "DELETE"};
    static const char *const headers[] = {"Content-Type: application/json", "X-Key: v", NULL};
    for (size_t i = 0; i < ARRAY_LENGTH(methods); i++) {
        struct http_request request = get(world, "/x");
        request.method = methods[i];
        request.headers = headers;
        CLEANUP(bytes_unrefp) struct bytes *body = bytes_copy((struct span){"{\"a\":1}", 7});
        request.body = body;
        start(&world->probes[0], &request);
        run(world);
        const char *seen = test_server_request(world->server);
        assert_int_equal(strncmp(seen, methods[i], strlen(methods[i])), 0);
        assert_has(seen, "X-Key: v\r\n");
        assert_has(seen, "Content-Type: application/json\r\n");
        assert_has(seen, "Content-Length: 7\r\n");
        assert_has(seen, "\r\n\r\n{\"a\":1}");
        assert_lacks(seen, "expect:");
    }
    struct http_request empty = get(world, "/x");
    empty.method = "POST";
    start(&world->probes[0], &empty);
    run(world);
    assert_has(test_server_request(world->server), "Content-Length: 0\r\n");
    assert_lacks(test_server_request(world->server), "content-type:");
    struct http_request delete = get(world, "/x");
    delete.method = "DELETE";
    start(&world->probes[0], &delete);
    run(world);
    assert_has(test_server_request(world->server), "DELETE /x HTTP/1.1\r\n");
}

static void a_large_body_goes_out_without_asking_first(void **state)
{
    struct world *world = *state;
    size_t length = 2U << 20;
    CLEANUP(freep) char *text = xmalloc(length);
    memset(text, 'x', length);
    CLEANUP(bytes_unrefp) struct bytes *body = bytes_copy((struct span){text, length});
    struct http_request request = get(world, "/");
    request.method = "POST";
    request.body = body;
    start(&world->probes[0], &request);
    run(world);
    assert_false(world->probes[0].failed);
    const char *seen = test_server_request(world->server);
    assert_has(seen, "Content-Length: 2097152\r\n");
    assert_lacks(seen, "expect:");
}

static void the_request_may_go_when_it_has_been_started(void **state)
{
    struct world *world = *state;
    char url[200];
    struct bytes *body = bytes_copy((struct span){"body", 4});
    char header[] = "X-Key: value";
    const char *headers[] = {header, NULL};
    snprintf(url, sizeof(url), "%s", test_server_url(world->server, "127.0.0.1", "/copied"));
    struct http_request request = {
        .method = "POST", .url = url, .headers = headers, .body = body, .proxy = ""};
    start(&world->probes[0], &request);
    memset(url, 'x', 10);
    bytes_unref(body);
    memset(header, 'x', 5);
    run(world);
    assert_has(test_server_request(world->server), "POST /copied HTTP/1.1\r\n");
    assert_has(test_server_request(world->server), "X-Key: value\r\n");
    assert_has(test_server_request(world->server), "\r\n\r\nbody");
}

static void connections_are_kept_and_reused(void **state)
{
    struct world *world = *state;
    for (int i = 0; i < 5; i++) {
        struct probe *probe = fetch(world, "/");
        assert_int_equal(probe->response.connection_was_reused, i > 0);
    }
    assert_int_equal(test_server_requests(world->server), 5);
    assert_int_equal(test_server_connections(world->server), 1);
}

static void pools_do_not_share_connections(void **state)
{
    struct world *world = *state;
    static const char *const pools[] = {NULL, "lease", NULL, "lease", "watch"};
    for (size_t i = 0; i < ARRAY_LENGTH(pools); i++) {
        struct http_request request = get(world, "/");
        request.pool = pools[i];
        start(&world->probes[0], &request);
        run(world);
    }
    assert_int_equal(test_server_connections(world->server), 3);
}

static void a_connection_that_was_closed_while_idle_does_no_harm(void **state)
{
    struct world *world = *state;
    fetch(world, "/");
    test_server_close_idle(world->server);
    run_for(world, 20);
    struct probe *probe = fetch(world, "/again");
    assert_false(probe->failed);
    assert_int_equal(probe->response.status, 200);
    assert_false(probe->response.connection_was_reused);
}

static void an_idle_connection_reset_under_a_request_is_tried_again(void **state)
{
    struct world *world = *state;
    fetch(world, "/");
    test_server_script(world->server, NULL, TEST_CLOSE);
    struct probe *probe = fetch(world, "/again");
    assert_false(probe->failed);
    assert_int_equal(probe->response.status, 200);
    assert_int_equal(test_server_requests(world->server), 3);
}

static void redirects_are_not_followed(void **state)
{
    struct world *world = *state;
    test_server_answer(world->server, 302, "Location: /elsewhere\r\n", "");
    struct probe *probe = fetch(world, "/");
    assert_int_equal(probe->response.status, 302);
    assert_int_equal(test_server_requests(world->server), 1);
}

static void a_body_over_the_limit_is_invalid(void **state)
{
    struct world *world = *state;
    struct probe *probe = &world->probes[0];
    struct http_request request = get(world, "/");
    request.limit = 10;
    test_server_answer(world->server, 200, NULL, "0123456789");
    start(probe, &request);
    run(world);
    assert_false(probe->failed);
    assert_string_equal(probe->body, "0123456789");

    test_server_answer(world->server, 200, NULL, "0123456789a");
    start(probe, &request);
    run(world);
    assert_true(probe->failed);
    assert_int_equal(probe->err.class, ERR_INVALID);
    assert_string_equal(probe->err.msg, "the answer is longer than 10 bytes");

    /* without a length in advance */
    test_server_script(world->server,
                       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                       "8\r\n01234567\r\n8\r\n01234567\r\n0\r\n\r\n",
                       TEST_KEEP);
    start(probe, &request);
    run(world);
    assert_true(probe->failed);
    assert_int_equal(probe->err.class, ERR_INVALID);
    assert_string_equal(probe->err.msg, "the answer is longer than 10 bytes");
}

static void truncated_answers_are_transient_errors(void **state)
{
    struct world *world = *state;
    static const char *const cut[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nnot all",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n20\r\nnot all",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        "HTTP/1.1 200 OK\r\nContent-Le",
        "HTT",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cut); i++) {
        test_server_script(world->server, cut[i], TEST_CLOSE);
        struct probe *probe = fetch(world, "/");
        assert_true(probe->failed);
        assert_int_equal(probe->err.class, ERR_TRANSIENT);
        assert_int_not_equal(probe->err.code, 0);
        assert_true(strlen(probe->err.msg) > 5);
    }
}

static void what_is_no_http_is_a_transient_error(void **state)
{
    struct world *world = *state;
    test_server_script(world->server, "SSH-2.0-OpenSSH_9.2\r\n\r\n", TEST_CLOSE);
    struct probe *probe = fetch(world, "/");
    assert_true(probe->failed);
    assert_int_equal(probe->err.class, ERR_TRANSIENT);
}

static void a_reset_is_a_transient_error(void **state)
{
    struct world *world = *state;
    test_server_script(world->server, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
                       TEST_RESET);
    struct probe *probe = fetch(world, "/");
    assert_true(probe->failed);
    assert_int_equal(probe->err.class, ERR_TRANSIENT);
}

static void a_refused_connection_is_a_transient_error(void **state)
{
    struct world *world = *state;
    struct test_server *gone = test_server_new(loop_event_base(world->loop), NULL, NULL);
    CLEANUP(freep) char *url = xstrdup(test_server_url(gone, "127.0.0.1", "/"));
    test_server_free(gone);
    struct http_request request = {.method = "GET", .url = url, .proxy = ""};
    start(&world->probes[0], &request);
    run(world);
    assert_true(world->probes[0].failed);
    assert_int_equal(world->probes[0].err.class, ERR_TRANSIENT);
    assert_has(world->probes[0].err.msg, "connect");
}

static void a_hanging_server_meets_the_deadline(void **state)
{
    struct world *world = *state;
    test_server_script(world->server, NULL, TEST_KEEP);
    struct http_request request = get(world, "/");
    request.timeout_ms = 100;
    int64_t began = loop_now(world->loop);
    start(&world->probes[0], &request);
    run(world);
    assert_true(world->probes[0].failed);
    assert_int_equal(world->probes[0].err.class, ERR_TRANSIENT);
    assert_in_range(loop_now(world->loop) - began, 95, 2000);
    /* the connection is not used again */
    fetch(world, "/");
    assert_int_equal(test_server_connections(world->server), 2);
}

static void bad_urls_are_invalid_and_told_from_the_loop(void **state)
{
    struct world *world = *state;
    static const char *const urls[] = {
        "ftp://127.0.0.1/", "file:///etc/passwd",     "", "127.0.0.1", "http://",
        "http://[::1",      "http://127.0.0.1:99999/"};
    for (size_t i = 0; i < ARRAY_LENGTH(urls); i++) {
        struct http_request request = {.method = "GET", .url = urls[i], .proxy = ""};
        start(&world->probes[0], &request);
        run(world);
        assert_true(world->probes[0].failed);
        assert_int_equal(world->probes[0].err.class, ERR_INVALID);
    }
    assert_int_equal(world->probes[0].done, (int)ARRAY_LENGTH(urls));
}

static struct http_request stream(struct world *world)
{
    struct http_request request = get(world, "/stream");
    request.on_bytes = on_bytes;
    request.on_open = on_open;
    request.timeout_ms = 0;
    return request;
}

static const char chunked_head[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

static void a_stream_opens_and_hands_over_its_bytes_as_they_come(void **state)
{
    struct world *world = *state;
    struct probe *probe = &world->probes[0];
    struct http_request request = stream(world);
    test_server_script(world->server, chunked_head, TEST_KEEP);
    start(probe, &request);
    run(world); /* until it stands */
    assert_int_equal(probe->opened, 1);
    assert_int_equal(probe->pieces, 0);

    probe->stop_after = 3;
    test_server_send(world->server, "3\r\nabc\r\n", 8);
    run(world);
    assert_string_equal(buf_text(&probe->stream), "abc");
    probe->stop_after = 5;
    test_server_send(world->server, "2\r\nde\r\n", 7);
    run(world);
    assert_string_equal(buf_text(&probe->stream), "abcde");
    assert_int_equal(probe->done, 0);

    test_server_send(world->server, "0\r\n\r\n", 5);
    run(world);
    assert_int_equal(probe->done, 1);
    assert_int_equal(probe->opened, 1);
    assert_false(probe->failed);
    assert_int_equal(probe->response.status, 200);
    assert_int_equal(probe->response.body.length, 0);
}

static void a_stream_that_breaks_is_an_error_after_its_bytes(void **state)
{
    struct world *world = *state;
    struct probe *probe = &world->probes[0];
    struct http_request request = stream(world);
    probe->stop_after = 3;
    test_server_script(world->server, chunked_head, TEST_KEEP);
    start(probe, &request);
    run_for(world, 50);
    test_server_send(world->server, "3\r\nabc\r\n", 8);
    run(world);
    test_server_end(world->server, TEST_RESET);
    run(world);
    assert_int_equal(probe->done, 1);
    assert_true(probe->failed);
    assert_int_equal(probe->err.class, ERR_TRANSIENT);
    assert_string_equal(buf_text(&probe->stream), "abc");
}

static void another_status_of_a_stream_is_collected(void **state)
{
    struct world *world = *state;
    struct probe *probe = &world->probes[0];
    struct http_request request = stream(world);
    test_server_answer(world->server, 410, NULL, "{\"code\":410}");
    start(probe, &request);
    run(world);
    assert_int_equal(probe->opened, 0);
    assert_int_equal(probe->pieces, 0);
    assert_int_equal(probe->response.status, 410);
    assert_string_equal(probe->body, "{\"code\":410}");
}

static void a_refused_piece_ends_the_stream(void **state)
{
    struct world *world = *state;
    struct probe *probe = &world->probes[0];
    struct http_request request = stream(world);
    request.on_open = NULL;
    probe->refuse = true;
    test_server_answer(world->server, 200, NULL, "abc");
    start(probe, &request);
    run(world);
    assert_int_equal(probe->done, 1);
    assert_true(probe->failed);
    assert_int_equal(probe->err.class, ERR_INVALID);
}

static void a_call_cancelled_before_it_begins_never_calls_back(void **state)
{
    struct world *world = *state;
    struct http_request request = get(world, "/");
    start(&world->probes[0], &request);
    start(&world->probes[1], &request);
    start(&world->probes[2], &request);
    http_cancel(world->probes[1].call);
    http_cancel(world->probes[2].call);
    start(&world->probes[3], &request);
    world->waited_for = 2;
    run(world);
    run_for(world, 20);
    assert_int_equal(world->probes[0].done, 1);
    assert_int_equal(world->probes[1].done, 0);
    assert_int_equal(world->probes[2].done, 0);
    assert_int_equal(world->probes[3].done, 1);
    assert_int_equal(test_server_requests(world->server), 2);
    http_cancel(NULL);
}

static void a_call_cancelled_while_it_connects_never_calls_back(void **state)
{
    struct world *world = *state;
    struct http_request request = get(world, "/");
    start(&world->probes[0], &request);
    loop_defer(world->loop, stop, world);
    run(world); /* one round: libcurl has it */
    http_cancel(world->probes[0].call);
    run_for(world, 20);
    assert_int_equal(world->probes[0].done, 0);
}

static void on_request_stop(void *arg)
{
    struct world *world = arg;
    loop_stop(world->loop);
}

static void a_call_cancelled_while_it_waits_for_the_answer_closes_its_connection(void **state)
{
    struct world *world = *state;
    test_server_script(world->server, NULL, TEST_KEEP);
    test_server_on_request(world->server, on_request_stop, world);
    struct http_request request = get(world, "/");
    start(&world->probes[0], &request);
    run(world);
    http_cancel(world->probes[0].call);
    run_for(world, 20);
    assert_int_equal(world->probes[0].done, 0);
    assert_int_equal(test_server_open(world->server), 0);
}

static void a_stream_cancelled_between_its_bytes_never_calls_back(void **state)
{
    struct world *world = *state;
    struct probe *probe = &world->probes[0];
    struct http_request request = stream(world);
    test_server_script(world->server, chunked_head, TEST_KEEP);
    start(probe, &request);
    run(world);
    http_cancel(probe->call);
    run_for(world, 20);
    assert_int_equal(probe->done, 0);
    assert_int_equal(test_server_open(world->server), 0);
}

static void a_stream_may_cancel_itself_while_it_is_told_bytes(void **state)
{
    struct world *world = *state;
    struct probe *probe = &world->probes[0];
    struct http_request request = stream(world);
    request.on_open = NULL;
    probe->cancel_in_bytes = probe;
    test_server_answer(world->server, 200, NULL, "abc");
    start(probe, &request);
    run_for(world, 50);
    assert_int_equal(probe->pieces, 1);
    assert_int_equal(probe->done, 0);
    assert_int_equal(test_server_open(world->server), 0);
}

static void a_stream_may_cancel_another_while_it_is_told_bytes(void **state)
{
    struct world *world = *state;
    test_server_script(world->server, NULL, TEST_KEEP);
    test_server_on_request(world->server, on_request_stop, world);
    struct http_request hanging = get(world, "/");
    start(&world->probes[1], &hanging);
    run(world);
    test_server_on_request(world->server, NULL, NULL);

    struct probe *probe = &world->probes[0];
    struct http_request request = stream(world);
    request.on_open = NULL;
    probe->cancel_in_bytes = &world->probes[1];
    test_server_answer(world->server, 200, NULL, "abc");
    start(probe, &request);
    world->waited_for = 1;
    run(world);
    run_for(world, 20);
    assert_int_equal(probe->done, 1);
    assert_int_equal(world->probes[1].done, 0);
    assert_int_equal(test_server_open(world->server), 1);
}

static void a_finished_call_can_be_cancelled_before_it_is_told(void **state)
{
    struct world *world = *state;
    struct http_request bad = {.method = "GET", .url = "nonsense", .proxy = ""};
    world->probes[0].cancel_in_done = &world->probes[1];
    start(&world->probes[0], &bad);
    start(&world->probes[1], &bad);
    world->waited_for = 1;
    run(world);
    run_for(world, 20);
    assert_int_equal(world->probes[0].done, 1);
    assert_int_equal(world->probes[1].done, 0);
}

static void freeing_the_client_cancels_everything(void **state)
{
    struct world *world = *state;
    test_server_script(world->server, chunked_head, TEST_KEEP);
    struct http_request request = stream(world);
    request.pool = "watch";
    start(&world->probes[0], &request);
    run(world);
    struct http_request waiting = get(world, "/");
    start(&world->probes[1], &waiting);
    struct http_request bad = {.method = "GET", .url = "nonsense", .proxy = ""};
    start(&world->probes[2], &bad);
    http_curl_free(world->http);
    world->http = NULL;
    run_for(world, 20);
    for (int i = 0; i < 3; i++)
        assert_int_equal(world->probes[i].done, 0);
    assert_int_equal(test_server_open(world->server), 0);
}

static void many_calls_at_once_all_come_back(void **state)
{
    struct world *world = *state;
    for (int round = 0; round < 50; round++) {
        struct http_request request = get(world, "/");
        for (size_t i = 0; i < ARRAY_LENGTH(world->probes); i++)
            start(&world->probes[i], &request);
        run(world);
    }
    for (size_t i = 0; i < ARRAY_LENGTH(world->probes); i++)
        assert_int_equal(world->probes[i].done, 50);
    assert_int_equal(test_server_requests(world->server), 200);
    assert_int_equal(test_server_connections(world->server), 4);
}

static void a_proxy_is_asked_instead_of_the_server(void **state)
{
    struct world *world = *state;
    CLEANUP(freep) char *proxy = xstrdup(test_server_url(world->server, "127.0.0.1", ""));
    struct http_request request = {
        .method = "GET", .url = "http://gateway.invalid:8080/tyk", .proxy = proxy};
    start(&world->probes[0], &request);
    run(world);
    assert_false(world->probes[0].failed);
    assert_has(test_server_request(world->server), "GET http://gateway.invalid:8080/tyk HTTP/1.1");

    /* an https server behind it: a tunnel is asked for, and its refusal is an error */
    test_server_answer(world->server, 407, NULL, "");
    request.url = "https://gateway.invalid/tyk";
    start(&world->probes[0], &request);
    run(world);
    assert_true(world->probes[0].failed);
    assert_int_equal(world->probes[0].err.class, ERR_TRANSIENT);
    assert_has(test_server_request(world->server), "CONNECT gateway.invalid:443 HTTP/1.1");
}

static void the_environment_names_the_proxy_unless_told_otherwise(void **state)
{
    struct world *world = *state;
    CLEANUP(freep) char *proxy = xstrdup(test_server_url(world->server, "127.0.0.1", ""));
    setenv("http_proxy", proxy, 1);
    struct http_request request = {.method = "GET", .url = "http://gateway.invalid/"};
    start(&world->probes[0], &request);
    run(world);
    assert_has(test_server_request(world->server), "GET http://gateway.invalid/ HTTP/1.1");
    setenv("no_proxy", "127.0.0.0/8", 1);
    request.url = test_server_url(world->server, "127.0.0.1", "/direct");
    start(&world->probes[0], &request);
    run(world);
    assert_has(test_server_request(world->server), "GET /direct HTTP/1.1");
    unsetenv("http_proxy");
    unsetenv("no_proxy");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(an_answer_is_told_with_all_its_parts),
        TEST(retry_after_that_is_no_number_counts_as_none),
        TEST(bodies_and_methods_go_out_as_given),
        TEST(a_large_body_goes_out_without_asking_first),
        TEST(the_request_may_go_when_it_has_been_started),
        TEST(connections_are_kept_and_reused),
        TEST(pools_do_not_share_connections),
        TEST(a_connection_that_was_closed_while_idle_does_no_harm),
        TEST(an_idle_connection_reset_under_a_request_is_tried_again),
        TEST(redirects_are_not_followed),
        TEST(a_body_over_the_limit_is_invalid),
        TEST(truncated_answers_are_transient_errors),
        TEST(what_is_no_http_is_a_transient_error),
        TEST(a_reset_is_a_transient_error),
        TEST(a_refused_connection_is_a_transient_error),
        TEST(a_hanging_server_meets_the_deadline),
        TEST(bad_urls_are_invalid_and_told_from_the_loop),
        TEST(a_stream_opens_and_hands_over_its_bytes_as_they_come),
        TEST(a_stream_that_breaks_is_an_error_after_its_bytes),
        TEST(another_status_of_a_stream_is_collected),
        TEST(a_refused_piece_ends_the_stream),
        TEST(a_call_cancelled_before_it_begins_never_calls_back),
        TEST(a_call_cancelled_while_it_connects_never_calls_back),
        TEST(a_call_cancelled_while_it_waits_for_the_answer_closes_its_connection),
        TEST(a_stream_cancelled_between_its_bytes_never_calls_back),
        TEST(a_stream_may_cancel_itself_while_it_is_told_bytes),
        TEST(a_stream_may_cancel_another_while_it_is_told_bytes),
        TEST(a_finished_call_can_be_cancelled_before_it_is_told),
        TEST(freeing_the_client_cancels_everything),
        TEST(many_calls_at_once_all_come_back),
        TEST(a_proxy_is_asked_instead_of_the_server),
        TEST(the_environment_names_the_proxy_unless_told_otherwise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
