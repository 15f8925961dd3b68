/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "kube/kube_bootstrap.h"
#include "kube/kube_client.h"
#include "kube/kube_object.h"
#include "kube/kube_store.h"
#include "kube/merge_patch.h"
#include "support/fake_http.h"
#include "support/fake_loop.h"

#define API "/apis/tyk.tyk.io/v1alpha1/namespaces/n/apidefinitions/a"

struct world {
    struct loop *loop;
    struct http *http;
    struct kube_config config;
    struct kube_client *client;
    struct object_store *store;
    struct object *object;
    int done;
    bool failed;
    struct err err;
    char version[32];
    char cluster_id[64];
    struct seal_key key;
};

static int setup(void **state)
{
    struct world *world = xcalloc(1, sizeof(*world));
    log_setup(LOG_LEVEL_ERROR, true);
    world->loop = fake_loop_new(3);
    world->http = fake_http_new(world->loop);
    world->config.server = xstrdup("https://k");
    world->client = kube_client_new(world->loop, world->http, &world->config);
    const struct kube_store_options options = {
        .loop = world->loop, .client = world->client, .instance = "host-1"};
    world->store = kube_store_new(&options);
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    object_unref(world->object);
    world->store->ops->free(world->store);
    kube_client_free(world->client);
    fake_http_free(world->http);
    fake_loop_free(world->loop);
    kube_config_fini(&world->config);
    free(world);
    return 0;
}

/* 'single quotes' stand for double ones. Returns owned. */
static char *quoted(const char *text)
{
    char *copy = xstrdup(text);
    for (char *at = copy; *at; at++) {
        if (*at == '\'')
            *at = '"';
    }
    return copy;
}

/* Patches. */

static void expect_patch(const char *before, const char *after, const char *want)
{
    CLEANUP(freep) char *old = quoted(before);
    CLEANUP(freep) char *new = quoted(after);
    CLEANUP(freep) char *patch = quoted(want);
    CLEANUP(buf_fini) struct buf out;
    buf_init(&out, BUF_UNLIMITED);
    struct span none = {NULL, 0};
    bool differs = merge_patch_add(*old ? (struct span){old, strlen(old)} : none,
                                   (struct span){new, strlen(new)}, &out);
    assert_string_equal(buf_text(&out), patch);
    assert_int_equal(differs, strcmp(patch, "{}") != 0);
}

static void a_merge_patch_says_what_changed_and_what_went(void **state)
{
    (void)state;
    expect_patch("", "{'a':1}", "{'a':1}");
    expect_patch("{'a':1,'b':{'c':[1, 2],'d':1}}", "{'b':{'c':[1,2],'d':1},'a':1}", "{}");
    expect_patch("{'a':1,'b':2}", "{'b':3}", "{'a':null,'b':3}");
    expect_patch("{'a':{'x':1,'y':{'z':1}}}", "{'a':{'y':{'z':2},'w':[]}}",
                 "{'a':{'x':null,'y':{'z':2},'w':[]}}");
    expect_patch("{'a':[1,2]}", "{'a':[1]}", "{'a':[1]}");
    expect_patch("{'a':1}", "{'a':{'b':2}}", "{'a':{'b':2}}");
    expect_patch("{'a':{'b':2}}", "{'a':1}", "{'a':1}");
    expect_patch("{'a':{}}", "{'a':{}}", "{}");
    expect_patch("null", "{'a':1}", "{'a':1}");
    expect_patch("[1]", "{'a':1}", "{'a':1}");
    expect_patch("{'a\\u0062':1,'q\\'x':1}", "{'ab':1}", "{'q\\'x':null}");
}

/* Writes. */

static void have(struct world *world, const char *text)
{
    CLEANUP(freep) char *copy = quoted(text);
    object_unref(world->object);
    struct err err;
    assert_int_equal(
        kube_object_decode(OBJECT_API, (struct span){copy, strlen(copy)}, &world->object, &err), 0);
}

static void on_done(void *arg, const struct object *object, const struct err *err)
{
    struct world *world = arg;
    assert_true((object == NULL) == (err != NULL));
    world->done++;
    world->failed = err != NULL;
    if (err)
        world->err = *err;
    if (object)
        snprintf(world->version, sizeof(world->version), "%s", object->version);
}

