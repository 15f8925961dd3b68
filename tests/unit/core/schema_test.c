/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json_text.h"
#include "base/str.h"
#include "core/schema_rules.h"
#include "core/schemas.h"

static struct span text(const char *bytes)
{
    return (struct span){bytes, strlen(bytes)};
}

/* ---- a schema of the test's own ---- */

/* "field: message (hint)", a line a problem; warnings begin with a question mark. Returns owned. */
static char *told(const struct schema_problems *problems)
{
    struct buf out;
    buf_init(&out, BUF_UNLIMITED);
    for (size_t i = 0; i < problems->count; i++) {
        const struct schema_problem *problem = &problems->items[i];
        buf_add_format(&out, "%s%s: %s", problem->is_warning ? "?" : "", problem->field,
                       problem->message);
        if (problem->hint)
            buf_add_format(&out, " (%s)", problem->hint);
        buf_add_char(&out, '\n');
    }
    return buf_take(&out);
}

static void check(const char *openapi, const char *value, const char *stored, const char *problems)
{
    CLEANUP(schema_freep) struct schema *schema = NULL;
    struct err err;
    if (schema_compile(text(openapi), &schema, &err) < 0)
        fail_msg("%s: %s", openapi, err.msg);
    CLEANUP(buf_fini) struct buf out;
    buf_init(&out, BUF_UNLIMITED);
    struct schema_problems found = {0};
    schema_apply(schema, text(value), (struct span){NULL, 0}, &out, &found);
    CLEANUP(freep) char *lines = told(&found);
    schema_problems_fini(&found);
    assert_string_equal(buf_text(&out), stored);
    assert_string_equal(lines, problems);
}

static void unknown_fields_are_pruned_and_told(void **state)
{
    (void)state;
    static const char schema[] =
        "{\"type\":\"object\",\"properties\":{\"spec\":{\"type\":\"object\",\"properties\":{"
        "\"name\":{\"type\":\"string\"},\"free\":{\"type\":\"object\","
        "\"x-kubernetes-preserve-unknown-fields\":true,\"properties\":{\"inner\":{\"type\":"
        "\"object\"}}},\"map\":{\"type\":\"object\",\"additionalProperties\":{\"type\":"
        "\"integer\"}}}}}}";
    check(schema, "{\"spec\":{\"name\":\"x\",\"nmae\":1,\"zzzzzz\":2}}",
          "{\"spec\":{\"name\":\"x\"}}",
          "?spec.nmae: unknown field, it is left out (did you mean name?)\n"
          "?spec.zzzzzz: unknown field, it is left out\n");
    check(schema, "{\"spec\":{\"NAME\":1}}", "{\"spec\":{}}",
          "?spec.NAME: unknown field, it is left out (did you mean name?)\n");
    /* What is preserved passes byte for byte; what the schema describes below it is pruned again.
     */
    check(schema, "{\"spec\":{\"free\":{ \"a\":1.50, \"b\": [ 1e3 ],\"inner\":{\"c\":1}}}}",
          "{\"spec\":{\"free\":{\"a\":1.50,\"b\":[ 1e3 ],\"inner\":{}}}}",
          "?spec.free.inner.c: unknown field, it is left out\n");
    check(schema, "{\"spec\":{\"map\":{\"a\":1,\"b\":\"x\"}}}",
          "{\"spec\":{\"map\":{\"a\":1,\"b\":\"x\"}}}",
          "spec.map.b: a whole number is expected, not a text (write it without quotes)\n");
    /* The head of an object is not the schema's business. */
    check(schema, "{\"apiVersion\":\"v1\",\"kind\":\"X\",\"metadata\":{\"name\":\"x\"}}",
          "{\"apiVersion\":\"v1\",\"kind\":\"X\",\"metadata\":{\"name\":\"x\"}}", "");
    check(schema, "{\"spec\":{\"metadata\":{}}}", "{\"spec\":{}}",
          "?spec.metadata: unknown field, it is left out\n");
}

