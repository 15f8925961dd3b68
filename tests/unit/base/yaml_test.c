/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json_text.h"
#include "base/str.h"
#include "base/yaml.h"

static struct span text(const char *bytes)
{
    return (struct span){bytes, strlen(bytes)};
}

/* The JSON of a file that holds one document. Returns owned. */
static char *read_one(const char *yaml)
{
    struct yaml_documents documents;
    struct err err = {0};
    unsigned line = 0;
    if (yaml_read(text(yaml), &yaml_default_limits, &documents, &line, &err) < 0)
        fail_msg("%s: line %u: %s", yaml, line, err.msg);
    assert_int_equal(documents.count, 1);
    char *json = xstrdup(documents.items[0].json);
    yaml_documents_fini(&documents);
    return json;
}

static void check_reads(const char *yaml, const char *json)
{
    CLEANUP(freep) char *read = read_one(yaml);
    assert_string_equal(read, json);
}

/* Expects the file to be refused; `part` occurs in the message. */
static void check_refuses_text(struct span bytes, unsigned line, const char *part)
{
    struct yaml_documents documents;
    struct err err = {0};
    unsigned at = 0;
    assert_int_equal(yaml_read(bytes, &yaml_default_limits, &documents, &at, &err), -1);
    yaml_documents_fini(&documents);
    assert_int_equal(err.class, ERR_INVALID);
    if (!strstr(err.msg, part))
        fail_msg("\"%s\" does not say \"%s\"", err.msg, part);
    if (at != line)
        fail_msg("%s: line %u instead of %u", err.msg, at, line);
}

static void check_refuses(const char *yaml, unsigned line, const char *part)
{
    check_refuses_text(text(yaml), line, part);
}

/*
 * Measured with kubectl 1.36.3 (annotate --local -o json) on an object with `k: SCALAR` in its
 * spec. `kept` is what we read where it differs: a number keeps the form in which it was written,
 * because the definition that is pushed shall hold what the user wrote.
 */
