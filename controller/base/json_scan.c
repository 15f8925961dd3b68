/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which bytes are inside of strings is found for 64 of them together, in the way of simdjson
 * (Langdale and Lemire, "Parsing Gigabytes of JSON per Second", 2019, section 3.1): by the parity
 * of the quotes before each that no backslash escapes.
 */
#include "base/json_scan.h"

/* [ and {, ] and } differ in one bit. */
#define FOLD 0x20

static struct json_brackets scan_bytes(struct json_scan *scan, const char *at, size_t length)
{
    struct json_brackets brackets = {0, 0};
    for (size_t i = 0; i < length; i++) {
        if (scan->escaped) {
            scan->escaped = false;
        } else if (scan->in_string) {
            scan->escaped = at[i] == '\\';
            scan->in_string = at[i] != '"';
        } else {
            scan->in_string = at[i] == '"';
            brackets.opening |= (uint64_t)((at[i] | FOLD) == '{') << i;
            brackets.closing |= (uint64_t)((at[i] | FOLD) == '}') << i;
        }
    }
    return brackets;
}

#if defined(__SSE2__) || defined(__AARCH64EL__)

typedef unsigned char quarter __attribute__((vector_size(JSON_SCAN_BLOCK / 4)));

struct block {
    quarter a, b, c, d;
};

/* A bit for each byte, of those that are 0 or 0xff. */
#ifdef __SSE2__
#include <emmintrin.h>

static uint64_t bits_of(quarter a, quarter b, quarter c, quarter d)
{
    return (uint64_t)(unsigned)_mm_movemask_epi8((__m128i)a) |
           (uint64_t)(unsigned)_mm_movemask_epi8((__m128i)b) << 16 |
           (uint64_t)(unsigned)_mm_movemask_epi8((__m128i)c) << 32 |
           (uint64_t)(unsigned)_mm_movemask_epi8((__m128i)d) << 48;
}
#else
#include <arm_neon.h>

static uint64_t bits_of(quarter a, quarter b, quarter c, quarter d)
{
    static const quarter weights = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    uint8x16_t low = vpaddq_u8((uint8x16_t)(a & weights), (uint8x16_t)(b & weights));
    uint8x16_t high = vpaddq_u8((uint8x16_t)(c & weights), (uint8x16_t)(d & weights));
    low = vpaddq_u8(low, high);
    low = vpaddq_u8(low, low);
    return vgetq_lane_u64(vreinterpretq_u64_u8(low), 0);
}
#endif

/* Calls would take as long as what is called. */
__attribute__((always_inline)) static inline uint64_t find(struct block in, unsigned char byte)
{
    return bits_of((quarter)(in.a == byte), (quarter)(in.b == byte), (quarter)(in.c == byte),
                   (quarter)(in.d == byte));
}

/* The bytes that an escaping backslash stands before; *escaped: the first byte is one, and after,
 * the first one of the next block is. */
static uint64_t find_escaped(uint64_t backslashes, bool *escaped)
{
    uint64_t found = *escaped;
    *escaped = false;
    backslashes &= ~found;
    while (backslashes) {
        uint64_t first = backslashes & (0 - backslashes);
        *escaped = first >> 63;
        found |= first << 1;
        backslashes &= ~(first | first << 1);
    }
    return found;
}

/* Each bit is the parity of all up to and with it. */
static uint64_t parities(uint64_t bits)
{
    bits ^= bits << 1;
    bits ^= bits << 2;
    bits ^= bits << 4;
    bits ^= bits << 8;
    bits ^= bits << 16;
    bits ^= bits << 32;
    return bits;
}

static struct json_brackets scan_block(struct json_scan *scan, const char *at)
{
    struct block block;
    memcpy(&block, at, sizeof(block));
    uint64_t quotes = find(block, '"');
    uint64_t backslashes = find(block, '\\');
    struct json_scan after = *scan;
    if (backslashes || scan->escaped)
        quotes &= ~find_escaped(backslashes, &after.escaped);
    uint64_t inside = parities(quotes) ^ (scan->in_string ? ~0ULL : 0);
    if (backslashes & ~inside) /* no JSON, and nothing is escaped there */
        return scan_bytes(scan, at, JSON_SCAN_BLOCK);
    after.in_string = inside >> 63;
    *scan = after;
    struct block folded = {block.a | FOLD, block.b | FOLD, block.c | FOLD, block.d | FOLD};
    return (struct json_brackets){find(folded, '{') & ~inside, find(folded, '}') & ~inside};
}

#else

static struct json_brackets scan_block(struct json_scan *scan, const char *at)
{
    return scan_bytes(scan, at, JSON_SCAN_BLOCK);
}

#endif

struct json_brackets json_scan_brackets(struct json_scan *scan, const char *at, size_t length)
{
    return length == JSON_SCAN_BLOCK ? scan_block(scan, at) : scan_bytes(scan, at, length);
}

/* Processors that every build is for have no instruction for it, and a function's call is dear. */
static size_t count(uint64_t bits)
{
    bits -= bits >> 1 & 0x5555555555555555;
    bits = (bits & 0x3333333333333333) + (bits >> 2 & 0x3333333333333333);
    bits = (bits + (bits >> 4)) & 0x0f0f0f0f0f0f0f0f;
    return bits * 0x0101010101010101 >> 56;
}

/* The bracket that brings `depth` to 0: its bit; 0 when none does. */
static uint64_t find_end(const struct json_brackets *brackets, size_t depth)
{
    for (uint64_t left = brackets->opening | brackets->closing; left; left &= left - 1) {
        uint64_t bracket = left & (0 - left);
        depth += brackets->opening & bracket ? 1 : (size_t)-1;
        if (depth == 0)
            return bracket;
    }
    return 0;
}

const char *json_scan_container(const char *at, const char *end)
{
    struct json_scan scan = {false, false};
    size_t depth = 0;
    while (at < end) {
        bool was_in_string = scan.in_string;
        size_t length = (size_t)(end - at) < JSON_SCAN_BLOCK ? (size_t)(end - at) : JSON_SCAN_BLOCK;
        struct json_brackets brackets = json_scan_brackets(&scan, at, length);
        size_t closing = count(brackets.closing);
        if (closing >= depth) {
            uint64_t last = find_end(&brackets, depth);
            if (last)
                return at + __builtin_ctzll(last) + 1;
        }
        depth += count(brackets.opening) - closing;
        at += length;
        if (was_in_string && scan.in_string) { /* a long one */
            at = json_scan_string(at, end, &scan.escaped);
            if (!at)
                return end;
            scan.in_string = false;
        }
    }
    return end;
}
