/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/sim_operator.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/mem.h"
#include "core/packing.h"
#include "replica.h"
#include "sim/sim_loop.h"
#include "world.h"

#define CONVERSION_GRACE_MS 5000
#define REFERENCE_GRACE_MS 10000
#define REWRITE_DELAY_MS 30000
#define FINALIZER_TIMEOUT_MS 60000
#define DRIFT_INTERVAL_MS 10000
#define SECRET_POLL_MS 30000
#define URLS_MAX 8
#define OPEN_MAX (8U << 20)

/* They exist in memory only, and are the same for every process: whoever comes next takes those of
 * one that has gone. */
#define FILES_MAX 4
struct files {
    bool exist;
    bool are_taken;
    int token;
    char kubeconfig_path[32];
    char token_path[32];
    char token_text[64];
};

struct sim_operator {
    struct sim_operator_options options;
    struct config config;
    struct files *files;
    unsigned incarnation;
    /* while it runs */
    bool running;
    struct loop *loop;
    struct http *http;
    struct world *world;
    struct packing *packing;
    struct replica *replica;
    struct default_gateways *defaults;
    bool ending;
    struct gateway_endpoint endpoints[URLS_MAX];
    size_t endpoint_count;
};

static void write_file(int file, const char *text)
{
    size_t length = strlen(text);
    if (ftruncate(file, 0) < 0 || pwrite(file, text, length, 0) != (ssize_t)length)
        abort();
}

static int make_file(const char *name, char path[static 32])
{
    int file = memfd_create(name, 0);
    if (file < 0)
        abort();
    snprintf(path, 32, "/proc/self/fd/%d", file);
    return file;
}

static void fill_config(struct sim_operator *operator_)
{
    const struct sim_operator_options *options = &operator_->options;
    struct config *config = &operator_->config;
    *config = (struct config){
        .kubeconfig = operator_->files->kubeconfig_path,
        .owner = (char *)(uintptr_t) "grapnel",
        .default_cooldown = (char *)(uintptr_t) "10s",
        .conversion_grace_ms = CONVERSION_GRACE_MS,
        .reference_grace_ms = REFERENCE_GRACE_MS,
        .rewrite_delay_ms =
            options->rewrite_delay_ms ? options->rewrite_delay_ms : REWRITE_DELAY_MS,
        .finalizer_timeout_ms = FINALIZER_TIMEOUT_MS,
        .drift_interval_ms =
            options->drift_interval_ms ? options->drift_interval_ms : DRIFT_INTERVAL_MS,
        .secret_poll_ms = options->secret_poll_ms ? options->secret_poll_ms : SECRET_POLL_MS,
        .confirm_prune = options->confirm_prune,
        .leader_elect = options->leader_elect,
        .lease_name = (char *)(uintptr_t) "grapnel",
    };
    config->id_namespaces.items = (char **)(uintptr_t)options->id_namespaces;
    for (size_t i = 0; options->id_namespaces && options->id_namespaces[i]; i++)
        config->id_namespaces.count++;
    config->namespaces.items = (char **)(uintptr_t)options->namespaces;
}

static void make_files(struct files *files)
{
    int kubeconfig = make_file("kubeconfig", files->kubeconfig_path);
    files->token = make_file("token", files->token_path);
    files->exist = true;
    CLEANUP(freep)
    char *text = xasprintf(
        "{\"current-context\":\"c\",\"contexts\":[{\"name\":\"c\",\"context\":{\"cluster\":\"c\","
        "\"user\":\"u\",\"namespace\":\"grapnel\"}}],\"clusters\":[{\"name\":\"c\",\"cluster\":{"
        "\"server\":\"https://api.sim:6443\"}}],\"users\":[{\"name\":\"u\",\"user\":{\"tokenFile\":"
        "\"%s\"}}]}",
        files->token_path);
    write_file(kubeconfig, text);
}

static struct files *take_files(void)
{
    static struct files all[FILES_MAX];
    for (size_t i = 0; i < FILES_MAX; i++) {
        struct files *files = &all[i];
        if (files->are_taken)
            continue;
        if (!files->exist)
            make_files(files);
        files->are_taken = true;
        return files;
    }
    abort();
}

struct sim_operator *sim_operator_new(const struct sim_operator_options *options)
{
    struct sim_operator *operator_ = xcalloc(1, sizeof(*operator_));
    operator_->options = *options;
    operator_->files = take_files();
    sim_operator_set_token(operator_, options->token);
    fill_config(operator_);
    for (size_t i = 0; options->urls && options->urls[i] && i < URLS_MAX; i++)
        operator_->endpoints[operator_->endpoint_count++] = (struct gateway_endpoint){
            .id = options->urls[i], .url = options->urls[i], .pod = "", .ready = true};
    return operator_;
}

void sim_operator_set_token(struct sim_operator *operator_, const char *token)
{
    struct files *files = operator_->files;
    if (strcmp(files->token_text, token) == 0)
        return;
    write_file(files->token, token);
    snprintf(files->token_text, sizeof(files->token_text), "%s", token);
}

void sim_operator_free(struct sim_operator *operator_)
{
    operator_->files->are_taken = false;
    free(operator_->defaults);
    free(operator_);
}

