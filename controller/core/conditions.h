/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "core/object.h"

/*
 * status.conditions as metav1.Condition has it: a list by type; lastTransitionTime moves only when
 * the status flips, so a status that says the same is the same text.
 */
enum condition_status { CONDITION_FALSE, CONDITION_TRUE, CONDITION_UNKNOWN };

struct condition {
    const char *type;
    enum condition_status status;
    const char *reason; /* CamelCase, never empty */
    char *message;      /* owned; NULL: "" */
};

#define CONDITIONS_MAX 8
struct conditions {
    struct condition items[CONDITIONS_MAX];
    size_t count;
};

/* Adds a condition; the message is formatted, cut to 1,024 bytes. */
void conditions_add(struct conditions *conditions, const char *type, enum condition_status status,
                    const char *reason, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
void conditions_fini(struct conditions *conditions);
const struct condition *conditions_get(const struct conditions *conditions, const char *type);

/* Appends the JSON array. Times are taken over from the object's present status where the status of
 * a type has not changed, else they are `now_s`. Every condition bears the object's generation. */
void conditions_add_json(const struct conditions *conditions, const struct object *object,
                         int64_t now_s, struct buf *out);

/* What the object's present status says: returns owned reason, NULL when the condition is absent;
 * *ret_true (may be NULL) is whether it is True. */
char *condition_reason(const struct object *object, const char *type, bool *ret_true);
/* Likewise its message. */
char *condition_message(const struct object *object, const char *type);

/* Is `status` (JSON text) what the object's status already says, whatever the order of keys? Sorted
 * ones, as servers store them, are compared byte by byte. */
bool status_is_current(const struct object *object, const char *status, size_t length);
