/* SPDX-License-Identifier: Apache-2.0 */
#include "core/secret.h"

#include <string.h>

#include "base/json_text.h"
#include "base/mem.h"
#include "base/str.h"

static void wipe_and_fini(struct buf *buf)
{
    if (buf->data)
        explicit_bzero(buf->data, buf->capacity);
    buf_fini(buf);
}

int secret_value(const struct object *secret, const char *key, struct buf *out, struct err *err)
{
    if (!secret)
        return err_set(err, ERR_NOT_FOUND, 0, "it is missing, or may not be read");
    CLEANUP(wipe_and_fini) struct buf value;
    buf_init(&value, BUF_UNLIMITED);
    struct span plain = json_text_get(object_text(secret), "stringData", key, NULL);
    struct span encoded = json_text_get(object_text(secret), "data", key, NULL);
    CLEANUP(freep) char *text = json_text_string(plain.ptr ? plain : encoded);
    if (!text)
        return err_set(err, ERR_NOT_FOUND, 0, "the Secret has no key %s", key);
    if (plain.ptr)
        buf_add_text(&value, text);
    else if (str_base64_decode(&value, text, strlen(text), err) < 0)
        return -1;
    if (value.length && value.data[value.length - 1] == '\n')
        value.length--;
    if (memchr(buf_text(&value), '\0', value.length) ||
        !str_is_utf8(buf_text(&value), value.length))
        return err_set(err, ERR_INVALID, 0, "the value is not text");
    buf_add(out, buf_text(&value), value.length);
    return 0;
}
