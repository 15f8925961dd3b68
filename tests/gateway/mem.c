/* SPDX-License-Identifier: Apache-2.0 */
#include "mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void *mem_zeroed(size_t size)
{
    void *block = calloc(1, size > 0 ? size : 1);
    if (block == NULL) {
        abort();
    }
    return block;
}

void *mem_resized(void *block, size_t count, size_t size)
{
    if (size != 0 && count > SIZE_MAX / size) {
        abort();
    }
    void *larger = realloc(block, count * size > 0 ? count * size : 1);
    if (larger == NULL) {
        abort();
    }
    return larger;
}

char *mem_string(const char *string)
{
    return mem_string_of(string, strlen(string));
}

char *mem_string_of(const char *bytes, size_t len)
{
    char *copy = mem_zeroed(len + 1);
    if (len > 0) {
        memcpy(copy, bytes, len);
    }
    return copy;
}
