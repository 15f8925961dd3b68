/* SPDX-License-Identifier: Apache-2.0 */
#include "support/fake_http.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "support/fake_loop.h"

#define DEFAULT_LIMIT (1U << 20)

struct http_call {
    struct fake_call seen;
    struct http *http;
    const struct leadership *leadership; /* NULL: anybody may ask this */
    http_done_fn *done;
    void *arg;
    bool (*on_bytes)(void *arg, const char *bytes, size_t length);
    void (*on_open)(void *arg);
    bool opened;
    size_t limit;
    struct loop_timer *timeout;
    bool finished; /* waits for the loop to deliver */
    struct http_response response;
    struct err err;
    bool failed;
    char *body;
    char *content_type;
    struct http_call *next;
};

struct http {
    struct http *base; /* of a client of the leader's, else NULL */
    const struct leadership *leadership;
    struct loop *loop;
    struct http_call *calls;
    bool reused;
};

struct http *fake_http_new(struct loop *loop)
{
    struct http *http = xcalloc(1, sizeof(*http));
    http->loop = loop;
    return http;
}

static void call_free(struct http_call *call)
{
    struct http_call **link = &call->http->calls;
    while (*link != call)
        link = &(*link)->next;
    *link = call->next;
    loop_timer_free(call->timeout);
    for (size_t i = 0; call->seen.headers && call->seen.headers[i]; i++)
        free((void *)(uintptr_t)call->seen.headers[i]);
    free((void *)(uintptr_t)call->seen.headers);
    free((void *)(uintptr_t)call->seen.method);
    free((void *)(uintptr_t)call->seen.url);
    free((void *)(uintptr_t)call->seen.body.ptr);
    free((void *)(uintptr_t)call->seen.pool);
    free((void *)(uintptr_t)call->seen.ca_pem);
    free((void *)(uintptr_t)call->seen.server_name);
    free(call->body);
    free(call->content_type);
    free(call);
}

struct http *http_led_new(struct http *http, const struct leadership *leadership)
{
    struct http *led = xcalloc(1, sizeof(*led));
    led->base = http;
    led->leadership = leadership;
    return led;
}

void http_led_free(struct http *led)
{
    free(led);
}

void fake_http_free(struct http *http)
{
    if (http->calls)
        fail_msg("unanswered: %s %s", http->calls->seen.method, http->calls->seen.url);
    free(http);
}

static void deliver(void *arg)
{
    struct http_call *call = arg;
    http_done_fn *done = call->done;
    void *done_arg = call->arg;
    struct http_response response = call->response;
    struct err err = call->err;
    bool failed = call->failed;
    char *body = TAKE(call->body);
    char *content_type = TAKE(call->content_type);
    call_free(call);
    done(done_arg, failed ? NULL : &response, failed ? &err : NULL);
    free(body);
    free(content_type);
}

static void finish(struct http_call *call)
{
    call->finished = true;
    loop_timer_disarm(call->timeout);
    loop_defer(call->http->loop, deliver, call);
}

static void fail_call(struct http_call *call, enum err_class class, int code, const char *message)
{
    call->failed = true;
    err_set(&call->err, class, code, "%s", message);
    finish(call);
}

static void on_timeout(void *arg)
{
    struct http_call *call = arg;
    if (!call->finished)
        fail_call(call, ERR_TRANSIENT, 28, "timed out");
}

static const char *const *copy_headers(const char *const *headers)
{
    size_t count = 0;
    while (headers && headers[count])
        count++;
    const char **copy = xcalloc(count + 1, sizeof(*copy));
    for (size_t i = 0; i < count; i++)
        copy[i] = xstrdup(headers[i]);
    return copy;
}

/* Where the real client would send it. */
static void check_leadership(void *arg)
{
    struct http_call *call = arg;
    if (!leadership_is_held(call->leadership))
        fail_call(call, ERR_CANCELED, 42, "only the leader may ask this");
}

struct http_call *http_start(struct http *http, const struct http_request *request,
                             http_done_fn *done, void *arg)
{
    struct http_call *call = xcalloc(1, sizeof(*call));
    call->leadership = http->leadership;
    http = http->base ? http->base : http;
    call->seen = (struct fake_call){
        .method = xstrdup(request->method),
        .url = xstrdup(request->url),
        .headers = copy_headers(request->headers),
        .pool = request->pool ? xstrdup(request->pool) : NULL,
        .is_stream = request->on_bytes != NULL,
        .has_tls = request->tls != NULL,
        .limit = request->limit,
        .ca_pem = request->tls && request->tls->ca_pem ? xstrdup(request->tls->ca_pem) : NULL,
        .server_name =
            request->tls && request->tls->server_name ? xstrdup(request->tls->server_name) : NULL,
    };
    if (request->body)
        call->seen.body = (struct span){xstrndup(request->body->data, request->body->length),
                                        request->body->length};
    call->http = http;
    call->done = done;
    call->arg = arg;
    call->on_bytes = request->on_bytes;
    call->on_open = request->on_open;
    call->limit = request->limit ? request->limit : DEFAULT_LIMIT;
    call->timeout = loop_timer_new(http->loop, on_timeout, call);
    if (request->timeout_ms)
        loop_timer_arm(call->timeout, request->timeout_ms);

    struct http_call **link = &http->calls;
    while (*link)
        link = &(*link)->next;
    *link = call;
    if (call->leadership)
        loop_defer(http->loop, check_leadership, call);
    return call;
}

