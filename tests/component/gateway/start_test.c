/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <string.h>

#include "base/mem.h"

/* New endpoints, restarts of gateways and of the operator: what is read before anything is done. */

static void nothing_is_read_before_the_gateway_says_ready(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    world_want(world, &(struct world_api){.name = "a"});
    world_context(world, &(struct world_context){.count = 1});
    world_settle(world);
    fake_gateway_restart(world->gateway[0], false, 5000);
    world_stop(world);
    reset_counts(world);

    /* While it loads, its lists are empty: reading them would push everything again. */
    world_start(world, NULL);
    world_context(world, &(struct world_context){.count = 1});
    world_want(world, &(struct world_api){.name = "a"});
    world_run(world, 4900);
    assert_int_equal(requests(world, 0), counts(world, 0)->ready);
    assert_true(counts(world, 0)->ready > 5);
    world_settle(world);
    assert_int_equal(writes(world, 0), 0);
    expect_synced(world, "a", 1);
    world_free(world);
}

static void a_gateway_that_never_gets_ready_is_used_after_thirty_seconds(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    fake_gateway_set_never_ready(world->gateway[0], true);
    world_context(world, &(struct world_context){.count = 1});
    world_want(world, &(struct world_api){.name = "a"});
    world_run(world, 29900);
    assert_int_equal(writes(world, 0) + counts(world, 0)->lists, 0);
    int64_t took = world_settle(world);
    assert_true(took < 5000);
    expect_synced(world, "a", 1);
    /* One to be sure that what is on its disk is loaded, one for the push. */
    assert_int_equal(counts(world, 0)->reloads, 2);

    reset_counts(world);
    world_want(world, &(struct world_api){.name = "a", .version = 2});
    world_settle(world);
    assert_int_equal(counts(world, 0)->reloads, 1);
    /* Later looks are not preceded by another one. */
    world_run(world, 700000);
    assert_true(counts(world, 0)->lists > 0);
    assert_int_equal(counts(world, 0)->reloads, 1);
    world_free(world);
}

/* Nobody can tell it from one that has loaded everything: it has its time again. */
static void a_gateway_that_is_restarted_without_redis_is_not_read_while_it_loads(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    static const char theirs[] = "{\"api_id\":\"a\",\"proxy\":{\"listen_path\":\"/x/\"}}";
    fake_gateway_put(world->gateway[0], "a", false, theirs);
    world_context(world, &(struct world_context){.count = 1});
    world_want(world, &(struct world_api){.name = "a"});
    world_want(world, &(struct world_api){.name = "b"});
    fake_gateway_set_never_ready(world->gateway[0], true);
    world_run(world, 60000);
    expect_synced(world, "b", 1);
    expect_state(world, "a", GATEWAY_FOREIGN, "somebody else");
    for (int i = 0; i < 10; i++) {
        fake_gateway_restart(world->gateway[0], false, 9000);
        world_run(world, 60000 + i * 1000);
        assert_string_equal(fake_gateway_file(world->gateway[0], "a"), theirs);
    }
    expect_synced(world, "b", 1);
    world_free(world);
}

static void a_gateway_that_does_not_know_ready_is_read(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    fake_gateway_fault(
        world->gateway[0],
        &(struct fake_fault_rule){.fault = FAKE_STATUS, .status = 404, .url_part = "/ready"});
    world_context(world, &(struct world_context){.count = 1});
    world_want(world, &(struct world_api){.name = "a"});
    world_settle(world);
    expect_synced(world, "a", 1);
    world_free(world);
}

