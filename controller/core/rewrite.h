/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/buf.h"
#include "base/strmap.h"
#include "core/object.h"
#include "core/resolve.h"

/*
 * The JSON patch (RFC 6902) that turns the converted references of an ApiDefinition, of these
 * `refs` (NULL: all), into the local webhooks that they are on the gateways: a `test` of each
 * handler as it is, then its replacement. False, nothing appended, when there is none, or the
 * document is in a ConfigMap.
 */
bool rewrite_patch(const struct object *api, const struct accepted *accepted,
                   const struct strmap *refs, const struct resolve_settings *settings,
                   struct buf *out);
