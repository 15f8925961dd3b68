/* SPDX-License-Identifier: Apache-2.0 */
/* The strict check of JSON text: a recursive descent over RFC 8259, as deep as the caller allows.
 */
#include "base/json_text.h"

#include <stdlib.h>
#include <string.h>

#include "base/json_scan.h"
#include "base/str.h"
#include "base/strmap.h"

struct checker {
    const char *start;
    const char *at;
    const char *end;
    unsigned depth; /* levels that may still be opened */
    bool unique_keys;
    struct err *err;
};

static int check_value(struct checker *checker);

static int fault(struct checker *checker, const char *what)
{
    return err_set(checker->err, ERR_INVALID, 0, "not JSON: %s", what);
}

static void skip_blanks(struct checker *checker)
{
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): what is NULL is empty */
    while (checker->at < checker->end && (*checker->at == ' ' || *checker->at == '\t' ||
                                          *checker->at == '\n' || *checker->at == '\r'))
        checker->at++;
}

static bool accept(struct checker *checker, char byte)
{
    if (checker->at >= checker->end || *checker->at != byte)
        return false;
    checker->at++;
    return true;
}

static bool accept_word(struct checker *checker, const char *word)
{
    size_t length = strlen(word);
    if ((size_t)(checker->end - checker->at) < length || memcmp(checker->at, word, length) != 0)
        return false;
    checker->at += length;
    return true;
}

static bool accept_digits(struct checker *checker)
{
    const char *first = checker->at;
    while (checker->at < checker->end && *checker->at >= '0' && *checker->at <= '9')
        checker->at++;
    return checker->at > first;
}

static int check_number(struct checker *checker)
{
    accept(checker, '-');
    if (!accept(checker, '0') && !accept_digits(checker))
        return fault(checker, "a value is expected here");
    if (accept(checker, '.') && !accept_digits(checker))
        return fault(checker, "a digit is missing behind the point");
    if (accept(checker, 'e') || accept(checker, 'E')) {
        if (!accept(checker, '+'))
            accept(checker, '-');
        if (!accept_digits(checker))
            return fault(checker, "a digit is missing in the exponent");
    }
    return 0;
}

/* The four digits behind \u; -1 when they are not hex digits. */
static int read_unit(struct checker *checker)
{
    if (checker->end - checker->at < 4)
        return -1;
    int unit = 0;
    for (int i = 0; i < 4; i++) {
        char digit = *checker->at++;
        int value;
        if (digit >= '0' && digit <= '9')
            value = digit - '0';
        else if ((digit | 0x20) >= 'a' && (digit | 0x20) <= 'f')
            value = (digit | 0x20) - 'a' + 10;
        else
            return -1;
        unit = unit * 16 + value;
    }
    return unit;
}

static int check_escape(struct checker *checker)
{
    if (checker->at >= checker->end)
        return fault(checker, "the text ends in a string");
    char which = *checker->at++;
    if (which != 'u')
        /* NOLINTNEXTLINE(bugprone-not-null-terminated-result): NUL is no escape */
        return memchr("\"\\/bfnrt", which, 8) ? 0 : fault(checker, "unknown escape in a string");
    int unit = read_unit(checker);
    if (unit < 0)
        return fault(checker, "\\u needs four hex digits");
    if (unit == 0)
        return fault(checker, "a string holds the character U+0000");
    if (unit >= 0xd800 && unit <= 0xdbff) {
        if (!accept_word(checker, "\\u") || (unit = read_unit(checker)) < 0xdc00 || unit > 0xdfff)
            return fault(checker, "half of a surrogate pair in a string");
    } else if (unit >= 0xdc00 && unit <= 0xdfff) {
        return fault(checker, "half of a surrogate pair in a string");
    }
    return 0;
}

static int check_string(struct checker *checker)
{
    while (checker->at < checker->end) {
        const char *plain = checker->at;
        bool high = false;
        checker->at = json_scan_plain(plain, checker->end, &high);
        if (checker->at == checker->end)
            break;
        unsigned char byte = (unsigned char)*checker->at;
        if (byte < 0x20)
            return fault(checker, "a raw control character in a string");
        if (high && !str_is_utf8(plain, (size_t)(checker->at - plain)))
            return fault(checker, "a string is not well-formed UTF-8");
        checker->at++;
        if (byte == '"')
            return 0;
        if (check_escape(checker) < 0)
            return -1;
    }
    return fault(checker, "the text ends in a string");
}

static int check_key(struct checker *checker, struct strmap *seen)
{
    struct span key = {checker->at, 0};
    if (!accept(checker, '"'))
        return fault(checker, "a key in quotes is expected here");
    if (check_string(checker) < 0)
        return -1;
    if (seen) {
        key.length = (size_t)(checker->at - key.ptr);
        CLEANUP(freep) char *name = json_text_string(key);
        if (strmap_has(seen, name)) {
            checker->at = key.ptr;
            CLEANUP(buf_fini) struct buf shown;
            buf_init(&shown, BUF_UNLIMITED);
            str_add_printable(&shown, name, strlen(name), 80);
            return err_set(checker->err, ERR_INVALID, 0, "key \"%s\" stands twice in one object",
                           buf_text(&shown));
        }
        strset_add(seen, name);
    }
    return 0;
}

static int check_object(struct checker *checker)
{
    CLEANUP(strmap_freep) struct strmap *seen = checker->unique_keys ? strset_new() : NULL;
    skip_blanks(checker);
    if (accept(checker, '}'))
        return 0;
    do {
        skip_blanks(checker);
        if (check_key(checker, seen) < 0)
            return -1;
        skip_blanks(checker);
        if (!accept(checker, ':'))
            return fault(checker, "a colon is missing behind a key");
        if (check_value(checker) < 0)
            return -1;
        skip_blanks(checker);
    } while (accept(checker, ','));
    return accept(checker, '}') ? 0 : fault(checker, "a comma or } is missing");
}

static int check_array(struct checker *checker)
{
    skip_blanks(checker);
    if (accept(checker, ']'))
        return 0;
    do {
        if (check_value(checker) < 0)
            return -1;
        skip_blanks(checker);
    } while (accept(checker, ','));
    return accept(checker, ']') ? 0 : fault(checker, "a comma or ] is missing");
}

static int check_value(struct checker *checker)
{
    skip_blanks(checker);
    bool object = accept(checker, '{');
    if (object || accept(checker, '[')) {
        if (checker->depth == 0)
            return fault(checker, "nested too deeply");
        checker->depth--;
        int result = object ? check_object(checker) : check_array(checker);
        checker->depth++;
        return result;
    }
    if (accept(checker, '"'))
        return check_string(checker);
    if (accept_word(checker, "true") || accept_word(checker, "false") ||
        accept_word(checker, "null"))
        return 0;
    return check_number(checker);
}

int json_text_check(struct span text, const struct json_text_limits *limits, size_t *ret_at,
                    struct err *err)
{
    struct checker checker = {
        .start = text.ptr,
        .at = text.ptr,
        .end = text.ptr + text.length,
        .depth = limits->depth,
        .unique_keys = limits->unique_keys,
        .err = err,
    };
    int result = text.ptr ? check_value(&checker) : fault(&checker, "empty");
    skip_blanks(&checker);
    if (result == 0 && checker.at < checker.end)
        result = fault(&checker, "text behind the value");
    if (ret_at)
        *ret_at = text.ptr ? (size_t)(checker.at - checker.start) : 0;
    return result;
}