void http_cancel(struct http_call *call)
{
    if (!call)
        return;
    loop_defer_cancel(call->http->loop, deliver, call);
    loop_defer_cancel(call->http->loop, check_leadership, call);
    call_free(call);
}

size_t fake_http_pending(const struct http *http)
{
    size_t count = 0;
    for (const struct http_call *call = http->calls; call; call = call->next)
        count += !call->finished;
    return count;
}

static bool matches(const struct http_call *call, const char *method, const char *url_part)
{
    return !call->finished && (!method || strcmp(call->seen.method, method) == 0) &&
           (!url_part || strstr(call->seen.url, url_part));
}

struct fake_call *fake_http_call(struct http *http, const char *method, const char *url_part)
{
    for (struct http_call *call = http->calls; call; call = call->next) {
        if (matches(call, method, url_part))
            return &call->seen;
    }
    return NULL;
}

struct fake_call *fake_http_nth(struct http *http, size_t index)
{
    for (struct http_call *call = http->calls; call; call = call->next) {
        if (!call->finished && !index--)
            return &call->seen;
    }
    return NULL;
}

size_t fake_http_count(const struct http *http, const char *method, const char *url_part)
{
    size_t count = 0;
    for (const struct http_call *call = http->calls; call; call = call->next)
        count += matches(call, method, url_part);
    return count;
}

struct fake_call *fake_http_expect(struct http *http, const char *method, const char *url_part)
{
    struct fake_call *call = fake_http_call(http, method, url_part);
    if (!call) {
        CLEANUP(buf_fini) struct buf pending;
        buf_init(&pending, BUF_UNLIMITED);
        for (const struct http_call *other = http->calls; other; other = other->next)
            buf_add_format(&pending, " [%s %s]", other->seen.method, other->seen.url);
        fail_msg("no call %s …%s…; pending:%s", method ? method : "*", url_part ? url_part : "",
                 buf_text(&pending));
    }
    return call;
}

const char *fake_call_header(const struct fake_call *call, const char *name)
{
    size_t length = strlen(name);
    for (size_t i = 0; call->headers[i]; i++) {
        if (strncasecmp(call->headers[i], name, length) == 0 && call->headers[i][length] == ':') {
            const char *value = call->headers[i] + length + 1;
            return *value == ' ' ? value + 1 : value;
        }
    }
    return NULL;
}

static struct http_call *real_call(struct fake_call *call)
{
    /* `seen` is the first member. */
    return (struct http_call *)call;
}

void fake_http_set_reused(struct http *http, bool reused)
{
    http->reused = reused;
}

static void open_stream(struct http_call *call)
{
    if (!call->opened && call->on_open)
        call->on_open(call->arg);
    call->opened = true;
}

void fake_http_answer_with(struct http *http, struct fake_call *fake, long status, struct span body,
                           const char *content_type, int64_t retry_after_ms)
{
    struct http_call *call = real_call(fake);
    if (body.length > call->limit) {
        fail_call(call, ERR_INVALID, 23, "the answer is too long");
        fake_loop_run(http->loop);
        return;
    }
    call->body = xstrndup(body.ptr, body.length);
    call->content_type = xstrdup(content_type ? content_type : "application/json");
    call->response = (struct http_response){
        .status = status,
        .body = {call->body, body.length},
        .content_type = call->content_type,
        .retry_after_ms = retry_after_ms,
        .connection_was_reused = http->reused,
    };
    if (call->on_bytes && status / 100 == 2) {
        open_stream(call);
        if (body.length && !call->on_bytes(call->arg, body.ptr, body.length)) {
            fail_call(call, ERR_INVALID, 23, "refused");
            fake_loop_run(http->loop);
            return;
        }
        call->response.body = (struct span){"", 0};
    }
    finish(call);
    fake_loop_run(http->loop);
}

void fake_http_answer(struct http *http, struct fake_call *call, long status, const char *body)
{
    fake_http_answer_with(http, call, status, (struct span){body, strlen(body)}, NULL, -1);
}

void fake_http_open(struct http *http, struct fake_call *fake)
{
    open_stream(real_call(fake));
    fake_loop_run(http->loop);
}

bool fake_http_bytes(struct http *http, struct fake_call *fake, const char *bytes, size_t length)
{
    struct http_call *call = real_call(fake);
    assert_non_null(call->on_bytes);
    open_stream(call);
    bool wanted = call->on_bytes(call->arg, bytes, length);
    if (!wanted)
        fail_call(call, ERR_INVALID, 23, "refused");
    fake_loop_run(http->loop);
    return wanted;
}

void fake_http_end(struct http *http, struct fake_call *call)
{
    struct http_call *real = real_call(call);
    open_stream(real);
    real->response = (struct http_response){
        .status = 200, .body = {"", 0}, .retry_after_ms = -1, .content_type = "application/json"};
    finish(real);
    fake_loop_run(http->loop);
}

void fake_http_fail(struct http *http, struct fake_call *call, enum err_class class, int code,
                    const char *message)
{
    fail_call(real_call(call), class, code, message);
    fake_loop_run(http->loop);
}
