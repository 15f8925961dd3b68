/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/sim_plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "sim/sim_make.h"

static void add_step(struct sim_plan *plan, enum sim_action action, int64_t at_ms, int64_t lasts_ms,
                     struct sim_random *random)
{
    plan->steps = xgrow(plan->steps, plan->count, &plan->capacity, sizeof(*plan->steps));
    plan->steps[plan->count++] = (struct sim_step){
        .action = action, .at_ms = at_ms, .lasts_ms = lasts_ms, .salt = sim_random_next(random)};
}

/* How likely each thing is that users do, of a hundred and twenty or so. */
static enum sim_action choose_action(struct sim_random *random)
{
    static const struct {
        enum sim_action action;
        uint8_t weight;
    } table[] = {
        {SIM_PUT_API, 30},         {SIM_DELETE_API, 8},      {SIM_BREAK_API, 3},
        {SIM_PUT_WEBHOOK, 18},     {SIM_DELETE_WEBHOOK, 10}, {SIM_REPLACE_WEBHOOK, 5},
        {SIM_PERMIT, 5},           {SIM_PUT_SECRET, 6},      {SIM_DELETE_SECRET, 3},
        {SIM_PUT_CONTEXT, 5},      {SIM_DELETE_CONTEXT, 2},  {SIM_LABEL_NAMESPACE, 2},
        {SIM_STRIP_FINALIZERS, 1}, {SIM_HOLD_API, 2},        {SIM_RECREATE_API, 2},
        {SIM_FOREIGN, 3},          {SIM_EDIT_DEFINITION, 2}, {SIM_DROP_DEFINITION, 2},
        {SIM_ADD_POD, 3},          {SIM_REMOVE_POD, 2},      {SIM_FLIP_POD, 2},
        {SIM_DELETE_NAMESPACE, 1}, {SIM_CYCLE_CRD, 1},       {SIM_BACK_UP, 1},
        {SIM_RESTORE, 1},
    };
    unsigned sum = 0;
    for (size_t i = 0; i < ARRAY_LENGTH(table); i++)
        sum += table[i].weight;
    uint32_t number = sim_random_below(random, sum);
    for (size_t i = 0;; i++) {
        if (number < table[i].weight)
            return table[i].action;
        number -= table[i].weight;
    }
}

static int64_t duration_of(enum sim_action action, struct sim_random *random)
{
    switch ((int)action) {
    case SIM_BREAK_API:
    case SIM_HOLD_API:
    case SIM_FLIP_POD:
        return sim_random_between(random, 100, 20000);
    case SIM_CYCLE_CRD:
        return sim_random_between(random, 1000, 30000);
    case SIM_CRASH:
    case SIM_CRASH_AT_WRITE:
        return sim_random_between(random, 1, 15000);
    default:
        if (action <= SIM_LAST_CLUSTER_ACTION)
            return 0;
        /* Some are short, some longer than any grace or time-out. */
        return sim_random_chance(random, 500) ? sim_random_between(random, 10, 3000)
                                              : sim_random_between(random, 3000, 70000);
    }
}

static void add_workload(struct sim_plan *plan, struct sim_random *random, unsigned count,
                         int64_t gap_ms)
{
    int64_t at = sim_random_chance(random, 300) ? 0 : 1500;
    for (unsigned i = 0; i < count; i++) {
        enum sim_action action = choose_action(random);
        add_step(plan, action, at, duration_of(action, random), random);
        /* Now and then several things at once. */
        if (!sim_random_chance(random, 250))
            at += sim_random_between(random, 0, gap_ms);
    }
}

static void add_misfortunes(struct sim_plan *plan, struct sim_random *random, unsigned count)
{
    int64_t last = plan->count ? plan->steps[plan->count - 1].at_ms : 0;
    for (unsigned i = 0; i < count; i++) {
        enum sim_action action = (enum sim_action)(
            SIM_LAST_CLUSTER_ACTION + 1 +
            sim_random_below(random, SIM_ACTION_COUNT - SIM_LAST_CLUSTER_ACTION - 1));
        add_step(plan, action, sim_random_between(random, 0, last + 3000),
                 duration_of(action, random), random);
    }
}