static const struct {
    const char *yaml;
    const char *kubectl;
    const char *kept;
} scalars[] = {
    {"y", "true", NULL},
    {"Y", "true", NULL},
    {"yes", "true", NULL},
    {"Yes", "true", NULL},
    {"YES", "true", NULL},
    {"on", "true", NULL},
    {"On", "true", NULL},
    {"ON", "true", NULL},
    {"true", "true", NULL},
    {"True", "true", NULL},
    {"TRUE", "true", NULL},
    {"n", "false", NULL},
    {"N", "false", NULL},
    {"no", "false", NULL},
    {"No", "false", NULL},
    {"NO", "false", NULL},
    {"off", "false", NULL},
    {"Off", "false", NULL},
    {"OFF", "false", NULL},
    {"false", "false", NULL},
    {"False", "false", NULL},
    {"FALSE", "false", NULL},
    {"~", "null", NULL},
    {"null", "null", NULL},
    {"Null", "null", NULL},
    {"NULL", "null", NULL},
    {"yEs", "\"yEs\"", NULL},
    {"oN", "\"oN\"", NULL},
    {"nULL", "\"nULL\"", NULL},
    {"\"\"", "\"\"", NULL},
    {"'yes'", "\"yes\"", NULL},
    {"\"014\"", "\"014\"", NULL},
    {"", "null", NULL},
    {"0", "0", NULL},
    {"-0", "0", "-0"},
    {"7", "7", NULL},
    {"-7", "-7", NULL},
    {"+7", "7", NULL},
    {"014", "12", NULL},
    {"-014", "-12", NULL},
    {"0o14", "12", NULL},
    {"0O14", "12", NULL},
    {"08", "8", NULL},
    {"09", "9", NULL},
    {"0x1F", "31", NULL},
    {"0X1f", "31", NULL},
    {"-0x1F", "-31", NULL},
    {"0b101", "5", NULL},
    {"0B11", "3", NULL},
    {"0x", "\"0x\"", NULL},
    {"0b2", "\"0b2\"", NULL},
    {"1_000", "1000", NULL},
    {"1__0", "10", NULL},
    {"12_", "12", NULL},
    {"_12", "\"_12\"", NULL},
    {"0_8", "8", NULL},
    {"1,000", "\"1,000\"", NULL},
    {".5", "0.5", NULL},
    {"-.5", "-0.5", NULL},
    {"+.5", "0.5", NULL},
    {".5e3", "500", NULL},
    {"5.", "5", NULL},
    {"1.50", "1.5", "1.50"},
    {"1e3", "1000", "1e3"},
    {"1E+3", "1000", "1E+3"},
    {"1e-7", "1e-7", NULL},
    {"0.000001", "0.000001", NULL},
    {"1e21", "1e+21", "1e21"},
    {"1e400", "\"1e400\"", NULL},
    {"100000000000000000000", "100000000000000000000", NULL},
    {"9223372036854775807", "9223372036854775807", NULL},
    {"9223372036854775808", "9223372036854776000", "9223372036854775808"},
    {"18446744073709551615", "18446744073709552000", "18446744073709551615"},
    {"12345678901234567890", "12345678901234567000", "12345678901234567890"},
    {"0x7FFFFFFFFFFFFFFF", "9223372036854775807", NULL},
    {"0xFFFFFFFFFFFFFFFFFF", "\"0xFFFFFFFFFFFFFFFFFF\"", NULL},
    {"1.2.3", "\"1.2.3\"", NULL},
    {"1e", "\"1e\"", NULL},
    {"1e3x", "\"1e3x\"", NULL},
    {"0x1p4", "\"0x1p4\"", NULL},
    {".", "\".\"", NULL},
    {"..", "\"..\"", NULL},
    {"+", "\"+\"", NULL},
    {"--1", "\"--1\"", NULL},
    {"12:30:45", "\"12:30:45\"", NULL},
    {"1:30", "\"1:30\"", NULL},
    {"2001-01-01", "\"2001-01-01\"", NULL},
    {"2001-01-01T00:00:00Z", "\"2001-01-01T00:00:00Z\"", NULL},
    {"2001-01-01T12:00:00.5+01:00", "\"2001-01-01T12:00:00.5+01:00\"", NULL},
    {"!!str 5", "\"5\"", NULL},
    {"!!str yes", "\"yes\"", NULL},
    {"!!str", "\"\"", NULL},
    {"!!int \"5\"", "5", NULL},
    {"!!int 0x10", "16", NULL},
    {"!!float 5", "5", NULL},
    {"!!bool \"yes\"", "true", NULL},
    {"!!null \"\"", "null", NULL},
    {"!custom 5", "\"5\"", NULL},
    {"! 5", "\"5\"", NULL},
    {"!!binary aGVsbG8=", "\"hello\"", NULL},
    {"!!timestamp 2001-01-01", "\"2001-01-01\"", NULL},
    {"a b", "\"a b\"", NULL},
    {"a#b", "\"a#b\"", NULL},
    {"a #b", "\"a\"", NULL},
    {"http://x:80/", "\"http://x:80/\"", NULL},
    {"a:b", "\"a:b\"", NULL},
    {"\"\\x41\\u00e9\\n\"", "\"Aé\\n\"", NULL},
    {"'it''s'", "\"it's\"", NULL},
    {"\"a\\tb\"", "\"a\\tb\"", "\"a\\u0009b\""},
    {"[a, 1, yes]", "[\"a\",1,true]", NULL},
    {"{a: 1, b}", "{\"a\":1,\"b\":null}", NULL},
    {"<<", "\"<<\"", NULL},
    {"=", "\"=\"", NULL},
    {"=x", "\"=x\"", NULL},
};

/* Is it the same number, as far as a double tells? */
static bool same_number(const char *a, const char *b)
{
    double left = strtod(a, NULL);
    double right = strtod(b, NULL);
    return !islessgreater(left, right);
}

