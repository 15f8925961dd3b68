/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/plan.h"

/*
 * What one endpoint holds or shall hold, one slot an id: some 90 bytes each, because there is one
 * for every API on every endpoint. A slot's state is the list it is in, so that "what waits to be
 * written" is never searched for.
 */
struct place;

enum slot_state {
    SLOT_UNKNOWN, /* the gateway has not been asked */
    /* to be written, in this order; deletions go with the Classic ones */
    SLOT_USER_CLASSIC,
    SLOT_USER_OAS,
    SLOT_REFILL_CLASSIC,
    SLOT_REFILL_OAS,
    SLOT_WRITING,
    SLOT_WRITTEN, /* taken; waits for the reload */
    /* to be read back after the reload */
    SLOT_READ_CLASSIC,
    SLOT_READ_OAS,
    SLOT_READING,
    SLOT_SYNCED,
    SLOT_FAILED,  /* refused, or not there though taken; tried again at retry_at */
    SLOT_FOREIGN, /* somebody else's under the id, or with the listen path */
    SLOT_KEPT,    /* ours, left alone: what its object wants is not known */
    SLOT_LEAVING, /* ours, to be deleted once the place it moves to is verified */
    SLOT_ORPHAN,  /* ours, and nobody has named its object */
    SLOT_AHEAD, /* ours, and of a newer version of its object than is known here: until retry_at */
};
#define SLOT_STATE_COUNT 17

/* Why a slot is FAILED or FOREIGN. */
enum slot_fault {
    FAULT_NONE,
    FAULT_REFUSED,     /* by status */
    FAULT_SERVER,      /* 5xx for this one */
    FAULT_WRONG_ID,    /* written under another id */
    FAULT_NOT_LOADED,  /* taken, but the reload has not brought it */
    FAULT_TRUNCATED,   /* loaded without listen path or target */
    FAULT_RENAMED,     /* another definition has the listen path */
    FAULT_UNDELETABLE, /* the gateway does not delete it */
    FAULT_DOCUMENT,    /* no place for the marker */
    FAULT_FOREIGN_ID,
    FAULT_FOREIGN_PATH,
    FAULT_AHEAD, /* what stands there is newer; no failure */
};

#define SLOT_NEVER UINT32_MAX

struct slot {
    struct place *place;
    struct slot *prev;
    struct slot *next;
    uint64_t held;      /* fingerprint of our marker that was found there; 0: none */
    uint64_t posted;    /* fingerprint that was last sent */
    uint32_t hash;      /* of the id */
    uint32_t retry_at;  /* s of loop time: FAILED, AHEAD, or SLOT_NEVER; for ORPHAN: seen since */
    uint32_t looked_at; /* s of loop time: the gateway was last asked; 0: never */
    uint32_t epoch;     /* the reload that a POST was last sent before */
    uint16_t n;         /* of the marker */
    uint16_t status;    /* of the refusal */
    enum slot_state state : 8;
    enum plan_found found : 8;
    enum plan_form form : 8;
    enum slot_fault fault : 8;
    uint8_t attempts;     /* that failed in a row */
    bool seen : 1;        /* by the list in flight */
    bool is_oas : 1;      /* what is loaded; its companion file has not been deleted */
    bool is_deletion : 1; /* what is to be written is a deletion */
    bool by_user : 1;     /* what is being written is a user's edit */
    bool redo : 1;        /* to be written again after the reload */
    bool drifted : 1;     /* was synced, and was found otherwise */
    bool repairs : 1;     /* has been pushed again because of that */
    bool oas_sent : 1;    /* an OAS definition was, and since then nothing has been loaded */
    bool in_doubt : 1; /* was not wanted until now: nobody has watched whether it is still there */
    uint32_t step;     /* where it is in the walk, from 1; 0: nowhere */
};

struct slot_list {
    struct slot *first;
    struct slot *last;
    size_t count;
};

struct slots {
    struct slot_list lists[SLOT_STATE_COUNT];
    size_t count;
    /* private: open addressing */
    struct slot **table;
    size_t capacity;
    struct slot **walk; /* NULL among them: was removed */
    size_t walk_count;
    size_t walk_next;
};

void slots_fini(struct slots *slots);
struct slot *slots_find(const struct slots *slots, const char *api_id);
/* Adds a slot for an id that has none, in SLOT_UNKNOWN. Owned by the slots. */
struct slot *slots_add(struct slots *slots, struct place *place);
/* Begins a walk over all that are there now, the only one at a time, for who may move and remove
 * any of them meanwhile, and take a rest in between. */
void slots_walk(struct slots *slots);
/* The next one; NULL when there is none left. */
struct slot *slots_walk_next(struct slots *slots);
void slots_walk_end(struct slots *slots);
/* Moves it to the end of the list of that state; also to the end of the one it is in. */
void slots_move(struct slots *slots, struct slot *slot, enum slot_state state);
/* Takes it out and frees it. */
void slots_remove(struct slots *slots, struct slot *slot);

/* The first to be written, users' edits first, of the named family; NULL when there is none. */
struct slot *slots_next_write(const struct slots *slots, bool oas);
size_t slots_queued(const struct slots *slots);
bool slot_is_queued(const struct slot *slot);
/* On its way to be verified: queued, written or to be read. */
size_t slots_on_their_way(const struct slots *slots);
