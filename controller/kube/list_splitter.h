/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "base/json_split.h"

/*
 * One page of a list of the API server, split into its items while the bytes arrive. Custom
 * resources print `items` before `metadata`, built-in kinds after it; so what the page is worth is
 * known only at its end. Pure.
 */
struct list_splitter;

struct list_page {
    char *version; /* metadata.resourceVersion: where a watch begins */
    char *proceed; /* metadata.continue; NULL: this was the last page */
};
void list_page_fini(struct list_page *page);

/* `item` is called for each; see json_split_fn. */
struct list_splitter *list_splitter_new(json_split_fn *item, void *arg);
void list_splitter_free(struct list_splitter *splitter);
void list_splitter_freep(struct list_splitter **splitter);

int list_splitter_feed(struct list_splitter *splitter, const char *bytes, size_t length,
                       struct err *err) MUST_CHECK;
/* The body has ended: 0 only when it was a whole list with a resourceVersion. */
int list_splitter_finish(struct list_splitter *splitter, struct list_page *ret_page,
                         struct err *err) MUST_CHECK;
