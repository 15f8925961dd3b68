/* SPDX-License-Identifier: Apache-2.0 */
#include "core/resolve.h"

#include "make.h"

static const struct seal_key key = {"0123456789abcdef0123456789abcde"};
static const struct gateway_abilities folder = {.version = "", .folder_owner = true};
static const struct gateway_abilities strict = {.version = "", .org_id = "org-1"};
static const struct resolve_settings settings = {
    .default_cooldown = "10s", .all_id_namespaces = true, .seal_key = &key};

/* One API beside a cache, and what was resolved of it. */
struct world {
    struct cache *cache;
    const struct object *api;
    struct resolve_input input;
    struct accepted *accepted;
    struct resolution resolution;
};

static struct world make_world(const char *api)
{
    struct world world = {.cache = cache_new()};
    world.api = put_object(world.cache, OBJECT_API, api);
    world.input = (struct resolve_input){
        .api = world.api, .cache = world.cache, .settings = &settings, .abilities = &folder};
    return world;
}

static void run(struct world *world)
{
    resolution_fini(&world->resolution);
    accepted_free(world->accepted);
    world->accepted = accepted_read(world->api, &key);
    world->input.accepted = world->accepted;
    resolve(&world->input, &world->resolution);
}

static void fini(struct world *world)
{
    resolution_fini(&world->resolution);
    accepted_free(world->accepted);
    cache_free(world->cache);
}

/* Returns owned: the document as what was resolved makes it, NULL when it is refused. */
static char *document(const struct world *world)
{
    struct accepted *accepted = accepted_new();
    for (size_t i = 0; i < world->resolution.ref_count; i++)
        accepted_set(accepted, &world->resolution.refs[i]);
    struct buf out;
    buf_init(&out, BUF_UNLIMITED);
    struct err err;
    int result =
        document_build(world->api, NULL, accepted, &settings, world->input.abilities, &out, &err);
    accepted_free(accepted);
    if (result == 0)
        return buf_take(&out);
    buf_fini(&out);
    return NULL;
}

/* The API with the status that its resolution would be given; it is resolved anew. */
static void write_status(struct world *world)
{
    struct buf status;
    buf_init(&status, BUF_UNLIMITED);
    buf_add_text(&status, "{\"webhooks\":");
    resolution_add_webhooks(&world->resolution, COPY_SEALED, &key, world->api->key, &status);
    buf_add_char(&status, '}');
    struct object *with =
        object_with_status(world->api, (struct span){buf_text(&status), status.length}, "2");
    buf_fini(&status);
    object_unref(cache_put(world->cache, with));
    object_unref(with);
    world->api = cache_get(world->cache, OBJECT_API, "team/a");
    world->input.api = world->api;
    run(world);
}

static bool says(const struct world *world, const char *reason, const char *message)
{
    return has_problem(world->resolution.problems, world->resolution.problem_count, reason, NULL,
                       message);
}

#define API(handlers)                                                                              \
    "{metadata: {name: a, namespace: team}, spec: {oas: {openapi: 3.0.3, info: {title: a, "        \
    "version: '1'}, paths: {}, x-tyk-api-gateway: {info: {name: a, state: {active: true}}, "       \
    "upstream: {url: 'http://up/'}, server: {listenPath: {value: /a/}, eventHandlers: [" handlers  \
    "]}}}}}"
#define REF(id) "{enabled: true, trigger: AuthFailure, type: webhook, id: " id "}"
#define PAGER                                                                                      \
    "{metadata: {name: pager, namespace: team, uid: u-1, generation: 2}, spec: {url: "             \
    "'https://pager.example/', headers: [{name: A, valueFrom: {secretKeyRef: {name: s, key: "      \
    "k}}}], conversionPolicy: Retain}}"
#define SECRET "{metadata: {name: s, namespace: team}, stringData: {k: t0ken}}"