static void a_restart_with_everything_settled_only_reads(void **state)
{
    (void)state;
    struct world *world = world_new(2);
    world_context(world, &(struct world_context){.count = 2});
    world_want_many(world, 100, 1, false);
    world_want(world, &(struct world_api){.name = "o", .oas = true});
    world_settle(world);
    world_stop(world);
    reset_counts(world);

    world_start(world, NULL);
    world_context(world, &(struct world_context){.count = 2});
    world_want_many(world, 100, 1, false);
    world_want(world, &(struct world_api){.name = "o", .oas = true});
    world->ops->set_complete(world->gateways, true);
    world_settle(world);
    expect_counts(world, 0, .ready = 1, .lists = 1, .oas_lists = 1);
    expect_counts(world, 1, .ready = 1, .lists = 1, .oas_lists = 1);
    expect_synced(world, "a0", 2);
    expect_synced(world, "o", 2);
    world_free(world);
}

static void what_a_killed_process_posted_is_reloaded_first(void **state)
{
    (void)state;
    struct world *world = world_new(2);
    world_context(world, &(struct world_context){.count = 1});
    world_want(world, &(struct world_api){.name = "a"});
    world_settle(world);
    /* Posted by a process that was killed before its reload: nothing shows it. */
    fake_gateway_fault(world->gateway[0],
                       &(struct fake_fault_rule){.fault = FAKE_HANG, .url_part = "/reload"});
    world_want(world, &(struct world_api){.name = "a", .version = 2});
    world_run(world, 100);
    world_stop(world);
    fake_gateway_heal(world->gateway[0]);
    reset_counts(world);

    world_start(world, NULL);
    world_context(world, &(struct world_context){.count = 1, .unsettled = true});
    world_want(world, &(struct world_api){.name = "a", .version = 2});
    world_settle(world);
    /* The OAS ones are looked at before: a Classic one may have been posted over one of them. */
    expect_counts(world, 0, .ready = 1, .oas_lists = 1, .reloads = 1, .lists = 1);
    expect_synced(world, "a", 1);

    /* Only at the start: a pod that comes later has nothing of ours. */
    world_context(world, &(struct world_context){.count = 2, .unsettled = true});
    world_settle(world);
    assert_int_equal(counts(world, 0)->reloads, 1);
    assert_int_equal(counts(world, 1)->posts, 1);
    assert_int_equal(counts(world, 1)->reloads, 1);
    world_free(world);
}

static void an_emptied_gateway_is_full_again_within_the_interval_and_a_reload(void **state)
{
    (void)state;
    struct world *world = world_new(2);
    world_context(world, &(struct world_context){.count = 2});
    world_want_many(world, 500, 1, false);
    world_settle(world);
    world_run(world, 60000);
    reset_counts(world);
    fake_gateway_restart(world->gateway[1], true, 0);
    world_run(world, 11100);
    assert_int_equal(fake_gateway_loaded_count(world->gateway[1]), 500);
    assert_int_equal(counts(world, 1)->posts, 500);
    assert_int_equal(counts(world, 1)->reloads, 1);
    assert_int_equal(writes(world, 0), 0);
    assert_string_equal(world->last_reason, "DriftRepaired");
    assert_true(world->happened <= 10);
    world_free(world);
}

static void a_pod_that_gets_ready_again_is_looked_at_at_once(void **state)
{
    (void)state;
    struct world *world = world_new(2);
    world_context(world, &(struct world_context){.count = 1});
    world_context(world, &(struct world_context){.name = "x/other", .from = 1, .count = 1});
    world_want_many(world, 5, 1, false);
    world_want(world, &(struct world_api){.name = "b", .context = "x/other"});
    world_settle(world);
    world_run(world, 100);
    /* Emptied, and noticed by Kubernetes before anything was read. */
    world_context(world, &(struct world_context){.count = 1, .not_ready = true});
    fake_gateway_restart(world->gateway[0], true, 0);
    world_context(world, &(struct world_context){.count = 1});
    world_run(world, 1500);
    assert_int_equal(fake_gateway_loaded_count(world->gateway[0]), 5);

    /* Out of reach for long: no back-off is waited for. */
    fake_gateway_fault(world->gateway[1], &(struct fake_fault_rule){.fault = FAKE_REFUSE});
    world_run(world, 200000);
    world_context(world, &(struct world_context){
                             .name = "x/other", .from = 1, .count = 1, .not_ready = true});
    fake_gateway_heal(world->gateway[1]);
    reset_counts(world);
    world_context(world, &(struct world_context){.name = "x/other", .from = 1, .count = 1});
    world_run(world, 10);
    expect_counts(world, 1, .ready = 1, .lists = 1);
    world_free(world);
}

