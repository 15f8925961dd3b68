/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "ports/loop.h"

/*
 * Bodies built lately, markers and all: the endpoints of a context push the same ones at about the
 * same time, and building one costs more than sending it. A body goes when every endpoint has had
 * it, when there are too many of them, or when it has not been asked for for a while.
 */
struct place;

struct body {
    struct place *place; /* its `body` points back */
    uint64_t fingerprint;
    unsigned n;
    size_t uses;
    int64_t used_ms;
    struct bytes *bytes;
    struct body *next; /* used after this one */
    struct body *before;
};

struct bodies {
    struct loop *loop;
    struct loop_timer *timer;
    struct body *first;
    struct body *last;
    size_t bytes;
};

void bodies_init(struct bodies *bodies, struct loop *loop);
void bodies_fini(struct bodies *bodies);
/* Returns owned: the place's body with this n; NULL: it is not here. Counts as one of `uses` that
 * it will have. */
struct bytes *bodies_get(struct bodies *bodies, struct place *place, unsigned n, size_t uses);
/* Keeps a reference; what was kept of the place before goes. */
void bodies_put(struct bodies *bodies, struct place *place, unsigned n, struct bytes *bytes);
void bodies_drop(struct bodies *bodies, struct place *place);
