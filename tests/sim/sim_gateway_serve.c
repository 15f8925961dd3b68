/* SPDX-License-Identifier: Apache-2.0 */
/* Its control API. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json_text.h"
#include "base/mem.h"
#include "base/str.h"
#include "sim/sim_gateway_private.h"
#include "sim/sim_json.h"

/* Concurrent reads of OAS documents panic that often. */
#define PANIC_PERMILLE 300
/* A reload that runs finds a file so often as it was before, or (in the middle of a POST) none. */
#define STALE_PERMILLE 300
#define TORN_PERMILLE 300
#define OAS_READ_US 2000
/* Of the names of files, and of what is added to them. */
#define CLASSIC_ID_MAX 250
#define OAS_ID_MAX 246

static void say(struct sim_exchange *exchange, long status, const char *message)
{
    CLEANUP(freep)
    char *body = xasprintf("{\"status\":\"%s\",\"message\":\"%s\"}",
                           status / 100 == 2 ? "ok" : "error", message);
    sim_reply(exchange, status, body, strlen(body));
}

static void say_done(struct sim_exchange *exchange, const char *id, const char *action)
{
    CLEANUP(buf_fini) struct buf body;
    buf_init(&body, BUF_UNLIMITED);
    buf_add_text(&body, "{\"key\":");
    json_text_add_string(&body, id);
    buf_add_format(&body, ",\"status\":\"ok\",\"action\":\"%s\"}", action);
    sim_reply(exchange, 200, body.data, body.length);
}

static void say_nothing_there(struct sim_exchange *exchange)
{
    static const char text[] = "404 page not found\n";
    sim_reply(exchange, 404, text, strlen(text));
}

static void say_json(struct sim_exchange *exchange, const json_t *value)
{
    char *text = sim_json_dump_sorted(value);
    sim_reply(exchange, 200, text, strlen(text));
    free(text);
}

/* Reading. */

static void list(struct sim_gateway *gateway, struct sim_exchange *exchange, bool oas)
{
    gateway->counts.lists++;
    json_t *all = json_array();
    for (struct strmap_entry *e = strmap_first(gateway->loaded); e; e = strmap_next(e)) {
        const struct sim_loaded *loaded = strmap_entry_value(e);
        if (!oas)
            json_array_append_new(all, sim_loaded_classic(strmap_entry_key(e), loaded));
        else if (loaded->oas)
            json_array_append(all, loaded->shown);
    }
    say_json(exchange, all);
    json_decref(all);
}

static void get(struct sim_gateway *gateway, struct sim_exchange *exchange, const char *id,
                bool oas)
{
    gateway->counts.reads++;
    struct sim_loaded *loaded = strmap_get(gateway->loaded, id);
    if (!loaded) {
        say(exchange, 404, "API not found");
    } else if (oas && !loaded->oas) {
        say(exchange, 400,
            "the requested API definition is in Tyk classic format, please use old api endpoint");
    } else if (oas || !loaded->oas) {
        const char *text = sim_loaded_text(loaded);
        sim_reply(exchange, 200, text, strlen(text));
    } else {
        json_t *classic = sim_loaded_classic(id, loaded);
        say_json(exchange, classic);
        json_decref(classic);
    }
}

/* A read of OAS documents takes a while, and must not meet with another. */
struct oas_read {
    struct sim_gateway *gateway;
    struct sim_exchange *exchange; /* NULL: the client has gone */
    char *id;                      /* NULL: the list */
};

static void oas_read_free(void *arg)
{
    struct oas_read *read = arg;
    free(read->id);
    free(read);
}

static void on_reader_gone(void *arg)
{
    struct oas_read *read = arg;
    read->exchange = NULL;
}

static void on_oas_read(void *arg)
{
    struct oas_read *read = arg;
    struct sim_gateway *gateway = read->gateway;
    if (gateway->oas_reads)
        gateway->oas_reads--;
    if (!read->exchange)
        ;
    else if (read->id)
        get(gateway, read->exchange, read->id, true);
    else
        list(gateway, read->exchange, true);
    oas_read_free(read);
}

static void read_oas(struct sim_gateway *gateway, struct sim_exchange *exchange, const char *id)
{
    if (gateway->oas_reads && sim_random_chance(&gateway->random, PANIC_PERMILLE)) {
        sim_reply_break(exchange);
        return;
    }
    gateway->oas_reads++;
    struct oas_read *read = xcalloc(1, sizeof(*read));
    *read = (struct oas_read){gateway, exchange, id ? xstrdup(id) : NULL};
    sim_reply_later(exchange);
    sim_exchange_on_gone(exchange, on_reader_gone, read);
    sim_after(gateway->options.time, OAS_READ_US, on_oas_read, oas_read_free, read);
}