static struct store_call *write_status(struct world *world, const char *status)
{
    CLEANUP(freep) char *text = quoted(status);
    int before = world->done;
    struct store_call *call = world->store->ops->write_status(
        world->store, world->object, (struct span){text, strlen(text)}, on_done, world);
    assert_int_equal(world->done, before);
    fake_loop_run(world->loop);
    return call;
}

static void change(struct world *world, const struct object_change *change)
{
    int before = world->done;
    world->store->ops->change(world->store, world->object, change, on_done, world);
    assert_int_equal(world->done, before);
    fake_loop_run(world->loop);
}

static void expect_sent(struct world *world, const char *url, const char *content_type,
                        const char *body)
{
    struct fake_call *call = fake_http_expect(world->http, "PATCH", NULL);
    CLEANUP(freep) char *text = quoted(body);
    CLEANUP(freep) char *full = xasprintf("https://k%s", url);
    assert_string_equal(call->url, full);
    assert_string_equal(fake_call_header(call, "Content-Type"), content_type);
    assert_string_equal(call->body.ptr, text);
}

static void answer(struct world *world, long status, const char *body)
{
    CLEANUP(freep) char *text = quoted(body);
    fake_http_answer(world->http, fake_http_expect(world->http, NULL, NULL), status, text);
}

#define ANSWER(uid, version)                                                                       \
    "{'metadata':{'name':'a','namespace':'n','uid':'" uid "','resourceVersion':'" version "'}}"

static void status_is_patched_on_its_version(void **state)
{
    struct world *world = *state;
    have(world, "{'metadata':{'name':'a','namespace':'n','uid':'u','resourceVersion':'7'},'status':"
                "{'old':1,'same':{'x':[1]}}}");
    write_status(world, "{'same':{'x':[1]},'new':'v'}");
    expect_sent(world, API "/status", "application/merge-patch+json",
                "{'metadata':{'resourceVersion':'7'},'status':{'old':null,'new':'v'}}");
    answer(world, 200, ANSWER("u", "8"));
    assert_int_equal(world->done, 1);
    assert_false(world->failed);
    assert_string_equal(world->version, "8");
}

static void a_status_that_is_there_already_is_not_written(void **state)
{
    struct world *world = *state;
    have(world, "{'metadata':{'name':'a','namespace':'n','uid':'u','resourceVersion':'7'},'status':"
                "{'a':1}}");
    write_status(world, "{ 'a' : 1 }");
    assert_int_equal(fake_http_pending(world->http), 0);
    assert_int_equal(world->done, 1);
    assert_false(world->failed);
    assert_string_equal(world->version, "7");
}

static void answers_to_writes_have_their_classes(void **state)
{
    struct world *world = *state;
    static const struct {
        long status;
        const char *body;
        enum err_class class;
    } rows[] = {
        {409, "{}", ERR_CONFLICT},
        {404, "{}", ERR_NOT_FOUND},
        {403, "{}", ERR_DENIED},
        {422, "{'kind':'Status','reason':'Invalid'}", ERR_INVALID},
        {413, "", ERR_TOO_LARGE},
        {413,
         "{'kind':'Status','status':'Failure','message':'Request entity too large: limit is "
         "3145728','reason':'RequestEntityTooLarge','code':413}",
         ERR_TOO_LARGE},
        {500,
         "{'kind':'Status','status':'Failure','message':'etcdserver: request is too large','code':"
         "500}",
         ERR_TOO_LARGE},
        {500,
         "{'kind':'Status','status':'Failure','message':'rpc error: code = ResourceExhausted desc "
         "= "
         "trying to send message larger than max (2207500 vs. 2097152)','code':500}",
         ERR_TOO_LARGE},
        {500,
         "{'kind':'Status','status':'Failure','message':'etcdserver: mvcc: database space "
         "exceeded','code':500}",
         ERR_TRANSIENT},
        {500, "etcdserver: request is too large", ERR_TRANSIENT}, /* nobody's Status */
        {500, "", ERR_TRANSIENT},
        {200, "<html>", ERR_TRANSIENT},
        {200, ANSWER("another", "8"), ERR_CONFLICT},
        /* Cut off without a word: what is left is no object. */
        {200, "{'metadata':{'name':'a','namespace':'n','uid':'u'},'spec':{'name':'a {\\'}",
         ERR_TRANSIENT},
    };
    have(world, ANSWER("u", "7"));
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        write_status(world, "{'a':1}");
        answer(world, rows[i].status, rows[i].body);
        assert_true(world->failed);
        assert_int_equal(world->err.class, rows[i].class);
    }
    assert_int_equal(world->done, ARRAY_LENGTH(rows));
}

