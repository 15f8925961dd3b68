/* SPDX-License-Identifier: Apache-2.0 */
#include "oas_handlers.h"

#include <stdlib.h>
#include <string.h>

#include "duration.h"
#include "gojson.h"
#include "mem.h"

enum handler_type { HANDLER_WEBHOOK, HANDLER_CUSTOM, HANDLER_LOG };

struct header {
    char *name;
    uint32_t value; /* DOC_NONE: "" */
};

/* Strings are nodes of the document; DOC_NONE stands for "". */
struct oas_handler {
    enum handler_type type;
    bool enabled;
    char *trigger;
    uint32_t id, name;
    uint32_t url, method, body_template; /* of a webhook */
    int64_t cooldown_s;
    struct header *headers; /* sorted by name */
    size_t header_count;
    uint32_t function_name, path; /* of a custom handler */
    uint32_t log_prefix;
};

/* A string, null or nothing; anything else is a type error. */
static bool read_string(const struct doc *doc, uint32_t handler, const char *key,
                        uint32_t *ret_node)
{
    uint32_t node = doc_member(doc, handler, key);
    *ret_node = doc_is_null(doc, node) ? DOC_NONE : node;
    return *ret_node == DOC_NONE || doc_is(doc, node, DOC_STRING);
}

static int compare_headers(const void *left, const void *right)
{
    const struct header *a = left;
    const struct header *b = right;
    int order = strcmp(a->name, b->name);
    /* Equal names in document order: the last one is kept. */
    return order != 0 ? order : (a->value < b->value ? -1 : 1);
}

static void drop_equal_names(struct oas_handler *handler)
{
    size_t kept = 0;
    for (size_t i = 0; i < handler->header_count; i++) {
        bool again = i + 1 < handler->header_count &&
                     strcmp(handler->headers[i].name, handler->headers[i + 1].name) == 0;
        if (again) {
            free(handler->headers[i].name);
        } else {
            handler->headers[kept++] = handler->headers[i];
        }
    }
    handler->header_count = kept;
}

static bool read_headers(const struct doc *doc, uint32_t node, struct oas_handler *handler)
{
    if (doc_is_null(doc, node)) {
        return true;
    }
    if (!doc_is(doc, node, DOC_ARRAY)) {
        return false;
    }
    for (uint32_t i = node + 1; i < doc->nodes[node].next; i = doc->nodes[i].next) {
        uint32_t name = DOC_NONE;
        uint32_t value = DOC_NONE;
        if (!doc_is_null(doc, i) && !doc_is(doc, i, DOC_OBJECT)) {
            return false;
        }
        if (!read_string(doc, i, "name", &name) || !read_string(doc, i, "value", &value)) {
            return false;
        }
        handler->headers =
            mem_resized(handler->headers, handler->header_count + 1, sizeof(*handler->headers));
        handler->headers[handler->header_count++] =
            (struct header){doc_string_copy(doc, name), value};
    }
    if (handler->header_count > 1) {
        qsort(handler->headers, handler->header_count, sizeof(*handler->headers), compare_headers);
        drop_equal_names(handler);
    }
    return true;
}

static bool read_webhook(const struct doc *doc, uint32_t node, struct oas_handler *handler)
{
    uint32_t cooldown = DOC_NONE;
    if (!read_string(doc, node, "url", &handler->url) ||
        !read_string(doc, node, "method", &handler->method) ||
        !read_string(doc, node, "bodyTemplate", &handler->body_template) ||
        !read_string(doc, node, "cooldownPeriod", &cooldown) ||
        !read_headers(doc, doc_member(doc, node, "headers"), handler)) {
        return false;
    }
    int64_t ns = 0;
    char *text = doc_string_copy(doc, cooldown);
    if (duration_read(text, &ns)) {
        handler->cooldown_s = ns / 1000000000;
    }
    free(text);
    return true;
}

static bool read_details(const struct doc *doc, uint32_t node, struct oas_handler *handler)
{
    switch (handler->type) {
    case HANDLER_WEBHOOK:
        return read_webhook(doc, node, handler);
    case HANDLER_CUSTOM:
        return read_string(doc, node, "functionName", &handler->function_name) &&
               read_string(doc, node, "path", &handler->path);
    case HANDLER_LOG:
        return read_string(doc, node, "logPrefix", &handler->log_prefix);
    }
    return false;
}

static bool type_by_name(const struct doc *doc, uint32_t node, enum handler_type *ret_type)
{
    static const char *const names[] = {"webhook", "custom", "log"};
    for (size_t i = 0; i < 3; i++) {
        if (doc_string_is(doc, node, names[i])) {
            *ret_type = (enum handler_type)i;
            return true;
        }
    }
    return false;
}

static void handler_fini(struct oas_handler *handler)
{
    for (size_t i = 0; i < handler->header_count; i++) {
        free(handler->headers[i].name);
    }
    free(handler->headers);
    free(handler->trigger);
}

