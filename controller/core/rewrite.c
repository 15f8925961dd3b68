/* SPDX-License-Identifier: Apache-2.0 */
#include "core/rewrite.h"

#include <string.h>

#include "base/json_text.h"

/* Appends a part of a JSON pointer (RFC 6901), as it stands inside a JSON string. */
static void add_part(struct buf *pointer, struct span key)
{
    buf_add_char(pointer, '/');
    for (size_t i = 1; i + 1 < key.length; i++) {
        if (key.ptr[i] == '~')
            buf_add_text(pointer, "~0");
        else if (key.ptr[i] == '/')
            buf_add_text(pointer, "~1");
        else
            buf_add_char(pointer, key.ptr[i]);
    }
}

static void add_operation(struct buf *out, const char *operation, const char *pointer, size_t index,
                          struct span value)
{
    buf_add_format(out, "%s{\"op\":\"%s\",\"path\":\"%s/%zu\",\"value\":", out->length ? "," : "",
                   operation, pointer, index);
    buf_add(out, value.ptr, value.length);
    buf_add_char(out, '}');
}

/* Compares two lists of handlers element by element. */
static void compare_lists(struct span before, struct span after, const char *pointer,
                          struct buf *tests, struct buf *replacements)
{
    struct json_text_iter old = json_text_iterate(before);
    struct json_text_iter new = json_text_iterate(after);
    while (json_text_next(&old) && json_text_next(&new)) {
        if (old.value.length == new.value.length &&
            memcmp(old.value.ptr, new.value.ptr, old.value.length) == 0)
            continue;
        add_operation(tests, "test", pointer, old.index, old.value);
        add_operation(replacements, "replace", pointer, old.index, new.value);
    }
}

bool rewrite_patch(const struct object *api, struct span rewritten, struct buf *out)
{
    CLEANUP(buf_fini) struct buf tests;
    CLEANUP(buf_fini) struct buf replacements;
    buf_init(&tests, BUF_UNLIMITED);
    buf_init(&replacements, BUF_UNLIMITED);

    compare_lists(json_text_get(api->text, "spec", "oas", "x-tyk-api-gateway", "server",
                                "eventHandlers", NULL),
                  json_text_get(rewritten, "spec", "oas", "x-tyk-api-gateway", "server",
                                "eventHandlers", NULL),
                  "/spec/oas/x-tyk-api-gateway/server/eventHandlers", &tests, &replacements);

    struct span events = json_text_get(rewritten, "spec", "event_handlers", "events", NULL);
    struct json_text_iter event =
        json_text_iterate(json_text_get(api->text, "spec", "event_handlers", "events", NULL));
    while (json_text_next(&event)) {
        CLEANUP(freep) char *name = json_text_string(event.key);
        CLEANUP(buf_fini) struct buf pointer;
        buf_init(&pointer, BUF_UNLIMITED);
        buf_add_text(&pointer, "/spec/event_handlers/events");
        add_part(&pointer, event.key);
        compare_lists(event.value, json_text_member(events, name), buf_text(&pointer), &tests,
                      &replacements);
    }
    if (!tests.length)
        return false;
    buf_add_format(out, "[%s,%s]", buf_text(&tests), buf_text(&replacements));
    return true;
}
