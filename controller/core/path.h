/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

/* Returns owned: the shortest path of the same meaning, as Go's path.Clean (which the gateway's
 * router uses) makes it: no empty or `.` elements, `..` taken together with the element before it,
 * no slash at the end but for the root; "." for an empty path. */
char *path_clean(const char *path);

/* Does a cleaned path lie at or below a folder ("/tyk")? */
bool path_is_below(const char *clean, const char *folder);
