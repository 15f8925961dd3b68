/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/buf.h"
#include "base/span.h"
#include "core/context.h"
#include "core/copy.h"

/*
 * What could loot a gateway that tenants share: references to its own secrets, which it replaces
 * wherever they stand in a definition, and template files outside the agreed folders.
 */

/* The mark of a reference to a secret of the gateway in a text: "env://", "secrets://", "vault://",
 * "consul://", "file://" or "kv://" at any place (the gateway replaces the first four anywhere in
 * the file), "$kv{" or "$secret_"; NULL when there is none. */
const char *guards_find_reference(const char *text, size_t length);

/* Finds the next string (key or value, with its quotes) with such a reference in a JSON text, from
 * `from` on (NULL: the beginning); an empty span when there is none. Escapes do not hide it. */
struct span guards_next_reference(struct span json, const char *from, const char **ret_mark);

/* May a handler use this template? "" always; else the cleaned path must begin with one of the
 * context's prefixes. */
bool guards_template_is_allowed(const char *path, const struct gateway_abilities *abilities);

/* Why the gateways of a context do not take a copy: a constant text, NULL when they do. A copy with
 * secret references where `folder_owner` is set is taken; *ret_has_reference (may be NULL) tells.
 */
const char *guards_copy_fault(const struct copy *copy, const struct gateway_abilities *abilities,
                              bool *ret_has_reference);

/* Appends where in a JSON document a place is: ".paths./a.get", "[0]"; nothing for the root. */
void guards_add_path(struct span document, const char *place, struct buf *out);
