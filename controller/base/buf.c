/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_init(struct buf *buf, size_t limit)
{
    *buf = (struct buf){.limit = limit};
}

void buf_fini(struct buf *buf)
{
    free(buf->data);
    *buf = (struct buf){.limit = buf->limit};
}

void buf_clear(struct buf *buf)
{
    buf->length = 0;
    buf->overflowed = false;
    if (buf->data)
        buf->data[0] = '\0';
}

/* True when `more` bytes and the NUL fit now. */
static bool reserve(struct buf *buf, size_t more)
{
    if (buf->overflowed)
        return false;
    if (more > buf->limit - buf->length) {
        buf->overflowed = true;
        return false;
    }
    size_t needed = buf->length + more + 1;
    if (needed > buf->capacity) {
        size_t capacity = buf->capacity ? buf->capacity : 64;
        while (capacity < needed)
            capacity *= 2;
        buf->data = xrealloc(buf->data, capacity);
        buf->capacity = capacity;
    }
    return true;
}

void buf_add(struct buf *buf, const void *bytes, size_t length)
{
    if (!reserve(buf, length))
        return;
    if (length)
        memcpy(buf->data + buf->length, bytes, length);
    buf->length += length;
    buf->data[buf->length] = '\0';
}

void buf_add_text(struct buf *buf, const char *text)
{
    buf_add(buf, text, strlen(text));
}

void buf_add_char(struct buf *buf, char byte)
{
    if (buf->overflowed || buf->length + 1 >= buf->capacity || buf->length >= buf->limit) {
        buf_add(buf, &byte, 1);
        return;
    }
    buf->data[buf->length++] = byte;
    buf->data[buf->length] = '\0';
}

void buf_add_format(struct buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    /* Most fit in what there is: they are formatted once. */
    size_t room = buf->overflowed ? 0 : buf->capacity - buf->length;
    char *place = room ? buf->data + buf->length : NULL;
    int length = vsnprintf(place, room, format, args);
    va_end(args);
    bool fits = length >= 0 && (size_t)length < room;
    if (fits && (size_t)length <= buf->limit - buf->length) {
        buf->length += (size_t)length;
    } else if (length >= 0 && reserve(buf, (size_t)length)) {
        vsnprintf(buf->data + buf->length, (size_t)length + 1, format, again);
        buf->length += (size_t)length;
    } else if (place) {
        *place = '\0';
    }
    va_end(again);
}

const char *buf_text(const struct buf *buf)
{
    return buf->data ? buf->data : "";
}

char *buf_take(struct buf *buf)
{
    /* What is taken is often kept: without the room to grow. */
    char *data = buf->data ? xrealloc(buf->data, buf->length + 1) : xstrdup("");
    *buf = (struct buf){.limit = buf->limit};
    return data;
}
