/* SPDX-License-Identifier: Apache-2.0 */
#include "core/bounds.h"

#include <string.h>

#include "base/strmap.h"

bool bounds_exceeds(const char *text, size_t characters)
{
    size_t count = 0;
    for (; *text && count <= characters; text++)
        count += ((unsigned char)*text & 0xc0) != 0x80;
    return count > characters;
}

static bool check_one(const struct handler_scope *scope, const struct handler *handler)
{
    if (bounds_exceeds(handler->trigger, REF_LENGTH_MAX)) {
        problems_refuse(scope->problems, NULL, NULL,
                        "the name of an event is longer than %d characters", REF_LENGTH_MAX);
        return false;
    }
    if (handler->ref && bounds_exceeds(handler->ref, REF_LENGTH_MAX)) {
        bool oas = scope->view->form == API_FORM_OAS;
        handler_refuse(scope, handler, oas ? "id" : "handler_meta.id", "no Webhook can be meant",
                       "it is longer than %d characters", REF_LENGTH_MAX);
        return false;
    }
    return true;
}

bool bounds_check(const struct handler_scope *scope, const struct handlers *handlers)
{
    bool fine = true;
    size_t count = 0;
    struct strmap *refs = strset_new();
    for (size_t i = 0; i < handlers->count; i++) {
        const struct handler *handler = &handlers->items[i];
        if (!handler->is_webhook)
            continue;
        count++;
        fine = check_one(scope, handler) && fine;
        if (handler->ref)
            strset_add(refs, handler->ref);
    }
    if (count > HANDLERS_MAX)
        problems_refuse(scope->problems, NULL, "split the API",
                        "more than %d webhook handlers (%zu)", HANDLERS_MAX, count);
    if (strmap_count(refs) > REFS_MAX)
        problems_refuse(scope->problems, NULL, "split the API",
                        "references to more than %d global webhooks (%zu)", REFS_MAX,
                        strmap_count(refs));
    fine = fine && count <= HANDLERS_MAX && strmap_count(refs) <= REFS_MAX;
    strmap_free(refs);
    return fine;
}

static size_t text_size(const char *text, bool sealed)
{
    size_t length = text ? strlen(text) : 0;
    return sealed ? length + length / 3 + 64 : length;
}

size_t bounds_copy_size(const struct copy *copy)
{
    size_t size = 128 + text_size(copy->name, false) + text_size(copy->url, copy->url_secret) +
                  text_size(copy->body_template, false);
    for (size_t i = 0; i < copy->header_count; i++) {
        const struct copy_header *header = &copy->headers[i];
        size += 32 + text_size(header->name, false) + text_size(header->value, header->secret);
    }
    return size;
}
