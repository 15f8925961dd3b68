/* SPDX-License-Identifier: Apache-2.0 */
#include "base/seal.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/str.h"

#define NONCE_LENGTH 12
#define TAG_LENGTH 16
static const char version[] = "v1:";

static void derive_nonce(const struct seal_key *key, const char *context, size_t context_length,
                         const char *value, size_t value_length, unsigned char nonce[NONCE_LENGTH])
{
    /* One length before the parts keeps (context, value) pairs apart. */
    CLEANUP(buf_fini) struct buf input;
    buf_init(&input, BUF_UNLIMITED);
    buf_add_format(&input, "grapnel nonce %zu ", context_length);
    buf_add(&input, context, context_length);
    buf_add(&input, value, value_length);
    unsigned char mac[EVP_MAX_MD_SIZE];
    if (!HMAC(EVP_sha256(), key->bytes, sizeof(key->bytes), (unsigned char *)input.data,
              input.length, mac, NULL))
        abort();
    memcpy(nonce, mac, NONCE_LENGTH);
    OPENSSL_cleanse(input.data, input.length);
}

static void cipher_freep(EVP_CIPHER_CTX **cipher)
{
    EVP_CIPHER_CTX_free(*cipher);
}

char *seal(const struct seal_key *key, const char *context, size_t context_length,
           const char *value, size_t value_length)
{
    CLEANUP(freep) unsigned char *sealed = xmalloc(NONCE_LENGTH + value_length + TAG_LENGTH);
    derive_nonce(key, context, context_length, value, value_length, sealed);

    CLEANUP(cipher_freep) EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    int used = 0;
    int more = 0;
    if (!cipher || EVP_EncryptInit_ex2(cipher, EVP_aes_256_gcm(), key->bytes, sealed, NULL) != 1 ||
        EVP_EncryptUpdate(cipher, NULL, &used, (const unsigned char *)context,
                          (int)context_length) != 1 ||
        EVP_EncryptUpdate(cipher, sealed + NONCE_LENGTH, &used, (const unsigned char *)value,
                          (int)value_length) != 1 ||
        EVP_EncryptFinal_ex(cipher, sealed + NONCE_LENGTH + used, &more) != 1 ||
        EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_GET_TAG, TAG_LENGTH,
                            sealed + NONCE_LENGTH + value_length) != 1)
        abort();

    struct buf text;
    buf_init(&text, BUF_UNLIMITED);
    buf_add_text(&text, version);
    str_base64url(&text, sealed, NONCE_LENGTH + value_length + TAG_LENGTH);
    return buf_take(&text);
}

static int refuse(struct err *err)
{
    return err_set(err, ERR_INVALID, 0, "sealed value cannot be opened");
}

/* base64url without padding → bytes */
static int decode(const char *text, struct buf *out)
{
    CLEANUP(buf_fini) struct buf padded;
    buf_init(&padded, 1U << 20);
    for (const char *at = text; *at; at++)
        buf_add_char(&padded, (char)(*at == '-' ? '+' : *at == '_' ? '/' : *at));
    while (padded.length % 4)
        buf_add_char(&padded, '=');
    if (padded.overflowed)
        return -1;
    return str_base64_decode(out, buf_text(&padded), padded.length, NULL);
}

int unseal(const struct seal_key *key, const char *context, size_t context_length,
           const char *sealed, struct buf *out, struct err *err)
{
    CLEANUP(buf_fini) struct buf bytes;
    buf_init(&bytes, 1U << 20);
    if (!str_starts(sealed, version) || decode(sealed + strlen(version), &bytes) < 0 ||
        bytes.length < NONCE_LENGTH + TAG_LENGTH)
        return refuse(err);

    size_t length = bytes.length - NONCE_LENGTH - TAG_LENGTH;
    unsigned char *nonce = (unsigned char *)bytes.data;
    unsigned char *text = nonce + NONCE_LENGTH;
    CLEANUP(freep) unsigned char *value = xmalloc(length + 1);
    CLEANUP(cipher_freep) EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    int used = 0;
    int more = 0;
    if (!cipher || EVP_DecryptInit_ex2(cipher, EVP_aes_256_gcm(), key->bytes, nonce, NULL) != 1 ||
        EVP_DecryptUpdate(cipher, NULL, &used, (const unsigned char *)context,
                          (int)context_length) != 1 ||
        EVP_DecryptUpdate(cipher, value, &used, text, (int)length) != 1 ||
        EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_SET_TAG, TAG_LENGTH, text + length) != 1 ||
        EVP_DecryptFinal_ex(cipher, value + used, &more) != 1)
        return refuse(err);
    buf_add(out, value, length);
    OPENSSL_cleanse(value, length);
    return 0;
}
