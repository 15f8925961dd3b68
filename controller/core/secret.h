/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "core/object.h"

/* Appends the value of a key of a Secret: `stringData` of a manifest before `data` (base64), as the
 * API server merges them; one newline at its end is cut off (an editor's). -1, ERR_NOT_FOUND, when
 * there is no such key; ERR_INVALID when it is no text: not base64, NUL or other bytes that are not
 * UTF-8. The value is never in the message. `secret` may be NULL: ERR_NOT_FOUND. */
int secret_value(const struct object *secret, const char *key, struct buf *out, struct err *err);

/* Returns owned: what is shown in the place of a value that came from `source`, "ns/name key", or
 * "" where that is not known any more. */
char *secret_placeholder(const char *source);
/* Is a text one of these? As a value it is a mistake: what it stood for was never put in. */
bool secret_is_placeholder(const char *text);