static void a_reference_to_a_live_global_is_resolved(void **state)
{
    (void)state;
    struct world world = make_world(API(REF("pager") ", " REF("pager")));
    put_object(world.cache, OBJECT_WEBHOOK, PAGER);
    put_object(world.cache, OBJECT_SECRET, SECRET);
    run(&world);
    assert_true(world.resolution.valid);
    assert_false(world.resolution.waits);
    assert_int_equal(world.resolution.ref_count, 1);
    assert_int_equal(world.resolution.refs[0].source, REF_GLOBAL);
    assert_string_equal(world.resolution.refs[0].webhook_uid, "u-1");
    assert_int_equal(world.resolution.refs[0].webhook_generation, 2);
    assert_int_equal(world.resolution.refs[0].policy, CONVERSION_RETAIN);
    assert_int_equal(world.resolution.handler_count, 2);
    assert_string_equal(world.resolution.secrets[0], "team/s");
    assert_null(world.resolution.secrets[1]);
    CLEANUP(freep) char *text = document(&world);
    assert_non_null(strstr(text, "\"value\":\"t0ken\""));
    fini(&world);
}

static void a_missing_reference_waits_and_is_left_out(void **state)
{
    (void)state;
    struct world world = make_world(API(REF("pager")));
    run(&world);
    assert_true(world.resolution.valid);
    assert_true(world.resolution.waits);
    assert_true(says(&world, "WebhookNotFound", "pager"));
    CLEANUP(freep) char *text = document(&world);
    assert_non_null(strstr(text, "\"eventHandlers\":[]"));
    fini(&world);
}

/* To a gateway zero means "once, and never again". */
static void a_cooldown_of_zero_is_raised_to_a_second(void **state)
{
    (void)state;
    struct world world = make_world(API(
        "{enabled: true, trigger: AuthFailure, type: webhook, id: pager, cooldownPeriod: 0m0s}, "
        "{enabled: true, trigger: AuthFailure, type: webhook, url: 'http://l/', method: PUT, "
        "name: l, cooldownPeriod: 0s}"));
    put_object(world.cache, OBJECT_WEBHOOK, PAGER);
    put_object(world.cache, OBJECT_SECRET, SECRET);
    run(&world);
    assert_true(says(&world, "ZeroCooldown", "raised to one second"));
    CLEANUP(freep) char *text = document(&world);
    const char *first = strstr(text, "\"cooldownPeriod\":\"1s\"");
    assert_non_null(first);
    assert_non_null(strstr(first + 1, "\"cooldownPeriod\":\"1s\""));
    fini(&world);
}

static enum absence answer;
static bool was_denied;
static char asked[64];

static enum absence on_absence(void *arg, const char *api_key, const char *ref,
                               const char *webhook_key, bool denied)
{
    (void)arg;
    assert_string_equal(api_key, "team/a");
    assert_non_null(ref);
    assert_true(strlen(webhook_key) < sizeof(asked));
    memcpy(asked, webhook_key, strlen(webhook_key) + 1);
    was_denied = denied;
    return answer;
}

/* A world whose status holds a sealed copy of team/pager. */
static struct world copied_world(void)
{
    struct world world = make_world(API(REF("pager")));
    put_object(world.cache, OBJECT_WEBHOOK, PAGER);
    put_object(world.cache, OBJECT_SECRET, SECRET);
    run(&world);
    write_status(&world);
    assert_int_equal(world.resolution.refs[0].source, REF_GLOBAL);
    world.input.absence = on_absence;
    return world;
}

static void a_global_that_is_gone_is_converted_once_that_is_proven(void **state)
{
    (void)state;
    struct world world = copied_world();
    object_unref(cache_remove(world.cache, OBJECT_WEBHOOK, "team/pager"));
    object_unref(cache_remove(world.cache, OBJECT_SECRET, "team/s"));

    answer = ABSENCE_PENDING;
    run(&world);
    assert_string_equal(asked, "team/pager");
    assert_false(was_denied);
    assert_int_equal(world.resolution.refs[0].source, REF_GLOBAL);
    assert_int_equal(world.resolution.problem_count, 0);

    answer = ABSENCE_UNKNOWN;
    run(&world);
    assert_int_equal(world.resolution.refs[0].source, REF_GLOBAL);
    assert_true(says(&world, "WebhookNotFound", NULL));
    assert_true(world.resolution.valid);

    answer = ABSENCE_PROVEN;
    run(&world);
    assert_int_equal(world.resolution.refs[0].source, REF_CONVERTED);
    assert_int_equal(world.resolution.refs[0].policy, CONVERSION_RETAIN);
    assert_int_equal(world.resolution.problem_count, 0);
    CLEANUP(freep) char *text = document(&world);
    assert_non_null(strstr(text, "\"value\":\"t0ken\"")); /* needs neither Webhook nor Secret */
    assert_null(strstr(text, "\"id\":\"pager\""));

    /* Once converted nobody is asked any more, and a new Webhook takes over. */
    write_status(&world);
    answer = ABSENCE_PENDING;
    asked[0] = '\0';
    run(&world);
    assert_string_equal(asked, "");
    assert_int_equal(world.resolution.refs[0].source, REF_CONVERTED);
    put_object(world.cache, OBJECT_WEBHOOK,
               "{metadata: {name: pager, namespace: team}, spec: {url: 'https://new.example/'}}");
    run(&world);
    assert_int_equal(world.resolution.refs[0].source, REF_GLOBAL);
    assert_string_equal(world.resolution.refs[0].copy->url, "https://new.example/");
    fini(&world);
}

