/* SPDX-License-Identifier: Apache-2.0 */
/* Standing by, taking over, and going back: what is known, and that nothing is written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/mem.h"
#include "reconcile/reconciler.h"
#include "support/fake_gateways.h"
#include "support/fake_loop.h"
#include "support/fake_world.h"

#define GRACE_MS 5000

static const struct seal_key seal_key = {"0123456789abcdef0123456789abcde"};
static const char *const id_namespaces[] = {"grapnel", NULL};

/* One replica. */
struct replica {
    struct fake_world *world;
    struct reconciler *reconciler;
    struct fake_gateways *gateways; /* NULL: it stands by */
};

struct rig {
    struct loop *loop;
    struct fake_world *world;
    struct replica a;
};

/* Its lists are answered when the loop runs. */
static void begin(struct rig *rig, struct replica *replica)
{
    struct reconciler_options options = {
        .resolve = {.default_cooldown = "10s",
                    .id_namespaces = id_namespaces,
                    .seal_key = &seal_key},
        .conversion_grace_ms = GRACE_MS,
        .reference_grace_ms = 10000,
        .rewrite_delay_ms = 30000,
        .finalizer_timeout_ms = 60000,
    };
    replica->world = rig->world;
    replica->reconciler = reconciler_new(rig->loop, fake_world_source(rig->world), &options);
    reconciler_set_default_context(replica->reconciler,
                                   &(struct default_context){.abilities = {.version = ""}});
    reconciler_start(replica->reconciler);
}

static void start(struct rig *rig, struct replica *replica)
{
    begin(rig, replica);
    fake_loop_run(rig->loop);
}

/* Its keys are looked at when the loop runs. */
static void begin_to_lead(struct rig *rig, struct replica *replica)
{
    replica->gateways =
        fake_gateways_new(rig->loop, &reconciler_gateway_callbacks, replica->reconciler);
    reconciler_lead(replica->reconciler, fake_world_store(rig->world),
                    fake_gateways_port(replica->gateways));
}

static void lead(struct rig *rig, struct replica *replica)
{
    begin_to_lead(rig, replica);
    fake_loop_run(rig->loop);
}

static void stand_by(struct replica *replica)
{
    reconciler_stand_by(replica->reconciler);
    fake_gateways_free(TAKE(replica->gateways));
}

static int set_up(void **state)
{
    struct rig *rig = xcalloc(1, sizeof(*rig));
    log_setup(LOG_LEVEL_ERROR, true);
    rig->loop = fake_loop_new(7);
    rig->world = fake_world_new(rig->loop);
    fake_world_apply(rig->world, "{'kind':'Namespace','metadata':{'name':'default'}}");
    *state = rig;
    return 0;
}

static int tear_down(void **state)
{
    struct rig *rig = *state;
    fake_world_source(rig->world)->ops->free(fake_world_source(rig->world));
    reconciler_free(rig->a.reconciler);
    if (rig->a.gateways)
        fake_gateways_free(rig->a.gateways);
    fake_world_free(rig->world);
    fake_loop_free(rig->loop);
    free(rig);
    return 0;
}

static void webhook(struct rig *rig, const char *name, const char *url)
{
    CLEANUP(freep)
    char *json = xasprintf("{'kind':'Webhook','metadata':{'name':'%s'},'spec':{'url':'%s',"
                           "'method':'POST','bodyTemplate':'','conversionPolicy':'Retain'}}",
                           name, url);
    fake_world_apply(rig->world, json);
}

static void api(struct rig *rig, const char *name, const char *ref)
{
    CLEANUP(freep)
    char *json = xasprintf(
        "{'kind':'ApiDefinition','metadata':{'name':'%s'},'spec':{'oas':{'openapi':'3.0.3','info':"
        "{'title':'%s','version':'1'},'paths':{},'x-tyk-api-gateway':{'info':{'name':'%s','state':"
        "{'active':true}},'upstream':{'url':'http://up/'},'server':{'listenPath':{'value':'/%s/',"
        "'strip':true},'eventHandlers':[{'enabled':true,'trigger':'AuthFailure','type':'webhook',"
        "'cooldownPeriod':'10s','id':'%s'}]}}}}}",
        name, name, name, name, ref);
    fake_world_apply(rig->world, json);
}

struct writes {
    unsigned status;
    unsigned changes;
};

