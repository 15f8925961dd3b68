/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <string.h>

#include "base/mem.h"
#include "support/log_capture.h"

/* Gateways that fail: each in its own way, and none at the cost of another. */

static void fault(struct world *world, size_t gateway, enum fake_fault kind)
{
    fake_gateway_fault(world->gateway[gateway], &(struct fake_fault_rule){.fault = kind});
}

static void answer(struct world *world, size_t gateway, long status, const char *method)
{
    fake_gateway_fault(world->gateway[gateway], &(struct fake_fault_rule){
                                                    .fault = FAKE_STATUS,
                                                    .status = status,
                                                    .method = method,
                                                });
}

static struct world *settled_world(size_t gateways)
{
    struct world *world = world_new(gateways);
    world_context(world, &(struct world_context){.count = gateways});
    world_want_many(world, 10, 1, false);
    world_settle(world);
    return world;
}

static void a_hanging_gateway_delays_no_other(void **state)
{
    (void)state;
    struct world *world = world_new(12);
    world_context(world, &(struct world_context){.count = 12});
    world_want_many(world, 50, 1, false);
    fault(world, 3, FAKE_HANG);
    world_run(world, 1300);
    struct gateway_progress progress = world_progress(world, "a49");
    assert_int_equal(progress.synced, 11);
    assert_int_equal(progress.total, 12);
    world_run(world, 10000);
    expect_state(world, "a49", GATEWAY_UNREACHABLE, "gw-3: no answer in time");
    assert_true(fleet_is_settled(world->gateways));
    world_free(world);
}

static void a_gateway_that_hangs_in_its_list_delays_no_other(void **state)
{
    (void)state;
    struct world *world = world_new(12);
    fake_gateway_fault(world->gateway[0],
                       &(struct fake_fault_rule){.fault = FAKE_HANG, .url_part = "/tyk/apis"});
    world_context(world, &(struct world_context){.count = 12});
    world_want_many(world, 50, 1, false);
    world_run(world, 1600);
    assert_int_equal(world_progress(world, "a49").synced, 11);
    world_run(world, 20000);
    expect_state(world, "a49", GATEWAY_UNREACHABLE, "no answer in time");
    world_free(world);
}

static void hanging_in_any_request_ends_with_its_deadline(void **state)
{
    (void)state;
    static const char *const parts[] = {"/ready", "/tyk/apis", "/tyk/reload"};
    for (size_t i = 0; i < ARRAY_LENGTH(parts); i++) {
        struct world *world = world_new(1);
        fake_gateway_fault(world->gateway[0],
                           &(struct fake_fault_rule){.fault = FAKE_HANG, .url_part = parts[i]});
        world_context(world, &(struct world_context){.count = 1});
        world_want(world, &(struct world_api){.name = "a"});
        world_run(world, 40000);
        expect_state(world, "a", GATEWAY_UNREACHABLE, "no answer in time");
        fake_gateway_heal(world->gateway[0]);
        world_run(world, 40000);
        expect_synced(world, "a", 1);
        world_free(world);
    }
}

static void a_refused_connection_is_tried_again_with_back_off(void **state)
{
    (void)state;
    struct world *world = settled_world(1);
    fault(world, 0, FAKE_REFUSE);
    reset_counts(world);
    world_want(world, &(struct world_api){.name = "a0", .version = 2});
    world_run(world, 100);
    expect_state(world, "a0", GATEWAY_UNREACHABLE, "gw-0: no connection");
    /* What is verified stays so as far as is known. */
    expect_synced(world, "a1", 1);
    world_run(world, 60000);
    /* One POST, then probes after 0.8, 1.6, 3.2 … s, at most 30 s apart. */
    assert_int_equal(counts(world, 0)->posts, 1);
    assert_in_range(counts(world, 0)->ready, 6, 8);
    world_run(world, 300000);
    assert_in_range(counts(world, 0)->ready, 15, 20);
    world_free(world);
}

static void one_probe_frees_all_keys(void **state)
{
    (void)state;
    struct world *world = settled_world(2);
    fault(world, 0, FAKE_REFUSE);
    world_want_many(world, 10, 2, false);
    world_run(world, 20000);
    reset_counts(world);
    fake_gateway_heal(world->gateway[0]);
    world_run(world, 30000);
    /* What may have been taken before it went is reloaded before the look. */
    assert_int_equal(counts(world, 0)->ready, 1);
    assert_int_equal(counts(world, 0)->posts, 10);
    assert_int_equal(counts(world, 0)->reloads, 2);
    expect_synced(world, "a0", 2);
    expect_synced(world, "a9", 2);
    world_free(world);
}

