/* SPDX-License-Identifier: Apache-2.0 */
#include "base/packer.h"

#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#define LEVEL 4

struct packer {
    ZSTD_CDict *pack_dictionary;
    ZSTD_DDict *open_dictionary;
    ZSTD_CCtx *pack;
    ZSTD_DCtx *open;
    char *room; /* for the text being packed */
    size_t capacity;
};

/* Settings are ours, memory is all that can be missing: then the process ends, as everywhere. */
static void must(size_t result)
{
    if (ZSTD_isError(result))
        abort();
}

struct packer *packer_new(struct span dictionary)
{
    struct packer *packer = xcalloc(1, sizeof(*packer));
    packer->pack_dictionary = ZSTD_createCDict(dictionary.ptr, dictionary.length, LEVEL);
    packer->open_dictionary = ZSTD_createDDict(dictionary.ptr, dictionary.length);
    packer->pack = ZSTD_createCCtx();
    packer->open = ZSTD_createDCtx();
    if (!packer->pack_dictionary || !packer->open_dictionary || !packer->pack || !packer->open)
        abort();
    must(ZSTD_CCtx_refCDict(packer->pack, packer->pack_dictionary));
    must(ZSTD_CCtx_setParameter(packer->pack, ZSTD_c_contentSizeFlag, 0));
    must(ZSTD_CCtx_setParameter(packer->pack, ZSTD_c_dictIDFlag, 0));
    must(ZSTD_DCtx_refDDict(packer->open, packer->open_dictionary));
    return packer;
}

void packer_free(struct packer *packer)
{
    if (!packer)
        return;
    ZSTD_freeCCtx(packer->pack);
    ZSTD_freeDCtx(packer->open);
    ZSTD_freeCDict(packer->pack_dictionary);
    ZSTD_freeDDict(packer->open_dictionary);
    free(packer->room);
    free(packer);
}

struct span packer_pack(struct packer *packer, struct span text)
{
    size_t bound = ZSTD_compressBound(text.length);
    if (packer->capacity < bound) {
        packer->room = xrealloc(packer->room, bound);
        packer->capacity = bound;
    }
    size_t length = ZSTD_compress2(packer->pack, packer->room, bound, text.ptr, text.length);
    must(length);
    if (length > text.length - text.length / 8)
        return (struct span){NULL, 0};
    return (struct span){packer->room, length};
}

void packer_open(struct packer *packer, struct span packed, char *text, size_t length)
{
    size_t written = ZSTD_decompressDCtx(packer->open, text, length, packed.ptr, packed.length);
    must(written);
    if (written != length)
        abort();
}
