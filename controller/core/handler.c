/* SPDX-License-Identifier: Apache-2.0 */
#include "core/handler.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_text.h"
#include "base/mem.h"
#include "base/str.h"
#include "core/cooldown.h"
#include "core/event.h"
#include "core/guards.h"
#include "core/handler_form.h"
#include "core/members.h"
#include "core/method.h"
#include "core/secret.h"
#include "core/url.h"

struct handler *handlers_add(struct handlers *handlers, struct span text, size_t index)
{
    handlers->items =
        xgrow(handlers->items, handlers->count, &handlers->capacity, sizeof(*handlers->items));
    struct handler *handler = &handlers->items[handlers->count++];
    *handler = (struct handler){.text = text, .index = index, .cooldown = -1};
    return handler;
}

struct handler_list *handlers_add_list(struct handlers *handlers, char *event, struct span text)
{
    handlers->lists =
        xrealloc(handlers->lists, (handlers->list_count + 1) * sizeof(*handlers->lists));
    struct handler_list *list = &handlers->lists[handlers->list_count++];
    *list = (struct handler_list){.event = event, .text = text, .first = handlers->count};
    return list;
}

void handlers_read(const struct handler_scope *scope, struct handlers *ret_handlers)
{
    *ret_handlers = (struct handlers){.count = 0};
    if (scope->view->form == API_FORM_OAS)
        handlers_read_oas(scope, ret_handlers);
    else
        handlers_read_classic(scope, ret_handlers);
}

void handlers_fini(struct handlers *handlers)
{
    for (size_t i = 0; i < handlers->count; i++) {
        free(handlers->items[i].trigger);
        free(handlers->items[i].ref);
        free(handlers->items[i].name);
        free(handlers->items[i].cooldown_text);
    }
    for (size_t i = 0; i < handlers->list_count; i++)
        free(handlers->lists[i].event);
    free(handlers->items);
    free(handlers->lists);
    *handlers = (struct handlers){.count = 0};
}

/* ---- problems ---- */

/* Returns owned: the path of a handler's member in the manifest. */
static char *field_of(const struct handler_scope *scope, const struct handler *handler,
                      const char *member)
{
    const char *dot = *member ? "." : "";
    if (scope->view->form == API_FORM_OAS)
        return xasprintf("%s.x-tyk-api-gateway.server.eventHandlers[%zu]%s%s", scope->view->prefix,
                         handler->index, dot, member);
    return xasprintf("%s.event_handlers.events.%s[%zu]%s%s", scope->view->prefix, handler->trigger,
                     handler->index, dot, member);
}

static void report(const struct handler_scope *scope, const struct handler *handler,
                   const struct problem_about *about, const char *format, va_list arguments)
    __attribute__((format(printf, 4, 0)));

static void report(const struct handler_scope *scope, const struct handler *handler,
                   const struct problem_about *about, const char *format, va_list arguments)
{
    if (!scope->problems)
        return;
    char message[512];
    vsnprintf(message, sizeof(message), format, arguments);
    CLEANUP(freep) char *field = field_of(scope, handler, about->field ? about->field : "");
    struct problem_about full = *about;
    full.field = field;
    full.trigger = handler->trigger;
    full.index = handler->index;
    problems_add(scope->problems, &full, "%s", message);
}

void handler_report(const struct handler_scope *scope, const struct handler *handler,
                    const struct problem_about *about, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    report(scope, handler, about, format, arguments);
    va_end(arguments);
}

void handler_refuse(const struct handler_scope *scope, const struct handler *handler,
                    const char *member, const char *hint, const char *format, ...)
{
    struct problem_about about = {.reason = "InvalidSpec", .field = member, .hint = hint};
    va_list arguments;
    va_start(arguments, format);
    report(scope, handler, &about, format, arguments);
    va_end(arguments);
}

/* ---- checks that both forms share ---- */

void handler_read_members(const struct handler_scope *scope, const struct handler *handler,
                          struct span object, const struct handler_keys *keys, struct span *values)
{
    struct span variant;
    const char *name = NULL;
    members_read(object, keys->names, keys->count, values, &variant, &name);
    if (!variant.ptr)
        return;
    CLEANUP(freep) char *key = json_text_string(variant);
    CLEANUP(freep) char *member = xasprintf("%s%s", keys->prefix, key);
    CLEANUP(freep) char *hint = xasprintf("write %s", name);
    handler_refuse(scope, handler, member, hint,
                   "the gateway ignores the case of keys, Kubernetes does not");
}

struct spelling {
    const struct handler_scope *scope;
    const struct handler *handler;
    const char *prefix;
};

static void report_misspelt(void *arg, const char *key, const char *meant)
{
    const struct spelling *spelling = arg;
    CLEANUP(freep) char *member = xasprintf("%s%s", spelling->prefix, key);
    CLEANUP(freep) char *hint = xasprintf("did you mean %s?", meant);
    handler_report(
        spelling->scope, spelling->handler,
        &(struct problem_about){
            .severity = PROBLEM_WARNING, .reason = "UnknownField", .field = member, .hint = hint},
        MISSPELT_MESSAGE);
}

