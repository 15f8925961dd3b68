/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/object.h"
#include "core/schemas.h"
#include "dir/manifests.h"

/*
 * From the bytes of one file to manifests, in slices.
 */
struct manifest_options {
    const struct schemas *schemas;
    bool keep_source; /* for manifest_line() */
    /* The object as it is now, for the rules of change; NULL: there is none. May be NULL. */
    const struct object *(*current)(void *arg, enum object_kind kind, const char *key);
    void *arg;
};

struct manifest_file;

/* Takes `bytes` (free(3)); `options` and its schemas are borrowed until the file is freed. */
struct manifest_file *manifest_file_new(const struct manifest_options *options, const char *name,
                                        char *bytes, size_t length);
void manifest_file_free(struct manifest_file *file);
/* Reads on and adds what it finds; true while there is more. */
bool manifest_file_step(struct manifest_file *file, struct manifests *into);
/* Could the whole file be read (whatever is wrong with its objects)? Known at the end. */
bool manifest_file_is_whole(const struct manifest_file *file);

/* Adds a problem that is about no object: of a file, or of one that cannot be read. Its texts are
 * copied. */
void manifests_add_problem(struct manifests *manifests, const struct manifest_problem *problem);
/* Marks objects of one kind and name that stand twice; once, when all files are read. */
void manifests_find_repeated(struct manifests *manifests);
/* Frees the contents of one manifest. */
void manifest_fini(struct manifest *manifest);
