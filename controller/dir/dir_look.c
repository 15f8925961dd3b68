/* SPDX-License-Identifier: Apache-2.0 */
/* The first half of a pass: which files are there, and what stands in those that changed. */
#include "dir/dir_pass.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "base/yaml.h"
#include "core/packing.h"
#include "dir/file.h"

#define FILE_STEPS 4 /* of a few milliseconds each, a slice */

/* ---- walking ---- */

static bool on_folder(void *arg, const char *path)
{
    struct dir_source *source = arg;
    if (dir_state_is(source->state, path))
        return false;
    if (source->watch)
        dir_watch_add(source->watch, path);
    return true;
}

static void on_file(void *arg, const char *path, const struct stat *status)
{
    struct dir_source *source = arg;
    struct dir_file *file = dir_index_file(&source->index, path);
    struct dir_identity identity = dir_identity_of(status);
    file->pass = source->pass;
    if (file->is_known && dir_identity_equal(&file->identity, &identity))
        return;
    file->identity = identity;
    strset_add(source->to_read, path);
}

/* What is passed over is told once, while it is there. */
static void warn_once(struct dir_source *source, const char *path, const struct err *err)
{
    CLEANUP(freep) char *name = xasprintf("%s: %s", path, err->msg);
    strset_add(source->passed_over, name);
    if (strmap_has(source->warned, name))
        return;
    log_warn("passed over", .reason = "InvalidFile", .detail = name);
}

/* Something could not be seen: what was known below it stays. */
static void note_fault(struct dir_source *source, const char *path, const struct err *err)
{
    if (!source->is_partial) {
        source->fault = *err;
        err_wrap(&source->fault, "%s", path);
        source->fault.class = ERR_TRANSIENT;
    }
    source->is_partial = true;
}

static void break_file(struct dir_source *source, struct dir_file *file, unsigned line,
                       const char *cause)
{
    char *text = xasprintf("%s:%u: %s", file->path, line ? line : 1, cause);
    if (!str_equal(file->broken, text))
        log_error("a file cannot be used, its last good objects stay", .reason = "InvalidFile",
                  .detail = text);
    file->pass = source->pass;
    dir_index_break(&source->index, file, text);
}

static void on_trouble(void *arg, const char *path, const struct err *err)
{
    struct dir_source *source = arg;
    if (err->class == ERR_INVALID) {
        warn_once(source, path, err);
        return;
    }
    note_fault(source, path, err);
    struct dir_file *file = strmap_get(source->index.files, path);
    if (file) {
        file->is_known = false;
        break_file(source, file, 0, err->msg);
    }
}

static const struct walk_callbacks walk_callbacks = {on_folder, on_file, on_trouble};

/* Files that the walk did not come across are gone. When a part could not be seen, nothing is. */
static void sweep(struct dir_source *source)
{
    if (source->is_partial)
        return;
    struct strmap_entry *next;
    for (struct strmap_entry *e = strmap_first(source->index.files); e; e = next) {
        next = strmap_next(e);
        struct dir_file *file = strmap_entry_value(e);
        if (file->pass != source->pass)
            dir_index_remove(&source->index, file);
    }
}

void dir_look_step_walk(struct dir_source *source)
{
    if (walk_step(source->walk))
        return;
    walk_free(source->walk);
    source->walk = NULL;
    if (source->watch)
        dir_watch_end(source->watch);
    sweep(source);
    strmap_free(source->warned);
    source->warned = TAKE(source->passed_over);
    source->phase = PHASE_READING;
}

/* Of a few files it is known that they changed: no walk. */
static void look_at_changed(struct dir_source *source)
{
    struct strmap_entry *next;
    for (struct strmap_entry *e = strmap_first(source->changed); e; e = next) {
        next = strmap_next(e);
        const char *path = strmap_entry_key(e);
        struct dir_file *file = strmap_get(source->index.files, path);
        struct stat status;
        struct stat link;
        if (stat(path, &status) == 0 && S_ISREG(status.st_mode)) {
            /* Read in any case: two writes within one tick of the clock look alike. */
            dir_index_file(&source->index, path)->is_known = false;
            on_file(source, path, &status);
        } else if (lstat(path, &link) < 0 && errno == ENOENT) {
            if (file)
                dir_index_remove(&source->index, file);
        } else {
            /* A dangling link, a pipe, no permission: as the walk would tell it. */
            source->look_at_all = true;
        }
    }
}

void dir_look_begin(struct dir_source *source)
{
    source->pass++;
    source->phase = PHASE_READING;
    bool was_partial = source->is_partial;
    if (!source->look_at_all && !was_partial)
        look_at_changed(source);
    if (source->look_at_all || was_partial) {
        source->look_at_all = false;
        source->is_partial = false;
        source->phase = PHASE_WALKING;
        if (stat(source->path, &source->root) < 0)
            source->root = (struct stat){0};
        if (source->watch)
            dir_watch_begin(source->watch);
        strmap_free(source->passed_over);
        source->passed_over = strset_new();
        source->walk = walk_new(source->path, &walk_callbacks, source);
    }
    strmap_clear(source->changed);
}

