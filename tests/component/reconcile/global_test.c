/* SPDX-License-Identifier: Apache-2.0 */
/* A global webhook changes or goes: who is touched, what is converted and rewritten, and when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "rig.h"

/* Change of a global. */

static void a_changed_global_touches_just_the_apis_that_refer_to_it(void **state)
{
    struct rig *rig = *state;
    rig_webhook(rig, "pager", "");
    rig_webhook(rig, "mail", "");
    rig_api(rig, "a", "pager", "");
    rig_api(rig, "b", "default/pager", "");
    rig_api(rig, "c", "mail", "");
    rig_start(rig);
    unsigned pushes = fake_gateways_pushes(rig->gateways);
    rig_webhook(rig, "pager", ",'name':'Second'");
    assert_int_equal(fake_gateways_pushes(rig->gateways), pushes + 2);
    rig_expect_in_document(rig, "default/a", "Second", true);
    rig_expect_in_document(rig, "default/b", "Second", true);
    rig_expect_api(rig, "default/a", "status/webhooks/0/webhook/generation", "2");
}

static void usage_is_told_in_the_webhooks_status(void **state)
{
    struct rig *rig = *state;
    rig_webhook(rig, "pager", "");
    rig_api(rig, "a", "pager", "");
    rig_api(rig, "b", "pager", "");
    rig_start(rig);
    fake_loop_advance(rig->loop, 2000);
    fake_world_expect(rig->world, OBJECT_WEBHOOK, "default/pager", "status/usedBy",
                      "{'apis':2,'handlers':2}");
    fake_world_expect_reason(rig->world, OBJECT_WEBHOOK, "default/pager", "Ready", "Valid");
    fake_world_delete(rig->world, OBJECT_API, "default/b");
    fake_loop_advance(rig->loop, 2000);
    fake_world_expect(rig->world, OBJECT_WEBHOOK, "default/pager", "status/usedBy",
                      "{'apis':1,'handlers':1}");
}

/* Else a global of all APIs costs the square of their number. */
static void a_webhook_is_not_looked_at_for_each_api_that_begins_to_use_it(void **state)
{
    struct rig *rig = *state;
    rig_webhook(rig, "pager", "");
    char name[16];
    for (int i = 0; i < 300; i++) {
        snprintf(name, sizeof(name), "api%d", i);
        rig_api(rig, name, "pager", "");
    }
    rig_start(rig);
    for (int i = 0; i < 100 && !reconciler_is_settled(rig->reconciler); i++)
        fake_loop_advance(rig->loop, 100);
    fake_world_expect(rig->world, OBJECT_WEBHOOK, "default/pager", "status/usedBy",
                      "{'apis':300,'handlers':300}");
    struct look_figures figures[LOOK_KIND_COUNT];
    reconciler_figures(rig->reconciler, figures);
    assert_int_equal(figures[1].kind, OBJECT_WEBHOOK);
    uint64_t looks = 0;
    for (size_t i = 0; i < LOOK_RESULT_COUNT; i++)
        looks += figures[1].results[i];
    assert_in_range(looks, 1, 10);
}

static void one_of_two_webhooks_with_one_id_is_told_that_it_does_not_hold_it(void **state)
{
    struct rig *rig = *state;
    rig_webhook(rig, "first", ",'id':'x1'");
    rig_start(rig);
    fake_loop_advance(rig->loop, 2000);
    rig_webhook(rig, "second", ",'id':'x1'");
    fake_loop_advance(rig->loop, 2000);
    fake_world_expect_reason(rig->world, OBJECT_WEBHOOK, "default/first", "Ready", "Valid");
    fake_world_expect_reason(rig->world, OBJECT_WEBHOOK, "default/second", "Ready", "DuplicateId");
    fake_world_delete(rig->world, OBJECT_WEBHOOK, "default/first");
    fake_loop_advance(rig->loop, 2000);
    fake_world_expect_reason(rig->world, OBJECT_WEBHOOK, "default/second", "Ready", "Valid");
}

/* Deletion of a global. */

