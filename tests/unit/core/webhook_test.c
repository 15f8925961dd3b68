/* SPDX-License-Identifier: Apache-2.0 */
#include "core/webhook.h"

#include "core/secret.h"
#include "make.h"

struct decoded {
    struct cache *cache;
    struct webhook webhook;
    struct problems problems;
};

/* Decodes a Webhook team/pager with this spec beside a Secret team/s {k: v}. */
static struct decoded decode(const char *spec)
{
    struct decoded decoded = {.cache = cache_new(), .problems = {.count = 0}};
    put_object(decoded.cache, OBJECT_SECRET,
               "{metadata: {name: s, namespace: team}, stringData: {k: v, lines: \"a\\n\\n\", "
               "url: \"https://u.example/\\n\"}}");
    char *yaml = xasprintf("{metadata: {name: pager, namespace: team}, spec: %s}", spec);
    const struct object *object = put_object(decoded.cache, OBJECT_WEBHOOK, yaml);
    webhook_decode(object, decoded.cache, &decoded.webhook, &decoded.problems);
    free(yaml);
    return decoded;
}

static void fini(struct decoded *decoded)
{
    webhook_fini(&decoded->webhook);
    problems_fini(&decoded->problems);
    cache_free(decoded->cache);
}

static void a_webhook_becomes_a_copy_with_the_values_of_its_secrets(void **state)
{
    (void)state;
    struct decoded got = decode(
        "{name: Pager, urlFrom: {secretKeyRef: {name: s, key: url}}, headers: [{name: b, valueFrom:"
        " {secretKeyRef: {name: s, key: k}}}, {name: a, value: ''}], cooldownPeriod: 1m, method: "
        "PUT}");
    const struct copy *copy = got.webhook.copy;
    assert_non_null(copy);
    assert_int_equal(got.problems.count, 0);
    assert_string_equal(copy->name, "Pager");
    assert_string_equal(copy->url, "https://u.example/");
    assert_string_equal(copy->url_secret, "team/s url");
    assert_string_equal(copy->method, "PUT");
    assert_string_equal(copy->cooldown, "1m");
    assert_int_equal(copy->header_count, 2);
    assert_string_equal(copy->headers[0].name, "a");
    assert_null(copy->headers[0].secret);
    assert_string_equal(copy->headers[1].value, "v");
    assert_string_equal(copy->headers[1].secret, "team/s k");
    assert_int_equal(got.webhook.secret_count, 1);
    assert_string_equal(got.webhook.secrets[0], "team/s");
    assert_null(got.webhook.secrets[1]);
    fini(&got);
}

static void all_faults_are_told_at_once(void **state)
{
    (void)state;
    struct decoded got = decode(
        "{id: 5, name: 5, url: h, method: post, headers: [{name: a b, value: c}, {name: d, value: "
        "5}, {name: e}, {name: f, valueFrom: {secretKeyRef: {name: s}}}, {name: g, value: \"\\n\"},"
        " {name: X, value: a}, {name: x, value: a}], bodyTemplate: [], cooldownPeriod: 5ms, "
        "suspend: maybe, allowedNamespaces: {from: Some}, conversionPolicy: Never}");
    assert_null(got.webhook.copy);
    static const char *const fields[] = {
        "spec.id",
        "spec.name",
        "spec.url",
        "spec.method",
        "spec.headers[0]",
        "spec.headers[1]",
        "spec.headers[2]",
        "spec.headers[3]",
        "spec.headers[4]",
        "spec.bodyTemplate",
        "spec.cooldownPeriod",
        "spec.suspend",
        "spec.allowedNamespaces",
        "spec.conversionPolicy",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(fields); i++) {
        if (!has_problem(got.problems.items, got.problems.count, "InvalidSpec", fields[i], NULL))
            fail_msg("nothing is said of %s", fields[i]);
    }
    assert_true(has_problem(got.problems.items, got.problems.count, "InvalidSpec", "spec.headers",
                            "twice"));
    fini(&got);
}

static void missing_secrets_are_followed_all_the_same(void **state)
{
    (void)state;
    struct decoded got = decode("{url: 'https://h/', headers: [{name: a, valueFrom: {secretKeyRef: "
                                "{name: none, key: k}}}, {name: b, valueFrom: {secretKeyRef: {name:"
                                " s, key: none}}}]}");
    assert_null(got.webhook.copy);
    assert_int_equal(got.webhook.secret_count, 2);
    assert_true(
        has_problem(got.problems.items, got.problems.count, "SecretNotFound", NULL, "team/none"));
    assert_true(
        has_problem(got.problems.items, got.problems.count, "SecretNotFound", NULL, "no key none"));
    assert_false(problems_have_error(&got.problems, "InvalidSpec"));
    fini(&got);
}

static void a_secret_name_cannot_lead_into_another_namespace(void **state)
{
    (void)state;
    struct decoded got = decode("{url: 'https://h/', headers: [{name: a, valueFrom: {secretKeyRef: "
                                "{name: ../x/y, key: k}}}]}");
    assert_null(got.webhook.copy);
    assert_int_equal(got.webhook.secret_count, 0);
    assert_true(problems_have_error(&got.problems, "InvalidSpec"));
    fini(&got);
}

