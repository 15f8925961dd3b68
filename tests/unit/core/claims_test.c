/* SPDX-License-Identifier: Apache-2.0 */
#include "core/claims.h"

#include <stdio.h>

#include "base/strmap.h"
#include "make.h"

/* Who was told that its answer is another one. */
static void on_changed(void *arg, const char *api_key)
{
    strset_add(arg, api_key);
}

/* Puts team/NAME with this spec and status, made at second `created`. */
static void put_open(struct claims *claims, const char *name, int created, const char *spec,
                     const char *status)
{
    char *yaml = xasprintf("{metadata: {name: %s, namespace: team, creationTimestamp: "
                           "'2026-01-01T00:00:%02dZ'}, spec: %s, status: %s}",
                           name, created, spec, status);
    struct object *api = make_object(OBJECT_API, yaml);
    struct api_facts facts;
    api_facts_read(api, NULL, &facts);
    claims_put(claims, api, &facts, true);
    api_facts_fini(&facts);
    object_unref(api);
    free(yaml);
}

static void put_at(struct claims *claims, const char *name, int created, const char *spec,
                   const char *status)
{
    put_open(claims, name, created, spec, status);
    claims_settle(claims);
}

static void put(struct claims *claims, const char *name, const char *spec)
{
    put_at(claims, name, 1, spec, "{}");
}

static void check(const struct claims *claims, const char *key, const char *with, const char *over)
{
    const struct claims_conflict *conflict = claims_conflict(claims, key);
    if (!over) {
        if (conflict)
            fail_msg("%s has a conflict with %s over %s", key, conflict->with, conflict->over);
        return;
    }
    if (!conflict)
        fail_msg("%s has no conflict", key);
    if (with)
        assert_string_equal(conflict->with, with);
    else
        assert_null(conflict->with);
    assert_string_equal(conflict->over, over);
}

#define PATH(path) "{proxy: {listen_path: " path "}}"

static void one_path_has_one_holder(void **state)
{
    (void)state;
    struct claims *claims = claims_new(NULL, NULL);
    put_at(claims, "b", 2, PATH("/x/"), "{}");
    check(claims, "team/b", NULL, NULL);
    put_at(claims, "a", 3, PATH("/x"), "{}");
    check(claims, "team/b", NULL, NULL);
    check(claims, "team/a", "team/b", "listen path /x");
    put_at(claims, "c", 1, PATH("//x//"), "{}");
    check(claims, "team/c", NULL, NULL);
    check(claims, "team/b", "team/c", "listen path /x/");
    check(claims, "team/a", "team/c", "listen path /x");
    put_at(claims, "d", 1, PATH("/xy"), "{}");
    check(claims, "team/d", NULL, NULL);
    claims_free(claims);
}

static void the_smaller_key_breaks_a_tie(void **state)
{
    (void)state;
    struct claims *claims = claims_new(NULL, NULL);
    put(claims, "b", PATH("/x"));
    put(claims, "a", PATH("/x"));
    check(claims, "team/a", NULL, NULL);
    check(claims, "team/b", "team/a", "listen path /x");
    claims_free(claims);
}

static void domains_and_contexts_keep_paths_apart(void **state)
{
    (void)state;
    struct claims *claims = claims_new(NULL, NULL);
    put(claims, "a", PATH("/x"));
    put(claims, "b", "{domain: One, proxy: {listen_path: /x}}");
    put(claims, "c", "{domain: ONE, proxy: {listen_path: /x}}");
    put(claims, "d", "{contextRef: {name: edge}, proxy: {listen_path: /x}}");
    put(claims, "e", "{domain: off, domain_disabled: true, proxy: {listen_path: /x}}");
    check(claims, "team/a", NULL, NULL);
    check(claims, "team/b", NULL, NULL);
    check(claims, "team/c", "team/b", "listen path /x");
    check(claims, "team/d", NULL, NULL);
    check(claims, "team/e", "team/a", "listen path /x");
    claims_free(claims);
}

