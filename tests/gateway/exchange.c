/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "gojson.h"
#include "mem.h"
#include "path.h"
#include "text.h"

/* The gateway sends larger bodies in chunks. */
#define CHUNKED_FROM 2048

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static const char *method_name(enum evhttp_cmd_type command)
{
    switch (command) {
    case EVHTTP_REQ_GET:
        return "GET";
    case EVHTTP_REQ_POST:
        return "POST";
    case EVHTTP_REQ_HEAD:
        return "HEAD";
    case EVHTTP_REQ_PUT:
        return "PUT";
    case EVHTTP_REQ_DELETE:
        return "DELETE";
    case EVHTTP_REQ_OPTIONS:
        return "OPTIONS";
    case EVHTTP_REQ_TRACE:
        return "TRACE";
    case EVHTTP_REQ_CONNECT:
        return "CONNECT";
    case EVHTTP_REQ_PATCH:
        return "PATCH";
    }
    return "?";
}

static void exchange_free(struct exchange *exchange)
{
    if (exchange->previous != NULL) {
        exchange->previous->next = exchange->next;
    } else {
        exchange->list->first = exchange->next;
    }
    if (exchange->next != NULL) {
        exchange->next->previous = exchange->previous;
    }
    if (exchange->timer != NULL) {
        event_free(exchange->timer);
    }
    if (exchange->rest != NULL) {
        evbuffer_free(exchange->rest);
    }
    fault_fini(&exchange->fault);
    free(exchange->target);
    free(exchange->path);
    free(exchange->id);
    free(exchange->secret);
    free(exchange->own_body);
    free(exchange);
}

static void note(const struct exchange *exchange, int status)
{
    if (exchange->logged) {
        journal_add(exchange->list->journal, &(struct journal_entry){
                                                 .method = exchange->method,
                                                 .path = exchange->target,
                                                 .kind = exchange->kind,
                                                 .id = exchange->id,
                                                 .fault = fault_name(exchange->fault.kind),
                                                 .status = status,
                                                 .took_us = now_us() - exchange->started_us,
                                             });
    }
}

/* The connection is gone, and evhttp frees its request behind this call. */
static void on_gone(struct evhttp_connection *connection, void *arg)
{
    (void)connection;
    struct exchange *exchange = arg;
    exchange->request = NULL;
    if (exchange->hung || exchange->rest != NULL) {
        exchange_free(exchange);
    }
}

static void watch_client(struct exchange *exchange, bool on)
{
    evhttp_connection_set_closecb(evhttp_request_get_connection(exchange->request),
                                  on ? on_gone : NULL, on ? exchange : NULL);
}

struct exchange *exchange_new(struct exchange_list *list, struct evhttp_request *request)
{
    struct exchange *exchange = mem_zeroed(sizeof(*exchange));
    exchange->list = list;
    exchange->next = list->first;
    if (list->first != NULL) {
        list->first->previous = exchange;
    }
    list->first = exchange;
    exchange->request = request;
    exchange->method = method_name(evhttp_request_get_command(request));
    exchange->target = mem_string(evhttp_request_get_uri(request));
    size_t path_len = strcspn(exchange->target, "?#");
    exchange->query = exchange->target[path_len] == '?' ? exchange->target + path_len + 1 : "";
    char *raw = mem_string_of(exchange->target, path_len);
    exchange->path = path_decode(raw);
    free(raw);
    struct evbuffer *input = evhttp_request_get_input_buffer(request);
    exchange->body_len = evbuffer_get_length(input);
    exchange->body = exchange->body_len == 0 ? "" : (const char *)evbuffer_pullup(input, -1);
    const char *secret = exchange_header(exchange, "X-Tyk-Authorization");
    exchange->secret = mem_string(secret != NULL ? secret : "");
    exchange->id = mem_string("");
    exchange->kind = REQUEST_OTHER;
    exchange->logged = true;
    exchange->started_us = now_us();
    watch_client(exchange, true);
    return exchange;
}

void exchange_set_id(struct exchange *exchange, const char *id)
{
    free(exchange->id);
    exchange->id = mem_string(id);
}

const char *exchange_header(const struct exchange *exchange, const char *name)
{
    return exchange->request == NULL
               ? NULL
               : evhttp_find_header(evhttp_request_get_input_headers(exchange->request), name);
}

const char *exchange_peer(const struct exchange *exchange)
{
    char *address = NULL;
    ev_uint16_t port = 0;
    if (exchange->request != NULL) {
        evhttp_connection_get_peer(evhttp_request_get_connection(exchange->request), &address,
                                   &port);
    }
    return address != NULL ? address : "";
}

void exchange_add_header(struct exchange *exchange, const char *name, const char *value)
{
    if (exchange->request != NULL) {
        evhttp_add_header(evhttp_request_get_output_headers(exchange->request), name, value);
    }
}

void exchange_reply(struct exchange *exchange, int status, const char *type, struct evbuffer *body)
{
    if (exchange->fault.kind == FAULT_NONE) {
        exchange_send(exchange, status, type, body);
    } else {
        fault_answer(exchange, status, type, body);
    }
}

void exchange_reply_text(struct exchange *exchange, int status, const char *type, const char *text)
{
    struct evbuffer *body = evbuffer_new();
    evbuffer_add(body, text, strlen(text));
    exchange_reply(exchange, status, type, body);
}

void exchange_reply_error(struct exchange *exchange, int status, const char *message)
{
    struct text text = {0};
    text_puts(&text, "{\"status\":\"error\",\"message\":");
    gojson_puts(&text, message);
    text_puts(&text, "}\n");
    exchange_reply_text(exchange, status, TYPE_JSON, text.bytes);
    text_fini(&text);
}

