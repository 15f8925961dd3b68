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

/* What stands in a block: a bit for each byte. Brackets are those within strings, too. */
struct block {
    uint64_t quotes;
    uint64_t backslashes;
    uint64_t opening;
    uint64_t closing;
};
typedef struct block read_block_fn(const char *at);

/* Calls would take as long as what is called, and code for a better processor cannot be inlined
 * otherwise. */
#define INLINE __attribute__((always_inline)) static inline

#if defined(__SSE2__) || defined(__AARCH64EL__)

typedef unsigned char quarter __attribute__((vector_size(JSON_SCAN_BLOCK / 4)));

struct quarters {
    quarter a, b, c, d;
};

/* A bit for each byte, of those that are 0 or 0xff. */
#ifdef __SSE2__
#include <immintrin.h>

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

INLINE uint64_t find(struct quarters in, unsigned char byte)
{
    return bits_of((quarter)(in.a == byte), (quarter)(in.b == byte), (quarter)(in.c == byte),
                   (quarter)(in.d == byte));
}

INLINE struct block read_block(const char *at)
{
    struct quarters in;
    memcpy(&in, at, sizeof(in));
    struct quarters folded = {in.a | FOLD, in.b | FOLD, in.c | FOLD, in.d | FOLD};
    return (struct block){find(in, '"'), find(in, '\\'), find(folded, '{'), find(folded, '}')};
}

#else

/* Byte by byte. */
#define read_block NULL

#endif

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

/* `length` is a whole block where `read` is called. */
INLINE struct json_brackets pass(struct json_scan *scan, const char *at, size_t length,
                                 read_block_fn *read)
{
    if (length < JSON_SCAN_BLOCK || !read)
        return scan_bytes(scan, at, length);
    struct block block = read(at);
    struct json_scan after = *scan;
    if (block.backslashes || scan->escaped)
        block.quotes &= ~find_escaped(block.backslashes, &after.escaped);
    uint64_t inside = parities(block.quotes) ^ (scan->in_string ? ~0ULL : 0);
    if (block.backslashes & ~inside) /* no JSON, and nothing is escaped there */
        return scan_bytes(scan, at, length);
    after.in_string = inside >> 63;
    *scan = after;
    return (struct json_brackets){block.opening & ~inside, block.closing & ~inside};
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

/* The bytes before the end, fewer than a block; nothing comes behind them. */
INLINE struct json_brackets pass_last(struct json_scan *scan, const char *at, size_t length,
                                      read_block_fn *read)
{
    char block[JSON_SCAN_BLOCK] = {0};
    memcpy(block, at, length);
    return pass(scan, block, sizeof(block), read);
}

INLINE const char *pass_container(const char *at, const char *end, read_block_fn *read)
{
    struct json_scan scan = {false, false};
    size_t depth = 0;
    while (at < end) {
        bool was_in_string = scan.in_string;
        bool whole = end - at >= JSON_SCAN_BLOCK;
        struct json_brackets brackets = whole ? pass(&scan, at, JSON_SCAN_BLOCK, read)
                                              : pass_last(&scan, at, (size_t)(end - at), read);
        if (brackets.closing) {
            size_t closing = count(brackets.closing);
            uint64_t last = closing >= depth ? find_end(&brackets, depth) : 0;
            if (last)
                return at + __builtin_ctzll(last) + 1;
            depth -= closing;
        }
        if (!whole)
            return end;
        depth += count(brackets.opening);
        at += JSON_SCAN_BLOCK;
        if (was_in_string && scan.in_string) { /* a long one */
            at = json_scan_string(at, end, &scan.escaped);
            if (!at)
                return end;
            scan.in_string = false;
        }
    }
    return end;
}

#if defined(__SSE2__) && !defined(JSON_SCAN_BASELINE)
#define HAVE_BETTER

/* Ten years of processors have these; every build runs without, too. */
#define BETTER __attribute__((target("avx2,popcnt")))

typedef unsigned char half __attribute__((vector_size(JSON_SCAN_BLOCK / 2)));

struct halves {
    half a, b;
};

BETTER INLINE uint64_t find_better(struct halves in, unsigned char byte)
{
    return (uint64_t)(unsigned)_mm256_movemask_epi8((__m256i)(in.a == byte)) |
           (uint64_t)(unsigned)_mm256_movemask_epi8((__m256i)(in.b == byte)) << 32;
}

BETTER INLINE struct block read_block_better(const char *at)
{
    struct halves in = {(half)_mm256_loadu_si256((const __m256i *)(const void *)at),
                        (half)_mm256_loadu_si256((const __m256i *)(const void *)(at + 32))};
    struct halves folded = {in.a | FOLD, in.b | FOLD};
    return (struct block){find_better(in, '"'), find_better(in, '\\'), find_better(folded, '{'),
                          find_better(folded, '}')};
}

BETTER static struct json_brackets pass_better(struct json_scan *scan, const char *at,
                                               size_t length)
{
    return pass(scan, at, length, read_block_better);
}

BETTER static const char *pass_container_better(const char *at, const char *end)
{
    return pass_container(at, end, read_block_better);
}

static bool is_better(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("popcnt");
}
#endif

struct json_brackets json_scan_brackets(struct json_scan *scan, const char *at, size_t length)
{
#ifdef HAVE_BETTER
    if (is_better())
        return pass_better(scan, at, length);
#endif
    return pass(scan, at, length, read_block);
}

const char *json_scan_container(const char *at, const char *end)
{
#ifdef HAVE_BETTER
    if (is_better())
        return pass_container_better(at, end);
#endif
    return pass_container(at, end, read_block);
}
