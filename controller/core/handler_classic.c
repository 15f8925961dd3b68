/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_text.h"
#include "base/mem.h"
#include "core/cooldown.h"
#include "core/event.h"
#include "core/handler_form.h"
#include "core/members.h"
#include "core/secret.h"

enum key {
    DISABLED,
    ID,
    NAME,
    METHOD,
    TARGET,
    TEMPLATE,
    HEADERS,
    TIMEOUT,
    PREFIX,
    PATH,
    KEY_COUNT
};

static const char *const keys[KEY_COUNT] = {
    [DISABLED] = "disabled",  [ID] = "id",
    [NAME] = "name",          [METHOD] = "method",
    [TARGET] = "target_path", [TEMPLATE] = "template_path",
    [HEADERS] = "header_map", [TIMEOUT] = "event_timeout",
    [PREFIX] = "prefix",      [PATH] = "path",
};

#define META "handler_meta."

static const char *const outer_keys[] = {"handler_name", "handler_meta"};

static struct span meta_of(const struct handler *handler)
{
    struct span values[2];
    members_read(handler->text, outer_keys, 2, values, NULL, NULL);
    return values[1];
}

static void read_timeout(const struct handler_scope *scope, struct handler *handler,
                         struct span value)
{
    int64_t seconds;
    if (!value.ptr)
        return;
    if (!json_text_int64(value, &seconds) || seconds < 0 || seconds > COOLDOWN_MAX) {
        handler_refuse(scope, handler, META "event_timeout", "such as 10",
                       "a whole number of seconds is expected");
        return;
    }
    handler->cooldown = seconds;
}

static void read_webhook(const struct handler_scope *scope, struct handler *handler,
                         const struct span *values)
{
    static const char *const others[][2] = {
        {"cooldown", "event_timeout"},
        {"cooldownPeriod", "event_timeout"},
        {"url", "target_path"},
        {"target_url", "target_path"},
        {"bodyTemplate", "template_path"},
        {"headers", "header_map"},
        {"enabled", "disabled"},
    };
    handler->is_webhook = true;
    handler_check_spelling(
        scope, handler, meta_of(handler), META,
        &(struct misspelt_names){keys, TIMEOUT + 1, others, ARRAY_LENGTH(others)});
    bool readable = handler_read_ref(scope, handler, values[ID], META "id");
    read_timeout(scope, handler, values[TIMEOUT]);
    if (handler_want_text(scope, handler, values[NAME], META "name") && values[NAME].length > 2)
        handler->name = json_text_string(values[NAME]);
    handler->has_local = values[TARGET].length > 2 && values[METHOD].length > 2;
    for (enum key key = METHOD; key <= HEADERS; key++)
        handler->has_overruled = handler->has_overruled || values[key].ptr;
    if (readable && !handler->ref)
        handler_check_local(scope, handler);
}

static void read_other(const struct handler_scope *scope, struct handler *handler,
                       struct span handler_name, const struct span *values)
{
    CLEANUP(freep) char *name = json_text_string(handler_name);
    if (strcmp(name, "eh_dynamic_handler") == 0) {
        (void)handler_want_text(scope, handler, values[ID], META "id");
        (void)handler_want_text(scope, handler, values[NAME], META "name");
        if (handler->enabled)
            handler_check_jsvm(scope, handler, values[PATH], META "path");
    } else if (strcmp(name, "eh_log_handler") == 0) {
        (void)handler_want_text(scope, handler, values[PREFIX], META "prefix");
    } else if (strcmp(name, "cp_dynamic_handler") == 0) {
        if (json_text_type(values[NAME]) != JSON_TEXT_STRING)
            handler_refuse(scope, handler, META "name", "the name of the plugin's function",
                           "a plugin handler without name kills the gateway");
    } else {
        handler_report(scope, handler,
                       &(struct problem_about){.severity = PROBLEM_WARNING,
                                               .reason = "UnknownHandler",
                                               .field = outer_keys[0]},
                       "the gateway has no handler %s", name);
    }
}

static bool is_known(struct span handler_name)
{
    static const char *const names[] = {"eh_web_hook_handler", "eh_log_handler",
                                        "eh_dynamic_handler", "cp_dynamic_handler"};
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        if (json_text_is(handler_name, names[i]))
            return true;
    }
    return false;
}

