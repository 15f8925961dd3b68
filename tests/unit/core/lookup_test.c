/* SPDX-License-Identifier: Apache-2.0 */
#include "core/lookup.h"

#include "core/allowed.h"
#include "core/ids.h"
#include "make.h"

static void put(struct cache *cache, const char *ns, const char *name, const char *spec,
                const char *rest)
{
    char *yaml = xasprintf("{metadata: {name: %s, namespace: %s%s}, spec: {url: 'https://h/'%s%s}}",
                           name, ns, rest, *spec ? ", " : "", spec);
    put_object(cache, OBJECT_WEBHOOK, yaml);
    free(yaml);
}

#define ALL "allowedNamespaces: {from: All}"

static const char *found(const struct cache *cache, const char *ns, const char *const *id_ns,
                         const char *ref, enum lookup_result wanted)
{
    const struct lookup lookup = {.ns = ns, .id_namespaces = id_ns, .all_id_namespaces = !id_ns};
    const struct object *webhook;
    assert_int_equal(lookup_webhook(&lookup, cache, ref, &webhook), wanted);
    return webhook ? webhook->key : NULL;
}

static void the_steps_follow_one_another(void **state)
{
    (void)state;
    struct cache *cache = cache_new();
    put(cache, "team", "a", "id: a-id", "");
    put(cache, "platform", "a", "id: shared, " ALL, "");
    put(cache, "team", "b", "id: platform-a", "");
    put(cache, "other", "x", "id: team/x, " ALL, "");
    static const char *const platform[] = {"platform", NULL};
    assert_string_equal(found(cache, "team", platform, "a", LOOKUP_FOUND), "team/a");
    assert_string_equal(found(cache, "team", platform, "platform/a", LOOKUP_FOUND), "platform/a");
    assert_string_equal(found(cache, "team", platform, "a-id", LOOKUP_FOUND), "team/a");
    assert_string_equal(found(cache, "team", platform, "shared", LOOKUP_FOUND), "platform/a");
    assert_null(found(cache, "other", platform, "a-id", LOOKUP_ABSENT));
    assert_null(found(cache, "team", platform, "team/x", LOOKUP_ABSENT));
    /* An id with one slash is an id too, once no namespace/name is meant. */
    assert_string_equal(found(cache, "team", NULL, "team/x", LOOKUP_FOUND), "other/x");
    assert_null(found(cache, "team", platform, "", LOOKUP_ABSENT));
    assert_null(found(cache, "team", platform, "a/b/c", LOOKUP_ABSENT));
    assert_null(found(cache, "team", platform, "platform/", LOOKUP_ABSENT));
    assert_null(found(cache, "team", platform, "/a", LOOKUP_ABSENT));
    cache_free(cache);
}

static void the_first_that_exists_ends_the_look_up(void **state)
{
    (void)state;
    struct cache *cache = cache_new();
    put(cache, "platform", "a", "", "");
    put(cache, "platform", "old", "id: dup", ", creationTimestamp: '2020-01-01T00:00:00Z'");
    put(cache, "tools", "new", "id: dup, " ALL, ", creationTimestamp: '2021-01-01T00:00:00Z'");
    assert_string_equal(found(cache, "team", NULL, "platform/a", LOOKUP_DENIED), "platform/a");
    assert_string_equal(found(cache, "team", NULL, "dup", LOOKUP_DENIED), "platform/old");
    assert_string_equal(found(cache, "tools", NULL, "dup", LOOKUP_FOUND), "tools/new");
    cache_free(cache);
}

static void an_id_has_one_holder_a_scope(void **state)
{
    (void)state;
    struct cache *cache = cache_new();
    put(cache, "p", "young", "id: dup", ", creationTimestamp: '2021-01-01T00:00:00Z'");
    put(cache, "p", "old", "id: dup", ", creationTimestamp: '2020-01-01T00:00:00Z'");
    put(cache, "p", "unborn", "id: dup", "");
    const struct id_scope all = {.all = true};
    assert_string_equal(ids_holder(cache, &all, "dup")->key, "p/old");
    put(cache, "a", "same-age", "id: dup", ", creationTimestamp: '2020-01-01T00:00:00Z'");
    assert_string_equal(ids_holder(cache, &all, "dup")->key, "a/same-age");
    put_object(cache, OBJECT_WEBHOOK,
               "{metadata: {name: young, namespace: p, creationTimestamp: '2021-01-01T00:00:00Z'}, "
               "spec: {id: dup}, status: {id: dup}}");
    assert_string_equal(ids_holder(cache, &all, "dup")->key, "p/young");
    const struct id_scope own = {.ns = "a"};
    assert_string_equal(ids_holder(cache, &own, "dup")->key, "a/same-age");
    assert_null(ids_holder(cache, &all, "none"));

    const struct object *young = cache_get(cache, OBJECT_WEBHOOK, "p/young");
    const struct object *old = cache_get(cache, OBJECT_WEBHOOK, "p/old");
    const struct object *same = cache_get(cache, OBJECT_WEBHOOK, "a/same-age");
    static const char *const p[] = {"p", NULL};
    assert_null(ids_rival(cache, NULL, true, young));
    assert_ptr_equal(ids_rival(cache, NULL, true, old), young);
    assert_ptr_equal(ids_rival(cache, NULL, true, same), young);
    assert_null(ids_rival(cache, p, false, same)); /* it has its own namespace to itself */
    cache_free(cache);
}

