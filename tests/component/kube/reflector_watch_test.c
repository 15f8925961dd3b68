/* SPDX-License-Identifier: Apache-2.0 */
/* Watches. */
#include "reflector_world.h"

#include <stdlib.h>
#include <string.h>

static void events_are_told_in_order(void **state)
{
    struct world *world = *state;
    world_reach_watch(world);
    send_event(world, "ADDED", "b", "11");
    send_event(world, "MODIFIED", "a", "12");
    send_event(world, "DELETED", "b", "13");
    expect_told(world, "put n/b@11\nput n/a@12\ngone n/b u-b\n");
}

static void r20_the_server_is_asked_to_end_the_watch_after_five_to_ten_minutes(void **state)
{
    struct world *world = *state;
    long least = 10000;
    long most = 0;
    world_reach_watch(world);
    for (int i = 0; i < 200; i++) {
        const char *at = strstr(pending(world, WATCH)->url, "timeoutSeconds=");
        assert_non_null(at);
        long seconds = strtol(at + 15, NULL, 10);
        least = seconds < least ? seconds : least;
        most = seconds > most ? seconds : most;
        send_event(world, "MODIFIED", "a", "20");
        fake_http_end(world->http, pending(world, WATCH));
    }
    assert_in_range(least, 300, 330);
    assert_in_range(most, 570, 600);
}

static void r22_a_watch_that_ended_goes_on_at_once_where_it_was(void **state)
{
    struct world *world = *state;
    world_reach_watch(world);
    send_event(world, "ADDED", "b", "11");
    fake_http_end(world->http, pending(world, WATCH));
    assert_non_null(strstr(pending(world, WATCH)->url, "resourceVersion=11&"));
    send_event(world, "DELETED", "b", "12");
    cut_off(world, WATCH); /* R32 */
    assert_non_null(strstr(pending(world, WATCH)->url, "resourceVersion=12&"));
    expect_told(world, "put n/b@11\ngone n/b u-b\n");
}

static void r21_bookmarks_move_the_version(void **state)
{
    struct world *world = *state;
    world_reach_watch(world);
    send_bookmark(world, "40");
    fake_http_end(world->http, pending(world, WATCH));
    assert_non_null(strstr(pending(world, WATCH)->url, "resourceVersion=40&"));
    /* one without a version does not */
    send_line(world, "{'type':'BOOKMARK','object':{'metadata':{}}}\n");
    fake_http_end(world->http, pending(world, WATCH));
    assert_non_null(strstr(pending(world, WATCH)->url, "resourceVersion=40&"));
    expect_told(world, "");
}

static void r23_a_very_short_watch_lists_after_a_pause(void **state)
{
    struct world *world = *state;
    world_reach_watch(world);
    fake_loop_advance(world->loop, 999);
    fake_http_end(world->http, pending(world, WATCH));
    expect_told(world, "trouble transient: watch webhooks: the watch ended at once, without an "
                       "event\n");
    expect_delay(world, 800, 1600, LIST);
}

static void r24_a_refused_connection_is_tried_again_where_it_was(void **state)
{
    struct world *world = *state;
    world_reach_watch(world);
    send_event(world, "ADDED", "b", "11");
    cut_off(world, WATCH);
    expect_told(world, "put n/b@11\n");
    fake_http_fail(world->http, pending(world, WATCH), ERR_TRANSIENT, 7, "refused");
    expect_told(world, "trouble transient: watch webhooks: refused\n");
    expect_delay(world, 800, 1600, PROBE "11");
    fake_http_fail(world->http, pending(world, PROBE), ERR_TRANSIENT, 7, "refused");
    expect_told(world, "trouble transient: watch webhooks: refused\n");
    expect_delay(world, 1600, 3200, PROBE "11");
    answer_page(world, PROBE "11", "a@5", "12", "");
    assert_non_null(strstr(pending(world, WATCH)->url, "resourceVersion=11&"));
    fake_http_open(world->http, pending(world, WATCH));
    fake_loop_advance(world->loop, 999);
    expect_told(world, "");
    fake_loop_advance(world->loop, 1);
    expect_told(world, "resumed\n");
    fake_loop_advance(world->loop, 10000);
    expect_told(world, "");
}

