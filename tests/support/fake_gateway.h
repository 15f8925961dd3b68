/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "support/fake_http.h"

/*
 * A gateway behind fake_http that behaves as a real one in what Grapnel relies on: definitions on a
 * disk that nothing shows before a reload, one reload a second, /ready, the two lists, its status
 * codes, duplicate listen paths renamed and sticky, OAS documents truncated by a mistyped handler.
 *
 * It fails the test when a rule of the gateway's clients is broken: a write while a blocking reload
 * that the client waits for runs, more than four Classic or two OAS POSTs or more than one OAS read
 * at a time, a wrong secret, an `Expect:` that is not empty.
 */
struct fake_gateway;

struct fake_gateway *fake_gateway_new(struct loop *loop, struct http *http, const char *url,
                                      const char *secret);
void fake_gateway_free(struct fake_gateway *gateway);

/* Lets time pass, and all the gateways answer what is asked of them. */
void fake_gateways_run(struct fake_gateway *const *gateways, size_t count, int64_t ms);
/* The same until `condition` holds; the test fails after `limit_ms`. Returns the time it took. */
int64_t fake_gateways_run_until(struct fake_gateway *const *gateways, size_t count,
                                bool (*condition)(void *arg), void *arg, int64_t limit_ms);

/* What it was asked for since the last reset. */
struct fake_gateway_counts {
    size_t ready;
    size_t lists; /* Classic */
    size_t oas_lists;
    size_t reads;
    size_t oas_reads;
    size_t posts;
    size_t oas_posts;
    size_t deletes;
    size_t reloads;
};
const struct fake_gateway_counts *fake_gateway_counts(const struct fake_gateway *gateway);
void fake_gateway_reset_counts(struct fake_gateway *gateway);

/* As if somebody had posted and reloaded it. `oas`: the family. */
void fake_gateway_put(struct fake_gateway *gateway, const char *id, bool oas, const char *text);
/* As if it had been posted, without a reload. */
void fake_gateway_put_file(struct fake_gateway *gateway, const char *id, bool oas,
                           const char *text);
/* As if somebody had deleted and reloaded it. */
void fake_gateway_take(struct fake_gateway *gateway, const char *id);
/* A reload by somebody else, now. */
void fake_gateway_reload(struct fake_gateway *gateway);
/* Stops and starts it; `wipe`: with an empty disk. It says that it is ready after ready_ms. */
void fake_gateway_restart(struct fake_gateway *gateway, bool wipe, int64_t ready_ms);
/* A reload is answered at the next multiple of this; 0: at once. 1 s by default. */
void fake_gateway_set_tick(struct fake_gateway *gateway, int64_t tick_ms);
/* /ready says 503 from now on, whatever happens (Redis is down). */
void fake_gateway_set_never_ready(struct fake_gateway *gateway, bool never);
/* What is loaded, or on the disk, as text; NULL: nothing. Borrowed. */
const char *fake_gateway_loaded(const struct fake_gateway *gateway, const char *id);
const char *fake_gateway_file(const struct fake_gateway *gateway, const char *id);
/* Is there an <id>-oas.json on the disk? */
bool fake_gateway_has_companion(const struct fake_gateway *gateway, const char *id);
/* Prints what it holds, for a test that has failed. */
void fake_gateway_dump(const struct fake_gateway *gateway);
size_t fake_gateway_loaded_count(const struct fake_gateway *gateway);
/* Every second request is answered by `other`'s state: a load balancer. NULL: no more. */
void fake_gateway_balance(struct fake_gateway *gateway, struct fake_gateway *other);

enum fake_fault {
    FAKE_FINE,
    FAKE_REFUSE, /* no connection */
    FAKE_RESET,  /* the answer breaks off */
    FAKE_LOSE,   /* does what it is asked for, and the answer breaks off */
    FAKE_HANG,   /* never answers */
    FAKE_STATUS, /* answers with `status` and `body` */
    FAKE_DENY_TLS,
};
struct fake_fault_rule {
    enum fake_fault fault;
    const char *method;   /* NULL: any */
    const char *url_part; /* NULL: any */
    size_t count;         /* times; 0: for ever */
    size_t every;         /* of so many requests only the last; 0: all */
    size_t passed;        /* private */
    long status;
    const char *body; /* NULL: an error of the gateway's form */
    int64_t retry_after_ms;
};
/* In force until used up, or fake_gateway_heal(). The latest that matches counts. */
void fake_gateway_fault(struct fake_gateway *gateway, const struct fake_fault_rule *rule);
void fake_gateway_heal(struct fake_gateway *gateway);
