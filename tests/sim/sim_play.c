/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "sim/sim_end.h"
#include "sim/sim_oracle.h"
#include "sim/sim_plan.h"

/* When nothing disturbs it any more, everything has to be as it should within this: a watch that is
 * ahead of its server may stand for ten minutes before anybody asks. */
#define REST_MS 700000
#define REST_STEP_MS 5000
#define CRASH_RESTART_MS 2000

struct play {
    const struct sim_plan *plan;
    struct sim *sim;
};

struct moment {
    struct sim *sim;
    const struct sim_step *step;
    struct sim_pod *pod; /* that it has struck */
};

static void on_end(void *arg)
{
    struct moment moment = *(struct moment *)arg;
    free(arg);
    sim_step_end(moment.sim, moment.step, moment.pod);
}

static void begin(struct sim *sim, const struct sim_step *step)
{
    struct sim_pod *pod = sim_step_begin(sim, step);
    if (!step->lasts_ms || step->action == SIM_CRASH_AT_WRITE)
        return;
    struct moment *moment = xcalloc(1, sizeof(*moment));
    *moment = (struct moment){sim, step, pod};
    sim_after(sim->time, step->lasts_ms * 1000, on_end, free, moment);
}

/* Lets time pass until everything is as it should be; fails when it does not come about. */
void sim_await_rest(struct sim *sim)
{
    CLEANUP(buf_fini) struct buf why;
    buf_init(&why, BUF_UNLIMITED);
    for (int64_t waited = 0; !sim->failed; waited += REST_STEP_MS) {
        buf_clear(&why);
        if (sim_oracle_at_rest(sim->oracle, &why))
            return;
        if (waited >= REST_MS) {
            const char *text = buf_text(&why);
            size_t rule = strcspn(text, ":");
            char name[32];
            snprintf(name, sizeof(name), "rest-%.*s", (int)(rule < 20 ? rule : 20), text);
            sim_fail(sim, name, "after %d s%s", REST_MS / 1000, text + rule);
            return;
        }
        sim_run(sim, REST_STEP_MS);
    }
}

/* What is underway or put off when the last thing is as it should be comes to its end first: specs
 * are rewritten after 30 s, a status follows its gateways within 120 s, and a change that an outage
 * has hidden may be read 45 s late. */
#define LINGER_MS 180000

void sim_check_quiet(struct sim *sim, int64_t quiet_ms)
{
    uint64_t writes = 0;
    unsigned kills = 0;
    /* One that is killed meanwhile, by a trap that is still set, begins anew. */
    do {
        if (sim->failed)
            return;
        kills = sim_oracle_kills(sim->oracle);
        sim_run(sim, LINGER_MS);
        uint64_t before = sim_oracle_writes(sim->oracle);
        sim_say(sim, "all is at rest");
        sim_run(sim, quiet_ms);
        writes = sim_oracle_writes(sim->oracle) - before;
    } while (sim_oracle_kills(sim->oracle) != kills);
    if (writes && !sim_oracle_is_contested(sim->oracle))
        sim_fail(sim, "quiet", "%llu writes in %lld s in which nothing has changed",
                 (unsigned long long)writes, (long long)quiet_ms / 1000);
    sim_await_rest(sim);
}

static void on_restart(void *arg)
{
    sim_start_all(arg);
}

static void on_crash(void *arg, const char *client)
{
    struct sim *sim = arg;
    sim_operator_mark_killed(sim->operators[sim_number_of(client)]);
    sim_after(sim->time, INT64_C(1000) * CRASH_RESTART_MS, on_restart, NULL, sim);
}

static void play_steps(struct play *play)
{
    struct sim *sim = play->sim;
    const struct sim_plan *plan = play->plan;
    int64_t began = sim_now_ms(sim->time);
    for (size_t i = 0; i < plan->count && !sim->failed; i++) {
        const struct sim_step *step = &plan->steps[i];
        if (step->is_left_out)
            continue;
        int64_t left = began + step->at_ms - sim_now_ms(sim->time);
        if (plan->in_turn && i) {
            sim_run(sim, plan->steps[i - 1].lasts_ms);
            sim_await_rest(sim);
            if (plan->calms_down) {
                sim_run(sim, LINGER_MS);
                sim_await_rest(sim);
            }
        } else if (left > 0) {
            sim_run(sim, left);
        }
        if (!sim->failed)
            begin(sim, step);
    }
    int64_t longest = 0;
    for (size_t i = 0; i < plan->count; i++) {
        int64_t ends = began + plan->steps[i].at_ms + plan->steps[i].lasts_ms;
        if (!plan->steps[i].is_left_out && ends > longest)
            longest = ends;
    }
    if (longest > sim_now_ms(sim->time))
        sim_run(sim, longest - sim_now_ms(sim->time) + 1);
}

void sim_play(const struct sim_plan *plan, bool story, struct sim_verdict *ret_verdict)
{
    struct sim_options options = plan->options;
    options.story = story;
    struct sim *sim = sim_new(&options);
    struct play play = {plan, sim};
    sim_net_set_latency(sim->net, 100, plan->latency_ms * 1000);
    if (plan->crash_at)
        sim_oracle_at_write(sim->oracle, plan->crash_at, plan->crash_after, plan->crash_of_requests,
                            on_crash, sim);
    sim_start_all(sim);
    play_steps(&play);
    if (!sim->failed) {
        sim_say(sim, "everything is healed");
        sim_heal(sim);
        sim_run(sim, 1000);
        sim_await_rest(sim);
        if (plan->quiet_ms)
            sim_check_quiet(sim, plan->quiet_ms);
    }
    CLEANUP(buf_fini) struct buf end;
    buf_init(&end, BUF_UNLIMITED);
    if (plan->tells_end)
        sim_end_state(sim, &end);
    for (unsigned i = 0; i < SIM_OPERATORS_MAX; i++)
        sim_kill(sim, i);
    *ret_verdict = (struct sim_verdict){
        .failed = sim->failed,
        .writes = sim_oracle_writes(sim->oracle),
        .requests = sim_net_requests(sim->net),
        .lasted_ms = sim_now_ms(sim->time),
        .end = plan->tells_end ? buf_take(&end) : NULL,
    };
    snprintf(ret_verdict->oracle, sizeof(ret_verdict->oracle), "%s", sim->oracle_name);
    snprintf(ret_verdict->text, sizeof(ret_verdict->text), "%s", sim->failure);
    if (story)
        ret_verdict->story = buf_take(&sim->story);
    sim_free(sim);
}

void sim_verdict_fini(struct sim_verdict *verdict)
{
    free(verdict->story);
    free(verdict->end);
    *verdict = (struct sim_verdict){.failed = false};
}