static void defaults_are_filled_in_as_the_api_server_does(void **state)
{
    (void)state;
    static const char schema[] =
        "{\"type\":\"object\",\"properties\":{"
        "\"a\":{\"type\":\"string\",\"default\":\"x\"},"
        "\"b\":{\"type\":\"object\",\"default\":{},\"properties\":{\"c\":{\"type\":\"integer\","
        "\"default\":1},\"d\":{\"type\":\"integer\"}}},"
        "\"l\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{\"e\":{\"type\":"
        "\"boolean\",\"default\":true}}}},"
        "\"n\":{\"type\":\"string\",\"nullable\":true,\"default\":\"y\"},"
        "\"m\":{\"type\":\"string\"}}}";
    check(schema, "{}", "{\"a\":\"x\",\"b\":{\"c\":1},\"n\":\"y\"}", "");
    check(schema, "{\"a\":\"z\",\"b\":{\"d\":2},\"n\":null,\"l\":[{},{\"e\":false}]}",
          "{\"a\":\"z\",\"b\":{\"d\":2,\"c\":1},\"n\":null,\"l\":[{\"e\":true},{\"e\":false}]}",
          "");
    /* A null that is not allowed becomes the default, or goes. */
    check(schema, "{\"a\":null,\"b\":null,\"m\":null,\"n\":\"\"}",
          "{\"a\":\"x\",\"b\":{\"c\":1},\"n\":\"\"}", "");
    check(schema, "{\"l\":[null]}", "{\"l\":[null],\"a\":\"x\",\"b\":{\"c\":1},\"n\":\"y\"}",
          "l[0]: a map is expected, not null\n");
}

static void values_are_checked_and_all_is_told_at_once(void **state)
{
    (void)state;
    static const char schema[] =
        "{\"type\":\"object\",\"required\":[\"need\"],\"properties\":{"
        "\"need\":{\"type\":\"string\",\"description\":\"What it needs. And more.\"},"
        "\"s\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":3},"
        "\"p\":{\"type\":\"string\",\"pattern\":\"^a+$\"},"
        "\"e\":{\"type\":\"string\",\"enum\":[\"GET\",\"PUT\"],\"description\":\"The method.\"},"
        "\"i\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":9},"
        "\"f\":{\"type\":\"number\"},\"b\":{\"type\":\"boolean\"},"
        "\"l\":{\"type\":\"array\",\"minItems\":1,\"maxItems\":2,\"items\":{\"type\":\"string\"}},"
        "\"o\":{\"type\":\"object\",\"maxProperties\":1,\"additionalProperties\":{\"type\":"
        "\"string\"}},"
        "\"is\":{\"x-kubernetes-int-or-string\":true}}}";
    check(schema,
          "{\"need\":\"\",\"s\":\"äöü\",\"p\":\"aa\",\"e\":\"G\\u0045T\",\"i\":9.0,\"f\":1.5,\"b\":"
          "false,\"l\":[\"\"],"
          "\"o\":{},\"is\":80}",
          "{\"need\":\"\",\"s\":\"äöü\",\"p\":\"aa\",\"e\":\"G\\u0045T\",\"i\":9.0,\"f\":1.5,\"b\":"
          "false,\"l\":[\"\"],"
          "\"o\":{},\"is\":80}",
          "");
    static const char bad[] = "{\"s\":\"\",\"p\":\"ab\",\"e\":\"get\",\"i\":0,\"f\":\"1\",\"b\":"
                              "\"yes\",\"l\":[],\"o\":{\"a\":\"\",\"b\":1},\"is\":1.5}";
    check(schema, bad, bad,
          "s: empty\n"
          "p: does not match ^a+$\n"
          "e: \"get\" is not one of GET, PUT (did you mean GET?)\n"
          "i: 0 is less than 1\n"
          "f: a number is expected, not a text\n"
          "b: true or false is expected, not a text (write it without quotes)\n"
          "l: fewer than 1 elements (0)\n"
          "o.b: a text is expected, not a number (put it in quotes)\n"
          "o: more than 1 keys (2)\n"
          "is: a whole number or a text is expected, not a number\n"
          "need: missing (What it needs)\n");
    check(schema, "{\"need\":\"x\",\"s\":\"abcd\",\"i\":10,\"l\":[\"a\",\"b\",2]}",
          "{\"need\":\"x\",\"s\":\"abcd\",\"i\":10,\"l\":[\"a\",\"b\",2]}",
          "s: longer than 3 characters (4)\n"
          "i: 10 is more than 9\n"
          "l[2]: a text is expected, not a number (put it in quotes)\n"
          "l: more than 2 elements (3)\n");
    check(schema, "{\"need\":\"x\",\"i\":1.5}", "{\"need\":\"x\",\"i\":1.5}",
          "i: a whole number is expected, not 1.5\n");
    check(schema, "[]", "[]", ": a map is expected, not a list\n");
}

