/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <sys/queue.h>

#include "base/bytes.h"
#include "ports/loop.h"

/*
 * Documents that a look has built to find out whether they have to be pushed, kept for the gateways
 * to ask for: mostly they do at once, and building one costs more than sending it. Each is asked
 * for once, by the first gateway of several; it goes after a while if it is not, or when what it
 * was made of does.
 */
struct api_state;
struct document;

struct documents {
    struct loop *loop;
    struct loop_timer *timer;
    TAILQ_HEAD(document_list, document) list; /* the oldest first */
    size_t bytes;
};

void documents_init(struct documents *documents, struct loop *loop);
void documents_fini(struct documents *documents);
/* Takes the document out of the buffer, if there is room: those that came before are asked for
 * before. What was kept for the API before goes. */
void documents_put(struct documents *documents, struct api_state *state, struct buf *built);
/* Returns owned, and keeps it no longer; NULL: there is none. */
struct bytes *documents_take(struct documents *documents, struct api_state *state);
void documents_drop(struct documents *documents, struct api_state *state);
