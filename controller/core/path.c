/* SPDX-License-Identifier: Apache-2.0 */
#include "core/path.h"

#include <stddef.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

/* Takes the last element off the `length` bytes of a cleaned path; returns what remains. */
static size_t drop_element(const char *clean, size_t length, size_t root)
{
    while (length > root && clean[length - 1] != '/')
        length--;
    return length > root ? length - 1 : length;
}

char *path_clean(const char *path)
{
    size_t root = *path == '/';
    char *clean = xmalloc(strlen(path) + 2);
    size_t length = root;
    size_t fixed = root; /* a leading "../.." of a relative path is not taken back */
    if (root)
        clean[0] = '/';
    for (const char *at = path; *at;) {
        size_t element = strcspn(at, "/");
        if (element == 2 && at[0] == '.' && at[1] == '.' && length > fixed) {
            length = drop_element(clean, length, fixed);
        } else if (element == 2 && at[0] == '.' && at[1] == '.' && root) {
            /* nothing is above the root */
        } else if (element > 0 && !(element == 1 && *at == '.')) {
            if (length > root)
                clean[length++] = '/';
            memcpy(clean + length, at, element);
            length += element;
            if (element == 2 && at[0] == '.' && at[1] == '.')
                fixed = length;
        }
        at += element + (at[element] == '/');
    }
    if (!length)
        clean[length++] = '.';
    clean[length] = '\0';
    return clean;
}

bool path_is_below(const char *clean, const char *folder)
{
    size_t length = strlen(folder);
    return strncmp(clean, folder, length) == 0 && (clean[length] == '\0' || clean[length] == '/');
}
