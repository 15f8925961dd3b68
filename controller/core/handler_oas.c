/* SPDX-License-Identifier: Apache-2.0 */
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
    ENABLED,
    TRIGGER,
    TYPE,
    COOLDOWN,
    ID,
    NAME,
    URL,
    METHOD,
    TEMPLATE,
    HEADERS,
    FUNCTION,
    PATH,
    PREFIX,
    KEY_COUNT
};

static const char *const keys[KEY_COUNT] = {
    [ENABLED] = "enabled",
    [TRIGGER] = "trigger",
    [TYPE] = "type",
    [COOLDOWN] = "cooldownPeriod",
    [ID] = "id",
    [NAME] = "name",
    [URL] = "url",
    [METHOD] = "method",
    [TEMPLATE] = "bodyTemplate",
    [HEADERS] = "headers",
    [FUNCTION] = "functionName",
    [PATH] = "path",
    [PREFIX] = "logPrefix",
};

#define COOLDOWN_HINT "whole hours, minutes and seconds in this order, such as 10s or 1m30s"

static void read_cooldown(const struct handler_scope *scope, struct handler *handler,
                          struct span value)
{
    if (!handler_want_text(scope, handler, value, keys[COOLDOWN]))
        return;
    CLEANUP(freep) char *text = json_text_string(value);
    int64_t seconds;
    if (!text || !*text)
        return;
    if (!cooldown_read(text, &seconds)) {
        handler_refuse(scope, handler, keys[COOLDOWN], COOLDOWN_HINT,
                       "the gateway does not take \"%s\" as a cooldown", text);
        return;
    }
    handler->cooldown = seconds;
    handler->cooldown_text = TAKE(text);
}

static void check_required(const struct handler_scope *scope, const struct handler *handler,
                           const struct span *values, const enum key *required, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        enum key key = required[i];
        if (handler_want_text(scope, handler, values[key], keys[key]) && !values[key].ptr)
            handler_refuse(scope, handler, keys[key], NULL, "it is missing");
    }
}

static void read_webhook(const struct handler_scope *scope, struct handler *handler,
                         const struct span *values)
{
    static const char *const others[][2] = {
        {"cooldown", "cooldownPeriod"},
        {"event_timeout", "cooldownPeriod"},
        {"target_path", "url"},
        {"target_url", "url"},
        {"template_path", "bodyTemplate"},
        {"template", "bodyTemplate"},
        {"header_map", "headers"},
        {"event", "trigger"},
    };
    handler->is_webhook = true;
    handler_check_spelling(
        scope, handler, handler->text, "",
        &(struct misspelt_names){keys, HEADERS + 1, others, ARRAY_LENGTH(others)});
    bool readable = handler_read_ref(scope, handler, values[ID], keys[ID]);
    read_cooldown(scope, handler, values[COOLDOWN]);
    handler->has_local = values[URL].length > 2 && values[METHOD].length > 2;
    for (enum key key = URL; key <= HEADERS; key++)
        handler->has_overruled = handler->has_overruled || values[key].ptr;
    if (readable && !handler->ref)
        handler_check_local(scope, handler);
}

static void read_other(const struct handler_scope *scope, struct handler *handler,
                       const struct span *values)
{
    static const enum key js[] = {NAME, FUNCTION};
    static const enum key log[] = {NAME, PREFIX};
    bool is_js = json_text_is(values[TYPE], "custom");
    /* Of another type they would make the gateway lose the rest of the document. */
    (void)handler_want_text(scope, handler, values[ID], keys[ID]);
    (void)handler_want_text(scope, handler, values[COOLDOWN], keys[COOLDOWN]);
    check_required(scope, handler, values, is_js ? js : log, 2);
    if (is_js && handler->enabled)
        handler_check_jsvm(scope, handler, values[PATH], keys[PATH]);
    else if (is_js)
        check_required(scope, handler, values, &(enum key){PATH}, 1);
    if (scope->abilities && event_version_is_older(scope->abilities->version, "5.8"))
        handler_report(scope, handler,
                       &(struct problem_about){.severity = PROBLEM_WARNING,
                                               .reason = "HandlerTooNew",
                                               .field = keys[TYPE]},
                       "handlers of this type need a gateway from 5.8, the context has %s",
                       scope->abilities->version);
}

