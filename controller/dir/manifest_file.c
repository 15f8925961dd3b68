/* SPDX-License-Identifier: Apache-2.0 */
#include "dir/manifest_file.h"

#include <stdlib.h>
#include <string.h>

#include "base/json_text.h"
#include "base/str.h"
#include "base/yaml.h"
#include "dir/manifest_head.h"
#include "dir/manifest_source.h"

#define VALUES_PER_STEP 5000
#define BYTES_PER_STEP 65536

struct manifest_file {
    struct manifest_options options;
    char *name;
    char *bytes;
    struct yaml_reader *reader; /* NULL: all documents are read */
    bool is_whole;
    struct yaml_documents documents; /* read, and not yet looked at from `next` on */
    size_t next;
    struct manifest_source *source; /* the document at hand */
    struct manifest_heads heads;    /* the objects in it */
    size_t next_head;
};

struct manifest_file *manifest_file_new(const struct manifest_options *options, const char *name,
                                        char *bytes, size_t length)
{
    struct manifest_file *file = xcalloc(1, sizeof(*file));
    file->options = *options;
    file->name = xstrdup(name);
    file->bytes = bytes;
    file->reader = yaml_reader_new((struct span){bytes, length}, &yaml_default_limits);
    file->is_whole = true;
    return file;
}

static void drop_document(struct manifest_file *file)
{
    manifest_heads_fini(&file->heads);
    manifest_source_unref(file->source);
    file->source = NULL;
    file->next_head = 0;
}

void manifest_file_free(struct manifest_file *file)
{
    if (!file)
        return;
    drop_document(file);
    for (size_t i = file->next; i < file->documents.count; i++) {
        free(file->documents.items[i].json);
        free(file->documents.items[i].places);
    }
    free(file->documents.items);
    yaml_reader_free(file->reader);
    free(file->bytes);
    free(file->name);
    free(file);
}

bool manifest_file_is_whole(const struct manifest_file *file)
{
    return file->is_whole;
}

/* ---- one object ---- */

static void add_manifest_problem(struct manifest *manifest, struct manifest_problem problem)
{
    manifest->problems =
        xrealloc(manifest->problems, (manifest->problem_count + 1) * sizeof(problem));
    manifest->problems[manifest->problem_count++] = problem;
}

/* An object with another name than the one that was meant is another object. */
static bool is_of_identity(const struct schema_problem *problem)
{
    return !problem->is_warning &&
           (str_equal(problem->field, "metadata") || str_equal(problem->field, "metadata.name") ||
            str_equal(problem->field, "metadata.namespace"));
}

/* Moves what the schema says to the manifest, with lines. */
static void take_problems(const struct manifest_file *file, struct manifest *manifest,
                          struct schema_problems *problems)
{
    for (size_t i = 0; i < problems->count; i++) {
        struct schema_problem *problem = &problems->items[i];
        bool hides = is_of_identity(problem);
        add_manifest_problem(manifest,
                             (struct manifest_problem){
                                 .hides = hides,
                                 .severity = problem->is_warning ? PROBLEM_WARNING : PROBLEM_ERROR,
                                 .reason = problem->is_warning ? "UnknownField" : "InvalidSpec",
                                 .file = xstrdup(file->name),
                                 .line = yaml_line_of(&file->source->document, problem->at),
                                 .field = TAKE(problem->field),
                                 .message = TAKE(problem->message),
                                 .hint = TAKE(problem->hint),
                             });
    }
}

static int by_line(const void *a, const void *b)
{
    const struct manifest_problem *left = a;
    const struct manifest_problem *right = b;
    return left->line < right->line ? -1 : left->line > right->line;
}

/* Returns owned: the first error in one line; NULL when there is none. */
static char *first_error(const struct manifest *manifest)
{
    for (size_t i = 0; i < manifest->problem_count; i++) {
        if (manifest->problems[i].severity != PROBLEM_ERROR)
            continue;
        struct buf line;
        buf_init(&line, BUF_UNLIMITED);
        manifest_problem_print(&manifest->problems[i], &line);
        return buf_take(&line);
    }
    return NULL;
}

