/* SPDX-License-Identifier: Apache-2.0 */
/* The resolution of scalars that kubectl inherits from go-yaml 2: YAML 1.1 booleans and octals,
 * Go's integer prefixes, no sexagesimals, timestamps as strings. tests/unit/base/yaml_test.c holds
 * the table that was measured. */
#include "base/yaml_scalar.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_text.h"
#include "base/str.h"

#define LONGEST_WORD 5
#define TAG "tag:yaml.org,2002:"

enum meaning { MEANS_STRING, MEANS_NULL, MEANS_BOOL, MEANS_INT, MEANS_FLOAT, MEANS_INFINITE };

static const struct {
    const char *text;
    enum meaning meaning;
    const char *json;
} words[] = {
    {"", MEANS_NULL, "null"},       {"~", MEANS_NULL, "null"},      {"null", MEANS_NULL, "null"},
    {"Null", MEANS_NULL, "null"},   {"NULL", MEANS_NULL, "null"},   {"y", MEANS_BOOL, "true"},
    {"Y", MEANS_BOOL, "true"},      {"yes", MEANS_BOOL, "true"},    {"Yes", MEANS_BOOL, "true"},
    {"YES", MEANS_BOOL, "true"},    {"true", MEANS_BOOL, "true"},   {"True", MEANS_BOOL, "true"},
    {"TRUE", MEANS_BOOL, "true"},   {"on", MEANS_BOOL, "true"},     {"On", MEANS_BOOL, "true"},
    {"ON", MEANS_BOOL, "true"},     {"n", MEANS_BOOL, "false"},     {"N", MEANS_BOOL, "false"},
    {"no", MEANS_BOOL, "false"},    {"No", MEANS_BOOL, "false"},    {"NO", MEANS_BOOL, "false"},
    {"false", MEANS_BOOL, "false"}, {"False", MEANS_BOOL, "false"}, {"FALSE", MEANS_BOOL, "false"},
    {"off", MEANS_BOOL, "false"},   {"Off", MEANS_BOOL, "false"},   {"OFF", MEANS_BOOL, "false"},
    {".nan", MEANS_INFINITE, ""},   {".NaN", MEANS_INFINITE, ""},   {".NAN", MEANS_INFINITE, ""},
    {".inf", MEANS_INFINITE, ""},   {".Inf", MEANS_INFINITE, ""},   {".INF", MEANS_INFINITE, ""},
    {"+.inf", MEANS_INFINITE, ""},  {"+.Inf", MEANS_INFINITE, ""},  {"+.INF", MEANS_INFINITE, ""},
    {"-.inf", MEANS_INFINITE, ""},  {"-.Inf", MEANS_INFINITE, ""},  {"-.INF", MEANS_INFINITE, ""},
};

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

/* ---- numbers ---- */

static unsigned digit_value(char byte)
{
    if (is_digit(byte))
        return (unsigned)(byte - '0');
    if ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'f')
        return (unsigned)((byte | 0x20) - 'a' + 10);
    return 99;
}

/* Go's integer literals without their underscores: a sign, then 0x, 0o, 0b or 0 (octal) or
 * decimal digits. False when it is not one or does not fit in 64 bits. */
static bool parse_integer(const char *text, bool *ret_negative, uint64_t *ret_size)
{
    bool sign = *text == '+' || *text == '-';
    *ret_negative = *text == '-';
    const char *at = text + sign;
    unsigned base = 10;
    if (*at == '0' && at[1]) {
        char prefix = at[2] ? (char)(at[1] | 0x20) : '\0';
        base = prefix == 'x' ? 16 : prefix == 'b' ? 2 : 8;
        at += prefix == 'x' || prefix == 'b' || prefix == 'o' ? 2 : 1;
    }
    if (!*at)
        return false;
    uint64_t size = 0;
    for (; *at; at++) {
        unsigned digit = digit_value(*at);
        if (digit >= base || __builtin_mul_overflow(size, (uint64_t)base, &size) ||
            __builtin_add_overflow(size, (uint64_t)digit, &size))
            return false;
    }
    *ret_size = size;
    /* With a sign it is an int64 or no integer at all. */
    return !sign || size <= (uint64_t)INT64_MAX + (*ret_negative ? 1 : 0);
}

