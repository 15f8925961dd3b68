/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/gateway_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_split.h"
#include "base/json_text.h"
#include "base/mem.h"
#include "base/str.h"

#define READY_MS 5000
/* Of a deletion too: one file is removed, and who deletes an API waits for it. */
#define READ_MS 15000
#define WRITE_MS 30000
#define LIST_MS 120000
/* A list may take long, but something has to come. */
#define LIST_IDLE_MS 15000
/* The gateway gives up an answer after 120 s itself; all-new definitions cost it some 3 ms each. */
#define RELOAD_MS 30000
#define RELOAD_EACH_MS 10
#define RELOAD_MAX_MS 115000

#define ANSWER_LIMIT (64U << 10)
#define DEFINITION_LIMIT (8U << 20)
#define LIST_LIMIT (1U << 30)
#define DEPTH 512
#define DETAIL_LIMIT 200

struct gateway_client {
    struct loop *loop;
    struct http *http;
    char *url;
    char *pool;
    struct gateway_access *access;
};

struct gateway_call {
    /* set by call_new(), not changed after */
    struct gateway_client *client;
    struct gateway_access *access;
    const char *method;
    char *url;
    struct bytes *body; /* NULL: none */
    int64_t timeout_ms;
    size_t limit;
    const char *proof; /* the member of a gateway's success, a text; NULL: not looked at */
    gateway_done_fn *done;
    void *arg;
    /* progress */
    bool fresh;
    bool was_retried;
    bool has_moved;
    struct http_call *http_call;
    /* of a list */
    struct loop_timer *idle;
    struct json_split *split; /* NULL: no list */
    void (*on_item)(void *arg, struct span item);
};

static void call_send(struct gateway_call *call); /* 1 */
static void call_on_done(void *arg, const struct http_response *response,
                         const struct err *err); /* 2 */
static void call_finish(struct gateway_call *call, const struct http_response *response,
                        const struct err *err); /* the only way out */

struct gateway_client *gateway_client_new(struct loop *loop, struct http *http, const char *url,
                                          const char *pool)
{
    struct gateway_client *client = xcalloc(1, sizeof(*client));
    client->loop = loop;
    client->http = http;
    client->url = xstrdup(url);
    client->pool = xstrdup(pool);
    return client;
}

void gateway_client_free(struct gateway_client *client)
{
    if (!client)
        return;
    gateway_access_unref(client->access);
    free(client->url);
    free(client->pool);
    free(client);
}

bool gateway_client_set_access(struct gateway_client *client, struct gateway_access *access)
{
    struct gateway_access *before = client->access;
    bool differs = !gateway_access_equal(before, access);
    client->access = gateway_access_ref(access);
    gateway_access_unref(before);
    return differs;
}

static struct gateway_call *call_new(struct gateway_client *client, const char *method, char *url,
                                     gateway_done_fn *done, void *arg)
{
    struct gateway_call *call = xcalloc(1, sizeof(*call));
    call->client = client;
    call->access = gateway_access_ref(client->access);
    call->method = method;
    call->url = url;
    call->timeout_ms = READ_MS;
    call->limit = ANSWER_LIMIT;
    call->done = done;
    call->arg = arg;
    return call;
}

static void call_free(struct gateway_call *call)
{
    gateway_access_unref(call->access);
    bytes_unref(call->body);
    loop_timer_free(call->idle);
    json_split_free(call->split);
    free(call->url);
    free(call);
}

void gateway_call_cancel(struct gateway_call *call)
{
    if (!call)
        return;
    http_cancel(call->http_call);
    call_free(call);
}

static bool call_on_bytes(void *arg, const char *bytes, size_t length)
{
    struct gateway_call *call = arg;
    call->has_moved = true;
    loop_timer_arm(call->idle, LIST_IDLE_MS);
    return json_split_feed(call->split, bytes, length, NULL) == 0;
}

static int call_on_item(void *arg, struct span item, struct err *err)
{
    struct gateway_call *call = arg;
    (void)err;
    call->on_item(call->arg, item);
    return 0;
}

static void call_send(struct gateway_call *call)
{
    const char *headers[5];
    size_t count = 0;
    const char *secret = gateway_access_header(call->access);
    if (secret)
        headers[count++] = secret;
    if (call->body)
        headers[count++] = "Content-Type: application/json";
    if (call->fresh)
        headers[count++] = "Connection: close";
    headers[count] = NULL;
    CLEANUP(freep) char *fresh_pool = xasprintf("%s fresh", call->client->pool);
    struct http_request request = {
        .method = call->method,
        .url = call->url,
        .headers = headers,
        .body = call->body,
        .tls = gateway_access_tls(call->access),
        .pool = call->fresh ? fresh_pool : call->client->pool,
        .timeout_ms = call->timeout_ms,
        .limit = call->limit,
        .on_bytes = call->split ? call_on_bytes : NULL,
    };
    call->http_call = http_start(call->client->http, &request, call_on_done, call);
}

