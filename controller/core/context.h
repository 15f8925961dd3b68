/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "core/object.h"
#include "core/resolve.h"

/*
 * An OperatorContext, decoded: where its gateways are and what they allow. Tyk Operator's Secret
 * keys (TYK_AUTH, TYK_URL, TYK_ORG, TYK_TLS_INSECURE_SKIP_VERIFY) are honoured; what the spec says
 * wins.
 */
struct context_facts {
    char **urls;        /* canonical base URLs; NULL at the end */
    char *service;      /* "ns/name"; NULL: none */
    char *service_port; /* name or number; NULL: the Service's only one */
    char *secret;       /* "ns/name" of secretRef; NULL: none */
    char *ca_secret;    /* "ns/name" of tls.caSecretRef; NULL: none */
    char *ca_entry;
    char *server_name; /* NULL: none */
    bool insecure;
    bool allow_adoption;
    char *auth; /* X-Tyk-Authorization; NULL: none */
    char *ca_pem;
    char *version; /* "" when unknown */
    char *org_id;  /* NULL: none */
    bool jsvm;
    bool kv_references;
    char **template_paths; /* NULL at the end */
    /* Why the gateways cannot be reached as the context stands (a Secret or its key is missing);
     * NULL: nothing is wrong. With the reason of the Ready condition. */
    char *problem;
    const char *problem_reason;
};

/* What Secrets does it need? Fills secret and ca_secret only (for following them). */
void context_needs(const struct object *context, struct context_facts *ret_facts);
/* Everything; `secret` and `ca_secret` are the objects or NULL when missing. */
void context_read(const struct object *context, const struct object *secret,
                  const struct object *ca_secret, struct context_facts *ret_facts);
void context_facts_fini(struct context_facts *facts);
/* A view: borrowed until the facts change. */
struct gateway_abilities context_abilities(const struct context_facts *facts);

/* Returns owned: scheme and host in lower case, the default port and a slash at the end left out;
 * NULL, ERR_INVALID, when it is not an absolute http(s) URL with a host, or has user info, a query
 * or a fragment. */
char *context_canonical_url(const char *url, struct err *err);
/* If the URL's host names a Kubernetes Service (svc.ns, svc.ns.svc, svc.ns.svc.…): fills
 * *ret_service
 * ("ns/name") and *ret_port (text), both owned, and returns true. */
bool context_service_of_url(const char *url, char **ret_service, char **ret_port);
