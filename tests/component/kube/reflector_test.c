/* SPDX-License-Identifier: Apache-2.0 */
/* Lists, and the reflector as a whole. */
#include "reflector_world.h"

#include <string.h>

#include "base/mem.h"

static void r13_the_first_list_is_consistent_and_paged(void **state)
{
    struct world *world = *state;
    world_begin(world, NULL, NULL);
    assert_string_equal(pending(world, LIST)->url, "https://k" LIST);
    expect_told(world, "");
    answer_page(world, LIST, "a@5 b@6", "10", "tok/1=");
    expect_told(world, "begin\nput n/a@5\nput n/b@6\n");
    assert_string_equal(pending(world, LIST)->url, "https://k" LIST "&continue=tok%2F1%3D");
    answer_page(world, LIST, "c@7", "10", "");
    expect_told(world, "put n/c@7\nend\n");
    const char *url = pending(world, WATCH)->url;
    assert_non_null(strstr(url, "allowWatchBookmarks=true"));
    assert_non_null(strstr(url, "resourceVersion=10&"));
}

static void a_namespace_and_a_selector_narrow_every_request(void **state)
{
    struct world *world = *state;
    world_begin(world, "team", "metadata.name=x");
    static const char scope[] = "https://k/apis/tyk.tyk.io/v1alpha1/namespaces/team/"
                                "webhooks?fieldSelector=metadata.name%3Dx";
    answer_page(world, scope, "", "10", "");
    fake_http_open(world->http, pending(world, scope));
    fake_loop_advance(world->loop, 2000);
    fake_http_end(world->http, pending(world, WATCH));
    answer(world, scope, 200, "{}");
    pending(world, WATCH);
}

static void r11_the_watch_begins_at_the_version_of_the_first_page(void **state)
{
    struct world *world = *state;
    world_begin(world, NULL, NULL);
    answer_page(world, LIST, "a@90", "10", "t1");
    answer_page(world, LIST, "b@91", "12", "");
    assert_non_null(strstr(pending(world, WATCH)->url, "resourceVersion=10&"));
}

static void r8_a_page_that_expired_leads_to_one_whole_list(void **state)
{
    struct world *world = *state;
    world_begin(world, NULL, NULL);
    answer_page(world, LIST, "a@5", "10", "t1");
    answer(world, LIST, 410, "{'kind':'Status','reason':'Expired','metadata':{'continue':'x'}}");
    assert_string_equal(pending(world, WHOLE)->url, "https://k" WHOLE);
    answer_page(world, WHOLE, "b@6 c@7", "12", "");
    expect_told(world, "begin\nput n/a@5\nbegin\nput n/b@6\nput n/c@7\nend\n");
    assert_non_null(strstr(pending(world, WATCH)->url, "resourceVersion=12&"));
}

static void r9_a_list_that_expires_whole_waits(void **state)
{
    struct world *world = *state;
    world_begin(world, NULL, NULL);
    answer_page(world, LIST, "a@5", "10", "t1");
    answer(world, LIST, 410, "{}");
    answer(world, WHOLE, 410, "{}");
    expect_told(world, "begin\nput n/a@5\ntrouble expired: list webhooks: HTTP 410\n");
    expect_delay(world, 800, 1600, LIST);
    answer_page(world, LIST, "a@5", "10", "");
    expect_told(world, "begin\nput n/a@5\nend\n");
}

static void r28_a_list_behind_its_own_version_waits(void **state)
{
    struct world *world = *state;
    world_begin(world, NULL, NULL);
    answer(world, LIST, 504,
           "{'kind':'Status','details':{'causes':[{'reason':'ResourceVersionTooLarge'}]}}");
    expect_told(world, "trouble expired: list webhooks: HTTP 504\n");
    expect_delay(world, 800, 1600, LIST);
}

static void r31_a_list_put_off_waits_as_long_as_the_server_says(void **state)
{
    struct world *world = *state;
    world_begin(world, NULL, NULL);
    fake_http_answer_with(world->http, pending(world, LIST), 429, (struct span){"", 0}, NULL, 7000);
    expect_told(world, "trouble transient: list webhooks: HTTP 429\n");
    expect_delay(world, 7000, 7000, LIST);
    /* but not for ever */
    fake_http_answer_with(world->http, pending(world, LIST), 503, (struct span){"", 0}, NULL,
                          3600000);
    expect_delay(world, 60000, 60000, LIST);
}

