/* SPDX-License-Identifier: Apache-2.0 */
#include "core/index.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/strmap.h"

/* What one dependent depends on. */
struct token_list {
    size_t count;
    char *tokens[];
};

struct index {
    struct strmap *dependents; /* token → set of dependents */
    struct strmap *tokens;     /* dependent → struct token_list */
};

static void set_free(void *value)
{
    strmap_free(value);
}

static void token_list_free(void *value)
{
    struct token_list *list = value;
    for (size_t i = 0; i < list->count; i++)
        free(list->tokens[i]);
    free(list);
}

struct index *index_new(void)
{
    struct index *index = xcalloc(1, sizeof(*index));
    index->dependents = strmap_new(set_free);
    index->tokens = strmap_new(token_list_free);
    return index;
}

void index_free(struct index *index)
{
    if (!index)
        return;
    strmap_free(index->dependents);
    strmap_free(index->tokens);
    free(index);
}

static void release(struct index *index, const char *dependent)
{
    struct token_list *list = strmap_take(index->tokens, dependent);
    if (!list)
        return;
    for (size_t i = 0; i < list->count; i++) {
        struct strmap *set = strmap_get(index->dependents, list->tokens[i]);
        if (!set)
            continue; /* named twice */
        strmap_take(set, dependent);
        if (!strmap_count(set))
            strmap_remove(index->dependents, list->tokens[i]);
    }
    token_list_free(list);
}

void index_set(struct index *index, const char *dependent, const char *const *tokens, size_t count)
{
    release(index, dependent);
    if (!count)
        return;
    struct token_list *list = xcalloc(1, sizeof(*list) + count * sizeof(list->tokens[0]));
    for (size_t i = 0; i < count; i++) {
        list->tokens[list->count++] = xstrdup(tokens[i]);
        struct strmap *set = strmap_get(index->dependents, tokens[i]);
        if (!set) {
            set = strset_new();
            strmap_set(index->dependents, tokens[i], set);
        }
        strset_add(set, dependent);
    }
    strmap_set(index->tokens, dependent, list);
}

void index_visit(const struct index *index, const char *token, index_visit_fn *fn, void *arg)
{
    const struct strmap *set = strmap_get(index->dependents, token);
    if (!set)
        return;
    for (struct strmap_entry *entry = strmap_first(set); entry; entry = strmap_next(entry))
        fn(arg, strmap_entry_key(entry));
}

size_t index_count(const struct index *index, const char *token)
{
    const struct strmap *set = strmap_get(index->dependents, token);
    return set ? strmap_count(set) : 0;
}
