/* SPDX-License-Identifier: Apache-2.0 */
#include "core/object.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json_text.h"
#include "base/str.h"
#include "core/members.h"
#include "core/object_content.h"

#define GROUP_VERSION "tyk.tyk.io/v1alpha1"

static const struct {
    const char *name;
    const char *api_version;
    bool namespaced;
} kinds[OBJECT_KIND_COUNT] = {
    [OBJECT_API] = {"ApiDefinition", GROUP_VERSION, true},
    [OBJECT_WEBHOOK] = {"Webhook", GROUP_VERSION, true},
    [OBJECT_CONTEXT] = {"OperatorContext", GROUP_VERSION, true},
    [OBJECT_SECRET] = {"Secret", "v1", true},
    [OBJECT_CONFIGMAP] = {"ConfigMap", "v1", true},
    [OBJECT_NAMESPACE] = {"Namespace", "v1", false},
    [OBJECT_SERVICE] = {"Service", "v1", true},
    [OBJECT_ENDPOINTSLICE] = {"EndpointSlice", "discovery.k8s.io/v1", true},
    [OBJECT_CRD] = {"CustomResourceDefinition", "apiextensions.k8s.io/v1", false},
    [OBJECT_LEASE] = {"Lease", "coordination.k8s.io/v1", true},
};

const char *object_kind_name(enum object_kind kind)
{
    return kinds[kind].name;
}

bool object_kind_from_name(const char *api_version, const char *kind, enum object_kind *ret_kind)
{
    for (size_t i = 0; i < OBJECT_MANIFEST_KIND_COUNT; i++) {
        if (str_equal(kinds[i].name, kind) && str_equal(kinds[i].api_version, api_version)) {
            *ret_kind = (enum object_kind)i;
            return true;
        }
    }
    return false;
}

bool object_kind_is_namespaced(enum object_kind kind)
{
    return kinds[kind].namespaced;
}

/* What is text in an object besides its content: in one piece of memory with it. */
struct parts {
    const char *ns;
    const char *name;
    const char *uid;
    const char *version;
    const char *problem;
};

static const char *put(char **at, const char *text)
{
    size_t length = strlen(text) + 1;
    char *place = *at;
    memcpy(place, text, length);
    *at += length;
    return place;
}

static struct object *assemble(enum object_kind kind, struct span text, const struct parts *parts)
{
    CLEANUP(freep)
    char *key = *parts->ns ? object_key_of(parts->ns, parts->name) : xstrdup(parts->name);
    bool has_uid = *parts->uid && strcmp(parts->uid, key) != 0;
    size_t size = sizeof(struct object) + strlen(key) + 1 + strlen(parts->ns) + 1 +
                  (has_uid ? strlen(parts->uid) + 1 : 0) + strlen(parts->version) + 1 +
                  (parts->problem ? strlen(parts->problem) + 1 : 0);
    struct object *object = xmalloc(size);
    *object = (struct object){.kind = kind, .refs = 1};
    char *at = (char *)(object + 1);
    object->key = put(&at, key);
    object->name = object_key_name(object->key);
    object->ns = put(&at, parts->ns);
    object->uid = has_uid ? put(&at, parts->uid) : object->key;
    object->version = put(&at, parts->version);
    object->problem = parts->problem ? put(&at, parts->problem) : NULL;
    object->length = (uint32_t)text.length;
    object->content = xmalloc(sizeof(*object->content) + text.length + 1);
    object->content->object = object;
    memcpy(object->content->text, text.ptr, text.length);
    object->content->text[text.length] = '\0';
    return object;
}

static const char *text_of(const struct object *object)
{
    /* Whether its content is open is nothing that anybody sees of an object. */
    struct object *opened = (struct object *)(uintptr_t)object;
    return object->packing ? packing_open(object->packing, opened)->text : object->content->text;
}

struct span object_text(const struct object *object)
{
    return (struct span){text_of(object), object->length};
}

static struct span part_of(const struct object *object, int part)
{
    const struct object_part *place = &object->parts[part];
    if (!place->at)
        return (struct span){NULL, 0};
    return (struct span){text_of(object) + place->at, place->length};
}

struct span object_metadata(const struct object *object)
{
    return part_of(object, OBJECT_METADATA);
}

