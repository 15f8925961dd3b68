/* SPDX-License-Identifier: Apache-2.0 */
/* Loaded before the C library (LD_PRELOAD): allocation number $FAIL_ALLOC of the process, and all
 * after it, find no memory. At the end of a run that got so far, says how many there were. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static unsigned long count;
static unsigned long last = (unsigned long)-1;

/* glibc's own, behind the names that are replaced here. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);

static int is_over(void)
{
    if (++count < last)
        return 0;
    errno = ENOMEM;
    return 1;
}

void *malloc(size_t size)
{
    return is_over() ? NULL : __libc_malloc(size);
}

void *calloc(size_t items, size_t size)
{
    return is_over() ? NULL : __libc_calloc(items, size);
}

void *realloc(void *memory, size_t size)
{
    return is_over() ? NULL : __libc_realloc(memory, size);
}

__attribute__((constructor)) static void begin(void)
{
    const char *text = getenv("FAIL_ALLOC");
    count = 0;
    if (text && *text)
        last = strtoul(text, NULL, 10);
}

__attribute__((destructor)) static void end(void)
{
    const char *path = getenv("FAIL_ALLOC_COUNT");
    FILE *file = path && count < last ? fopen(path, "w") : NULL;
    if (!file)
        return;
    fprintf(file, "%lu\n", count);
    fclose(file);
}
