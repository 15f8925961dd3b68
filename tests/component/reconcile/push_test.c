/* SPDX-License-Identifier: Apache-2.0 */
/* What an API becomes on the gateways and in its status; what is wrong with one, and with writes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "rig.h"

/* Pushing and reporting. */

static void an_api_without_references_is_pushed_and_reported(void **state)
{
    struct rig *rig = *state;
    rig_start(rig);
    rig_api(rig, "orders", NULL, "");
    rig_expect_in_document(rig, "default/orders", "\"/orders/\"", true);
    rig_expect_reason(rig, "default/orders", "Ready", "Synced");
    rig_expect_reason(rig, "default/orders", "Programmed", "Programmed");
    rig_expect_reason(rig, "default/orders", "Reconciling", NULL);
    rig_expect_api(rig, "default/orders", "status/gateways", "{'total':2,'synced':2}");
    rig_expect_api(rig, "default/orders", "status/observedGeneration", "1");
    rig_expect_api(rig, "default/orders", "status/apiId", "'ZGVmYXVsdC9vcmRlcnM'");
    rig_expect_api(rig, "default/orders", "metadata/finalizers", "['grapnel.dev/gateway']");
    assert_int_equal(fake_world_events(rig->world, "default/orders", "Synced"), 1);
    assert_int_equal(fake_gateways_pushes(rig->gateways), 1);
    assert_int_equal(fake_world_status_writes(rig->world), 1);
}

static void statuses_wait_for_writes_but_gateways_do_not(void **state)
{
    struct rig *rig = *state;
    fake_world_set_unchangeable(rig->world); /* no finalizers: a status is the first write */
    rig_start(rig);
    fake_world_hold_writes(rig->world, true);
    char name[16];
    for (int i = 0; i < 600; i++) {
        snprintf(name, sizeof(name), "api%d", i);
        rig_api(rig, name, NULL, "");
    }
    fake_loop_run(rig->loop);
    assert_in_range(fake_world_status_writes(rig->world), 200, 300);
    rig_expect_in_document(rig, "default/api599", "\"/api599/\"", true);
    assert_false(reconciler_is_settled(rig->reconciler));
    fake_world_hold_writes(rig->world, false);
    fake_loop_run(rig->loop);
    assert_int_equal(fake_world_status_writes(rig->world), 600);
    rig_expect_reason(rig, "default/api599", "Ready", "Synced");
    assert_true(reconciler_is_settled(rig->reconciler));
}

static void a_reference_becomes_a_copy_in_status_and_document(void **state)
{
    struct rig *rig = *state;
    rig_webhook(rig, "pager", "");
    rig_start(rig);
    rig_api(rig, "orders", "pager", "");
    rig_expect_in_document(rig, "default/orders", "https://pager/hook", true);
    rig_expect_in_document(rig, "default/orders", "\"id\":\"pager\"", true);
    rig_expect_api(rig, "default/orders", "status/webhooks/0/source", "'Global'");
    rig_expect_api(rig, "default/orders", "status/webhooks/0/copy/url", "'https://pager/hook'");
    rig_expect_api(rig, "default/orders", "status/handlers/0/source", "'Global'");
    rig_expect_reason(rig, "default/orders", "ResolvedRefs", "Resolved");
}

static void the_copy_is_written_before_the_push_that_contains_it(void **state)
{
    struct rig *rig = *state;
    rig_webhook(rig, "pager", "");
    rig_api(rig, "orders", "pager", ",'finalizers':['grapnel.dev/gateway']");
    rig_start(rig);
    rig_expect_in_document(rig, "default/orders", "https://pager/hook", true);

    fake_world_hold_writes(rig->world, true);
    rig_webhook(rig, "pager", ",'name':'Second'");
    fake_loop_advance(rig->loop, 3000);
    rig_expect_in_document(rig, "default/orders", "Second", false);
    fake_world_hold_writes(rig->world, false);
    rig_expect_in_document(rig, "default/orders", "Second", true);
}

