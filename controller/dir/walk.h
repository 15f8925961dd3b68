/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <sys/stat.h>

#include "base/err.h"

/*
 * Finds the manifests below a folder, in slices: *.yaml, *.yml and *.json (in any case) that are
 * regular files or links to such. Names that begin with a dot are skipped; links to folders are not
 * followed, so that there are no loops.
 */
struct walk;

struct walk_callbacks {
    /* A folder is about to be read (to be watched from before that); false: it is not to be. */
    bool (*folder)(void *arg, const char *path);
    void (*file)(void *arg, const char *path, const struct stat *status);
    /* ERR_INVALID: something that is passed over for good (a pipe, a link to a folder); else: what
     * is there could not be seen. The message has no path. */
    void (*trouble)(void *arg, const char *path, const struct err *err);
};

struct walk *walk_new(const char *root, const struct walk_callbacks *callbacks, void *arg);
void walk_free(struct walk *walk);
/* Looks at some entries; true while there are more. */
bool walk_step(struct walk *walk);
/* Has it the name of a manifest? */
bool walk_is_manifest(const char *name);
