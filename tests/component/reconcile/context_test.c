/* SPDX-License-Identifier: Apache-2.0 */
/* OperatorContexts, their Secrets and Services. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "rig.h"

static void expect_urls(const struct rig *rig, const char *context, const char *urls)
{
    assert_string_equal(fake_gateways_urls(rig->gateways, context), urls);
}

static void the_default_context_may_allow_adoption(void **state)
{
    struct rig *rig = *state;
    static const struct gateway_endpoint endpoint = {
        .id = "http://gw", .url = "http://gw", .pod = "", .ready = true};
    struct default_context context = {
        .endpoints = &endpoint, .endpoint_count = 1, .abilities = {.version = ""}};
    rig_start(rig);
    reconciler_set_default_context(rig->reconciler, &context);
    expect_urls(rig, "", "http://gw");
    context.allow_adoption = true;
    reconciler_set_default_context(rig->reconciler, &context);
    expect_urls(rig, "", "http://gw adopts");
}

static const char edge[] = "{'kind':'OperatorContext','metadata':{'name':'edge','namespace':'tyk'},"
                           "'spec':{'urls':['http://gw1'],'allowedNamespaces':{'from':'All'}}}";
static const char edge_with_secret[] =
    "{'kind':'OperatorContext','metadata':{'name':'edge','namespace':'tyk'},'spec':{'urls':["
    "'http://gw1'],'secretRef':{'name':'conf'},'allowedNamespaces':{'from':'All'}}}";

/* That Secret. */
static void conf(struct rig *rig, const char *data)
{
    CLEANUP(freep)
    char *json = xasprintf(
        "{'kind':'Secret','metadata':{'name':'conf','namespace':'tyk'},'data':{%s}}", data);
    fake_world_apply(rig->world, json);
}

static void context_api(struct rig *rig, const char *context)
{
    CLEANUP(freep)
    char *json = xasprintf("{'kind':'ApiDefinition','metadata':{'name':'orders'},'spec':{'name':"
                           "'orders','contextRef':{'name':'%s','namespace':'tyk'},'proxy':{"
                           "'target_url':'http://up/','listen_path':'/orders/'}}}",
                           context);
    fake_world_apply(rig->world, json);
}

static void a_context_is_read_with_its_secret_before_its_apis_are_judged(void **state)
{
    struct rig *rig = *state;
    conf(rig, "'TYK_AUTH':'c2VjcmV0','TYK_ORG':'b3JnMQ=='");
    fake_world_apply(
        rig->world, "{'kind':'OperatorContext','metadata':{'name':'edge','namespace':'tyk'},'spec':"
                    "{'urls':['http://GW1:8080/','http://gw2'],'secretRef':{'name':'conf'},"
                    "'allowedNamespaces':{'from':'All'}}}");
    context_api(rig, "edge");
    rig_start(rig);
    expect_urls(rig, "tyk/edge", "http://gw1:8080 http://gw2");
    rig_expect_in_document(rig, "default/orders", "\"org_id\":\"org1\"", true);
    rig_expect_reason(rig, "default/orders", "Ready", "Synced");
    assert_int_equal(fake_world_events(rig->world, "default/orders", "Synced"), 1);
    assert_int_equal(fake_world_status_writes(rig->world), 2); /* the API's and the context's */
}

static void a_refused_secret_is_told_with_the_remedy(void **state)
{
    struct rig *rig = *state;
    fake_world_apply(rig->world, edge);
    context_api(rig, "edge");
    rig_start(rig);
    fake_gateways_set_state(rig->gateways, "default/orders", GATEWAY_UNAUTHORIZED, 1,
                            "gw1: HTTP 403");
    fake_gateways_set_summary(rig->gateways, "tyk/edge", GATEWAY_UNAUTHORIZED, "gw1: HTTP 403");
    fake_loop_advance(rig->loop, 11000);
    CLEANUP(freep)
    char *of_api = fake_world_read(rig->world, OBJECT_API, "default/orders", "status/conditions");
    CLEANUP(freep)
    char *of_context = fake_world_read(rig->world, OBJECT_CONTEXT, "tyk/edge", "status/conditions");
    assert_non_null(strstr(of_api, "a gateway refuses the secret: gw1: HTTP 403 (TYK_AUTH of its "
                                   "context must be the secret of the gateway's own"));
    assert_non_null(strstr(of_context, "1 of 2 gateways hold what they should: gw1: HTTP 403, the "
                                       "secret is refused (TYK_AUTH of spec.secretRef must be"));
}

