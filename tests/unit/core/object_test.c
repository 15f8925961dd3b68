/* SPDX-License-Identifier: Apache-2.0 */
/* object, cache, version, backoff, gitops, context_place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"
#include "core/backoff.h"
#include "core/cache.h"
#include "core/context_place.h"
#include "core/gitops.h"
#include "core/object.h"
#include "core/version.h"

static struct object *object(enum object_kind kind, const char *json)
{
    CLEANUP(freep) char *text = xstrdup(json);
    for (char *at = text; *at; at++) {
        if (*at == '\'')
            *at = '"';
    }
    struct object *made = NULL;
    struct err err;
    if (object_new(kind, (struct span){text, strlen(text)}, NULL, &made, &err) < 0)
        fail_msg("%s", err.msg);
    return made;
}

static void an_object_is_compact_and_without_what_nobody_reads(void **state)
{
    (void)state;
    CLEANUP(object_unrefp)
    struct object *api = object(
        OBJECT_API,
        "{ 'metadata' : {'name':'a', "
        "'namespace':'n','uid':'u','resourceVersion':'7','generation':3,"
        "'creationTimestamp':'2026-01-01T00:00:00Z','managedFields':[{'x':1}],'annotations':{"
        "'kubectl.kubernetes.io/last-applied-configuration':'long','keep':'1'}}, 'spec' : "
        "{'n':1.0}}");
    assert_string_equal(object_text(api).ptr,
                        "{\"metadata\":{\"name\":\"a\",\"namespace\":\"n\",\"uid\":\"u\","
                        "\"resourceVersion\":\"7\",\"generation\":3,\"creationTimestamp\":"
                        "\"2026-01-01T00:00:00Z\",\"annotations\":{\"keep\":\"1\"}},\"spec\":{"
                        "\"n\":1.0}}");
    assert_string_equal(api->key, "n/a");
    assert_string_equal(api->uid, "u");
    assert_int_equal(api->generation, 3);
    assert_int_equal(api->created, 1767225600);
    assert_false(api->deleting);
}

static void without_a_uid_the_key_stands_in(void **state)
{
    (void)state;
    CLEANUP(object_unrefp)
    struct object *ns = object(OBJECT_NAMESPACE, "{'metadata':{'name':'n','namespace':'x'}}");
    assert_string_equal(ns->key, "n");
    assert_string_equal(ns->ns, "");
    assert_string_equal(ns->uid, "n");
}

static void metadata_of_a_wrong_type_is_refused_with_its_field(void **state)
{
    (void)state;
    struct object *made = NULL;
    struct err err;
    const char *text = "{\"metadata\":{\"name\":5}}";
    assert_int_equal(object_new(OBJECT_API, (struct span){text, strlen(text)}, NULL, &made, &err),
                     -1);
    assert_string_equal(err.msg, "metadata.name: a string is expected, not a number");
    text = "{}";
    assert_int_equal(object_new(OBJECT_API, (struct span){text, 2}, NULL, &made, &err), -1);
    assert_string_equal(err.msg, "metadata.name: missing");
}

static void a_new_status_leaves_the_content_the_same(void **state)
{
    (void)state;
    CLEANUP(object_unrefp)
    struct object *before =
        object(OBJECT_API, "{'metadata':{'name':'a','namespace':'n'},'spec':{'x':1}}");
    const char *status = "{\"y\":2}";
    CLEANUP(object_unrefp)
    struct object *after = object_with_status(before, (struct span){status, 7}, "9");
    assert_non_null(strstr(object_text(after).ptr, "\"status\":{\"y\":2}"));
    assert_string_equal(after->version, "9");
    assert_true(object_same_content(before, after));
    CLEANUP(object_unrefp)
    struct object *other =
        object(OBJECT_API, "{'metadata':{'name':'a','namespace':'n'},'spec':{'x':2}}");
    assert_false(object_same_content(before, other));
}

static void kinds_are_told_apart_by_name_and_version(void **state)
{
    (void)state;
    enum object_kind kind;
    assert_true(object_kind_from_name("tyk.tyk.io/v1alpha1", "Webhook", &kind));
    assert_int_equal(kind, OBJECT_WEBHOOK);
    assert_false(object_kind_from_name("generators.external-secrets.io/v1", "Webhook", &kind));
}

static void the_cache_knows_who_claims_an_id(void **state)
{
    (void)state;
    CLEANUP(cache_freep) struct cache *cache = cache_new();
    CLEANUP(object_unrefp)
    struct object *one =
        object(OBJECT_WEBHOOK, "{'metadata':{'name':'a','namespace':'n'},'spec':{'id':'x'}}");
    CLEANUP(object_unrefp)
    struct object *two =
        object(OBJECT_WEBHOOK, "{'metadata':{'name':'b','namespace':'n'},'spec':{'id':'x'}}");
    CLEANUP(object_unrefp)
    struct object *changed =
        object(OBJECT_WEBHOOK, "{'metadata':{'name':'a','namespace':'n'},'spec':{'id':'y'}}");
    object_unref(cache_put(cache, one));
    object_unref(cache_put(cache, two));
    const char *const *keys = cache_webhooks_with_id(cache, "x");
    assert_non_null(keys[0]);
    assert_non_null(keys[1]);
    assert_null(keys[2]);
    object_unref(cache_put(cache, changed));
    keys = cache_webhooks_with_id(cache, "x");
    assert_string_equal(keys[0], "n/b");
    assert_null(keys[1]);
    object_unref(cache_remove(cache, OBJECT_WEBHOOK, "n/b"));
    assert_null(cache_webhooks_with_id(cache, "x")[0]);
}

static void versions_are_compared_only_as_numbers(void **state)
{
    (void)state;
    assert_true(version_is_older("9", "10"));
    assert_true(version_is_older("99999999999999999999", "100000000000000000000"));
    assert_false(version_is_older("10", "10"));
    assert_false(version_is_older("abc", "abd"));
    assert_false(version_is_older("", "1"));
    assert_false(version_is_older("09", "10"));
    assert_true(version_number("18446744073709551615") == UINT64_MAX);
    assert_true(version_number("18446744073709551616") == 0);
    assert_true(version_number("99999999999999999999") == 0);
    assert_true(version_number("d1") == 0);
    assert_true(version_number("") == 0);
    assert_true(version_number("09") == 0);
}

static void back_off_doubles_up_to_its_longest(void **state)
{
    (void)state;
    const struct backoff backoff = {.first_ms = 800, .longest_ms = 30000};
    assert_int_equal(backoff_delay(&backoff, 1, 0), 800);
    assert_int_equal(backoff_delay(&backoff, 3, 0), 3200);
    assert_int_equal(backoff_delay(&backoff, 50, 0), 30000);
    assert_int_equal(backoff_delay(&backoff, 1, UINT32_MAX), 1599);
}

static void owners_are_known_by_their_marks(void **state)
{
    (void)state;
    static const struct {
        const char *metadata;
        bool owned;
    } table[] = {
        {"'labels':{'team':'a'}", false},
        {"'labels':{'app.kubernetes.io/managed-by':'me'}", false},
        {"'labels':{'app.kubernetes.io/managed-by':'Helm'}", true},
        {"'labels':{'app.kubernetes.io/instance':'shop'}", true},
        {"'labels':{'kustomize.toolkit.fluxcd.io/name':'x'}", true},
        {"'labels':{'helm.toolkit.fluxcd.io/name':'x'}", true},
        {"'annotations':{'argocd.argoproj.io/tracking-id':'x'}", true},
        {"'annotations':{'meta.helm.sh/release-name':'x'}", true},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(table); i++) {
        CLEANUP(freep)
        char *json = xasprintf("{'metadata':{'name':'a','namespace':'n',%s}}", table[i].metadata);
        CLEANUP(object_unrefp) struct object *made = object(OBJECT_API, json);
        if (gitops_owns(made) != table[i].owned)
            fail_msg("%s", table[i].metadata);
    }
}

static void base_urls_are_brought_to_one_form(void **state)
{
    (void)state;
    static const char *const table[][2] = {
        {"HTTP://Gateway:8080/", "http://gateway:8080"},
        {"https://g:443/base/", "https://g/base"},
        {"http://[::1]:80", "http://[::1]"},
        {"http://g:8443", "http://g:8443"},
        {"http://g:/base/", "http://g/base"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(table); i++) {
        CLEANUP(freep) char *canonical = context_canonical_url(table[i][0], NULL);
        assert_string_equal(canonical, table[i][1]);
    }
    static const char *const bad[] = {
        "gateway:8080",  "ftp://g/",       "http://",        "http://:80",
        "http://u@g/",   "http://g/?q",    "http://g/a b",   "",
        "http://g:port", "http://g:80:80", "http://[::1]x:1"};
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        struct err err;
        assert_null(context_canonical_url(bad[i], &err));
    }
}

static void a_url_in_the_cluster_names_a_service(void **state)
{
    (void)state;
    static const char *const table[][3] = {
        {"http://gw.tyk:8080", "tyk/gw", "8080"},
        {"http://gw.tyk.svc", "tyk/gw", "80"},
        {"https://gw.tyk.svc.cluster.local/x", "tyk/gw", "443"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(table); i++) {
        CLEANUP(freep) char *service = NULL;
        CLEANUP(freep) char *port = NULL;
        assert_true(context_service_of_url(table[i][0], &service, &port));
        assert_string_equal(service, table[i][1]);
        assert_string_equal(port, table[i][2]);
    }
    static const char *const others[] = {"http://gateway", "http://gw.example.com",
                                         "http://10.0.0.1:80", "http://127.1"};
    for (size_t i = 0; i < ARRAY_LENGTH(others); i++) {
        char *service = NULL;
        char *port = NULL;
        assert_false(context_service_of_url(others[i], &service, &port));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_object_is_compact_and_without_what_nobody_reads),
        cmocka_unit_test(without_a_uid_the_key_stands_in),
        cmocka_unit_test(metadata_of_a_wrong_type_is_refused_with_its_field),
        cmocka_unit_test(a_new_status_leaves_the_content_the_same),
        cmocka_unit_test(kinds_are_told_apart_by_name_and_version),
        cmocka_unit_test(the_cache_knows_who_claims_an_id),
        cmocka_unit_test(versions_are_compared_only_as_numbers),
        cmocka_unit_test(back_off_doubles_up_to_its_longest),
        cmocka_unit_test(owners_are_known_by_their_marks),
        cmocka_unit_test(base_urls_are_brought_to_one_form),
        cmocka_unit_test(a_url_in_the_cluster_names_a_service),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
