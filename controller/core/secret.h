/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/object.h"

/* The value of a key of a Secret object (`data` in base64, `stringData` in manifests, which wins)
 * or of a ConfigMap (`data`): returns owned, NUL-terminated bytes, *ret_length of them; NULL when
 * the key is absent or its base64 is broken. `object` may be NULL. */
char *secret_value(const struct object *object, const char *key, size_t *ret_length);
