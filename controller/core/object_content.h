/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sys/queue.h>

#include "core/object.h"

/* What core/object.c and core/packing.c share: nobody else includes it. */
struct object_content {
    struct object *object;
    TAILQ_ENTRY(object_content) entry; /* of those that are open, in a packing */
    char text[];                       /* NUL behind it */
};

/* The content of an object of the packing, opened if need be. */
const struct object_content *packing_open(struct packing *packing, struct object *object);
/* The object goes. */
void packing_remove(struct packing *packing, struct object *object);
