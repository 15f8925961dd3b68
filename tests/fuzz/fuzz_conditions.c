/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any object with any status, to which conditions are written (the first bytes choose them). What
 * comes out is a list of conditions as metav1 has it; written into the object it says the same at
 * any later time; times move only where the status of a type has flipped.
 */
#include <string.h>

#include "base/json_text.h"
#include "base/mem.h"
#include "base/str.h"
#include "core/conditions.h"
#include "expect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHOICES 6
#define NOW INT64_C(1790000000)

static const char *const types[] = {"Ready", "ResolvedRefs", "Programmed", "Reconciling"};

static void make(struct choices *choices, struct conditions *conditions)
{
    static const char *const reasons[] = {"Synced", "Progressing", "GatewayRejected"};
    for (size_t i = 0; i < ARRAY_LENGTH(types); i++) {
        unsigned bits = choose(choices, 256);
        if (i == 0 || bits & 128)
            conditions_add(conditions, types[i], (enum condition_status)(bits % 3),
                           reasons[bits / 3 % 3], "words \"%u\"\n", bits);
    }
}

static void check_list(struct span list, size_t count)
{
    struct json_text_iter iter = json_text_iterate(list);
    size_t seen = 0;
    while (json_text_next(&iter)) {
        CLEANUP(freep)
        char *when = json_text_string(json_text_member(iter.value, "lastTransitionTime"));
        CLEANUP(freep) char *reason = json_text_string(json_text_member(iter.value, "reason"));
        int64_t seconds;
        expect(when && str_parse_time(when, &seconds, NULL) == 0, "a condition has a time");
        expect(reason && *reason, "a condition has a reason");
        seen++;
    }
    expect(seen == count, "every condition is written");
}

static void write(const struct conditions *conditions, const struct object *object, int64_t now,
                  struct buf *out)
{
    buf_init(out, BUF_UNLIMITED);
    buf_add_text(out, "{\"conditions\":");
    conditions_add_json(conditions, object, now, out);
    buf_add_char(out, '}');
}

static void check(const struct conditions *conditions, const struct object *object)
{
    static const struct json_text_limits limits = {.depth = 200, .unique_keys = true};
    CLEANUP(buf_fini) struct buf first;
    CLEANUP(buf_fini) struct buf second;
    write(conditions, object, NOW, &first);
    struct span status = {buf_text(&first), first.length};
    expect(json_text_check(status, &limits, NULL, NULL) == 0, "conditions are JSON");
    check_list(json_text_member(status, "conditions"), conditions->count);
    struct object *with = object_with_status(object, status, "2");
    write(conditions, with, NOW + 1000, &second);
    expect(strcmp(buf_text(&first), buf_text(&second)) == 0, "what is said is not said anew");
    expect(status_is_current(with, buf_text(&second), second.length), "… and is found current");
    for (size_t i = 0; i < conditions->count; i++) {
        bool is_true;
        CLEANUP(freep) char *reason = condition_reason(with, conditions->items[i].type, &is_true);
        expect(reason && strcmp(reason, conditions->items[i].reason) == 0, "a reason reads back");
        expect(is_true == (conditions->items[i].status == CONDITION_TRUE), "so does its status");
    }
    object_unref(with);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct json_text_limits limits = {.depth = 100, .unique_keys = true};
    if (size <= CHOICES)
        return 0;
    struct choices choices = {data, data + CHOICES};
    CLEANUP(freep) char *copy = xstrndup((const char *)data + CHOICES, size - CHOICES);
    struct span text = {copy, size - CHOICES};
    struct object *object;
    if (json_text_check(text, &limits, NULL, NULL) < 0 ||
        object_new(OBJECT_API, text, NULL, &object, NULL) < 0)
        return 0;
    struct conditions conditions = {.count = 0};
    make(&choices, &conditions);
    check(&conditions, object);
    conditions_fini(&conditions);
    object_unref(object);
    return 0;
}
