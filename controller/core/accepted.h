/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/seal.h"
#include "base/span.h"
#include "core/copy.h"
#include "core/object.h"

enum ref_source { REF_GLOBAL, REF_CONVERTED, REF_LOCAL, REF_MISSING };
#define REF_SOURCE_COUNT 4
/* "Global", … */
const char *ref_source_name(enum ref_source source);

/* What shall happen to specs that refer to a Webhook once it is gone (its spec.conversionPolicy).
 */
enum conversion_policy { CONVERSION_AUTO, CONVERSION_REWRITE, CONVERSION_RETAIN };
/* "Auto", …; and back: anything else is AUTO. */
const char *conversion_policy_name(enum conversion_policy policy);
enum conversion_policy conversion_policy_read(struct span value);

/* One reference of an API and what it became. */
struct resolved_ref {
    char *ref;
    enum ref_source source; /* GLOBAL, CONVERTED or MISSING */
    char *webhook_ns;       /* of the Webhook that was copied; NULL when MISSING */
    char *webhook_name;
    char *webhook_uid;
    int64_t webhook_generation;
    enum conversion_policy policy;
    struct copy *copy; /* NULL when MISSING */
    bool is_refused;   /* MISSING: a Webhook is there, but it is not valid */
};
void resolved_ref_fini(struct resolved_ref *ref);

/* The copies that a document is built from, by ref: those that are written in the API's status. */
struct accepted;
struct accepted *accepted_new(void);
void accepted_free(struct accepted *accepted);
void accepted_freep(struct accepted **accepted);
/* Reads status.webhooks, and the annotation grapnel.dev/converted-webhooks for refs that status
 * does not have. What cannot be read or opened is absent. */
struct accepted *accepted_read(const struct object *api, const struct seal_key *key);
/* The same, with placeholders for what is sealed, see copy_from_json_unopened(). */
struct accepted *accepted_read_unopened(const struct object *api);
/* Adds or replaces; copies the texts, takes a reference of its own to the copy. A ref without a
 * copy (MISSING) is taken out; it is remembered whether it was refused. */
void accepted_set(struct accepted *accepted, const struct resolved_ref *ref);
/* A Webhook is there for it, and is not valid: the fields beside the id make no local webhook. */
bool accepted_is_refused(const struct accepted *accepted, const char *ref);
/* Borrowed: with a copy; NULL: there is none. */
const struct resolved_ref *accepted_get(const struct accepted *accepted, const char *ref);
/* Of copies, and of what was refused. */
size_t accepted_count(const struct accepted *accepted);
/* Do they make the same documents? NULL is one without copies. */
bool accepted_equal(const struct accepted *a, const struct accepted *b);

#define CONVERTED_ANNOTATION "grapnel.dev/converted-webhooks"
/* Bytes; Kubernetes takes 256 KiB of annotations of an object, others' among them. */
#define CONVERTED_ANNOTATION_MAX 200000