static void a_reset_is_asked_for_once_more_on_a_connection_of_its_own(void **state)
{
    (void)state;
    struct world *world = settled_world(1);
    reset_counts(world);
    fake_gateway_fault(world->gateway[0], &(struct fake_fault_rule){
                                              .fault = FAKE_RESET, .method = "POST", .count = 1});
    world_want(world, &(struct world_api){.name = "a0", .version = 2});
    world_settle(world);
    expect_synced(world, "a0", 1);
    expect_counts(world, 0, .posts = 2, .reloads = 1, .reads = 1);
    world_free(world);
}

static void two_resets_open_the_breaker(void **state)
{
    (void)state;
    struct world *world = settled_world(1);
    fake_gateway_fault(world->gateway[0], &(struct fake_fault_rule){
                                              .fault = FAKE_RESET, .method = "POST", .count = 2});
    world_want(world, &(struct world_api){.name = "a0", .version = 2});
    world_run(world, 10);
    expect_state(world, "a0", GATEWAY_UNREACHABLE, "the connection broke");
    world_run(world, 5000);
    expect_synced(world, "a0", 1);
    world_free(world);
}

static void a_list_that_breaks_off_is_begun_anew_once(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    fake_gateway_fault(
        world->gateway[0],
        &(struct fake_fault_rule){.fault = FAKE_RESET, .url_part = "/tyk/apis", .count = 1});
    world_context(world, &(struct world_context){.count = 1});
    world_want(world, &(struct world_api){.name = "a"});
    world_settle(world);
    expect_counts(world, 0, .ready = 2, .lists = 2, .posts = 1, .reloads = 1, .reads = 1);
    world_free(world);
}

static void an_answer_that_breaks_off_after_the_marker_is_no_verdict(void **state)
{
    (void)state;
    const struct world_api api = {.name = "a"};
    struct world *world = world_new(1);
    world_context(world, &(struct world_context){.count = 1});
    world_want(world, &api);
    world_settle(world);
    const char *marker = strstr(fake_gateway_loaded(world->gateway[0], "a"), "\"config_data\"");
    assert_non_null(marker);
    int length = (int)(strstr(marker, "}}") + 2 - marker);
    CLEANUP(freep) char *part = xasprintf("{\"api_id\":\"a\",%.*s,\"pro", length, marker);
    world_free(world);

    world = world_new(1);
    fake_gateway_fault(world->gateway[0], &(struct fake_fault_rule){.fault = FAKE_STATUS,
                                                                    .method = "GET",
                                                                    .status = 200,
                                                                    .body = part,
                                                                    .url_part = "/tyk/apis/a",
                                                                    .count = 2});
    world_context(world, &(struct world_context){.count = 1});
    world_settle(world);
    world_want(world, &api);
    world_run(world, 20000);
    expect_synced(world, "a", 1);
    world_free(world);
}

static void a_truncated_list_is_not_taken_for_the_whole(void **state)
{
    (void)state;
    struct world *world = settled_world(1);
    world_stop(world);
    reset_counts(world);
    fake_gateway_fault(
        world->gateway[0],
        &(struct fake_fault_rule){
            .fault = FAKE_STATUS, .status = 200, .body = "[", .url_part = "/tyk/apis", .count = 3});
    world_start(world, NULL);
    world_context(world, &(struct world_context){.count = 1});
    world_want_many(world, 10, 1, false);
    world_run(world, 10);
    expect_state(world, "a0", GATEWAY_UNREACHABLE, "the list breaks off");
    world_run(world, 10000);
    expect_synced(world, "a0", 1);
    assert_int_equal(writes(world, 0), 0);
    world_free(world);
}

