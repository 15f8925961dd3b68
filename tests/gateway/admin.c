/* SPDX-License-Identifier: Apache-2.0 */
#include "admin.h"

#include <event2/event.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fire.h"
#include "gateway.h"
#include "gojson.h"
#include "http_server.h"
#include "loaded.h"
#include "mem.h"
#include "reload.h"
#include "store.h"
#include "text.h"

struct listing {
    struct text *out;
    bool some;
};

static void put_name(void *arg, const char *name)
{
    struct listing *listing = arg;
    text_puts(listing->out, listing->some ? "," : "");
    gojson_puts(listing->out, name);
    listing->some = true;
}

static void reply_state(struct gateway *gateway, struct exchange *exchange)
{
    struct text body = {0};
    text_putc(&body, '{');
    journal_counters(gateway->journal, &body);
    text_printf(&body,
                ",\"ready\":%s,\"refusing\":%s,\"oas_collisions\":%" PRIu64
                ",\"loaded_count\":%zu,\"file_count\":%zu",
                reload_has_loaded(gateway->reload) && gateway->not_ready == NULL ? "true" : "false",
                gateway->refusing ? "true" : "false", gateway->oas_collisions,
                loaded_count(gateway->loaded), store_file_count(gateway->store));
    text_puts(&body, ",\"faults\":");
    faults_write(gateway->faults, &body);
    if (strcmp(exchange->query, "brief=1") != 0) {
        struct listing loaded = {&body, false};
        text_puts(&body, ",\"loaded\":[");
        for (size_t i = 0; i < loaded_count(gateway->loaded); i++) {
            put_name(&loaded, loaded_at(gateway->loaded, i)->definition->api_id);
        }
        struct listing files = {&body, false};
        text_puts(&body, "],\"files\":[");
        store_each_file(gateway->store, put_name, &files);
        text_putc(&body, ']');
    }
    text_puts(&body, "}\n");
    exchange_reply_text(exchange, 200, TYPE_JSON, body.bytes);
    text_fini(&body);
}

static void reply_requests(struct gateway *gateway, struct exchange *exchange)
{
    uint64_t since = 0;
    if (strncmp(exchange->query, "since=", 6) == 0) {
        since = strtoull(exchange->query + 6, NULL, 10);
    }
    struct text body = {0};
    journal_lines(gateway->journal, since, &body);
    text_putc(&body, '\n');
    exchange_reply_text(exchange, 200, TYPE_JSON, body.bytes);
    text_fini(&body);
}

static void end_refusing(struct gateway *gateway)
{
    gateway->refusing = false;
    if (!http_server_accept(gateway->main_server)) {
        fprintf(stderr, "refuse: the port is taken by now\n");
    }
}

static void end_not_ready(struct gateway *gateway)
{
    free(gateway->not_ready);
    gateway->not_ready = NULL;
}

static void on_refuse_end(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    end_refusing(arg);
}

static void on_not_ready_end(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    end_not_ready(arg);
}

/* Sets a timer anew; with 0 ms it never fires. */
static void set_end(struct gateway *gateway, struct event **timer, int64_t ms,
                    event_callback_fn call)
{
    if (*timer == NULL) {
        *timer = event_new(gateway->base, -1, 0, call, gateway);
    }
    event_del(*timer);
    if (ms > 0) {
        struct timeval when = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
        event_add(*timer, &when);
    }
}

static void switch_all_off(struct gateway *gateway)
{
    faults_clear(gateway->faults);
    exchange_list_release(&gateway->exchanges);
    gateway->oas_race = false;
    reload_set_time(gateway->reload, gateway->options->reload_time_ms);
    end_not_ready(gateway);
    end_refusing(gateway);
}

/* The faults of the gateway as a whole. Returns false if the name is none of them. */
static bool switch_on(struct gateway *gateway, const char *name, int64_t ms)
{
    const struct doc *doc = &gateway->doc;
    if (strcmp(name, "none") == 0) {
        switch_all_off(gateway);
    } else if (strcmp(name, "wipe") == 0) {
        store_wipe(gateway->store);
        reload_unload(gateway->reload);
        gateway->born_ms = gateway_now_ms();
    } else if (strcmp(name, "refuse") == 0) {
        gateway->refusing = true;
        http_server_refuse(gateway->main_server);
        set_end(gateway, &gateway->refuse_end, ms, on_refuse_end);
    } else if (strcmp(name, "not-ready") == 0) {
        free(gateway->not_ready);
        gateway->not_ready = doc_string_copy(doc, doc_member(doc, 0, "message"));
        if (*gateway->not_ready == '\0') {
            free(gateway->not_ready);
            gateway->not_ready = mem_string("A successful API reload did not happen");
        }
        set_end(gateway, &gateway->not_ready_end, ms, on_not_ready_end);
    } else if (strcmp(name, "reload-delay") == 0) {
        reload_set_time(gateway->reload, ms);
    } else if (strcmp(name, "oas-race") == 0) {
        gateway->oas_race = true;
    } else {
        return false;
    }
    return true;
}

