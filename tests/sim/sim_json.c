/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/sim_json.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_scan.h"
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

/* ---- reading: nearly all texts are plain, and soon read; any other is left to jansson ---- */

#define PLAIN_DEPTH 32
#define PLAIN_DIGITS 18

struct reader {
    const char *at;
    const char *end;
    unsigned depth;
    struct buf text; /* of the last string with escapes */
};

static json_t *read_value(struct reader *reader);

static bool take(struct reader *reader, char byte)
{
    if (reader->at == reader->end || *reader->at != byte)
        return false;
    reader->at++;
    return true;
}

/* Passes over ASCII that stands for itself. */
static bool pass_plain(struct reader *reader)
{
    bool high = false;
    reader->at = json_scan_plain(reader->at, reader->end, &high);
    return !high;
}

static bool read_escapes(struct reader *reader, const char *first)
{
    static const char from[] = "\"\\/bfnrt";
    static const char to[] = "\"\\/\b\f\n\r\t";
    buf_clear(&reader->text);
    buf_add(&reader->text, first, (size_t)(reader->at - first));
    while (take(reader, '\\')) {
        const char *place =
            reader->at < reader->end && *reader->at ? strchr(from, *reader->at) : NULL;
        if (!place)
            return false;
        buf_add_char(&reader->text, to[place - from]);
        first = ++reader->at;
        if (!pass_plain(reader))
            return false;
        buf_add(&reader->text, first, (size_t)(reader->at - first));
    }
    return true;
}

/* Behind the opening quote: ASCII. What is returned stands until the next one. */
static bool read_text(struct reader *reader, const char **ret_text, size_t *ret_length)
{
    const char *first = reader->at;
    if (!pass_plain(reader))
        return false;
    *ret_text = first;
    *ret_length = (size_t)(reader->at - first);
    if (reader->at < reader->end && *reader->at == '\\') {
        if (!read_escapes(reader, first))
            return false;
        *ret_text = buf_text(&reader->text);
        *ret_length = reader->text.length;
    }
    return take(reader, '"');
}

static bool read_member(struct reader *reader, json_t *object)
{
    const char *text;
    size_t length;
    if (!take(reader, '"') || !read_text(reader, &text, &length) || !take(reader, ':'))
        return false;
    /* Keys with escapes are rare. */
    bool is_plain = text != reader->text.data;
    json_t *value = is_plain ? read_value(reader) : NULL;
    return value && json_object_setn_new_nocheck(object, text, length, value) == 0;
}

static bool read_element(struct reader *reader, json_t *array)
{
    json_t *value = read_value(reader);
    return value && json_array_append_new(array, value) == 0;
}

static json_t *read_container(struct reader *reader, json_t *container, char closing)
{
    bool more = reader->depth < PLAIN_DEPTH;
    bool done = more && take(reader, closing);
    reader->depth++;
    while (more && !done) {
        more = json_is_object(container) ? read_member(reader, container)
                                         : read_element(reader, container);
        done = more && take(reader, closing);
        more = more && (done || take(reader, ','));
    }
    reader->depth--;
    if (done)
        return container;
    json_decref(container);
    return NULL;
}

static json_t *read_number(struct reader *reader)
{
    bool negative = take(reader, '-');
    const char *first = reader->at;
    json_int_t number = 0;
    while (reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9' &&
           reader->at - first < PLAIN_DIGITS)
        number = number * 10 + (*reader->at++ - '0');
    bool is_plain = reader->at > first && (*first != '0' || reader->at == first + 1) &&
                    reader->at < reader->end && strchr(",]}", *reader->at);
    return is_plain ? json_integer(negative ? -number : number) : NULL;
}

static json_t *read_word(struct reader *reader, const char *word, json_t *value)
{
    size_t length = strlen(word);
    if ((size_t)(reader->end - reader->at) < length || memcmp(reader->at, word, length) != 0)
        return NULL;
    reader->at += length;
    return value;
}

static json_t *read_value(struct reader *reader)
{
    const char *text;
    size_t length;
    if (take(reader, '{'))
        return read_container(reader, json_object(), '}');
    if (take(reader, '['))
        return read_container(reader, json_array(), ']');
    if (take(reader, '"'))
        return read_text(reader, &text, &length) ? json_stringn_nocheck(text, length) : NULL;
    if (reader->at == reader->end)
        return NULL;
    switch (*reader->at) {
    case 't':
        return read_word(reader, "true", json_true());
    case 'f':
        return read_word(reader, "false", json_false());
    case 'n':
        return read_word(reader, "null", json_null());
    default:
        return read_number(reader);
    }
}

json_t *sim_json_parse(const char *bytes, size_t length)
{
    if (!bytes)
        return NULL;
    struct reader reader = {.at = bytes, .end = bytes + length};
    buf_init(&reader.text, BUF_UNLIMITED);
    json_t *tree = read_value(&reader);
    buf_fini(&reader.text);
    if (tree && reader.at == reader.end)
        return tree;
    json_decref(tree);
    return json_loadb(bytes, length, JSON_DECODE_ANY, NULL);
}

