/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong with a value, in words. */
#include "core/schema_walk.h"

#include <stdlib.h>
#include <string.h>

#include "base/json_text.h"
#include "base/str.h"
#include "core/nearest.h"

/* ---- problems ---- */

void schema_problems_fini(struct schema_problems *problems)
{
    for (size_t i = 0; i < problems->count; i++) {
        free(problems->items[i].field);
        free(problems->items[i].message);
        free(problems->items[i].hint);
    }
    free(problems->items);
    *problems = (struct schema_problems){0};
}

void schema_problems_add(struct schema_problems *problems, bool is_warning, const char *at,
                         char *field, char *message, char *hint)
{
    problems->errors += !is_warning;
    if (problems->count == SCHEMA_PROBLEMS_MAX) {
        free(field);
        free(message);
        free(hint);
        return;
    }
    problems->items =
        xgrow(problems->items, problems->count, &problems->capacity, sizeof(*problems->items));
    problems->items[problems->count++] =
        (struct schema_problem){is_warning, field, message, hint, at};
}

/* The first sentence of a description, without its full stop; NULL when there is none. */
char *schema_hint(const struct schema *schema)
{
    if (!schema || !schema->description)
        return NULL;
    const char *end = strstr(schema->description, ". ");
    size_t length = end ? (size_t)(end - schema->description) : strlen(schema->description);
    if (length && schema->description[length - 1] == '.')
        length--;
    return xstrndup(schema->description, length);
}

static void add_path(const struct schema_step *step, struct buf *out)
{
    if (!step)
        return;
    add_path(step->above, out);
    if (step->name)
        buf_add_format(out, "%s%s", step->above ? "." : "", step->name);
    else
        buf_add_format(out, "[%zu]", step->index);
}

char *schema_path(const struct schema_walk *walk)
{
    struct buf path;
    buf_init(&path, BUF_UNLIMITED);
    add_path(walk->here, &path);
    return buf_take(&path);
}

/* Adds an error at the path of the walk, `suffix` behind it; takes the texts. */
void schema_complain(struct schema_walk *walk, const char *at, const char *suffix, char *message,
                     char *hint)
{
    CLEANUP(freep) char *path = schema_path(walk);
    char *field = xasprintf("%s%s", path, suffix);
    if (*field == '.')
        memmove(field, field + 1, strlen(field));
    schema_problems_add(walk->problems, false, walk->at ? walk->at : at, field, message, hint);
}

static char *shown(struct span value)
{
    CLEANUP(freep) char *text = json_text_string(value);
    CLEANUP(buf_fini) struct buf out;
    buf_init(&out, BUF_UNLIMITED);
    if (text)
        buf_add_char(&out, '"');
    str_add_printable(&out, text ? text : value.ptr, text ? strlen(text) : value.length, 60);
    if (text)
        buf_add_char(&out, '"');
    return buf_take(&out);
}

/* ---- scalars ---- */

static const char *type_with_article(enum schema_type type)
{
    switch (type) {
    case SCHEMA_OBJECT:
        return "a map";
    case SCHEMA_ARRAY:
        return "a list";
    case SCHEMA_STRING:
        return "a text";
    case SCHEMA_INTEGER:
        return "a whole number";
    case SCHEMA_NUMBER:
        return "a number";
    case SCHEMA_BOOLEAN:
        return "true or false";
    case SCHEMA_INT_OR_STRING:
        return "a whole number or a text";
    case SCHEMA_ANY:
        break;
    }
    return "anything";
}

