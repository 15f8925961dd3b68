/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json_text.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_scan.h"
#include "base/str.h"

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

static const char *skip_blanks(const char *at, const char *end)
{
    while (at < end && is_blank(*at))
        at++;
    return at;
}

/* Behind the closing quote; `at` stands on the opening one. */
static const char *skip_string(const char *at, const char *end)
{
    bool escaped = false;
    const char *behind = json_scan_string(at + 1, end, &escaped);
    return behind ? behind : end;
}

bool json_text_is_whole(struct span text)
{
    const char *at = skip_blanks(text.ptr, text.ptr + text.length);
    const char *end = text.ptr + text.length;
    size_t depth = 0;
    while (at < end) {
        if (*at == '"') {
            const char *behind = skip_string(at, end);
            if (behind == end)
                return false; /* a container ends with a bracket */
            at = behind;
            continue;
        }
        depth += *at == '{' || *at == '[';
        depth -= (*at == '}' || *at == ']') && depth;
        at++;
        if (!depth)
            return skip_blanks(at, end) == end;
    }
    return false;
}

static const char *skip_value(const char *at, const char *end)
{
    if (at >= end)
        return end;
    if (*at == '"')
        return skip_string(at, end);
    if (*at == '{' || *at == '[')
        return json_scan_container(at, end);
    while (at < end && *at != ',' && *at != '}' && *at != ']' && !is_blank(*at))
        at++;
    return at;
}

enum json_text_type json_text_type(struct span value)
{
    if (!value.ptr || !value.length)
        return JSON_TEXT_NONE;
    switch (*value.ptr) {
    case '{':
        return JSON_TEXT_OBJECT;
    case '[':
        return JSON_TEXT_ARRAY;
    case '"':
        return JSON_TEXT_STRING;
    case 't':
        return JSON_TEXT_TRUE;
    case 'f':
        return JSON_TEXT_FALSE;
    case 'n':
        return JSON_TEXT_NULL;
    default:
        return JSON_TEXT_NUMBER;
    }
}

const char *json_text_type_name(enum json_text_type type)
{
    switch (type) {
    case JSON_TEXT_NONE:
        return "nothing";
    case JSON_TEXT_OBJECT:
        return "object";
    case JSON_TEXT_ARRAY:
        return "array";
    case JSON_TEXT_STRING:
        return "string";
    case JSON_TEXT_NUMBER:
        return "number";
    case JSON_TEXT_TRUE:
    case JSON_TEXT_FALSE:
        return "boolean";
    case JSON_TEXT_NULL:
        return "null";
    }
    return "nothing";
}

struct json_text_iter json_text_iterate(struct span container)
{
    struct json_text_iter iter = {.index = (size_t)-1};
    enum json_text_type type = json_text_type(container);
    if (type == JSON_TEXT_OBJECT || type == JSON_TEXT_ARRAY) {
        iter.at = container.ptr + 1;
        iter.end = container.ptr + container.length;
    }
    return iter;
}

bool json_text_next(struct json_text_iter *iter)
{
    if (!iter->at)
        return false;
    const char *at = skip_blanks(iter->at, iter->end);
    if (at < iter->end && *at == ',')
        at = skip_blanks(at + 1, iter->end);
    if (at >= iter->end || *at == '}' || *at == ']')
        return false;

    const char *value = at;
    iter->key = (struct span){NULL, 0};
    if (*at == '"') {
        const char *behind = skip_string(at, iter->end);
        const char *colon = skip_blanks(behind, iter->end);
        if (colon < iter->end && *colon == ':') {
            iter->key = (struct span){at, (size_t)(behind - at)};
            value = skip_blanks(colon + 1, iter->end);
        }
    }
    const char *behind = skip_value(value, iter->end);
    if (behind == value)
        return false;
    iter->value = (struct span){value, (size_t)(behind - value)};
    iter->at = behind;
    iter->index++;
    return true;
}

bool json_text_is_n(struct span string, const char *text, size_t length)
{
    if (json_text_type(string) != JSON_TEXT_STRING)
        return false;
    if (!memchr(string.ptr, '\\', string.length))
        return string.length == length + 2 && memcmp(string.ptr + 1, text, length) == 0;
    CLEANUP(freep) char *decoded = json_text_string(string);
    return decoded && strcmp(decoded, text) == 0;
}

struct span json_text_member(struct span object, const char *key)
{
    struct span found = {NULL, 0};
    if (json_text_type(object) != JSON_TEXT_OBJECT)
        return found;
    struct json_text_iter iter = json_text_iterate(object);
    while (json_text_next(&iter)) {
        if (json_text_is(iter.key, key))
            found = iter.value;
    }
    return found;
}

