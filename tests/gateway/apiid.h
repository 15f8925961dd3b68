/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

/* Whether a gateway takes this id: no path in it, also not after up to three URL-decodings. */
bool apiid_is_valid(const char *id);

/* A new random id of 32 hex digits; the caller frees it. */
char *apiid_random(void);