static void a_deleted_global_is_converted_after_the_grace(void **state)
{
    struct rig *rig = *state;
    rig_webhook(rig, "pager", "");
    rig_api(rig, "orders", "pager", ",'labels':{'app.kubernetes.io/managed-by':'Helm'}");
    rig_start(rig);
    fake_world_delete(rig->world, OBJECT_WEBHOOK, "default/pager");
    fake_loop_advance(rig->loop, RIG_GRACE_MS - 1);
    rig_expect_in_document(rig, "default/orders", "\"id\":\"pager\"", true);
    rig_expect_api(rig, "default/orders", "status/webhooks/0/source", "'Global'");
    rig_expect_reason(rig, "default/orders", "Ready", "Synced");

    fake_loop_advance(rig->loop, 1000);
    rig_expect_in_document(rig, "default/orders", "\"id\":\"pager\"", false);
    rig_expect_in_document(rig, "default/orders", "https://pager/hook", true);
    rig_expect_api(rig, "default/orders", "status/webhooks/0/source", "'Converted'");
    rig_expect_reason(rig, "default/orders", "ResolvedRefs", "Converted");
    rig_expect_reason(rig, "default/orders", "Ready", "Synced");
    assert_int_equal(fake_world_events(rig->world, "default/orders", "Converted"), 1);
    CLEANUP(freep)
    char *annotation =
        fake_world_read(rig->world, OBJECT_API, "default/orders", "metadata/annotations");
    assert_non_null(strstr(annotation, "https://pager/hook"));
    /* Helm owns it: the spec stays. */
    fake_loop_advance(rig->loop, 10 * RIG_REWRITE_MS);
    rig_expect_api(rig, "default/orders", "metadata/generation", "1");
}

static void copies_that_no_annotation_can_hold_are_converted_all_the_same(void **state)
{
    struct rig *rig = *state;
    CLEANUP(buf_fini) struct buf headers;
    buf_init(&headers, BUF_UNLIMITED);
    for (int i = 0; i < 32; i++)
        buf_add_format(&headers, "%s{'name':'X-%d','value':'%08000d'}", i ? "," : "", i, i);
    CLEANUP(freep) char *rest = xasprintf(",'headers':[%s]", buf_text(&headers));
    rig_webhook(rig, "small", "");
    rig_webhook(rig, "large", rest);
    fake_world_apply(
        rig->world,
        "{'kind':'ApiDefinition','metadata':{'name':'orders'},'spec':{'oas':{'openapi':'3.0.3',"
        "'info':{'title':'orders','version':'1'},'paths':{},'x-tyk-api-gateway':{'info':{'name':"
        "'orders','state':{'active':true}},'upstream':{'url':'http://up/'},'server':{'listenPath':"
        "{'value':'/orders/'},'eventHandlers':[{'enabled':true,'trigger':'AuthFailure','type':"
        "'webhook','id':'small'},{'enabled':true,'trigger':'AuthFailure','type':'webhook','id':"
        "'large'}]}}}}}");
    rig_start(rig);
    fake_world_delete(rig->world, OBJECT_WEBHOOK, "default/small");
    fake_loop_advance(rig->loop, RIG_GRACE_MS + 1000);
    rig_expect_in_document(rig, "default/orders", "\"id\":\"small\"", false);
    CLEANUP(freep)
    char *annotation =
        fake_world_read(rig->world, OBJECT_API, "default/orders", "metadata/annotations");
    assert_non_null(annotation);
    assert_non_null(strstr(annotation, "small"));

    /* Half of them would be a wrong memory. */
    fake_world_delete(rig->world, OBJECT_WEBHOOK, "default/large");
    fake_loop_advance(rig->loop, RIG_GRACE_MS + 1000);
    rig_expect_in_document(rig, "default/orders", "\"id\":\"large\"", false);
    rig_expect_reason(rig, "default/orders", "ResolvedRefs", "Converted");
    CLEANUP(freep)
    char *left = fake_world_read(rig->world, OBJECT_API, "default/orders", "metadata/annotations");
    assert_true(!left || !strstr(left, "converted-webhooks"));
}

