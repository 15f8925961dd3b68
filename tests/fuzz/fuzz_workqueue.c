/* SPDX-License-Identifier: Apache-2.0 */
/* The input as what happens to a queue of a few keys, beside the simplest model of it: a key is
 * handed out only if it was asked for, never twice at once, and nothing that was asked for is lost.
 */
#include "base/mem.h"
#include "core/workqueue.h"
#include "expect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define KEYS 5
#define NOBODY INT64_MAX
static const char *const keys[KEYS] = {"a/1", "a/2", "b/1", "b/2", "c/1"};

struct model {
    bool ready[KEYS];  /* it was asked for, and its time has come */
    int64_t due[KEYS]; /* the earliest time it was asked for later; NOBODY: it was not */
    bool in_work[KEYS];
    unsigned failures[KEYS];
};

static unsigned index_of(const char *key)
{
    for (unsigned i = 0; i < KEYS; i++) {
        if (strcmp(keys[i], key) == 0)
            return i;
    }
    abort();
}

static void ask_later(struct model *model, unsigned key, int64_t when)
{
    if (when < model->due[key])
        model->due[key] = when;
}

/* What has become due is as good as asked for now; two askings are one from then on. */
static void pass_time(struct model *model, int64_t now)
{
    for (unsigned i = 0; i < KEYS; i++) {
        if (model->due[i] <= now) {
            model->ready[i] = true;
            model->due[i] = NOBODY;
        }
    }
}

static void add(struct workqueue *queue, struct model *model, unsigned key,
                enum workqueue_priority priority, int64_t now)
{
    workqueue_add(queue, keys[key], priority, now);
    pass_time(model, now);
    model->ready[key] = true;
}

static void add_after(struct workqueue *queue, struct model *model, unsigned key, int64_t delay,
                      int64_t now)
{
    workqueue_add_after(queue, keys[key], delay, now);
    if (delay)
        ask_later(model, key, now + delay);
    else
        model->ready[key] = true;
}

static void done(struct workqueue *queue, struct model *model, unsigned key, int64_t now)
{
    if (!model->in_work[key])
        return;
    model->in_work[key] = false;
    workqueue_done(queue, keys[key], now);
    pass_time(model, now);
}

/* Takes what there is, which must be something if a key that is not in work is due. */
static void take(struct workqueue *queue, struct model *model, int64_t now)
{
    bool any = false;
    pass_time(model, now);
    for (unsigned i = 0; i < KEYS; i++)
        any = any || (model->ready[i] && !model->in_work[i]);
    const char *key = workqueue_get(queue, now);
    expect(key || !any, "what is due is handed out");
    if (!key)
        return;
    unsigned taken = index_of(key);
    expect(!model->in_work[taken], "no key twice at once");
    expect(model->ready[taken], "only what was asked for, and not before its time");
    model->in_work[taken] = true;
    model->ready[taken] = false;
}

static void fail(struct workqueue *queue, struct model *model, unsigned key, int64_t now)
{
    /* Up to twice 5 ms · 2^n; 300 s is the longest. The model waits as long as that. */
    int64_t before = workqueue_next_due(queue, now);
    workqueue_add_failed(queue, keys[key], false, now, 0);
    unsigned tries = model->failures[key]++;
    int64_t delay = tries < 17 ? INT64_C(5) << tries : 300000;
    ask_later(model, key, now + (delay < 300000 ? delay : 300000));
    expect(before < 0 || workqueue_next_due(queue, now) <= before, "nothing moves others back");
}

static void step(struct choices *choices, struct workqueue *queue, struct model *model,
                 int64_t *now)
{
    unsigned key = choose(choices, KEYS);
    switch (choose(choices, 7)) {
    case 0:
        add(queue, model, key, WORKQUEUE_NORMAL, *now);
        break;
    case 1:
        add(queue, model, key, WORKQUEUE_BACKGROUND, *now);
        break;
    case 2:
        add_after(queue, model, key, choose(choices, 100), *now);
        break;
    case 3:
        fail(queue, model, key, *now);
        break;
    case 4:
        workqueue_forget(queue, keys[key]);
        model->failures[key] = 0;
        break;
    case 5:
        take(queue, model, *now);
        break;
    default:
        done(queue, model, key, *now);
        *now += choose(choices, 50);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct choices choices = {data, data + size};
    struct workqueue *queue = workqueue_new();
    struct model model = {.failures = {0}};
    for (unsigned i = 0; i < KEYS; i++)
        model.due[i] = NOBODY;
    int64_t now = 1000;
    while (choices.at < choices.end)
        step(&choices, queue, &model, &now);
    /* In the end everything that was asked for comes out. */
    now += 1000000;
    for (unsigned i = 0; i < 2 * KEYS; i++) {
        for (unsigned j = 0; j < KEYS; j++)
            done(queue, &model, j, now);
        take(queue, &model, now);
    }
    for (unsigned i = 0; i < KEYS; i++)
        expect(!model.ready[i] && model.due[i] == NOBODY, "nothing is lost");
    workqueue_free(queue);
    return 0;
}
