/* SPDX-License-Identifier: Apache-2.0 */
#include "core/schemas.h"

#include <stdlib.h>
#include <string.h>

#include "base/json_text.h"
#include "base/str.h"
#include "base/yaml.h"
#include "core/schema_meta.h"

struct schemas {
    struct schema *by_kind[OBJECT_KIND_COUNT];
    struct yaml_documents *files; /* the schemas borrow from them */
    size_t file_count;
};

#define TEXTS                                                                                      \
    "{\"type\":\"object\",\"nullable\":true,\"additionalProperties\":{\"type\":\"string\"}}"
#define ANYTHING "{\"x-kubernetes-preserve-unknown-fields\":true}"
#define FLAG "{\"type\":\"boolean\",\"nullable\":true}"
#define HEAD                                                                                       \
    "\"apiVersion\":{\"type\":\"string\"},\"kind\":{\"type\":\"string\"},\"metadata\":" ANYTHING

/* What of the kinds of Kubernetes is read here; the rest of them passes through. */
static const struct {
    enum object_kind kind;
    const char *openapi;
} builtin[] = {
    {OBJECT_SECRET,
     "{\"type\":\"object\",\"properties\":{" HEAD ",\"data\":" TEXTS ",\"stringData\":" TEXTS
     ",\"type\":{\"type\":\"string\",\"nullable\":true},\"immutable\":" FLAG "}}"},
    {OBJECT_CONFIGMAP, "{\"type\":\"object\",\"properties\":{" HEAD ",\"data\":" TEXTS
                       ",\"binaryData\":" TEXTS ",\"immutable\":" FLAG "}}"},
    {OBJECT_NAMESPACE, ANYTHING},
    {OBJECT_SERVICE, ANYTHING},
    {OBJECT_ENDPOINTSLICE, ANYTHING},
    {OBJECT_CRD, ANYTHING},
    {OBJECT_LEASE, ANYTHING},
};

static int compile_builtin(struct schemas *schemas, struct err *err)
{
    for (size_t i = 0; i < ARRAY_LENGTH(builtin); i++) {
        struct span text = {builtin[i].openapi, strlen(builtin[i].openapi)};
        if (schema_compile(text, &schemas->by_kind[builtin[i].kind], err) < 0)
            return err_wrap(err, "%s", object_kind_name(builtin[i].kind));
    }
    return 0;
}

static int compile_crd(struct schemas *schemas, struct span crd, struct err *err)
{
    struct span spec = json_text_member(crd, "spec");
    CLEANUP(freep) char *kind_name = json_text_string(json_text_get(spec, "names", "kind", NULL));
    CLEANUP(freep) char *group = json_text_string(json_text_member(spec, "group"));
    struct json_text_iter versions = json_text_iterate(json_text_member(spec, "versions"));
    while (json_text_next(&versions)) {
        CLEANUP(freep) char *version = json_text_string(json_text_member(versions.value, "name"));
        CLEANUP(freep) char *api_version = xasprintf("%s/%s", group, version);
        enum object_kind kind;
        if (!object_kind_from_name(api_version, kind_name, &kind))
            continue;
        struct span openapi = json_text_get(versions.value, "schema", "openAPIV3Schema", NULL);
        return schema_compile(openapi, &schemas->by_kind[kind], err);
    }
    return err_set(err, ERR_INVALID, 0, "no kind or version that is known here");
}

static int read_crd_file(struct schemas *schemas, const struct crd_text *text, struct err *err)
{
    struct yaml_documents *documents = &schemas->files[schemas->file_count++];
    struct span bytes = {text->bytes, text->length};
    if (yaml_read(bytes, &yaml_default_limits, documents, NULL, err) < 0)
        return -1;
    for (size_t i = 0; i < documents->count; i++) {
        struct span crd = {documents->items[i].json, documents->items[i].length};
        if (compile_crd(schemas, crd, err) < 0)
            return -1;
    }
    return 0;
}

int schemas_new(struct schemas **ret_schemas, struct err *err)
{
    CLEANUP(schemas_freep) struct schemas *schemas = xcalloc(1, sizeof(*schemas));
    schemas->files = xcalloc(crd_text_count, sizeof(*schemas->files));
    if (compile_builtin(schemas, err) < 0)
        return -1;
    for (size_t i = 0; i < crd_text_count; i++) {
        if (read_crd_file(schemas, &crd_texts[i], err) < 0)
            return err_wrap(err, "%s", crd_texts[i].file);
    }
    for (size_t kind = 0; kind < OBJECT_KIND_COUNT; kind++) {
        if (!schemas->by_kind[kind])
            return err_set(err, ERR_INVALID, 0, "no schema of kind %s",
                           object_kind_name((enum object_kind)kind));
    }
    *ret_schemas = TAKE(schemas);
    return 0;
}

void schemas_free(struct schemas *schemas)
{
    if (!schemas)
        return;
    for (size_t kind = 0; kind < OBJECT_KIND_COUNT; kind++)
        schema_free(schemas->by_kind[kind]);
    for (size_t i = 0; i < schemas->file_count; i++)
        yaml_documents_fini(&schemas->files[i]);
    free(schemas->files);
    free(schemas);
}

void schemas_freep(struct schemas **schemas)
{
    schemas_free(*schemas);
}

/* Go's decoder, and so the API server, passes over line ends. */
static void drop_line_ends(char *text)
{
    char *used = text;
    for (const char *at = text; *at; at++) {
        if (*at != '\n' && *at != '\r')
            *used++ = *at;
    }
    *used = '\0';
}

/* Values of a Secret's data are base64; the message does not show them. */
static void check_base64(struct span object, const char *map, struct schema_problems *problems)
{
    struct json_text_iter iter = json_text_iterate(json_text_member(object, map));
    while (json_text_next(&iter)) {
        CLEANUP(freep) char *text = json_text_string(iter.value);
        CLEANUP(freep) char *key = json_text_string(iter.key);
        CLEANUP(buf_fini) struct buf bytes;
        buf_init(&bytes, BUF_UNLIMITED);
        if (text)
            drop_line_ends(text);
        if (text && str_base64_decode(&bytes, text, strlen(text), NULL) < 0)
            schema_problems_add(problems, false, iter.value.ptr, xasprintf("%s.%s", map, key),
                                xstrdup("not base64"),
                                strcmp(map, "data") == 0 ? xstrdup("plain text goes to stringData")
                                                         : NULL);
    }
}

void schemas_apply(const struct schemas *schemas, enum object_kind kind, struct span object,
                   struct span old, struct buf *out, struct schema_problems *problems)
{
    schema_meta_check(kind, object, problems);
    if (kind == OBJECT_SECRET)
        check_base64(object, "data", problems);
    if (kind == OBJECT_CONFIGMAP)
        check_base64(object, "binaryData", problems);
    schema_apply(schemas->by_kind[kind], object, old, out, problems);
}
