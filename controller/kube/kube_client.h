/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"
#include "kube/kube_config.h"
#include "kube/kube_requests.h"
#include "ports/http.h"
#include "ports/loop.h"

/*
 * Requests to the API server: address, identity and TLS come from the configuration, an answer that
 * is not 2xx becomes an error with a class. kube_start() never calls back before it returns; done()
 * comes exactly once, unless kube_cancel() was called.
 *
 * A refused identity (401) is tried once more when the token has changed meanwhile. A request that
 * the server puts off (429 or 5xx with Retry-After) is sent again when it says, at most five times
 * and 30 s apart; streams are not: their flows have a back-off of their own.
 */
struct kube_client;
struct kube_call;

struct kube_request {
    const char *method;
    const char *path;         /* with query */
    const char *content_type; /* NULL: application/json, where there is a body */
    struct span body;         /* ptr NULL: none */
    const char *pool;         /* as in ports/http.h: a lease has a connection of its own */
    int64_t timeout_ms;       /* 0: 30 s; for streams: none */
    size_t limit;             /* 0: 8 MiB */
    /* For streams, as in ports/http.h. */
    bool (*on_bytes)(void *arg, const char *bytes, size_t length);
    void (*on_open)(void *arg);
};

struct kube_answer {
    long status;            /* of HTTP; 0: none came */
    struct span body;       /* empty for streams */
    int64_t retry_after_ms; /* -1: none */
};

/* `answer` is always there; err is NULL for 2xx. All is borrowed for the call. err->code is the
 * HTTP status, or libcurl's code when no answer came. */
typedef void kube_done_fn(void *arg, const struct kube_answer *answer, const struct err *err);

/* `config` is borrowed. */
struct kube_client *kube_client_new(struct loop *loop, struct http *http,
                                    const struct kube_config *config);
/* From now on it counts into `requests` (borrowed) what each request came to. */
void kube_client_count(struct kube_client *client, struct kube_requests *requests);
/* All calls have to be done or cancelled. NULL is fine. */
void kube_client_free(struct kube_client *client);

/* The request and all it points to is copied. */
struct kube_call *kube_start(struct kube_client *client, const struct kube_request *request,
                             kube_done_fn *done, void *arg);
/* NULL is fine. */
void kube_cancel(struct kube_call *call);