/* Writing. */

/* Before it is written: what the reload that runs makes of it, unless it finds what is written. */
static void note_write(struct sim_gateway *gateway, const char *id, bool is_delete)
{
    if (!sim_gateway_is_reloading(gateway))
        return;
    struct sim_file *seen = NULL;
    if (sim_random_chance(&gateway->random, STALE_PERMILLE))
        seen = sim_file_copy(strmap_get(gateway->disk, id));
    else if (is_delete || !sim_random_chance(&gateway->random, TORN_PERMILLE))
        return;
    strmap_set(gateway->meanwhile, id, seen ? seen : xcalloc(1, sizeof(*seen)));
}

static void tell_write(struct sim_gateway *gateway, const struct sim_exchange *exchange,
                       const char *id, bool oas, const json_t *document, bool is_delete)
{
    struct sim_gateway_write write = {.gateway = gateway,
                                      .client = sim_request_of(exchange)->client,
                                      .id = id,
                                      .oas = oas,
                                      .is_delete = is_delete,
                                      .document = document};
    if (gateway->watcher.write)
        gateway->watcher.write(gateway->watcher_arg, &write);
}

/* The schema looks at the first handler only. */
static bool first_handler_is_wrong(const json_t *document)
{
    const json_t *handlers =
        sim_json_get(document, "x-tyk-api-gateway", "server", "eventHandlers", NULL);
    const json_t *first = json_array_get(handlers, 0);
    return first && (!json_is_object(first) || !*sim_json_text(first, "trigger", NULL) ||
                     !json_is_string(json_object_get(first, "type")) ||
                     (json_is_object(json_object_get(first, "headers")) &&
                      !*sim_json_text(first, "id", NULL)) ||
                     (json_object_get(first, "cooldownPeriod") &&
                      !json_is_string(json_object_get(first, "cooldownPeriod"))));
}

static char *decode(const char *text)
{
    struct buf out;
    buf_init(&out, BUF_UNLIMITED);
    for (; *text; text++) {
        if (*text == '%' && text[1] && text[2]) {
            char digits[3] = {text[1], text[2], '\0'};
            buf_add_char(&out, (char)strtol(digits, NULL, 16));
            text += 2;
        } else {
            buf_add_char(&out, *text);
        }
    }
    return buf_take(&out);
}

/* However often it is encoded. */
static bool id_is_valid(const char *id)
{
    CLEANUP(freep) char *plain = xstrdup(id);
    for (int i = 0; i < 3; i++) {
        char *decoded = decode(plain);
        free(plain);
        plain = decoded;
    }
    return !strchr(plain, '/') && !strchr(plain, '\\') && strcmp(plain, ".") != 0 &&
           strcmp(plain, "..") != 0;
}

static void store(struct sim_gateway *gateway, const char *id, bool oas, json_t *document)
{
    struct sim_file *file = xcalloc(1, sizeof(*file));
    if (oas)
        file->oas = json_incref(document);
    else
        file->classic = json_incref(document);
    /* A Classic definition over an OAS one leaves the latter's file behind. */
    if (oas)
        strset_add(gateway->companions, id);
    strmap_set(gateway->disk, id, file);
}

/* Returns owned: what the document is stored under. One that names none gets a random id. */
static char *id_of(struct sim_gateway *gateway, const json_t *document, bool oas)
{
    const char *id = oas ? sim_json_text(document, "x-tyk-api-gateway", "info", "id", NULL)
                         : sim_json_text(document, "api_id", NULL);
    if (*id)
        return xstrdup(id);
    uint64_t high = sim_random_next(&gateway->random);
    uint64_t low = sim_random_next(&gateway->random);
    return xasprintf("%016" PRIx64 "%016" PRIx64, high, low);
}

/* What is wrong with a body before its id is looked at; NULL: nothing. */
static const char *find_fault(const json_t *document, bool oas, bool is_empty)
{
    const json_t *id = json_object_get(document, "api_id");
    const json_t *extension = json_object_get(document, "x-tyk-api-gateway");
    bool is_object = json_is_object(document);
    if (!oas)
        return !is_object || (id && !json_is_string(id)) ? "Request malformed" : NULL;
    if (is_empty || json_is_null(document) ||
        (is_object && (!extension || json_is_null(extension))))
        return "the payload should contain x-tyk-api-gateway";
    if (!is_object)
        return "request malformed";
    if (first_handler_is_wrong(document))
        return "x-tyk-api-gateway.server.eventHandlers.0: Must validate the schema";
    return NULL;
}

