/* SPDX-License-Identifier: Apache-2.0 */
#include "support/net/test_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/listener.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "base/buf.h"
#include "base/mem.h"

struct script {
    char *answer; /* NULL: none */
    enum test_then then;
    struct script *next;
};

struct connection {
    struct test_server *server;
    struct bufferevent *bev;
    bool close_when_sent;
    bool busy; /* a request is unanswered */
    struct connection *next;
};

struct test_server {
    struct event_base *base;
    struct evconnlistener *listener;
    SSL_CTX *tls;
    int port;
    char *url;
    struct script *scripts;
    struct connection *connections;
    struct buf request;
    size_t request_count;
    size_t connection_count;
    void (*on_request)(void *arg);
    void *on_request_arg;
};

static void connection_free(struct connection *connection)
{
    struct connection **link = &connection->server->connections;
    while (*link != connection)
        link = &(*link)->next;
    *link = connection->next;
    bufferevent_free(connection->bev);
    free(connection);
}

static void connection_reset(struct connection *connection)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    setsockopt(bufferevent_getfd(connection->bev), SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    connection_free(connection);
}

static void on_sent(struct bufferevent *bev, void *arg)
{
    (void)bev;
    struct connection *connection = arg;
    if (connection->close_when_sent)
        connection_free(connection);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
    (void)bev;
    if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
        connection_free(arg);
}

static void respond(struct connection *connection)
{
    struct test_server *server = connection->server;
    struct script *script = server->scripts;
    if (!script) {
        static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        bufferevent_write(connection->bev, ok, sizeof(ok) - 1);
        return;
    }
    server->scripts = script->next;
    connection->busy = !script->answer;
    if (script->answer)
        bufferevent_write(connection->bev, script->answer, strlen(script->answer));
    if (script->then == TEST_RESET)
        connection_reset(connection);
    else if (script->then == TEST_CLOSE && script->answer && *script->answer)
        connection->close_when_sent = true;
    else if (script->then == TEST_CLOSE)
        connection_free(connection);
    free(script->answer);
    free(script);
}

/* Takes one complete request from the input, if there is one. */
static bool take_request(struct connection *connection)
{
    struct test_server *server = connection->server;
    struct evbuffer *input = bufferevent_get_input(connection->bev);
    struct evbuffer_ptr end = evbuffer_search(input, "\r\n\r\n", 4, NULL);
    if (end.pos < 0)
        return false;
    size_t head = (size_t)end.pos + 4;
    const char *text = (const char *)evbuffer_pullup(input, (ev_ssize_t)head);
    CLEANUP(freep) char *copy = xstrndup(text, head);
    const char *length = strcasestr(copy, "\r\ncontent-length:");
    size_t body = length ? strtoul(length + 17, NULL, 10) : 0;
    if (evbuffer_get_length(input) < head + body)
        return false;
    buf_clear(&server->request);
    buf_add(&server->request, evbuffer_pullup(input, (ev_ssize_t)(head + body)), head + body);
    evbuffer_drain(input, head + body);
    server->request_count++;
    return true;
}

static void on_bytes(struct bufferevent *bev, void *arg)
{
    (void)bev;
    struct connection *connection = arg;
    struct test_server *server = connection->server;
    if (!take_request(connection))
        return;
    respond(connection);
    if (server->on_request)
        server->on_request(server->on_request_arg);
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address,
                      int length, void *arg)
{
    (void)listener;
    (void)address;
    (void)length;
    struct test_server *server = arg;
    struct connection *connection = xcalloc(1, sizeof(*connection));
    connection->server = server;
    connection->bev =
        server->tls
            ? bufferevent_openssl_socket_new(server->base, fd, SSL_new(server->tls),
                                             BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE)
            : bufferevent_socket_new(server->base, fd, BEV_OPT_CLOSE_ON_FREE);
    connection->next = server->connections;
    server->connections = connection;
    server->connection_count++;
    bufferevent_setcb(connection->bev, on_bytes, on_sent, on_event, connection);
    bufferevent_enable(connection->bev, EV_READ | EV_WRITE);
}

