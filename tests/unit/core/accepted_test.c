/* SPDX-License-Identifier: Apache-2.0 */
#include "core/accepted.h"

#include "make.h"

#define COPY "copy: {name: P, url: 'https://h/', method: POST, bodyTemplate: '', headers: []}"

static struct accepted *read_api(const char *rest)
{
    char *yaml = xasprintf("{metadata: {name: a, namespace: team%s, spec: {}}", rest);
    struct object *api = make_object(OBJECT_API, yaml);
    struct accepted *accepted = accepted_read(api, NULL);
    object_unref(api);
    free(yaml);
    return accepted;
}

static void copies_of_the_status_are_read(void **state)
{
    (void)state;
    struct accepted *accepted = read_api(
        "}, status: {webhooks: [{ref: p, source: Global, webhook: {namespace: ns, name: m, uid: u, "
        "generation: 4, conversionPolicy: Retain}, " COPY "}, {ref: q, source: Converted, " COPY
        "}, {ref: r, source: Missing, " COPY "}, {source: Global, " COPY "}, {ref: '', source: "
        "Global, " COPY "}, {ref: s, source: Global}, text]}");
    assert_int_equal(accepted_count(accepted), 2);
    const struct resolved_ref *p = accepted_get(accepted, "p");
    assert_int_equal(p->source, REF_GLOBAL);
    assert_string_equal(p->webhook_ns, "ns");
    assert_string_equal(p->webhook_name, "m");
    assert_string_equal(p->webhook_uid, "u");
    assert_int_equal(p->webhook_generation, 4);
    assert_int_equal(p->policy, CONVERSION_RETAIN);
    assert_string_equal(p->copy->url, "https://h/");
    const struct resolved_ref *q = accepted_get(accepted, "q");
    assert_int_equal(q->source, REF_CONVERTED);
    assert_int_equal(q->policy, CONVERSION_AUTO);
    assert_string_equal(q->webhook_name, "");
    assert_null(accepted_get(accepted, "r"));
    accepted_free(accepted);
}

#define ANNOTATION(text) ", annotations: {grapnel.dev/converted-webhooks: '" text "'}}"
#define JSON_COPY                                                                                  \
    "\"copy\":{\"name\":\"A\",\"url\":\"https://a/\",\"method\":\"PUT\",\"bodyTemplate\":\"\"}"

static void the_annotation_counts_where_the_status_has_nothing(void **state)
{
    (void)state;
    struct accepted *accepted =
        read_api(ANNOTATION("[{\"ref\":\"p\",\"source\":\"Converted\"," JSON_COPY
                            "},{\"ref\":\"q\",\"source\":\"Converted\"," JSON_COPY "},"
                            "{\"ref\":\"g\",\"source\":\"Global\"," JSON_COPY
                            "}]") ", status: {webhooks: "
                                  "[{ref: p, source: Global, " COPY "}]}");
    assert_int_equal(accepted_count(accepted), 2);
    assert_string_equal(accepted_get(accepted, "p")->copy->name, "P");
    assert_string_equal(accepted_get(accepted, "q")->copy->name, "A");
    assert_null(accepted_get(accepted, "g")); /* an annotation cannot say that a global exists */
    accepted_free(accepted);
}

static void a_broken_annotation_is_no_annotation(void **state)
{
    (void)state;
    static const char *const texts[] = {ANNOTATION("["), ANNOTATION(""), ANNOTATION("5"),
                                        ANNOTATION("{\"ref\":\"p\"}"), ANNOTATION("[5,null,[]]")};
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
        struct accepted *accepted = read_api(texts[i]);
        assert_int_equal(accepted_count(accepted), 0);
        accepted_free(accepted);
    }
}

static void setting_replaces_and_a_missing_one_takes_out(void **state)
{
    (void)state;
    struct accepted *accepted =
        read_api("}, status: {webhooks: [{ref: p, source: Global, " COPY "}]}");
    struct accepted *other = accepted_new();
    accepted_set(other, accepted_get(accepted, "p"));
    accepted_free(accepted);
    const struct resolved_ref *p = accepted_get(other, "p");
    assert_string_equal(p->copy->name, "P");
    accepted_set(other, p); /* itself */
    assert_string_equal(accepted_get(other, "p")->copy->name, "P");
    struct resolved_ref missing = {.ref = (char[]){"p"}, .source = REF_MISSING};
    accepted_set(other, &missing);
    assert_int_equal(accepted_count(other), 0);
    accepted_free(other);
    assert_null(accepted_get(NULL, "p"));
}

static void what_was_refused_is_no_copy_and_makes_another_document(void **state)
{
    (void)state;
    struct accepted *none = accepted_new();
    struct accepted *refused = accepted_new();
    struct resolved_ref ref = {.ref = (char[]){"p"}, .source = REF_MISSING, .is_refused = true};
    accepted_set(refused, &ref);
    assert_null(accepted_get(refused, "p"));
    assert_true(accepted_is_refused(refused, "p"));
    assert_false(accepted_is_refused(none, "p") || accepted_is_refused(NULL, "p"));
    assert_false(accepted_equal(none, refused) || accepted_equal(refused, none));
    assert_false(accepted_equal(NULL, refused));
    accepted_set(none, &ref);
    assert_true(accepted_equal(none, refused));
    ref.is_refused = false;
    accepted_set(refused, &ref);
    assert_false(accepted_is_refused(refused, "p"));
    accepted_free(none);
    accepted_free(refused);
}

static bool makes_the_same(const char *a, const char *b)
{
    struct accepted *left = a ? read_api(a) : NULL;
    struct accepted *right = b ? read_api(b) : NULL;
    bool same = accepted_equal(left, right);
    assert_int_equal(accepted_equal(right, left), same);
    accepted_free(left);
    accepted_free(right);
    return same;
}

static void what_makes_the_same_document_is_equal(void **state)
{
    (void)state;
    static const char none[] = "}";
    static const char p[] = "}, status: {webhooks: [{ref: p, source: Global, " COPY "}]}";
    static const char p_of_other[] = "}, status: {webhooks: [{ref: p, source: Global, webhook: "
                                     "{name: m, uid: u}, " COPY "}]}";
    static const char q[] = "}, status: {webhooks: [{ref: q, source: Global, " COPY "}]}";
    static const char converted[] =
        "}, status: {webhooks: [{ref: p, source: Converted, " COPY "}]}";
    static const char changed[] =
        "}, status: {webhooks: [{ref: p, source: Global, copy: {name: P, url: 'https://h/', "
        "method: PUT, bodyTemplate: '', headers: []}}]}";
    assert_true(makes_the_same(NULL, NULL));
    assert_true(makes_the_same(NULL, none));
    assert_true(makes_the_same(p, p));
    assert_true(makes_the_same(p, p_of_other));
    assert_false(makes_the_same(NULL, p));
    assert_false(makes_the_same(p, q));
    assert_false(makes_the_same(p, converted));
    assert_false(makes_the_same(p, changed));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_of_the_status_are_read),
        cmocka_unit_test(the_annotation_counts_where_the_status_has_nothing),
        cmocka_unit_test(a_broken_annotation_is_no_annotation),
        cmocka_unit_test(setting_replaces_and_a_missing_one_takes_out),
        cmocka_unit_test(what_was_refused_is_no_copy_and_makes_another_document),
        cmocka_unit_test(what_makes_the_same_document_is_equal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
