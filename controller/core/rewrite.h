/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/buf.h"
#include "base/span.h"
#include "core/object.h"

/*
 * The JSON patch (RFC 6902) that turns the event handlers of an ApiDefinition into those of
 * `rewritten`, its own text with other handlers in the same places: a `test` of each handler as it
 * is, then its replacement. False, nothing appended, when no handler differs.
 */
bool rewrite_patch(const struct object *api, struct span rewritten, struct buf *out);