static void expect_context_reason(const struct rig *rig, const char *reason)
{
    fake_world_expect_reason(rig->world, OBJECT_CONTEXT, "tyk/edge", "Ready", reason);
}

/* Else --once ends with a status that says that its gateways are not done yet, for good. */
static void nothing_is_settled_while_the_status_of_a_context_waits(void **state)
{
    struct rig *rig = *state;
    fake_world_apply(rig->world, edge);
    rig_start(rig);
    fake_loop_advance(rig->loop, 5000);
    fake_gateways_set_summary(rig->gateways, "tyk/edge", GATEWAY_UNREACHABLE, "gw1: timeout");
    expect_context_reason(rig, "GatewayUnreachable");
    fake_gateways_set_summary(rig->gateways, "tyk/edge", GATEWAY_SYNCED, "");
    expect_context_reason(rig, "GatewayUnreachable");
    assert_false(reconciler_is_settled(rig->reconciler));
    fake_loop_advance(rig->loop, 1000);
    expect_context_reason(rig, "GatewaysSynced");
    assert_true(reconciler_is_settled(rig->reconciler));
}

/* At a start they are not known yet, at each edit they are busy. */
static void gateways_that_are_busy_for_a_moment_are_not_told(void **state)
{
    struct rig *rig = *state;
    fake_world_apply(rig->world, edge);
    rig_start(rig);
    fake_loop_advance(rig->loop, 5000);
    expect_context_reason(rig, "GatewaysSynced");
    unsigned before = fake_world_status_writes(rig->world);
    for (int i = 0; i < 2; i++) {
        fake_gateways_set_summary(rig->gateways, "tyk/edge", GATEWAY_PENDING, "gw1");
        fake_loop_advance(rig->loop, 1900);
        fake_gateways_set_summary(rig->gateways, "tyk/edge", GATEWAY_SYNCED, "");
        fake_loop_advance(rig->loop, 5000);
    }
    assert_int_equal(fake_world_status_writes(rig->world), before);
    fake_gateways_set_summary(rig->gateways, "tyk/edge", GATEWAY_PENDING, "gw1");
    fake_loop_advance(rig->loop, 2000);
    expect_context_reason(rig, "Progressing");
    fake_gateways_set_summary(rig->gateways, "tyk/edge", GATEWAY_SYNCED, "");
    fake_loop_advance(rig->loop, 1000);
    expect_context_reason(rig, "GatewaysSynced");
}

static void a_change_of_a_context_reaches_the_documents_of_its_apis(void **state)
{
    struct rig *rig = *state;
    conf(rig, "'TYK_AUTH':'c2VjcmV0','TYK_ORG':'b3JnMQ=='");
    fake_world_apply(rig->world, edge_with_secret);
    context_api(rig, "edge");
    rig_start(rig);
    rig_expect_in_document(rig, "default/orders", "\"org_id\":\"org1\"", true);
    conf(rig, "'TYK_AUTH':'c2VjcmV0','TYK_ORG':'b3JnMg=='");
    fake_loop_advance(rig->loop, 3000);
    rig_expect_in_document(rig, "default/orders", "\"org_id\":\"org2\"", true);
}

static void a_context_that_does_not_permit_looks_like_one_that_is_not_there(void **state)
{
    struct rig *rig = *state;
    fake_world_apply(
        rig->world, "{'kind':'OperatorContext','metadata':{'name':'edge','namespace':'tyk'},'spec':"
                    "{'urls':['http://gw1'],'allowedNamespaces':{'from':'Same'}}}");
    context_api(rig, "edge");
    rig_start(rig);
    fake_loop_advance(rig->loop, 3000);
    rig_expect_reason(rig, "default/orders", "ResolvedRefs", "ContextNotFound");
    CLEANUP(freep)
    char *denied =
        fake_world_read(rig->world, OBJECT_API, "default/orders", "status/conditions/0/message");
    fake_world_delete(rig->world, OBJECT_CONTEXT, "tyk/edge");
    fake_loop_advance(rig->loop, 3000);
    CLEANUP(freep)
    char *absent =
        fake_world_read(rig->world, OBJECT_API, "default/orders", "status/conditions/0/message");
    assert_string_equal(denied, absent);
    assert_null(fake_gateways_document(rig->gateways, "default/orders"));
}

