/* SPDX-License-Identifier: Apache-2.0 */
/* The pure parts that turn the API server's bytes into objects: paths, watch events, list pages,
 * objects. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/json_text.h"
#include "kube/kube_object.h"
#include "kube/kube_path.h"
#include "kube/list_splitter.h"
#include "kube/watch_decoder.h"

static struct span span_of(const char *text)
{
    return (struct span){text, strlen(text)};
}

/* Paths */

static void paths_name_collections_and_objects(void **state)
{
    (void)state;
    CLEANUP(buf_fini) struct buf path;
    buf_init(&path, BUF_UNLIMITED);
    const struct kube_resource *api = kube_resource_of(OBJECT_API);
    kube_path_collection(&path, api, NULL);
    assert_string_equal(buf_text(&path), "/apis/tyk.tyk.io/v1alpha1/apidefinitions");
    buf_clear(&path);
    kube_path_collection(&path, api, "team");
    kube_path_add_query(&path, "limit", "500");
    kube_path_add_query(&path, "continue", "a+b/c=&\xc3\xa9 %");
    assert_string_equal(buf_text(&path),
                        "/apis/tyk.tyk.io/v1alpha1/namespaces/team/apidefinitions?limit=500"
                        "&continue=a%2Bb%2Fc%3D%26%C3%A9%20%25");
    buf_clear(&path);
    kube_path_object(&path, api, "team", "a.b", "status");
    assert_string_equal(buf_text(&path),
                        "/apis/tyk.tyk.io/v1alpha1/namespaces/team/apidefinitions/a.b/status");
    buf_clear(&path);
    kube_path_object(&path, kube_resource_of(OBJECT_NAMESPACE), "x", "kube-system", NULL);
    assert_string_equal(buf_text(&path), "/api/v1/namespaces/kube-system");
    buf_clear(&path);
    kube_path_object(&path, kube_resource_of(OBJECT_SECRET), "..", "../x", NULL);
    assert_string_equal(buf_text(&path), "/api/v1/namespaces/../secrets/..%2Fx");
}

static void names_that_no_object_has_are_told(void **state)
{
    (void)state;
    static const char *const good[] = {"a", "a-b.c0", "0"};
    static const char *const bad[] = {"",   ".",  "..",  "a..b", "a/b",     "A",
                                      "-a", "a-", "a_b", "a b",  "\xc3\xa9"};
    for (size_t i = 0; i < ARRAY_LENGTH(good); i++)
        assert_true(kube_name_is_valid(good[i]));
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
        assert_false(kube_name_is_valid(bad[i]));
    char longest[255];
    memset(longest, 'a', sizeof(longest));
    longest[253] = '\0';
    assert_true(kube_name_is_valid(longest));
    longest[253] = 'a';
    longest[254] = '\0';
    assert_false(kube_name_is_valid(longest));
}

static void every_kind_has_its_place(void **state)
{
    (void)state;
    for (int kind = 0; kind < OBJECT_KIND_COUNT; kind++) {
        const struct kube_resource *resource = kube_resource_of((enum object_kind)kind);
        assert_string_equal(resource->kind, object_kind_name((enum object_kind)kind));
        enum object_kind back;
        bool is_manifest = kind < OBJECT_MANIFEST_KIND_COUNT;
        assert_int_equal(object_kind_from_name(resource->api_version, resource->kind, &back),
                         is_manifest);
        assert_true(!is_manifest || (int)back == kind);
        assert_int_equal(resource->namespaced, object_kind_is_namespaced((enum object_kind)kind));
        assert_non_null(strstr(resource->root, resource->api_version));
        bool is_ours = strstr(resource->root, "tyk") != NULL;
        assert_int_equal(resource->crd != NULL, is_ours);
    }
}

/* Runs `feed` over the text cut at every pair of places and byte by byte; each run must give
 * `want`.
 */
typedef void run_fn(const char *text, size_t first, size_t second, size_t step, struct buf *out);

static void expect_any_cut(run_fn *run, const char *text, const char *want)
{
    size_t length = strlen(text);
    for (size_t first = 0; first <= length; first++) {
        for (size_t second = first; second <= length; second += 1 + length / 40) {
            CLEANUP(buf_fini) struct buf out;
            buf_init(&out, BUF_UNLIMITED);
            run(text, first, second, length + 1, &out);
            assert_string_equal(buf_text(&out), want);
        }
    }
    CLEANUP(buf_fini) struct buf out;
    buf_init(&out, BUF_UNLIMITED);
    run(text, 0, 0, 1, &out);
    assert_string_equal(buf_text(&out), want);
}

