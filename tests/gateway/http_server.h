/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

struct event_base;
struct evhttp_request;

/* An evhttp server on one address, whose listening socket can be closed and opened again. */
struct http_server;

typedef void http_request_fn(void *arg, struct evhttp_request *request);

/*
 * Whether a request's body will be read: only then is `Expect: 100-continue` answered with 100. The
 * others get their answer when the body has arrived all the same, as from Go's server.
 */
typedef bool http_wants_body_fn(void *arg, const char *method, const char *target,
                                const char *secret);

struct http_server_events {
    http_request_fn *on_request;
    http_wants_body_fn *wants_body;
    void *arg;
};

/* Listens on "ADDR:PORT". Returns NULL if that cannot be done. */
struct http_server *http_server_new(struct event_base *base, const char *address,
                                    const struct http_server_events *events);

/* Closes all connections too. */
void http_server_free(struct http_server *server);

/* The port that it listens on. */
int http_server_port(const struct http_server *server);

/* From now on connections are refused; those that are open stay. */
void http_server_refuse(struct http_server *server);

/* Listens again, on the same port. Returns false if another process has taken it. */
bool http_server_accept(struct http_server *server);

bool http_server_is_listening(const struct http_server *server);

/* The header by which a request tells of an `Expect` that is none of evhttp's business. */
#define HTTP_HIDDEN_EXPECT "Xxpect"
