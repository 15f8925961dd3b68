/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * Passing over JSON: most bytes of documents and of gateways' lists are only passed over, on the
 * way to a member or to the end of an element, and that is what most of a burst would cost. No C
 * library of the distribution does it without building a tree.
 */

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
