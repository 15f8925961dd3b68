/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "ports/http.h"
#include "sim/sim_loop.h"
#include "sim/sim_random.h"
#include "sim/sim_time.h"

/*
 * The network between processes and servers, all in one process: requests and answers take time,
 * arrive in pieces, get lost before or after they have been obeyed, or never end.
 *
 * A process has a `struct http` of its own (ports/http.h); a server is a host with a function that
 * takes requests. What happens to a request is decided by the host's rules (scripted), then by its
 * chaos (random).
 */
struct sim_net;
struct sim_host;
struct sim_exchange;

enum sim_fault {
    SIM_FINE,
    SIM_REFUSE,      /* no connection */
    SIM_UNKNOWN,     /* the name does not resolve */
    SIM_DENY_TLS,    /* the certificate is refused */
    SIM_HANG,        /* never arrives, never answered */
    SIM_RESET,       /* never arrives, the connection breaks */
    SIM_LOSE_ANSWER, /* obeyed; the connection breaks before the answer */
    SIM_HANG_ANSWER, /* obeyed; no answer ever comes */
    SIM_BREAK,       /* the answer breaks off within, and libcurl says so */
    SIM_CUT,         /* the answer ends early, and libcurl finds nothing wrong */
    SIM_EMPTY,       /* 200 without a body */
    SIM_HTML,        /* 200 and a page of some proxy */
    SIM_STATUS,      /* another status, not obeyed */
    SIM_SLOW,        /* takes long */
};

/* Applies to requests whose method and URL match, from the `skip`-th on, `count` times. */
struct sim_rule {
    enum sim_fault fault;
    const char *method; /* NULL: any */
    const char *part;   /* of the path and query; NULL: any */
    const char *but;    /* but not if this is a part; NULL: nothing */
    unsigned skip;
    unsigned count; /* 0: for ever */
    long status;    /* STATUS */
    const char *body;
    int64_t retry_after_s; /* 0: none */
    int64_t delay_ms;      /* SLOW; of STATUS too */
};

/* Thousandths of requests that meet with each; all but those named `streams` spare watches. */
struct sim_chaos {
    uint16_t refuse, hang, reset, lose_answer, hang_answer, break_answer, cut, html;
    uint16_t busy;   /* 429, half of them with Retry-After */
    uint16_t broken; /* 500, 502, 503, 504 */
    uint16_t slow;
};

typedef void sim_serve_fn(void *arg, struct sim_exchange *exchange);
/* What a bystander sees: `sent` before it leaves the client, `obeyed` when the server has done what
 * it was asked for. */
struct sim_net_watcher {
    void (*sent)(void *arg, struct sim_exchange *exchange);
    void (*obeyed)(void *arg, struct sim_exchange *exchange);
    void (*answered)(void *arg, const struct sim_exchange *exchange, long status);
    /* The client has been told the end, or has given up. */
    void (*ended)(void *arg, const struct sim_exchange *exchange);
};

struct sim_net *sim_net_new(struct sim_time *time, uint64_t seed);
/* All clients are freed before; hosts go with it. */
void sim_net_free(struct sim_net *net);
/* How many there have been. */
uint64_t sim_net_requests(const struct sim_net *net);
void sim_net_watch(struct sim_net *net, const struct sim_net_watcher *watcher, void *arg);
/* Latency of one way: in microseconds, uniform over [low, high]. */
void sim_net_set_latency(struct sim_net *net, int64_t low, int64_t high);
/* Answers arrive in pieces, at random places. */
void sim_net_set_splits(struct sim_net *net, bool splits);

/* Under "host:port"; served by fn. Borrowed. */
struct sim_host *sim_net_add(struct sim_net *net, const char *name, sim_serve_fn *fn, void *arg);
void sim_net_remove(struct sim_net *net, const char *name);
struct sim_host *sim_net_host(const struct sim_net *net, const char *name);
void sim_host_add_rule(struct sim_host *host, const struct sim_rule *rule);
void sim_host_clear_rules(struct sim_host *host);
void sim_host_set_chaos(struct sim_host *host, const struct sim_chaos *chaos); /* NULL: none */
/* FINE, REFUSE, HANG, RESET, …: of all requests. */
void sim_host_set_state(struct sim_host *host, enum sim_fault state);
/* Nothing of the streams and requests that are underway arrives any more: half-open connections. */
void sim_host_silence_all(struct sim_host *host);
/* Streams and requests that are underway break. */
void sim_host_break_all(struct sim_host *host);

/* The client of a process. `name` tells processes apart; borrowed until the net is freed. */
struct http *sim_http_new(struct sim_net *net, struct loop *loop, const char *name);
/* Returns how many calls were left, which should be none. */
size_t sim_http_free(struct http *http);

/* What the server sees of a request. */
struct sim_request {
    const char *client; /* whose */
    const char *host;
    const char *method;
    const char *path; /* with query */
    struct span body;
    bool is_stream;
};
const struct sim_request *sim_request_of(const struct sim_exchange *exchange);
/* NULL when absent. */
const char *sim_request_header(const struct sim_exchange *exchange, const char *name);
/* Returns owned: the decoded value of a parameter of the query, NULL when absent. */
char *sim_request_query(const struct sim_exchange *exchange, const char *name);
/* Numbers requests of the whole net from 1. */
uint64_t sim_request_number(const struct sim_exchange *exchange);

/* The server's answers; the first four end the exchange. */
void sim_reply(struct sim_exchange *exchange, long status, const char *body, size_t length);
void sim_reply_with(struct sim_exchange *exchange, long status, const char *body, size_t length,
                    int64_t retry_after_s);
void sim_reply_end(struct sim_exchange *exchange); /* of a stream */
void sim_reply_break(struct sim_exchange *exchange);
void sim_reply_open(struct sim_exchange *exchange);
void sim_reply_bytes(struct sim_exchange *exchange, const char *bytes, size_t length);
/* A server that does not answer at once says when it has obeyed; else the net does. */
void sim_reply_later(struct sim_exchange *exchange);
void sim_reply_obeyed(struct sim_exchange *exchange);
/* Called when the client has gone before the end: the exchange must not be used any more. */
void sim_exchange_on_gone(struct sim_exchange *exchange, sim_fn *fn, void *arg);