struct span object_spec(const struct object *object)
{
    return part_of(object, OBJECT_SPEC);
}

struct span object_status(const struct object *object)
{
    return part_of(object, OBJECT_STATUS);
}

/* What is read of metadata. */
enum meta {
    NAMESPACE,
    NAME,
    UID,
    VERSION,
    GENERATION,
    CREATED,
    DELETED,
    FIELDS,
    ANNOTATIONS,
    METAS
};
static const char *const meta_names[METAS] = {
    [NAMESPACE] = "namespace",
    [NAME] = "name",
    [UID] = "uid",
    [VERSION] = "resourceVersion",
    [GENERATION] = "generation",
    [CREATED] = "creationTimestamp",
    [DELETED] = "deletionTimestamp",
    [FIELDS] = "managedFields",
    [ANNOTATIONS] = "annotations",
};

/* A text member; "" when absent. */
static int read_text(const struct span *values, enum meta meta, char **ret_text, struct err *err)
{
    enum json_text_type type = json_text_type(values[meta]);
    if (type != JSON_TEXT_NONE && type != JSON_TEXT_STRING)
        return err_set(err, ERR_INVALID, 0, "metadata.%s: a string is expected, not a %s",
                       meta_names[meta], json_text_type_name(type));
    char *text = json_text_string(values[meta]);
    *ret_text = text ? text : xstrdup("");
    return 0;
}

static void read_facts(const struct span *values, struct object *object)
{
    json_text_int64(values[GENERATION], &object->generation);
    CLEANUP(freep) char *created = json_text_string(values[CREATED]);
    if (created)
        (void)str_parse_time(created, &object->created, NULL);
    object->deleting = json_text_type(values[DELETED]) == JSON_TEXT_STRING;
}

static void find_parts(struct object *object)
{
    static const char *const names[OBJECT_PART_COUNT] = {"metadata", "spec", "status"};
    struct span text = object_text(object);
    struct json_text_iter iter = json_text_iterate(text);
    while (json_text_next(&iter)) {
        for (size_t i = 0; i < OBJECT_PART_COUNT; i++) {
            if (json_text_is(iter.key, names[i]))
                object->parts[i] = (struct object_part){(uint32_t)(iter.value.ptr - text.ptr),
                                                        (uint32_t)iter.value.length};
        }
    }
}

/* Compact text without what is large and never read. */
static void trim(struct span text, struct span metadata, const struct span *values, struct buf *out)
{
    static const char last_applied[] = "kubectl.kubernetes.io/last-applied-configuration";
    bool has_applied = json_text_member(values[ANNOTATIONS], last_applied).ptr;
    if (!values[FIELDS].ptr && !has_applied) {
        json_text_add_compact(out, text);
        return;
    }
    CLEANUP(json_edit_freep) struct json_edit *edit = json_edit_new(text);
    if (values[FIELDS].ptr)
        json_edit_remove(edit, metadata, "managedFields");
    if (has_applied)
        json_edit_remove(edit, values[ANNOTATIONS], last_applied);
    CLEANUP(buf_fini) struct buf edited;
    buf_init(&edited, BUF_UNLIMITED);
    json_edit_apply(edit, &edited);
    json_text_add_compact(out, (struct span){buf_text(&edited), edited.length});
}

int object_new(enum object_kind kind, struct span text, const char *problem,
               struct object **ret_object, struct err *err)
{
    struct span metadata = json_text_member(text, "metadata");
    struct span values[METAS];
    members_read(metadata, meta_names, METAS, values, NULL, NULL);
    CLEANUP(freep) char *ns = NULL;
    CLEANUP(freep) char *name = NULL;
    CLEANUP(freep) char *uid = NULL;
    CLEANUP(freep) char *version = NULL;
    if (read_text(values, NAMESPACE, &ns, err) < 0 || read_text(values, NAME, &name, err) < 0 ||
        read_text(values, UID, &uid, err) < 0 || read_text(values, VERSION, &version, err) < 0)
        return -1;
    if (!*name)
        return err_set(err, ERR_INVALID, 0, "metadata.name: missing");
    if (!object_kind_is_namespaced(kind))
        *ns = '\0';

