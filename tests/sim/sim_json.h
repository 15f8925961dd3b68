/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/span.h"

/*
 * JSON trees, for the simulated servers: they are small, and patches need them.
 */

/* Borrowed: a member, a member of that, …; NULL when absent. */
json_t *sim_json_get(const json_t *tree, ...) __attribute__((sentinel));
/* The same as text: "" when it is absent or no string. */
const char *sim_json_text(const json_t *tree, ...) __attribute__((sentinel));
/* -1 when it is absent or no number. */
int64_t sim_json_int(const json_t *tree, ...) __attribute__((sentinel));
/* Returns owned tree; aborts when the text (with 'single quotes' for double ones) is no JSON. */
json_t *sim_json_of(const char *text);
json_t *sim_json_format(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Returns owned tree, NULL when it is no JSON. */
json_t *sim_json_parse(const char *bytes, size_t length);
/* Appends it, compact, as json_dumps() does; at most 64 levels deep. */
void sim_json_write(struct buf *out, const json_t *tree, bool sorted);
/* Returns owned text, compact; members as they are, or in the order of their keys. */
char *sim_json_dump(const json_t *tree);
char *sim_json_dump_sorted(const json_t *tree);
/* The object's member, made when it is absent or no object. */
json_t *sim_json_object(json_t *tree, const char *name);

/* RFC 7386: changes `target`. */
void sim_merge_patch(json_t *target, const json_t *patch);
/* The same, and `target` (NULL: an empty object) stays. Returns owned: a tree that shares with both
 * what the patch does not touch, so that only its own members may be set, not those below. */
json_t *sim_merged(const json_t *target, const json_t *patch);
/* Gives a tree that shares its members with others an object of its own there. Returns borrowed. */
json_t *sim_json_own(json_t *tree, const char *name);
/* RFC 6902. False: a test failed or a path leads nowhere; `target` may be half changed. */
bool sim_json_patch(json_t *target, const json_t *patch);
