/* SPDX-License-Identifier: Apache-2.0 */
#include "base/bytes.h"

#include <stdint.h>
#include <stdlib.h>

#include "base/mem.h"

struct bytes *bytes_take(struct buf *buf)
{
    struct bytes *bytes = xmalloc(sizeof(*bytes));
    size_t length = buf->length;
    *bytes = (struct bytes){buf_take(buf), length, 1};
    return bytes;
}

struct bytes *bytes_copy(struct span text)
{
    CLEANUP(buf_fini) struct buf buf;
    buf_init(&buf, BUF_UNLIMITED);
    buf_add(&buf, text.ptr, text.length);
    return bytes_take(&buf);
}

struct bytes *bytes_ref(struct bytes *bytes)
{
    bytes->refs++;
    return bytes;
}

void bytes_unref(struct bytes *bytes)
{
    if (!bytes || --bytes->refs)
        return;
    free((void *)(uintptr_t)bytes->data);
    free(bytes);
}

void bytes_unrefp(struct bytes **bytes)
{
    bytes_unref(*bytes);
}

struct span bytes_span(const struct bytes *bytes)
{
    return (struct span){bytes->data, bytes->length};
}