static void the_incumbent_keeps_what_it_has(void **state)
{
    (void)state;
    struct claims *claims = claims_new(NULL, NULL);
    put_at(claims, "old", 1, PATH("/x"), "{}");
    put_at(claims, "held", 9, PATH("/x"), "{apiId: dGVhbS9oZWxk, listenPath: /x/}");
    check(claims, "team/held", NULL, NULL);
    check(claims, "team/old", "team/held", "listen path /x");
    /* It wants another path now, and still holds this one until it has moved. */
    put_at(claims, "held", 9, PATH("/y"), "{apiId: dGVhbS9oZWxk, listenPath: /x/}");
    check(claims, "team/held", NULL, NULL);
    check(claims, "team/old", "team/held", "listen path /x");
    put_at(claims, "held", 9, PATH("/y"), "{apiId: dGVhbS9oZWxk, listenPath: /y}");
    check(claims, "team/old", NULL, NULL);
    /* What it held in another context says nothing here. */
    put_at(claims, "held", 9, PATH("/x"),
           "{apiId: dGVhbS9oZWxk, listenPath: /x, contextRef: {namespace: tyk, name: edge}}");
    check(claims, "team/held", "team/old", "listen path /x");
    claims_free(claims);
}

#define HELD(name_as_id, path) "{apiId: " name_as_id ", listenPath: " path "}"
#define ID_A "dGVhbS9h"
#define ID_B "dGVhbS9i"
#define ID_C "dGVhbS9j"

static void incumbents_may_take_each_others_paths(void **state)
{
    (void)state;
    struct strmap *changed = strset_new();
    struct claims *claims = claims_new(on_changed, changed);
    put_at(claims, "new", 1, PATH("/2"), "{}");
    put_at(claims, "a", 8, PATH("/2"), HELD(ID_A, "/1"));
    put_at(claims, "b", 9, PATH("/2"), HELD(ID_B, "/2"));
    check(claims, "team/a", "team/b", "listen path /2");
    strmap_clear(changed);
    put_at(claims, "b", 9, PATH("/1/"), HELD(ID_B, "/2"));
    check(claims, "team/a", NULL, NULL);
    check(claims, "team/b", NULL, NULL);
    check(claims, "team/new", "team/a", "listen path /2");
    assert_true(strmap_has(changed, "team/a"));
    /* One is written before the other. */
    put_at(claims, "a", 8, PATH("/2"), HELD(ID_A, "/2"));
    check(claims, "team/a", NULL, NULL);
    check(claims, "team/b", NULL, NULL);
    check(claims, "team/new", "team/a", "listen path /2");
    put_at(claims, "a", 8, PATH("/2"), HELD(ID_A, "/1"));
    put_at(claims, "b", 9, PATH("/1/"), HELD(ID_B, "/1/"));
    check(claims, "team/a", NULL, NULL);
    check(claims, "team/b", NULL, NULL);
    claims_free(claims);
    strmap_free(changed);
}

static void incumbents_may_change_places_in_a_ring(void **state)
{
    (void)state;
    struct claims *claims = claims_new(NULL, NULL);
    put_at(claims, "a", 1, PATH("/2"), HELD(ID_A, "/1"));
    put_at(claims, "b", 2, PATH("/3"), HELD(ID_B, "/2"));
    put_at(claims, "c", 3, PATH("/3"), HELD(ID_C, "/3"));
    /* A chain has an end, and moves from there on. */
    check(claims, "team/a", "team/b", "listen path /2");
    check(claims, "team/b", "team/c", "listen path /3");
    put_at(claims, "c", 3, PATH("/1"), HELD(ID_C, "/3"));
    check(claims, "team/a", NULL, NULL);
    check(claims, "team/b", NULL, NULL);
    check(claims, "team/c", NULL, NULL);
    /* Also with their contexts. */
    put_at(claims, "c", 3, "{contextRef: {name: edge}, proxy: {listen_path: /1}}",
           HELD(ID_C, "/3"));
    check(claims, "team/c", NULL, NULL);
    check(claims, "team/b", "team/c", "listen path /3");
    put_at(claims, "a", 1, PATH("/3"),
           "{apiId: " ID_A ", listenPath: /1, contextRef: {namespace: team, name: edge}}");
    put_at(claims, "b", 2, PATH("/2"), "{}");
    check(claims, "team/a", NULL, NULL);
    check(claims, "team/c", NULL, NULL);
    claims_free(claims);
}

static void a_ring_has_eight_members_at_most(void **state)
{
    (void)state;
    for (int size = 2; size <= 9; size++) {
        struct claims *claims = claims_new(NULL, NULL);
        for (int i = 0; i < size; i++) {
            CLEANUP(freep) char *name = xasprintf("n%d", i);
            CLEANUP(freep) char *spec = xasprintf(PATH("/%d"), (i + 1) % size);
            CLEANUP(freep) char *status = xasprintf("{listenPath: /%d}", i);
            put_at(claims, name, i, spec, status);
        }
        for (int i = 0; i < size; i++) {
            CLEANUP(freep) char *key = xasprintf("team/n%d", i);
            assert_int_equal(claims_conflict(claims, key) != NULL, size > 8);
        }
        claims_free(claims);
    }
}