/* Returns false on a type error; *ret_known: it has a type that the gateway knows. */
static bool read_handler(const struct doc *doc, uint32_t node, struct oas_handler *handler,
                         bool *ret_known)
{
    uint32_t enabled = doc_member(doc, node, "enabled");
    uint32_t trigger = DOC_NONE;
    uint32_t type = DOC_NONE;
    bool fits = doc_is_null(doc, node) || doc_is(doc, node, DOC_OBJECT);
    fits = fits && (doc_is_null(doc, enabled) || doc_is(doc, enabled, DOC_TRUE) ||
                    doc_is(doc, enabled, DOC_FALSE));
    fits = fits && read_string(doc, node, "trigger", &trigger) &&
           read_string(doc, node, "type", &type) && read_string(doc, node, "id", &handler->id) &&
           read_string(doc, node, "name", &handler->name);
    if (!fits) {
        return false;
    }
    handler->enabled = doc_bool(doc, enabled);
    handler->trigger = doc_string_copy(doc, trigger);
    *ret_known = type_by_name(doc, type, &handler->type);
    return !*ret_known || read_details(doc, node, handler);
}

void oas_handlers_read(struct oas_handlers *handlers, const struct doc *doc, uint32_t node)
{
    *handlers = (struct oas_handlers){0};
    if (!doc_is(doc, node, DOC_ARRAY)) {
        return;
    }
    for (uint32_t i = node + 1; i < doc->nodes[node].next; i = doc->nodes[i].next) {
        struct oas_handler handler = {.id = DOC_NONE,
                                      .name = DOC_NONE,
                                      .url = DOC_NONE,
                                      .method = DOC_NONE,
                                      .body_template = DOC_NONE,
                                      .function_name = DOC_NONE,
                                      .path = DOC_NONE,
                                      .log_prefix = DOC_NONE};
        bool known = false;
        handlers->broken = !read_handler(doc, i, &handler, &known);
        if (handlers->broken || !known) {
            handler_fini(&handler);
        } else {
            handlers->items =
                mem_resized(handlers->items, handlers->count + 1, sizeof(*handlers->items));
            handlers->items[handlers->count++] = handler;
        }
        if (handlers->broken) {
            return;
        }
    }
}

void oas_handlers_fini(struct oas_handlers *handlers)
{
    for (size_t i = 0; i < handlers->count; i++) {
        handler_fini(&handlers->items[i]);
    }
    free(handlers->items);
    *handlers = (struct oas_handlers){0};
}

/* Writes `"key":"text"` behind a comma; nothing if the text is empty and may be left out. */
static void put_string(struct text *out, const struct doc *doc, const char *key, uint32_t node,
                       bool omit_empty)
{
    bool empty = node == DOC_NONE || doc->nodes[node].len == 0;
    if (empty && omit_empty) {
        return;
    }
    if (out->bytes[out->len - 1] != '{') {
        text_putc(out, ',');
    }
    text_printf(out, "\"%s\":", key);
    if (empty) {
        text_puts(out, "\"\"");
    } else {
        gojson_string_node(out, doc, node);
    }
}

static void put_bool(struct text *out, const char *key, bool value)
{
    text_printf(out, "%s\"%s\":%s", out->bytes[out->len - 1] != '{' ? "," : "", key,
                value ? "true" : "false");
}

static void put_trigger_and_type(struct text *out, const struct oas_handler *handler,
                                 const char *type)
{
    text_puts(out, ",\"trigger\":");
    gojson_puts(out, handler->trigger);
    text_printf(out, ",\"type\":\"%s\"", type);
}

static void put_header_list(struct text *out, const struct doc *doc,
                            const struct oas_handler *handler)
{
    if (handler->header_count == 0) {
        return;
    }
    text_puts(out, ",\"headers\":[");
    for (size_t i = 0; i < handler->header_count; i++) {
        text_puts(out, i > 0 ? ",{\"name\":" : "{\"name\":");
        gojson_puts(out, handler->headers[i].name);
        put_string(out, doc, "value", handler->headers[i].value, false);
        text_putc(out, '}');
    }
    text_putc(out, ']');
}

