/* SPDX-License-Identifier: Apache-2.0 */
#include "control.h"

#include <event2/buffer.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control_read.h"
#include "control_route.h"
#include "control_write.h"
#include "gateway.h"
#include "gojson.h"
#include "loaded.h"
#include "reload.h"

/* Health is checked every 10 s: before that there are no details, and a mascot in the headers. */
#define FIRST_CHECK_MS 10000
#define MASCOT_LINES 25

bool control_takes(const char *path)
{
    return strncmp(path, "/tyk/", 5) == 0 || strcmp(path, "/hello") == 0 ||
           strcmp(path, "/ready") == 0;
}

enum request_kind control_kind(const char *method, const char *path)
{
    if (!control_takes(path)) {
        return REQUEST_TRAFFIC;
    }
    char *id = NULL;
    enum control_operation operation = control_route(method, path, &id);
    free(id);
    switch (operation) {
    case CONTROL_HELLO:
        return REQUEST_HELLO;
    case CONTROL_READY:
        return REQUEST_READY;
    case CONTROL_LIST:
        return REQUEST_LIST;
    case CONTROL_LIST_OAS:
    case CONTROL_EXPORT_ALL:
        return REQUEST_LIST_OAS;
    case CONTROL_GET:
        return REQUEST_GET;
    case CONTROL_GET_OAS:
    case CONTROL_EXPORT:
        return REQUEST_GET_OAS;
    case CONTROL_ADD:
        return REQUEST_POST;
    case CONTROL_ADD_OAS:
        return REQUEST_POST_OAS;
    case CONTROL_UPDATE:
        return REQUEST_PUT;
    case CONTROL_UPDATE_OAS:
        return REQUEST_PUT_OAS;
    case CONTROL_PATCH_OAS:
        return REQUEST_PATCH_OAS;
    case CONTROL_DELETE:
        return REQUEST_DELETE;
    case CONTROL_RELOAD:
    case CONTROL_RELOAD_GROUP:
        return REQUEST_RELOAD;
    case CONTROL_ROOT:
    case CONTROL_VERSIONS:
    case CONTROL_WRONG_METHOD:
    case CONTROL_UNKNOWN:
        return REQUEST_OTHER;
    }
    return REQUEST_OTHER;
}

static void add_mascot(struct exchange *exchange)
{
    for (int i = 0; i < MASCOT_LINES; i++) {
        struct text name = {0};
        text_printf(&name, "X-Mascot-%03d", i);
        exchange_add_header(exchange, name.bytes, "▒▒ a stub’s mascot ▒▒");
        text_fini(&name);
    }
}

static void reply_health(struct gateway *gateway, struct exchange *exchange,
                         const char *description)
{
    struct text body = {0};
    bool checked = gateway_now_ms() - gateway->born_ms >= FIRST_CHECK_MS;
    text_puts(&body, "{\"status\":\"pass\",\"version\":");
    gojson_puts(&body, gateway->options->version);
    text_printf(&body, ",\"description\":\"%s\"", description);
    if (checked) {
        char stamp[32];
        time_t now = time(NULL);
        struct tm utc;
        strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
        text_printf(&body,
                    ",\"details\":{\"redis\":{\"status\":\"pass\",\"componentType\":"
                    "\"datastore\",\"time\":\"%s\"}}",
                    stamp);
    } else {
        add_mascot(exchange);
    }
    text_puts(&body, "}\n");
    exchange_reply_text(exchange, 200, TYPE_JSON, body.bytes);
    text_fini(&body);
}

static void handle_health(struct gateway *gateway, struct exchange *exchange, bool ready)
{
    if (strcmp(exchange->method, "GET") != 0) {
        exchange_reply_error(exchange, 405, "Method Not Allowed");
    } else if (!ready) {
        reply_health(gateway, exchange, "Tyk GW");
    } else if (gateway->not_ready != NULL) {
        exchange_reply_error(exchange, 503, gateway->not_ready);
    } else if (!reload_has_loaded(gateway->reload)) {
        exchange_reply_error(exchange, 503, "A successful API reload did not happen");
    } else {
        reply_health(gateway, exchange, "Tyk GW Ready");
    }
}

