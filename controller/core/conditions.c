/* SPDX-License-Identifier: Apache-2.0 */
#include "core/conditions.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_members.h"
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

/* The one of a type among them. */
static void find(struct span conditions, const char *type, struct json_members *ret_condition)
{
    struct json_text_iter iter = json_text_iterate(conditions);
    while (json_text_next(&iter)) {
        json_members_read(ret_condition, iter.value);
        if (json_text_is(json_members_get(ret_condition, "type"), type))
            return;
    }
    json_members_read(ret_condition, (struct span){NULL, 0});
}

/* A time that somebody else has written may be none: the API server would refuse all of it. */
static bool is_time(struct span value)
{
    CLEANUP(freep) char *text = json_text_string(value);
    int64_t seconds;
    return text && str_parse_time(text, &seconds, NULL) == 0;
}

/* What the present status says of a condition; empty: nothing. */
struct before {
    struct span status;
    struct span time;
};

static void add_one(const struct condition *condition, const struct before *before,
                    int64_t generation, int64_t now_s, struct buf *out)
{
    const char *status = status_names[condition->status];
    char now[21];

    buf_add_format(out, "{\"type\":\"%s\",\"status\":\"%s\",\"observedGeneration\":%" PRId64,
                   condition->type, status, generation);
    buf_add_text(out, ",\"lastTransitionTime\":");
    if (json_text_is(before->status, status) && is_time(before->time)) {
        buf_add(out, before->time.ptr, before->time.length);
    } else {
        str_format_time(now, now_s);
        json_text_add_string(out, now);
    }
    buf_add_format(out, ",\"reason\":\"%s\",\"message\":", condition->reason);
    json_text_add_string(out, condition->message ? condition->message : "");
    buf_add_char(out, '}');
}

/* The first one of each type counts. */
static void read_before(const struct conditions *conditions, const struct object *object,
                        struct before *before)
{
    bool known[CONDITIONS_MAX] = {false};
    struct json_text_iter iter = json_text_iterate(present_all(object));
    while (json_text_next(&iter)) {
        struct json_members members;
        json_members_read(&members, iter.value);
        struct span type = json_members_get(&members, "type");
        for (size_t i = 0; i < conditions->count; i++) {
            if (known[i] || !json_text_is(type, conditions->items[i].type))
                continue;
            known[i] = true;
            before[i] = (struct before){json_members_get(&members, "status"),
                                        json_members_get(&members, "lastTransitionTime")};
        }
    }
}

void conditions_add_json(const struct conditions *conditions, const struct object *object,
                         int64_t now_s, struct buf *out)
{
    struct before before[CONDITIONS_MAX] = {{.status = {NULL, 0}}};
    read_before(conditions, object, before);
    buf_add_char(out, '[');
    for (size_t i = 0; i < conditions->count; i++) {
        if (i)
            buf_add_char(out, ',');
        add_one(&conditions->items[i], &before[i], object->generation, now_s, out);
    }
    buf_add_char(out, ']');
}

char *condition_reason(const struct object *object, const char *type, bool *ret_true)
{
    struct json_members condition;
    find(present_all(object), type, &condition);
    if (ret_true)
        *ret_true = json_text_is(json_members_get(&condition, "status"), "True");
    return json_text_string(json_members_get(&condition, "reason"));
}

char *condition_message(const struct object *object, const char *type)
{
    struct json_members condition;
    find(present_all(object), type, &condition);
    return json_text_string(json_members_get(&condition, "message"));
}

bool status_is_current(const struct object *object, const char *status, size_t length)
{
    return json_text_equal(object_status(object), (struct span){status, length});
}
