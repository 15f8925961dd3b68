/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/span.h"
#include "ports/leadership.h"

/*
 * HTTP requests on the loop. http_start() cannot fail and never calls back before it returns; the
 * `done` callback comes exactly once, unless http_cancel() was called: then never. An answer of any
 * status is a success here; errors are what kept an answer from coming.
 * Redirects are never followed (a token would go along). `Expect:` is sent empty.
 */
struct http;
struct http_call;

/* How to reach a server securely; borrowed until the call is done. NULL: system CAs, no client
 * certificate, verification on. PEM texts, not files, so that the owner decides when to re-read. */
struct http_tls {
    const char *ca_pem;          /* instead of the system's; NULL: those */
    const char *client_cert_pem; /* NULL: none */
    const char *client_key_pem;
    const char *server_name; /* NULL: the URL's host; else verified and sent as SNI */
    bool insecure;           /* no verification at all */
};

struct http_request {
    const char *method;
    const char *url;
    const char *const *headers; /* "Name: value", NULL behind the last; NULL: none */
    struct bytes *body;         /* NULL: none */
    const struct http_tls *tls;
    const char *proxy; /* NULL: what the environment says; "": none */
    /* Calls with equal non-NULL `pool` share connections, others never use them: a lease on a
     * connection of its own, watches not behind lists. NULL: the common pool. */
    const char *pool;
    int64_t connect_timeout_ms; /* 0: 5 s */
    int64_t timeout_ms;         /* of the whole call; 0: none, for streams */
    size_t limit;               /* of the body, in bytes; crossing it is ERR_INVALID. 0: 1 MiB */
    /* For streams: called for each piece of a 2xx body as it comes, which is then not collected;
     * the call fails with ERR_INVALID when it returns false. Bodies of other statuses are
     * collected. */
    bool (*on_bytes)(void *arg, const char *bytes, size_t length);
    /* For streams, may be NULL: the head of a 2xx answer has come, so the stream stands even if no
     * byte follows for long. Once, before the first on_bytes(). */
    void (*on_open)(void *arg);
};

struct http_response {
    long status;
    struct span body;           /* NUL behind it; empty for streams */
    const char *content_type;   /* NULL: none */
    int64_t retry_after_ms;     /* from Retry-After in seconds; -1: none */
    bool connection_was_reused; /* an answer that broke off on an old connection may be retried */
};

/* `response` is NULL when err is set, and the other way round; both are borrowed for the call.
 * Error classes: TRANSIENT (refused, reset, timeout, truncated), DENIED (certificates), INVALID
 * (over the limit, refused by on_bytes, bad URL), CANCELED (only the leader may ask this, and that
 * is not us any more). err->code is libcurl's. */
typedef void http_done_fn(void *arg, const struct http_response *response, const struct err *err);

/* The request and all it points to is copied, but for tls (borrowed) and body (referred to).
 * on_bytes() and on_open() come from the loop too, and may start and cancel calls, their own
 * included. */
struct http_call *http_start(struct http *http, const struct http_request *request,
                             http_done_fn *done, void *arg);
/* NULL is fine. */
void http_cancel(struct http_call *call);

/* The same client, for requests that only the leader may make. `leadership` is asked each time
 * before bytes of such a request can go out, the first and all further ones: a process that was
 * stopped in the middle of a request does not go on with it. When leadership is not held the call
 * fails with CANCELED and its connection is closed. `http` (whose connections are shared) and
 * `leadership` are borrowed and have to outlive it. */
struct http *http_led_new(struct http *http, const struct leadership *leadership);
/* All its calls have to be done or cancelled. NULL is fine. */
void http_led_free(struct http *led);