static void a_watch_that_resumes_with_an_event_says_so_first(void **state)
{
    struct world *world = *state;
    world_reach_watch(world);
    send_event(world, "ADDED", "b", "11");
    cut_off(world, WATCH);
    fake_http_fail(world->http, pending(world, WATCH), ERR_TRANSIENT, 7, "refused");
    fake_loop_advance(world->loop, 1600);
    answer(world, PROBE, 200, "{}");
    buf_clear(&world->told);
    send_event(world, "ADDED", "c", "12");
    expect_told(world, "resumed\nput n/c@12\n");
}

/* As after a restart of the API server: it takes the version and then says that it is too old. */
static void a_watch_that_expires_after_trouble_does_not_resume(void **state)
{
    struct world *world = *state;
    world_reach_watch(world);
    send_event(world, "ADDED", "b", "11");
    cut_off(world, WATCH);
    fake_loop_advance(world->loop, 10000);
    fake_http_fail(world->http, pending(world, WATCH), ERR_TRANSIENT, 7, "refused");
    fake_loop_advance(world->loop, 1600);
    answer(world, PROBE, 200, "{}");
    buf_clear(&world->told);
    send_line(world, "{'type':'ERROR','object':{'kind':'Status','code':410}}\n");
    answer_page(world, LIST, "c@20", "21", "");
    expect_told(world, "begin\nput n/c@20\nend\n");
}

static void r24_a_watch_put_off_is_tried_again_where_it_was(void **state)
{
    struct world *world = *state;
    world_reach_watch(world);
    send_event(world, "ADDED", "b", "11");
    fake_http_end(world->http, pending(world, WATCH));
    fake_http_answer_with(world->http, pending(world, WATCH), 429, (struct span){"", 0}, NULL,
                          5000);
    expect_told(world, "put n/b@11\ntrouble transient: watch webhooks: HTTP 429\n");
    expect_delay(world, 5000, 5000, PROBE "11");
    answer(world, PROBE, 200, "{}");
    pending(world, WATCH);
}

static void r25_another_refusal_of_a_watch_lists(void **state)
{
    struct world *world = *state;
    static const struct {
        long status;
        const char *told;
    } rows[] = {
        {500, "trouble transient: watch webhooks: HTTP 500\n"},
        {403, "trouble denied: watch webhooks: HTTP 403\n"},
        {404, "trouble not-found: the CRD webhooks.tyk.tyk.io is not installed (remedy: kubectl "
              "apply -f crds/)\n"},
        {400, "trouble invalid: watch webhooks: HTTP 400\n"},
    };
    world_begin(world, NULL, NULL);
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        answer_page(world, LIST, "", "10", "");
        buf_clear(&world->told);
        answer(world, WATCH, rows[i].status, "");
        expect_told(world, rows[i].told);
        fake_loop_advance(world->loop, 60000);
    }
}

static void r27_a_watch_expires_by_its_status_or_by_an_event(void **state)
{
    struct world *world = *state;
    world_reach_watch(world);
    fake_loop_advance(world->loop, 10000);
    send_line(world, "{'type':'ERROR','object':{'kind':'Status','reason':'Expired','code':410,"
                     "'message':'too old resource version: 1 (195)'}}\n");
    expect_told(world, "");
    answer_page(world, LIST, "b@30", "31", "");
    expect_told(world, "begin\nput n/b@30\nend\n");

    fake_http_open(world->http, pending(world, WATCH));
    fake_loop_advance(world->loop, 10000);
    send_line(world, "{'type':'ERROR','object':{'kind':'Status','reason':'Gone'}}\n");
    answer_page(world, LIST, "b@30", "41", "");

    fake_loop_advance(world->loop, 10000);
    answer(world, WATCH, 410, "{'kind':'Status','reason':'Expired'}");
    answer_page(world, LIST, "b@30", "51", "");
    assert_non_null(strstr(pending(world, WATCH)->url, "resourceVersion=51&"));
    struct reflector_stats stats;
    reflector_stats(world->reflector, &stats);
    assert_int_equal(stats.expired, 3);
    assert_int_equal(stats.lists, 4);
}

