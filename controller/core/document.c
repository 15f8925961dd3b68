/* SPDX-License-Identifier: Apache-2.0 */
#include "core/document.h"

#include <stdlib.h>
#include <string.h>

#include "base/json_text.h"
#include "base/mem.h"
#include "base/str.h"
#include "core/defaults.h"
#include "core/handler_form.h"
#include "core/members.h"

/* Edits with the texts that they borrow. */
struct edits {
    struct member_edit items[12];
    char *owned[12];
    size_t count;
};

static void edits_fini(struct edits *edits)
{
    for (size_t i = 0; i < edits->count; i++)
        free(edits->owned[i]);
}

/* Takes `text`; NULL takes the member out. */
static void set(struct edits *edits, const char *key, char *text)
{
    edits->items[edits->count] = members_set(key, text);
    edits->owned[edits->count++] = text;
}

static char *write_members(struct span object, const struct edits *edits)
{
    struct buf out;
    buf_init(&out, BUF_UNLIMITED);
    members_write(object, edits->items, edits->count, &out);
    return buf_take(&out);
}

static bool is_empty_text(struct span value)
{
    return json_text_type(value) != JSON_TEXT_STRING || value.length == 2;
}

/* What the user gives stays byte for byte; what is absent or empty is filled in. */
static void set_ids(const struct document *document, struct edits *edits, const char *id_key,
                    const char *org_key)
{
    if (is_empty_text(document->view->id))
        set(edits, id_key, handler_quote(document->api_id));
    if (is_empty_text(document->view->org_id) && !str_is_empty(document->org_id))
        set(edits, org_key, handler_quote(document->org_id));
}

/* Returns owned: the handlers' new text; NULL when there is nothing to change. */
static char *write_handlers(const struct document *document)
{
    bool changes = false;
    for (size_t i = 0; i < document->handlers->list_count; i++)
        changes = changes || document->handlers->lists[i].has_webhooks;
    if (!changes)
        return NULL;
    struct buf out;
    buf_init(&out, BUF_UNLIMITED);
    handlers_write(document->view, document->handlers, document->outcomes, document->settings,
                   &out);
    return buf_take(&out);
}

static void write_classic(const struct document *document, struct buf *out)
{
    const struct api_view *view = document->view;
    CLEANUP(edits_fini) struct edits edits = {.count = 0};
    set(&edits, "contextRef", NULL);
    set(&edits, "oas", NULL);
    set(&edits, "oasRef", NULL);
    set_ids(document, &edits, "api_id", "org_id");
    char *versions = defaults_version_data(view->version_data);
    if (versions)
        set(&edits, "version_data", versions);
    char *auth = defaults_auth_configs(view);
    if (auth)
        set(&edits, "auth_configs", auth);
    if (json_text_member(view->config_data, "grapnel").ptr) {
        struct edits marker = {.count = 0};
        set(&marker, "grapnel", NULL);
        set(&edits, "config_data", write_members(view->config_data, &marker));
    }
    char *handlers = write_handlers(document);
    if (handlers)
        set(&edits, "event_handlers", handlers);
    members_write(view->document, edits.items, edits.count, out);
}

static char *write_extension(const struct document *document)
{
    const struct api_view *view = document->view;
    CLEANUP(edits_fini) struct edits info = {.count = 0};
    CLEANUP(edits_fini) struct edits server = {.count = 0};
    CLEANUP(edits_fini) struct edits extension = {.count = 0};
    set_ids(document, &info, "id", "orgId");
    if (info.count)
        set(&extension, "info", write_members(view->info, &info));
    char *handlers = write_handlers(document);
    if (handlers)
        set(&server, "eventHandlers", handlers);
    else if (json_text_type(json_text_member(view->server, "eventHandlers")) == JSON_TEXT_NULL)
        set(&server, "eventHandlers", xstrdup("[]")); /* the schema refuses null */
    if (server.count)
        set(&extension, "server", write_members(view->server, &server));
    return write_members(view->extension, &extension);
}

void document_write(const struct document *document, struct buf *out)
{
    if (document->view->form == API_FORM_CLASSIC) {
        write_classic(document, out);
        return;
    }
    CLEANUP(edits_fini) struct edits root = {.count = 0};
    set(&root, "x-grapnel", NULL);
    set(&root, "x-tyk-api-gateway", write_extension(document));
    members_write(document->view->document, root.items, root.count, out);
}