static void a_restarted_gateway_that_kept_its_disk_is_left_alone(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    world_context(world, &(struct world_context){.count = 1});
    world_want_many(world, 20, 1, false);
    world_settle(world);
    reset_counts(world);
    fake_gateway_restart(world->gateway[0], false, 6000);
    world_run(world, 30000);
    assert_int_equal(writes(world, 0), 0);
    assert_int_equal(world->happened, 0);
    expect_synced(world, "a0", 1);
    world_free(world);
}

static void everything_is_looked_at_every_ten_minutes(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    world_context(world, &(struct world_context){.count = 1});
    world_want_many(world, 300, 1, false);
    world_settle(world);
    reset_counts(world);
    /* One that the rotation will not come to in time. */
    fake_gateway_take(world->gateway[0], "a299");
    world_run(world, 600000);
    assert_non_null(fake_gateway_loaded(world->gateway[0], "a299"));
    assert_true(counts(world, 0)->lists <= 2);
    assert_int_equal(counts(world, 0)->posts, 1);
    assert_string_equal(world->last_reason, "DriftRepaired");
    world_free(world);
}

static void one_definition_is_read_every_interval_in_rotation(void **state)
{
    (void)state;
    static const struct gateways_options options = {
        .owner = "grapnel", .cluster = "c-1", .drift_interval_ms = 2000};
    struct world *world = world_new_with(1, &options);
    world_context(world, &(struct world_context){.count = 1});
    world_want_many(world, 5, 1, false);
    world_settle(world);
    reset_counts(world);
    world_run(world, 20000);
    assert_in_range(counts(world, 0)->reads, 9, 11);
    assert_int_equal(requests(world, 0), counts(world, 0)->reads);
    /* Each of the five comes up within five intervals. */
    fake_gateway_put(
        world->gateway[0], "a3", false,
        "{\"api_id\":\"a3\",\"config_data\":{\"grapnel\":{\"v\":1,\"owner\":\"grapnel\","
        "\"cluster\":\"c-1\",\"context\":\"\",\"api\":\"ns/a3\",\"uid\":\"u\",\"hash\":"
        "\"old\",\"n\":0}},\"proxy\":{\"listen_path\":\"/a3/\","
        "\"target_url\":\"http://u/\"}}");
    world_run(world, 13000);
    assert_non_null(strstr(fake_gateway_loaded(world->gateway[0], "a3"), "\"version\":1"));
    assert_string_equal(world->last_reason, "DriftRepaired");
    world_free(world);
}

static uint64_t observed(const struct histogram *histogram)
{
    uint64_t count = 0;
    for (size_t i = 0; i <= histogram->bounds->count; i++)
        count += histogram->counts[i];
    return count;
}

static size_t endpoints_in(const struct world *world, const char *label)
{
    struct gateways_word words[GATEWAYS_WORD_COUNT];
    gateways_count(world->gateways, words);
    for (size_t i = 0; i < GATEWAYS_WORD_COUNT; i++) {
        if (strcmp(words[i].label, label) == 0)
            return words[i].endpoints;
    }
    fail_msg("no such word: %s", label);
    return 0;
}

