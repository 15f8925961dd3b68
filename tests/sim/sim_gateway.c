/* SPDX-License-Identifier: Apache-2.0 */
/* Its life: starts, ticks, reloads. */
#include "sim/sim_gateway.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "sim/sim_gateway_private.h"
#include "sim/sim_json.h"

#define TICK_US 1000000
/* A reload takes so long, and a little more for each definition. */
#define RELOAD_MIN_US 5000
#define RELOAD_MAX_US 60000
#define RELOAD_EACH_US 800

static void on_start(void *arg);
static void on_tick(void *arg);
static void on_done(void *arg);

struct sim_gateway *sim_gateway_new(const struct sim_gateway_options *options)
{
    struct sim_gateway *gateway = xcalloc(1, sizeof(*gateway));
    gateway->options = *options;
    gateway->random = sim_random_of(options->seed, 3);
    gateway->name = xstrdup(options->name);
    gateway->host_name = xstrdup(options->host);
    gateway->secret = xstrdup(options->secret);
    gateway->disk = strmap_new(sim_file_free);
    gateway->companions = strset_new();
    gateway->loaded = strmap_new(sim_loaded_free);
    gateway->meanwhile = strmap_new(sim_file_free);
    gateway->is_up = gateway->has_loaded = true;
    gateway->start = (struct sim_event){.fn = on_start, .arg = gateway};
    gateway->tick = (struct sim_event){.fn = on_tick, .arg = gateway};
    gateway->done = (struct sim_event){.fn = on_done, .arg = gateway};
    gateway->host = sim_net_add(options->net, options->host, sim_gateway_serve, gateway);
    return gateway;
}

void sim_gateway_free(struct sim_gateway *gateway)
{
    if (!gateway)
        return;
    struct sim_time *time = gateway->options.time;
    sim_gateway_drop_waiting(gateway);
    sim_unset(time, &gateway->start);
    sim_unset(time, &gateway->tick);
    sim_unset(time, &gateway->done);
    sim_net_remove(gateway->options.net, gateway->host_name);
    strmap_free(gateway->disk);
    strmap_free(gateway->backup);
    strmap_free(gateway->companions);
    strmap_free(gateway->companions_backup);
    strmap_free(gateway->loaded);
    strmap_free(gateway->meanwhile);
    free(gateway->name);
    free(gateway->host_name);
    free(gateway->secret);
    free(gateway);
}

void sim_gateway_watch(struct sim_gateway *gateway, const struct sim_gateway_watcher *watcher,
                       void *arg)
{
    gateway->watcher = *watcher;
    gateway->watcher_arg = arg;
}

const char *sim_gateway_name(const struct sim_gateway *gateway)
{
    return gateway->name;
}

const char *sim_gateway_host(const struct sim_gateway *gateway)
{
    return gateway->host_name;
}

struct sim_host *sim_gateway_net(const struct sim_gateway *gateway)
{
    return gateway->host;
}

void sim_gateway_set_secret(struct sim_gateway *gateway, const char *secret)
{
    free(gateway->secret);
    gateway->secret = xstrdup(secret);
}

void sim_gateway_set_never_ready(struct sim_gateway *gateway, bool never)
{
    gateway->never_ready = never;
}

void sim_gateway_set_deaf(struct sim_gateway *gateway, bool deaf)
{
    gateway->is_deaf = deaf;
}

bool sim_gateway_is_deaf(const struct sim_gateway *gateway)
{
    return gateway->is_deaf;
}

void sim_gateway_balance(struct sim_gateway *gateway, struct sim_gateway *other)
{
    gateway->other = other;
}

bool sim_gateway_is_up(const struct sim_gateway *gateway)
{
    return gateway->is_up && gateway->has_loaded;
}

bool sim_gateway_is_reloading(const struct sim_gateway *gateway)
{
    return sim_gateway_is_up(gateway) && sim_is_set(&gateway->done);
}

const struct sim_gateway_counts *sim_gateway_counts(const struct sim_gateway *gateway)
{
    return &gateway->counts;
}

/* Reloads. */

static void swap(struct sim_gateway *gateway, const struct strmap *meanwhile)
{
    const char *killer = NULL;
    struct strmap *fresh = sim_gateway_load(gateway, meanwhile, &killer);
    if (!fresh) {
        if (gateway->watcher.died)
            gateway->watcher.died(gateway->watcher_arg, gateway, killer);
        /* The process is started again and dies again, until the file is gone. */
        sim_gateway_restart(gateway, false, 10000);
        return;
    }
    strmap_free(gateway->loaded);
    gateway->loaded = fresh;
    gateway->has_loaded = true;
    gateway->counts.reloads++;
    if (gateway->watcher.reloaded)
        gateway->watcher.reloaded(gateway->watcher_arg, gateway, gateway->served_count > 0);
}

