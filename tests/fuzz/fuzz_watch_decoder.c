/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a watch: every way to cut them gives the same events; each event's object either
 * becomes an object whose text is valid, or is refused. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json_text.h"
#include "cuts.h"
#include "kube/kube_object.h"
#include "kube/kube_status.h"
#include "kube/watch_decoder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void check_object(struct span text)
{
    static const struct json_text_limits limits = {.depth = 600};
    for (int kind = 0; kind < OBJECT_KIND_COUNT; kind++) {
        struct object *object;
        struct err err;
        if (kube_object_decode((enum object_kind)kind, text, &object, &err) < 0) {
            require(*err.msg);
            continue;
        }
        require(*object->name);
        require(json_text_check(object_text(object), &limits, NULL, NULL) == 0);
        /* What was kept reads as the same again. */
        struct object *again;
        require(kube_object_decode(object->kind, object_text(object), &again, NULL) == 0);
        require(strcmp(object->key, again->key) == 0 && strcmp(object->uid, again->uid) == 0);
        require(strcmp(object_text(object).ptr, object_text(again).ptr) == 0);
        object_unref(again);
        object_unref(object);
    }
}

static int on_event(void *arg, const struct watch_event *event, struct err *err)
{
    buf_add_format(arg, "%d ", (int)event->type);
    buf_add(arg, event->object.ptr, event->object.length);
    buf_add_char(arg, '\n');
    if (event->type != WATCH_ERROR)
        return 0;
    struct kube_status status;
    kube_status_of_event(event->object, &status, err);
    return -1;
}

struct run {
    struct watch_decoder *decoder;
    struct err err;
};

static int feed(void *arg, const char *bytes, size_t length)
{
    struct run *run = arg;
    return watch_decoder_feed(run->decoder, bytes, length, &run->err);
}

static void decode(const uint8_t *data, size_t size, uint32_t seed, size_t longest, struct buf *out)
{
    CLEANUP(watch_decoder_freep)
    struct watch_decoder *decoder = watch_decoder_new(300, on_event, out);
    struct run run = {.decoder = decoder};
    /* The end of a line that never ended is not a fault yet, unless it is too long. */
    if (feed_in_pieces(data, size, seed, longest, feed, &run) < 0)
        buf_add_format(out, "%d %s", (int)run.err.class, run.err.msg);
}

static int check_event(void *arg, const struct watch_event *event, struct err *err)
{
    (void)arg;
    (void)err;
    check_object(event->object);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(buf_fini) struct buf whole;
    buf_init(&whole, BUF_UNLIMITED);
    decode(data, size, 0, 0, &whole);
    for (size_t longest = 1; longest <= 64; longest *= 8) {
        CLEANUP(buf_fini) struct buf pieces;
        buf_init(&pieces, BUF_UNLIMITED);
        decode(data, size, (uint32_t)size, longest, &pieces);
        require(whole.length == pieces.length);
        require(whole.length == 0 || memcmp(whole.data, pieces.data, whole.length) == 0);
    }
    CLEANUP(watch_decoder_freep)
    struct watch_decoder *decoder = watch_decoder_new(1U << 20, check_event, NULL);
    struct err err;
    if (watch_decoder_feed(decoder, (const char *)data, size, &err) < 0)
        require(*err.msg);
    return 0;
}
