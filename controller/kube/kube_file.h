/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "base/err.h"
#include "base/mem.h"

/* Reads a small file as a whole, always by its path: Kubernetes renews mounted files by swapping a
 * symbolic link. *ret_text is owned, a NUL behind it. -1: NOT_FOUND, DENIED, INVALID (longer than
 * `limit`, holds a NUL byte), TRANSIENT; the message names the path. */
int kube_file_read(const char *path, size_t limit, char **ret_text, struct err *err) MUST_CHECK;
/* The same without blanks and line feeds at both ends; empty is INVALID. */
int kube_file_read_word(const char *path, size_t limit, char **ret_text,
                        struct err *err) MUST_CHECK;