/* An API that is in place, and whose contextRef leads nowhere since. */
static void mistype_context(struct rig *rig)
{
    fake_world_apply(rig->world, edge);
    context_api(rig, "edge");
    rig_start(rig);
    rig_expect_reason(rig, "default/orders", "Ready", "Synced");
    context_api(rig, "egde");
    fake_loop_advance(rig->loop, 3000);
    rig_expect_reason(rig, "default/orders", "ResolvedRefs", "ContextNotFound");
}

/* A contextRef that leads nowhere changes nothing on any gateway: whoever comes to the gateways
 * where the API still stands must not have its path. */
static void what_an_api_holds_stays_its_own_while_its_context_is_missing(void **state)
{
    struct rig *rig = *state;
    mistype_context(rig);
    fake_world_apply(rig->world,
                     "{'kind':'ApiDefinition','metadata':{'name':'rival'},'spec':{'name':'rival',"
                     "'contextRef':{'name':'edge','namespace':'tyk'},'proxy':{'target_url':"
                     "'http://up/','listen_path':'/orders/'}}}");
    fake_loop_advance(rig->loop, 3000);
    rig_expect_reason(rig, "default/rival", "Ready", "Conflict");
    assert_null(fake_gateways_document(rig->gateways, "default/rival"));
    rig_expect_api(rig, "default/orders", "status/contextRef/name", "'edge'");
    context_api(rig, "edge");
    fake_loop_advance(rig->loop, 3000);
    rig_expect_reason(rig, "default/orders", "Ready", "Synced");
}

/* It is by its status that a new process knows where it stands. */
static void what_an_api_holds_is_kept_where_it_stands_after_a_restart(void **state)
{
    struct rig *rig = *state;
    mistype_context(rig);
    rig_stop(rig);
    rig_start(rig);
    fake_loop_advance(rig->loop, 1000);
    assert_string_equal(fake_gateways_kept_in(rig->gateways, "default/orders"), "tyk/edge");
}

/* It was edited after its push, before a status told of that. */
static void what_was_pushed_is_recorded_though_the_spec_leads_nowhere_since(void **state)
{
    struct rig *rig = *state;
    fake_world_apply(rig->world, edge);
    context_api(rig, "edge");
    fake_world_fail_statuses(rig->world, ERR_TRANSIENT, true);
    rig_start(rig);
    context_api(rig, "egde");
    fake_world_fail_statuses(rig->world, ERR_TRANSIENT, false);
    fake_loop_advance(rig->loop, 10000);
    rig_expect_reason(rig, "default/orders", "ResolvedRefs", "ContextNotFound");
    assert_non_null(fake_gateways_document(rig->gateways, "default/orders"));
    rig_expect_api(rig, "default/orders", "status/contextRef/name", "'edge'");
    rig_expect_api(rig, "default/orders", "status/listenPath", "'/orders/'");
}

static void what_is_deleted_after_a_restart_leaves_where_it_stands(void **state)
{
    struct rig *rig = *state;
    mistype_context(rig);
    rig_stop(rig);
    rig_start(rig);
    fake_gateways_set_unreachable(rig->gateways, true);
    fake_world_delete(rig->world, OBJECT_API, "default/orders");
    fake_loop_advance(rig->loop, 1000);
    assert_string_equal(fake_gateways_removed_from(rig->gateways, "default/orders"), "tyk/edge");
}

/* What uses a Webhook is known when all APIs have been looked at; one that goes before counts as
 * looked at. */
static void an_api_that_goes_before_it_is_looked_at_holds_nothing_up(void **state)
{
    struct rig *rig = *state;
    fake_world_apply(rig->world, edge_with_secret);
    context_api(rig, "edge");
    rig_webhook(rig, "pager", "");
    fake_world_hold_follows(rig->world, true);
    rig_start(rig);
    fake_world_strip(rig->world, OBJECT_API, "default/orders");
    fake_world_delete(rig->world, OBJECT_API, "default/orders");
    fake_loop_advance(rig->loop, 3000);
    fake_world_expect_reason(rig->world, OBJECT_WEBHOOK, "default/pager", "Ready", "Valid");
}