static void elements_of_a_list_that_is_a_map_have_unique_keys(void **state)
{
    (void)state;
    static const char schema[] =
        "{\"type\":\"array\",\"x-kubernetes-list-type\":\"map\",\"x-kubernetes-list-map-keys\":["
        "\"t\"],"
        "\"items\":{\"type\":\"object\",\"properties\":{\"t\":{\"type\":\"string\"}}}}";
    check(schema, "[{\"t\":\"a\"},{\"t\":\"b\"}]", "[{\"t\":\"a\"},{\"t\":\"b\"}]", "");
    check(schema, "[{\"t\":\"a\"},{\"t\":\"b\"},{\"t\":\"a\"}]",
          "[{\"t\":\"a\"},{\"t\":\"b\"},{\"t\":\"a\"}]",
          "[2]: an element with t a stands before it\n");
}

static void what_a_schema_says_beyond_our_knowledge_is_an_error(void **state)
{
    (void)state;
    static const char *const unknown[] = {
        "{\"type\":\"object\",\"properties\":{\"a\":{\"format\":\"int32\"}}}",
        "{\"oneOf\":[]}",
        "{\"type\":\"null\"}",
        "{\"pattern\":\"\\\\d+\"}",
        "{\"pattern\":\"(\"}",
        "{\"x-kubernetes-list-type\":\"set\"}",
        "{\"x-kubernetes-validations\":[{\"rule\":\"self.new\"}]}",
        "{\"maxLength\":-1}",
        "[]",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(unknown); i++) {
        struct schema *schema = NULL;
        assert_int_equal(schema_compile(text(unknown[i]), &schema, NULL), -1);
        assert_null(schema);
    }
}

/* ---- the CRDs that are compiled in ---- */

struct fixture {
    struct schemas *schemas;
};

static int set_up(void **state)
{
    struct fixture *fixture = xcalloc(1, sizeof(*fixture));
    struct err err;
    if (schemas_new(&fixture->schemas, &err) < 0)
        fail_msg("%s", err.msg);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    schemas_free(fixture->schemas);
    free(fixture);
    return 0;
}

#define HEAD "\"metadata\":{\"name\":\"x\",\"namespace\":\"n\"}"

static void check_kind(void **state, enum object_kind kind, const char *spec, const char *problems)
{
    struct fixture *fixture = *state;
    CLEANUP(freep) char *object = xasprintf("{" HEAD ",%s}", spec);
    CLEANUP(buf_fini) struct buf out;
    buf_init(&out, BUF_UNLIMITED);
    struct schema_problems found = {0};
    schemas_apply(fixture->schemas, kind, text(object), (struct span){NULL, 0}, &out, &found);
    CLEANUP(freep) char *lines = told(&found);
    for (size_t i = 0; i < found.count; i++)
        assert_true(found.items[i].at >= object && found.items[i].at < object + strlen(object));
    schema_problems_fini(&found);
    assert_string_equal(lines, problems);
}

/* Without blanks: a CRD may break a rule into lines. Returns owned. */
static char *packed(const char *bytes)
{
    struct buf out;
    buf_init(&out, BUF_UNLIMITED);
    for (const char *at = bytes; *at; at++) {
        if (*at != ' ' && *at != '\n')
            buf_add_char(&out, *at);
    }
    return buf_take(&out);
}

static bool is_in_a_crd(const char *rule)
{
    CLEANUP(freep) char *wanted = packed(rule);
    for (size_t file = 0; file < crd_text_count; file++) {
        CLEANUP(freep) char *crd = packed(crd_texts[file].bytes);
        if (strstr(crd, wanted))
            return true;
    }
    return false;
}

