/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/strmap.h"
#include "core/schemas.h"
#include "dir/dir_index.h"
#include "dir/dir_state.h"
#include "dir/dir_watch.h"
#include "dir/manifest_file.h"
#include "dir/manifests.h"
#include "dir/walk.h"
#include "ports/loop.h"
#include "ports/object_source.h"

/*
 * The folder source and its pass: looking (dir_look.c), then telling (dir_tell.c). Private to
 * dir/dir_source.c and these two.
 */
enum phase { PHASE_IDLE, PHASE_WALKING, PHASE_READING, PHASE_TELLING };

struct dir_source {
    struct object_source base;
    /* set at the start, not changed after */
    struct loop *loop;
    struct dir_state *state;
    char *path;
    bool confirm_prune;
    struct packing *packing;
    struct schemas *schemas;
    const struct object_sink *sink;
    void *arg;
    bool wanted[OBJECT_KIND_COUNT];
    /* what waits for the next pass */
    struct dir_watch *watch; /* NULL: none to be had */
    struct loop_timer *settle;
    struct loop_timer *poll;
    unsigned polls;
    int64_t first_change; /* since when it settles; -1: nothing waits */
    bool look_at_all;
    struct strmap *changed; /* paths */
    /* the pass at hand */
    enum phase phase;
    unsigned pass;
    struct walk *walk;
    struct strmap *passed_over; /* by this walk */
    struct strmap *to_read;     /* paths */
    struct strmap *queue;       /* paths of those being read; NULL: none */
    const char **heap;          /* … that are left, the first by bytes on top */
    size_t heap_count;
    struct manifest_file *reading;
    struct dir_file *reading_file;
    struct manifests read;
    struct err fault; /* something could not be seen */
    bool is_partial;
    struct strmap *gone; /* holders' names whose objects stand nowhere */
    /* what is known */
    struct dir_index index;
    struct stat root; /* as it was last looked through */
    bool is_listing;  /* the first lists have begun */
    bool was_listed;
    bool lost_is_known; /* what the state remembers and the folder does not have is forgotten */
    bool is_troubled;
    struct err trouble;      /* what was told last */
    struct strmap *followed; /* "KIND KEY" */
    struct strmap *unanswered;
    struct strmap *warned; /* what the last walk passed over, told once */
};

/* Looking. Begins with the walk, or with the files that are known to have changed. */
void dir_look_begin(struct dir_source *source);
void dir_look_step_walk(struct dir_source *source);
void dir_look_step_read(struct dir_source *source);
void dir_look_drop_queue(struct dir_source *source);

/* Telling. */
void dir_tell_begin(struct dir_source *source);
/* Sets the next phase. */
void dir_tell_step(struct dir_source *source);
/* Tells what was asked for by follow(). */
void dir_tell_followed(struct dir_source *source);
