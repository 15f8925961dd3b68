/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "kube/kube_client.h"
#include "kube/reflector.h"
#include "support/fake_http.h"
#include "support/fake_loop.h"

#define LIST "/apis/tyk.tyk.io/v1alpha1/webhooks?limit=500"
#define WHOLE "/apis/tyk.tyk.io/v1alpha1/webhooks"
#define WATCH "watch=true"
#define PROBE "limit=1&resourceVersion="

struct world {
    struct loop *loop;
    struct http *http;
    struct kube_config config;
    struct kube_client *client;
    struct reflector *reflector;
    struct buf told; /* what the callbacks were told, a line each */
};

static void on_begin(void *arg)
{
    struct world *world = arg;
    buf_add_text(&world->told, "begin\n");
}

static void on_put(void *arg, const struct object *object)
{
    struct world *world = arg;
    buf_add_format(&world->told, "put %s@%s%s\n", object->key, object->version,
                   object->problem ? " problem" : "");
}

static void on_gone(void *arg, const char *key, const char *uid)
{
    struct world *world = arg;
    buf_add_format(&world->told, "gone %s %s\n", key, uid);
}

static void on_end(void *arg)
{
    struct world *world = arg;
    buf_add_text(&world->told, "end\n");
}

static void on_trouble(void *arg, const struct err *err)
{
    struct world *world = arg;
    buf_add_format(&world->told, "trouble %s: %s\n", err_class_name(err->class), err->msg);
}

static void on_resumed(void *arg)
{
    struct world *world = arg;
    buf_add_text(&world->told, "resumed\n");
}

static const struct reflector_callbacks callbacks = {
    .begin = on_begin,
    .put = on_put,
    .gone = on_gone,
    .end = on_end,
    .trouble = on_trouble,
    .resumed = on_resumed,
};

static void begin(struct world *world, const char *ns, const char *field_selector)
{
    const struct reflector_options options = {
        .loop = world->loop,
        .client = world->client,
        .scope = {.kind = OBJECT_WEBHOOK, .ns = ns, .field_selector = field_selector}};
    world->reflector = reflector_new(&options, &callbacks, world);
    fake_loop_run(world->loop);
}

static int setup(void **state)
{
    struct world *world = xcalloc(1, sizeof(*world));
    log_setup(LOG_LEVEL_ERROR, true);
    world->loop = fake_loop_new(7);
    world->http = fake_http_new(world->loop);
    world->config.server = xstrdup("https://k");
    world->client = kube_client_new(world->loop, world->http, &world->config);
    buf_init(&world->told, BUF_UNLIMITED);
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    reflector_free(world->reflector);
    kube_client_free(world->client);
    fake_http_free(world->http);
    fake_loop_free(world->loop);
    kube_config_fini(&world->config);
    buf_fini(&world->told);
    free(world);
    return 0;
}

static void expect_told(struct world *world, const char *want)
{
    assert_string_equal(buf_text(&world->told), want);
    buf_clear(&world->told);
}

/* The one call that is pending; its URL has to hold `part`. */
static struct fake_call *pending(struct world *world, const char *part)
{
    assert_int_equal(fake_http_pending(world->http), 1);
    return fake_http_expect(world->http, "GET", part);
}

static void expect_silence(struct world *world)
{
    assert_int_equal(fake_http_pending(world->http), 0);
}

/* 'single quotes' stand for double ones. Returns owned. */
static char *quoted(const char *text)
{
    char *copy = xstrdup(text);
    for (char *at = copy; *at; at++) {
        if (*at == '\'')
            *at = '"';
    }
    return copy;
}

static void answer(struct world *world, const char *part, long status, const char *body)
{
    CLEANUP(freep) char *text = quoted(body);
    fake_http_answer(world->http, pending(world, part), status, text);
}

/* An item: name and version make it; its uid is u-NAME. */
static void add_item(struct buf *out, const char *name, const char *version)
{
    buf_add_format(out,
                   "{\"apiVersion\":\"tyk.tyk.io/v1alpha1\",\"kind\":\"Webhook\",\"metadata\":"
                   "{\"name\":\"%s\",\"namespace\":\"n\",\"uid\":\"u-%s\",\"resourceVersion\":"
                   "\"%s\"},\"spec\":{}}",
                   name, name, version);
}

