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
/* Returns owned text, compact. */
char *sim_json_dump(const json_t *tree);
/* The object's member, made when it is absent or no object. */
json_t *sim_json_object(json_t *tree, const char *name);

/* RFC 7386: changes `target`. */
void sim_merge_patch(json_t *target, const json_t *patch);
/* RFC 6902. False: a test failed or a path leads nowhere; `target` may be half changed. */
bool sim_json_patch(json_t *target, const json_t *patch);
