/* SPDX-License-Identifier: Apache-2.0 */
#include "control_read.h"

#include <event2/buffer.h>
#include <stdlib.h>
#include <string.h>

#include "gateway.h"
#include "gojson.h"
#include "loaded.h"
#include "mem.h"
#include "text.h"

/* What an OAS read takes on a real gateway, about. */
#define OAS_READ_MS 3

static void release(const void *data, size_t len, void *arg)
{
    (void)data;
    (void)len;
    definition_unref(arg);
}

/* Adds a part of a definition's text without a copy; the buffer keeps the definition alive. */
static void add_shared(struct evbuffer *out, struct definition *definition, const char *bytes,
                       size_t len)
{
    if (len > 0) {
        evbuffer_add_reference(out, bytes, len, release, definition_ref(definition));
    }
}

static void add_constant(struct evbuffer *out, const char *constant)
{
    evbuffer_add_reference(out, constant, strlen(constant), NULL, NULL);
}

static void add_renamed(struct evbuffer *out, const struct api *api, const struct text *text,
                        struct span listen)
{
    struct text path = {0};
    gojson_puts(&path, api->listen_path);
    add_shared(out, api->definition, text->bytes, listen.start);
    evbuffer_add(out, path.bytes, path.len);
    size_t end = listen.start + listen.len;
    add_shared(out, api->definition, text->bytes + end, text->len - end);
    text_fini(&path);
}

static void add_classic(struct evbuffer *out, const struct api *api)
{
    const struct definition *definition = api->definition;
    if (api->renamed) {
        add_renamed(out, api, &definition->classic, definition->classic_listen);
    } else {
        add_shared(out, api->definition, definition->classic.bytes, definition->classic.len);
    }
}

/*
 * Handlers of one trigger keep their order, triggers come in a new one each time. As the listen
 * path stands before the handlers in the text, a renamed one is dealt with first.
 */
static void add_oas(struct evbuffer *out, const struct api *api, unsigned turn)
{
    const struct definition *definition = api->definition;
    const struct text *text = &definition->oas;
    size_t groups = definition->oas_group_count;
    size_t start = 0;
    if (api->renamed) {
        struct text path = {0};
        gojson_puts(&path, api->listen_path);
        add_shared(out, api->definition, text->bytes, definition->oas_listen.start);
        evbuffer_add(out, path.bytes, path.len);
        text_fini(&path);
        start = definition->oas_listen.start + definition->oas_listen.len;
    }
    if (groups < 2) {
        add_shared(out, api->definition, text->bytes + start, text->len - start);
        return;
    }
    add_shared(out, api->definition, text->bytes + start, definition->oas_groups[0].start - start);
    for (size_t i = 0; i < groups; i++) {
        const struct span *group = &definition->oas_groups[(i + turn) % groups];
        if (i > 0) {
            add_constant(out, ",");
        }
        add_shared(out, api->definition, text->bytes + group->start, group->len);
    }
    size_t end = definition->oas_groups[groups - 1].start + definition->oas_groups[groups - 1].len;
    add_shared(out, api->definition, text->bytes + end, text->len - end);
}

/* All loaded APIs (or the OAS ones), from another one on each time: a gateway has them in a map. */
static struct evbuffer *list(struct gateway *gateway, bool only_oas)
{
    struct evbuffer *body = evbuffer_new();
    size_t count = loaded_count(gateway->loaded);
    bool some = false;
    gateway->turn++;
    add_constant(body, "[");
    for (size_t i = 0; i < count; i++) {
        const struct api *api = loaded_at(gateway->loaded, (i + gateway->turn) % count);
        if (only_oas && !api->definition->is_oas) {
            continue;
        }
        if (some) {
            add_constant(body, ",");
        }
        some = true;
        if (only_oas) {
            add_oas(body, api, gateway->turn);
        } else {
            add_classic(body, api);
        }
    }
    add_constant(body, only_oas ? "]" : "]\n");
    return body;
}

void control_list(struct gateway *gateway, struct exchange *exchange)
{
    exchange_reply(exchange, 200, TYPE_JSON, list(gateway, false));
}

