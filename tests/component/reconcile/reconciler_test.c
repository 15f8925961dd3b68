/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/str.h"
#include "core/packing.h"
#include "reconcile/reconciler.h"
#include "support/fake_gateways.h"
#include "support/fake_loop.h"
#include "support/fake_world.h"

#define GRACE_MS INT64_C(5000)
#define REFERENCE_GRACE_MS INT64_C(10000)
#define REWRITE_MS INT64_C(30000)
#define FINALIZER_MS INT64_C(60000)

struct rig {
    struct loop *loop;
    struct packing *packing;
    struct fake_world *world;
    struct reconciler *reconciler;
    struct fake_gateways *gateways;
};

static const struct seal_key seal_key = {"0123456789abcdef0123456789abcde"};
static const char *const no_namespaces[] = {"grapnel", NULL};

static void start(struct rig *rig)
{
    struct reconciler_options options = {
        .resolve = {.default_cooldown = "10s",
                    .id_namespaces = no_namespaces,
                    .seal_key = &seal_key},
        .conversion_grace_ms = GRACE_MS,
        .reference_grace_ms = REFERENCE_GRACE_MS,
        .rewrite_delay_ms = REWRITE_MS,
        .finalizer_timeout_ms = FINALIZER_MS,
        .packing = rig->packing,
    };
    rig->reconciler = reconciler_new(rig->loop, fake_world_source(rig->world), &options);
    rig->gateways = fake_gateways_new(rig->loop, &reconciler_gateway_callbacks, rig->reconciler);
    reconciler_set_default_context(rig->reconciler,
                                   &(struct default_context){.abilities = {.version = ""}});
    reconciler_start(rig->reconciler);
    reconciler_lead(rig->reconciler, fake_world_store(rig->world),
                    fake_gateways_port(rig->gateways));
    fake_loop_run(rig->loop);
}

static void stop(struct rig *rig)
{
    fake_world_source(rig->world)->ops->free(fake_world_source(rig->world));
    reconciler_free(rig->reconciler);
    fake_gateways_free(rig->gateways);
}

static int set_up(void **state)
{
    struct rig *rig = xcalloc(1, sizeof(*rig));
    rig->loop = fake_loop_new(7);
    /* Nothing stays open: who holds on to a text of an object falls over. */
    rig->packing = packing_new(0);
    fake_loop_after_callbacks(rig->loop, packing_rest, rig->packing);
    rig->world = fake_world_new(rig->loop);
    fake_world_apply(rig->world, "{'kind':'Namespace','metadata':{'name':'default'}}");
    *state = rig;
    return 0;
}

static int tear_down(void **state)
{
    struct rig *rig = *state;
    stop(rig);
    fake_world_free(rig->world);
    packing_free(rig->packing);
    fake_loop_free(rig->loop);
    free(rig);
    return 0;
}

/* Objects. */

static void webhook(struct rig *rig, const char *name, const char *rest)
{
    CLEANUP(freep)
    char *json = xasprintf("{'kind':'Webhook','metadata':{'name':'%s'},'spec':{'url':'https://%s/"
                           "hook','method':'POST','bodyTemplate':'','conversionPolicy':'Auto'%s}}",
                           name, name, rest);
    fake_world_apply(rig->world, json);
}

/* An OAS API with one handler that refers to `ref` (NULL: none); `metadata` is added there. */
static void api(struct rig *rig, const char *name, const char *ref, const char *metadata)
{
    CLEANUP(freep)
    char *handler = ref ? xasprintf("{'enabled':true,'trigger':'AuthFailure','type':'webhook',"
                                    "'cooldownPeriod':'10s','id':'%s'}",
                                    ref)
                        : xstrdup("");
    CLEANUP(freep)
    char *json = xasprintf(
        "{'kind':'ApiDefinition','metadata':{'name':'%s'%s},'spec':{'oas':{'openapi':'3.0.3','info'"
        ":"
        "{'title':'%s','version':'1'},'paths':{},'x-tyk-api-gateway':{'info':{'name':'%s','state':"
        "{'active':true}},'upstream':{'url':'http://up/'},'server':{'listenPath':{'value':'/%s/',"
        "'strip':true},'eventHandlers':[%s]}}}}}",
        name, metadata, name, name, name, handler);
    fake_world_apply(rig->world, json);
}

static void expect_in_document(const struct rig *rig, const char *key, const char *text, bool there)
{
    const char *document = fake_gateways_document(rig->gateways, key);
    assert_non_null(document);
    if ((strstr(document, text) != NULL) != there)
        fail_msg("%s: %s%s in %s", key, text, there ? " is missing" : " stands", document);
}

static void expect_api(const struct rig *rig, const char *key, const char *path, const char *json)
{
    fake_world_expect(rig->world, OBJECT_API, key, path, json);
}

static void expect_reason(const struct rig *rig, const char *key, const char *condition,
                          const char *reason)
{
    fake_world_expect_reason(rig->world, OBJECT_API, key, condition, reason);
}

/* Pushing and reporting. */

static void an_api_without_references_is_pushed_and_reported(void **state)
{
    struct rig *rig = *state;
    start(rig);
    api(rig, "orders", NULL, "");
    expect_in_document(rig, "default/orders", "\"/orders/\"", true);
    expect_reason(rig, "default/orders", "Ready", "Synced");
    expect_reason(rig, "default/orders", "Programmed", "Programmed");
    expect_reason(rig, "default/orders", "Reconciling", NULL);
    expect_api(rig, "default/orders", "status/gateways", "{'total':2,'synced':2}");
    expect_api(rig, "default/orders", "status/observedGeneration", "1");
    expect_api(rig, "default/orders", "status/apiId", "'ZGVmYXVsdC9vcmRlcnM'");
    expect_api(rig, "default/orders", "metadata/finalizers", "['grapnel.dev/gateway']");
    assert_int_equal(fake_world_events(rig->world, "default/orders", "Synced"), 1);
    assert_int_equal(fake_gateways_pushes(rig->gateways), 1);
    assert_int_equal(fake_world_status_writes(rig->world), 1);
}

static void statuses_wait_for_writes_but_gateways_do_not(void **state)
{
    struct rig *rig = *state;
    fake_world_set_unchangeable(rig->world); /* no finalizers: a status is the first write */
    start(rig);
    fake_world_hold_writes(rig->world, true);
    char name[16];
    for (int i = 0; i < 600; i++) {
        snprintf(name, sizeof(name), "api%d", i);
        api(rig, name, NULL, "");
    }
    fake_loop_run(rig->loop);
    assert_in_range(fake_world_status_writes(rig->world), 200, 300);
    expect_in_document(rig, "default/api599", "\"/api599/\"", true);
    assert_false(reconciler_is_settled(rig->reconciler));
    fake_world_hold_writes(rig->world, false);
    fake_loop_run(rig->loop);
    assert_int_equal(fake_world_status_writes(rig->world), 600);
    expect_reason(rig, "default/api599", "Ready", "Synced");
    assert_true(reconciler_is_settled(rig->reconciler));
}

static void a_reference_becomes_a_copy_in_status_and_document(void **state)
{
    struct rig *rig = *state;
    webhook(rig, "pager", "");
    start(rig);
    api(rig, "orders", "pager", "");
    expect_in_document(rig, "default/orders", "https://pager/hook", true);
    expect_in_document(rig, "default/orders", "\"id\":\"pager\"", true);
    expect_api(rig, "default/orders", "status/webhooks/0/source", "'Global'");
    expect_api(rig, "default/orders", "status/webhooks/0/copy/url", "'https://pager/hook'");
    expect_api(rig, "default/orders", "status/handlers/0/source", "'Global'");
    expect_reason(rig, "default/orders", "ResolvedRefs", "Resolved");
}

static void the_copy_is_written_before_the_push_that_contains_it(void **state)
{
    struct rig *rig = *state;
    webhook(rig, "pager", "");
    api(rig, "orders", "pager", ",'finalizers':['grapnel.dev/gateway']");
    start(rig);
    expect_in_document(rig, "default/orders", "https://pager/hook", true);

    fake_world_hold_writes(rig->world, true);
    webhook(rig, "pager", ",'name':'Second'");
    fake_loop_advance(rig->loop, 3000);
    expect_in_document(rig, "default/orders", "Second", false);
    fake_world_hold_writes(rig->world, false);
    expect_in_document(rig, "default/orders", "Second", true);
}

static void gateways_are_told_of_the_pushes_that_wait_for_a_write(void **state)
{
    struct rig *rig = *state;
    webhook(rig, "pager", "");
    api(rig, "orders", "pager", "");
    start(rig);
    assert_false(fake_gateways_expects_more(rig->gateways));
    fake_world_hold_writes(rig->world, true);
    webhook(rig, "pager", ",'name':'Second'");
    fake_loop_advance(rig->loop, 3000);
    assert_true(fake_gateways_expects_more(rig->gateways));
    fake_world_hold_writes(rig->world, false);
    expect_in_document(rig, "default/orders", "Second", true);
    assert_false(fake_gateways_expects_more(rig->gateways));
}

