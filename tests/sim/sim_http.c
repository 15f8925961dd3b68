/* SPDX-License-Identifier: Apache-2.0 */
/* ports/http.h of one process, on the simulated network. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "sim/sim_net_private.h"

#define DEFAULT_LIMIT (1U << 20)

struct http_call {
    struct http *http;
    struct sim_exchange *exchange; /* NULL: the end is there */
    http_done_fn *done;
    void *arg;
    bool (*on_bytes)(void *arg, const char *bytes, size_t length);
    void (*on_open)(void *arg);
    struct loop_timer *timeout;
    bool is_opened;
    bool is_delivering; /* within a callback of its own */
    bool is_cancelled;
    struct buf body;
    struct http_response response;
    bool failed;
    struct err err;
    LIST_ENTRY(http_call) entry;
};

struct http {
    struct sim_net *net;
    struct loop *loop;
    const char *name;
    size_t calls;
    /* Of a client for the leader only: */
    struct http *base;
    const struct leadership *leadership;
};

struct http *sim_http_new(struct sim_net *net, struct loop *loop, const char *name)
{
    struct http *http = xcalloc(1, sizeof(*http));
    *http = (struct http){.net = net, .loop = loop, .name = name};
    return http;
}

struct http *http_led_new(struct http *http, const struct leadership *leadership)
{
    struct http *led = xcalloc(1, sizeof(*led));
    *led = (struct http){.base = http, .leadership = leadership};
    return led;
}

void http_led_free(struct http *led)
{
    free(led);
}

size_t sim_http_free(struct http *http)
{
    size_t left = http->calls;
    free(http);
    return left;
}

static void deliver(void *arg);
static void on_timeout(void *arg);

static void call_free(struct http_call *call)
{
    if (call->exchange)
        sim_exchange_leave(TAKE(call->exchange));
    loop_defer_cancel(call->http->loop, deliver, call);
    loop_timer_free(call->timeout);
    buf_fini(&call->body);
    call->http->calls--;
    free(call);
}

static char **copy_headers(const char *const *headers)
{
    size_t count = 0;
    while (headers && headers[count])
        count++;
    char **copy = xcalloc(count + 1, sizeof(*copy));
    for (size_t i = 0; i < count; i++)
        copy[i] = xstrdup(headers[i]);
    return copy;
}

/* "https://host:port/path?query" */
static void split_url(const char *url, char **ret_host, char **ret_path)
{
    const char *host = strstr(url, "://");
    host = host ? host + 3 : url;
    size_t length = strcspn(host, "/?");
    *ret_host = xstrndup(host, length);
    *ret_path = xstrdup(host[length] ? host + length : "/");
}

struct http_call *http_start(struct http *http, const struct http_request *request,
                             http_done_fn *done, void *arg)
{
    bool may_send = leadership_is_held(http->leadership);
    http = http->base ? http->base : http;
    struct http_call *call = xcalloc(1, sizeof(*call));
    *call = (struct http_call){.http = http,
                               .done = done,
                               .arg = arg,
                               .on_bytes = request->on_bytes,
                               .on_open = request->on_open};
    buf_init(&call->body, request->limit ? request->limit : DEFAULT_LIMIT);
    call->timeout = loop_timer_new(http->loop, on_timeout, call);
    http->calls++;
    if (!may_send) {
        call->failed = true;
        err_set(&call->err, ERR_CANCELED, 0, "leadership is not held");
        loop_defer(http->loop, deliver, call);
        return call;
    }
    struct sim_exchange *exchange = xcalloc(1, sizeof(*exchange));
    char *path;
    split_url(request->url, &exchange->url_host, &path);
    exchange->net = http->net;
    exchange->call = call;
    exchange->loop = http->loop;
    exchange->headers = copy_headers(request->headers);
    exchange->request = (struct sim_request){
        .client = http->name,
        .host = exchange->url_host,
        .method = xstrdup(request->method),
        .path = path,
        .is_stream = request->on_bytes != NULL,
    };
    if (request->body)
        exchange->request.body = (struct span){xstrndup(request->body->data, request->body->length),
                                               request->body->length};
    call->exchange = exchange;
    if (request->timeout_ms)
        loop_timer_arm(call->timeout, request->timeout_ms);
    sim_exchange_start(exchange);
    return call;
}