static void read_meta(const struct handler_scope *scope, struct handler *handler,
                      struct span handler_name, struct span meta)
{
    struct span values[KEY_COUNT] = {{NULL, 0}};
    bool known = is_known(handler_name);
    enum json_text_type type = json_text_type(meta);
    if (known && type != JSON_TEXT_NONE && type != JSON_TEXT_OBJECT) {
        handler_refuse(scope, handler, outer_keys[1], NULL, "a map is expected, not %s",
                       problem_found(meta));
        return;
    }
    if (known)
        handler_read_members(scope, handler, meta, &(struct handler_keys){META, keys, KEY_COUNT},
                             values);
    enum json_text_type disabled = json_text_type(values[DISABLED]);
    if (disabled != JSON_TEXT_NONE && disabled != JSON_TEXT_TRUE && disabled != JSON_TEXT_FALSE)
        handler_refuse(scope, handler, META "disabled", NULL, "true or false is expected");
    handler->enabled = disabled != JSON_TEXT_TRUE;
    if (json_text_is(handler_name, "eh_web_hook_handler"))
        read_webhook(scope, handler, values);
    else
        read_other(scope, handler, handler_name, values);
}

static void read_handler(const struct handler_scope *scope, struct handler *handler)
{
    struct span values[2];
    if (json_text_type(handler->text) != JSON_TEXT_OBJECT) {
        handler_refuse(scope, handler, "", NULL, "a map is expected, not %s",
                       problem_found(handler->text));
        return;
    }
    handler_check_event(scope, handler);
    handler_read_members(scope, handler, handler->text, &(struct handler_keys){"", outer_keys, 2},
                         values);
    handler_check_spelling(scope, handler, handler->text, "",
                           &(struct misspelt_names){outer_keys, 2, NULL, 0});
    if (json_text_type(values[0]) != JSON_TEXT_STRING || values[0].length < 3) {
        handler_refuse(scope, handler, outer_keys[0], "such as eh_web_hook_handler",
                       "it is missing or not a text");
        return;
    }
    read_meta(scope, handler, values[0], values[1]);
}

static void read_list(const struct handler_scope *scope, struct handlers *handlers, char *event,
                      struct span text)
{
    struct handler_list *list = handlers_add_list(handlers, event, text);
    enum json_text_type type = json_text_type(text);
    if (type != JSON_TEXT_ARRAY && type != JSON_TEXT_NULL && scope->problems) {
        CLEANUP(freep) char *field = xasprintf("spec.event_handlers.events.%s", event);
        problems_refuse(scope->problems, field, NULL, "a list is expected, not %s",
                        problem_found(text));
    }
    if (type != JSON_TEXT_ARRAY)
        return;
    struct json_text_iter iter = json_text_iterate(text);
    while (json_text_next(&iter)) {
        struct handler *handler = handlers_add(handlers, iter.value, iter.index);
        handler->trigger = xstrdup(event);
        read_handler(scope, handler);
        list->has_webhooks = list->has_webhooks || handler->is_webhook;
        list->count++;
    }
}

struct event_text {
    char *name;
    struct span handlers;
};

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct event_text *)a)->name, ((const struct event_text *)b)->name);
}

void handlers_read_classic(const struct handler_scope *scope, struct handlers *handlers)
{
    static const char *const names[] = {"events"};
    struct span events;
    struct span variant;
    const char *name;
    members_read(scope->view->handlers, names, 1, &events, &variant, &name);
    if (variant.ptr && scope->problems)
        problems_refuse(scope->problems, "spec.event_handlers", "write events",
                        "the gateway ignores the case of keys, Kubernetes does not");
    enum json_text_type type = json_text_type(events);
    if (type != JSON_TEXT_OBJECT) {
        if (type != JSON_TEXT_NONE && scope->problems)
            problems_refuse(scope->problems, "spec.event_handlers.events", NULL,
                            "a map is expected, not %s", problem_found(events));
        return;
    }
    struct event_text *sorted = NULL;
    size_t count = 0;
    size_t capacity = 0;
    struct json_text_iter iter = json_text_iterate(events);
    while (json_text_next(&iter)) {
        sorted = xgrow(sorted, count, &capacity, sizeof(*sorted));
        sorted[count++] = (struct event_text){json_text_string(iter.key), iter.value};
    }
    if (count)
        qsort(sorted, count, sizeof(*sorted), by_name);
    for (size_t i = 0; i < count; i++)
        read_list(scope, handlers, sorted[i].name, sorted[i].handlers);
    free(sorted);
}

static const char *header_fault(struct span headers)
{
    if (!headers.ptr)
        return NULL;
    if (json_text_type(headers) != JSON_TEXT_OBJECT)
        return "a map, header by header, is expected";
    struct json_text_iter iter = json_text_iterate(headers);
    while (json_text_next(&iter)) {
        enum json_text_type type = json_text_type(iter.value);
        if (type != JSON_TEXT_STRING && type != JSON_TEXT_NULL)
            return "the value of each header must be a text";
    }
    return NULL;
}