static void an_answer_that_is_not_a_gateways_is_no_success(void **state)
{
    (void)state;
    static const struct {
        const char *method, *part, *body, *detail;
    } cases[] = {
        {"GET", "/tyk/apis", "<html>hello</html>", "not a list of definitions"},
        {"GET", "/tyk/apis", "{\"a\":1}", "not a list of definitions"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct world *world = world_new(1);
        fake_gateway_fault(world->gateway[0], &(struct fake_fault_rule){.fault = FAKE_STATUS,
                                                                        .status = 200,
                                                                        .method = cases[i].method,
                                                                        .url_part = cases[i].part,
                                                                        .body = cases[i].body});
        world_context(world, &(struct world_context){.count = 1});
        world_want(world, &(struct world_api){.name = "a"});
        world_run(world, 1000);
        expect_state(world, "a", GATEWAY_UNREACHABLE, cases[i].detail);
        assert_int_equal(writes(world, 0), 0);
        world_free(world);
    }
}

/* `fault` answers a change of a definition with each of the bodies, NULL behind the last. */
static void expect_no_answer(struct fake_fault_rule fault, const char *const *bodies)
{
    fault.fault = FAKE_STATUS;
    fault.status = 200;
    for (size_t i = 0; bodies[i]; i++) {
        struct world *world = settled_world(1);
        fault.body = bodies[i];
        fake_gateway_fault(world->gateway[0], &fault);
        world_want(world, &(struct world_api){.name = "a0", .version = 2});
        world_run(world, 3000);
        expect_state(world, "a0", GATEWAY_UNREACHABLE, "the answer is not one of a gateway");
        fake_gateway_heal(world->gateway[0]);
        world_run(world, 31000);
        expect_synced(world, "a0", 1);
        world_free(world);
    }
}

/* Also what has been cut short on its way and names an id all the same: the definition may be on
 * the disk, and what has to follow it is decided before the reload. */
static void no_answer_of_a_gateway_to_a_post_is_the_gateways_trouble(void **state)
{
    (void)state;
    static const char *const bodies[] = {"<html>hello</html>", "", "{\"key\":\"a0\",\"sta",
                                         "{\"key\":7,\"status\":\"ok\"}", NULL};
    expect_no_answer((struct fake_fault_rule){.method = "POST"}, bodies);
}

/* A reload that has not been made counts for nothing. */
static void no_answer_of_a_gateway_to_a_reload_is_the_gateways_trouble(void **state)
{
    (void)state;
    static const char *const bodies[] = {"<html>hello</html>", "", "{\"status\":\"ok\",\"mess",
                                         NULL};
    expect_no_answer((struct fake_fault_rule){.url_part = "/tyk/reload"}, bodies);
}

static void a_wrong_id_that_passes_is_overcome(void **state)
{
    (void)state;
    struct world *world = settled_world(1);
    fake_gateway_fault(world->gateway[0],
                       &(struct fake_fault_rule){.fault = FAKE_STATUS,
                                                 .status = 200,
                                                 .method = "POST",
                                                 .body = "{\"key\":\"x\",\"status\":\"ok\"}"});
    world_want(world, &(struct world_api){.name = "a0", .version = 2});
    world_run(world, 5000);
    expect_state(world, "a0", GATEWAY_REJECTED, "written under another id");
    fake_gateway_heal(world->gateway[0]);
    world_run(world, 10000);
    expect_synced(world, "a0", 1);
    world_free(world);
}

static void html_in_place_of_a_definition_makes_it_look_again(void **state)
{
    (void)state;
    struct world *world = settled_world(1);
    reset_counts(world);
    fake_gateway_fault(world->gateway[0], &(struct fake_fault_rule){.fault = FAKE_STATUS,
                                                                    .status = 200,
                                                                    .url_part = "/tyk/apis/a0",
                                                                    .body = "<html>",
                                                                    .count = 1});
    world_want(world, &(struct world_api){.name = "a0", .version = 2});
    world_settle(world);
    expect_synced(world, "a0", 1);
    assert_int_equal(counts(world, 0)->lists, 1);
    world_free(world);
}

static void a_wrong_secret_is_told_as_such_and_a_right_one_is_tried_at_once(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    world_context(world, &(struct world_context){.count = 1, .secret = "wrong"});
    world_want(world, &(struct world_api){.name = "a"});
    world_run(world, 60000);
    expect_state(world, "a", GATEWAY_UNAUTHORIZED, "gw-0: HTTP 403");
    CLEANUP(freep) char *word = world_word(world, "", 0);
    assert_string_equal(word, "Unauthorized");
    world_context(world, &(struct world_context){.count = 1, .secret = "s3cret\n"});
    world_run(world, 1100);
    expect_synced(world, "a", 1);
    world_free(world);
}

static void the_log_says_what_is_wrong_with_a_gateway_and_the_remedy(void **state)
{
    (void)state;
    static const struct {
        struct fake_fault_rule rule;
        const char *text;
    } cases[] = {
        {{.fault = FAKE_STATUS, .status = 401}, "gateway refuses the secret (TYK_AUTH"},
        {{.fault = FAKE_STATUS, .status = 403}, "gateway refuses the secret (TYK_AUTH"},
        {{.fault = FAKE_DENY_TLS}, "gateway has a certificate that is not trusted (give its CA"},
        {{.fault = FAKE_STATUS, .status = 502}, "gateway answers with errors"},
        {{.fault = FAKE_STATUS, .status = 301}, "gateway answers with errors"},
        {{.fault = FAKE_STATUS, .status = 200, .body = "<html>", .url_part = "/tyk/apis"},
         "what answers is no gateway"},
        {{.fault = FAKE_HANG}, "gateway is out of reach"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct world *world = world_new(1);
        struct log_capture capture;
        log_capture_start(&capture);
        fake_gateway_fault(world->gateway[0], &cases[i].rule);
        world_context(world, &(struct world_context){.count = 1});
        world_want(world, &(struct world_api){.name = "a"});
        world_run(world, 60000);
        CLEANUP(freep) char *lines = log_capture_end(&capture);
        if (!strstr(lines, cases[i].text))
            fail_msg("%s is not in %s", cases[i].text, lines);
        if (strncmp(cases[i].text, "gateway is out", 14) != 0)
            assert_null(strstr(lines, "out of reach"));
        char *first = strstr(lines, "\"warn\"");
        assert_non_null(first);
        assert_null(strstr(first + 1, "\"warn\"")); /* and once */
        world_free(world);
    }
}

static void another_kind_of_failure_is_told_too(void **state)
{
    (void)state;
    struct world *world = settled_world(1);
    struct log_capture capture;
    log_capture_start(&capture);
    fault(world, 0, FAKE_HANG);
    world_run(world, 60000);
    fake_gateway_heal(world->gateway[0]);
    fake_gateway_fault(world->gateway[0],
                       &(struct fake_fault_rule){.fault = FAKE_STATUS, .status = 403});
    world_run(world, 60000);
    fake_gateway_heal(world->gateway[0]);
    world_run(world, 60000);
    CLEANUP(freep) char *lines = log_capture_end(&capture);
    const char *reach = strstr(lines, "gateway is out of reach");
    assert_non_null(reach);
    const char *refuses = strstr(reach, "gateway refuses the secret");
    assert_non_null(refuses);
    assert_non_null(strstr(refuses, "gateway answers as it should again"));
    world_free(world);
}

static void each_class_of_failure_has_its_state(void **state)
{
    (void)state;
    static const struct {
        long status;
        enum gateway_state state;
        const char *detail;
    } cases[] = {
        {401, GATEWAY_UNAUTHORIZED, "HTTP 401"}, {403, GATEWAY_UNAUTHORIZED, "HTTP 403"},
        {429, GATEWAY_UNREACHABLE, "HTTP 429"},  {502, GATEWAY_UNREACHABLE, "HTTP 502"},
        {503, GATEWAY_UNREACHABLE, "HTTP 503"},  {404, GATEWAY_UNREACHABLE, "HTTP 404"},
        {301, GATEWAY_UNREACHABLE, "HTTP 301"},  {400, GATEWAY_REJECTED, "HTTP 400"},
        {409, GATEWAY_REJECTED, "HTTP 409"},     {422, GATEWAY_REJECTED, "HTTP 422"},
        {500, GATEWAY_UNREACHABLE, "HTTP 500"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct world *world = settled_world(1);
        answer(world, 0, cases[i].status, "POST");
        world_want(world, &(struct world_api){.name = "a0", .version = 2});
        world_run(world, 100);
        expect_state(world, "a0", cases[i].state, cases[i].detail);
        expect_synced(world, "a1", 1);
        fake_gateway_heal(world->gateway[0]);
        world_run(world, 700000);
        expect_synced(world, "a0", 1);
        world_free(world);
    }
}

static void a_certificate_error_is_told_without_the_other_sides_words(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    fault(world, 0, FAKE_DENY_TLS);
    world_context(world, &(struct world_context){.count = 1});
    world_want(world, &(struct world_api){.name = "a"});
    world_run(world, 100);
    expect_state(world, "a", GATEWAY_UNREACHABLE, "gw-0: the certificate is refused");
    assert_null(strstr(world_progress(world, "a").detail, "evil"));
    world_free(world);
}

static void no_text_of_a_gateway_gets_into_status(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    fake_gateway_fault(world->gateway[0],
                       &(struct fake_fault_rule){.fault = FAKE_STATUS,
                                                 .status = 400,
                                                 .method = "POST",
                                                 .body = "{\"message\":\"tell s3cret\"}"});
    world_context(world, &(struct world_context){.count = 1});
    world_want(world, &(struct world_api){.name = "a"});
    world_run(world, 100);
    assert_null(strstr(world_progress(world, "a").detail, "tell"));
    CLEANUP(buf_fini) struct buf out;
    buf_init(&out, BUF_UNLIMITED);
    world->ops->describe(world->gateways, "", &out);
    assert_null(strstr(buf_text(&out), "tell"));
    world_free(world);
}

static void one_definition_that_fails_with_500_does_not_stop_the_others(void **state)
{
    (void)state;
    struct world *world = settled_world(1);
    fake_gateway_fault(world->gateway[0],
                       &(struct fake_fault_rule){
                           .fault = FAKE_STATUS, .status = 500, .method = "POST", .count = 1});
    world_want_many(world, 10, 2, false);
    world_run(world, 10);
    world_settle(world);
    expect_synced(world, "a0", 1);
    assert_int_equal(counts(world, 0)->posts, 21);
    world_free(world);
}

static void failures_with_success_between_are_not_the_gateways(void **state)
{
    (void)state;
    struct world *world = settled_world(1);
    reset_counts(world);
    for (unsigned i = 2; i < 8; i++) {
        fake_gateway_fault(world->gateway[0],
                           &(struct fake_fault_rule){
                               .fault = FAKE_STATUS, .status = 500, .method = "POST", .count = 1});
        world_want(world, &(struct world_api){.name = "a0", .version = i});
        world_run(world, 6000);
        expect_synced(world, "a0", 1);
    }
    assert_int_equal(counts(world, 0)->posts, 12);
    assert_int_equal(counts(world, 0)->lists, 0);
    world_free(world);
}

static void three_500_in_a_row_are_the_gateways_fault(void **state)
{
    (void)state;
    struct world *world = settled_world(1);
    reset_counts(world);
    answer(world, 0, 500, "POST");
    world_want_many(world, 10, 2, false);
    world_run(world, 100);
    expect_state(world, "a9", GATEWAY_UNREACHABLE, "HTTP 500");
    assert_true(counts(world, 0)->posts <= 6);
    world_free(world);
}

static void retry_after_is_respected(void **state)
{
    (void)state;
    struct world *world = settled_world(1);
    reset_counts(world);
    fake_gateway_fault(world->gateway[0], &(struct fake_fault_rule){.fault = FAKE_STATUS,
                                                                    .status = 429,
                                                                    .method = "POST",
                                                                    .count = 1,
                                                                    .retry_after_ms = 20000});
    world_want(world, &(struct world_api){.name = "a0", .version = 2});
    world_run(world, 19900);
    assert_int_equal(requests(world, 0), 1);
    world_run(world, 3000);
    expect_synced(world, "a0", 1);
    world_free(world);
}

static void posts_without_a_reload_are_reloaded_when_the_gateway_returns(void **state)
{
    (void)state;
    struct world *world = settled_world(1);
    reset_counts(world);
    fake_gateway_fault(world->gateway[0],
                       &(struct fake_fault_rule){.fault = FAKE_REFUSE, .url_part = "/tyk/reload"});
    world_want(world, &(struct world_api){.name = "a0", .version = 2});
    world_run(world, 1000);
    expect_state(world, "a0", GATEWAY_UNREACHABLE, "");
    fake_gateway_heal(world->gateway[0]);
    world_run(world, 5000);
    expect_synced(world, "a0", 1);
    assert_int_equal(counts(world, 0)->posts, 1);
    world_free(world);
}

static void an_endpoint_can_go_in_every_state(void **state)
{
    (void)state;
    /* Each request in turn hangs; the endpoint goes while it does, or the operator ends. */
    static const struct {
        const char *method, *part;
    } hangs[] = {
        {"GET", "/ready"},     {"GET", "/tyk/apis"},       {"POST", "/tyk/apis"},
        {"GET", "/reload"},    {"GET", "/tyk/apis/a1"},    {"DELETE", "/tyk/apis"},
        {"POST", "/apis/oas"}, {"GET", "/tyk/apis/oas/o"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(hangs); i++) {
        for (int how = 0; how < 4; how++) {
            struct world *world = settled_world(2);
            world_run(world, 100000);
            fake_gateway_fault(world->gateway[0],
                               &(struct fake_fault_rule){.fault = FAKE_HANG,
                                                         .method = hangs[i].method,
                                                         .url_part = hangs[i].part});
            world_want(world, &(struct world_api){.name = "o", .oas = true});
            world_want(world, &(struct world_api){.name = "a1", .version = 2});
            world_want(world, &(struct world_api){.name = "new"});
            world_remove(world, "a2");
            world_run(world, how % 2 ? 1500 : 3);
            if (how < 2)
                world_context(world, &(struct world_context){.from = 1, .count = 1});
            else if (i % 2)
                world->ops->forget(world->gateways, "ns/a1");
            world_run(world, 1);
            world_stop(world);
            assert_int_equal(fake_http_pending(world->http), 0);
            world_free(world);
        }
    }
}

static void an_api_can_go_in_every_state(void **state)
{
    (void)state;
    for (int step = 0; step < 40; step++) {
        struct world *world = world_new(1);
        world_context(world, &(struct world_context){.count = 1});
        world_want(world, &(struct world_api){.name = "other"});
        world_settle(world);
        world_want(world, &(struct world_api){.name = "a", .oas = step % 2});
        /* 0 … 2 s into its push, which takes about one. */
        world_run(world, INT64_C(50) * step);
        if (step % 3 == 0) {
            world_remove(world, "a");
        } else if (step % 3 == 1) {
            world_remove(world, "a");
            world->ops->forget(world->gateways, "ns/a");
        } else {
            world_want(world, &(struct world_api){.name = "a", .id = "b", .path = "/c/"});
            world_run(world, 5);
            world_remove(world, "a");
        }
        world_settle(world);
        world_run(world, 2000);
        assert_int_equal(fake_gateway_loaded_count(world->gateway[0]), 1);
        assert_null(fake_gateway_file(world->gateway[0], "a"));
        assert_null(fake_gateway_file(world->gateway[0], "b"));
        world_free(world);
    }
}

static void what_is_told_is_told_once_a_round(void **state)
{
    (void)state;
    struct world *world = settled_world(12);
    world->progressed = 0;
    world_want(world, &(struct world_api){.name = "a0", .version = 2});
    fake_loop_run(world->loop);
    assert_int_equal(world->progressed, 1);
    world_settle(world);
    fake_loop_run(world->loop);
    assert_true(world->progressed <= 13);
    world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hanging_gateway_delays_no_other),
        cmocka_unit_test(a_gateway_that_hangs_in_its_list_delays_no_other),
        cmocka_unit_test(hanging_in_any_request_ends_with_its_deadline),
        cmocka_unit_test(a_refused_connection_is_tried_again_with_back_off),
        cmocka_unit_test(one_probe_frees_all_keys),
        cmocka_unit_test(a_reset_is_asked_for_once_more_on_a_connection_of_its_own),
        cmocka_unit_test(two_resets_open_the_breaker),
        cmocka_unit_test(a_list_that_breaks_off_is_begun_anew_once),
        cmocka_unit_test(an_answer_that_breaks_off_after_the_marker_is_no_verdict),
        cmocka_unit_test(a_truncated_list_is_not_taken_for_the_whole),
        cmocka_unit_test(an_answer_that_is_not_a_gateways_is_no_success),
        cmocka_unit_test(no_answer_of_a_gateway_to_a_post_is_the_gateways_trouble),
        cmocka_unit_test(no_answer_of_a_gateway_to_a_reload_is_the_gateways_trouble),
        cmocka_unit_test(a_wrong_id_that_passes_is_overcome),
        cmocka_unit_test(html_in_place_of_a_definition_makes_it_look_again),
        cmocka_unit_test(a_wrong_secret_is_told_as_such_and_a_right_one_is_tried_at_once),
        cmocka_unit_test(the_log_says_what_is_wrong_with_a_gateway_and_the_remedy),
        cmocka_unit_test(another_kind_of_failure_is_told_too),
        cmocka_unit_test(each_class_of_failure_has_its_state),
        cmocka_unit_test(a_certificate_error_is_told_without_the_other_sides_words),
        cmocka_unit_test(no_text_of_a_gateway_gets_into_status),
        cmocka_unit_test(one_definition_that_fails_with_500_does_not_stop_the_others),
        cmocka_unit_test(failures_with_success_between_are_not_the_gateways),
        cmocka_unit_test(three_500_in_a_row_are_the_gateways_fault),
        cmocka_unit_test(retry_after_is_respected),
        cmocka_unit_test(posts_without_a_reload_are_reloaded_when_the_gateway_returns),
        cmocka_unit_test(an_endpoint_can_go_in_every_state),
        cmocka_unit_test(an_api_can_go_in_every_state),
        cmocka_unit_test(what_is_told_is_told_once_a_round),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
