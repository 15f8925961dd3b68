/* SPDX-License-Identifier: Apache-2.0 */
/* What only the leader may ask: no byte of it goes out once leadership is lost. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "net/http_curl.h"
#include "net/loop.h"
#include "net/loop_base.h"
#include "support/net/test_server.h"

#define LARGE (32U << 20)

struct world {
    struct leadership leadership; /* first member */
    bool held;
    unsigned asked;
    struct loop *loop;
    struct http *http;
    struct http *led;
    struct test_server *server;
    struct loop_timer *pause;
    int done;
    bool failed;
    long status;
    struct err err;
};

static bool is_held(const struct leadership *leadership)
{
    struct world *world = (struct world *)(uintptr_t)leadership;
    world->asked++;
    return world->held;
}

static void stop(void *arg)
{
    struct world *world = arg;
    loop_stop(world->loop);
}

static int setup(void **state)
{
    struct world *world = xcalloc(1, sizeof(*world));
    world->leadership.is_held = is_held;
    world->held = true;
    world->loop = loop_new(NULL);
    world->http = http_curl_new(world->loop, "1.2.3");
    world->led = http_led_new(world->http, &world->leadership);
    world->server = test_server_new(loop_event_base(world->loop), NULL, NULL);
    world->pause = loop_timer_new(world->loop, stop, world);
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    http_led_free(world->led);
    http_curl_free(world->http);
    test_server_free(world->server);
    loop_timer_free(world->pause);
    loop_free(world->loop);
    free(world);
    return 0;
}

static void on_done(void *arg, const struct http_response *response, const struct err *err)
{
    struct world *world = arg;
    world->done++;
    world->failed = err != NULL;
    if (err)
        world->err = *err;
    else
        world->status = response->status;
    loop_stop(world->loop);
}

static struct http_call *start(struct world *world, struct http *http)
{
    CLEANUP(bytes_unrefp) struct bytes *body = bytes_copy((struct span){"x", 1});
    const struct http_request request = {
        .method = "POST",
        .url = test_server_url(world->server, "127.0.0.1", "/"),
        .body = body,
        .proxy = "",
        .timeout_ms = 5000,
    };
    return http_start(http, &request, on_done, world);
}

/* Until something is done, or for this long. */
static void run(struct world *world, int64_t ms)
{
    loop_timer_arm(world->pause, ms);
    loop_run(world->loop);
    loop_timer_disarm(world->pause);
}

static void the_leaders_requests_share_connections_with_all_others(void **state)
{
    struct world *world = *state;
    start(world, world->http);
    run(world, 5000);
    assert_int_equal(world->asked, 0);
    start(world, world->led);
    run(world, 5000);
    assert_int_equal(world->done, 2);
    assert_false(world->failed);
    assert_int_equal(world->status, 200);
    assert_true(world->asked > 0);
    assert_int_equal(test_server_requests(world->server), 2);
    assert_int_equal(test_server_connections(world->server), 1);
}

static void who_does_not_lead_asks_nothing(void **state)
{
    struct world *world = *state;
    world->held = false;
    start(world, world->led);
    assert_int_equal(world->done, 0);
    run(world, 5000);
    assert_int_equal(world->done, 1);
    assert_true(world->failed);
    assert_int_equal(world->err.class, ERR_CANCELED);
    run(world, 50);
    assert_int_equal(test_server_connections(world->server), 0);
    /* Others go on. */
    start(world, world->http);
    run(world, 5000);
    assert_int_equal(world->done, 2);
    assert_int_equal(world->status, 200);
}

static void leadership_lost_before_the_round_ends_stops_what_was_started_in_it(void **state)
{
    struct world *world = *state;
    start(world, world->led);
    world->held = false;
    run(world, 5000);
    assert_int_equal(world->done, 1);
    assert_int_equal(world->err.class, ERR_CANCELED);
    run(world, 50);
    assert_int_equal(test_server_requests(world->server), 0);
}

/* A socket that listens and that nobody reads from. */
static int listen_only(uint16_t *ret_port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, length), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    *ret_port = ntohs(address.sin_port);
    return fd;
}

static size_t drain(int fd)
{
    static char bytes[65536];
    size_t total = 0;
    ssize_t got;
    while ((got = read(fd, bytes, sizeof(bytes))) > 0)
        total += (size_t)got;
    return total;
}

static void leadership_lost_in_the_middle_of_a_body_ends_it_there(void **state)
{
    struct world *world = *state;
    uint16_t port;
    int listener = listen_only(&port);
    char url[64];
    snprintf(url, sizeof(url), "http://127.0.0.1:%u/", port);
    CLEANUP(freep) char *zeros = xcalloc(1, LARGE);
    CLEANUP(bytes_unrefp) struct bytes *body = bytes_copy((struct span){zeros, LARGE});
    const struct http_request request = {
        .method = "POST", .url = url, .body = body, .proxy = "", .timeout_ms = 20000};
    http_start(world->led, &request, on_done, world);
    run(world, 300); /* until both ends' buffers are full */
    assert_int_equal(world->done, 0);
    int peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    assert_true(peer >= 0);

    world->held = false;
    size_t received = drain(peer); /* there is room again: what writes would go on */
    assert_true(received > 0);
    run(world, 5000);
    assert_int_equal(world->done, 1);
    assert_int_equal(world->err.class, ERR_CANCELED);
    fcntl(peer, F_SETFL, 0);
    received += drain(peer); /* what the kernel had, then the end */
    assert_true(received < LARGE / 2);
    close(peer);
    close(listener);
}

static void a_request_that_waits_for_its_answer_ends_with_the_next_event(void **state)
{
    struct world *world = *state;
    test_server_script(world->server, NULL, TEST_KEEP);
    start(world, world->led);
    run(world, 100);
    assert_int_equal(test_server_requests(world->server), 1);
    world->held = false;
    /* Any event of the pool will do: here another call's. */
    start(world, world->http);
    run(world, 5000);
    run(world, 50);
    assert_int_equal(world->done, 2);
    assert_int_equal(world->err.class, ERR_CANCELED);
    assert_int_equal(test_server_open(world->server), 1);
}

static void a_call_of_the_leaders_can_be_cancelled(void **state)
{
    struct world *world = *state;
    http_cancel(start(world, world->led));
    run(world, 50);
    assert_int_equal(test_server_requests(world->server), 0);
    test_server_script(world->server, NULL, TEST_KEEP);
    struct http_call *running = start(world, world->led);
    run(world, 100);
    assert_int_equal(test_server_requests(world->server), 1);
    world->held = false;
    http_cancel(running);
    run(world, 50);
    assert_int_equal(world->done, 0);
    assert_int_equal(test_server_open(world->server), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_leaders_requests_share_connections_with_all_others),
        TEST(who_does_not_lead_asks_nothing),
        TEST(leadership_lost_before_the_round_ends_stops_what_was_started_in_it),
        TEST(leadership_lost_in_the_middle_of_a_body_ends_it_there),
        TEST(a_request_that_waits_for_its_answer_ends_with_the_next_event),
        TEST(a_call_of_the_leaders_can_be_cancelled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