static struct writes writes_of(const struct rig *rig)
{
    return (struct writes){fake_world_status_writes(rig->world), fake_world_changes(rig->world)};
}

static void expect_no_writes_since(const struct rig *rig, struct writes before)
{
    struct writes now = writes_of(rig);
    assert_int_equal(now.status, before.status);
    assert_int_equal(now.changes, before.changes);
}

/* Everything that users can do, over all delays that there are. */
static void stir(struct rig *rig)
{
    webhook(rig, "pager", "https://pager.example/2");
    api(rig, "orders", "pager");
    api(rig, "second", "nobody");
    fake_loop_advance(rig->loop, 15000);
    fake_world_delete(rig->world, OBJECT_WEBHOOK, "default/pager");
    fake_loop_advance(rig->loop, 60000);
    webhook(rig, "pager", "https://pager.example/3");
    fake_world_delete(rig->world, OBJECT_API, "default/second");
    fake_loop_advance(rig->loop, 120000);
}

static void expect_copy(const struct rig *rig, const char *url)
{
    CLEANUP(freep) char *json = xasprintf("'%s'", url);
    fake_world_expect(rig->world, OBJECT_API, "default/orders", "status/webhooks/0/copy/url", json);
}

/* Standing by. */

static void a_standby_is_ready_and_writes_nothing(void **state)
{
    struct rig *rig = *state;
    const char *reason = NULL;
    webhook(rig, "pager", "https://pager.example/1");
    api(rig, "orders", "pager");
    start(rig, &rig->a);
    assert_true(reconciler_is_ready(rig->a.reconciler, &reason));
    assert_false(reconciler_is_settled(rig->a.reconciler));
    stir(rig);
    expect_no_writes_since(rig, (struct writes){0, 0});
    assert_int_equal(fake_world_events(rig->world, "default/orders", "Synced"), 0);
    fake_world_expect(rig->world, OBJECT_API, "default/orders", "status/conditions", NULL);
}

static void a_standby_counts_objects_and_has_no_opinion_of_them(void **state)
{
    struct rig *rig = *state;
    struct reconciler_counts counts;
    webhook(rig, "pager", "https://pager.example/1");
    api(rig, "orders", "pager");
    start(rig, &rig->a);
    lead(rig, &rig->a);
    fake_loop_advance(rig->loop, 5000);
    reconciler_count(rig->a.reconciler, &counts);
    assert_int_equal(counts.ready, 1);
    stand_by(&rig->a);
    reconciler_count(rig->a.reconciler, &counts);
    assert_int_equal(counts.apis, 1);
    assert_int_equal(counts.webhooks, 1);
    assert_int_equal(counts.ready, 0);
    assert_int_equal(counts.stalled, 0);
    assert_true(counts.status_writes > 0);
}

static void looks_are_counted_by_kind_and_result(void **state)
{
    struct rig *rig = *state;
    struct look_figures figures[LOOK_KIND_COUNT];
    webhook(rig, "pager", "https://pager.example/1");
    api(rig, "orders", "pager");
    api(rig, "invoices", "nobody");
    start(rig, &rig->a);
    reconciler_figures(rig->a.reconciler, figures);
    assert_int_equal(figures[0].kind, OBJECT_API);
    assert_int_equal(figures[0].results[LOOK_SUCCESS] + figures[0].queue.adds, 0);
    fake_world_fail_next_write(rig->world, ERR_TRANSIENT);
    lead(rig, &rig->a);
    fake_loop_advance(rig->loop, 20000);
    reconciler_figures(rig->a.reconciler, figures);
    uint64_t errors = 0;
    for (size_t i = 0; i < LOOK_KIND_COUNT; i++) {
        uint64_t looks = 0;
        uint64_t observed = 0;
        for (size_t j = 0; j < LOOK_RESULT_COUNT; j++)
            looks += figures[i].results[j];
        for (size_t j = 0; j <= histogram_seconds.count; j++)
            observed += figures[i].seconds.counts[j];
        assert_int_equal(looks, observed);
        errors += figures[i].results[LOOK_ERROR];
        assert_int_equal(figures[i].queue.processing, 0);
    }
    assert_int_equal(errors, 1);
    assert_true(figures[0].results[LOOK_SUCCESS] > 2);
    assert_true(figures[0].results[LOOK_REQUEUE_AFTER] > 0); /* the grace of the reference */
    assert_true(figures[0].queue.adds > 2);
    assert_true(figures[1].results[LOOK_SUCCESS] > 0);
    struct reconciler_counts counts;
    reconciler_count(rig->a.reconciler, &counts);
    assert_int_equal(counts.handlers[REF_GLOBAL], 1);
    assert_int_equal(counts.handlers[REF_MISSING], 1);
    /* What was counted stays counted; handlers are the leader's to know. */
    stand_by(&rig->a);
    struct look_figures after[LOOK_KIND_COUNT];
    reconciler_figures(rig->a.reconciler, after);
    assert_int_equal(after[0].results[LOOK_SUCCESS], figures[0].results[LOOK_SUCCESS]);
    reconciler_count(rig->a.reconciler, &counts);
    assert_int_equal(counts.handlers[REF_GLOBAL], 0);
}