static void scalars_are_read_as_kubectl_reads_them(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(scalars); i++) {
        CLEANUP(freep) char *yaml = xasprintf("k: %s\n", scalars[i].yaml);
        const char *kept = scalars[i].kept;
        CLEANUP(freep)
        char *json = xasprintf("{\"k\":%s}", kept ? kept : scalars[i].kubectl);
        check_reads(yaml, json);
        if (kept && *kept != '"' && !same_number(kept, scalars[i].kubectl))
            fail_msg("%s is another number than %s", kept, scalars[i].kubectl);
    }
}

static void scalars_that_kubectl_refuses_are_refused(void **state)
{
    (void)state;
    check_refuses("k: .inf", 1, "no finite number");
    check_refuses("k: -.Inf", 1, "no finite number");
    check_refuses("k: .nan", 1, "no finite number");
    check_refuses("k: !!int abc", 1, "abc is not what the tag !!int says");
    check_refuses("k: !!int 1.5", 1, "!!int");
    check_refuses("k: !!bool 1", 1, "!!bool");
    check_refuses("k: !!null x", 1, "!!null");
    check_refuses("k: !!binary \"??\"", 1, "base64");
    check_refuses("k: !!binary AAA=", 1, "no text");
    check_refuses("k: @x", 1, "quotes");
}

static void keys_become_strings(void **state)
{
    (void)state;
    check_reads("y: 1", "{\"true\":1}");
    check_reads("off: 1", "{\"false\":1}");
    check_reads("\"y\": 1", "{\"y\":1}");
    check_reads("5: 1", "{\"5\":1}");
    check_reads("0x10: 1", "{\"16\":1}");
    check_reads("1.50: 1", "{\"1.5\":1}");
    check_reads("1000000.5: 1", "{\"1.0000005e+06\":1}");
    check_reads("0.00001: 1", "{\"1e-05\":1}");
    check_reads("0.1: 1", "{\"0.1\":1}");
    check_reads("-1e39: 1", "{\"-.inf\":1}");
    check_reads("2001-01-01: 1", "{\"2001-01-01\":1}");
    check_refuses("~: 1", 1, "null");
    check_refuses("9223372036854775808: 1", 1, "too large for a key");
    check_refuses("x: {[a]: 1}", 1, "a key is a map or a list");
    check_refuses("a: {{ .Values.x }}", 1, "a key is a map or a list");
}

static void keys_that_stand_twice_are_refused(void **state)
{
    (void)state;
    check_refuses("a: 1\nb: 2\na: 3\n", 3, "key \"a\" stands twice");
    check_refuses("x:\n  y: 1\n  yes: 2\n", 3, "key \"true\"");
    check_refuses("{\"a\": 1,\n \"\\u0061\": 2}", 2, "twice");
    CLEANUP(buf_fini) struct buf many;
    buf_init(&many, BUF_UNLIMITED);
    for (int i = 0; i < 100; i++)
        buf_add_format(&many, "k%d: %d\n", i, i);
    CLEANUP(freep) char *unique = read_one(buf_text(&many));
    assert_non_null(strstr(unique, "\"k99\":99}"));
    buf_add_text(&many, "k3: again\n");
    check_refuses(buf_text(&many), 101, "key \"k3\" stands twice");
    /* The same key at another level or in another element is another key. */
    check_reads("a: {a: {a: 1}}", "{\"a\":{\"a\":{\"a\":1}}}");
    check_reads("- {a: 1}\n- {a: 2}", "[{\"a\":1},{\"a\":2}]");
}

static void collections_and_texts_are_read(void **state)
{
    (void)state;
    check_reads("a:\n- 1\n- b: x\n  c: [p, {q: r}]\n",
                "{\"a\":[1,{\"b\":\"x\",\"c\":[\"p\",{\"q\":\"r\"}]}]}");
    check_reads("a: {}\nb: []\nc:\n", "{\"a\":{},\"b\":[],\"c\":null}");
    check_reads("a: |\n  one\n   two\n\nb: >-\n  one\n  two\n",
                "{\"a\":\"one\\n two\\n\",\"b\":\"one two\"}");
    check_reads("a: \"x\\\n  y\"", "{\"a\":\"xy\"}");
    check_reads("  a: 1\n  b: 2\n", "{\"a\":1,\"b\":2}");
    check_reads("? a\n: 1\n", "{\"a\":1}");
    check_reads("!!map {a: !!seq [1]}", "{\"a\":[1]}");
    check_reads("text", "\"text\"");
    check_reads("\xef\xbb\xbf"
                "a: 1\n",
                "{\"a\":1}");
    check_reads("a: 1\r\nb: x\r\n", "{\"a\":1,\"b\":\"x\"}");
    check_reads("a: 1\t# tab before a comment\n", "{\"a\":1}");
    check_reads("%YAML 1.1\n---\na: 1\n...\n", "{\"a\":1}");
    check_reads("a: é😀\n", "{\"a\":\"é😀\"}");
}