void handler_check_spelling(const struct handler_scope *scope, const struct handler *handler,
                            struct span object, const char *prefix,
                            const struct misspelt_names *names)
{
    if (scope->problems && scope->is_advised)
        misspelt_find(object, names, report_misspelt, &(struct spelling){scope, handler, prefix});
}

bool handler_want_text(const struct handler_scope *scope, const struct handler *handler,
                       struct span value, const char *member)
{
    enum json_text_type type = json_text_type(value);
    if (type == JSON_TEXT_NONE || type == JSON_TEXT_STRING)
        return true;
    bool composed = type == JSON_TEXT_OBJECT || type == JSON_TEXT_ARRAY || type == JSON_TEXT_NULL;
    const char *hint = str_equal(member, "cooldownPeriod") ? "such as 10s or 1m30s"
                       : composed                          ? NULL
                                                           : "put it in quotes";
    handler_refuse(scope, handler, member, hint, "a text is expected, not %s",
                   problem_found(value));
    return false;
}

bool handler_read_ref(const struct handler_scope *scope, struct handler *handler, struct span id,
                      const char *member)
{
    if (!handler_want_text(scope, handler, id, member))
        return false;
    CLEANUP(freep) char *ref = json_text_string(id);
    if (ref && *ref)
        handler->ref = TAKE(ref);
    return true;
}

void handler_check_event(const struct handler_scope *scope, const struct handler *handler)
{
    const struct event *event = event_find(handler->trigger);
    struct problem_about about = {.severity = PROBLEM_WARNING};
    if (!event) {
        const char *near = event_nearest(handler->trigger, false);
        CLEANUP(freep) char *hint = near ? xasprintf("did you mean %s?", near) : NULL;
        about.reason = "UnknownEvent";
        about.hint = hint ? hint : "fine for an event of your own plugins";
        handler_report(scope, handler, &about, "the gateway has no event %s", handler->trigger);
    } else if (event->never_fires) {
        about.reason = "EventNeverFires";
        about.hint = "such events reach only handlers in the gateway's own configuration";
        handler_report(scope, handler, &about, "%s never fires at the handlers of an API",
                       handler->trigger);
    } else if (event->since && scope->abilities &&
               event_version_is_older(scope->abilities->version, event->since)) {
        about.reason = "EventTooNew";
        handler_report(scope, handler, &about, "%s needs a gateway from %s, the context has %s",
                       handler->trigger, event->since, scope->abilities->version);
    }
}

void handler_refuse_placeholder(const struct handler_scope *scope, const struct handler *handler,
                                const char *member)
{
    handler_refuse(scope, handler, member,
                   "keep the id of the global webhook, or put the value itself in",
                   "it is the placeholder of a Secret's value: webhooks would go out without it");
}

void handler_check_jsvm(const struct handler_scope *scope, const struct handler *handler,
                        struct span path, const char *member)
{
    if (json_text_type(path) != JSON_TEXT_STRING || path.length < 3)
        handler_refuse(scope, handler, member, "the JavaScript file on the gateway",
                       "a JavaScript handler without path kills the gateway");
    if (!scope->abilities || scope->abilities->jsvm)
        return;
    if (scope->abilities->folder_owner)
        handler_report(scope, handler,
                       &(struct problem_about){.severity = PROBLEM_WARNING,
                                               .reason = "JsvmAssumed",
                                               .hint = "enable_jsvm must be on"},
                       "a JavaScript handler kills a gateway whose JSVM is off");
    else
        handler_refuse(scope, handler, "",
                       "set spec.gateway.jsvm of the OperatorContext where enable_jsvm is on",
                       "a JavaScript handler kills a gateway whose JSVM is off, and the context "
                       "does not say that it is on");
}

void handler_check_target(const struct handler_scope *scope, const struct handler *handler,
                          const struct span target[3], const char *const members[3])
{
    CLEANUP(freep) char *url = json_text_string(target[0]);
    CLEANUP(freep) char *method = json_text_string(target[1]);
    CLEANUP(freep) char *template = json_text_string(target[2]);
    bool user_info = false;
    if (handler_want_text(scope, handler, target[0], members[0])) {
        const char *fault = url ? url_fault(url, &user_info) : "it is missing";
        if (url && secret_is_placeholder(url))
            handler_refuse_placeholder(scope, handler, members[0]);
        else if (fault)
            handler_refuse(scope, handler, members[0],
                           "an absolute URL such as https://pager.example/hook", "%s", fault);
    }
    if (user_info)
        handler_report(scope, handler,
                       &(struct problem_about){
                           .severity = PROBLEM_WARNING, .reason = "UserInfo", .field = members[0]},
                       "the URL holds a name or password");
    if (handler_want_text(scope, handler, target[1], members[1]) &&
        (!method || !method_is_valid(method)))
        handler_refuse(scope, handler, members[1], METHOD_HINT, "%s",
                       method ? "there is no such method" : "it is missing");
    if (handler_want_text(scope, handler, target[2], members[2]) && template && scope->abilities &&
        !guards_template_is_allowed(template, scope->abilities))
        handler_refuse(scope, handler, members[2],
                       "see spec.gateway.templatePaths of the OperatorContext",
                       "the template is outside the folders that the context allows");
}

