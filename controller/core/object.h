/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"

/*
 * An object of the cluster or of a folder, as compact JSON text and the few fields that everything
 * needs. It never changes; who keeps one takes a reference. `metadata.managedFields` and the
 * last-applied annotation are cut out: they are as large as the rest and nothing here reads them.
 */
enum object_kind {
    OBJECT_API,
    OBJECT_WEBHOOK,
    OBJECT_CONTEXT,
    OBJECT_SECRET,
    OBJECT_CONFIGMAP,
    OBJECT_NAMESPACE,
    OBJECT_SERVICE,
    OBJECT_ENDPOINTSLICE,
    /* Only looked at by kube/, never a manifest of a folder: */
    OBJECT_CRD,
    OBJECT_LEASE,
};
#define OBJECT_KIND_COUNT 10
#define OBJECT_MANIFEST_KIND_COUNT OBJECT_CRD

/* Where a member of the text stands. */
struct object_part {
    uint32_t at; /* 0: absent */
    uint32_t length;
};
enum { OBJECT_METADATA, OBJECT_SPEC, OBJECT_STATUS, OBJECT_PART_COUNT };

/* There is one for everything that is known: its members are ordered for size. */
struct object {
    enum object_kind kind;
    unsigned refs;
    const char *key; /* "namespace/name"; "name" alone for a Namespace */
    const char *ns;  /* "" for a Namespace */
    const char *name;
    const char *uid; /* a folder has none: the key stands in */
    const char *version;
    int64_t generation;
    int64_t created; /* seconds since 1970; 0 when unknown */
    /* Why the object is not usable as it stands (a folder's manifest that the CRD's schema
     * refuses): it is present, keeps its last good state and is InvalidSpec. NULL: usable as far as
     * known. */
    const char *problem;
    bool deleting;   /* has a deletionTimestamp */
    uint32_t length; /* of the text */
    /* private: see object_text(), core/packing.h and object_memo() */
    uint32_t packed_length;
    struct object_part parts[OBJECT_PART_COUNT];
    struct object_content *content; /* NULL: it is packed */
    struct packing *packing;        /* NULL: it is never packed */
    void *packed;                   /* a block of the packing; NULL: it has not been */
    struct object_memo *memos;
};

/* The object as compact JSON, NUL behind it; and members of it, ptr NULL when absent (found at
 * once: a walk over a large object is what most looks at it would cost). Borrowed for the callback
 * at hand only: see core/packing.h. */
struct span object_text(const struct object *object);
struct span object_metadata(const struct object *object);
struct span object_spec(const struct object *object);
struct span object_status(const struct object *object);

/* "ApiDefinition", …; and back, for manifests: false when this kind (or its apiVersion) is not
 * ours. */
const char *object_kind_name(enum object_kind kind);
bool object_kind_from_name(const char *api_version, const char *kind, enum object_kind *ret_kind);
bool object_kind_is_namespaced(enum object_kind kind);

/* Returns owned (one reference). `text` is valid JSON of any form (compact or not) and is copied;
 * `problem` may be NULL. -1, ERR_INVALID, when metadata.name is missing or metadata has wrong
 * types. */
int object_new(enum object_kind kind, struct span text, const char *problem,
               struct object **ret_object, struct err *err);
struct object *object_ref(const struct object *object);
void object_unref(struct object *object);
void object_unrefp(struct object **object);

/* Returns owned: the same object with another `status` (JSON text; ptr NULL: none) and version. */
struct object *object_with_status(const struct object *object, struct span status,
                                  const char *version);

/* A label or annotation: returns owned text, NULL when absent. */
char *object_label(const struct object *object, const char *name);
char *object_annotation(const struct object *object, const char *name);
bool object_has_finalizer(const struct object *object, const char *name);

/* Something that follows from an object's text alone and is dear to compute, kept with the object
 * and gone with it: a document in a ConfigMap, decoded. Keeping it changes no answer. */
struct object_memo {
    char *key;
    char *text;  /* NULL: it cannot be computed */
    char *fault; /* why not */
    struct object_memo *next;
};
/* Borrowed while the object is held; NULL when nothing is kept under the key. */
const struct object_memo *object_memo(const struct object *object, const char *key);
/* Takes text and fault, of which one is NULL; returns what is kept, borrowed. */
const struct object_memo *object_keep_memo(const struct object *object, const char *key, char *text,
                                           char *fault);

/* Do both have the same spec (all members but metadata and status, or data of a Secret, …)? */
bool object_same_content(const struct object *a, const struct object *b);

/* "ns/name" into buffers of the caller's: returns owned. */
char *object_key_of(const char *ns, const char *name);
/* The part behind the slash; the whole key when there is none. Borrowed from the key. */
const char *object_key_name(const char *key);
/* Returns owned: the part before the slash, "" when there is none. */
char *object_key_ns(const char *key);
