/* SPDX-License-Identifier: Apache-2.0 */
#include "gojson.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Bytes of the UTF-8 sequence at `at`, 0 if it is none (Go's rules: no surrogates, no overlongs).
 */
static size_t utf8_len(const unsigned char *at, size_t rest)
{
    static const struct {
        unsigned char first, last, low, high;
        size_t len;
    } forms[] = {
        {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
        {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4},
        {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        if (at[0] < forms[i].first || at[0] > forms[i].last) {
            continue;
        }
        if (rest < forms[i].len || at[1] < forms[i].low || at[1] > forms[i].high) {
            return 0;
        }
        for (size_t k = 2; k < forms[i].len; k++) {
            if (at[k] < 0x80 || at[k] > 0xbf) {
                return 0;
            }
        }
        return forms[i].len;
    }
    return 0;
}

/* Writes one ASCII byte that does not stand for itself. */
static void put_escape(struct text *out, unsigned char c)
{
    static const char shorts[] = "\"\\\b\f\n\r\t";
    static const char letters[] = "\"\\bfnrt";
    const char *found = c != '\0' ? strchr(shorts, c) : NULL;
    if (found != NULL) {
        text_putc(out, '\\');
        text_putc(out, letters[found - shorts]);
    } else {
        text_printf(out, "\\u%04x", c);
    }
}

void gojson_string(struct text *out, const char *bytes, size_t len)
{
    const unsigned char *at = (const unsigned char *)bytes;
    const unsigned char *end = at + len;
    text_reserve(out, len + 2);
    text_putc(out, '"');
    const unsigned char *run = at;
    while (at < end) {
        size_t taken = *at < 0x80 ? 1 : utf8_len(at, (size_t)(end - at));
        bool line_separator =
            taken == 3 && at[0] == 0xe2 && at[1] == 0x80 && (at[2] == 0xa8 || at[2] == 0xa9);
        bool special = *at < 0x20 || *at == '"' || *at == '\\' || *at == '<' || *at == '>' ||
                       *at == '&' || taken == 0 || line_separator;
        if (!special) {
            at += taken;
            continue;
        }
        text_add(out, (const char *)run, (size_t)(at - run));
        if (taken == 0) {
            text_puts(out, "\\ufffd");
            taken = 1;
        } else if (line_separator) {
            text_puts(out, at[2] == 0xa8 ? "\\u2028" : "\\u2029");
        } else {
            put_escape(out, *at);
        }
        at += taken;
        run = at;
    }
    text_add(out, (const char *)run, (size_t)(at - run));
    text_putc(out, '"');
}

void gojson_puts(struct text *out, const char *string)
{
    gojson_string(out, string, strlen(string));
}

/* The shortest digits, as "-d.ddde-xx". */
static void shortest(char *buffer, size_t size, double value)
{
    for (int digits = 0; digits <= 16; digits++) {
        snprintf(buffer, size, "%.*e", digits, value);
        double back = strtod(buffer, NULL);
        /* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison): -0 must come back as -0 */
        if (memcmp(&back, &value, sizeof(back)) == 0) {
            return;
        }
    }
}

void gojson_float(struct text *out, double value)
{
    char form[40];
    shortest(form, sizeof(form), value);
    char *exponent_at = strchr(form, 'e');
    long exponent = strtol(exponent_at + 1, NULL, 10);
    *exponent_at = '\0';
    const char *mantissa = form;
    if (*mantissa == '-') {
        text_putc(out, '-');
        mantissa++;
    }
    double size = fabs(value);
    if (fpclassify(size) != FP_ZERO && (size < 1e-6 || size >= 1e21)) {
        text_printf(out, "%se%c%ld", mantissa, exponent < 0 ? '-' : '+', labs(exponent));
        return;
    }
    char digits[24];
    size_t count = 0;
    for (const char *at = mantissa; *at != '\0' && count + 1 < sizeof(digits); at++) {
        if (*at != '.') {
            digits[count++] = *at;
        }
    }
    digits[count] = '\0';
    if (exponent < 0) {
        text_puts(out, "0.");
        for (long i = -1; i > exponent; i--) {
            text_putc(out, '0');
        }
        text_puts(out, digits);
        return;
    }
    for (size_t i = 0; i < count || (long)i <= exponent; i++) {
        if ((long)i == exponent + 1) {
            text_putc(out, '.');
        }
        text_putc(out, i < count ? digits[i] : '0');
    }
}

void gojson_string_node(struct text *out, const struct doc *doc, uint32_t node)
{
    const struct doc_node *it = &doc->nodes[node];
    if (it->plain) {
        text_add(out, doc->text + it->start - 1, it->len + 2);
        return;
    }
    struct text decoded = {0};
    doc_string(doc, node, &decoded);
    gojson_string(out, text_string(&decoded), decoded.len);
    text_fini(&decoded);
}

static void put_number(struct text *out, const struct doc *doc, uint32_t node)
{
    const struct doc_node *it = &doc->nodes[node];
    const char *raw = doc->text + it->start;
    bool short_integer = it->len <= 15 && memchr(raw, '.', it->len) == NULL &&
                         memchr(raw, 'e', it->len) == NULL && memchr(raw, 'E', it->len) == NULL;
    if (short_integer) {
        text_add(out, raw, it->len);
    } else {
        gojson_float(out, doc_number(doc, node));
    }
}

static void put_object(struct text *out, const struct doc *doc, uint32_t node)
{
    size_t count = 0;
    struct doc_member *members = doc_members(doc, node, &count);
    text_putc(out, '{');
    for (size_t i = 0; i < count; i++) {
        if (i > 0) {
            text_putc(out, ',');
        }
        gojson_string(out, members[i].key, members[i].key_len);
        text_putc(out, ':');
        gojson_value(out, doc, members[i].value);
    }
    text_putc(out, '}');
    doc_members_free(members, count);
}

void gojson_value(struct text *out, const struct doc *doc, uint32_t node)
{
    if (node == DOC_NONE) {
        text_puts(out, "null");
        return;
    }
    const struct doc_node *it = &doc->nodes[node];
    switch (it->kind) {
    case DOC_NULL:
    case DOC_FALSE:
    case DOC_TRUE:
        text_add(out, doc->text + it->start, it->len);
        break;
    case DOC_NUMBER:
        put_number(out, doc, node);
        break;
    case DOC_STRING:
        gojson_string_node(out, doc, node);
        break;
    case DOC_ARRAY:
        text_putc(out, '[');
        for (uint32_t i = node + 1; i < it->next; i = doc->nodes[i].next) {
            if (i > node + 1) {
                text_putc(out, ',');
            }
            gojson_value(out, doc, i);
        }
        text_putc(out, ']');
        break;
    case DOC_OBJECT:
        put_object(out, doc, node);
        break;
    }
}

static void new_line(struct text *out, size_t depth)
{
    text_putc(out, '\n');
    for (size_t i = 0; i < depth; i++) {
        text_puts(out, "  ");
    }
}

/* Length of the string that begins at json, with its quotes. */
static size_t string_len(const char *json, size_t len)
{
    size_t i = 1;
    while (i < len && json[i] != '"') {
        i += json[i] == '\\' ? 2 : 1;
    }
    return i < len ? i + 1 : len;
}

void gojson_indent(struct text *out, const char *json, size_t len)
{
    size_t depth = 0;
    for (size_t i = 0; i < len; i++) {
        char c = json[i];
        bool opens = c == '{' || c == '[';
        if (c == '"') {
            size_t taken = string_len(json + i, len - i);
            text_add(out, json + i, taken);
            i += taken - 1;
        } else if (opens && i + 1 < len && (json[i + 1] == '}' || json[i + 1] == ']')) {
            text_add(out, json + i++, 2);
        } else if (opens) {
            text_putc(out, c);
            new_line(out, ++depth);
        } else if (c == '}' || c == ']') {
            new_line(out, --depth);
            text_putc(out, c);
        } else {
            text_putc(out, c);
            if (c == ':') {
                text_putc(out, ' ');
            } else if (c == ',') {
                new_line(out, depth);
            }
        }
    }
}
