/* SPDX-License-Identifier: Apache-2.0 */
#include "dir/dir_peek.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "dir/dir_entry.h"
#include "dir/file.h"

#define FILE_LIMIT (4U << 20)

static int read_hex(const char *folder, const char *name, char **ret_text, struct err *err)
{
    CLEANUP(freep) char *path = xasprintf("%s/%s", folder, name);
    CLEANUP(buf_fini) struct buf text;
    buf_init(&text, BUF_UNLIMITED);
    if (file_read(path, 4096, false, &text, err) < 0)
        return err_wrap(err, "%s", path);
    size_t length = strspn(buf_text(&text), "0123456789abcdef");
    if (!length || length % 2 || (text.data[length] && text.data[length] != '\n'))
        return err_set(err, ERR_INVALID, 0, "%s is damaged", path);
    *ret_text = xstrndup(text.data, length);
    return 0;
}

int dir_peek_open(const char *path, struct dir_peek *ret_peek, struct err *err)
{
    *ret_peek = (struct dir_peek){.path = NULL};
    CLEANUP(freep) char *id = NULL;
    CLEANUP(freep) char *key = NULL;
    if (read_hex(path, "id", &id, err) < 0 || read_hex(path, "seal.key", &key, err) < 0)
        return -1;
    if (strlen(key) != 2 * sizeof(ret_peek->seal_key.bytes)) {
        explicit_bzero(key, strlen(key));
        return err_set(err, ERR_INVALID, 0, "%s/seal.key is damaged", path);
    }
    for (size_t i = 0; i < sizeof(ret_peek->seal_key.bytes); i++) {
        char pair[3] = {key[2 * i], key[2 * i + 1], '\0'};
        ret_peek->seal_key.bytes[i] = (unsigned char)strtoul(pair, NULL, 16);
    }
    explicit_bzero(key, strlen(key));
    ret_peek->path = xstrdup(path);
    ret_peek->id = TAKE(id);
    return 0;
}

void dir_peek_fini(struct dir_peek *peek)
{
    free(peek->path);
    free(peek->id);
    explicit_bzero(peek, sizeof(*peek));
}

static void join(const struct dir_peek *peek, struct cache *cache, const struct object *object)
{
    CLEANUP(freep) char *name = dir_entry_file_name(object->kind, object->key);
    CLEANUP(freep) char *path = xasprintf("%s/status/%s", peek->path, name);
    CLEANUP(buf_fini) struct buf text;
    buf_init(&text, BUF_UNLIMITED);
    struct dir_entry *entry = NULL;
    CLEANUP(freep) char *key = NULL;
    if (file_read(path, FILE_LIMIT, false, &text, NULL) < 0 ||
        dir_entry_parse((struct span){buf_text(&text), text.length}, &entry, &key, NULL) < 0)
        return;
    bool is_its = entry->kind == object->kind && str_equal(key, object->key);
    if (is_its && dir_entry_join(entry, object_text(object), object->problem, NULL) == 0)
        object_unref(cache_put(cache, entry->current));
    dir_entry_free(entry);
}

void dir_peek_join(const struct dir_peek *peek, struct cache *cache)
{
    for (int kind = 0; kind < OBJECT_KIND_COUNT; kind++) {
        if (!dir_entry_is_kept((enum object_kind)kind))
            continue;
        CLEANUP(freep) const char **keys = cache_sorted_keys(cache, (enum object_kind)kind);
        for (size_t i = 0; keys[i]; i++) {
            CLEANUP(object_unrefp)
            struct object *object = object_ref(cache_get(cache, (enum object_kind)kind, keys[i]));
            join(peek, cache, object);
        }
    }
}
