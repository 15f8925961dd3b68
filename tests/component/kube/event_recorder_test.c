/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/json_text.h"
#include "base/log.h"
#include "base/mem.h"
#include "kube/event_recorder.h"
#include "kube/kube_client.h"
#include "kube/kube_object.h"
#include "support/fake_http.h"
#include "support/fake_loop.h"
#include "support/heap_use.h"
#include "support/log_capture.h"

#define MINUTE INT64_C(60000)

struct world {
    struct loop *loop;
    struct http *http;
    struct kube_config config;
    struct kube_client *client;
    struct event_recorder *recorder;
    struct object *object;
};

static struct object *object_named(const char *name, const char *uid)
{
    CLEANUP(freep)
    char *text = xasprintf("{\"metadata\":{\"name\":\"%s\",\"namespace\":\"n\",\"uid\":\"%s\","
                           "\"resourceVersion\":\"7\"}}",
                           name, uid);
    struct object *object;
    assert_int_equal(
        kube_object_decode(OBJECT_API, (struct span){text, strlen(text)}, &object, NULL), 0);
    return object;
}

static int setup(void **state)
{
    struct world *world = xcalloc(1, sizeof(*world));
    log_setup(LOG_LEVEL_ERROR, true);
    world->loop = fake_loop_new(3);
    world->http = fake_http_new(world->loop);
    world->config.server = xstrdup("https://k");
    world->client = kube_client_new(world->loop, world->http, &world->config);
    world->recorder = event_recorder_new(world->loop, world->client, "host-1");
    world->object = object_named("a", "u");
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    object_unref(world->object);
    event_recorder_free(world->recorder);
    kube_client_free(world->client);
    fake_http_free(world->http);
    fake_loop_free(world->loop);
    kube_config_fini(&world->config);
    free(world);
    return 0;
}

static void tell(struct world *world, const char *reason, const char *note)
{
    event_recorder_tell(world->recorder, world->object, EVENT_NORMAL, reason, note);
    fake_loop_run(world->loop);
}

static struct span body(const struct fake_call *call)
{
    return call->body;
}

static void expect_text(const struct fake_call *call, const char *a, const char *b,
                        const char *want)
{
    CLEANUP(freep) char *value = json_text_string(json_text_get(body(call), a, b, NULL));
    assert_non_null(value);
    assert_string_equal(value, want);
}

static struct fake_call *post(struct world *world)
{
    return fake_http_expect(world->http, "POST", "/events");
}

static struct fake_call *patch(struct world *world)
{
    return fake_http_expect(world->http, "PATCH", "/events/");
}

static void answer(struct world *world, struct fake_call *call, long status)
{
    fake_http_answer(world->http, call, status, "{}");
}

static void expect_silence(struct world *world)
{
    assert_int_equal(fake_http_pending(world->http), 0);
}

static int64_t count_in(const struct fake_call *call)
{
    int64_t count = 0;
    json_text_int64(json_text_get(body(call), "series", "count", NULL), &count);
    return count;
}

static struct event_stats stats_of(const struct world *world)
{
    struct event_stats stats;
    event_recorder_stats(world->recorder, &stats);
    return stats;
}

static void an_event_has_all_that_the_server_asks_for(void **state)
{
    struct world *world = *state;
    event_recorder_tell(world->recorder, world->object, EVENT_WARNING, "WebhookNotFound",
                        "say \"what\"\n");
    fake_loop_run(world->loop);
    struct fake_call *call = post(world);
    assert_string_equal(call->url, "https://k/apis/events.k8s.io/v1/namespaces/n/events");
    struct json_text_limits limits = {.depth = 8, .unique_keys = true};
    assert_int_equal(json_text_check(body(call), &limits, NULL, NULL), 0);
    expect_text(call, "apiVersion", NULL, "events.k8s.io/v1");
    expect_text(call, "kind", NULL, "Event");
    expect_text(call, "metadata", "namespace", "n");
    expect_text(call, "eventTime", NULL, "2026-01-01T00:00:00.000000Z");
    expect_text(call, "type", NULL, "Warning");
    expect_text(call, "reason", NULL, "WebhookNotFound");
    expect_text(call, "action", NULL, "Reconcile");
    expect_text(call, "note", NULL, "say \"what\"?");
    expect_text(call, "regarding", "kind", "ApiDefinition");
    expect_text(call, "regarding", "apiVersion", "tyk.tyk.io/v1alpha1");
    expect_text(call, "regarding", "name", "a");
    expect_text(call, "regarding", "namespace", "n");
    expect_text(call, "regarding", "uid", "u");
    expect_text(call, "reportingController", NULL, "grapnel.dev/grapnel");
    expect_text(call, "reportingInstance", NULL, "host-1");
    assert_null(json_text_member(body(call), "series").ptr);
    CLEANUP(freep)
    char *name = json_text_string(json_text_get(body(call), "metadata", "name", NULL));
    assert_int_equal(strncmp(name, "a.", 2), 0);
    assert_int_equal(strlen(name), 18);
    answer(world, call, 201);
    assert_int_equal(stats_of(world).sent, 1);
}

