/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plays schedules: a range of seeds, or one seed again with its story.
 */
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/mem.h"
#include "sim/sim_plan.h"

static const char usage[] =
    "usage: sim [--seed N] [--count N] [--seconds N] [--profile mixed|calm|stormy]\n"
    "           [--story] [--no-shrink] [--keep LIST] [--log debug|info]\n"
    "           [--crash N:before|N:after]\n"
    "  --seed N      the first seed (0)\n"
    "  --count N     how many (1)\n"
    "  --seconds N   as many as fit into this time instead\n"
    "  --story       print what happens\n"
    "  --keep LIST   only these steps of the plan, by number, commas between\n"
    "  --crash N:…   killed at the N-th write\n";

struct arguments {
    uint64_t seed;
    uint64_t count;
    int64_t seconds;
    enum sim_profile profile;
    const char *profile_name;
    bool story;
    bool shrink;
    const char *keep;
    uint64_t crash_at;
    bool crash_after;
};

/* For whom the process dies of: a sanitizer's finding, a failed assertion. */
static uint64_t seed_at_hand;

static void say_seed(void)
{
    char text[64];
    int length = snprintf(text, sizeof(text), "died in seed %" PRIu64 "\n", seed_at_hand);
    if (fwrite(text, 1, (size_t)length, stdout) > 0)
        fflush(stdout);
}

static void on_abort(int number)
{
    (void)number;
    say_seed();
    signal(SIGABRT, SIG_DFL);
    raise(SIGABRT);
}

void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void keep_only(struct sim_plan *plan, const char *list)
{
    for (size_t i = 0; i < plan->count; i++)
        plan->steps[i].is_left_out = true;
    while (*list) {
        char *end;
        unsigned long number = strtoul(list, &end, 10);
        if (number < plan->count)
            plan->steps[number].is_left_out = false;
        list = *end ? end + 1 : end;
    }
}

static void print_plan(const struct sim_plan *plan)
{
    CLEANUP(buf_fini) struct buf text;
    buf_init(&text, BUF_UNLIMITED);
    printf("  %u gateways, %u of the edge%s%s%s; latency up to %lld ms%s\n",
           plan->options.pods[SIM_DEFAULT], plan->options.pods[SIM_EDGE],
           plan->options.namespaced ? "; single namespaces" : "",
           plan->options.fixed ? "; fixed addresses" : "", plan->options.splits ? "; splits" : "",
           (long long)plan->latency_ms, plan->in_turn ? "; each step waits for rest" : "");
    for (size_t i = 0; i < plan->count; i++) {
        if (plan->steps[i].is_left_out)
            continue;
        buf_clear(&text);
        sim_step_describe(&plan->steps[i], &text);
        printf("  %3zu  %9.3f  %s\n", i, (double)plan->steps[i].at_ms / 1000, buf_text(&text));
    }
}

static void print_again(const struct arguments *arguments, const struct sim_plan *plan)
{
    printf("again: sim --seed %" PRIu64 " --profile %s --story --keep ", plan->seed,
           arguments->profile_name);
    const char *separator = "";
    for (size_t i = 0; i < plan->count; i++) {
        if (!plan->steps[i].is_left_out) {
            printf("%s%zu", separator, i);
            separator = ",";
        }
    }
    if (plan->crash_at)
        printf(" --crash %" PRIu64 ":%s", plan->crash_at, plan->crash_after ? "after" : "before");
    printf("\n");
}

static void report(const struct arguments *arguments, struct sim_plan *plan,
                   struct sim_verdict *verdict)
{
    printf("FAILED seed %" PRIu64 ": %s: %s\n", plan->seed, verdict->oracle, verdict->text);
    if (arguments->shrink) {
        unsigned tries;
        sim_shrink(plan, verdict, &tries);
        sim_verdict_fini(verdict);
        sim_play(plan, true, verdict);
        printf("shrunk in %u runs: %s: %s\n", tries, verdict->oracle, verdict->text);
    }
    print_plan(plan);
    print_again(arguments, plan);
    if (arguments->story && verdict->story)
        printf("%s", verdict->story);
    fflush(stdout);
}

