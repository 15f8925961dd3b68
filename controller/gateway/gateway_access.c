/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/gateway_access.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

struct gateway_access {
    unsigned refs;
    char *secret;
    char *header; /* NULL: none */
    char *ca_pem;
    char *client_cert_pem;
    char *client_key_pem;
    char *server_name;
    struct http_tls tls; /* points to these */
};

static char *copy(const char *text)
{
    return text ? xstrdup(text) : NULL;
}

struct gateway_access *gateway_access_new(const char *secret, const struct http_tls *tls)
{
    struct gateway_access *access = xcalloc(1, sizeof(*access));
    access->refs = 1;
    if (secret) {
        size_t length = strlen(secret);
        while (length && (secret[length - 1] == '\n' || secret[length - 1] == '\r'))
            length--;
        access->secret = xstrndup(secret, length);
        /* A line break inside would end the header; such a secret cannot be right. */
        if (!strpbrk(access->secret, "\r\n"))
            access->header = xasprintf("X-Tyk-Authorization: %s", access->secret);
    }
    access->ca_pem = copy(tls->ca_pem);
    access->client_cert_pem = copy(tls->client_cert_pem);
    access->client_key_pem = copy(tls->client_key_pem);
    access->server_name = copy(tls->server_name);
    access->tls = (struct http_tls){
        .ca_pem = access->ca_pem,
        .client_cert_pem = access->client_cert_pem,
        .client_key_pem = access->client_key_pem,
        .server_name = access->server_name,
        .insecure = tls->insecure,
    };
    return access;
}

struct gateway_access *gateway_access_ref(struct gateway_access *access)
{
    access->refs++;
    return access;
}

void gateway_access_unref(struct gateway_access *access)
{
    if (!access || --access->refs)
        return;
    free(access->secret);
    free(access->header);
    free(access->ca_pem);
    free(access->client_cert_pem);
    free(access->client_key_pem);
    free(access->server_name);
    free(access);
}

bool gateway_access_equal(const struct gateway_access *a, const struct gateway_access *b)
{
    if (!a || !b)
        return a == b;
    return str_equal(a->secret, b->secret) && str_equal(a->tls.ca_pem, b->tls.ca_pem) &&
           str_equal(a->tls.client_cert_pem, b->tls.client_cert_pem) &&
           str_equal(a->tls.client_key_pem, b->tls.client_key_pem) &&
           str_equal(a->tls.server_name, b->tls.server_name) && a->tls.insecure == b->tls.insecure;
}

const char *gateway_access_header(const struct gateway_access *access)
{
    return access->header;
}

const char *gateway_access_secret(const struct gateway_access *access)
{
    return access->secret;
}

const struct http_tls *gateway_access_tls(const struct gateway_access *access)
{
    return &access->tls;
}
