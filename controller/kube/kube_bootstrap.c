/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kube_bootstrap.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/buf.h"
#include "base/json_text.h"
#include "base/mem.h"
#include "base/str.h"
#include "kube/kube_path.h"

#define SECRET_NAME "grapnel-seal"
#define ENTRY "key"
#define RACES_MAX 3
#define KUBE_SYSTEM "kube-system"

struct kube_bootstrap {
    /* set at the start, not changed after */
    struct kube_client *client;
    char *ns;
    kube_bootstrap_fn *done;
    void *arg;
    /* progress */
    struct kube_call *call;
    const char *asked; /* the namespace */
    unsigned races;    /* lost for the Secret */
    char *own_uid;     /* stands in for that of kube-system, which may not be read */
    char *cluster_id;
    struct seal_key key;
};

static void send_get_namespace(struct kube_bootstrap *bootstrap, const char *name);
static void on_namespace(void *arg, const struct kube_answer *answer, const struct err *err);
static void send_get_secret(struct kube_bootstrap *bootstrap);
static void on_secret(void *arg, const struct kube_answer *answer, const struct err *err);
static void send_create_secret(struct kube_bootstrap *bootstrap);
static void on_created(void *arg, const struct kube_answer *answer, const struct err *err);

static void bootstrap_free(struct kube_bootstrap *bootstrap)
{
    explicit_bzero(&bootstrap->key, sizeof(bootstrap->key));
    free(bootstrap->ns);
    free(bootstrap->own_uid);
    free(bootstrap->cluster_id);
    free(bootstrap);
}

static void finish(struct kube_bootstrap *bootstrap, const struct err *err)
{
    struct seal_key key = bootstrap->key;
    kube_bootstrap_fn *done = bootstrap->done;
    void *arg = bootstrap->arg;
    CLEANUP(freep) char *cluster_id = TAKE(bootstrap->cluster_id);
    bootstrap_free(bootstrap);
    done(arg, err ? NULL : cluster_id, err ? NULL : &key, err);
    explicit_bzero(&key, sizeof(key));
}

static void fail(struct kube_bootstrap *bootstrap, const char *what, const struct err *why)
{
    struct err err = *why;
    err_wrap(&err, "%s", what);
    finish(bootstrap, &err);
}

struct kube_bootstrap *kube_bootstrap_start(struct kube_client *client, const char *ns,
                                            kube_bootstrap_fn *done, void *arg)
{
    struct kube_bootstrap *bootstrap = xcalloc(1, sizeof(*bootstrap));
    bootstrap->client = client;
    bootstrap->ns = xstrdup(ns);
    bootstrap->done = done;
    bootstrap->arg = arg;
    send_get_namespace(bootstrap, KUBE_SYSTEM);
    return bootstrap;
}

static void send_get_namespace(struct kube_bootstrap *bootstrap, const char *name)
{
    CLEANUP(buf_fini) struct buf path;
    buf_init(&path, BUF_UNLIMITED);
    kube_path_object(&path, kube_resource_of(OBJECT_NAMESPACE), NULL, name, NULL);
    const struct kube_request request = {.method = "GET", .path = buf_text(&path)};
    bootstrap->asked = name;
    bootstrap->call = kube_start(bootstrap->client, &request, on_namespace, bootstrap);
}

void kube_bootstrap_cancel(struct kube_bootstrap *bootstrap)
{
    if (!bootstrap)
        return;
    kube_cancel(bootstrap->call);
    bootstrap_free(bootstrap);
}

static int read_uid(const struct kube_answer *answer, char **ret_uid, struct err *err)
{
    static const struct json_text_limits limits = {.depth = 64};
    CLEANUP(freep) char *uid = NULL;
    if (json_text_check(answer->body, &limits, NULL, err) == 0)
        uid = json_text_string(json_text_get(answer->body, "metadata", "uid", NULL));
    if (str_is_empty(uid))
        return err_set(err, ERR_TRANSIENT, 0, "the answer has no uid");
    *ret_uid = TAKE(uid);
    return 0;
}

static void on_namespace(void *arg, const struct kube_answer *answer, const struct err *err)
{
    struct kube_bootstrap *bootstrap = arg;
    bootstrap->call = NULL;
    bool is_system = bootstrap->asked != bootstrap->ns;
    if (answer->status == 403 && is_system && !bootstrap->own_uid) {
        /* An installation for single namespaces: a Role can grant only its own one. */
        send_get_namespace(bootstrap, bootstrap->ns);
        return;
    }
    if (answer->status == 403 && is_system) {
        bootstrap->cluster_id = TAKE(bootstrap->own_uid);
        send_get_secret(bootstrap);
        return;
    }
    const char *what = is_system ? "namespace " KUBE_SYSTEM ", whose uid tells clusters apart"
                                 : "namespace " KUBE_SYSTEM " or the operator's own, whose uid "
                                   "tells clusters apart";
    struct err why;
    CLEANUP(freep) char *uid = NULL;
    if (err || read_uid(answer, &uid, &why) < 0) {
        fail(bootstrap, what, err ? err : &why);
        return;
    }
    if (is_system) {
        bootstrap->cluster_id = TAKE(uid);
        send_get_secret(bootstrap);
        return;
    }
    /* The right may have been given just now. By another identity than before everything on the
     * gateways would be somebody else's. */
    bootstrap->own_uid = TAKE(uid);
    send_get_namespace(bootstrap, KUBE_SYSTEM);
}

