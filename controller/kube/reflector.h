/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "core/object.h"
#include "kube/kube_client.h"
#include "kube/kube_list.h"
#include "ports/loop.h"

/*
 * Lists one kind (of one namespace, or of all) and follows it by a watch, for ever: what it tells
 * is what ports/object_source.h says of a kind.
 *
 * Lists are consistent (no resourceVersion is asked for) and come in pages of 500; so a restart
 * never sees an older state than the process before it did. Streamed lists (WatchList) are not
 * used: they are off on some servers and fail late on others, and a paged list that is split while
 * it arrives costs neither side more memory.
 */
struct reflector;

/* The reflector may not be freed from within any of these. All come from the loop. */
struct reflector_callbacks {
    /* A list begins; when one that was being read is given up for another, again. */
    void (*begin)(void *arg);
    void (*put)(void *arg, const struct object *object);
    void (*gone)(void *arg, const char *key, const char *uid);
    void (*end)(void *arg);
    void (*trouble)(void *arg, const struct err *err);
    void (*resumed)(void *arg);
};

struct reflector_options {
    struct loop *loop;
    struct kube_client *client;
    struct kube_scope scope; /* copied */
};

/* Counters since the start, for metrics. */
struct reflector_stats {
    uint64_t lists;         /* complete ones */
    uint64_t list_failures; /* attempts */
    uint64_t watches;       /* that stood */
    uint64_t watch_failures;
    uint64_t expired;  /* 410 in either form, a resourceVersion ahead of the server's */
    uint64_t silenced; /* watches given up because nothing came */
    uint64_t bookmarks;
    uint64_t events;
    uint64_t undecodable;
};

/* Begins to list from the loop. */
struct reflector *reflector_new(const struct reflector_options *options,
                                const struct reflector_callbacks *callbacks, void *arg);
void reflector_free(struct reflector *reflector);
/* Lists anew, soon: at once, or when the last list is a minute old. */
void reflector_relist(struct reflector *reflector);
/* The same within a second or so, for what waits for it. */
void reflector_relist_now(struct reflector *reflector);
/* When the last complete list began (loop time); -1: there was none. */
int64_t reflector_listed_at(const struct reflector *reflector);
void reflector_stats(const struct reflector *reflector, struct reflector_stats *ret_stats);
