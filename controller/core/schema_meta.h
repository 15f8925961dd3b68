/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/span.h"
#include "core/object.h"
#include "core/schema.h"

/* Checks the metadata of an object as the API server does for every kind: name, namespace, labels,
 * annotations, finalizers. */
void schema_meta_check(enum object_kind kind, struct span object, struct schema_problems *problems);
