/* SPDX-License-Identifier: Apache-2.0 */
/* The writer: block style, two blanks a level, strings plain where every reader takes them for
 * strings, texts of several lines as literal blocks. */
#include "base/yaml.h"

#include <stdlib.h>
#include <string.h>

#include "base/json_text.h"
#include "base/yaml_scalar.h"

/* YAML wants keys on one line within 1,024 characters, else they have to be marked. */
#define LONGEST_KEY 1000

static void add_value(struct buf *out, struct span value, unsigned indent);

static void add_indent(struct buf *out, unsigned indent)
{
    for (unsigned i = 0; i < indent; i++)
        buf_add_text(out, "  ");
}

/* The code point at `at` and the length of its bytes (well-formed UTF-8). */
static unsigned code_point(const char *at, size_t *ret_length)
{
    unsigned char first = (unsigned char)*at;
    size_t length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    unsigned point = length == 1 ? first : first & (0x7fU >> length);
    for (size_t i = 1; i < length; i++)
        point = point << 6 | ((unsigned char)at[i] & 0x3f);
    *ret_length = length;
    return point;
}

/* May it stand in YAML as it is, within one line? */
static bool is_printable(unsigned point)
{
    return (point >= 0x20 && point < 0x7f) || (point >= 0xa0 && point < 0x2028) ||
           (point > 0x2029 && point < 0xfeff) || (point > 0xfeff && point < 0xfffe) ||
           point >= 0x10000;
}

static bool all_printable(const char *text, bool tabs_and_lines)
{
    size_t length;
    for (const char *at = text; *at; at += length) {
        unsigned point = code_point(at, &length);
        if (!is_printable(point) && !(tabs_and_lines && (point == '\n' || point == '\t')))
            return false;
    }
    return true;
}

static bool may_be_plain(const char *text)
{
    size_t length = strlen(text);
    if (!length || strchr("-?:,[]{}#&*!|>'\"%@` \t.", *text) || text[length - 1] == ' ' ||
        text[length - 1] == ':')
        return false;
    return !strstr(text, ": ") && !strstr(text, " #") && all_printable(text, false) &&
           yaml_scalar_is_string(text, length);
}

static void add_quoted(struct buf *out, const char *text)
{
    buf_add_char(out, '"');
    size_t length;
    for (const char *at = text; *at; at += length) {
        unsigned point = code_point(at, &length);
        if (point == '"' || point == '\\')
            buf_add_format(out, "\\%c", (char)point);
        else if (point == '\n')
            buf_add_text(out, "\\n");
        else if (point == '\t')
            buf_add_text(out, "\\t");
        else if (is_printable(point))
            buf_add(out, at, length);
        else
            buf_add_format(out, "\\u%04X", point);
    }
    buf_add_char(out, '"');
}

/* Several lines, none of which begins or ends in a way that a block would lose. */
static bool may_be_block(const char *text)
{
    if (!strchr(text, '\n') || strchr(" \n\t", *text) || !all_printable(text, true))
        return false;
    for (const char *at = text; *at; at++) {
        if ((*at == ' ' || *at == '\t') && (at[1] == '\n' || !at[1]))
            return false;
        if (*at == '\n' && at[1] == '\t')
            return false;
    }
    return true;
}

static void add_block(struct buf *out, const char *text, unsigned indent)
{
    size_t length = strlen(text);
    bool ends = text[length - 1] == '\n';
    bool ends_twice = ends && text[length - 2] == '\n';
    buf_add_text(out, ends_twice ? "|+" : ends ? "|" : "|-");
    const char *at = text;
    while (*at) {
        const char *stop = strchrnul(at, '\n');
        buf_add_char(out, '\n');
        if (stop > at)
            add_indent(out, indent);
        buf_add(out, at, (size_t)(stop - at));
        at = *stop ? stop + 1 : stop;
    }
}

/* `indent` is that of a block's lines; 0: no block here. */
static void add_scalar(struct buf *out, struct span value, unsigned indent)
{
    CLEANUP(freep) char *text = json_text_string(value);
    if (!text)
        buf_add(out, value.ptr, value.length);
    else if (may_be_plain(text))
        buf_add_text(out, text);
    else if (indent && may_be_block(text))
        add_block(out, text, indent);
    else
        add_quoted(out, text);
}

static bool is_filled(struct span value)
{
    struct json_text_iter iter = json_text_iterate(value);
    return json_text_next(&iter);
}

/* What stands behind "key:" or at the root: on this line, or on the next ones. */
static void add_behind(struct buf *out, struct span value, unsigned indent)
{
    if (is_filled(value)) {
        buf_add_char(out, '\n');
        add_indent(out, indent);
        add_value(out, value, indent);
        return;
    }
    buf_add_char(out, ' ');
    add_value(out, value, indent);
}

static void add_member(struct buf *out, const struct json_text_iter *iter, unsigned indent)
{
    if (iter->key.length <= LONGEST_KEY) {
        add_scalar(out, iter->key, 0);
    } else {
        buf_add_text(out, "? ");
        add_scalar(out, iter->key, 0);
        buf_add_char(out, '\n');
        add_indent(out, indent);
    }
    buf_add_char(out, ':');
    add_behind(out, iter->value, indent + 1);
}

/* `indent` is that of the container's own lines; the first one is begun already. */
static void add_value(struct buf *out, struct span value, unsigned indent)
{
    enum json_text_type type = json_text_type(value);
    if (type != JSON_TEXT_OBJECT && type != JSON_TEXT_ARRAY) {
        add_scalar(out, value, indent);
        buf_add_char(out, '\n');
        return;
    }
    if (!is_filled(value)) {
        buf_add_text(out, type == JSON_TEXT_OBJECT ? "{}\n" : "[]\n");
        return;
    }
    struct json_text_iter iter = json_text_iterate(value);
    while (json_text_next(&iter)) {
        if (iter.index)
            add_indent(out, indent);
        if (type == JSON_TEXT_OBJECT) {
            add_member(out, &iter, indent);
        } else {
            buf_add_text(out, "- ");
            add_value(out, iter.value, indent + 1);
        }
    }
}

void yaml_add_json(struct buf *out, struct span json)
{
    add_value(out, json, 0);
}