/* Else nothing would ever be converted where only --once runs. */
static void nothing_is_settled_while_a_grace_or_the_delay_of_a_rewrite_runs(void **state)
{
    struct rig *rig = *state;
    rig_webhook(rig, "pager", "");
    rig_api(rig, "orders", "pager", "");
    rig_start(rig);
    fake_loop_advance(rig->loop, 3000);
    assert_true(reconciler_is_settled(rig->reconciler));
    fake_world_delete(rig->world, OBJECT_WEBHOOK, "default/pager");
    fake_loop_advance(rig->loop, RIG_GRACE_MS - 1000);
    assert_false(reconciler_is_settled(rig->reconciler));
    fake_loop_advance(rig->loop, 3000);
    rig_expect_api(rig, "default/orders", "status/webhooks/0/source", "'Converted'");
    assert_false(reconciler_is_settled(rig->reconciler));
    fake_loop_advance(rig->loop, RIG_REWRITE_MS + 3000);
    rig_expect_api(rig, "default/orders", "metadata/generation", "2");
    assert_true(reconciler_is_settled(rig->reconciler));

    rig_api(rig, "waits", "nobody", "");
    fake_loop_advance(rig->loop, RIG_REFERENCE_GRACE_MS - 1000);
    assert_false(reconciler_is_settled(rig->reconciler));
    fake_loop_advance(rig->loop, 4000);
    rig_expect_in_document(rig, "default/waits", "nobody", false);
    assert_true(reconciler_is_settled(rig->reconciler));
}

#define REFERENCE "'},{'enabled':true,'trigger':'KeyExpired','type':'webhook','id':'"

/* A sealed value of a reference that stays is in nobody's way. */
static void only_references_whose_policy_says_so_are_rewritten(void **state)
{
    struct rig *rig = *state;
    rig_secret(rig, "token");
    rig_webhook(rig, "moves", ",'conversionPolicy':'Rewrite'");
    rig_webhook(rig, "stays", ",'conversionPolicy':'Retain'");
    rig_webhook(rig, "sealed",
                ",'conversionPolicy':'Retain','headers':[{'name':'A','valueFrom':{'secretKeyRef':"
                "{'name':'token','key':'t'}}}]");
    rig_api(rig, "orders", "stays" REFERENCE "moves" REFERENCE "sealed", "");
    rig_start(rig);
    fake_world_delete(rig->world, OBJECT_WEBHOOK, "default/moves");
    fake_world_delete(rig->world, OBJECT_WEBHOOK, "default/stays");
    fake_world_delete(rig->world, OBJECT_WEBHOOK, "default/sealed");
    fake_loop_advance(rig->loop, RIG_GRACE_MS + 3 * RIG_REWRITE_MS);
    static const char handlers[] = "spec/oas/x-tyk-api-gateway/server/eventHandlers";
    CLEANUP(freep)
    char *spec = fake_world_read(rig->world, OBJECT_API, "default/orders", handlers);
    assert_non_null(strstr(spec, "\"id\":\"stays\""));
    assert_non_null(strstr(spec, "\"id\":\"sealed\""));
    assert_null(strstr(spec, "\"id\":\"moves\""));
    assert_non_null(strstr(spec, "https://moves/hook"));
    rig_expect_api(rig, "default/orders", "metadata/generation", "2");
    rig_expect_reason(rig, "default/orders", "ResolvedRefs", "Converted");
    assert_int_equal(fake_world_events(rig->world, "default/orders", "SpecRewritten"), 1);
}

static void delete_and_recreate_within_the_grace_is_no_deletion(void **state)
{
    struct rig *rig = *state;
    rig_webhook(rig, "pager", "");
    rig_api(rig, "orders", "pager", "");
    rig_start(rig);
    fake_world_delete(rig->world, OBJECT_WEBHOOK, "default/pager");
    fake_loop_advance(rig->loop, RIG_GRACE_MS / 2);
    rig_webhook(rig, "pager", "");
    fake_loop_advance(rig->loop, 10 * RIG_GRACE_MS);
    rig_expect_api(rig, "default/orders", "status/webhooks/0/source", "'Global'");
    assert_int_equal(fake_world_events(rig->world, "default/orders", "Converted"), 0);
}

static void nothing_is_converted_while_the_view_proves_nothing(void **state)
{
    struct rig *rig = *state;
    rig_webhook(rig, "pager", "");
    rig_api(rig, "orders", "pager", "");
    rig_start(rig);
    fake_world_cut(rig->world, OBJECT_WEBHOOK, true);
    fake_world_delete(rig->world, OBJECT_WEBHOOK, "default/pager");
    fake_loop_advance(rig->loop, 100 * RIG_GRACE_MS);
    rig_expect_api(rig, "default/orders", "status/webhooks/0/source", "'Global'");
    fake_world_cut(rig->world, OBJECT_WEBHOOK, false);
    fake_loop_advance(rig->loop, 2 * RIG_GRACE_MS);
    rig_expect_api(rig, "default/orders", "status/webhooks/0/source", "'Converted'");
}

