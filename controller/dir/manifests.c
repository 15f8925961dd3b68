/* SPDX-License-Identifier: Apache-2.0 */
#include "dir/manifests.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/json_text.h"
#include "base/str.h"
#include "base/strmap.h"
#include "base/yaml.h"
#include "core/schemas.h"
#include "dir/file.h"
#include "dir/manifest_file.h"
#include "dir/manifest_source.h"
#include "dir/walk.h"

/* ---- sources and problems ---- */

struct manifest_source *manifest_source_new(const struct yaml_document *document)
{
    struct manifest_source *source = xcalloc(1, sizeof(*source));
    source->refs = 1;
    source->document = *document;
    return source;
}

struct manifest_source *manifest_source_ref(struct manifest_source *source)
{
    source->refs++;
    return source;
}

void manifest_source_unref(struct manifest_source *source)
{
    if (!source || --source->refs)
        return;
    free(source->document.json);
    free(source->document.places);
    free(source);
}

static void problem_fini(struct manifest_problem *problem)
{
    free(problem->file);
    free(problem->field);
    free(problem->message);
    free(problem->hint);
}

static void problems_free(struct manifest_problem *problems, size_t count)
{
    for (size_t i = 0; i < count; i++)
        problem_fini(&problems[i]);
    free(problems);
}

void manifest_fini(struct manifest *manifest)
{
    object_unref(manifest->object);
    free(manifest->file);
    problems_free(manifest->problems, manifest->problem_count);
    manifest_source_unref(manifest->source);
    *manifest = (struct manifest){0};
}

void manifests_fini(struct manifests *manifests)
{
    for (size_t i = 0; i < manifests->count; i++)
        manifest_fini(&manifests->items[i]);
    free(manifests->items);
    problems_free(manifests->problems, manifests->problem_count);
    *manifests = (struct manifests){0};
}

void manifests_add_problem(struct manifests *manifests, const struct manifest_problem *problem)
{
    manifests->problems = xrealloc(manifests->problems,
                                   (manifests->problem_count + 1) * sizeof(*manifests->problems));
    manifests->problems[manifests->problem_count++] = (struct manifest_problem){
        .severity = problem->severity,
        .reason = problem->reason,
        .file = xstrdup(problem->file),
        .line = problem->line,
        .field = xstrdup(problem->field ? problem->field : ""),
        .message = xstrdup(problem->message),
        .hint = problem->hint ? xstrdup(problem->hint) : NULL,
        .hides = problem->hides,
    };
}

/* A problem is one line, whatever stands in the keys and values that it quotes. */
static void add_line(struct buf *out, const char *text)
{
    str_add_printable(out, text, strlen(text), BUF_UNLIMITED);
}

void manifest_problem_print(const struct manifest_problem *problem, struct buf *out)
{
    add_line(out, problem->file);
    buf_add_format(out, ":%u: ", problem->line ? problem->line : 1);
    if (*problem->field) {
        add_line(out, problem->field);
        buf_add_text(out, ": ");
    }
    add_line(out, problem->message);
    if (problem->hint) {
        buf_add_text(out, " (");
        add_line(out, problem->hint);
        buf_add_char(out, ')');
    }
}

/* ---- objects that stand twice ---- */

static char *place_of(const struct manifest *manifest)
{
    return xasprintf("%s:%u", manifest->file, manifest->line);
}

/* Refuses a manifest because `other` has its kind and name. */
static void refuse_repeated(struct manifest *manifest, const struct manifest *other)
{
    CLEANUP(freep) char *place = place_of(other);
    struct manifest_problem problem = {
        .severity = PROBLEM_ERROR,
        .reason = "InvalidSpec",
        .file = xstrdup(manifest->file),
        .line = manifest->line,
        .field = xstrdup("metadata.name"),
        .message =
            xasprintf("%s %s stands twice, also at %s", object_kind_name(manifest->object->kind),
                      manifest->object->key, place),
        .hint = xstrdup("remove or rename one of them"),
    };
    manifest->problems =
        xrealloc(manifest->problems, (manifest->problem_count + 1) * sizeof(problem));
    memmove(manifest->problems + 1, manifest->problems, manifest->problem_count * sizeof(problem));
    manifest->problems[0] = problem;
    manifest->problem_count++;

    CLEANUP(buf_fini) struct buf line;
    buf_init(&line, BUF_UNLIMITED);
    manifest_problem_print(&problem, &line);
    struct object *refused = NULL;
    if (object_new(manifest->object->kind, object_text(manifest->object), buf_text(&line), &refused,
                   NULL) == 0) {
        object_unref(manifest->object);
        manifest->object = refused;
    }
}