static void a_finalizer_is_added_where_there_is_none_and_beside_others(void **state)
{
    struct world *world = *state;
    const struct object_change add = {.add_finalizer = "grapnel.dev/gateway"};
    have(world, ANSWER("u", "7"));
    change(world, &add);
    expect_sent(world, API, "application/json-patch+json",
                "[{'op':'add','path':'/metadata/finalizers','value':['grapnel.dev/gateway']},"
                "{'op':'replace','path':'/metadata/resourceVersion','value':'7'}]");
    answer(world, 200, ANSWER("u", "8"));
    have(world, "{'metadata':{'name':'a','namespace':'n','uid':'u','resourceVersion':'7',"
                "'finalizers':['x/y']}}");
    change(world, &add);
    expect_sent(world, API, "application/json-patch+json",
                "[{'op':'add','path':'/metadata/finalizers/-','value':'grapnel.dev/gateway'},"
                "{'op':'replace','path':'/metadata/resourceVersion','value':'7'}]");
    answer(world, 200, ANSWER("u", "8"));
    have(world, "{'metadata':{'name':'a','namespace':'n','uid':'u','resourceVersion':'7',"
                "'finalizers':['grapnel.dev/gateway']}}");
    change(world, &add);
    assert_int_equal(fake_http_pending(world->http), 0);
    assert_int_equal(world->done, 3);
    assert_false(world->failed);
}

static void finalizers_are_removed_from_the_last_with_a_test_each(void **state)
{
    struct world *world = *state;
    static const char *const names[] = {"a/b", "c/d", "absent", NULL};
    const struct object_change remove = {.remove_finalizers = names};
    have(world, "{'metadata':{'name':'a','namespace':'n','uid':'u','resourceVersion':'7',"
                "'finalizers':['a/b','keep','c/d']}}");
    change(world, &remove);
    expect_sent(world, API, "application/json-patch+json",
                "[{'op':'test','path':'/metadata/finalizers/2','value':'c/d'},"
                "{'op':'remove','path':'/metadata/finalizers/2'},"
                "{'op':'test','path':'/metadata/finalizers/0','value':'a/b'},"
                "{'op':'remove','path':'/metadata/finalizers/0'},"
                "{'op':'replace','path':'/metadata/resourceVersion','value':'7'}]");
    /* as kube-apiserver 1.36 answers when a patch cannot be applied */
    answer(world, 422,
           "{'kind':'Status','apiVersion':'v1','metadata':{},'status':'Failure','message':'the "
           "server rejected our request due to an error in our request','reason':'Invalid',"
           "'details':{},'code':422}");
    assert_int_equal(world->err.class, ERR_CONFLICT);
    /* and when the object would not be valid */
    change(world, &remove);
    answer(world, 422,
           "{'kind':'Status','reason':'Invalid','message':'Webhook.tyk.tyk.io is invalid',"
           "'details':{'causes':[{'reason':'FieldValueTypeInvalid','field':'spec.url'}]}}");
    assert_int_equal(world->err.class, ERR_INVALID);
    /* or an admission webhook has something against it */
    change(world, &remove);
    answer(world, 422, "{'kind':'Status','reason':'Invalid','message':'admission webhook: no'}");
    assert_int_equal(world->err.class, ERR_INVALID);
}

static void annotations_are_set_and_removed(void **state)
{
    struct world *world = *state;
    const struct object_change set = {.annotation = "grapnel.dev/a~b", .annotation_value = "v"};
    have(world, ANSWER("u", "7"));
    change(world, &set);
    expect_sent(world, API, "application/json-patch+json",
                "[{'op':'add','path':'/metadata/annotations','value':{}},"
                "{'op':'add','path':'/metadata/annotations/grapnel.dev~1a~0b','value':'v'},"
                "{'op':'replace','path':'/metadata/resourceVersion','value':'7'}]");
    answer(world, 200, ANSWER("u", "8"));
    /* the one that the cache cuts out is still there in the server */
    have(world, "{'metadata':{'name':'a','namespace':'n','uid':'u','resourceVersion':'7',"
                "'annotations':{'kubectl.kubernetes.io/last-applied-configuration':'{}'}}}");
    change(world, &set);
    expect_sent(world, API, "application/json-patch+json",
                "[{'op':'add','path':'/metadata/annotations/grapnel.dev~1a~0b','value':'v'},"
                "{'op':'replace','path':'/metadata/resourceVersion','value':'7'}]");
    answer(world, 200, ANSWER("u", "8"));
    have(world, "{'metadata':{'name':'a','namespace':'n','uid':'u','resourceVersion':'7',"
                "'annotations':{'grapnel.dev/a~b':'v'}}}");
    change(world, &set);
    assert_int_equal(fake_http_pending(world->http), 0);
    const struct object_change remove = {.annotation = "grapnel.dev/a~b"};
    change(world, &remove);
    expect_sent(world, API, "application/json-patch+json",
                "[{'op':'remove','path':'/metadata/annotations/grapnel.dev~1a~0b'},"
                "{'op':'replace','path':'/metadata/resourceVersion','value':'7'}]");
    answer(world, 200, ANSWER("u", "8"));
    have(world, ANSWER("u", "7"));
    change(world, &remove);
    assert_int_equal(fake_http_pending(world->http), 0);
    assert_int_equal(world->done, 5);
}

