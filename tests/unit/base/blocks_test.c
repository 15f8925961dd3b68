/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "base/blocks.h"
#include "base/mem.h"

#define OWNERS 4000
#define PAGE ((uintptr_t)4096)
#define SEGMENT ((size_t)256 << 10)

struct owner {
    void *block;
    size_t length;
    unsigned char first; /* byte; the others count up from it */
};

static uint64_t random_next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static void put(struct blocks *blocks, struct owner *owner, size_t length, unsigned char first)
{
    CLEANUP(freep) char *bytes = xmalloc(length);
    for (size_t i = 0; i < length; i++)
        bytes[i] = (char)(first + i);
    owner->length = length;
    owner->first = first;
    blocks_put(blocks, &owner->block, (struct span){bytes, length});
}

static void check(const struct owner *owner)
{
    const unsigned char *bytes = owner->block;
    for (size_t i = 0; i < owner->length; i++)
        assert_int_equal(bytes[i], (unsigned char)(owner->first + i));
}

/* Returns the bytes in blocks. */
static size_t check_all(const struct owner *owners)
{
    size_t live = 0;
    for (size_t i = 0; i < OWNERS; i++) {
        if (!owners[i].block)
            continue;
        check(&owners[i]);
        live += owners[i].length;
    }
    return live;
}

static int by_address(const void *a, const void *b)
{
    uintptr_t left = *(const uintptr_t *)a;
    uintptr_t right = *(const uintptr_t *)b;
    return left < right ? -1 : left > right;
}

/* Bytes of the pages on which the blocks stand: with holes between them there are many more. */
static size_t pages_of(const struct owner *owners)
{
    uintptr_t pages[2 * OWNERS];
    size_t count = 0;
    for (size_t i = 0; i < OWNERS; i++) {
        if (!owners[i].block)
            continue;
        pages[count++] = (uintptr_t)owners[i].block / PAGE;
        pages[count++] = ((uintptr_t)owners[i].block + owners[i].length - 1) / PAGE;
    }
    qsort(pages, count, sizeof(*pages), by_address);
    size_t distinct = 0;
    for (size_t i = 0; i < count; i++)
        distinct += i == 0 || pages[i] != pages[i - 1];
    return distinct * PAGE;
}

static bool is_mapped(uintptr_t address)
{
    unsigned char there;
    return mincore((char *)(address / PAGE * PAGE), 1, &there) == 0;
}

static void bytes_stay_what_they_are_wherever_they_move(void **state)
{
    (void)state;
    uint64_t random = 88172645463325252ULL;
    struct blocks *blocks = blocks_new();
    struct owner *owners = xcalloc(OWNERS, sizeof(*owners));
    for (int round = 0; round < 60000; round++) {
        struct owner *owner = &owners[random_next(&random) % OWNERS];
        if (owner->block) {
            check(owner);
            blocks_drop(blocks, &owner->block);
            assert_null(owner->block);
        }
        /* One in a hundred is too large for a segment of several. */
        size_t length = random_next(&random) % 100 ? 1 + random_next(&random) % 2000
                                                   : 1 + random_next(&random) % 100000;
        if (random_next(&random) % 4)
            put(blocks, owner, length, (unsigned char)random_next(&random));
        if (round % 5000 == 0)
            check_all(owners);
    }
    check_all(owners);
    for (size_t i = 0; i < OWNERS; i++)
        blocks_drop(blocks, &owners[i].block);
    free(owners);
    blocks_free(blocks);
}

static void what_is_empty_is_given_back(void **state)
{
    (void)state;
    struct blocks *blocks = blocks_new();
    struct owner large = {NULL, 0, 0};
    put(blocks, &large, 100000, 1);
    uintptr_t address = (uintptr_t)large.block;
    assert_true(is_mapped(address));
    blocks_drop(blocks, &large.block);
    assert_false(is_mapped(address));

    struct owner *owners = xcalloc(OWNERS, sizeof(*owners));
    uintptr_t addresses[OWNERS];
    for (size_t i = 0; i < OWNERS; i++) {
        put(blocks, &owners[i], 800, (unsigned char)i);
        addresses[i] = (uintptr_t)owners[i].block;
    }
    for (size_t i = 0; i < OWNERS; i++)
        blocks_drop(blocks, &owners[i].block);
    /* One segment is kept for what comes next. */
    size_t mapped = 0;
    for (size_t i = 0; i < OWNERS; i++)
        mapped += is_mapped(addresses[i]);
    assert_true(mapped <= SEGMENT / 800);
    free(owners);
    blocks_free(blocks);
}

static void growing_blocks_leave_no_holes(void **state)
{
    (void)state;
    struct blocks *blocks = blocks_new();
    struct owner *owners = xcalloc(OWNERS, sizeof(*owners));
    for (size_t edition = 0; edition < 5; edition++) {
        for (size_t i = 0; i < OWNERS; i++) {
            blocks_drop(blocks, &owners[i].block);
            put(blocks, &owners[i], 800 + edition * 50 + i % 7, (unsigned char)i);
        }
        /* 24 bytes are of each block's own. */
        size_t live = check_all(owners) + OWNERS * (size_t)32;
        assert_true(pages_of(owners) < live + live / 7 + SEGMENT);
    }
    /* Half of them go, here and there. */
    for (size_t i = 0; i < OWNERS; i += 2)
        blocks_drop(blocks, &owners[i].block);
    size_t live = check_all(owners) + OWNERS / 2 * (size_t)32;
    assert_true(pages_of(owners) < live + live / 7 + SEGMENT);
    for (size_t i = 0; i < OWNERS; i++)
        blocks_drop(blocks, &owners[i].block);
    free(owners);
    blocks_free(blocks);
}

static void what_goes_soon_leaves_no_holes_either(void **state)
{
    (void)state;
    struct blocks *blocks = blocks_new();
    struct owner *owners = xcalloc(OWNERS, sizeof(*owners));
    for (size_t i = 0; i < OWNERS; i++) {
        struct owner brief = {NULL, 0, 0};
        put(blocks, &owners[i], 800, (unsigned char)i);
        put(blocks, &brief, 800, 0);
        blocks_drop(blocks, &brief.block);
    }
    size_t live = check_all(owners) + OWNERS * (size_t)24;
    assert_true(pages_of(owners) < live + live / 7 + SEGMENT);
    for (size_t i = 0; i < OWNERS; i++)
        blocks_drop(blocks, &owners[i].block);
    free(owners);
    blocks_free(blocks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_stay_what_they_are_wherever_they_move),
        cmocka_unit_test(what_is_empty_is_given_back),
        cmocka_unit_test(growing_blocks_leave_no_holes),
        cmocka_unit_test(what_goes_soon_leaves_no_holes_either),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