const char *schema_found(enum json_text_type type)
{
    switch (type) {
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

static double number_of(struct span value)
{
    CLEANUP(freep) char *text = xstrndup(value.ptr, value.length);
    return strtod(text, NULL);
}

/* Also 10.0 and 1e2, as the API server has it; a whole number beyond int64 is none. */
static bool is_whole(struct span value)
{
    int64_t whole;
    return json_text_int64(value, &whole);
}

bool schema_has_type(enum schema_type want, struct span value)
{
    enum json_text_type type = json_text_type(value);
    switch (want) {
    case SCHEMA_ANY:
        return true;
    case SCHEMA_OBJECT:
        return type == JSON_TEXT_OBJECT;
    case SCHEMA_ARRAY:
        return type == JSON_TEXT_ARRAY;
    case SCHEMA_STRING:
        return type == JSON_TEXT_STRING;
    case SCHEMA_INTEGER:
        return type == JSON_TEXT_NUMBER && is_whole(value);
    case SCHEMA_NUMBER:
        return type == JSON_TEXT_NUMBER;
    case SCHEMA_BOOLEAN:
        return type == JSON_TEXT_TRUE || type == JSON_TEXT_FALSE;
    case SCHEMA_INT_OR_STRING:
        return type == JSON_TEXT_STRING || (type == JSON_TEXT_NUMBER && is_whole(value));
    }
    return false;
}

static char *type_hint(const struct schema *schema, enum json_text_type found)
{
    bool scalar = found != JSON_TEXT_OBJECT && found != JSON_TEXT_ARRAY && found != JSON_TEXT_NULL;
    if (schema->type == SCHEMA_STRING && (found == JSON_TEXT_TRUE || found == JSON_TEXT_FALSE))
        return xstrdup("put it in quotes; without them y, n, yes, no, on and off are no texts");
    if (schema->type == SCHEMA_STRING && scalar)
        return xstrdup("put it in quotes");
    if (schema->type != SCHEMA_STRING && found == JSON_TEXT_STRING &&
        (schema->type == SCHEMA_INTEGER || schema->type == SCHEMA_BOOLEAN))
        return xstrdup("write it without quotes");
    return schema_hint(schema);
}

void schema_complain_of_type(struct schema_walk *walk, const struct schema *schema,
                             struct span value)
{
    enum json_text_type found = json_text_type(value);
    bool fraction = schema->type == SCHEMA_INTEGER && found == JSON_TEXT_NUMBER;
    CLEANUP(freep) char *number = fraction ? shown(value) : NULL;
    schema_complain(walk, value.ptr, "",
                    xasprintf("%s is expected, not %s", type_with_article(schema->type),
                              number ? number : schema_found(found)),
                    type_hint(schema, found));
    walk->blocking++;
}

/* Two scalars are the same when their decoded texts are. */
static bool is_choice(const struct schema *schema, struct span value)
{
    CLEANUP(freep) char *text = json_text_string(value);
    struct json_text_iter iter = json_text_iterate(schema->choices);
    while (json_text_next(&iter)) {
        if (text ? json_text_is(iter.value, text)
                 : iter.value.length == value.length &&
                       memcmp(iter.value.ptr, value.ptr, value.length) == 0)
            return true;
    }
    return false;
}

/* Returns owned: the remedy, NULL where none of the choices is near. */
static char *nearest_choice(const struct schema *schema, struct span value)
{
    CLEANUP(freep) char *given = json_text_string(value);
    struct json_text_iter iter = json_text_iterate(schema->choices);
    while (given && json_text_next(&iter)) {
        CLEANUP(freep) char *choice = json_text_string(iter.value);
        const char *const names[] = {choice};
        if (choice && nearest_name(given, names, 1))
            return xasprintf("did you mean %s?", choice);
    }
    return NULL;
}

void schema_check_choices(struct schema_walk *walk, const struct schema *schema, struct span value)
{
    if (is_choice(schema, value))
        return;
    CLEANUP(buf_fini) struct buf all;
    buf_init(&all, BUF_UNLIMITED);
    struct json_text_iter iter = json_text_iterate(schema->choices);
    while (json_text_next(&iter)) {
        CLEANUP(freep) char *choice = json_text_string(iter.value);
        buf_add_format(&all, "%s%s", iter.index ? ", " : "", choice ? choice : "?");
    }
    CLEANUP(freep) char *found = shown(value);
    schema_complain(walk, value.ptr, "", xasprintf("%s is not one of %s", found, buf_text(&all)),
                    nearest_choice(schema, value));
    walk->blocking++;
}

static int64_t code_points(const char *text)
{
    int64_t count = 0;
    for (; *text; text++)
        count += (*text & 0xc0) != 0x80;
    return count;
}

void schema_check_string(struct schema_walk *walk, const struct schema *schema, struct span value)
{
    CLEANUP(freep) char *text = json_text_string(value);
    int64_t length = code_points(text);
    if (length < schema->min_length)
        schema_complain(
            walk, value.ptr, "",
            length ? xasprintf("shorter than %lld characters", (long long)schema->min_length)
                   : xstrdup("empty"),
            schema_hint(schema));
    if (schema->max_length >= 0 && length > schema->max_length) {
        schema_complain(walk, value.ptr, "",
                        xasprintf("longer than %lld characters (%lld)",
                                  (long long)schema->max_length, (long long)length),
                        schema_hint(schema));
        walk->blocking++;
    }
    int result = schema->pattern ? regexec(&schema->regex, text, 0, NULL, 0) : 0;
    if (result == REG_ESPACE)
        mem_exhausted(); /* else it would pass for a text that does not match */
    if (result != 0)
        schema_complain(walk, value.ptr, "", xasprintf("does not match %s", schema->pattern),
                        schema_hint(schema));
}

void schema_check_number(struct schema_walk *walk, const struct schema *schema, struct span value)
{
    double number = number_of(value);
    bool too_small = schema->has_minimum && number < schema->minimum;
    if (!too_small && !(schema->has_maximum && number > schema->maximum))
        return;
    CLEANUP(freep) char *found = shown(value);
    schema_complain(walk, value.ptr, "",
                    xasprintf("%s is %s than %g", found, too_small ? "less" : "more",
                              too_small ? schema->minimum : schema->maximum),
                    schema_hint(schema));
}
