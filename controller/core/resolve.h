/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/seal.h"
#include "core/accepted.h"
#include "core/api.h"
#include "core/cache.h"
#include "core/claims.h"
#include "core/context.h"
#include "core/copy.h"
#include "core/object.h"
#include "core/problem.h"

/*
 * From an ApiDefinition and a snapshot of everything else to the document that the gateways shall
 * hold, the read-only copies, one record a handler, and the problems. Pure: the same snapshot gives
 * the same bytes; no clock, no randomness, no I/O.
 *
 * Two steps, because the copy is written to the status before the push that first contains it:
 *   resolve()          looks up references and checks everything: what *should* be;
 *   document_build()   makes the document from an API and copies that have been *accepted*
 *                      (written).
 */

/* What is fixed for the life of the process. */
struct resolve_settings {
    const char *default_cooldown;     /* "10s"; as cooldown_read() takes it */
    const char *const *id_namespaces; /* NULL at the end */
    bool all_id_namespaces;           /* a folder source */
    const struct seal_key *seal_key;  /* NULL: sealed values in the input count as absent */
    bool placeholders; /* render: Secret values in documents are `<secret ns/name key>` */
};

/* What is known of a global that is not there (or does not permit the reference) while an accepted
 * copy is. */
enum absence {
    ABSENCE_PENDING, /* lists are incomplete, or the grace still runs: the copy stays, nothing is
                        said */
    ABSENCE_UNKNOWN, /* its namespace is not watched, or may not be listed: the copy stays,
                        WebhookNotFound */
    ABSENCE_PROVEN,  /* gone (3.4): the copy is converted; or forbidden for good: it is erased */
};

struct resolve_input {
    const struct object *api;
    const struct cache *cache; /* Webhooks, Secrets, ConfigMaps, Namespaces */
    const struct resolve_settings *settings;
    /* NULL: the context is not there or does not permit the API: ContextNotFound. */
    const struct gateway_abilities *abilities;
    /* It may be there all the same, where nobody has looked: ContextNotFound is a warning, and what
     * depends on its gateways is not checked. */
    bool context_is_elsewhere;
    /* Copies accepted earlier; NULL: none. */
    const struct accepted *accepted;
    /* Is the absence of the Webhook `webhook_key`, which the accepted copy of `ref` was taken from,
     * proven? `denied`: it is there and does not permit the reference, or the reference does not
     * lead to it any more: is that for good? NULL: PROVEN always. */
    enum absence (*absence)(void *arg, const char *api_key, const char *ref,
                            const char *webhook_key, bool denied);
    void *absence_arg;
};

struct resolved_handler {
    char *trigger;
    size_t index; /* OAS: in eventHandlers; Classic: in the event's list */
    char *ref;    /* NULL: none */
    enum ref_source source;
    bool is_webhook; /* others (log, custom) have no record in status.handlers */
};

struct resolution {
    struct api_facts facts;
    bool valid;    /* may be pushed; false: the last good definition stays */
    bool oversize; /* not valid: the object cannot hold its copies; nor may its status grow */
    bool waits; /* valid, but a reference is missing that may still come (holds the first push) */
    struct resolved_ref *refs; /* by ref in bytes */
    size_t ref_count;
    struct resolved_handler *handlers; /* OAS: document order; Classic: by event name, then index */
    size_t handler_count;
    struct problem *problems; /* of the whole API, of the form of handlers, of references */
    size_t problem_count;
    /* Secrets ("ns/name") that the live globals use; NULL at the end: to be followed. */
    char **secrets;
};

void resolve(const struct resolve_input *input, struct resolution *ret_resolution);
void resolution_fini(struct resolution *resolution);
/* Adds the problem `Conflict`; the resolution is not valid then. */
void resolution_add_conflict(struct resolution *resolution, const struct claims_conflict *conflict);

/* Adds that the object with these copies (bytes of either) is larger than the store takes:
 * InvalidSpec; the resolution is not valid then. */
void resolution_add_oversize(struct resolution *resolution, const char *api_key, size_t definition,
                             size_t copies);

/* Builds the document to push (without marker) from an API (and the ConfigMap that holds its OAS
 * document) and accepted copies. References that have none, or one that the gateways do not allow,
 * are left out, or become local where all local fields stand beside the id. -1, ERR_INVALID, when
 * the API is not valid (resolve() says why). */
int document_build(const struct object *api, const struct object *config_map,
                   const struct accepted *accepted, const struct resolve_settings *settings,
                   const struct gateway_abilities *abilities, struct buf *out, struct err *err);

/* Appends the JSON of status.webhooks and status.handlers. */
void resolution_add_webhooks(const struct resolution *resolution, enum copy_form form,
                             const struct seal_key *key, const char *api_key, struct buf *out);
void resolution_add_handlers(const struct resolution *resolution, struct buf *out);
