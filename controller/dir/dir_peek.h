/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"
#include "base/mem.h"
#include "base/seal.h"
#include "core/cache.h"

/*
 * A look into a state folder that another process may be using: nothing is written, its lock is not
 * touched.
 */
struct dir_peek {
    char *path;
    char *id;
    struct seal_key seal_key;
};

/* -1 with *err set when the folder is none (ERR_NOT_FOUND), or cannot be read. dir_peek_fini(). */
int dir_peek_open(const char *path, struct dir_peek *ret_peek, struct err *err) MUST_CHECK;
void dir_peek_fini(struct dir_peek *peek);

/* Joins the manifests in the cache with what is remembered of them: status and creation time. What
 * the folder does not know, or cannot be read, stays as it is. */
void dir_peek_join(const struct dir_peek *peek, struct cache *cache);
