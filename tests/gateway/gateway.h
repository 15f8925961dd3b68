/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "doc.h"
#include "exchange.h"
#include "options.h"

struct event_base;
struct event;
struct evhttp_request;
struct faults;
struct fire;
struct http_server;
struct journal;
struct loaded;
struct reload;
struct store;

/* The whole stub. Its parts belong to it and are reached through it. */
struct gateway {
    const struct options *options;
    struct event_base *base;
    struct http_server *main_server;
    struct http_server *admin_server; /* NULL if there is none */
    struct exchange_list exchanges;
    struct journal *journal;
    struct faults *faults;
    struct store *store;
    struct loaded *loaded; /* what it serves; the reload swaps it */
    struct reload *reload;
    struct fire *fire;
    struct doc doc;  /* memory for reading bodies */
    char *base_url;  /* "http://host:port", for servers of OAS documents */
    unsigned turn;   /* changes the order of lists, as Go's maps do */
    int64_t born_ms; /* health is reported in full 10 s later */

    /* Faults of the gateway as a whole, see admin.h. */
    bool refusing;
    struct event *refuse_end;
    char *not_ready; /* what /ready complains of, NULL if nothing */
    struct event *not_ready_end;
    bool oas_race;
    struct exchange *oas_reading; /* the one OAS read that is on its way while oas_race is on */
    uint64_t oas_collisions;

    int exit_code;
};

/* Makes the gateway, loads its folder and listens. NULL if it cannot; what is wrong was printed. */
struct gateway *gateway_new(const struct options *options);
void gateway_free(struct gateway *gateway);

/* Runs until it is told to stop; returns the exit code. */
int gateway_run(struct gateway *gateway);

/* The end of the process as of a Go panic: exit code 2. */
void gateway_panic(struct gateway *gateway, const char *message);

/* Milliseconds of a clock that only goes forward. */
int64_t gateway_now_ms(void);
