/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdarg.h>

/*
 * An error is a value that the caller owns: a class (what the caller does about it), a code (HTTP
 * status or errno, 0 when there is none) and a text for people. Functions that can fail return 0,
 * or -1 with *err set; on success *err is left alone. Absence is not an error: look-ups return
 * NULL.
 */
enum err_class {
    ERR_TRANSIENT, /* the world is not ready: try again later */
    ERR_CONFLICT,  /* somebody else wrote first: look again, then decide anew */
    ERR_EXPIRED,   /* what we hold is too old: list again */
    ERR_NOT_FOUND, /* the thing named does not exist */
    ERR_DENIED,    /* we may not: credentials or permissions have to change */
    ERR_INVALID,   /* the input is wrong: repeating it cannot help */
    ERR_TOO_LARGE, /* nor when it is right, but more than is taken: only less of it can */
    ERR_CANCELED,  /* we stopped it ourselves */
};

struct err {
    enum err_class class;
    int code;
    char msg[512];
};

/* "transient", "conflict", …: for logs. */
const char *err_class_name(enum err_class class);

/* Sets *err (which may be NULL: nobody wants to know) and returns -1. Messages are lower case,
 * without a full stop, name the field or object and never hold a secret. */
int err_set(struct err *err, enum err_class class, int code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Puts "context: " before the message of an error on its way up and returns -1. If both do not fit,
 * the context is cut, never the cause. */
int err_wrap(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

#ifdef __clang_analyzer__
/* It does not look into other files, and would else follow what happens after an error that is
 * none. */
#define err_set(...) ((void)(err_set)(__VA_ARGS__), -1)
#define err_wrap(...) ((void)(err_wrap)(__VA_ARGS__), -1)
#endif
