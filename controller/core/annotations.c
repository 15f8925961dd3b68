/* SPDX-License-Identifier: Apache-2.0 */
#include "core/annotations.h"

#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/json_text.h"
#include "base/mem.h"
#include "base/str.h"
#include "core/nearest.h"

#define DOMAIN "grapnel.dev/"
#define ADOPT DOMAIN "adopt"
#define POLICY DOMAIN "deletion-policy"
#define PRUNE DOMAIN "confirm-prune"

static bool is_true(const struct object *object, const char *name)
{
    CLEANUP(freep) char *value = object_annotation(object, name);
    return str_equal(value, "true");
}

bool annotations_adopt(const struct object *api)
{
    return is_true(api, ADOPT);
}

bool annotations_confirm_prune(const struct object *context)
{
    return is_true(context, PRUNE);
}

static bool says_delete(const char *policy)
{
    return str_is_empty(policy) || strcasecmp(policy, "Delete") == 0;
}

bool annotations_retain(const struct object *api)
{
    CLEANUP(freep) char *policy = object_annotation(api, POLICY);
    return !says_delete(policy);
}

/* What may stand there. */
static const struct known {
    const char *name;
    int kind;     /* of the objects that it means something at; -1: any */
    bool is_bool; /* true or false */
} known[] = {
    {ADOPT, OBJECT_API, true},
    {POLICY, OBJECT_API, false},
    {PRUNE, OBJECT_CONTEXT, true},
    {DOMAIN "converted-webhooks", -1, false}, /* the operator's own, as is the next one */
    {DOMAIN "content", -1, false},
};

static const struct known *find(const char *name, enum object_kind kind)
{
    for (size_t i = 0; i < ARRAY_LENGTH(known); i++) {
        if (str_equal(name, known[i].name) && (known[i].kind < 0 || known[i].kind == (int)kind))
            return &known[i];
    }
    return NULL;
}

/* Without regard to case and dashes (deletionPolicy), else by letters that are wrong. */
static char *nearest(const char *name, enum object_kind kind)
{
    const char *names[ARRAY_LENGTH(known)];
    size_t count = 0;
    for (size_t i = 0; i < ARRAY_LENGTH(known); i++) {
        if (known[i].kind == (int)kind)
            names[count++] = known[i].name;
    }
    const char *best = nearest_name(name, names, count);
    return best ? xasprintf("did you mean %s?", best) : NULL;
}

/* What is shown of a value. */
#define SHOWN_MAX 64

static void warn(struct problems *problems, const char *name, const char *hint, const char *message,
                 const char *value)
{
    CLEANUP(buf_fini) struct buf shown;
    buf_init(&shown, BUF_UNLIMITED);
    str_add_printable(&shown, value, strlen(value), SHOWN_MAX);
    CLEANUP(freep) char *field = xasprintf("metadata.annotations.%s", name);
    problems_add(problems,
                 &(struct problem_about){.severity = PROBLEM_WARNING,
                                         .reason = "UnknownAnnotation",
                                         .field = field,
                                         .hint = hint},
                 "%s%s", message, buf_text(&shown));
}

static void check_value(const struct known *annotation, const char *value,
                        struct problems *problems)
{
    if (annotation->is_bool && !str_is_empty(value) && !str_equal(value, "true") &&
        !str_equal(value, "false"))
        warn(problems, annotation->name, "\"true\" is what counts",
             "it has no effect with the value ", value);
    else if (str_equal(annotation->name, POLICY) && !says_delete(value) &&
             strcasecmp(value, "Retain") != 0)
        warn(problems, annotation->name, "Retain or Delete",
             "it counts as Retain, as nobody knows what is meant by ", value);
}

void annotations_lint(const struct object *object, struct problems *problems)
{
    struct span annotations = json_text_member(object_metadata(object), "annotations");
    if (json_text_type(annotations) != JSON_TEXT_OBJECT ||
        !memmem(annotations.ptr, annotations.length, DOMAIN, strlen(DOMAIN)))
        return;
    struct json_text_iter iter = json_text_iterate(annotations);
    while (json_text_next(&iter)) {
        CLEANUP(freep) char *name = json_text_string(iter.key);
        if (!name || !str_starts(name, DOMAIN))
            continue;
        CLEANUP(freep) char *value = json_text_string(iter.value);
        const struct known *annotation = find(name, object->kind);
        if (annotation) {
            check_value(annotation, value ? value : "", problems);
            continue;
        }
        CLEANUP(freep) char *hint = nearest(name, object->kind);
        warn(problems, name, hint, "unknown annotation, it has no effect", "");
    }
}
