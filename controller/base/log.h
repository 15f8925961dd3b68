/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/*
 * One line per outcome on stderr, as JSON with fixed keys or as text for a terminal. Who has a
 * caller returns an error instead; only what runs by itself logs (the reconciler, the endless
 * flows, app). Values of Secrets are never passed in; text from outside goes through `detail`,
 * which is cut to 300 bytes and stripped of control bytes.
 */
enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };

/* Fields that a line may have; NULL and 0 are left out. */
struct log_fields {
    const char *kind; /* of the object the line is about */
    const char *ns;
    const char *name;
    const char *key;      /* "namespace/name", in the place of the two before */
    const char *endpoint; /* a gateway, without credentials */
    const char *reason;   /* CamelCase, as in conditions and events */
    const char *detail;   /* text from outside */
    int64_t count;
    int64_t duration_ms;
    int64_t attempt;
    const struct err *err;
};

/* Level and format are the only state, set once by main. */
void log_setup(enum log_level level, bool json);
bool log_is_on(enum log_level level);
int log_level_from_name(const char *name, enum log_level *ret_level);

/* The message is fixed text ("definition pushed"); what varies is in the fields. */
void log_line(enum log_level level, const char *message, const struct log_fields *fields);

#define log_debug(message, ...) log_at(LOG_LEVEL_DEBUG, message, __VA_ARGS__)
#define log_info(message, ...) log_at(LOG_LEVEL_INFO, message, __VA_ARGS__)
#define log_warn(message, ...) log_at(LOG_LEVEL_WARN, message, __VA_ARGS__)
#define log_error(message, ...) log_at(LOG_LEVEL_ERROR, message, __VA_ARGS__)
#define log_at(level, message, ...)                                                                \
    do {                                                                                           \
        if (log_is_on(level))                                                                      \
            log_line(level, message, &(struct log_fields){__VA_ARGS__});                           \
    } while (0)
