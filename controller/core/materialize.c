/* SPDX-License-Identifier: Apache-2.0 */
#include "core/materialize.h"

#include <stdlib.h>

#include "base/json_text.h"
#include "base/mem.h"
#include "core/handler.h"
#include "core/members.h"

/* Returns owned: one outcome a handler; NULL when no handler is to be written out. */
static struct handler_outcome *choose(const struct handlers *handlers,
                                      const struct materialize_request *request)
{
    bool any = false;
    struct handler_outcome *outcomes = xcalloc(handlers->count + 1, sizeof(*outcomes));
    for (size_t i = 0; i < handlers->count; i++) {
        const char *ref = handlers->items[i].ref;
        const struct resolved_ref *copy = ref ? accepted_get(request->accepted, ref) : NULL;
        outcomes[i].as_it_is = !copy;
        if (!copy)
            continue;
        outcomes[i].source = REF_CONVERTED; /* a converted handler is one without id */
        outcomes[i].copy = copy->copy;
        any = true;
    }
    if (any)
        return outcomes;
    free(outcomes);
    return NULL;
}

/* Returns owned: the handlers' new text; NULL when nothing is to be written out. */
static char *write_handlers(const struct api_view *view, const struct materialize_request *request)
{
    struct handler_scope scope = {.view = view};
    struct handler_settings settings = {request->default_cooldown, request->placeholders};
    struct handlers handlers;
    handlers_read(&scope, &handlers);
    CLEANUP(freep) struct handler_outcome *outcomes = choose(&handlers, request);
    struct buf out;
    buf_init(&out, BUF_UNLIMITED);
    if (outcomes)
        handlers_write(view, &handlers, outcomes, &settings, &out);
    handlers_fini(&handlers);
    return outcomes ? buf_take(&out) : NULL;
}

/* Returns owned: `object` with one member set to `text`, which is freed. */
static char *wrap(struct span object, const char *key, char *text)
{
    struct buf out;
    buf_init(&out, BUF_UNLIMITED);
    struct member_edit edit = members_set(key, text);
    members_write(object, &edit, 1, &out);
    free(text);
    return buf_take(&out);
}

/* Returns owned: the document with new handlers; NULL when nothing is to be written out. */
static char *write_document(const struct api_view *view, const struct materialize_request *request)
{
    char *text = write_handlers(view, request);
    if (!text)
        return NULL;
    if (view->form == API_FORM_CLASSIC)
        return wrap(view->document, "event_handlers", text);
    text = wrap(view->server, "eventHandlers", text);
    text = wrap(view->extension, "server", text);
    return wrap(view->document, "x-tyk-api-gateway", text);
}

bool materialize_api(const struct object *api, const struct materialize_request *request,
                     struct buf *out)
{
    struct api_view view;
    api_view_read(api, NULL, &view, NULL);
    CLEANUP(freep) char *text = view.config_map ? NULL : write_document(&view, request);
    if (text && view.form == API_FORM_OAS)
        text = wrap(object_spec(api), "oas", text);
    if (text)
        text = wrap(object_text(api), "spec", text);
    if (text)
        buf_add_text(out, text);
    api_view_fini(&view);
    return text;
}

bool materialize_config_map(const struct object *api, const struct object *config_map,
                            const struct materialize_request *request, struct buf *out)
{
    struct api_view view;
    api_view_read(api, config_map, &view, NULL);
    CLEANUP(freep) char *text = view.config_map ? write_document(&view, request) : NULL;
    if (text)
        buf_add_text(out, text);
    api_view_fini(&view);
    return text;
}
