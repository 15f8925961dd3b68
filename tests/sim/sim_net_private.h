/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What sim_net.c and sim_http.c share. Nothing else includes it. */

#include <sys/queue.h>

#include "base/buf.h"
#include "base/strmap.h"
#include "sim/sim_net.h"

#define SIM_RULES_MAX 16

struct sim_host {
    struct sim_net *net;
    char *name;
    sim_serve_fn *serve;
    void *arg;
    enum sim_fault state;
    struct sim_rule rules[SIM_RULES_MAX];
    size_t rule_count;
    bool has_chaos;
    struct sim_chaos chaos;
};

/* One request and its answer. Lives until client and server have both done with it and nothing of
 * it is underway. */
struct sim_exchange {
    struct sim_net *net;
    struct http_call *call; /* NULL: the client has gone, or has been told the end */
    struct loop *loop;      /* of the client; only while it has a call */
    struct sim_host *host;  /* NULL until it arrives */
    struct sim_request request;
    char *url_host;
    char **headers;
    uint64_t number;
    struct sim_rule fault; /* what becomes of it */
    bool is_served;        /* the server has it */
    bool is_over;          /* for the server */
    bool is_later;
    bool is_lost; /* nothing the server says arrives */
    bool is_open;
    int64_t last_at; /* when what was sent last arrives */
    size_t underway; /* messages */
    sim_fn *on_gone;
    void *gone_arg;
    LIST_ENTRY(sim_exchange) entry;
};

struct sim_net {
    struct sim_time *time;
    struct sim_random random;
    struct strmap *hosts;
    struct sim_net_watcher watcher;
    void *watcher_arg;
    int64_t latency_low;
    int64_t latency_high;
    bool splits;
    uint64_t requests;
    LIST_HEAD(, sim_exchange) exchanges;
};

/* What arrives at a client. */
enum sim_news { SIM_NEWS_OPEN, SIM_NEWS_BYTES, SIM_NEWS_DONE, SIM_NEWS_FAILED };
struct sim_message {
    struct sim_exchange *exchange;
    enum sim_news news;
    long status;
    int64_t retry_after_ms;
    char *bytes;
    size_t length;
    int code; /* FAILED: libcurl's */
};

/* sim_net.c */
void sim_exchange_start(struct sim_exchange *exchange);
/* The client has gone. */
void sim_exchange_leave(struct sim_exchange *exchange);
void sim_exchange_release(struct sim_exchange *exchange);
void sim_message_free(void *arg);
/* sim_http.c: in the client's loop. */
void sim_http_take(void *arg);
