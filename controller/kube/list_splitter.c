/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/list_splitter.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/json_text.h"
#include "base/str.h"

/* etcd holds values up to 1.5 MiB; what is stored compressed or converted may be longer. */
#define ITEM_LIMIT (16U << 20)
#define REST_LIMIT (1U << 20)
/* Go's own decoder stops there, so nothing deeper is ever stored. */
#define DEPTH_LIMIT 10001

struct list_splitter {
    struct json_split *split;
};

void list_page_fini(struct list_page *page)
{
    free(page->version);
    free(page->proceed);
    *page = (struct list_page){0};
}

struct list_splitter *list_splitter_new(json_split_fn *item, void *arg)
{
    static const char *const path[] = {"items", NULL};
    const struct json_split_options options = {.path = path,
                                               .item_limit = ITEM_LIMIT,
                                               .rest_limit = REST_LIMIT,
                                               .depth = DEPTH_LIMIT,
                                               .item = item,
                                               .arg = arg};
    struct list_splitter *splitter = xcalloc(1, sizeof(*splitter));
    splitter->split = json_split_new(&options);
    return splitter;
}

void list_splitter_free(struct list_splitter *splitter)
{
    if (!splitter)
        return;
    json_split_free(splitter->split);
    free(splitter);
}

void list_splitter_freep(struct list_splitter **splitter)
{
    list_splitter_free(*splitter);
}

int list_splitter_feed(struct list_splitter *splitter, const char *bytes, size_t length,
                       struct err *err)
{
    return json_split_feed(splitter->split, bytes, length, err);
}

int list_splitter_finish(struct list_splitter *splitter, struct list_page *ret_page,
                         struct err *err)
{
    struct span rest;
    if (json_split_finish(splitter->split, &rest, err) < 0)
        return -1;
    CLEANUP(freep) char *kind = json_text_string(json_text_member(rest, "kind"));
    if (!kind || !str_ends(kind, "List"))
        return err_set(err, ERR_INVALID, 0, "the answer is no list");
    struct span metadata = json_text_member(rest, "metadata");
    char *version = json_text_string(json_text_member(metadata, "resourceVersion"));
    if (str_is_empty(version)) {
        free(version);
        return err_set(err, ERR_INVALID, 0, "the list has no resourceVersion");
    }
    char *proceed = json_text_string(json_text_member(metadata, "continue"));
    if (proceed && !*proceed)
        free(TAKE(proceed));
    *ret_page = (struct list_page){.version = version, .proceed = proceed};
    return 0;
}