static void who_cannot_have_the_rest_takes_no_path_in_exchange(void **state)
{
    (void)state;
    struct claims *claims = claims_new(NULL, NULL);
    put_at(claims, "d", 1, "{api_id: x, proxy: {listen_path: /d}}", "{apiId: x, listenPath: /d}");
    put_at(claims, "a", 2, PATH("/2"), HELD(ID_A, "/1"));
    put_at(claims, "b", 3, "{api_id: x, proxy: {listen_path: /1}}", HELD(ID_B, "/2"));
    check(claims, "team/a", "team/b", "listen path /2");
    check(claims, "team/b", "team/d", "api_id x");
    /* Two are in the way of one: what it takes from the first does not help it. */
    put_at(claims, "b", 3, PATH("/1"), HELD(ID_B, "/2"));
    put_at(claims, "e", 4, "{api_id: '2', proxy: {listen_path: /e}}",
           "{apiId: '2', listenPath: /e}");
    check(claims, "team/a", "team/b", "listen path /2");
    check(claims, "team/b", "team/a", "listen path /1");
    claims_free(claims);
}

static void a_refused_api_holds_what_is_recorded_and_no_more(void **state)
{
    (void)state;
    struct claims *claims = claims_new(NULL, NULL);
    struct object *api = make_object(
        OBJECT_API,
        "{metadata: {name: a, namespace: team, creationTimestamp: '2020-01-01T00:00:00Z'},"
        " spec: {api_id: one, proxy: {listen_path: /x}}, status: {listenPath: /held}}");
    struct api_facts facts;
    api_facts_read(api, NULL, &facts);
    claims_put(claims, api, &facts, false);
    claims_settle(claims);
    put(claims, "b", "{api_id: one, proxy: {listen_path: /x}}");
    put(claims, "c", PATH("/held/"));
    check(claims, "team/a", NULL, NULL);
    check(claims, "team/b", NULL, NULL);
    check(claims, "team/c", "team/a", "listen path /held/");
    api_facts_fini(&facts);
    object_unref(api);
    claims_free(claims);
}

static void a_loser_holds_nothing_new(void **state)
{
    (void)state;
    struct claims *claims = claims_new(NULL, NULL);
    put_at(claims, "first", 1, PATH("/x"), "{}");
    put_at(claims, "second", 2, "{api_id: id, proxy: {listen_path: /x}}", "{}");
    put_at(claims, "third", 3, "{api_id: id, proxy: {listen_path: /y}}", "{}");
    check(claims, "team/second", "team/first", "listen path /x");
    check(claims, "team/third", NULL, NULL);
    claims_free(claims);
}

static void ids_and_the_routes_of_ids(void **state)
{
    (void)state;
    struct claims *claims = claims_new(NULL, NULL);
    put_at(claims, "a", 1, "{api_id: one, proxy: {listen_path: /one/}}", "{}");
    put_at(claims, "b", 2, "{api_id: one, proxy: {listen_path: /b}}", "{}");
    put_at(claims, "c", 3, PATH("/one"), "{}");
    put_at(claims, "d", 4, PATH("/two"), "{}");
    put_at(claims, "e", 5, "{api_id: two, proxy: {listen_path: /e}}", "{}");
    put_at(claims, "f", 6, "{domain: other, proxy: {listen_path: /three}}", "{}");
    put_at(claims, "g", 7, "{api_id: three, proxy: {listen_path: /three}}", "{}");
    check(claims, "team/a", NULL, NULL); /* its own id may be its path */
    check(claims, "team/b", "team/a", "api_id one");
    check(claims, "team/c", "team/a", "listen path /one");
    check(claims, "team/d", NULL, NULL);
    check(claims, "team/e", "team/d", "path /two/ of api_id two");
    check(claims, "team/g", "team/f", "path /three/ of api_id three");
    claims_free(claims);
}

