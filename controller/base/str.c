/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>

bool str_equal(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

bool str_starts(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool str_ends(const char *text, const char *suffix)
{
    size_t length = strlen(text);
    size_t tail = strlen(suffix);
    return length >= tail && memcmp(text + length - tail, suffix, tail) == 0;
}

bool str_is_empty(const char *text)
{
    return !text || !*text;
}

int str_to_int64(const char *text, int64_t min, int64_t max, int64_t *ret_value, struct err *err)
{
    char *end = NULL;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    bool digits = (*text >= '0' && *text <= '9') || (*text == '-' && text[1] != '\0');
    if (!digits || errno || *end)
        return err_set(err, ERR_INVALID, 0, "not a whole number");
    if (value < min || value > max)
        return err_set(err, ERR_INVALID, 0, "out of range %" PRId64 " to %" PRId64, min, max);
    *ret_value = value;
    return 0;
}

int str_to_duration_ms(const char *text, int64_t *ret_ms, struct err *err)
{
    static const struct {
        const char *name;
        int64_t ms;
    } units[] = {{"h", 3600000}, {"ms", 1}, {"m", 60000}, {"s", 1000}};
    const char *at = text;
    int64_t total = 0;
    unsigned seen = 0;

    if (strcmp(text, "0") == 0) {
        *ret_ms = 0;
        return 0;
    }
    while (*at) {
        int64_t number = 0;
        const char *first = at;
        for (; *at >= '0' && *at <= '9' && number < 1000000000; at++)
            number = number * 10 + (*at - '0');
        size_t unit = 0;
        while (unit < ARRAY_LENGTH(units) && !str_starts(at, units[unit].name))
            unit++;
        if (at == first || unit == ARRAY_LENGTH(units) || seen & 1U << unit)
            return err_set(err, ERR_INVALID, 0, "not a duration such as 10s, 1m30s or 500ms");
        seen |= 1U << unit;
        total += number * units[unit].ms;
        at += strlen(units[unit].name);
    }
    if (at == text)
        return err_set(err, ERR_INVALID, 0, "empty, a duration such as 10s is wanted");
    *ret_ms = total;
    return 0;
}

void str_base64(struct buf *out, const void *bytes, size_t length)
{
    size_t room = (length + 2) / 3 * 4 + 1;
    CLEANUP(freep) unsigned char *text = xmalloc(room);
    int written = EVP_EncodeBlock(text, bytes, (int)length);
    buf_add(out, text, (size_t)written);
}

void str_base64url(struct buf *out, const void *bytes, size_t length)
{
    size_t start = out->length;
    str_base64(out, bytes, length);
    size_t used = start;
    for (size_t i = start; i < out->length; i++) {
        char byte = out->data[i];
        if (byte == '=')
            break;
        if (byte == '+')
            byte = '-';
        else if (byte == '/')
            byte = '_';
        out->data[used++] = byte;
    }
    if (out->data)
        out->data[used] = '\0';
    out->length = used;
}

int str_base64_decode(struct buf *out, const char *text, size_t length, struct err *err)
{
    if (length % 4 || length > 64U << 20)
        return err_set(err, ERR_INVALID, 0, "not base64");
    size_t padding = 0;
    while (padding < 2 && padding < length && text[length - 1 - padding] == '=')
        padding++;
    for (size_t i = 0; i < length - padding; i++) {
        /* EVP_DecodeBlock() skips blanks at the ends, Kubernetes does not. */
        if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", text[i]) ||
            !text[i])
            return err_set(err, ERR_INVALID, 0, "not base64");
    }
    CLEANUP(freep) unsigned char *bytes = xmalloc(length / 4 * 3 + 1);
    int written = EVP_DecodeBlock(bytes, (const unsigned char *)text, (int)length);
    if (written < 0)
        return err_set(err, ERR_INVALID, 0, "not base64");
    buf_add(out, bytes, (size_t)written - padding);
    OPENSSL_cleanse(bytes, (size_t)written);
    return 0;
}

void str_hex(struct buf *out, const void *bytes, size_t length)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *byte = bytes;
    for (size_t i = 0; i < length; i++) {
        char pair[2] = {digits[byte[i] >> 4], digits[byte[i] & 15]};
        buf_add(out, pair, sizeof(pair));
    }
}

void str_format_time(char out[static 21], int64_t seconds)
{
    time_t when = (time_t)seconds;
    struct tm parts;
    if (seconds < 0 || seconds > 253402300799 || !gmtime_r(&when, &parts))
        gmtime_r(&(time_t){0}, &parts);
    strftime(out, 21, "%Y-%m-%dT%H:%M:%SZ", &parts);
}

int str_parse_time(const char *text, int64_t *ret_seconds, struct err *err)
{
    struct tm parts = {0};
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &parts);
    if (rest && *rest == '.') {
        rest++;
        while (*rest >= '0' && *rest <= '9')
            rest++;
    }
    int64_t offset = 0;
    if (rest && (*rest == '+' || *rest == '-')) {
        int hours = 0;
        int minutes = 0;
        int used = 0;
        /* NOLINTNEXTLINE(cert-err34-c): two digits at most */
        if (sscanf(rest + 1, "%2d:%2d%n", &hours, &minutes, &used) != 2 || used != 5)
            return err_set(err, ERR_INVALID, 0, "not a time of RFC 3339");
        offset = INT64_C(60) * (hours * 60 + minutes) * (*rest == '-' ? -1 : 1);
        rest += 6;
    } else if (rest && *rest == 'Z') {
        rest++;
    } else {
        rest = NULL;
    }
    if (!rest || *rest)
        return err_set(err, ERR_INVALID, 0, "not a time of RFC 3339");
    *ret_seconds = (int64_t)timegm(&parts) - offset;
    return 0;
}

