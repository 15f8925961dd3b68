/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "gateway/fleet.h"
#include "gateway/foreign.h"
#include "gateway/gateway_client.h"
#include "gateway/slots.h"
#include "gateway/turn.h"

/* The parts by themselves. */

static struct place *place_of(const char *id)
{
    struct place *place = xcalloc(1, sizeof(*place));
    place->api_id = xstrdup(id);
    return place;
}

static void slots_are_found_added_and_removed_in_any_order(void **state)
{
    (void)state;
    enum { COUNT = 3000 };
    struct slots slots = {0};
    struct place **places = xcalloc(COUNT, sizeof(struct place *));
    for (int i = 0; i < COUNT; i++) {
        CLEANUP(freep) char *id = xasprintf("id-%d", i);
        places[i] = place_of(id);
        assert_null(slots_find(&slots, id));
        slots_add(&slots, places[i]);
    }
    assert_int_equal(slots.count, COUNT);
    /* Every third goes; all others must still be found, whatever chain they stood in. */
    for (int i = 0; i < COUNT; i += 3)
        slots_remove(&slots, slots_find(&slots, places[i]->api_id));
    for (int i = 0; i < COUNT; i++) {
        struct slot *slot = slots_find(&slots, places[i]->api_id);
        if (i % 3)
            assert_ptr_equal(slot->place, places[i]);
        else
            assert_null(slot);
    }
    for (int i = 0; i < COUNT; i += 3)
        slots_add(&slots, places[i]);
    for (int i = 0; i < COUNT; i++)
        slots_remove(&slots, slots_find(&slots, places[i]->api_id));
    assert_int_equal(slots.count, 0);
    for (int list = 0; list < SLOT_STATE_COUNT; list++) {
        assert_int_equal(slots.lists[list].count, 0);
        assert_null(slots.lists[list].first);
        assert_null(slots.lists[list].last);
    }
    slots_fini(&slots);
    for (int i = 0; i < COUNT; i++) {
        free(places[i]->api_id);
        free(places[i]);
    }
    free(places);
}

static void a_slot_is_in_the_list_of_its_state(void **state)
{
    (void)state;
    struct slots slots = {0};
    struct place *places[3] = {place_of("a"), place_of("b"), place_of("c")};
    struct slot *slot[3];
    for (int i = 0; i < 3; i++)
        slot[i] = slots_add(&slots, places[i]);
    assert_int_equal(slots.lists[SLOT_UNKNOWN].count, 3);
    slots_move(&slots, slot[0], SLOT_REFILL_CLASSIC);
    slots_move(&slots, slot[1], SLOT_USER_CLASSIC);
    slots_move(&slots, slot[2], SLOT_REFILL_OAS);
    assert_int_equal(slots_queued(&slots), 3);
    assert_ptr_equal(slots_next_write(&slots, false), slot[1]);
    assert_ptr_equal(slots_next_write(&slots, true), slot[2]);
    slots_move(&slots, slot[1], SLOT_SYNCED);
    assert_ptr_equal(slots_next_write(&slots, false), slot[0]);
    assert_int_equal(slots_queued(&slots), 2);
    assert_int_equal(slots_on_their_way(&slots), 2);
    slots_move(&slots, slot[0], SLOT_SYNCED);
    /* Moving within a list puts it at the end. */
    assert_ptr_equal(slots.lists[SLOT_SYNCED].first, slot[1]);
    slots_move(&slots, slot[1], SLOT_SYNCED);
    assert_ptr_equal(slots.lists[SLOT_SYNCED].first, slot[0]);
    assert_ptr_equal(slots.lists[SLOT_SYNCED].last, slot[1]);
    slots_fini(&slots);
    for (int i = 0; i < 3; i++) {
        free(places[i]->api_id);
        free(places[i]);
    }
}

static void a_slot_is_small(void **state)
{
    (void)state;
    assert_true(sizeof(struct slot) <= 72);
}

static void foreign_definitions_are_found_by_id_and_by_claim(void **state)
{
    (void)state;
    struct foreign foreign = {0};
    assert_int_equal(foreign_found(&foreign, "a"), PLAN_ABSENT);
    assert_false(foreign_claims(&foreign, 5, "a"));
    for (int i = 0; i < 100; i++) {
        CLEANUP(freep) char *id = xasprintf("id-%d", i);
        foreign_add(&foreign, id, i % 2 ? PLAN_OTHERS : PLAN_UNMARKED);
        foreign_add_claim(&foreign, id, (uint64_t)i / 2 + 1);
    }
    foreign_sort(&foreign);
    assert_int_equal(foreign_found(&foreign, "id-7"), PLAN_OTHERS);
    assert_int_equal(foreign_found(&foreign, "id-8"), PLAN_UNMARKED);
    assert_int_equal(foreign_found(&foreign, "id-100"), PLAN_ABSENT);
    /* Two claim each; neither is in its own way. */
    assert_true(foreign_claims(&foreign, 1, "id-0"));
    assert_true(foreign_claims(&foreign, 50, "x"));
    assert_false(foreign_claims(&foreign, 51, "x"));
    assert_string_equal(foreign_claimant(&foreign, 1, "id-0"), "id-1");
    assert_string_equal(foreign_claimant(&foreign, 1, "id-1"), "id-0");
    assert_null(foreign_claimant(&foreign, 51, "x"));
    foreign_fini(&foreign);
    foreign_add_claim(&foreign, "a", 9);
    foreign_sort(&foreign);
    assert_false(foreign_claims(&foreign, 9, "a"));
    assert_true(foreign_claims(&foreign, 9, "b"));
    foreign_fini(&foreign);
}