static const char *skip_digits(const char *at)
{
    while (is_digit(*at))
        at++;
    return at;
}

/* [-+]? ( .digits | digits [. digits*] ) ( [eE] [-+]? digits )? */
static bool is_decimal(const char *text)
{
    const char *at = text + (*text == '+' || *text == '-');
    if (*at == '.') {
        if (!is_digit(at[1]))
            return false;
        at = skip_digits(at + 1);
    } else {
        if (!is_digit(*at))
            return false;
        at = skip_digits(at);
        if (*at == '.')
            at = skip_digits(at + 1);
    }
    if (*at == 'e' || *at == 'E') {
        at += at[1] == '+' || at[1] == '-' ? 2 : 1;
        if (!is_digit(*at))
            return false;
        at = skip_digits(at);
    }
    return !*at;
}

bool yaml_number_is_json(struct span text)
{
    static const struct json_text_limits limits = {0};
    char first = text.length ? *text.ptr : '\0';
    if ((!is_digit(first) && first != '-') || json_text_check(text, &limits, NULL, NULL) < 0)
        return false;
    CLEANUP(freep) char *copy = xstrndup(text.ptr, text.length);
    return isfinite(strtod(copy, NULL)) != 0;
}

/* A finite number as digits and the place of its point: 0.012 is "12" with exponent -2. */
struct decimal {
    char digits[24];
    int count;
    int exponent; /* of the first digit */
};

/* The fewest digits that read back as the same number, as a double or (`narrow`) a float. */
static struct decimal shortest(double number, bool narrow)
{
    struct decimal decimal = {0};
    char text[40];
    for (int precision = 0; precision < 17; precision++) {
        snprintf(text, sizeof(text), "%.*e", precision, number);
        bool same = narrow ? !islessgreater(strtof(text, NULL), (float)number)
                           : !islessgreater(strtod(text, NULL), number);
        if (same)
            break;
    }
    const char *mantissa = text;
    for (; *mantissa != 'e'; mantissa++) {
        if (*mantissa != '.')
            decimal.digits[decimal.count++] = *mantissa;
    }
    decimal.exponent = (int)strtoll(mantissa + 1, NULL, 10);
    while (decimal.count > 1 && decimal.digits[decimal.count - 1] == '0')
        decimal.count--;
    decimal.digits[decimal.count] = '\0';
    return decimal;
}

static void add_positional(struct buf *out, const struct decimal *decimal)
{
    int places = decimal->exponent + 1; /* digits before the point */
    if (places <= 0) {
        buf_add_text(out, "0.");
        for (int i = places; i < 0; i++)
            buf_add_char(out, '0');
        buf_add(out, decimal->digits, (size_t)decimal->count);
        return;
    }
    for (int i = 0; i < places; i++)
        buf_add_char(out, i < decimal->count ? decimal->digits[i] : '0');
    if (decimal->count > places) {
        buf_add_char(out, '.');
        buf_add(out, decimal->digits + places, (size_t)(decimal->count - places));
    }
}

static void add_scientific(struct buf *out, const struct decimal *decimal, int exponent_digits)
{
    buf_add_char(out, decimal->digits[0]);
    if (decimal->count > 1) {
        buf_add_char(out, '.');
        buf_add(out, decimal->digits + 1, (size_t)(decimal->count - 1));
    }
    buf_add_format(out, "e%c%0*d", decimal->exponent < 0 ? '-' : '+', exponent_digits,
                   abs(decimal->exponent));
}

/* As Go's encoding/json prints a float64. */
static void add_double(struct buf *out, double number)
{
    struct decimal decimal = shortest(fabs(number), false);
    if (signbit(number))
        buf_add_char(out, '-');
    double size = fabs(number);
    if (size > 0 && (size < 1e-6 || size >= 1e21))
        add_scientific(out, &decimal, 1);
    else
        add_positional(out, &decimal);
}

static void add_integer(struct buf *out, bool negative, uint64_t size)
{
    buf_add_format(out, "%s%" PRIu64, negative && size ? "-" : "", size);
}

