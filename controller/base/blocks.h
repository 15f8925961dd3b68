/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "base/span.h"

/*
 * Blocks of memory that may be moved, so that what comes and goes in ever other sizes leaves no
 * holes: malloc(3), which cannot move what it has given, keeps a fifth of a heap of packed objects
 * free after each of them has been replaced a few times. At most an eighth is free here, and 256
 * KB, for a copy of at most seven bytes for each that goes. Blocks beyond 16 KB have pages of their
 * own.
 */
struct blocks;

/* Returns owned. */
struct blocks *blocks_new(void);
/* All its blocks must be gone. */
void blocks_free(struct blocks *blocks);

/* Makes a block of these bytes (at least one) and lets *owner point to it, now and whenever it is
 * moved: when another one goes or comes. `owner` stays where it is until blocks_drop(). */
void blocks_put(struct blocks *blocks, void **owner, struct span bytes);
/* The block goes; *owner is NULL then. */
void blocks_drop(struct blocks *blocks, void **owner);