static void post(struct sim_gateway *gateway, struct sim_exchange *exchange, bool oas)
{
    const struct sim_request *request = sim_request_of(exchange);
    gateway->counts.posts++;
    json_t *document = sim_json_parse(request->body.ptr, request->body.length);
    CLEANUP(freep) char *id = id_of(gateway, document, oas);
    const char *fault = find_fault(document, oas, !request->body.length);
    if (!fault && !id_is_valid(id))
        fault = "Invalid API ID";
    if (fault) {
        say(exchange, 400, fault);
    } else if (oas && !json_is_object(json_object_get(document, "x-tyk-api-gateway"))) {
        sim_reply_break(exchange); /* the handler panics */
    } else if (strlen(id) > (oas ? OAS_ID_MAX : CLASSIC_ID_MAX)) {
        say(exchange, 500, "file object creation failed, write error");
    } else {
        tell_write(gateway, exchange, id, oas, document, false);
        if (!gateway->is_deaf) {
            note_write(gateway, id, false);
            store(gateway, id, oas, document);
        }
        say_done(exchange, id, "added");
    }
    json_decref(document);
}

static void delete (struct sim_gateway *gateway, struct sim_exchange *exchange, const char *id)
{
    gateway->counts.deletes++;
    const struct sim_file *file = strmap_get(gateway->disk, id);
    const struct sim_loaded *loaded = strmap_get(gateway->loaded, id);
    /* What is loaded tells which files there should be. */
    if (!loaded) {
        say(exchange, 404, "API not found");
    } else if (!file || (loaded->oas && !strmap_has(gateway->companions, id))) {
        say(exchange, 500, "Delete failed");
    } else {
        tell_write(gateway, exchange, id, file->oas != NULL, file->oas ? file->oas : file->classic,
                   true);
        if (!gateway->is_deaf) {
            note_write(gateway, id, true);
            if (loaded->oas)
                strmap_remove(gateway->companions, id);
            strmap_remove(gateway->disk, id);
        }
        say_done(exchange, id, "deleted");
    }
}

/* Routes. */

static void route(struct sim_gateway *gateway, struct sim_exchange *exchange)
{
    const struct sim_request *request = sim_request_of(exchange);
    const char *path = request->path;
    bool is_get = strcmp(request->method, "GET") == 0;
    bool is_post = strcmp(request->method, "POST") == 0;
    bool is_delete = strcmp(request->method, "DELETE") == 0;
    static const char oas_prefix[] = "/tyk/apis/oas/";
    static const char prefix[] = "/tyk/apis/";
    bool of_oas = str_starts(path, oas_prefix);
    CLEANUP(freep)
    char *id = decode(of_oas                     ? path + strlen(oas_prefix)
                      : str_starts(path, prefix) ? path + strlen(prefix)
                                                 : "");
    if (is_get && strcmp(path, "/tyk/reload?block=true") == 0)
        sim_gateway_ask_reload(gateway, exchange);
    else if (strcmp(path, "/tyk/apis") == 0 && is_get)
        list(gateway, exchange, false);
    else if (strcmp(path, "/tyk/apis/oas") == 0 && is_get)
        read_oas(gateway, exchange, NULL);
    else if (strcmp(path, "/tyk/apis") == 0 && is_post)
        post(gateway, exchange, false);
    else if (strcmp(path, "/tyk/apis/oas") == 0 && is_post)
        post(gateway, exchange, true);
    else if (of_oas && is_get)
        read_oas(gateway, exchange, id);
    else if (*id && is_get)
        get(gateway, exchange, id, false);
    else if (*id && is_delete)
        delete (gateway, exchange, id);
    else if (strcmp(path, "/tyk/apis") == 0 || strcmp(path, "/tyk/apis/oas") == 0 || *id)
        say(exchange, 405, "Method not supported");
    else
        say_nothing_there(exchange);
}

void sim_gateway_serve(void *arg, struct sim_exchange *exchange)
{
    struct sim_gateway *gateway = arg;
    const struct sim_request *request = sim_request_of(exchange);
    if (!gateway->is_up) {
        sim_reply_break(exchange);
        return;
    }
    if (gateway->other) {
        gateway->turn_of_other = !gateway->turn_of_other;
        if (gateway->turn_of_other && gateway->other->is_up)
            gateway = gateway->other;
    }
    if (strcmp(request->path, "/ready") == 0) {
        bool ready = gateway->has_loaded && !gateway->never_ready;
        say(exchange, ready ? 200 : 503, ready ? "" : "A successful API reload did not happen");
    } else if (!str_equal(sim_request_header(exchange, "X-Tyk-Authorization"), gateway->secret)) {
        say(exchange, 403, "Attempted administrative access with invalid or missing key!");
    } else {
        route(gateway, exchange);
    }
}
