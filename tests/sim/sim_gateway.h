/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/sim_net.h"

/*
 * One gateway pod: definitions on a disk that nothing shows before a reload, one reload a second,
 * blocking reloads that a later call waits for, /ready, both lists, normalised documents. With its
 * traps, as they were measured on a real one: an answer of 200 says little, duplicate listen paths
 * are renamed for good, a mistyped handler truncates the document, a write during a reload loses
 * the API until the next one, concurrent reads of OAS documents panic, an enabled JS handler kills
 * the process at every load.
 */
struct sim_gateway;

struct sim_gateway_options {
    struct sim_time *time;
    struct sim_net *net;
    uint64_t seed;
    const char *name;   /* of the pod */
    const char *host;   /* "10.0.0.1:8080" */
    const char *secret; /* X-Tyk-Authorization */
};

/* What was written, for those who watch. `text` is the body; a deletion has none. */
struct sim_gateway_write {
    const struct sim_gateway *gateway;
    const char *client;
    const char *id;
    bool oas;
    bool is_delete;
    const json_t *document; /* what is written, or what stood on the disk */
};
struct sim_gateway_watcher {
    /* Before it is obeyed. */
    void (*write)(void *arg, const struct sim_gateway_write *write);
    /* `asked`: somebody has called for it; else it is a start, or somebody else's. */
    void (*reloaded)(void *arg, const struct sim_gateway *gateway, bool asked);
    /* The process has died of a definition. */
    void (*died)(void *arg, const struct sim_gateway *gateway, const char *id);
};

struct sim_gateway *sim_gateway_new(const struct sim_gateway_options *options);
void sim_gateway_free(struct sim_gateway *gateway);
void sim_gateway_watch(struct sim_gateway *gateway, const struct sim_gateway_watcher *watcher,
                       void *arg);
const char *sim_gateway_name(const struct sim_gateway *gateway);
const char *sim_gateway_host(const struct sim_gateway *gateway);
struct sim_host *sim_gateway_net(const struct sim_gateway *gateway);
void sim_gateway_set_secret(struct sim_gateway *gateway, const char *secret);

/* Stops it; it is up again and loads after `ms`, with an empty disk if `wipe`. */
void sim_gateway_restart(struct sim_gateway *gateway, bool wipe, int64_t ms);
/* Goes back to what was on its disk at the last backup. */
void sim_gateway_back_up(struct sim_gateway *gateway);
void sim_gateway_restore(struct sim_gateway *gateway);
/* /ready says 503 for ever although all works (Redis is down). */
void sim_gateway_set_never_ready(struct sim_gateway *gateway, bool never);
/* Writes are answered 200 and do nothing. */
void sim_gateway_set_deaf(struct sim_gateway *gateway, bool deaf);
bool sim_gateway_is_deaf(const struct sim_gateway *gateway);
/* Takes another gateway's answers for every second request: a load balancer. NULL: no more. */
void sim_gateway_balance(struct sim_gateway *gateway, struct sim_gateway *other);

/* As somebody else does it: at once, with a reload. Steals the document. */
void sim_gateway_put(struct sim_gateway *gateway, const char *id, bool oas, json_t *document);
void sim_gateway_take(struct sim_gateway *gateway, const char *id);
void sim_gateway_reload(struct sim_gateway *gateway);

/* What stands there. `loaded` is as GET shows it, with a renamed listen path; `disk` as it was
 * written. Borrowed until the next write or reload. */
struct sim_definition {
    const char *id;
    bool oas;
    const json_t *document;
    bool is_renamed;
    bool is_truncated;
};
size_t sim_gateway_loaded_count(const struct sim_gateway *gateway);
size_t sim_gateway_disk_count(const struct sim_gateway *gateway);
bool sim_gateway_loaded(const struct sim_gateway *gateway, const char *id,
                        struct sim_definition *ret_definition);
bool sim_gateway_disk(const struct sim_gateway *gateway, const char *id,
                      struct sim_definition *ret_definition);
/* All of the disk, in the order of their coming. */
void sim_gateway_each(const struct sim_gateway *gateway, bool loaded,
                      void (*fn)(void *arg, const struct sim_definition *definition), void *arg);
/* Is there an <id>-oas.json that belongs to nothing? */
bool sim_gateway_has_stray(const struct sim_gateway *gateway, const char *id);
/* Are disk and loaded set the same? A marker's `rv` may differ: it alone is nothing to push, and a
 * POST that was given up may be obeyed after the one that was made again. */
bool sim_gateway_is_current(const struct sim_gateway *gateway);
bool sim_gateway_is_up(const struct sim_gateway *gateway);
bool sim_gateway_is_reloading(const struct sim_gateway *gateway);

struct sim_gateway_counts {
    unsigned posts;
    unsigned deletes;
    unsigned reloads;
    unsigned reads;
    unsigned lists;
};
const struct sim_gateway_counts *sim_gateway_counts(const struct sim_gateway *gateway);