#define PLATFORM(uid, allowed)                                                                     \
    "{metadata: {name: pager, namespace: platform, uid: " uid "}, spec: {id: the-id, url: "        \
    "'https://pager.example/', allowedNamespaces: {from: " allowed "}}}"

static void a_permission_that_is_withdrawn_erases_the_copy(void **state)
{
    (void)state;
    struct world world = make_world(API(REF("platform/pager")));
    put_object(world.cache, OBJECT_WEBHOOK, PLATFORM("u-1", "All"));
    run(&world);
    write_status(&world);
    world.input.absence = on_absence;
    put_object(world.cache, OBJECT_WEBHOOK, PLATFORM("u-1", "Same"));

    answer = ABSENCE_PENDING;
    run(&world);
    assert_true(was_denied);
    assert_int_equal(world.resolution.refs[0].source, REF_GLOBAL);
    assert_int_equal(world.resolution.problem_count, 0);
    answer = ABSENCE_PROVEN;
    run(&world);
    assert_int_equal(world.resolution.refs[0].source, REF_MISSING);
    assert_null(world.resolution.refs[0].copy);
    assert_true(says(&world, "WebhookNotFound", NULL));

    /* Made anew without the permission is no deletion either. */
    put_object(world.cache, OBJECT_WEBHOOK, PLATFORM("u-2", "Same"));
    run(&world);
    assert_true(was_denied);
    assert_int_equal(world.resolution.refs[0].source, REF_MISSING);
    fini(&world);
}

static void a_global_that_was_replaced_by_one_without_the_id_is_gone(void **state)
{
    (void)state;
    struct world world = make_world(API(REF("the-id")));
    put_object(world.cache, OBJECT_WEBHOOK, PLATFORM("u-1", "All"));
    run(&world);
    write_status(&world);
    world.input.absence = on_absence;
    answer = ABSENCE_PROVEN;
    put_object(
        world.cache, OBJECT_WEBHOOK,
        "{metadata: {name: pager, namespace: platform, uid: u-2}, spec: {url: 'https://x/'}}");
    run(&world);
    assert_false(was_denied);
    assert_int_equal(world.resolution.refs[0].source, REF_CONVERTED);
    /* The same object that has lost the id has withdrawn it. */
    put_object(
        world.cache, OBJECT_WEBHOOK,
        "{metadata: {name: pager, namespace: platform, uid: u-1}, spec: {url: 'https://x/'}}");
    run(&world);
    assert_true(was_denied);
    assert_int_equal(world.resolution.refs[0].source, REF_MISSING);
    fini(&world);
}

static void a_copy_that_the_context_forbids_is_not_used(void **state)
{
    (void)state;
    struct world world = make_world(API(REF("pager")));
    put_object(world.cache, OBJECT_WEBHOOK,
               "{metadata: {name: pager, namespace: team}, spec: {url: 'https://h/', headers: "
               "[{name: A, value: 'env://TOKEN'}]}}");
    run(&world);
    assert_true(says(&world, "KvReferencesAssumed", NULL));
    write_status(&world);
    struct buf forbidden;
    buf_init(&forbidden, BUF_UNLIMITED);
    assert_int_equal(
        document_build(world.api, NULL, world.accepted, &settings, &strict, &forbidden, NULL), 0);
    assert_null(strstr(buf_text(&forbidden), "env://"));
    buf_fini(&forbidden);
    world.input.abilities = &strict;
    run(&world);
    assert_true(says(&world, "WebhookInvalid", "secrets of the gateway"));
    assert_int_equal(world.resolution.refs[0].source, REF_MISSING);
    CLEANUP(freep) char *text = document(&world);
    assert_non_null(strstr(text, "\"eventHandlers\":[]"));
    object_unref(cache_remove(world.cache, OBJECT_WEBHOOK, "team/pager"));
    run(&world);
    assert_int_equal(world.resolution.refs[0].source, REF_MISSING);
    fini(&world);
}

