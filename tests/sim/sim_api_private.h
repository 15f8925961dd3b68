/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the files sim_api*.c share. Nothing else includes it. */

#include <sys/queue.h>

#include "base/buf.h"
#include "base/strmap.h"
#include "sim/sim_api.h"

/* What a request is about. */
struct sim_target {
    unsigned kind;
    bool is_event;
    char *ns;   /* NULL: all, or none */
    char *name; /* NULL: the collection */
    char *subresource;
};

struct sim_selector {
    char *name;  /* metadata.name; NULL: any */
    char *label; /* "name=value"; NULL: any */
};
bool sim_selector_takes(const struct sim_selector *selector, const char *ns,
                        const struct sim_object *object);
void sim_selector_read(const struct sim_exchange *exchange, struct sim_selector *ret_selector);
void sim_selector_fini(struct sim_selector *selector);

struct sim_watch {
    struct sim_api *api;
    struct sim_instance *instance;
    struct sim_exchange *exchange;
    unsigned kind;
    char *ns;
    struct sim_selector selector;
    int64_t last; /* revision that has been told */
    bool bookmarks;
    struct sim_event end;
    struct sim_event bookmark;
    LIST_ENTRY(sim_watch) entry;
};

/* One page after the other of one list: whatever the selector, all that there was. */
struct sim_pages {
    uint64_t id;
    int64_t revision;
    struct sim_selector selector;
    const struct sim_object **objects; /* references */
    size_t count;
    LIST_ENTRY(sim_pages) entry;
};

struct sim_instance {
    struct sim_api *api;
    int64_t seen;   /* what its watch cache has */
    int64_t known;  /* what it could have: goes on when it is not frozen */
    int64_t oldest; /* versions before are expired */
    int64_t lag;
    bool frozen;
    LIST_HEAD(, sim_watch) watches;
};

struct sim_api {
    struct sim_api_options options;
    struct sim_random random;
    struct sim_host *host;
    char *token;
    struct sim_instance instances[SIM_API_INSTANCES];
    unsigned active;
    uint64_t next_page;
    LIST_HEAD(, sim_pages) pages;
    unsigned denied[SIM_KIND_COUNT];
    bool events_denied;
    unsigned drops[SIM_KIND_COUNT];
    uint32_t doubles;
    int64_t bookmark_ms;
    bool expired_as_status;
    struct strmap *events; /* "ns/name" → json_t */
    void (*on_body)(void *arg, const char *path, struct span body);
    void *body_arg;
    uint64_t epoch; /* raised by a restore */
};

void sim_answer_status(struct sim_exchange *exchange, long code, const char *reason,
                       const char *message);
void sim_answer_result(struct sim_exchange *exchange, const struct sim_result *result);
/* 504: the version is ahead of the server's. */
void sim_answer_to_come(struct sim_exchange *exchange, const char *version, int64_t current);
/* 410 to a further page. */
void sim_answer_expired_page(struct sim_exchange *exchange);
/* 404: there is no such resource. */
void sim_answer_unknown(struct sim_exchange *exchange);
void sim_answer_forbidden(struct sim_exchange *exchange, const struct sim_target *target,
                          unsigned verb);
/* Fills in details: what the request is about. */
void sim_name_target(const struct sim_target *target, struct sim_result *result);
void sim_api_list(struct sim_api *api, struct sim_exchange *exchange,
                  const struct sim_target *target);
void sim_api_watch(struct sim_api *api, struct sim_exchange *exchange,
                   const struct sim_target *target);
void sim_api_write(struct sim_api *api, struct sim_exchange *exchange,
                   const struct sim_target *target);
void sim_api_write_event(struct sim_api *api, struct sim_exchange *exchange,
                         const struct sim_target *target);
void sim_pages_free(struct sim_pages *pages);
/* The store has changed. */
void sim_watch_change(void *arg, const struct sim_change *change);
void sim_instance_break(struct sim_instance *instance);
