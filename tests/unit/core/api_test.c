/* SPDX-License-Identifier: Apache-2.0 */
#include "core/api.h"

#include "base/str.h"

#include "make.h"

static void facts_of_a_classic_api(void **state)
{
    (void)state;
    struct object *api = make_object(
        OBJECT_API,
        "{metadata: {name: a, namespace: team}, spec: {contextRef: {name: edge, namespace: tyk}, "
        "api_id: x, domain: D.Example, proxy: {listen_path: //a/../b/, target_url: 'http://u/'}, "
        "event_handlers: {events: {B: [{handler_name: eh_web_hook_handler, handler_meta: {id: z}}, "
        "{handler_name: eh_log_handler, handler_meta: {id: not-this}}, {handler_name: "
        "eh_web_hook_handler, handler_meta: {id: ''}}], A: [{handler_name: eh_web_hook_handler, "
        "handler_meta: {id: a}}, {handler_name: eh_web_hook_handler, handler_meta: {id: z}}]}}}}");
    struct api_facts facts;
    api_facts_read(api, NULL, &facts);
    assert_int_equal(facts.form, API_FORM_CLASSIC);
    assert_string_equal(facts.context, "tyk/edge");
    assert_string_equal(facts.api_id, "x");
    assert_true(facts.api_id_is_explicit);
    assert_string_equal(facts.listen_path, "//a/../b/");
    assert_string_equal(facts.clean_path, "/b");
    assert_string_equal(facts.domain, "d.example");
    assert_string_equal(facts.target, "http://u/");
    assert_string_equal(facts.refs[0], "a");
    assert_string_equal(facts.refs[1], "z");
    assert_null(facts.refs[2]);
    api_facts_fini(&facts);
    object_unref(api);
}

static void facts_of_an_oas_api_in_a_config_map(void **state)
{
    (void)state;
    struct object *api =
        make_object(OBJECT_API, "{metadata: {name: a, namespace: team}, spec: {contextRef: {name: "
                                "edge}, oasRef: {configMapKeyRef: {name: docs, key: a.json}}}}");
    struct object *config_map = make_object(
        OBJECT_CONFIGMAP,
        "{metadata: {name: docs, namespace: team}, data: {a.json: '{\"x-tyk-api-gateway\": "
        "{\"info\": {}, \"server\": {\"listenPath\": {\"value\": \"/a\"}, \"customDomain\": "
        "{\"enabled\": true, \"name\": \"H\"}, \"eventHandlers\": [{\"type\": \"webhook\", \"id\": "
        "\"p\"}, {\"type\": \"log\", \"id\": \"q\"}]}, \"upstream\": {\"url\": \"u\"}}}'}}");
    struct api_facts facts;
    api_facts_read(api, config_map, &facts);
    assert_int_equal(facts.form, API_FORM_OAS);
    assert_string_equal(facts.context, "team/edge");
    assert_string_equal(facts.config_map, "team/docs");
    assert_string_equal(facts.config_map_entry, "a.json");
    assert_string_equal(facts.api_id, "dGVhbS9h");
    assert_false(facts.api_id_is_explicit);
    assert_string_equal(facts.clean_path, "/a");
    assert_string_equal(facts.domain, "h");
    assert_string_equal(facts.refs[0], "p");
    assert_null(facts.refs[1]);
    api_facts_fini(&facts);
    assert_non_null(object_memo(config_map, "a.json")); /* it is decoded once */
    assert_null(object_memo(config_map, "other"));
    api_facts_read(api, config_map, &facts);
    assert_string_equal(facts.clean_path, "/a");
    api_facts_fini(&facts);

    api_facts_read(api, NULL, &facts);
    assert_int_equal(facts.form, API_FORM_OAS);
    assert_null(facts.api_id);
    assert_null(facts.listen_path);
    assert_null(facts.refs[0]);
    api_facts_fini(&facts);
    object_unref(config_map);
    object_unref(api);
}

/* The two ways of reading them must not come apart. */
static void links_are_what_the_facts_say(void **state)
{
    (void)state;
    static const char *const specs[] = {
        "{name: a, proxy: {listen_path: /a}}",
        "{contextRef: {name: edge}, oasRef: {configMapKeyRef: {name: docs, key: a.json}}}",
        "{contextRef: {name: e, namespace: tyk}, oas: {}, oasRef: {configMapKeyRef: {name: d}}}",
        "{oas: {}, oasRef: {configMapKeyRef: {name: docs, key: a.json}}}",
        "{contextRef: 5, oasRef: {configMapKeyRef: {name: docs}}}",
        "{contextRef: null, oasRef: null}",
        "[]",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(specs); i++) {
        char *yaml = xasprintf("{metadata: {name: a, namespace: team}, spec: %s}", specs[i]);
        struct object *api = make_object(OBJECT_API, yaml);
        struct api_facts facts;
        api_facts_read(api, NULL, &facts);
        struct api_links links;
        api_links_read(api, &links);
        assert_true(str_equal(links.context, facts.context));
        assert_true(str_equal(links.config_map, facts.config_map));
        api_links_fini(&links);
        api_facts_fini(&facts);
        object_unref(api);
        free(yaml);
    }
}

