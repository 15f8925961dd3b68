/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/span.h"
#include "core/cache.h"
#include "core/object.h"
#include "core/problem.h"

/*
 * Manifests: what stands in files of YAML or JSON, as the API server would take it: the default
 * namespace filled in, the CRD's schema applied (defaults, pruning, checks). Kinds that are not
 * ours are passed over.
 */

/* Something to tell about a manifest or a file, with its place. */
struct manifest_problem {
    enum problem_severity
        severity;       /* a PROBLEM_WARNING is a note: a foreign kind, a pruned field */
    const char *reason; /* "InvalidSpec", "InvalidFile", "ForeignKind", "UnknownField" */
    char *file;
    unsigned line; /* 0: the file as a whole */
    char *field;   /* "spec.headers[0].name"; "" when it is about the whole manifest or file */
    char *message;
    char *hint; /* the remedy; NULL: none */
    /* Objects may stand there whose names are not known: while it is so, what is absent from the
     * manifests is not gone. */
    bool hides;
};

struct manifest_source;

struct manifest {
    /* Owned reference. Its `problem` is set when the manifest is refused (the first of its errors
     * in one line, with file and line). */
    struct object *object;
    char *file;    /* as given on the command line or found below it; "-" for stdin */
    unsigned line; /* where the manifest begins */
    /* Another manifest before this one has its kind and name; both are refused. */
    bool repeated;
    struct manifest_problem *problems; /* by line */
    size_t problem_count;
    /* Private: the text as it stands in the file, and its lines. */
    struct manifest_source *source;
    struct span item;
};

struct manifests {
    struct manifest *items; /* in the order of files (by bytes of their names) and lines */
    size_t count;
    /* What is about no object: broken YAML, a manifest without kind or name, foreign kinds. */
    struct manifest_problem *problems;
    size_t problem_count;
    size_t file_count;
    size_t foreign_count; /* objects of kinds that are not ours */
};

/* Reads files, folders (recursively: *.yaml, *.yml, *.json; hidden names are skipped) and "-"
 * (stdin); a file that is named twice, or beside its folder, once. -1 only when something named
 * cannot be read at all (no such path, no permission); what is wrong inside folders and files is in
 * the problems. Close with manifests_fini() in both cases. */
int manifests_load(const char *const *paths, size_t count, struct manifests *ret_manifests,
                   struct err *err) MUST_CHECK;
void manifests_fini(struct manifests *manifests);

/* Puts the objects into a cache, refused ones too (with their `problem`); of repeated ones the
 * first. */
void manifests_fill_cache(const struct manifests *manifests, struct cache *cache);
/* The manifest of an object; NULL when there is none. */
const struct manifest *manifests_find(const struct manifests *manifests, enum object_kind kind,
                                      const char *key);
/* What keeps the manifests from being whole: the first problem that hides objects, so that nothing
 * counts as gone; NULL: they are whole. */
const struct manifest_problem *manifests_first_hiding(const struct manifests *manifests);
/* Is there any problem of severity PROBLEM_ERROR? */
bool manifests_have_errors(const struct manifests *manifests);

/* Appends "FILE:LINE: field: message (hint)"; a file as a whole is line 1. */
void manifest_problem_print(const struct manifest_problem *problem, struct buf *out);

/* The line of a field ("spec.headers[0].name"), or of the nearest one above it that stands in the
 * file (a default does not). */
unsigned manifest_line(const struct manifest *manifest, const char *field);