/* The turn. */

struct waiter {
    struct turn_waiter waiter;
    int granted;
    bool moves;
};

static void on_granted(void *arg)
{
    struct waiter *waiter = arg;
    waiter->granted++;
}

static bool on_has_moved(void *arg)
{
    struct waiter *waiter = arg;
    return waiter->moves;
}

static void turns_are_given_one_after_the_other(void **state)
{
    (void)state;
    struct loop *loop = fake_loop_new(1);
    struct turn turn;
    turn_init(&turn, loop);
    struct waiter waiters[3] = {0};
    for (int i = 0; i < 3; i++) {
        waiters[i].waiter = (struct turn_waiter){
            .granted = on_granted, .has_moved = on_has_moved, .arg = &waiters[i]};
        turn_ask(&turn, &waiters[i].waiter);
        turn_ask(&turn, &waiters[i].waiter);
    }
    assert_int_equal(waiters[0].granted, 0);
    waiters[0].moves = true;
    fake_loop_advance(loop, 10000);
    assert_int_equal(waiters[0].granted, 1);
    assert_int_equal(waiters[1].granted, 0);
    /* One that does not wait any longer is passed over. */
    turn_leave(&turn, &waiters[1].waiter);
    turn_leave(&turn, &waiters[0].waiter);
    fake_loop_run(loop);
    assert_int_equal(waiters[1].granted, 0);
    assert_int_equal(waiters[2].granted, 1);
    /* One that stands still makes room. */
    turn_ask(&turn, &waiters[1].waiter);
    fake_loop_advance(loop, 249);
    assert_int_equal(waiters[1].granted, 0);
    fake_loop_advance(loop, 1);
    assert_int_equal(waiters[1].granted, 1);
    turn_leave(&turn, &waiters[2].waiter);
    turn_leave(&turn, &waiters[1].waiter);
    turn_fini(&turn);
    fake_loop_free(loop);
}

/* The client. */

struct client {
    struct loop *loop;
    struct http *http;
    struct gateway_client *client;
    int answers;
    long status;
    bool failed;
    struct err err;
    char detail[512];
    char body[64];
    int items;
};

static void on_answer(void *arg, const struct gateway_answer *answer)
{
    struct client *client = arg;
    client->answers++;
    client->status = answer->status;
    client->failed = answer->err != NULL;
    if (answer->err)
        client->err = *answer->err;
    snprintf(client->detail, sizeof(client->detail), "%s", answer->detail);
    assert_true(answer->body.length < sizeof(client->body));
    memcpy(client->body, answer->body.ptr ? answer->body.ptr : "", answer->body.length);
    client->body[answer->body.length] = '\0';
}

static void on_item(void *arg, struct span item)
{
    struct client *client = arg;
    (void)item;
    client->items++;
}

static void client_init(struct client *client, const char *secret)
{
    *client = (struct client){.loop = fake_loop_new(1)};
    client->http = fake_http_new(client->loop);
    client->client = gateway_client_new(client->loop, client->http, "http://gw", "pool");
    struct gateway_access *access = gateway_access_new(secret, &(struct http_tls){0});
    assert_true(gateway_client_set_access(client->client, access));
    assert_false(gateway_client_set_access(client->client, access));
    gateway_access_unref(access);
}

static void client_fini(struct client *client)
{
    gateway_client_free(client->client);
    fake_http_free(client->http);
    fake_loop_free(client->loop);
}

static void statuses_map_to_classes(void **state)
{
    (void)state;
    static const struct {
        long status;
        enum err_class class;
    } cases[] = {
        {301, ERR_INVALID},   {400, ERR_INVALID},   {401, ERR_DENIED},    {403, ERR_DENIED},
        {404, ERR_NOT_FOUND}, {405, ERR_INVALID},   {409, ERR_CONFLICT},  {422, ERR_INVALID},
        {429, ERR_TRANSIENT}, {500, ERR_TRANSIENT}, {503, ERR_TRANSIENT},
    };
    struct client client;
    client_init(&client, "x");
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        gateway_get(client.client, "a", API_CLASSIC, false, on_answer, &client);
        fake_http_answer(client.http, fake_http_expect(client.http, "GET", "http://gw/tyk/apis/a"),
                         cases[i].status, "{}");
        assert_true(client.failed);
        assert_int_equal(client.err.class, cases[i].class);
        assert_int_equal(client.err.code, cases[i].status);
    }
    client_fini(&client);
}