/* No answer, but neither a refused connection nor a deadline: libcurl's partial file (18), nothing
 * received (52), failure to send (55) and to receive (56). Everything that we ask may be asked
 * twice. */
static bool broke_off(const struct err *err)
{
    return err && err->class == ERR_TRANSIENT &&
           (err->code == 18 || err->code == 52 || err->code == 55 || err->code == 56);
}

static void call_on_done(void *arg, const struct http_response *response, const struct err *err)
{
    struct gateway_call *call = arg;
    call->http_call = NULL;
    if (broke_off(err) && !call->was_retried && !call->split) {
        call->was_retried = true;
        call->fresh = true;
        call_send(call);
        return;
    }
    call_finish(call, response, err);
}

/* The border: what a status means. */
static enum err_class class_of_status(long status)
{
    if (status == 401 || status == 403)
        return ERR_DENIED;
    if (status == 404)
        return ERR_NOT_FOUND;
    if (status == 409)
        return ERR_CONFLICT;
    if (status == 429 || status >= 500)
        return ERR_TRANSIENT;
    return ERR_INVALID;
}

bool gateway_refuses_secret(const struct err *err)
{
    return err->class == ERR_DENIED && (err->code == 401 || err->code == 403);
}

/* What the gateway said, for the log: the message of an answer in its own form, one line, without
 * the secret. Nothing of other bodies: a proxy or a stack trace may quote the request. */
static void add_detail(const struct gateway_call *call, struct span body, struct buf *out)
{
    CLEANUP(freep) char *message = json_text_string(json_text_member(body, "message"));
    const char *secret = gateway_access_secret(call->access);
    if (str_is_empty(message))
        return;
    if (!str_is_empty(secret) && strstr(message, secret)) {
        buf_add_text(out, "(holds the secret)");
        return;
    }
    str_add_printable(out, message, strcspn(message, "\n"), DETAIL_LIMIT);
}

/* In our own words: libcurl's may quote the other side. */
static void describe_failure(const struct gateway_call *call, const struct err *err,
                             struct err *failure)
{
    static const struct {
        int code; /* of libcurl */
        const char *text;
    } texts[] = {
        {6, "the host's name is not known"}, {7, "no connection"},
        {18, "the answer broke off"},        {28, "no answer in time"},
        {35, "the TLS handshake fails"},     {52, "no answer"},
        {55, "the connection broke"},        {56, "the connection broke"},
    };
    const char *text = "no connection";
    if (err->class == ERR_DENIED)
        text = "the certificate is refused";
    else if (err->class == ERR_INVALID)
        text = call->split ? "the answer is not a list of definitions"
                           : "the answer is not one of a gateway";
    else
        for (size_t i = 0; i < ARRAY_LENGTH(texts); i++)
            text = texts[i].code == err->code ? texts[i].text : text;
    err_set(failure, err->class, err->code, "%s", text);
}

/* Whatever answered may have said anything: what is no JSON, or has been cut short, has no member.
 * An empty span when it has none, or no text. */
static struct span text_member(const struct gateway_answer *answer, const char *name)
{
    static const struct json_text_limits limits = {.depth = 64};
    struct span text = {NULL, 0};
    if (json_text_check(answer->body, &limits, NULL, NULL) == 0)
        text = json_text_member(answer->body, name);
    return json_text_type(text) == JSON_TEXT_STRING ? text : (struct span){NULL, 0};
}

static void call_finish(struct gateway_call *call, const struct http_response *response,
                        const struct err *err)
{
    struct err failure;
    struct gateway_answer answer = {.retry_after_ms = -1};
    CLEANUP(buf_fini) struct buf detail;
    buf_init(&detail, BUF_UNLIMITED);
    if (err) {
        describe_failure(call, err, &failure);
        answer.err = &failure;
        buf_add_text(&detail, err->msg);
    } else {
        answer.status = response->status;
        answer.body = response->body;
        answer.retry_after_ms = response->retry_after_ms;
        if (response->status / 100 != 2) {
            enum err_class class = class_of_status(response->status);
            err_set(&failure, class, (int)response->status, "HTTP %ld", response->status);
            answer.err = &failure;
            add_detail(call, response->body, &detail);
        } else if (call->split && json_split_finish(call->split, NULL, NULL) < 0) {
            err_set(&failure, ERR_TRANSIENT, 0, "the list breaks off");
            answer.err = &failure;
        } else if (call->proof && !text_member(&answer, call->proof).ptr) {
            err_set(&failure, ERR_INVALID, 0, "the answer is not one of a gateway");
            answer.err = &failure;
        }
    }
    answer.detail = buf_text(&detail);

    /* The answer's texts live in http's hands until we return. */
    gateway_done_fn *done = call->done;
    void *arg = call->arg;
    call_free(call);
    done(arg, &answer);
}

