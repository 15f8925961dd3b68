/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/definition.h"
#include "core/marker.h"

/*
 * What to do with one definition on one gateway, and how to go about a batch: decisions without
 * I/O, so that they can be read and tested by themselves.
 */

/* Whose it is, what stands under an id. */
enum plan_found {
    PLAN_ABSENT,
    PLAN_OURS,     /* our owner and cluster */
    PLAN_UNMARKED, /* somebody's, without any marker */
    PLAN_OTHERS,   /* another Grapnel's, or a marker that we cannot read */
};
/* `marker` is the definition's marker value; `ret_marker` is set (owned) for PLAN_OURS only. */
enum plan_found plan_whose(struct span marker, const char *owner, const char *cluster,
                           struct marker *ret_marker);

/* How what was read back compares with what was sent. */
enum plan_form {
    PLAN_FORM_GOOD,
    PLAN_FORM_RENAMED, /* the listen path is a duplicate's */
    PLAN_FORM_BROKEN,  /* listen path or target are not what was sent: truncated, or edited */
};
enum plan_form plan_compare(const struct definition *definition, const char *api_id,
                            const char *listen_path, const char *target);

/* What we have to do with the id. */
enum plan_wish {
    PLAN_WANTED,
    PLAN_KEPT,        /* its object is there, what it wants is not known: leave what is ours */
    PLAN_LEAVING,     /* wanted elsewhere, and that place is not verified yet */
    PLAN_UNWANTED,    /* shall go: deleted, or moved and the new place is verified */
    PLAN_UNACCOUNTED, /* bears our marker and nobody has named its object */
};

struct plan_case {
    enum plan_wish wish;
    enum plan_found found;
    bool same;           /* the marker's fingerprint is the wanted one */
    enum plan_form form; /* of what was found, if it is ours and the same */
    bool may_adopt;      /* both consents */
    bool is_behind;      /* a newer one was made of its object than is known here, and stands there
                            or in the place it moved to */
    bool path_is_taken;  /* a definition that is not ours claims the wanted listen path */
};

enum plan_step {
    PLAN_LEAVE,       /* as it should be */
    PLAN_POST,        /* push it */
    PLAN_POST_RAISED, /* push it with a raised n: the same document, but a definition that differs
                       */
    PLAN_DELETE,      /* delete it */
    PLAN_HOLD,        /* ours, to be left alone for now */
    PLAN_AWAIT,       /* the same, until more is known or may be taken to be all */
    PLAN_FOREIGN,     /* somebody else's under our id: hands off */
    PLAN_PATH_TAKEN,  /* somebody else has the listen path: pushing would break both */
    PLAN_ORPHAN,      /* to be deleted when the rules for orphans allow */
    PLAN_FORGET,      /* nothing is there and nothing is wanted */
};
enum plan_step plan_decide(const struct plan_case *plan_case);

/* Is reading everything cheaper than reading what has changed one by one? `changed` of the `total`
 * definitions on the gateway. */
bool plan_reads_all(size_t changed, size_t total);

/* Are these more orphans, of all definitions there that are ours, than may go without being asked
 * about? */
bool plan_is_mass_deletion(size_t orphans, size_t ours);

/* The same of the ApiDefinitions of a folder, which nobody else holds up: all of them, however few,
 * are too many as well. */
bool plan_is_mass_deletion_in_folder(size_t gone, size_t all);

/* A batch of pushes on one gateway, and whether it is time for its reload. */
struct plan_batch {
    int64_t age_ms;   /* since the first write; 0 when there is none yet */
    int64_t quiet_ms; /* since the last want came */
    bool user_waits;  /* a user's edit is written and waits for the reload */
    bool user_queued; /* a user's edit is still to be written: it goes along */
    bool queue_is_empty;
    bool expects_more; /* the reconciler has more in work */
};
bool plan_batch_closes(const struct plan_batch *batch);
/* How long until time alone closes it. */
int64_t plan_batch_closes_in(const struct plan_batch *batch);
