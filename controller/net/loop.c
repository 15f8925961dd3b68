/* SPDX-License-Identifier: Apache-2.0 */
#include "net/loop.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/random.h>
#include <time.h>

#include "base/log.h"
#include "base/mem.h"
#include "net/loop_base.h"

#define DEFERRED_BUDGET_US 2000
#define SLOW_US 100000
#define BUCKETS 256
#define SPARE_MAX 64

static const int handled_signals[] = {SIGTERM, SIGINT, SIGHUP};

/* A deferred call: in the queue by its turn, and in a bucket to be found without a search. */
struct deferred {
    loop_fn *fn;
    void *arg;
    int64_t since_ms;
    TAILQ_ENTRY(deferred) turn;
    LIST_ENTRY(deferred) neighbour;
};
LIST_HEAD(bucket, deferred);

struct loop {
    struct event_base *base;
    int64_t now_ms;
    bool now_is_fresh; /* read since the waiting ended */
    bool stopped;
    uint64_t random[2];
    TAILQ_HEAD(, deferred) deferred;
    struct bucket buckets[BUCKETS];
    struct bucket spare; /* entries kept for the next calls */
    unsigned spare_count;
    struct event *signals[ARRAY_LENGTH(handled_signals)];
    loop_signal_fn *on_signal;
    void *on_signal_arg;
    int signal_number;      /* the one that is being told */
    int64_t round_began_us; /* when the first callback of the round began; 0: none has yet */
    loop_fn *after;         /* each callback; NULL: nothing */
    void *after_arg;
    int depth;                      /* loop_call() within loop_call() is measured once */
    uint64_t slow_callbacks_before; /* this round */
    struct loop_stats stats;
};

struct loop_timer {
    struct loop *loop;
    struct event *event;
    loop_fn *fn;
    void *arg;
    int64_t due_ms;
};

struct loop_watch {
    struct loop *loop;
    struct event *event;
    loop_fn *fn;
    void *arg;
};

static int64_t clock_us(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (int64_t)time.tv_sec * 1000000 + time.tv_nsec / 1000;
}

static void refresh_now(struct loop *loop)
{
    loop->now_ms = clock_us(CLOCK_BOOTTIME) / 1000;
    loop->now_is_fresh = true;
}

static void *must(void *pointer)
{
    if (!pointer)
        mem_exhausted();
    return pointer;
}

struct loop *loop_new(struct err *err)
{
    event_set_mem_functions(xmalloc, xrealloc, free);
    struct event_config *config = must(event_config_new());
    /* A socket whose next transfer begins in the round in which the last one has ended, as those of
     * HTTP clients do, is not told to the kernel twice. */
    event_config_set_flag(config, EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST);
    struct event_base *base = event_base_new_with_config(config);
    event_config_free(config);
    if (!base) {
        err_set(err, ERR_TRANSIENT, errno, "event loop: %s", strerror(errno));
        return NULL;
    }
    signal(SIGPIPE, SIG_IGN);
    struct loop *loop = xcalloc(1, sizeof(*loop));
    loop->base = base;
    TAILQ_INIT(&loop->deferred);
    if (getrandom(loop->random, sizeof(loop->random), 0) != sizeof(loop->random))
        loop->random[0] = (uint64_t)clock_us(CLOCK_REALTIME);
    loop->random[1] |= 1; /* never all zero */
    refresh_now(loop);
    return loop;
}

static void forget_deferred(struct loop *loop, struct deferred *deferred)
{
    TAILQ_REMOVE(&loop->deferred, deferred, turn);
    LIST_REMOVE(deferred, neighbour);
    if (loop->spare_count == SPARE_MAX) {
        free(deferred);
        return;
    }
    LIST_INSERT_HEAD(&loop->spare, deferred, neighbour);
    loop->spare_count++;
}

void loop_free(struct loop *loop)
{
    if (!loop)
        return;
    while (!TAILQ_EMPTY(&loop->deferred))
        forget_deferred(loop, TAILQ_FIRST(&loop->deferred));
    while (!LIST_EMPTY(&loop->spare)) {
        struct deferred *spare = LIST_FIRST(&loop->spare);
        LIST_REMOVE(spare, neighbour);
        free(spare);
    }
    for (size_t i = 0; i < ARRAY_LENGTH(loop->signals); i++) {
        if (loop->signals[i])
            event_free(loop->signals[i]);
    }
    event_base_free(loop->base);
    free(loop);
}

struct event_base *loop_event_base(struct loop *loop)
{
    return loop->base;
}