/* An operator that is started again for fewer namespaces sees no Webhooks in the others. */
/* The CRD's watch may be silent while that of its objects is not. */
static void nothing_is_converted_before_its_kind_has_been_seen_to_stand(void **state)
{
    struct rig *rig = *state;
    rig_webhook(rig, "pager", "");
    rig_api(rig, "orders", "pager", "");
    rig_start(rig);
    fake_loop_advance(rig->loop, 3000);
    fake_world_set_unsure(rig->world, true);
    int64_t gone_at = loop_now(rig->loop);
    fake_world_delete(rig->world, OBJECT_WEBHOOK, "default/pager");
    fake_loop_advance(rig->loop, RIG_GRACE_MS / 2);
    /* It is asked for early, so that the grace is not longer for it. */
    assert_int_equal(fake_world_doubted_since(rig->world), gone_at);
    fake_loop_advance(rig->loop, 2 * RIG_GRACE_MS);
    rig_expect_api(rig, "default/orders", "status/webhooks/0/source", "'Global'");
    assert_false(reconciler_is_settled(rig->reconciler));
    fake_world_set_unsure(rig->world, false);
    fake_loop_advance(rig->loop, 1000);
    rig_expect_api(rig, "default/orders", "status/webhooks/0/source", "'Converted'");
}

static void what_is_not_watched_is_not_found_but_never_gone(void **state)
{
    struct rig *rig = *state;
    fake_world_apply(rig->world, "{'kind':'Webhook','metadata':{'name':'pager','namespace':"
                                 "'platform'},'spec':{'url':'https://pager/hook','method':'POST',"
                                 "'allowedNamespaces':{'from':'All'}}}");
    rig_api(rig, "orders", "platform/pager", "");
    rig_start(rig);
    rig_expect_api(rig, "default/orders", "status/webhooks/0/source", "'Global'");
    rig_stop(rig);
    fake_world_watch_only(rig->world, "default");
    fake_world_delete(rig->world, OBJECT_WEBHOOK, "platform/pager");
    rig_start(rig);
    fake_loop_advance(rig->loop, 100 * RIG_GRACE_MS);
    rig_expect_in_document(rig, "default/orders", "https://pager/hook", true);
    rig_expect_api(rig, "default/orders", "status/webhooks/0/source", "'Global'");
    rig_expect_reason(rig, "default/orders", "ResolvedRefs", "WebhookNotFound");
    assert_int_equal(fake_world_events(rig->world, "default/orders", "Converted"), 0);
}

static void an_absence_that_proved_nothing_is_looked_at_again_when_it_does(void **state)
{
    struct rig *rig = *state;
    rig_webhook(rig, "pager", ",'conversionPolicy':'Retain'");
    rig_api(rig, "orders", "pager", "");
    rig_start(rig);
    fake_world_delete(rig->world, OBJECT_WEBHOOK, "default/pager");
    fake_world_cut(rig->world, OBJECT_WEBHOOK, true);
    fake_loop_advance(rig->loop, 10 * RIG_GRACE_MS);
    rig_expect_api(rig, "default/orders", "status/webhooks/0/source", "'Global'");
    fake_world_resume(rig->world, OBJECT_WEBHOOK);
    fake_loop_advance(rig->loop, RIG_GRACE_MS + 1000);
    rig_expect_api(rig, "default/orders", "status/webhooks/0/source", "'Converted'");
}

static void a_deletion_while_the_operator_was_down_is_converted(void **state)
{
    struct rig *rig = *state;
    rig_webhook(rig, "pager", "");
    rig_api(rig, "orders", "pager", "");
    rig_start(rig);
    rig_stop(rig);
    fake_world_delete(rig->world, OBJECT_WEBHOOK, "default/pager");
    rig_start(rig);
    fake_loop_advance(rig->loop, RIG_GRACE_MS - 1);
    rig_expect_api(rig, "default/orders", "status/webhooks/0/source", "'Global'");
    rig_expect_in_document(rig, "default/orders", "\"id\":\"pager\"", true);
    fake_loop_advance(rig->loop, 1000);
    rig_expect_api(rig, "default/orders", "status/webhooks/0/source", "'Converted'");
    rig_expect_in_document(rig, "default/orders", "https://pager/hook", true);
}

