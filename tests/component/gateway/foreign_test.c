/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <string.h>

#include "base/mem.h"

/* Definitions that are not ours, and definitions that a gateway loads otherwise than they were
 * sent. */

static const char unmarked[] =
    "{\"api_id\":\"a\",\"mine\":1,\"proxy\":{\"listen_path\":\"/a/\",\"target_url\":\"http://x\"}}";

static char *marked(const char *id, const char *owner, const char *cluster)
{
    return xasprintf("{\"api_id\":\"%s\",\"config_data\":{\"grapnel\":{\"v\":1,\"owner\":\"%s\","
                     "\"cluster\":\"%s\",\"context\":\"\",\"api\":\"ns/a\",\"uid\":\"u\",\"hash\":"
                     "\"h\",\"n\":0}},\"proxy\":{\"listen_path\":\"/%s/\"}}",
                     id, owner, cluster, id);
}

static void a_definition_without_marker_is_never_overwritten(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    fake_gateway_put(world->gateway[0], "a", false, unmarked);
    world_context(world, &(struct world_context){.count = 1});
    world_want(world, &(struct world_api){.name = "a"});
    world_want(world, &(struct world_api){.name = "b"});
    world_run(world, 3600000);
    expect_state(world, "a", GATEWAY_FOREIGN, "gw-0: a definition of somebody else has the id");
    expect_synced(world, "b", 1);
    assert_string_equal(fake_gateway_loaded(world->gateway[0], "a"), unmarked);
    assert_int_equal(counts(world, 0)->posts, 1);
    assert_true(world->ops->is_quiet(world->gateways));
    world_free(world);
}

static void a_want_right_after_the_look_does_not_overwrite_either(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    fake_gateway_put(world->gateway[0], "a", false, unmarked);
    world_context(world, &(struct world_context){.count = 1});
    world_run(world, 1000);
    assert_int_equal(counts(world, 0)->lists, 1);
    world_want(world, &(struct world_api){.name = "a", .path = "/elsewhere/"});
    world_run(world, 3000);
    expect_state(world, "a", GATEWAY_FOREIGN, "has the id");
    assert_string_equal(fake_gateway_loaded(world->gateway[0], "a"), unmarked);
    world_free(world);
}

static void an_oas_definition_of_ours_is_not_foreign_in_its_classic_form(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    world_context(world, &(struct world_context){.count = 1});
    world_want(world, &(struct world_api){.name = "o", .oas = true, .path = "/shop/"});
    world_settle(world);
    world_stop(world);
    world_start(world, NULL);
    world_context(world, &(struct world_context){.count = 1});
    world_want(world, &(struct world_api){.name = "o", .oas = true, .path = "/shop/"});
    world_settle(world);
    world_want(world, &(struct world_api){.name = "o", .oas = true, .path = "/old-shop/"});
    world_want(world, &(struct world_api){.name = "new", .path = "/shop/"});
    world_run(world, 3000);
    expect_synced(world, "new", 1);
    world_free(world);
}

static void adoption_takes_both_consents(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    fake_gateway_put(world->gateway[0], "a", false, unmarked);
    world_context(world, &(struct world_context){.count = 1});
    world_want(world, &(struct world_api){.name = "a", .adopt = true});
    world_run(world, 3000);
    expect_state(world, "a", GATEWAY_FOREIGN, "the context does not allow adoption");
    world_context(world, &(struct world_context){.count = 1, .allow_adoption = true});
    world_settle(world);
    expect_synced(world, "a", 1);
    assert_int_equal(counts(world, 0)->posts, 1);
    assert_null(strstr(fake_gateway_loaded(world->gateway[0], "a"), "mine"));
    world_free(world);
}

