/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/seal.h"
#include "core/cache.h"
#include "core/copy.h"
#include "core/object.h"

/*
 * From an ApiDefinition and a snapshot of everything else to the document that the gateways shall
 * hold, the read-only copies, one record a handler, and the problems. Pure: the same snapshot gives
 * the same bytes; no clock, no randomness, no I/O.
 *
 * Two steps, because the copy is written to the status before the push that first contains it:
 *   resolve()          looks up references and checks everything: what *should* be;
 *   document_build()   makes the document from an API and copies that have been *accepted*
 * (written).
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
    char *listen_path; /* as written; NULL when unknown */
    char *clean_path;  /* as the gateway's path.Clean has it */
    char *domain;      /* lower-cased, "" when none */
    char *target;      /* upstream URL as written, "" when none */
    char **refs;       /* distinct reference texts, NULL at the end */
};
/* `config_map` is the ConfigMap object when the document is in one and is known. */
void api_facts_read(const struct object *api, const struct object *config_map,
                    struct api_facts *ret_facts);
void api_facts_fini(struct api_facts *facts);

/* What the gateways of a context allow (OperatorContext spec.gateway, or the flags). */
struct gateway_abilities {
    const char *version; /* "" when unknown: no warnings about versions */
    bool jsvm;
    bool kv_references;
    bool folder_owner; /* a folder source or render without a context: allowed, with a warning */
    const char *const *template_paths; /* prefixes; NULL at the end */
    const char *org_id;                /* the context's TYK_ORG; NULL: none */
};

/* What is fixed for the life of the process. */
struct resolve_settings {
    const char *default_cooldown;     /* "10s" */
    const char *const *id_namespaces; /* NULL at the end */
    bool all_id_namespaces;           /* a folder source */
    const struct seal_key *seal_key;  /* NULL: sealed values in the input count as absent */
    bool placeholders; /* render: Secret values in documents are `<secret ns/name key>` */
};

/* How a reference's global stands when it is not there (or does not permit) while an earlier copy
 * is. */
enum absence {
    ABSENCE_UNPROVEN, /* its namespace is not watched, lists are incomplete, or the grace still runs
                       */
    ABSENCE_PROVEN,   /* gone (3.4): the copy is converted; or forbidden for good: it is erased */
};

struct resolve_input {
    const struct object *api;
    const struct cache *cache; /* Webhooks, Secrets, ConfigMaps, Namespaces */
    const struct resolve_settings *settings;
    const struct gateway_abilities *abilities; /* NULL: the context is unknown */
    /* Copies accepted earlier, by ref: element texts as in status.webhooks (with their source).
     * Read from the API's status and its converted-webhooks annotation by accepted_read(). */
    const struct accepted *accepted;
    /* Is the absence of the Webhook `key` (or, `denied`, the lack of permission for `ref`) proven?
     */
    enum absence (*absence)(void *arg, const char *api_key, const char *ref,
                            const char *webhook_key, bool denied);
    void *absence_arg;
    /* Which Webhook holds a spec.id that several claim: "ns/name" as recorded in status.id, decided
     * by id_holder() in core/ids.h. */
};

enum ref_source { REF_GLOBAL, REF_CONVERTED, REF_LOCAL, REF_MISSING };
const char *ref_source_name(enum ref_source source);

/* One reference of the API and what it became. */
struct resolved_ref {
    char *ref;
    enum ref_source source; /* GLOBAL, CONVERTED or MISSING */
    char *webhook_ns;
    char *webhook_name;
    char *webhook_uid;
    int64_t webhook_generation;
    struct copy *copy; /* NULL when MISSING */
};

struct resolved_handler {
    char *trigger;
    size_t index;
    char *ref; /* NULL: none */
    enum ref_source source;
    bool is_webhook; /* others (log, custom) have no record in status.handlers */
};

enum problem_severity { PROBLEM_ERROR, PROBLEM_WARNING };
struct problem {
    enum problem_severity severity;
    const char *reason; /* InvalidSpec, WebhookNotFound, WebhookInvalid, SecretNotFound,
                           ConfigMapNotFound, ContextNotFound, Conflict; for warnings also others */
    char *trigger;      /* of the handler it is about; NULL: the whole API */
    size_t index;
    char *field;   /* path in the manifest, "spec.proxy.listen_path" */
    char *message; /* what is wrong */
    char *hint;    /* the remedy; NULL: none */
};

/* The copies that a document is built from, by ref. */
struct accepted;
struct accepted *accepted_new(void);
void accepted_free(struct accepted *accepted);
/* Reads status.webhooks, and the annotation grapnel.dev/converted-webhooks for refs that status
 * does not have. What cannot be opened is absent. */
struct accepted *accepted_read(const struct object *api, const struct seal_key *key);
/* Adds or replaces; takes its own references. */
void accepted_set(struct accepted *accepted, const struct resolved_ref *ref);
const struct resolved_ref *accepted_get(const struct accepted *accepted, const char *ref);
size_t accepted_count(const struct accepted *accepted);

struct resolution {
    struct api_facts facts;
    bool valid; /* may be pushed; false: the last good definition stays */
    bool waits; /* valid, but something that may still come is missing (holds the first push) */
    struct resolved_ref *refs; /* by ref in bytes */
    size_t ref_count;
    struct resolved_handler *handlers; /* OAS: document order; Classic: by event name, then index */
    size_t handler_count;
    struct problem *problems;
    size_t problem_count;
    /* Secrets ("ns/name") that the live globals use; NULL at the end: to be followed. */
    char **secrets;
};

void resolve(const struct resolve_input *input, struct resolution *ret_resolution);
void resolution_fini(struct resolution *resolution);

/* Builds the document to push (without marker) from an API (and the ConfigMap that holds its OAS
 * document) and accepted copies. References that have none are left out. -1, ERR_INVALID, when the
 * API is not valid (resolve() says why). */
int document_build(const struct object *api, const struct object *config_map,
                   const struct accepted *accepted, const struct resolve_settings *settings,
                   const struct gateway_abilities *abilities, struct buf *out, struct err *err);

/* Appends the JSON of status.webhooks and status.handlers. */
void resolution_add_webhooks(const struct resolution *resolution, enum copy_form form,
                             const struct seal_key *key, const char *api_key, struct buf *out);
void resolution_add_handlers(const struct resolution *resolution, struct buf *out);