static void add_secret_path(const struct kube_bootstrap *bootstrap, bool with_name,
                            struct buf *path)
{
    const struct kube_resource *secrets = kube_resource_of(OBJECT_SECRET);
    if (with_name)
        kube_path_object(path, secrets, bootstrap->ns, SECRET_NAME, NULL);
    else
        kube_path_collection(path, secrets, bootstrap->ns);
}

static void send_get_secret(struct kube_bootstrap *bootstrap)
{
    CLEANUP(buf_fini) struct buf path;
    buf_init(&path, BUF_UNLIMITED);
    add_secret_path(bootstrap, true, &path);
    const struct kube_request request = {.method = "GET", .path = buf_text(&path)};
    bootstrap->call = kube_start(bootstrap->client, &request, on_secret, bootstrap);
}

static int read_key(struct span body, struct seal_key *ret_key, struct err *err)
{
    static const struct json_text_limits limits = {.depth = 64};
    if (json_text_check(body, &limits, NULL, err) < 0)
        return -1;
    CLEANUP(freep) char *coded = json_text_string(json_text_get(body, "data", ENTRY, NULL));
    CLEANUP(buf_fini) struct buf bytes;
    buf_init(&bytes, 4096);
    if (!coded || str_base64_decode(&bytes, coded, strlen(coded), NULL) < 0 ||
        bytes.length != SEAL_KEY_LENGTH)
        return err_set(err, ERR_INVALID, 0,
                       "data." ENTRY ": %d bytes are expected (restore the Secret, or delete it "
                       "to give up all values that were sealed with it)",
                       SEAL_KEY_LENGTH);
    memcpy(ret_key->bytes, bytes.data, SEAL_KEY_LENGTH);
    return 0;
}

static void fail_secret(struct kube_bootstrap *bootstrap, const struct err *err)
{
    CLEANUP(freep) char *what = xasprintf("Secret %s/%s", bootstrap->ns, SECRET_NAME);
    fail(bootstrap, what, err);
}

static void take_secret(struct kube_bootstrap *bootstrap, struct span body)
{
    struct err why;
    if (read_key(body, &bootstrap->key, &why) < 0)
        fail_secret(bootstrap, &why);
    else
        finish(bootstrap, NULL);
}

static void on_secret(void *arg, const struct kube_answer *answer, const struct err *err)
{
    struct kube_bootstrap *bootstrap = arg;
    bootstrap->call = NULL;
    if (answer->status == 404)
        send_create_secret(bootstrap);
    else if (err)
        fail_secret(bootstrap, err);
    else
        take_secret(bootstrap, answer->body);
}

static void send_create_secret(struct kube_bootstrap *bootstrap)
{
    unsigned char bytes[SEAL_KEY_LENGTH];
    if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
        abort(); /* a kernel without random numbers is no place for keys */
    CLEANUP(buf_fini) struct buf body;
    buf_init(&body, BUF_UNLIMITED);
    buf_add_text(&body, "{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"type\":\"Opaque\","
                        "\"immutable\":true,\"metadata\":{\"name\":\"" SECRET_NAME "\","
                        "\"namespace\":");
    json_text_add_string(&body, bootstrap->ns);
    buf_add_text(&body, ",\"labels\":{\"app.kubernetes.io/managed-by\":\"grapnel\"}},"
                        "\"data\":{\"" ENTRY "\":\"");
    str_base64(&body, bytes, sizeof(bytes));
    buf_add_text(&body, "\"}}");
    explicit_bzero(bytes, sizeof(bytes));
    CLEANUP(buf_fini) struct buf path;
    buf_init(&path, BUF_UNLIMITED);
    add_secret_path(bootstrap, false, &path);
    const struct kube_request request = {
        .method = "POST", .path = buf_text(&path), .body = {body.data, body.length}};
    bootstrap->call = kube_start(bootstrap->client, &request, on_created, bootstrap);
    explicit_bzero(body.data, body.length);
}

static void on_created(void *arg, const struct kube_answer *answer, const struct err *err)
{
    struct kube_bootstrap *bootstrap = arg;
    bootstrap->call = NULL;
    if (answer->status == 409 && bootstrap->races++ < RACES_MAX) /* another replica was first */
        send_get_secret(bootstrap);
    else if (err)
        fail_secret(bootstrap, err);
    else
        take_secret(bootstrap, answer->body);
}