static void count_callback(struct loop *loop, int64_t took_us)
{
    loop->stats.callbacks++;
    if (took_us > loop->stats.longest_callback_us)
        loop->stats.longest_callback_us = took_us;
    if (took_us > SLOW_US) {
        loop->stats.slow_callbacks++;
        log_warn("callback took long", .duration_ms = took_us / 1000);
    }
}

void loop_call(struct loop *loop, loop_fn *fn, void *arg)
{
    if (loop->depth > 0) {
        fn(arg);
        return;
    }
    if (!loop->now_is_fresh)
        refresh_now(loop);
    int64_t began = clock_us(CLOCK_MONOTONIC);
    if (!loop->round_began_us)
        loop->round_began_us = began;
    loop->depth++;
    fn(arg);
    if (loop->after)
        loop->after(loop->after_arg);
    loop->depth--;
    count_callback(loop, clock_us(CLOCK_MONOTONIC) - began);
}

static void run_deferred(struct loop *loop)
{
    int64_t began = clock_us(CLOCK_MONOTONIC);
    while (!TAILQ_EMPTY(&loop->deferred)) {
        struct deferred *deferred = TAILQ_FIRST(&loop->deferred);
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): one that is free is not in the list */
        loop_fn *fn = deferred->fn;
        void *arg = deferred->arg;
        forget_deferred(loop, deferred);
        loop_call(loop, fn, arg);
        if (clock_us(CLOCK_MONOTONIC) - began > DEFERRED_BUDGET_US)
            break;
    }
}

static void end_round(struct loop *loop)
{
    loop->stats.rounds++;
    if (loop->round_began_us) {
        int64_t took = clock_us(CLOCK_MONOTONIC) - loop->round_began_us;
        if (took > loop->stats.longest_round_us)
            loop->stats.longest_round_us = took;
        if (took > SLOW_US) {
            loop->stats.slow_rounds++;
            if (loop->stats.slow_callbacks == loop->slow_callbacks_before)
                log_warn("round of short callbacks took long", .duration_ms = took / 1000);
        }
    }
    loop->slow_callbacks_before = loop->stats.slow_callbacks;
    loop->round_began_us = 0;
    loop->now_is_fresh = false;
}

void loop_run(struct loop *loop)
{
    loop->stopped = false;
    while (!loop->stopped) {
        int flags = EVLOOP_ONCE | EVLOOP_NO_EXIT_ON_EMPTY;
        if (!TAILQ_EMPTY(&loop->deferred))
            flags |= EVLOOP_NONBLOCK;
        event_base_loop(loop->base, flags);
        run_deferred(loop);
        end_round(loop);
    }
}

void loop_stop(struct loop *loop)
{
    loop->stopped = true;
}

static void call_signal(void *arg)
{
    struct loop *loop = arg;
    loop->on_signal(loop->on_signal_arg, loop->signal_number);
}

static void handle_signal(evutil_socket_t number, short what, void *arg)
{
    (void)what;
    struct loop *loop = arg;
    loop->signal_number = (int)number;
    loop_call(loop, call_signal, loop);
}

void loop_after_callbacks(struct loop *loop, loop_fn *fn, void *arg)
{
    loop->after = fn;
    loop->after_arg = arg;
}

void loop_on_signals(struct loop *loop, loop_signal_fn *fn, void *arg)
{
    loop->on_signal = fn;
    loop->on_signal_arg = arg;
    for (size_t i = 0; i < ARRAY_LENGTH(handled_signals); i++) {
        loop->signals[i] = must(evsignal_new(loop->base, handled_signals[i], handle_signal, loop));
        evsignal_add(loop->signals[i], NULL);
    }
}

void loop_stats(const struct loop *loop, struct loop_stats *ret_stats)
{
    *ret_stats = loop->stats;
}

int64_t loop_stalled_ms(const struct loop *loop)
{
    int64_t round = 0;
    int64_t deferred = 0;
    if (loop->round_began_us)
        round = (clock_us(CLOCK_MONOTONIC) - loop->round_began_us) / 1000;
    if (!TAILQ_EMPTY(&loop->deferred))
        deferred = clock_us(CLOCK_BOOTTIME) / 1000 - TAILQ_FIRST(&loop->deferred)->since_ms;
    return round > deferred ? round : deferred;
}

int64_t loop_now(const struct loop *loop)
{
    return loop->now_ms;
}

int64_t loop_clock_us(const struct loop *loop)
{
    (void)loop;
    return clock_us(CLOCK_BOOTTIME);
}

int64_t loop_wall_time(const struct loop *loop)
{
    (void)loop;
    return (int64_t)time(NULL);
}