static size_t piece_end(size_t at, size_t length, size_t first, size_t second, size_t step)
{
    size_t end = at < first ? first : at < second ? second : at + step;
    return end < length ? end : length;
}

/* Watch events */

static int on_event(void *arg, const struct watch_event *event, struct err *err)
{
    struct buf *out = arg;
    static const char *const names[] = {"+", "~", "-", "b", "e"};
    buf_add_text(out, names[event->type]);
    buf_add(out, event->object.ptr, event->object.length);
    buf_add_char(out, '\n');
    if (event->type == WATCH_ERROR)
        return err_set(err, ERR_EXPIRED, 410, "stop");
    return 0;
}

static void run_watch(const char *text, size_t first, size_t second, size_t step, struct buf *out)
{
    CLEANUP(watch_decoder_freep)
    struct watch_decoder *decoder = watch_decoder_new(100, on_event, out);
    size_t length = strlen(text);
    struct err err;
    for (size_t at = 0; at < length;) {
        size_t end = piece_end(at, length, first, second, step);
        char *piece = xmalloc(end - at);
        memcpy(piece, text + at, end - at);
        int result = watch_decoder_feed(decoder, piece, end - at, &err);
        free(piece);
        if (result < 0) {
            buf_add_format(out, "! %s", err.msg);
            assert_int_equal(watch_decoder_feed(decoder, "\n", 1, &err), -1);
            return;
        }
        at = end;
    }
}

static void events_come_out_of_any_cut_of_the_bytes(void **state)
{
    (void)state;
    expect_any_cut(run_watch,
                   "{\"type\":\"ADDED\",\"object\":{\"a\":\"}\\n{\"}}\n"
                   "{\"type\":\"MODIFIED\",\"object\":{\"a\":\"\xc3\xa9\"}}\r\n"
                   "\n \r\n"
                   "{\"object\":{},\"type\":\"DELETED\"} \n"
                   "{\"type\":\"BOOKMARK\",\"object\":{\"b\":[]}}\n"
                   "{\"type\":\"ADDED\",\"object\":{\"cut\":",
                   "+{\"a\":\"}\\n{\"}\n~{\"a\":\"\xc3\xa9\"}\n-{}\nb{\"b\":[]}\n");
}

