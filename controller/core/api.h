/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/span.h"
#include "core/object.h"
#include "core/problem.h"

/*
 * An ApiDefinition, read: which form its document has, where its parts are, what others need to
 * know of it.
 */
enum api_form { API_FORM_CLASSIC, API_FORM_OAS };

/* What the rest of the system needs to know of an API without resolving it. Never fails: what
 * cannot be read is NULL or empty, and resolve() says why. */
struct api_facts {
    enum api_form form;
    char *context;    /* "ns/name" of contextRef; NULL: the default context */
    char *config_map; /* "ns/name" of oasRef; NULL: inline */
    char *config_map_entry;
    char *api_id; /* explicit or derived; NULL when it cannot be told (a missing ConfigMap) */
    bool api_id_is_explicit;
    char *listen_path; /* as written; NULL when unknown, or when the API has none (TCP) */
    char *clean_path;  /* as the gateway's path.Clean has it */
    char *domain;      /* lower-cased, "" when none */
    char *target;      /* upstream URL as written, "" when none */
    char **refs;       /* distinct reference texts, NULL at the end */
};
/* `config_map` is the ConfigMap object when the document is in one and is known. */
void api_facts_read(const struct object *api, const struct object *config_map,
                    struct api_facts *ret_facts);
void api_facts_fini(struct api_facts *facts);

/* What must be known before an API can be resolved: two of its facts, without the walk through its
 * handlers that the others take. */
struct api_links {
    char *context;
    char *config_map;
};
void api_links_read(const struct object *api, struct api_links *ret_links);
void api_links_fini(struct api_links *links);

/* Returns owned: the id of an API that gives none: base64url of "namespace/name", or "g-" and its
 * SHA-256 where the gateway would refuse or lose that. */
char *api_derived_id(const char *key, enum api_form form);
/* What is wrong with an id, or NULL: the gateway would refuse it, or lose the API. */
const char *api_id_fault(const char *id, enum api_form form);

/* Fields of Tyk Operator that would weaken security if they were ignored, from the spec on. */
#define API_UNSUPPORTED_COUNT 6
extern const char *const api_unsupported[API_UNSUPPORTED_COUNT];

/*
 * Where the parts of an API are, for those who resolve or build its document. Spans point into the
 * API's text, or into what is kept with the ConfigMap; both must stay.
 */
struct api_view {
    const struct object *api;
    enum api_form form;
    const char *prefix;   /* of fields in messages: "spec", "spec.oas", "spec.oasRef" */
    struct span document; /* Classic: the spec; OAS: the document; ptr NULL: there is none */
    bool is_whole;        /* one definition, with what makes it one: worth looking into */
    char *context;        /* as in the facts */
    char *config_map;
    char *config_map_entry;

    /* Parts of the document; null counts as absent. */
    struct span openapi; /* OAS: of the document, as are the next three */
    struct span swagger;
    struct span about; /* its info */
    struct span paths;
    struct span extension; /* OAS: x-tyk-api-gateway */
    struct span info;      /* OAS: of the extension */
    struct span server;    /* OAS: of the extension */
    struct span upstream;  /* OAS: of the extension */
    struct span id;
    struct span org_id;
    struct span db_id;
    struct span active;
    struct span listen_path;
    struct span domain; /* empty when it is disabled */
    struct span target;
    struct span handlers; /* OAS: server.eventHandlers; Classic: event_handlers */
    /* Classic alone. */
    struct span proxy;
    struct span protocol;
    struct span version_data;
    struct span use_standard_auth;
    struct span auth_configs;
    struct span auth;
    struct span config_data;
    struct span unsupported[API_UNSUPPORTED_COUNT]; /* in the order of api_unsupported[] */
};
/* Adds a problem for each fault of form: no definition or more than one, a part of a wrong type, a
 * key that differs from a known one by case (the gateway would obey it), a ConfigMap that is
 * missing (ConfigMapNotFound) or no document. `problems` may be NULL. */
void api_view_read(const struct object *api, const struct object *config_map,
                   struct api_view *ret_view, struct problems *problems);
void api_view_fini(struct api_view *view);
/* The facts of an API that has been read. */
void api_facts_from_view(const struct api_view *view, struct api_facts *ret_facts);