int64_t loop_wall_time_us(const struct loop *loop)
{
    (void)loop;
    return clock_us(CLOCK_REALTIME);
}

uint32_t loop_random(struct loop *loop, uint32_t bound)
{
    /* xorshift128+ (Vigna 2014) */
    uint64_t a = loop->random[0];
    uint64_t b = loop->random[1];
    loop->random[0] = b;
    a ^= a << 23;
    loop->random[1] = a ^ b ^ (a >> 18) ^ (b >> 5);
    uint64_t sum = (loop->random[1] + b) >> 32;
    return (uint32_t)(sum * bound >> 32);
}

static void fire_timer(void *arg)
{
    struct loop_timer *timer = arg;
    /* libevent's clock is coarse (4 ms) and knows no suspend: hold the promise by ours. */
    if (timer->due_ms > timer->loop->now_ms) {
        loop_timer_arm(timer, timer->due_ms - timer->loop->now_ms);
        return;
    }
    timer->fn(timer->arg);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct loop_timer *timer = arg;
    loop_call(timer->loop, fire_timer, timer);
}

struct loop_timer *loop_timer_new(struct loop *loop, loop_fn *fn, void *arg)
{
    struct loop_timer *timer = xcalloc(1, sizeof(*timer));
    *timer = (struct loop_timer){.loop = loop, .fn = fn, .arg = arg};
    timer->event = must(evtimer_new(loop->base, on_timer, timer));
    return timer;
}

void loop_timer_free(struct loop_timer *timer)
{
    if (!timer)
        return;
    event_free(timer->event);
    free(timer);
}

void loop_timer_arm(struct loop_timer *timer, int64_t delay_ms)
{
    if (delay_ms < 0)
        delay_ms = 0;
    timer->due_ms = timer->loop->now_ms + delay_ms;
    struct timeval delay = {.tv_sec = delay_ms / 1000, .tv_usec = delay_ms % 1000 * 1000};
    evtimer_add(timer->event, &delay);
}

void loop_timer_disarm(struct loop_timer *timer)
{
    evtimer_del(timer->event);
}

bool loop_timer_is_armed(const struct loop_timer *timer)
{
    return evtimer_pending(timer->event, NULL);
}

static struct bucket *bucket_of(struct loop *loop, loop_fn *fn, void *arg)
{
    uint64_t mixed = ((uintptr_t)fn ^ ((uintptr_t)arg >> 4)) * UINT64_C(0x9e3779b97f4a7c15);
    return &loop->buckets[mixed >> 56];
}

static struct deferred *find_deferred(struct loop *loop, loop_fn *fn, void *arg)
{
    struct deferred *deferred;
    LIST_FOREACH(deferred, bucket_of(loop, fn, arg), neighbour)
    {
        if (deferred->fn == fn && deferred->arg == arg)
            return deferred;
    }
    return NULL;
}

void loop_defer(struct loop *loop, loop_fn *fn, void *arg)
{
    if (find_deferred(loop, fn, arg))
        return;
    struct deferred *deferred = LIST_FIRST(&loop->spare);
    if (deferred) {
        LIST_REMOVE(deferred, neighbour);
        loop->spare_count--;
    } else {
        deferred = xcalloc(1, sizeof(*deferred));
    }
    deferred->fn = fn;
    deferred->arg = arg;
    deferred->since_ms = loop->now_ms;
    TAILQ_INSERT_TAIL(&loop->deferred, deferred, turn);
    LIST_INSERT_HEAD(bucket_of(loop, fn, arg), deferred, neighbour);
}

void loop_defer_cancel(struct loop *loop, loop_fn *fn, void *arg)
{
    struct deferred *deferred = find_deferred(loop, fn, arg);
    if (deferred)
        forget_deferred(loop, deferred);
}

static void call_watch(void *arg)
{
    struct loop_watch *watch = arg;
    watch->fn(watch->arg);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct loop_watch *watch = arg;
    loop_call(watch->loop, call_watch, watch);
}

struct loop_watch *loop_watch_new(struct loop *loop, int fd, loop_fn *fn, void *arg)
{
    struct loop_watch *watch = xcalloc(1, sizeof(*watch));
    *watch = (struct loop_watch){.loop = loop, .fn = fn, .arg = arg};
    watch->event = must(event_new(loop->base, fd, EV_READ | EV_PERSIST, on_readable, watch));
    event_add(watch->event, NULL);
    return watch;
}

void loop_watch_free(struct loop_watch *watch)
{
    if (!watch)
        return;
    event_free(watch->event);
    free(watch);
}
