/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void mem_exhausted(void)
{
    static const char message[] = "grapnel: out of memory\n";
    fwrite(message, 1, sizeof(message) - 1, stderr);
    abort();
}

static void *checked(void *memory)
{
    if (!memory)
        mem_exhausted();
    return memory;
}

void *xmalloc(size_t size)
{
    return checked(malloc(size ? size : 1));
}

void *xcalloc(size_t count, size_t size)
{
    return checked(calloc(count ? count : 1, size ? size : 1));
}

void *xrealloc(void *memory, size_t size)
{
    return checked(realloc(memory, size ? size : 1));
}

char *xstrdup(const char *text)
{
    return checked(strdup(text));
}

char *xstrndup(const char *text, size_t length)
{
    char *copy = xmalloc(length + 1);
    memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}

char *xasprintf(const char *format, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, format);
    int length = vasprintf(&text, format, args);
    va_end(args);
    return checked(length < 0 ? NULL : text);
}

void *xgrow(void *array, size_t used, size_t *capacity, size_t element)
{
    if (used < *capacity)
        return checked(array);
    size_t wanted = *capacity ? *capacity * 2 : 8;
    if (wanted > SIZE_MAX / element)
        return checked(NULL);
    *capacity = wanted;
    return xrealloc(array, wanted * element);
}

void freep(void *address)
{
    void *memory;
    memcpy(&memory, address, sizeof(memory));
    free(memory);
}
