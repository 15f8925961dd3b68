/* SPDX-License-Identifier: Apache-2.0 */
#include "core/workqueue.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/strmap.h"
#include "core/backoff.h"

#define NOWHERE UINT32_MAX

/* After the start there is one for each object: its members are ordered for size. */
struct item {
    const char *key;      /* the map's */
    uint64_t order;       /* of becoming ready */
    int64_t due;          /* of the delayed addition; -1: none */
    uint32_t since;       /* processing; the low half of the time */
    uint32_t ready_place; /* in the heaps; NOWHERE: not there */
    uint32_t delayed_place;
    uint16_t failures;
    enum workqueue_priority priority : 8;
    bool ready : 1; /* stands in the ready heap, or will when it is done */
    bool processing : 1;
    bool passing : 1; /* waits after a passing failure */
};

/* A binary heap of items; each item knows its place, so that it can be moved and taken out. */
struct heap {
    struct item **items;
    size_t count;
    size_t capacity;
    bool (*before)(const struct item *a, const struct item *b);
    uint32_t *(*place)(struct item *item);
};

struct workqueue {
    struct strmap *items;
    struct heap ready;
    struct heap delayed;
    uint64_t next_order;
    size_t processing;
    size_t passing;
    uint64_t adds;
    uint64_t retries;
    struct {
        char letter;
        uint64_t adds;
        uint64_t retries;
    } shares[WORKQUEUE_LETTERS_MAX];
};

static const struct backoff failure_backoff = {.first_ms = 5, .longest_ms = 300000};

static bool ready_before(const struct item *a, const struct item *b)
{
    if (a->priority != b->priority)
        return a->priority > b->priority;
    return a->order < b->order;
}

static uint32_t *ready_place(struct item *item)
{
    return &item->ready_place;
}

static bool delayed_before(const struct item *a, const struct item *b)
{
    return a->due < b->due;
}

static uint32_t *delayed_place(struct item *item)
{
    return &item->delayed_place;
}

static void heap_put(struct heap *heap, size_t place, struct item *item)
{
    heap->items[place] = item;
    *heap->place(item) = (uint32_t)place;
}

/* Moves the item at `place` to where it belongs. */
static void heap_settle(struct heap *heap, size_t place)
{
    struct item *item = heap->items[place];
    while (place > 0 && heap->before(item, heap->items[(place - 1) / 2])) {
        heap_put(heap, place, heap->items[(place - 1) / 2]);
        place = (place - 1) / 2;
    }
    for (;;) {
        size_t child = 2 * place + 1;
        if (child + 1 < heap->count && heap->before(heap->items[child + 1], heap->items[child]))
            child++;
        if (child >= heap->count || !heap->before(heap->items[child], item))
            break;
        heap_put(heap, place, heap->items[child]);
        place = child;
    }
    heap_put(heap, place, item);
}

static void heap_add(struct heap *heap, struct item *item)
{
    heap->items = xgrow(heap->items, heap->count, &heap->capacity, sizeof(struct item *));
    heap_put(heap, heap->count++, item);
    heap_settle(heap, heap->count - 1);
}

/* What the most of them took is given back with the last. */
static void heap_remove(struct heap *heap, struct item *item)
{
    size_t place = *heap->place(item);
    if (place == NOWHERE)
        return;
    *heap->place(item) = NOWHERE;
    struct item *last = heap->items[--heap->count];
    if (!heap->count) {
        free(TAKE(heap->items));
        heap->capacity = 0;
    } else if (last != item) {
        heap_put(heap, place, last);
        heap_settle(heap, place);
    }
}

struct workqueue *workqueue_new(void)
{
    struct workqueue *queue = xcalloc(1, sizeof(*queue));
    queue->items = strmap_new(free);
    queue->ready.before = ready_before;
    queue->ready.place = ready_place;
    queue->delayed.before = delayed_before;
    queue->delayed.place = delayed_place;
    return queue;
}

void workqueue_free(struct workqueue *queue)
{
    if (!queue)
        return;
    strmap_free(queue->items);
    free(queue->ready.items);
    free(queue->delayed.items);
    free(queue);
}

static struct item *item_of(struct workqueue *queue, const char *key)
{
    struct item *item = strmap_get(queue->items, key);
    if (item)
        return item;
    item = xcalloc(1, sizeof(*item));
    *item = (struct item){.due = -1, .ready_place = NOWHERE, .delayed_place = NOWHERE};
    strmap_set(queue->items, key, item);
    item->key = strmap_key(queue->items, key);
    return item;
}

/* Nothing is remembered of a key that has no work, no delay and no failures. */
static void drop_if_idle(struct workqueue *queue, struct item *item)
{
    if (!item->ready && !item->processing && item->due < 0 && !item->failures)
        strmap_remove(queue->items, item->key);
}

/* Where the letter is counted, or will be; beyond the fourth, with it. */
static size_t share_place(const struct workqueue *queue, char letter)
{
    size_t place = 0;
    while (place < WORKQUEUE_LETTERS_MAX - 1 && queue->shares[place].letter &&
           queue->shares[place].letter != letter)
        place++;
    return place;
}

static void count_add(struct workqueue *queue, const char *key)
{
    size_t place = share_place(queue, key[0]);
    queue->shares[place].letter = key[0];
    queue->shares[place].adds++;
    queue->adds++;
}

