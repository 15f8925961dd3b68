/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/sim_loop.h"

#include <stdlib.h>

#include "base/mem.h"

/* Clocks of processes begin here: no code may take 0 for "never". */
#define START_MS 1000000
#define SLOW_MAX_US 30000
/* Far more than any honest round defers. */
#define ROUND_MAX 20000

struct call {
    sim_fn *fn;
    sim_fn *drop;
    void *arg;
};

struct loop {
    struct sim_loop_options options;
    int64_t wall_offset;
    bool killed;
    bool stopped;
    bool spins;
    loop_fn *after; /* each callback */
    void *after_arg;
    size_t timers;
    size_t watches;
    struct call *deferred; /* a ring */
    size_t first;
    size_t count;
    size_t capacity;       /* a power of two */
    struct sim_event rest; /* of a round that is late */
    struct call *waiting;  /* while stopped, or while a round is late */
    size_t waiting_count;
    size_t waiting_capacity;
};

struct loop_timer {
    struct loop *loop;
    loop_fn *fn;
    void *arg;
    int64_t due; /* of the process's clock; -1: unarmed */
    struct sim_event event;
};

struct loop_watch {
    struct loop *loop;
};

static void go_on(void *arg);

struct loop *sim_loop_new(const struct sim_loop_options *options)
{
    struct loop *loop = xcalloc(1, sizeof(*loop));
    loop->options = *options;
    if (!loop->options.rate)
        loop->options.rate = 1000;
    loop->capacity = 64;
    loop->deferred = xcalloc(loop->capacity, sizeof(*loop->deferred));
    loop->rest = (struct sim_event){.fn = go_on, .arg = loop};
    return loop;
}

size_t sim_loop_free(struct loop *loop)
{
    size_t left = loop->timers + loop->watches + loop->count;
    sim_unset(loop->options.time, &loop->rest);
    for (size_t i = 0; i < loop->waiting_count; i++) {
        if (loop->waiting[i].drop)
            loop->waiting[i].drop(loop->waiting[i].arg);
    }
    free(loop->waiting);
    free(loop->deferred);
    free(loop);
    return left;
}

/* Time. */

int64_t loop_now(const struct loop *loop)
{
    return START_MS + sim_now(loop->options.time) * loop->options.rate / 1000000;
}

/* The true time, in microseconds, at which the process's clock shows `ms`. */
static int64_t true_time(const struct loop *loop, int64_t ms)
{
    int64_t rate = loop->options.rate;
    return ((ms - START_MS) * 1000000 + rate - 1) / rate;
}

int64_t loop_clock_us(const struct loop *loop)
{
    return loop_now(loop) * 1000;
}

int64_t loop_wall_time_us(const struct loop *loop)
{
    return loop_wall_time(loop) * 1000000;
}

int64_t loop_wall_time(const struct loop *loop)
{
    return loop->options.wall_start + loop->wall_offset + (loop_now(loop) - START_MS) / 1000;
}

void sim_loop_jump(struct loop *loop, int64_t seconds)
{
    loop->wall_offset += seconds;
}

uint32_t loop_random(struct loop *loop, uint32_t bound)
{
    return sim_random_below(&loop->options.random, bound);
}

/* Rounds. */

static struct call *deferred_at(const struct loop *loop, size_t index)
{
    return &loop->deferred[(loop->first + index) & (loop->capacity - 1)];
}

void loop_defer(struct loop *loop, loop_fn *fn, void *arg)
{
    for (size_t i = 0; i < loop->count; i++) {
        const struct call *call = deferred_at(loop, i);
        if (call->fn == fn && call->arg == arg)
            return;
    }
    if (loop->count == loop->capacity) {
        struct call *larger = xcalloc(loop->capacity * 2, sizeof(*larger));
        for (size_t i = 0; i < loop->count; i++)
            larger[i] = *deferred_at(loop, i);
        free(loop->deferred);
        loop->deferred = larger;
        loop->capacity *= 2;
        loop->first = 0;
    }
    loop->count++;
    *deferred_at(loop, loop->count - 1) = (struct call){.fn = fn, .arg = arg};
}

void loop_defer_cancel(struct loop *loop, loop_fn *fn, void *arg)
{
    size_t kept = 0;
    for (size_t i = 0; i < loop->count; i++) {
        struct call call = *deferred_at(loop, i);
        if (call.fn != fn || call.arg != arg)
            *deferred_at(loop, kept++) = call;
    }
    loop->count = kept;
}

static void after_callback(struct loop *loop)
{
    if (loop->after && !loop->killed)
        loop->after(loop->after_arg);
}

