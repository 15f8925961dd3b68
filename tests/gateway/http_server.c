/* SPDX-License-Identifier: Apache-2.0 */
#include "http_server.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <event2/util.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "mem.h"

#define HEADERS_LIMIT 65536
#define BODY_LIMIT 67108864
#define IDLE_TIMEOUT_S 120 /* Go's default in the gateway */
#define BACKLOG 512
#define WORD_LIMIT 2048

struct http_server {
    struct event_base *base;
    struct evhttp *http;
    struct evhttp_bound_socket *bound; /* NULL while refusing */
    struct sockaddr_storage address;
    int address_len;
    struct http_server_events events;
};

/* Copies a word of the request line; returns what follows it, NULL if it is too long. */
static const char *take_word(const char *at, const char *end, char *word)
{
    size_t len = 0;
    while (at < end && *at != ' ' && *at != '\r') {
        if (len + 1 == WORD_LIMIT) {
            return NULL;
        }
        word[len++] = *at++;
    }
    word[len] = '\0';
    return at < end ? at + 1 : at;
}

/* Copies the value of a header, "" if there is none, and returns where its name stands. */
static char *find_header(char *head, const char *end, const char *name, char *value)
{
    size_t name_len = strlen(name);
    value[0] = '\0';
    for (char *at = head; at + name_len + 1 < end; at++) {
        if (at[0] != '\n' || at[name_len + 1] != ':' || strncasecmp(at + 1, name, name_len) != 0) {
            continue;
        }
        const char *from = at + name_len + 2;
        while (from < end && *from == ' ') {
            from++;
        }
        size_t len = 0;
        while (from + len < end && from[len] != '\r' && len + 1 < WORD_LIMIT) {
            value[len] = from[len];
            len++;
        }
        value[len] = '\0';
        return at + 1;
    }
    return NULL;
}

/*
 * evhttp says 100 to every `Expect: 100-continue` and 417 to every other, before anybody is asked,
 * and 2.1 calls nobody between the head and the body of a request. So the head is looked at when it
 * arrives in the input buffer, and an Expect that is not to be answered with 100 changes its name.
 */
static void hide_expect(const struct http_server *server, char *head, size_t len)
{
    char expect[WORD_LIMIT];
    char method[WORD_LIMIT];
    char target[WORD_LIMIT];
    char secret[WORD_LIMIT];
    const char *end = head + len;
    char *name = find_header(head, end, "Expect", expect);
    if (name == NULL) {
        return;
    }
    find_header(head, end, "X-Tyk-Authorization", secret);
    const char *rest = take_word(head, end, method);
    if (rest == NULL || take_word(rest, end, target) == NULL ||
        strcasecmp(expect, "100-continue") != 0 ||
        !server->events.wants_body(server->events.arg, method, target, secret)) {
        memcpy(name, HTTP_HIDDEN_EXPECT, strlen(HTTP_HIDDEN_EXPECT));
    }
}

static void on_input(struct evbuffer *buffer, const struct evbuffer_cb_info *info, void *arg)
{
    const struct http_server *server = arg;
    char first = 0;
    if (info->n_added == 0 || evbuffer_copyout(buffer, &first, 1) != 1 ||
        !isupper((unsigned char)first)) {
        return; /* the rest of a body, as a rule */
    }
    struct evbuffer_ptr head = evbuffer_search(buffer, "\r\n\r\n", 4, NULL);
    if (head.pos < 0 || head.pos > HEADERS_LIMIT) {
        return;
    }
    size_t len = (size_t)head.pos + 4;
    unsigned char *bytes = evbuffer_pullup(buffer, (ev_ssize_t)len);
    if (bytes != NULL) {
        hide_expect(server, (char *)bytes, len);
    }
}

static struct bufferevent *make_connection(struct event_base *base, void *arg)
{
    struct bufferevent *connection = bufferevent_socket_new(base, -1, 0);
    if (connection != NULL) {
        evbuffer_add_cb(bufferevent_get_input(connection), on_input, arg);
    }
    return connection;
}

static void on_request(struct evhttp_request *request, void *arg)
{
    const struct http_server *server = arg;
    server->events.on_request(server->events.arg, request);
}

bool http_server_accept(struct http_server *server)
{
    if (server->bound != NULL) {
        return true;
    }
    struct evconnlistener *listener = evconnlistener_new_bind(
        server->base, NULL, NULL, LEV_OPT_REUSEABLE | LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC,
        BACKLOG, (struct sockaddr *)&server->address, server->address_len);
    if (listener == NULL) {
        return false;
    }
    server->bound = evhttp_bind_listener(server->http, listener);
    if (server->bound == NULL) {
        evconnlistener_free(listener);
        return false;
    }
    /* Connections inherit it: an answer in several writes must not wait for an acknowledgement. */
    evutil_socket_t fd = evhttp_bound_socket_get_fd(server->bound);
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    /* A port of 0 was ours to choose only once. */
    socklen_t len = sizeof(server->address);
    getsockname(fd, (struct sockaddr *)&server->address, &len);
    return true;
}

/* libevent reads no port of 0, so that one is cut off: an address without a port has port 0. */
static bool read_address(struct http_server *server, const char *address)
{
    size_t len = strlen(address);
    char *copy =
        mem_string_of(address, len > 2 && strcmp(address + len - 2, ":0") == 0 ? len - 2 : len);
    server->address_len = sizeof(server->address);
    bool good = evutil_parse_sockaddr_port(copy, (struct sockaddr *)&server->address,
                                           &server->address_len) == 0;
    free(copy);
    return good;
}

struct http_server *http_server_new(struct event_base *base, const char *address,
                                    const struct http_server_events *events)
{
    struct http_server *server = mem_zeroed(sizeof(*server));
    server->base = base;
    server->events = *events;
    server->http = evhttp_new(base);
    if (server->http == NULL || !read_address(server, address)) {
        http_server_free(server);
        return NULL;
    }
    evhttp_set_allowed_methods(server->http, EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD |
                                                 EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE |
                                                 EVHTTP_REQ_OPTIONS | EVHTTP_REQ_PATCH |
                                                 EVHTTP_REQ_TRACE);
    evhttp_set_max_headers_size(server->http, HEADERS_LIMIT);
    evhttp_set_max_body_size(server->http, BODY_LIMIT);
    evhttp_set_default_content_type(server->http, NULL);
    evhttp_set_timeout(server->http, IDLE_TIMEOUT_S);
    evhttp_set_bevcb(server->http, make_connection, server);
    evhttp_set_gencb(server->http, on_request, server);
    if (!http_server_accept(server)) {
        http_server_free(server);
        return NULL;
    }
    return server;
}

void http_server_free(struct http_server *server)
{
    if (server != NULL && server->http != NULL) {
        evhttp_free(server->http);
    }
    free(server);
}

int http_server_port(const struct http_server *server)
{
    if (server->address.ss_family == AF_INET6) {
        return ntohs(((const struct sockaddr_in6 *)(const void *)&server->address)->sin6_port);
    }
    return ntohs(((const struct sockaddr_in *)(const void *)&server->address)->sin_port);
}

void http_server_refuse(struct http_server *server)
{
    if (server->bound != NULL) {
        evhttp_del_accept_socket(server->http, server->bound);
        server->bound = NULL;
    }
}

bool http_server_is_listening(const struct http_server *server)
{
    return server->bound != NULL;
}
