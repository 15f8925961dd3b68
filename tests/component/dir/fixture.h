/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/strmap.h"
#include "core/packing.h"
#include "dir/dir_source.h"
#include "dir/dir_state.h"
#include "support/fake_loop.h"
#include "support/temp_folder.h"

/*
 * A source over a folder of manifests, in virtual time. What it tells is written down, a line a
 * call; what it has told in this version already is no news.
 */
struct fixture {
    struct temp_folder folder; /* d/ holds the manifests, s the state */
    struct loop *loop;
    struct packing *packing;
    struct dir_state *state;
    struct object_source *source;
    struct buf told;         /* a line a call of the sink */
    struct strmap *versions; /* "KIND KEY" → version told last */
};

int fixture_set_up(void **state);
int fixture_tear_down(void **state);

/* The two steps of a start; fixture_start() does both, and runs what is due. */
void fixture_open(struct fixture *fixture, bool confirm_prune);
void fixture_begin(struct fixture *fixture);
void fixture_start(struct fixture *fixture);
void fixture_stop(struct fixture *fixture);
/* A new process over the same folders. */
void fixture_restart(struct fixture *fixture);
void fixture_restart_or_start(struct fixture *fixture);
/* What the kernel has seen reaches the source, and settles. */
void fixture_settle(struct fixture *fixture);
/* The descriptor of inotify: the source has the only one of the process. */
int inotify_descriptor(void);

/* What was told since the last time. */
void check_told(struct fixture *fixture, const char *want);

void write_status(struct fixture *fixture, enum object_kind kind, const char *key);
/* Manifests of default/api0 …, a file each. */
void write_apis(struct fixture *fixture, int count);
void unlink_apis(struct fixture *fixture, int from, int to);

#define HOOK(name, rest)                                                                           \
    "apiVersion: tyk.tyk.io/v1alpha1\nkind: Webhook\nmetadata: {name: " name                       \
    "}\nspec:\n  url: https://a.example/\n" rest
#define LISTS(puts) "begin ApiDefinition\nbegin Webhook\n" puts "end ApiDefinition\nend Webhook\n"
#define TROUBLE "trouble ApiDefinition\ntrouble Webhook\n"
#define RESUMED "resumed ApiDefinition\nresumed Webhook\n"
