/* SPDX-License-Identifier: Apache-2.0 */
#include "text.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"

void text_reserve(struct text *text, size_t len)
{
    size_t needed = text->len + len + 1;
    if (needed <= text->capacity) {
        return;
    }
    size_t capacity = text->capacity < 128 ? 256 : text->capacity * 2;
    if (capacity < needed) {
        capacity = needed;
    }
    text->bytes = mem_resized(text->bytes, capacity, 1);
    text->capacity = capacity;
}

void text_add(struct text *text, const char *bytes, size_t len)
{
    text_reserve(text, len);
    if (len > 0) {
        memcpy(text->bytes + text->len, bytes, len);
    }
    text->len += len;
    text->bytes[text->len] = '\0';
}

void text_puts(struct text *text, const char *string)
{
    text_add(text, string, strlen(string));
}

void text_putc(struct text *text, char c)
{
    text_add(text, &c, 1);
}

void text_printf(struct text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    va_list again;
    va_copy(again, arguments);
    int len = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    assert(len >= 0);
    text_reserve(text, (size_t)len);
    vsnprintf(text->bytes + text->len, (size_t)len + 1, format, again);
    va_end(again);
    text->len += (size_t)len;
}

void text_shrink(struct text *text)
{
    if (text->bytes != NULL && text->capacity > text->len + 1) {
        text->capacity = text->len + 1;
        text->bytes = mem_resized(text->bytes, text->capacity, 1);
    }
}

void text_clear(struct text *text)
{
    text_cut(text, 0);
}

void text_cut(struct text *text, size_t len)
{
    assert(len <= text->len);
    text->len = len;
    if (text->bytes != NULL) {
        text->bytes[len] = '\0';
    }
}

const char *text_string(const struct text *text)
{
    return text->bytes != NULL ? text->bytes : "";
}

void text_fini(struct text *text)
{
    free(text->bytes);
    *text = (struct text){0};
}
