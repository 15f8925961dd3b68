/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "doc.h"
#include "text.h"

struct evbuffer;
struct exchange;

enum fault_kind {
    FAULT_NONE,
    FAULT_HANG,        /* take the request and never answer */
    FAULT_RESET,       /* RST in place of an answer */
    FAULT_CLOSE,       /* FIN in place of an answer */
    FAULT_STATUS,      /* another status and body */
    FAULT_HTML,        /* 200 and a page, as from a proxy in between */
    FAULT_SLOW,        /* the body dribbles */
    FAULT_DELAY,       /* a pause before the request is handled */
    FAULT_TRUNCATE,    /* a whole answer with half of its body */
    FAULT_BREAK,       /* the connection breaks in the middle of the body */
    FAULT_WRONG_ID,    /* another id in the answer to a write */
    FAULT_NOT_APPLIED, /* 200 to a write that is not done */
};

/* What is to be done to one request. */
struct fault {
    enum fault_kind kind;
    int status;
    char *body; /* NULL: a standard one */
    char *type;
    int64_t ms;
    int64_t bytes;
    int64_t retry_after_s; /* 0: no such header */
    bool apply;            /* the request is handled before the answer is lost */
};

/* The faults that are switched on, each for the requests that its rule takes. */
struct faults;

struct faults *faults_new(void);
void faults_free(struct faults *faults);

/*
 * Adds a rule from a JSON object {fault, path, method, count, …}. Returns false and says in problem
 * what is wrong with it.
 */
bool faults_add(struct faults *faults, const struct doc *doc, struct text *problem);

/* Drops all rules. */
void faults_clear(struct faults *faults);

/* The fault for a request, in *ret_fault, for fault_fini; FAULT_NONE if no rule takes it. */
void faults_match(struct faults *faults, const char *method, const char *target,
                  struct fault *ret_fault);
void fault_fini(struct fault *fault);

/* Adds the rules to out, as a JSON array. */
void faults_write(const struct faults *faults, struct text *out);

const char *fault_name(enum fault_kind kind);

/* True if the request is not handled at all. */
bool fault_comes_first(const struct fault *fault);

/* Answers an exchange as its fault says. status, type and body (taken, may be NULL) are the answer
 * that it would have had. */
void fault_answer(struct exchange *exchange, int status, const char *type, struct evbuffer *body);