static void a_domain_that_is_switched_off_is_none(void **state)
{
    (void)state;
    static const char *const specs[] = {
        "{domain: H, domain_disabled: true, proxy: {listen_path: /a}}",
        "{oas: {x-tyk-api-gateway: {server: {customDomain: {enabled: false, name: H}}}}}",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(specs); i++) {
        char *yaml = xasprintf("{metadata: {name: a, namespace: team}, spec: %s}", specs[i]);
        struct object *api = make_object(OBJECT_API, yaml);
        struct api_facts facts;
        api_facts_read(api, NULL, &facts);
        assert_string_equal(facts.domain, "");
        api_facts_fini(&facts);
        object_unref(api);
        free(yaml);
    }
}

static void facts_of_nonsense_are_empty(void **state)
{
    (void)state;
    static const char *const specs[] = {
        "{}",
        "[]",
        "{oas: text}",
        "{oas: {x-tyk-api-gateway: []}}",
        "{oasRef: {}}",
        "{contextRef: 5, proxy: [], event_handlers: {events: {A: {id: x}, B: [5, {handler_name: "
        "eh_web_hook_handler, handler_meta: [id]}]}}}",
        "{proxy: {listen_path: 5, target_url: []}, api_id: {}, domain: 5}",
        "{oas: {x-tyk-api-gateway: {info: [], server: {listenPath: [], customDomain: 5, "
        "eventHandlers: {id: x}}}}}",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(specs); i++) {
        char *yaml = xasprintf("{metadata: {name: a, namespace: team}, spec: %s}", specs[i]);
        struct object *api = make_object(OBJECT_API, yaml);
        struct api_facts facts;
        api_facts_read(api, NULL, &facts);
        assert_null(facts.refs[0]);
        assert_null(facts.listen_path);
        assert_string_equal(facts.domain, "");
        assert_string_equal(facts.target, "");
        api_facts_fini(&facts);
        object_unref(api);
        free(yaml);
    }
}

static void derived_ids_are_those_of_tyk_operator(void **state)
{
    (void)state;
    char *id = api_derived_id("default/a1", API_FORM_CLASSIC);
    assert_string_equal(id, "ZGVmYXVsdC9hMQ");
    free(id);
    char *key = xasprintf("team/%0190d", 0);
    id = api_derived_id(key, API_FORM_CLASSIC);
    assert_true(strncmp(id, "g-", 2) == 0);
    assert_int_equal(strlen(id), 66);
    free(id);
    free(key);
    /* 183 bytes make an id of 244, 186 one of 248: too long for OAS alone. */
    key = xasprintf("team/%0181d", 0);
    id = api_derived_id(key, API_FORM_CLASSIC);
    char *oas = api_derived_id(key, API_FORM_OAS);
    assert_int_equal(strlen(id), 248);
    assert_int_equal(strlen(oas), 66);
    free(id);
    free(oas);
    free(key);
}

static void ids_that_gateways_refuse_or_lose(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "a/b",   "a\\b", "..",    "a..b",       ".",       "x-oas",
        "x-mcp", "%2F",  "a%5cb", "%252e%252e", "%25252F", "oas",
    };
    static const char *const good[] = {"a",    "A.b", "x-oas-",    "%",     "%zz",
                                       "100%", "a b", "%2525252F", "import"};
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        if (!api_id_fault(bad[i], API_FORM_CLASSIC))
            fail_msg("%s was taken", bad[i]);
    }
    for (size_t i = 0; i < ARRAY_LENGTH(good); i++) {
        if (api_id_fault(good[i], API_FORM_CLASSIC))
            fail_msg("%s was refused", good[i]);
    }
    assert_non_null(api_id_fault("import", API_FORM_OAS));
    char *longest = xasprintf("%0250d", 0);
    assert_null(api_id_fault(longest, API_FORM_CLASSIC));
    assert_non_null(api_id_fault(longest, API_FORM_OAS));
    assert_null(api_id_fault(longest + 4, API_FORM_OAS));
    free(longest);
    char *longer = xasprintf("%0251d", 0);
    assert_non_null(api_id_fault(longer, API_FORM_CLASSIC));
    free(longer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(facts_of_a_classic_api),
        cmocka_unit_test(facts_of_an_oas_api_in_a_config_map),
        cmocka_unit_test(links_are_what_the_facts_say),
        cmocka_unit_test(a_domain_that_is_switched_off_is_none),
        cmocka_unit_test(facts_of_nonsense_are_empty),
        cmocka_unit_test(derived_ids_are_those_of_tyk_operator),
        cmocka_unit_test(ids_that_gateways_refuse_or_lose),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