void http_cancel(struct http_call *call)
{
    if (!call)
        return;
    if (call->is_delivering) {
        call->is_cancelled = true;
        return;
    }
    call_free(call);
}

static void deliver(void *arg)
{
    struct http_call *call = arg;
    http_done_fn *done = call->done;
    void *done_arg = call->arg;
    struct http_response response = call->response;
    struct err err = call->err;
    bool failed = call->failed;
    size_t length = call->body.length;
    char *body = buf_take(&call->body);
    response.body = (struct span){body, length};
    response.content_type = "application/json";
    call_free(call);
    done(done_arg, failed ? NULL : &response, failed ? &err : NULL);
    free(body);
}

static void finish(struct http_call *call)
{
    loop_timer_disarm(call->timeout);
    sim_exchange_leave(TAKE(call->exchange));
    loop_defer(call->http->loop, deliver, call);
}

static void fail(struct http_call *call, int code)
{
    static const struct {
        int code;
        enum err_class class;
        const char *text;
    } kinds[] = {
        {6, ERR_TRANSIENT, "could not resolve host"},
        {7, ERR_TRANSIENT, "failed to connect: connection refused"},
        {18, ERR_TRANSIENT, "transfer closed with outstanding read data remaining"},
        {23, ERR_INVALID, "the answer was refused while it came"},
        {28, ERR_TRANSIENT, "operation timed out"},
        {52, ERR_TRANSIENT, "empty reply from server"},
        {56, ERR_TRANSIENT, "recv failure: connection reset by peer"},
        {60, ERR_DENIED, "SSL certificate problem: self-signed certificate"},
        {63, ERR_INVALID, "the answer is too long"},
    };
    call->failed = true;
    for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
        if (kinds[i].code == code)
            err_set(&call->err, kinds[i].class, code, "%s", kinds[i].text);
    }
    finish(call);
}

static void on_timeout(void *arg)
{
    struct http_call *call = arg;
    if (call->exchange)
        fail(call, 28);
}

/* Runs a callback of the caller's, which may cancel the call; false: it has. */
static bool stays(struct http_call *call)
{
    call->is_delivering = false;
    if (!call->is_cancelled)
        return true;
    call_free(call);
    return false;
}

static void take_open(struct http_call *call, long status)
{
    call->response.status = status;
    if (status / 100 != 2 || call->is_opened || !call->on_open)
        return;
    call->is_opened = true;
    call->is_delivering = true;
    call->on_open(call->arg);
    (void)stays(call);
}

static void take_bytes(struct http_call *call, const char *bytes, size_t length)
{
    if (!call->on_bytes || call->response.status / 100 != 2) {
        buf_add(&call->body, bytes, length);
        if (call->body.overflowed)
            fail(call, 63);
        return;
    }
    call->is_delivering = true;
    bool wanted = call->on_bytes(call->arg, bytes, length);
    if (stays(call) && !wanted)
        fail(call, 23);
}

void sim_http_take(void *arg)
{
    struct sim_message *message = arg;
    struct http_call *call = message->exchange->call;
    if (call) {
        switch (message->news) {
        case SIM_NEWS_OPEN:
            take_open(call, message->status);
            break;
        case SIM_NEWS_BYTES:
            take_bytes(call, message->bytes, message->length);
            break;
        case SIM_NEWS_DONE:
            call->response.retry_after_ms = message->retry_after_ms;
            finish(call);
            break;
        case SIM_NEWS_FAILED:
            fail(call, message->code);
            break;
        }
    }
    sim_message_free(message);
}