void manifests_find_repeated(struct manifests *manifests)
{
    struct strmap *seen = strmap_new(NULL); /* "kind key" → the first manifest of it */
    CLEANUP(freep) bool *refused = xcalloc(manifests->count, sizeof(*refused));
    for (size_t i = 0; i < manifests->count; i++) {
        struct manifest *manifest = &manifests->items[i];
        CLEANUP(freep)
        char *name = xasprintf("%d %s", (int)manifest->object->kind, manifest->object->key);
        struct manifest *earlier = strmap_get(seen, name);
        if (!earlier) {
            strmap_set(seen, name, manifest);
            continue;
        }
        manifest->repeated = true;
        refuse_repeated(manifest, earlier);
        if (!refused[earlier - manifests->items])
            /* NOLINTNEXTLINE(readability-suspicious-call-argument): each is told of the other */
            refuse_repeated(earlier, manifest);
        refused[earlier - manifests->items] = true;
    }
    strmap_free(seen);
}

/* ---- loading ---- */

struct load {
    struct manifests *manifests;
    struct manifest_options options;
    struct err err; /* of something that cannot be read at all */
    bool failed;
    struct strmap *found; /* paths below a folder */
    struct strmap *read;  /* "device:inode" of what was read → the path that it was named by */
    const char *named;    /* the path at hand, of those that were named */
};

static void read_into(struct load *load, const char *path, struct buf *bytes)
{
    size_t length = bytes->length;
    struct manifest_file *file = manifest_file_new(&load->options, path, buf_take(bytes), length);
    load->manifests->file_count++;
    while (manifest_file_step(file, load->manifests))
        ;
    manifest_file_free(file);
}

static void add_file_problem(struct load *load, enum problem_severity severity, const char *path,
                             const struct err *err)
{
    CLEANUP(freep) char *file = xstrdup(path);
    CLEANUP(freep) char *message = xstrdup(err->msg);
    manifests_add_problem(load->manifests,
                          &(struct manifest_problem){.severity = severity,
                                                     .reason = "InvalidFile",
                                                     .file = file,
                                                     .message = message,
                                                     .hides = severity == PROBLEM_ERROR});
}

/* What was named and cannot be read at all: nothing that is said of the rest is an answer. */
static void fail_load(struct load *load, const char *path, const struct err *err)
{
    if (load->failed)
        return;
    load->failed = true;
    load->err = *err;
    err_wrap(&load->err, "%s", path);
}

/* Was the file read already, because it was named twice, or its folder too? Two names in one folder
 * are two files all the same, as they are for a run on it. */
static bool was_read(struct load *load, const char *path)
{
    struct stat status;
    if (stat(path, &status) < 0)
        return false; /* which reading it will tell */
    CLEANUP(freep)
    char *id = xasprintf("%jx:%jx", (uintmax_t)status.st_dev, (uintmax_t)status.st_ino);
    const char *named = strmap_get(load->read, id);
    if (named)
        return named != load->named;
    strmap_set(load->read, id, (void *)(uintptr_t)load->named);
    return false;
}

static void load_file(struct load *load, const char *name, bool is_named)
{
    bool is_stdin = is_named && strcmp(name, "-") == 0;
    const char *path = is_stdin ? "/dev/stdin" : name;
    if (was_read(load, path))
        return;
    CLEANUP(buf_fini) struct buf bytes;
    buf_init(&bytes, BUF_UNLIMITED);
    struct err err;
    if (file_read(path, yaml_default_limits.bytes, is_named, &bytes, &err) == 0) {
        read_into(load, name, &bytes);
    } else if (err.class == ERR_INVALID || !is_named) {
        add_file_problem(load, PROBLEM_ERROR, name, &err);
    } else {
        fail_load(load, name, &err);
    }
}

static bool on_folder(void *arg, const char *path)
{
    (void)arg;
    (void)path;
    return true;
}

static void on_file(void *arg, const char *path, const struct stat *status)
{
    struct load *load = arg;
    (void)status;
    strset_add(load->found, path);
}

/* The same path, but for slashes at the end of the one that was named? */
static bool is_path_of(const char *path, const char *named)
{
    size_t length = strlen(path);
    return strncmp(path, named, length) == 0 && !named[length + strspn(named + length, "/")];
}

static void on_trouble(void *arg, const char *path, const struct err *err)
{
    struct load *load = arg;
    if (err->class == ERR_INVALID)
        add_file_problem(load, PROBLEM_WARNING, path, err);
    else if (is_path_of(path, load->named))
        fail_load(load, path, err);
    else
        add_file_problem(load, PROBLEM_ERROR, path, err);
}