static void names_and_notes_are_cut_to_what_the_server_takes(void **state)
{
    struct world *world = *state;
    char name[254];
    memset(name, 'a', 253);
    name[253] = '\0';
    name[229] = '-';
    object_unref(world->object);
    world->object = object_named(name, "u");
    CLEANUP(freep) char *note = xcalloc(1, 5001);
    memset(note, 'x', 5000);
    tell(world, "Synced", note);
    struct fake_call *call = post(world);
    CLEANUP(freep)
    char *sent = json_text_string(json_text_get(body(call), "metadata", "name", NULL));
    assert_int_equal(strlen(sent), 229 + 17);
    CLEANUP(freep) char *said = json_text_string(json_text_member(body(call), "note"));
    assert_in_range(strlen(said), 990, 1024);
    answer(world, call, 201);
}

static void the_second_time_makes_a_series_and_later_ones_are_counted(void **state)
{
    struct world *world = *state;
    tell(world, "Synced", "again");
    answer(world, post(world), 201);
    tell(world, "Synced", "again");
    struct fake_call *call = patch(world);
    assert_string_equal(fake_call_header(call, "Content-Type"), "application/merge-patch+json");
    assert_int_equal(count_in(call), 2);
    answer(world, call, 200);
    for (int i = 0; i < 10; i++)
        tell(world, "Synced", "again");
    expect_silence(world);
    assert_int_equal(stats_of(world).aggregated, 11);
    /* quiet for six minutes: the end of the series is written */
    fake_loop_advance(world->loop, 7 * MINUTE);
    call = patch(world);
    assert_int_equal(count_in(call), 12);
    expect_text(call, "series", "lastObservedTime", "2026-01-01T00:00:00.000000Z");
    answer(world, call, 200);
    fake_loop_advance(world->loop, 60 * MINUTE);
    expect_silence(world);
    /* and it is forgotten: the next is a new one */
    tell(world, "Synced", "later");
    answer(world, post(world), 201);
}

/* The second mistake is not the first one, and of several globals each is converted. */
static void another_note_makes_another_event(void **state)
{
    struct world *world = *state;
    tell(world, "InvalidSpec", "spec.proxy.listen_path: missing");
    answer(world, post(world), 201);
    tell(world, "InvalidSpec", "spec.name: missing");
    struct fake_call *call = post(world);
    expect_text(call, "note", NULL, "spec.name: missing");
    answer(world, call, 201);
    assert_int_equal(stats_of(world).aggregated, 0);
}

static void a_long_series_is_written_every_half_hour(void **state)
{
    struct world *world = *state;
    tell(world, "Synced", "");
    answer(world, post(world), 201);
    tell(world, "Synced", "");
    answer(world, patch(world), 200);
    int patches = 0;
    for (int minute = 0; minute < 65; minute++) {
        fake_loop_advance(world->loop, MINUTE);
        tell(world, "Synced", "");
        struct fake_call *call = fake_http_call(world->http, "PATCH", NULL);
        if (call) {
            patches++;
            answer(world, call, 200);
        }
    }
    assert_int_equal(patches, 2);
}

static void a_single_event_is_forgotten_after_six_minutes(void **state)
{
    struct world *world = *state;
    tell(world, "Synced", "");
    answer(world, post(world), 201);
    fake_loop_advance(world->loop, 5 * MINUTE);
    tell(world, "Synced", "");
    answer(world, patch(world), 200);
    fake_loop_advance(world->loop, 8 * MINUTE);
    expect_silence(world);
    tell(world, "Synced", "");
    answer(world, post(world), 201);
}