void sim_gateway_reload(struct sim_gateway *gateway)
{
    swap(gateway, NULL);
}

static void on_tick(void *arg)
{
    struct sim_gateway *gateway = arg;
    memcpy(gateway->served, gateway->waiting, sizeof(gateway->waiting));
    gateway->served_count = gateway->waiting_count;
    gateway->waiting_count = 0;
    strmap_clear(gateway->meanwhile);
    sim_set(gateway->options.time, &gateway->done,
            sim_random_between(&gateway->random, RELOAD_MIN_US, RELOAD_MAX_US) +
                RELOAD_EACH_US * (int64_t)strmap_count(gateway->disk));
}

static void ask_for_tick(struct sim_gateway *gateway)
{
    struct sim_time *time = gateway->options.time;
    if (sim_is_set(&gateway->tick) || sim_is_set(&gateway->done))
        return;
    sim_set_at(time, &gateway->tick, (sim_now(time) / TICK_US + 1) * TICK_US);
}

static void on_done(void *arg)
{
    struct sim_gateway *gateway = arg;
    static const char ok[] = "{\"status\":\"ok\",\"message\":\"\"}";
    swap(gateway, gateway->meanwhile);
    strmap_clear(gateway->meanwhile);
    size_t count = gateway->served_count;
    gateway->served_count = 0;
    for (size_t i = 0; i < count; i++) {
        struct sim_waiter *waiter = gateway->served[i];
        if (waiter->exchange) {
            sim_reply_obeyed(waiter->exchange);
            sim_reply(waiter->exchange, 200, ok, strlen(ok));
        }
        free(waiter);
    }
    if (gateway->waiting_count)
        ask_for_tick(gateway);
}

static void on_waiter_gone(void *arg)
{
    struct sim_waiter *waiter = arg;
    waiter->exchange = NULL;
}

void sim_gateway_ask_reload(struct sim_gateway *gateway, struct sim_exchange *exchange)
{
    if (gateway->waiting_count == SIM_WAITING_MAX) {
        sim_reply_break(exchange);
        return;
    }
    struct sim_waiter *waiter = xcalloc(1, sizeof(*waiter));
    waiter->exchange = exchange;
    sim_reply_later(exchange);
    sim_exchange_on_gone(exchange, on_waiter_gone, waiter);
    gateway->waiting[gateway->waiting_count++] = waiter;
    ask_for_tick(gateway);
}

static void drop_waiters(struct sim_waiter **waiters, size_t *count)
{
    for (size_t i = 0; i < *count; i++) {
        if (waiters[i]->exchange)
            sim_reply_break(waiters[i]->exchange);
        free(waiters[i]);
    }
    *count = 0;
}

void sim_gateway_drop_waiting(struct sim_gateway *gateway)
{
    drop_waiters(gateway->waiting, &gateway->waiting_count);
    drop_waiters(gateway->served, &gateway->served_count);
}

/* Starts. */

static void on_start(void *arg)
{
    struct sim_gateway *gateway = arg;
    gateway->is_up = true;
    /* It answers, and has nothing yet. */
    sim_set(gateway->options.time, &gateway->done,
            sim_random_between(&gateway->random, 50000, 2000000));
}

void sim_gateway_restart(struct sim_gateway *gateway, bool wipe, int64_t ms)
{
    struct sim_time *time = gateway->options.time;
    sim_gateway_drop_waiting(gateway);
    sim_host_break_all(gateway->host);
    sim_unset(time, &gateway->tick);
    sim_unset(time, &gateway->done);
    strmap_clear(gateway->meanwhile);
    if (wipe) {
        strmap_clear(gateway->disk);
        strmap_clear(gateway->companions);
    }
    strmap_clear(gateway->loaded);
    gateway->oas_reads = 0;
    gateway->is_up = gateway->has_loaded = false;
    sim_set(time, &gateway->start, ms * 1000);
}

static struct strmap *copy_disk(const struct strmap *disk)
{
    struct strmap *copy = strmap_new(sim_file_free);
    for (struct strmap_entry *e = strmap_first(disk); e; e = strmap_next(e))
        strmap_set(copy, strmap_entry_key(e), sim_file_copy(strmap_entry_value(e)));
    return copy;
}

static struct strmap *copy_set(const struct strmap *set)
{
    struct strmap *copy = strset_new();
    for (struct strmap_entry *e = strmap_first(set); e; e = strmap_next(e))
        strset_add(copy, strmap_entry_key(e));
    return copy;
}

