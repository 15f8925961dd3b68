/* SPDX-License-Identifier: Apache-2.0 */
#include "path.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "text.h"

char *path_decode(const char *path)
{
    char *decoded = mem_zeroed(strlen(path) + 1);
    char *to = decoded;
    for (const char *at = path; *at != '\0'; at++) {
        if (*at != '%') {
            *to++ = *at;
            continue;
        }
        if (!isxdigit((unsigned char)at[1]) || !isxdigit((unsigned char)at[2])) {
            free(decoded);
            return NULL;
        }
        char digits[3] = {at[1], at[2], '\0'};
        *to++ = (char)strtol(digits, NULL, 16);
        at += 2;
    }
    return decoded;
}

char *path_clean(const char *path, bool keep_slash)
{
    struct text clean = {0};
    text_reserve(&clean, strlen(path) + 1);
    const char *at = path;
    while (*at != '\0') {
        at += strspn(at, "/");
        size_t len = strcspn(at, "/");
        if (len == 2 && strncmp(at, "..", 2) == 0) {
            while (clean.len > 0 && clean.bytes[clean.len - 1] != '/') {
                text_cut(&clean, clean.len - 1);
            }
            text_cut(&clean, clean.len > 0 ? clean.len - 1 : 0);
        } else if (len > 0 && !(len == 1 && *at == '.')) {
            text_putc(&clean, '/');
            text_add(&clean, at, len);
        }
        at += len;
    }
    bool slash = keep_slash && path[0] != '\0' && path[strlen(path) - 1] == '/';
    if (clean.len == 0 || slash) {
        text_putc(&clean, '/');
    }
    return clean.bytes;
}

char *path_encode(const char *path)
{
    static const char kept[] = "-_.~/$&+,:;=@!'()*";
    struct text encoded = {0};
    text_puts(&encoded, "");
    for (const char *at = path; *at != '\0'; at++) {
        if (isalnum((unsigned char)*at) || strchr(kept, *at) != NULL) {
            text_putc(&encoded, *at);
        } else {
            text_printf(&encoded, "%%%02X", (unsigned char)*at);
        }
    }
    return encoded.bytes;
}
