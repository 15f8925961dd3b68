/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A folder as the world: manifests are its objects, the state folder remembers the rest. One
 * process at a time has the state folder (a lock), so it leads from the start to its end.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "dir/dir_source.h"
#include "dir/dir_state.h"
#include "dir/dir_store.h"
#include "world.h"

struct world_dir {
    struct world base;
    struct loop *loop;
    struct dir_state *state;
    struct world_callbacks callbacks;
    void *arg;
};

static void tell_ready(void *arg)
{
    struct world_dir *world = arg;
    world->callbacks.ready(world->arg, NULL);
    world->callbacks.leading(world->arg);
}

/* The source and the store first: both use the state. */
static void free_dir(struct world *base)
{
    struct world_dir *world = (struct world_dir *)(void *)base;
    loop_defer_cancel(world->loop, tell_ready, world);
    if (base->source)
        base->source->ops->free(base->source);
    if (base->store)
        base->store->ops->free(base->store);
    dir_state_free(world->state);
    free(base->cluster);
    free(base->own_ns);
    explicit_bzero(&base->seal_key, sizeof(base->seal_key));
    free(world);
}

static const char *fault(const struct world *world)
{
    return world->source ? dir_source_fault(world->source) : NULL;
}

static const struct world_ops ops = {.free = free_dir, .fault = fault};

static int open_all(struct world_dir *world, const struct config *config, struct packing *packing,
                    struct err *err)
{
    CLEANUP(freep)
    char *state_path = config->state_dir ? xstrdup(config->state_dir)
                                         : xasprintf("%s/.grapnel", config->source_path);
    struct dir_source_options options = {
        .path = config->source_path, .confirm_prune = config->confirm_prune, .packing = packing};
    /* A folder that is not there is a mistake; a state folder in it would hide that. */
    if (dir_source_check(config->source_path, err) < 0 ||
        dir_state_open(state_path, &world->state, err) < 0 ||
        dir_source_new(world->loop, world->state, &options, &world->base.source, err) < 0)
        return -1;
    world->base.store = dir_store_new(world->loop, world->state);
    world->base.seal_key = *dir_state_seal_key(world->state);
    world->base.cluster = xstrdup(dir_state_id(world->state));
    world->base.own_ns = xstrdup("default");
    return 0;
}

struct world *world_open_dir(struct loop *loop, const struct config *config,
                             struct packing *packing, const struct world_callbacks *callbacks,
                             void *arg, struct err *err)
{
    struct world_dir *world = xcalloc(1, sizeof(*world));
    *world = (struct world_dir){
        .base = {.ops = &ops}, .loop = loop, .callbacks = *callbacks, .arg = arg};
    if (open_all(world, config, packing, err) < 0) {
        free_dir(&world->base);
        return NULL;
    }
    loop_defer(loop, tell_ready, world);
    return &world->base;
}
