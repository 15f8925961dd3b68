/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/documents.h"

#include <stdlib.h>

#include "base/mem.h"
#include "reconcile/state.h"

#define BYTES_MAX (4U << 20)
#define KEPT_MS 10000

struct document {
    struct api_state *state; /* its `document` points back */
    struct bytes *bytes;
    int64_t made_ms;
    TAILQ_ENTRY(document) entry;
};

static void on_timer(void *arg)
{
    struct documents *documents = arg;
    int64_t now = loop_now(documents->loop);
    struct document *oldest;
    while ((oldest = TAILQ_FIRST(&documents->list)) && now - oldest->made_ms >= KEPT_MS)
        documents_drop(documents, oldest->state);
    if (oldest)
        loop_timer_arm(documents->timer, oldest->made_ms + KEPT_MS - now);
}

void documents_init(struct documents *documents, struct loop *loop)
{
    documents->loop = loop;
    documents->timer = loop_timer_new(loop, on_timer, documents);
    TAILQ_INIT(&documents->list);
}

void documents_fini(struct documents *documents)
{
    loop_timer_free(documents->timer);
}

void documents_put(struct documents *documents, struct api_state *state, struct buf *built)
{
    documents_drop(documents, state);
    if (documents->bytes + built->length > BYTES_MAX)
        return;
    struct document *document = xcalloc(1, sizeof(*document));
    document->state = state;
    document->bytes = bytes_take(built);
    document->made_ms = loop_now(documents->loop);
    documents->bytes += document->bytes->length;
    state->document = document;
    TAILQ_INSERT_TAIL(&documents->list, document, entry);
    if (!loop_timer_is_armed(documents->timer))
        loop_timer_arm(documents->timer, KEPT_MS);
}

struct bytes *documents_take(struct documents *documents, struct api_state *state)
{
    if (!state->document)
        return NULL;
    struct bytes *bytes = bytes_ref(state->document->bytes);
    documents_drop(documents, state);
    return bytes;
}

void documents_drop(struct documents *documents, struct api_state *state)
{
    struct document *document = TAKE(state->document);
    if (!document)
        return;
    TAILQ_REMOVE(&documents->list, document, entry);
    documents->bytes -= document->bytes->length;
    bytes_unref(document->bytes);
    free(document);
}