static void a_watch_that_expires_right_after_its_list_waits(void **state)
{
    struct world *world = *state;
    world_begin(world, NULL, NULL);
    answer_page(world, LIST, "", "10", "");
    buf_clear(&world->told);
    answer(world, WATCH, 410, "{}");
    expect_told(world, "trouble expired: watch webhooks: HTTP 410\n");
    expect_delay(world, 800, 1600, LIST);
}

static void r26_other_errors_in_the_stream_wait(void **state)
{
    struct world *world = *state;
    world_reach_watch(world);
    send_line(world, "{'type':'ERROR','object':{'kind':'Status','reason':'InternalError','code':"
                     "500,'message':'m'}}\n");
    expect_told(world, "trouble transient: watch webhooks: HTTP 500 InternalError: m\n");
    expect_delay(world, 800, 1600, LIST);
    answer_page(world, LIST, "", "20", "");
    buf_clear(&world->told);
    send_line(world, "{'type':'ERROR','object':{'kind':'Status','code':429}}\n");
    expect_told(world, "trouble transient: watch webhooks: HTTP 429\n");
    fake_loop_advance(world->loop, 3200);
    pending(world, PROBE "20");
}

static void r29_events_of_another_kind_are_skipped_and_move_nothing(void **state)
{
    struct world *world = *state;
    world_reach_watch(world);
    send_line(world, "{'type':'ADDED','object':{'kind':'Table','metadata':{'name':'x',"
                     "'resourceVersion':'90'}}}\n");
    send_line(world, "{'type':'ADDED','object':{'metadata':{'resourceVersion':'91'}}}\n");
    expect_told(world, "");
    fake_http_end(world->http, pending(world, WATCH));
    assert_non_null(strstr(pending(world, WATCH)->url, "resourceVersion=10&"));
    struct reflector_stats stats;
    reflector_stats(world->reflector, &stats);
    assert_int_equal(stats.undecodable, 2);
}

static void an_event_that_cannot_be_read_is_told_with_a_problem(void **state)
{
    struct world *world = *state;
    world_reach_watch(world);
    send_line(world, "{'type':'MODIFIED','object':{'metadata':{'name':'a','namespace':'n',"
                     "'resourceVersion':'12'},'spec':{'x':'\\u0000'}}}\n");
    expect_told(world, "put n/a@12 problem\n");
    fake_http_end(world->http, pending(world, WATCH));
    assert_non_null(strstr(pending(world, WATCH)->url, "resourceVersion=12&"));
}

static void what_is_no_event_lists_after_a_pause(void **state)
{
    struct world *world = *state;
    world_reach_watch(world);
    send_line(world, "<html>\n");
    expect_told(world, "trouble invalid: watch webhooks: a line of the watch is no event\n");
    expect_delay(world, 800, 1600, LIST);
}

static void w7_a_watch_cut_at_any_byte_gives_the_same_state(void **state)
{
    struct world *world = *state;
    CLEANUP(buf_fini) struct buf events;
    buf_init(&events, BUF_UNLIMITED);
    static const char *const names[] = {"x", "y", "z"};
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        buf_add_text(&events, "{\"type\":\"ADDED\",\"object\":");
        add_item(&events, names[i], names[i]);
        buf_add_text(&events, "}\r\n");
    }
    world_reach_watch(world);
    for (size_t at = 1; at < events.length; at++) {
        fake_http_bytes(world->http, pending(world, WATCH), events.data, at);
        fake_http_bytes(world->http, pending(world, WATCH), events.data + at, events.length - at);
        expect_told(world, "put n/x@x\nput n/y@y\nput n/z@z\n");
    }
}

static void the_watch_is_given_up_when_the_server_does_not_end_it(void **state)
{
    struct world *world = *state;
    world_reach_watch(world);
    int seconds = 0;
    for (; !fake_http_call(world->http, "GET", PROBE); seconds++) {
        if (seconds % 100 == 0)
            send_event(world, "MODIFIED", "a", "12");
        fake_loop_advance(world->loop, 1000);
    }
    assert_in_range(seconds, 310, 610);
    answer(world, PROBE "12", 200, "{}");
    assert_non_null(strstr(pending(world, WATCH)->url, "resourceVersion=12&"));
}

