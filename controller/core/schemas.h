/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"
#include "base/span.h"
#include "core/object.h"
#include "core/schema.h"

/*
 * The schemas of all kinds: those of crds/, which are compiled in, and short ones of the kinds of
 * Kubernetes that manifests may hold.
 */
struct schemas;

/* The texts of crds/, as they stand in the files (made by the build). */
struct crd_text {
    const char *file;
    const char *bytes;
    size_t length;
};
extern const struct crd_text crd_texts[];
extern const size_t crd_text_count;

/* -1, ERR_INVALID: a CRD that this program does not understand (a mistake of the build). */
int schemas_new(struct schemas **ret_schemas, struct err *err) MUST_CHECK;
void schemas_free(struct schemas *schemas);
void schemas_freep(struct schemas **schemas);

/* Appends what the API server would store of an object of this kind, and adds what is wrong with
 * it: metadata, schema, rules. `old` (ptr NULL: none) is the object as it is now. */
void schemas_apply(const struct schemas *schemas, enum object_kind kind, struct span object,
                   struct span old, struct buf *out, struct schema_problems *problems);
