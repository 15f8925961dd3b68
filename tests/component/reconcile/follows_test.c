/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets and ConfigMaps are followed while something refers to them, and let go afterwards. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "rig.h"

/* By then what nothing refers to has been let go. */
#define LET_GO_MS INT64_C(70000)

/* An API whose document is in a ConfigMap. */
static void api_by_config_map(struct rig *rig, const char *name, const char *config_map)
{
    CLEANUP(freep)
    char *json = xasprintf("{'kind':'ApiDefinition','metadata':{'name':'%s'},'spec':{'oasRef':{"
                           "'configMapKeyRef':{'name':'%s','key':'oas.json'}}}}",
                           name, config_map);
    fake_world_apply(rig->world, json);
}

/* Its listen path is /shop/, on a domain of its own. */
static void config_map(struct rig *rig, const char *name)
{
    CLEANUP(freep)
    char *json = xasprintf(
        "{'kind':'ConfigMap','metadata':{'name':'%s'},'data':{'oas.json':'{\\'openapi\\':"
        "\\'3.0.3\\',\\'info\\':{\\'title\\':\\'t\\',\\'version\\':\\'1\\'},\\'paths\\':{},"
        "\\'x-tyk-api-gateway\\':{\\'info\\':{\\'name\\':\\'t\\',\\'state\\':{\\'active\\':true}},"
        "\\'upstream\\':{\\'url\\':\\'http://up/\\'},\\'server\\':{\\'listenPath\\':{\\'value\\':"
        "\\'/shop/\\'},\\'customDomain\\':{\\'enabled\\':true,\\'name\\':\\'shop.example\\'}}}}'}}",
        name);
    fake_world_apply(rig->world, json);
}

static void expect_followed(const struct rig *rig, enum object_kind kind, const char *key,
                            bool followed)
{
    if (fake_world_is_followed(rig->world, kind, key) != followed)
        fail_msg("%s is %sfollowed", key, followed ? "not " : "still ");
}

static void a_secret_is_let_go_when_its_last_user_has_gone(void **state)
{
    struct rig *rig = *state;
    rig_secret(rig, "s");
    rig_webhook_of_secret(rig, "pager", "s");
    rig_webhook_of_secret(rig, "mail", "s");
    rig_api(rig, "orders", "pager", "");
    fake_loop_advance(rig->loop, 1000);
    expect_followed(rig, OBJECT_SECRET, "default/s", true);
    fake_world_delete(rig->world, OBJECT_WEBHOOK, "default/pager");
    fake_loop_advance(rig->loop, 2 * LET_GO_MS);
    expect_followed(rig, OBJECT_SECRET, "default/s", true);
    rig_webhook_of_secret(rig, "mail", "other");
    fake_loop_advance(rig->loop, LET_GO_MS);
    expect_followed(rig, OBJECT_SECRET, "default/s", false);
    expect_followed(rig, OBJECT_SECRET, "default/other", true);
    /* And it is read again when it is needed again. */
    rig_webhook_of_secret(rig, "mail", "s");
    fake_loop_advance(rig->loop, 1000);
    expect_followed(rig, OBJECT_SECRET, "default/s", true);
    fake_world_expect_reason(rig->world, OBJECT_WEBHOOK, "default/mail", "Ready", "Valid");
}

static void a_user_that_is_replaced_does_not_let_go(void **state)
{
    struct rig *rig = *state;
    rig_secret(rig, "s");
    for (int round = 0; round < 5; round++) {
        rig_webhook_of_secret(rig, "pager", "s");
        for (int second = 0; second < 20; second++) {
            fake_loop_advance(rig->loop, 1000);
            expect_followed(rig, OBJECT_SECRET, "default/s", true);
        }
        fake_world_delete(rig->world, OBJECT_WEBHOOK, "default/pager");
        for (int second = 0; second < 20; second++) {
            fake_loop_advance(rig->loop, 1000);
            expect_followed(rig, OBJECT_SECRET, "default/s", true);
        }
    }
    fake_loop_advance(rig->loop, LET_GO_MS);
    expect_followed(rig, OBJECT_SECRET, "default/s", false);
}