static void gateways_are_told_of_the_pushes_that_wait_for_a_write(void **state)
{
    struct rig *rig = *state;
    rig_webhook(rig, "pager", "");
    rig_api(rig, "orders", "pager", "");
    rig_start(rig);
    assert_false(fake_gateways_expects_more(rig->gateways));
    fake_world_hold_writes(rig->world, true);
    rig_webhook(rig, "pager", ",'name':'Second'");
    fake_loop_advance(rig->loop, 3000);
    assert_true(fake_gateways_expects_more(rig->gateways));
    fake_world_hold_writes(rig->world, false);
    rig_expect_in_document(rig, "default/orders", "Second", true);
    assert_false(fake_gateways_expects_more(rig->gateways));
}

static void refills_go_on_from_what_was_accepted(void **state)
{
    struct rig *rig = *state;
    rig_webhook(rig, "pager", "");
    rig_api(rig, "orders", "pager", "");
    rig_start(rig);
    fake_world_hold_writes(rig->world, true);
    rig_webhook(rig, "pager", ",'name':'Second'");
    fake_loop_advance(rig->loop, 3000);
    assert_true(fake_gateways_refill(rig->gateways, "default/orders"));
    rig_expect_in_document(rig, "default/orders", "https://pager/hook", true);
    rig_expect_in_document(rig, "default/orders", "Second", false);
    fake_world_hold_writes(rig->world, false);
}

static void a_settled_world_is_left_alone_after_a_restart(void **state)
{
    struct rig *rig = *state;
    rig_webhook(rig, "pager", ",'id':'66498cd1e2fcd1000184ecb9'");
    rig_api(rig, "orders", "pager", "");
    rig_api(rig, "plain", NULL, "");
    rig_start(rig);
    fake_loop_advance(rig->loop, 60000);
    unsigned writes = fake_world_status_writes(rig->world);
    unsigned changes = fake_world_changes(rig->world);
    fake_loop_advance(rig->loop, 600000);
    rig_stop(rig);
    rig_start(rig);
    fake_loop_advance(rig->loop, 600000);
    assert_int_equal(fake_world_status_writes(rig->world), writes);
    assert_int_equal(fake_world_changes(rig->world), changes);
    assert_true(fake_gateways_is_complete(rig->gateways));
    assert_false(fake_gateways_unsettled(rig->gateways));
}

/* Secrets. */

static void a_value_from_a_secret_is_sealed_in_status_and_clear_on_the_gateway(void **state)
{
    struct rig *rig = *state;
    fake_world_apply(rig->world, "{'kind':'Secret','metadata':{'name':'s'},'data':{'t':"
                                 "'VE9LRU4tMTIz'}}");
    rig_webhook(rig, "pager",
                ",'headers':[{'name':'A','valueFrom':{'secretKeyRef':{'name':'s','key':'t'}}}]");
    rig_api(rig, "orders", "pager", "");
    rig_start(rig);
    rig_expect_in_document(rig, "default/orders", "TOKEN-123", true);
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
    rig_expect_in_document(rig, "default/orders", "TOKEN-456", true);
    assert_int_equal(fake_gateways_pushes(rig->gateways), pushes + 1);

    /* Gone: the last good copy stays. */
    fake_world_delete(rig->world, OBJECT_SECRET, "default/s");
    fake_loop_advance(rig->loop, 3000);
    rig_expect_in_document(rig, "default/orders", "TOKEN-456", true);
    rig_expect_reason(rig, "default/orders", "ResolvedRefs", "SecretNotFound");
    fake_world_expect_reason(rig->world, OBJECT_WEBHOOK, "default/pager", "Ready",
                             "SecretNotFound");
}

/* Bad input. */