/* A page: items "a@1 b@2". */
static char *page(const char *items, const char *version, const char *proceed)
{
    struct buf body;
    buf_init(&body, BUF_UNLIMITED);
    buf_add_text(&body, "{\"apiVersion\":\"tyk.tyk.io/v1alpha1\",\"items\":[");
    CLEANUP(freep) char *copy = xstrdup(items);
    char *rest = copy;
    const char *separator = "";
    for (char *item; (item = strsep(&rest, " "));) {
        char *at = strchr(item, '@');
        if (!at)
            continue;
        *at = '\0';
        buf_add_text(&body, separator);
        add_item(&body, item, at + 1);
        separator = ",";
    }
    buf_add_format(&body,
                   "],\"kind\":\"WebhookList\",\"metadata\":{\"continue\":\"%s\","
                   "\"resourceVersion\":\"%s\"}}\n",
                   proceed, version);
    return buf_take(&body);
}

static void answer_page(struct world *world, const char *part, const char *items,
                        const char *version, const char *proceed)
{
    CLEANUP(freep) char *body = page(items, version, proceed);
    fake_http_answer(world->http, pending(world, part), 200, body);
}

/* Lists one object (a@5, list version 10) and stands watching. */
static void reach_watch(struct world *world)
{
    begin(world, NULL, NULL);
    answer_page(world, LIST, "a@5", "10", "");
    expect_told(world, "begin\nput n/a@5\nend\n");
    fake_http_open(world->http, pending(world, WATCH));
}

static void send_event(struct world *world, const char *type, const char *name, const char *version)
{
    CLEANUP(buf_fini) struct buf line;
    buf_init(&line, BUF_UNLIMITED);
    buf_add_format(&line, "{\"type\":\"%s\",\"object\":", type);
    add_item(&line, name, version);
    buf_add_text(&line, "}\n");
    fake_http_bytes(world->http, pending(world, WATCH), buf_text(&line), line.length);
}

static void send_line(struct world *world, const char *line)
{
    CLEANUP(freep) char *text = quoted(line);
    fake_http_bytes(world->http, pending(world, WATCH), text, strlen(text));
}

static void send_bookmark(struct world *world, const char *version)
{
    CLEANUP(freep)
    char *line = xasprintf("{'type':'BOOKMARK','object':{'kind':'Webhook','metadata':"
                           "{'resourceVersion':'%s'}}}\n",
                           version);
    send_line(world, line);
}

static void cut(struct world *world, const char *part)
{
    fake_http_fail(world->http, pending(world, part), ERR_TRANSIENT, 18, "cut");
}

/* Nothing is sent before `from` ms, and something is by `until`. */
static void expect_delay(struct world *world, int64_t from, int64_t until, const char *part)
{
    fake_loop_advance(world->loop, from - 1);
    expect_silence(world);
    fake_loop_advance(world->loop, until - from + 1);
    pending(world, part);
}

/* Lists. */

static void r13_the_first_list_is_consistent_and_paged(void **state)
{
    struct world *world = *state;
    begin(world, NULL, NULL);
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
    begin(world, "team", "metadata.name=x");
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
    begin(world, NULL, NULL);
    answer_page(world, LIST, "a@90", "10", "t1");
    answer_page(world, LIST, "b@91", "12", "");
    assert_non_null(strstr(pending(world, WATCH)->url, "resourceVersion=10&"));
}

static void r8_a_page_that_expired_leads_to_one_whole_list(void **state)
{
    struct world *world = *state;
    begin(world, NULL, NULL);
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
    begin(world, NULL, NULL);
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
    begin(world, NULL, NULL);
    answer(world, LIST, 504,
           "{'kind':'Status','details':{'causes':[{'reason':'ResourceVersionTooLarge'}]}}");
    expect_told(world, "trouble expired: list webhooks: HTTP 504\n");
    expect_delay(world, 800, 1600, LIST);
}