static void a_forged_copy_is_no_copy(void **state)
{
    (void)state;
    struct world world = copied_world();
    CLEANUP(freep) char *text = xasprintf("%s", object_text(world.api).ptr);
    char *url = strstr(text, "https://pager.example/");
    /* NOLINTNEXTLINE(bugprone-not-null-terminated-result): the middle of a text */
    memcpy(url, "https://evil_.example/", strlen("https://evil_.example/"));
    struct object *forged = NULL;
    struct err err;
    assert_int_equal(object_new(OBJECT_API, (struct span){text, strlen(text)}, NULL, &forged, &err),
                     0);
    object_unref(cache_put(world.cache, forged));
    object_unref(forged);
    world.api = cache_get(world.cache, OBJECT_API, "team/a");
    world.input.api = world.api;
    object_unref(cache_remove(world.cache, OBJECT_WEBHOOK, "team/pager"));
    answer = ABSENCE_PROVEN;
    run(&world);
    assert_int_equal(world.resolution.refs[0].source, REF_MISSING);
    fini(&world);
}

static void the_same_snapshot_gives_the_same_bytes(void **state)
{
    (void)state;
    struct world world = copied_world();
    CLEANUP(freep) char *first = document(&world);
    struct buf status;
    struct buf again;
    buf_init(&status, BUF_UNLIMITED);
    buf_init(&again, BUF_UNLIMITED);
    resolution_add_webhooks(&world.resolution, COPY_SEALED, &key, "team/a", &status);
    run(&world);
    resolution_add_webhooks(&world.resolution, COPY_SEALED, &key, "team/a", &again);
    CLEANUP(freep) char *second = document(&world);
    assert_string_equal(first, second);
    assert_string_equal(buf_text(&status), buf_text(&again));
    assert_null(strstr(buf_text(&status), "t0ken"));
    buf_fini(&status);
    buf_fini(&again);
    fini(&world);
}

static void what_is_not_ours_passes_byte_for_byte(void **state)
{
    (void)state;
    static const char text[] =
        "{\"metadata\":{\"name\":\"a\",\"namespace\":\"team\"},\"spec\":{\"contextRef\":null,"
        "\"name\":\"\\u00e9 \xc3\xa9 \\ud83d\\ude00 "
        "\\/\",\"zz\":[1.0,1e3,12345678901234567890.10,-0],"
        "\"api_id\":\"x\",\"proxy\":{\"listen_path\":\"/a/\",\"target_url\":\"http://u\\/\"},"
        "\"version_data\":{\"versions\":{\"\":{}}},\"aa\":null,\"oas\":null}}";
    struct object *api = NULL;
    struct err err;
    assert_int_equal(
        object_new(OBJECT_API, (struct span){text, sizeof(text) - 1}, NULL, &api, &err), 0);
    struct buf out;
    buf_init(&out, BUF_UNLIMITED);
    assert_int_equal(document_build(api, NULL, NULL, &settings, &folder, &out, &err), 0);
    assert_string_equal(
        buf_text(&out),
        "{\"name\":\"\\u00e9 \xc3\xa9 \\ud83d\\ude00 "
        "\\/\",\"zz\":[1.0,1e3,12345678901234567890.10,-0],"
        "\"api_id\":\"x\",\"proxy\":{\"listen_path\":\"/a/\",\"target_url\":\"http://u\\/\"},"
        "\"version_data\":{\"versions\":{\"\":{}}},\"aa\":null}");
    buf_fini(&out);
    object_unref(api);
}