/* The length of the well-formed UTF-8 sequence at `text`, 0 when there is none. The tables are
 * those of RFC 3629, section 4. */
static size_t utf8_sequence(const unsigned char *text, size_t length)
{
    unsigned char first = text[0];
    if (first < 0x80)
        return 1;
    size_t size;
    unsigned char low = 0x80;
    unsigned char high = 0xbf;
    if (first >= 0xc2 && first <= 0xdf) {
        size = 2;
    } else if (first >= 0xe0 && first <= 0xef) {
        size = 3;
        if (first == 0xe0)
            low = 0xa0;
        else if (first == 0xed)
            high = 0x9f;
    } else if (first >= 0xf0 && first <= 0xf4) {
        size = 4;
        if (first == 0xf0)
            low = 0x90;
        else if (first == 0xf4)
            high = 0x8f;
    } else {
        return 0;
    }
    if (length < size || text[1] < low || text[1] > high)
        return 0;
    for (size_t i = 2; i < size; i++) {
        if (text[i] < 0x80 || text[i] > 0xbf)
            return 0;
    }
    return size;
}

/* How many of the bytes are ASCII for certain: most texts are, so eight are looked at together. */
static size_t ascii_length(const unsigned char *text, size_t length)
{
    size_t plain = 0;
    for (uint64_t eight; length - plain >= sizeof(eight); plain += sizeof(eight)) {
        memcpy(&eight, text + plain, sizeof(eight));
        if (eight & UINT64_C(0x8080808080808080))
            break;
    }
    return plain;
}

bool str_is_utf8(const char *text, size_t length)
{
    const unsigned char *at = (const unsigned char *)text;
    while (length) {
        size_t size = ascii_length(at, length);
        if (!size)
            size = utf8_sequence(at, length);
        if (!size)
            return false;
        at += size;
        length -= size;
    }
    return true;
}

static bool is_obeyed(const unsigned char *at, size_t size)
{
    if (size == 2)
        return (at[0] == 0xc2 && at[1] < 0xa0) || (at[0] == 0xd8 && at[1] == 0x9c);
    if (size != 3 || at[0] != 0xe2)
        return false;
    if (at[1] == 0x80)
        return at[2] == 0x8e || at[2] == 0x8f || (at[2] >= 0xa8 && at[2] <= 0xae);
    return at[1] == 0x81 && at[2] >= 0xa6 && at[2] <= 0xa9;
}

size_t str_obeyed(const char *text, size_t length, unsigned *ret_code)
{
    const unsigned char *at = (const unsigned char *)text;
    size_t size = length ? utf8_sequence(at, length) : 0;
    if (!is_obeyed(at, size))
        return 0;
    *ret_code = size == 2 ? (at[0] & 0x1fU) << 6 | (at[1] & 0x3fU)
                          : (at[0] & 0xfU) << 12 | (at[1] & 0x3fU) << 6 | (at[2] & 0x3fU);
    return size;
}

/* How many bytes are printable ASCII. */
static size_t printable_length(const unsigned char *text, size_t length)
{
    size_t at = 0;
    while (at < length && text[at] >= ' ' && text[at] < 0x7f)
        at++;
    return at;
}

void str_add_printable(struct buf *out, const char *text, size_t length, size_t limit)
{
    const unsigned char *at = (const unsigned char *)text;
    size_t used = 0;
    while (length) {
        size_t plain = printable_length(at, length < limit - used ? length : limit - used);
        if (plain) {
            buf_add(out, at, plain);
            used += plain;
            at += plain;
            length -= plain;
            continue;
        }
        size_t size = utf8_sequence(at, length);
        bool printable = size > 1 ? !is_obeyed(at, size) : size && *at >= ' ' && *at != 0x7f;
        size_t step = size ? size : 1;
        if (used + (printable ? size : 1) > limit) {
            buf_add_text(out, "…");
            return;
        }
        if (printable)
            buf_add(out, at, size);
        else
            buf_add_char(out, '?');
        used += printable ? size : 1;
        at += step;
        length -= step;
    }
}

int str_compare_pointers(const void *a, const void *b)
{
    const char *const *left = a;
    const char *const *right = b;
    return strcmp(*left, *right);
}

unsigned str_distance(const char *a, const char *b)
{
    size_t width = strlen(b);
    if (width > 63 || strlen(a) > 63)
        return 3;
    unsigned char row[64];
    for (size_t j = 0; j <= width; j++)
        row[j] = (unsigned char)j;
    for (size_t i = 0; a[i]; i++) {
        unsigned char corner = row[0]++;
        for (size_t j = 0; j < width; j++) {
            unsigned char change = (unsigned char)(corner + (a[i] != b[j]));
            unsigned char step = (unsigned char)((row[j] < row[j + 1] ? row[j] : row[j + 1]) + 1);
            corner = row[j + 1];
            row[j + 1] = change < step ? change : step;
        }
    }
    return row[width] < 3 ? row[width] : 3;
}
