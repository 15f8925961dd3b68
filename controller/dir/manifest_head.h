/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/span.h"
#include "core/object.h"

/*
 * Which objects a document holds and whether they are ours, by apiVersion and kind. Private to
 * dir/manifest*.c.
 */
enum manifest_verdict { MANIFEST_OURS, MANIFEST_FOREIGN, MANIFEST_WRONG };

struct manifest_head {
    struct span item;
    enum manifest_verdict verdict;
    enum object_kind kind;
    char *api_version;
    /* Why it is not ours. */
    const char *at; /* in the text */
    const char *field;
    char *message;
    char *hint; /* NULL: none */
    /* It may be an object of ours: what is absent may stand here. */
    bool hides;
};

struct manifest_heads {
    struct manifest_head *items;
    size_t count;
    size_t capacity;
};

/* The document itself, or the elements of a List of any kind. */
void manifest_heads_read(struct span document, struct manifest_heads *ret_heads);
void manifest_heads_fini(struct manifest_heads *heads);
