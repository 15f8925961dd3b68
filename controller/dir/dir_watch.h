/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "base/mem.h"
#include "ports/loop.h"

/*
 * inotify on a tree of folders.
 */
struct dir_watch;

/* Something happened to the manifest `path`, or (NULL) to anything at all: a folder came or went,
 * events were lost. */
typedef void dir_watch_fn(void *arg, const char *path);

/* -1, ERR_TRANSIENT: no inotify to be had. */
int dir_watch_new(struct loop *loop, dir_watch_fn *changed, void *arg, struct dir_watch **ret_watch,
                  struct err *err) MUST_CHECK;
void dir_watch_free(struct dir_watch *watch);

/* Between begin and end every folder of the tree is added (again); the others are let go. */
void dir_watch_begin(struct dir_watch *watch);
void dir_watch_add(struct dir_watch *watch, const char *path);
void dir_watch_end(struct dir_watch *watch);
/* Could a folder not be watched (the kernel's limit)? Then the tree has to be looked through often.
 */
bool dir_watch_is_partial(const struct dir_watch *watch);
