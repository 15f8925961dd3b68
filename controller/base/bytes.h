/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "base/buf.h"
#include "base/span.h"

/*
 * Bytes that do not change any more and belong to all who hold a reference: a body is sent to many
 * gateways, and again when a connection has broken. A NUL stands behind them.
 */
struct bytes {
    const char *data;
    size_t length;
    /* private */
    unsigned refs;
};

/* Returns owned (one reference): what is in the buffer, which is empty then. */
struct bytes *bytes_take(struct buf *buf);
/* The same of a copy. */
struct bytes *bytes_copy(struct span text);
/* Returns owned: one reference more. */
struct bytes *bytes_ref(struct bytes *bytes);
/* NULL is fine. */
void bytes_unref(struct bytes *bytes);
void bytes_unrefp(struct bytes **bytes);

struct span bytes_span(const struct bytes *bytes);
