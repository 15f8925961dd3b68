/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "dir/dir_state.h"
#include "ports/loop.h"
#include "ports/object_store.h"

/*
 * ports/object_store.h over the state folder: statuses are written to status/, many with one
 * flush; events are log lines; manifests are never changed. `state` and `loop` must outlive it.
 */
struct object_store *dir_store_new(struct loop *loop, struct dir_state *state);