static void the_users_consent_may_come_later(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    fake_gateway_put(world->gateway[0], "a", false, unmarked);
    world_context(world, &(struct world_context){.count = 1, .allow_adoption = true});
    world_want(world, &(struct world_api){.name = "a"});
    world_run(world, 100000);
    expect_state(world, "a", GATEWAY_FOREIGN, "");
    reset_counts(world);
    world_want(world, &(struct world_api){.name = "a", .adopt = true});
    world_settle(world);
    expect_synced(world, "a", 1);
    /* What was seen long ago is looked at again before it is overwritten. */
    expect_counts(world, 0, .ready = 1, .reads = 2, .posts = 1, .reloads = 1);
    world_free(world);
}

static void another_grapnels_definition_is_never_adopted(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    CLEANUP(freep) char *owner = marked("a", "other", "c-1");
    CLEANUP(freep) char *cluster = marked("b", "grapnel", "c-2");
    fake_gateway_put(world->gateway[0], "a", false, owner);
    fake_gateway_put(world->gateway[0], "b", false, cluster);
    fake_gateway_put(world->gateway[0], "c", false,
                     "{\"api_id\":\"c\",\"config_data\":{\"grapnel\":{\"v\":2}},"
                     "\"proxy\":{\"listen_path\":\"/c/\"}}");
    world_context(world, &(struct world_context){.count = 1, .allow_adoption = true});
    world_want(world, &(struct world_api){.name = "a", .adopt = true});
    world_want(world, &(struct world_api){.name = "b", .adopt = true});
    world_want(world, &(struct world_api){.name = "c", .adopt = true});
    world_run(world, 1000000);
    expect_state(world, "a", GATEWAY_FOREIGN, "");
    expect_state(world, "b", GATEWAY_FOREIGN, "");
    expect_state(world, "c", GATEWAY_FOREIGN, "");
    assert_int_equal(writes(world, 0), 0);
    world_free(world);
}

static void two_owners_on_one_gateway_do_not_fight(void **state)
{
    (void)state;
    static const struct gateways_options other = {.owner = "other", .cluster = "c-1"};
    struct world *world = world_new(1);
    world_context(world, &(struct world_context){.count = 1});
    world_want(world, &(struct world_api){.name = "a"});
    world->ops->set_complete(world->gateways, true);
    world_settle(world);
    world_stop(world);
    world_start(world, &other);
    world_context(world, &(struct world_context){.count = 1});
    world_want(world, &(struct world_api){.name = "a"});
    world_want(world, &(struct world_api){.name = "b"});
    world->ops->set_complete(world->gateways, true);
    world_run(world, 3600000);
    expect_state(world, "a", GATEWAY_FOREIGN, "");
    expect_synced(world, "b", 1);
    assert_non_null(strstr(fake_gateway_loaded(world->gateway[0], "a"), "\"owner\":\"grapnel\""));
    assert_int_equal(counts(world, 0)->deletes, 0);
    world_free(world);
}

static void
a_definition_that_came_since_the_last_look_is_seen_before_it_is_overwritten(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    world_context(world, &(struct world_context){.count = 1});
    world_want(world, &(struct world_api){.name = "b"});
    world_settle(world);
    world_run(world, 200000);
    fake_gateway_put(world->gateway[0], "a", false, unmarked);
    world_want(world, &(struct world_api){.name = "a"});
    world_run(world, 3000);
    expect_state(world, "a", GATEWAY_FOREIGN, "has the id");
    assert_string_equal(fake_gateway_loaded(world->gateway[0], "a"), unmarked);
    world_free(world);
}

/* Somebody has posted it after our last look: seconds before our own is to be. */
static void one_that_has_just_come_is_seen(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    world_context(world, &(struct world_context){.count = 1});
    world_want(world, &(struct world_api){.name = "other"});
    world_settle(world);
    world_run(world, 4000);
    fake_gateway_put(world->gateway[0], "a", false, unmarked);
    world_want(world, &(struct world_api){.name = "a"});
    world_run(world, 3000);
    expect_state(world, "a", GATEWAY_FOREIGN, "a definition of somebody else has the id");
    assert_string_equal(fake_gateway_loaded(world->gateway[0], "a"), unmarked);
    world_free(world);
}

