/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "core/handler.h"

/* What the CRDs' status schemas take of a text or a list. An API server refuses a status that holds
 * more, and its object would never be heard of again: what would make one is refused instead. */
#define REF_LENGTH_MAX 1024   /* characters; of an event's name too */
#define REFS_MAX 1024         /* of one API */
#define HANDLERS_MAX 4096     /* webhook handlers of one API */
#define LISTEN_PATH_MAX 2048  /* characters */
#define URL_MAX 2048          /* characters, also of one from a Secret */
#define HEADER_VALUE_MAX 8192 /* characters, likewise */
/* Bytes of all copies in an API together: etcd takes requests of 1.5 MiB, and the spec is in them.
 * What is too much together all the same is told by the store (reconcile/oversize.c). */
#define COPIES_SIZE_MAX 1000000

/* Is the text longer than so many characters? */
bool bounds_exceeds(const char *text, size_t characters);

/* Reports (InvalidSpec) handlers that no status could tell of; false when there are such. */
bool bounds_check(const struct handler_scope *scope, const struct handlers *handlers);

/* The room that a copy takes in a status, nearly: what came from Secrets grows by being sealed. */
size_t bounds_copy_size(const struct copy *copy);
