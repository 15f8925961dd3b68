/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/mem.h"

/*
 * A file that a flag names and whose text is needed from the start: a secret, certificates. It is
 * read once, whatever it is, so that a pipe will do (`--flag <(command)`, /dev/stdin). Only a
 * regular file is looked at again.
 */
struct flag_file {
    const char *path; /* borrowed */
    size_t limit;
    char *text; /* owned, without the line ends at its end, in its place while it is the same; NULL:
                   not read */
    bool is_followed;
    bool complained; /* since it was last read well */
};

/* `path` NULL: there is no such flag, nothing is read. An empty file is ERR_INVALID: what it should
 * hold is never left out in silence. The message begins with the path. May wait for who writes to a
 * pipe. */
int flag_file_read(struct flag_file *file, const char *path, size_t limit,
                   struct err *err) MUST_CHECK;
/* Reads it again, and never waits; true when the text is another one. What cannot be read, or is
 * empty (in the middle of being written), leaves the text as it was, and is told once. */
bool flag_file_refresh(struct flag_file *file);
/* The text may be secret: it is overwritten. */
void flag_file_fini(struct flag_file *file);
