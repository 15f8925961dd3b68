/* SPDX-License-Identifier: Apache-2.0 */
#include "shape.h"

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "duration.h"
#include "gojson.h"

const struct shape shape_bool = {.kind = SHAPE_BOOL};
const struct shape shape_string = {.kind = SHAPE_STRING};
const struct shape shape_int = {.kind = SHAPE_INT};
const struct shape shape_float = {.kind = SHAPE_FLOAT};
const struct shape shape_duration = {.kind = SHAPE_DURATION};
const struct shape shape_object_id = {.kind = SHAPE_OBJECT_ID};
const struct shape shape_any = {.kind = SHAPE_ANY};
const struct shape shape_any_map = {.kind = SHAPE_ANY_MAP};
const struct shape shape_strings = {.kind = SHAPE_LIST, .element = &shape_string};
static const struct shape lower_string = {.kind = SHAPE_LOWER_STRING};
const struct shape shape_lower_strings = {.kind = SHAPE_LIST, .element = &lower_string};
const struct shape shape_ints = {.kind = SHAPE_LIST, .element = &shape_int};
const struct shape shape_string_map = {.kind = SHAPE_MAP, .element = &shape_string};
const struct shape shape_any_list = {.kind = SHAPE_LIST, .element = &shape_any};

struct writer {
    const struct doc *doc;
    struct text *out;
    struct shape_mark *mark;
    bool refused;
};

/* What was written, as far as omitting depends on it. */
enum content { CONTENT_ZERO, CONTENT_ZERO_STRUCT, CONTENT_SOME };

static enum content write_value(struct writer *writer, const struct shape *shape, uint32_t node);

static enum content refuse(struct writer *writer)
{
    writer->refused = true;
    return CONTENT_SOME;
}

static enum content write_string(struct writer *writer, uint32_t node)
{
    if (doc_is_null(writer->doc, node)) {
        text_puts(writer->out, "\"\"");
        return CONTENT_ZERO;
    }
    if (!doc_is(writer->doc, node, DOC_STRING)) {
        return refuse(writer);
    }
    gojson_string_node(writer->out, writer->doc, node);
    return writer->doc->nodes[node].len == 0 ? CONTENT_ZERO : CONTENT_SOME;
}

static enum content write_lower_string(struct writer *writer, uint32_t node)
{
    size_t before = writer->out->len;
    enum content content = write_string(writer, node);
    for (size_t i = before; i < writer->out->len; i++) {
        writer->out->bytes[i] = (char)tolower((unsigned char)writer->out->bytes[i]);
    }
    return content;
}

static enum content write_object_id(struct writer *writer, uint32_t node)
{
    size_t before = writer->out->len;
    enum content content = write_string(writer, node);
    if (content == CONTENT_ZERO || writer->refused) {
        return content;
    }
    char *id = writer->out->bytes + before + 1;
    size_t len = writer->out->len - before - 2;
    bool good = len == 24;
    for (size_t i = 0; i < len && good; i++) {
        good = isxdigit((unsigned char)id[i]);
        id[i] = (char)tolower((unsigned char)id[i]);
    }
    return good ? CONTENT_SOME : refuse(writer);
}

static enum content write_duration(struct writer *writer, uint32_t node)
{
    if (!doc_is_null(writer->doc, node) && !doc_is(writer->doc, node, DOC_STRING)) {
        return refuse(writer);
    }
    int64_t ns = 0;
    char *text = doc_string_copy(writer->doc, node);
    if (!duration_read(text, &ns)) {
        ns = 0;
    }
    free(text);
    text_putc(writer->out, '"');
    duration_write(writer->out, ns);
    text_putc(writer->out, '"');
    return ns == 0 ? CONTENT_ZERO : CONTENT_SOME;
}

static enum content write_bool(struct writer *writer, uint32_t node)
{
    bool is_true = doc_is(writer->doc, node, DOC_TRUE);
    if (!is_true && !doc_is_null(writer->doc, node) && !doc_is(writer->doc, node, DOC_FALSE)) {
        return refuse(writer);
    }
    text_puts(writer->out, is_true ? "true" : "false");
    return is_true ? CONTENT_SOME : CONTENT_ZERO;
}