static void an_oas_definition_that_came_since_is_seen_too(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    world_context(world, &(struct world_context){.count = 1});
    world_want(world, &(struct world_api){.name = "b"});
    world_settle(world);
    world_run(world, 200000);
    fake_gateway_put(world->gateway[0], "a", true,
                     "{\"x-tyk-api-gateway\":{\"info\":{\"id\":\"a\"},\"server\":{\"listenPath\":{"
                     "\"value\":\"/z/\"}}}}");
    world_want(world, &(struct world_api){.name = "a"});
    world_run(world, 3000);
    expect_state(world, "a", GATEWAY_FOREIGN, "has the id");
    assert_int_equal(counts(world, 0)->posts, 1);
    world_free(world);
}

static void a_want_that_comes_while_the_lists_are_read_does_not_overwrite(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    fake_gateway_put(world->gateway[0], "a", false, unmarked);
    fake_gateway_fault(world->gateway[0],
                       &(struct fake_fault_rule){.fault = FAKE_HANG, .url_part = "/tyk/apis"});
    world_context(world, &(struct world_context){.count = 1});
    world_run(world, 10);
    struct fake_call *call = fake_http_expect(world->http, "GET", "/tyk/apis");
    assert_true(fake_http_bytes(world->http, call, "[", 1));
    assert_true(fake_http_bytes(world->http, call, unmarked, strlen(unmarked)));
    world_want(world, &(struct world_api){.name = "a"});
    world_want(world, &(struct world_api){.name = "b"});
    assert_true(fake_http_bytes(world->http, call, "]", 1));
    fake_gateway_heal(world->gateway[0]);
    fake_http_end(world->http, call);
    world_run(world, 3000);
    expect_state(world, "a", GATEWAY_FOREIGN, "");
    expect_synced(world, "b", 1);
    assert_string_equal(fake_gateway_loaded(world->gateway[0], "a"), unmarked);
    world_free(world);
}

static void a_listen_path_of_somebody_else_is_respected(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    fake_gateway_put(world->gateway[0], "theirs", false,
                     "{\"api_id\":\"theirs\",\"proxy\":{\"listen_path\":\"/shop/\"}}");
    world_context(world, &(struct world_context){.count = 1});
    world_want(world, &(struct world_api){.name = "a", .path = "/x/../shop"});
    world_run(world, 100000);
    expect_state(world, "a", GATEWAY_CONFLICT, "has the listen path");
    assert_int_equal(writes(world, 0), 0);

    /* It goes: ours comes by itself, without anybody asking. */
    fake_gateway_take(world->gateway[0], "theirs");
    world_run(world, 130000);
    expect_synced(world, "a", 1);
    world_free(world);
}

static void another_domain_is_another_listen_path(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    fake_gateway_put(
        world->gateway[0], "theirs", false,
        "{\"api_id\":\"theirs\",\"domain\":\"d.example\",\"proxy\":{\"listen_path\":\"/shop/\"}}");
    world_context(world, &(struct world_context){.count = 1});
    world_want(world, &(struct world_api){.name = "a", .path = "/shop/"});
    world_want(world, &(struct world_api){.name = "b", .path = "/shop/", .domain = "D.example"});
    world_run(world, 10000);
    expect_synced(world, "a", 1);
    expect_state(world, "b", GATEWAY_CONFLICT, "has the listen path");
    world_free(world);
}

