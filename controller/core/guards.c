/* SPDX-License-Identifier: Apache-2.0 */
#include "core/guards.h"

#include <string.h>

#include "base/json_text.h"
#include "base/mem.h"
#include "base/str.h"
#include "core/path.h"

static bool ends_with(const char *text, size_t length, const char *tail)
{
    size_t tail_length = strlen(tail);
    return length >= tail_length && memcmp(text + length - tail_length, tail, tail_length) == 0;
}

static bool begins_with(const char *text, size_t length, const char *head)
{
    size_t head_length = strlen(head);
    return length >= head_length && memcmp(text, head, head_length) == 0;
}

static const char *const store_marks[] = {"env://",    "secrets://", "vault://",
                                          "consul://", "file://",    "kv://"};
static const char *const dollar_marks[] = {"$kv{", "$secret_"};

const char *guards_find_reference(const char *text, size_t length)
{
    const char *end = text + length;
    for (const char *at = text; (at = memchr(at, '/', (size_t)(end - at))); at++) {
        if (at == text || at[-1] != ':' || at + 1 == end || at[1] != '/')
            continue;
        for (size_t i = 0; i < ARRAY_LENGTH(store_marks); i++) {
            if (ends_with(text, (size_t)(at + 2 - text), store_marks[i]))
                return store_marks[i];
        }
    }
    for (const char *at = text; (at = memchr(at, '$', (size_t)(end - at))); at++) {
        for (size_t i = 0; i < ARRAY_LENGTH(dollar_marks); i++) {
            if (begins_with(at, (size_t)(end - at), dollar_marks[i]))
                return dollar_marks[i];
        }
    }
    return NULL;
}

static bool has_reference(const char *text)
{
    return guards_find_reference(text, strlen(text)) != NULL;
}

static const char *find_in_string(struct span string)
{
    if (!memchr(string.ptr, '\\', string.length))
        return guards_find_reference(string.ptr + 1, string.length - 2);
    CLEANUP(freep) char *text = json_text_string(string);
    return text ? guards_find_reference(text, strlen(text)) : NULL;
}

/* Can a reference be in a text at all? Most definitions hold none of these marks but the scheme of
 * their upstream, so that they are passed over at the speed of memchr(3). */
static bool is_suspicious(struct span text)
{
    const char *end = text.ptr + text.length;
    if (guards_find_reference(text.ptr, text.length))
        return true;
    /* Escapes that can hide a mark: \/ and \u. */
    for (const char *at = text.ptr; (at = memchr(at, '\\', (size_t)(end - at))); at++) {
        if (at + 1 < end && (at[1] == '/' || at[1] == 'u'))
            return true;
    }
    return false;
}

struct span guards_next_reference(struct span json, const char *from, const char **ret_mark)
{
    const char *end = json.ptr + json.length;
    const char *at = from ? from : json.ptr;
    if (!is_suspicious((struct span){at, (size_t)(end - at)}))
        return (struct span){NULL, 0};
    while (at < end && (at = memchr(at, '"', (size_t)(end - at)))) {
        const char *start = at++;
        bool suspicious = false; /* most strings hold none of these three */
        for (; at < end && *at != '"'; at++) {
            suspicious = suspicious || *at == ':' || *at == '$' || *at == '\\';
            at += *at == '\\';
        }
        at++;
        if (at > end)
            break;
        struct span string = {start, (size_t)(at - start)};
        *ret_mark = suspicious ? find_in_string(string) : NULL;
        if (*ret_mark)
            return string;
    }
    return (struct span){NULL, 0};
}

bool guards_template_is_allowed(const char *path, const struct gateway_abilities *abilities)
{
    if (!*path)
        return true;
    const char *const *prefixes =
        abilities->template_paths ? abilities->template_paths : context_template_paths;
    CLEANUP(freep) char *clean = path_clean(path);
    for (size_t i = 0; prefixes[i]; i++) {
        if (str_starts(clean, prefixes[i]))
            return true;
    }
    return false;
}

const char *guards_copy_fault(const struct copy *copy, const struct gateway_abilities *abilities,
                              bool *ret_has_reference)
{
    bool found =
        has_reference(copy->url) || has_reference(copy->name) || has_reference(copy->body_template);
    for (size_t i = 0; i < copy->header_count; i++) {
        const struct copy_header *header = &copy->headers[i];
        found = found || has_reference(header->name) || has_reference(header->value);
    }
    if (ret_has_reference)
        *ret_has_reference = found;
    if (found && !abilities->kv_references && !abilities->folder_owner)
        return "it refers to secrets of the gateway, which the context does not allow (see "
               "spec.gateway.kvReferences of the OperatorContext)";
    if (!guards_template_is_allowed(copy->body_template, abilities))
        return "spec.bodyTemplate: the template is outside the folders that the context allows "
               "(see "
               "spec.gateway.templatePaths of the OperatorContext)";
    return NULL;
}

static bool contains(struct span value, const char *place)
{
    return place >= value.ptr && place < value.ptr + value.length;
}

void guards_add_path(struct span document, const char *place, struct buf *out)
{
    struct json_text_iter iter = json_text_iterate(document);
    while (json_text_next(&iter)) {
        bool in_key = iter.key.ptr && contains(iter.key, place);
        if (!in_key && !contains(iter.value, place))
            continue;
        CLEANUP(freep) char *key = iter.key.ptr ? json_text_string(iter.key) : NULL;
        if (key)
            buf_add_format(out, ".%s", key);
        else
            buf_add_format(out, "[%zu]", iter.index);
        if (in_key)
            return;
        /* One step down; the walk ends where the place is no longer inside a container. */
        iter = json_text_iterate(iter.value);
    }
}
