/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/seal.h"
#include "base/span.h"

/*
 * The read-only copy of a global webhook: what a reference becomes. Immutable and counted. Values
 * are in clear in memory; how they are written depends on where they go (enum copy_form).
 */
struct copy_header {
    char *name;
    char *value;
    /* Where a value came from, "ns/name key" of a Secret ("" when it was opened from a sealed
     * text); NULL: a plain value. */
    char *secret;
};

struct copy {
    unsigned refs;
    char *name;
    char *url;
    char *url_secret; /* as copy_header.secret */
    char *method;
    char *body_template;
    char *cooldown; /* as the Webhook has it; NULL when it sets none */
    bool suspend;
    struct copy_header *headers; /* by name in bytes */
    size_t header_count;
};

/* Returns owned, one reference, nothing set but the count. */
struct copy *copy_new(void);
struct copy *copy_ref(const struct copy *copy);
void copy_unref(struct copy *copy);
void copy_unrefp(struct copy **copy);
/* Adds a header while the copy is made; takes name, value and secret (which may be NULL). */
void copy_add_header(struct copy *copy, char *name, char *value, char *secret);
/* Sorts the headers by name in bytes: the last step of making a copy. */
void copy_sort_headers(struct copy *copy);

/* Equal in everything that is pushed or kept. */
bool copy_equal(const struct copy *a, const struct copy *b);
/* Did any of its values come from a Secret? */
bool copy_has_secrets(const struct copy *copy);

enum copy_form {
    COPY_SEALED,  /* status: values of Secrets are sealed */
    COPY_SOURCES, /* render: `valueFrom: {secretKeyRef}` (`urlFrom`) in their place */
};
/* Appends the JSON of a copy as status.webhooks[].copy has it; `suspend` only when it is true. The
 * seal's context is the API's "ns/name", the ref, the sealed field and all other fields in
 * canonical form. `key` is NULL for COPY_SOURCES. */
void copy_add_json(const struct copy *copy, enum copy_form form, const struct seal_key *key,
                   const char *api_key, const char *ref, struct buf *out);
/* Returns owned: the copy of a status element; NULL with *err set when it cannot be read or a
 * sealed value does not open (forged, moved, another key, `key` NULL): it counts as absent. */
struct copy *copy_from_json(struct span json, const struct seal_key *key, const char *api_key,
                            const char *ref, struct err *err);
/* The same without a key: placeholders stand for sealed values. To show it to people, never to
 * push: nothing proves whose copy it is. */
struct copy *copy_from_json_unopened(struct span json, struct err *err);
