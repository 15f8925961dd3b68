/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A call: WAITING for credentials → SENT → done; or → PAUSED, when the server says when to come
 * again, and → SENT; or → REFUSED (401), and → SENT with other credentials, once.
 */
#include "kube/kube_client.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "kube/kube_auth.h"
#include "kube/kube_status.h"

#define TIMEOUT_MS 30000
#define LIMIT (8U << 20)
#define RETRIES_MAX 5
#define PAUSE_MAX_MS 30000

enum call_state { CALL_WAITING, CALL_SENT, CALL_PAUSED, CALL_FAILED };

struct kube_call {
    /* set by kube_start(), not changed after */
    struct kube_client *client;
    struct kube_request request; /* its texts are owned, but for the body */
    struct bytes *body;          /* NULL: none */
    kube_done_fn *done;
    void *arg;
    /* progress */
    enum call_state state;
    struct http_call *http_call;
    struct kube_credentials *credentials;
    struct loop_timer *pause;
    unsigned retries;
    bool tried_again; /* with other credentials */
    struct err err;   /* FAILED */
    struct kube_call *next;
    struct kube_call **link;
};

struct kube_client {
    struct loop *loop;
    struct http *http;
    const struct kube_config *config;
    struct kube_auth *auth;
    struct kube_requests *requests; /* NULL: nobody counts */
    struct kube_call *calls;
};

static void call_send(void *arg);
static void on_http_done(void *arg, const struct http_response *response, const struct err *err);
static void call_finish(struct kube_call *call, const struct kube_answer *answer,
                        const struct err *err);

/* Credentials are there, or are not to be had: those who wait find out. */
static void on_settled(void *arg)
{
    struct kube_client *client = arg;
    for (struct kube_call *call = client->calls; call; call = call->next) {
        if (call->state == CALL_WAITING)
            loop_defer(client->loop, call_send, call);
    }
}

struct kube_client *kube_client_new(struct loop *loop, struct http *http,
                                    const struct kube_config *config)
{
    struct kube_client *client = xcalloc(1, sizeof(*client));
    *client = (struct kube_client){.loop = loop, .http = http, .config = config};
    client->auth = kube_auth_new(loop, config, on_settled, client);
    return client;
}

void kube_client_count(struct kube_client *client, struct kube_requests *requests)
{
    client->requests = requests;
}

void kube_client_free(struct kube_client *client)
{
    if (!client)
        return;
    kube_auth_free(client->auth);
    free(client);
}

static void call_free(struct kube_call *call)
{
    *call->link = call->next;
    if (call->next)
        call->next->link = call->link;
    loop_defer_cancel(call->client->loop, call_send, call);
    loop_timer_free(call->pause);
    kube_credentials_unref(call->credentials);
    free((void *)(uintptr_t)call->request.method);
    free((void *)(uintptr_t)call->request.path);
    free((void *)(uintptr_t)call->request.content_type);
    bytes_unref(call->body);
    free((void *)(uintptr_t)call->request.pool);
    free(call);
}

static char *copy_of(const char *text)
{
    return text ? xstrdup(text) : NULL;
}

struct kube_call *kube_start(struct kube_client *client, const struct kube_request *request,
                             kube_done_fn *done, void *arg)
{
    struct kube_call *call = xcalloc(1, sizeof(*call));
    *call = (struct kube_call){.client = client, .request = *request, .done = done, .arg = arg};
    call->request.method = copy_of(request->method);
    call->request.path = copy_of(request->path);
    call->request.content_type = copy_of(request->content_type);
    call->request.pool = copy_of(request->pool);
    if (request->body.ptr)
        call->body = bytes_copy(request->body);
    call->request.body = (struct span){NULL, 0};
    call->next = client->calls;
    call->link = &client->calls;
    if (call->next)
        call->next->link = &call->next;
    client->calls = call;
    loop_defer(client->loop, call_send, call);
    return call;
}

void kube_cancel(struct kube_call *call)
{
    if (!call)
        return;
    http_cancel(call->http_call);
    call_free(call);
}

static bool on_bytes(void *arg, const char *bytes, size_t length)
{
    struct kube_call *call = arg;
    return call->request.on_bytes(call->arg, bytes, length);
}

static void on_open(void *arg)
{
    struct kube_call *call = arg;
    call->request.on_open(call->arg);
}