static SSL_CTX *make_tls(const struct test_cert *cert, const char *client_ca_pem)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
    BIO *bio = BIO_new_mem_buf(cert->cert_pem, -1);
    X509 *x509 = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    BIO_free(bio);
    bio = BIO_new_mem_buf(cert->key_pem, -1);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    BIO_free(bio);
    assert_int_equal(SSL_CTX_use_certificate(tls, x509), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(tls, key), 1);
    X509_free(x509);
    EVP_PKEY_free(key);
    if (client_ca_pem) {
        bio = BIO_new_mem_buf(client_ca_pem, -1);
        X509 *ca = PEM_read_bio_X509(bio, NULL, NULL, NULL);
        BIO_free(bio);
        assert_int_equal(X509_STORE_add_cert(SSL_CTX_get_cert_store(tls), ca), 1);
        X509_free(ca);
        SSL_CTX_set_verify(tls, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    }
    return tls;
}

struct test_server *test_server_new(struct event_base *base, const struct test_cert *cert,
                                    const char *client_ca_pem)
{
    struct test_server *server = xcalloc(1, sizeof(*server));
    server->base = base;
    server->tls = cert ? make_tls(cert, client_ca_pem) : NULL;
    buf_init(&server->request, 4U << 20);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    server->listener =
        evconnlistener_new_bind(base, on_accept, server, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE,
                                16, (struct sockaddr *)&address, sizeof(address));
    assert_non_null(server->listener);
    socklen_t length = sizeof(address);
    getsockname(evconnlistener_get_fd(server->listener), (struct sockaddr *)&address, &length);
    server->port = ntohs(address.sin_port);
    return server;
}

void test_server_free(struct test_server *server)
{
    if (!server)
        return;
    while (server->connections)
        connection_free(server->connections);
    if (server->scripts)
        fail_msg("a scripted answer was never asked for");
    evconnlistener_free(server->listener);
    SSL_CTX_free(server->tls);
    buf_fini(&server->request);
    free(server->url);
    free(server);
}

const char *test_server_url(struct test_server *server, const char *host, const char *path)
{
    free(server->url);
    server->url =
        xasprintf("%s://%s:%d%s", server->tls ? "https" : "http", host, server->port, path);
    return server->url;
}

int test_server_port(const struct test_server *server)
{
    return server->port;
}

void test_server_script(struct test_server *server, const char *answer, enum test_then then)
{
    struct script **link = &server->scripts;
    while (*link)
        link = &(*link)->next;
    *link = xcalloc(1, sizeof(**link));
    (*link)->answer = answer ? xstrdup(answer) : NULL;
    (*link)->then = then;
}

void test_server_answer(struct test_server *server, int status, const char *headers,
                        const char *body)
{
    CLEANUP(freep)
    char *answer = xasprintf("HTTP/1.1 %d X\r\nContent-Length: %zu\r\n%s\r\n%s", status,
                             strlen(body), headers ? headers : "", body);
    test_server_script(server, answer, TEST_KEEP);
}

void test_server_send(struct test_server *server, const char *bytes, size_t length)
{
    assert_non_null(server->connections);
    bufferevent_write(server->connections->bev, bytes, length);
}

void test_server_end(struct test_server *server, enum test_then how)
{
    assert_non_null(server->connections);
    if (how == TEST_RESET)
        connection_reset(server->connections);
    else
        connection_free(server->connections);
}

void test_server_close_idle(struct test_server *server)
{
    struct connection *next;
    for (struct connection *connection = server->connections; connection; connection = next) {
        next = connection->next;
        if (!connection->busy)
            connection_free(connection);
    }
}

void test_server_on_request(struct test_server *server, void (*fn)(void *arg), void *arg)
{
    server->on_request = fn;
    server->on_request_arg = arg;
}

const char *test_server_request(const struct test_server *server)
{
    return buf_text(&server->request);
}

size_t test_server_requests(const struct test_server *server)
{
    return server->request_count;
}

size_t test_server_connections(const struct test_server *server)
{
    return server->connection_count;
}

size_t test_server_open(const struct test_server *server)
{
    size_t count = 0;
    for (const struct connection *connection = server->connections; connection;
         connection = connection->next)
        count++;
    return count;
}