static void a_renamed_foreign_definition_claims_its_first_path(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    fake_gateway_put(world->gateway[0], "t1", false,
                     "{\"api_id\":\"t1\",\"proxy\":{\"listen_path\":\"/shop/\"}}");
    fake_gateway_put(world->gateway[0], "t2", false,
                     "{\"api_id\":\"t2\",\"proxy\":{\"listen_path\":\"/shop/\"}}");
    fake_gateway_take(world->gateway[0], "t1");
    assert_non_null(strstr(fake_gateway_loaded(world->gateway[0], "t2"), "/shop/-t2"));
    world_context(world, &(struct world_context){.count = 1});
    world_want(world, &(struct world_api){.name = "a", .path = "/shop/"});
    world_run(world, 10000);
    expect_state(world, "a", GATEWAY_CONFLICT, "has the listen path");
    world_free(world);
}

static void what_serves_already_is_not_disturbed_by_a_newcomer(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    world_context(world, &(struct world_context){.count = 1});
    world_want(world, &(struct world_api){.name = "a", .path = "/shop/"});
    world_settle(world);
    fake_gateway_put(world->gateway[0], "late", false,
                     "{\"api_id\":\"late\",\"proxy\":{\"listen_path\":\"/shop/\"}}");
    reset_counts(world);
    world_run(world, 700000);
    expect_synced(world, "a", 1);
    assert_int_equal(writes(world, 0), 0);
    world_free(world);
}

static void a_renamed_path_is_pushed_again_as_another_definition(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    world_context(world, &(struct world_context){.count = 1});
    world_want(world, &(struct world_api){.name = "a", .path = "/same/"});
    world_settle(world);
    /* b takes over the path that a leaves, but its push comes first. */
    world_want(world, &(struct world_api){.name = "b", .path = "/same/"});
    world_run(world, 1050);
    assert_non_null(strstr(fake_gateway_loaded(world->gateway[0], "b"), "/same/-b"));
    world_want(world, &(struct world_api){.name = "a", .path = "/other/"});
    world_settle(world);
    expect_synced(world, "a", 1);
    expect_synced(world, "b", 1);
    assert_non_null(strstr(fake_gateway_loaded(world->gateway[0], "b"), "\"/same/\""));
    assert_null(strstr(fake_gateway_loaded(world->gateway[0], "b"), "\"n\":0"));
    world_free(world);
}

static void swapped_paths_take_one_reload(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    world_context(world, &(struct world_context){.count = 1});
    world_want(world, &(struct world_api){.name = "a", .path = "/one/"});
    world_want(world, &(struct world_api){.name = "b", .path = "/two/"});
    world_settle(world);
    reset_counts(world);
    world_want(world, &(struct world_api){.name = "a", .path = "/two/"});
    world_want(world, &(struct world_api){.name = "b", .path = "/one/"});
    world_settle(world);
    expect_counts(world, 0, .posts = 2, .reloads = 1, .reads = 2);
    world_free(world);
}

static void a_path_that_another_of_ours_keeps_is_a_rejection_that_rests(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    world_context(world, &(struct world_context){.name = "x/one", .count = 1});
    world_context(world, &(struct world_context){.name = "x/two", .count = 1});
    /* Two contexts share the gateway: the conflict cannot be seen before. */
    world_want(world, &(struct world_api){.name = "a", .path = "/same/", .context = "x/one"});
    world_settle(world);
    world_want(world, &(struct world_api){.name = "b", .path = "/same/", .context = "x/two"});
    world_run(world, 600000);
    expect_synced(world, "a", 1);
    expect_state(world, "b", GATEWAY_REJECTED, "another definition has its listen path");
    assert_int_equal(counts(world, 0)->posts, 2);
    assert_true(world->ops->is_quiet(world->gateways));
    world_remove(world, "a");
    world_run(world, 3500);
    expect_synced(world, "b", 1);
    world_free(world);
}

static const char theirs[] = "{\"api_id\":\"theirs\",\"proxy\":{\"listen_path\":\"/shop/\"}}";