static void read_trigger(const struct handler_scope *scope, struct handler *handler,
                         struct span value)
{
    char *trigger = json_text_string(value);
    handler->trigger = trigger ? trigger : xstrdup("");
    const struct event *event = event_find(handler->trigger);
    if (event && event->in_oas) {
        handler_check_event(scope, handler);
        return;
    }
    const char *near = event_nearest(handler->trigger, true);
    CLEANUP(freep)
    char *hint = near ? xasprintf("did you mean %s?", near)
                      : xstrdup("such as QuotaExceeded or AuthFailure");
    handler_refuse(scope, handler, keys[TRIGGER], hint,
                   trigger ? "OAS documents know no event %s" : "it is missing or not a text%s",
                   handler->trigger);
}

static void read_handler(const struct handler_scope *scope, struct handler *handler)
{
    struct span values[KEY_COUNT];
    if (json_text_type(handler->text) != JSON_TEXT_OBJECT) {
        handler->trigger = xstrdup("");
        handler_refuse(scope, handler, "", NULL, "a map is expected, not %s",
                       problem_found(handler->text));
        return;
    }
    CLEANUP(freep) char *name = NULL;
    members_read(handler->text, keys + TRIGGER, 1, values + TRIGGER, NULL, NULL);
    read_trigger(scope, handler, values[TRIGGER]);
    handler_read_members(scope, handler, handler->text, &(struct handler_keys){"", keys, KEY_COUNT},
                         values);

    enum json_text_type enabled = json_text_type(values[ENABLED]);
    if (enabled != JSON_TEXT_TRUE && enabled != JSON_TEXT_FALSE)
        handler_refuse(scope, handler, keys[ENABLED], "write true or false", "it is %s",
                       values[ENABLED].ptr ? "neither true nor false" : "missing");
    handler->enabled = enabled != JSON_TEXT_FALSE;
    if (handler_want_text(scope, handler, values[NAME], keys[NAME]) && values[NAME].length > 2)
        name = json_text_string(values[NAME]);
    handler->name = TAKE(name);

    if (json_text_is(values[TYPE], "webhook"))
        read_webhook(scope, handler, values);
    else if (json_text_is(values[TYPE], "custom") || json_text_is(values[TYPE], "log"))
        read_other(scope, handler, values);
    else
        handler_refuse(scope, handler, keys[TYPE], "one of webhook, custom and log",
                       "the gateway drops a handler of another type");
}

void handlers_read_oas(const struct handler_scope *scope, struct handlers *handlers)
{
    struct span text = scope->view->handlers;
    if (json_text_type(text) != JSON_TEXT_ARRAY)
        return;
    struct handler_list *list = handlers_add_list(handlers, NULL, text);
    struct json_text_iter iter = json_text_iterate(text);
    while (json_text_next(&iter)) {
        struct handler *handler = handlers_add(handlers, iter.value, iter.index);
        read_handler(scope, handler);
        list->has_webhooks = list->has_webhooks || handler->is_webhook;
        list->count++;
    }
}

static const char *header_fault(struct span headers)
{
    static const char *const names[] = {"name", "value"};
    if (!headers.ptr)
        return NULL;
    if (json_text_type(headers) != JSON_TEXT_ARRAY)
        return "a list of name and value is expected";
    struct json_text_iter iter = json_text_iterate(headers);
    while (json_text_next(&iter)) {
        struct span values[2];
        members_read(iter.value, names, 2, values, NULL, NULL);
        if (json_text_type(values[0]) != JSON_TEXT_STRING ||
            json_text_type(values[1]) != JSON_TEXT_STRING)
            return "name and value of each header are expected, as texts";
    }
    return NULL;
}

