/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/span.h"

/*
 * The bytes of a watch, cut anywhere, to its events. The server ends each event with a line feed
 * and has none within (facts of the API server, true of all its releases). Pure.
 */
enum watch_type { WATCH_ADDED, WATCH_MODIFIED, WATCH_DELETED, WATCH_BOOKMARK, WATCH_ERROR };

struct watch_event {
    enum watch_type type;
    struct span object; /* its brackets match; the rest is for the receiver to check */
};

struct watch_decoder;

/* An event, borrowed for the call. -1 with *err set ends the decoding. Must not free the decoder.
 */
typedef int watch_event_fn(void *arg, const struct watch_event *event, struct err *err);

/* `limit`: bytes of one event. */
struct watch_decoder *watch_decoder_new(size_t limit, watch_event_fn *fn, void *arg);
void watch_decoder_free(struct watch_decoder *decoder);
void watch_decoder_freep(struct watch_decoder **decoder);

/* -1: what has come is no event, is too long (ERR_INVALID), or what the receiver said; all further
 * calls fail likewise. */
int watch_decoder_feed(struct watch_decoder *decoder, const char *bytes, size_t length,
                       struct err *err) MUST_CHECK;
