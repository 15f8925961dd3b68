/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the files sim_gateway*.c share. Nothing else includes it. */

#include "base/strmap.h"
#include "sim/sim_gateway.h"
#include "sim/sim_random.h"

/* Of a file that a reload does not find, both are NULL. <id>.json, and <id>-oas.json beside it. */
struct sim_file {
    json_t *classic; /* NULL: the projection of the OAS document */
    json_t *oas;     /* NULL: none */
};

/* A call for a reload that waits. */
struct sim_waiter {
    struct sim_exchange *exchange; /* NULL: the client has gone, which changes nothing */
};

struct sim_loaded {
    bool oas;
    json_t *source;
    json_t *shown;
    char *shown_text; /* made when it is asked for */
    char *listen_path;
    bool is_renamed;
    bool is_truncated;
};

#define SIM_WAITING_MAX 64

struct sim_gateway {
    struct sim_gateway_options options;
    struct sim_random random;
    char *name;
    char *host_name;
    char *secret;
    struct sim_host *host;
    struct sim_gateway_watcher watcher;
    void *watcher_arg;
    struct strmap *disk;   /* id → struct sim_file */
    struct strmap *backup; /* the same; NULL: none */
    /* Ids of which there is an <id>-oas.json: also one that a Classic definition was posted over,
     * or that was left when the Classic one went; a set. */
    struct strmap *companions;
    struct strmap *companions_backup;
    struct strmap *loaded; /* id → struct sim_loaded */
    bool is_up;
    bool has_loaded; /* since its start */
    bool never_ready;
    bool is_deaf;
    struct sim_gateway *other;
    bool turn_of_other;
    struct sim_event start;
    struct sim_event tick;    /* the next reload begins */
    struct sim_event done;    /* the one that runs ends */
    struct strmap *meanwhile; /* written while it runs: id → struct sim_file as it reads it */
    struct sim_waiter *waiting[SIM_WAITING_MAX]; /* for the next reload */
    size_t waiting_count;
    struct sim_waiter *served[SIM_WAITING_MAX]; /* by the one that runs */
    size_t served_count;
    unsigned oas_reads; /* that are being answered */
    struct sim_gateway_counts counts;
};

void sim_file_free(void *value);
void sim_loaded_free(void *value);
/* Returns owned; NULL stays NULL. */
struct sim_file *sim_file_copy(const struct sim_file *file);
/* What the disk makes after what was loaded before; files in `meanwhile` (may be NULL) stand in for
 * those on the disk. NULL: loading `*ret_killer` kills the process. */
struct strmap *sim_gateway_load(const struct sim_gateway *gateway, const struct strmap *meanwhile,
                                const char **ret_killer);
const char *sim_loaded_text(struct sim_loaded *loaded);
/* Returns owned: the Classic form, also of an OAS API. */
json_t *sim_loaded_classic(const char *id, const struct sim_loaded *loaded);
/* "" when it has none. */
const char *sim_listen_path(const json_t *document, bool oas);
void sim_gateway_serve(void *arg, struct sim_exchange *exchange);
void sim_gateway_drop_waiting(struct sim_gateway *gateway);
void sim_gateway_ask_reload(struct sim_gateway *gateway, struct sim_exchange *exchange);
