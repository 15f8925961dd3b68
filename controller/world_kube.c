/* SPDX-License-Identifier: Apache-2.0 */
#include "world.h"
void world_free(struct world *world)
{
    if (world)
        world->ops->free(world);
}
struct world *world_open_kube(struct loop *loop, struct http *http, const struct config *config,
                              world_ready_fn *ready, void *arg, struct err *err)
{
    (void)loop; (void)http; (void)config; (void)ready; (void)arg;
    err_set(err, ERR_INVALID, 0, "not there yet");
    return NULL;
}
