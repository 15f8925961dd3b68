/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/sim_time.h"

#include <stdlib.h>

#include "base/mem.h"

/* A heap by time, then by sequence. */
struct sim_time {
    int64_t now;
    uint64_t sequence;
    unsigned at_once;        /* events that have run since time has gone on */
    struct sim_event **heap; /* from 1 */
    size_t count;
    size_t capacity;
};

/* An event of its own. */
struct once {
    struct sim_event event;
    sim_fn *fn;
    sim_fn *drop;
    void *arg;
};

struct sim_time *sim_time_new(void)
{
    struct sim_time *time = xcalloc(1, sizeof(*time));
    time->capacity = 256;
    time->heap = xcalloc(time->capacity, sizeof(struct sim_event *));
    return time;
}

void sim_time_free(struct sim_time *time)
{
    while (time->count) {
        struct sim_event *event = time->heap[time->count];
        sim_unset(time, event);
        if (event->drop)
            event->drop(event->arg);
    }
    free(time->heap);
    free(time);
}

int64_t sim_now(const struct sim_time *time)
{
    return time->now;
}

int64_t sim_now_ms(const struct sim_time *time)
{
    return time->now / 1000;
}

static bool goes_before(const struct sim_event *a, const struct sim_event *b)
{
    return a->at != b->at ? a->at < b->at : a->sequence < b->sequence;
}

static void put(struct sim_time *time, size_t place, struct sim_event *event)
{
    time->heap[place] = event;
    event->place = place;
}

static void rise(struct sim_time *time, size_t place, struct sim_event *event)
{
    while (place > 1 && goes_before(event, time->heap[place / 2])) {
        put(time, place, time->heap[place / 2]);
        place /= 2;
    }
    put(time, place, event);
}

static void sink(struct sim_time *time, size_t place, struct sim_event *event)
{
    for (;;) {
        size_t child = place * 2;
        if (child > time->count)
            break;
        if (child < time->count && goes_before(time->heap[child + 1], time->heap[child]))
            child++;
        if (!goes_before(time->heap[child], event))
            break;
        put(time, place, time->heap[child]);
        place = child;
    }
    put(time, place, event);
}

void sim_unset(struct sim_time *time, struct sim_event *event)
{
    size_t place = event->place;
    if (!place)
        return;
    event->place = 0;
    struct sim_event *last = time->heap[time->count--];
    if (last == event)
        return;
    if (place > 1 && goes_before(last, time->heap[place / 2]))
        rise(time, place, last);
    else
        sink(time, place, last);
}

void sim_set_at(struct sim_time *time, struct sim_event *event, int64_t at)
{
    sim_unset(time, event);
    event->at = at > time->now ? at : time->now;
    event->sequence = time->sequence++;
    time->heap = xgrow(time->heap, time->count + 1, &time->capacity, sizeof(struct sim_event *));
    rise(time, ++time->count, event);
}

void sim_set(struct sim_time *time, struct sim_event *event, int64_t delay)
{
    sim_set_at(time, event, time->now + (delay > 0 ? delay : 0));
}

bool sim_is_set(const struct sim_event *event)
{
    return event->place != 0;
}

static void once_run(void *arg)
{
    struct once once = *(struct once *)arg;
    free(arg);
    once.fn(once.arg);
}

static void once_drop(void *arg)
{
    struct once once = *(struct once *)arg;
    free(arg);
    if (once.drop)
        once.drop(once.arg);
}

void sim_after(struct sim_time *time, int64_t delay, sim_fn *fn, sim_fn *drop, void *arg)
{
    struct once *once = xcalloc(1, sizeof(*once));
    *once = (struct once){.fn = fn, .drop = drop, .arg = arg};
    once->event = (struct sim_event){.fn = once_run, .drop = once_drop, .arg = once};
    sim_set(time, &once->event, delay);
}

bool sim_time_step(struct sim_time *time, int64_t until)
{
    struct sim_event *event = time->count ? time->heap[1] : NULL;
    if (!event || event->at > until) {
        time->now = until > time->now ? until : time->now;
        return false;
    }
    time->at_once = event->at == time->now ? time->at_once + 1 : 0;
    time->now = event->at;
    sim_unset(time, event);
    event->fn(event->arg);
    return true;
}

unsigned sim_time_at_once(const struct sim_time *time)
{
    return time->at_once;
}
