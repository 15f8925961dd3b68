/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

/* SHA-256 (OpenSSL). */
struct digest {
    unsigned char bytes[32];
};
struct digest digest_of(const void *bytes, size_t length);
/* 64 lower-case hex digits and a NUL. */
void digest_hex(const struct digest *digest, char out[static 65]);
