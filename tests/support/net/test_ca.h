/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A certificate authority for one test: everything is made in memory and is worth nothing outside.
 */
struct test_ca;

struct test_cert {
    char *cert_pem;
    char *key_pem;
};

struct test_ca *test_ca_new(void);
void test_ca_free(struct test_ca *ca);
/* Borrowed. */
const char *test_ca_pem(const struct test_ca *ca);
/* A certificate for a DNS name ("localhost") or an address ("127.0.0.1"), valid for a day. */
void test_ca_issue(struct test_ca *ca, const char *name, struct test_cert *ret_cert);
void test_cert_fini(struct test_cert *cert);
