/* SPDX-License-Identifier: Apache-2.0 */
#include "dir/dir_entry.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_text.h"
#include "base/str.h"
#include "base/yaml.h"

#define DIGEST_ANNOTATION "grapnel.dev/content"
#define LONGEST_NAME 200

void dir_entry_free(void *value)
{
    struct dir_entry *entry = value;
    if (!entry)
        return;
    object_unref(entry->current);
    object_unref(entry->accepted);
    free(entry->remembered);
    free(entry);
}

bool dir_entry_is_kept(enum object_kind kind)
{
    return kind == OBJECT_API || kind == OBJECT_WEBHOOK || kind == OBJECT_CONTEXT;
}

/* An object that is refused may have any name: what a file may not be called is replaced, and a
 * digest tells such names apart. */
char *dir_entry_file_name(enum object_kind kind, const char *key)
{
    CLEANUP(freep) char *ns = object_key_ns(key);
    char *name = xasprintf("%s.%s.%s", object_kind_name(kind), ns, object_key_name(key));
    bool changed = strlen(name) > LONGEST_NAME;
    if (changed)
        name[LONGEST_NAME] = '\0';
    for (char *at = name; *at; at++) {
        if (!isalnum((unsigned char)*at) && *at != '.' && *at != '-') {
            *at = '_';
            changed = true;
        }
    }
    char hex[65] = "";
    if (changed) {
        struct digest digest = digest_of(key, strlen(key));
        digest_hex(&digest, hex);
        hex[16] = '\0';
    }
    char *file = xasprintf("%s%s%s.yaml", name, changed ? "." : "", hex);
    free(name);
    return file;
}

/* ---- the file ---- */

static void add_text(struct buf *out, const char *key, const char *text)
{
    buf_add_format(out, "\"%s\":", key);
    json_text_add_string(out, text);
}

void dir_entry_print(const struct dir_entry *entry, struct span status, struct buf *out)
{
    CLEANUP(freep) char *ns = object_key_ns(entry->key);
    char created[21];
    char hex[65];
    str_format_time(created, entry->created);
    digest_hex(&entry->content, hex);
    CLEANUP(buf_fini) struct buf json;
    buf_init(&json, BUF_UNLIMITED);
    buf_add_format(&json, "{\"apiVersion\":\"tyk.tyk.io/v1alpha1\",\"kind\":\"%s\",\"metadata\":{",
                   object_kind_name(entry->kind));
    add_text(&json, "name", object_key_name(entry->key));
    buf_add_char(&json, ',');
    add_text(&json, "namespace", ns);
    buf_add_format(&json,
                   ",\"generation\":%" PRId64 ",\"creationTimestamp\":\"%s\",\"annotations\":{"
                   "\"" DIGEST_ANNOTATION "\":\"%s\"}},\"status\":",
                   entry->generation, created, hex);
    buf_add(&json, status.ptr, status.length);
    buf_add_char(&json, '}');
    buf_add_text(out, "# Written by grapnel, which reads it again: do not edit.\n");
    yaml_add_json(out, (struct span){buf_text(&json), json.length});
}

static int parse_hex(const char *text, struct digest *ret_digest)
{
    if (strlen(text) != 2 * sizeof(ret_digest->bytes) ||
        strspn(text, "0123456789abcdef") != 2 * sizeof(ret_digest->bytes))
        return -1;
    for (size_t i = 0; i < sizeof(ret_digest->bytes); i++) {
        char pair[3] = {text[2 * i], text[2 * i + 1], '\0'};
        ret_digest->bytes[i] = (unsigned char)strtoul(pair, NULL, 16);
    }
    return 0;
}

