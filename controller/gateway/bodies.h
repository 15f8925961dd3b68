/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "ports/loop.h"

/*
 * Bodies built lately, markers and all: the endpoints of a context push the same ones at about the
 * same time, and building one costs more than sending it. Before the first endpoint asks there is
 * the document alone, which was built to find out whether it has to be pushed. A body goes when
 * every endpoint has had it, when there are too many of them, or when none has been asked for a
 * while.
 */
struct place;

struct body {
    struct place *place; /* its `body` points back */
    uint64_t fingerprint;
    bool is_document; /* without a marker */
    unsigned n;
    size_t uses;
    struct bytes *bytes;
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
/* Returns owned: the place's body with this n; NULL: it is not here. Counts as one of `uses` that
 * it will have. */
struct bytes *bodies_get(struct bodies *bodies, struct place *place, unsigned n, size_t uses);
/* Returns owned: the place's document; NULL: it is not here. */
struct bytes *bodies_get_document(const struct place *place);
/* Keeps a reference; what was kept of the place before goes. */
void bodies_put(struct bodies *bodies, struct place *place, unsigned n, struct bytes *bytes);
/* The same of a document; takes it out of the buffer, if there is room for it: those that came
 * before are asked for before. */
void bodies_put_document(struct bodies *bodies, struct place *place, struct buf *document);
void bodies_drop(struct bodies *bodies, struct place *place);
