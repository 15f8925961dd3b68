/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/mem.h"
#include "serve/probes.h"

static void expect(struct http_reply *reply, int status, const char *text)
{
    assert_int_equal(reply->status, status);
    assert_string_equal(buf_text(&reply->body), text);
    buf_fini(&reply->body);
    *reply = (struct http_reply){.status = 0};
    buf_init(&reply->body, BUF_UNLIMITED);
}

static void health_tells_a_stall_then_the_complaint(void **state)
{
    (void)state;
    struct http_reply reply = {.status = 0};
    buf_init(&reply.body, BUF_UNLIMITED);
    probe_health(&reply, 0, NULL);
    expect(&reply, 200, "ok\n");
    probe_health(&reply, 10000, NULL);
    expect(&reply, 200, "ok\n");
    probe_health(&reply, 12345, NULL);
    expect(&reply, 503, "the event loop stalls: work has waited for 12 s\n");
    probe_health(&reply, 12345, "the lease is held");
    expect(&reply, 503, "the event loop stalls: work has waited for 12 s\n");
    probe_health(&reply, 10000, "the lease is held");
    expect(&reply, 503, "the lease is held\n");
    buf_fini(&reply.body);
}

static void readiness_tells_what_is_waited_for(void **state)
{
    (void)state;
    struct http_reply reply = {.status = 0};
    buf_init(&reply.body, BUF_UNLIMITED);
    probe_ready(&reply, NULL);
    expect(&reply, 200, "ok\n");
    probe_ready(&reply, "starting");
    expect(&reply, 503, "starting\n");
    buf_fini(&reply.body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(health_tells_a_stall_then_the_complaint),
        cmocka_unit_test(readiness_tells_what_is_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
