/* SPDX-License-Identifier: Apache-2.0 */
#include "reload.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "exchange.h"
#include "gateway.h"
#include "journal.h"
#include "loaded.h"
#include "map.h"
#include "mem.h"
#include "store.h"

struct waiters {
    struct exchange **items;
    size_t count;
};

struct reload {
    struct gateway *gateway;
    struct event *tick;
    struct event *end; /* of the reload that runs, or of the start delay */
    int64_t time_ms;
    bool loaded;  /* at least once */
    bool wanted;  /* at the next tick */
    bool running; /* from begin to finish; also during the start delay */
    struct waiters queue;
    struct waiters served; /* by the reload that runs */
    struct definition **definitions;
    size_t definition_count;
    struct map overlapped; /* ids written while it runs; keys are owned values */
};

static void on_tick(evutil_socket_t fd, short what, void *arg);

struct reload *reload_new(struct gateway *gateway)
{
    struct reload *reload = mem_zeroed(sizeof(*reload));
    reload->gateway = gateway;
    reload->time_ms = gateway->options->reload_time_ms;
    reload->tick = event_new(gateway->base, -1, EV_PERSIST, on_tick, reload);
    double interval = gateway->options->reload_interval_s;
    struct timeval every = {.tv_sec = (time_t)interval};
    every.tv_usec = (suseconds_t)((interval - (double)every.tv_sec) * 1e6);
    event_add(reload->tick, &every);
    return reload;
}

static void forget_writes(struct reload *reload)
{
    size_t position = 0;
    char *id = NULL;
    while ((id = map_next(&reload->overlapped, &position)) != NULL) {
        free(id);
    }
    map_fini(&reload->overlapped);
}

void reload_free(struct reload *reload)
{
    if (reload == NULL) {
        return;
    }
    event_free(reload->tick);
    if (reload->end != NULL) {
        event_free(reload->end);
    }
    store_release(reload->definitions, reload->definition_count);
    forget_writes(reload);
    free(reload->queue.items);
    free(reload->served.items);
    free(reload);
}

/* Takes the definitions out that were written while they were being read. */
static void drop_overlapped(struct reload *reload)
{
    size_t kept = 0;
    for (size_t i = 0; i < reload->definition_count; i++) {
        struct definition *definition = reload->definitions[i];
        if (map_get(&reload->overlapped, definition->api_id) != NULL) {
            definition_unref(definition);
        } else {
            reload->definitions[kept++] = definition;
        }
    }
    reload->definition_count = kept;
    forget_writes(reload);
}

static const char *death_words(enum loaded_death death)
{
    return death == LOADED_NO_JSVM
               ? "runtime error: invalid memory address (a JS event handler without jsvm)"
               : "interface conversion: a JS event handler without a path";
}

/* Swaps the new set in. Returns false if the process is dead. */
static bool swap(struct reload *reload)
{
    struct gateway *gateway = reload->gateway;
    enum loaded_death death = LOADED_ALIVE;
    struct loaded *next = loaded_build(gateway->loaded, reload->definitions,
                                       reload->definition_count, gateway->options->jsvm, &death);
    store_release(reload->definitions, reload->definition_count);
    reload->definitions = NULL;
    reload->definition_count = 0;
    if (next == NULL) {
        gateway_panic(gateway, death_words(death));
        return false;
    }
    loaded_unref(gateway->loaded);
    gateway->loaded = next;
    reload->loaded = true;
    return true;
}

static void finish(struct reload *reload)
{
    drop_overlapped(reload);
    if (!swap(reload)) {
        return;
    }
    reload->gateway->journal->reloads++;
    reload->running = false;
    struct waiters served = reload->served;
    reload->served = (struct waiters){0};
    for (size_t i = 0; i < served.count; i++) {
        exchange_reply_text(served.items[i], 200, TYPE_JSON,
                            "{\"status\":\"ok\",\"message\":\"\"}\n");
    }
    free(served.items);
}

static void set_end(struct reload *reload, int64_t ms, event_callback_fn call)
{
    if (reload->end != NULL) {
        event_free(reload->end);
    }
    reload->end = event_new(reload->gateway->base, -1, 0, call, reload);
    struct timeval when = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
    event_add(reload->end, &when);
}

static void on_end(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    finish(arg);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct reload *reload = arg;
    if (!reload->wanted || reload->running) {
        return;
    }
    reload->wanted = false;
    reload->running = true;
    reload->served = reload->queue;
    reload->queue = (struct waiters){0};
    reload->definitions = store_scan(reload->gateway->store, &reload->definition_count);
    if (reload->time_ms > 0) {
        set_end(reload, reload->time_ms, on_end);
    } else {
        finish(reload);
    }
}

static void load_first(struct reload *reload)
{
    reload->definitions = store_scan(reload->gateway->store, &reload->definition_count);
    forget_writes(reload);
    if (swap(reload)) {
        reload->running = false;
    }
}

static void on_start_delay(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    load_first(arg);
}

void reload_load_at_start(struct reload *reload)
{
    int64_t delay_ms = reload->gateway->options->start_delay_ms;
    if (delay_ms == 0) {
        load_first(reload);
        return;
    }
    reload->running = true;
    set_end(reload, delay_ms, on_start_delay);
}

void reload_request(struct reload *reload, struct exchange *exchange)
{
    reload->wanted = true;
    if (exchange != NULL) {
        struct waiters *queue = &reload->queue;
        queue->items = mem_resized(queue->items, queue->count + 1, sizeof(struct exchange *));
        queue->items[queue->count++] = exchange;
    }
}

void reload_note_write(struct reload *reload, const char *api_id)
{
    if (reload->running && map_get(&reload->overlapped, api_id) == NULL) {
        char *id = mem_string(api_id);
        map_put(&reload->overlapped, id, id);
    }
}

void reload_set_time(struct reload *reload, int64_t ms)
{
    reload->time_ms = ms;
}

void reload_unload(struct reload *reload)
{
    struct gateway *gateway = reload->gateway;
    loaded_unref(gateway->loaded);
    gateway->loaded = loaded_empty();
    store_release(reload->definitions, reload->definition_count);
    reload->definitions = NULL;
    reload->definition_count = 0;
}

bool reload_has_loaded(const struct reload *reload)
{
    return reload->loaded;
}