static void r30_the_backoff_doubles_to_thirty_seconds_and_resets(void **state)
{
    struct world *world = *state;
    world_begin(world, NULL, NULL);
    static const int64_t base[] = {800, 1600, 3200, 6400, 12800, 25600, 30000, 30000};
    for (size_t i = 0; i < ARRAY_LENGTH(base); i++) {
        fake_http_fail(world->http, pending(world, LIST), ERR_TRANSIENT, 7, "refused");
        expect_delay(world, base[i], 2 * base[i], LIST);
    }
    answer_page(world, LIST, "a@5", "10", "");
    fake_http_open(world->http, pending(world, WATCH));
    fake_loop_advance(world->loop, 121000);
    send_event(world, "ADDED", "b", "11");
    cut_off(world, WATCH);
    cut_off(world, WATCH);
    expect_delay(world, 800, 1600, PROBE);
}

static void an_absent_crd_is_named_with_the_remedy(void **state)
{
    struct world *world = *state;
    world_begin(world, NULL, NULL);
    answer(world, LIST, 404, "404 page not found");
    expect_told(world, "trouble not-found: the CRD webhooks.tyk.tyk.io is not installed (remedy: "
                       "kubectl apply -f crds/)\n");
    expect_delay(world, 800, 1600, LIST);
    answer_page(world, LIST, "a@5", "10", "");
    expect_told(world, "begin\nput n/a@5\nend\n");
}

static void a_list_that_is_not_permitted_is_trouble(void **state)
{
    struct world *world = *state;
    world_begin(world, "team", NULL);
    answer(world, "/namespaces/team/webhooks", 403,
           "{'kind':'Status','reason':'Forbidden','message':'webhooks is forbidden'}");
    expect_told(world, "trouble denied: list webhooks in namespace team: HTTP 403 Forbidden: "
                       "webhooks is forbidden\n");
}

static void w9_what_is_no_whole_list_is_never_applied(void **state)
{
    struct world *world = *state;
    static const char *const bad[] = {
        "",
        "<html>",
        "{'kind':'Status','metadata':{}}",
        "{'kind':'WebhookList','items':[],'metadata':{}}",
        ("{'kind':'WebhookList','metadata':{'resourceVersion':'10'},'items':[{'metadata':{'name':"
         "'a','resourceVersion':'5','namespace':'n'}}"),
        "{'kind':'Table','metadata':{'resourceVersion':'10'},'items':[]}",
    };
    world_begin(world, NULL, NULL);
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        answer(world, LIST, 200, bad[i]);
        assert_null(strstr(buf_text(&world->told), "end\n"));
        assert_non_null(strstr(buf_text(&world->told), "trouble invalid: list webhooks: "));
        buf_clear(&world->told);
        fake_loop_advance(world->loop, 60000);
    }
    /* cut in the middle */
    CLEANUP(freep) char *body = page_of("a@5 b@6", "10", "");
    fake_http_bytes(world->http, pending(world, LIST), body, strlen(body) / 2);
    cut_off(world, LIST);
    expect_told(world, "begin\nput n/a@5\ntrouble transient: list webhooks: cut\n");
}

static void a_list_of_something_else_proves_nothing(void **state)
{
    struct world *world = *state;
    world_begin(world, NULL, NULL);
    answer(world, LIST, 200,
           "{'kind':'WebhookList','metadata':{'resourceVersion':'10'},'items':[{'kind':'Pod',"
           "'metadata':{'name':'a'}}]}");
    expect_told(world,
                "begin\ntrouble invalid: list webhooks: item 0: kind: Webhook is expected\n");
}

static void an_item_that_cannot_be_read_is_there_with_a_problem(void **state)
{
    struct world *world = *state;
    world_begin(world, NULL, NULL);
    answer(world, LIST, 200,
           "{'kind':'WebhookList','metadata':{'resourceVersion':'10'},'items':[{'metadata':{'name':"
           "'a','namespace':'n','resourceVersion':'5'},'spec':{'url':'\\u0000'}}]}");
    expect_told(world, "begin\nput n/a@5 problem\nend\n");
}

static void a_page_that_leads_to_itself_ends_the_list(void **state)
{
    struct world *world = *state;
    world_begin(world, NULL, NULL);
    answer_page(world, LIST, "a@5", "10", "t1");
    answer_page(world, LIST, "a@5", "10", "t1");
    expect_told(world, "begin\nput n/a@5\nput n/a@5\ntrouble transient: list webhooks: a page of "
                       "the list leads to itself\n");
}