static bool play(const struct arguments *arguments, uint64_t seed, uint64_t *requests)
{
    struct sim_plan plan;
    struct sim_verdict verdict;
    seed_at_hand = seed;
    sim_plan_make(&plan, seed, arguments->profile);
    plan.crash_at = arguments->crash_at;
    plan.crash_after = arguments->crash_after;
    if (arguments->keep)
        keep_only(&plan, arguments->keep);
    sim_play(&plan, arguments->story, &verdict);
    *requests += verdict.requests;
    bool failed = verdict.failed;
    if (failed)
        report(arguments, &plan, &verdict);
    else if (arguments->story)
        printf("%s", verdict.story);
    sim_verdict_fini(&verdict);
    sim_plan_fini(&plan);
    return !failed;
}

static bool read_arguments(int argc, char **argv, struct arguments *arguments)
{
    static const struct option options[] = {
        {"seed", required_argument, NULL, 's'},    {"count", required_argument, NULL, 'c'},
        {"seconds", required_argument, NULL, 't'}, {"profile", required_argument, NULL, 'p'},
        {"story", no_argument, NULL, 'y'},         {"no-shrink", no_argument, NULL, 'n'},
        {"keep", required_argument, NULL, 'k'},    {"log", required_argument, NULL, 'l'},
        {"crash", required_argument, NULL, 'x'},   {NULL, 0, NULL, 0},
    };
    static const char *const profiles[] = {"mixed", "calm", "stormy"};
    enum log_level level = LOG_LEVEL_INFO;
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
        switch (option) {
        case 's':
            arguments->seed = strtoull(optarg, NULL, 10);
            break;
        case 'c':
            arguments->count = strtoull(optarg, NULL, 10);
            break;
        case 't':
            arguments->seconds = strtoll(optarg, NULL, 10);
            break;
        case 'p':
            for (size_t i = 0; i < ARRAY_LENGTH(profiles); i++) {
                if (strcmp(profiles[i], optarg) == 0) {
                    arguments->profile = (enum sim_profile)i;
                    arguments->profile_name = profiles[i];
                }
            }
            break;
        case 'y':
            arguments->story = true;
            break;
        case 'n':
            arguments->shrink = false;
            break;
        case 'k':
            arguments->keep = optarg;
            break;
        case 'l':
            (void)log_level_from_name(optarg, &level);
            break;
        case 'x':
            arguments->crash_at = strtoull(optarg, NULL, 10);
            arguments->crash_after = strstr(optarg, "after") != NULL;
            break;
        default:
            return false;
        }
    }
    log_setup(level, false);
    return optind == argc;
}

int main(int argc, char **argv)
{
    struct arguments arguments = {.count = 1, .shrink = true, .profile_name = "mixed"};
    if (!read_arguments(argc, argv, &arguments)) {
        fputs(usage, stderr);
        return 2;
    }
    if (__sanitizer_set_death_callback)
        __sanitizer_set_death_callback(say_seed);
    signal(SIGABRT, on_abort);
    double began = now();
    uint64_t played = 0;
    uint64_t failed = 0;
    uint64_t requests = 0;
    for (uint64_t seed = arguments.seed;; seed++) {
        bool more = arguments.seconds ? now() - began < (double)arguments.seconds
                                      : played < arguments.count;
        if (!more || failed >= 10)
            break;
        failed += !play(&arguments, seed, &requests);
        played++;
    }
    double took = now() - began;
    printf("%" PRIu64 " schedules, %" PRIu64 " failed; %" PRIu64 " requests; %.1f s, %.0f "
           "schedules/s\n",
           played, failed, requests, took, (double)played / took);
    return failed ? 1 : 0;
}
