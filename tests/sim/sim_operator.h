/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "reconcile/reconciler.h"
#include "sim/sim_net.h"
#include "sim/sim_time.h"

/*
 * One process of the controller: its real code, composed as app.c does it, on a loop and a network
 * of its own. It may be killed at any moment (everything of it is freed, nothing is said to
 * anybody) and started anew.
 */
struct sim_operator;

struct sim_operator_options {
    struct sim_time *time;
    struct sim_net *net;
    uint64_t seed;
    const char *name; /* tells processes apart */
    const char *token;
    const char *const *namespaces;    /* NULL: all */
    const char *const *id_namespaces; /* NULL: its own */
    const char *service;              /* "ns/name" of the default context's gateways; NULL: none */
    const char *port;
    const char *const *urls; /* or these; NULL: none */
    const char *gateway_secret;
    int64_t wall_start;
    int64_t drift_interval_ms; /* 0: 10 s */
    int64_t secret_poll_ms;    /* 0: 30 s */
    int64_t rewrite_delay_ms;  /* 0: 30 s */
    bool confirm_prune;
    bool leader_elect;
    /* It leads now, or not any more. NULL: nobody listens. */
    void (*on_leading)(void *arg, const char *name, bool leads);
    void *arg;
    uint32_t slow_permille; /* of the loop */
    size_t open_max;        /* bytes of objects that stay unpacked; 0: as many as there are */
    int64_t clock_rate;     /* of the loop */
};

/* Not running yet. Options are copied, what they point to is borrowed. */
struct sim_operator *sim_operator_new(const struct sim_operator_options *options);
void sim_operator_free(struct sim_operator *operator_);
void sim_operator_start(struct sim_operator *operator_);
/* Nothing of it runs any more from now on; to be called anywhere. */
void sim_operator_mark_killed(struct sim_operator *operator_);
bool sim_operator_is_killed(const struct sim_operator *operator_);
/* Frees everything: not from within its own callbacks. Returns how much was left on its loop and
 * client (timers, calls), which should be nothing. */
size_t sim_operator_kill(struct sim_operator *operator_);
/* As on SIGTERM: stops writing, gives its lease up, and ends. */
void sim_operator_terminate(struct sim_operator *operator_);
bool sim_operator_leads(const struct sim_operator *operator_);
bool sim_operator_is_running(const struct sim_operator *operator_);
/* How often it was started. */
unsigned sim_operator_incarnation(const struct sim_operator *operator_);
struct loop *sim_operator_loop(const struct sim_operator *operator_);
const char *sim_operator_name(const struct sim_operator *operator_);
/* NULL while it waits for its cluster. */
const struct reconciler *sim_operator_reconciler(const struct sim_operator *operator_);
/* The token that it is given from now on (its file changes). */
void sim_operator_set_token(struct sim_operator *operator_, const char *token);