static void r31_a_list_put_off_waits_as_long_as_the_server_says(void **state)
{
    struct world *world = *state;
    begin(world, NULL, NULL);
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
    begin(world, NULL, NULL);
    static const int64_t base[] = {800, 1600, 3200, 6400, 12800, 25600, 30000, 30000};
    for (size_t i = 0; i < ARRAY_LENGTH(base); i++) {
        fake_http_fail(world->http, pending(world, LIST), ERR_TRANSIENT, 7, "refused");
        expect_delay(world, base[i], 2 * base[i], LIST);
    }
    answer_page(world, LIST, "a@5", "10", "");
    fake_http_open(world->http, pending(world, WATCH));
    fake_loop_advance(world->loop, 121000);
    send_event(world, "ADDED", "b", "11");
    cut(world, WATCH);
    cut(world, WATCH);
    expect_delay(world, 800, 1600, PROBE);
}

static void an_absent_crd_is_named_with_the_remedy(void **state)
{
    struct world *world = *state;
    begin(world, NULL, NULL);
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
    begin(world, "team", NULL);
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
    begin(world, NULL, NULL);
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        answer(world, LIST, 200, bad[i]);
        assert_null(strstr(buf_text(&world->told), "end\n"));
        assert_non_null(strstr(buf_text(&world->told), "trouble invalid: list webhooks: "));
        buf_clear(&world->told);
        fake_loop_advance(world->loop, 60000);
    }
    /* cut in the middle */
    CLEANUP(freep) char *body = page("a@5 b@6", "10", "");
    fake_http_bytes(world->http, pending(world, LIST), body, strlen(body) / 2);
    cut(world, LIST);
    expect_told(world, "begin\nput n/a@5\ntrouble transient: list webhooks: cut\n");
}

static void a_list_of_something_else_proves_nothing(void **state)
{
    struct world *world = *state;
    begin(world, NULL, NULL);
    answer(world, LIST, 200,
           "{'kind':'WebhookList','metadata':{'resourceVersion':'10'},'items':[{'kind':'Pod',"
           "'metadata':{'name':'a'}}]}");
    expect_told(world,
                "begin\ntrouble invalid: list webhooks: item 0: kind: Webhook is expected\n");
}

static void an_item_that_cannot_be_read_is_there_with_a_problem(void **state)
{
    struct world *world = *state;
    begin(world, NULL, NULL);
    answer(world, LIST, 200,
           "{'kind':'WebhookList','metadata':{'resourceVersion':'10'},'items':[{'metadata':{'name':"
           "'a','namespace':'n','resourceVersion':'5'},'spec':{'url':'\\u0000'}}]}");
    expect_told(world, "begin\nput n/a@5 problem\nend\n");
}

static void a_page_that_leads_to_itself_ends_the_list(void **state)
{
    struct world *world = *state;
    begin(world, NULL, NULL);
    answer_page(world, LIST, "a@5", "10", "t1");
    answer_page(world, LIST, "a@5", "10", "t1");
    expect_told(world, "begin\nput n/a@5\nput n/a@5\ntrouble transient: list webhooks: a page of "
                       "the list leads to itself\n");
}

static void a_list_that_hangs_is_given_up(void **state)
{
    struct world *world = *state;
    begin(world, NULL, NULL);
    fake_loop_advance(world->loop, 60000);
    expect_told(world, "trouble transient: list webhooks: timed out\n");
    fake_loop_advance(world->loop, 1600);
    pending(world, LIST);
}

/* Watches. */

static void events_are_told_in_order(void **state)
{
    struct world *world = *state;
    reach_watch(world);
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
    reach_watch(world);
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
    reach_watch(world);
    send_event(world, "ADDED", "b", "11");
    fake_http_end(world->http, pending(world, WATCH));
    assert_non_null(strstr(pending(world, WATCH)->url, "resourceVersion=11&"));
    send_event(world, "DELETED", "b", "12");
    cut(world, WATCH); /* R32 */
    assert_non_null(strstr(pending(world, WATCH)->url, "resourceVersion=12&"));
    expect_told(world, "put n/b@11\ngone n/b u-b\n");
}

static void r21_bookmarks_move_the_version(void **state)
{
    struct world *world = *state;
    reach_watch(world);
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
    reach_watch(world);
    fake_loop_advance(world->loop, 999);
    fake_http_end(world->http, pending(world, WATCH));
    expect_told(world, "trouble transient: watch webhooks: the watch ended at once, without an "
                       "event\n");
    expect_delay(world, 800, 1600, LIST);
}

