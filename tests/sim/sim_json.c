/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/sim_json.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static json_t *walk(const json_t *tree, va_list names)
{
    const char *name;
    while (tree && (name = va_arg(names, const char *)))
        tree = json_object_get(tree, name);
    return (json_t *)(uintptr_t)tree;
}

json_t *sim_json_get(const json_t *tree, ...)
{
    va_list names;
    va_start(names, tree);
    json_t *found = walk(tree, names);
    va_end(names);
    return found;
}

const char *sim_json_text(const json_t *tree, ...)
{
    va_list names;
    va_start(names, tree);
    const char *text = json_string_value(walk(tree, names));
    va_end(names);
    return text ? text : "";
}

int64_t sim_json_int(const json_t *tree, ...)
{
    va_list names;
    va_start(names, tree);
    const json_t *value = walk(tree, names);
    va_end(names);
    return json_is_integer(value) ? json_integer_value(value) : -1;
}

json_t *sim_json_of(const char *text)
{
    char *quoted = xstrdup(text);
    for (char *at = quoted; *at; at++) {
        if (*at == '\'')
            *at = '"';
    }
    json_error_t error;
    json_t *tree = json_loads(quoted, JSON_DECODE_ANY, &error);
    if (!tree) {
        fprintf(stderr, "no JSON: %s: %s\n", error.text, quoted);
        abort();
    }
    free(quoted);
    return tree;
}

json_t *sim_json_format(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = NULL;
    if (vasprintf(&text, format, args) < 0)
        abort();
    va_end(args);
    json_t *tree = sim_json_of(text);
    free(text);
    return tree;
}

json_t *sim_json_parse(const char *bytes, size_t length)
{
    return bytes ? json_loadb(bytes, length, JSON_DECODE_ANY, NULL) : NULL;
}

char *sim_json_dump(const json_t *tree)
{
    char *text = json_dumps(tree, JSON_COMPACT | JSON_ENCODE_ANY);
    if (!text)
        abort();
    return text;
}

json_t *sim_json_object(json_t *tree, const char *name)
{
    json_t *member = json_object_get(tree, name);
    if (json_is_object(member))
        return member;
    member = json_object();
    json_object_set_new(tree, name, member);
    return member;
}

void sim_merge_patch(json_t *target, const json_t *patch)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)patch, name, value)
    {
        if (json_is_null(value)) {
            json_object_del(target, name);
        } else if (json_is_object(value)) {
            sim_merge_patch(sim_json_object(target, name), value);
        } else {
            json_object_set_new(target, name, json_deep_copy(value));
        }
    }
}

/* One step of a JSON pointer, decoded. Returns owned; NULL at the end. */
static char *next_step(const char **at)
{
    if (**at != '/')
        return NULL;
    (*at)++;
    size_t length = strcspn(*at, "/");
    char *step = xstrndup(*at, length);
    *at += length;
    char *to = step;
    for (const char *from = step; *from; from++) {
        if (from[0] == '~' && (from[1] == '0' || from[1] == '1'))
            *to++ = *++from == '0' ? '~' : '/';
        else
            *to++ = *from;
    }
    *to = '\0';
    return step;
}

static bool index_of(const json_t *array, const char *step, bool may_append, size_t *ret_index)
{
    size_t size = json_array_size(array);
    if (may_append && strcmp(step, "-") == 0) {
        *ret_index = size;
        return true;
    }
    if (!*step || strspn(step, "0123456789") != strlen(step))
        return false;
    *ret_index = strtoul(step, NULL, 10);
    return *ret_index < size + may_append;
}

static json_t *child(json_t *parent, const char *step)
{
    size_t index;
    if (json_is_array(parent))
        return index_of(parent, step, false, &index) ? json_array_get(parent, index) : NULL;
    return json_object_get(parent, step);
}

/* The parent of what a pointer names, and its last step (owned); NULL: it leads nowhere. */
static json_t *find_parent(json_t *target, const char *pointer, char **ret_step)
{
    json_t *parent = target;
    const char *at = pointer;
    char *step = next_step(&at);
    while (step && *at) {
        json_t *next = child(parent, step);
        free(step);
        if (!next)
            return NULL;
        parent = next;
        step = next_step(&at);
    }
    *ret_step = step;
    return step ? parent : NULL;
}

static bool add(json_t *parent, const char *step, const json_t *value)
{
    size_t index;
    if (json_is_array(parent))
        return index_of(parent, step, true, &index) &&
               json_array_insert_new(parent, index, json_deep_copy(value)) == 0;
    return json_is_object(parent) && json_object_set_new(parent, step, json_deep_copy(value)) == 0;
}

static bool take_out(json_t *parent, const char *step)
{
    size_t index;
    if (json_is_array(parent))
        return index_of(parent, step, false, &index) && json_array_remove(parent, index) == 0;
    return json_object_del(parent, step) == 0;
}

static bool apply(json_t *target, const json_t *operation)
{
    const char *op = sim_json_text(operation, "op", NULL);
    const json_t *value = json_object_get(operation, "value");
    char *step = NULL;
    json_t *parent = find_parent(target, sim_json_text(operation, "path", NULL), &step);
    bool done = false;
    if (parent && strcmp(op, "test") == 0)
        done = json_equal(child(parent, step), value);
    else if (parent && strcmp(op, "add") == 0)
        done = add(parent, step, value);
    else if (parent && strcmp(op, "remove") == 0)
        done = take_out(parent, step);
    else if (parent && strcmp(op, "replace") == 0)
        done = child(parent, step) && take_out(parent, step) && add(parent, step, value);
    free(step);
    return done;
}

bool sim_json_patch(json_t *target, const json_t *patch)
{
    size_t index;
    json_t *operation;
    json_array_foreach((json_t *)(uintptr_t)patch, index, operation)
    {
        if (!apply(target, operation))
            return false;
    }
    return true;
}
