/* SPDX-License-Identifier: Apache-2.0 */
#include "core/conditions.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_text.h"
#include "base/str.h"

#define MESSAGE_LIMIT 1024

static const char *const status_names[] = {"False", "True", "Unknown"};

void conditions_add(struct conditions *conditions, const char *type, enum condition_status status,
                    const char *reason, const char *format, ...)
{
    if (conditions->count == CONDITIONS_MAX)
        abort(); /* our mistake: the types are ours */
    char raw[4 * MESSAGE_LIMIT];
    va_list args;
    va_start(args, format);
    vsnprintf(raw, sizeof(raw), format, args);
    va_end(args);
    struct buf message;
    buf_init(&message, BUF_UNLIMITED);
    str_add_printable(&message, raw, strlen(raw), MESSAGE_LIMIT);
    conditions->items[conditions->count++] = (struct condition){
        .type = type, .status = status, .reason = reason, .message = buf_take(&message)};
}

void conditions_fini(struct conditions *conditions)
{
    for (size_t i = 0; i < conditions->count; i++)
        free(conditions->items[i].message);
    conditions->count = 0;
}

const struct condition *conditions_get(const struct conditions *conditions, const char *type)
{
    for (size_t i = 0; i < conditions->count; i++) {
        if (strcmp(conditions->items[i].type, type) == 0)
            return &conditions->items[i];
    }
    return NULL;
}

static struct span present_all(const struct object *object)
{
    return json_text_member(object_status(object), "conditions");
}

static bool is_of_type(struct span condition, const char *type)
{
    return json_text_is(json_text_member(condition, "type"), type);
}

/* The one of a type among them. */
static struct span find(struct span conditions, const char *type)
{
    struct json_text_iter iter = json_text_iterate(conditions);
    while (json_text_next(&iter)) {
        if (is_of_type(iter.value, type))
            return iter.value;
    }
    return (struct span){NULL, 0};
}

/* A time that somebody else has written may be none: the API server would refuse all of it. */
static bool is_time(struct span value)
{
    CLEANUP(freep) char *text = json_text_string(value);
    int64_t seconds;
    return text && str_parse_time(text, &seconds, NULL) == 0;
}

/* `before`: the one of its type as the status has it now. */
static void add_one(const struct condition *condition, struct span before, int64_t generation,
                    int64_t now_s, struct buf *out)
{
    const char *status = status_names[condition->status];
    struct span time = json_text_member(before, "lastTransitionTime");
    char now[21];

    buf_add_text(out, "{\"lastTransitionTime\":");
    if (json_text_is(json_text_member(before, "status"), status) && is_time(time)) {
        buf_add(out, time.ptr, time.length);
    } else {
        str_format_time(now, now_s);
        json_text_add_string(out, now);
    }
    buf_add_text(out, ",\"message\":");
    json_text_add_string(out, condition->message ? condition->message : "");
    buf_add_format(out, ",\"observedGeneration\":%" PRId64 ",\"reason\":\"", generation);
    buf_add_text(out, condition->reason);
    buf_add_text(out, "\",\"status\":\"");
    buf_add_text(out, status);
    buf_add_text(out, "\",\"type\":\"");
    buf_add_text(out, condition->type);
    buf_add_text(out, "\"}");
}

void conditions_add_json(const struct conditions *conditions, const struct object *object,
                         int64_t now_s, struct buf *out)
{
    /* Found once: it stands among all that the status holds. */
    struct span now = present_all(object);
    /* They mostly are the same ones as last time, in the same order. */
    struct json_text_iter same = json_text_iterate(now);
    buf_add_char(out, '[');
    for (size_t i = 0; i < conditions->count; i++) {
        const struct condition *condition = &conditions->items[i];
        bool is_same = json_text_next(&same) && is_of_type(same.value, condition->type);
        if (i)
            buf_add_char(out, ',');
        add_one(condition, is_same ? same.value : find(now, condition->type), object->generation,
                now_s, out);
    }
    buf_add_char(out, ']');
}

char *condition_reason(const struct object *object, const char *type, bool *ret_true)
{
    struct span condition = find(present_all(object), type);
    if (ret_true)
        *ret_true = json_text_is(json_text_member(condition, "status"), "True");
    return json_text_string(json_text_member(condition, "reason"));
}

char *condition_message(const struct object *object, const char *type)
{
    return json_text_string(json_text_member(find(present_all(object), type), "message"));
}

bool status_is_current(const struct object *object, const char *status, size_t length)
{
    return json_text_equal(object_status(object), (struct span){status, length});
}