/* True for exactly block=true among the parameters. */
static bool wants_block(const char *query)
{
    while (*query != '\0') {
        size_t len = strcspn(query, "&");
        if (len == strlen("block=true") && strncmp(query, "block=true", len) == 0) {
            return true;
        }
        query += len + (query[len] == '&');
    }
    return false;
}

static void handle_reload(struct gateway *gateway, struct exchange *exchange, bool may_block)
{
    if (may_block && wants_block(exchange->query)) {
        reload_request(gateway->reload, exchange);
        return;
    }
    reload_request(gateway->reload, NULL);
    exchange_reply_text(exchange, 200, TYPE_JSON, "{\"status\":\"ok\",\"message\":\"\"}\n");
}

static void run(struct gateway *gateway, struct exchange *exchange,
                enum control_operation operation)
{
    switch (operation) {
    case CONTROL_HELLO:
    case CONTROL_READY:
        handle_health(gateway, exchange, operation == CONTROL_READY);
        break;
    case CONTROL_ROOT:
        exchange_add_header(exchange, "Location", "/");
        exchange_reply_text(exchange, 301, NULL, "");
        break;
    case CONTROL_LIST:
        control_list(gateway, exchange);
        break;
    case CONTROL_LIST_OAS:
    case CONTROL_GET_OAS:
        control_read_oas(gateway, exchange);
        break;
    case CONTROL_EXPORT_ALL:
    case CONTROL_EXPORT:
        control_export(gateway, exchange);
        break;
    case CONTROL_GET:
        control_get(gateway, exchange);
        break;
    case CONTROL_VERSIONS:
        control_versions(gateway, exchange);
        break;
    case CONTROL_ADD:
        control_add(gateway, exchange);
        break;
    case CONTROL_ADD_OAS:
        control_add_oas(gateway, exchange);
        break;
    case CONTROL_UPDATE:
        control_update(gateway, exchange);
        break;
    case CONTROL_UPDATE_OAS:
    case CONTROL_PATCH_OAS:
        control_update_oas(gateway, exchange, operation == CONTROL_PATCH_OAS);
        break;
    case CONTROL_DELETE:
        control_delete(gateway, exchange);
        break;
    case CONTROL_RELOAD:
    case CONTROL_RELOAD_GROUP:
        handle_reload(gateway, exchange, operation == CONTROL_RELOAD);
        break;
    case CONTROL_WRONG_METHOD:
        exchange_reply_error(exchange, 405, "Method not supported");
        break;
    case CONTROL_UNKNOWN:
        exchange_reply_text(exchange, 404, TYPE_TEXT, "404 page not found\n");
        break;
    }
}

void control_handle(struct gateway *gateway, struct exchange *exchange)
{
    char *id = NULL;
    enum control_operation operation = control_route(exchange->method, exchange->path, &id);
    bool open = operation == CONTROL_HELLO || operation == CONTROL_READY;
    if (!open && strcmp(exchange->secret, gateway->options->secret) != 0) {
        gateway->journal->refused++;
        exchange_reply_error(exchange, 403,
                             "Attempted administrative access with invalid or missing key!");
    } else {
        if (id != NULL) {
            exchange_set_id(exchange, id);
        }
        run(gateway, exchange, operation);
    }
    free(id);
}

bool control_wants_body(const struct gateway *gateway, const char *method, const char *path,
                        const char *secret)
{
    if (strcmp(secret, gateway->options->secret) != 0) {
        return false;
    }
    char *id = NULL;
    enum control_operation operation = control_route(method, path, &id);
    bool wants = operation == CONTROL_ADD || operation == CONTROL_ADD_OAS ||
                 operation == CONTROL_UPDATE_OAS || operation == CONTROL_PATCH_OAS;
    if (operation == CONTROL_UPDATE) {
        const struct api *api = loaded_get(gateway->loaded, id);
        wants = api != NULL && !api->definition->is_oas;
    }
    free(id);
    return wants;
}