static void silence_means_something_once_bookmarks_were_seen(void **state)
{
    struct world *world = *state;
    world_reach_watch(world);
    fake_loop_advance(world->loop, 200000); /* no bookmark yet: nothing is expected */
    send_bookmark(world, "20");
    fake_loop_advance(world->loop, 149999);
    pending(world, WATCH);
    fake_loop_advance(world->loop, 1);
    answer(world, PROBE "20", 200, "{}");

    /* and in the next streams from their beginning; any byte counts */
    fake_http_open(world->http, pending(world, WATCH));
    fake_loop_advance(world->loop, 100000);
    send_event(world, "MODIFIED", "a", "21");
    fake_loop_advance(world->loop, 149999);
    pending(world, WATCH);
    fake_loop_advance(world->loop, 1);
    answer(world, PROBE "21", 200, "{}");
    pending(world, WATCH);
    struct reflector_stats stats;
    reflector_stats(world->reflector, &stats);
    assert_int_equal(stats.silenced, 2);
}

static void w5_a_silent_watch_ahead_of_the_server_lists(void **state)
{
    struct world *world = *state;
    world_reach_watch(world);
    fake_loop_advance(world->loop, 300000);
    fake_http_end(world->http, pending(world, WATCH)); /* nothing came all its life */
    answer(world, PROBE "10", 504,
           "{'kind':'Status','reason':'Timeout','details':{'causes':[{'reason':"
           "'ResourceVersionTooLarge'}]}}");
    answer_page(world, LIST, "b@3", "4", "");
    expect_told(world, "begin\nput n/b@3\nend\n");
    assert_non_null(strstr(pending(world, WATCH)->url, "resourceVersion=4&"));
}

static void a_watch_that_never_opens_is_given_up(void **state)
{
    struct world *world = *state;
    world_begin(world, NULL, NULL);
    answer_page(world, LIST, "", "10", "");
    buf_clear(&world->told);
    fake_loop_advance(world->loop, 30000);
    expect_told(world, "trouble transient: watch webhooks: no answer within 30 s\n");
    expect_silence(world);
    fake_loop_advance(world->loop, 1600);
    pending(world, PROBE);
}

static void a_probe_refused_for_another_reason_lists(void **state)
{
    struct world *world = *state;
    world_reach_watch(world);
    fake_loop_advance(world->loop, 300000);
    fake_http_end(world->http, pending(world, WATCH));
    answer(world, PROBE, 422, "");
    expect_told(world, "trouble invalid: watch webhooks: HTTP 422\n");
    expect_delay(world, 800, 1600, LIST);
}

#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(name, reflector_world_set_up, reflector_world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(events_are_told_in_order),
        TEST(r20_the_server_is_asked_to_end_the_watch_after_five_to_ten_minutes),
        TEST(r22_a_watch_that_ended_goes_on_at_once_where_it_was),
        TEST(r21_bookmarks_move_the_version),
        TEST(r23_a_very_short_watch_lists_after_a_pause),
        TEST(r24_a_refused_connection_is_tried_again_where_it_was),
        TEST(a_watch_that_resumes_with_an_event_says_so_first),
        TEST(a_watch_that_expires_after_trouble_does_not_resume),
        TEST(r24_a_watch_put_off_is_tried_again_where_it_was),
        TEST(r25_another_refusal_of_a_watch_lists),
        TEST(r27_a_watch_expires_by_its_status_or_by_an_event),
        TEST(a_watch_that_expires_right_after_its_list_waits),
        TEST(r26_other_errors_in_the_stream_wait),
        TEST(r29_events_of_another_kind_are_skipped_and_move_nothing),
        TEST(an_event_that_cannot_be_read_is_told_with_a_problem),
        TEST(what_is_no_event_lists_after_a_pause),
        TEST(w7_a_watch_cut_at_any_byte_gives_the_same_state),
        TEST(the_watch_is_given_up_when_the_server_does_not_end_it),
        TEST(silence_means_something_once_bookmarks_were_seen),
        TEST(w5_a_silent_watch_ahead_of_the_server_lists),
        TEST(a_watch_that_never_opens_is_given_up),
        TEST(a_probe_refused_for_another_reason_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
