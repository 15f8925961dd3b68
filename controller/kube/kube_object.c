/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kube_object.h"

#include "base/buf.h"
#include "base/json_text.h"
#include "core/members.h"
#include "kube/kube_path.h"

/* Deeper than any definition, and well within the stack of what walks it. */
#define DEPTH_MAX 512

static const struct json_text_limits limits = {.depth = DEPTH_MAX};

static int check_type(const struct kube_resource *resource, struct span text, bool *ret_typed,
                      struct err *err)
{
    static const char *const names[] = {"kind", "apiVersion"};
    const char *const wanted[] = {resource->kind, resource->api_version};
    struct span values[ARRAY_LENGTH(names)];
    members_read(text, names, ARRAY_LENGTH(names), values, NULL, NULL);
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        if (values[i].ptr && !json_text_is(values[i], wanted[i]))
            return err_set(err, ERR_INVALID, 0, "%s: %s is expected", names[i], wanted[i]);
    }
    *ret_typed = values[0].ptr;
    return 0;
}

/* Items of a typed list have neither kind nor apiVersion: in the order in which the server writes
 * them elsewhere. */
static void add_type(const struct kube_resource *resource, struct span text, struct buf *out)
{
    struct json_text_iter first = json_text_iterate(text);
    bool is_empty = !json_text_next(&first);
    buf_add_format(out, "{\"kind\":\"%s\",\"apiVersion\":\"%s\"%s", resource->kind,
                   resource->api_version, is_empty ? "" : ",");
    buf_add(out, text.ptr + 1, text.length - 1);
}

/* The members of metadata that can be read one by one. */
static void add_metadata(struct span metadata, struct buf *out)
{
    static const char *const names[] = {"name",       "namespace",         "uid",
                                        "generation", "creationTimestamp", "resourceVersion",
                                        "finalizers", "deletionTimestamp", "annotations",
                                        "labels"};
    const char *separator = "";
    buf_add_char(out, '{');
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        struct span value = json_text_member(metadata, names[i]);
        if (!value.ptr || json_text_check(value, &limits, NULL, NULL) < 0)
            continue;
        buf_add_format(out, "%s\"%s\":", separator, names[i]);
        buf_add(out, value.ptr, value.length);
        separator = ",";
    }
    buf_add_char(out, '}');
}

/* Names become keys and paths: what no object can be called must not be let in. */
static int make(enum object_kind kind, struct span text, const char *problem,
                struct object **ret_object, struct err *err)
{
    CLEANUP(object_unrefp) struct object *object = NULL;
    if (object_new(kind, text, problem, &object, err) < 0)
        return -1;
    bool namespaced = object_kind_is_namespaced(kind);
    if (namespaced && !kube_name_is_valid(object->ns))
        return err_set(err, ERR_INVALID, 0, "metadata.namespace: no namespace can have this name");
    /* A key without a namespace is the name as it came. */
    if (!kube_name_is_valid(namespaced ? object->name : object->key))
        return err_set(err, ERR_INVALID, 0, "metadata.name: no object can have this name");
    *ret_object = TAKE(object);
    return 0;
}

static int salvage(enum object_kind kind, struct span text, const char *why,
                   struct object **ret_object, struct err *err)
{
    const struct kube_resource *resource = kube_resource_of(kind);
    CLEANUP(buf_fini) struct buf rest;
    buf_init(&rest, BUF_UNLIMITED);
    buf_add_format(&rest,
                   "{\"apiVersion\":\"%s\",\"kind\":\"%s\",\"metadata\":", resource->api_version,
                   resource->kind);
    add_metadata(json_text_member(text, "metadata"), &rest);
    buf_add_char(&rest, '}');
    CLEANUP(freep) char *problem = xasprintf("the object cannot be read: %s", why);
    return make(kind, (struct span){buf_text(&rest), rest.length}, problem, ret_object, err);
}

int kube_object_decode(enum object_kind kind, struct span text, struct object **ret_object,
                       struct err *err)
{
    const struct kube_resource *resource = kube_resource_of(kind);
    struct err why;
    if (json_text_check(text, &limits, NULL, &why) < 0) {
        if (!json_text_is_whole(text))
            return err_set(err, ERR_INVALID, 0, "the text breaks off");
        return salvage(kind, text, why.msg, ret_object, err);
    }
    if (json_text_type(text) != JSON_TEXT_OBJECT)
        return err_set(err, ERR_INVALID, 0, "an object is expected, not a %s",
                       json_text_type_name(json_text_type(text)));
    bool is_typed = false;
    if (check_type(resource, text, &is_typed, err) < 0)
        return -1;
    if (is_typed)
        return make(kind, text, NULL, ret_object, err);
    CLEANUP(buf_fini) struct buf typed;
    buf_init(&typed, BUF_UNLIMITED);
    add_type(resource, text, &typed);
    return make(kind, (struct span){buf_text(&typed), typed.length}, NULL, ret_object, err);
}