/* Keys sorted, as the gateway marshals a handler through a map. */
static void write_handler(struct text *out, const struct doc *doc,
                          const struct oas_handler *handler)
{
    text_putc(out, '{');
    switch (handler->type) {
    case HANDLER_WEBHOOK:
        put_string(out, doc, "bodyTemplate", handler->body_template, true);
        text_puts(out, out->bytes[out->len - 1] != '{' ? "," : "");
        text_puts(out, "\"cooldownPeriod\":\"");
        duration_write(out, handler->cooldown_s * 1000000000);
        text_putc(out, '"');
        put_bool(out, "enabled", handler->enabled);
        put_header_list(out, doc, handler);
        put_string(out, doc, "id", handler->id, true);
        put_string(out, doc, "method", handler->method, false);
        put_string(out, doc, "name", handler->name, true);
        put_trigger_and_type(out, handler, "webhook");
        put_string(out, doc, "url", handler->url, false);
        break;
    case HANDLER_CUSTOM:
        put_bool(out, "enabled", handler->enabled);
        put_string(out, doc, "functionName", handler->function_name, false);
        put_string(out, doc, "id", handler->id, true);
        put_string(out, doc, "name", handler->function_name, true);
        put_string(out, doc, "path", handler->path, false);
        put_trigger_and_type(out, handler, "custom");
        break;
    case HANDLER_LOG:
        put_bool(out, "enabled", handler->enabled);
        put_string(out, doc, "logPrefix", handler->log_prefix, false);
        put_string(out, doc, "name", handler->log_prefix, true);
        put_trigger_and_type(out, handler, "log");
        break;
    }
    text_putc(out, '}');
}

static void write_header_map(struct text *out, const struct doc *doc,
                             const struct oas_handler *handler)
{
    text_puts(out, ",\"header_map\":{");
    for (size_t i = 0; i < handler->header_count; i++) {
        text_puts(out, i > 0 ? "," : "");
        gojson_puts(out, handler->headers[i].name);
        text_putc(out, ':');
        if (handler->headers[i].value == DOC_NONE) {
            text_puts(out, "\"\"");
        } else {
            gojson_string_node(out, doc, handler->headers[i].value);
        }
    }
    text_putc(out, '}');
}

static void project_handler(struct text *out, const struct doc *doc,
                            const struct oas_handler *handler)
{
    static const char *const names[] = {"eh_web_hook_handler", "eh_dynamic_handler",
                                        "eh_log_handler"};
    text_printf(out, "{\"handler_name\":\"%s\",\"handler_meta\":{", names[handler->type]);
    put_bool(out, "disabled", !handler->enabled);
    switch (handler->type) {
    case HANDLER_WEBHOOK:
        put_string(out, doc, "id", handler->id, false);
        put_string(out, doc, "name", handler->name, false);
        put_string(out, doc, "method", handler->method, false);
        put_string(out, doc, "target_path", handler->url, false);
        put_string(out, doc, "template_path", handler->body_template, false);
        write_header_map(out, doc, handler);
        text_printf(out, ",\"event_timeout\":%lld", (long long)handler->cooldown_s);
        break;
    case HANDLER_CUSTOM:
        put_string(out, doc, "id", handler->id, false);
        put_string(out, doc, "name", handler->function_name, false);
        put_string(out, doc, "path", handler->path, false);
        break;
    case HANDLER_LOG:
        put_string(out, doc, "prefix", handler->log_prefix, false);
        break;
    }
    text_puts(out, "}}");
}

/* True if no handler before it has the same trigger. */
static bool is_first_of_trigger(const struct oas_handlers *handlers, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (strcmp(handlers->items[i].trigger, handlers->items[index].trigger) == 0) {
            return false;
        }
    }
    return true;
}

typedef void write_fn(struct text *out, const struct doc *doc, const struct oas_handler *handler);

/* Writes the handlers with the trigger of the one at first, which comes first. */
static void write_group(const struct oas_handlers *handlers, const struct doc *doc, size_t first,
                        struct text *out, write_fn *write)
{
    for (size_t i = first; i < handlers->count; i++) {
        if (strcmp(handlers->items[i].trigger, handlers->items[first].trigger) == 0) {
            text_puts(out, i > first ? "," : "");
            write(out, doc, &handlers->items[i]);
        }
    }
}

void oas_handlers_write(const struct oas_handlers *handlers, const struct doc *doc,
                        struct text *out, struct span **ret_groups, size_t *ret_count)
{
    struct span *groups = mem_zeroed((handlers->count + 1) * sizeof(*groups));
    size_t count = 0;
    text_putc(out, '[');
    for (size_t i = 0; i < handlers->count; i++) {
        if (!is_first_of_trigger(handlers, i)) {
            continue;
        }
        text_puts(out, count > 0 ? "," : "");
        groups[count].start = out->len;
        write_group(handlers, doc, i, out, write_handler);
        groups[count].len = out->len - groups[count].start;
        count++;
    }
    text_putc(out, ']');
    *ret_groups = groups;
    *ret_count = count;
}

void oas_handlers_project(const struct oas_handlers *handlers, const struct doc *doc,
                          struct text *out)
{
    text_putc(out, '{');
    for (size_t i = 0; i < handlers->count; i++) {
        if (!is_first_of_trigger(handlers, i)) {
            continue;
        }
        text_puts(out, i > 0 ? "," : "");
        gojson_puts(out, handlers->items[i].trigger);
        text_puts(out, ":[");
        write_group(handlers, doc, i, out, project_handler);
        text_putc(out, ']');
    }
    text_putc(out, '}');
}
