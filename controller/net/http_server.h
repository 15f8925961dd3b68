/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "base/err.h"
#include "ports/http_server.h"
#include "ports/loop.h"

/*
 * A small HTTP server on libevent's evhttp for probes and metrics. Paths without a route are 404,
 * methods other than GET and HEAD 405 (501 where evhttp does not know them). Requests are bounded:
 * 8 KiB of head, 1 KiB of body, 10 s.
 */
struct http_server;

/* Listens on "HOST:PORT", "[v6]:PORT" or ":PORT" (all addresses, IPv6 where there is some); port 0
 * takes a free one. The routes are copied, what they point to is borrowed. NULL with *err set:
 * INVALID when the address is none, TRANSIENT when it cannot be had. */
struct http_server *http_server_new(struct loop *loop, const char *address,
                                    const struct http_route *routes, size_t route_count,
                                    struct err *err);
/* Closes all connections. NULL is fine. */
void http_server_free(struct http_server *server);
/* The port that was taken. */
int http_server_port(const struct http_server *server);