/* The object as it is now, as the rules of change want to see it. */
static struct span current_text(const struct manifest_file *file, const struct manifest_head *head)
{
    struct span metadata = json_text_member(head->item, "metadata");
    CLEANUP(freep) char *name = json_text_string(json_text_member(metadata, "name"));
    CLEANUP(freep) char *ns = json_text_string(json_text_member(metadata, "namespace"));
    if (!file->options.current || !name)
        return (struct span){NULL, 0};
    CLEANUP(freep)
    char *key = object_kind_is_namespaced(head->kind)
                    ? object_key_of(str_is_empty(ns) ? "default" : ns, name)
                    : xstrdup(name);
    const struct object *current = file->options.current(file->options.arg, head->kind, key);
    return current ? object_text(current) : (struct span){NULL, 0};
}

/* Base64 of several lines, as the API server would store it: in one. */
static void join_lines(struct json_edit *edit, struct span object, const char *map)
{
    struct json_text_iter iter = json_text_iterate(json_text_member(object, map));
    while (json_text_next(&iter)) {
        CLEANUP(freep) char *text = json_text_string(iter.value);
        if (!text || !strpbrk(text, "\r\n"))
            continue;
        CLEANUP(buf_fini) struct buf joined;
        buf_init(&joined, BUF_UNLIMITED);
        buf_add_char(&joined, '"');
        for (const char *at = text; *at; at++) {
            if (*at != '\r' && *at != '\n')
                buf_add_char(&joined, *at);
        }
        buf_add_char(&joined, '"');
        json_edit_replace(edit, iter.value, buf_text(&joined), joined.length);
    }
}

/* Fills in what a manifest may leave out, and takes out what only a server may say. */
static void complete(const struct manifest_head *head, struct span stored, bool problem_free,
                     struct buf *out)
{
    CLEANUP(json_edit_freep) struct json_edit *edit = json_edit_new(stored);
    struct span metadata = json_text_member(stored, "metadata");
    static const char ns[] = "\"default\"";
    struct span given = json_text_member(metadata, "namespace");
    bool has_ns = json_text_type(given) == JSON_TEXT_STRING && !json_text_is(given, "");
    if (json_text_type(metadata) == JSON_TEXT_OBJECT) {
        if (object_kind_is_namespaced(head->kind) && !has_ns)
            json_edit_set(edit, metadata, "namespace", ns, sizeof(ns) - 1);
        json_edit_remove(edit, metadata, "deletionTimestamp");
    }
    if (head->kind == OBJECT_SECRET && problem_free)
        join_lines(edit, stored, "data");
    if (head->kind == OBJECT_CONFIGMAP && problem_free)
        join_lines(edit, stored, "binaryData");
    CLEANUP(buf_fini) struct buf text;
    buf_init(&text, BUF_UNLIMITED);
    json_text_add_string(&text, head->api_version);
    json_edit_set(edit, stored, "apiVersion", buf_text(&text), text.length);
    buf_clear(&text);
    json_text_add_string(&text, object_kind_name(head->kind));
    json_edit_set(edit, stored, "kind", buf_text(&text), text.length);
    json_edit_apply(edit, out);
}

static void move_to_file(struct manifests *into, struct manifest *manifest)
{
    for (size_t i = 0; i < manifest->problem_count; i++) {
        into->problems =
            xrealloc(into->problems, (into->problem_count + 1) * sizeof(*into->problems));
        into->problems[into->problem_count++] = manifest->problems[i];
    }
    manifest->problem_count = 0;
    manifest_fini(manifest);
}