    CLEANUP(buf_fini) struct buf trimmed;
    buf_init(&trimmed, BUF_UNLIMITED);
    trim(text, metadata, values, &trimmed);
    struct parts parts = {ns, name, uid, version, problem};
    struct object *object =
        assemble(kind, (struct span){buf_text(&trimmed), trimmed.length}, &parts);
    find_parts(object);
    read_facts(values, object);
    *ret_object = object;
    return 0;
}

struct object *object_ref(const struct object *object)
{
    struct object *counted = (struct object *)(uintptr_t)object;
    counted->refs++;
    return counted;
}

void object_unref(struct object *object)
{
    if (!object || --object->refs)
        return;
    while (object->memos) {
        struct object_memo *memo = object->memos;
        object->memos = memo->next;
        free(memo->key);
        free(memo->text);
        free(memo->fault);
        free(memo);
    }
    if (object->packing)
        packing_remove(object->packing, object);
    free(object->content);
    free(object);
}

void object_unrefp(struct object **object)
{
    object_unref(*object);
}

struct object *object_with_status(const struct object *object, struct span status,
                                  const char *version)
{
    struct span whole = object_text(object);
    CLEANUP(json_edit_freep) struct json_edit *edit = json_edit_new(whole);
    if (status.ptr)
        json_edit_set(edit, whole, "status", status.ptr, status.length);
    else
        json_edit_remove(edit, whole, "status");
    CLEANUP(buf_fini) struct buf text;
    buf_init(&text, BUF_UNLIMITED);
    json_edit_apply(edit, &text);
    struct parts parts = {object->ns, object->name, object->uid, version, object->problem};
    struct object *changed =
        assemble(object->kind, (struct span){buf_text(&text), text.length}, &parts);
    find_parts(changed);
    changed->generation = object->generation;
    changed->created = object->created;
    changed->deleting = object->deleting;
    return changed;
}

static char *metadata_text(const struct object *object, const char *map, const char *name)
{
    return json_text_string(json_text_get(object_metadata(object), map, name, NULL));
}

char *object_label(const struct object *object, const char *name)
{
    return metadata_text(object, "labels", name);
}

char *object_annotation(const struct object *object, const char *name)
{
    return metadata_text(object, "annotations", name);
}

bool object_has_finalizer(const struct object *object, const char *name)
{
    struct json_text_iter iter =
        json_text_iterate(json_text_get(object_metadata(object), "finalizers", NULL));
    while (json_text_next(&iter)) {
        if (json_text_is(iter.value, name))
            return true;
    }
    return false;
}

/* The next member that is neither metadata nor status. */
static bool next_content(struct json_text_iter *iter)
{
    while (json_text_next(iter)) {
        if (!json_text_is(iter->key, "metadata") && !json_text_is(iter->key, "status"))
            return true;
    }
    return false;
}

static bool same_bytes(struct span a, struct span b)
{
    return a.length == b.length && (a.length == 0 || memcmp(a.ptr, b.ptr, a.length) == 0);
}

bool object_same_content(const struct object *a, const struct object *b)
{
    struct json_text_iter left = json_text_iterate(object_text(a));
    struct json_text_iter right = json_text_iterate(object_text(b));
    for (;;) {
        bool more = next_content(&left);
        if (next_content(&right) != more)
            return false;
        if (!more)
            return true;
        if (!same_bytes(left.key, right.key) || !same_bytes(left.value, right.value))
            return false;
    }
}

char *object_key_of(const char *ns, const char *name)
{
    return xasprintf("%s/%s", ns, name);
}

const char *object_key_name(const char *key)
{
    const char *slash = strchr(key, '/');
    return slash ? slash + 1 : key;
}

char *object_key_ns(const char *key)
{
    const char *slash = strchr(key, '/');
    return slash ? xstrndup(key, (size_t)(slash - key)) : xstrdup("");
}

const struct object_memo *object_memo(const struct object *object, const char *key)
{
    const struct object_memo *memo = object->memos;
    while (memo && strcmp(memo->key, key) != 0)
        memo = memo->next;
    return memo;
}

const struct object_memo *object_keep_memo(const struct object *object, const char *key, char *text,
                                           char *fault)
{
    struct object *keeper = (struct object *)(uintptr_t)object;
    struct object_memo *memo = xcalloc(1, sizeof(*memo));
    *memo = (struct object_memo){xstrdup(key), text, fault, keeper->memos};
    keeper->memos = memo;
    return memo;
}