/* That every rule has a twin is what schema_compile() checks: set_up() would have failed. */
static void every_twin_is_that_of_a_rule(void **state)
{
    (void)state;
    size_t count = 0;
    const struct schema_rule *rules = schema_rules_all(&count);
    assert_true(count > 0);
    for (size_t i = 0; i < count; i++) {
        if (!is_in_a_crd(rules[i].text))
            fail_msg("no CRD has the rule %s", rules[i].text);
    }
}

static bool complies(const char *rule_part, const char *self, const char *old)
{
    size_t count = 0;
    const struct schema_rule *rules = schema_rules_all(&count);
    for (size_t i = 0; i < count; i++) {
        if (strstr(rules[i].text, rule_part))
            return rules[i].complies(text(self), old ? text(old) : (struct span){NULL, 0});
    }
    fail_msg("no rule with %s", rule_part);
    return false;
}

/* Asked of an API server 1.36. */
static const char *const good_urls[] = {
    "https://a.b/c",
    "http://[::1]:80/",
    "http://[1:2:3:4:5:6:7:8]",
    "http://[1:2:3:4:5:6:1.2.3.4]",
    "http://[fe80::]",
    "HTTPS://A",
    "http://a:65535",
    "http://u:p@h/",
    "http://a?q#f",
    "http://a:/",
    "http://é/",
    "http://a\\\"b/",
    "http://a%25b/",
    "http://a?%g0",
    "http://[fe80::1%25en0]/",
    "http://u@:80@h/",
    "http://a;b/",
    "http://a]/",
    "http://a'b(c)/",
    "http://a<b>/",
    "http://a/é b",
};
static const char *const bad_urls[] = {
    "http://",
    "//x",
    "ftp://x",
    "http://a:99999/",
    "x",
    "",
    "http://a b/",
    "/p",
    "http://a%zz/",
    "http://:80/",
    "http://[::1",
    "http://a:b/",
    "https:///x",
    "http://a|b/",
    "http://a^b",
    "http://a\\\\b/",
    "http://%41/",
    "http://a/%g0",
    "http://a/#%g0",
    "http://a\\tb",
    "http://u p@h/",
    "http://::1/",
    "http:/a",
    "http:a",
    "http://a:1:2/",
    "http://[]/",
    "http://[::1]a/",
    "http://[x]/",
    "http://[::1%25]",
    "http://[1:2:3]",
    "http://[1::2::3]",
    "http://[1:2:3:4:5:6:7:8:9]",
    "http://[::1.2.3.256]",
    "http://[::01.2.3.4]",
    "http://[12345::]",
    "http://a:655360",
    "http://a#f",
    "http://x[::1]/",
};

static void rules_of_urls(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(good_urls); i++) {
        CLEANUP(freep) char *self = xasprintf("\"%s\"", good_urls[i]);
        if (!complies("isURL(self)", self, NULL))
            fail_msg("%s is refused", self);
    }
    for (size_t i = 0; i < ARRAY_LENGTH(bad_urls); i++) {
        CLEANUP(freep) char *self = xasprintf("\"%s\"", bad_urls[i]);
        if (complies("isURL(self)", self, NULL))
            fail_msg("%s is accepted", self);
    }
}

