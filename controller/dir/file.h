/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

/* The class of an errno: ENOENT is NOT_FOUND, EACCES and EPERM DENIED, the rest TRANSIENT. Sets
 * *err to "what: text of the errno" and returns -1. */
int file_fault(struct err *err, int number, const char *what);

/* Reads a whole file. Where `any_type` is false, only regular files (and links to them) are read
 * and nothing can block: a pipe or a device is ERR_INVALID. So is a file of more than `limit`
 * bytes. The message has no path. */
int file_read(const char *path, size_t limit, bool any_type, struct buf *out,
              struct err *err) MUST_CHECK;

/* Writes a file so that at any time either the old or the new one is there whole: a temporary one
 * beside it, flushed to the disk, then renamed. The message has no path. */
int file_write(const char *path, const void *bytes, size_t length, mode_t mode,
               struct err *err) MUST_CHECK;