static void pushes_reloads_and_repairs_are_counted_over_all_lives(void **state)
{
    (void)state;
    struct gateways_figures figures = {.pushes.bounds = &histogram_seconds,
                                       .reloads.bounds = &histogram_seconds};
    const struct gateways_options options = {
        .owner = "grapnel", .cluster = "c-1", .figures = &figures};
    struct world *world = world_new_with(2, &options);
    world_context(world, &(struct world_context){.count = 2});
    world_want_many(world, 3, 1, false);
    world_settle(world);
    assert_int_equal(observed(&figures.pushes), 6);
    assert_int_equal(observed(&figures.reloads), 2);
    assert_int_equal(figures.repairs, 0);
    assert_int_equal(endpoints_in(world, "synced"), 2);
    fake_gateway_take(world->gateway[0], "a1");
    world_run(world, 600000);
    assert_int_equal(figures.repairs, 1);
    assert_int_equal(observed(&figures.pushes), 7);
    /* Another leader's gateways, with the same figures. */
    world_stop(world);
    world_start(world, &options);
    world_context(world, &(struct world_context){.count = 2});
    world_want_many(world, 3, 2, false);
    world_settle(world);
    assert_int_equal(observed(&figures.pushes), 13);
    world_context(world, &(struct world_context){.count = 2, .not_ready = true});
    assert_int_equal(endpoints_in(world, "synced"), 0);
    world_free(world);
}

static void a_gateway_of_which_nothing_is_wanted_is_asked_too(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    world_context(world, &(struct world_context){.count = 1});
    world_run(world, 1000);
    CLEANUP(freep) char *fine = world_word(world, "", 0);
    assert_string_equal(fine, "Synced");
    fake_gateway_fault(world->gateway[0], &(struct fake_fault_rule){.fault = FAKE_REFUSE});
    world_run(world, 21000);
    CLEANUP(freep) char *gone = world_word(world, "", 0);
    assert_string_equal(gone, "Unreachable");
    fake_gateway_heal(world->gateway[0]);
    world_run(world, 31000);
    CLEANUP(freep) char *back = world_word(world, "", 0);
    assert_string_equal(back, "Synced");
    /* Not only whether it is there, but whether it lets us in. */
    fake_gateway_fault(world->gateway[0],
                       &(struct fake_fault_rule){.fault = FAKE_STATUS, .status = 403});
    world_run(world, 21000);
    CLEANUP(freep) char *denied = world_word(world, "", 0);
    assert_string_equal(denied, "Unauthorized");
    world_free(world);
}

static void what_comes_back_by_itself_is_not_called_repaired(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    world_context(world, &(struct world_context){.count = 1});
    world_want(world, &(struct world_api){.name = "a"});
    world_settle(world);
    CLEANUP(freep) char *ours = xstrdup(fake_gateway_loaded(world->gateway[0], "a"));
    fake_gateway_put(world->gateway[0], "a", false,
                     "{\"api_id\":\"a\",\"proxy\":{\"listen_path\":\"/a/\"}}");
    world_run(world, 15000);
    expect_state(world, "a", GATEWAY_FOREIGN, "");
    fake_gateway_put(world->gateway[0], "a", false, ours);
    world_run(world, 130000);
    expect_synced(world, "a", 1);
    assert_int_equal(world->happened, 0);
    assert_int_equal(counts(world, 0)->posts, 1);
    world_free(world);
}

static void two_contexts_that_name_an_endpoint_share_it(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    world_context(world, &(struct world_context){.name = "x/one", .count = 1});
    world_context(world, &(struct world_context){.name = "x/two", .count = 1});
    world_want(world, &(struct world_api){.name = "a", .context = "x/one"});
    world_want(world, &(struct world_api){.name = "b", .context = "x/two"});
    world_settle(world);
    expect_synced(world, "a", 1);
    expect_synced(world, "b", 1);
    assert_int_equal(counts(world, 0)->posts, 2);
    assert_true(counts(world, 0)->reloads <= 2);

    /* One context goes: what it wanted stays on the gateway, the endpoint goes on for the other. */
    reset_counts(world);
    world->ops->remove_context(world->gateways, "x/one");
    world_run(world, 1000);
    assert_int_equal(writes(world, 0), 0);
    assert_non_null(fake_gateway_loaded(world->gateway[0], "a"));
    expect_state(world, "a", GATEWAY_NONE, "");
    world_want(world, &(struct world_api){.name = "b", .context = "x/two", .version = 2});
    world_settle(world);
    expect_synced(world, "b", 1);
    world->ops->remove_context(world->gateways, "x/two");
    world_run(world, 60000);
    assert_int_equal(fake_http_pending(world->http), 0);
    world_free(world);
}