static void refills_go_on_from_what_was_accepted(void **state)
{
    struct rig *rig = *state;
    webhook(rig, "pager", "");
    api(rig, "orders", "pager", "");
    start(rig);
    fake_world_hold_writes(rig->world, true);
    webhook(rig, "pager", ",'name':'Second'");
    fake_loop_advance(rig->loop, 3000);
    assert_true(fake_gateways_refill(rig->gateways, "default/orders"));
    expect_in_document(rig, "default/orders", "https://pager/hook", true);
    expect_in_document(rig, "default/orders", "Second", false);
    fake_world_hold_writes(rig->world, false);
}

static void a_settled_world_is_left_alone_after_a_restart(void **state)
{
    struct rig *rig = *state;
    webhook(rig, "pager", ",'id':'66498cd1e2fcd1000184ecb9'");
    api(rig, "orders", "pager", "");
    api(rig, "plain", NULL, "");
    start(rig);
    fake_loop_advance(rig->loop, 60000);
    unsigned writes = fake_world_status_writes(rig->world);
    unsigned changes = fake_world_changes(rig->world);
    fake_loop_advance(rig->loop, 600000);
    stop(rig);
    start(rig);
    fake_loop_advance(rig->loop, 600000);
    assert_int_equal(fake_world_status_writes(rig->world), writes);
    assert_int_equal(fake_world_changes(rig->world), changes);
    assert_true(fake_gateways_is_complete(rig->gateways));
    assert_false(fake_gateways_unsettled(rig->gateways));
}

/* Change of a global. */

static void a_changed_global_touches_just_the_apis_that_refer_to_it(void **state)
{
    struct rig *rig = *state;
    webhook(rig, "pager", "");
    webhook(rig, "mail", "");
    api(rig, "a", "pager", "");
    api(rig, "b", "default/pager", "");
    api(rig, "c", "mail", "");
    start(rig);
    unsigned pushes = fake_gateways_pushes(rig->gateways);
    webhook(rig, "pager", ",'name':'Second'");
    assert_int_equal(fake_gateways_pushes(rig->gateways), pushes + 2);
    expect_in_document(rig, "default/a", "Second", true);
    expect_in_document(rig, "default/b", "Second", true);
    expect_api(rig, "default/a", "status/webhooks/0/webhook/generation", "2");
}

static void usage_is_told_in_the_webhooks_status(void **state)
{
    struct rig *rig = *state;
    webhook(rig, "pager", "");
    api(rig, "a", "pager", "");
    api(rig, "b", "pager", "");
    start(rig);
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
    webhook(rig, "pager", "");
    char name[16];
    for (int i = 0; i < 300; i++) {
        snprintf(name, sizeof(name), "api%d", i);
        api(rig, name, "pager", "");
    }
    start(rig);
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
    webhook(rig, "first", ",'id':'x1'");
    start(rig);
    fake_loop_advance(rig->loop, 2000);
    webhook(rig, "second", ",'id':'x1'");
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
    webhook(rig, "pager", "");
    api(rig, "orders", "pager", ",'labels':{'app.kubernetes.io/managed-by':'Helm'}");
    start(rig);
    fake_world_delete(rig->world, OBJECT_WEBHOOK, "default/pager");
    fake_loop_advance(rig->loop, GRACE_MS - 1);
    expect_in_document(rig, "default/orders", "\"id\":\"pager\"", true);
    expect_api(rig, "default/orders", "status/webhooks/0/source", "'Global'");
    expect_reason(rig, "default/orders", "Ready", "Synced");

    fake_loop_advance(rig->loop, 1000);
    expect_in_document(rig, "default/orders", "\"id\":\"pager\"", false);
    expect_in_document(rig, "default/orders", "https://pager/hook", true);
    expect_api(rig, "default/orders", "status/webhooks/0/source", "'Converted'");
    expect_reason(rig, "default/orders", "ResolvedRefs", "Converted");
    expect_reason(rig, "default/orders", "Ready", "Synced");
    assert_int_equal(fake_world_events(rig->world, "default/orders", "Converted"), 1);
    CLEANUP(freep)
    char *annotation =
        fake_world_read(rig->world, OBJECT_API, "default/orders", "metadata/annotations");
    assert_non_null(strstr(annotation, "https://pager/hook"));
    /* Helm owns it: the spec stays. */
    fake_loop_advance(rig->loop, 10 * REWRITE_MS);
    expect_api(rig, "default/orders", "metadata/generation", "1");
}

static void copies_that_no_annotation_can_hold_are_converted_all_the_same(void **state)
{
    struct rig *rig = *state;
    CLEANUP(buf_fini) struct buf headers;
    buf_init(&headers, BUF_UNLIMITED);
    for (int i = 0; i < 32; i++)
        buf_add_format(&headers, "%s{'name':'X-%d','value':'%08000d'}", i ? "," : "", i, i);
    CLEANUP(freep) char *rest = xasprintf(",'headers':[%s]", buf_text(&headers));
    webhook(rig, "small", "");
    webhook(rig, "large", rest);
    fake_world_apply(
        rig->world,
        "{'kind':'ApiDefinition','metadata':{'name':'orders'},'spec':{'oas':{'openapi':'3.0.3',"
        "'info':{'title':'orders','version':'1'},'paths':{},'x-tyk-api-gateway':{'info':{'name':"
        "'orders','state':{'active':true}},'upstream':{'url':'http://up/'},'server':{'listenPath':"
        "{'value':'/orders/'},'eventHandlers':[{'enabled':true,'trigger':'AuthFailure','type':"
        "'webhook','id':'small'},{'enabled':true,'trigger':'AuthFailure','type':'webhook','id':"
        "'large'}]}}}}}");
    start(rig);
    fake_world_delete(rig->world, OBJECT_WEBHOOK, "default/small");
    fake_loop_advance(rig->loop, GRACE_MS + 1000);
    expect_in_document(rig, "default/orders", "\"id\":\"small\"", false);
    CLEANUP(freep)
    char *annotation =
        fake_world_read(rig->world, OBJECT_API, "default/orders", "metadata/annotations");
    assert_non_null(annotation);
    assert_non_null(strstr(annotation, "small"));

    /* Half of them would be a wrong memory. */
    fake_world_delete(rig->world, OBJECT_WEBHOOK, "default/large");
    fake_loop_advance(rig->loop, GRACE_MS + 1000);
    expect_in_document(rig, "default/orders", "\"id\":\"large\"", false);
    expect_reason(rig, "default/orders", "ResolvedRefs", "Converted");
    CLEANUP(freep)
    char *left = fake_world_read(rig->world, OBJECT_API, "default/orders", "metadata/annotations");
    assert_true(!left || !strstr(left, "converted-webhooks"));
}

/* Else nothing would ever be converted where only --once runs. */
static void nothing_is_settled_while_a_grace_or_the_delay_of_a_rewrite_runs(void **state)
{
    struct rig *rig = *state;
    webhook(rig, "pager", "");
    api(rig, "orders", "pager", "");
    start(rig);
    fake_loop_advance(rig->loop, 3000);
    assert_true(reconciler_is_settled(rig->reconciler));
    fake_world_delete(rig->world, OBJECT_WEBHOOK, "default/pager");
    fake_loop_advance(rig->loop, GRACE_MS - 1000);
    assert_false(reconciler_is_settled(rig->reconciler));
    fake_loop_advance(rig->loop, 3000);
    expect_api(rig, "default/orders", "status/webhooks/0/source", "'Converted'");
    assert_false(reconciler_is_settled(rig->reconciler));
    fake_loop_advance(rig->loop, REWRITE_MS + 3000);
    expect_api(rig, "default/orders", "metadata/generation", "2");
    assert_true(reconciler_is_settled(rig->reconciler));

    api(rig, "waits", "nobody", "");
    fake_loop_advance(rig->loop, REFERENCE_GRACE_MS - 1000);
    assert_false(reconciler_is_settled(rig->reconciler));
    fake_loop_advance(rig->loop, 4000);
    expect_in_document(rig, "default/waits", "nobody", false);
    assert_true(reconciler_is_settled(rig->reconciler));
}

static void delete_and_recreate_within_the_grace_is_no_deletion(void **state)
{
    struct rig *rig = *state;
    webhook(rig, "pager", "");
    api(rig, "orders", "pager", "");
    start(rig);
    fake_world_delete(rig->world, OBJECT_WEBHOOK, "default/pager");
    fake_loop_advance(rig->loop, GRACE_MS / 2);
    webhook(rig, "pager", "");
    fake_loop_advance(rig->loop, 10 * GRACE_MS);
    expect_api(rig, "default/orders", "status/webhooks/0/source", "'Global'");
    assert_int_equal(fake_world_events(rig->world, "default/orders", "Converted"), 0);
}