/* Underscores are allowed between digits here, and dropped; false when they stand elsewhere. */
static bool drop_separators(char *text)
{
    char *used = text;
    for (char *at = text; *at; at++) {
        if (*at != '_')
            *used++ = *at;
        else if (at == text || !is_digit(at[-1]) || !is_digit(at[1]))
            return false;
    }
    *used = '\0';
    return true;
}

static void drop_underscores(char *text)
{
    char *used = text;
    for (char *at = text; *at; at++) {
        if (*at != '_')
            *used++ = *at;
    }
    *used = '\0';
}

/* Appends the number that a plain text is; MEANS_STRING and nothing appended when it is none. Forms
 * that JSON has too stay as they are. */
static enum meaning add_number(struct buf *out, const char *text)
{
    CLEANUP(freep) char *bare = xstrdup(text);
    bool negative = false;
    uint64_t size = 0;
    bool point_first = *text == '.';
    if (!point_first)
        drop_underscores(bare);
    else if (!drop_separators(bare))
        return MEANS_STRING;
    bool integer = !point_first && parse_integer(bare, &negative, &size);
    if (!integer && !is_decimal(bare))
        return MEANS_STRING;
    double number = integer ? 0 : strtod(bare, NULL);
    if (!isfinite(number))
        return MEANS_STRING;

    struct span whole = {text, strlen(text)};
    if (yaml_number_is_json(whole))
        buf_add(out, whole.ptr, whole.length);
    else if (integer)
        add_integer(out, negative, size);
    else
        add_double(out, number);
    return integer ? MEANS_INT : MEANS_FLOAT;
}

/* ---- scalars ---- */

static enum meaning add_plain(struct buf *out, const char *text)
{
    /* Most scalars are texts that are longer than any of the words. */
    bool short_enough = strnlen(text, LONGEST_WORD + 1) <= LONGEST_WORD;
    for (size_t i = 0; short_enough && i < ARRAY_LENGTH(words); i++) {
        if (*text == *words[i].text && strcmp(text, words[i].text) == 0) {
            buf_add_text(out, words[i].json);
            return words[i].meaning;
        }
    }
    if (is_digit(*text) || *text == '-' || *text == '+' || *text == '.')
        return add_number(out, text);
    return MEANS_STRING;
}

static int add_binary(struct buf *out, struct span text, struct err *err)
{
    CLEANUP(buf_fini) struct buf packed;
    CLEANUP(buf_fini) struct buf bytes;
    buf_init(&packed, BUF_UNLIMITED);
    buf_init(&bytes, BUF_UNLIMITED);
    for (size_t i = 0; i < text.length; i++) {
        if (text.ptr[i] != '\n')
            buf_add_char(&packed, text.ptr[i]);
    }
    if (str_base64_decode(&bytes, buf_text(&packed), packed.length, NULL) < 0)
        return err_set(err, ERR_INVALID, 0, "not base64, as the tag !!binary wants it");
    if (memchr(buf_text(&bytes), '\0', bytes.length) ||
        !str_is_utf8(buf_text(&bytes), bytes.length))
        return err_set(err, ERR_INVALID, 0, "the bytes behind the tag !!binary are no text");
    json_text_add_string_n(out, buf_text(&bytes), bytes.length);
    return 0;
}

/* Does the tag allow what the text means? */
static bool tag_fits(const char *tag, enum meaning meaning)
{
    if (!tag)
        return true;
    if (strcmp(tag, TAG "null") == 0)
        return meaning == MEANS_NULL;
    if (strcmp(tag, TAG "bool") == 0)
        return meaning == MEANS_BOOL;
    if (strcmp(tag, TAG "int") == 0)
        return meaning == MEANS_INT;
    return meaning == MEANS_INT || meaning == MEANS_FLOAT;
}

static bool is_typed(const char *tag)
{
    return strcmp(tag, TAG "null") == 0 || strcmp(tag, TAG "bool") == 0 ||
           strcmp(tag, TAG "int") == 0 || strcmp(tag, TAG "float") == 0;
}