/* Taking over. */

static void who_takes_over_looks_at_everything(void **state)
{
    struct rig *rig = *state;
    webhook(rig, "pager", "https://pager.example/1");
    api(rig, "orders", "pager");
    start(rig, &rig->a);
    fake_loop_advance(rig->loop, 60000);
    webhook(rig, "pager", "https://pager.example/2");
    lead(rig, &rig->a);
    expect_copy(rig, "https://pager.example/2");
    fake_world_expect_reason(rig->world, OBJECT_API, "default/orders", "Ready", "Synced");
    assert_true(fake_gateways_is_complete(rig->a.gateways));
    assert_true(reconciler_is_settled(rig->a.reconciler));
}

static void leading_before_the_caches_are_complete_waits_for_them(void **state)
{
    struct rig *rig = *state;
    const char *reason = NULL;
    webhook(rig, "pager", "https://pager.example/1");
    api(rig, "orders", "pager");
    begin(rig, &rig->a);
    begin_to_lead(rig, &rig->a);
    assert_false(reconciler_is_ready(rig->a.reconciler, &reason));
    assert_string_equal(reason, "the lists are not complete yet");
    assert_false(fake_gateways_has_context(rig->a.gateways, ""));
    fake_loop_run(rig->loop);
    assert_true(fake_gateways_has_context(rig->a.gateways, ""));
    expect_copy(rig, "https://pager.example/1");
}

static void the_grace_of_a_conversion_begins_with_the_takeover(void **state)
{
    struct rig *rig = *state;
    webhook(rig, "pager", "https://pager.example/1");
    api(rig, "orders", "pager");
    start(rig, &rig->a);
    lead(rig, &rig->a);
    stand_by(&rig->a);
    fake_world_delete(rig->world, OBJECT_WEBHOOK, "default/pager");
    fake_loop_advance(rig->loop, 600000);
    lead(rig, &rig->a);
    fake_loop_advance(rig->loop, GRACE_MS - 100);
    fake_world_expect(rig->world, OBJECT_API, "default/orders", "status/webhooks/0/source",
                      "'Global'");
    fake_loop_advance(rig->loop, 200);
    fake_world_expect(rig->world, OBJECT_API, "default/orders", "status/webhooks/0/source",
                      "'Converted'");
    expect_copy(rig, "https://pager.example/1");
}

static void what_an_earlier_leader_left_half_done_is_reloaded_first(void **state)
{
    struct rig *rig = *state;
    webhook(rig, "pager", "https://pager.example/1");
    api(rig, "orders", "pager");
    start(rig, &rig->a);
    lead(rig, &rig->a);
    assert_false(fake_gateways_unsettled(rig->a.gateways));
    fake_gateways_set_state(rig->a.gateways, "default/orders", GATEWAY_REJECTED, 0, "no");
    fake_loop_advance(rig->loop, 30000);
    fake_world_expect_reason(rig->world, OBJECT_API, "default/orders", "Programmed",
                             "GatewayRejected");
    stand_by(&rig->a);
    lead(rig, &rig->a);
    assert_true(fake_gateways_unsettled(rig->a.gateways));
    stand_by(&rig->a);
    lead(rig, &rig->a); /* all is Programmed by now */
    assert_false(fake_gateways_unsettled(rig->a.gateways));
}

/* What the status says of an earlier generation says nothing of the push of this one. */
static void what_was_edited_and_not_reported_is_reloaded_first(void **state)
{
    struct rig *rig = *state;
    api(rig, "orders", "pager");
    webhook(rig, "pager", "https://pager.example/1");
    start(rig, &rig->a);
    lead(rig, &rig->a);
    fake_world_expect_reason(rig->world, OBJECT_API, "default/orders", "Programmed", "Programmed");
    stand_by(&rig->a);
    lead(rig, &rig->a);
    assert_false(fake_gateways_unsettled(rig->a.gateways));
    stand_by(&rig->a);
    api(rig, "orders", "other");
    lead(rig, &rig->a);
    assert_true(fake_gateways_unsettled(rig->a.gateways));
}

