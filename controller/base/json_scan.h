/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/*
 * Passing over JSON: most bytes of documents and of gateways' lists are only passed over, on the
 * way to a member or to the end of an element, and that is what most of a burst would cost. No C
 * library of the distribution does it without building a tree.
 */

#ifdef __SSE2__
/* Most strings are short: the call of a function takes longer than to look at them. */
#define JSON_SCAN_PIECE 16
static inline __m128i json_scan_piece(const char *at)
{
    __m128i piece;
    memcpy(&piece, at, sizeof(piece));
    return piece;
}
static inline unsigned json_scan_find(__m128i piece, char byte)
{
    return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(piece, _mm_set1_epi8(byte)));
}
#endif

/* Passes over what stands for itself within a string: returns the first byte that is a quote, a
 * backslash or a control character, `end` when there is none. *high: a byte that is passed is no
 * ASCII; else it stays. */
static inline const char *json_scan_plain(const char *at, const char *end, bool *high)
{
#ifdef __SSE2__
    const __m128i last_control = _mm_set1_epi8(0x1f);
    while (end - at >= JSON_SCAN_PIECE) {
        __m128i piece = json_scan_piece(at);
        __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(piece, last_control), piece);
        unsigned stops = json_scan_find(piece, '"') | json_scan_find(piece, '\\') |
                         (unsigned)_mm_movemask_epi8(control);
        unsigned passed = stops ? (stops & (0 - stops)) - 1 : 0xffff;
        *high |= ((unsigned)_mm_movemask_epi8(piece) & passed) != 0;
        if (stops)
            return at + __builtin_ctz(stops);
        at += JSON_SCAN_PIECE;
    }
#endif
    for (; at < end && (unsigned char)*at >= ' ' && *at != '"' && *at != '\\'; at++)
        *high |= (unsigned char)*at >= 0x80;
    return at;
}

#ifdef __SSE2__
/* Returns where a string goes on behind its closing quote, when that stands in the next few pieces;
 * NULL: *at is where to look on, and nothing is escaped there. */
static inline const char *json_scan_pieces(const char **at, const char *end)
{
    const char *place = *at;
    const char *behind = NULL;
    for (unsigned i = 0; i < 4 && end - place >= JSON_SCAN_PIECE && !behind; i++) {
        __m128i piece = json_scan_piece(place);
        unsigned stops = json_scan_find(piece, '"') | json_scan_find(piece, '\\');
        place += stops ? __builtin_ctz(stops) : JSON_SCAN_PIECE;
        if (stops && *place == '"')
            behind = place + 1;
        else if (stops && end - place < 2)
            break; /* a backslash at the very end */
        else if (stops)
            place += 2;
    }
    *at = place;
    return behind;
}
#endif

/*
 * Passes over the content of a JSON string that goes on at `at`. Returns where it goes on behind
 * the closing quote, NULL when the string does not end before `end`. *escaped: the byte at `at` is
 * escaped; set anew for the byte at `end` when NULL is returned.
 */
static inline const char *json_scan_string(const char *at, const char *end, bool *escaped)
{
    if (*escaped && at < end)
        at++;
    else if (*escaped)
        return NULL;
    *escaped = false;
#ifdef __SSE2__
    const char *behind = json_scan_pieces(&at, end);
    if (behind)
        return behind;
#endif
    while (at < end) {
        const char *quote = (const char *)memchr(at, '"', (size_t)(end - at));
        const char *stop = quote ? quote : end;
        const char *run = stop;
        while (run > at && run[-1] == '\\')
            run--;
        bool odd = (stop - run) % 2;
        if (quote && !odd)
            return quote + 1;
        *escaped = !quote && odd;
        at = quote ? quote + 1 : end;
    }
    return NULL;
}

/* Where a text stands between two calls. */
struct json_scan {
    bool in_string;
    bool escaped; /* the byte that comes next is, within a string */
};

/* Brackets outside of strings among the next `length` bytes, at most JSON_SCAN_BLOCK of them: a bit
 * for each byte, the first one lowest. Whole blocks are fast. */
#define JSON_SCAN_BLOCK 64
struct json_brackets {
    uint64_t opening; /* { and [ */
    uint64_t closing; /* } and ] */
};
struct json_brackets json_scan_brackets(struct json_scan *scan, const char *at, size_t length);

/* `at` stands on the opening bracket of an object or array: returns where it goes on behind the
 * closing one, `end` when there is none. Brackets are counted, not matched. */
const char *json_scan_container(const char *at, const char *end);
