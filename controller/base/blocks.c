/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blocks stand one behind the other in segments, and new ones in the current segment only. Of a
 * segment that is full enough blocks go until an eighth of it is free: then what is left moves into
 * the current one.
 */
#include "base/blocks.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/mem.h"

#define SEGMENT_BYTES (256U << 10)
/* Larger ones have a segment for themselves. */
#define BLOCK_MAX (SEGMENT_BYTES / 16)

struct segment {
    size_t capacity; /* of `bytes` */
    size_t used;
    size_t live; /* of these */
    char bytes[] __attribute__((aligned(16)));
};

struct block {
    void **owner; /* NULL: it has gone */
    struct segment *segment;
    size_t size; /* with this head */
    char bytes[];
};

struct blocks {
    struct segment *current;
};

struct blocks *blocks_new(void)
{
    return xcalloc(1, sizeof(struct blocks));
}

/* Not from malloc(), which would put them among the blocks that cannot move. */
static struct segment *segment_new(size_t capacity)
{
    size_t size = sizeof(struct segment) + capacity;
    void *place = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (place == MAP_FAILED)
        mem_exhausted();
    struct segment *segment = place;
    segment->capacity = capacity;
    return segment;
}

static void segment_free(struct segment *segment)
{
    munmap(segment, sizeof(struct segment) + segment->capacity);
}

void blocks_free(struct blocks *blocks)
{
    if (!blocks)
        return;
    if (blocks->current)
        segment_free(blocks->current);
    free(blocks);
}

static bool is_sparse(const struct segment *segment)
{
    return segment->live < segment->capacity - segment->capacity / 8;
}

static void evacuate(struct blocks *blocks, struct segment *segment);

static struct segment *segment_with_room(struct blocks *blocks, size_t size)
{
    if (size > BLOCK_MAX)
        return segment_new(size);
    struct segment *full = blocks->current;
    if (full && full->capacity - full->used >= size)
        return full;
    blocks->current = segment_new(SEGMENT_BYTES - sizeof(struct segment));
    if (full && is_sparse(full))
        evacuate(blocks, full); /* into seven eighths of the new one: there is room behind it */
    return blocks->current;
}

void blocks_put(struct blocks *blocks, void **owner, struct span bytes)
{
    size_t size = (sizeof(struct block) + bytes.length + 7) & ~(size_t)7;
    struct segment *segment = segment_with_room(blocks, size);
    struct block *block = (struct block *)(void *)(segment->bytes + segment->used);
    *block = (struct block){.owner = owner, .segment = segment, .size = size};
    memcpy(block->bytes, bytes.ptr, bytes.length);
    segment->used += size;
    segment->live += size;
    *owner = block->bytes;
}

/* Moves all that is left of a segment and frees it. */
static void evacuate(struct blocks *blocks, struct segment *segment)
{
    for (size_t at = 0; at < segment->used;) {
        struct block *block = (struct block *)(void *)(segment->bytes + at);
        at += block->size;
        if (block->owner)
            blocks_put(blocks, block->owner,
                       (struct span){block->bytes, block->size - sizeof(*block)});
    }
    segment_free(segment);
}

void blocks_drop(struct blocks *blocks, void **owner)
{
    if (!*owner)
        return;
    struct block *block = (struct block *)(void *)((char *)*owner - offsetof(struct block, bytes));
    struct segment *segment = block->segment;
    block->owner = NULL;
    *owner = NULL;
    segment->live -= block->size;
    if (segment == blocks->current)
        segment->used = segment->live ? segment->used : 0;
    else if (is_sparse(segment))
        evacuate(blocks, segment);
}