static void other_reasons_types_objects_and_incarnations_are_apart(void **state)
{
    struct world *world = *state;
    tell(world, "Synced", "");
    answer(world, post(world), 201);
    tell(world, "Converted", "");
    answer(world, post(world), 201);
    event_recorder_tell(world->recorder, world->object, EVENT_WARNING, "Synced", "");
    fake_loop_run(world->loop);
    answer(world, post(world), 201);
    object_unref(world->object);
    world->object = object_named("a", "another");
    tell(world, "Synced", "");
    answer(world, post(world), 201);
}

static void what_comes_while_the_first_is_on_its_way_is_the_second(void **state)
{
    struct world *world = *state;
    tell(world, "Synced", "");
    tell(world, "Synced", "");
    tell(world, "Synced", "");
    assert_int_equal(fake_http_pending(world->http), 1);
    answer(world, post(world), 201);
    assert_int_equal(count_in(patch(world)), 3);
    answer(world, patch(world), 200);
    expect_silence(world);
}

static void an_object_may_say_25_things_at_once_then_one_in_five_minutes(void **state)
{
    struct world *world = *state;
    int posts = 0;
    for (int i = 0; i < 100; i++) {
        CLEANUP(freep) char *reason = xasprintf("Reason%d", i);
        tell(world, reason, "");
        struct fake_call *call = fake_http_call(world->http, "POST", NULL);
        if (call) {
            posts++;
            answer(world, call, 201);
        }
    }
    assert_int_equal(posts, 25);
    assert_int_equal(stats_of(world).dropped, 75);
    fake_loop_advance(world->loop, 5 * MINUTE + 1);
    tell(world, "Late1", "");
    answer(world, post(world), 201);
    tell(world, "Late2", "");
    expect_silence(world);
    /* another object is not concerned */
    object_unref(world->object);
    world->object = object_named("b", "u2");
    tell(world, "Synced", "");
    answer(world, post(world), 201);
}

static void the_number_of_series_is_bounded(void **state)
{
    struct world *world = *state;
    for (int i = 0; i < 1100; i++) {
        CLEANUP(freep) char *name = xasprintf("o%d", i);
        object_unref(world->object);
        world->object = object_named(name, name);
        tell(world, "Synced", "");
        struct fake_call *call = fake_http_call(world->http, "POST", NULL);
        if (call)
            answer(world, call, 201);
    }
    assert_int_equal(stats_of(world).sent, 1000);
    assert_int_equal(stats_of(world).dropped, 100);
    fake_loop_advance(world->loop, 8 * MINUTE);
    tell(world, "Converted", "");
    answer(world, post(world), 201);
}

static void two_events_are_in_flight_at_most(void **state)
{
    struct world *world = *state;
    tell(world, "One", "");
    tell(world, "Two", "");
    tell(world, "Three", "");
    assert_int_equal(fake_http_pending(world->http), 2);
    answer(world, post(world), 201);
    assert_int_equal(fake_http_pending(world->http), 2);
    answer(world, post(world), 201);
    answer(world, post(world), 201);
}

static void a_passing_failure_is_tried_again_twelve_times(void **state)
{
    struct world *world = *state;
    tell(world, "Synced", "");
    CLEANUP(freep)
    char *first = json_text_string(json_text_get(body(post(world)), "metadata", "name", NULL));
    for (int i = 0; i < 12; i++) {
        expect_text(post(world), "metadata", "name", first);
        answer(world, post(world), 500);
        fake_loop_advance(world->loop, 7499);
        expect_silence(world);
        fake_loop_advance(world->loop, 5001);
    }
    expect_silence(world);
    assert_int_equal(stats_of(world).dropped, 1);
}

static void a_lost_answer_is_found_out(void **state)
{
    struct world *world = *state;
    tell(world, "Synced", "");
    fake_http_fail(world->http, post(world), ERR_TRANSIENT, 28, "timed out");
    fake_loop_advance(world->loop, 12500);
    answer(world, post(world), 409);
    assert_int_equal(stats_of(world).sent, 1);
    tell(world, "Synced", "");
    answer(world, patch(world), 200);
}

static void an_event_that_the_server_has_forgotten_is_made_anew(void **state)
{
    struct world *world = *state;
    tell(world, "Synced", "");
    CLEANUP(freep)
    char *first = json_text_string(json_text_get(body(post(world)), "metadata", "name", NULL));
    answer(world, post(world), 201);
    tell(world, "Synced", "");
    answer(world, patch(world), 404);
    struct fake_call *call = post(world);
    CLEANUP(freep)
    char *second = json_text_string(json_text_get(body(call), "metadata", "name", NULL));
    assert_string_not_equal(first, second);
    assert_int_equal(count_in(call), 2);
    answer(world, call, 201);
}