/* Runs what is deferred; false: the process has become late, the rest of the round comes later. */
static bool end_round(struct loop *loop)
{
    struct sim_loop_options *options = &loop->options;
    for (unsigned calls = 0; loop->count && !loop->killed; calls++) {
        if (calls == ROUND_MAX) {
            loop->spins = loop->killed = true;
            break;
        }
        struct call call = *deferred_at(loop, 0);
        loop->first = (loop->first + 1) & (loop->capacity - 1);
        loop->count--;
        call.fn(call.arg);
        after_callback(loop);
        if (!loop->count || loop->killed || !options->slow_permille)
            continue;
        if (sim_random_chance(&options->random, options->slow_permille)) {
            sim_set(options->time, &loop->rest,
                    sim_random_between(&options->random, 1, SLOW_MAX_US));
            return false;
        }
    }
    return true;
}

/* What has come meanwhile, in the order in which it came. */
static void go_on(void *arg)
{
    struct loop *loop = arg;
    if (loop->stopped || loop->killed || !end_round(loop))
        return;
    while (loop->waiting_count && !loop->killed) {
        struct call call = loop->waiting[0];
        loop->waiting_count--;
        for (size_t i = 0; i < loop->waiting_count; i++)
            loop->waiting[i] = loop->waiting[i + 1];
        call.fn(call.arg);
        after_callback(loop);
        if (!end_round(loop))
            return;
    }
}

void sim_loop_call(struct loop *loop, sim_fn *fn, sim_fn *drop, void *arg)
{
    if (loop->killed) {
        if (drop)
            drop(arg);
        return;
    }
    if (loop->stopped || sim_is_set(&loop->rest)) {
        loop->waiting = xgrow(loop->waiting, loop->waiting_count, &loop->waiting_capacity,
                              sizeof(*loop->waiting));
        loop->waiting[loop->waiting_count++] = (struct call){fn, drop, arg};
        return;
    }
    fn(arg);
    after_callback(loop);
    (void)end_round(loop);
}

void sim_loop_after_callbacks(struct loop *loop, loop_fn *fn, void *arg)
{
    loop->after = fn;
    loop->after_arg = arg;
}

void sim_loop_kill(struct loop *loop)
{
    loop->killed = true;
}

bool sim_loop_is_killed(const struct loop *loop)
{
    return loop->killed;
}

bool sim_loop_spins(const struct loop *loop)
{
    return loop->spins;
}

void sim_loop_set_stopped(struct loop *loop, bool stopped)
{
    bool goes_on = loop->stopped && !stopped;
    loop->stopped = stopped;
    if (goes_on)
        sim_set(loop->options.time, &loop->rest, 0);
}

/* Timers. */

static void timer_fire(void *arg)
{
    struct loop_timer *timer = arg;
    if (timer->due < 0)
        return; /* disarmed while it waited */
    timer->due = -1;
    timer->fn(timer->arg);
}

static void timer_forget_waiting(struct loop_timer *timer)
{
    struct loop *loop = timer->loop;
    size_t kept = 0;
    for (size_t i = 0; i < loop->waiting_count; i++) {
        struct call call = loop->waiting[i];
        if (call.fn != timer_fire || call.arg != timer)
            loop->waiting[kept++] = call;
    }
    loop->waiting_count = kept;
}

static void timer_due(void *arg)
{
    struct loop_timer *timer = arg;
    sim_loop_call(timer->loop, timer_fire, NULL, timer);
}

struct loop_timer *loop_timer_new(struct loop *loop, loop_fn *fn, void *arg)
{
    struct loop_timer *timer = xcalloc(1, sizeof(*timer));
    *timer = (struct loop_timer){.loop = loop, .fn = fn, .arg = arg, .due = -1};
    timer->event = (struct sim_event){.fn = timer_due, .arg = timer};
    loop->timers++;
    return timer;
}

void loop_timer_disarm(struct loop_timer *timer)
{
    if (timer->due >= 0 && !sim_is_set(&timer->event))
        timer_forget_waiting(timer);
    timer->due = -1;
    sim_unset(timer->loop->options.time, &timer->event);
}

void loop_timer_free(struct loop_timer *timer)
{
    if (!timer)
        return;
    loop_timer_disarm(timer);
    timer->loop->timers--;
    free(timer);
}

void loop_timer_arm(struct loop_timer *timer, int64_t delay_ms)
{
    struct loop *loop = timer->loop;
    loop_timer_disarm(timer);
    timer->due = loop_now(loop) + (delay_ms > 0 ? delay_ms : 0);
    sim_set_at(loop->options.time, &timer->event, true_time(loop, timer->due));
}

bool loop_timer_is_armed(const struct loop_timer *timer)
{
    return timer->due >= 0;
}

/* Descriptors: nothing that is simulated reads one. */

struct loop_watch *loop_watch_new(struct loop *loop, int fd, loop_fn *fn, void *arg)
{
    (void)fd;
    (void)fn;
    (void)arg;
    struct loop_watch *watch = xcalloc(1, sizeof(*watch));
    watch->loop = loop;
    loop->watches++;
    return watch;
}

void loop_watch_free(struct loop_watch *watch)
{
    if (!watch)
        return;
    watch->loop->watches--;
    free(watch);
}
