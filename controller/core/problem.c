/* SPDX-License-Identifier: Apache-2.0 */
#include "core/problem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"

/* Messages quote text from outside: they are cut, and control bytes do not pass. */
#define MESSAGE_LIMIT 1024

static char *make_message(const char *format, va_list arguments)
    __attribute__((format(printf, 1, 0)));
static void add(struct problems *problems, const struct problem_about *about, const char *format,
                va_list arguments) __attribute__((format(printf, 3, 0)));

static char *make_message(const char *format, va_list arguments)
{
    char raw[2 * MESSAGE_LIMIT];
    vsnprintf(raw, sizeof(raw), format, arguments);
    struct buf message;
    buf_init(&message, BUF_UNLIMITED);
    str_add_printable(&message, raw, strlen(raw), MESSAGE_LIMIT);
    return buf_take(&message);
}

static void add(struct problems *problems, const struct problem_about *about, const char *format,
                va_list arguments)
{
    problems->items =
        xgrow(problems->items, problems->count, &problems->capacity, sizeof(*problems->items));
    problems->items[problems->count++] = (struct problem){
        .severity = about->severity,
        .reason = about->reason,
        .trigger = about->trigger ? xstrdup(about->trigger) : NULL,
        .index = about->index,
        .field = about->field ? xstrdup(about->field) : NULL,
        .message = make_message(format, arguments),
        .hint = about->hint ? xstrdup(about->hint) : NULL,
    };
}

void problems_add(struct problems *problems, const struct problem_about *about, const char *format,
                  ...)
{
    va_list arguments;
    va_start(arguments, format);
    add(problems, about, format, arguments);
    va_end(arguments);
}

void problems_refuse(struct problems *problems, const char *field, const char *hint,
                     const char *format, ...)
{
    struct problem_about about = {
        .severity = PROBLEM_ERROR, .reason = "InvalidSpec", .field = field, .hint = hint};
    va_list arguments;
    va_start(arguments, format);
    add(problems, &about, format, arguments);
    va_end(arguments);
}

bool problems_have_error(const struct problems *problems, const char *reason)
{
    for (size_t i = 0; i < problems->count; i++) {
        const struct problem *problem = &problems->items[i];
        if (problem->severity == PROBLEM_ERROR && (!reason || strcmp(problem->reason, reason) == 0))
            return true;
    }
    return false;
}

void problems_move(struct problems *to, struct problems *from)
{
    for (size_t i = 0; i < from->count; i++) {
        to->items = xgrow(to->items, to->count, &to->capacity, sizeof(*to->items));
        to->items[to->count++] = from->items[i];
    }
    free(from->items);
    *from = (struct problems){.count = 0};
}

const char *problem_severity_name(enum problem_severity severity)
{
    return severity == PROBLEM_ERROR ? "error" : "warning";
}

const char *problem_found(struct span value)
{
    switch (json_text_type(value)) {
    case JSON_TEXT_OBJECT:
        return "a map";
    case JSON_TEXT_ARRAY:
        return "a list";
    case JSON_TEXT_STRING:
        return "a text";
    case JSON_TEXT_NUMBER:
        return "a number";
    case JSON_TEXT_TRUE:
    case JSON_TEXT_FALSE:
        return "true or false";
    case JSON_TEXT_NULL:
        return "null";
    case JSON_TEXT_NONE:
        break;
    }
    return "nothing";
}

void problems_fini(struct problems *problems)
{
    for (size_t i = 0; i < problems->count; i++) {
        free(problems->items[i].trigger);
        free(problems->items[i].field);
        free(problems->items[i].message);
        free(problems->items[i].hint);
    }
    free(problems->items);
    *problems = (struct problems){.count = 0};
}