static void a_conflict_is_judged_by_what_happened_meanwhile(void **state)
{
    struct rig *rig = *state;
    webhook(rig, "pager", "https://pager.example/1");
    api(rig, "orders", "pager");
    start(rig, &rig->a);
    lead(rig, &rig->a);
    stand_by(&rig->a);
    /* Another wants the same path, and the first is gone before anybody leads again. */
    fake_world_apply(
        rig->world,
        "{'kind':'ApiDefinition','metadata':{'name':'rival'},'spec':{'oas':{'openapi':'3.0.3',"
        "'info':{'title':'r','version':'1'},'paths':{},'x-tyk-api-gateway':{'info':{'name':'r',"
        "'state':{'active':true}},'upstream':{'url':'http://up/'},'server':{'listenPath':{'value':"
        "'/orders/','strip':true}}}}}}");
    lead(rig, &rig->a);
    fake_world_expect_reason(rig->world, OBJECT_API, "default/rival", "Stalled", "Conflict");
    stand_by(&rig->a);
    fake_world_strip(rig->world, OBJECT_API, "default/orders");
    fake_world_delete(rig->world, OBJECT_API, "default/orders");
    lead(rig, &rig->a);
    fake_world_expect_reason(rig->world, OBJECT_API, "default/rival", "Stalled", NULL);
    fake_world_expect_reason(rig->world, OBJECT_API, "default/rival", "Ready", "Synced");
}

/* Going back. */

static void a_write_in_flight_is_cancelled_when_leadership_is_lost(void **state)
{
    struct rig *rig = *state;
    webhook(rig, "pager", "https://pager.example/1");
    start(rig, &rig->a);
    lead(rig, &rig->a);
    fake_loop_advance(rig->loop, 5000);
    fake_world_hold_writes(rig->world, true);
    api(rig, "orders", "pager");
    webhook(rig, "pager", "https://pager.example/2");
    struct writes begun = writes_of(rig);
    assert_true(begun.changes > 0); /* the finalizer's waits */
    stand_by(&rig->a);
    fake_world_hold_writes(rig->world, false);
    fake_loop_advance(rig->loop, 60000);
    expect_no_writes_since(rig, begun);
    fake_world_expect(rig->world, OBJECT_API, "default/orders", "metadata/finalizers", NULL);
    assert_int_equal(fake_world_events(rig->world, "default/orders", "Synced"), 0);
}

static void leadership_may_go_in_the_round_in_which_it_came(void **state)
{
    struct rig *rig = *state;
    webhook(rig, "pager", "https://pager.example/1");
    api(rig, "orders", "pager");
    start(rig, &rig->a);
    begin_to_lead(rig, &rig->a);
    stand_by(&rig->a);
    fake_loop_advance(rig->loop, 60000);
    expect_no_writes_since(rig, (struct writes){0, 0});
    lead(rig, &rig->a);
    expect_copy(rig, "https://pager.example/1");
}

static void after_the_loss_nothing_is_written_whatever_happens(void **state)
{
    struct rig *rig = *state;
    webhook(rig, "pager", "https://pager.example/1");
    api(rig, "orders", "pager");
    api(rig, "second", "gone"); /* its grace runs */
    start(rig, &rig->a);
    lead(rig, &rig->a);
    fake_loop_advance(rig->loop, 3000);
    fake_world_delete(rig->world, OBJECT_WEBHOOK, "default/pager"); /* so does this one's */
    fake_loop_advance(rig->loop, 1000);
    stand_by(&rig->a);
    struct writes before = writes_of(rig);
    fake_loop_advance(rig->loop, 120000);
    stir(rig);
    expect_no_writes_since(rig, before);
    assert_true(reconciler_is_ready(rig->a.reconciler, NULL));
    assert_false(reconciler_is_settled(rig->a.reconciler));
}

