/* SPDX-License-Identifier: Apache-2.0 */
#include "dir/dir_index.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

static void place_fini(struct dir_place *place)
{
    free(place->problem);
    object_unref(place->fresh);
}

static void places_free(struct dir_place *places, size_t count)
{
    for (size_t i = 0; i < count; i++)
        place_fini(&places[i]);
    free(places);
}

static void file_free(void *value)
{
    struct dir_file *file = value;
    places_free(file->places, file->place_count);
    free(file->broken);
    free(file->hidden);
    free(file);
}

void dir_index_init(struct dir_index *index)
{
    *index = (struct dir_index){.files = strmap_new(file_free), .holders = strmap_new(free)};
}

void dir_index_fini(struct dir_index *index)
{
    strmap_free(index->files);
    strmap_free(index->holders);
    free(index->marked);
    *index = (struct dir_index){0};
}

bool dir_identity_equal(const struct dir_identity *a, const struct dir_identity *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->modified_ns == b->modified_ns && a->changed_ns == b->changed_ns;
}

/* Times that are too far away wrap, which tells them apart just as well. */
static int64_t to_ns(const struct timespec *time)
{
    return (int64_t)((uint64_t)time->tv_sec * 1000000000U + (uint64_t)time->tv_nsec);
}

struct dir_identity dir_identity_of(const struct stat *status)
{
    return (struct dir_identity){status->st_dev, status->st_ino, status->st_size,
                                 to_ns(&status->st_mtim), to_ns(&status->st_ctim)};
}

struct dir_file *dir_index_file(struct dir_index *index, const char *path)
{
    struct dir_file *file = strmap_get(index->files, path);
    if (file)
        return file;
    file = xcalloc(1, sizeof(*file));
    strmap_set(index->files, path, file);
    file->path = strmap_key(index->files, path);
    return file;
}

/* ---- holders ---- */

char *dir_index_name(enum object_kind kind, const char *key)
{
    return xasprintf("%d %s", (int)kind, key);
}

struct dir_holder *dir_index_find(const struct dir_index *index, enum object_kind kind,
                                  const char *key)
{
    CLEANUP(freep) char *name = dir_index_name(kind, key);
    return strmap_get(index->holders, name);
}

void dir_index_mark(struct dir_index *index, struct dir_holder *holder)
{
    if (holder->is_marked)
        return;
    holder->is_marked = true;
    index->marked =
        xgrow(index->marked, index->marked_count, &index->marked_capacity, sizeof(*index->marked));
    index->marked[index->marked_count++] = holder;
}

struct dir_holder *dir_index_next(struct dir_index *index)
{
    if (index->marked_next == index->marked_count) {
        free(TAKE(index->marked));
        index->marked_next = index->marked_count = index->marked_capacity = 0;
        return NULL;
    }
    struct dir_holder *holder = index->marked[index->marked_next++];
    if (!holder)
        return dir_index_next(index); /* it was dropped */
    holder->is_marked = false;
    return holder;
}

void dir_index_drop(struct dir_index *index, struct dir_holder *holder)
{
    CLEANUP(freep) char *name = dir_index_name(holder->kind, holder->key);
    for (size_t i = index->marked_next; holder->is_marked && i < index->marked_count; i++) {
        if (index->marked[i] == holder)
            index->marked[i] = NULL;
    }
    strmap_remove(index->holders, name);
}

/* The holder of an object, made when it is not known. */
static struct dir_holder *holder_of(struct dir_index *index, enum object_kind kind, const char *key)
{
    struct dir_holder *holder = dir_index_find(index, kind, key);
    if (holder)
        return holder;
    holder = xcalloc(1, sizeof(*holder));
    holder->kind = kind;
    CLEANUP(freep) char *name = dir_index_name(kind, key);
    strmap_set(index->holders, name, holder);
    holder->key = strchr(strmap_key(index->holders, name), ' ') + 1;
    return holder;
}

static void add_place(struct dir_index *index, struct dir_place *place)
{
    struct dir_holder *holder = place->holder;
    place->next = holder->places;
    holder->places = place;
    holder->place_count++;
    dir_index_mark(index, holder);
}

static void remove_place(struct dir_index *index, const struct dir_place *place)
{
    struct dir_holder *holder = place->holder;
    struct dir_place **at = &holder->places;
    while (*at && *at != place)
        at = &(*at)->next;
    if (!*at)
        return;
    *at = place->next;
    holder->place_count--;
    dir_index_mark(index, holder);
}

/* ---- files ---- */

static void set_broken(struct dir_index *index, struct dir_file *file, char *cause)
{
    bool same = str_equal(file->broken, cause);
    index->broken_count += cause != NULL;
    index->broken_count -= file->broken != NULL;
    free(file->broken);
    file->broken = cause;
    for (size_t i = 0; !same && i < file->place_count; i++)
        dir_index_mark(index, file->places[i].holder);
}

static void set_hidden(struct dir_index *index, struct dir_file *file,
                       const struct manifest_problem *problem)
{
    index->hiding_count += problem != NULL;
    index->hiding_count -= file->hidden != NULL;
    free(TAKE(file->hidden));
    if (!problem)
        return;
    struct buf text;
    buf_init(&text, BUF_UNLIMITED);
    manifest_problem_print(problem, &text);
    file->hidden = buf_take(&text);
}

void dir_index_break(struct dir_index *index, struct dir_file *file, char *cause)
{
    set_broken(index, file, cause);
}

static void clear_places(struct dir_index *index, struct dir_file *file)
{
    for (size_t i = 0; i < file->place_count; i++)
        remove_place(index, &file->places[i]);
    places_free(file->places, file->place_count);
    file->places = NULL;
    file->place_count = 0;
}

void dir_index_set(struct dir_index *index, struct dir_file *file, struct manifests *manifests)
{
    set_broken(index, file, NULL);
    set_hidden(index, file, manifests_first_hiding(manifests));
    clear_places(index, file);
    file->places = xcalloc(manifests->count, sizeof(*file->places));
    file->place_count = (uint32_t)manifests->count & INT32_MAX; /* no file is that large */
    for (size_t i = 0; i < manifests->count; i++) {
        struct manifest *manifest = &manifests->items[i];
        struct object *object = TAKE(manifest->object);
        file->places[i] = (struct dir_place){
            .file = file,
            .holder = holder_of(index, object->kind, object->key),
            .line = manifest->line,
            .problem = object->problem ? xstrdup(object->problem) : NULL,
            .fresh = object,
        };
        add_place(index, &file->places[i]);
    }
}

void dir_index_remove(struct dir_index *index, struct dir_file *file)
{
    clear_places(index, file);
    set_hidden(index, file, NULL);
    index->broken_count -= file->broken != NULL;
    CLEANUP(freep) char *path = xstrdup(file->path);
    strmap_remove(index->files, path);
}

const char *dir_index_broken(const struct dir_index *index)
{
    if (!index->broken_count && !index->hiding_count)
        return NULL;
    for (struct strmap_entry *e = strmap_first(index->files); e; e = strmap_next(e)) {
        const struct dir_file *file = strmap_entry_value(e);
        if (file->broken || file->hidden)
            return file->broken ? file->broken : file->hidden;
    }
    return NULL;
}

size_t dir_index_told(const struct dir_index *index, enum object_kind kind)
{
    size_t count = 0;
    for (struct strmap_entry *e = strmap_first(index->holders); e; e = strmap_next(e)) {
        const struct dir_holder *holder = strmap_entry_value(e);
        count += holder->kind == kind && holder->is_told;
    }
    return count;
}
