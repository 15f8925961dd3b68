/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

/* Allocation that aborts when there is no memory: a test program has nothing better to do. */
void *mem_zeroed(size_t size) __attribute__((malloc, returns_nonnull));
void *mem_resized(void *block, size_t count, size_t size)
    __attribute__((warn_unused_result, returns_nonnull));
char *mem_string(const char *string) __attribute__((malloc, returns_nonnull));
char *mem_string_of(const char *bytes, size_t len) __attribute__((malloc, returns_nonnull));
