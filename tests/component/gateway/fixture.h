/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/strmap.h"
#include "gateway/fleet.h"
#include "gateway/gateways.h"
#include "support/fake_gateway.h"
#include "support/fake_loop.h"

/*
 * The gateways' side of Grapnel with fake gateways behind it, in virtual time. APIs are named
 * "ns/NAME"; their documents are made from id, listen path and a version number.
 */
#define WORLD_GATEWAYS 12

struct world {
    struct loop *loop;
    struct http *http;
    struct gateways *gateways;
    const struct gateways_ops *ops;
    struct fake_gateway *gateway[WORLD_GATEWAYS];
    size_t gateway_count;
    struct strmap *documents; /* by API */
    /* what was told */
    size_t progressed;
    struct strmap
        *told; /* APIs of which it was told, until the test takes them out; NULL: nobody asks */
    size_t context_changed;
    char last_reason[64]; /* of happened() */
    size_t happened;
    bool may_not_collect;
    size_t documents_asked;
    bool withhold_documents;
};

struct world *world_new(size_t gateway_count);
struct world *world_new_with(size_t gateway_count, const struct gateways_options *options);
/* Ends the operator; the gateways stay as they are. */
void world_stop(struct world *world);
/* And starts a new one, which knows nothing. */
void world_start(struct world *world, const struct gateways_options *options);
void world_free(struct world *world);

/* Endpoints by number; "pods" or fixed URLs. */
struct world_context {
    const char *name; /* NULL: the default context */
    size_t from;
    size_t count;
    bool fixed; /* URLs, not pods */
    bool not_ready;
    bool allow_adoption;
    bool confirm_prune;
    bool unsettled;
    const char *secret; /* NULL: the right one */
    const char *blocked;
};
void world_context(struct world *world, const struct world_context *context);

/* What an API wants; strings NULL: their defaults ("ns/NAME" → id NAME, path /NAME/). */
struct world_api {
    const char *name;
    const char *context;
    const char *id;
    const char *path;
    const char *uid;
    const char *extra; /* members for the document, with a comma behind */
    const char *domain;
    bool oas;
    unsigned version;
    uint64_t object_version; /* 0: none is known */
    bool by_user;
    bool adopt;
    bool retain;
};
void world_want(struct world *world, const struct world_api *api);
/* APIs "ns/a0" … in the default context. */
void world_want_many(struct world *world, size_t count, unsigned version, bool oas);
void world_remove(struct world *world, const char *name);
/* Returns owned: the document that such an API has, without a marker. */
char *world_document(const struct world_api *api);

void world_run(struct world *world, int64_t ms);
/* Until everything is settled; returns the time it took. */
int64_t world_settle(struct world *world);
struct gateway_progress world_progress(const struct world *world, const char *name);
void expect_synced(struct world *world, const char *name, size_t total);
void expect_state(struct world *world, const char *name, enum gateway_state state,
                  const char *detail_part);
/* The state word of the context's n-th endpoint. */
char *world_word(struct world *world, const char *context, size_t index);
/* Sum of all requests of a gateway, and of those that write. */
size_t requests(const struct world *world, size_t gateway);
size_t writes(const struct world *world, size_t gateway);
const struct fake_gateway_counts *counts(const struct world *world, size_t gateway);
void reset_counts(struct world *world);

/* The marker of a definition that this operator has written: a member, with a comma behind. */
#define OURS(api, context, hash)                                                                   \
    "\"config_data\":{\"grapnel\":{\"v\":1,\"owner\":\"grapnel\",\"cluster\":\"c-1\",\"context\":" \
    "\"" context "\",\"api\":\"" api "\",\"uid\":\"u\",\"hash\":\"" hash "\",\"n\":0}},"

#define expect_counts(world, index, ...)                                                           \
    do {                                                                                           \
        const struct fake_gateway_counts want_counts_ = {__VA_ARGS__};                             \
        check_counts((world), (index), &want_counts_, __FILE__, __LINE__);                         \
    } while (0)
void check_counts(const struct world *world, size_t gateway,
                  const struct fake_gateway_counts *expected, const char *file, int line);