static void r24_a_refused_connection_is_tried_again_where_it_was(void **state)
{
    struct world *world = *state;
    reach_watch(world);
    send_event(world, "ADDED", "b", "11");
    cut(world, WATCH);
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
    reach_watch(world);
    send_event(world, "ADDED", "b", "11");
    cut(world, WATCH);
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
    reach_watch(world);
    send_event(world, "ADDED", "b", "11");
    cut(world, WATCH);
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
    reach_watch(world);
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
    begin(world, NULL, NULL);
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
    reach_watch(world);
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
    begin(world, NULL, NULL);
    answer_page(world, LIST, "", "10", "");
    buf_clear(&world->told);
    answer(world, WATCH, 410, "{}");
    expect_told(world, "trouble expired: watch webhooks: HTTP 410\n");
    expect_delay(world, 800, 1600, LIST);
}

static void r26_other_errors_in_the_stream_wait(void **state)
{
    struct world *world = *state;
    reach_watch(world);
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
    reach_watch(world);
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
    reach_watch(world);
    send_line(world, "{'type':'MODIFIED','object':{'metadata':{'name':'a','namespace':'n',"
                     "'resourceVersion':'12'},'spec':{'x':'\\u0000'}}}\n");
    expect_told(world, "put n/a@12 problem\n");
    fake_http_end(world->http, pending(world, WATCH));
    assert_non_null(strstr(pending(world, WATCH)->url, "resourceVersion=12&"));
}

static void what_is_no_event_lists_after_a_pause(void **state)
{
    struct world *world = *state;
    reach_watch(world);
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
    reach_watch(world);
    for (size_t at = 1; at < events.length; at++) {
        fake_http_bytes(world->http, pending(world, WATCH), events.data, at);
        fake_http_bytes(world->http, pending(world, WATCH), events.data + at, events.length - at);
        expect_told(world, "put n/x@x\nput n/y@y\nput n/z@z\n");
    }
}

static void the_watch_is_given_up_when_the_server_does_not_end_it(void **state)
{
    struct world *world = *state;
    reach_watch(world);
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
    reach_watch(world);
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
    reach_watch(world);
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
    begin(world, NULL, NULL);
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
    reach_watch(world);
    fake_loop_advance(world->loop, 300000);
    fake_http_end(world->http, pending(world, WATCH));
    answer(world, PROBE, 422, "");
    expect_told(world, "trouble invalid: watch webhooks: HTTP 422\n");
    expect_delay(world, 800, 1600, LIST);
}

static void a_list_after_trouble_ends_it_without_resuming(void **state)
{
    struct world *world = *state;
    begin(world, NULL, NULL);
    answer(world, LIST, 500, "");
    fake_loop_advance(world->loop, 1600);
    answer_page(world, LIST, "", "10", "");
    fake_http_open(world->http, pending(world, WATCH));
    expect_told(world, "trouble transient: list webhooks: HTTP 500\nbegin\nend\n");
}

static void it_can_be_freed_in_every_state(void **state)
{
    struct world *world = *state;
    for (int where = 0; where < 6; where++) {
        begin(world, NULL, NULL);
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

/* Somebody knows that the watch does not tell everything. */
static void it_lists_anew_when_asked_but_once_a_minute(void **state)
{
    struct world *world = *state;
    reach_watch(world);
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
    reach_watch(world);
    fake_loop_advance(world->loop, 100000);
    cut(world, WATCH);
    reflector_relist(world->reflector);
    answer_page(world, PROBE "10", "a@5", "10", "");
    fake_http_open(world->http, pending(world, WATCH));
    fake_loop_advance(world->loop, 1);
    answer_page(world, LIST, "a@4", "9", "");
    expect_told(world, "begin\nput n/a@4\nend\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
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
        TEST(a_list_after_trouble_ends_it_without_resuming),
        TEST(it_can_be_freed_in_every_state),
        TEST(it_lists_anew_when_asked_but_once_a_minute),
        TEST(what_was_asked_for_in_an_outage_is_listed_after_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
