/* SPDX-License-Identifier: Apache-2.0 */
#include "net/http_server.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>

#include "base/mem.h"
#include "base/str.h"
#include "net/loop_base.h"

#define HEAD_LIMIT 8192
#define BODY_LIMIT 1024
#define TIMEOUT_S 10
#define BACKLOG 64

struct http_server {
    struct loop *loop;
    struct evhttp *http;
    struct http_route *routes;
    size_t route_count;
    int port;
    struct evhttp_request *request; /* the one being answered */
};

static const struct http_route *find_route(const struct http_server *server, const char *path)
{
    for (size_t i = 0; path && i < server->route_count; i++) {
        if (strcmp(server->routes[i].path, path) == 0)
            return &server->routes[i];
    }
    return NULL;
}

static void fill_reply(const struct http_server *server, struct http_reply *reply)
{
    enum evhttp_cmd_type method = evhttp_request_get_command(server->request);
    if (method != EVHTTP_REQ_GET && method != EVHTTP_REQ_HEAD) {
        reply->status = 405;
        buf_add_text(&reply->body, "only GET and HEAD\n");
        return;
    }
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(server->request);
    const struct http_route *route = find_route(server, uri ? evhttp_uri_get_path(uri) : NULL);
    if (!route) {
        reply->status = 404;
        buf_add_text(&reply->body, "no such page\n");
        return;
    }
    route->fill(route->arg, reply);
}

static void answer(void *arg)
{
    struct http_server *server = arg;
    struct http_reply reply = {.status = 200, .content_type = "text/plain; charset=utf-8"};
    buf_init(&reply.body, BUF_UNLIMITED);
    fill_reply(server, &reply);

    struct evkeyvalq *headers = evhttp_request_get_output_headers(server->request);
    evhttp_add_header(headers, "Content-Type", reply.content_type);
    if (reply.status == 405)
        evhttp_add_header(headers, "Allow", "GET, HEAD");
    struct evbuffer *body = evbuffer_new();
    if (!body)
        mem_exhausted();
    evbuffer_add(body, buf_text(&reply.body), reply.body.length);
    evhttp_send_reply(server->request, reply.status, NULL, body);
    evbuffer_free(body);
    buf_fini(&reply.body);
}

static void on_request(struct evhttp_request *request, void *arg)
{
    struct http_server *server = arg;
    server->request = request;
    loop_call(server->loop, answer, server);
    server->request = NULL;
}

static int bind_one(const struct sockaddr *address, socklen_t length)
{
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    int on = 1;
    int off = 0;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (address->sa_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
    if (bind(fd, address, length) < 0 || listen(fd, BACKLOG) < 0) {
        int why = errno;
        close(fd);
        errno = why;
        return -1;
    }
    return fd;
}

/* Splits "host:port"; an IPv6 address stands in brackets. */
static int split_address(const char *address, char **ret_host, uint16_t *ret_port, struct err *err)
{
    const char *colon = strrchr(address, ':');
    int64_t port;
    if (!colon || str_to_int64(colon + 1, 0, 65535, &port, NULL) < 0)
        return err_set(err, ERR_INVALID, 0, "%s: HOST:PORT is expected", address);
    const char *host = address;
    size_t length = (size_t)(colon - address);
    if (length >= 2 && host[0] == '[' && host[length - 1] == ']') {
        host++;
        length -= 2;
    } else if (memchr(host, ':', length)) {
        return err_set(err, ERR_INVALID, 0, "%s: an IPv6 address needs brackets", address);
    }
    *ret_host = xstrndup(host, length);
    *ret_port = (uint16_t)port;
    return 0;
}

/* All addresses: an IPv6 socket takes IPv4 too; a machine without IPv6 gets the other. */
static int bind_any(uint16_t port)
{
    struct sockaddr_in6 wide = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    int fd = bind_one((struct sockaddr *)&wide, sizeof(wide));
    if (fd >= 0)
        return fd;
    struct sockaddr_in narrow = {.sin_family = AF_INET, .sin_port = htons(port)};
    return bind_one((struct sockaddr *)&narrow, sizeof(narrow));
}

/* A socket that listens, or -1. */
static int listen_on(const char *address, struct err *err)
{
    CLEANUP(freep) char *host = NULL;
    uint16_t port;
    if (split_address(address, &host, &port, err) < 0)
        return -1;
    int fd = -1;
    if (!*host) {
        fd = bind_any(port);
    } else {
        char digits[8];
        snprintf(digits, sizeof(digits), "%u", (unsigned)port);
        struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV,
                                 .ai_socktype = SOCK_STREAM};
        struct addrinfo *found = NULL;
        int why = getaddrinfo(host, digits, &hints, &found);
        if (why != 0)
            return err_set(err, ERR_INVALID, 0, "%s: %s", address, gai_strerror(why));
        for (const struct addrinfo *one = found; one && fd < 0; one = one->ai_next)
            fd = bind_one(one->ai_addr, one->ai_addrlen);
        freeaddrinfo(found);
    }
    if (fd < 0)
        return err_set(err, ERR_TRANSIENT, errno, "%s: %s", address, strerror(errno));
    return fd;
}

static int port_of(int fd)
{
    struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
    socklen_t length = sizeof(address);
    if (getsockname(fd, (struct sockaddr *)&address, &length) < 0)
        return 0;
    if (address.ss_family == AF_INET6)
        return ntohs(((struct sockaddr_in6 *)&address)->sin6_port);
    /* NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): getsockname() has filled it */
    return ntohs(((struct sockaddr_in *)&address)->sin_port);
}

struct http_server *http_server_new(struct loop *loop, const char *address,
                                    const struct http_route *routes, size_t route_count,
                                    struct err *err)
{
    int fd = listen_on(address, err);
    if (fd < 0)
        return NULL;
    struct http_server *server = xcalloc(1, sizeof(*server));
    server->loop = loop;
    server->port = port_of(fd);
    server->routes = xcalloc(route_count + 1, sizeof(*server->routes));
    if (route_count)
        memcpy(server->routes, routes, route_count * sizeof(*routes));
    server->route_count = route_count;
    server->http = evhttp_new(loop_event_base(loop));
    if (!server->http)
        mem_exhausted();
    evhttp_set_allowed_methods(server->http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD | EVHTTP_REQ_POST |
                                                 EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE |
                                                 EVHTTP_REQ_PATCH);
    evhttp_set_max_headers_size(server->http, HEAD_LIMIT);
    evhttp_set_max_body_size(server->http, BODY_LIMIT);
    evhttp_set_timeout(server->http, TIMEOUT_S);
    evhttp_set_gencb(server->http, on_request, server);
    if (evhttp_accept_socket(server->http, fd) < 0) {
        err_set(err, ERR_TRANSIENT, errno, "%s: %s", address, strerror(errno));
        close(fd);
        http_server_free(server);
        return NULL;
    }
    return server;
}

void http_server_free(struct http_server *server)
{
    if (!server)
        return;
    evhttp_free(server->http);
    free(server->routes);
    free(server);
}

int http_server_port(const struct http_server *server)
{
    return server->port;
}