static enum content write_int(struct writer *writer, uint32_t node)
{
    int64_t value = 0;
    if (!doc_is_null(writer->doc, node) && !doc_integer(writer->doc, node, &value)) {
        return refuse(writer);
    }
    text_printf(writer->out, "%lld", (long long)value);
    return value == 0 ? CONTENT_ZERO : CONTENT_SOME;
}

static enum content write_float(struct writer *writer, uint32_t node)
{
    if (doc_is_null(writer->doc, node)) {
        text_putc(writer->out, '0');
        return CONTENT_ZERO;
    }
    if (!doc_is(writer->doc, node, DOC_NUMBER)) {
        return refuse(writer);
    }
    if (!doc_numbers_fit(writer->doc, node)) {
        return refuse(writer);
    }
    gojson_value(writer->out, writer->doc, node);
    return doc_is_zero(writer->doc, node) ? CONTENT_ZERO : CONTENT_SOME;
}

static enum content write_any(struct writer *writer, uint32_t node, bool only_map)
{
    if (only_map && !doc_is_null(writer->doc, node) && !doc_is(writer->doc, node, DOC_OBJECT)) {
        return refuse(writer);
    }
    if (!doc_numbers_fit(writer->doc, node)) {
        return refuse(writer);
    }
    gojson_value(writer->out, writer->doc, node);
    if (!doc_is_zero(writer->doc, node)) {
        return CONTENT_SOME;
    }
    bool has_members =
        doc_is(writer->doc, node, DOC_OBJECT) && writer->doc->nodes[node].next > node + 1;
    return has_members ? CONTENT_ZERO_STRUCT : CONTENT_ZERO;
}

static enum content write_list(struct writer *writer, const struct shape *shape, uint32_t node)
{
    if (doc_is_null(writer->doc, node)) {
        text_puts(writer->out, "null");
        return CONTENT_ZERO;
    }
    if (!doc_is(writer->doc, node, DOC_ARRAY)) {
        return refuse(writer);
    }
    text_putc(writer->out, '[');
    uint32_t end = writer->doc->nodes[node].next;
    for (uint32_t i = node + 1; i < end && !writer->refused; i = writer->doc->nodes[i].next) {
        if (i > node + 1) {
            text_putc(writer->out, ',');
        }
        write_value(writer, shape->element, i);
    }
    text_putc(writer->out, ']');
    return end == node + 1 ? CONTENT_ZERO : CONTENT_SOME;
}

static enum content write_map(struct writer *writer, const struct shape *shape, uint32_t node)
{
    if (doc_is_null(writer->doc, node)) {
        text_puts(writer->out, "null");
        return CONTENT_ZERO;
    }
    if (!doc_is(writer->doc, node, DOC_OBJECT)) {
        return refuse(writer);
    }
    size_t count = 0;
    struct doc_member *members = doc_members(writer->doc, node, &count);
    text_putc(writer->out, '{');
    for (size_t i = 0; i < count && !writer->refused; i++) {
        if (i > 0) {
            text_putc(writer->out, ',');
        }
        gojson_string(writer->out, members[i].key, members[i].key_len);
        text_putc(writer->out, ':');
        write_value(writer, shape->element, members[i].value);
    }
    text_putc(writer->out, '}');
    doc_members_free(members, count);
    return count == 0 ? CONTENT_ZERO : CONTENT_SOME;
}

/* Go looks for the exact name first, then for one that differs in case only. */
static size_t find_field(const struct shape *shape, const char *key, size_t len)
{
    size_t folded = shape->field_count;
    for (size_t i = 0; i < shape->field_count; i++) {
        const struct shape_field *field = &shape->fields[i];
        if (field->name_len != len || strncasecmp(field->name, key, len) != 0) {
            continue;
        }
        if (memcmp(field->name, key, len) == 0) {
            return i;
        }
        folded = i;
    }
    return folded;
}

