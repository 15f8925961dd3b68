/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

/*
 * Allocation that cannot fail: out of memory ends the process (the work is level-triggered and
 * resumes after a restart), so that error paths exist only for what the world does. In exchange
 * every input is bounded where it comes in. Libraries are given these functions where they can be
 * (jansson in main(), libcurl, libevent): half a tree or a setting that silently was not set would
 * be taken for what the world says.
 */

/* Runs fn on the address of the variable when it goes out of scope. */
#define CLEANUP(fn) __attribute__((cleanup(fn)))

/* Moves a pointer out of a variable and leaves NULL behind. */
#define TAKE(pointer)                                                                              \
    __extension__({                                                                                \
        __auto_type take_value_ = (pointer);                                                       \
        (pointer) = NULL;                                                                          \
        take_value_;                                                                               \
    })

#if defined(__GNUC__) && !defined(__clang__)
/* Lets the compiler see who frees what a constructor returns. */
#define FREED_BY(fn) __attribute__((malloc(fn, 1)))
#else
#define FREED_BY(fn)
#endif

#define MUST_CHECK __attribute__((warn_unused_result))

#define ARRAY_LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* Says so and ends the process by SIGABRT: for libraries that report what they could not allocate.
 */
void mem_exhausted(void) __attribute__((noreturn));

/* All of these return owned memory for free(3), never NULL. */
void *xmalloc(size_t size) __attribute__((malloc, alloc_size(1), returns_nonnull));
void *xcalloc(size_t count, size_t size) __attribute__((malloc, alloc_size(1, 2), returns_nonnull));
void *xrealloc(void *memory, size_t size) __attribute__((returns_nonnull));
char *xstrdup(const char *text) __attribute__((malloc, returns_nonnull));
char *xstrndup(const char *text, size_t length) __attribute__((malloc, returns_nonnull));
char *xasprintf(const char *format, ...)
    __attribute__((malloc, returns_nonnull, format(printf, 1, 2)));

/* Grows an array so that it has room for one element more than `used`; doubles. Returns the array.
 */
void *xgrow(void *array, size_t used, size_t *capacity, size_t element)
    __attribute__((returns_nonnull));

/* For CLEANUP: frees the pointer that the variable holds. */
void freep(void *address);
