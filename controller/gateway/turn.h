/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "ports/loop.h"

/*
 * Whose turn it is to list: at most one list is in flight in the process, because one may be tens
 * of megabytes. A gateway that hangs delays nobody: a list in which nothing has moved for a quarter
 * of a second loses its turn (and goes on without).
 */
struct turn_waiter {
    void (*granted)(void *arg); /* from the loop */
    bool (*has_moved)(void *arg);
    void *arg;
    /* private */
    bool is_in;
    struct turn_waiter *next;
};

struct turn {
    struct loop *loop;
    struct loop_timer *timer;
    struct turn_waiter *holder; /* whose list moves */
    struct turn_waiter *first;  /* who waits */
};

void turn_init(struct turn *turn, struct loop *loop);
/* Nobody may be waiting. */
void turn_fini(struct turn *turn);
/* The waiter (the caller's, zeroed at first) is told once when it is its turn. */
void turn_ask(struct turn *turn, struct turn_waiter *waiter);
/* Done with it, or not wanted any more; does nothing for one that has not asked. */
void turn_leave(struct turn *turn, struct turn_waiter *waiter);
