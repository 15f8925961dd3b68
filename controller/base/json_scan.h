/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GRAPNEL_BASE_JSON_SCAN_H
#define GRAPNEL_BASE_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/*
 * Passes over the content of a JSON string that goes on at `at`. Returns where it goes on behind
 * the closing quote, NULL when the string does not end before `end`. *escaped: the byte at `at` is
 * escaped; set anew for the byte at `end` when NULL is returned. Inline, since lists of gateways
 * and most of what is read of a document are passed over by it.
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

#endif
