/* SPDX-License-Identifier: Apache-2.0 */
#include "control_write.h"

#include <stdlib.h>
#include <string.h>

#include "apiid.h"
#include "classic.h"
#include "gateway.h"
#include "gojson.h"
#include "loaded.h"
#include "mem.h"
#include "oas.h"
#include "reload.h"
#include "store.h"
#include "text.h"

static const char not_found[] = "API not found";
static const char id_mismatch[] =
    "Request APIID does not match that in Definition! For Update operations these must match.";

static void reply_done(struct exchange *exchange, const char *key, const char *action)
{
    struct text body = {0};
    text_puts(&body, "{\"key\":");
    gojson_puts(&body, key);
    text_printf(&body, ",\"status\":\"ok\",\"action\":\"%s\"}\n", action);
    exchange_reply_text(exchange, 200, TYPE_JSON, body.bytes);
    text_fini(&body);
}

/* Writes a definition (taken) and answers. */
static void write_definition(struct gateway *gateway, struct exchange *exchange,
                             struct definition *definition, const char *action)
{
    exchange_set_id(exchange, definition->api_id);
    bool good = true;
    if (exchange->fault.kind != FAULT_NOT_APPLIED) {
        reload_note_write(gateway->reload, definition->api_id);
        good = store_put(gateway->store, definition);
    }
    if (good) {
        reply_done(exchange, definition->api_id, action);
    } else {
        exchange_reply_error(exchange, 500, "file object creation failed, write error");
    }
    definition_unref(definition);
}

static void add(struct gateway *gateway, struct exchange *exchange, struct definition *definition)
{
    if (apiid_is_valid(definition->api_id)) {
        write_definition(gateway, exchange, definition, "added");
    } else {
        exchange_reply_error(exchange, 400, "Invalid API ID");
        definition_unref(definition);
    }
}

void control_add(struct gateway *gateway, struct exchange *exchange)
{
    struct text problem = {0};
    struct definition *definition = classic_read(&gateway->doc, exchange->body, exchange->body_len,
                                                 CLASSIC_FROM_CLIENT, &problem);
    if (definition != NULL) {
        add(gateway, exchange, definition);
    } else {
        exchange_reply_error(exchange, 400, problem.bytes);
    }
    text_fini(&problem);
}

void control_update(struct gateway *gateway, struct exchange *exchange)
{
    const struct api *api = loaded_get(gateway->loaded, exchange->id);
    if (!apiid_is_valid(exchange->id)) {
        exchange_reply_error(exchange, 400, "Invalid API ID");
        return;
    }
    if (api == NULL) {
        exchange_reply_error(exchange, 404, not_found);
        return;
    }
    if (api->definition->is_oas) {
        exchange_reply_error(exchange, 400,
                             "this API endpoint only supports Tyk Classic APIs; please use the "
                             "appropriate Tyk OAS API endpoint");
        return;
    }
    struct text problem = {0};
    struct definition *definition = classic_read(&gateway->doc, exchange->body, exchange->body_len,
                                                 CLASSIC_FROM_CLIENT, &problem);
    bool decoded = definition != NULL || strcmp(problem.bytes, "Request malformed") != 0;
    if (decoded &&
        !classic_id_is(&gateway->doc, exchange->body, exchange->body_len, exchange->id)) {
        definition_unref(definition);
        exchange_reply_error(exchange, 400, id_mismatch);
    } else if (definition == NULL) {
        exchange_reply_error(exchange, 400, problem.bytes);
    } else {
        write_definition(gateway, exchange, definition, "modified");
    }
    text_fini(&problem);
}

/* The body as the gateway lets it through. False: the exchange is answered. */
static bool check_oas(struct gateway *gateway, struct exchange *exchange, bool extension_needed)
{
    struct text problem = {0};
    enum oas_verdict verdict =
        oas_check(&gateway->doc, exchange->body, exchange->body_len, extension_needed, &problem);
    switch (verdict) {
    case OAS_GOOD:
        break;
    case OAS_REFUSED:
        exchange_reply_error(exchange, 400, problem.bytes);
        break;
    case OAS_PANIC:
        exchange_drop(exchange, false);
        break;
    }
    text_fini(&problem);
    return verdict == OAS_GOOD;
}

/* Makes a definition of a body. NULL: the exchange is answered. */
static struct definition *read_oas(struct gateway *gateway, struct exchange *exchange,
                                   const char *json, size_t len, const char *id)
{
    const struct api *api = loaded_get(gateway->loaded, id);
    struct oas_origin origin = {
        .base_url = gateway->base_url,
        .old_listen = api != NULL ? api->definition->listen_path : NULL,
    };
    struct definition *definition = oas_read(&gateway->doc, json, len, &origin);
    if (definition == NULL) {
        exchange_reply_error(exchange, 400, "request malformed");
    }
    return definition;
}

void control_add_oas(struct gateway *gateway, struct exchange *exchange)
{
    if (!check_oas(gateway, exchange, true)) {
        return;
    }
    char *id = doc_string_copy(&gateway->doc,
                               doc_path(&gateway->doc, 0, "x-tyk-api-gateway", "info", "id", NULL));
    struct definition *definition =
        read_oas(gateway, exchange, exchange->body, exchange->body_len, id);
    free(id);
    if (definition != NULL) {
        add(gateway, exchange, definition);
    }
}

void control_update_oas(struct gateway *gateway, struct exchange *exchange, bool is_patch)
{
    if (!check_oas(gateway, exchange, !is_patch)) {
        return;
    }
    const struct api *api = loaded_get(gateway->loaded, exchange->id);
    if (api == NULL) {
        exchange_reply_error(exchange, 404, not_found);
        return;
    }
    if (!api->definition->is_oas) {
        exchange_reply_error(exchange, 400,
                             "the supplied API definition is in OAS format, please use the Tyk "
                             "classic format for this API");
        return;
    }
    struct text completed = {0};
    const char *json = exchange->body;
    size_t len = exchange->body_len;
    if (!oas_has_extension(&gateway->doc, json, len)) {
        oas_with_extension(&gateway->doc, json, len, api->definition, &completed);
        json = completed.bytes;
        len = completed.len;
    }
    struct definition *definition = read_oas(gateway, exchange, json, len, exchange->id);
    text_fini(&completed);
    if (definition == NULL) {
        return;
    }
    if (strcmp(definition->api_id, exchange->id) != 0) {
        definition_unref(definition);
        exchange_reply_error(exchange, 400, id_mismatch);
    } else {
        write_definition(gateway, exchange, definition, "modified");
    }
}

void control_delete(struct gateway *gateway, struct exchange *exchange)
{
    const struct api *api = loaded_get(gateway->loaded, exchange->id);
    if (api == NULL) {
        exchange_reply_error(exchange, 404, not_found);
    } else if (exchange->fault.kind == FAULT_NOT_APPLIED ||
               store_remove(gateway->store, exchange->id, api->definition->is_oas)) {
        reply_done(exchange, api->definition->api_id, "deleted");
    } else {
        exchange_reply_error(exchange, 500, "Delete failed");
    }
}
