/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/buf.h"
#include "base/span.h"

/* Appends the JSON merge patch (RFC 7386) that makes `after` out of `before`: what is equal is left
 * out, members that `after` no longer has are null, arrays are replaced whole. `before` may be
 * empty (nothing yet). Both are valid JSON. True when there is a difference. Pure. */
bool merge_patch_add(struct span before, struct span after, struct buf *out);
