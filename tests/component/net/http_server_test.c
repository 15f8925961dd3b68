/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "net/http_curl.h"
#include "net/http_server.h"
#include "net/loop.h"

struct world {
    struct loop *loop;
    struct http *http;
    struct http_server *server;
    bool ready;
    int asked;
    bool failed;
    long status;
    char body[4096];
    char content_type[100];
};

static void fill_ready(void *arg, struct http_reply *reply)
{
    struct world *world = arg;
    world->asked++;
    if (!world->ready)
        reply->status = 503;
    buf_add_text(&reply->body, world->ready ? "ok\n" : "caches: incomplete\n");
}

static void fill_metrics(void *arg, struct http_reply *reply)
{
    (void)arg;
    reply->content_type = "text/plain; version=0.0.4";
    for (int i = 0; i < 100; i++)
        buf_add_text(&reply->body, "grapnel_x 1\n");
}

static int setup(void **state)
{
    struct world *world = xcalloc(1, sizeof(*world));
    world->loop = loop_new(NULL);
    world->http = http_curl_new(world->loop, "0");
    const struct http_route routes[] = {{"/readyz", fill_ready, world},
                                        {"/metrics", fill_metrics, world}};
    world->server = http_server_new(world->loop, "127.0.0.1:0", routes, ARRAY_LENGTH(routes), NULL);
    assert_non_null(world->server);
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    http_curl_free(world->http);
    http_server_free(world->server);
    loop_free(world->loop);
    free(world);
    return 0;
}

static void on_done(void *arg, const struct http_response *response, const struct err *err)
{
    struct world *world = arg;
    world->failed = err != NULL;
    if (response) {
        world->status = response->status;
        snprintf(world->body, sizeof(world->body), "%s", response->body.ptr);
        snprintf(world->content_type, sizeof(world->content_type), "%s",
                 response->content_type ? response->content_type : "");
    }
    loop_stop(world->loop);
}

static void ask(struct world *world, const char *method, const char *host, const char *path,
                struct span body)
{
    CLEANUP(bytes_unrefp) struct bytes *sent = body.ptr ? bytes_copy(body) : NULL;
    CLEANUP(freep)
    char *url = xasprintf("http://%s:%d%s", host, http_server_port(world->server), path);
    struct http_request request = {
        .method = method, .url = url, .proxy = "", .timeout_ms = 5000, .body = sent};
    http_start(world->http, &request, on_done, world);
    loop_run(world->loop);
    assert_false(world->failed);
}

static void get(struct world *world, const char *path)
{
    ask(world, "GET", "127.0.0.1", path, (struct span){NULL, 0});
}

static void a_route_fills_status_type_and_body(void **state)
{
    struct world *world = *state;
    get(world, "/readyz");
    assert_int_equal(world->status, 503);
    assert_string_equal(world->body, "caches: incomplete\n");
    world->ready = true;
    get(world, "/readyz?verbose");
    assert_int_equal(world->status, 200);
    assert_string_equal(world->body, "ok\n");
    assert_string_equal(world->content_type, "text/plain; charset=utf-8");
    get(world, "/metrics");
    assert_string_equal(world->content_type, "text/plain; version=0.0.4");
    assert_int_equal(strlen(world->body), 1200);
    ask(world, "HEAD", "127.0.0.1", "/metrics", (struct span){NULL, 0});
    assert_int_equal(world->status, 200);
    assert_string_equal(world->body, "");
}

static void unknown_paths_and_methods_are_refused(void **state)
{
    struct world *world = *state;
    static const char *const paths[] = {"/", "/readyz/", "/readyzz", "/%2e%2e/readyz"};
    for (size_t i = 0; i < ARRAY_LENGTH(paths); i++) {
        get(world, paths[i]);
        assert_int_equal(world->status, 404);
    }
    static const char *const methods[] = {"POST", "PUT", "DELETE", "PATCH"};
    for (size_t i = 0; i < ARRAY_LENGTH(methods); i++) {
        ask(world, methods[i], "127.0.0.1", "/readyz", (struct span){"x", 1});
        assert_int_equal(world->status, 405);
    }
    assert_int_equal(world->asked, 0);
}

static void requests_are_bounded(void **state)
{
    struct world *world = *state;
    CLEANUP(freep) char *path = xcalloc(1, 10001);
    memset(path, 'a', 10000);
    path[0] = '/';
    get(world, path);
    assert_int_equal(world->status / 100, 4);
    CLEANUP(freep) char *body = xcalloc(1, 5001);
    ask(world, "POST", "127.0.0.1", "/readyz", (struct span){body, 5000});
    assert_int_equal(world->status, 413);
}

static void addresses_are_checked(void **state)
{
    struct world *world = *state;
    static const struct {
        const char *address;
        enum err_class class;
    } bad[] = {
        {"", ERR_INVALID},
        {"8080", ERR_INVALID},
        {"127.0.0.1", ERR_INVALID},
        {"127.0.0.1:", ERR_INVALID},
        {":http", ERR_INVALID},
        {":65536", ERR_INVALID},
        {"::1:8080", ERR_INVALID},
        {"no.such.host.invalid:1", ERR_INVALID},
        {"192.0.2.1:0", ERR_TRANSIENT},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        struct err err;
        assert_null(http_server_new(world->loop, bad[i].address, NULL, 0, &err));
        assert_int_equal(err.class, bad[i].class);
        assert_true(strlen(err.msg) > strlen(bad[i].address) + 5);
    }
    CLEANUP(freep) char *taken = xasprintf("127.0.0.1:%d", http_server_port(world->server));
    struct err err;
    assert_null(http_server_new(world->loop, taken, NULL, 0, &err));
    assert_int_equal(err.class, ERR_TRANSIENT);
}

static void a_port_alone_listens_everywhere(void **state)
{
    struct world *world = *state;
    http_server_free(world->server);
    const struct http_route route = {"/readyz", fill_ready, world};
    world->server = http_server_new(world->loop, ":0", &route, 1, NULL);
    assert_non_null(world->server);
    world->ready = true;
    get(world, "/readyz");
    assert_int_equal(world->status, 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(a_route_fills_status_type_and_body),
        TEST(unknown_paths_and_methods_are_refused),
        TEST(requests_are_bounded),
        TEST(addresses_are_checked),
        TEST(a_port_alone_listens_everywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