static void at_any_moment_leadership_may_go_and_come_back(void **state)
{
    struct rig *rig = *state;
    start(rig, &rig->a);
    for (int moment = 0; moment < 200; moment++) {
        CLEANUP(freep) char *url = xasprintf("https://pager.example/%d", moment);
        lead(rig, &rig->a);
        if (moment % 3 == 0)
            webhook(rig, "pager", url);
        if (moment % 7 == 0)
            fake_world_delete(rig->world, OBJECT_WEBHOOK, "default/pager");
        if (moment % 2 == 0)
            api(rig, "orders", moment % 4 ? "pager" : "other");
        fake_loop_advance(rig->loop, moment * 37 % 1100);
        stand_by(&rig->a);
        struct writes before = writes_of(rig);
        webhook(rig, "other", url);
        fake_loop_advance(rig->loop, moment * 53 % 1700);
        expect_no_writes_since(rig, before);
    }
    webhook(rig, "pager", "https://pager.example/last");
    api(rig, "orders", "pager");
    lead(rig, &rig->a);
    fake_loop_advance(rig->loop, 20000);
    expect_copy(rig, "https://pager.example/last");
    fake_world_expect_reason(rig->world, OBJECT_API, "default/orders", "Ready", "Synced");
}

static void a_followed_service_is_followed_anew(void **state)
{
    struct rig *rig = *state;
    fake_world_apply(rig->world,
                     "{'kind':'Secret','metadata':{'name':'conf'},'data':{'TYK_AUTH':'eA=='}}");
    fake_world_apply(rig->world, "{'kind':'Service','metadata':{'name':'gw'},'spec':{'ports':[{"
                                 "'name':'control','port':8080,'targetPort':8080}]}}");
    fake_world_apply(
        rig->world,
        "{'kind':'EndpointSlice','metadata':{'name':'gw-1','labels':{'kubernetes.io/service-name':"
        "'gw'}},'addressType':'IPv4','ports':[{'name':'control','port':8080}],'endpoints':[{"
        "'addresses':['10.0.0.1'],'conditions':{'ready':true},'targetRef':{'kind':'Pod','name':"
        "'gw-1','uid':'u1'}}]}");
    fake_world_apply(rig->world, "{'kind':'OperatorContext','metadata':{'name':'edge'},'spec':{"
                                 "'serviceRef':{'name':'gw','port':'control'},'secretRef':{'name':"
                                 "'conf'}}}");
    start(rig, &rig->a);
    lead(rig, &rig->a);
    assert_string_equal(fake_gateways_urls(rig->a.gateways, "default/edge"),
                        "http://10.0.0.1:8080");
    assert_true(fake_world_is_followed(rig->world, OBJECT_SERVICE, "default/gw"));
    stand_by(&rig->a);
    fake_loop_run(rig->loop);
    assert_false(fake_world_is_followed(rig->world, OBJECT_SERVICE, "default/gw"));
    assert_false(fake_world_is_followed(rig->world, OBJECT_ENDPOINTSLICE, "default/gw"));
    fake_world_apply(
        rig->world,
        "{'kind':'EndpointSlice','metadata':{'name':'gw-1','labels':{'kubernetes.io/service-name':"
        "'gw'}},'addressType':'IPv4','ports':[{'name':'control','port':8080}],'endpoints':[{"
        "'addresses':['10.0.0.2'],'conditions':{'ready':true},'targetRef':{'kind':'Pod','name':"
        "'gw-2','uid':'u2'}}]}");
    lead(rig, &rig->a);
    assert_string_equal(fake_gateways_urls(rig->a.gateways, "default/edge"),
                        "http://10.0.0.2:8080");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_standby_is_ready_and_writes_nothing),
        TEST(a_standby_counts_objects_and_has_no_opinion_of_them),
        TEST(looks_are_counted_by_kind_and_result),
        TEST(who_takes_over_looks_at_everything),
        TEST(leading_before_the_caches_are_complete_waits_for_them),
        TEST(the_grace_of_a_conversion_begins_with_the_takeover),
        TEST(what_an_earlier_leader_left_half_done_is_reloaded_first),
        TEST(what_was_edited_and_not_reported_is_reloaded_first),
        TEST(a_conflict_is_judged_by_what_happened_meanwhile),
        TEST(a_write_in_flight_is_cancelled_when_leadership_is_lost),
        TEST(leadership_may_go_in_the_round_in_which_it_came),
        TEST(after_the_loss_nothing_is_written_whatever_happens),
        TEST(at_any_moment_leadership_may_go_and_come_back),
        TEST(a_followed_service_is_followed_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