static void rules_of_texts(void **state)
{
    (void)state;
    static const char *const cooldowns[] = {"\"\"", "\"10s\"", "\"1h2m3s\"", "\"1h3s\"", "\"00m\""};
    static const char *const no_cooldowns[] = {"\"1s1m\"", "\"1.5s\"", "\"10\"",   "\"s\"",
                                               "\"1h1h\"", "\"-1s\"",  "\"500ms\""};
    for (size_t i = 0; i < ARRAY_LENGTH(cooldowns); i++)
        assert_true(complies("self.matches('^([0-9]+h)", cooldowns[i], NULL));
    for (size_t i = 0; i < ARRAY_LENGTH(no_cooldowns); i++)
        assert_false(complies("self.matches('^([0-9]+h)", no_cooldowns[i], NULL));

    static const char *const versions[] = {
        "\"\"", "\"5\"", "\"5.8\"", "\"v5.8.3\"", "\"5.8.3-rc1\"", "\"v5.8+b.7\"", "\"5.10-\""};
    static const char *const no_versions[] = {
        "\"abc\"",  "\"v\"",  "\"5.\"",   "\".5\"",    "\"5..8\"",    "\"latest\"",
        "\"5.8 \"", "\"5x\"", "\"V5.8\"", "\"5.8_1\"", "\"5.8-a b\"", "\"5.8\\n\""};
    for (size_t i = 0; i < ARRAY_LENGTH(versions); i++)
        assert_true(complies("self.matches('^v?", versions[i], NULL));
    for (size_t i = 0; i < ARRAY_LENGTH(no_versions); i++)
        assert_false(complies("self.matches('^v?", no_versions[i], NULL));

    assert_true(complies("endsWith('-oas')", "\"abc.d-oas-x\"", NULL));
    static const char *const bad_ids[] = {"\"a/b\"", "\"a\\\\b\"", "\"a..b\"", "\"a-oas\"",
                                          "\"a-mcp\""};
    for (size_t i = 0; i < ARRAY_LENGTH(bad_ids); i++)
        assert_false(complies("endsWith('-oas')", bad_ids[i], NULL));

    assert_true(complies("type(self) == int", "8080", NULL));
    assert_true(complies("type(self) == int", "\"http\"", NULL));
    assert_false(complies("type(self) == int", "0", NULL));
    assert_false(complies("type(self) == int", "65536", NULL));
    assert_false(complies("type(self) == int", "\"\"", NULL));

    assert_true(complies("!self.contains('?')", "\"http://a/b\"", NULL));
    assert_false(complies("!self.contains('?')", "\"http://a/?b\"", NULL));
    assert_false(complies("!self.contains('?')", "\"http://a/#b\"", NULL));
    assert_false(complies("!self.contains('?')", "\"http://a/ b\"", NULL));
}

static void an_id_does_not_change_once_it_is_set(void **state)
{
    (void)state;
    assert_true(complies("oldSelf.id", "{\"id\":\"a\"}", "{}"));
    assert_true(complies("oldSelf.id", "{\"id\":\"a\"}", "{\"id\":\"a\"}"));
    assert_true(complies("oldSelf.id", "{}", "{}"));
    assert_false(complies("oldSelf.id", "{\"id\":\"b\"}", "{\"id\":\"a\"}"));
    assert_false(complies("oldSelf.id", "{}", "{\"id\":\"a\"}"));
}

static void rules_wait_until_the_rest_is_right(void **state)
{
    check_kind(state, OBJECT_WEBHOOK, "\"spec\":{\"url\":\"https://a/b\",\"headers\":[{}]}",
               "spec.headers[0].name: missing (The header's name)\n");
}

static void rules_of_webhooks_and_contexts(void **state)
{
    check_kind(state, OBJECT_WEBHOOK, "\"spec\":{\"url\":\"https://a/b\"}", "");
    check_kind(state, OBJECT_WEBHOOK, "\"spec\":{}",
               "spec: give exactly one of spec.url and spec.urlFrom\n");
    check_kind(state, OBJECT_WEBHOOK,
               "\"spec\":{\"url\":\"https://a/"
               "b\",\"urlFrom\":{\"secretKeyRef\":{\"name\":\"s\",\"key\":\"k\"}}}",
               "spec: give exactly one of spec.url and spec.urlFrom\n");
    check_kind(
        state, OBJECT_WEBHOOK,
        "\"spec\":{\"url\":\"https://a/b\",\"headers\":[{\"name\":\"X\"},{\"value\":\"y\"}]}",
        "spec.headers[0]: give each header exactly one of value and valueFrom\n"
        "spec.headers[1].name: missing (The header's name)\n");
    check_kind(state, OBJECT_WEBHOOK,
               "\"spec\":{\"url\":\"https://a/b\",\"allowedNamespaces\":{\"from\":\"Selector\"}}",
               "spec.allowedNamespaces.selector: from Selector needs a selector\n");
    check_kind(
        state, OBJECT_WEBHOOK,
        "\"spec\":{\"url\":\"https://a/"
        "b\",\"allowedNamespaces\":{\"from\":\"Selector\",\"selector\":{\"matchExpressions\":"
        "[{\"key\":\"a\",\"operator\":\"In\"},{\"key\":\"a\",\"operator\":\"Exists\",\"values\":["
        "\"x\"]},"
        "{\"key\":\"a\",\"operator\":\"NotIn\",\"values\":[\"x\"]},{\"key\":\"a\",\"operator\":"
        "\"DoesNotExist\"}]}}}",
        "spec.allowedNamespaces.selector.matchExpressions[0]: In and NotIn need values; Exists and "
        "DoesNotExist have none\n"
        "spec.allowedNamespaces.selector.matchExpressions[1]: In and NotIn need values; Exists and "
        "DoesNotExist have none\n");
    check_kind(state, OBJECT_CONTEXT, "\"spec\":{\"urls\":[\"http://a/\"]}", "");
    check_kind(state, OBJECT_CONTEXT, "\"spec\":{\"secretRef\":{\"name\":\"s\"}}", "");
    check_kind(state, OBJECT_CONTEXT, "\"spec\":{\"urls\":[]}",
               "spec.serviceRef: say where the gateways are, with spec.serviceRef, spec.urls or "
               "the key TYK_URL of spec.secretRef\n");
    check_kind(state, OBJECT_CONTEXT,
               "\"spec\":{\"urls\":[\"http://a/\"],\"serviceRef\":{\"name\":\"s\"}}",
               "spec.urls: spec.serviceRef and spec.urls exclude each other\n");
}