static void what_is_no_event_ends_the_decoding(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *want;
    } bad[] = {
        {"<html>\n{}\n", "! a line of the watch is no event"},
        {"{\"type\":\"ADDED\",\"object\":{\n", "! a line of the watch is no event"},
        {"{\"type\":\"ADDED\",\"object\":{\"a\":1}\n", "! an event of the watch has no object"},
        {"{\"type\":\"ADDED\",\"object\":[]}\n", "! an event of the watch has no object"},
        {"{\"type\":\"ADDED\"}\n", "! an event of the watch has no object"},
        {"{\"type\":\"CHANGED\",\"object\":{}}\n",
         "! an event of the watch has no type that is known"},
        {"{\"object\":{}}\n", "! an event of the watch has no type that is known"},
        {"{\"type\":\"ERROR\",\"object\":{}}\n{\"type\":\"ADDED\",\"object\":{}}\n", "e{}\n! stop"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
        expect_any_cut(run_watch, bad[i].text, bad[i].want);
}

static void an_event_over_the_limit_ends_the_decoding(void **state)
{
    (void)state;
    CLEANUP(freep)
    char *exact = xasprintf("{\"type\":\"ADDED\",\"object\":{\"k\":\"%066d\"}}\n", 0);
    assert_int_equal(strlen(exact), 101);
    CLEANUP(freep) char *want = xasprintf("+{\"k\":\"%066d\"}\n", 0);
    expect_any_cut(run_watch, exact, want);
    CLEANUP(freep) char *more = xasprintf("{\"type\":\"ADDED\",\"object\":{\"k\":\"%067d\"}}\n", 0);
    expect_any_cut(run_watch, more, "! an event of the watch is longer than 100 bytes");
}

/* List pages */

static int on_item(void *arg, struct span item, struct err *err)
{
    (void)err;
    buf_add(arg, item.ptr, item.length);
    buf_add_char(arg, '\n');
    return 0;
}

static void run_list(const char *text, size_t first, size_t second, size_t step, struct buf *out)
{
    CLEANUP(list_splitter_freep) struct list_splitter *splitter = list_splitter_new(on_item, out);
    size_t length = strlen(text);
    struct err err;
    int result = 0;
    for (size_t at = 0; at < length && result == 0;) {
        size_t end = piece_end(at, length, first, second, step);
        result = list_splitter_feed(splitter, text + at, end - at, &err);
        at = end;
    }
    struct list_page page = {0};
    if (result == 0)
        result = list_splitter_finish(splitter, &page, &err);
    if (result < 0) {
        buf_add_format(out, "! %s", err.msg);
        return;
    }
    buf_add_format(out, "%s|%s", page.version, page.proceed ? page.proceed : "-");
    list_page_fini(&page);
}

static void a_page_gives_items_version_and_continuation(void **state)
{
    (void)state;
    expect_any_cut(
        run_list,
        "{\"apiVersion\":\"v1\",\"items\":[{\"a\":1},{\"b\":2}],\"kind\":\"WebhookList\","
        "\"metadata\":{\"continue\":\"tok\",\"resourceVersion\":\"12\"}}\n",
        "{\"a\":1}\n{\"b\":2}\n12|tok");
    expect_any_cut(run_list,
                   "{\"kind\":\"ServiceList\",\"apiVersion\":\"v1\",\"metadata\":"
                   "{\"resourceVersion\":\"0x7\",\"continue\":\"\"},\"items\":null}",
                   "0x7|-");
}

static void what_is_no_whole_list_fails_at_its_end(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *want;
    } bad[] = {
        {"{\"kind\":\"List\",\"items\":[],\"metadata\":{}}", "! the list has no resourceVersion"},
        {"{\"kind\":\"List\",\"items\":[],\"metadata\":{\"resourceVersion\":\"\"}}",
         "! the list has no resourceVersion"},
        {"{\"kind\":\"List\",\"items\":[],\"metadata\":{\"resourceVersion\":7}}",
         "! the list has no resourceVersion"},
        {"{\"kind\":\"Table\",\"items\":[],\"metadata\":{\"resourceVersion\":\"7\"}}",
         "! the answer is no list"},
        {"{\"items\":[],\"metadata\":{\"resourceVersion\":\"7\"}}", "! the answer is no list"},
        {"{\"kind\":\"List\",\"items\":[{\"a\":1}",
         "{\"a\":1}\n! not the JSON that is expected: it "
         "breaks off within its list"},
        {"", "! not JSON: a value is expected here"},
        {"<html>", "! not JSON: a value is expected here"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
        expect_any_cut(run_list, bad[i].text, bad[i].want);
}

/* Objects */

static struct object *decode(enum object_kind kind, const char *text)
{
    struct object *object = NULL;
    struct err err;
    if (kube_object_decode(kind, span_of(text), &object, &err) < 0)
        return NULL;
    return object;
}

static void a_text_that_breaks_off_is_no_object(void **state)
{
    (void)state;
    static const char whole[] =
        "{\"kind\":\"Service\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"a\",\"namespace\":"
        "\"n\"},\"spec\":{\"a\":[\"}\\\"\"]}}";
    for (size_t length = 0; length < sizeof(whole) - 1; length++) {
        struct object *object = NULL;
        struct err err;
        assert_int_equal(
            kube_object_decode(OBJECT_SERVICE, (struct span){whole, length}, &object, &err), -1);
    }
    struct object *object = decode(OBJECT_SERVICE, whole);
    assert_non_null(object);
    object_unref(object);
}

static void a_listed_item_has_the_same_text_as_a_watched_one(void **state)
{
    (void)state;
    struct object *listed =
        decode(OBJECT_SERVICE, "{\"metadata\":{\"name\":\"a\",\"namespace\":\"n\"},\"spec\":{}}");
    struct object *watched =
        decode(OBJECT_SERVICE, "{\"kind\":\"Service\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":"
                               "\"a\",\"namespace\":\"n\"},\"spec\":{}}");
    assert_non_null(listed);
    assert_non_null(watched);
    assert_string_equal(object_text(listed).ptr, object_text(watched).ptr);
    assert_true(object_same_content(listed, watched));
    assert_string_equal(listed->key, "n/a");
    object_unref(listed);
    object_unref(watched);
}

static void another_kind_is_refused(void **state)
{
    (void)state;
    assert_null(decode(OBJECT_WEBHOOK, "{\"kind\":\"Table\",\"metadata\":{\"name\":\"a\"}}"));
    assert_null(
        decode(OBJECT_WEBHOOK,
               "{\"kind\":\"Webhook\",\"apiVersion\":\"v2\",\"metadata\":{\"name\":\"a\"}}"));
    assert_null(decode(OBJECT_WEBHOOK, "{\"kind\":7,\"metadata\":{\"name\":\"a\"}}"));
    assert_null(decode(OBJECT_WEBHOOK, "[]"));
    assert_null(decode(OBJECT_WEBHOOK, "{}"));
    assert_null(decode(OBJECT_WEBHOOK, "{\"metadata\":{\"name\":7}}"));
}

static void what_no_object_can_be_called_is_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"/", "..", "a/b", "", "A"};
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        CLEANUP(freep)
        char *named = xasprintf("{\"metadata\":{\"name\":\"%s\",\"namespace\":\"n\"}}", names[i]);
        assert_null(decode(OBJECT_WEBHOOK, named));
        assert_null(decode(OBJECT_NAMESPACE, named));
        CLEANUP(freep)
        char *placed = xasprintf("{\"metadata\":{\"name\":\"a\",\"namespace\":\"%s\"}}", names[i]);
        assert_null(decode(OBJECT_WEBHOOK, placed));
    }
}

