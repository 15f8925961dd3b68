/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "ports/http.h"
#include "ports/loop.h"

/*
 * ports/http.h without a network. A started call waits in a list until the test answers it; answers
 * reach the flow from the loop (deferred), as with the real client. Timeouts of requests run on the
 * fake loop. Calls of a leader's client (http_led_new()) are seen here too; whether leadership is
 * held is asked at the end of the round in which they start, where the real client would send them.
 */
struct http *fake_http_new(struct loop *loop);
/* Fails the test when a call is left unanswered and not cancelled. */
void fake_http_free(struct http *http);

/* A call as the test sees it; valid until it is answered or cancelled. */
struct fake_call {
    const char *method;
    const char *url;
    const char *const *headers;
    struct span body;
    const char *pool;
    bool is_stream;
    bool has_tls;
    size_t limit;            /* of the answer's body; 0: the client's default */
    const char *ca_pem;      /* of the request's tls; NULL: none */
    const char *server_name; /* likewise */
};

size_t fake_http_pending(const struct http *http);
/* The oldest pending call, or the oldest whose method and URL match (`url_part` occurs in the URL;
 * NULL: any); NULL when there is none. */
struct fake_call *fake_http_call(struct http *http, const char *method, const char *url_part);
/* The i-th of the pending calls, oldest first; NULL behind the last. */
struct fake_call *fake_http_nth(struct http *http, size_t index);
/* How many pending calls match as above. */
size_t fake_http_count(const struct http *http, const char *method, const char *url_part);
/* The same as fake_http_call(), but the test fails when there is none. */
struct fake_call *fake_http_expect(struct http *http, const char *method, const char *url_part);
/* Value of a request header, NULL when absent. */
const char *fake_call_header(const struct fake_call *call, const char *name);

/* Answers; runs the loop's deferred calls before it returns. */
void fake_http_answer(struct http *http, struct fake_call *call, long status, const char *body);
/* With a Retry-After (-1: none) and a content type (NULL: application/json). */
void fake_http_answer_with(struct http *http, struct fake_call *fake, long status, struct span body,
                           const char *content_type, int64_t retry_after_ms);
/* The head of a stream's 200 answer has come. */
void fake_http_open(struct http *http, struct fake_call *fake);
/* A piece of a stream's body (status 200, opened first where it was not); false: the flow refused
 * it and the call has failed. */
bool fake_http_bytes(struct http *http, struct fake_call *call, const char *bytes, size_t length);
/* The stream ends cleanly. */
void fake_http_end(struct http *http, struct fake_call *call);
void fake_http_fail(struct http *http, struct fake_call *call, enum err_class class, int code,
                    const char *message);
/* Was the next answered call to say connection_was_reused? */
void fake_http_set_reused(struct http *http, bool reused);