static void rules_of_api_definitions(void **state)
{
    check_kind(state, OBJECT_API,
               "\"spec\":{\"proxy\":{\"listen_path\":\"/x/\"},\"unknown\":{\"kept\":1}}", "");
    check_kind(state, OBJECT_API, "\"spec\":{\"proxy\":{\"listen_path\":\"\"}}", "");
    check_kind(state, OBJECT_API, "\"spec\":{\"name\":\"x\",\"proxy\":null}",
               "spec.proxy: give spec.proxy (a Tyk Classic definition), spec.oas (an OAS document) "
               "or spec.oasRef (one in a ConfigMap)\n");
    check_kind(state, OBJECT_API, "\"spec\":{\"proxy\":{\"listen_path\":\"x\"}}",
               "spec.proxy.listen_path: a listen path begins with / and holds no blank; gateways "
               "accept others and never serve them\n");
    check_kind(state, OBJECT_API, "\"spec\":{\"oas\":{\"x-tyk-api-gateway\":{}}}", "");
    check_kind(state, OBJECT_API, "\"spec\":{\"oas\":{}}",
               "spec.oas: the OAS document has no x-tyk-api-gateway, without which a gateway does "
               "not take it\n");
    check_kind(state, OBJECT_API,
               "\"spec\":{\"oas\":{\"x-tyk-api-gateway\":{\"server\":{\"listenPath\":{\"value\":\"/"
               "a b\"}}}}}",
               "spec.oas.x-tyk-api-gateway.server.listenPath.value: a listen path begins with / "
               "and holds no blank; gateways accept others and never serve them\n");
    check_kind(state, OBJECT_API,
               "\"spec\":{\"oas\":{\"x-tyk-api-gateway\":{}},\"oasRef\":{\"configMapKeyRef\":{"
               "\"name\":\"c\",\"key\":\"k\"}}}",
               "spec.oasRef: spec.oas and spec.oasRef exclude each other; keep the document inline "
               "or in the ConfigMap\n");
    /* Each Classic field by itself. */
    static const char *const classic[] = {"name",
                                          "id",
                                          "api_id",
                                          "org_id",
                                          "active",
                                          "internal",
                                          "protocol",
                                          "domain",
                                          "listen_port",
                                          "proxy",
                                          "use_keyless",
                                          "use_standard_auth",
                                          "auth_configs",
                                          "version_data",
                                          "event_handlers",
                                          "config_data",
                                          "graphql",
                                          "certificate_secret_names",
                                          "client_certificate_refs",
                                          "pinned_public_keys_refs",
                                          "upstream_certificate_refs"};
    for (size_t i = 0; i < ARRAY_LENGTH(classic); i++) {
        CLEANUP(freep) char *self = xasprintf("{\"oas\":{},\"%s\":1}", classic[i]);
        assert_false(complies("has(self.org_id)", self, NULL));
    }
    assert_true(complies("has(self.org_id)", "{\"oas\":{},\"name\":null,\"contextRef\":{}}", NULL));
    assert_true(complies("has(self.org_id)", "{\"name\":\"x\"}", NULL));
    assert_false(complies("has(self.org_id)", "{\"oasRef\":{},\"name\":\"x\"}", NULL));
}

