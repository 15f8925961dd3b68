/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Four states: in the rest of the document, between elements, within an element, failed. The rest
 * is followed only as far as finding the array needs: depth, strings, and the keys of the objects
 * on the path to it. What is wrong with it otherwise shows when it is checked as a whole.
 */
#include "base/json_split.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json_scan.h"
#include "base/json_text.h"

#define REST_DEPTH 64

enum split_state { SPLIT_REST, SPLIT_BETWEEN, SPLIT_ITEM, SPLIT_FAILED };

/* What may stand between two elements. */
enum expectation { EXPECT_ITEM_OR_END, EXPECT_ITEM, EXPECT_COMMA_OR_END };

enum item_kind { ITEM_CONTAINER, ITEM_STRING, ITEM_WORD };

struct json_split {
    /* set by json_split_new(), not changed after */
    char **path;
    size_t path_length;
    size_t item_limit;
    unsigned depth_limit;
    json_split_fn *fn;
    void *arg;
    /* progress */
    enum split_state state;
    struct err failure;
    struct json_scan scan;
    /* in the rest */
    struct buf rest;
    size_t depth;
    size_t matched;      /* members of the path whose objects are open */
    bool expects_key;    /* of an object on the path */
    bool key_matches;    /* the member at hand is the next one of the path */
    bool value_is_next;  /* … and its value comes next */
    size_t string_start; /* in rest */
    bool found;
    /* in the array */
    enum expectation expectation;
    enum item_kind item_kind;
    struct buf item;         /* what earlier calls brought of the element */
    unsigned char *brackets; /* a bit for each open one: set for [ */
    unsigned item_depth;
};

/* The bytes of one call. */
struct input {
    const char *at;
    const char *end;
};

struct json_split *json_split_new(const struct json_split_options *options)
{
    struct json_split *split = xcalloc(1, sizeof(*split));
    while (options->path && options->path[split->path_length])
        split->path_length++;
    split->path = xcalloc(split->path_length + 1, sizeof(*split->path));
    for (size_t i = 0; i < split->path_length; i++)
        /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): its length is 0 then */
        split->path[i] = xstrdup(options->path[i]);
    split->item_limit = options->item_limit;
    split->depth_limit = options->depth;
    split->fn = options->item;
    split->arg = options->arg;
    split->brackets = xcalloc(options->depth / 8 + 1, 1);
    split->value_is_next = split->path_length == 0;
    buf_init(&split->rest, options->rest_limit);
    buf_init(&split->item, options->item_limit);
    return split;
}

void json_split_free(struct json_split *split)
{
    if (!split)
        return;
    for (size_t i = 0; i < split->path_length; i++)
        free(split->path[i]);
    free(split->path);
    free(split->brackets);
    buf_fini(&split->rest);
    buf_fini(&split->item);
    free(split);
}

void json_split_freep(struct json_split **split)
{
    json_split_free(*split);
}

static int fail(struct json_split *split, const char *what)
{
    split->state = SPLIT_FAILED;
    return err_set(&split->failure, ERR_INVALID, 0, "not the JSON that is expected: %s", what);
}

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

/* Goes on within a string, up to and behind its closing quote. */
static const char *pass_string(struct json_split *split, const char *at, const char *end)
{
    const char *behind = json_scan_string(at, end, &split->scan.escaped);
    split->scan.in_string = !behind;
    return behind ? behind : end;
}

/* A string of the rest has ended: was it a key on the path? */
static void end_rest_string(struct json_split *split)
{
    if (!split->expects_key)
        return;
    split->expects_key = false;
    struct span key = {split->rest.data + split->string_start,
                       split->rest.length - split->string_start};
    split->key_matches =
        split->matched < split->path_length && json_text_is(key, split->path[split->matched]);
}

static int begin_array(struct json_split *split)
{
    if (split->found)
        return fail(split, "the list stands twice in it");
    split->found = true;
    split->state = SPLIT_BETWEEN;
    split->expectation = EXPECT_ITEM_OR_END;
    buf_add_text(&split->rest, "[]");
    return 0;
}

/* The first byte of the value that the path leads to. */
static int take_path_value(struct json_split *split, char byte)
{
    split->value_is_next = false;
    bool last = split->matched + 1 >= split->path_length;
    if (last && byte == '[')
        return begin_array(split);
    if (last && byte != 'n')
        return fail(split, "something else stands where a list is expected");
    if (last)
        split->found = true; /* null; checked with the rest */
    if (!last && byte == '{') {
        split->matched++;
        split->expects_key = true;
    }
    return 0;
}