/* What its context has put there bears our mark, and is nobody's business until the context is
 * back: not even when the gateway loses it. */
static void set_url(struct world *world, const char *context, const char *url)
{
    const struct gateway_endpoint endpoint = {.id = "u1", .url = url, .pod = "gw", .ready = true};
    const struct gateway_context config = {
        .endpoints = &endpoint, .endpoint_count = 1, .secret = "s3cret"};
    world->ops->set_context(world->gateways, context, &config);
}

static void a_shared_endpoint_is_where_its_first_context_says(void **state)
{
    (void)state;
    struct world *world = world_new(2);
    /* By its IPv4 and its IPv6 address, say. Contexts are set again whenever they are told. */
    for (int i = 0; i < 20; i++) {
        set_url(world, "ns/a", "http://gw-0:8080");
        set_url(world, "ns/b", "http://gw-1:8080");
        world_want(world, &(struct world_api){.name = "orders", .context = "ns/a"});
        world_want(world, &(struct world_api){.name = "bills", .context = "ns/b"});
        world_run(world, 100);
    }
    world_settle(world);
    expect_synced(world, "orders", 1);
    expect_synced(world, "bills", 1);
    assert_int_equal(fake_gateway_loaded_count(world->gateway[0]), 2);
    assert_int_equal(counts(world, 0)->lists, 1);
    assert_int_equal(requests(world, 1), 0);
    /* The first one goes. */
    world->ops->remove_context(world->gateways, "ns/a");
    set_url(world, "ns/b", "http://gw-1:8080");
    world_settle(world);
    expect_synced(world, "bills", 1);
    assert_int_equal(fake_gateway_loaded_count(world->gateway[1]), 1);
    world_free(world);
}

static void what_a_context_that_is_gone_wanted_is_left_alone(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    struct gateway_summary summary;
    world_context(world, &(struct world_context){.name = "x/one", .count = 1});
    world_context(world, &(struct world_context){.name = "x/two", .count = 1});
    world_want(world, &(struct world_api){.name = "a", .context = "x/two"});
    world_settle(world);
    world->ops->remove_context(world->gateways, "x/two");
    world->withhold_documents = true;
    world_run(world, 700000);
    assert_non_null(fake_gateway_loaded(world->gateway[0], "a"));
    assert_true(world->ops->summary(world->gateways, "x/one", &summary));
    assert_int_equal(summary.state, GATEWAY_SYNCED);
    fake_gateway_restart(world->gateway[0], true, 0);
    world_run(world, 700000);
    reset_counts(world);
    world_run(world, 60000);
    assert_int_equal(writes(world, 0), 0);
    assert_in_range(counts(world, 0)->reads, 5, 7);
    assert_true(world->ops->summary(world->gateways, "x/one", &summary));
    assert_int_equal(summary.state, GATEWAY_SYNCED);

    world->withhold_documents = false;
    world_context(world, &(struct world_context){.name = "x/two", .count = 1});
    world_settle(world);
    expect_synced(world, "a", 1);
    world_free(world);
}

static void a_context_that_joins_an_endpoint_finds_what_it_left_there(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    world_context(world, &(struct world_context){.name = "x/two", .count = 1});
    world_want(world, &(struct world_api){.name = "lost", .context = "x/two"});
    world_settle(world);
    world_stop(world);
    world_start(world, NULL);
    world->ops->set_complete(world->gateways, true);
    world_context(world, &(struct world_context){.name = "x/one", .count = 1});
    world_run(world, 60000);
    /* An orphan only for the context that it names. */
    assert_non_null(fake_gateway_loaded(world->gateway[0], "lost"));
    world_context(world, &(struct world_context){.name = "x/two", .count = 1});
    world_run(world, 60000);
    assert_null(fake_gateway_loaded(world->gateway[0], "lost"));
    world_free(world);
}