static void aliases_are_written_out(void **state)
{
    (void)state;
    check_reads("a: &x {b: [1]}\nc: *x\nd: [*x, *x]",
                "{\"a\":{\"b\":[1]},\"c\":{\"b\":[1]},\"d\":[{\"b\":[1]},{\"b\":[1]}]}");
    check_reads("a: &k 5\n*k : 6", "{\"a\":5,\"5\":6}");
    check_reads("&k a: 1\nb: *k", "{\"a\":1,\"b\":\"a\"}");
    check_reads("a: &x 1\nb: &x 2\nc: *x", "{\"a\":1,\"b\":2,\"c\":2}");
    check_reads("a: &x {b: &x {c: 1}}\nd: *x", "{\"a\":{\"b\":{\"c\":1}},\"d\":{\"c\":1}}");
    check_refuses("a: 1\nb: *x", 2, "no anchor &x");
    check_refuses("a: &x [1, *x]", 1, "within its own anchor");
    check_refuses("a: &x {}\n*x : 1", 2, "no scalar");
    check_refuses("a: &x 1\n---\nb: *x", 3, "no anchor &x");
}

static void merge_keys_are_merged_as_kubectl_does(void **state)
{
    (void)state;
    check_reads("a: &a {x: 1, y: z}\nb: {<<: *a, w: 2}",
                "{\"a\":{\"x\":1,\"true\":\"z\"},\"b\":{\"x\":1,\"true\":\"z\",\"w\":2}}");
    /* What stands later wins, whichever side it is on. */
    check_reads("a: &a {x: 1}\nb: {<<: *a, x: 2}", "{\"a\":{\"x\":1},\"b\":{\"x\":2}}");
    check_reads("a: &a {x: 1}\nb: {x: 2, <<: *a}", "{\"a\":{\"x\":1},\"b\":{\"x\":1}}");
    /* Of a list the first map wins. */
    check_reads(
        "a: &a {x: 1, p: 1}\nb: &b {x: 2, q: 2}\nc: {<<: [*a, *b]}",
        "{\"a\":{\"x\":1,\"p\":1},\"b\":{\"x\":2,\"q\":2},\"c\":{\"q\":2,\"x\":1,\"p\":1}}");
    check_reads("c: {<<: {a: 1}, <<: {b: 2}}", "{\"c\":{\"a\":1,\"b\":2}}");
    check_reads("c: {\"<<\": {a: 1}}", "{\"c\":{\"<<\":{\"a\":1}}}");
    check_reads("c: {<<: {}}\nd: {<<: []}", "{\"c\":{},\"d\":{}}");
    check_refuses("c: {<<: 1}", 1, "merge key");
    check_refuses("c: {<<: [1]}", 1, "merge key");
    check_refuses("c: {<<: null}", 1, "merge key");
    check_refuses("l: &l [{a: 1}]\nc: {<<: *l}", 2, "merge key");
    check_refuses("c: {a: 1, <<: {b: 1}, a: 2}", 1, "stands twice");
}