static void an_invalid_spec_keeps_the_last_good_definition(void **state)
{
    struct rig *rig = *state;
    rig_webhook(rig, "pager", "");
    rig_api(rig, "orders", "pager", "");
    rig_start(rig);
    unsigned pushes = fake_gateways_pushes(rig->gateways);
    fake_world_apply(rig->world, "{'kind':'ApiDefinition','metadata':{'name':'orders'},'spec':"
                                 "{'oas':{'openapi':'3.0.3'}}}");
    fake_loop_advance(rig->loop, 3000);
    assert_int_equal(fake_gateways_pushes(rig->gateways), pushes);
    rig_expect_in_document(rig, "default/orders", "https://pager/hook", true);
    rig_expect_reason(rig, "default/orders", "Ready", "InvalidSpec");
    rig_expect_reason(rig, "default/orders", "Stalled", "InvalidSpec");
    rig_expect_api(rig, "default/orders", "status/webhooks/0/copy/url", "'https://pager/hook'");
    rig_expect_api(rig, "default/orders", "status/apiId", "'ZGVmYXVsdC9vcmRlcnM'");
    assert_int_equal(fake_world_events(rig->world, "default/orders", "InvalidSpec"), 1);
    assert_true(fake_gateways_refill(rig->gateways, "default/orders"));
    /* Mended. */
    rig_api(rig, "orders", "pager", "");
    fake_loop_advance(rig->loop, 3000);
    rig_expect_reason(rig, "default/orders", "Ready", "Synced");
}

static void what_is_invalid_since_before_the_start_is_kept_on_the_gateways(void **state)
{
    struct rig *rig = *state;
    fake_world_apply(rig->world, "{'kind':'ApiDefinition','metadata':{'name':'orders'},'spec':"
                                 "{'oas':{'openapi':'3.0.3'}}}");
    rig_start(rig);
    assert_true(fake_gateways_is_kept(rig->gateways, "default/orders"));
    assert_true(fake_gateways_is_complete(rig->gateways));
}

static void of_two_apis_with_one_listen_path_the_second_stalls(void **state)
{
    struct rig *rig = *state;
    rig_start(rig);
    rig_api(rig, "orders", NULL, "");
    fake_loop_advance(rig->loop, 3000);
    static const char rival[] =
        "{'kind':'ApiDefinition','metadata':{'name':'rival'},'spec':{'name':'rival','proxy':"
        "{'target_url':'http://up/','listen_path':'/orders/'}}}";
    fake_world_apply(rig->world, rival);
    fake_loop_advance(rig->loop, 3000);
    rig_expect_reason(rig, "default/rival", "Stalled", "Conflict");
    rig_expect_reason(rig, "default/orders", "Ready", "Synced");
    assert_null(fake_gateways_document(rig->gateways, "default/rival"));
    fake_world_delete(rig->world, OBJECT_API, "default/orders");
    fake_loop_advance(rig->loop, 3000);
    rig_expect_reason(rig, "default/rival", "Ready", "Synced");
}

static void apply_at(struct rig *rig, const char *name, const char *path)
{
    CLEANUP(freep)
    char *json = xasprintf("{'kind':'ApiDefinition','metadata':{'name':'%s'},'spec':{'name':'%s',"
                           "'proxy':{'target_url':'http://up/','listen_path':'%s'}}}",
                           name, name, path);
    fake_world_apply(rig->world, json);
}

