/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"
#include "core/marker.h"
#include "gateway/gateway_access.h"
#include "ports/http.h"
#include "ports/loop.h"

/*
 * The control API of one gateway: one function a request, each with a deadline. Requests follow the
 * rules of ports/http.h: they never call back before they return, and exactly once unless
 * cancelled. An answer that breaks off is asked for once more, on a connection of its own (the
 * gateway's handlers now and then drop one); lists are not: who lists begins anew.
 */

struct gateway_client;
/* `url` is the base without a slash at its end; `pool` keeps this gateway's connections apart.
 * Until gateway_client_set_access() nothing may be asked. */
struct gateway_client *gateway_client_new(struct loop *loop, struct http *http, const char *url,
                                          const char *pool);
/* All its calls must be done or cancelled. */
void gateway_client_free(struct gateway_client *client);
/* For the requests from now on; takes a reference of its own. True when it differs. */
bool gateway_client_set_access(struct gateway_client *client, struct gateway_access *access);

struct gateway_answer {
    /* NULL: a 2xx. Classes: TRANSIENT (no answer, 429, 5xx), DENIED (401, 403, a certificate),
     * NOT_FOUND (404), CONFLICT (409), INVALID (any other refusal, or not the answer of a gateway).
     * The text holds status code and class only and may be shown; err->code is the status, or the
     * HTTP client's code when no answer came. */
    const struct err *err;
    long status; /* 0: no answer */
    struct span body;
    int64_t retry_after_ms; /* -1: not said */
    /* What the gateway said with a refusal, printable and bounded: for the log, never for status.
     * Not NULL. */
    const char *detail;
};
/* Is it the secret that was refused (401, 403), not a certificate? `err` is that of an answer. */
bool gateway_refuses_secret(const struct err *err);

/* Borrowed for the call. */
typedef void gateway_done_fn(void *arg, const struct gateway_answer *answer);

struct gateway_call;
/* NULL is fine. */
void gateway_call_cancel(struct gateway_call *call);

/* GET /ready: 200, 503 while it must not be read, 404 where gateways are too old to know it. */
struct gateway_call *gateway_ready(struct gateway_client *client, gateway_done_fn *done, void *arg);
/* GET by id in the given form. `fresh`: on a connection of its own, so that behind a load balancer
 * another pod may answer. */
struct gateway_call *gateway_get(struct gateway_client *client, const char *id,
                                 enum api_family form, bool fresh, gateway_done_fn *done,
                                 void *arg);
/* Refers to `body`. A success names the id that was written, gateway_answer_key(); what does
 * not is no answer of a gateway, and an error. The same of a DELETE. */
struct gateway_call *gateway_post(struct gateway_client *client, enum api_family family,
                                  struct bytes *body, gateway_done_fn *done, void *arg);
/* Works for both families. */
struct gateway_call *gateway_delete(struct gateway_client *client, const char *id,
                                    gateway_done_fn *done, void *arg);
/* Blocks until the reload is over; it takes the longer the more definitions there are. */
struct gateway_call *gateway_reload(struct gateway_client *client, size_t definitions,
                                    gateway_done_fn *done, void *arg);
/* All loaded definitions, told one by one while they arrive; item texts are borrowed. They count
 * only when `done` comes without an error. `on_item` must not cancel the call. */
struct gateway_call *gateway_list(struct gateway_client *client, enum api_family form,
                                  void (*on_item)(void *arg, struct span item),
                                  gateway_done_fn *done, void *arg);
/* Has anything arrived for this list since the last question? */
bool gateway_list_has_moved(struct gateway_call *call);

/* Is the answer to a POST about this id? */
bool gateway_answer_is_for(const struct gateway_answer *answer, const char *id);
/* Returns owned: the id that a POST was written under; NULL when it does not say. */
char *gateway_answer_key(const struct gateway_answer *answer);
/* Has a gateway refused it, or somebody in between? */
bool gateway_answer_is_refusal(const struct gateway_answer *answer);