static void documents_are_told_apart(void **state)
{
    (void)state;
    struct yaml_documents documents;
    static const char yaml[] =
        "# nothing\n---\na: 1\n---\n---\n# empty\n---\nb: 2\n...\n---\nnull\n";
    assert_int_equal(yaml_read(text(yaml), &yaml_default_limits, &documents, NULL, NULL), 0);
    assert_int_equal(documents.count, 2);
    assert_string_equal(documents.items[0].json, "{\"a\":1}");
    assert_string_equal(documents.items[1].json, "{\"b\":2}");
    yaml_documents_fini(&documents);

    assert_int_equal(
        yaml_read(text(" \n# only a comment\n"), &yaml_default_limits, &documents, NULL, NULL), 0);
    assert_int_equal(documents.count, 0);
    yaml_documents_fini(&documents);
    assert_int_equal(
        yaml_read((struct span){NULL, 0}, &yaml_default_limits, &documents, NULL, NULL), 0);
    assert_int_equal(documents.count, 0);
    yaml_documents_fini(&documents);

    /* JSON one behind another, and JSON with YAML behind it, as kubectl takes them. */
    assert_int_equal(yaml_read(text("{\"a\":1}\n{\"b\":2}\n---\nc: 3\n---\n{\"d\": 4}\n"),
                               &yaml_default_limits, &documents, NULL, NULL),
                     0);
    assert_int_equal(documents.count, 4);
    assert_string_equal(documents.items[3].json, "{\"d\":4}");
    assert_int_equal(yaml_line_of(&documents.items[2], documents.items[2].json + 1), 4);
    yaml_documents_fini(&documents);
}

static void documents_before_a_fault_are_kept(void **state)
{
    (void)state;
    struct yaml_documents documents;
    unsigned line = 0;
    struct err err;
    assert_int_equal(yaml_read(text("a: 1\n---\nb: [\n---\nc: 3\n"), &yaml_default_limits,
                               &documents, &line, &err),
                     -1);
    assert_int_equal(documents.count, 1);
    assert_string_equal(documents.items[0].json, "{\"a\":1}");
    assert_int_equal(line, 4);
    yaml_documents_fini(&documents);
}

static void json_is_read_as_it_is(void **state)
{
    (void)state;
    check_reads(
        " { \"a\" : [ 1.50 , 1E3, -0, true, null ] ,\n \"b\":\"\\u00e9\\/\\ud83d\\ude00\" } ",
        "{\"a\":[1.50,1E3,-0,true,null],\"b\":\"\\u00e9\\/\\ud83d\\ude00\"}");
    check_reads("{\"y\": \"y\", \"014\": 1}", "{\"y\":\"y\",\"014\":1}");
    check_reads("[]", "[]");
    /* What JSON is not may still be YAML. */
    check_reads("{a: 014, 'b': yes,}", "{\"a\":12,\"b\":true}");
    check_reads("{\"a\": 1} # comment", "{\"a\":1}");
    check_refuses("{\"a\": 1e999}", 1, "too large");
    check_refuses("{\n\"a\": \"\\u0000\"\n}", 2, "U+0000");
    check_refuses("{\n\"a\": 1\n\"b\": 2}", 3, "comma");
    check_refuses("[1, 2", 1, "the text ends too early");
}

static void bad_bytes_are_refused_with_their_line(void **state)
{
    (void)state;
    check_refuses_text((struct span){"a: 1\nb: \0\n", 10}, 2, "NUL");
    check_refuses("a: 1\nb: 2\nc: \xff\n", 3, "UTF-8");
    check_refuses("a: \xed\xa0\x80\n", 1, "UTF-8");
    check_refuses("a: 1\nb: \x01\n", 2, "control characters are not allowed (U+0001)");
    check_refuses("a: \"\\0\"\n", 1, "U+0000");
    check_refuses("{\"a\": \"\x01\"}\n", 1, "control");
}

static void faults_are_told_in_plain_words(void **state)
{
    (void)state;
    check_refuses("a:\n\tb: 1\n", 2, "a tab indents the line");
    check_refuses("a: 1\n  b: 2\n", 2, "a colon where no key can stand");
    check_refuses("  a: 1\nb: 2\n", 2, "text behind the end of the document");
    check_refuses("a: [1,\nb: 2\n", 3, "line 1");
    check_refuses("a: 1\nb\nc: 2\n", 3, "without a colon");
    check_refuses("a: 'x\n", 2, "end of stream");
}