static void load_folder(struct load *load, const char *path)
{
    static const struct walk_callbacks callbacks = {on_folder, on_file, on_trouble};
    load->found = strset_new();
    struct walk *walk = walk_new(path, &callbacks, load);
    while (walk_step(walk))
        ;
    walk_free(walk);
    const char **paths = strmap_sorted_keys(load->found);
    for (size_t i = 0; paths[i]; i++)
        load_file(load, paths[i], false);
    free(paths);
    strmap_free(load->found);
    load->found = NULL;
}

static bool is_folder(const char *path)
{
    struct stat status;
    return strcmp(path, "-") != 0 && stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

int manifests_load(const char *const *paths, size_t count, struct manifests *ret_manifests,
                   struct err *err)
{
    CLEANUP(schemas_freep) struct schemas *schemas = NULL;
    *ret_manifests = (struct manifests){0};
    if (schemas_new(&schemas, err) < 0)
        return -1;
    struct load load = {.manifests = ret_manifests,
                        .options = {.schemas = schemas, .keep_source = true},
                        .read = strmap_new(NULL)};
    for (size_t i = 0; i < count; i++) {
        load.named = paths[i];
        if (is_folder(paths[i]))
            load_folder(&load, paths[i]);
        else
            load_file(&load, paths[i], true);
    }
    strmap_free(load.read);
    manifests_find_repeated(ret_manifests);
    if (!load.failed)
        return 0;
    if (err)
        *err = load.err;
    return -1;
}

void manifests_fill_cache(const struct manifests *manifests, struct cache *cache)
{
    for (size_t i = 0; i < manifests->count; i++) {
        if (!manifests->items[i].repeated)
            object_unref(cache_put(cache, manifests->items[i].object));
    }
}

const struct manifest *manifests_find(const struct manifests *manifests, enum object_kind kind,
                                      const char *key)
{
    for (size_t i = 0; i < manifests->count; i++) {
        const struct object *object = manifests->items[i].object;
        if (object->kind == kind && strcmp(object->key, key) == 0)
            return &manifests->items[i];
    }
    return NULL;
}

const struct manifest_problem *manifests_first_hiding(const struct manifests *manifests)
{
    for (size_t i = 0; i < manifests->problem_count; i++) {
        if (manifests->problems[i].hides)
            return &manifests->problems[i];
    }
    for (size_t i = 0; i < manifests->count; i++) {
        const struct manifest *manifest = &manifests->items[i];
        for (size_t j = 0; j < manifest->problem_count; j++) {
            if (manifest->problems[j].hides)
                return &manifest->problems[j];
        }
    }
    return NULL;
}

bool manifests_have_errors(const struct manifests *manifests)
{
    for (size_t i = 0; i < manifests->problem_count; i++) {
        if (manifests->problems[i].severity == PROBLEM_ERROR)
            return true;
    }
    for (size_t i = 0; i < manifests->count; i++) {
        if (manifests->items[i].object->problem)
            return true;
    }
    return false;
}

/* ---- lines ---- */

/* The member whose key is the longest beginning of the path; its length goes to ret_length. */
static struct span member_at(struct span object, const char *path, size_t *ret_length)
{
    struct span best = {NULL, 0};
    *ret_length = 0;
    struct json_text_iter iter = json_text_iterate(object);
    while (json_text_next(&iter)) {
        CLEANUP(freep) char *key = json_text_string(iter.key);
        size_t length = key ? strlen(key) : 0;
        if (!length || length <= *ret_length || strncmp(path, key, length) != 0 ||
            (path[length] && path[length] != '.' && path[length] != '['))
            continue;
        best = iter.value;
        *ret_length = length;
    }
    return best;
}

static struct span element_at(struct span array, const char *path, size_t *ret_length)
{
    char *end = NULL;
    unsigned long index = strtoul(path + 1, &end, 10);
    *ret_length = *end == ']' ? (size_t)(end + 1 - path) : 0;
    struct json_text_iter iter = json_text_iterate(array);
    while (*ret_length && json_text_next(&iter)) {
        if (iter.index == index)
            return iter.value;
    }
    return (struct span){NULL, 0};
}

unsigned manifest_line(const struct manifest *manifest, const char *field)
{
    if (!manifest->source)
        return manifest->line;
    struct span value = manifest->item;
    const char *at = field ? field : "";
    while (*at) {
        size_t length = 0;
        struct span next =
            *at == '[' ? element_at(value, at, &length) : member_at(value, at, &length);
        if (!next.ptr)
            break;
        value = next;
        at += length;
        at += *at == '.';
    }
    return yaml_line_of(&manifest->source->document, value.ptr);
}