static void a_global_that_comes_back_takes_over_again(void **state)
{
    struct rig *rig = *state;
    rig_webhook(rig, "pager", ",'conversionPolicy':'Retain'");
    rig_api(rig, "orders", "pager", "");
    rig_start(rig);
    fake_world_delete(rig->world, OBJECT_WEBHOOK, "default/pager");
    fake_loop_advance(rig->loop, 2 * RIG_GRACE_MS);
    rig_webhook(rig, "pager", ",'name':'New'");
    fake_loop_advance(rig->loop, 1000);
    rig_expect_api(rig, "default/orders", "status/webhooks/0/source", "'Global'");
    rig_expect_in_document(rig, "default/orders", "\"id\":\"pager\"", true);
    rig_expect_in_document(rig, "default/orders", "New", true);
    assert_int_equal(fake_world_events(rig->world, "default/orders", "Relinked"), 1);
    rig_expect_api(rig, "default/orders", "metadata/annotations/grapnel.dev~converted", NULL);
    CLEANUP(freep)
    char *annotations =
        fake_world_read(rig->world, OBJECT_API, "default/orders", "metadata/annotations");
    assert_true(!annotations || !strstr(annotations, "pager"));
}

static void a_converted_reference_is_rewritten_after_the_delay(void **state)
{
    struct rig *rig = *state;
    rig_webhook(rig, "pager", "");
    rig_api(rig, "orders", "pager", "");
    rig_start(rig);
    fake_world_delete(rig->world, OBJECT_WEBHOOK, "default/pager");
    fake_loop_advance(rig->loop, RIG_GRACE_MS + RIG_REWRITE_MS - 1000);
    rig_expect_api(rig, "default/orders", "metadata/generation", "1");
    fake_loop_advance(rig->loop, 3000);
    static const char handler[] = "spec/oas/x-tyk-api-gateway/server/eventHandlers/0";
    char path[128];
    snprintf(path, sizeof(path), "%s/id", handler);
    rig_expect_api(rig, "default/orders", path, NULL);
    snprintf(path, sizeof(path), "%s/url", handler);
    rig_expect_api(rig, "default/orders", path, "'https://pager/hook'");
    rig_expect_api(rig, "default/orders", "metadata/generation", "2");
    assert_int_equal(fake_world_events(rig->world, "default/orders", "SpecRewritten"), 1);
    fake_loop_advance(rig->loop, 60000);
    rig_expect_reason(rig, "default/orders", "ResolvedRefs", "Resolved");
    rig_expect_reason(rig, "default/orders", "Ready", "Synced");
    /* Once: it is an ordinary local handler from now on. */
    rig_expect_api(rig, "default/orders", "metadata/generation", "2");
    /* The copy outlives the rewrite in the annotation. */
    CLEANUP(freep)
    char *annotations =
        fake_world_read(rig->world, OBJECT_API, "default/orders", "metadata/annotations");
    assert_non_null(strstr(annotations, "https://pager/hook"));
}

static void a_rewrite_that_somebody_undoes_is_not_done_again(void **state)
{
    struct rig *rig = *state;
    rig_webhook(rig, "pager", "");
    rig_api(rig, "orders", "pager", "");
    rig_start(rig);
    fake_world_delete(rig->world, OBJECT_WEBHOOK, "default/pager");
    fake_loop_advance(rig->loop, RIG_GRACE_MS + 2 * RIG_REWRITE_MS);
    assert_int_equal(fake_world_events(rig->world, "default/orders", "SpecRewritten"), 1);
    rig_expect_api(rig, "default/orders", "metadata/generation", "2");
    for (int turn = 0; turn < 5; turn++) {
        rig_api(rig, "orders", "pager", "");
        fake_loop_advance(rig->loop, 2 * RIG_REWRITE_MS);
    }
    assert_int_equal(fake_world_events(rig->world, "default/orders", "SpecRewritten"), 1);
    rig_expect_api(rig, "default/orders", "status/webhooks/0/source", "'Converted'");
    rig_expect_in_document(rig, "default/orders", "https://pager/hook", true);
    rig_expect_in_document(rig, "default/orders", "\"id\":\"pager\"", false);
    /* A Webhook that comes and goes again is another story. */
    rig_webhook(rig, "pager", "");
    fake_loop_advance(rig->loop, 1000);
    rig_expect_api(rig, "default/orders", "status/webhooks/0/source", "'Global'");
    fake_world_delete(rig->world, OBJECT_WEBHOOK, "default/pager");
    fake_loop_advance(rig->loop, RIG_GRACE_MS + 2 * RIG_REWRITE_MS);
    assert_int_equal(fake_world_events(rig->world, "default/orders", "SpecRewritten"), 2);
}

