/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a document with a list: every way to cut them gives the same, and what a strict
 * check accepts is split into what the tree says. The first byte says where the list is. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json_split.h"
#include "base/json_text.h"
#include "cuts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define DEPTH 30

static const char *const items_path[] = {"items", NULL};
static const char *const deep_path[] = {"a", "b", NULL};
static const char *const *const paths[] = {NULL, items_path, deep_path};

static void require(bool holds)
{
    if (!holds)
        abort();
}

static int on_item(void *arg, struct span item, struct err *err)
{
    (void)err;
    buf_add(arg, item.ptr, item.length);
    buf_add_char(arg, '\n');
    return 0;
}

struct run {
    struct json_split *split;
    struct err err;
};

static int feed(void *arg, const char *bytes, size_t length)
{
    struct run *run = arg;
    return json_split_feed(run->split, bytes, length, &run->err);
}

/* What came out, as text; true when the document was taken. */
static bool split(const char *const *path, const uint8_t *data, size_t size, uint32_t seed,
                  size_t longest, struct buf *out)
{
    const struct json_split_options options = {.path = path,
                                               .item_limit = 200,
                                               .rest_limit = 400,
                                               .depth = DEPTH,
                                               .item = on_item,
                                               .arg = out};
    CLEANUP(json_split_freep) struct json_split *splitter = json_split_new(&options);
    struct run run = {.split = splitter};
    struct span rest;
    bool taken = feed_in_pieces(data, size, seed, longest, feed, &run) == 0 &&
                 json_split_finish(splitter, &rest, &run.err) == 0;
    if (taken)
        buf_add(out, rest.ptr, rest.length);
    else
        buf_add_text(out, run.err.msg);
    return taken;
}

/* A strictly valid document within the limits must be taken, with these elements. */
static void compare_with_tree(const char *const *path, struct span text, bool taken,
                              const struct buf *out)
{
    static const struct json_text_limits strict = {.depth = DEPTH, .unique_keys = true};
    if (text.length > 200 || json_text_check(text, &strict, NULL, NULL) < 0)
        return;
    struct span list = text;
    while (list.length && strchr(" \t\r\n", *list.ptr)) {
        list.ptr++;
        list.length--;
    }
    for (size_t i = 0; path && path[i]; i++)
        list = json_text_member(list, path[i]);
    enum json_text_type type = json_text_type(list);
    if (type != JSON_TEXT_ARRAY) {
        require(taken == (type == JSON_TEXT_NULL));
        return;
    }
    require(taken);
    CLEANUP(buf_fini) struct buf want;
    buf_init(&want, BUF_UNLIMITED);
    struct json_text_iter iter = json_text_iterate(list);
    while (json_text_next(&iter))
        on_item(&want, iter.value, NULL);
    require(out->length >= want.length);
    require(want.length == 0 || memcmp(out->data, want.data, want.length) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    const char *const *path = paths[data[0] % ARRAY_LENGTH(paths)];
    uint32_t seed = data[0];
    data++;
    size--;
    CLEANUP(buf_fini) struct buf whole;
    buf_init(&whole, BUF_UNLIMITED);
    bool taken = split(path, data, size, 0, 0, &whole);
    for (size_t longest = 1; longest <= 16; longest *= 4) {
        CLEANUP(buf_fini) struct buf pieces;
        buf_init(&pieces, BUF_UNLIMITED);
        require(split(path, data, size, seed, longest, &pieces) == taken);
        require(strcmp(buf_text(&whole), buf_text(&pieces)) == 0);
    }
    CLEANUP(freep) char *text = xstrndup((const char *)data, size);
    compare_with_tree(path, (struct span){text, size}, taken, &whole);
    return 0;
}