static void apis_that_exchange_listen_paths_do_not_wait_for_each_other(void **state)
{
    struct rig *rig = *state;
    apply_at(rig, "a", "/1/");
    apply_at(rig, "b", "/2/");
    rig_start(rig);
    fake_loop_advance(rig->loop, 1000);
    apply_at(rig, "a", "/2/");
    fake_loop_advance(rig->loop, 3000);
    rig_expect_reason(rig, "default/a", "Stalled", "Conflict");
    rig_expect_in_document(rig, "default/a", "/1/", true);
    fake_gateways_hold(rig->gateways, true);
    apply_at(rig, "b", "/1/");
    fake_loop_advance(rig->loop, 3000);
    rig_expect_reason(rig, "default/a", "Stalled", NULL);
    rig_expect_reason(rig, "default/b", "Stalled", NULL);
    fake_gateways_hold(rig->gateways, false);
    fake_loop_advance(rig->loop, 3000);
    rig_expect_in_document(rig, "default/a", "/2/", true);
    rig_expect_in_document(rig, "default/b", "/1/", true);
    rig_expect_api(rig, "default/a", "status/listenPath", "'/2/'");
    rig_expect_api(rig, "default/b", "status/listenPath", "'/1/'");
    rig_expect_reason(rig, "default/a", "Ready", "Synced");
    rig_expect_reason(rig, "default/b", "Ready", "Synced");
    assert_int_equal(fake_world_events(rig->world, "default/b", "Conflict"), 0);
}

static void refuse(struct rig *rig, const char *title)
{
    CLEANUP(freep)
    char *json = xasprintf("{'kind':'ApiDefinition','metadata':{'name':'b'},'spec':{'name':'%s',"
                           "'proxy':{'target_url':'http://up/','listen_path':'/1/'},"
                           "'event_handlers':{'events':{'AuthFailure':[{'handler_name':"
                           "'eh_web_hook_handler','handler_meta':5}]}}}}",
                           title);
    fake_world_apply(rig->world, json);
    fake_loop_advance(rig->loop, 1000);
    rig_expect_reason(rig, "default/b", "Stalled", "InvalidSpec");
}

/* Also when the other one is looked at first, after a restart. */
static void nobody_exchanges_listen_paths_with_one_that_is_refused(void **state)
{
    struct rig *rig = *state;
    apply_at(rig, "a", "/1/");
    apply_at(rig, "b", "/2/");
    rig_start(rig);
    fake_loop_advance(rig->loop, 3000);
    refuse(rig, "b");
    apply_at(rig, "a", "/2/");
    fake_loop_advance(rig->loop, 1000);
    rig_expect_reason(rig, "default/a", "Stalled", "Conflict");
    refuse(rig, "again"); /* the world lists what was changed last as the last */
    rig_expect_reason(rig, "default/a", "Stalled", "Conflict");
    rig_stop(rig);
    rig_start(rig);
    fake_loop_advance(rig->loop, 5000);
    rig_expect_reason(rig, "default/a", "Stalled", "Conflict");
    assert_null(fake_gateways_document(rig->gateways, "default/a"));
    apply_at(rig, "b", "/1/");
    fake_loop_advance(rig->loop, 5000);
    rig_expect_in_document(rig, "default/a", "/2/", true);
    rig_expect_in_document(rig, "default/b", "/1/", true);
}

/* Writing. */

static void a_conflict_is_looked_at_again(void **state)
{
    struct rig *rig = *state;
    rig_webhook(rig, "pager", "");
    rig_start(rig);
    fake_world_fail_next_write(rig->world, ERR_CONFLICT);
    rig_api(rig, "orders", "pager", "");
    fake_loop_advance(rig->loop, 1000);
    rig_expect_reason(rig, "default/orders", "Ready", "Synced");
}

static void a_failed_write_is_repeated_with_back_off(void **state)
{
    struct rig *rig = *state;
    rig_webhook(rig, "pager", "");
    rig_start(rig);
    rig_api(rig, "orders", "pager", ",'finalizers':['grapnel.dev/gateway']");
    for (int i = 0; i < 5; i++) {
        fake_world_fail_next_write(rig->world, ERR_TRANSIENT);
        rig_webhook(rig, "pager", i % 2 ? ",'name':'a'" : ",'name':'b'");
        fake_loop_advance(rig->loop, 1000);
    }
    rig_expect_in_document(rig, "default/orders", "\"name\":\"b\"", true);
    rig_expect_reason(rig, "default/orders", "Ready", "Synced");
}