static void take_rest_byte(struct json_split *split, char byte)
{
    switch (byte) {
    case '"':
        split->scan.in_string = true;
        split->string_start = split->rest.length;
        break;
    case '{':
    case '[':
        if (split->depth == 0 && byte == '{' && split->path_length > 0)
            split->expects_key = true;
        split->depth++;
        break;
    case '}':
    case ']':
        if (split->matched > 0 && split->depth == split->matched + 1)
            split->matched--;
        if (split->depth > 0)
            split->depth--;
        break;
    case ',':
        if (split->depth == split->matched + 1 && split->path_length > 0)
            split->expects_key = true;
        break;
    case ':':
        split->value_is_next = split->key_matches;
        split->key_matches = false;
        break;
    default:
        break;
    }
}

static int feed_rest(struct json_split *split, struct input *input)
{
    while (input->at < input->end && split->state == SPLIT_REST) {
        const char *from = input->at;
        if (split->scan.in_string) {
            input->at = pass_string(split, from, input->end);
            buf_add(&split->rest, from, (size_t)(input->at - from));
            if (!split->scan.in_string && !split->rest.overflowed)
                end_rest_string(split);
        } else {
            char byte = *input->at++;
            if (split->value_is_next && !is_blank(byte) && take_path_value(split, byte) < 0)
                return -1;
            if (split->state == SPLIT_BETWEEN)
                break;
            take_rest_byte(split, byte);
            buf_add_char(&split->rest, byte);
        }
        if (split->rest.overflowed)
            return fail(split, "it is too long outside of its list");
    }
    return 0;
}

static int begin_item(struct json_split *split, char byte)
{
    split->state = SPLIT_ITEM;
    split->item_depth = 0;
    if (byte == '{' || byte == '[')
        split->item_kind = ITEM_CONTAINER;
    else if (byte == '"')
        split->item_kind = ITEM_STRING;
    else if (byte == ',' || byte == ':' || byte == '}' || byte == ']')
        return fail(split, "an element is missing in its list");
    else
        split->item_kind = ITEM_WORD;
    return 0;
}

static int feed_between(struct json_split *split, struct input *input)
{
    while (input->at < input->end && is_blank(*input->at))
        input->at++;
    if (input->at == input->end)
        return 0;
    char byte = *input->at;
    if (byte == ']' && split->expectation != EXPECT_ITEM) {
        input->at++;
        split->state = SPLIT_REST;
        return 0;
    }
    if (split->expectation != EXPECT_COMMA_OR_END)
        return begin_item(split, byte);
    if (byte != ',')
        return fail(split, "a comma is missing in its list");
    input->at++;
    split->expectation = EXPECT_ITEM;
    return 0;
}

static int open_bracket(struct json_split *split, char byte)
{
    if (split->item_depth >= split->depth_limit)
        return fail(split, "an element of its list is nested too deeply");
    unsigned char bit = (unsigned char)(1U << split->item_depth % 8);
    if (byte == '[')
        split->brackets[split->item_depth / 8] |= bit;
    else
        split->brackets[split->item_depth / 8] &= (unsigned char)~bit;
    split->item_depth++;
    return 0;
}

static int close_bracket(struct json_split *split, char byte)
{
    split->item_depth--;
    bool is_array = split->brackets[split->item_depth / 8] >> split->item_depth % 8 & 1;
    if (is_array != (byte == ']'))
        return fail(split, "its brackets do not match");
    return 0;
}

/* The brackets of one block, in their order; *ret_last: the bit of the one that ends the element,
 * 0 when it goes on. */
static int pass_brackets(struct json_split *split, const struct json_brackets *brackets,
                         const char *block, uint64_t *ret_last)
{
    *ret_last = 0;
    for (uint64_t left = brackets->opening | brackets->closing; left; left &= left - 1) {
        uint64_t bracket = left & (0 - left);
        char byte = block[__builtin_ctzll(left)];
        if (brackets->opening & bracket) {
            if (open_bracket(split, byte) < 0)
                return -1;
            continue;
        }
        if (close_bracket(split, byte) < 0)
            return -1;
        if (split->item_depth == 0) {
            *ret_last = bracket;
            return 0;
        }
    }
    return 0;
}