static void a_spec_patch_goes_out_with_all_else_in_one_write(void **state)
{
    struct world *world = *state;
    static const char *const names[] = {"c/d", NULL};
    static const char patch[] = "[{\"op\":\"test\",\"path\":\"/spec/a\",\"value\":1},"
                                "{\"op\":\"remove\",\"path\":\"/spec/a\"}]";
    const struct object_change all = {.add_finalizer = "a/b",
                                      .remove_finalizers = names,
                                      .annotation = "x",
                                      .annotation_value = "y",
                                      .spec_patch = {patch, sizeof(patch) - 1}};
    have(world, "{'metadata':{'name':'a','namespace':'n','uid':'u','resourceVersion':'7',"
                "'finalizers':['c/d'],'annotations':{}}}");
    change(world, &all);
    expect_sent(world, API, "application/json-patch+json",
                "[{'op':'add','path':'/metadata/finalizers/-','value':'a/b'},"
                "{'op':'test','path':'/metadata/finalizers/0','value':'c/d'},"
                "{'op':'remove','path':'/metadata/finalizers/0'},"
                "{'op':'add','path':'/metadata/annotations/x','value':'y'},"
                "{'op':'test','path':'/spec/a','value':1},{'op':'remove','path':'/spec/a'},"
                "{'op':'replace','path':'/metadata/resourceVersion','value':'7'}]");
    answer(world, 200, ANSWER("u", "8"));
    assert_false(world->failed);
}

static void at_most_sixteen_writes_are_in_flight(void **state)
{
    struct world *world = *state;
    struct store_call *calls[20];
    have(world, ANSWER("u", "7"));
    for (int i = 0; i < 20; i++)
        calls[i] = write_status(world, "{'a':1}");
    assert_int_equal(fake_http_pending(world->http), 16);
    /* one in flight and one that waits are cancelled */
    world->store->ops->cancel(world->store, calls[0]);
    world->store->ops->cancel(world->store, calls[19]);
    fake_loop_run(world->loop);
    assert_int_equal(fake_http_pending(world->http), 16);
    for (int i = 0; i < 18; i++)
        answer(world, 200, ANSWER("u", "8"));
    assert_int_equal(world->done, 18);
    assert_int_equal(fake_http_pending(world->http), 0);
}

static void a_cancelled_write_never_calls_back(void **state)
{
    struct world *world = *state;
    have(world, "{'metadata':{'name':'a','namespace':'n','uid':'u','resourceVersion':'7'},'status':"
                "{'a':1}}");
    struct store_call *needless = world->store->ops->write_status(
        world->store, world->object, (struct span){"{\"a\":1}", 7}, on_done, world);
    world->store->ops->cancel(world->store, needless);
    struct store_call *queued = world->store->ops->write_status(
        world->store, world->object, (struct span){"{\"a\":2}", 7}, on_done, world);
    world->store->ops->cancel(world->store, queued);
    fake_loop_run(world->loop);
    struct store_call *sent = write_status(world, "{'a':2}");
    world->store->ops->cancel(world->store, sent);
    world->store->ops->cancel(world->store, NULL);
    assert_int_equal(fake_http_pending(world->http), 0);
    /* and freeing the store cancels what is left */
    write_status(world, "{'a':2}");
    world->store->ops->write_status(world->store, world->object, (struct span){"{\"a\":1}", 7},
                                    on_done, world);
    world->store->ops->free(world->store);
    assert_int_equal(fake_http_pending(world->http), 0);
    fake_loop_run(world->loop);
    const struct kube_store_options options = {
        .loop = world->loop, .client = world->client, .instance = "host-1"};
    world->store = kube_store_new(&options);
    assert_int_equal(world->done, 0);
    assert_true(world->store->ops->can_change(world->store));
}

