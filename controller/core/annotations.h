/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "core/object.h"
#include "core/problem.h"

/*
 * What users say by annotations grapnel.dev/… of an object.
 */

/* grapnel.dev/deletion-policy: shall the definition stay on the gateways when the ApiDefinition is
 * deleted? Retain (case does not count) says so, Delete or nothing says no; of another value
 * nobody knows what was meant, and what stays can still be deleted: true. */
bool annotations_retain(const struct object *api);
/* grapnel.dev/adopt: "true". */
bool annotations_adopt(const struct object *api);
/* grapnel.dev/confirm-prune: "true". */
bool annotations_confirm_prune(const struct object *context);

/* Warns of keys grapnel.dev/… that mean nothing at an object of this kind, and of values that are
 * not what they look like. */
void annotations_lint(const struct object *object, struct problems *problems);
