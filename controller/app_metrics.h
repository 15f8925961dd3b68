/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"
#include "net/loop.h"
#include "reconcile/reconciler.h"

/* Appends all metrics. `reconciler` is NULL before the start is over. */
void app_metrics_add(const struct loop *loop, const struct reconciler *reconciler, struct buf *out);