static void an_invalid_api_has_no_document(void **state)
{
    (void)state;
    static const char *const apis[] = {
        API("{enabled: true, trigger: AuthFailure, type: webhook, cooldownPeriod: 5, id: x}"),
        API("{enabled: true, trigger: AuthFailure, type: webhook, id: x, url: h, method: POST}"),
        "{metadata: {name: a, namespace: team}, spec: {proxy: {listen_path: a}}}",
        "{metadata: {name: a, namespace: team}, spec: {}}",
        "{metadata: {name: a, namespace: team}, spec: {oasRef: {configMapKeyRef: {name: x, key: "
        "k}}}}",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(apis); i++) {
        struct world world = make_world(apis[i]);
        run(&world);
        assert_false(world.resolution.valid);
        assert_false(world.resolution.waits);
        assert_null(document(&world));
        fini(&world);
    }
}

/* The Webhook is there and will be right again: what stands beside the id may be long out of date.
 */
static void local_fields_do_not_step_in_for_an_invalid_webhook(void **state)
{
    (void)state;
    struct world world =
        make_world(API("{enabled: true, trigger: AuthFailure, type: webhook, id: pager, url: "
                       "'https://beside.example/', method: POST, cooldownPeriod: 5s}"));
    put_object(world.cache, OBJECT_WEBHOOK, PAGER); /* without its Secret */
    run(&world);
    assert_true(world.resolution.valid && world.resolution.waits);
    assert_int_equal(world.resolution.handlers[0].source, REF_MISSING);
    CLEANUP(freep) char *text = document(&world);
    assert_non_null(text);
    assert_null(strstr(text, "beside.example"));
    fini(&world);
}

static void a_refused_object_is_present_and_invalid(void **state)
{
    (void)state;
    struct world world = make_world(API(REF("pager")));
    struct object *refused = NULL;
    struct err err;
    assert_int_equal(
        object_new(OBJECT_API, object_text(world.api), "a.yaml:3: spec: broken", &refused, &err),
        0);
    object_unref(cache_put(world.cache, refused));
    object_unref(refused);
    world.api = world.input.api = cache_get(world.cache, OBJECT_API, "team/a");
    run(&world);
    assert_false(world.resolution.valid);
    assert_int_equal(world.resolution.problem_count, 1);
    assert_true(says(&world, "InvalidSpec", "a.yaml:3: spec: broken"));
    assert_string_equal(world.resolution.facts.refs[0], "pager");
    assert_int_equal(world.resolution.handler_count, 0);
    fini(&world);
}

static void an_unknown_context_changes_nothing_anywhere(void **state)
{
    (void)state;
    struct world world = make_world(API(REF("pager")));
    world.input.abilities = NULL;
    run(&world);
    assert_false(world.resolution.valid);
    assert_true(says(&world, "ContextNotFound", NULL));
    fini(&world);
}