static void nothing_is_converted_while_the_view_proves_nothing(void **state)
{
    struct rig *rig = *state;
    webhook(rig, "pager", "");
    api(rig, "orders", "pager", "");
    start(rig);
    fake_world_cut(rig->world, OBJECT_WEBHOOK, true);
    fake_world_delete(rig->world, OBJECT_WEBHOOK, "default/pager");
    fake_loop_advance(rig->loop, 100 * GRACE_MS);
    expect_api(rig, "default/orders", "status/webhooks/0/source", "'Global'");
    fake_world_cut(rig->world, OBJECT_WEBHOOK, false);
    fake_loop_advance(rig->loop, 2 * GRACE_MS);
    expect_api(rig, "default/orders", "status/webhooks/0/source", "'Converted'");
}

/* An operator that is started again for fewer namespaces sees no Webhooks in the others. */
static void what_is_not_watched_is_not_found_but_never_gone(void **state)
{
    struct rig *rig = *state;
    fake_world_apply(rig->world, "{'kind':'Webhook','metadata':{'name':'pager','namespace':"
                                 "'platform'},'spec':{'url':'https://pager/hook','method':'POST',"
                                 "'allowedNamespaces':{'from':'All'}}}");
    api(rig, "orders", "platform/pager", "");
    start(rig);
    expect_api(rig, "default/orders", "status/webhooks/0/source", "'Global'");
    stop(rig);
    fake_world_watch_only(rig->world, "default");
    fake_world_delete(rig->world, OBJECT_WEBHOOK, "platform/pager");
    start(rig);
    fake_loop_advance(rig->loop, 100 * GRACE_MS);
    expect_in_document(rig, "default/orders", "https://pager/hook", true);
    expect_api(rig, "default/orders", "status/webhooks/0/source", "'Global'");
    expect_reason(rig, "default/orders", "ResolvedRefs", "WebhookNotFound");
    assert_int_equal(fake_world_events(rig->world, "default/orders", "Converted"), 0);
}

static void an_absence_that_proved_nothing_is_looked_at_again_when_it_does(void **state)
{
    struct rig *rig = *state;
    webhook(rig, "pager", ",'conversionPolicy':'Retain'");
    api(rig, "orders", "pager", "");
    start(rig);
    fake_world_delete(rig->world, OBJECT_WEBHOOK, "default/pager");
    fake_world_cut(rig->world, OBJECT_WEBHOOK, true);
    fake_loop_advance(rig->loop, 10 * GRACE_MS);
    expect_api(rig, "default/orders", "status/webhooks/0/source", "'Global'");
    fake_world_resume(rig->world, OBJECT_WEBHOOK);
    fake_loop_advance(rig->loop, GRACE_MS + 1000);
    expect_api(rig, "default/orders", "status/webhooks/0/source", "'Converted'");
}

static void a_deletion_while_the_operator_was_down_is_converted(void **state)
{
    struct rig *rig = *state;
    webhook(rig, "pager", "");
    api(rig, "orders", "pager", "");
    start(rig);
    stop(rig);
    fake_world_delete(rig->world, OBJECT_WEBHOOK, "default/pager");
    start(rig);
    fake_loop_advance(rig->loop, GRACE_MS - 1);
    expect_api(rig, "default/orders", "status/webhooks/0/source", "'Global'");
    expect_in_document(rig, "default/orders", "\"id\":\"pager\"", true);
    fake_loop_advance(rig->loop, 1000);
    expect_api(rig, "default/orders", "status/webhooks/0/source", "'Converted'");
    expect_in_document(rig, "default/orders", "https://pager/hook", true);
}

static void a_global_that_comes_back_takes_over_again(void **state)
{
    struct rig *rig = *state;
    webhook(rig, "pager", ",'conversionPolicy':'Retain'");
    api(rig, "orders", "pager", "");
    start(rig);
    fake_world_delete(rig->world, OBJECT_WEBHOOK, "default/pager");
    fake_loop_advance(rig->loop, 2 * GRACE_MS);
    webhook(rig, "pager", ",'name':'New'");
    fake_loop_advance(rig->loop, 1000);
    expect_api(rig, "default/orders", "status/webhooks/0/source", "'Global'");
    expect_in_document(rig, "default/orders", "\"id\":\"pager\"", true);
    expect_in_document(rig, "default/orders", "New", true);
    assert_int_equal(fake_world_events(rig->world, "default/orders", "Relinked"), 1);
    expect_api(rig, "default/orders", "metadata/annotations/grapnel.dev~converted", NULL);
    CLEANUP(freep)
    char *annotations =
        fake_world_read(rig->world, OBJECT_API, "default/orders", "metadata/annotations");
    assert_true(!annotations || !strstr(annotations, "pager"));
}

static void a_converted_reference_is_rewritten_after_the_delay(void **state)
{
    struct rig *rig = *state;
    webhook(rig, "pager", "");
    api(rig, "orders", "pager", "");
    start(rig);
    fake_world_delete(rig->world, OBJECT_WEBHOOK, "default/pager");
    fake_loop_advance(rig->loop, GRACE_MS + REWRITE_MS - 1000);
    expect_api(rig, "default/orders", "metadata/generation", "1");
    fake_loop_advance(rig->loop, 3000);
    static const char handler[] = "spec/oas/x-tyk-api-gateway/server/eventHandlers/0";
    char path[128];
    snprintf(path, sizeof(path), "%s/id", handler);
    expect_api(rig, "default/orders", path, NULL);
    snprintf(path, sizeof(path), "%s/url", handler);
    expect_api(rig, "default/orders", path, "'https://pager/hook'");
    expect_api(rig, "default/orders", "metadata/generation", "2");
    assert_int_equal(fake_world_events(rig->world, "default/orders", "SpecRewritten"), 1);
    fake_loop_advance(rig->loop, 60000);
    expect_reason(rig, "default/orders", "ResolvedRefs", "Resolved");
    expect_reason(rig, "default/orders", "Ready", "Synced");
    /* Once: it is an ordinary local handler from now on. */
    expect_api(rig, "default/orders", "metadata/generation", "2");
    /* The copy outlives the rewrite in the annotation. */
    CLEANUP(freep)
    char *annotations =
        fake_world_read(rig->world, OBJECT_API, "default/orders", "metadata/annotations");
    assert_non_null(strstr(annotations, "https://pager/hook"));
}

static void a_rewrite_that_somebody_undoes_is_not_done_again(void **state)
{
    struct rig *rig = *state;
    webhook(rig, "pager", "");
    api(rig, "orders", "pager", "");
    start(rig);
    fake_world_delete(rig->world, OBJECT_WEBHOOK, "default/pager");
    fake_loop_advance(rig->loop, GRACE_MS + 2 * REWRITE_MS);
    assert_int_equal(fake_world_events(rig->world, "default/orders", "SpecRewritten"), 1);
    expect_api(rig, "default/orders", "metadata/generation", "2");
    for (int turn = 0; turn < 5; turn++) {
        api(rig, "orders", "pager", "");
        fake_loop_advance(rig->loop, 2 * REWRITE_MS);
    }
    assert_int_equal(fake_world_events(rig->world, "default/orders", "SpecRewritten"), 1);
    expect_api(rig, "default/orders", "status/webhooks/0/source", "'Converted'");
    expect_in_document(rig, "default/orders", "https://pager/hook", true);
    expect_in_document(rig, "default/orders", "\"id\":\"pager\"", false);
    /* A Webhook that comes and goes again is another story. */
    webhook(rig, "pager", "");
    fake_loop_advance(rig->loop, 1000);
    expect_api(rig, "default/orders", "status/webhooks/0/source", "'Global'");
    fake_world_delete(rig->world, OBJECT_WEBHOOK, "default/pager");
    fake_loop_advance(rig->loop, GRACE_MS + 2 * REWRITE_MS);
    assert_int_equal(fake_world_events(rig->world, "default/orders", "SpecRewritten"), 2);
}

static void retain_leaves_the_spec_alone_also_across_a_restart(void **state)
{
    struct rig *rig = *state;
    webhook(rig, "pager", ",'conversionPolicy':'Retain'");
    api(rig, "orders", "pager", "");
    start(rig);
    fake_world_delete(rig->world, OBJECT_WEBHOOK, "default/pager");
    fake_loop_advance(rig->loop, GRACE_MS + 1000);
    stop(rig);
    start(rig);
    fake_loop_advance(rig->loop, 10 * REWRITE_MS);
    expect_api(rig, "default/orders", "metadata/generation", "1");
    expect_api(rig, "default/orders", "status/webhooks/0/source", "'Converted'");
}

