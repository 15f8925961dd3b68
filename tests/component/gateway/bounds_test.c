/* SPDX-License-Identifier: Apache-2.0 */
/* Bounds of what is kept of gateways and taken from them. */
#include <stdlib.h>
#include <string.h>

#include "fixture.h"

#include "base/mem.h"
#include "gateway/bodies.h"
#include "gateway/fleet.h"
#include "gateway/gateway_client.h"
#include "support/fake_http.h"

static size_t kept_bytes(const struct world *world)
{
    /* The port is the fleet's first member. */
    return ((const struct fleet *)world->gateways)->bodies.bytes;
}

static void fill_megabyte(struct buf *out)
{
    for (int i = 0; i < 1 << 16; i++)
        buf_add_text(out, "0123456789abcdef");
}

static void bodies_that_are_kept_have_eight_megabytes_together(void **state)
{
    (void)state;
    enum { COUNT = 20 };
    struct loop *loop = fake_loop_new(1);
    struct bodies bodies;
    bodies_init(&bodies, loop);
    CLEANUP(buf_fini) struct buf text;
    buf_init(&text, BUF_UNLIMITED);
    fill_megabyte(&text);
    CLEANUP(bytes_unrefp) struct bytes *bytes = bytes_take(&text);
    struct place *places = xcalloc(COUNT, sizeof(*places));
    for (int i = 0; i < COUNT; i++) {
        bodies_put(&bodies, &places[i], 1, bytes);
        assert_true(bodies.bytes <= 8U << 20);
    }
    /* The oldest went, the newest are there. */
    assert_null(bodies_get(&bodies, &places[COUNT - 9], 1, 2));
    assert_int_equal(bodies.bytes, 8U << 20);
    CLEANUP(bytes_unrefp) struct bytes *one_more = bytes_copy((struct span){"x", 1});
    struct place last = {.body = NULL};
    bodies_put(&bodies, &last, 1, one_more);
    assert_null(places[COUNT - 8].body);
    CLEANUP(bytes_unrefp) struct bytes *kept = bodies_get(&bodies, &places[COUNT - 7], 1, 2);
    assert_ptr_equal(kept, bytes);
    bodies_fini(&bodies);
    free(places);
    fake_loop_free(loop);
}

static void a_body_is_kept_for_ten_seconds_after_its_last_use(void **state)
{
    (void)state;
    struct loop *loop = fake_loop_new(1);
    struct bodies bodies;
    bodies_init(&bodies, loop);
    CLEANUP(bytes_unrefp) struct bytes *bytes = bytes_copy((struct span){"body", 4});
    struct place used = {.body = NULL};
    struct place idle = {.body = NULL};
    bodies_put(&bodies, &used, 1, bytes);
    bodies_put(&bodies, &idle, 1, bytes);
    for (int i = 0; i < 5; i++) {
        fake_loop_advance(loop, 4000);
        bytes_unref(bodies_get(&bodies, &used, 1, 100));
    }
    assert_null(idle.body);
    fake_loop_advance(loop, 9999);
    assert_non_null(used.body);
    fake_loop_advance(loop, 1);
    assert_null(used.body);
    assert_int_equal(bodies.bytes, 0);
    bodies_fini(&bodies);
    fake_loop_free(loop);
}

/* One of two gateways has taken a body that the other one, which is out of reach, still waits for.
 */
static struct world *world_with_a_kept_body(void)
{
    struct world *world = world_new(2);
    fake_gateway_fault(world->gateway[1], &(struct fake_fault_rule){.fault = FAKE_REFUSE});
    world_context(world, &(struct world_context){.count = 2});
    world_want(world, &(struct world_api){.name = "orders"});
    world_run(world, 1000);
    assert_int_equal(counts(world, 0)->posts, 1);
    assert_true(kept_bytes(world) > 0);
    return world;
}

static void a_body_goes_at_once_with_the_last_wish_for_it(void **state)
{
    (void)state;
    struct world *world = world_with_a_kept_body();
    world_remove(world, "orders");
    assert_int_equal(kept_bytes(world), 0);
    world_free(world);

    world = world_with_a_kept_body();
    world_want(world, &(struct world_api){.name = "orders", .id = "other"});
    assert_int_equal(kept_bytes(world), 0);
    world_free(world);

    world = world_with_a_kept_body();
    world->ops->forget(world->gateways, "ns/orders");
    assert_int_equal(kept_bytes(world), 0);
    world_free(world);
}

static void ignore_answer(void *arg, const struct gateway_answer *answer)
{
    (void)answer;
    ++*(int *)arg;
}

static void ignore_item(void *arg, struct span item)
{
    (void)arg;
    (void)item;
}

struct asked {
    struct loop *loop;
    struct http *http;
    struct gateway_client *client;
    int answers;
};

static void init(struct asked *asked)
{
    *asked = (struct asked){.loop = fake_loop_new(1)};
    asked->http = fake_http_new(asked->loop);
    asked->client = gateway_client_new(asked->loop, asked->http, "http://gw", "pool");
    struct gateway_access *access = gateway_access_new("secret", &(struct http_tls){0});
    gateway_client_set_access(asked->client, access);
    gateway_access_unref(access);
}

static void fini(struct asked *asked)
{
    gateway_client_free(asked->client);
    fake_http_free(asked->http);
    fake_loop_free(asked->loop);
}

static void answers_have_limits(void **state)
{
    (void)state;
    struct asked asked;
    init(&asked);
    gateway_delete(asked.client, "id", ignore_answer, &asked.answers);
    assert_int_equal(fake_http_expect(asked.http, "DELETE", NULL)->limit, 64U << 10);
    fake_http_answer(asked.http, fake_http_nth(asked.http, 0), 200, "{}");
    gateway_get(asked.client, "id", API_OAS, false, ignore_answer, &asked.answers);
    assert_int_equal(fake_http_expect(asked.http, "GET", NULL)->limit, 8U << 20);
    fake_http_answer(asked.http, fake_http_nth(asked.http, 0), 200, "{}");
    gateway_list(asked.client, API_CLASSIC, ignore_item, ignore_answer, &asked.answers);
    assert_int_equal(fake_http_expect(asked.http, "GET", NULL)->limit, 1U << 30);
    fake_http_answer(asked.http, fake_http_nth(asked.http, 0), 500, "");
    assert_int_equal(asked.answers, 3);
    fini(&asked);
}

static void an_item_of_a_list_has_eight_megabytes_at_most(void **state)
{
    (void)state;
    struct asked asked;
    init(&asked);
    gateway_list(asked.client, API_CLASSIC, ignore_item, ignore_answer, &asked.answers);
    struct fake_call *call = fake_http_expect(asked.http, "GET", NULL);
    static char letters[1 << 16];
    memset(letters, 'x', sizeof(letters));
    assert_true(fake_http_bytes(asked.http, call, "[{\"a\":\"", 7));
    size_t fed = 0;
    while (fed < 12U << 20 && fake_http_bytes(asked.http, call, letters, sizeof(letters)))
        fed += sizeof(letters);
    assert_true(fed >= 7U << 20 && fed <= 8U << 20);
    assert_int_equal(asked.answers, 1);
    fini(&asked);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodies_that_are_kept_have_eight_megabytes_together),
        cmocka_unit_test(a_body_is_kept_for_ten_seconds_after_its_last_use),
        cmocka_unit_test(a_body_goes_at_once_with_the_last_wish_for_it),
        cmocka_unit_test(answers_have_limits),
        cmocka_unit_test(an_item_of_a_list_has_eight_megabytes_at_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