static void make_ready(struct workqueue *queue, struct item *item, enum workqueue_priority priority)
{
    if (item->ready && priority <= item->priority)
        return;
    if (!item->ready)
        count_add(queue, item->key);
    item->ready = true;
    item->priority = priority;
    item->order = queue->next_order++;
    if (item->processing)
        return;
    if (item->ready_place == NOWHERE)
        heap_add(&queue->ready, item);
    else
        heap_settle(&queue->ready, item->ready_place);
}

/* What has become due moves over. */
static void collect_due(struct workqueue *queue, int64_t now_ms)
{
    while (queue->delayed.count && queue->delayed.items[0]->due <= now_ms) {
        struct item *item = queue->delayed.items[0];
        heap_remove(&queue->delayed, item);
        item->due = -1;
        make_ready(queue, item, item->ready ? item->priority : WORKQUEUE_NORMAL);
    }
}

void workqueue_add(struct workqueue *queue, const char *key, enum workqueue_priority priority,
                   int64_t now_ms)
{
    collect_due(queue, now_ms);
    make_ready(queue, item_of(queue, key), priority);
}

void workqueue_add_after(struct workqueue *queue, const char *key, int64_t delay_ms, int64_t now_ms)
{
    struct item *item = item_of(queue, key);
    if (delay_ms <= 0) {
        make_ready(queue, item, WORKQUEUE_NORMAL);
        return;
    }
    if (item->due >= 0 && item->due <= now_ms + delay_ms)
        return;
    heap_remove(&queue->delayed, item);
    item->due = now_ms + delay_ms;
    heap_add(&queue->delayed, item);
}

static void set_passing(struct workqueue *queue, struct item *item, bool passing)
{
    queue->passing += passing;
    queue->passing -= item->passing;
    item->passing = passing;
}

void workqueue_add_failed(struct workqueue *queue, const char *key, bool passing, int64_t now_ms,
                          uint32_t random)
{
    struct item *item = item_of(queue, key);
    if (item->failures < UINT16_MAX)
        item->failures++;
    set_passing(queue, item, passing);
    queue->retries++;
    queue->shares[share_place(queue, key[0])].retries++;
    workqueue_add_after(queue, key, backoff_delay(&failure_backoff, item->failures, random),
                        now_ms);
}

void workqueue_hasten(struct workqueue *queue, int64_t due_ms)
{
    for (struct strmap_entry *e = strmap_first(queue->items); e && queue->passing;
         e = strmap_next(e)) {
        struct item *item = strmap_entry_value(e);
        if (!item->passing)
            continue;
        set_passing(queue, item, false);
        if (item->due <= due_ms)
            continue;
        item->due = due_ms;
        heap_settle(&queue->delayed, item->delayed_place);
    }
}

void workqueue_forget(struct workqueue *queue, const char *key)
{
    struct item *item = strmap_get(queue->items, key);
    if (!item)
        return;
    item->failures = 0;
    set_passing(queue, item, false);
    drop_if_idle(queue, item);
}

const char *workqueue_get(struct workqueue *queue, int64_t now_ms)
{
    collect_due(queue, now_ms);
    if (!queue->ready.count)
        return NULL;
    struct item *item = queue->ready.items[0];
    heap_remove(&queue->ready, item);
    item->ready = false;
    item->processing = true;
    set_passing(queue, item, false);
    item->since = (uint32_t)now_ms;
    queue->processing++;
    return item->key;
}

void workqueue_done(struct workqueue *queue, const char *key, int64_t now_ms)
{
    struct item *item = strmap_get(queue->items, key);
    if (!item || !item->processing)
        return;
    collect_due(queue, now_ms);
    item->processing = false;
    queue->processing--;
    if (item->ready)
        heap_add(&queue->ready, item);
    else
        drop_if_idle(queue, item);
}

int64_t workqueue_next_due(const struct workqueue *queue, int64_t now_ms)
{
    if (queue->ready.count)
        return now_ms;
    if (!queue->delayed.count)
        return -1;
    int64_t due = queue->delayed.items[0]->due;
    return due > now_ms ? due : now_ms;
}

struct workqueue_counts workqueue_counts(const struct workqueue *queue)
{
    return (struct workqueue_counts){
        .ready = queue->ready.count,
        .waiting = queue->delayed.count,
        .passing = queue->passing,
        .processing = queue->processing,
        .known = strmap_count(queue->items),
        .adds = queue->adds,
        .retries = queue->retries,
    };
}

struct workqueue_share workqueue_share(const struct workqueue *queue, char letter, int64_t now_ms)
{
    size_t place = share_place(queue, letter);
    struct workqueue_share share = {0};
    if (queue->shares[place].letter == letter) {
        share.adds = queue->shares[place].adds;
        share.retries = queue->shares[place].retries;
    }
    for (struct strmap_entry *e = strmap_first(queue->items); e; e = strmap_next(e)) {
        const struct item *item = strmap_entry_value(e);
        if (item->key[0] != letter)
            continue;
        share.ready += item->ready && !item->processing;
        if (!item->processing)
            continue;
        int64_t since_ms = (uint32_t)now_ms - item->since;
        share.processing++;
        share.unfinished_ms += since_ms;
        if (since_ms > share.longest_ms)
            share.longest_ms = since_ms;
    }
    return share;
}