struct span json_text_get(struct span object, ...)
{
    va_list keys;
    va_start(keys, object);
    const char *key;
    while (object.ptr && (key = va_arg(keys, const char *)))
        object = json_text_member(object, key);
    va_end(keys);
    return object;
}

static void add_code_point(struct buf *out, unsigned point)
{
    if (point < 0x80) {
        buf_add_char(out, (char)point);
    } else if (point < 0x800) {
        buf_add_char(out, (char)(0xc0 | point >> 6));
        buf_add_char(out, (char)(0x80 | (point & 0x3f)));
    } else if (point < 0x10000) {
        buf_add_char(out, (char)(0xe0 | point >> 12));
        buf_add_char(out, (char)(0x80 | (point >> 6 & 0x3f)));
        buf_add_char(out, (char)(0x80 | (point & 0x3f)));
    } else {
        buf_add_char(out, (char)(0xf0 | point >> 18));
        buf_add_char(out, (char)(0x80 | (point >> 12 & 0x3f)));
        buf_add_char(out, (char)(0x80 | (point >> 6 & 0x3f)));
        buf_add_char(out, (char)(0x80 | (point & 0x3f)));
    }
}

static unsigned hex_unit(const char *at, const char *end)
{
    char digits[5] = "";
    for (int i = 0; i < 4 && at + i < end; i++)
        digits[i] = at[i];
    return (unsigned)strtoul(digits, NULL, 16);
}

/* One escape; `at` stands behind the backslash. Returns where the text goes on. */
static const char *decode_escape(struct buf *out, const char *at, const char *end)
{
    static const char from[] = "bfnrt";
    static const char to[] = "\b\f\n\r\t";
    if (at >= end)
        return end;
    if (*at != 'u') {
        const char *place = strchr(from, *at);
        buf_add_char(out, place && *at ? to[place - from] : *at);
        return at + 1;
    }
    unsigned point = hex_unit(at + 1, end);
    at += 5;
    if (point >= 0xd800 && point <= 0xdbff && at + 6 <= end && at[0] == '\\' && at[1] == 'u') {
        point = 0x10000 + ((point - 0xd800) << 10) + ((hex_unit(at + 2, end) - 0xdc00) & 0x3ff);
        at += 6;
    }
    add_code_point(out, point);
    return at < end ? at : end;
}

char *json_text_string(struct span value)
{
    if (json_text_type(value) != JSON_TEXT_STRING || value.length < 2)
        return NULL;
    const char *at = value.ptr + 1;
    const char *end = value.ptr + value.length - 1;
    if (!memchr(at, '\\', (size_t)(end - at)))
        return xstrndup(at, (size_t)(end - at));

    struct buf text;
    buf_init(&text, BUF_UNLIMITED);
    while (at < end) {
        const char *escape = memchr(at, '\\', (size_t)(end - at));
        const char *plain = escape ? escape : end;
        buf_add(&text, at, (size_t)(plain - at));
        at = escape ? decode_escape(&text, escape + 1, end) : end;
    }
    return buf_take(&text);
}

bool json_text_int64(struct span value, int64_t *ret_value)
{
    char digits[64];
    if (json_text_type(value) != JSON_TEXT_NUMBER || value.length >= sizeof(digits))
        return false;
    memcpy(digits, value.ptr, value.length);
    digits[value.length] = '\0';
    char *end = NULL;
    errno = 0;
    long long whole = strtoll(digits, &end, 10);
    if (!*end && !errno) {
        *ret_value = whole;
        return true;
    }
    if (!strpbrk(digits, ".eE"))
        return false;
    double number = strtod(digits, &end);
    if (*end || !(fabs(number) < 9007199254740992.0) || fabs(number - trunc(number)) > 0)
        return false;
    *ret_value = (int64_t)number;
    return true;
}

bool json_text_bool(struct span value, bool otherwise)
{
    switch (json_text_type(value)) {
    case JSON_TEXT_TRUE:
        return true;
    case JSON_TEXT_FALSE:
        return false;
    case JSON_TEXT_NONE:
    case JSON_TEXT_OBJECT:
    case JSON_TEXT_ARRAY:
    case JSON_TEXT_STRING:
    case JSON_TEXT_NUMBER:
    case JSON_TEXT_NULL:
        break;
    }
    return otherwise;
}

static bool numbers_are_equal(struct span a, struct span b)
{
    int64_t left = 0;
    int64_t right = 0;
    if (json_text_int64(a, &left) && json_text_int64(b, &right))
        return left == right;
    CLEANUP(freep) char *text_a = xstrndup(a.ptr, a.length);
    CLEANUP(freep) char *text_b = xstrndup(b.ptr, b.length);
    double difference = strtod(text_a, NULL) - strtod(text_b, NULL);
    return !(difference < 0) && !(difference > 0);
}