/* Goes on within an object or array; *ret_ended when its last bracket has closed. */
static int pass_container(struct json_split *split, struct input *input, bool *ret_ended)
{
    while (input->at < input->end) {
        bool was_in_string = split->scan.in_string;
        size_t left = (size_t)(input->end - input->at);
        size_t length = left < JSON_SCAN_BLOCK ? left : JSON_SCAN_BLOCK;
        struct json_brackets brackets = json_scan_brackets(&split->scan, input->at, length);
        uint64_t last;
        if (pass_brackets(split, &brackets, input->at, &last) < 0)
            return -1;
        if (last) {
            input->at += __builtin_ctzll(last) + 1;
            split->scan = (struct json_scan){false, false};
            *ret_ended = true;
            return 0;
        }
        input->at += length;
        if (was_in_string && split->scan.in_string) /* a long one */
            input->at = pass_string(split, input->at, input->end);
    }
    return 0;
}

/* A number or word ends before what follows it. */
static bool ends_word(char byte)
{
    return is_blank(byte) || byte == ',' || byte == ']';
}

static int pass_item(struct json_split *split, struct input *input, bool *ret_ended)
{
    switch (split->item_kind) {
    case ITEM_CONTAINER:
        return pass_container(split, input, ret_ended);
    case ITEM_STRING:
        if (!split->scan.in_string && input->at < input->end) {
            split->scan.in_string = true;
            input->at++;
        }
        input->at = pass_string(split, input->at, input->end);
        *ret_ended = !split->scan.in_string;
        return 0;
    case ITEM_WORD:
        while (input->at < input->end && !ends_word(*input->at))
            input->at++;
        return 0; /* it ends where the next byte says so */
    }
    return 0;
}

static int end_item(struct json_split *split, struct span item)
{
    split->state = SPLIT_BETWEEN;
    split->expectation = EXPECT_COMMA_OR_END;
    if (split->fn(split->arg, item, &split->failure) < 0) {
        split->state = SPLIT_FAILED;
        return -1;
    }
    buf_clear(&split->item);
    return 0;
}

/* Looks no further than the limit, so that what is said does not depend on the cuts. */
static int feed_item(struct json_split *split, struct input *input)
{
    const char *from = input->at;
    size_t room = split->item_limit - split->item.length;
    bool is_cut = (size_t)(input->end - from) > room;
    struct input window = {from, is_cut ? from + room : input->end};
    bool ended = false;
    if (pass_item(split, &window, &ended) < 0)
        return -1;
    if (split->item_kind == ITEM_WORD && window.at < input->end)
        ended = ends_word(*window.at);
    if (!ended && is_cut)
        return fail(split, "an element of its list is too long");
    input->at = window.at;
    struct span item = {from, (size_t)(window.at - from)};
    if (split->item.length || !ended) {
        buf_add(&split->item, item.ptr, item.length);
        item = (struct span){buf_text(&split->item), split->item.length};
    }
    return ended ? end_item(split, item) : 0;
}

static int feed_state(struct json_split *split, struct input *input)
{
    switch (split->state) {
    case SPLIT_REST:
        return feed_rest(split, input);
    case SPLIT_BETWEEN:
        return feed_between(split, input);
    case SPLIT_ITEM:
        return feed_item(split, input);
    case SPLIT_FAILED:
        return -1;
    }
    return -1;
}

int json_split_feed(struct json_split *split, const char *bytes, size_t length, struct err *err)
{
    struct input input = {bytes, bytes + length};
    int result = split->state == SPLIT_FAILED ? -1 : 0;
    while (result == 0 && input.at < input.end)
        result = feed_state(split, &input);
    if (result < 0 && err)
        *err = split->failure;
    return result;
}

int json_split_finish(struct json_split *split, struct span *ret_rest, struct err *err)
{
    static const struct json_text_limits limits = {.depth = REST_DEPTH, .unique_keys = true};
    struct span rest = {buf_text(&split->rest), split->rest.length};
    if (split->state == SPLIT_BETWEEN || split->state == SPLIT_ITEM)
        fail(split, "it breaks off within its list");
    else if (split->state == SPLIT_REST &&
             json_text_check(rest, &limits, NULL, &split->failure) < 0)
        split->state = SPLIT_FAILED;
    else if (split->state == SPLIT_REST && !split->found)
        fail(split, "it has no list");
    if (split->state == SPLIT_FAILED) {
        if (err)
            *err = split->failure;
        return -1;
    }
    if (ret_rest)
        *ret_rest = rest;
    return 0;
}