static void call_on_idle(void *arg)
{
    struct gateway_call *call = arg;
    struct err err;
    err_set(&err, ERR_TRANSIENT, 28, "nothing came for %d s", LIST_IDLE_MS / 1000);
    http_cancel(call->http_call);
    call->http_call = NULL;
    call_finish(call, NULL, &err);
}

static char *url_of_id(const struct gateway_client *client, const char *prefix, const char *id)
{
    struct buf url;
    buf_init(&url, BUF_UNLIMITED);
    buf_add_text(&url, client->url);
    buf_add_text(&url, prefix);
    for (const unsigned char *at = (const unsigned char *)id; *at; at++) {
        bool plain = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') ||
                     (*at >= '0' && *at <= '9') || strchr("-_.~", *at);
        if (plain)
            buf_add_char(&url, (char)*at);
        else
            buf_add_format(&url, "%%%02X", *at);
    }
    return buf_take(&url);
}

struct gateway_call *gateway_ready(struct gateway_client *client, gateway_done_fn *done, void *arg)
{
    struct gateway_call *call =
        call_new(client, "GET", xasprintf("%s/ready", client->url), done, arg);
    call->timeout_ms = READY_MS;
    call_send(call);
    return call;
}

struct gateway_call *gateway_get(struct gateway_client *client, const char *id,
                                 enum api_family form, bool fresh, gateway_done_fn *done, void *arg)
{
    const char *prefix = form == API_OAS ? "/tyk/apis/oas/" : "/tyk/apis/";
    struct gateway_call *call = call_new(client, "GET", url_of_id(client, prefix, id), done, arg);
    call->limit = DEFINITION_LIMIT;
    call->fresh = fresh;
    call_send(call);
    return call;
}

struct gateway_call *gateway_post(struct gateway_client *client, enum api_family family,
                                  struct bytes *body, gateway_done_fn *done, void *arg)
{
    const char *path = family == API_OAS ? "/tyk/apis/oas" : "/tyk/apis";
    struct gateway_call *call =
        call_new(client, "POST", xasprintf("%s%s", client->url, path), done, arg);
    call->body = bytes_ref(body);
    call->proof = "key";
    call->timeout_ms = WRITE_MS;
    call_send(call);
    return call;
}

struct gateway_call *gateway_delete(struct gateway_client *client, const char *id,
                                    gateway_done_fn *done, void *arg)
{
    struct gateway_call *call =
        call_new(client, "DELETE", url_of_id(client, "/tyk/apis/", id), done, arg);
    call->proof = "key";
    call_send(call);
    return call;
}

struct gateway_call *gateway_reload(struct gateway_client *client, size_t definitions,
                                    gateway_done_fn *done, void *arg)
{
    struct gateway_call *call =
        call_new(client, "GET", xasprintf("%s/tyk/reload?block=true", client->url), done, arg);
    int64_t timeout = RELOAD_MS + RELOAD_EACH_MS * (int64_t)definitions;
    call->timeout_ms = timeout < RELOAD_MAX_MS ? timeout : RELOAD_MAX_MS;
    call->proof = "status";
    call_send(call);
    return call;
}

struct gateway_call *gateway_list(struct gateway_client *client, enum api_family form,
                                  void (*on_item)(void *arg, struct span item),
                                  gateway_done_fn *done, void *arg)
{
    const char *path = form == API_OAS ? "/tyk/apis/oas" : "/tyk/apis";
    struct gateway_call *call =
        call_new(client, "GET", xasprintf("%s%s", client->url, path), done, arg);
    call->timeout_ms = LIST_MS;
    call->limit = LIST_LIMIT;
    call->on_item = on_item;
    call->split = json_split_new(&(struct json_split_options){
        .item_limit = DEFINITION_LIMIT,
        .rest_limit = ANSWER_LIMIT,
        .depth = DEPTH,
        .item = call_on_item,
        .arg = call,
    });
    call->idle = loop_timer_new(client->loop, call_on_idle, call);
    loop_timer_arm(call->idle, LIST_IDLE_MS);
    call_send(call);
    return call;
}

bool gateway_list_has_moved(struct gateway_call *call)
{
    bool moved = call->has_moved;
    call->has_moved = false;
    return moved;
}

bool gateway_answer_is_for(const struct gateway_answer *answer, const char *id)
{
    return json_text_is(text_member(answer, "key"), id);
}

char *gateway_answer_key(const struct gateway_answer *answer)
{
    return json_text_string(text_member(answer, "key"));
}

bool gateway_answer_is_refusal(const struct gateway_answer *answer)
{
    return answer->err && text_member(answer, "message").ptr;
}
