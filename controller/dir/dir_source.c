/* SPDX-License-Identifier: Apache-2.0 */
/*
 *            event or poll             settled              found            read
 *   IDLE ───────────────────► SETTLING ───────► WALKING ───────► READING ───────► TELLING ──► IDLE
 *                                 │   only some files changed      ▲                 │
 *                                 └────────────────────────────────┘◄────────────────┘
 *                                                              a file has to be read again
 *
 * Each phase runs in slices at the end of the loop's rounds. What happens meanwhile is remembered
 * and makes the next pass.
 */
#include "dir/dir_source.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/log.h"
#include "dir/dir_pass.h"
#include "dir/file.h"

#define SETTLE_MS 1000
#define SETTLE_MOST_MS 5000 /* when changes never cease */
#define POLL_MS 5000        /* is the folder still the same one? */
#define POLLS_PER_LOOK 12   /* then everything is looked at */

static void work(void *arg);
static void begin_pass(struct dir_source *source);

static struct dir_source *source_of(struct object_source *base)
{
    return (struct dir_source *)(void *)base; /* its first member */
}

/* ---- something happens ---- */

static void schedule(struct dir_source *source)
{
    int64_t now = loop_now(source->loop);
    if (source->first_change < 0)
        source->first_change = now;
    int64_t left = source->first_change + SETTLE_MOST_MS - now;
    loop_timer_arm(source->settle, left < SETTLE_MS ? left : SETTLE_MS);
}

static void on_changed(void *arg, const char *path)
{
    struct dir_source *source = arg;
    if (path)
        strset_add(source->changed, path);
    else
        source->look_at_all = true;
    schedule(source);
}

static void on_settled(void *arg)
{
    struct dir_source *source = arg;
    if (source->phase == PHASE_IDLE)
        begin_pass(source);
    /* Else the end of the pass at hand begins the next one. */
}

static bool root_is_another(const struct dir_source *source)
{
    struct stat status;
    return stat(source->path, &status) < 0 || status.st_dev != source->root.st_dev ||
           status.st_ino != source->root.st_ino;
}

static void on_poll(void *arg)
{
    struct dir_source *source = arg;
    loop_timer_arm(source->poll, POLL_MS);
    bool due = ++source->polls % POLLS_PER_LOOK == 0 || source->is_partial || !source->watch ||
               dir_watch_is_partial(source->watch) || root_is_another(source);
    if (!due || source->phase != PHASE_IDLE || source->first_change >= 0)
        return;
    source->look_at_all = true;
    begin_pass(source);
}

/* ---- a pass ---- */

static void begin_pass(struct dir_source *source)
{
    loop_timer_disarm(source->settle);
    source->first_change = -1;
    dir_look_begin(source);
    loop_defer(source->loop, work, source);
}

static void work(void *arg)
{
    struct dir_source *source = arg;
    switch (source->phase) {
    case PHASE_WALKING:
        dir_look_step_walk(source);
        break;
    case PHASE_READING:
        dir_look_step_read(source);
        if (source->phase == PHASE_TELLING)
            dir_tell_begin(source);
        break;
    case PHASE_TELLING:
        dir_tell_step(source);
        break;
    case PHASE_IDLE:
        dir_tell_followed(source);
        return;
    }
    if (source->phase != PHASE_IDLE)
        loop_defer(source->loop, work, source);
    else if (source->first_change >= 0 && !loop_timer_is_armed(source->settle))
        begin_pass(source);
}

/* ---- the port ---- */

static void start(struct object_source *base, const enum object_kind *kinds, size_t count,
                  const struct object_sink *sink, void *arg)
{
    struct dir_source *source = source_of(base);
    source->sink = sink;
    source->arg = arg;
    for (size_t i = 0; i < count; i++)
        source->wanted[kinds[i]] = true;
    source->look_at_all = true;
    loop_timer_arm(source->poll, POLL_MS);
    begin_pass(source);
}

