/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "ports/http.h"

/* How to be let in: the secret and TLS, counted, because requests in flight outlive a change. */
struct gateway_access;
/* Copies all it needs. `secret` NULL: none is sent; a line break at its end is cut. */
struct gateway_access *gateway_access_new(const char *secret, const struct http_tls *tls);
struct gateway_access *gateway_access_ref(struct gateway_access *access);
void gateway_access_unref(struct gateway_access *access);
bool gateway_access_equal(const struct gateway_access *a, const struct gateway_access *b);

/* Borrowed. The header line that carries the secret; NULL: none is sent. */
const char *gateway_access_header(const struct gateway_access *access);
const char *gateway_access_secret(const struct gateway_access *access); /* NULL: none */
const struct http_tls *gateway_access_tls(const struct gateway_access *access);
