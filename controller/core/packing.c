/* SPDX-License-Identifier: Apache-2.0 */
#include "core/packing.h"

#include <stdint.h>
#include <stdlib.h>

#include "base/blocks.h"
#include "base/packer.h"
#include "core/object_content.h"
#include "core/packing_dictionary.h"

struct packing {
    struct blocks *blocks;
    struct packer *packer;                     /* NULL until something is packed */
    TAILQ_HEAD(contents, object_content) open; /* the last one used first */
    size_t bytes;                              /* of all contents, packed or not */
    size_t whole_max;
    size_t open_bytes;
    size_t open_max;
};

struct packing *packing_new(size_t whole_max, size_t open_max)
{
    struct packing *packing = xcalloc(1, sizeof(*packing));
    packing->blocks = blocks_new();
    packing->whole_max = whole_max;
    packing->open_max = open_max;
    TAILQ_INIT(&packing->open);
    return packing;
}

void packing_free(struct packing *packing)
{
    if (!packing)
        return;
    packer_free(packing->packer);
    blocks_free(packing->blocks);
    free(packing);
}

static void put_first(struct packing *packing, struct object_content *content)
{
    TAILQ_INSERT_HEAD(&packing->open, content, entry);
    packing->open_bytes += content->object->length;
}

static void take_out(struct packing *packing, struct object_content *content)
{
    TAILQ_REMOVE(&packing->open, content, entry);
    packing->open_bytes -= content->object->length;
}

void packing_add(struct packing *packing, const struct object *object)
{
    /* Whether its content is packed is nothing that anybody sees of an object. */
    struct object *added = (struct object *)(uintptr_t)object;
    if (!packing || !object || object->packing)
        return;
    added->packing = packing;
    packing->bytes += object->length;
    put_first(packing, added->content);
}

const struct object_content *packing_open(struct packing *packing, struct object *object)
{
    struct object_content *content = object->content;
    if (content && content == TAILQ_FIRST(&packing->open))
        return content;
    if (content) {
        take_out(packing, content);
    } else {
        content = xmalloc(sizeof(*content) + object->length + 1);
        content->object = object;
        struct span packed = {object->packed, object->packed_length};
        packer_open(packing->packer, packed, content->text, object->length);
        content->text[object->length] = '\0';
        object->content = content;
    }
    put_first(packing, content);
    return content;
}

void packing_remove(struct packing *packing, struct object *object)
{
    packing->bytes -= object->length;
    if (object->content)
        take_out(packing, object->content);
    blocks_drop(packing->blocks, &object->packed);
}

/* An object that cannot be packed stays open for good. */
static void close_content(struct packing *packing, struct object_content *content)
{
    struct object *object = content->object;
    take_out(packing, content);
    if (!packing->packer)
        packing->packer = packer_new(packing_dictionary);
    if (!object->packed) {
        struct span text = {content->text, object->length};
        struct span packed = packer_pack(packing->packer, text);
        object->packed_length = (uint32_t)packed.length;
        if (packed.ptr)
            blocks_put(packing->blocks, &object->packed, packed);
    }
    if (!object->packed) {
        packing->bytes -= object->length;
        object->packing = NULL;
        return;
    }
    object->content = NULL;
    free(content);
}

void packing_rest(void *arg)
{
    struct packing *packing = arg;
    while (packing->bytes > packing->whole_max && packing->open_bytes > packing->open_max)
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): what was closed is not in the list */
        close_content(packing, TAILQ_LAST(&packing->open, contents));
}