static void a_refused_claimant_waits_behind_a_sound_one(void **state)
{
    (void)state;
    struct cache *cache = cache_new();
    char *json = make_json("{metadata: {name: old, namespace: p, creationTimestamp: "
                           "'2020-01-01T00:00:00Z'}, spec: {id: dup}}");
    struct object *object = NULL;
    struct err err;
    assert_int_equal(
        object_new(OBJECT_WEBHOOK, (struct span){json, strlen(json)}, "broken", &object, &err), 0);
    object_unref(cache_put(cache, object));
    const struct id_scope all = {.all = true};
    assert_string_equal(ids_holder(cache, &all, "dup")->key, "p/old");
    put(cache, "p", "young", "id: dup", ", creationTimestamp: '2021-01-01T00:00:00Z'");
    assert_string_equal(ids_holder(cache, &all, "dup")->key, "p/young");
    object_unref(object);
    free(json);
    cache_free(cache);
}

static bool permits(const char *allowed, const char *ns)
{
    struct cache *cache = cache_new();
    put_object(cache, OBJECT_NAMESPACE, "{metadata: {name: gold, labels: {tier: gold, a: ''}}}");
    put_object(cache, OBJECT_NAMESPACE,
               "{metadata: {name: liar, labels: {kubernetes.io/metadata.name: gold}}}");
    char *json = make_json(allowed);
    bool result = allowed_permits((struct span){json, strlen(json)}, "owner", ns, cache);
    free(json);
    cache_free(cache);
    return result;
}

#define SELECT(selector) "{from: Selector, selector: " selector "}"

static void namespaces_are_let_in_by_rule(void **state)
{
    (void)state;
    static const char *const in[] = {
        "{from: All}",
        SELECT("{}"),
        SELECT("{matchLabels: {tier: gold}}"),
        SELECT("{matchLabels: {kubernetes.io/metadata.name: gold}}"),
        SELECT("{matchExpressions: [{key: tier, operator: In, values: [x, gold]}]}"),
        SELECT("{matchExpressions: [{key: tier, operator: NotIn, values: [x]}]}"),
        SELECT("{matchExpressions: [{key: none, operator: NotIn, values: [x]}]}"),
        SELECT("{matchExpressions: [{key: a, operator: Exists}]}"),
        SELECT("{matchExpressions: [{key: none, operator: DoesNotExist, values: []}]}"),
        SELECT("{matchLabels: {a: ''}, matchExpressions: [{key: tier, operator: Exists}]}"),
    };
    static const char *const out[] = {
        "{from: Same}",
        "{}",
        "{from: null}",
        "{from: Selector}",
        "{from: Nobody}",
        "All",
        SELECT("null"),
        SELECT("[]"),
        SELECT("{matchLabels: {tier: silver}}"),
        SELECT("{matchLabels: {tier: gold, none: ''}}"),
        SELECT("{matchLabels: {tier: 5}}"),
        SELECT("{matchExpressions: [{key: tier, operator: In, values: [x]}]}"),
        SELECT("{matchExpressions: [{key: none, operator: In, values: [x]}]}"),
        SELECT("{matchExpressions: [{key: tier, operator: NotIn, values: [gold]}]}"),
        SELECT("{matchExpressions: [{key: tier, operator: DoesNotExist}]}"),
        SELECT("{matchExpressions: [{key: tier, operator: In}]}"),
        SELECT("{matchExpressions: [{key: tier, operator: Exists, values: [x]}]}"),
        SELECT("{matchExpressions: [{key: tier, operator: Gt, values: ['1']}]}"),
        SELECT("{matchExpressions: [{operator: Exists}]}"),
        SELECT("{matchExpressions: {}}"),
    };
    for (size_t i = 0; i < ARRAY_LENGTH(in); i++) {
        if (!permits(in[i], "gold"))
            fail_msg("%s keeps gold out", in[i]);
    }
    for (size_t i = 0; i < ARRAY_LENGTH(out); i++) {
        if (permits(out[i], "gold"))
            fail_msg("%s lets gold in", out[i]);
        if (!permits(out[i], "owner"))
            fail_msg("%s keeps its own namespace out", out[i]);
    }
    /* The name of a namespace is what it is called, not what a manifest says. */
    assert_false(permits(SELECT("{matchLabels: {kubernetes.io/metadata.name: gold}}"), "liar"));
    assert_true(permits(SELECT("{matchLabels: {kubernetes.io/metadata.name: new}}"), "new"));
}

static void faults_of_rules_are_told(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "All",
        "{from: Some}",
        "{from: Selector}",
        SELECT("{matchLabels: []}"),
        SELECT("{matchExpressions: [{key: a, operator: In}]}"),
        "{from: Same, selector: {matchLabels: {a: 1}}}",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        char *json = make_json(bad[i]);
        struct problems problems = {.count = 0};
        allowed_check((struct span){json, strlen(json)}, "spec.allowedNamespaces", &problems);
        if (problems.count != 1)
            fail_msg("%s: %zu problems", bad[i], problems.count);
        problems_fini(&problems);
        free(json);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_steps_follow_one_another),
        cmocka_unit_test(the_first_that_exists_ends_the_look_up),
        cmocka_unit_test(an_id_has_one_holder_a_scope),
        cmocka_unit_test(a_refused_claimant_waits_behind_a_sound_one),
        cmocka_unit_test(namespaces_are_let_in_by_rule),
        cmocka_unit_test(faults_of_rules_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
