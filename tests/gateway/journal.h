/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "text.h"

/* What was asked for; each kind has a counter. */
enum request_kind {
    REQUEST_HELLO,
    REQUEST_READY,
    REQUEST_LIST,     /* GET /tyk/apis */
    REQUEST_LIST_OAS, /* GET /tyk/apis/oas */
    REQUEST_GET,
    REQUEST_GET_OAS,
    REQUEST_POST,
    REQUEST_POST_OAS,
    REQUEST_PUT,
    REQUEST_PUT_OAS,
    REQUEST_PATCH_OAS,
    REQUEST_DELETE,
    REQUEST_RELOAD,
    REQUEST_OTHER, /* anything else under /tyk/ */
    REQUEST_TRAFFIC,
    REQUEST_KIND_COUNT,
};

/* Counters and the log of requests. */
struct journal {
    uint64_t requests[REQUEST_KIND_COUNT];
    uint64_t refused; /* wrong secret */
    uint64_t reloads; /* that were done */
    uint64_t faulty;  /* requests that a fault changed */
    uint64_t delivered;
    uint64_t held_back;
    uint64_t number; /* of the last line */
    char **lines;    /* the last ones, as a ring */
    FILE *log;
};

struct journal_entry {
    const char *method;
    const char *path;
    enum request_kind kind;
    const char *id;    /* "" when there is none */
    const char *fault; /* "" when there is none */
    int status;        /* 0: no answer */
    int64_t took_us;
};

/* Opens the log file, NULL for none. Returns NULL if it cannot be opened. */
struct journal *journal_new(const char *log_path);
void journal_free(struct journal *journal);

/* Counts one request and writes its line. */
void journal_add(struct journal *journal, const struct journal_entry *entry);

/* Adds the counters to out: members of a JSON object, without braces. */
void journal_counters(const struct journal *journal, struct text *out);

/* Adds the lines behind number `since` that are still there, as a JSON array. */
void journal_lines(const struct journal *journal, uint64_t since, struct text *out);

/* Sets the counters to zero and forgets the lines. */
void journal_reset(struct journal *journal);
