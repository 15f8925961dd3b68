/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/span.h"
#include "kube/lease.h"
#include "support/fake_http.h"
#include "support/fake_loop.h"

/*
 * Leader election: candidates with clocks of their own over one API server, which is a few lines
 * here. Time goes in steps of 10 ms; after each, at most one candidate may hold leadership.
 */
#define STEP_MS 10

/* What becomes of requests. */
enum server_mode {
    SERVER_WELL,
    SERVER_REFUSES, /* connections */
    SERVER_HANGS,
    SERVER_LOSES, /* the answers to writes, which it does */
    SERVER_FAILS, /* 500 */
    SERVER_PUTS_OFF,
};

struct server {
    char *object; /* NULL: there is none */
    int64_t version;
    enum server_mode mode;
    unsigned reads;
    unsigned writes; /* that were done */
};

struct candidate {
    struct world *world;
    const char *identity;
    struct loop *loop;
    struct http *http;
    struct kube_config config;
    struct kube_client *client;
    struct lease *lease;
    int rate_percent; /* of its clock */
    bool stopped;     /* SIGSTOP */
    bool is_cut_off;  /* from the server */
    bool leads;       /* as it was told */
    unsigned acquired;
    unsigned lost;
    unsigned set_back;
    int64_t acquired_at; /* real time */
    int64_t lost_at;
    bool was_held_when_lost;
    bool released;
    int64_t released_at;
};

struct world {
    struct server server;
    struct candidate a;
    struct candidate b;
    int64_t now;        /* real time in ms */
    int64_t doubled_ms; /* how long two have held it */
};

int lease_world_set_up(void **state);
int lease_world_tear_down(void **state);

/* Returns owned, as it stands in JSON; NULL: it is not there. */
char *read_member(const char *object, const char *parent, const char *key);
/* Stores the object under a new version, as long as anything of it differs. */
void server_store(struct server *server, struct span text);
/* What a POST or PUT does; returns the status. It is not answered. */
long server_write(struct server *server, const struct fake_call *call);
/* As somebody else; the value is JSON. */
void server_edit_spec(struct server *server, const char *key, const char *value);
void server_expect_spec(const struct server *server, const char *key, const char *value);

bool candidate_holds(const struct candidate *candidate);
void candidate_start(struct candidate *candidate);
/* SIGKILL. */
void candidate_kill(struct candidate *candidate);
/* SIGCONT. */
void candidate_continue(struct candidate *candidate);
/* For lease_release(). */
void candidate_on_released(void *arg);

void world_run(struct world *world, int64_t ms);
/* Runs until the candidate leads; the test fails when that takes longer. */
void world_run_until_leads(struct world *world, const struct candidate *candidate, int64_t ms);
/* The moment of the last renewal, to within a step. */
void world_run_until_renewed(struct world *world);
/* A leads, B stands by. */
void world_have_two(struct world *world);