static void bombs_are_refused(void **state)
{
    (void)state;
    CLEANUP(buf_fini) struct buf bomb;
    buf_init(&bomb, BUF_UNLIMITED);
    buf_add_text(&bomb, "a0: &a0 [lol, lol]\n");
    for (int i = 1; i < 30; i++)
        buf_add_format(&bomb, "a%d: &a%d [*a%d, *a%d, *a%d, *a%d, *a%d, *a%d]\n", i, i, i - 1,
                       i - 1, i - 1, i - 1, i - 1, i - 1);
    check_refuses(buf_text(&bomb), 8, "too large once its aliases are written out");

    buf_clear(&bomb);
    for (int i = 0; i < 100000; i++)
        buf_add_char(&bomb, '[');
    check_refuses(buf_text(&bomb), 1, "nested deeper than 200 levels");
    buf_clear(&bomb);
    for (int i = 0; i < 100000; i++)
        buf_add_text(&bomb, "- ");
    check_refuses(buf_text(&bomb), 1, "nested deeper than 200 levels");

    /* Depth counts through aliases. */
    buf_clear(&bomb);
    buf_add_text(&bomb, "a: &a0 [[[[[[[[[[]]]]]]]]]]\n");
    for (int i = 0; i < 20; i++)
        buf_add_format(&bomb, "k%d: &a%d [[[[[[[[[[*a%d]]]]]]]]]]\n", i, i + 1, i);
    check_refuses(buf_text(&bomb), 20, "nested deeper than 200 levels");

    /* Anchors within anchors keep copies of each other: those count too. */
    buf_clear(&bomb);
    for (int i = 0; i < 190; i++)
        buf_add_format(&bomb, "&a%d [", i);
    for (int i = 0; i < 100000; i++)
        buf_add_char(&bomb, 'x');
    for (int i = 0; i < 190; i++)
        buf_add_char(&bomb, ']');
    check_refuses(buf_text(&bomb), 1, "too large");
}

static void limits_hold(void **state)
{
    (void)state;
    struct yaml_documents documents;
    struct err err;
    struct yaml_limits limits = {.bytes = 20, .nodes = 5, .depth = 3};
    assert_int_equal(yaml_read(text("a: 123456789012345678"), &limits, &documents, NULL, &err), -1);
    assert_non_null(strstr(err.msg, "21 bytes, more than the 20"));
    yaml_documents_fini(&documents);
    assert_int_equal(yaml_read(text("[1, 2, 3, 4]"), &limits, &documents, NULL, &err), 0);
    yaml_documents_fini(&documents);
    assert_int_equal(yaml_read(text("[1, 2, 3, 4, 5]"), &limits, &documents, NULL, &err), -1);
    assert_non_null(strstr(err.msg, "more than 5 values"));
    yaml_documents_fini(&documents);
    assert_int_equal(yaml_read(text("[&a 1, *a, *a, *a]"), &limits, &documents, NULL, &err), 0);
    yaml_documents_fini(&documents);
    assert_int_equal(yaml_read(text("[&a [1,2], *a]"), &limits, &documents, NULL, &err), -1);
    yaml_documents_fini(&documents);
    assert_int_equal(yaml_read(text("a: {b: {c: 1}}"), &limits, &documents, NULL, &err), 0);
    yaml_documents_fini(&documents);
    assert_int_equal(yaml_read(text("a: {b: {c: []}}"), &limits, &documents, NULL, &err), -1);
    yaml_documents_fini(&documents);
}

static unsigned line_of(const struct yaml_document *document, const char *part)
{
    const char *at = strstr(document->json, part);
    assert_non_null(at);
    return yaml_line_of(document, at);
}

