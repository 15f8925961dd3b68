/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/manifest_text.h"

#include <string.h>

#include "base/json_text.h"
#include "base/mem.h"
#include "base/yaml.h"
#include "core/accepted.h"

#define FINALIZER "grapnel.dev/gateway"

/* Appends the members of an object but for some; false when none is left. */
static bool without(struct span object, const char *const *names, struct buf *out)
{
    bool first = true;
    buf_add_char(out, '{');
    struct json_text_iter iter = json_text_iterate(object);
    while (json_text_next(&iter)) {
        size_t i = 0;
        while (names[i] && !json_text_is(iter.key, names[i]))
            i++;
        if (names[i])
            continue;
        buf_add_text(out, first ? "" : ",");
        first = false;
        buf_add(out, iter.key.ptr, (size_t)(iter.value.ptr + iter.value.length - iter.key.ptr));
    }
    buf_add_char(out, '}');
    return !first;
}

static bool foreign_finalizers(struct span list, struct buf *out)
{
    bool first = true;
    buf_add_char(out, '[');
    struct json_text_iter iter = json_text_iterate(list);
    while (json_text_next(&iter)) {
        if (json_text_is(iter.value, FINALIZER))
            continue;
        buf_add_text(out, first ? "" : ",");
        first = false;
        buf_add(out, iter.value.ptr, iter.value.length);
    }
    buf_add_char(out, ']');
    return !first;
}

static void clean_metadata(struct span metadata, struct buf *out)
{
    static const char *const written[] = {"uid",
                                          "resourceVersion",
                                          "generation",
                                          "selfLink",
                                          "creationTimestamp",
                                          "deletionTimestamp",
                                          "managedFields",
                                          "deletionGracePeriodSeconds",
                                          NULL};
    static const char *const annotations[] = {
        CONVERTED_ANNOTATION, "kubectl.kubernetes.io/last-applied-configuration", NULL};
    CLEANUP(buf_fini) struct buf kept;
    CLEANUP(buf_fini) struct buf part;
    buf_init(&kept, BUF_UNLIMITED);
    buf_init(&part, BUF_UNLIMITED);
    without(metadata, written, &kept);
    struct span text = {buf_text(&kept), kept.length};
    CLEANUP(json_edit_freep) struct json_edit *edit = json_edit_new(text);
    struct span member = json_text_member(text, "annotations");
    if (member.ptr && without(member, annotations, &part))
        json_edit_replace(edit, member, buf_text(&part), part.length);
    else if (member.ptr)
        json_edit_remove(edit, text, "annotations");
    buf_clear(&part);
    member = json_text_member(text, "finalizers");
    if (member.ptr && foreign_finalizers(member, &part))
        json_edit_replace(edit, member, buf_text(&part), part.length);
    else if (member.ptr)
        json_edit_remove(edit, text, "finalizers");
    json_edit_apply(edit, out);
}

void manifest_text_clean(struct span object, struct buf *out)
{
    CLEANUP(buf_fini) struct buf metadata;
    buf_init(&metadata, BUF_UNLIMITED);
    clean_metadata(json_text_member(object, "metadata"), &metadata);
    CLEANUP(json_edit_freep) struct json_edit *edit = json_edit_new(object);
    json_edit_replace(edit, json_text_member(object, "metadata"), buf_text(&metadata),
                      metadata.length);
    json_edit_remove(edit, object, "status");
    json_edit_apply(edit, out);
}

void manifest_text_with_entry(const struct object *config_map, const char *entry,
                              struct span document, struct buf *out)
{
    CLEANUP(buf_fini) struct buf text;
    CLEANUP(buf_fini) struct buf value;
    buf_init(&text, BUF_UNLIMITED);
    buf_init(&value, BUF_UNLIMITED);
    struct span data = json_text_member(object_text(config_map), "data");
    CLEANUP(freep) char *before = json_text_string(json_text_member(data, entry));
    if (before && before[strspn(before, " \t\r\n")] == '{')
        buf_add(&text, document.ptr, document.length);
    else
        yaml_add_json(&text, document);
    json_text_add_string_n(&value, buf_text(&text), text.length);
    CLEANUP(json_edit_freep) struct json_edit *edit = json_edit_new(object_text(config_map));
    json_edit_set(edit, data, entry, buf_text(&value), value.length);
    json_edit_apply(edit, out);
}