static void a_mass_deletion_rewrites_nothing_and_says_so(void **state)
{
    struct rig *rig = *state;
    char name[32];
    for (int i = 0; i < 5; i++) {
        snprintf(name, sizeof(name), "w%d", i);
        webhook(rig, name, "");
    }
    api(rig, "orders", "w0", "");
    start(rig);
    for (int i = 0; i < 4; i++) {
        snprintf(name, sizeof(name), "default/w%d", i);
        fake_world_delete(rig->world, OBJECT_WEBHOOK, name);
    }
    fake_loop_advance(rig->loop, GRACE_MS + REWRITE_MS + 5000);
    expect_api(rig, "default/orders", "status/webhooks/0/source", "'Converted'");
    expect_api(rig, "default/orders", "metadata/generation", "1");
    assert_true(fake_world_event_says(rig->world, "at once"));
}

static void a_sealed_value_is_never_rewritten_into_a_spec(void **state)
{
    struct rig *rig = *state;
    fake_world_apply(rig->world, "{'kind':'Secret','metadata':{'name':'s'},'data':{'t':"
                                 "'VE9LRU4tMTIz'}}");
    webhook(rig, "pager",
            ",'headers':[{'name':'A','valueFrom':{'secretKeyRef':{'name':'s','key':'t'}}}]");
    api(rig, "orders", "pager", "");
    start(rig);
    fake_world_delete(rig->world, OBJECT_WEBHOOK, "default/pager");
    fake_loop_advance(rig->loop, GRACE_MS + REWRITE_MS + 5000);
    expect_api(rig, "default/orders", "status/webhooks/0/source", "'Converted'");
    expect_api(rig, "default/orders", "metadata/generation", "1");
    expect_in_document(rig, "default/orders", "TOKEN-123", true);
    assert_true(fake_world_event_says(rig->world, "Secret"));
}

/* References. */

static void a_new_api_waits_for_a_missing_webhook(void **state)
{
    struct rig *rig = *state;
    start(rig);
    api(rig, "orders", "pager", "");
    fake_loop_advance(rig->loop, REFERENCE_GRACE_MS / 2);
    assert_null(fake_gateways_document(rig->gateways, "default/orders"));
    webhook(rig, "pager", "");
    fake_loop_advance(rig->loop, 100);
    expect_in_document(rig, "default/orders", "https://pager/hook", true);
    assert_int_equal(fake_gateways_pushes(rig->gateways), 1);
}

/* Its Webhook comes, and goes again before anything was pushed. */
static void a_new_api_waits_on_when_its_webhook_was_there_for_a_moment(void **state)
{
    struct rig *rig = *state;
    start(rig);
    api(rig, "orders", "pager", "");
    fake_loop_advance(rig->loop, REFERENCE_GRACE_MS / 4);
    fake_world_hold_writes(rig->world, true);
    webhook(rig, "pager", "");
    fake_loop_advance(rig->loop, 100); /* the finalizer is on its way */
    fake_world_delete(rig->world, OBJECT_WEBHOOK, "default/pager");
    fake_world_hold_writes(rig->world, false);
    fake_loop_advance(rig->loop, REFERENCE_GRACE_MS / 4);
    assert_null(fake_gateways_document(rig->gateways, "default/orders"));
    fake_loop_advance(rig->loop, REFERENCE_GRACE_MS);
    expect_in_document(rig, "default/orders", "pager", false);
}

/* It has a status by then, and was pushed nowhere. */
static void a_new_api_waits_for_a_missing_webhook_after_a_conflict_too(void **state)
{
    struct rig *rig = *state;
    start(rig);
    api(rig, "orders", NULL, "");
    fake_loop_advance(rig->loop, 1000);
    fake_world_apply(rig->world,
                     "{'kind':'ApiDefinition','metadata':{'name':'rival'},'spec':{'name':'rival',"
                     "'proxy':{'target_url':'http://up/','listen_path':'/orders/'},"
                     "'event_handlers':{'events':{'AuthFailure':[{'handler_name':"
                     "'eh_web_hook_handler','handler_meta':{'disabled':false,'id':'pager'}}]}}}}");
    fake_loop_advance(rig->loop, REFERENCE_GRACE_MS / 4);
    expect_reason(rig, "default/rival", "Stalled", "Conflict");
    fake_world_delete(rig->world, OBJECT_API, "default/orders");
    fake_loop_advance(rig->loop, REFERENCE_GRACE_MS / 4);
    assert_null(fake_gateways_document(rig->gateways, "default/rival"));
    webhook(rig, "pager", "");
    fake_loop_advance(rig->loop, 1000);
    expect_in_document(rig, "default/rival", "https://pager/hook", true);
}

/* Deleted and created again before anybody looked: it is a new one. */
static void an_api_that_is_replaced_waits_for_a_missing_webhook_too(void **state)
{
    struct rig *rig = *state;
    webhook(rig, "pager", "");
    api(rig, "orders", "pager", "");
    start(rig);
    expect_in_document(rig, "default/orders", "https://pager/hook", true);
    fake_loop_advance(rig->loop, 2 * REFERENCE_GRACE_MS);
    fake_world_cut(rig->world, OBJECT_API, true);
    fake_world_delete(rig->world, OBJECT_WEBHOOK, "default/pager");
    fake_world_strip(rig->world, OBJECT_API, "default/orders");
    fake_world_delete(rig->world, OBJECT_API, "default/orders");
    api(rig, "orders", "pager", "");
    fake_world_cut(rig->world, OBJECT_API, false);
    fake_loop_advance(rig->loop, REFERENCE_GRACE_MS - 1000);
    expect_in_document(rig, "default/orders", "https://pager/hook", true);
    expect_reason(rig, "default/orders", "Programmed", "Pending");
    fake_loop_advance(rig->loop, 2000);
    expect_in_document(rig, "default/orders", "https://pager/hook", false);
    /* And it leaves like any other. */
    fake_world_delete(rig->world, OBJECT_API, "default/orders");
    fake_loop_advance(rig->loop, 1000);
    assert_null(fake_gateways_document(rig->gateways, "default/orders"));
    assert_null(fake_world_get(rig->world, OBJECT_API, "default/orders"));
}

static void after_the_grace_it_goes_live_without_the_handler(void **state)
{
    struct rig *rig = *state;
    start(rig);
    api(rig, "orders", "pager", "");
    fake_loop_advance(rig->loop, REFERENCE_GRACE_MS + 1000);
    expect_in_document(rig, "default/orders", "pager", false);
    expect_reason(rig, "default/orders", "ResolvedRefs", "WebhookNotFound");
    expect_reason(rig, "default/orders", "Ready", "WebhookNotFound");
    expect_reason(rig, "default/orders", "Reconciling", "WaitingForReference");
    expect_reason(rig, "default/orders", "Stalled", NULL);
    expect_api(rig, "default/orders", "status/handlers/0/source", "'Missing'");
    assert_int_equal(fake_world_events(rig->world, "default/orders", "WebhookNotFound"), 1);
}

static void withdrawn_permission_erases_the_copy_after_the_grace(void **state)
{
    struct rig *rig = *state;
    fake_world_apply(rig->world, "{'kind':'Namespace','metadata':{'name':'platform'}}");
    fake_world_apply(rig->world,
                     "{'kind':'Webhook','metadata':{'name':'pager','namespace':'platform'},'spec':"
                     "{'url':'https://p/','method':'POST','allowedNamespaces':{'from':'All'}}}");
    api(rig, "orders", "platform/pager", "");
    start(rig);
    expect_in_document(rig, "default/orders", "https://p/", true);
    fake_world_apply(rig->world,
                     "{'kind':'Webhook','metadata':{'name':'pager','namespace':'platform'},'spec':"
                     "{'url':'https://p/','method':'POST','allowedNamespaces':{'from':'Same'}}}");
    fake_loop_advance(rig->loop, GRACE_MS - 1);
    expect_in_document(rig, "default/orders", "https://p/", true);
    fake_loop_advance(rig->loop, 3000);
    expect_in_document(rig, "default/orders", "https://p/", false);
    expect_reason(rig, "default/orders", "ResolvedRefs", "WebhookNotFound");
    expect_api(rig, "default/orders", "status/webhooks", "[]");
}

static void an_invalid_global_leaves_the_last_good_copy_in_force(void **state)
{
    struct rig *rig = *state;
    webhook(rig, "pager", "");
    api(rig, "orders", "pager", "");
    start(rig);
    fake_world_apply(rig->world, "{'kind':'Webhook','metadata':{'name':'pager'},'spec':{'url':"
                                 "'not a url','method':'POST'}}");
    fake_loop_advance(rig->loop, 3000);
    expect_in_document(rig, "default/orders", "https://pager/hook", true);
    expect_reason(rig, "default/orders", "ResolvedRefs", "WebhookInvalid");
    fake_world_expect_reason(rig->world, OBJECT_WEBHOOK, "default/pager", "Ready", "InvalidSpec");
}

/* Secrets. */

