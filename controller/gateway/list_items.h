/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/span.h"

/* Splits a JSON array into its elements while the bytes arrive. */
struct list_items {
    struct buf item;
    void (*fn)(void *arg, struct span item);
    void *arg;
    unsigned depth;
    bool in_string;
    bool escaped;
    bool begun;
    bool ended;
};

void list_items_init(struct list_items *items, void (*fn)(void *arg, struct span item), void *arg);
void list_items_fini(struct list_items *items);
/* False: not a list, or an element over the limit. */
bool list_items_feed(struct list_items *items, const char *bytes, size_t length);
/* Has the whole list been seen? */
bool list_items_done(const struct list_items *items);
