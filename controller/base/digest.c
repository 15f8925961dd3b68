/* SPDX-License-Identifier: Apache-2.0 */
#include "base/digest.h"

#include <stdlib.h>

#include <openssl/evp.h>

struct digest digest_of(const void *bytes, size_t length)
{
    struct digest digest;
    /* Fails only where the library is broken or out of memory. */
    if (EVP_Digest(bytes, length, digest.bytes, NULL, EVP_sha256(), NULL) != 1)
        abort();
    return digest;
}

void digest_hex(const struct digest *digest, char out[static 65])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < sizeof(digest->bytes); i++) {
        out[2 * i] = digits[digest->bytes[i] >> 4];
        out[2 * i + 1] = digits[digest->bytes[i] & 15];
    }
    out[64] = '\0';
}
