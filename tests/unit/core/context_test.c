/* SPDX-License-Identifier: Apache-2.0 */
#include "core/context.h"

#include "make.h"

static void a_context_tells_what_its_gateways_allow(void **state)
{
    (void)state;
    struct cache *cache = cache_new();
    put_object(cache, OBJECT_CONTEXT,
               "{metadata: {name: edge, namespace: tyk}, spec: {secretRef: {name: conf}, "
               "allowedNamespaces: {from: All}, gateway: {version: v5.8, jsvm: true, kvReferences: "
               "true, templatePaths: [/hooks/, x/]}}}");
    put_object(cache, OBJECT_SECRET,
               "{metadata: {name: conf, namespace: tyk}, stringData: {TYK_ORG: org-1}}");
    struct context context;
    assert_true(context_read(cache, "tyk/edge", "team", &context));
    assert_string_equal(context.abilities.version, "v5.8");
    assert_true(context.abilities.jsvm);
    assert_true(context.abilities.kv_references);
    assert_false(context.abilities.folder_owner);
    assert_string_equal(context.abilities.org_id, "org-1");
    assert_string_equal(context.abilities.template_paths[1], "x/");
    assert_null(context.abilities.template_paths[2]);
    context_fini(&context);
    cache_free(cache);
}

static void what_is_not_said_is_not_allowed(void **state)
{
    (void)state;
    struct cache *cache = cache_new();
    put_object(cache, OBJECT_CONTEXT,
               "{metadata: {name: edge, namespace: tyk}, spec: {secretRef: {name: none}}}");
    struct context context;
    assert_true(context_read(cache, "tyk/edge", "tyk", &context));
    assert_string_equal(context.abilities.version, "");
    assert_false(context.abilities.jsvm);
    assert_false(context.abilities.kv_references);
    assert_null(context.abilities.org_id);
    assert_null(context.abilities.template_paths);
    context_fini(&context);
    assert_false(context_read(cache, "tyk/edge", "team", &context));
    context_fini(&context);
    assert_false(context_read(cache, "tyk/none", "tyk", &context));
    context_fini(&context);
    cache_free(cache);
}

static void a_refused_context_is_none(void **state)
{
    (void)state;
    struct cache *cache = cache_new();
    CLEANUP(freep) char *json = make_json("{metadata: {name: edge, namespace: tyk}, spec: {}}");
    struct object *object = NULL;
    struct err err;
    assert_int_equal(
        object_new(OBJECT_CONTEXT, (struct span){json, strlen(json)}, "broken", &object, &err), 0);
    object_unref(cache_put(cache, object));
    object_unref(object);
    struct context context;
    assert_false(context_read(cache, "tyk/edge", "tyk", &context));
    context_fini(&context);
    cache_free(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_context_tells_what_its_gateways_allow),
        cmocka_unit_test(what_is_not_said_is_not_allowed),
        cmocka_unit_test(a_refused_context_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
