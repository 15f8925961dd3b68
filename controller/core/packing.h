/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "core/object.h"

/*
 * Keeps the contents of objects packed while nobody looks at them: with thousands of objects their
 * texts are most of the memory. A few hundred are never packed: that would cost more than it gives,
 * most of all while many change. Of more, what was looked at last stays open, so that an object
 * that is replaced soon was not packed in vain.
 *
 * A content opens when object_text() and the like ask for it, and closes in packing_rest() at the
 * earliest. So whoever holds a span of an object's text does so within one callback of the loop.
 */
struct packing;

/* Nothing is packed while all contents together are at most `whole_max` bytes; beyond that,
 * `open_max` bytes of them stay open. Returns owned. */
struct packing *packing_new(size_t whole_max, size_t open_max);
/* All objects that were given to it must be gone. */
void packing_free(struct packing *packing);

/* The object may be packed from now on; one that was given before is left alone. NULL for packing
 * is fine: nothing is packed. */
void packing_add(struct packing *packing, const struct object *object);
/* Closes what is too much of a packing. Between two callbacks only: see above. */
void packing_rest(void *arg);
