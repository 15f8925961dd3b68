/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/strmap.h"
#include "core/accepted.h"
#include "sim/sim.h"

/*
 * What must hold, by the words of the design and without the controller's code (but for opening
 * sealed copies): what an object wants, where a reference leads, what a handler on a gateway says.
 */

/* What an ApiDefinition wants. */
struct sim_wish {
    const struct sim_object *object; /* borrowed */
    bool oas;
    json_t *document; /* owned; NULL: it is not there */
    int64_t version;  /* of the document; -1 */
    char *context;    /* "" is the default one */
    char *api_id;
    const char *path;
    bool is_invalid; /* meant to be refused */
};
void sim_wish_read(const struct sim *sim, const struct sim_object *object,
                   struct sim_wish *ret_wish);
void sim_wish_fini(struct sim_wish *wish);

/* The version that a document says it has; -1. */
int64_t sim_document_version(const json_t *document, bool oas);
/* The listen path, "" when absent. */
const char *sim_document_path(const json_t *document, bool oas);

/* The marker of a definition on a gateway: NULL when it bears none. Borrowed. */
const json_t *sim_marker(const json_t *document, bool oas);

/* Which pods a context means; false: the context is not there, or does not let `ns` in. */
bool sim_context_permits(const struct sim *sim, const char *context, const char *ns,
                         enum sim_group *ret_group);

enum sim_lookup { SIM_ABSENT, SIM_DENIED, SIM_FOUND };
/* Where a reference of an API in `ns` leads. */
enum sim_lookup sim_look_up(const struct sim *sim, const char *ns, const char *ref,
                            const struct sim_object **ret_webhook);

/*
 * What is called, in one form: {"name","url","method","template","headers":{…},"suspend"}. Owned.
 */
/* Of a Webhook; NULL when a Secret or a key is missing. */
json_t *sim_call_of_webhook(const struct sim *sim, const struct sim_object *webhook);
/* Of a copy as status has it, opened. */
json_t *sim_call_of_copy(const struct copy *copy);
/* The copies of an ApiDefinition, opened. Borrowed from it. */
const struct accepted *sim_copies(const struct sim_object *api);

/*
 * Handlers, in one form: {"trigger","ref","call","enabled","cooldown","local"}: of a spec (`ref`
 * where it refers, else `call`), or of a definition on a gateway (`ref` beside `call`). In document
 * order. Owned array.
 */
json_t *sim_handlers(const json_t *document, bool oas);
