/* SPDX-License-Identifier: Apache-2.0 */
/* The second half of a pass: what has changed is told, and what is gone if that is certain. */
#include "dir/dir_pass.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "core/packing.h"
#include "core/plan.h"

#define TOLD_PER_SLICE 100

/* ---- objects ---- */

static bool is_wanted(const struct dir_source *source, enum object_kind kind, const char *key)
{
    CLEANUP(freep) char *name = dir_index_name(kind, key);
    return source->wanted[kind] || strmap_has(source->followed, name);
}

static void put(struct dir_source *source, const struct object *object)
{
    if (object && is_wanted(source, object->kind, object->key))
        source->sink->put(source->arg, object);
}

static bool same_digest(const struct digest *a, const struct digest *b)
{
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

static void note_taken(struct dir_holder *holder, const struct dir_place *taken)
{
    for (struct dir_place *place = holder->places; place; place = place->next)
        place->is_taken = place == taken;
}

/* Takes the manifest of a place over; false when its text is not there any more: the file is to be
 * read again. */
static bool take_over(struct dir_source *source, struct dir_holder *holder, struct dir_place *place)
{
    CLEANUP(object_unrefp) struct object *fresh = TAKE(place->fresh);
    const struct object *current = dir_state_get(source->state, holder->kind, holder->key);
    bool is_known = current && holder->is_told;
    if (!fresh)
        return is_known && place->is_taken;
    struct digest content = digest_of(object_text(fresh).ptr, object_text(fresh).length);
    note_taken(holder, place);
    if (is_known && same_digest(&holder->content, &content))
        return true;
    packing_add(source->packing, dir_state_put(source->state, fresh, loop_wall_time(source->loop)));
    holder->content = content;
    return true;
}

static bool is_before(const struct dir_place *a, const struct dir_place *b)
{
    int files = strcmp(a->file->path, b->file->path);
    return files ? files < 0 : a->line < b->line;
}

/* The first place in the order of files and lines, but for one (NULL: none). */
static struct dir_place *first_place(const struct dir_holder *holder, const struct dir_place *but)
{
    struct dir_place *first = NULL;
    for (struct dir_place *place = holder->places; place; place = place->next) {
        if (place != but && (!first || is_before(place, first)))
            first = place;
    }
    return first;
}

/* Returns owned: why an object that stands twice is refused. */
static char *repeated_problem(const struct dir_holder *holder)
{
    const struct dir_place *first = first_place(holder, NULL);
    const struct dir_place *second = first_place(holder, first);
    return xasprintf("%s:%u: metadata.name: %s %s stands twice, also at %s:%u (remove or rename "
                     "one of them)",
                     first->file->path, first->line, object_kind_name(holder->kind), holder->key,
                     second->file->path, second->line);
}

static void tell_repeated(struct dir_source *source, struct dir_holder *holder)
{
    CLEANUP(freep) char *problem = repeated_problem(holder);
    if (!dir_state_get(source->state, holder->kind, holder->key))
        (void)take_over(source, holder, first_place(holder, NULL));
    for (struct dir_place *place = holder->places; place; place = place->next)
        object_unref(TAKE(place->fresh));
    log_error("a manifest is refused", .kind = object_kind_name(holder->kind), .key = holder->key,
              .reason = "InvalidSpec", .detail = problem);
    put(source, dir_state_set_problem(source->state, holder->kind, holder->key, problem));
    holder->is_told = true;
}

static void tell_holder(struct dir_source *source, struct dir_holder *holder)
{
    if (holder->place_count > 1) {
        tell_repeated(source, holder);
        return;
    }
    if (!holder->place_count) {
        CLEANUP(freep) char *name = dir_index_name(holder->kind, holder->key);
        if (holder->is_told)
            strset_add(source->gone, name);
        else
            dir_index_drop(&source->index, holder);
        return;
    }
    struct dir_place *place = holder->places;
    if (!take_over(source, holder, place)) {
        place->file->is_known = false;
        strset_add(source->to_read, place->file->path);
        return;
    }
    const char *problem = place->file->broken ? place->file->broken : place->problem;
    put(source, dir_state_set_problem(source->state, holder->kind, holder->key, problem));
    holder->is_told = true;
}

/* ---- what is gone ---- */

static struct dir_holder *gone_holder(const struct dir_source *source,
                                      const struct strmap_entry *entry)
{
    return strmap_get(source->index.holders, strmap_entry_key(entry));
}

static size_t count_gone(const struct dir_source *source, enum object_kind kind)
{
    size_t count = 0;
    for (struct strmap_entry *e = strmap_first(source->gone); e; e = strmap_next(e)) {
        const struct dir_holder *holder = gone_holder(source, e);
        count += holder && !holder->place_count && holder->kind == kind;
    }
    return count;
}

static void tell_missing(struct dir_source *source, enum object_kind kind, const char *key)
{
    struct err err;
    err_set(&err, ERR_NOT_FOUND, 0, "no %s %s among the manifests", object_kind_name(kind), key);
    source->sink->missing(source->arg, kind, key, &err);
}

static void tell_gone(struct dir_source *source, struct dir_holder *holder)
{
    CLEANUP(freep) char *name = dir_index_name(holder->kind, holder->key);
    if (strmap_has(source->followed, name))
        tell_missing(source, holder->kind, holder->key);
    else if (source->wanted[holder->kind])
        source->sink->gone(source->arg, holder->kind, holder->key, NULL);
    dir_state_remove(source->state, holder->kind, holder->key);
    dir_index_drop(&source->index, holder);
}

/* Objects that stand nowhere are gone, if everything was seen and they are not too many. Else they
 * stay until that is so. */
static void tell_all_gone(struct dir_source *source)
{
    CLEANUP(freep) const char **names = strmap_sorted_keys(source->gone);
    for (size_t i = 0; names[i]; i++) {
        struct dir_holder *holder = strmap_get(source->index.holders, names[i]);
        if (holder && !holder->place_count)
            tell_gone(source, holder);
    }
    strmap_clear(source->gone);
}

/* ---- what went while nobody looked ---- */

struct lost {
    struct strmap *names; /* of holders */
    size_t apis;
};

static void on_lost(void *arg, enum object_kind kind, const char *key)
{
    struct lost *lost = arg;
    CLEANUP(freep) char *name = dir_index_name(kind, key);
    strset_add(lost->names, name);
    lost->apis += kind == OBJECT_API;
}

/* What the state remembers and the folder does not have. */
static void find_lost(const struct dir_source *source, struct lost *ret_lost)
{
    *ret_lost = (struct lost){.names = strset_new()};
    if (!source->lost_is_known)
        dir_state_visit_lost(source->state, on_lost, ret_lost);
}

/* It is gone: the folder is whole, and it is not too much. */
static void forget_lost(struct dir_source *source, const struct lost *lost)
{
    for (struct strmap_entry *e = strmap_first(lost->names); e; e = strmap_next(e)) {
        char *key = NULL;
        long long kind = strtoll(strmap_entry_key(e), &key, 10);
        dir_state_remove(source->state, (enum object_kind)kind, key + 1);
    }
    source->lost_is_known = true;
}

/* ---- trouble ---- */

static void tell_trouble(struct dir_source *source, const struct err *err)
{
    for (size_t kind = 0; kind < OBJECT_KIND_COUNT; kind++) {
        if (source->wanted[kind])
            source->sink->trouble(source->arg, (enum object_kind)kind, err);
    }
    if (!source->is_troubled)
        log_warn("the folder is not whole, nothing is deleted", .detail = source->path, .err = err);
    source->is_troubled = true;
    source->trouble = *err;
}

static void end_trouble(struct dir_source *source)
{
    if (!source->is_troubled)
        return;
    source->is_troubled = false;
    log_info("the folder is whole again", .detail = source->path);
    for (size_t kind = 0; kind < OBJECT_KIND_COUNT; kind++) {
        if (source->wanted[kind])
            source->sink->resumed(source->arg, (enum object_kind)kind);
    }
}

/* True when something keeps the pass from being the whole truth. */
static bool find_trouble(struct dir_source *source, const struct lost *lost, struct err *ret_err)
{
    const char *broken = dir_index_broken(&source->index);
    size_t gone = count_gone(source, OBJECT_API) + lost->apis;
    size_t all = gone ? dir_index_told(&source->index, OBJECT_API) + lost->apis : 0;
    if (source->is_partial) {
        *ret_err = source->fault;
        return true;
    }
    if (broken) {
        err_set(ret_err, ERR_TRANSIENT, 0, "%s", broken);
        return true;
    }
    if (plan_is_mass_deletion_in_folder(gone, all) && !source->confirm_prune) {
        err_set(ret_err, ERR_TRANSIENT, 0,
                "MassDeletion: %zu of %zu ApiDefinitions are gone from %s at once (restore them, "
                "or run with --confirm-prune)",
                gone, all, source->path);
        return true;
    }
    return false;
}

/* ---- the first pass ---- */

static void tell_lists(struct dir_source *source, void (*tell)(void *arg, enum object_kind kind))
{
    for (size_t kind = 0; kind < OBJECT_KIND_COUNT; kind++) {
        if (source->wanted[kind])
            tell(source->arg, (enum object_kind)kind);
    }
}

/* ---- the end of a pass ---- */

/* What is answered may lead to more questions. */
void dir_tell_followed(struct dir_source *source)
{
    const struct strmap_entry *next;
    while ((next = strmap_first(source->unanswered))) {
        CLEANUP(freep) char *name = xstrdup(strmap_entry_key(next));
        char *key = NULL;
        long long kind = strtoll(name, &key, 10);
        const struct object *object = dir_state_get(source->state, (enum object_kind)kind, key + 1);
        strmap_remove(source->unanswered, name);
        if (object)
            put(source, object);
        else
            tell_missing(source, (enum object_kind)kind, key + 1);
    }
}

static void finish_pass(struct dir_source *source)
{
    struct err err;
    struct lost lost;
    find_lost(source, &lost);
    bool troubled = find_trouble(source, &lost, &err);
    bool first = !source->was_listed;
    source->was_listed = true;
    if (!troubled)
        tell_all_gone(source);
    if (first)
        tell_lists(source, source->sink->end);
    if (!troubled)
        forget_lost(source, &lost);
    strmap_free(lost.names);
    if (troubled)
        tell_trouble(source, &err);
    else
        end_trouble(source);
    dir_tell_followed(source);
    source->phase = PHASE_IDLE;
}

/* The folder itself could not be read, and never was: there is no list to tell. */
static bool nothing_was_seen(const struct dir_source *source)
{
    return !source->was_listed && source->is_partial && !strmap_count(source->index.files);
}

void dir_tell_step(struct dir_source *source)
{
    if (nothing_was_seen(source)) {
        tell_trouble(source, &source->fault);
        source->phase = PHASE_IDLE;
        return;
    }
    for (int i = 0; i < TOLD_PER_SLICE; i++) {
        struct dir_holder *holder = dir_index_next(&source->index);
        if (holder) {
            tell_holder(source, holder);
            continue;
        }
        if (strmap_count(source->to_read))
            source->phase = PHASE_READING;
        else
            finish_pass(source);
        return;
    }
}

void dir_tell_begin(struct dir_source *source)
{
    if (source->was_listed || source->is_listing || nothing_was_seen(source))
        return;
    source->is_listing = true;
    tell_lists(source, source->sink->begin);
}
