/* SPDX-License-Identifier: Apache-2.0 */
#include "core/rewrite.h"

#include "base/json_text.h"
#include "core/handler.h"

/* Appends `/part` of a JSON pointer (RFC 6901). */
static void add_part(struct buf *pointer, const char *part)
{
    buf_add_char(pointer, '/');
    for (const char *at = part; *at; at++) {
        if (*at == '~')
            buf_add_text(pointer, "~0");
        else if (*at == '/')
            buf_add_text(pointer, "~1");
        else
            buf_add_char(pointer, *at);
    }
}

static void add_operation(struct buf *out, const char *operation, const struct buf *pointer,
                          struct span value)
{
    buf_add_format(out, "%s{\"op\":\"%s\",\"path\":", out->length ? "," : "", operation);
    json_text_add_string_n(out, buf_text(pointer), pointer->length);
    buf_add_text(out, ",\"value\":");
    buf_add(out, value.ptr, value.length);
    buf_add_char(out, '}');
}

static void add_pointer(enum api_form form, const struct handler *handler, struct buf *pointer)
{
    if (form == API_FORM_OAS) {
        buf_add_text(pointer, "/spec/oas/x-tyk-api-gateway/server/eventHandlers");
    } else {
        buf_add_text(pointer, "/spec/event_handlers/events");
        add_part(pointer, handler->trigger);
    }
    buf_add_format(pointer, "/%zu", handler->index);
}

bool rewrite_patch(const struct object *api, const struct accepted *accepted,
                   const struct strmap *refs, const struct resolve_settings *settings,
                   struct buf *out)
{
    struct api_view view;
    struct problems problems = {.count = 0};
    api_view_read(api, NULL, &view, &problems);
    struct handlers handlers = {.count = 0};
    struct handler_scope scope = {&view, NULL, &problems, false};
    if (!view.config_map && view.document.ptr)
        handlers_read(&scope, &handlers);

    CLEANUP(buf_fini) struct buf tests;
    CLEANUP(buf_fini) struct buf replacements;
    buf_init(&tests, BUF_UNLIMITED);
    buf_init(&replacements, BUF_UNLIMITED);
    const struct handler_settings how = {.default_cooldown = settings->default_cooldown};
    for (size_t i = 0; i < handlers.count; i++) {
        const struct handler *handler = &handlers.items[i];
        const struct resolved_ref *ref = handler->ref ? accepted_get(accepted, handler->ref) : NULL;
        if (!handler->is_webhook || !ref || ref->source != REF_CONVERTED ||
            (refs && !strmap_has(refs, ref->ref)))
            continue;
        CLEANUP(buf_fini) struct buf pointer;
        CLEANUP(buf_fini) struct buf local;
        buf_init(&pointer, BUF_UNLIMITED);
        buf_init(&local, BUF_UNLIMITED);
        add_pointer(view.form, handler, &pointer);
        handler_write(view.form, handler,
                      &(struct handler_outcome){.source = REF_CONVERTED, .copy = ref->copy}, &how,
                      &local);
        add_operation(&tests, "test", &pointer, handler->text);
        add_operation(&replacements, "replace", &pointer,
                      (struct span){buf_text(&local), local.length});
    }
    bool any = tests.length > 0;
    if (any)
        buf_add_format(out, "[%s,%s]", buf_text(&tests), buf_text(&replacements));
    handlers_fini(&handlers);
    problems_fini(&problems);
    api_view_fini(&view);
    return any;
}