static void lines_of_values_are_known(void **state)
{
    (void)state;
    struct yaml_documents documents;
    static const char yaml[] = "# comment\n"
                               "a: 1\n"
                               "b:\n"
                               "- x\n"
                               "\n"
                               "- k: v\n"
                               "  l:\n"
                               "    w\n"
                               "base: &base\n"
                               "  p: 10\n"
                               "  q: 11\n"
                               "c:\n"
                               "  r: 12\n"
                               "  <<: *base\n"
                               "  q: 13\n"
                               "d: 14\n";
    assert_int_equal(yaml_read(text(yaml), &yaml_default_limits, &documents, NULL, NULL), 0);
    const struct yaml_document *document = &documents.items[0];
    assert_int_equal(line_of(document, "\"a\""), 2);
    assert_int_equal(line_of(document, "\"b\""), 3);
    assert_int_equal(line_of(document, "[\"x\""), 3);
    assert_int_equal(line_of(document, "\"x\""), 4);
    assert_int_equal(line_of(document, "{\"k\""), 6);
    assert_int_equal(line_of(document, "\"v\""), 6);
    assert_int_equal(line_of(document, "\"l\""), 7);
    assert_int_equal(line_of(document, "\"w\""), 8);
    assert_int_equal(line_of(document, "10,"), 10);
    assert_int_equal(line_of(document, "12,"), 13);
    assert_int_equal(line_of(document, "10,\"q\":13"), 14);
    assert_int_equal(line_of(document, "13}"), 15);
    assert_int_equal(line_of(document, "14}"), 16);
    yaml_documents_fini(&documents);

    assert_int_equal(yaml_read(text("\n{\n\"a\":\n1,\n\"b\": [2,\n3]}"), &yaml_default_limits,
                               &documents, NULL, NULL),
                     0);
    assert_int_equal(line_of(&documents.items[0], "{"), 2);
    assert_int_equal(line_of(&documents.items[0], "\"a\""), 3);
    assert_int_equal(line_of(&documents.items[0], "1"), 4);
    assert_int_equal(line_of(&documents.items[0], "3"), 6);
    yaml_documents_fini(&documents);
}

static void a_reader_works_in_slices(void **state)
{
    (void)state;
    static const char yaml[] = "a: [1, 2, 3]\n---\nb: 1\n";
    CLEANUP(yaml_reader_freep)
    struct yaml_reader *reader = yaml_reader_new(text(yaml), &yaml_default_limits);
    struct yaml_documents documents;
    size_t seen = 0;
    size_t steps = 0;
    int more;
    do {
        more = yaml_reader_step(reader, 1, NULL, NULL);
        yaml_reader_take(reader, &documents);
        seen += documents.count;
        yaml_documents_fini(&documents);
        steps++;
    } while (more > 0);
    assert_int_equal(more, 0);
    assert_int_equal(seen, 2);
    assert_true(steps > 10);
    /* What was not taken is freed with the reader. */
    CLEANUP(yaml_reader_freep)
    struct yaml_reader *dropped = yaml_reader_new(text(yaml), &yaml_default_limits);
    assert_int_equal(yaml_reader_step(dropped, 14, NULL, NULL), 1);
}

/* Writes JSON as YAML and reads it back: the same. */
static void check_writes(const char *json, const char *yaml)
{
    CLEANUP(buf_fini) struct buf out;
    buf_init(&out, BUF_UNLIMITED);
    yaml_add_json(&out, text(json));
    if (yaml)
        assert_string_equal(buf_text(&out), yaml);
    CLEANUP(freep) char *again = read_one(buf_text(&out));
    assert_string_equal(again, json);
}

static void yaml_is_written_in_block_style(void **state)
{
    (void)state;
    check_writes("{\"a\":1,\"b\":{\"c\":[1,{\"d\":\"x\",\"e\":[]},[2,3]],\"f\":{}},\"g\":null,"
                 "\"h\":[\"y\"]}",
                 "a: 1\n"
                 "b:\n"
                 "  c:\n"
                 "    - 1\n"
                 "    - d: x\n"
                 "      e: []\n"
                 "    - - 2\n"
                 "      - 3\n"
                 "  f: {}\n"
                 "g: null\n"
                 "h:\n"
                 "  - \"y\"\n");
    check_writes("[]", "[]\n");
    check_writes("\"x\"", "x\n");
    check_writes("{\"t\":\"one\\n  two\\n\",\"u\":\"one\\ntwo\",\"v\":\"one\\n\\n\",\"w\":1}",
                 "t: |\n"
                 "  one\n"
                 "    two\n"
                 "u: |-\n"
                 "  one\n"
                 "  two\n"
                 "v: |+\n"
                 "  one\n"
                 "\n"
                 "w: 1\n");
}