int yaml_scalar_add(struct buf *out, struct span text, const char *tag, bool plain, struct err *err)
{
    if (tag && strcmp(tag, TAG "binary") == 0)
        return add_binary(out, text, err);
    bool resolved = tag ? is_typed(tag) : plain;
    CLEANUP(freep) char *copy = resolved ? xstrndup(text.ptr, text.length) : NULL;
    size_t start = out->length;
    enum meaning meaning = copy ? add_plain(out, copy) : MEANS_STRING;
    if (meaning == MEANS_INFINITE)
        return err_set(err, ERR_INVALID, 0, "%s is no finite number, JSON has none such", copy);
    if (resolved && !tag_fits(tag, meaning)) {
        out->length = start;
        CLEANUP(buf_fini) struct buf shown;
        buf_init(&shown, BUF_UNLIMITED);
        str_add_printable(&shown, text.ptr, text.length, 80);
        return err_set(err, ERR_INVALID, 0, "%s is not what the tag !!%s says", buf_text(&shown),
                       tag + strlen(TAG));
    }
    if (meaning == MEANS_STRING)
        json_text_add_string_n(out, text.ptr, text.length);
    return 0;
}

static void add_double_key(struct buf *out, double number)
{
    if (isinf((float)number)) {
        buf_add_text(out, signbit(number) ? "\"-.inf\"" : "\".inf\"");
        return;
    }
    struct decimal decimal = shortest((double)fabsf((float)number), true);
    buf_add_text(out, signbit(number) ? "\"-" : "\"");
    if (decimal.exponent < -4 || decimal.exponent >= 6)
        add_scientific(out, &decimal, 2);
    else
        add_positional(out, &decimal);
    buf_add_char(out, '"');
}

int yaml_scalar_add_key(struct buf *out, struct span json, struct err *err)
{
    CLEANUP(freep) char *number = NULL;
    int64_t whole = 0;
    switch (json_text_type(json)) {
    case JSON_TEXT_STRING:
        buf_add(out, json.ptr, json.length);
        return 0;
    case JSON_TEXT_TRUE:
    case JSON_TEXT_FALSE:
        buf_add_char(out, '"');
        buf_add(out, json.ptr, json.length);
        buf_add_char(out, '"');
        return 0;
    case JSON_TEXT_NUMBER:
        number = xstrndup(json.ptr, json.length);
        if (strpbrk(number, ".eE")) {
            add_double_key(out, strtod(number, NULL));
            return 0;
        }
        if (!json_text_int64(json, &whole))
            return err_set(err, ERR_INVALID, 0, "the number %s is too large for a key", number);
        buf_add_format(out, "\"%" PRId64 "\"", whole);
        return 0;
    case JSON_TEXT_NULL:
        return err_set(err, ERR_INVALID, 0, "a key is null; quote it if it is a text");
    case JSON_TEXT_NONE:
    case JSON_TEXT_OBJECT:
    case JSON_TEXT_ARRAY:
        break;
    }
    return err_set(err, ERR_INVALID, 0, "a key is no scalar");
}

/* 190:20:30 and 190:20:30.15, which YAML 1.1 counts by sixty. */
static bool is_sexagesimal(const char *text)
{
    const char *at = text + (*text == '-' || *text == '+');
    bool colon = false;
    for (; is_digit(*at) || *at == ':' || *at == '_' || *at == '.'; at++)
        colon = colon || *at == ':';
    return colon && !*at;
}

/* 2001-01-01 and all that begins so. */
static bool is_date(const char *text)
{
    return strlen(text) >= 8 && skip_digits(text) == text + 4 && text[4] == '-' &&
           is_digit(text[5]);
}

bool yaml_scalar_is_string(const char *text, size_t length)
{
    /* Most are words, and the longest that means something else is "false". */
    bool is_word = length && isalpha((unsigned char)*text);
    if (is_word && (length > strlen("false") || !strchr("fFnNoOtTyY", *text)))
        return true;
    CLEANUP(freep) char *copy = xstrndup(text, length);
    CLEANUP(buf_fini) struct buf ignored;
    buf_init(&ignored, BUF_UNLIMITED);
    if (add_plain(&ignored, copy) != MEANS_STRING || is_sexagesimal(copy) || is_date(copy))
        return false;
    return strcmp(copy, "<<") != 0 && strcmp(copy, "=") != 0;
}
