/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "base/err.h"
#include "core/object.h"
#include "ports/object_source.h"

/*
 * Several namespaces of one kind as one: the sink's list of the kind is complete only when those of
 * all namespaces are, and each is followed. Until the first such moment nothing is told but
 * trouble; from then on events go through at once, also while another namespace has trouble. When a
 * namespace has been listed again and all are well, the whole is told as one list; while one is
 * not, only what the new list changed. Pure, but for the sink.
 */
struct ns_merge;

/* `sink` and `arg` are borrowed. */
struct ns_merge *ns_merge_new(enum object_kind kind, size_t count, const struct object_sink *sink,
                              void *arg);
void ns_merge_free(struct ns_merge *merge);

/* What the reflector of namespace `index` tells. */
void ns_merge_begin(struct ns_merge *merge, size_t index);
void ns_merge_put(struct ns_merge *merge, size_t index, const struct object *object);
void ns_merge_gone(struct ns_merge *merge, size_t index, const char *key, const char *uid);
void ns_merge_end(struct ns_merge *merge, size_t index);
void ns_merge_trouble(struct ns_merge *merge, size_t index, const struct err *err);
void ns_merge_resumed(struct ns_merge *merge, size_t index);