json_t *sim_json_of(const char *text)
{
    char *quoted = xstrdup(text);
    for (char *at = quoted; *at; at++) {
        if (*at == '\'')
            *at = '"';
    }
    json_t *tree = sim_json_parse(quoted, strlen(quoted));
    if (!tree) {
        fprintf(stderr, "no JSON: %s\n", quoted);
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

/* ---- writing: half of what the servers do, and much faster than a call back for each token ----
 */

static void write_escaped(struct buf *out, char byte)
{
    static const char from[] = "\"\\\b\f\n\r\t";
    static const char to[] = "\"\\bfnrt";
    const char *place = strchr(from, byte);
    if (place && byte) {
        const char escape[] = {'\\', to[place - from]};
        buf_add(out, escape, sizeof(escape));
    } else {
        buf_add_format(out, "\\u%04X", (unsigned)byte);
    }
}

static void write_string(struct buf *out, const char *text, size_t length)
{
    const char *end = text + length;
    buf_add_char(out, '"');
    bool high = false; /* it is UTF-8 */
    while (text < end) {
        const char *stop = json_scan_plain(text, end, &high);
        buf_add(out, text, (size_t)(stop - text));
        if (stop < end)
            write_escaped(out, *stop++);
        text = stop;
    }
    buf_add_char(out, '"');
}

struct json_member {
    const char *key;
    const json_t *value;
};

/* They mostly are in order. */
static void sort_members(struct json_member *members, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        struct json_member member = members[i];
        size_t to = i;
        for (; to > 0 && strcmp(members[to - 1].key, member.key) > 0; to--)
            members[to] = members[to - 1];
        members[to] = member;
    }
}

static void write_object(struct buf *out, const json_t *object, bool sorted)
{
    struct json_member few[24];
    size_t count = json_object_size(object);
    struct json_member *members =
        count > ARRAY_LENGTH(few) ? xcalloc(count, sizeof(*members)) : few;
    size_t used = 0;
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        members[used++] = (struct json_member){key, value};
    }
    if (sorted)
        sort_members(members, used);
    buf_add_char(out, '{');
    for (size_t i = 0; i < used; i++) {
        if (i)
            buf_add_char(out, ',');
        write_string(out, members[i].key, strlen(members[i].key));
        buf_add_char(out, ':');
        sim_json_write(out, members[i].value, sorted);
    }
    buf_add_char(out, '}');
    if (members != few)
        free(members);
}

static void write_number(struct buf *out, const json_t *number)
{
    if (json_is_integer(number)) {
        buf_add_format(out, "%" JSON_INTEGER_FORMAT, json_integer_value(number));
        return;
    }
    char *text = json_dumps(number, JSON_ENCODE_ANY);
    buf_add_text(out, text);
    free(text);
}

void sim_json_write(struct buf *out, const json_t *tree, bool sorted)
{
    switch (json_typeof(tree)) {
    case JSON_OBJECT:
        write_object(out, tree, sorted);
        break;
    case JSON_ARRAY:
        buf_add_char(out, '[');
        for (size_t i = 0; i < json_array_size(tree); i++) {
            if (i)
                buf_add_char(out, ',');
            sim_json_write(out, json_array_get(tree, i), sorted);
        }
        buf_add_char(out, ']');
        break;
    case JSON_STRING:
        write_string(out, json_string_value(tree), json_string_length(tree));
        break;
    case JSON_INTEGER:
    case JSON_REAL:
        write_number(out, tree);
        break;
    case JSON_TRUE:
        buf_add_text(out, "true");
        break;
    case JSON_FALSE:
        buf_add_text(out, "false");
        break;
    case JSON_NULL:
        buf_add_text(out, "null");
        break;
    }
}

static char *dump(const json_t *tree, bool sorted)
{
    struct buf out;
    buf_init(&out, BUF_UNLIMITED);
    sim_json_write(&out, tree, sorted);
    return buf_take(&out);
}

char *sim_json_dump(const json_t *tree)
{
    return dump(tree, false);
}

char *sim_json_dump_sorted(const json_t *tree)
{
    return dump(tree, true);
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

json_t *sim_merged(const json_t *target, const json_t *patch)
{
    json_t *merged =
        json_is_object(target) ? json_copy((json_t *)(uintptr_t)target) : json_object();
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)patch, name, value)
    {
        if (json_is_null(value))
            json_object_del(merged, name);
        else if (json_is_object(value))
            json_object_set_new(merged, name, sim_merged(json_object_get(target, name), value));
        else
            json_object_set(merged, name, value);
    }
    return merged;
}

json_t *sim_json_own(json_t *tree, const char *name)
{
    const json_t *shared = json_object_get(tree, name);
    json_t *own = json_is_object(shared) ? json_copy((json_t *)(uintptr_t)shared) : json_object();
    json_object_set_new(tree, name, own);
    return own;
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