/* It came after the look, and ours is renamed by the reload. */
static void a_listen_path_that_is_taken_after_the_look_is_told_and_left(void **state)
{
    (void)state;
    static const bool edited[] = {false, true};
    for (size_t i = 0; i < 2; i++) {
        struct world *world = world_new(1);
        world_context(world, &(struct world_context){.count = 1});
        world_want(world, &(struct world_api){.name = "b"});
        if (edited[i])
            world_want(world, &(struct world_api){.name = "a", .path = "/shop/"});
        world_settle(world);
        world_run(world, 3000);
        fake_gateway_put(world->gateway[0], "theirs", false, theirs);
        reset_counts(world);
        world_want(world, &(struct world_api){.name = "a", .path = "/shop/", .version = 2});
        world_run(world, 2500);
        expect_state(world, "a", GATEWAY_CONFLICT,
                     "gw-0: a definition of somebody else has the "
                     "listen path");
        expect_synced(world, "b", 1);
        world_run(world, 600000);
        expect_state(world, "a", GATEWAY_CONFLICT, "has the listen path");
        assert_int_equal(counts(world, 0)->posts, 1);
        assert_int_equal(counts(world, 0)->reloads, 1);
        assert_true(counts(world, 0)->lists <= 7);
        assert_true(world->ops->is_quiet(world->gateways));

        fake_gateway_take(world->gateway[0], "theirs");
        world_run(world, 23000);
        expect_synced(world, "a", 1);
        assert_non_null(strstr(fake_gateway_loaded(world->gateway[0], "a"), "\"/shop/\""));
        assert_int_equal(counts(world, 0)->posts, 2);
        world_free(world);
    }
}

static void an_obstacle_that_goes_is_noticed_soon(void **state)
{
    (void)state;
    static const char moved[] =
        "{\"api_id\":\"theirs\",\"proxy\":{\"listen_path\":\"/elsewhere/\"}}";
    /* Of the listen path: it goes, it takes another path; of the id: it goes. */
    for (int i = 0; i < 3; i++) {
        struct world *world = world_new(1);
        fake_gateway_put(world->gateway[0], i < 2 ? "theirs" : "a", i == 0,
                         i < 2 ? theirs : unmarked);
        if (i == 0)
            fake_gateway_put(world->gateway[0], "theirs", true,
                             "{\"x-tyk-api-gateway\":{\"info\":{\"id\":\"theirs\"},\"server\":{"
                             "\"listenPath\":{\"value\":\"/shop/\"}}}}");
        world_context(world, &(struct world_context){.count = 1});
        world_want(world, &(struct world_api){.name = "a", .path = i < 2 ? "/shop/" : "/a/"});
        world_want(world, &(struct world_api){.name = "b"});
        world_run(world, 20000);
        expect_state(world, "a", i < 2 ? GATEWAY_CONFLICT : GATEWAY_FOREIGN, "somebody else");
        reset_counts(world);
        world_run(world, 40000);
        /* One read in ten seconds; what is ours has its share of them. */
        assert_in_range(counts(world, 0)->reads, 4, 5);
        assert_int_equal(counts(world, 0)->lists, 0);
        if (i == 1)
            fake_gateway_put(world->gateway[0], "theirs", false, moved);
        else
            fake_gateway_take(world->gateway[0], i ? "a" : "theirs");
        world_run(world, 23000);
        expect_synced(world, "a", 1);
        world_free(world);
    }
}

/* Nobody has it, as far as the lists tell. */
static void a_renamed_path_that_nobody_has_is_tried_more_and_more_seldom(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    world_context(world, &(struct world_context){.count = 1});
    world_settle(world);
    /* Its file is there, and it is never loaded. */
    fake_gateway_put(world->gateway[0], "x-oas", false,
                     "{\"api_id\":\"x-oas\",\"proxy\":{\"listen_path\":\"/shop/\"}}");
    world_want(world, &(struct world_api){.name = "a", .path = "/shop/"});
    world_run(world, 600000);
    expect_state(world, "a", GATEWAY_REJECTED, "another definition has its listen path");
    assert_in_range(counts(world, 0)->posts, 3, 11);
    fake_gateway_take(world->gateway[0], "x-oas");
    world_run(world, 310000);
    expect_synced(world, "a", 1);
    world_free(world);
}

