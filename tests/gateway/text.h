/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

/* A text that grows. All zeros is an empty one; bytes is NUL-terminated once something was added.
 */
struct text {
    char *bytes;
    size_t len;
    size_t capacity;
};

void text_add(struct text *text, const char *bytes, size_t len);
void text_puts(struct text *text, const char *string);
void text_putc(struct text *text, char c);
void text_printf(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Makes room, so that len more bytes are added without a copy. */
void text_reserve(struct text *text, size_t len);

/* Gives back the memory that it does not use. */
void text_shrink(struct text *text);

/* Empties it and keeps its memory. */
void text_clear(struct text *text);

/* Cuts it back to len bytes, which it must have. */
void text_cut(struct text *text, size_t len);

/* The text as a C string, "" while nothing was added. Borrowed until the next change. */
const char *text_string(const struct text *text);

/* Frees the memory; the text is empty after that and may be used again. */
void text_fini(struct text *text);
