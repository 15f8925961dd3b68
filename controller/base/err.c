/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include <stdio.h>
#include <string.h>

/* Here they are defined. */
#undef err_set
#undef err_wrap

const char *err_class_name(enum err_class class)
{
    switch (class) {
    case ERR_TRANSIENT:
        return "transient";
    case ERR_CONFLICT:
        return "conflict";
    case ERR_EXPIRED:
        return "expired";
    case ERR_NOT_FOUND:
        return "not-found";
    case ERR_DENIED:
        return "denied";
    case ERR_INVALID:
        return "invalid";
    case ERR_TOO_LARGE:
        return "too-large";
    case ERR_CANCELED:
        return "canceled";
    }
    return "unknown";
}

int err_set(struct err *err, enum err_class class, int code, const char *format, ...)
{
    if (!err)
        return -1;
    err->class = class;
    err->code = code;
    va_list args;
    va_start(args, format);
    vsnprintf(err->msg, sizeof(err->msg), format, args);
    va_end(args);
    return -1;
}

int err_wrap(struct err *err, const char *format, ...)
{
    if (!err)
        return -1;
    char context[sizeof(err->msg)];
    va_list args;
    va_start(args, format);
    vsnprintf(context, sizeof(context), format, args);
    va_end(args);

    size_t cause = strlen(err->msg);
    size_t room = sizeof(err->msg) - 1 - cause;
    if (room < 3)
        return -1;
    size_t length = strlen(context);
    if (length > room - 2)
        length = room - 2;
    memmove(err->msg + length + 2, err->msg, cause + 1);
    memcpy(err->msg, context, length);
    memcpy(err->msg + length, ": ", 2);
    return -1;
}