static void a_context_that_comes_back_takes_up_what_it_left(void **state)
{
    (void)state;
    struct world *world = world_new(2);
    world_context(world, &(struct world_context){.name = "x/one", .count = 2});
    world_want(world, &(struct world_api){.name = "a", .context = "x/one"});
    world_settle(world);
    world->ops->remove_context(world->gateways, "x/one");
    world_run(world, 10);
    reset_counts(world);
    world_context(world, &(struct world_context){.name = "x/one", .count = 2});
    world_settle(world);
    expect_synced(world, "a", 2);
    assert_int_equal(writes(world, 0) + writes(world, 1), 0);
    world_free(world);
}

static void a_new_pod_is_filled_and_a_gone_one_forgotten(void **state)
{
    (void)state;
    struct world *world = world_new(3);
    world_context(world, &(struct world_context){.count = 2});
    world_want_many(world, 30, 1, false);
    world_settle(world);
    reset_counts(world);
    world_context(world, &(struct world_context){.from = 1, .count = 2});
    world_run(world, 10);
    struct gateway_progress progress = world_progress(world, "a0");
    assert_int_equal(progress.total, 2);
    assert_int_equal(progress.synced, 1);
    world_settle(world);
    expect_synced(world, "a0", 2);
    assert_int_equal(requests(world, 0) + writes(world, 1), 0);
    expect_counts(world, 2, .ready = 1, .lists = 2, .posts = 30, .reloads = 1);
    world_free(world);
}

static void a_blocked_context_sends_nothing_until_it_is_free(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    world_context(world, &(struct world_context){.count = 1, .blocked = "Secret x is missing"});
    world_want(world, &(struct world_api){.name = "a"});
    world_run(world, 60000);
    assert_int_equal(requests(world, 0), 0);
    expect_state(world, "a", GATEWAY_PENDING, "Secret x is missing");
    world_context(world, &(struct world_context){.count = 1});
    world_settle(world);
    expect_synced(world, "a", 1);
    reset_counts(world);
    world_context(world, &(struct world_context){.count = 1, .blocked = "Secret x is missing"});
    world_run(world, 60000);
    assert_int_equal(requests(world, 0), 0);
    world_free(world);
}

static void at_most_one_list_is_in_flight_in_the_process(void **state)
{
    (void)state;
    struct world *world = world_new(4);
    for (size_t i = 0; i < 4; i++)
        fake_gateway_fault(world->gateway[i],
                           &(struct fake_fault_rule){.fault = FAKE_HANG, .url_part = "/tyk/apis"});
    world_context(world, &(struct world_context){.count = 4});
    world_run(world, 200);
    assert_int_equal(fake_http_count(world->http, "GET", "/tyk/apis"), 1);
    /* A list in which nothing moves holds up the others for a quarter of a second. */
    world_run(world, 100);
    assert_int_equal(fake_http_count(world->http, "GET", "/tyk/apis"), 2);
    struct fake_call *call = fake_http_nth(world->http, 1);
    assert_true(fake_http_bytes(world->http, call, "[", 1));
    world_run(world, 200);
    assert_int_equal(fake_http_count(world->http, "GET", "/tyk/apis"), 2);
    assert_true(fake_http_bytes(world->http, call, "]", 1));
    fake_http_end(world->http, call);
    world_run(world, 1);
    assert_int_equal(fake_http_count(world->http, "GET", "/tyk/apis"), 2);
    world_free(world);
}

/* The Service could not be read at first: as long as there is no gateway nothing has begun. */
static void gateways_that_are_known_late_are_reloaded_first_too(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    world_context(world, &(struct world_context){.count = 0, .unsettled = true});
    world_want(world, &(struct world_api){.name = "a"});
    world_run(world, 1000);
    world_context(world, &(struct world_context){.count = 1, .unsettled = true});
    world_run(world, 100);
    assert_int_equal(counts(world, 0)->posts, 0);
    assert_int_equal(counts(world, 0)->lists, 0);
    world_settle(world);
    assert_int_equal(counts(world, 0)->reloads, 2);
    expect_synced(world, "a", 1);
    world_free(world);
}

