/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "dir/dir_state.h"
#include "ports/loop.h"
#include "ports/object_source.h"

/*
 * ports/object_source.h over a folder of manifests, followed by inotify (and looked through once a
 * minute, for file systems that tell nothing).
 *
 * - Changes settle for a second, then only the files that changed are read, in slices.
 * - A file that cannot be read or parsed keeps its last good objects, with a `problem` that names
 *   file, line and cause. While there is one, no deletion is told, and all kinds have trouble
 *   (TRANSIENT): what is not seen may stand in that file. Likewise while the folder itself cannot
 *   be read, and while there is a document that is refused and cannot be told by its name (see
 *   dir/manifest_meant.h): the rest of its file is taken.
 * - Objects that stand twice are told once, with a problem.
 * - When more than 5 and more than a fifth of the ApiDefinitions go at once, or all of them,
 *   nothing is told of deletions and all kinds have trouble until they are back, unless
 *   `confirm_prune` is set. Those that the state remembers from an earlier run count too.
 */
struct packing;
struct dir_source_options {
    const char *path;
    bool confirm_prune;
    struct packing *packing; /* of what was read; outlives the source; NULL: none */
};

/* Can the folder be used? The errors of dir_source_new(). */
int dir_source_check(const char *path, struct err *err) MUST_CHECK;

/* What keeps the folder from being whole, as of the last look; NULL: it is whole, or was not looked
 * through yet. Valid until the next look. */
const char *dir_source_fault(const struct object_source *base);

/* `state` and `loop` must outlive the source. -1, ERR_INVALID: `path` is no folder (ERR_NOT_FOUND:
 * there is nothing; it may come later, but starting is then most likely a mistake). */
int dir_source_new(struct loop *loop, struct dir_state *state,
                   const struct dir_source_options *options, struct object_source **ret_source,
                   struct err *err) MUST_CHECK;