static void no_message_holds_a_secret_value(void **state)
{
    (void)state;
    struct cache *cache = cache_new();
    put_object(cache, OBJECT_SECRET,
               "{metadata: {name: s, namespace: team}, stringData: {u: 't0ken://x', v: "
               "\"t0ken\\r\\n\"}}");
    const struct object *object = put_object(
        cache, OBJECT_WEBHOOK,
        "{metadata: {name: pager, namespace: team}, spec: {urlFrom: {secretKeyRef: {name: s, key: "
        "u}}, headers: [{name: a, valueFrom: {secretKeyRef: {name: s, key: v}}}]}}");
    struct webhook webhook;
    struct problems problems = {.count = 0};
    webhook_decode(object, cache, &webhook, &problems);
    assert_int_equal(problems.count, 2);
    for (size_t i = 0; i < problems.count; i++)
        assert_null(strstr(problems.items[i].message, "t0ken"));
    webhook_fini(&webhook);
    problems_fini(&problems);
    cache_free(cache);
}

static void values_of_secrets_are_text(void **state)
{
    (void)state;
    static const struct {
        const char *secret;
        const char *value; /* NULL: refused */
        enum err_class class;
    } table[] = {
        {"{stringData: {k: plain}}", "plain", 0},
        {"{stringData: {k: \"one\\n\"}}", "one", 0},
        {"{stringData: {k: \"two\\n\\n\"}}", "two\n", 0},
        {"{stringData: {k: ''}}", "", 0},
        {"{data: {k: dmFsdWU=}}", "value", 0},
        {"{data: {k: dmFsdWU=}, stringData: {k: wins}}", "wins", 0},
        {"{data: {k: '***'}}", NULL, ERR_INVALID},
        {"{data: {k: YQBi}}", NULL, ERR_INVALID}, /* a NUL b */
        {"{data: {k: /w==}}", NULL, ERR_INVALID}, /* no UTF-8 */
        {"{data: {other: dmFsdWU=}}", NULL, ERR_NOT_FOUND},
        {"{data: {k: 5}}", NULL, ERR_NOT_FOUND},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(table); i++) {
        char *yaml = xasprintf("{metadata: {name: s, namespace: team}, %s", table[i].secret + 1);
        struct object *secret = make_object(OBJECT_SECRET, yaml);
        struct buf value;
        struct err err = {.class = ERR_CANCELED};
        buf_init(&value, BUF_UNLIMITED);
        int result = secret_value(secret, "k", &value, &err);
        assert_int_equal(result, table[i].value ? 0 : -1);
        if (table[i].value)
            assert_string_equal(buf_text(&value), table[i].value);
        else
            assert_int_equal(err.class, table[i].class);
        buf_fini(&value);
        object_unref(secret);
        free(yaml);
    }
    struct err err;
    struct buf value;
    buf_init(&value, BUF_UNLIMITED);
    assert_int_equal(secret_value(NULL, "k", &value, &err), -1);
    assert_int_equal(err.class, ERR_NOT_FOUND);
}

/* Else the copy would fit into no status. */
static void values_of_secrets_have_the_bounds_of_written_ones(void **state)
{
    (void)state;
    static const char spec[] =
        "{url: 'https://u.example/', headers: [{name: a, valueFrom: {secretKeyRef: {name: long, "
        "key: header}}}]}";
    static const char url_spec[] = "{urlFrom: {secretKeyRef: {name: long, key: url}}}";
    for (int more = 0; more <= 1; more++) {
        struct cache *cache = cache_new();
        char *yaml = xasprintf("{metadata: {name: long, namespace: team}, stringData: {header: "
                               "\"%0*d\", url: \"https://u.example/%0*d\"}}",
                               8192 + more, 7, 2048 + more - 18, 7);
        put_object(cache, OBJECT_SECRET, yaml);
        free(yaml);
        const char *specs[] = {spec, url_spec};
        for (size_t i = 0; i < ARRAY_LENGTH(specs); i++) {
            struct webhook webhook;
            struct problems problems = {.count = 0};
            yaml = xasprintf("{metadata: {name: w%zu, namespace: team}, spec: %s}", i, specs[i]);
            webhook_decode(put_object(cache, OBJECT_WEBHOOK, yaml), cache, &webhook, &problems);
            free(yaml);
            assert_int_equal(problems.count, (size_t)more);
            assert_true(!more || strstr(problems.items[0].message, "longer than"));
            problems_fini(&problems);
            webhook_fini(&webhook);
        }
        cache_free(cache);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_webhook_becomes_a_copy_with_the_values_of_its_secrets),
        cmocka_unit_test(all_faults_are_told_at_once),
        cmocka_unit_test(missing_secrets_are_followed_all_the_same),
        cmocka_unit_test(a_secret_name_cannot_lead_into_another_namespace),
        cmocka_unit_test(no_message_holds_a_secret_value),
        cmocka_unit_test(values_of_secrets_are_text),
        cmocka_unit_test(values_of_secrets_have_the_bounds_of_written_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