static int parse_metadata(struct span object, struct dir_entry *entry, char **ret_key,
                          struct err *err)
{
    enum object_kind kind;
    struct span metadata = json_text_member(object, "metadata");
    CLEANUP(freep) char *api_version = json_text_string(json_text_member(object, "apiVersion"));
    CLEANUP(freep) char *kind_name = json_text_string(json_text_member(object, "kind"));
    CLEANUP(freep) char *name = json_text_string(json_text_member(metadata, "name"));
    CLEANUP(freep) char *ns = json_text_string(json_text_member(metadata, "namespace"));
    CLEANUP(freep)
    char *created = json_text_string(json_text_member(metadata, "creationTimestamp"));
    CLEANUP(freep)
    char *digest =
        json_text_string(json_text_get(metadata, "annotations", DIGEST_ANNOTATION, NULL));
    if (!object_kind_from_name(api_version, kind_name, &kind) || !dir_entry_is_kept(kind) ||
        !name || !ns || !created || !digest ||
        !json_text_int64(json_text_member(metadata, "generation"), &entry->generation) ||
        str_parse_time(created, &entry->created, NULL) < 0 ||
        parse_hex(digest, &entry->content) < 0)
        return err_set(err, ERR_INVALID, 0, "not a state file");
    entry->kind = kind;
    *ret_key = object_key_of(ns, name);
    entry->key = *ret_key;
    return 0;
}

int dir_entry_parse(struct span yaml, struct dir_entry **ret_entry, char **ret_key, struct err *err)
{
    struct yaml_documents documents;
    int result = yaml_read(yaml, &yaml_default_limits, &documents, NULL, err);
    struct dir_entry *entry = xcalloc(1, sizeof(*entry));
    if (result == 0 && documents.count == 1) {
        struct span object = {documents.items[0].json, documents.items[0].length};
        struct span status = json_text_member(object, "status");
        result = parse_metadata(object, entry, ret_key, err);
        if (json_text_type(status) == JSON_TEXT_OBJECT)
            entry->remembered = xstrndup(status.ptr, status.length);
        entry->has_status = entry->remembered != NULL;
    } else if (result == 0) {
        result = err_set(err, ERR_INVALID, 0, "not a state file");
    }
    yaml_documents_fini(&documents);
    if (result < 0) {
        dir_entry_free(entry);
        return -1;
    }
    *ret_entry = entry;
    return 0;
}

/* ---- the object ---- */

struct digest dir_content_digest(struct span object)
{
    CLEANUP(buf_fini) struct buf content;
    buf_init(&content, BUF_UNLIMITED);
    struct json_text_iter iter = json_text_iterate(object);
    while (json_text_next(&iter)) {
        if (json_text_is(iter.key, "metadata") || json_text_is(iter.key, "status"))
            continue;
        buf_add(&content, iter.key.ptr,
                (size_t)(iter.value.ptr + iter.value.length - iter.key.ptr));
        buf_add_char(&content, '\n');
    }
    return digest_of(buf_text(&content), content.length);
}

/* The status that was written last; ptr NULL: none was. */
static struct span status_of(const struct dir_entry *entry)
{
    if (!entry->has_status)
        return (struct span){NULL, 0};
    if (entry->remembered)
        return (struct span){entry->remembered, strlen(entry->remembered)};
    return json_text_member(object_text(entry->current), "status");
}

/* The version says what the object is made of: the same parts, the same version. */
static void print_version(const struct dir_entry *entry, struct span status, char out[static 42])
{
    char hex[65];
    struct digest digest = digest_of(status.ptr ? status.ptr : "", status.length);
    digest_hex(&digest, hex);
    snprintf(out, 42, "d%s%.20s", entry->base, hex);
}

static const char no_status[] = "{\"observedGeneration\":-1}";

