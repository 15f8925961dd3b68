/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "ports/loop.h"

/*
 * Bodies built lately, markers and all: the endpoints of a context push the same ones at about the
 * same time, and building one costs more than sending it. A body goes when every endpoint has had
 * it, when there are too many of them, or when none has been asked for a while.
 */
struct place;

struct body {
    struct place *place; /* its `body` points back */
    uint64_t fingerprint;
    unsigned n;
    size_t uses;
    struct buf bytes;
    struct body *next; /* made after this one */
    struct body *before;
};

struct bodies {
    struct loop_timer *timer;
    struct body *first;
    struct body *last;
    size_t bytes;
};

void bodies_init(struct bodies *bodies, struct loop *loop);
void bodies_fini(struct bodies *bodies);
/* Appends the place's body with this n; false: it is not here. Counts as one of `uses` that it will
 * have. */
bool bodies_get(struct bodies *bodies, struct place *place, unsigned n, size_t uses,
                struct buf *out);
/* Keeps a copy; what was kept of the place before goes. */
void bodies_put(struct bodies *bodies, struct place *place, unsigned n, const struct buf *bytes);
void bodies_drop(struct bodies *bodies, struct place *place);
