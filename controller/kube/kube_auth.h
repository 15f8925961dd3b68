/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "kube/kube_config.h"
#include "ports/http.h"
#include "ports/loop.h"

/*
 * Who we are to the API server, kept current: a token's file is read again every 50 s (kubelet
 * renews tokens ahead of time; client-go: 60 s less 10 s of leeway), certificates and the CA every
 * five minutes, a plugin is run when what it gave has expired. What cannot be read leaves the last
 * good state in force.
 */
struct kube_auth;

/* Everything a request needs, as it was at one moment: shared and counted, so that requests in
 * flight keep theirs. */
struct kube_credentials {
    unsigned refs;
    uint64_t generation; /* another one has another content */
    struct http_tls tls;
    const char *const *headers; /* Authorization and Impersonate-…; NULL behind the last */
    /* private */
    char *ca;
    char *cert;
    char *key;
    char **owned_headers;
};
struct kube_credentials *kube_credentials_ref(const struct kube_credentials *credentials);
void kube_credentials_unref(struct kube_credentials *credentials);

/* A wait has ended: kube_auth_take() says with what. */
typedef void kube_auth_settled_fn(void *arg);

/* `config` is borrowed. */
struct kube_auth *kube_auth_new(struct loop *loop, const struct kube_config *config,
                                kube_auth_settled_fn *settled, void *arg);
void kube_auth_free(struct kube_auth *auth);

enum kube_auth_state { KUBE_AUTH_READY, KUBE_AUTH_WAIT, KUBE_AUTH_FAILED };
/* READY: *ret_credentials is owned. WAIT: a plugin runs, settled() will come. FAILED: there are
 * none, *err says why; asking again later tries again. */
enum kube_auth_state kube_auth_take(struct kube_auth *auth,
                                    struct kube_credentials **ret_credentials, struct err *err);

/* The server has refused credentials of this generation (401, a TLS alert). True when there may be
 * others now, so that trying once more makes sense. */
bool kube_auth_refused(struct kube_auth *auth, uint64_t generation);