/* A process that was killed between a deletion and its reload; the API has been created again
 * since, is invalid and bears no trace of having been on a gateway. */
static void what_is_kept_of_an_earlier_process_is_reloaded_before_it_is_believed(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    world_context(world, &(struct world_context){.count = 1});
    world_want(world, &(struct world_api){.name = "a"});
    world_want(world, &(struct world_api){.name = "b"});
    world_settle(world);
    fake_gateway_fault(world->gateway[0],
                       &(struct fake_fault_rule){.fault = FAKE_HANG, .url_part = "/reload"});
    world_remove(world, "a");
    world_run(world, 100);
    world_stop(world);
    fake_gateway_heal(world->gateway[0]);
    reset_counts(world);
    assert_null(fake_gateway_file(world->gateway[0], "a"));
    assert_non_null(fake_gateway_loaded(world->gateway[0], "a"));

    world_start(world, NULL);
    world_context(world, &(struct world_context){.count = 1});
    world->ops->keep(world->gateways, "ns/a", "", false);
    world->ops->keep(world->gateways, "ns/b", "", false);
    world_settle(world);
    assert_null(fake_gateway_loaded(world->gateway[0], "a"));
    assert_non_null(fake_gateway_loaded(world->gateway[0], "b"));
    expect_counts(world, 0, .ready = 2, .reloads = 1, .lists = 2);
    /* Once. */
    world_run(world, 60000);
    assert_int_equal(counts(world, 0)->reloads, 1);
    world_free(world);
}

/* Its document is not known any more: what was posted and not loaded is not posted again. */
static void what_is_kept_may_be_on_the_disk_of_a_pod_that_does_not_show_it(void **state)
{
    (void)state;
    static const struct {
        bool was_there;
        bool context_is_late;
        unsigned reloads;
    } cases[] = {{true, false, 1}, {true, true, 1}, {false, false, 0}, {false, true, 0}};
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct world *world = world_new(1);
        world_context(world, &(struct world_context){.count = 1});
        fake_gateway_fault(world->gateway[0],
                           &(struct fake_fault_rule){.fault = FAKE_HANG, .url_part = "/reload"});
        world_want(world, &(struct world_api){.name = "a"});
        world_run(world, 100);
        world_stop(world);
        fake_gateway_heal(world->gateway[0]);
        reset_counts(world);
        assert_non_null(fake_gateway_file(world->gateway[0], "a"));
        assert_null(fake_gateway_loaded(world->gateway[0], "a"));

        world_start(world, NULL);
        world_context(world, &(struct world_context){.count = cases[i].context_is_late ? 0 : 1});
        world->ops->keep(world->gateways, "ns/a", "", cases[i].was_there);
        world_context(world, &(struct world_context){.count = 1});
        world_settle(world);
        assert_int_equal(fake_gateway_loaded(world->gateway[0], "a") != NULL, cases[i].was_there);
        assert_int_equal(counts(world, 0)->reloads, cases[i].reloads);
        /* Once. */
        world->ops->keep(world->gateways, "ns/b", "", true);
        world_run(world, 60000);
        assert_int_equal(counts(world, 0)->reloads, 1);
        world_free(world);
    }
}

