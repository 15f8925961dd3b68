/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

/*
 * Sealing: AES-256-GCM under one key, with a context that is authenticated and not stored. The
 * nonce is derived from key, context and value (HMAC-SHA-256, the first 96 bits), so that sealing
 * is a pure function: the same value in the same context gives the same text, and no nonce serves
 * two values. A sealed text is "v1:" and base64url of nonce, ciphertext and tag.
 */
#define SEAL_KEY_LENGTH 32

struct seal_key {
    unsigned char bytes[SEAL_KEY_LENGTH];
};

/* Returns owned. */
char *seal(const struct seal_key *key, const char *context, size_t context_length,
           const char *value, size_t value_length);

/* Appends the value to `out`. -1, ERR_INVALID, when the text was not made by seal() with this key
 * and this context: forged, moved, damaged or of another key. The message never says which. */
int unseal(const struct seal_key *key, const char *context, size_t context_length,
           const char *sealed, struct buf *out, struct err *err) MUST_CHECK;
