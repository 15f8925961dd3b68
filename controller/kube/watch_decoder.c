/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/watch_decoder.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json_text.h"

struct watch_decoder {
    watch_event_fn *fn;
    void *arg;
    struct buf line; /* what has come of the line at hand in earlier calls */
    bool failed;
    struct err failure;
};

static const struct {
    const char *name;
    enum watch_type type;
} types[] = {
    {"ADDED", WATCH_ADDED},       {"MODIFIED", WATCH_MODIFIED}, {"DELETED", WATCH_DELETED},
    {"BOOKMARK", WATCH_BOOKMARK}, {"ERROR", WATCH_ERROR},
};

struct watch_decoder *watch_decoder_new(size_t limit, watch_event_fn *fn, void *arg)
{
    struct watch_decoder *decoder = xcalloc(1, sizeof(*decoder));
    *decoder = (struct watch_decoder){.fn = fn, .arg = arg};
    buf_init(&decoder->line, limit);
    return decoder;
}

void watch_decoder_free(struct watch_decoder *decoder)
{
    if (!decoder)
        return;
    buf_fini(&decoder->line);
    free(decoder);
}

void watch_decoder_freep(struct watch_decoder **decoder)
{
    watch_decoder_free(*decoder);
}

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r';
}

static struct span trim(struct span line)
{
    while (line.length && is_blank(line.ptr[line.length - 1]))
        line.length--;
    while (line.length && is_blank(*line.ptr)) {
        line.ptr++;
        line.length--;
    }
    return line;
}

static bool find_type(struct span name, enum watch_type *ret_type)
{
    for (size_t i = 0; i < ARRAY_LENGTH(types); i++) {
        if (json_text_is(name, types[i].name)) {
            *ret_type = types[i].type;
            return true;
        }
    }
    return false;
}

static int take_line(struct watch_decoder *decoder, struct span line, struct err *err)
{
    line = trim(line);
    if (!line.length)
        return 0;
    if (line.ptr[0] != '{' || line.ptr[line.length - 1] != '}')
        return err_set(err, ERR_INVALID, 0, "a line of the watch is no event");
    struct watch_event event = {.object = json_text_member(line, "object")};
    if (!find_type(json_text_member(line, "type"), &event.type))
        return err_set(err, ERR_INVALID, 0, "an event of the watch has no type that is known");
    /* An object that runs up to the end of the line has a bracket too few. */
    const char *end = event.object.ptr ? event.object.ptr + event.object.length : NULL;
    if (json_text_type(event.object) != JSON_TEXT_OBJECT || end >= line.ptr + line.length)
        return err_set(err, ERR_INVALID, 0, "an event of the watch has no object");
    return decoder->fn(decoder->arg, &event, err);
}

static int too_long(struct err *err, size_t limit)
{
    return err_set(err, ERR_INVALID, 0, "an event of the watch is longer than %zu bytes", limit);
}

/* Takes the line that ends at `end`, with what came of it before. */
static int end_line(struct watch_decoder *decoder, const char *from, const char *end,
                    struct err *err)
{
    struct span line = {from, (size_t)(end - from)};
    if (decoder->line.length) {
        buf_add(&decoder->line, from, line.length);
        line = (struct span){buf_text(&decoder->line), decoder->line.length};
    }
    if (decoder->line.overflowed || line.length > decoder->line.limit)
        return too_long(err, decoder->line.limit);
    int result = take_line(decoder, line, err);
    buf_clear(&decoder->line);
    return result;
}

int watch_decoder_feed(struct watch_decoder *decoder, const char *bytes, size_t length,
                       struct err *err)
{
    const char *at = bytes;
    const char *end = bytes + length;
    struct err *failure = &decoder->failure;
    while (!decoder->failed && at < end) {
        const char *feed = memchr(at, '\n', (size_t)(end - at));
        if (feed) {
            decoder->failed = end_line(decoder, at, feed, failure) < 0;
            at = feed + 1;
        } else {
            buf_add(&decoder->line, at, (size_t)(end - at));
            if (decoder->line.overflowed)
                decoder->failed = too_long(failure, decoder->line.limit) < 0;
            at = end;
        }
    }
    if (decoder->failed && err)
        *err = *failure;
    return decoder->failed ? -1 : 0;
}