/* The metadata of a manifest as a server would have completed it, but for the version. */
static void print_metadata(const struct dir_entry *entry, struct span metadata, struct buf *out)
{
    CLEANUP(json_edit_freep) struct json_edit *edit = json_edit_new(metadata);
    char created[23];
    char generation[24];
    str_format_time(created + 1, entry->created);
    created[0] = '"';
    memcpy(created + 21, "\"", 2);
    int length = snprintf(generation, sizeof(generation), "%" PRId64, entry->generation);
    json_edit_set(edit, metadata, "generation", generation, (size_t)length);
    json_edit_set(edit, metadata, "creationTimestamp", created, 22);
    json_edit_remove(edit, metadata, "uid");
    json_edit_remove(edit, metadata, "resourceVersion");
    json_edit_apply(edit, out);
}

/* What the version says of all but the status. */
static void set_base(struct dir_entry *entry, const struct buf *metadata, const char *problem)
{
    CLEANUP(buf_fini) struct buf parts;
    char hex[65];
    buf_init(&parts, BUF_UNLIMITED);
    buf_add(&parts, (const char *)entry->content.bytes, sizeof(entry->content.bytes));
    buf_add(&parts, buf_text(metadata), metadata->length);
    buf_add_text(&parts, problem ? problem : "");
    struct digest digest = digest_of(buf_text(&parts), parts.length);
    digest_hex(&digest, hex);
    snprintf(entry->base, sizeof(entry->base), "%.*s", DIR_ENTRY_BASE, hex);
}

/* Completes a manifest: metadata, version, status. Sets the part of the version that is kept. */
static void print_object(struct dir_entry *entry, struct span manifest, const char *problem,
                         struct buf *out)
{
    CLEANUP(buf_fini) struct buf completed;
    CLEANUP(buf_fini) struct buf metadata;
    buf_init(&completed, BUF_UNLIMITED);
    buf_init(&metadata, BUF_UNLIMITED);
    print_metadata(entry, json_text_member(manifest, "metadata"), &completed);
    set_base(entry, &completed, problem);
    char version[42];
    struct span status = status_of(entry);
    print_version(entry, status, version);
    if (!status.ptr && dir_entry_is_kept(entry->kind))
        status = (struct span){no_status, sizeof(no_status) - 1};

    struct span text = {buf_text(&completed), completed.length};
    CLEANUP(json_edit_freep) struct json_edit *edit = json_edit_new(text);
    CLEANUP(freep) char *quoted = xasprintf("\"%s\"", version);
    json_edit_set(edit, text, "resourceVersion", quoted, strlen(quoted));
    json_edit_apply(edit, &metadata);

    CLEANUP(json_edit_freep) struct json_edit *whole = json_edit_new(manifest);
    json_edit_set(whole, manifest, "metadata", buf_text(&metadata), metadata.length);
    if (status.ptr)
        json_edit_set(whole, manifest, "status", status.ptr, status.length);
    else
        json_edit_remove(whole, manifest, "status");
    json_edit_apply(whole, out);
}

static void take_current(struct dir_entry *entry, struct object *current)
{
    object_unref(entry->current);
    entry->current = current;
    if (!current->problem) {
        object_unref(entry->accepted);
        entry->accepted = object_ref(current);
    }
}

int dir_entry_join(struct dir_entry *entry, struct span manifest, const char *problem,
                   struct err *err)
{
    CLEANUP(buf_fini) struct buf text;
    buf_init(&text, BUF_UNLIMITED);
    print_object(entry, manifest, problem, &text);
    struct object *current = NULL;
    if (object_new(entry->kind, (struct span){buf_text(&text), text.length}, problem, &current,
                   err) < 0)
        return -1;
    take_current(entry, current);
    free(entry->remembered);
    entry->remembered = NULL;
    return 0;
}

void dir_entry_set_status(struct dir_entry *entry, struct span status)
{
    char version[42];
    CLEANUP(buf_fini) struct buf compact;
    buf_init(&compact, BUF_UNLIMITED);
    json_text_add_compact(&compact, status);
    struct span written = {buf_text(&compact), compact.length};
    print_version(entry, written, version);
    take_current(entry, object_with_status(entry->current, written, version));
    entry->has_status = true;
}
