/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/blocks.h"
#include "base/mem.h"

#define OWNERS 4000
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
    assert_true(blocks_held(blocks) <= SEGMENT);
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
            /* 24 bytes are of each block's own. */
            size_t live = (OWNERS * (size_t)(824 + edition * 50 + 8));
            assert_true(blocks_held(blocks) < live + live / 7 + 2 * SEGMENT);
        }
    }
    check_all(owners);
    /* Half of them go, here and there. */
    for (size_t i = 0; i < OWNERS; i += 2)
        blocks_drop(blocks, &owners[i].block);
    size_t live = check_all(owners) + OWNERS / 2 * (size_t)32;
    assert_true(blocks_held(blocks) < live + live / 7 + 2 * SEGMENT);
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
    assert_true(blocks_held(blocks) < live + live / 7 + 2 * SEGMENT);
    for (size_t i = 0; i < OWNERS; i++)
        blocks_drop(blocks, &owners[i].block);
    free(owners);
    blocks_free(blocks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_stay_what_they_are_wherever_they_move),
        cmocka_unit_test(growing_blocks_leave_no_holes),
        cmocka_unit_test(what_goes_soon_leaves_no_holes_either),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