void exchange_send(struct exchange *exchange, int status, const char *type, struct evbuffer *body)
{
    note(exchange, status);
    struct evhttp_request *request = exchange->request;
    if (request != NULL) {
        watch_client(exchange, false);
        if (type != NULL) {
            exchange_add_header(exchange, "Content-Type", type);
        }
        bool no_body = evhttp_request_get_command(request) == EVHTTP_REQ_HEAD;
        if (no_body) {
            evbuffer_drain(body, evbuffer_get_length(body));
        }
        if (evbuffer_get_length(body) > CHUNKED_FROM) {
            evhttp_send_reply_start(request, status, NULL);
            evhttp_send_reply_chunk(request, body);
            evhttp_send_reply_end(request);
        } else {
            evhttp_send_reply(request, status, NULL, body);
        }
    }
    evbuffer_free(body);
    exchange_free(exchange);
}

void exchange_drop(struct exchange *exchange, bool hard)
{
    note(exchange, 0);
    if (exchange->request != NULL) {
        struct evhttp_connection *connection = evhttp_request_get_connection(exchange->request);
        watch_client(exchange, false);
        if (hard) {
            evutil_socket_t fd = bufferevent_getfd(evhttp_connection_get_bufferevent(connection));
            struct linger now = {.l_onoff = 1, .l_linger = 0};
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
        }
        evhttp_connection_free(connection);
    }
    exchange_free(exchange);
}

/* Begins an answer whose length is told at once, so that parts of it are not framed. */
static void start_answer(struct exchange *exchange, int status, const char *type, size_t len)
{
    char length[24];
    snprintf(length, sizeof(length), "%zu", len);
    exchange_add_header(exchange, "Content-Length", length);
    if (type != NULL) {
        exchange_add_header(exchange, "Content-Type", type);
    }
    evhttp_send_reply_start(exchange->request, status, NULL);
}

static void on_part_sent(struct evhttp_connection *connection, void *arg)
{
    (void)connection;
    struct exchange *exchange = arg;
    exchange->logged = false; /* its line was written when it began */
    exchange_drop(exchange, false);
}

void exchange_send_part(struct exchange *exchange, int status, const char *type,
                        struct evbuffer *body, size_t len)
{
    note(exchange, status);
    if (exchange->request == NULL) {
        evbuffer_free(body);
        exchange_free(exchange);
        return;
    }
    exchange->hung = true; /* over when the client goes */
    start_answer(exchange, status, type, evbuffer_get_length(body));
    struct evbuffer *part = evbuffer_new();
    evbuffer_remove_buffer(body, part, len);
    evhttp_send_reply_chunk_with_cb(exchange->request, part, on_part_sent, exchange);
    evbuffer_free(part);
    evbuffer_free(body);
}

static void set_timer(struct exchange *exchange, int64_t ms, event_callback_fn call)
{
    if (exchange->timer != NULL) {
        event_free(exchange->timer);
    }
    exchange->timer = event_new(exchange->list->base, -1, 0, call, exchange);
    struct timeval when = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
    event_add(exchange->timer, &when);
}

struct dribble {
    size_t bytes;
    int64_t every_ms;
};

static void on_dribble(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct exchange *exchange = arg;
    struct evbuffer *part = evbuffer_new();
    evbuffer_remove_buffer(exchange->rest, part, (size_t)exchange->fault.bytes);
    bool last = evbuffer_get_length(exchange->rest) == 0;
    evhttp_send_reply_chunk(exchange->request, part);
    evbuffer_free(part);
    if (!last) {
        set_timer(exchange, exchange->fault.ms, on_dribble);
        return;
    }
    watch_client(exchange, false);
    evhttp_send_reply_end(exchange->request);
    exchange_free(exchange);
}

void exchange_send_slowly(struct exchange *exchange, int status, const char *type,
                          struct evbuffer *body, size_t bytes, int64_t every_ms)
{
    note(exchange, status);
    exchange->rest = body;
    if (exchange->request == NULL) {
        exchange_free(exchange);
        return;
    }
    exchange->fault.bytes = (int64_t)bytes;
    exchange->fault.ms = every_ms;
    start_answer(exchange, status, type, evbuffer_get_length(body));
    set_timer(exchange, every_ms, on_dribble);
}

void exchange_hang(struct exchange *exchange)
{
    note(exchange, 0);
    exchange->hung = true;
    if (exchange->request == NULL) {
        exchange_free(exchange);
    }
}

static void on_resume(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct exchange *exchange = arg;
    exchange->resume(exchange->resume_arg, exchange);
}

void exchange_delay(struct exchange *exchange, int64_t ms,
                    void (*resume)(void *arg, struct exchange *exchange), void *arg)
{
    exchange->resume = resume;
    exchange->resume_arg = arg;
    if (exchange->own_body == NULL) {
        /* The request may be gone when it goes on; a server handles it all the same. */
        exchange->own_body = mem_string_of(exchange->body, exchange->body_len);
        exchange->body = exchange->own_body;
    }
    set_timer(exchange, ms, on_resume);
}

void exchange_list_release(struct exchange_list *list)
{
    struct exchange *exchange = list->first;
    while (exchange != NULL) {
        struct exchange *next = exchange->next;
        if (exchange->hung) {
            exchange->logged = false;
            exchange_drop(exchange, true);
        }
        exchange = next;
    }
}

void exchange_list_fini(struct exchange_list *list)
{
    struct exchange *exchange = list->first;
    while (exchange != NULL) {
        struct exchange *next = exchange->next;
        exchange_free(exchange);
        exchange = next;
    }
}