static void who_may_not_list_namespaces_does_without_them(void **state)
{
    struct rig *rig = *state;
    fake_world_forbid(rig->world, OBJECT_NAMESPACE);
    rig_api(rig, "orders", NULL, "");
    rig_start(rig);
    rig_expect_reason(rig, "default/orders", "Ready", "Synced");
}

static void nothing_is_decided_before_every_list_is_complete(void **state)
{
    struct rig *rig = *state;
    fake_world_forbid(rig->world, OBJECT_WEBHOOK);
    rig_api(rig, "orders", NULL, "");
    rig_start(rig);
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
    rig_api(start->rig, "another", NULL, "");
}

/* Its finalizer tells of an earlier process that has pushed it, or was about to, and could not say
 * so in its status. */
static void what_an_earlier_process_has_pushed_is_not_held_for_a_reference(void **state)
{
    struct rig *rig = *state;
    rig_api(rig, "orders", "nobody", ",'finalizers':['grapnel.dev/gateway']");
    rig_api(rig, "fresh", "nobody", "");
    rig_start(rig);
    fake_loop_advance(rig->loop, 1000);
    assert_non_null(fake_gateways_document(rig->gateways, "default/orders"));
    assert_null(fake_gateways_document(rig->gateways, "default/fresh"));
}

/* What is wanted is told when the copies are written, not before; but nobody waits for ever. */
static void a_start_is_complete_when_copies_are_written(void **state)
{
    struct rig *rig = *state;
    for (int heals = 0; heals < 2; heals++) {
        rig_webhook(rig, "pager", heals ? ",'method':'PUT'" : "");
        rig_api(rig, "orders", "pager", "");
        fake_world_fail_writes(rig->world, ERR_TRANSIENT, true);
        rig_start(rig);
        fake_loop_advance(rig->loop, 30000);
        assert_false(fake_gateways_is_complete(rig->gateways));
        if (heals)
            fake_world_fail_writes(rig->world, ERR_TRANSIENT, false);
        fake_loop_advance(rig->loop, 31000);
        assert_true(fake_gateways_is_complete(rig->gateways));
        assert_true(fake_gateways_is_kept(rig->gateways, "default/orders") != heals);
        fake_world_fail_writes(rig->world, ERR_TRANSIENT, false);
        rig_stop(rig);
    }
    rig_start(rig);
}

static void a_start_with_many_is_complete_when_all_have_been_looked_at(void **state)
{
    struct rig *rig = *state;
    struct start_in_parts in_parts = {.rig = rig};
    char name[16];
    for (int i = 0; i < 300; i++) {
        snprintf(name, sizeof(name), "api-%d", i);
        rig_api(rig, name, NULL, "");
    }
    loop_defer(rig->loop, change_under_way, &in_parts);
    rig_start(rig);
    assert_true(in_parts.is_under_way);
    assert_true(fake_gateways_is_complete(rig->gateways));
    assert_non_null(fake_gateways_document(rig->gateways, "default/api-298"));
    assert_non_null(fake_gateways_document(rig->gateways, "default/another"));
    assert_null(fake_gateways_document(rig->gateways, "default/api-299"));
}

/* One whose Secret cannot be read holds all others up for a minute: from then on what the gateways
 * hold of it stays, as that of an API that is refused, and the rest is put in order. */
