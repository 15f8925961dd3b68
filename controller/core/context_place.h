/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "core/object.h"

/*
 * Where the gateways of an OperatorContext are and how they are reached (what they allow is in
 * core/context.h). Tyk Operator's Secret keys TYK_AUTH, TYK_URL and TYK_TLS_INSECURE_SKIP_VERIFY
 * are honoured; what the spec says wins.
 */
struct context_place {
    char **urls;        /* canonical base URLs; NULL at the end */
    char *service;      /* "ns/name"; NULL: none */
    char *service_port; /* name or number; NULL: the Service's only one */
    /* The TYK_URL that was taken for the Service; NULL: it is from serviceRef. If there is no such
     * Service and the URL could be an ordinary address too (svc.ns), it is used as it stands. */
    char *service_url;
    bool https;      /* how pods are spoken to; else the Service's port decides */
    char *secret;    /* "ns/name" of secretRef; NULL: none */
    char *ca_secret; /* "ns/name" of tls.caSecretRef; NULL: none */
    char *ca_entry;
    char *server_name; /* NULL: the URL's */
    bool insecure;
    bool allow_adoption;
    char *auth;   /* X-Tyk-Authorization; NULL: none */
    char *ca_pem; /* NULL: the system's */
    /* Why the gateways cannot be reached as the context stands, with the reason of the Ready
     * condition; NULL: nothing is wrong. */
    char *problem;
    const char *problem_reason;
    const char *problem_field; /* "spec.secretRef" */
};

/* What Secrets does it need? Fills secret, ca_secret and ca_entry only: for following them. */
void context_place_needs(const struct object *context, struct context_place *ret_place);
/* Everything; `secret` and `ca_secret` are the objects, or NULL when they are missing. */
void context_place_read(const struct object *context, const struct object *secret,
                        const struct object *ca_secret, struct context_place *ret_place);
void context_place_fini(struct context_place *place);

/* Returns owned: scheme and host in lower case, the default port and a slash at the end left out;
 * NULL, ERR_INVALID, when it is not an absolute http(s) URL with a host, or has user info, a query
 * or a fragment. */
char *context_canonical_url(const char *url, struct err *err);
/* Could it be an ordinary address too: two labels and nothing more? */
bool context_url_is_ambiguous(const char *url);
/* If the URL's host names a Kubernetes Service (svc.ns, svc.ns.svc, svc.ns.svc.…): fills
 * *ret_service
 * ("ns/name") and *ret_port (text), both owned, and returns true. */
bool context_service_of_url(const char *url, char **ret_service, char **ret_port);
