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

char *secret_placeholder(const char *source)
{
    return *source ? xasprintf("<secret %s>", source) : xstrdup("<secret>");
}

/* Passes over a name of the length at least one. */
static bool skip_name(const char **at, const char *letters)
{
    size_t length = strspn(*at, letters);
    *at += length;
    return length > 0;
}

static bool skip_char(const char **at, char byte)
{
    bool is_there = **at == byte;
    *at += is_there;
    return is_there;
}

bool secret_is_placeholder(const char *text)
{
    static const char names[] = "abcdefghijklmnopqrstuvwxyz0123456789-.";
    static const char keys[] = "abcdefghijklmnopqrstuvwxyz0123456789-._ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    const char *at = text;
    if (str_equal(text, "<secret>"))
        return true;
    return str_starts(text, "<secret ") && (at += strlen("<secret ")) && skip_name(&at, names) &&
           skip_char(&at, '/') && skip_name(&at, names) && skip_char(&at, ' ') &&
           skip_name(&at, keys) && str_equal(at, ">");
}