/* The field of a key; shape->field_count if it has none. */
static size_t field_of_key(const struct doc *doc, uint32_t key, const struct shape *shape)
{
    const struct doc_node *it = &doc->nodes[key];
    if (it->plain) {
        return find_field(shape, doc->text + it->start, it->len);
    }
    struct text decoded = {0};
    doc_string(doc, key, &decoded);
    size_t field = find_field(shape, text_string(&decoded), decoded.len);
    text_fini(&decoded);
    return field;
}

static void find_values(const struct writer *writer, const struct shape *shape, uint32_t node,
                        uint32_t *ret_values)
{
    const struct doc *doc = writer->doc;
    if (doc_is_null(doc, node)) {
        return;
    }
    for (uint32_t key = node + 1; key < doc->nodes[node].next; key = doc->nodes[key + 1].next) {
        size_t field = field_of_key(doc, key, shape);
        if (field < shape->field_count) {
            ret_values[field] = key + 1;
        }
    }
}

static bool is_omitted(enum shape_omit omit, enum content content)
{
    switch (omit) {
    case OMIT_NEVER:
        return false;
    case OMIT_EMPTY:
        return content == CONTENT_ZERO;
    case OMIT_ZERO:
        return content != CONTENT_SOME;
    }
    return false;
}

static enum content write_struct(struct writer *writer, const struct shape *shape, uint32_t node)
{
    if (!doc_is_null(writer->doc, node) && !doc_is(writer->doc, node, DOC_OBJECT)) {
        return refuse(writer);
    }
    assert(shape->field_count <= SHAPE_FIELD_LIMIT);
    uint32_t values[SHAPE_FIELD_LIMIT];
    memset(values, 0xff, shape->field_count * sizeof(values[0])); /* DOC_NONE */
    find_values(writer, shape, node, values);
    struct text *out = writer->out;
    enum content sum = CONTENT_ZERO_STRUCT;
    bool first = true;
    text_putc(out, '{');
    for (size_t i = 0; i < shape->field_count && !writer->refused; i++) {
        const struct shape_field *field = &shape->fields[i];
        size_t before = out->len;
        if (!first) {
            text_putc(out, ',');
        }
        text_putc(out, '"');
        text_add(out, field->name, field->name_len);
        text_add(out, "\":", 2);
        size_t start = out->len;
        enum content content = write_value(writer, field->shape, values[i]);
        if (is_omitted(field->omit, content)) {
            text_cut(out, before);
            continue;
        }
        first = false;
        if (content == CONTENT_SOME) {
            sum = CONTENT_SOME;
        }
        if (writer->mark != NULL && writer->mark->shape == shape &&
            strcmp(writer->mark->name, field->name) == 0) {
            writer->mark->start = start;
            writer->mark->len = out->len - start;
        }
    }
    text_putc(out, '}');
    return sum;
}

static enum content write_value(struct writer *writer, const struct shape *shape, uint32_t node)
{
    switch (shape->kind) {
    case SHAPE_BOOL:
        return write_bool(writer, node);
    case SHAPE_STRING:
        return write_string(writer, node);
    case SHAPE_LOWER_STRING:
        return write_lower_string(writer, node);
    case SHAPE_INT:
        return write_int(writer, node);
    case SHAPE_FLOAT:
        return write_float(writer, node);
    case SHAPE_DURATION:
        return write_duration(writer, node);
    case SHAPE_OBJECT_ID:
        return write_object_id(writer, node);
    case SHAPE_ANY:
        return write_any(writer, node, false);
    case SHAPE_ANY_MAP:
        return write_any(writer, node, true);
    case SHAPE_LIST:
        return write_list(writer, shape, node);
    case SHAPE_MAP:
        return write_map(writer, shape, node);
    case SHAPE_STRUCT:
        return write_struct(writer, shape, node);
    }
    return CONTENT_ZERO;
}

bool shape_write(const struct shape *shape, const struct doc *doc, uint32_t node, struct text *out,
                 struct shape_mark *mark)
{
    struct writer writer = {.doc = doc, .out = out, .mark = mark};
    write_value(&writer, shape, node);
    return !writer.refused;
}