static void details_are_one_printable_line_without_the_secret(void **state)
{
    (void)state;
    static const struct {
        const char *body, *detail;
    } cases[] = {
        {"{\"status\":\"error\",\"message\":\"bad\\nmore\"}", "bad"},
        {"<html>\x01</html>", ""},
        {"{\"message\":\"a\\u0001b\"}", "a?b"},
        {"{\"message\":\"you sent s3cret\"}", "(holds the secret)"},
        {"", ""},
    };
    struct client client;
    client_init(&client, "s3cret\n");
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        gateway_delete(client.client, "a", on_answer, &client);
        struct fake_call *call = fake_http_expect(client.http, "DELETE", "/tyk/apis/a");
        assert_string_equal(fake_call_header(call, "X-Tyk-Authorization"), "s3cret");
        fake_http_answer(client.http, call, 400, cases[i].body);
        assert_string_equal(client.detail, cases[i].detail);
        assert_string_equal(client.err.msg, "HTTP 400");
    }
    client_fini(&client);
}

static void a_secret_with_a_line_break_is_not_sent(void **state)
{
    (void)state;
    struct client client;
    client_init(&client, "a\r\nX-Evil: 1");
    gateway_ready(client.client, on_answer, &client);
    struct fake_call *call = fake_http_expect(client.http, "GET", "http://gw/ready");
    assert_null(fake_call_header(call, "X-Tyk-Authorization"));
    assert_null(fake_call_header(call, "X-Evil"));
    fake_http_answer(client.http, call, 200, "{}");
    client_fini(&client);
}

static void each_request_has_its_deadline(void **state)
{
    (void)state;
    struct client client;
    client_init(&client, "x");
    CLEANUP(bytes_unrefp) struct bytes *body = bytes_copy((struct span){"{}", 2});
    gateway_ready(client.client, on_answer, &client);
    gateway_get(client.client, "a", API_OAS, false, on_answer, &client);
    gateway_list(client.client, API_OAS, on_item, on_answer, &client);
    gateway_post(client.client, API_OAS, body, on_answer, &client);
    gateway_delete(client.client, "a", on_answer, &client);
    gateway_reload(client.client, 1000, on_answer, &client);
    fake_loop_advance(client.loop, 4999);
    assert_int_equal(client.answers, 0);
    fake_loop_advance(client.loop, 10002);
    assert_int_equal(client.answers, 4);
    fake_loop_advance(client.loop, 15000);
    assert_int_equal(client.answers, 5);
    fake_loop_advance(client.loop, 9997);
    assert_int_equal(client.answers, 5);
    /* 30 s and 10 ms for each definition. */
    fake_loop_advance(client.loop, 10);
    assert_int_equal(client.answers, 6);
    assert_string_equal(client.err.msg, "no answer in time");
    client_fini(&client);
}

static void a_broken_answer_is_asked_for_once_more_and_only_once(void **state)
{
    (void)state;
    struct client client;
    client_init(&client, "x");
    CLEANUP(bytes_unrefp) struct bytes *body = bytes_copy((struct span){"{\"a\":1}", 7});
    gateway_post(client.client, API_CLASSIC, body, on_answer, &client);
    struct fake_call *call = fake_http_expect(client.http, "POST", "/tyk/apis");
    assert_null(fake_call_header(call, "Connection"));
    assert_string_equal(call->pool, "pool");
    fake_http_fail(client.http, call, ERR_TRANSIENT, 52, "empty reply");
    assert_int_equal(client.answers, 0);
    call = fake_http_expect(client.http, "POST", "/tyk/apis");
    assert_string_equal(fake_call_header(call, "Connection"), "close");
    assert_string_not_equal(call->pool, "pool");
    assert_memory_equal(call->body.ptr, "{\"a\":1}", 7);
    fake_http_fail(client.http, call, ERR_TRANSIENT, 52, "empty reply");
    assert_int_equal(client.answers, 1);
    assert_string_equal(client.err.msg, "no answer");
    assert_string_equal(client.detail, "empty reply");

    /* Neither a refused connection nor a deadline is tried again. */
    gateway_ready(client.client, on_answer, &client);
    fake_http_fail(client.http, fake_http_expect(client.http, "GET", "/ready"), ERR_TRANSIENT, 7,
                   "refused");
    assert_int_equal(client.answers, 2);
    client_fini(&client);
}