static void a_truncated_definition_is_rejected_and_left_until_its_document_changes(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    world_context(world, &(struct world_context){.count = 1});
    world_want(world,
               &(struct world_api){.name = "a", .oas = true, .extra = "\"cooldownPeriod\":10,"});
    world_run(world, 500000);
    expect_state(world, "a", GATEWAY_REJECTED, "without its listen path or target");
    assert_int_equal(counts(world, 0)->oas_posts, 1);
    assert_true(world->ops->is_quiet(world->gateways));
    world_want(world, &(struct world_api){.name = "a", .oas = true});
    world_settle(world);
    expect_synced(world, "a", 1);
    world_free(world);
}

static void one_that_is_taken_but_not_loaded_is_rejected(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    world_context(world, &(struct world_context){.count = 1});
    world_want(world, &(struct world_api){.name = "a", .path = "noslash/"});
    world_run(world, 60000);
    expect_state(world, "a", GATEWAY_REJECTED, "taken, but not loaded");
    /* Once more at once, then more and more seldom. */
    assert_in_range(counts(world, 0)->posts, 3, 7);
    world_free(world);
}

static void a_reload_of_somebody_else_that_passed_over_it_is_made_good(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    world_context(world, &(struct world_context){.count = 1});
    world_want(world, &(struct world_api){.name = "b"});
    world_settle(world);
    world_want(world, &(struct world_api){.name = "a"});
    world_run(world, 500);
    fake_gateway_fault(world->gateway[0], &(struct fake_fault_rule){.fault = FAKE_STATUS,
                                                                    .status = 404,
                                                                    .count = 1,
                                                                    .url_part = "/tyk/apis/a"});
    /* At once: with the next reload. */
    assert_true(world_settle(world) <= 1500);
    expect_synced(world, "a", 1);
    assert_int_equal(counts(world, 0)->posts, 3);
    world_free(world);
}

static void written_under_another_id_is_rejected_and_cleaned(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    world_context(world, &(struct world_context){.count = 1});
    world_want(world, &(struct world_api){.name = "a", .oas = true, .extra = "\"dbId\":\"bad\","});
    world_run(world, 1300000);
    expect_state(world, "a", GATEWAY_REJECTED, "written under another id");
    /* 2 s, 4 s, … 10 min. */
    assert_in_range(counts(world, 0)->oas_posts, 5, 12);
    assert_int_equal(fake_gateway_loaded_count(world->gateway[0]), 0);
    assert_null(fake_gateway_file(world->gateway[0], "0123456789abcdef0123456789abcdef"));
    world_free(world);
}

static void a_refused_definition_keeps_its_last_good_state(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    world_context(world, &(struct world_context){.count = 1});
    world_want_many(world, 3, 1, false);
    world_settle(world);
    reset_counts(world);
    world_want(world, &(struct world_api){.name = "a1", .extra = "\"refuse\":true,"});
    world_run(world, 30000);
    expect_state(world, "a1", GATEWAY_REJECTED, "gw-0: the definition is refused (HTTP 400)");
    expect_synced(world, "a0", 1);
    assert_non_null(strstr(fake_gateway_loaded(world->gateway[0], "a1"), "\"version\":1"));
    assert_int_equal(counts(world, 0)->posts, 1);
    /* Nothing was written, so there is nothing to reload for. */
    assert_int_equal(counts(world, 0)->reloads, 0);
    world_want(world, &(struct world_api){.name = "a1", .version = 3});
    world_settle(world);
    expect_synced(world, "a1", 1);
    world_free(world);
}