static void check_placeholders(const struct handler_scope *scope, const struct handler *handler,
                               struct span headers)
{
    struct json_text_iter iter = json_text_iterate(headers);
    while (json_text_next(&iter)) {
        CLEANUP(freep) char *value = json_text_string(json_text_member(iter.value, "value"));
        CLEANUP(freep) char *member = xasprintf("%s[%zu].value", keys[HEADERS], iter.index);
        if (value && secret_is_placeholder(value))
            handler_refuse_placeholder(scope, handler, member);
    }
}

void handler_check_local_oas(const struct handler_scope *scope, const struct handler *handler)
{
    struct span values[KEY_COUNT];
    members_read(handler->text, keys, KEY_COUNT, values, NULL, NULL);
    if (!values[URL].ptr && !handler->ref) {
        handler_refuse(scope, handler, "", "give id for a global webhook, or url and method",
                       "the handler has neither id nor url");
        return;
    }
    handler_check_target(scope, handler,
                         (struct span[]){values[URL], values[METHOD], values[TEMPLATE]},
                         (const char *const[]){keys[URL], keys[METHOD], keys[TEMPLATE]});
    const char *fault = header_fault(values[HEADERS]);
    if (fault)
        handler_refuse(scope, handler, keys[HEADERS], NULL, "%s", fault);
    else if (values[HEADERS].ptr)
        check_placeholders(scope, handler, values[HEADERS]);
}

/* ---- writing ---- */

static void add_headers(const struct copy *copy, bool placeholders, struct buf *out)
{
    buf_add_char(out, '[');
    for (size_t i = 0; i < copy->header_count; i++) {
        buf_add_text(out, i ? ",{\"name\":" : "{\"name\":");
        json_text_add_string(out, copy->headers[i].name);
        buf_add_text(out, ",\"value\":");
        handler_add_value(&copy->headers[i], placeholders, out);
        buf_add_char(out, '}');
    }
    buf_add_char(out, ']');
}

/* Returns owned: the cooldown as it is pushed. */
static char *cooldown_text(const struct handler *handler, const struct copy *copy,
                           const char *default_cooldown)
{
    if (!handler_cooldown(handler, copy, default_cooldown))
        return xstrdup("1s");
    if (handler->cooldown_text)
        return xstrdup(handler->cooldown_text);
    int64_t seconds;
    if (copy && copy->cooldown && cooldown_read(copy->cooldown, &seconds))
        return xstrdup(copy->cooldown);
    return xstrdup(default_cooldown);
}

/* null is absence; the schema refuses it in these two. */
static size_t remove_nulls(const struct handler *handler, struct member_edit *edits)
{
    static const char *const names[] = {"name", "headers"};
    size_t count = 0;
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        if (json_text_type(json_text_member(handler->text, names[i])) == JSON_TEXT_NULL)
            edits[count++] = members_set(names[i], NULL);
    }
    return count;
}

static void write_local(const struct handler *handler, const char *cooldown, struct buf *out)
{
    struct member_edit edits[5] = {
        {keys[COOLDOWN], cooldown, strlen(cooldown), false},
        {keys[ID], NULL, 0, false},
        {keys[TEMPLATE], "\"\"", 2, true},
    };
    size_t count = 3 + remove_nulls(handler, edits + 3);
    members_write(handler->text, edits, count, out);
}

void handler_write_oas(const struct handler *handler, const struct handler_outcome *outcome,
                       const struct handler_settings *settings, struct buf *out)
{
    const struct copy *copy = outcome->copy;
    CLEANUP(freep) char *plain = cooldown_text(handler, copy, settings->default_cooldown);
    CLEANUP(freep) char *cooldown = handler_quote(plain);
    if (outcome->source == REF_LOCAL) {
        write_local(handler, cooldown, out);
        return;
    }
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
        members_set(keys[ENABLED], handler->enabled && !copy->suspend ? "true" : "false"),
        members_set(keys[COOLDOWN], cooldown),
        members_set(keys[ID], id),
        members_set(keys[NAME], name),
        members_set(keys[URL], buf_text(&url)),
        members_set(keys[METHOD], method),
        members_set(keys[TEMPLATE], template),
        members_set(keys[HEADERS], buf_text(&headers)),
    };
    members_write(handler->text, edits, ARRAY_LENGTH(edits), out);
}