/* An API server takes no status with more: the object would never be heard of again. */
static void what_no_status_can_hold_is_refused(void **state)
{
    (void)state;
    static const struct {
        size_t handlers;
        int ref; /* its length; 0: all have one */
        const char *says;
    } cases[] = {
        {1, 1024, NULL}, {1, 1025, "longer than 1024 characters"},
        {1024, 6, NULL}, {1025, 6, "more than 1024 global webhooks"},
        {4096, 0, NULL}, {4097, 0, "more than 4096 webhook handlers"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct buf handlers;
        buf_init(&handlers, BUF_UNLIMITED);
        for (size_t j = 0; j < cases[i].handlers; j++)
            buf_add_format(&handlers, "%s" REF("\"%0*zu\""), j ? ", " : "",
                           cases[i].ref ? cases[i].ref : 1, cases[i].ref ? j : 0);
        char *api = xasprintf(API("%s"), buf_text(&handlers));
        buf_fini(&handlers);
        struct world world = make_world(api);
        free(api);
        run(&world);
        assert_int_equal(world.resolution.valid, !cases[i].says);
        assert_int_equal(world.resolution.handler_count, cases[i].says ? 0 : cases[i].handlers);
        assert_true(!cases[i].says || says(&world, "InvalidSpec", cases[i].says));
        fini(&world);
    }
}

/* One in a ConfigMap is held against no schema. */
static void a_listen_path_has_2048_characters_at_most(void **state)
{
    (void)state;
    for (int more = 0; more <= 1; more++) {
        char *api = xasprintf("{metadata: {name: a, namespace: team}, spec: {name: a, proxy: "
                              "{target_url: 'http://u', listen_path: \"/%0*d\"}}}",
                              2047 + more, 7);
        struct world world = make_world(api);
        free(api);
        run(&world);
        assert_int_equal(world.resolution.valid, !more);
        assert_int_equal(says(&world, "InvalidSpec", "too long"), more);
        fini(&world);
    }
}

static void copies_have_1000000_bytes_at_most_together(void **state)
{
    (void)state;
    for (int more = 0; more <= 1; more++) {
        struct buf handlers;
        buf_init(&handlers, BUF_UNLIMITED);
        int hooks = more ? 16 : 15;
        for (int i = 0; i < hooks; i++)
            buf_add_format(&handlers, "%s" REF("w%d"), i ? ", " : "", i);
        char *api = xasprintf(API("%s"), buf_text(&handlers));
        buf_fini(&handlers);
        struct world world = make_world(api);
        free(api);
        for (int i = 0; i < hooks; i++) {
            char *hook = xasprintf("{metadata: {name: w%d, namespace: team}, spec: {url: "
                                   "'http://u/', headers: [",
                                   i);
            for (int j = 0; j < 8; j++) {
                char *next =
                    xasprintf("%s%s{name: h%d, value: \"%08192d\"}", hook, j ? ", " : "", j, 7);
                free(hook);
                hook = next;
            }
            char *whole = xasprintf("%s]}}", hook);
            put_object(world.cache, OBJECT_WEBHOOK, whole);
            free(whole);
            free(hook);
        }
        run(&world);
        assert_int_equal(world.resolution.valid, !more);
        assert_int_equal(says(&world, "InvalidSpec", "larger than 1000000 bytes"), more);
        fini(&world);
    }
}

static void a_conflict_is_a_problem_like_another(void **state)
{
    (void)state;
    struct world world = make_world(API(REF("pager")));
    run(&world);
    assert_true(world.resolution.valid);
    resolution_add_conflict(&world.resolution,
                            &(struct claims_conflict){"team/b", "listen path /a/"});
    assert_false(world.resolution.valid);
    assert_false(world.resolution.waits);
    assert_true(says(&world, "Conflict", "listen path /a/ belongs to team/b"));
    fini(&world);
}

static void the_contexts_organisation_is_filled_in(void **state)
{
    (void)state;
    struct world world = make_world(API(REF("pager")));
    world.input.abilities = &strict;
    run(&world);
    CLEANUP(freep) char *text = document(&world);
    assert_non_null(strstr(text, "\"orgId\":\"org-1\""));
    fini(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reference_to_a_live_global_is_resolved),
        cmocka_unit_test(a_missing_reference_waits_and_is_left_out),
        cmocka_unit_test(a_cooldown_of_zero_is_raised_to_a_second),
        cmocka_unit_test(a_global_that_is_gone_is_converted_once_that_is_proven),
        cmocka_unit_test(a_permission_that_is_withdrawn_erases_the_copy),
        cmocka_unit_test(a_global_that_was_replaced_by_one_without_the_id_is_gone),
        cmocka_unit_test(a_copy_that_the_context_forbids_is_not_used),
        cmocka_unit_test(a_forged_copy_is_no_copy),
        cmocka_unit_test(the_same_snapshot_gives_the_same_bytes),
        cmocka_unit_test(what_is_not_ours_passes_byte_for_byte),
        cmocka_unit_test(an_invalid_api_has_no_document),
        cmocka_unit_test(local_fields_do_not_step_in_for_an_invalid_webhook),
        cmocka_unit_test(a_refused_object_is_present_and_invalid),
        cmocka_unit_test(an_unknown_context_changes_nothing_anywhere),
        cmocka_unit_test(what_no_status_can_hold_is_refused),
        cmocka_unit_test(a_listen_path_has_2048_characters_at_most),
        cmocka_unit_test(copies_have_1000000_bytes_at_most_together),
        cmocka_unit_test(a_conflict_is_a_problem_like_another),
        cmocka_unit_test(the_contexts_organisation_is_filled_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