static void a_context_that_goes_before_its_secret_is_read_lets_its_apis_go_on(void **state)
{
    struct rig *rig = *state;
    rig_start(rig);
    fake_world_hold_follows(rig->world, true);
    fake_world_apply(rig->world, edge_with_secret);
    context_api(rig, "edge");
    fake_loop_advance(rig->loop, 1000);
    rig_expect_api(rig, "default/orders", "status/conditions", NULL);
    fake_world_delete(rig->world, OBJECT_CONTEXT, "tyk/edge");
    fake_loop_advance(rig->loop, 3000);
    rig_expect_reason(rig, "default/orders", "ResolvedRefs", "ContextNotFound");
}

/* Its APIs hold all others up for a minute: from then on what stands of them stays, and the rest is
 * put in order. */
static void a_context_whose_secret_cannot_be_read_does_not_hold_up_all(void **state)
{
    struct rig *rig = *state;
    fake_world_apply(rig->world, edge_with_secret);
    context_api(rig, "edge");
    rig_webhook(rig, "mail", "");
    rig_api(rig, "others", "mail", "");
    fake_world_hold_follows(rig->world, true);
    rig_start(rig);
    assert_non_null(fake_gateways_document(rig->gateways, "default/others"));
    fake_loop_advance(rig->loop, 59000);
    assert_false(fake_gateways_is_complete(rig->gateways));
    assert_false(fake_gateways_is_kept(rig->gateways, "default/orders"));
    fake_loop_advance(rig->loop, 2000);
    assert_true(fake_gateways_is_kept(rig->gateways, "default/orders"));
    assert_true(fake_gateways_is_complete(rig->gateways));
    fake_world_expect_reason(rig->world, OBJECT_WEBHOOK, "default/mail", "Ready", "Valid");
    rig_expect_api(rig, "default/orders", "status/conditions", NULL);

    fake_loop_advance(rig->loop, 600000);
    assert_null(fake_gateways_document(rig->gateways, "default/orders"));
    conf(rig, "'TYK_AUTH':'c2VjcmV0'");
    fake_world_hold_follows(rig->world, false);
    fake_loop_advance(rig->loop, 3000);
    assert_non_null(fake_gateways_document(rig->gateways, "default/orders"));
    rig_expect_reason(rig, "default/orders", "Ready", "Synced");
}

/* Who deletes a Webhook is to know that it is used. */
static void what_uses_a_webhook_is_counted_also_while_its_context_is_not_known(void **state)
{
    struct rig *rig = *state;
    fake_world_apply(rig->world, edge_with_secret);
    rig_webhook(rig, "mail", "");
    fake_world_apply(rig->world,
                     "{'kind':'ApiDefinition','metadata':{'name':'orders'},'spec':{'contextRef':{"
                     "'name':'edge','namespace':'tyk'},'name':'orders','proxy':{'target_url':"
                     "'http://up/','listen_path':'/orders/'},'event_handlers':{'events':{"
                     "'QuotaExceeded':[{'handler_name':'eh_web_hook_handler','handler_meta':{'id':"
                     "'mail'}}]}}}}");
    fake_world_hold_follows(rig->world, true);
    rig_start(rig);
    fake_loop_advance(rig->loop, 65000);
    fake_world_expect(rig->world, OBJECT_WEBHOOK, "default/mail", "status/usedBy/apis", "1");
}

static void a_missing_secret_blocks_the_context_and_is_said(void **state)
{
    struct rig *rig = *state;
    fake_world_apply(
        rig->world, "{'kind':'OperatorContext','metadata':{'name':'edge','namespace':'tyk'},'spec':"
                    "{'urls':['http://gw1'],'secretRef':{'name':'conf'}}}");
    rig_start(rig);
    expect_urls(rig, "tyk/edge",
                "http://gw1 blocked: Secret tyk/conf is missing or may not be read");
    fake_loop_advance(rig->loop, 2000);
    fake_world_expect_reason(rig->world, OBJECT_CONTEXT, "tyk/edge", "Ready", "SecretNotFound");
    conf(rig, "'TYK_AUTH':'c2VjcmV0'");
    fake_loop_advance(rig->loop, 2000);
    expect_urls(rig, "tyk/edge", "http://gw1");
}

static const char service[] =
    "{'kind':'Service','metadata':{'name':'gw','namespace':'tyk'},'spec':{'ports':[{'name':"
    "'control','port':80}]}}";