static void metadata_is_checked(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *object;
        const char *problems;
    } cases[] = {
        {"{}", "metadata.name: missing (give the object a name)\n"},
        {"{\"metadata\":[]}", "metadata: a map is expected, not a list\n"},
        {"{\"metadata\":{}}",
         "metadata.name: missing (give the object a name; generateName is not enough here)\n"},
        {"{\"metadata\":{\"name\":5}}",
         "metadata.name: a text is expected, not a number (put it in quotes)\n"},
        {"{\"metadata\":{\"name\":\"A\"}}", "metadata.name: not a valid name (lower-case letters, "
                                            "digits, - and ., at most 253, as in a host name)\n"},
        {"{\"metadata\":{\"name\":\"a\",\"namespace\":\"a.b\"}}",
         "metadata.namespace: not a valid name of a namespace (lower-case letters, digits and -, "
         "at most 63)\n"},
        {"{\"metadata\":{\"name\":\"a\",\"namespace\":\"a-\"}}",
         "metadata.namespace: not a valid name of a namespace (lower-case letters, digits and -, "
         "at most 63)\n"},
        {"{\"metadata\":{\"name\":\"a\",\"labels\":{\"a "
         "b\":\"c\",\"d\":\"-\",\"e\":1,\"f/g\":\"\"}}}",
         "metadata.labels: \"a b\" is not a valid key ([prefix/]name: the prefix a host name, the "
         "name at most 63 letters, digits, - _ .)\n"
         "metadata.labels: the value of d is not valid (at most 63 letters, digits, and - _ . "
         "between them)\n"
         "metadata.labels: a text is expected at e, not a number (put it in quotes)\n"},
        {"{\"metadata\":{\"name\":\"a\",\"annotations\":{\"A.b/c\":\" any "
         "text\"},\"labels\":null}}",
         ""},
        {"{\"metadata\":{\"name\":\"a\",\"annotations\":[]}}",
         "metadata.annotations: a map of texts is expected, not a list\n"},
        {"{\"metadata\":{\"name\":\"a\",\"finalizers\":[1]}}",
         "metadata.finalizers: a list of texts is expected\n"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        CLEANUP(buf_fini) struct buf out;
        buf_init(&out, BUF_UNLIMITED);
        struct schema_problems found = {0};
        schemas_apply(fixture->schemas, OBJECT_SERVICE, text(cases[i].object),
                      (struct span){NULL, 0}, &out, &found);
        CLEANUP(freep) char *lines = told(&found);
        schema_problems_fini(&found);
        assert_string_equal(lines, cases[i].problems);
    }
}

static void names_are_those_that_kubernetes_takes(void **state)
{
    struct fixture *fixture = *state;
    static const char *const good[] = {"a", "1", "a.b", "a-b.c-d"};
    static const char *const bad[] = {"a..b", "-a", "a-", "a_b", "a.-b",
                                      "a-.b", ".a", "a.", "ä",   "a b"};
    for (size_t i = 0; i < ARRAY_LENGTH(good) + ARRAY_LENGTH(bad); i++) {
        bool is_good = i < ARRAY_LENGTH(good);
        CLEANUP(freep)
        char *object = xasprintf("{\"metadata\":{\"name\":\"%s\"}}",
                                 is_good ? good[i] : bad[i - ARRAY_LENGTH(good)]);
        CLEANUP(buf_fini) struct buf out;
        buf_init(&out, BUF_UNLIMITED);
        struct schema_problems found = {0};
        schemas_apply(fixture->schemas, OBJECT_SERVICE, text(object), (struct span){NULL, 0}, &out,
                      &found);
        if ((found.errors == 0) != is_good)
            fail_msg("%s", object);
        schema_problems_fini(&found);
    }
}