static void lists_are_told_item_by_item_in_any_cut(void **state)
{
    (void)state;
    static const char text[] = " [ {\"a\":\"]}\"} ,{\"b\":[{}]},\n{}]\n";
    for (size_t cut = 1; cut < sizeof(text) - 1; cut++) {
        struct client client;
        client_init(&client, "x");
        struct gateway_call *list =
            gateway_list(client.client, API_CLASSIC, on_item, on_answer, &client);
        assert_false(gateway_list_has_moved(list));
        struct fake_call *call = fake_http_expect(client.http, "GET", "/tyk/apis");
        assert_true(fake_http_bytes(client.http, call, text, cut));
        assert_true(gateway_list_has_moved(list));
        assert_false(gateway_list_has_moved(list));
        assert_true(fake_http_bytes(client.http, call, text + cut, sizeof(text) - 1 - cut));
        fake_http_end(client.http, call);
        assert_int_equal(client.items, 3);
        assert_int_equal(client.answers, 1);
        assert_false(client.failed);
        client_fini(&client);
    }
}

static void a_list_that_stands_still_or_breaks_off_fails(void **state)
{
    (void)state;
    struct client client;
    client_init(&client, "x");
    gateway_list(client.client, API_CLASSIC, on_item, on_answer, &client);
    struct fake_call *call = fake_http_expect(client.http, "GET", "/tyk/apis");
    assert_true(fake_http_bytes(client.http, call, "[{}", 3));
    fake_loop_advance(client.loop, 14000);
    assert_true(fake_http_bytes(client.http, call, ",", 1));
    fake_loop_advance(client.loop, 14000);
    assert_int_equal(client.answers, 0);
    fake_loop_advance(client.loop, 1000);
    assert_int_equal(client.answers, 1);
    assert_int_equal(client.err.class, ERR_TRANSIENT);

    gateway_list(client.client, API_CLASSIC, on_item, on_answer, &client);
    call = fake_http_expect(client.http, "GET", "/tyk/apis");
    assert_true(fake_http_bytes(client.http, call, "[{}", 3));
    fake_http_end(client.http, call);
    assert_int_equal(client.answers, 2);
    assert_string_equal(client.err.msg, "the list breaks off");

    gateway_list(client.client, API_CLASSIC, on_item, on_answer, &client);
    call = fake_http_expect(client.http, "GET", "/tyk/apis");
    assert_false(fake_http_bytes(client.http, call, "[{}}", 4));
    assert_int_equal(client.answers, 3);
    assert_int_equal(client.err.class, ERR_INVALID);
    client_fini(&client);
}

static void a_cancelled_call_never_answers(void **state)
{
    (void)state;
    struct client client;
    client_init(&client, "x");
    gateway_call_cancel(gateway_list(client.client, API_CLASSIC, on_item, on_answer, &client));
    gateway_call_cancel(gateway_ready(client.client, on_answer, &client));
    gateway_call_cancel(NULL);
    fake_loop_advance(client.loop, 200000);
    assert_int_equal(client.answers, 0);
    client_fini(&client);
}

static void the_key_of_an_answer_is_compared(void **state)
{
    (void)state;
    static const char text[] = "{\"key\":\"a\\u0026b\",\"status\":\"ok\"}";
    struct gateway_answer answer = {.body = {text, sizeof(text) - 1}};
    assert_true(gateway_answer_is_for(&answer, "a&b"));
    assert_false(gateway_answer_is_for(&answer, "a"));
    CLEANUP(freep) char *key = gateway_answer_key(&answer);
    assert_string_equal(key, "a&b");
    answer.body = (struct span){"<html>", 6};
    assert_false(gateway_answer_is_for(&answer, "a&b"));
    assert_null(gateway_answer_key(&answer));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slots_are_found_added_and_removed_in_any_order),
        cmocka_unit_test(a_slot_is_in_the_list_of_its_state),
        cmocka_unit_test(a_slot_is_small),
        cmocka_unit_test(foreign_definitions_are_found_by_id_and_by_claim),
        cmocka_unit_test(turns_are_given_one_after_the_other),
        cmocka_unit_test(statuses_map_to_classes),
        cmocka_unit_test(details_are_one_printable_line_without_the_secret),
        cmocka_unit_test(a_secret_with_a_line_break_is_not_sent),
        cmocka_unit_test(each_request_has_its_deadline),
        cmocka_unit_test(a_broken_answer_is_asked_for_once_more_and_only_once),
        cmocka_unit_test(lists_are_told_item_by_item_in_any_cut),
        cmocka_unit_test(a_list_that_stands_still_or_breaks_off_fails),
        cmocka_unit_test(a_cancelled_call_never_answers),
        cmocka_unit_test(the_key_of_an_answer_is_compared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