static void a_value_from_a_secret_is_sealed_in_status_and_clear_on_the_gateway(void **state)
{
    struct rig *rig = *state;
    fake_world_apply(rig->world, "{'kind':'Secret','metadata':{'name':'s'},'data':{'t':"
                                 "'VE9LRU4tMTIz'}}");
    webhook(rig, "pager",
            ",'headers':[{'name':'A','valueFrom':{'secretKeyRef':{'name':'s','key':'t'}}}]");
    api(rig, "orders", "pager", "");
    start(rig);
    expect_in_document(rig, "default/orders", "TOKEN-123", true);
    CLEANUP(freep)
    char *status = fake_world_read(rig->world, OBJECT_API, "default/orders", "status");
    assert_null(strstr(status, "TOKEN"));
    assert_non_null(strstr(status, "\"sealed\":\"v1:"));
    assert_false(fake_world_event_says(rig->world, "TOKEN"));

    /* Rotation: followed, pushed once. */
    unsigned pushes = fake_gateways_pushes(rig->gateways);
    fake_world_apply(rig->world, "{'kind':'Secret','metadata':{'name':'s'},'data':{'t':"
                                 "'VE9LRU4tNDU2'}}");
    fake_loop_advance(rig->loop, 1000);
    expect_in_document(rig, "default/orders", "TOKEN-456", true);
    assert_int_equal(fake_gateways_pushes(rig->gateways), pushes + 1);

    /* Gone: the last good copy stays. */
    fake_world_delete(rig->world, OBJECT_SECRET, "default/s");
    fake_loop_advance(rig->loop, 3000);
    expect_in_document(rig, "default/orders", "TOKEN-456", true);
    expect_reason(rig, "default/orders", "ResolvedRefs", "SecretNotFound");
    fake_world_expect_reason(rig->world, OBJECT_WEBHOOK, "default/pager", "Ready",
                             "SecretNotFound");
}

/* Bad input. */

static void an_invalid_spec_keeps_the_last_good_definition(void **state)
{
    struct rig *rig = *state;
    webhook(rig, "pager", "");
    api(rig, "orders", "pager", "");
    start(rig);
    unsigned pushes = fake_gateways_pushes(rig->gateways);
    fake_world_apply(rig->world, "{'kind':'ApiDefinition','metadata':{'name':'orders'},'spec':"
                                 "{'oas':{'openapi':'3.0.3'}}}");
    fake_loop_advance(rig->loop, 3000);
    assert_int_equal(fake_gateways_pushes(rig->gateways), pushes);
    expect_in_document(rig, "default/orders", "https://pager/hook", true);
    expect_reason(rig, "default/orders", "Ready", "InvalidSpec");
    expect_reason(rig, "default/orders", "Stalled", "InvalidSpec");
    expect_api(rig, "default/orders", "status/webhooks/0/copy/url", "'https://pager/hook'");
    expect_api(rig, "default/orders", "status/apiId", "'ZGVmYXVsdC9vcmRlcnM'");
    assert_int_equal(fake_world_events(rig->world, "default/orders", "InvalidSpec"), 1);
    assert_true(fake_gateways_refill(rig->gateways, "default/orders"));
    /* Mended. */
    api(rig, "orders", "pager", "");
    fake_loop_advance(rig->loop, 3000);
    expect_reason(rig, "default/orders", "Ready", "Synced");
}

static void what_is_invalid_since_before_the_start_is_kept_on_the_gateways(void **state)
{
    struct rig *rig = *state;
    fake_world_apply(rig->world, "{'kind':'ApiDefinition','metadata':{'name':'orders'},'spec':"
                                 "{'oas':{'openapi':'3.0.3'}}}");
    start(rig);
    assert_true(fake_gateways_is_kept(rig->gateways, "default/orders"));
    assert_true(fake_gateways_is_complete(rig->gateways));
}

static void of_two_apis_with_one_listen_path_the_second_stalls(void **state)
{
    struct rig *rig = *state;
    start(rig);
    api(rig, "orders", NULL, "");
    fake_loop_advance(rig->loop, 3000);
    static const char rival[] =
        "{'kind':'ApiDefinition','metadata':{'name':'rival'},'spec':{'name':'rival','proxy':"
        "{'target_url':'http://up/','listen_path':'/orders/'}}}";
    fake_world_apply(rig->world, rival);
    fake_loop_advance(rig->loop, 3000);
    expect_reason(rig, "default/rival", "Stalled", "Conflict");
    expect_reason(rig, "default/orders", "Ready", "Synced");
    assert_null(fake_gateways_document(rig->gateways, "default/rival"));
    fake_world_delete(rig->world, OBJECT_API, "default/orders");
    fake_loop_advance(rig->loop, 3000);
    expect_reason(rig, "default/rival", "Ready", "Synced");
}

/* Gateways. */