static void a_refused_event_is_dropped(void **state)
{
    struct world *world = *state;
    static const long statuses[] = {400, 403, 404, 422};
    for (size_t i = 0; i < ARRAY_LENGTH(statuses); i++) {
        CLEANUP(freep) char *reason = xasprintf("Reason%zu", i);
        tell(world, reason, "");
        answer(world, post(world), statuses[i]);
        fake_loop_advance(world->loop, 60000);
        expect_silence(world);
    }
    assert_int_equal(stats_of(world).dropped, 4);
}

static void a_run_of_refusals_is_told_once(void **state)
{
    struct world *world = *state;
    static const struct {
        long status;
        bool told;
    } steps[] = {{403, true}, {403, false}, {201, false}, {403, true}, {403, false}};
    for (size_t i = 0; i < ARRAY_LENGTH(steps); i++) {
        CLEANUP(freep) char *reason = xasprintf("Reason%zu", i);
        struct log_capture capture;
        log_capture_start(&capture);
        tell(world, reason, "");
        answer(world, post(world), steps[i].status);
        CLEANUP(freep) char *lines = log_capture_end(&capture);
        assert_int_equal(strstr(lines, "event cannot be written") != NULL, steps[i].told);
        fake_loop_advance(world->loop, 60000);
    }
}

static void it_can_be_freed_with_everything_open(void **state)
{
    struct world *world = *state;
    tell(world, "One", "");
    answer(world, post(world), 500);
    tell(world, "Two", "");
    tell(world, "Three", "");
    event_recorder_tell(world->recorder, world->object, EVENT_NORMAL, "Four", "");
    event_recorder_free(TAKE(world->recorder));
    expect_silence(world);
    fake_loop_advance(world->loop, 60 * MINUTE);
    expect_silence(world);
}

/* Events are remembered for minutes, which many objects do not live. */
static void an_event_does_not_keep_its_object(void **state)
{
    struct world *world = *state;
    CLEANUP(buf_fini) struct buf text;
    buf_init(&text, BUF_UNLIMITED);
    buf_add_text(&text,
                 "{\"metadata\":{\"name\":\"big\",\"namespace\":\"n\",\"uid\":\"b\"},\"spec\":\"");
    for (int i = 0; i < 100000; i++)
        buf_add_char(&text, 'x');
    buf_add_text(&text, "\"}");
    tell(world, "Synced", "first");
    answer(world, post(world), 201);
    size_t before = heap_use();
    struct object *object;
    assert_int_equal(
        kube_object_decode(OBJECT_API, (struct span){text.data, text.length}, &object, NULL), 0);
    event_recorder_tell(world->recorder, object, EVENT_NORMAL, "Synced", "big");
    object_unref(object);
    fake_loop_run(world->loop);
    answer(world, post(world), 201);
    assert_true(heap_use() < before + 4000 + heap_use_slack());
    fake_loop_advance(world->loop, 20 * MINUTE);
    assert_true(heap_use() < before + heap_use_slack());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(an_event_has_all_that_the_server_asks_for),
        TEST(names_and_notes_are_cut_to_what_the_server_takes),
        TEST(the_second_time_makes_a_series_and_later_ones_are_counted),
        TEST(another_note_makes_another_event),
        TEST(a_long_series_is_written_every_half_hour),
        TEST(a_single_event_is_forgotten_after_six_minutes),
        TEST(other_reasons_types_objects_and_incarnations_are_apart),
        TEST(what_comes_while_the_first_is_on_its_way_is_the_second),
        TEST(an_object_may_say_25_things_at_once_then_one_in_five_minutes),
        TEST(the_number_of_series_is_bounded),
        TEST(two_events_are_in_flight_at_most),
        TEST(a_passing_failure_is_tried_again_twelve_times),
        TEST(a_lost_answer_is_found_out),
        TEST(an_event_that_the_server_has_forgotten_is_made_anew),
        TEST(a_refused_event_is_dropped),
        TEST(a_run_of_refusals_is_told_once),
        TEST(it_can_be_freed_with_everything_open),
        cmocka_unit_test_setup_teardown(an_event_does_not_keep_its_object, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