/* What has to be known first. */

#define NAMESPACE "/api/v1/namespaces/kube-system"
#define SECRET "/api/v1/namespaces/own/secrets/grapnel-seal"
#define SECRETS "/api/v1/namespaces/own/secrets"
#define KEY_ANSWER "{'data':{'key':'AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8='}}"

static void on_bootstrap(void *arg, const char *cluster_id, const struct seal_key *key,
                         const struct err *err)
{
    struct world *world = arg;
    world->done++;
    world->failed = err != NULL;
    if (err) {
        world->err = *err;
        return;
    }
    snprintf(world->cluster_id, sizeof(world->cluster_id), "%s", cluster_id);
    world->key = *key;
}

static struct kube_bootstrap *bootstrap(struct world *world)
{
    struct kube_bootstrap *started =
        kube_bootstrap_start(world->client, "own", on_bootstrap, world);
    fake_loop_run(world->loop);
    return started;
}

static void the_cluster_and_an_existing_key_are_read(void **state)
{
    struct world *world = *state;
    bootstrap(world);
    assert_string_equal(fake_http_expect(world->http, "GET", NULL)->url, "https://k" NAMESPACE);
    answer(world, 200, "{'metadata':{'uid':'cluster-1'}}");
    assert_string_equal(fake_http_expect(world->http, "GET", NULL)->url, "https://k" SECRET);
    answer(world, 200, KEY_ANSWER);
    assert_int_equal(world->done, 1);
    assert_false(world->failed);
    assert_string_equal(world->cluster_id, "cluster-1");
    for (int i = 0; i < SEAL_KEY_LENGTH; i++)
        assert_int_equal(world->key.bytes[i], i);
}

static void who_may_not_read_kube_system_goes_by_the_own_namespace(void **state)
{
    struct world *world = *state;
    bootstrap(world);
    answer(world, 403, "{}");
    assert_string_equal(fake_http_expect(world->http, "GET", NULL)->url,
                        "https://k/api/v1/namespaces/own");
    answer(world, 200, "{'metadata':{'uid':'own-1'}}");
    answer(world, 403, "{}");
    answer(world, 200, KEY_ANSWER);
    assert_string_equal(world->cluster_id, "own-1");
}

/* Rights that are given while the operator starts: by another identity it would find everything on
 * the gateways foreign. */
static void the_own_namespace_counts_only_while_kube_system_may_not_be_read(void **state)
{
    struct world *world = *state;
    bootstrap(world);
    answer(world, 403, "{}");
    answer(world, 200, "{'metadata':{'uid':'own-1'}}");
    assert_string_equal(fake_http_expect(world->http, "GET", NULL)->url, "https://k" NAMESPACE);
    answer(world, 200, "{'metadata':{'uid':'cluster-1'}}");
    answer(world, 200, KEY_ANSWER);
    assert_string_equal(world->cluster_id, "cluster-1");

    bootstrap(world);
    answer(world, 403, "{}");
    answer(world, 200, "{'metadata':{'uid':'own-1'}}");
    answer(world, 500, "{}");
    assert_true(world->failed);
}

static void a_missing_key_is_made_and_the_first_one_wins(void **state)
{
    struct world *world = *state;
    bootstrap(world);
    answer(world, 200, "{'metadata':{'uid':'cluster-1'}}");
    answer(world, 404, "{}");
    struct fake_call *create = fake_http_expect(world->http, "POST", NULL);
    assert_string_equal(create->url, "https://k" SECRETS);
    assert_non_null(strstr(create->body.ptr, "\"name\":\"grapnel-seal\",\"namespace\":\"own\""));
    CLEANUP(freep) char *first = xstrdup(create->body.ptr);
    answer(world, 409, "{'kind':'Status','reason':'AlreadyExists'}");
    answer(world, 200, KEY_ANSWER);
    assert_int_equal(world->key.bytes[31], 31);

    /* what was created is what is used, and no two are the same */
    bootstrap(world);
    answer(world, 200, "{'metadata':{'uid':'cluster-1'}}");
    answer(world, 404, "{}");
    create = fake_http_expect(world->http, "POST", NULL);
    assert_string_not_equal(create->body.ptr, first);
    CLEANUP(freep) char *echo = xstrdup(create->body.ptr);
    fake_http_answer(world->http, create, 201, echo);
    assert_false(world->failed);
    unsigned sum = 0;
    for (int i = 0; i < SEAL_KEY_LENGTH; i++)
        sum |= world->key.bytes[i];
    assert_int_not_equal(sum, 0);
}

