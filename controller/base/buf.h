/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/mem.h"

/*
 * Bytes that grow, up to a limit. Whatever comes from outside goes into a buffer with a limit;
 * crossing it is remembered (`overflowed`), the bytes stay as they were, and further additions are
 * refused, so that one test at the end suffices. The bytes are always followed by a NUL.
 */
struct buf {
    char *data; /* NULL while empty and never used */
    size_t length;
    size_t capacity;
    size_t limit;
    bool overflowed;
};

/* No limit: for text that we make ourselves from bounded input. */
#define BUF_UNLIMITED ((size_t)-1)

void buf_init(struct buf *buf, size_t limit);
/* Frees the bytes; the buffer may be used again with the same limit. Also for CLEANUP. */
void buf_fini(struct buf *buf);
/* Forgets the bytes and keeps the memory. */
void buf_clear(struct buf *buf);

void buf_add(struct buf *buf, const void *bytes, size_t length);
void buf_add_text(struct buf *buf, const char *text);
void buf_add_char(struct buf *buf, char byte);
void buf_add_format(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The text so far, never NULL; borrowed until the buffer changes. */
const char *buf_text(const struct buf *buf);
/* Returns owned: the bytes, NUL behind them; the buffer is empty then. Never NULL. */
char *buf_take(struct buf *buf);