static void the_id_made_of_another_key_is_not_free(void **state)
{
    (void)state;
    struct claims *claims = claims_new(NULL, NULL);
    /* base64url of team/victim */
    put_at(claims, "squatter", 5, "{api_id: dGVhbS92aWN0aW0, proxy: {listen_path: /s}}", "{}");
    check(claims, "team/squatter", NULL, NULL);
    put_at(claims, "victim", 1, "{api_id: another, proxy: {listen_path: /v}}", "{}");
    check(claims, "team/squatter", "team/victim", "api_id dGVhbS92aWN0aW0");
    check(claims, "team/victim", NULL, NULL);
    put_at(claims, "victim", 1, PATH("/v"), "{}");
    check(claims, "team/squatter", "team/victim", "api_id dGVhbS92aWN0aW0");
    /* The incumbent keeps even such an id. */
    put_at(claims, "victim", 1, "{api_id: another, proxy: {listen_path: /v}}", "{}");
    put_at(claims, "squatter", 5, "{api_id: dGVhbS92aWN0aW0, proxy: {listen_path: /s}}",
           "{apiId: dGVhbS92aWN0aW0, listenPath: /s}");
    check(claims, "team/squatter", NULL, NULL);
    check(claims, "team/victim", NULL, NULL);
    claims_free(claims);
}

static void the_gateways_own_paths_are_taken(void **state)
{
    (void)state;
    struct claims *claims = claims_new(NULL, NULL);
    put(claims, "a", PATH("/x/../tyk/apis"));
    put(claims, "b", PATH("/tyk"));
    put(claims, "c", PATH("/tykish"));
    check(claims, "team/a", NULL, "listen path /x/../tyk/apis");
    check(claims, "team/b", NULL, "listen path /tyk");
    check(claims, "team/c", NULL, NULL);
    claims_free(claims);
}

static void others_are_told_when_their_answer_changes(void **state)
{
    (void)state;
    struct strmap *changed = strset_new();
    struct claims *claims = claims_new(on_changed, changed);
    put_at(claims, "a", 1, PATH("/x"), "{}");
    put_at(claims, "b", 2, PATH("/x"), "{}");
    put_at(claims, "c", 3, PATH("/z"), "{}");
    assert_int_equal(strmap_count(changed), 0); /* the one that is put is not told */
    put_at(claims, "a", 1, PATH("/x"), "{}");
    assert_int_equal(strmap_count(changed), 0); /* nothing has changed */
    put_at(claims, "a", 1, PATH("/y"), "{}");
    assert_int_equal(strmap_count(changed), 1);
    assert_true(strmap_has(changed, "team/b"));
    check(claims, "team/b", NULL, NULL);
    strmap_clear(changed);
    put_at(claims, "a", 1, PATH("/x"), "{}");
    assert_true(strmap_has(changed, "team/b"));
    strmap_clear(changed);
    claims_remove(claims, "team/a");
    claims_settle(claims);
    assert_int_equal(strmap_count(changed), 1);
    assert_true(strmap_has(changed, "team/b"));
    claims_remove(claims, "team/none");
    claims_settle(claims);
    strmap_free(changed);
    claims_free(claims);
}

/* Anything in any order gives what all at once gives. */
static void the_order_of_changes_does_not_matter(void **state)
{
    (void)state;
    static const char *const specs[] = {
        PATH("/x"),
        PATH("/y"),
        "{api_id: x, proxy: {listen_path: /z}}",
        "{api_id: y, proxy: {listen_path: /x}}",
        "{domain: d, proxy: {listen_path: /x}}",
        "{api_id: dGVhbS9uMQ, proxy: {listen_path: /n1}}",
    };
    static const char *const statuses[] = {
        "{}", "{}", "{}", "{listenPath: /x}", "{apiId: x}", "{apiId: dGVhbS9uMQ, listenPath: /y}",
    };
    uint32_t random = 12345;
    for (int round = 0; round < 300; round++) {
        enum { APIS = 6 };
        size_t spec[APIS];
        size_t status_of[APIS];
        struct claims *changing = claims_new(NULL, NULL);
        for (int step = 0; step < 20; step++) {
            random = random * 1664525 + 1013904223;
            size_t api = step < APIS ? (size_t)step : (random >> 8) % APIS;
            spec[api] = (random >> 16) % ARRAY_LENGTH(specs);
            status_of[api] = (random >> 24) % ARRAY_LENGTH(statuses);
            char name[32];
            snprintf(name, sizeof(name), "n%zu", api);
            put_open(changing, name, (int)(api * 7 % APIS), specs[spec[api]],
                     statuses[status_of[api]]);
            if (random & 1U << 30) /* one by one, or several at once */
                claims_settle(changing);
        }
        claims_settle(changing);
        struct claims *fresh = claims_new(NULL, NULL);
        for (size_t i = APIS; i-- > 0;) {
            char name[32];
            snprintf(name, sizeof(name), "n%zu", i);
            put_at(fresh, name, (int)(i * 7 % APIS), specs[spec[i]], statuses[status_of[i]]);
        }
        for (size_t i = 0; i < APIS; i++) {
            char key[40];
            snprintf(key, sizeof(key), "team/n%zu", i);
            const struct claims_conflict *conflict = claims_conflict(fresh, key);
            check(changing, key, conflict ? conflict->with : NULL,
                  conflict ? conflict->over : NULL);
        }
        claims_free(fresh);
        claims_free(changing);
    }
}