/* In place of the one that reads files. */
struct default_gateways {
    const struct sim_operator *process;
};

struct default_context default_gateways_context(const struct default_gateways *defaults)
{
    const struct sim_operator *operator_ = defaults->process;
    const struct sim_operator_options *options = &operator_->options;
    return (struct default_context){
        .endpoints = operator_->endpoints,
        .endpoint_count = operator_->endpoint_count,
        .service = options->service,
        .service_port = options->port,
        .secret = options->gateway_secret,
        .abilities = {.version = ""},
        .confirm_prune = options->confirm_prune,
    };
}

/* As app.c has it. */
static void on_world_ready(void *arg, const struct err *err)
{
    struct sim_operator *operator_ = arg;
    if (err)
        abort(); /* a cluster is waited for, however long */
    operator_->replica = replica_new(operator_->loop, operator_->http, &operator_->config,
                                     operator_->packing, operator_->defaults, operator_->world);
}

static void tell(const struct sim_operator *operator_, bool leads)
{
    if (operator_->options.on_leading)
        operator_->options.on_leading(operator_->options.arg, operator_->options.name, leads);
}

static void on_leading(void *arg)
{
    struct sim_operator *operator_ = arg;
    tell(operator_, true);
    replica_lead(operator_->replica);
}

static void on_lost(void *arg)
{
    struct sim_operator *operator_ = arg;
    replica_stand_by(operator_->replica);
    tell(operator_, false);
}

static const struct world_callbacks world_callbacks = {
    .ready = on_world_ready, .leading = on_leading, .lost = on_lost};

static void open_world(void *arg)
{
    struct sim_operator *operator_ = arg;
    struct err err;
    operator_->world = world_open_kube(operator_->loop, operator_->http, &operator_->config,
                                       &world_callbacks, operator_, &err);
    if (!operator_->world) {
        fprintf(stdout, "no world: %s\n", err.msg);
        abort();
    }
}

void sim_operator_start(struct sim_operator *operator_)
{
    const struct sim_operator_options *options = &operator_->options;
    if (!operator_->defaults) {
        operator_->defaults = xcalloc(1, sizeof(*operator_->defaults));
        operator_->defaults->process = operator_;
    }
    if (operator_->running)
        abort();
    operator_->incarnation++;
    operator_->running = true;
    struct sim_loop_options loop = {
        .time = options->time,
        .random = sim_random_of(options->seed, 100 + operator_->incarnation),
        .wall_start = options->wall_start,
        .rate = options->clock_rate,
        .slow_permille = options->slow_permille,
    };
    operator_->loop = sim_loop_new(&loop);
    operator_->http = sim_http_new(options->net, operator_->loop, options->name);
    operator_->packing = packing_new(0, options->open_max ? options->open_max : OPEN_MAX);
    sim_loop_after_callbacks(operator_->loop, packing_rest, operator_->packing);
    sim_loop_call(operator_->loop, open_world, NULL, operator_);
}

void sim_operator_mark_killed(struct sim_operator *operator_)
{
    if (operator_->running)
        sim_loop_kill(operator_->loop);
}

static void on_released(void *arg)
{
    struct sim_operator *operator_ = arg;
    sim_loop_kill(operator_->loop);
}

static void terminate(void *arg)
{
    struct sim_operator *operator_ = arg;
    if (operator_->ending || !operator_->world)
        return;
    operator_->ending = true;
    if (operator_->replica)
        replica_stand_by(operator_->replica);
    tell(operator_, false);
    operator_->world->ops->release(operator_->world, on_released, operator_);
}

void sim_operator_terminate(struct sim_operator *operator_)
{
    if (operator_->running)
        sim_loop_call(operator_->loop, terminate, NULL, operator_);
}

bool sim_operator_leads(const struct sim_operator *operator_)
{
    return operator_->running && operator_->replica && replica_gateways(operator_->replica);
}

bool sim_operator_is_killed(const struct sim_operator *operator_)
{
    return operator_->running && sim_loop_is_killed(operator_->loop);
}

/* As app.c has it. */
size_t sim_operator_kill(struct sim_operator *operator_)
{
    if (!operator_->running)
        return 0;
    sim_loop_kill(operator_->loop);
    replica_free(operator_->replica);
    world_free(operator_->world);
    packing_free(TAKE(operator_->packing));
    size_t left = sim_http_free(operator_->http);
    left += sim_loop_free(operator_->loop);
    operator_->replica = NULL;
    operator_->ending = false;
    operator_->world = NULL;
    operator_->http = NULL;
    operator_->loop = NULL;
    operator_->running = false;
    return left;
}

bool sim_operator_is_running(const struct sim_operator *operator_)
{
    return operator_->running;
}

unsigned sim_operator_incarnation(const struct sim_operator *operator_)
{
    return operator_->incarnation;
}

struct loop *sim_operator_loop(const struct sim_operator *operator_)
{
    return operator_->loop;
}

const char *sim_operator_name(const struct sim_operator *operator_)
{
    return operator_->options.name;
}

const struct reconciler *sim_operator_reconciler(const struct sim_operator *operator_)
{
    return operator_->replica ? replica_reconciler(operator_->replica) : NULL;
}