static void a_document_that_cannot_bear_a_marker_is_rejected(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    world_context(world, &(struct world_context){.count = 1});
    world_want(world, &(struct world_api){.name = "a", .extra = "\"config_data\":5,"});
    world_run(world, 30000);
    expect_state(world, "a", GATEWAY_REJECTED, "config_data must be an object");
    assert_int_equal(writes(world, 0), 0);
    world_free(world);
}

static void one_id_wanted_by_two_contexts_of_a_gateway_is_the_firsts(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    world_context(world, &(struct world_context){.name = "x/one", .count = 1});
    world_context(world, &(struct world_context){.name = "x/two", .count = 1});
    world_want(world,
               &(struct world_api){.name = "a", .id = "i", .path = "/a/", .context = "x/one"});
    world_settle(world);
    world_want(world,
               &(struct world_api){.name = "b", .id = "i", .path = "/b/", .context = "x/two"});
    world_run(world, 60000);
    expect_synced(world, "a", 1);
    expect_state(world, "b", GATEWAY_FOREIGN, "another ApiDefinition has the id");
    world_remove(world, "a");
    world_settle(world);
    expect_synced(world, "b", 1);
    assert_non_null(strstr(fake_gateway_loaded(world->gateway[0], "i"), "\"/b/\""));
    world_free(world);
}

/* Whichever way who wants it gives it up. */
static void an_id_that_is_not_contended_any_more_holds_up_nothing(void **state)
{
    (void)state;
    for (int way = 0; way < 4; way++) {
        struct world *world = world_new(1);
        const struct world_api b = {.name = "b", .id = "i", .path = "/b/", .context = "x/two"};
        world_context(world, &(struct world_context){.name = "x/one", .count = 1});
        world_context(world, &(struct world_context){.name = "x/two", .count = 1});
        world_want(world,
                   &(struct world_api){.name = "a", .id = "i", .path = "/a/", .context = "x/one"});
        world_settle(world);
        world_want(world, &b);
        world_run(world, 10000);
        expect_state(world, "b", GATEWAY_FOREIGN, "another ApiDefinition has the id");
        assert_false(fleet_is_settled(world->gateways));
        if (way == 0)
            world_remove(world, "b");
        else if (way == 1)
            world_want(world, &(struct world_api){.name = "b", .path = "/b/", .context = "x/two"});
        else if (way == 2)
            world->ops->forget(world->gateways, "ns/b");
        else
            world->ops->remove_context(world->gateways, "x/two");
        world_run(world, 10000);
        assert_true(fleet_is_settled(world->gateways));
        CLEANUP(freep) char *word = world_word(world, "x/one", 0);
        assert_string_equal(word, "Synced");
        world_free(world);
    }
}

static void a_contended_id_makes_no_news_of_all_others(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    world_context(world, &(struct world_context){.count = 1});
    world_context(world, &(struct world_context){.name = "x/two", .count = 1});
    world_want_many(world, 50, 1, false);
    world_want(world, &(struct world_api){.name = "b", .id = "a0", .context = "x/two"});
    world_run(world, 10000);
    expect_state(world, "b", GATEWAY_FOREIGN, "another ApiDefinition has the id");
    expect_synced(world, "a0", 1);
    world->told = strset_new();
    world_remove(world, "a49");
    world_run(world, 10000);
    assert_true(strmap_has(world->told, "ns/a49"));
    assert_int_equal(strmap_count(world->told), 2); /* and b, which was tried again */
    world_free(world);
}