static void send_http(struct kube_call *call)
{
    const struct kube_client *client = call->client;
    const struct kube_request *request = &call->request;
    size_t identity = 0;
    while (call->credentials->headers[identity])
        identity++;
    CLEANUP(freep) const char **headers = xcalloc(identity + 3, sizeof(*headers));
    size_t count = 0;
    headers[count++] = "Accept: application/json";
    CLEANUP(freep) char *content_type = NULL;
    if (call->body) {
        content_type = xasprintf("Content-Type: %s", request->content_type ? request->content_type
                                                                           : "application/json");
        headers[count++] = content_type;
    }
    for (size_t i = 0; i < identity; i++)
        headers[count++] = call->credentials->headers[i];

    CLEANUP(freep) char *url = xasprintf("%s%s", client->config->server, request->path);
    const struct http_request http_request = {
        .method = request->method,
        .url = url,
        .headers = headers,
        .body = call->body,
        .tls = &call->credentials->tls,
        .proxy = client->config->proxy,
        .pool = request->pool,
        .timeout_ms = request->timeout_ms || request->on_bytes ? request->timeout_ms : TIMEOUT_MS,
        .limit = request->limit ? request->limit : LIMIT,
        .on_bytes = request->on_bytes ? on_bytes : NULL,
        .on_open = request->on_open ? on_open : NULL,
    };
    call->state = CALL_SENT;
    call->http_call = http_start(client->http, &http_request, on_http_done, call);
}

static void call_send(void *arg)
{
    struct kube_call *call = arg;
    kube_credentials_unref(TAKE(call->credentials));
    struct kube_answer none = {.retry_after_ms = -1};
    switch (kube_auth_take(call->client->auth, &call->credentials, &call->err)) {
    case KUBE_AUTH_READY:
        send_http(call);
        return;
    case KUBE_AUTH_WAIT:
        call->state = CALL_WAITING;
        return;
    case KUBE_AUTH_FAILED:
        /* A file that is missing here is not an object that is missing there. */
        if (call->err.class != ERR_TRANSIENT)
            call->err.class = ERR_DENIED;
        call->state = CALL_FAILED;
        call_finish(call, &none, &call->err);
        return;
    }
}

/* A server that says when to come again is taken at its word, unless coming again cannot help. */
static bool should_pause(const struct kube_call *call, const struct kube_answer *answer,
                         const struct err *err)
{
    return err->class == ERR_TRANSIENT && answer->status != 0 && answer->retry_after_ms >= 0 &&
           call->retries < RETRIES_MAX && !call->request.on_bytes;
}

static void call_pause(struct kube_call *call, int64_t delay_ms)
{
    call->retries++;
    call->state = CALL_PAUSED;
    if (!call->pause)
        call->pause = loop_timer_new(call->client->loop, call_send, call);
    loop_timer_arm(call->pause, delay_ms < PAUSE_MAX_MS ? delay_ms : PAUSE_MAX_MS);
}

static bool should_try_again(struct kube_call *call, const struct kube_answer *answer,
                             const struct err *err)
{
    /* A certificate that the server refuses, or a CA that no longer fits, may have been renewed. */
    bool refused = answer->status == 401 || (answer->status == 0 && err->class == ERR_DENIED);
    return refused && !call->tried_again &&
           kube_auth_refused(call->client->auth, call->credentials->generation);
}

static void on_http_done(void *arg, const struct http_response *response, const struct err *err)
{
    struct kube_call *call = arg;
    call->http_call = NULL;
    if (call->client->requests)
        kube_requests_count(call->client->requests, call->request.method,
                            response ? response->status : 0);
    struct kube_answer answer = {.retry_after_ms = -1};
    struct err why;
    if (response) {
        answer = (struct kube_answer){.status = response->status,
                                      .body = response->body,
                                      .retry_after_ms = response->retry_after_ms};
    }
    if (response && response->status / 100 == 2) {
        call_finish(call, &answer, NULL);
        return;
    }
    if (response) {
        struct kube_status status;
        kube_status_to_err(response->status, response->body, &status, &why);
        if (answer.retry_after_ms < 0)
            answer.retry_after_ms = status.retry_after_ms;
    } else {
        why = *err;
    }
    if (should_try_again(call, &answer, &why)) {
        call->tried_again = true;
        call_send(call);
    } else if (should_pause(call, &answer, &why)) {
        call_pause(call, answer.retry_after_ms);
    } else {
        call_finish(call, &answer, &why);
    }
}

static void call_finish(struct kube_call *call, const struct kube_answer *answer,
                        const struct err *err)
{
    kube_done_fn *done = call->done;
    void *arg = call->arg;
    struct err why;
    if (err)
        why = *err; /* it may be the call's own */
    call_free(call);
    done(arg, answer, err ? &why : NULL);
}