static void an_api_whose_secret_cannot_be_read_does_not_hold_up_all(void **state)
{
    struct rig *rig = *state;
    rig_secret(rig, "s");
    rig_webhook_of_secret(rig, "pager", "s");
    rig_webhook(rig, "mail", "");
    rig_api(rig, "waits", "pager", "");
    rig_api(rig, "orders", "mail", "");
    fake_world_hold_follows(rig->world, true);
    rig_start(rig);
    assert_non_null(fake_gateways_document(rig->gateways, "default/orders"));
    fake_loop_advance(rig->loop, 59000);
    assert_false(fake_gateways_is_complete(rig->gateways));
    assert_false(fake_gateways_is_kept(rig->gateways, "default/waits"));
    fake_loop_advance(rig->loop, 2000);
    assert_true(fake_gateways_is_kept(rig->gateways, "default/waits"));
    assert_true(fake_gateways_is_complete(rig->gateways));
    assert_null(fake_gateways_document(rig->gateways, "default/waits"));
    fake_world_expect_reason(rig->world, OBJECT_WEBHOOK, "default/mail", "Ready", "Valid");
    unsigned wants = fake_gateways_wants(rig->gateways);
    fake_loop_advance(rig->loop, 600000);
    assert_int_equal(fake_gateways_wants(rig->gateways), wants);
    assert_true(fake_gateways_is_kept(rig->gateways, "default/waits"));
    fake_world_hold_follows(rig->world, false);
    fake_loop_advance(rig->loop, 3000);
    assert_non_null(fake_gateways_document(rig->gateways, "default/waits"));
    rig_expect_reason(rig, "default/waits", "Ready", "Synced");
    fake_world_expect_reason(rig->world, OBJECT_WEBHOOK, "default/pager", "Ready", "Valid");
}

static void only_where_absence_is_proven_may_an_orphan_go(void **state)
{
    struct rig *rig = *state;
    rig_api(rig, "orders", NULL, "");
    fake_world_watch_only(rig->world, "default");
    rig_start(rig);
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
    rig_webhook(rig, "pager", "");
    for (unsigned i = 0; i < 300; i++) {
        char name[16];
        snprintf(name, sizeof(name), "a%u", i);
        rig_api(rig, name, "pager", "");
    }
    rig_start(rig);
    unsigned before = fake_gateways_wants(rig->gateways);
    struct neighbour neighbour = {.rig = rig, .wants = before};
    loop_defer(rig->loop, take_turn, &neighbour);
    fake_world_apply(rig->world,
                     "{'kind':'Namespace','metadata':{'name':'default','labels':{'a':'b'}}}");
    fake_loop_run(rig->loop);
    assert_int_equal(fake_gateways_wants(rig->gateways) - before, 300);
    assert_in_range(neighbour.most, 1, 64);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)

static const struct CMUnitTest tests[] = {
    TEST(an_api_without_references_is_pushed_and_reported),
    TEST(statuses_wait_for_writes_but_gateways_do_not),
    TEST(a_reference_becomes_a_copy_in_status_and_document),
    TEST(the_copy_is_written_before_the_push_that_contains_it),
    TEST(gateways_are_told_of_the_pushes_that_wait_for_a_write),
    TEST(refills_go_on_from_what_was_accepted),
    TEST(a_settled_world_is_left_alone_after_a_restart),
    TEST(a_value_from_a_secret_is_sealed_in_status_and_clear_on_the_gateway),
    TEST(an_invalid_spec_keeps_the_last_good_definition),
    TEST(what_is_invalid_since_before_the_start_is_kept_on_the_gateways),
    TEST(of_two_apis_with_one_listen_path_the_second_stalls),
    TEST(apis_that_exchange_listen_paths_do_not_wait_for_each_other),
    TEST(nobody_exchanges_listen_paths_with_one_that_is_refused),
    TEST(a_conflict_is_looked_at_again),
    TEST(a_failed_write_is_repeated_with_back_off),
    TEST(who_may_not_list_namespaces_does_without_them),
    TEST(nothing_is_decided_before_every_list_is_complete),
    TEST(what_an_earlier_process_has_pushed_is_not_held_for_a_reference),
    TEST(a_start_is_complete_when_copies_are_written),
    TEST(a_start_with_many_is_complete_when_all_have_been_looked_at),
    TEST(an_api_whose_secret_cannot_be_read_does_not_hold_up_all),
    TEST(only_where_absence_is_proven_may_an_orphan_go),
    TEST(looks_give_way_to_others),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
