/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The keys that need work, as client-go's queue has it: a key is queued once however often it is
 * added; one that is added while it is being processed runs again afterwards; failures are delayed
 * with a back-off of their own. Keys of higher priority come first, equal ones in the order of
 * their coming. Pure: time and randomness are handed in.
 */
struct workqueue;

enum workqueue_priority {
    WORKQUEUE_BACKGROUND = -100, /* the initial list, resyncs */
    WORKQUEUE_NORMAL = 0,        /* somebody changed something */
};

struct workqueue *workqueue_new(void);
void workqueue_free(struct workqueue *queue);

/* Queues a key; one that is queued already is raised if `priority` is higher. */
void workqueue_add(struct workqueue *queue, const char *key, enum workqueue_priority priority,
                   int64_t now_ms);
/* Queues it later. Of several delays for a key the earliest counts; workqueue_add() before that
 * does not cancel it. */
void workqueue_add_after(struct workqueue *queue, const char *key, int64_t delay_ms,
                         int64_t now_ms);
/* Queues it after its back-off: 5 ms · 2^n up to 300 s, with jitter. `passing`: what it failed by
 * may be over for all such keys at once; see workqueue_hasten(). */
void workqueue_add_failed(struct workqueue *queue, const char *key, bool passing, int64_t now_ms,
                          uint32_t random);
/* Keys that wait for their back-off after a passing failure are due at `due_ms` at the latest; how
 * often they have failed is not forgotten. */
void workqueue_hasten(struct workqueue *queue, int64_t due_ms);
/* Forgets the failures of a key. */
void workqueue_forget(struct workqueue *queue, const char *key);

/* Takes the next key that is due: borrowed until workqueue_done(). NULL when there is none. */
const char *workqueue_get(struct workqueue *queue, int64_t now_ms);
/* The key is not being processed any more. */
void workqueue_done(struct workqueue *queue, const char *key, int64_t now_ms);

/* When the next key becomes due: now_ms if one is ready, -1 if none is waiting. */
int64_t workqueue_next_due(const struct workqueue *queue, int64_t now_ms);

struct workqueue_counts {
    size_t ready; /* due; those whose delay has passed just now are not yet among them */
    size_t waiting;
    size_t passing; /* of these, after a passing failure */
    size_t processing;
    size_t known; /* keys that are remembered for whatever reason */
    uint64_t adds;
    uint64_t retries;
};
struct workqueue_counts workqueue_counts(const struct workqueue *queue);

/* The same for the keys that begin with one letter, of which there may be four. Takes the time of a
 * walk over all keys. */
#define WORKQUEUE_LETTERS_MAX 4
struct workqueue_share {
    size_t ready;
    size_t processing;
    int64_t longest_ms;    /* that one of them is being processed */
    int64_t unfinished_ms; /* all of them together */
    uint64_t adds;
    uint64_t retries;
};
struct workqueue_share workqueue_share(const struct workqueue *queue, char letter, int64_t now_ms);
