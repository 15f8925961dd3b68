/* SPDX-License-Identifier: Apache-2.0 */
#include "core/index.h"

#include <stdint.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/strmap.h"

/* That a dependent depends on a token: in a list of each of them. */
struct index_edge {
    struct token *token;
    struct index_edge *token_next;
    struct index_edge *token_prev;
    const char *dependent;   /* its own key */
    struct index_edge *next; /* of the same dependent */
};

struct token {
    const char *key; /* the map's */
    struct index_edge *edges;
    size_t count;
    uint64_t named; /* in which call it was named last */
};

struct index {
    struct strmap *tokens; /* → struct token */
    uint64_t calls;
    index_idle_fn *idle; /* NULL: nobody asks */
    void *arg;
};

static void token_free(void *value)
{
    struct token *token = value;
    struct index_edge *next = NULL;
    for (struct index_edge *edge = token->edges; edge; edge = next) {
        next = edge->token_next;
        free(edge);
    }
    free(token);
}

struct index *index_new(index_idle_fn *idle, void *arg)
{
    struct index *index = xcalloc(1, sizeof(*index));
    index->idle = idle;
    index->arg = arg;
    index->tokens = strmap_new(token_free);
    return index;
}

void index_free(struct index *index)
{
    if (!index)
        return;
    strmap_free(index->tokens);
    free(index);
}

/* Frees the edges of a dependent, from its first on. */
static void release(struct index *index, struct index_edge *first)
{
    struct index_edge *next = NULL;
    for (struct index_edge *edge = first; edge; edge = next) {
        next = edge->next;
        struct token *token = edge->token;
        if (edge->token_prev)
            edge->token_prev->token_next = edge->token_next;
        else
            token->edges = edge->token_next;
        if (edge->token_next)
            edge->token_next->token_prev = edge->token_prev;
        free(edge);
        if (--token->count)
            continue;
        if (index->idle)
            index->idle(index->arg, token->key);
        strmap_remove(index->tokens, token->key);
    }
}

static struct token *token_of(struct index *index, const char *key)
{
    struct token *token = strmap_get(index->tokens, key);
    if (token)
        return token;
    token = xcalloc(1, sizeof(*token));
    strmap_set(index->tokens, key, token);
    token->key = strmap_key(index->tokens, key);
    return token;
}

static struct index_edge *edge_to(struct token *token, const char *dependent,
                                  struct index_edge *next)
{
    struct index_edge *edge = xcalloc(1, sizeof(*edge));
    *edge = (struct index_edge){
        .token = token, .token_next = token->edges, .dependent = dependent, .next = next};
    if (token->edges)
        token->edges->token_prev = edge;
    token->edges = edge;
    token->count++;
    return edge;
}

void index_set(struct index *index, struct index_edge **edges, const char *dependent,
               const char *const *tokens, size_t count)
{
    struct index_edge *before = *edges;
    struct index_edge *first = NULL;
    index->calls++;
    for (size_t i = 0; i < count; i++) {
        struct token *token = token_of(index, tokens[i]);
        if (token->named == index->calls)
            continue;
        token->named = index->calls;
        first = edge_to(token, dependent, first);
    }
    *edges = first;
    release(index, before);
}

void index_visit(const struct index *index, const char *token, index_visit_fn *fn, void *arg)
{
    const struct token *found = strmap_get(index->tokens, token);
    for (const struct index_edge *edge = found ? found->edges : NULL; edge; edge = edge->token_next)
        fn(arg, edge->dependent);
}

size_t index_count(const struct index *index, const char *token)
{
    const struct token *found = strmap_get(index->tokens, token);
    return found ? found->count : 0;
}
