/* SPDX-License-Identifier: Apache-2.0 */
#include "support/fake_loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"

struct loop_timer {
    struct loop *loop;
    loop_fn *fn;
    void *arg;
    int64_t due; /* -1: unarmed */
    uint64_t sequence;
    struct loop_timer *next;
};

struct loop_watch {
    struct loop *loop;
    int fd;
    loop_fn *fn;
    void *arg;
    struct loop_watch *next;
};

struct deferred {
    loop_fn *fn;
    void *arg;
};

struct loop {
    int64_t now;
    int64_t stood_ms; /* since the round began */
    int64_t wall_offset;
    uint64_t random;
    uint64_t sequence;
    struct loop_timer *timers;
    struct loop_watch *watches;
    struct deferred *deferred;
    size_t deferred_count;
    size_t deferred_capacity;
    loop_fn *after;
    void *after_arg;
};

#define START_MS 1000000
#define START_WALL 1767225600

struct loop *fake_loop_new(uint32_t seed)
{
    struct loop *loop = xcalloc(1, sizeof(*loop));
    loop->now = START_MS;
    loop->random = seed ? seed : 1;
    return loop;
}

void fake_loop_free(struct loop *loop)
{
    assert_null(loop->timers);
    assert_null(loop->watches);
    assert_int_equal(loop->deferred_count, 0);
    free(loop->deferred);
    free(loop);
}

int64_t loop_now(const struct loop *loop)
{
    return loop->now;
}

int64_t loop_clock_us(const struct loop *loop)
{
    return (loop->now + loop->stood_ms) * 1000;
}

void fake_loop_stand(struct loop *loop, int64_t ms)
{
    loop->stood_ms += ms;
}

int64_t loop_wall_time(const struct loop *loop)
{
    return START_WALL + loop->wall_offset + (loop->now - START_MS) / 1000;
}

int64_t loop_wall_time_us(const struct loop *loop)
{
    int64_t since = loop->now + loop->stood_ms - START_MS;
    return (START_WALL + loop->wall_offset) * 1000000 + since * 1000;
}

void fake_loop_set_wall_time(struct loop *loop, int64_t seconds)
{
    loop->wall_offset = seconds - START_WALL - (loop->now - START_MS) / 1000;
}

uint32_t loop_random(struct loop *loop, uint32_t bound)
{
    /* xorshift64 (Marsaglia 2003) */
    loop->random ^= loop->random << 13;
    loop->random ^= loop->random >> 7;
    loop->random ^= loop->random << 17;
    return bound ? (uint32_t)(loop->random % bound) : 0;
}

struct loop_timer *loop_timer_new(struct loop *loop, loop_fn *fn, void *arg)
{
    struct loop_timer *timer = xcalloc(1, sizeof(*timer));
    *timer =
        (struct loop_timer){.loop = loop, .fn = fn, .arg = arg, .due = -1, .next = loop->timers};
    loop->timers = timer;
    return timer;
}

void loop_timer_free(struct loop_timer *timer)
{
    if (!timer)
        return;
    struct loop_timer **link = &timer->loop->timers;
    while (*link != timer)
        link = &(*link)->next;
    *link = timer->next;
    free(timer);
}

void loop_timer_arm(struct loop_timer *timer, int64_t delay_ms)
{
    timer->due = timer->loop->now + (delay_ms > 0 ? delay_ms : 0);
    timer->sequence = timer->loop->sequence++;
}

void loop_timer_disarm(struct loop_timer *timer)
{
    timer->due = -1;
}

bool loop_timer_is_armed(const struct loop_timer *timer)
{
    return timer->due >= 0;
}

void loop_defer(struct loop *loop, loop_fn *fn, void *arg)
{
    for (size_t i = 0; i < loop->deferred_count; i++) {
        if (loop->deferred[i].fn == fn && loop->deferred[i].arg == arg)
            return;
    }
    loop->deferred = xgrow(loop->deferred, loop->deferred_count, &loop->deferred_capacity,
                           sizeof(*loop->deferred));
    loop->deferred[loop->deferred_count++] = (struct deferred){fn, arg};
}

static struct deferred take_deferred(struct loop *loop, size_t index)
{
    struct deferred taken = loop->deferred[index];
    loop->deferred_count--;
    for (size_t i = index; i < loop->deferred_count; i++)
        loop->deferred[i] = loop->deferred[i + 1];
    return taken;
}

void loop_defer_cancel(struct loop *loop, loop_fn *fn, void *arg)
{
    for (size_t i = 0; i < loop->deferred_count; i++) {
        if (loop->deferred[i].fn == fn && loop->deferred[i].arg == arg) {
            (void)take_deferred(loop, i);
            return;
        }
    }
}

struct loop_watch *loop_watch_new(struct loop *loop, int fd, loop_fn *fn, void *arg)
{
    struct loop_watch *watch = xcalloc(1, sizeof(*watch));
    *watch =
        (struct loop_watch){.loop = loop, .fd = fd, .fn = fn, .arg = arg, .next = loop->watches};
    loop->watches = watch;
    return watch;
}

void loop_watch_free(struct loop_watch *watch)
{
    if (!watch)
        return;
    struct loop_watch **link = &watch->loop->watches;
    while (*link != watch)
        link = &(*link)->next;
    *link = watch->next;
    free(watch);
}

void fake_loop_after_callbacks(struct loop *loop, loop_fn *fn, void *arg)
{
    loop->after = fn;
    loop->after_arg = arg;
}

static void call(const struct loop *loop, loop_fn *fn, void *arg)
{
    fn(arg);
    if (loop->after)
        loop->after(loop->after_arg);
}

void fake_loop_readable(struct loop *loop, int fd)
{
    for (struct loop_watch *watch = loop->watches; watch; watch = watch->next) {
        if (watch->fd == fd) {
            call(loop, watch->fn, watch->arg);
            break;
        }
    }
    fake_loop_run(loop);
}

void fake_loop_run(struct loop *loop)
{
    for (int rounds = 0; loop->deferred_count; rounds++) {
        if (rounds > 1000000)
            fail_msg("a deferred call defers itself for ever");
        struct deferred next = take_deferred(loop, 0);
        call(loop, next.fn, next.arg);
    }
}

static struct loop_timer *earliest(const struct loop *loop)
{
    struct loop_timer *best = NULL;
    for (struct loop_timer *timer = loop->timers; timer; timer = timer->next) {
        if (timer->due < 0)
            continue;
        if (!best || timer->due < best->due ||
            (timer->due == best->due && timer->sequence < best->sequence))
            best = timer;
    }
    return best;
}

int64_t fake_loop_next(const struct loop *loop)
{
    const struct loop_timer *timer = earliest(loop);
    return timer ? timer->due : -1;
}

void fake_loop_advance(struct loop *loop, int64_t ms)
{
    loop->now += loop->stood_ms;
    loop->stood_ms = 0;
    int64_t until = loop->now + ms;
    fake_loop_run(loop);
    struct loop_timer *timer;
    while ((timer = earliest(loop)) && timer->due <= until) {
        loop->now = timer->due > loop->now ? timer->due : loop->now;
        timer->due = -1;
        call(loop, timer->fn, timer->arg);
        fake_loop_run(loop);
    }
    loop->now = until;
}
