/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/seal.h"
#include "base/span.h"

/*
 * The read-only copy of a global webhook: what a reference becomes. Immutable and counted, so that
 * the 500 APIs that use one global hold one copy. Values are in clear in memory; how they are
 * written depends on where they go (enum copy_form).
 */
struct copy_header {
    char *name;
    char *value;
    char *secret; /* "ns/name key" of the Secret the value came from; NULL: a plain value */
};

struct copy {
    unsigned refs;
    char *name;
    char *url;
    char *url_secret; /* "ns/name key"; NULL: plain */
    char *method;
    char *body_template;
    char *cooldown; /* as the Webhook has it; NULL when it sets none */
    bool suspend;
    struct copy_header *headers; /* by name in bytes */
    size_t header_count;
};

struct copy *copy_ref(const struct copy *copy);
void copy_unref(struct copy *copy);
/* Equal in everything that is pushed or kept. */
bool copy_equal(const struct copy *a, const struct copy *b);

enum copy_form {
    COPY_SEALED,  /* status: values of Secrets are sealed */
    COPY_SOURCES, /* render: `valueFrom: {secretKeyRef}` in their place */
};
/* Appends the JSON of a copy as status.webhooks[].copy has it. The seal's context is the API's
 * "ns/name", the ref and all other fields in canonical form. `key` is NULL for COPY_SOURCES. */
void copy_add_json(const struct copy *copy, enum copy_form form, const struct seal_key *key,
                   const char *api_key, const char *ref, struct buf *out);
/* Returns owned: the copy of a status element; NULL with *err set when it cannot be read or a
 * sealed value does not open (forged, moved, another key): it counts as absent. */
struct copy *copy_from_json(struct span json, const struct seal_key *key, const char *api_key,
                            const char *ref, struct err *err);