static bool read_body(struct gateway *gateway, struct exchange *exchange)
{
    if (doc_read_whole(&gateway->doc, exchange->body, exchange->body_len) &&
        doc_is(&gateway->doc, 0, DOC_OBJECT)) {
        return true;
    }
    exchange_reply_error(exchange, 400, "the body has to be a JSON object");
    return false;
}

static void handle_fault(struct gateway *gateway, struct exchange *exchange)
{
    if (!read_body(gateway, exchange)) {
        return;
    }
    struct text body = {0};
    int64_t ms = 0;
    const struct doc *doc = &gateway->doc;
    char *name = doc_string_copy(doc, doc_member(doc, 0, "fault"));
    doc_integer(doc, doc_member(doc, 0, "ms"), &ms);
    if (!switch_on(gateway, name, ms) && !faults_add(gateway->faults, doc, &body)) {
        exchange_reply_error(exchange, 400, body.bytes);
    } else {
        text_puts(&body, "{\"faults\":");
        faults_write(gateway->faults, &body);
        text_puts(&body, "}\n");
        exchange_reply_text(exchange, 200, TYPE_JSON, body.bytes);
    }
    free(name);
    text_fini(&body);
}

/* A member of the body, or what stands in for it. */
static char *member_or(const struct doc *doc, const char *name, const char *standard)
{
    uint32_t node = doc_member(doc, 0, name);
    return doc_is(doc, node, DOC_STRING) ? doc_string_copy(doc, node) : mem_string(standard);
}

static void handle_fire(struct gateway *gateway, struct exchange *exchange)
{
    if (!read_body(gateway, exchange)) {
        return;
    }
    const struct doc *doc = &gateway->doc;
    char *id = member_or(doc, "api", "");
    const struct api *api = loaded_get(gateway->loaded, id);
    free(id);
    if (api == NULL) {
        exchange_reply_error(exchange, 404, "API not found");
        return;
    }
    struct text body = {0};
    struct text standard_key = {0};
    text_printf(&standard_key, "apilimiter-%s%s", api->definition->org_id, api->definition->api_id);
    char *event = member_or(doc, "event", "");
    char *message = member_or(doc, "message", fire_message(event));
    char *path = member_or(doc, "path", api->listen_path);
    char *origin = member_or(doc, "origin", "127.0.0.1");
    char *key = member_or(doc, "key", standard_key.bytes);
    fire_run(gateway->fire, &gateway->doc, api->definition,
             &(struct fire_event){event, message, path, origin, key}, &body);
    text_putc(&body, '\n');
    exchange_reply_text(exchange, 200, TYPE_JSON, body.bytes);
    free(event);
    free(message);
    free(path);
    free(origin);
    free(key);
    text_fini(&standard_key);
    text_fini(&body);
}

static void handle_reset(struct gateway *gateway, struct exchange *exchange)
{
    journal_reset(gateway->journal);
    gateway->oas_collisions = 0;
    exchange_reply_text(exchange, 200, TYPE_JSON, "{}\n");
}

void admin_handle(struct gateway *gateway, struct exchange *exchange)
{
    static const struct {
        const char *method;
        const char *path;
        void (*handle)(struct gateway *gateway, struct exchange *exchange);
    } table[] = {
        {"GET", "/__state", reply_state},   {"GET", "/__requests", reply_requests},
        {"POST", "/__reset", handle_reset}, {"POST", "/__fault", handle_fault},
        {"POST", "/__fire", handle_fire},
    };
    exchange->logged = false;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]) && exchange->path != NULL; i++) {
        if (strcmp(table[i].path, exchange->path) == 0 &&
            strcmp(table[i].method, exchange->method) == 0) {
            table[i].handle(gateway, exchange);
            return;
        }
    }
    exchange_reply_error(exchange, 404, "no such thing in the stub");
}
