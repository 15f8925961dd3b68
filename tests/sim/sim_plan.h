/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "sim/sim_act.h"

/*
 * A schedule, as it follows from a seed: what the cluster is like, what users do and what goes
 * wrong, each at its time. And what playing it comes to.
 */
struct sim_plan {
    uint64_t seed;
    struct sim_options options;
    int64_t latency_ms; /* of one way, at most */
    bool in_turn;       /* each step waits until everything is at rest */
    int64_t quiet_ms;   /* how long nothing may be written at the end; 0: that is not looked at */
    bool calms_down;    /* between steps too, what is put off comes to its end */
    unsigned plain;     /* SIM_PLAIN_…: in what the world is simpler than the seed has it */
    struct sim_step *steps;
    size_t count;
    size_t capacity;
    /* A crash at the n-th external write (or request of any kind), before it leaves or after it is
     * obeyed; 0: none. */
    uint64_t crash_at;
    bool crash_after;
    bool crash_of_requests;
    bool tells_end; /* the end state is to be compared with another */
};

enum { SIM_PLAIN_WHOLE = 1, SIM_PLAIN_PROMPT = 2, SIM_PLAIN_ONE_POD = 4, SIM_PLAIN_ALL = 7 };

enum sim_profile {
    SIM_MIXED,  /* everything */
    SIM_CALM,   /* users only, nothing goes wrong, in turn: for counting writes */
    SIM_STORMY, /* much goes wrong at once */
    SIM_BRIEF,  /* few objects, few steps, one or two things that go wrong: many in a second */
};

void sim_plan_make(struct sim_plan *plan, uint64_t seed, enum sim_profile profile);
void sim_plan_fini(struct sim_plan *plan);
void sim_plan_simplify(struct sim_plan *plan, unsigned plain);

/* Lets time pass until everything is as it should be; a rule is broken when it does not come about.
 */
void sim_await_rest(struct sim *sim);
/* Lets what is put off come to its end, and sees that nothing is written for so long then. */
void sim_check_quiet(struct sim *sim, int64_t quiet_ms);

struct sim_verdict {
    bool failed;
    char oracle[32];
    char text[2048];
    uint64_t writes; /* external ones */
    uint64_t requests;
    int64_t lasted_ms; /* of virtual time */
    char *story;       /* owned; NULL: not asked for */
    char *end;         /* owned: the end state without what differs from run to run; NULL: not
                          asked for */
};
/* Plays it from the beginning to the end; the same plan comes to the same verdict. */
void sim_play(const struct sim_plan *plan, bool story, struct sim_verdict *ret_verdict);
void sim_verdict_fini(struct sim_verdict *verdict);
/* Leaves out of a plan that fails whatever it fails without (by the same rule). */
void sim_shrink(struct sim_plan *plan, const struct sim_verdict *verdict, unsigned *ret_tries);
