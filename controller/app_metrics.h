/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"
#include "net/loop.h"
#include "replica.h"
#include "world.h"

/* Appends all metrics. `world` and `replica` are NULL before there are any. */
void app_metrics_add(const struct loop *loop, const struct world *world,
                     const struct replica *replica, struct buf *out);
