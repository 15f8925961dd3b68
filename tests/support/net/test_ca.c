/* SPDX-License-Identifier: Apache-2.0 */
#include "support/net/test_ca.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/mem.h"

struct test_ca {
    EVP_PKEY *key;
    X509 *cert;
    char *pem;
    long serial;
};

static char *take_pem(BIO *bio)
{
    char *data;
    long length = BIO_get_mem_data(bio, &data);
    char *pem = xstrndup(data, (size_t)length);
    BIO_free(bio);
    return pem;
}

static char *cert_pem(X509 *cert)
{
    BIO *bio = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_X509(bio, cert), 1);
    return take_pem(bio);
}

static void add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, cert, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(cert, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

static X509 *new_cert(struct test_ca *ca, EVP_PKEY *key, const char *name)
{
    X509 *cert = X509_new();
    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), ++ca->serial);
    X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
    X509_gmtime_adj(X509_getm_notAfter(cert), 86400);
    X509_set_pubkey(cert, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
                               (const unsigned char *)name, -1, -1, 0);
    return cert;
}

struct test_ca *test_ca_new(void)
{
    struct test_ca *ca = xcalloc(1, sizeof(*ca));
    ca->key = EVP_EC_gen("P-256");
    /* One by whose name another is found as well is taken for that one. */
    CLEANUP(freep) char *name = xasprintf("CA of the tests %p", (void *)ca);
    ca->cert = new_cert(ca, ca->key, name);
    X509_set_issuer_name(ca->cert, X509_get_subject_name(ca->cert));
    add_extension(ca->cert, ca->cert, NID_basic_constraints, "critical,CA:TRUE");
    add_extension(ca->cert, ca->cert, NID_key_usage, "critical,keyCertSign,cRLSign");
    add_extension(ca->cert, ca->cert, NID_subject_key_identifier, "hash");
    assert_true(X509_sign(ca->cert, ca->key, EVP_sha256()) > 0);
    ca->pem = cert_pem(ca->cert);
    return ca;
}

void test_ca_free(struct test_ca *ca)
{
    EVP_PKEY_free(ca->key);
    X509_free(ca->cert);
    free(ca->pem);
    free(ca);
}

const char *test_ca_pem(const struct test_ca *ca)
{
    return ca->pem;
}

void test_ca_issue(struct test_ca *ca, const char *name, struct test_cert *ret_cert)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = new_cert(ca, key, name);
    X509_set_issuer_name(cert, X509_get_subject_name(ca->cert));
    struct in_addr address;
    CLEANUP(freep)
    char *san = xasprintf("%s:%s", inet_pton(AF_INET, name, &address) == 1 ? "IP" : "DNS", name);
    add_extension(cert, ca->cert, NID_subject_alt_name, san);
    add_extension(cert, ca->cert, NID_ext_key_usage, "serverAuth,clientAuth");
    add_extension(cert, ca->cert, NID_authority_key_identifier, "keyid");
    assert_true(X509_sign(cert, ca->key, EVP_sha256()) > 0);

    ret_cert->cert_pem = cert_pem(cert);
    BIO *bio = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), 1);
    ret_cert->key_pem = take_pem(bio);
    X509_free(cert);
    EVP_PKEY_free(key);
}

void test_cert_fini(struct test_cert *cert)
{
    free(cert->cert_pem);
    free(cert->key_pem);
}