static void secrets_and_config_maps_are_checked(void **state)
{
    check_kind(state, OBJECT_SECRET,
               "\"type\":\"Opaque\",\"data\":{\"a\":\"aGk=\"},\"stringData\":{\"b\":\"x\"}", "");
    check_kind(state, OBJECT_SECRET, "\"data\":{\"a\":\"not base64!\"}",
               "data.a: not base64 (plain text goes to stringData)\n");
    check_kind(state, OBJECT_SECRET, "\"data\":{\"a\":5},\"spec\":{}",
               "data.a: a text is expected, not a number (put it in quotes)\n?spec: unknown field, "
               "it is left out\n");
    check_kind(state, OBJECT_CONFIGMAP, "\"data\":{\"a\":\"x\"},\"binaryData\":{\"b\":\"?\"}",
               "binaryData.b: not base64\n");
}

static void a_status_that_does_not_fit_is_left_out(void **state)
{
    check_kind(state, OBJECT_WEBHOOK,
               "\"spec\":{\"url\":\"https://a/b\"},\"status\":{\"usedBy\":{\"apis\":2}}", "");
    check_kind(state, OBJECT_WEBHOOK,
               "\"spec\":{\"url\":\"https://a/b\"},\"status\":{\"usedBy\":{\"apis\":\"2\"}}",
               "?status: left out: status.usedBy.apis: a whole number is expected, not a text "
               "(leave the status to the operator)\n");
    struct fixture *fixture = *state;
    CLEANUP(buf_fini) struct buf out;
    buf_init(&out, BUF_UNLIMITED);
    struct schema_problems found = {0};
    schemas_apply(fixture->schemas, OBJECT_WEBHOOK,
                  text("{" HEAD ",\"spec\":{\"url\":\"https://a/b\"},\"status\":{\"usedBy\":[]}}"),
                  (struct span){NULL, 0}, &out, &found);
    schema_problems_fini(&found);
    assert_string_equal(buf_text(&out),
                        "{" HEAD ",\"spec\":{\"url\":\"https://a/"
                        "b\",\"method\":\"POST\",\"bodyTemplate\":\"\",\"suspend\":false,"
                        "\"allowedNamespaces\":{\"from\":\"Same\"},\"conversionPolicy\":\"Auto\"},"
                        "\"status\":{\"observedGeneration\":-1}}");
}

static void rules_of_change_see_the_old_object(void **state)
{
    struct fixture *fixture = *state;
    static const char old[] = "{" HEAD ",\"spec\":{\"id\":\"one\",\"url\":\"https://a/b\"}}";
    static const char new[] = "{" HEAD ",\"spec\":{\"id\":\"two\",\"url\":\"https://a/b\"}}";
    CLEANUP(buf_fini) struct buf out;
    buf_init(&out, BUF_UNLIMITED);
    struct schema_problems found = {0};
    schemas_apply(fixture->schemas, OBJECT_WEBHOOK, text(new), text(old), &out, &found);
    CLEANUP(freep) char *lines = told(&found);
    assert_string_equal(
        lines,
        "spec.id: spec.id does not change once it is set; make a new Webhook for another id\n");
    assert_ptr_equal(found.items[0].at, strstr(new, "\"two\""));
    schema_problems_fini(&found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unknown_fields_are_pruned_and_told),
        cmocka_unit_test(defaults_are_filled_in_as_the_api_server_does),
        cmocka_unit_test(values_are_checked_and_all_is_told_at_once),
        cmocka_unit_test(elements_of_a_list_that_is_a_map_have_unique_keys),
        cmocka_unit_test(what_a_schema_says_beyond_our_knowledge_is_an_error),
        cmocka_unit_test(every_twin_is_that_of_a_rule),
        cmocka_unit_test(rules_of_urls),
        cmocka_unit_test(rules_of_texts),
        cmocka_unit_test(an_id_does_not_change_once_it_is_set),
        cmocka_unit_test(rules_wait_until_the_rest_is_right),
        cmocka_unit_test(rules_of_webhooks_and_contexts),
        cmocka_unit_test(rules_of_api_definitions),
        cmocka_unit_test(metadata_is_checked),
        cmocka_unit_test(names_are_those_that_kubernetes_takes),
        cmocka_unit_test(secrets_and_config_maps_are_checked),
        cmocka_unit_test(a_status_that_does_not_fit_is_left_out),
        cmocka_unit_test(rules_of_change_see_the_old_object),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