static void several_changes_are_decided_together(void **state)
{
    (void)state;
    struct strmap *changed = strset_new();
    struct claims *claims = claims_new(on_changed, changed);
    put_open(claims, "a", 1, PATH("/x"), "{}");
    put_open(claims, "b", 2, PATH("/x"), "{}");
    claims_settle(claims);
    assert_int_equal(strmap_count(changed), 0);
    check(claims, "team/b", "team/a", "listen path /x");
    /* It goes, comes back elsewhere, and the other one is put meanwhile: nobody needs to be told.
     */
    claims_remove(claims, "team/a");
    put_open(claims, "a", 1, PATH("/y"), "{}");
    put_open(claims, "b", 3, PATH("/x"), "{}");
    claims_settle(claims);
    assert_int_equal(strmap_count(changed), 0);
    check(claims, "team/b", NULL, NULL);
    /* What was put and is gone before a decision has no part in it. */
    put_open(claims, "c", 0, PATH("/x"), "{}");
    claims_remove(claims, "team/c");
    claims_settle(claims);
    assert_int_equal(strmap_count(changed), 0);
    check(claims, "team/b", NULL, NULL);
    put_open(claims, "c", 0, PATH("/x"), "{}");
    claims_settle(claims);
    assert_true(strmap_has(changed, "team/b"));
    claims_free(claims);
    strmap_free(changed);
}

static void what_is_as_it_was_is_said_to_be(void **state)
{
    (void)state;
    struct claims *claims = claims_new(NULL, NULL);
    static const char *const specs[] = {PATH("/x"), PATH("/y"),
                                        "{domain: d, proxy: {listen_path: /y}}",
                                        "{api_id: one, domain: d, proxy: {listen_path: /y}}"};
    static const char *const statuses[] = {"{}", "{listenPath: /y}", "{apiId: one}"};
    for (size_t i = 0; i < ARRAY_LENGTH(specs) * ARRAY_LENGTH(statuses); i++) {
        CLEANUP(freep)
        char *yaml =
            xasprintf("{metadata: {name: a, namespace: team}, spec: %s, status: %s}",
                      specs[i / ARRAY_LENGTH(statuses)], statuses[i % ARRAY_LENGTH(statuses)]);
        struct object *api = make_object(OBJECT_API, yaml);
        struct api_facts facts;
        api_facts_read(api, NULL, &facts);
        assert_true(claims_put(claims, api, &facts, true));
        assert_false(claims_put(claims, api, &facts, true));
        assert_true(claims_put(claims, api, &facts, false));
        api_facts_fini(&facts);
        object_unref(api);
    }
    claims_free(claims);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_path_has_one_holder),
        cmocka_unit_test(the_smaller_key_breaks_a_tie),
        cmocka_unit_test(domains_and_contexts_keep_paths_apart),
        cmocka_unit_test(the_incumbent_keeps_what_it_has),
        cmocka_unit_test(incumbents_may_take_each_others_paths),
        cmocka_unit_test(incumbents_may_change_places_in_a_ring),
        cmocka_unit_test(a_ring_has_eight_members_at_most),
        cmocka_unit_test(who_cannot_have_the_rest_takes_no_path_in_exchange),
        cmocka_unit_test(a_refused_api_holds_what_is_recorded_and_no_more),
        cmocka_unit_test(a_loser_holds_nothing_new),
        cmocka_unit_test(ids_and_the_routes_of_ids),
        cmocka_unit_test(the_id_made_of_another_key_is_not_free),
        cmocka_unit_test(the_gateways_own_paths_are_taken),
        cmocka_unit_test(others_are_told_when_their_answer_changes),
        cmocka_unit_test(the_order_of_changes_does_not_matter),
        cmocka_unit_test(several_changes_are_decided_together),
        cmocka_unit_test(what_is_as_it_was_is_said_to_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