static int by_time(const void *a, const void *b)
{
    const struct sim_step *left = a;
    const struct sim_step *right = b;
    if (left->at_ms != right->at_ms)
        return left->at_ms < right->at_ms ? -1 : 1;
    return left->salt < right->salt ? -1 : left->salt > right->salt;
}

static void put_in_order(struct sim_plan *plan)
{
    qsort(plan->steps, plan->count, sizeof(*plan->steps), by_time);
    for (size_t i = 0; i < plan->count; i++)
        plan->steps[i].version = (unsigned)i + 1;
}

/* ---- brief ones ---- */

/* Most faults of order need no more than two objects of a kind and a few events. */
static bool is_of_few(enum sim_action action, uint64_t salt)
{
    static const char *const keys[] = {"a/p0", "b/p0",       "a/w0",    "grapnel/w2",
                                       "a/s0", "grapnel/s0", "tyk/edge"};
    const char *key = sim_step_key(&(struct sim_step){.action = action, .salt = salt});
    for (size_t i = 0; key && i < ARRAY_LENGTH(keys); i++) {
        if (strcmp(key, keys[i]) == 0)
            return true;
    }
    return !key;
}

static void add_brief_step(struct sim_plan *plan, struct sim_random *random, enum sim_action action,
                           int64_t at)
{
    add_step(plan, action, at, duration_of(action, random), random);
    struct sim_step *step = &plan->steps[plan->count - 1];
    while (!is_of_few(action, step->salt))
        step->salt = sim_random_next(random);
    step->scope = SIM_FEW_WEBHOOKS | (plan->options.pods[SIM_EDGE] ? 0 : SIM_FEW_CONTEXTS);
}

/* Something that is worth being disturbed: an ApiDefinition, mostly with a Webhook. Returns when
 * it is there. */
static int64_t add_opening(struct sim_plan *plan, struct sim_random *random)
{
    int64_t at = sim_random_chance(random, 500) ? 0 : 1500;
    int64_t gap = sim_random_chance(random, 500) ? 0 : sim_random_between(random, 1, 3000);
    bool api_first = sim_random_chance(random, 300);
    if (plan->options.pods[SIM_EDGE])
        add_brief_step(plan, random, SIM_PUT_CONTEXT, at);
    if (!sim_random_chance(random, 850)) {
        add_brief_step(plan, random, SIM_PUT_API, at);
        return at;
    }
    add_brief_step(plan, random, api_first ? SIM_PUT_API : SIM_PUT_WEBHOOK, at);
    add_brief_step(plan, random, api_first ? SIM_PUT_WEBHOOK : SIM_PUT_API, at + gap);
    return at + gap;
}

static void make_brief(struct sim_plan *plan, struct sim_random *random)
{
    struct sim_options *options = &plan->options;
    options->pods[SIM_DEFAULT] = sim_random_chance(random, 200) ? 2 : 1;
    options->pods[SIM_EDGE] = sim_random_chance(random, 150) ? 1 : 0;
    options->elect = sim_random_chance(random, 60);
    if (!sim_random_chance(random, 300))
        options->open_max = 0;
    plan->latency_ms = sim_random_chance(random, 900) ? 2 : 300;
    plan->in_turn = sim_random_chance(random, 100);
    plan->quiet_ms = sim_random_chance(random, 60) ? 21000 : 0;
    static const int64_t gaps[] = {50, 1000, 8000};
    int64_t gap = gaps[sim_random_below(random, ARRAY_LENGTH(gaps))];
    int64_t at = add_opening(plan, random);
    unsigned count = 1 + sim_random_below(random, 2);
    for (unsigned i = 0; i < count; i++) {
        at += sim_random_between(random, 0, gap);
        add_brief_step(plan, random, choose_action(random), at);
    }
    add_misfortunes(plan, random, sim_random_below(random, 2));
}

