/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"
#include "base/span.h"
#include "core/object.h"

/* Appends an object as a manifest to commit: without status, without what the API server and the
 * operator write into metadata. */
void manifest_text_clean(struct span object, struct buf *out);

/* Appends a ConfigMap with another value in one entry: `document` is JSON and is written in the
 * form, JSON or YAML, that the entry had. */
void manifest_text_with_entry(const struct object *config_map, const char *entry,
                              struct span document, struct buf *out);