static void take_object(struct manifest_file *file, const struct manifest_head *head,
                        struct manifests *into)
{
    CLEANUP(buf_fini) struct buf stored;
    CLEANUP(buf_fini) struct buf text;
    buf_init(&stored, BUF_UNLIMITED);
    buf_init(&text, BUF_UNLIMITED);
    struct schema_problems problems = {0};
    struct manifest manifest = {.line = yaml_line_of(&file->source->document, head->item.ptr)};
    schemas_apply(file->options.schemas, head->kind, head->item, current_text(file, head), &stored,
                  &problems);
    take_problems(file, &manifest, &problems);
    schema_problems_fini(&problems);
    if (manifest.problem_count)
        qsort(manifest.problems, manifest.problem_count, sizeof(*manifest.problems), by_line);

    CLEANUP(freep) char *problem = first_error(&manifest);
    complete(head, (struct span){buf_text(&stored), stored.length}, !problem, &text);
    struct span complete_text = {buf_text(&text), text.length};
    if (object_new(head->kind, complete_text, problem, &manifest.object, NULL) < 0) {
        /* It has no name, which the problems say. */
        move_to_file(into, &manifest);
        return;
    }
    manifest.file = xstrdup(file->name);
    manifest.source = file->options.keep_source ? manifest_source_ref(file->source) : NULL;
    manifest.item = head->item;
    into->items = xrealloc(into->items, (into->count + 1) * sizeof(*into->items));
    into->items[into->count++] = manifest;
}

/* ---- documents ---- */

static void take_head(struct manifest_file *file, const struct manifest_head *head,
                      struct manifests *into)
{
    switch (head->verdict) {
    case MANIFEST_OURS:
        take_object(file, head, into);
        return;
    case MANIFEST_FOREIGN:
        into->foreign_count++;
        break;
    case MANIFEST_WRONG:
        break;
    }
    bool wrong = head->verdict == MANIFEST_WRONG;
    CLEANUP(freep) char *field = xstrdup(head->field);
    manifests_add_problem(into, &(struct manifest_problem){
                                    .severity = wrong ? PROBLEM_ERROR : PROBLEM_WARNING,
                                    .reason = wrong ? "InvalidSpec" : "ForeignKind",
                                    .file = file->name,
                                    .line = yaml_line_of(&file->source->document, head->at),
                                    .field = field,
                                    .message = head->message,
                                    .hint = head->hint,
                                    .hides = head->hides,
                                });
}

static void next_document(struct manifest_file *file)
{
    drop_document(file);
    file->source = manifest_source_new(&file->documents.items[file->next++]);
    struct span root = {file->source->document.json, file->source->document.length};
    manifest_heads_read(root, &file->heads);
}

/* Some objects of the document at hand, at least one. */
static void step_objects(struct manifest_file *file, struct manifests *into)
{
    size_t bytes = 0;
    while (file->next_head < file->heads.count && bytes < BYTES_PER_STEP) {
        const struct manifest_head *head = &file->heads.items[file->next_head++];
        bytes += head->item.length;
        take_head(file, head, into);
    }
}

static void step_reader(struct manifest_file *file, struct manifests *into)
{
    struct err err;
    unsigned line = 0;
    int more = yaml_reader_step(file->reader, VALUES_PER_STEP, &line, &err);
    free(file->documents.items);
    yaml_reader_take(file->reader, &file->documents);
    file->next = 0;
    if (more > 0)
        return;
    yaml_reader_free(file->reader);
    file->reader = NULL;
    if (more < 0) {
        file->is_whole = false;
        manifests_add_problem(into, &(struct manifest_problem){.severity = PROBLEM_ERROR,
                                                               .reason = "InvalidFile",
                                                               .file = file->name,
                                                               .line = line,
                                                               .message = err.msg,
                                                               .hides = true});
    }
}

bool manifest_file_step(struct manifest_file *file, struct manifests *into)
{
    if (file->next_head < file->heads.count)
        step_objects(file, into);
    else if (file->next < file->documents.count)
        next_document(file);
    else if (file->reader)
        step_reader(file, into);
    else
        return false;
    return true;
}