static void strings_that_yaml_would_misread_are_quoted(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(scalars); i++) {
        CLEANUP(buf_fini) struct buf json;
        buf_init(&json, BUF_UNLIMITED);
        buf_add_text(&json, "{\"a\":[");
        json_text_add_string(&json, scalars[i].yaml);
        buf_add_text(&json, "]}");
        check_writes(buf_text(&json), NULL);
        buf_clear(&json);
        buf_add_char(&json, '{');
        json_text_add_string(&json, scalars[i].yaml);
        buf_add_text(&json, ":1}");
        check_writes(buf_text(&json), NULL);
    }
    static const char *const odd[] = {
        "{\"a\":\" x\"}",
        "{\"a\":\"x \"}",
        "{\"a\":\"x:\"}",
        "{\"a\":\"- x\"}",
        "{\"a\":\"---\"}",
        "{\"a\":\"a: b\"}",
        "{\"a\":\"\\n\"}",
        "{\"a\":\"\\nx\"}",
        "{\"a\":\" x\\ny\"}",
        "{\"a\":\"x\\n y\"}",
        "{\"a\":\"x \\ny\"}",
        "{\"a\":\"x\\n \"}",
        "{\"a\":\"x\\n\\n\\ny\\n\\n\\n\"}",
        "{\"a\":\"\\u007f\"}",
        "{\"a\":\"\\u0085x\"}",
        "{\"a\":\"x\\u0009y\"}",
        "{\"a\":\"# x\"}",
        "{\"a\":\"[x]\"}",
        "{\"a\":\"é😀\"}",
        "{\"a\":\"%x\"}",
        "{\"a\":\"a, b\"}",
        "{\"a\":\"\\\"x\\\"\"}",
        "{\"a\":\"x\\\\y\"}",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(odd); i++) {
        CLEANUP(freep) char *before = read_one(odd[i]);
        CLEANUP(buf_fini) struct buf out;
        buf_init(&out, BUF_UNLIMITED);
        yaml_add_json(&out, text(before));
        CLEANUP(freep) char *after = read_one(buf_text(&out));
        json_t *left = json_text_parse(text(before));
        json_t *right = json_text_parse(text(after));
        if (!json_equal(left, right))
            fail_msg("%s became %s by %s", before, after, buf_text(&out));
        json_decref(left);
        json_decref(right);
    }
}

static void long_keys_are_written(void **state)
{
    (void)state;
    CLEANUP(buf_fini) struct buf json;
    buf_init(&json, BUF_UNLIMITED);
    buf_add_text(&json, "{\"a\":{\"");
    for (int i = 0; i < 3000; i++)
        buf_add_char(&json, 'k');
    buf_add_text(&json, "\":{\"b\":1}},\"c\":2}");
    check_writes(buf_text(&json), NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scalars_are_read_as_kubectl_reads_them),
        cmocka_unit_test(scalars_that_kubectl_refuses_are_refused),
        cmocka_unit_test(keys_become_strings),
        cmocka_unit_test(keys_that_stand_twice_are_refused),
        cmocka_unit_test(collections_and_texts_are_read),
        cmocka_unit_test(aliases_are_written_out),
        cmocka_unit_test(merge_keys_are_merged_as_kubectl_does),
        cmocka_unit_test(documents_are_told_apart),
        cmocka_unit_test(documents_before_a_fault_are_kept),
        cmocka_unit_test(json_is_read_as_it_is),
        cmocka_unit_test(bad_bytes_are_refused_with_their_line),
        cmocka_unit_test(faults_are_told_in_plain_words),
        cmocka_unit_test(bombs_are_refused),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(lines_of_values_are_known),
        cmocka_unit_test(a_reader_works_in_slices),
        cmocka_unit_test(yaml_is_written_in_block_style),
        cmocka_unit_test(strings_that_yaml_would_misread_are_quoted),
        cmocka_unit_test(long_keys_are_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