static void slice(struct rig *rig, const char *endpoints)
{
    CLEANUP(freep)
    char *json = xasprintf("{'kind':'EndpointSlice','metadata':{'name':'gw-1','namespace':'tyk',"
                           "'labels':{'kubernetes.io/service-name':'gw'}},'addressType':'IPv4',"
                           "'ports':[{'name':'control','port':8080}],'endpoints':[%s]}",
                           endpoints);
    fake_world_apply(rig->world, json);
}

static void each_pod_behind_a_service_is_a_gateway(void **state)
{
    struct rig *rig = *state;
    fake_world_apply(rig->world, "{'kind':'OperatorContext','metadata':{'name':'edge','namespace':"
                                 "'tyk'},'spec':{'serviceRef':{'name':'gw','port':'control'}}}");
    /* The slice arrives before its Service. */
    slice(rig, "{'addresses':['10.0.0.1'],'targetRef':{'uid':'u1','name':'p1'}}");
    rig_start(rig);
    fake_loop_advance(rig->loop, 2000);
    fake_world_expect_reason(rig->world, OBJECT_CONTEXT, "tyk/edge", "Ready", "ServiceNotFound");
    fake_world_apply(rig->world, service);
    fake_loop_advance(rig->loop, 2000);
    expect_urls(rig, "tyk/edge", "http://10.0.0.1:8080");
    slice(rig, "{'addresses':['10.0.0.1'],'targetRef':{'uid':'u1'},'conditions':{'terminating':"
               "true}},{'addresses':['10.0.0.2'],'targetRef':{'uid':'u2'},'conditions':{'ready':"
               "false}}");
    expect_urls(rig, "tyk/edge", "http://10.0.0.2:8080(not ready)");
    fake_world_delete(rig->world, OBJECT_CONTEXT, "tyk/edge");
    assert_false(fake_gateways_has_context(rig->gateways, "tyk/edge"));
}

static void a_tyk_url_that_names_a_service_means_its_pods(void **state)
{
    struct rig *rig = *state;
    fake_world_apply(rig->world, service);
    slice(rig, "{'addresses':['10.0.0.1'],'targetRef':{'uid':'u1','name':'p1'}}");
    /* http://gw.tyk.svc */
    conf(rig, "'TYK_AUTH':'cw==','TYK_URL':'aHR0cDovL2d3LnR5ay5zdmM='");
    fake_world_apply(rig->world, "{'kind':'OperatorContext','metadata':{'name':'edge','namespace':"
                                 "'tyk'},'spec':{'secretRef':{'name':'conf'}}}");
    rig_start(rig);
    expect_urls(rig, "tyk/edge", "http://10.0.0.1:8080");
    /* http://tyk.io has no Service: an ordinary address after all */
    conf(rig, "'TYK_AUTH':'cw==','TYK_URL':'aHR0cDovL3R5ay5pbw=='");
    fake_loop_advance(rig->loop, 2000);
    expect_urls(rig, "tyk/edge", "http://tyk.io");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)

static const struct CMUnitTest tests[] = {
    TEST(the_default_context_may_allow_adoption),
    TEST(a_context_is_read_with_its_secret_before_its_apis_are_judged),
    TEST(a_refused_secret_is_told_with_the_remedy),
    TEST(nothing_is_settled_while_the_status_of_a_context_waits),
    TEST(gateways_that_are_busy_for_a_moment_are_not_told),
    TEST(a_change_of_a_context_reaches_the_documents_of_its_apis),
    TEST(a_context_that_does_not_permit_looks_like_one_that_is_not_there),
    TEST(what_an_api_holds_stays_its_own_while_its_context_is_missing),
    TEST(what_was_pushed_is_recorded_though_the_spec_leads_nowhere_since),
    TEST(what_is_deleted_after_a_restart_leaves_where_it_stands),
    TEST(what_an_api_holds_is_kept_where_it_stands_after_a_restart),
    TEST(an_api_that_goes_before_it_is_looked_at_holds_nothing_up),
    TEST(a_context_that_goes_before_its_secret_is_read_lets_its_apis_go_on),
    TEST(a_context_whose_secret_cannot_be_read_does_not_hold_up_all),
    TEST(what_uses_a_webhook_is_counted_also_while_its_context_is_not_known),
    TEST(a_missing_secret_blocks_the_context_and_is_said),
    TEST(each_pod_behind_a_service_is_a_gateway),
    TEST(a_tyk_url_that_names_a_service_means_its_pods),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
