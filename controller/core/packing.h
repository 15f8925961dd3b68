/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "core/object.h"

/*
 * Keeps the contents of objects packed while nobody looks at them: with thousands of objects their
 * texts are most of the memory. What was looked at last stays open, so an installation of a few
 * hundred objects never packs anything, and an object that is replaced soon was not packed in vain.
 *
 * A content opens when object_text() and the like ask for it, and closes in packing_rest() at the
 * earliest. So whoever holds a span of an object's text does so within one callback of the loop.
 */
struct packing;

/* `open_max`: so many bytes of contents stay open. Returns owned. */
struct packing *packing_new(size_t open_max);
/* All objects that were given to it must be gone. */
void packing_free(struct packing *packing);
void packing_freep(struct packing **packing);

/* The object may be packed from now on; one that was given before is left alone. NULL for packing
 * is fine: nothing is packed. */
void packing_add(struct packing *packing, const struct object *object);
/* Closes what is too much of a packing. Between two callbacks only: see above. */
void packing_rest(void *arg);