static void the_state_of_gateways_becomes_reasons(void **state)
{
    struct rig *rig = *state;
    api(rig, "orders", NULL, "");
    start(rig);
    static const struct {
        enum gateway_state state;
        const char *programmed;
        const char *ready;
        const char *stalled;
    } table[] = {
        {GATEWAY_UNREACHABLE, "GatewayUnreachable", "GatewayUnreachable", NULL},
        {GATEWAY_UNAUTHORIZED, "GatewayUnauthorized", "GatewayUnauthorized", NULL},
        {GATEWAY_REJECTED, "GatewayRejected", "GatewayRejected", NULL},
        {GATEWAY_LOAD_BALANCED, "LoadBalancedUrl", "LoadBalancedUrl", NULL},
        {GATEWAY_NONE, "NoGateways", "NoGateways", NULL},
        {GATEWAY_FOREIGN, "Pending", "ForeignDefinition", "ForeignDefinition"},
        {GATEWAY_CONFLICT, "Pending", "Conflict", "Conflict"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(table); i++) {
        fake_gateways_set_state(rig->gateways, "default/orders", table[i].state, 1, "gw1: why");
        fake_loop_advance(rig->loop, 11000);
        expect_reason(rig, "default/orders", "Programmed", table[i].programmed);
        expect_reason(rig, "default/orders", "Ready", table[i].ready);
        expect_reason(rig, "default/orders", "Stalled", table[i].stalled);
        expect_api(rig, "default/orders", "status/gateways", "{'total':2,'synced':1}");
    }
    fake_gateways_set_state(rig->gateways, "default/orders", GATEWAY_SYNCED, 2, "");
    fake_loop_advance(rig->loop, 11000);
    expect_reason(rig, "default/orders", "Ready", "Synced");
}

static void a_synced_status_follows_gateways_at_most_every_ten_seconds(void **state)
{
    struct rig *rig = *state;
    api(rig, "orders", NULL, "");
    start(rig);
    unsigned writes = fake_world_status_writes(rig->world);
    for (int i = 0; i < 18; i++) {
        bool down = i % 2 == 0;
        fake_gateways_set_state(rig->gateways, "default/orders",
                                down ? GATEWAY_PENDING : GATEWAY_SYNCED, down ? 1 : 2, "");
        fake_loop_advance(rig->loop, 1000);
    }
    assert_true(fake_world_status_writes(rig->world) - writes <= 2);
}

/* Twelve pods, replaced one by one: a new one comes, is filled, an old one goes. */
static void roll(struct rig *rig, int64_t step_ms)
{
    for (int i = 0; i < 12; i++) {
        fake_gateways_set(rig->gateways, "default/orders", GATEWAY_PENDING, 13, 12);
        fake_loop_advance(rig->loop, step_ms / 3);
        fake_gateways_set(rig->gateways, "default/orders", GATEWAY_SYNCED, 13, 13);
        fake_loop_advance(rig->loop, step_ms / 3);
        fake_gateways_set(rig->gateways, "default/orders", GATEWAY_SYNCED, 12, 12);
        fake_loop_advance(rig->loop, step_ms / 3);
    }
}

/* The same where an old one goes first. */
static void roll_scarce(struct rig *rig, int64_t step_ms)
{
    for (int i = 0; i < 12; i++) {
        fake_gateways_set(rig->gateways, "default/orders", GATEWAY_SYNCED, 11, 11);
        fake_loop_advance(rig->loop, step_ms / 3);
        fake_gateways_set(rig->gateways, "default/orders", GATEWAY_PENDING, 12, 11);
        fake_loop_advance(rig->loop, step_ms / 3);
        fake_gateways_set(rig->gateways, "default/orders", GATEWAY_SYNCED, 12, 12);
        fake_loop_advance(rig->loop, step_ms / 3);
    }
}

static void a_rolling_update_costs_two_writes_an_api_at_most(void **state)
{
    struct rig *rig = *state;
    api(rig, "orders", NULL, "");
    start(rig);
    fake_gateways_set(rig->gateways, "default/orders", GATEWAY_SYNCED, 12, 12);
    fake_loop_advance(rig->loop, 2000000);
    static const int64_t steps[] = {600, 3000, 9000, 15000, 24000, 60000};
    for (size_t i = 0; i < 2 * ARRAY_LENGTH(steps); i++) {
        unsigned writes = fake_world_status_writes(rig->world);
        (i % 2 ? roll_scarce : roll)(rig, steps[i / 2]);
        fake_loop_advance(rig->loop, 2000000);
        unsigned cost = fake_world_status_writes(rig->world) - writes;
        if (cost > 2)
            fail_msg("%u writes, a pod each %d ms", cost, (int)steps[i / 2]);
        expect_api(rig, "default/orders", "status/gateways", "{'total':12,'synced':12}");
        expect_reason(rig, "default/orders", "Ready", "Synced");
    }
}

static void a_lasting_change_of_pods_is_told_after_ten_seconds(void **state)
{
    struct rig *rig = *state;
    api(rig, "orders", NULL, "");
    start(rig);
    fake_gateways_set(rig->gateways, "default/orders", GATEWAY_SYNCED, 5, 5);
    fake_loop_advance(rig->loop, 9000);
    expect_api(rig, "default/orders", "status/gateways", "{'total':2,'synced':2}");
    fake_loop_advance(rig->loop, 2000);
    expect_api(rig, "default/orders", "status/gateways", "{'total':5,'synced':5}");
}

static void each_trouble_of_a_gateway_is_told_after_ten_seconds_and_its_end_at_once(void **state)
{
    struct rig *rig = *state;
    api(rig, "orders", NULL, "");
    start(rig);
    static const enum gateway_state troubles[] = {GATEWAY_UNREACHABLE, GATEWAY_UNAUTHORIZED,
                                                  GATEWAY_REJECTED, GATEWAY_UNREACHABLE};
    static const char *const reasons[] = {"GatewayUnreachable", "GatewayUnauthorized",
                                          "GatewayRejected", "GatewayUnreachable"};
    for (size_t i = 0; i < ARRAY_LENGTH(troubles); i++) {
        fake_gateways_set(rig->gateways, "default/orders", troubles[i], 2, 1);
        fake_loop_advance(rig->loop, 10500);
        expect_reason(rig, "default/orders", "Programmed", reasons[i]);
        fake_gateways_set(rig->gateways, "default/orders", GATEWAY_SYNCED, 2, 2);
        fake_loop_advance(rig->loop, 100);
        expect_reason(rig, "default/orders", "Ready", "Synced");
    }
}

static void trouble_of_an_api_that_never_was_in_place_is_told_at_once(void **state)
{
    struct rig *rig = *state;
    start(rig);
    fake_gateways_hold(rig->gateways, true);
    api(rig, "orders", NULL, "");
    fake_loop_advance(rig->loop, 3000);
    expect_reason(rig, "default/orders", "Ready", "Progressing");
    fake_gateways_set(rig->gateways, "default/orders", GATEWAY_UNREACHABLE, 2, 1);
    fake_loop_advance(rig->loop, 100);
    expect_reason(rig, "default/orders", "Programmed", "GatewayUnreachable");
    fake_gateways_set(rig->gateways, "default/orders", GATEWAY_SYNCED, 2, 2);
    fake_loop_advance(rig->loop, 100);
    expect_reason(rig, "default/orders", "Ready", "Synced");
}

static void a_busy_gateway_is_reported_only_when_it_takes_long(void **state)
{
    struct rig *rig = *state;
    start(rig);
    fake_gateways_hold(rig->gateways, true);
    api(rig, "orders", NULL, "");
    fake_loop_advance(rig->loop, 1000);
    assert_int_equal(fake_world_status_writes(rig->world), 0);
    fake_loop_advance(rig->loop, 2000);
    expect_reason(rig, "default/orders", "Ready", "Progressing");
    expect_reason(rig, "default/orders", "Reconciling", "Progressing");
    fake_gateways_hold(rig->gateways, false);
    expect_reason(rig, "default/orders", "Ready", "Synced");
}

static void busy_gateways_are_not_followed_step_by_step(void **state)
{
    struct rig *rig = *state;
    start(rig);
    fake_gateways_hold(rig->gateways, true);
    api(rig, "orders", NULL, "");
    fake_loop_advance(rig->loop, 100);
    unsigned looks = fake_gateways_wants(rig->gateways);
    for (size_t i = 1; i <= 12; i++) {
        fake_gateways_set(rig->gateways, "default/orders", GATEWAY_PENDING, 12, i);
        fake_loop_advance(rig->loop, 100);
    }
    assert_int_equal(fake_gateways_wants(rig->gateways), looks);
    fake_gateways_set(rig->gateways, "default/orders", GATEWAY_SYNCED, 12, 12);
    fake_loop_advance(rig->loop, 10);
    expect_reason(rig, "default/orders", "Ready", "Synced");
}

/* Contexts. */

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
    start(rig);
    reconciler_set_default_context(rig->reconciler, &context);
    expect_urls(rig, "", "http://gw");
    context.allow_adoption = true;
    reconciler_set_default_context(rig->reconciler, &context);
    expect_urls(rig, "", "http://gw adopts");
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
    fake_world_apply(rig->world, "{'kind':'Secret','metadata':{'name':'conf','namespace':'tyk'},"
                                 "'data':{'TYK_AUTH':'c2VjcmV0','TYK_ORG':'b3JnMQ=='}}");
    fake_world_apply(
        rig->world, "{'kind':'OperatorContext','metadata':{'name':'edge','namespace':'tyk'},'spec':"
                    "{'urls':['http://GW1:8080/','http://gw2'],'secretRef':{'name':'conf'},"
                    "'allowedNamespaces':{'from':'All'}}}");
    context_api(rig, "edge");
    start(rig);
    expect_urls(rig, "tyk/edge", "http://gw1:8080 http://gw2");
    expect_in_document(rig, "default/orders", "\"org_id\":\"org1\"", true);
    expect_reason(rig, "default/orders", "Ready", "Synced");
    assert_int_equal(fake_world_events(rig->world, "default/orders", "Synced"), 1);
    assert_int_equal(fake_world_status_writes(rig->world), 2); /* the API's and the context's */
}

