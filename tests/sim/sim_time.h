/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Virtual time, in microseconds: what is to happen, in order. Events at one time run in the order
 * in which they were set. Nothing happens but by sim_time_step().
 */
struct sim_time;

typedef void sim_fn(void *arg);

/* One thing to come, embedded in what it is about; zeroed at first. */
struct sim_event {
    int64_t at;
    uint64_t sequence;
    sim_fn *fn;
    sim_fn *drop; /* called by sim_time_free() for what never came about; NULL: nothing to free */
    void *arg;
    size_t place; /* in the heap, from 1; 0: not set */
};

struct sim_time *sim_time_new(void);
void sim_time_free(struct sim_time *time);
int64_t sim_now(const struct sim_time *time);
int64_t sim_now_ms(const struct sim_time *time);

/* Sets or moves an event. */
void sim_set_at(struct sim_time *time, struct sim_event *event, int64_t at);
void sim_set(struct sim_time *time, struct sim_event *event, int64_t delay);
void sim_unset(struct sim_time *time, struct sim_event *event);
bool sim_is_set(const struct sim_event *event);
/* Calls fn(arg) later, once; `drop` (may be NULL) instead if time ends before. */
void sim_after(struct sim_time *time, int64_t delay, sim_fn *fn, sim_fn *drop, void *arg);

/* Runs the next event that comes not later than `until`; false: there is none, and it is `until`
 * now. */
bool sim_time_step(struct sim_time *time, int64_t until);
/* How many have run without time going on. */
unsigned sim_time_at_once(const struct sim_time *time);