static void follow(struct object_source *base, enum object_kind kind, const char *key)
{
    struct dir_source *source = source_of(base);
    CLEANUP(freep) char *name = dir_index_name(kind, key);
    strset_add(source->followed, name);
    strset_add(source->unanswered, name);
    if (source->was_listed && source->phase == PHASE_IDLE)
        loop_defer(source->loop, work, source);
}

static void unfollow(struct object_source *base, enum object_kind kind, const char *key)
{
    struct dir_source *source = source_of(base);
    CLEANUP(freep) char *name = dir_index_name(kind, key);
    strmap_remove(source->followed, name);
    strmap_remove(source->unanswered, name);
}

static void relist(struct object_source *base, enum object_kind kind)
{
    (void)kind;
    on_changed(source_of(base), NULL);
}

static bool stands(struct object_source *base, enum object_kind kind, int64_t since)
{
    (void)base;
    (void)kind;
    (void)since;
    return true;
}

static bool watches(const struct object_source *base, const char *ns)
{
    (void)base;
    (void)ns;
    return true;
}

static void source_free(struct object_source *base)
{
    struct dir_source *source = source_of(base);
    if (!source)
        return;
    loop_defer_cancel(source->loop, work, source);
    loop_timer_free(source->settle);
    loop_timer_free(source->poll);
    dir_watch_free(source->watch);
    walk_free(source->walk);
    manifest_file_free(source->reading);
    dir_look_drop_queue(source);
    manifests_fini(&source->read);
    dir_index_fini(&source->index);
    schemas_free(source->schemas);
    strmap_free(source->changed);
    strmap_free(source->to_read);
    strmap_free(source->gone);
    strmap_free(source->followed);
    strmap_free(source->unanswered);
    strmap_free(source->warned);
    strmap_free(source->passed_over);
    free(source->path);
    free(source);
}

static const struct object_source_ops ops = {
    .start = start,
    .follow = follow,
    .unfollow = unfollow,
    .relist = relist,
    .stands = stands,
    .watches = watches,
    .free = source_free,
};

const char *dir_source_fault(const struct object_source *base)
{
    const struct dir_source *source = (const struct dir_source *)(const void *)base;
    return source->is_troubled ? source->trouble.msg : NULL;
}

int dir_source_check(const char *path, struct err *err)
{
    struct stat status;
    if (stat(path, &status) < 0) {
        (void)file_fault(err, errno, path);
        return err_wrap(err, "the folder of the manifests");
    }
    if (!S_ISDIR(status.st_mode))
        return err_set(err, ERR_INVALID, 0, "%s is no folder (--source dir:PATH names one)", path);
    return 0;
}

int dir_source_new(struct loop *loop, struct dir_state *state,
                   const struct dir_source_options *options, struct object_source **ret_source,
                   struct err *err)
{
    struct schemas *schemas = NULL;
    if (dir_source_check(options->path, err) < 0 || schemas_new(&schemas, err) < 0)
        return -1;
    struct dir_source *source = xcalloc(1, sizeof(*source));
    *source = (struct dir_source){
        .base = {.ops = &ops},
        .loop = loop,
        .state = state,
        .path = xstrdup(options->path),
        .confirm_prune = options->confirm_prune,
        .packing = options->packing,
        .schemas = schemas,
        .first_change = -1,
        .changed = strset_new(),
        .to_read = strset_new(),
        .gone = strset_new(),
        .followed = strset_new(),
        .unanswered = strset_new(),
        .warned = strset_new(),
    };
    dir_index_init(&source->index);
    source->settle = loop_timer_new(loop, on_settled, source);
    source->poll = loop_timer_new(loop, on_poll, source);
    struct err watch_err;
    if (dir_watch_new(loop, on_changed, source, &source->watch, &watch_err) < 0)
        log_warn("the folder cannot be watched, it is looked through every 5 s", .err = &watch_err);
    *ret_source = &source->base;
    return 0;
}
