/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

/* URL paths, as Go's net/url and path packages and gorilla/mux treat them. */

/* The path with %XX decoded, in new memory; NULL if an escape is broken. */
char *path_decode(const char *path);

/*
 * The path without empty, "." and ".." parts, with a leading slash, in new memory. A trailing slash
 * stays when keep_slash is set: a router does that, Go's path.Clean does not.
 */
char *path_clean(const char *path, bool keep_slash);

/* The path with what may not stand in a URL encoded, in new memory. */
char *path_encode(const char *path);