static void a_list_that_hangs_is_given_up(void **state)
{
    struct world *world = *state;
    world_begin(world, NULL, NULL);
    fake_loop_advance(world->loop, 60000);
    expect_told(world, "trouble transient: list webhooks: timed out\n");
    fake_loop_advance(world->loop, 1600);
    pending(world, LIST);
}

static void a_list_after_trouble_ends_it_without_resuming(void **state)
{
    struct world *world = *state;
    world_begin(world, NULL, NULL);
    answer(world, LIST, 500, "");
    fake_loop_advance(world->loop, 1600);
    answer_page(world, LIST, "", "10", "");
    fake_http_open(world->http, pending(world, WATCH));
    expect_told(world, "trouble transient: list webhooks: HTTP 500\nbegin\nend\n");
}

/* Somebody knows that the watch does not tell everything. */
static void it_lists_anew_when_asked_but_once_a_minute(void **state)
{
    struct world *world = *state;
    world_reach_watch(world);
    fake_loop_advance(world->loop, 20000);
    reflector_relist(world->reflector);
    reflector_relist(world->reflector);
    fake_loop_advance(world->loop, 39000);
    pending(world, WATCH);
    fake_loop_advance(world->loop, 1500);
    answer_page(world, LIST, "a@4", "9", "");
    expect_told(world, "begin\nput n/a@4\nend\n");
    assert_non_null(strstr(pending(world, WATCH)->url, "resourceVersion=9&"));
    fake_http_open(world->http, pending(world, WATCH));
    fake_loop_advance(world->loop, 100000);
    pending(world, WATCH);
    /* The last one is old enough: at once. */
    reflector_relist(world->reflector);
    fake_loop_advance(world->loop, 1);
    answer_page(world, LIST, "a@4", "12", "");
    expect_told(world, "begin\nput n/a@4\nend\n");
    pending(world, WATCH);
}

static void what_was_asked_for_in_an_outage_is_listed_after_it(void **state)
{
    struct world *world = *state;
    world_reach_watch(world);
    fake_loop_advance(world->loop, 100000);
    cut_off(world, WATCH);
    reflector_relist(world->reflector);
    answer_page(world, PROBE "10", "a@5", "10", "");
    fake_http_open(world->http, pending(world, WATCH));
    fake_loop_advance(world->loop, 1);
    answer_page(world, LIST, "a@4", "9", "");
    expect_told(world, "begin\nput n/a@4\nend\n");
}

static void it_can_be_freed_in_every_state(void **state)
{
    struct world *world = *state;
    for (int where = 0; where < 6; where++) {
        world_begin(world, NULL, NULL);
        if (where == 1)
            answer(world, LIST, 500, "");
        if (where == 2)
            answer_page(world, LIST, "a@1", "10", "t1");
        if (where >= 3)
            answer_page(world, LIST, "a@1", "10", "");
        if (where >= 4)
            fake_http_open(world->http, pending(world, WATCH));
        if (where == 5) {
            fake_loop_advance(world->loop, 300000);
            fake_http_end(world->http, pending(world, WATCH));
        }
        reflector_free(TAKE(world->reflector));
        expect_silence(world);
        buf_clear(&world->told);
        fake_loop_advance(world->loop, 1000000);
        expect_told(world, "");
    }
}

#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(name, reflector_world_set_up, reflector_world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(r13_the_first_list_is_consistent_and_paged),
        TEST(a_namespace_and_a_selector_narrow_every_request),
        TEST(r11_the_watch_begins_at_the_version_of_the_first_page),
        TEST(r8_a_page_that_expired_leads_to_one_whole_list),
        TEST(r9_a_list_that_expires_whole_waits),
        TEST(r28_a_list_behind_its_own_version_waits),
        TEST(r31_a_list_put_off_waits_as_long_as_the_server_says),
        TEST(r30_the_backoff_doubles_to_thirty_seconds_and_resets),
        TEST(an_absent_crd_is_named_with_the_remedy),
        TEST(a_list_that_is_not_permitted_is_trouble),
        TEST(w9_what_is_no_whole_list_is_never_applied),
        TEST(a_list_of_something_else_proves_nothing),
        TEST(an_item_that_cannot_be_read_is_there_with_a_problem),
        TEST(a_page_that_leads_to_itself_ends_the_list),
        TEST(a_list_that_hangs_is_given_up),
        TEST(a_list_after_trouble_ends_it_without_resuming),
        TEST(it_lists_anew_when_asked_but_once_a_minute),
        TEST(what_was_asked_for_in_an_outage_is_listed_after_it),
        TEST(it_can_be_freed_in_every_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