static void a_refused_secret_is_told_with_the_remedy(void **state)
{
    struct rig *rig = *state;
    fake_world_apply(
        rig->world, "{'kind':'OperatorContext','metadata':{'name':'edge','namespace':'tyk'},'spec':"
                    "{'urls':['http://gw1'],'allowedNamespaces':{'from':'All'}}}");
    context_api(rig, "edge");
    start(rig);
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

static void a_change_of_a_context_reaches_the_documents_of_its_apis(void **state)
{
    struct rig *rig = *state;
    fake_world_apply(rig->world, "{'kind':'Secret','metadata':{'name':'conf','namespace':'tyk'},"
                                 "'data':{'TYK_AUTH':'c2VjcmV0','TYK_ORG':'b3JnMQ=='}}");
    fake_world_apply(
        rig->world, "{'kind':'OperatorContext','metadata':{'name':'edge','namespace':'tyk'},'spec':"
                    "{'urls':['http://gw1'],'secretRef':{'name':'conf'},'allowedNamespaces':{"
                    "'from':'All'}}}");
    context_api(rig, "edge");
    start(rig);
    expect_in_document(rig, "default/orders", "\"org_id\":\"org1\"", true);
    fake_world_apply(rig->world, "{'kind':'Secret','metadata':{'name':'conf','namespace':'tyk'},"
                                 "'data':{'TYK_AUTH':'c2VjcmV0','TYK_ORG':'b3JnMg=='}}");
    fake_loop_advance(rig->loop, 3000);
    expect_in_document(rig, "default/orders", "\"org_id\":\"org2\"", true);
}

static void a_context_that_does_not_permit_looks_like_one_that_is_not_there(void **state)
{
    struct rig *rig = *state;
    fake_world_apply(
        rig->world, "{'kind':'OperatorContext','metadata':{'name':'edge','namespace':'tyk'},'spec':"
                    "{'urls':['http://gw1'],'allowedNamespaces':{'from':'Same'}}}");
    context_api(rig, "edge");
    start(rig);
    fake_loop_advance(rig->loop, 3000);
    expect_reason(rig, "default/orders", "ResolvedRefs", "ContextNotFound");
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

/* What uses a Webhook is known when all APIs have been looked at; one that goes before counts as
 * looked at. */
static void an_api_that_goes_before_it_is_looked_at_holds_nothing_up(void **state)
{
    struct rig *rig = *state;
    fake_world_apply(
        rig->world, "{'kind':'OperatorContext','metadata':{'name':'edge','namespace':'tyk'},'spec':"
                    "{'urls':['http://gw1'],'secretRef':{'name':'conf'},'allowedNamespaces':{"
                    "'from':'All'}}}");
    context_api(rig, "edge");
    webhook(rig, "pager", "");
    fake_world_hold_follows(rig->world, true);
    start(rig);
    fake_world_strip(rig->world, OBJECT_API, "default/orders");
    fake_world_delete(rig->world, OBJECT_API, "default/orders");
    fake_loop_advance(rig->loop, 3000);
    fake_world_expect_reason(rig->world, OBJECT_WEBHOOK, "default/pager", "Ready", "Valid");
}

static void a_context_that_goes_before_its_secret_is_read_lets_its_apis_go_on(void **state)
{
    struct rig *rig = *state;
    start(rig);
    fake_world_hold_follows(rig->world, true);
    fake_world_apply(
        rig->world, "{'kind':'OperatorContext','metadata':{'name':'edge','namespace':'tyk'},'spec':"
                    "{'urls':['http://gw1'],'secretRef':{'name':'conf'},'allowedNamespaces':{"
                    "'from':'All'}}}");
    context_api(rig, "edge");
    fake_loop_advance(rig->loop, 1000);
    expect_api(rig, "default/orders", "status/conditions", NULL);
    fake_world_delete(rig->world, OBJECT_CONTEXT, "tyk/edge");
    fake_loop_advance(rig->loop, 3000);
    expect_reason(rig, "default/orders", "ResolvedRefs", "ContextNotFound");
}

static void a_missing_secret_blocks_the_context_and_is_said(void **state)
{
    struct rig *rig = *state;
    fake_world_apply(
        rig->world, "{'kind':'OperatorContext','metadata':{'name':'edge','namespace':'tyk'},'spec':"
                    "{'urls':['http://gw1'],'secretRef':{'name':'conf'}}}");
    start(rig);
    expect_urls(rig, "tyk/edge",
                "http://gw1 blocked: Secret tyk/conf is missing or may not be read");
    fake_loop_advance(rig->loop, 2000);
    fake_world_expect_reason(rig->world, OBJECT_CONTEXT, "tyk/edge", "Ready", "SecretNotFound");
    fake_world_apply(rig->world, "{'kind':'Secret','metadata':{'name':'conf','namespace':'tyk'},"
                                 "'data':{'TYK_AUTH':'c2VjcmV0'}}");
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
    start(rig);
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
    fake_world_apply(rig->world,
                     "{'kind':'Secret','metadata':{'name':'conf','namespace':'tyk'},"
                     "'data':{'TYK_AUTH':'cw==','TYK_URL':'aHR0cDovL2d3LnR5ay5zdmM='}}");
    fake_world_apply(rig->world, "{'kind':'OperatorContext','metadata':{'name':'edge','namespace':"
                                 "'tyk'},'spec':{'secretRef':{'name':'conf'}}}");
    start(rig);
    expect_urls(rig, "tyk/edge", "http://10.0.0.1:8080");
    /* http://tyk.io has no Service: an ordinary address after all */
    fake_world_apply(rig->world, "{'kind':'Secret','metadata':{'name':'conf','namespace':'tyk'},"
                                 "'data':{'TYK_AUTH':'cw==','TYK_URL':'aHR0cDovL3R5ay5pbw=='}}");
    fake_loop_advance(rig->loop, 2000);
    expect_urls(rig, "tyk/edge", "http://tyk.io");
}

/* Leaving. */

static void a_deleted_api_leaves_the_gateways_before_its_finalizer_goes(void **state)
{
    struct rig *rig = *state;
    api(rig, "orders", NULL, ",'finalizers':['finalizers.tyk.io/apidefinition']");
    start(rig);
    assert_non_null(fake_gateways_document(rig->gateways, "default/orders"));
    fake_gateways_hold(rig->gateways, true);
    fake_world_delete(rig->world, OBJECT_API, "default/orders");
    fake_loop_advance(rig->loop, 10 * FINALIZER_MS);
    assert_non_null(fake_world_get(rig->world, OBJECT_API, "default/orders"));
    fake_gateways_hold(rig->gateways, false);
    fake_loop_advance(rig->loop, 100);
    assert_null(fake_gateways_document(rig->gateways, "default/orders"));
    assert_null(fake_world_get(rig->world, OBJECT_API, "default/orders"));
    assert_int_equal(fake_gateways_removals(rig->gateways), 1);
}

static void a_deletion_goes_on_after_a_restart_only_when_the_gateways_are_known(void **state)
{
    struct rig *rig = *state;
    api(rig, "orders", NULL, ",'finalizers':['grapnel.dev/gateway']");
    fake_world_apply(rig->world, "{'kind':'OperatorContext','metadata':{'name':'edge','namespace':"
                                 "'tyk'},'spec':{'serviceRef':{'name':'gw','port':'control'}}}");
    fake_world_delete(rig->world, OBJECT_API, "default/orders");
    fake_world_hold_follows(rig->world, true);
    start(rig);
    fake_loop_advance(rig->loop, 5000);
    assert_non_null(fake_world_get(rig->world, OBJECT_API, "default/orders"));
    fake_world_hold_follows(rig->world, false);
    fake_loop_advance(rig->loop, 1000);
    assert_null(fake_world_get(rig->world, OBJECT_API, "default/orders"));
}

static void an_unreachable_gateway_holds_a_deletion_up_only_for_the_timeout(void **state)
{
    struct rig *rig = *state;
    api(rig, "orders", NULL, "");
    start(rig);
    fake_gateways_set_unreachable(rig->gateways, true);
    fake_world_delete(rig->world, OBJECT_API, "default/orders");
    fake_loop_advance(rig->loop, FINALIZER_MS - 1000);
    assert_non_null(fake_world_get(rig->world, OBJECT_API, "default/orders"));
    fake_loop_advance(rig->loop, 2000);
    assert_null(fake_world_get(rig->world, OBJECT_API, "default/orders"));
    assert_int_equal(fake_world_events(rig->world, "default/orders", "CleanupSkipped"), 1);
}

static void a_retained_api_stays_on_the_gateways(void **state)
{
    struct rig *rig = *state;
    api(rig, "orders", NULL, ",'annotations':{'grapnel.dev/deletion-policy':'Retain'}");
    start(rig);
    fake_world_delete(rig->world, OBJECT_API, "default/orders");
    fake_loop_advance(rig->loop, 1000);
    assert_null(fake_world_get(rig->world, OBJECT_API, "default/orders"));
    assert_int_equal(fake_gateways_removals(rig->gateways), 0);
}

static void an_api_whose_finalizer_was_torn_off_still_leaves_the_gateways(void **state)
{
    struct rig *rig = *state;
    api(rig, "orders", NULL, "");
    start(rig);
    fake_gateways_set_unreachable(rig->gateways, true);
    fake_world_delete(rig->world, OBJECT_API, "default/orders");
    fake_world_strip(rig->world, OBJECT_API, "default/orders");
    fake_loop_advance(rig->loop, 1000);
    assert_null(fake_gateways_document(rig->gateways, "default/orders"));
}

/* Writing. */

static void a_conflict_is_looked_at_again(void **state)
{
    struct rig *rig = *state;
    webhook(rig, "pager", "");
    start(rig);
    fake_world_fail_next_write(rig->world, ERR_CONFLICT);
    api(rig, "orders", "pager", "");
    fake_loop_advance(rig->loop, 1000);
    expect_reason(rig, "default/orders", "Ready", "Synced");
}

static void a_failed_write_is_repeated_with_back_off(void **state)
{
    struct rig *rig = *state;
    webhook(rig, "pager", "");
    start(rig);
    api(rig, "orders", "pager", ",'finalizers':['grapnel.dev/gateway']");
    for (int i = 0; i < 5; i++) {
        fake_world_fail_next_write(rig->world, ERR_TRANSIENT);
        webhook(rig, "pager", i % 2 ? ",'name':'a'" : ",'name':'b'");
        fake_loop_advance(rig->loop, 1000);
    }
    expect_in_document(rig, "default/orders", "\"name\":\"b\"", true);
    expect_reason(rig, "default/orders", "Ready", "Synced");
}

static void who_may_not_list_namespaces_does_without_them(void **state)
{
    struct rig *rig = *state;
    fake_world_forbid(rig->world, OBJECT_NAMESPACE);
    api(rig, "orders", NULL, "");
    start(rig);
    expect_reason(rig, "default/orders", "Ready", "Synced");
}

static void nothing_is_decided_before_every_list_is_complete(void **state)
{
    struct rig *rig = *state;
    fake_world_forbid(rig->world, OBJECT_WEBHOOK);
    api(rig, "orders", NULL, "");
    start(rig);
    fake_loop_advance(rig->loop, 60000);
    const char *reason = NULL;
    assert_false(reconciler_is_ready(rig->reconciler, &reason));
    assert_string_equal(reason, "may not list");
    assert_int_equal(fake_gateways_pushes(rig->gateways), 0);
    assert_int_equal(fake_world_status_writes(rig->world), 0);
}

struct start_in_parts {
    struct rig *rig;
    bool is_under_way;
};

/* The last one goes, and another comes, when the first have been looked at. */
static void change_under_way(void *arg)
{
    struct start_in_parts *start = arg;
    if (!fake_gateways_wants(start->rig->gateways)) {
        loop_defer(start->rig->loop, change_under_way, start);
        return;
    }
    start->is_under_way = true;
    assert_false(fake_gateways_is_complete(start->rig->gateways));
    assert_false(reconciler_is_settled(start->rig->reconciler));
    struct look_figures figures[LOOK_KIND_COUNT];
    reconciler_figures(start->rig->reconciler, figures);
    assert_in_range(figures[0].queue.ready, 100, 299);
    fake_world_delete(start->rig->world, OBJECT_API, "default/api-299");
    api(start->rig, "another", NULL, "");
}

static void a_start_with_many_is_complete_when_all_have_been_looked_at(void **state)
{
    struct rig *rig = *state;
    struct start_in_parts in_parts = {.rig = rig};
    char name[16];
    for (int i = 0; i < 300; i++) {
        snprintf(name, sizeof(name), "api-%d", i);
        api(rig, name, NULL, "");
    }
    loop_defer(rig->loop, change_under_way, &in_parts);
    start(rig);
    assert_true(in_parts.is_under_way);
    assert_true(fake_gateways_is_complete(rig->gateways));
    assert_non_null(fake_gateways_document(rig->gateways, "default/api-298"));
    assert_non_null(fake_gateways_document(rig->gateways, "default/another"));
    assert_null(fake_gateways_document(rig->gateways, "default/api-299"));
}

static void only_where_absence_is_proven_may_an_orphan_go(void **state)
{
    struct rig *rig = *state;
    api(rig, "orders", NULL, "");
    fake_world_watch_only(rig->world, "default");
    start(rig);
    bool (*may_collect)(void *, const char *) = reconciler_gateway_callbacks.may_collect;
    assert_false(may_collect(rig->reconciler, "default/orders"));
    assert_true(may_collect(rig->reconciler, "default/gone"));
    assert_false(may_collect(rig->reconciler, "elsewhere/gone"));
    fake_world_cut(rig->world, OBJECT_API, true);
    fake_loop_run(rig->loop);
    assert_false(may_collect(rig->reconciler, "default/gone"));
    fake_world_cut(rig->world, OBJECT_API, false);
    fake_loop_run(rig->loop);
    assert_true(may_collect(rig->reconciler, "default/gone"));
}

/* Has its turn in the loop as a renewal of the lease would. */
struct neighbour {
    struct rig *rig;
    unsigned turns;
    unsigned wants; /* as of its last turn */
    unsigned most;  /* looks between two turns */
};

static void take_turn(void *arg)
{
    struct neighbour *neighbour = arg;
    unsigned wants = fake_gateways_wants(neighbour->rig->gateways);
    unsigned looks = wants - neighbour->wants;
    neighbour->most = looks > neighbour->most ? looks : neighbour->most;
    neighbour->wants = wants;
    if (++neighbour->turns < 200)
        loop_defer(neighbour->rig->loop, take_turn, neighbour);
}

static void looks_give_way_to_others(void **state)
{
    struct rig *rig = *state;
    webhook(rig, "pager", "");
    for (unsigned i = 0; i < 300; i++) {
        char name[16];
        snprintf(name, sizeof(name), "a%u", i);
        api(rig, name, "pager", "");
    }
    start(rig);
    unsigned before = fake_gateways_wants(rig->gateways);
    struct neighbour neighbour = {.rig = rig, .wants = before};
    loop_defer(rig->loop, take_turn, &neighbour);
    fake_world_apply(rig->world,
                     "{'kind':'Namespace','metadata':{'name':'default','labels':{'a':'b'}}}");
    fake_loop_run(rig->loop);
    assert_int_equal(fake_gateways_wants(rig->gateways) - before, 300);
    assert_in_range(neighbour.most, 1, 64);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static const struct CMUnitTest tests[] = {
    TEST(an_api_without_references_is_pushed_and_reported),
    TEST(statuses_wait_for_writes_but_gateways_do_not),
    TEST(a_reference_becomes_a_copy_in_status_and_document),
    TEST(the_copy_is_written_before_the_push_that_contains_it),
    TEST(gateways_are_told_of_the_pushes_that_wait_for_a_write),
    TEST(refills_go_on_from_what_was_accepted),
    TEST(a_settled_world_is_left_alone_after_a_restart),
    TEST(a_changed_global_touches_just_the_apis_that_refer_to_it),
    TEST(usage_is_told_in_the_webhooks_status),
    TEST(a_webhook_is_not_looked_at_for_each_api_that_begins_to_use_it),
    TEST(one_of_two_webhooks_with_one_id_is_told_that_it_does_not_hold_it),
    TEST(a_deleted_global_is_converted_after_the_grace),
    TEST(copies_that_no_annotation_can_hold_are_converted_all_the_same),
    TEST(nothing_is_settled_while_a_grace_or_the_delay_of_a_rewrite_runs),
    TEST(delete_and_recreate_within_the_grace_is_no_deletion),
    TEST(nothing_is_converted_while_the_view_proves_nothing),
    TEST(what_is_not_watched_is_not_found_but_never_gone),
    TEST(an_absence_that_proved_nothing_is_looked_at_again_when_it_does),
    TEST(a_deletion_while_the_operator_was_down_is_converted),
    TEST(a_global_that_comes_back_takes_over_again),
    TEST(a_converted_reference_is_rewritten_after_the_delay),
    TEST(a_rewrite_that_somebody_undoes_is_not_done_again),
    TEST(retain_leaves_the_spec_alone_also_across_a_restart),
    TEST(a_mass_deletion_rewrites_nothing_and_says_so),
    TEST(a_sealed_value_is_never_rewritten_into_a_spec),
    TEST(a_new_api_waits_for_a_missing_webhook),
    TEST(an_api_that_is_replaced_waits_for_a_missing_webhook_too),
    TEST(a_new_api_waits_on_when_its_webhook_was_there_for_a_moment),
    TEST(a_new_api_waits_for_a_missing_webhook_after_a_conflict_too),
    TEST(after_the_grace_it_goes_live_without_the_handler),
    TEST(withdrawn_permission_erases_the_copy_after_the_grace),
    TEST(an_invalid_global_leaves_the_last_good_copy_in_force),
    TEST(a_value_from_a_secret_is_sealed_in_status_and_clear_on_the_gateway),
    TEST(an_invalid_spec_keeps_the_last_good_definition),
    TEST(what_is_invalid_since_before_the_start_is_kept_on_the_gateways),
    TEST(of_two_apis_with_one_listen_path_the_second_stalls),
    TEST(the_state_of_gateways_becomes_reasons),
    TEST(a_synced_status_follows_gateways_at_most_every_ten_seconds),
    TEST(a_rolling_update_costs_two_writes_an_api_at_most),
    TEST(a_lasting_change_of_pods_is_told_after_ten_seconds),
    TEST(each_trouble_of_a_gateway_is_told_after_ten_seconds_and_its_end_at_once),
    TEST(trouble_of_an_api_that_never_was_in_place_is_told_at_once),
    TEST(a_busy_gateway_is_reported_only_when_it_takes_long),
    TEST(busy_gateways_are_not_followed_step_by_step),
    TEST(the_default_context_may_allow_adoption),
    TEST(a_context_is_read_with_its_secret_before_its_apis_are_judged),
    TEST(a_refused_secret_is_told_with_the_remedy),
    TEST(a_change_of_a_context_reaches_the_documents_of_its_apis),
    TEST(a_context_that_does_not_permit_looks_like_one_that_is_not_there),
    TEST(an_api_that_goes_before_it_is_looked_at_holds_nothing_up),
    TEST(a_context_that_goes_before_its_secret_is_read_lets_its_apis_go_on),
    TEST(a_missing_secret_blocks_the_context_and_is_said),
    TEST(each_pod_behind_a_service_is_a_gateway),
    TEST(a_tyk_url_that_names_a_service_means_its_pods),
    TEST(a_deleted_api_leaves_the_gateways_before_its_finalizer_goes),
    TEST(a_deletion_goes_on_after_a_restart_only_when_the_gateways_are_known),
    TEST(an_unreachable_gateway_holds_a_deletion_up_only_for_the_timeout),
    TEST(a_retained_api_stays_on_the_gateways),
    TEST(an_api_whose_finalizer_was_torn_off_still_leaves_the_gateways),
    TEST(a_conflict_is_looked_at_again),
    TEST(a_failed_write_is_repeated_with_back_off),
    TEST(who_may_not_list_namespaces_does_without_them),
    TEST(nothing_is_decided_before_every_list_is_complete),
    TEST(a_start_with_many_is_complete_when_all_have_been_looked_at),
    TEST(only_where_absence_is_proven_may_an_orphan_go),
    TEST(looks_give_way_to_others),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
