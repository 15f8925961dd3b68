/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>

#include "support/net/test_ca.h"

/*
 * A server on loopback for one test. It reads requests (head, and a body by Content-Length) and
 * answers each with the bytes that the test laid down, whatever they are: what a real server never
 * sends can be sent too. Whatever is not scripted is answered "200 ok".
 */
struct test_server;

/* What follows an answer. */
enum test_then {
    TEST_KEEP,  /* the connection stays open */
    TEST_CLOSE, /* orderly */
    TEST_RESET, /* RST */
};

/* `cert` NULL: plain HTTP. `client_ca_pem` NULL: no client certificate is asked for. */
struct test_server *test_server_new(struct event_base *base, const struct test_cert *cert,
                                    const char *client_ca_pem);
void test_server_free(struct test_server *server);
/* "http(s)://HOST:port" with `path` behind; borrowed until the next call. */
const char *test_server_url(struct test_server *server, const char *host, const char *path);
int test_server_port(const struct test_server *server);

/* The next request without a script of its own gets these bytes (copied, NULL: none at all); calls
 * queue up. */
void test_server_script(struct test_server *server, const char *answer, enum test_then then);
/* A complete answer: status line, Content-Length and body. `headers` as "A: b\r\n…" or NULL. */
void test_server_answer(struct test_server *server, int status, const char *headers,
                        const char *body);
/* Sends more bytes on the newest connection. */
void test_server_send(struct test_server *server, const char *bytes, size_t length);
/* Ends the newest connection. */
void test_server_end(struct test_server *server, enum test_then how);
/* Closes all connections that wait for a request, as a server does with idle ones. */
void test_server_close_idle(struct test_server *server);

/* Called at each request, once it is complete. */
void test_server_on_request(struct test_server *server, void (*fn)(void *arg), void *arg);

/* What has come: text of the newest request (head and body), number of requests and connections. */
const char *test_server_request(const struct test_server *server);
size_t test_server_requests(const struct test_server *server);
size_t test_server_connections(const struct test_server *server);
/* Connections open now. */
size_t test_server_open(const struct test_server *server);