/* It shows it only after a reload, and whoever does not know of it makes none. */
static void an_endpoint_that_went_before_its_reload_is_reloaded_when_it_is_back(void **state)
{
    (void)state;
    for (unsigned posts = 0; posts < 2; posts++) {
        struct world *world = world_new(1);
        world_context(world, &(struct world_context){.name = "x/one", .count = 1});
        world_settle(world);
        fake_gateway_fault(world->gateway[0],
                           &(struct fake_fault_rule){.fault = FAKE_HANG, .url_part = "/reload"});
        if (posts)
            world_want(world, &(struct world_api){.name = "a", .context = "x/one"});
        world_run(world, 100);
        world->ops->remove_context(world->gateways, "x/one");
        world_run(world, 10);
        fake_gateway_heal(world->gateway[0]);
        reset_counts(world);
        world_context(world, &(struct world_context){.name = "x/two", .count = 1});
        world_settle(world);
        assert_int_equal(counts(world, 0)->reloads, posts);
        /* Once. */
        world->ops->remove_context(world->gateways, "x/two");
        world_context(world, &(struct world_context){.name = "x/two", .count = 1});
        world_settle(world);
        assert_int_equal(counts(world, 0)->reloads, posts);
        world_free(world);
    }
}

static void endpoints_that_never_come_back_are_forgotten_when_they_are_many(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    struct fleet *fleet = (struct fleet *)world->gateways;
    for (int i = 0; i <= 256; i++) {
        CLEANUP(freep) char *id = xasprintf("pod-%d", i);
        fleet_note_unloaded(fleet, id);
    }
    assert_int_equal(strmap_count(fleet->unloaded), 1);
    assert_false(fleet_take_unloaded(fleet, "pod-255"));
    assert_true(fleet_take_unloaded(fleet, "pod-256"));
    assert_int_equal(strmap_count(fleet->unloaded), 0);
    world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_endpoint_that_went_before_its_reload_is_reloaded_when_it_is_back),
        cmocka_unit_test(endpoints_that_never_come_back_are_forgotten_when_they_are_many),
        cmocka_unit_test(gateways_that_are_known_late_are_reloaded_first_too),
        cmocka_unit_test(what_is_kept_may_be_on_the_disk_of_a_pod_that_does_not_show_it),
        cmocka_unit_test(what_is_kept_of_an_earlier_process_is_reloaded_before_it_is_believed),
        cmocka_unit_test(nothing_is_read_before_the_gateway_says_ready),
        cmocka_unit_test(a_gateway_that_never_gets_ready_is_used_after_thirty_seconds),
        cmocka_unit_test(a_gateway_that_is_restarted_without_redis_is_not_read_while_it_loads),
        cmocka_unit_test(a_gateway_that_does_not_know_ready_is_read),
        cmocka_unit_test(a_restart_with_everything_settled_only_reads),
        cmocka_unit_test(what_a_killed_process_posted_is_reloaded_first),
        cmocka_unit_test(an_emptied_gateway_is_full_again_within_the_interval_and_a_reload),
        cmocka_unit_test(a_pod_that_gets_ready_again_is_looked_at_at_once),
        cmocka_unit_test(a_restarted_gateway_that_kept_its_disk_is_left_alone),
        cmocka_unit_test(everything_is_looked_at_every_ten_minutes),
        cmocka_unit_test(one_definition_is_read_every_interval_in_rotation),
        cmocka_unit_test(pushes_reloads_and_repairs_are_counted_over_all_lives),
        cmocka_unit_test(a_gateway_of_which_nothing_is_wanted_is_asked_too),
        cmocka_unit_test(what_comes_back_by_itself_is_not_called_repaired),
        cmocka_unit_test(two_contexts_that_name_an_endpoint_share_it),
        cmocka_unit_test(a_shared_endpoint_is_where_its_first_context_says),
        cmocka_unit_test(what_a_context_that_is_gone_wanted_is_left_alone),
        cmocka_unit_test(a_context_that_joins_an_endpoint_finds_what_it_left_there),
        cmocka_unit_test(a_context_that_comes_back_takes_up_what_it_left),
        cmocka_unit_test(a_new_pod_is_filled_and_a_gone_one_forgotten),
        cmocka_unit_test(a_blocked_context_sends_nothing_until_it_is_free),
        cmocka_unit_test(at_most_one_list_is_in_flight_in_the_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
