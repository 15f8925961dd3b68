/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "base/buf.h"

/*
 * What differs between two texts, by lines, for people: hunks with a few lines around each. Texts
 * are indented as YAML is, and each hunk is headed by the keys above it, because three lines of
 * context do not tell where in a long definition they are.
 */

/* Called for each line of the result, in order; `sign` is ' ', '-', '+', or '@' for the head of a
 * hunk. Borrowed for the call. */
typedef void line_diff_fn(void *arg, char sign, const char *line, size_t length);

/* `context`: lines around a change. Nothing is called when the texts are the same. */
void line_diff(const char *before, const char *after, size_t context, line_diff_fn *fn, void *arg);