static void an_object_that_cannot_be_read_is_there_with_a_problem(void **state)
{
    (void)state;
    struct object *object =
        decode(OBJECT_WEBHOOK,
               "{\"apiVersion\":\"tyk.tyk.io/v1alpha1\",\"kind\":\"Webhook\",\"metadata\":"
               "{\"name\":\"a\",\"namespace\":\"n\",\"uid\":\"u\",\"resourceVersion\":\"9\","
               "\"generation\":3,\"finalizers\":[\"f\"],\"deletionTimestamp\":"
               "\"2026-01-01T00:00:00Z\",\"annotations\":{\"x\":\"\\u0000\"},"
               "\"managedFields\":[]},\"spec\":{\"url\":\"\\u0000\"}}");
    assert_non_null(object);
    assert_string_equal(object->key, "n/a");
    assert_string_equal(object->uid, "u");
    assert_string_equal(object->version, "9");
    assert_int_equal(object->generation, 3);
    assert_true(object->deleting);
    assert_true(object_has_finalizer(object, "f"));
    assert_string_equal(object->problem, "the object cannot be read: not JSON: a string holds the "
                                         "character U+0000");
    assert_null(json_text_member(object_text(object), "spec").ptr);
    struct json_text_limits limits = {.depth = 10};
    assert_int_equal(json_text_check(object_text(object), &limits, NULL, NULL), 0);
    object_unref(object);
}

static void an_object_nested_without_measure_is_there_with_a_problem(void **state)
{
    (void)state;
    CLEANUP(buf_fini) struct buf text;
    buf_init(&text, BUF_UNLIMITED);
    buf_add_text(&text, "{\"spec\":");
    for (int i = 0; i < 9000; i++)
        buf_add_char(&text, '[');
    for (int i = 0; i < 9000; i++)
        buf_add_char(&text, ']');
    buf_add_text(&text, ",\"metadata\":{\"name\":\"a\",\"namespace\":\"n\"}}");
    struct object *object = decode(OBJECT_API, buf_text(&text));
    assert_non_null(object);
    assert_string_equal(object->key, "n/a");
    assert_non_null(strstr(object->problem, "nested too deeply"));
    object_unref(object);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_name_collections_and_objects),
        cmocka_unit_test(names_that_no_object_has_are_told),
        cmocka_unit_test(every_kind_has_its_place),
        cmocka_unit_test(events_come_out_of_any_cut_of_the_bytes),
        cmocka_unit_test(what_is_no_event_ends_the_decoding),
        cmocka_unit_test(an_event_over_the_limit_ends_the_decoding),
        cmocka_unit_test(a_page_gives_items_version_and_continuation),
        cmocka_unit_test(what_is_no_whole_list_fails_at_its_end),
        cmocka_unit_test(a_text_that_breaks_off_is_no_object),
        cmocka_unit_test(a_listed_item_has_the_same_text_as_a_watched_one),
        cmocka_unit_test(another_kind_is_refused),
        cmocka_unit_test(what_no_object_can_be_called_is_refused),
        cmocka_unit_test(an_object_that_cannot_be_read_is_there_with_a_problem),
        cmocka_unit_test(an_object_nested_without_measure_is_there_with_a_problem),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