static void a_key_that_comes_and_goes_is_not_waited_for_for_ever(void **state)
{
    struct world *world = *state;
    bootstrap(world);
    answer(world, 200, "{'metadata':{'uid':'cluster-1'}}");
    int rounds = 0;
    while (!world->done && rounds < 20) {
        answer(world, 404, "{}");
        answer(world, 409, "{'kind':'Status','reason':'AlreadyExists'}");
        rounds++;
    }
    assert_int_equal(rounds, 4);
    assert_true(world->failed);
}

static void what_is_wrong_at_the_start_is_named(void **state)
{
    struct world *world = *state;
    bootstrap(world);
    answer(world, 403, "{}");
    answer(world, 403, "{'kind':'Status','reason':'Forbidden','message':'no'}");
    assert_int_equal(world->err.class, ERR_DENIED);
    assert_string_equal(world->err.msg,
                        "namespace kube-system or the operator's own, whose uid tells clusters "
                        "apart: HTTP 403 Forbidden: no");
    bootstrap(world);
    answer(world, 200, "{}");
    assert_int_equal(world->err.class, ERR_TRANSIENT);

    static const char *const bad[] = {"{}", "{'data':{'key':'AAEC'}}", "{'data':{'key':'%'}}",
                                      "<html>"};
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        bootstrap(world);
        answer(world, 200, "{'metadata':{'uid':'c'}}");
        answer(world, 200, bad[i]);
        assert_true(world->failed);
        assert_int_equal(world->err.class, ERR_INVALID);
        assert_non_null(strstr(world->err.msg, "Secret own/grapnel-seal: "));
    }
    bootstrap(world);
    answer(world, 200, "{'metadata':{'uid':'c'}}");
    answer(world, 404, "{}");
    answer(world, 403, "{}");
    assert_int_equal(world->err.class, ERR_DENIED);
    /* a race that is lost again and again */
    bootstrap(world);
    answer(world, 200, "{'metadata':{'uid':'c'}}");
    int before = world->done;
    for (int i = 0; i < 4; i++) {
        answer(world, 404, "{}");
        answer(world, 409, "{}");
    }
    assert_int_equal(world->done, before + 1);
    assert_int_equal(world->err.class, ERR_CONFLICT);
}

static void a_start_can_be_cancelled_at_every_step(void **state)
{
    struct world *world = *state;
    for (int steps = 0; steps < 3; steps++) {
        struct kube_bootstrap *started = bootstrap(world);
        if (steps > 0)
            answer(world, 200, "{'metadata':{'uid':'c'}}");
        if (steps > 1)
            answer(world, 404, "{}");
        kube_bootstrap_cancel(started);
        assert_int_equal(fake_http_pending(world->http), 0);
    }
    kube_bootstrap_cancel(NULL);
    assert_int_equal(world->done, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        cmocka_unit_test(a_merge_patch_says_what_changed_and_what_went),
        TEST(status_is_patched_on_its_version),
        TEST(a_status_that_is_there_already_is_not_written),
        TEST(answers_to_writes_have_their_classes),
        TEST(a_finalizer_is_added_where_there_is_none_and_beside_others),
        TEST(finalizers_are_removed_from_the_last_with_a_test_each),
        TEST(annotations_are_set_and_removed),
        TEST(a_spec_patch_goes_out_with_all_else_in_one_write),
        TEST(at_most_sixteen_writes_are_in_flight),
        TEST(a_cancelled_write_never_calls_back),
        TEST(the_cluster_and_an_existing_key_are_read),
        TEST(who_may_not_read_kube_system_goes_by_the_own_namespace),
        TEST(the_own_namespace_counts_only_while_kube_system_may_not_be_read),
        TEST(a_missing_key_is_made_and_the_first_one_wins),
        TEST(a_key_that_comes_and_goes_is_not_waited_for_for_ever),
        TEST(what_is_wrong_at_the_start_is_named),
        TEST(a_start_can_be_cancelled_at_every_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