void control_get(struct gateway *gateway, struct exchange *exchange)
{
    const struct api *api = loaded_get(gateway->loaded, exchange->id);
    if (api == NULL) {
        exchange_reply_error(exchange, 404, "API not found");
        return;
    }
    struct evbuffer *body = evbuffer_new();
    add_classic(body, api);
    add_constant(body, "\n");
    exchange_reply(exchange, 200, TYPE_JSON, body);
}

void control_versions(struct gateway *gateway, struct exchange *exchange)
{
    const struct api *api = loaded_get(gateway->loaded, exchange->id);
    if (api == NULL) {
        exchange_reply_error(exchange, 404, "API not found");
        return;
    }
    struct text body = {0};
    text_puts(&body, "{\"status\":\"success\",\"apis\":[{\"id\":");
    gojson_puts(&body, api->definition->api_id);
    text_puts(&body, ",\"name\":");
    gojson_puts(&body, api->definition->name);
    text_printf(&body,
                ",\"versionName\":\"\",\"internal\":%s,\"expirationDate\":\"\","
                "\"isDefaultVersion\":true}]}\n",
                api->definition->internal ? "true" : "false");
    exchange_reply_text(exchange, 200, TYPE_JSON, body.bytes);
    text_fini(&body);
}

/* The loaded OAS API of the exchange; NULL if there is none, and the exchange is answered. */
static const struct api *get_oas(struct gateway *gateway, struct exchange *exchange)
{
    const struct api *api = loaded_get(gateway->loaded, exchange->id);
    if (api == NULL) {
        exchange_reply_error(exchange, 404, "API not found");
        return NULL;
    }
    if (!api->definition->is_oas) {
        exchange_reply_error(exchange, 400,
                             "the requested API definition is in Tyk classic format, please use "
                             "old api endpoint");
        return NULL;
    }
    return api;
}

static void read_oas(void *arg, struct exchange *exchange)
{
    struct gateway *gateway = arg;
    if (gateway->oas_reading == exchange) {
        gateway->oas_reading = NULL;
    }
    if (*exchange->id == '\0') {
        exchange_reply(exchange, 200, TYPE_JSON, list(gateway, true));
        return;
    }
    const struct api *api = get_oas(gateway, exchange);
    if (api != NULL) {
        struct evbuffer *body = evbuffer_new();
        add_oas(body, api, ++gateway->turn);
        exchange_reply(exchange, 200, TYPE_JSON, body);
    }
}

void control_read_oas(struct gateway *gateway, struct exchange *exchange)
{
    if (!gateway->oas_race) {
        read_oas(gateway, exchange);
    } else if (gateway->oas_reading != NULL) {
        gateway->oas_collisions++;
        exchange_drop(exchange, false);
    } else {
        gateway->oas_reading = exchange;
        exchange_delay(exchange, OAS_READ_MS, read_oas, gateway);
    }
}

static void reply_file(struct exchange *exchange, const char *name, struct evbuffer *compact)
{
    struct text header = {0};
    struct text indented = {0};
    size_t len = evbuffer_get_length(compact);
    gojson_indent(&indented, (const char *)evbuffer_pullup(compact, -1), len);
    text_printf(&header, "attachment;filename=\"%s\"", name);
    exchange_add_header(exchange, "Content-Disposition", header.bytes);
    exchange_reply_text(exchange, 200, "application/octet-stream", indented.bytes);
    text_fini(&header);
    text_fini(&indented);
    evbuffer_free(compact);
}

void control_export(struct gateway *gateway, struct exchange *exchange)
{
    struct text name = {0};
    if (*exchange->id == '\0') {
        reply_file(exchange, "TykOasApiDef-all.json", list(gateway, true));
        return;
    }
    const struct api *api = get_oas(gateway, exchange);
    if (api != NULL) {
        struct evbuffer *body = evbuffer_new();
        add_oas(body, api, 0);
        text_printf(&name, "TykOasApiDef-%s.json", api->definition->api_id);
        reply_file(exchange, name.bytes, body);
        text_fini(&name);
    }
}