static void retain_leaves_the_spec_alone_also_across_a_restart(void **state)
{
    struct rig *rig = *state;
    rig_webhook(rig, "pager", ",'conversionPolicy':'Retain'");
    rig_api(rig, "orders", "pager", "");
    rig_start(rig);
    fake_world_delete(rig->world, OBJECT_WEBHOOK, "default/pager");
    fake_loop_advance(rig->loop, RIG_GRACE_MS + 1000);
    rig_stop(rig);
    rig_start(rig);
    fake_loop_advance(rig->loop, 10 * RIG_REWRITE_MS);
    rig_expect_api(rig, "default/orders", "metadata/generation", "1");
    rig_expect_api(rig, "default/orders", "status/webhooks/0/source", "'Converted'");
}

static void a_mass_deletion_rewrites_nothing_and_says_so(void **state)
{
    struct rig *rig = *state;
    char name[32];
    for (int i = 0; i < 5; i++) {
        snprintf(name, sizeof(name), "w%d", i);
        rig_webhook(rig, name, "");
    }
    rig_api(rig, "orders", "w0", "");
    rig_start(rig);
    for (int i = 0; i < 4; i++) {
        snprintf(name, sizeof(name), "default/w%d", i);
        fake_world_delete(rig->world, OBJECT_WEBHOOK, name);
    }
    fake_loop_advance(rig->loop, RIG_GRACE_MS + RIG_REWRITE_MS + 5000);
    rig_expect_api(rig, "default/orders", "status/webhooks/0/source", "'Converted'");
    rig_expect_api(rig, "default/orders", "metadata/generation", "1");
    assert_true(fake_world_event_says(rig->world, "at once"));
}

static void a_sealed_value_is_never_rewritten_into_a_spec(void **state)
{
    struct rig *rig = *state;
    fake_world_apply(rig->world, "{'kind':'Secret','metadata':{'name':'s'},'data':{'t':"
                                 "'VE9LRU4tMTIz'}}");
    rig_webhook(rig, "pager",
                ",'headers':[{'name':'A','valueFrom':{'secretKeyRef':{'name':'s','key':'t'}}}]");
    rig_api(rig, "orders", "pager", "");
    rig_start(rig);
    fake_world_delete(rig->world, OBJECT_WEBHOOK, "default/pager");
    fake_loop_advance(rig->loop, RIG_GRACE_MS + RIG_REWRITE_MS + 5000);
    rig_expect_api(rig, "default/orders", "status/webhooks/0/source", "'Converted'");
    rig_expect_api(rig, "default/orders", "metadata/generation", "1");
    rig_expect_in_document(rig, "default/orders", "TOKEN-123", true);
    assert_true(fake_world_event_says(rig->world, "Secret"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)

static const struct CMUnitTest tests[] = {
    TEST(a_changed_global_touches_just_the_apis_that_refer_to_it),
    TEST(usage_is_told_in_the_webhooks_status),
    TEST(a_webhook_is_not_looked_at_for_each_api_that_begins_to_use_it),
    TEST(one_of_two_webhooks_with_one_id_is_told_that_it_does_not_hold_it),
    TEST(a_deleted_global_is_converted_after_the_grace),
    TEST(copies_that_no_annotation_can_hold_are_converted_all_the_same),
    TEST(nothing_is_settled_while_a_grace_or_the_delay_of_a_rewrite_runs),
    TEST(only_references_whose_policy_says_so_are_rewritten),
    TEST(delete_and_recreate_within_the_grace_is_no_deletion),
    TEST(nothing_is_converted_while_the_view_proves_nothing),
    TEST(nothing_is_converted_before_its_kind_has_been_seen_to_stand),
    TEST(what_is_not_watched_is_not_found_but_never_gone),
    TEST(an_absence_that_proved_nothing_is_looked_at_again_when_it_does),
    TEST(a_deletion_while_the_operator_was_down_is_converted),
    TEST(a_global_that_comes_back_takes_over_again),
    TEST(a_converted_reference_is_rewritten_after_the_delay),
    TEST(a_rewrite_that_somebody_undoes_is_not_done_again),
    TEST(retain_leaves_the_spec_alone_also_across_a_restart),
    TEST(a_mass_deletion_rewrites_nothing_and_says_so),
    TEST(a_sealed_value_is_never_rewritten_into_a_spec),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