void sim_plan_make(struct sim_plan *plan, uint64_t seed, enum sim_profile profile)
{
    struct sim_random random = sim_random_of(seed, 30);
    *plan = (struct sim_plan){.seed = seed};
    plan->options = (struct sim_options){
        .seed = seed,
        .pods = {1 + sim_random_below(&random, 3), 1 + sim_random_below(&random, 2)},
        .namespaced = sim_random_chance(&random, 250),
        .fixed = sim_random_chance(&random, 150),
        .page_max = sim_random_chance(&random, 400) ? 1 + sim_random_below(&random, 3) : 0,
        .splits = sim_random_chance(&random, 300),
        .open_max = sim_random_chance(&random, 300) ? 1 + sim_random_below(&random, 6000) : 0,
        .slow_permille = sim_random_chance(&random, 300) ? sim_random_below(&random, 300) : 0,
    };
    plan->options.elect = profile != SIM_CALM && sim_random_chance(&random, 200);
    plan->latency_ms = sim_random_chance(&random, 800) ? 2 : 300;
    plan->in_turn = profile == SIM_CALM || sim_random_chance(&random, 150);
    plan->calms_down = profile == SIM_CALM;
    uint32_t patience = sim_random_below(&random, 100);
    plan->quiet_ms = patience < 3 ? 1300000 : patience < 30 ? 65000 : 21000;
    if (profile == SIM_BRIEF) {
        make_brief(plan, &random);
        put_in_order(plan);
        return;
    }
    unsigned steps = 3 + sim_random_below(&random, profile == SIM_CALM ? 8 : 20);
    static const int64_t gaps[] = {50, 1000, 8000, 40000};
    add_workload(plan, &random, steps, gaps[sim_random_below(&random, 4)]);
    if (profile != SIM_CALM) {
        unsigned most = profile == SIM_STORMY ? 14 : 5;
        add_misfortunes(plan, &random, sim_random_below(&random, most + 1));
    }
    put_in_order(plan);
}

void sim_plan_fini(struct sim_plan *plan)
{
    free(plan->steps);
    *plan = (struct sim_plan){.seed = 0};
}

/* ---- shrinking ---- */

static bool still_fails(const struct sim_plan *plan, const struct sim_verdict *wanted)
{
    struct sim_verdict verdict;
    sim_play(plan, false, &verdict);
    bool same = verdict.failed && strcmp(verdict.oracle, wanted->oracle) == 0;
    sim_verdict_fini(&verdict);
    return same;
}

/* Leaves out `length` steps from `from` on, if it fails without them too. */
static bool try_without(struct sim_plan *plan, const struct sim_verdict *wanted, size_t from,
                        size_t length, unsigned *tries)
{
    bool before[512];
    bool any = false;
    for (size_t i = 0; i < length && from + i < plan->count; i++) {
        before[i] = plan->steps[from + i].is_left_out;
        any |= !before[i];
        plan->steps[from + i].is_left_out = true;
    }
    if (!any)
        return false;
    ++*tries;
    if (still_fails(plan, wanted))
        return true;
    for (size_t i = 0; i < length && from + i < plan->count; i++)
        plan->steps[from + i].is_left_out = before[i];
    return false;
}

void sim_plan_simplify(struct sim_plan *plan, unsigned plain)
{
    plan->plain |= plain;
    if (plain & SIM_PLAIN_WHOLE) {
        plan->options.splits = false;
        plan->options.page_max = 0;
    }
    if (plain & SIM_PLAIN_PROMPT)
        plan->options.slow_permille = 0;
    if (plain & SIM_PLAIN_ONE_POD)
        plan->options.pods[SIM_DEFAULT] = plan->options.pods[SIM_EDGE] = 1;
}

/* Makes the world simpler, if it still fails. */
static void simplify(struct sim_plan *plan, const struct sim_verdict *wanted, unsigned *tries)
{
    for (unsigned plain = 1; plain < SIM_PLAIN_ALL; plain *= 2) {
        struct sim_plan before = *plan;
        sim_plan_simplify(plan, plain);
        ++*tries;
        if (!still_fails(plan, wanted))
            *plan = before;
    }
}

void sim_shrink(struct sim_plan *plan, const struct sim_verdict *verdict, unsigned *ret_tries)
{
    *ret_tries = 0;
    for (size_t length = plan->count / 2; length >= 1; length /= 2) {
        for (size_t from = 0; from < plan->count; from += length)
            (void)try_without(plan, verdict, from, length, ret_tries);
    }
    simplify(plan, verdict, ret_tries);
    bool changed = true;
    while (changed) {
        changed = false;
        for (size_t i = 0; i < plan->count; i++)
            changed |= try_without(plan, verdict, i, 1, ret_tries);
    }
}