static void check_placeholders(const struct handler_scope *scope, const struct handler *handler,
                               struct span headers)
{
    struct json_text_iter iter = json_text_iterate(headers);
    while (json_text_next(&iter)) {
        CLEANUP(freep) char *value = json_text_string(iter.value);
        if (!value || !secret_is_placeholder(value))
            continue;
        CLEANUP(freep) char *name = json_text_string(iter.key);
        CLEANUP(freep) char *member = xasprintf(META "header_map.%s", name);
        handler_refuse_placeholder(scope, handler, member);
    }
}

void handler_check_local_classic(const struct handler_scope *scope, const struct handler *handler)
{
    struct span values[KEY_COUNT];
    members_read(meta_of(handler), keys, KEY_COUNT, values, NULL, NULL);
    if (!values[TARGET].ptr && !handler->ref) {
        handler_refuse(scope, handler, outer_keys[1],
                       "give id for a global webhook, or target_path and method",
                       "the handler has neither id nor target_path");
        return;
    }
    handler_check_target(
        scope, handler, (struct span[]){values[TARGET], values[METHOD], values[TEMPLATE]},
        (const char *const[]){META "target_path", META "method", META "template_path"});
    const char *fault = header_fault(values[HEADERS]);
    if (fault)
        handler_refuse(scope, handler, META "header_map", NULL, "%s", fault);
    else if (values[HEADERS].ptr)
        check_placeholders(scope, handler, values[HEADERS]);
}

/* ---- writing ---- */

static void add_headers(const struct copy *copy, bool placeholders, struct buf *out)
{
    buf_add_char(out, '{');
    for (size_t i = 0; i < copy->header_count; i++) {
        if (i)
            buf_add_char(out, ',');
        json_text_add_string(out, copy->headers[i].name);
        buf_add_char(out, ':');
        handler_add_value(&copy->headers[i], placeholders, out);
    }
    buf_add_char(out, '}');
}

static void write_meta(const struct handler *handler, const struct handler_outcome *outcome,
                       const struct handler_settings *settings, const char *timeout,
                       struct buf *out)
{
    const struct copy *copy = outcome->copy;
    CLEANUP(freep) char *id = outcome->source == REF_GLOBAL ? handler_quote(handler->ref) : NULL;
    CLEANUP(freep) char *name = handler_quote(handler->name ? handler->name : copy->name);
    CLEANUP(freep) char *method = handler_quote(copy->method);
    CLEANUP(freep) char *template = handler_quote(copy->body_template);
    CLEANUP(buf_fini) struct buf url;
    CLEANUP(buf_fini) struct buf headers;
    buf_init(&url, BUF_UNLIMITED);
    buf_init(&headers, BUF_UNLIMITED);
    handler_add_url(copy, settings->placeholders, &url);
    add_headers(copy, settings->placeholders, &headers);
    struct member_edit edits[] = {
        members_set(keys[DISABLED], handler->enabled && !copy->suspend ? "false" : "true"),
        members_set(keys[ID], id),
        members_set(keys[NAME], name),
        members_set(keys[METHOD], method),
        members_set(keys[TARGET], buf_text(&url)),
        members_set(keys[TEMPLATE], template),
        members_set(keys[HEADERS], buf_text(&headers)),
        members_set(keys[TIMEOUT], timeout),
    };
    members_write(meta_of(handler), edits, ARRAY_LENGTH(edits), out);
}

static void write_local_meta(const struct handler *handler, const char *timeout, struct buf *out)
{
    struct member_edit edits[] = {
        {keys[DISABLED], "false", 5, true},
        {keys[ID], NULL, 0, false},
        {keys[TEMPLATE], "\"\"", 2, true},
        {keys[TIMEOUT], timeout, strlen(timeout), false},
    };
    members_write(meta_of(handler), edits, ARRAY_LENGTH(edits), out);
}

void handler_write_classic(const struct handler *handler, const struct handler_outcome *outcome,
                           const struct handler_settings *settings, struct buf *out)
{
    int64_t seconds = handler_cooldown(handler, outcome->copy, settings->default_cooldown);
    CLEANUP(freep) char *timeout = xasprintf("%" PRId64, seconds ? seconds : 1);
    CLEANUP(buf_fini) struct buf meta;
    buf_init(&meta, BUF_UNLIMITED);
    if (outcome->source == REF_LOCAL)
        write_local_meta(handler, timeout, &meta);
    else
        write_meta(handler, outcome, settings, timeout, &meta);
    struct member_edit edit = members_set(outer_keys[1], buf_text(&meta));
    members_write(handler->text, &edit, 1, out);
}