void handler_check_local(const struct handler_scope *scope, const struct handler *handler)
{
    if (scope->view->form == API_FORM_OAS)
        handler_check_local_oas(scope, handler);
    else
        handler_check_local_classic(scope, handler);
}

/* ---- writing ---- */

int64_t handler_cooldown(const struct handler *handler, const struct copy *copy,
                         const char *default_cooldown)
{
    int64_t seconds = handler->cooldown;
    if (seconds < 0 && copy && copy->cooldown && !cooldown_read(copy->cooldown, &seconds))
        seconds = -1;
    if (seconds < 0 && !cooldown_read(default_cooldown, &seconds))
        seconds = 10;
    return seconds;
}

char *handler_quote(const char *text)
{
    struct buf out;
    buf_init(&out, BUF_UNLIMITED);
    json_text_add_string(&out, text);
    return buf_take(&out);
}

static void add_secret(const char *secret, struct buf *out)
{
    CLEANUP(freep) char *text = secret_placeholder(secret);
    json_text_add_string(out, text);
}

void handler_add_value(const struct copy_header *header, bool placeholders, struct buf *out)
{
    if (placeholders && header->secret)
        add_secret(header->secret, out);
    else
        json_text_add_string(out, header->value);
}

void handler_add_url(const struct copy *copy, bool placeholders, struct buf *out)
{
    if (placeholders && copy->url_secret)
        add_secret(copy->url_secret, out);
    else
        json_text_add_string(out, copy->url);
}

void handler_write(enum api_form form, const struct handler *handler,
                   const struct handler_outcome *outcome, const struct handler_settings *settings,
                   struct buf *out)
{
    if (form == API_FORM_OAS)
        handler_write_oas(handler, outcome, settings, out);
    else
        handler_write_classic(handler, outcome, settings, out);
}

static void write_list(const struct api_view *view, const struct handlers *handlers,
                       const struct handler_list *list, const struct handler_outcome *outcomes,
                       const struct handler_settings *settings, struct buf *out)
{
    if (!list->has_webhooks) {
        buf_add(out, list->text.ptr, list->text.length);
        return;
    }
    bool first = true;
    buf_add_char(out, '[');
    for (size_t i = list->first; i < list->first + list->count; i++) {
        const struct handler *handler = &handlers->items[i];
        bool written = handler->is_webhook && !outcomes[i].as_it_is;
        if (written && outcomes[i].source == REF_MISSING)
            continue;
        if (!first)
            buf_add_char(out, ',');
        first = false;
        if (written)
            handler_write(view->form, handler, &outcomes[i], settings, out);
        else
            buf_add(out, handler->text.ptr, handler->text.length);
    }
    buf_add_char(out, ']');
}

static int by_place(const void *a, const void *b)
{
    const struct handler_list *left = *(const struct handler_list *const *)a;
    const struct handler_list *right = *(const struct handler_list *const *)b;
    return left->text.ptr < right->text.ptr ? -1 : left->text.ptr > right->text.ptr;
}

/* Classic: the lists stand in the object `events`, in the user's order. */
static void write_events(const struct api_view *view, const struct handlers *handlers,
                         const struct handler_outcome *outcomes,
                         const struct handler_settings *settings, struct buf *out)
{
    CLEANUP(freep)
    const struct handler_list **lists = xcalloc(handlers->list_count + 1, sizeof(*lists));
    for (size_t i = 0; i < handlers->list_count; i++)
        lists[i] = &handlers->lists[i];
    if (handlers->list_count)
        qsort(lists, handlers->list_count, sizeof(*lists), by_place);
    size_t next = 0;
    bool first = true;
    buf_add_char(out, '{');
    struct json_text_iter iter = json_text_iterate(json_text_member(view->handlers, "events"));
    while (json_text_next(&iter)) {
        if (!first)
            buf_add_char(out, ',');
        first = false;
        bool is_list = lists[next] && lists[next]->text.ptr == iter.value.ptr;
        buf_add(out, iter.key.ptr, iter.key.length);
        buf_add_char(out, ':');
        if (is_list)
            write_list(view, handlers, lists[next++], outcomes, settings, out);
        else
            buf_add(out, iter.value.ptr, iter.value.length);
    }
    buf_add_char(out, '}');
}

void handlers_write(const struct api_view *view, const struct handlers *handlers,
                    const struct handler_outcome *outcomes, const struct handler_settings *settings,
                    struct buf *out)
{
    if (view->form == API_FORM_OAS) {
        write_list(view, handlers, &handlers->lists[0], outcomes, settings, out);
        return;
    }
    CLEANUP(buf_fini) struct buf events;
    buf_init(&events, BUF_UNLIMITED);
    write_events(view, handlers, outcomes, settings, &events);
    struct member_edit edit = {"events", buf_text(&events), events.length, false};
    members_write(view->handlers, &edit, 1, out);
}
