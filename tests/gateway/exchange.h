/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "faults.h"
#include "journal.h"

struct evbuffer;
struct event_base;
struct evhttp_request;
struct event;

/* All exchanges that are not over; they live in one list, so that none is lost at the end. */
struct exchange_list {
    struct event_base *base;
    struct journal *journal;
    struct exchange *first;
};

/* One request and the answer to it. It is over, and gone, with the one call that answers. */
struct exchange {
    struct exchange_list *list;
    struct exchange *next;
    struct exchange *previous;
    struct evhttp_request *request; /* NULL once the client is gone */
    const char *method;
    char *target;      /* as it was sent */
    char *path;        /* decoded, without the query; NULL if it cannot be decoded */
    const char *query; /* "" if there is none; part of target */
    const char *body;  /* of the request; borrowed from it, or own_body */
    size_t body_len;
    char *own_body;
    char *secret; /* that came with it, "" if none did */
    enum request_kind kind;
    char *id; /* of the API that it is about, "" if there is none */
    bool logged;
    struct fault fault; /* what is to be done to the answer */
    int64_t started_us;
    bool hung;             /* kept without an answer */
    struct event *timer;   /* of a delay, or of an answer that dribbles */
    struct evbuffer *rest; /* what is still to dribble */
    void (*resume)(void *arg, struct exchange *exchange);
    void *resume_arg;
};

/* Takes a request that evhttp has read. */
struct exchange *exchange_new(struct exchange_list *list, struct evhttp_request *request);

/* Notes the id of the API for the log. */
void exchange_set_id(struct exchange *exchange, const char *id);

/* The value of a request header, NULL if there is none. */
const char *exchange_header(const struct exchange *exchange, const char *name);

/* Address of the client. Borrowed. */
const char *exchange_peer(const struct exchange *exchange);

/* Adds a header to the answer. */
void exchange_add_header(struct exchange *exchange, const char *name, const char *value);

/*
 * The answers. Each ends the exchange. type NULL: no Content-Type. body is taken. A fault that
 * was matched may change what is sent.
 */
void exchange_reply(struct exchange *exchange, int status, const char *type, struct evbuffer *body);
void exchange_reply_text(struct exchange *exchange, int status, const char *type, const char *text);
/* {"status":"error","message":…} */
void exchange_reply_error(struct exchange *exchange, int status, const char *message);

/* As exchange_reply, but nothing changes it any more. */
void exchange_send(struct exchange *exchange, int status, const char *type, struct evbuffer *body);

/* Sends the first `len` bytes of an answer that says it is longer, then closes. body is taken. */
void exchange_send_part(struct exchange *exchange, int status, const char *type,
                        struct evbuffer *body, size_t len);

/* Sends a few bytes at a time. body is taken. */
void exchange_send_slowly(struct exchange *exchange, int status, const char *type,
                          struct evbuffer *body, size_t bytes, int64_t every_ms);

/* Closes the connection without an answer; hard: with a reset. */
void exchange_drop(struct exchange *exchange, bool hard);

/* Keeps it without an answer, until exchange_list_release or the client goes. */
void exchange_hang(struct exchange *exchange);

/* Calls resume after a while; the exchange goes on from there, also if the client has gone. */
void exchange_delay(struct exchange *exchange, int64_t ms,
                    void (*resume)(void *arg, struct exchange *exchange), void *arg);

/* Resets the connections of all that hang. */
void exchange_list_release(struct exchange_list *list);

/* Ends all without an answer. Their servers are gone before. */
void exchange_list_fini(struct exchange_list *list);

#define TYPE_JSON "application/json"
#define TYPE_TEXT "text/plain; charset=utf-8"