/* One list shows that the new path is taken, and that nothing of ours is left under the old id. */
static void a_foreign_definition_under_the_id_that_is_left_with_the_path_that_is_taken(void **state)
{
    (void)state;
    struct world *world = world_new(1);
    world_context(world, &(struct world_context){.count = 1});
    world_want(world, &(struct world_api){.name = "m", .id = "old", .path = "/p/"});
    /* So many that they are read back by a list. */
    static const char *const others[] = {"a", "b", "c", "d", "e", "f"};
    for (size_t i = 0; i < ARRAY_LENGTH(others); i++)
        world_want(world, &(struct world_api){.name = others[i]});
    world_settle(world);
    world_run(world, 3000);
    world->ops->expect(world->gateways, true);
    world_want(world, &(struct world_api){.name = "m", .id = "new", .path = "/q/"});
    for (size_t i = 0; i < ARRAY_LENGTH(others); i++)
        world_want(world, &(struct world_api){.name = others[i], .version = 2});
    for (int i = 0; i < 200 && !fake_gateway_file(world->gateway[0], "new"); i++)
        world_run(world, 1);
    assert_non_null(fake_gateway_file(world->gateway[0], "new"));
    fake_gateway_put(world->gateway[0], "old", false,
                     "{\"api_id\":\"old\",\"proxy\":{\"listen_path\":\"/q/\"}}");
    world->ops->expect(world->gateways, false);
    world_run(world, 5000);
    struct gateway_progress progress = world_progress(world, "m");
    assert_int_not_equal(progress.state, GATEWAY_SYNCED);
    assert_non_null(fake_gateway_file(world->gateway[0], "old"));
    world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            a_foreign_definition_under_the_id_that_is_left_with_the_path_that_is_taken),
        cmocka_unit_test(a_definition_without_marker_is_never_overwritten),
        cmocka_unit_test(a_want_right_after_the_look_does_not_overwrite_either),
        cmocka_unit_test(an_oas_definition_of_ours_is_not_foreign_in_its_classic_form),
        cmocka_unit_test(adoption_takes_both_consents),
        cmocka_unit_test(the_users_consent_may_come_later),
        cmocka_unit_test(another_grapnels_definition_is_never_adopted),
        cmocka_unit_test(two_owners_on_one_gateway_do_not_fight),
        cmocka_unit_test(
            a_definition_that_came_since_the_last_look_is_seen_before_it_is_overwritten),
        cmocka_unit_test(one_that_has_just_come_is_seen),
        cmocka_unit_test(an_oas_definition_that_came_since_is_seen_too),
        cmocka_unit_test(a_want_that_comes_while_the_lists_are_read_does_not_overwrite),
        cmocka_unit_test(a_listen_path_of_somebody_else_is_respected),
        cmocka_unit_test(another_domain_is_another_listen_path),
        cmocka_unit_test(a_renamed_foreign_definition_claims_its_first_path),
        cmocka_unit_test(what_serves_already_is_not_disturbed_by_a_newcomer),
        cmocka_unit_test(a_renamed_path_is_pushed_again_as_another_definition),
        cmocka_unit_test(swapped_paths_take_one_reload),
        cmocka_unit_test(a_path_that_another_of_ours_keeps_is_a_rejection_that_rests),
        cmocka_unit_test(a_listen_path_that_is_taken_after_the_look_is_told_and_left),
        cmocka_unit_test(an_obstacle_that_goes_is_noticed_soon),
        cmocka_unit_test(a_renamed_path_that_nobody_has_is_tried_more_and_more_seldom),
        cmocka_unit_test(a_truncated_definition_is_rejected_and_left_until_its_document_changes),
        cmocka_unit_test(one_that_is_taken_but_not_loaded_is_rejected),
        cmocka_unit_test(a_reload_of_somebody_else_that_passed_over_it_is_made_good),
        cmocka_unit_test(written_under_another_id_is_rejected_and_cleaned),
        cmocka_unit_test(a_refused_definition_keeps_its_last_good_state),
        cmocka_unit_test(a_document_that_cannot_bear_a_marker_is_rejected),
        cmocka_unit_test(one_id_wanted_by_two_contexts_of_a_gateway_is_the_firsts),
        cmocka_unit_test(an_id_that_is_not_contended_any_more_holds_up_nothing),
        cmocka_unit_test(a_contended_id_makes_no_news_of_all_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