static void a_config_map_is_let_go_when_its_api_names_another(void **state)
{
    struct rig *rig = *state;
    config_map(rig, "one");
    config_map(rig, "two");
    api_by_config_map(rig, "shop", "one");
    fake_loop_advance(rig->loop, 3000);
    assert_non_null(fake_gateways_document(rig->gateways, "default/shop"));
    expect_followed(rig, OBJECT_CONFIGMAP, "default/one", true);
    api_by_config_map(rig, "shop", "two");
    fake_loop_advance(rig->loop, LET_GO_MS);
    expect_followed(rig, OBJECT_CONFIGMAP, "default/one", false);
    expect_followed(rig, OBJECT_CONFIGMAP, "default/two", true);
    /* What the gateways hold was made of what it was: a refill goes on. */
    assert_true(fake_gateways_refill(rig->gateways, "default/shop"));
    fake_world_delete(rig->world, OBJECT_API, "default/shop");
    fake_loop_advance(rig->loop, LET_GO_MS);
    expect_followed(rig, OBJECT_CONFIGMAP, "default/two", false);
}

/* The gateways still serve it: nobody else may have its listen path. */
static void an_api_that_leaves_holds_its_path_without_its_config_map(void **state)
{
    struct rig *rig = *state;
    config_map(rig, "one");
    api_by_config_map(rig, "first", "one");
    fake_loop_advance(rig->loop, 3000);
    fake_gateways_hold(rig->gateways, true);
    fake_world_delete(rig->world, OBJECT_API, "default/first");
    fake_loop_advance(rig->loop, LET_GO_MS);
    expect_followed(rig, OBJECT_CONFIGMAP, "default/one", false);
    /* Whatever is changed of it meanwhile. */
    api_by_config_map(rig, "first", "elsewhere");
    config_map(rig, "another");
    api_by_config_map(rig, "second", "another");
    fake_loop_advance(rig->loop, 3000);
    fake_world_expect_reason(rig->world, OBJECT_API, "default/second", "Stalled", "Conflict");
    fake_gateways_hold(rig->gateways, false);
    fake_loop_advance(rig->loop, 3000);
    fake_world_expect_reason(rig->world, OBJECT_API, "default/second", "Ready", "Synced");
}

static void the_secrets_of_a_context_are_let_go_with_it(void **state)
{
    struct rig *rig = *state;
    fake_world_apply(rig->world,
                     "{'kind':'Secret','metadata':{'name':'conf'},'data':{'TYK_AUTH':'eA=='}}");
    fake_world_apply(rig->world, "{'kind':'OperatorContext','metadata':{'name':'edge'},'spec':{"
                                 "'urls':['http://gw1'],'secretRef':{'name':'conf'},'tls':{"
                                 "'caSecretRef':{'name':'ca','key':'ca.crt'}}}}");
    fake_loop_advance(rig->loop, 1000);
    expect_followed(rig, OBJECT_SECRET, "default/conf", true);
    expect_followed(rig, OBJECT_SECRET, "default/ca", true);
    fake_world_delete(rig->world, OBJECT_CONTEXT, "default/edge");
    fake_loop_advance(rig->loop, LET_GO_MS);
    expect_followed(rig, OBJECT_SECRET, "default/conf", false);
    expect_followed(rig, OBJECT_SECRET, "default/ca", false);
}

static void a_standby_follows_nothing_by_name(void **state)
{
    struct rig *rig = *state;
    rig_secret(rig, "s");
    config_map(rig, "one");
    rig_webhook_of_secret(rig, "pager", "s");
    api_by_config_map(rig, "shop", "one");
    fake_loop_advance(rig->loop, 3000);
    reconciler_stand_by(rig->reconciler);
    fake_gateways_free(rig->gateways);
    fake_loop_run(rig->loop);
    expect_followed(rig, OBJECT_SECRET, "default/s", false);
    expect_followed(rig, OBJECT_CONFIGMAP, "default/one", false);
    rig_lead(rig);
    fake_loop_advance(rig->loop, 3000);
    expect_followed(rig, OBJECT_SECRET, "default/s", true);
    fake_world_expect_reason(rig->world, OBJECT_API, "default/shop", "Ready", "Synced");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up_leading, rig_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_secret_is_let_go_when_its_last_user_has_gone),
        TEST(a_user_that_is_replaced_does_not_let_go),
        TEST(a_config_map_is_let_go_when_its_api_names_another),
        TEST(an_api_that_leaves_holds_its_path_without_its_config_map),
        TEST(the_secrets_of_a_context_are_let_go_with_it),
        TEST(a_standby_follows_nothing_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