void sim_gateway_back_up(struct sim_gateway *gateway)
{
    strmap_free(gateway->backup);
    strmap_free(gateway->companions_backup);
    gateway->backup = copy_disk(gateway->disk);
    gateway->companions_backup = copy_set(gateway->companions);
}

void sim_gateway_restore(struct sim_gateway *gateway)
{
    if (!gateway->backup)
        return;
    strmap_free(gateway->disk);
    strmap_free(gateway->companions);
    gateway->disk = copy_disk(gateway->backup);
    gateway->companions = copy_set(gateway->companions_backup);
    sim_gateway_restart(gateway, false, 500);
}

/* As somebody else does it. */

void sim_gateway_put(struct sim_gateway *gateway, const char *id, bool oas, json_t *document)
{
    struct sim_file *file = xcalloc(1, sizeof(*file));
    if (oas)
        file->oas = document;
    else
        file->classic = document;
    if (oas)
        strset_add(gateway->companions, id);
    strmap_set(gateway->disk, id, file);
    if (sim_gateway_is_up(gateway))
        sim_gateway_reload(gateway);
}

void sim_gateway_take(struct sim_gateway *gateway, const char *id)
{
    strmap_remove(gateway->disk, id);
    strmap_remove(gateway->companions, id);
    if (sim_gateway_is_up(gateway))
        sim_gateway_reload(gateway);
}

/* What stands there. */

size_t sim_gateway_loaded_count(const struct sim_gateway *gateway)
{
    return strmap_count(gateway->loaded);
}

size_t sim_gateway_disk_count(const struct sim_gateway *gateway)
{
    return strmap_count(gateway->disk);
}

static struct sim_definition of_loaded(const char *id, const struct sim_loaded *loaded)
{
    return (struct sim_definition){.id = id,
                                   .oas = loaded->oas,
                                   .document = loaded->shown,
                                   .is_renamed = loaded->is_renamed,
                                   .is_truncated = loaded->is_truncated};
}

static struct sim_definition of_file(const char *id, const struct sim_file *file)
{
    return (struct sim_definition){
        .id = id, .oas = file->oas != NULL, .document = file->oas ? file->oas : file->classic};
}

bool sim_gateway_has_stray(const struct sim_gateway *gateway, const char *id)
{
    const struct sim_file *file = strmap_get(gateway->disk, id);
    return strmap_has(gateway->companions, id) && !(file && file->oas);
}

bool sim_gateway_loaded(const struct sim_gateway *gateway, const char *id,
                        struct sim_definition *ret_definition)
{
    const struct sim_loaded *loaded = strmap_get(gateway->loaded, id);
    if (loaded)
        *ret_definition = of_loaded(id, loaded);
    return loaded != NULL;
}

bool sim_gateway_disk(const struct sim_gateway *gateway, const char *id,
                      struct sim_definition *ret_definition)
{
    const struct sim_file *file = strmap_get(gateway->disk, id);
    if (file)
        *ret_definition = of_file(id, file);
    return file != NULL;
}

void sim_gateway_each(const struct sim_gateway *gateway, bool loaded,
                      void (*fn)(void *arg, const struct sim_definition *definition), void *arg)
{
    const struct strmap *map = loaded ? gateway->loaded : gateway->disk;
    for (struct strmap_entry *e = strmap_first(map); e; e = strmap_next(e)) {
        struct sim_definition definition =
            loaded ? of_loaded(strmap_entry_key(e), strmap_entry_value(e))
                   : of_file(strmap_entry_key(e), strmap_entry_value(e));
        fn(arg, &definition);
    }
}

static json_t *without_version(const json_t *document)
{
    json_t *copy = json_deep_copy(document);
    json_object_del(sim_json_get(copy, "x-grapnel", NULL), "rv");
    json_object_del(sim_json_get(copy, "config_data", "grapnel", NULL), "rv");
    return copy;
}

static bool same_document(const json_t *left, const json_t *right)
{
    if (json_equal(left, right))
        return true;
    json_t *left_copy = without_version(left);
    json_t *right_copy = without_version(right);
    bool same = json_equal(left_copy, right_copy);
    json_decref(left_copy);
    json_decref(right_copy);
    return same;
}

bool sim_gateway_is_current(const struct sim_gateway *gateway)
{
    if (strmap_count(gateway->disk) != strmap_count(gateway->loaded))
        return false;
    for (struct strmap_entry *e = strmap_first(gateway->disk); e; e = strmap_next(e)) {
        const struct sim_file *file = strmap_entry_value(e);
        const struct sim_loaded *loaded = strmap_get(gateway->loaded, strmap_entry_key(e));
        if (!loaded || !same_document(loaded->source, file->oas ? file->oas : file->classic))
            return false;
    }
    return true;
}