static bool strings_are_equal(struct span a, struct span b)
{
    if (a.length && b.length && !memchr(a.ptr, '\\', a.length) && !memchr(b.ptr, '\\', b.length))
        return a.length == b.length && memcmp(a.ptr, b.ptr, a.length) == 0;
    CLEANUP(freep) char *text_a = json_text_string(a);
    CLEANUP(freep) char *text_b = json_text_string(b);
    return text_a && text_b && strcmp(text_a, text_b) == 0;
}

static bool containers_are_equal(struct span a, struct span b)
{
    bool object = json_text_type(a) == JSON_TEXT_OBJECT;
    struct json_text_iter left = json_text_iterate(a);
    struct json_text_iter right = json_text_iterate(b);
    for (;;) {
        bool more = json_text_next(&left);
        if (json_text_next(&right) != more)
            return false;
        if (!more)
            return true;
        struct span other = right.value;
        if (object && !strings_are_equal(left.key, right.key)) {
            CLEANUP(freep) char *key = json_text_string(left.key);
            other = key ? json_text_member(b, key) : (struct span){NULL, 0};
        }
        if (!json_text_equal(left.value, other))
            return false;
    }
}

bool json_text_equal(struct span a, struct span b)
{
    enum json_text_type type = json_text_type(a);
    if (a.length == b.length && (!a.length || memcmp(a.ptr, b.ptr, a.length) == 0))
        return true;
    if (type != json_text_type(b))
        return false;
    switch (type) {
    case JSON_TEXT_OBJECT:
    case JSON_TEXT_ARRAY:
        return containers_are_equal(a, b);
    case JSON_TEXT_STRING:
        return strings_are_equal(a, b);
    case JSON_TEXT_NUMBER:
        return numbers_are_equal(a, b);
    case JSON_TEXT_NONE:
    case JSON_TEXT_TRUE:
    case JSON_TEXT_FALSE:
    case JSON_TEXT_NULL:
        break;
    }
    return true;
}

json_t *json_text_parse(struct span value)
{
    return value.ptr ? json_loadb(value.ptr, value.length, JSON_DECODE_ANY, NULL) : NULL;
}

void json_text_add_string(struct buf *out, const char *text)
{
    json_text_add_string_n(out, text, strlen(text));
}

/* Of the well-formed UTF-8 sequence that begins here; 0 when none does. */
static size_t sequence_length(const char *at, const char *end)
{
    for (size_t length = 1; length <= 4 && length <= (size_t)(end - at); length++) {
        if (str_is_utf8(at, length))
            return length;
    }
    return 0;
}

static void add_escape(struct buf *out, unsigned char byte)
{
    const char pair[] = {'\\', byte == '\n' ? 'n' : (char)byte};
    if (byte == '"' || byte == '\\' || byte == '\n')
        buf_add(out, pair, sizeof(pair));
    else
        buf_add_format(out, "\\u%04x", byte);
}

static void add_escaped(struct buf *out, const char *text, const char *end)
{
    bool high = false; /* is well-formed, or is one sequence */
    while (text < end) {
        const char *stop = json_scan_plain(text, end, &high);
        buf_add(out, text, (size_t)(stop - text));
        text = stop;
        if (text < end)
            add_escape(out, (unsigned char)*text++);
    }
}

void json_text_add_string_n(struct buf *out, const char *text, size_t length)
{
    const char *end = text + length;
    bool high = false;
    buf_add_char(out, '"');
    const char *stop = json_scan_plain(text, end, &high);
    if (!high && stop == end) {
        /* Nearly all of them. */
        buf_add(out, text, length);
        text = end;
    } else if (str_is_utf8(text, length)) {
        add_escaped(out, text, end);
        text = end;
    }
    while (text < end) {
        size_t sequence = sequence_length(text, end);
        if (sequence)
            add_escaped(out, text, text + sequence);
        else
            buf_add_text(out, "\xef\xbf\xbd");
        text += sequence ? sequence : 1;
    }
    buf_add_char(out, '"');
}

static int add_chunk(const char *bytes, size_t length, void *out)
{
    buf_add(out, bytes, length);
    return 0;
}

void json_text_add_tree(struct buf *out, const json_t *tree)
{
    json_dump_callback(tree, add_chunk, out, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
}

void json_text_add_compact(struct buf *out, struct span value)
{
    const char *at = value.ptr;
    const char *end = value.ptr + value.length;
    while (at < end) {
        const char *start = at;
        while (at < end && !is_blank(*at))
            at = *at == '"' ? skip_string(at, end) : at + 1;
        buf_add(out, start, (size_t)(at - start));
        at = skip_blanks(at, end);
    }
}