/* ---- reading ---- */

static const struct object *accepted(void *arg, enum object_kind kind, const char *key)
{
    const struct dir_source *source = arg;
    return dir_state_accepted(source->state, kind, key);
}

static void open_file(struct dir_source *source, const char *path)
{
    struct dir_file *file = strmap_get(source->index.files, path);
    struct err err;
    struct buf bytes;
    buf_init(&bytes, BUF_UNLIMITED);
    if (!file)
        return;
    file->is_known = false;
    if (file_read(path, yaml_default_limits.bytes, false, &bytes, &err) < 0) {
        buf_fini(&bytes);
        if (err.class == ERR_NOT_FOUND) {
            dir_index_remove(&source->index, file);
            return;
        }
        if (err.class != ERR_INVALID)
            note_fault(source, path, &err);
        file->is_known = err.class == ERR_INVALID;
        break_file(source, file, 0, err.msg);
        return;
    }
    file->is_known = true;
    struct manifest_options options = {
        .schemas = source->schemas, .current = accepted, .arg = source};
    size_t length = bytes.length;
    source->reading = manifest_file_new(&options, path, buf_take(&bytes), length);
    source->reading_file = file;
}

/* What is about no object cannot be in a status. */
static void log_problems(const struct manifests *manifests)
{
    for (size_t i = 0; i < manifests->problem_count; i++) {
        const struct manifest_problem *problem = &manifests->problems[i];
        CLEANUP(buf_fini) struct buf line;
        buf_init(&line, BUF_UNLIMITED);
        manifest_problem_print(problem, &line);
        if (problem->severity == PROBLEM_ERROR)
            log_error("a manifest is refused", .reason = problem->reason,
                      .detail = buf_text(&line));
        else
            log_info("passed over", .reason = problem->reason, .detail = buf_text(&line));
    }
    for (size_t i = 0; i < manifests->count; i++) {
        const struct object *object = manifests->items[i].object;
        if (object->problem)
            log_error("a manifest is refused", .kind = object_kind_name(object->kind),
                      .ns = object->ns, .name = object->name, .reason = "InvalidSpec",
                      .detail = object->problem);
    }
}

static void close_file(struct dir_source *source)
{
    bool whole = manifest_file_is_whole(source->reading);
    manifest_file_free(TAKE(source->reading));
    if (whole) {
        log_problems(&source->read);
        for (size_t i = 0; i < source->read.count; i++)
            packing_add(source->packing, source->read.items[i].object);
        dir_index_set(&source->index, source->reading_file, &source->read);
    } else {
        const struct manifest_problem *last =
            &source->read.problems[source->read.problem_count - 1];
        break_file(source, source->reading_file, last->line, last->message);
    }
    manifests_fini(&source->read);
    source->reading_file = NULL;
}

/* Puts a path where it belongs below `place`. */
static void sift_down(struct dir_source *source, size_t place, const char *path)
{
    const char **heap = source->heap;
    for (size_t child; (child = 2 * place + 1) < source->heap_count; place = child) {
        if (child + 1 < source->heap_count && strcmp(heap[child + 1], heap[child]) < 0)
            child++;
        if (strcmp(path, heap[child]) <= 0)
            break;
        heap[place] = heap[child];
    }
    heap[place] = path;
}

/* What is to be read becomes the queue: a heap, since to sort very many takes long. */
static void make_queue(struct dir_source *source)
{
    source->queue = source->to_read;
    source->to_read = strset_new();
    source->heap = xcalloc(strmap_count(source->queue) + 1, sizeof(*source->heap));
    source->heap_count = 0;
    for (struct strmap_entry *e = strmap_first(source->queue); e; e = strmap_next(e))
        source->heap[source->heap_count++] = strmap_entry_key(e);
    for (size_t i = source->heap_count / 2; i > 0; i--)
        sift_down(source, i - 1, source->heap[i - 1]);
}

/* The next file to be read, borrowed: by the bytes of their names, whatever order a folder has. */
static const char *next_path(struct dir_source *source)
{
    if (!source->queue)
        make_queue(source);
    if (!source->heap_count)
        return NULL;
    const char *first = source->heap[0];
    source->heap_count--;
    sift_down(source, 0, source->heap[source->heap_count]);
    return first;
}

void dir_look_drop_queue(struct dir_source *source)
{
    strmap_free(TAKE(source->queue));
    free(TAKE(source->heap));
    source->heap_count = 0;
}

void dir_look_step_read(struct dir_source *source)
{
    for (int i = 0; i < FILE_STEPS; i++) {
        if (source->reading) {
            if (!manifest_file_step(source->reading, &source->read))
                close_file(source);
            continue;
        }
        const char *path = next_path(source);
        if (!path) {
            dir_look_drop_queue(source);
            source->phase = PHASE_TELLING;
            return;
        }
        open_file(source, path);
    }
}
