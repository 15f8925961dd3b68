/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plays schedules: a range of seeds, or one seed again with its story; or a workload once more for
 * each of its external writes, killed there.
 */
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "sim/sim_end.h"
#include "sim/sim_plan.h"

#define JOBS_MAX 64

static const char usage[] =
    "usage: grapnel-sim [--seed N] [--runs N | --seconds N] [--jobs N] [--profile "
    "mixed|calm|stormy|brief]\n"
    "                   [--crash-points] [--shrink | --no-shrink] [--story]\n"
    "  --seed N        the first seed (0)\n"
    "  --runs N        how many (1)\n"
    "  --seconds N     as many as fit into this time instead\n"
    "  --jobs N        N processes share the seeds (1)\n"
    "  --profile P     mixed: everything; calm: users only, one step after the other;\n"
    "                  stormy: much goes wrong at once; brief: few objects, few steps\n"
    "  --crash-points  calm workloads, each once more for every external write: killed before it\n"
    "                  leaves, and when it is obeyed and not answered; the end must be the same\n"
    "  --shrink        leave out of a schedule that fails what it fails without (the default)\n"
    "  --fail-fast     end at the first failure, not at the tenth\n"
    "  --story         print what happens\n"
    "a schedule that failed, again and exactly (as it is printed then):\n"
    "  --keep LIST     only these steps, by number, commas between\n"
    "  --plain N       the world made simpler: sum of 1 (whole answers), 2 (no slow process), 4\n"
    "                  (one pod each)\n"
    "  --crash N:before|N:after   killed at the N-th external write\n"
    "  --log LEVEL     of the controller (info)\n";

struct arguments {
    uint64_t seed;
    uint64_t runs;
    int64_t seconds;
    unsigned jobs;
    enum sim_profile profile;
    const char *profile_name;
    bool crash_points;
    bool story;
    bool shrink;
    bool fail_fast;
    const char *keep;
    unsigned plain;
    uint64_t crash_at;
    bool crash_after;
};

/* What has been played so far. */
struct tally {
    uint64_t seeds;
    uint64_t runs;
    uint64_t failed;
    uint64_t requests;
    uint64_t writes;
    int64_t virtual_ms;
};

/* For whom the process dies of: a sanitizer's finding, a failed assertion. */
static uint64_t seed_at_hand;

/* NOLINTBEGIN(bugprone-signal-handler): the process is at its end, and has one thread */
static void say_seed(void)
{
    char text[64];
    int length = snprintf(text, sizeof(text), "died in seed %" PRIu64 "\n", seed_at_hand);
    if (fwrite(text, 1, (size_t)length, stdout) > 0)
        fflush(stdout);
}
/* NOLINTEND(bugprone-signal-handler) */

static void on_abort(int number)
{
    (void)number;
    say_seed();
    signal(SIGABRT, SIG_DFL);
    raise(SIGABRT);
}

/* NOLINTNEXTLINE(bugprone-reserved-identifier,readability-identifier-naming): its own name */
void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static double seconds_of(const struct timeval *time)
{
    return (double)time->tv_sec + (double)time->tv_usec / 1e6;
}

/* Of this process and of those that it has started. */
static double cpu(void)
{
    static const int whose[] = {RUSAGE_SELF, RUSAGE_CHILDREN};
    double sum = 0;
    for (size_t i = 0; i < ARRAY_LENGTH(whose); i++) {
        struct rusage used;
        getrusage(whose[i], &used);
        sum += seconds_of(&used.ru_utime) + seconds_of(&used.ru_stime);
    }
    return sum;
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
    printf("  %u gateways, %u of the edge%s%s%s%s; latency up to %lld ms%s\n",
           plan->options.pods[SIM_DEFAULT], plan->options.pods[SIM_EDGE],
           plan->options.namespaced ? "; single namespaces" : "",
           plan->options.fixed   ? "; fixed addresses"
           : plan->options.elect ? "; two replicas"
                                 : "",
           plan->options.splits ? "; splits" : "",
           plan->options.slow_permille ? "; slow process" : "", (long long)plan->latency_ms,
           plan->in_turn ? "; each step waits for rest" : "");
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
    printf("again: grapnel-sim --seed %" PRIu64 " --profile %s --story --no-shrink --keep ",
           plan->seed, arguments->profile_name);
    const char *separator = "";
    for (size_t i = 0; i < plan->count; i++) {
        if (!plan->steps[i].is_left_out) {
            printf("%s%zu", separator, i);
            separator = ",";
        }
    }
    if (plan->plain)
        printf(" --plain %u", plan->plain);
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
        struct sim_verdict shrunk;
        sim_shrink(plan, verdict, &tries);
        sim_play(plan, true, &shrunk);
        sim_verdict_fini(verdict);
        *verdict = shrunk;
        printf("shrunk in %u runs: %s: %s\n", tries, verdict->oracle, verdict->text);
    }
    print_plan(plan);
    print_again(arguments, plan);
    if (arguments->story && verdict->story)
        printf("%s", verdict->story);
    fflush(stdout);
}

static void count(struct tally *tally, const struct sim_verdict *verdict)
{
    tally->runs++;
    tally->failed += verdict->failed;
    tally->requests += verdict->requests;
    tally->writes += verdict->writes;
    tally->virtual_ms += verdict->lasted_ms;
}

static void make_plan(const struct arguments *arguments, uint64_t seed, struct sim_plan *plan)
{
    seed_at_hand = seed;
    sim_plan_make(plan, seed, arguments->profile);
    sim_plan_simplify(plan, arguments->plain);
    plan->crash_at = arguments->crash_at;
    plan->crash_after = arguments->crash_after;
    plan->tells_end = arguments->crash_points;
    if (arguments->keep)
        keep_only(plan, arguments->keep);
}

static void play(const struct arguments *arguments, uint64_t seed, struct tally *tally)
{
    struct sim_plan plan;
    struct sim_verdict verdict;
    make_plan(arguments, seed, &plan);
    sim_play(&plan, arguments->story, &verdict);
    count(tally, &verdict);
    if (verdict.failed)
        report(arguments, &plan, &verdict);
    else if (arguments->story)
        printf("%s", verdict.story);
    sim_verdict_fini(&verdict);
    sim_plan_fini(&plan);
}

/* Killed at one write; the end has to be that of the run without. */
static bool play_crash(const struct arguments *arguments, struct sim_plan *plan, const char *end,
                       struct tally *tally)
{
    struct sim_verdict verdict;
    sim_play(plan, false, &verdict);
    CLEANUP(buf_fini) struct buf difference;
    buf_init(&difference, BUF_UNLIMITED);
    if (!verdict.failed && !sim_end_equal(end, verdict.end, &difference)) {
        verdict.failed = true;
        snprintf(verdict.oracle, sizeof(verdict.oracle), "end");
        snprintf(verdict.text, sizeof(verdict.text), "the end is another: %s",
                 buf_text(&difference));
    }
    count(tally, &verdict);
    bool failed = verdict.failed;
    if (failed) {
        /* What differs at the end only does not show in a single run. */
        struct arguments quiet = *arguments;
        quiet.shrink = arguments->shrink && strcmp(verdict.oracle, "end") != 0;
        report(&quiet, plan, &verdict);
    }
    sim_verdict_fini(&verdict);
    return !failed;
}

static void play_crashes(const struct arguments *arguments, uint64_t seed, struct tally *tally)
{
    struct sim_plan plan;
    struct sim_verdict clean;
    make_plan(arguments, seed, &plan);
    sim_play(&plan, arguments->story, &clean);
    count(tally, &clean);
    if (clean.failed)
        report(arguments, &plan, &clean);
    bool fine = !clean.failed;
    for (uint64_t write = 1; fine && write <= clean.writes; write++) {
        for (unsigned after = 0; fine && after < 2; after++) {
            plan.crash_at = write;
            plan.crash_after = after;
            fine = play_crash(arguments, &plan, clean.end, tally);
        }
    }
    sim_verdict_fini(&clean);
    sim_plan_fini(&plan);
}

static void read_profile(struct arguments *arguments, const char *name)
{
    static const char *const profiles[] = {"mixed", "calm", "stormy", "brief"};
    for (size_t i = 0; i < ARRAY_LENGTH(profiles); i++) {
        if (strcmp(profiles[i], name) == 0) {
            arguments->profile = (enum sim_profile)i;
            arguments->profile_name = profiles[i];
        }
    }
}

static bool read_option(struct arguments *arguments, int option, enum log_level *level)
{
    switch (option) {
    case 's':
        arguments->seed = strtoull(optarg, NULL, 10);
        return true;
    case 'c':
        arguments->runs = strtoull(optarg, NULL, 10);
        return true;
    case 't':
        arguments->seconds = strtoll(optarg, NULL, 10);
        return true;
    case 'j':
        arguments->jobs = (unsigned)strtoul(optarg, NULL, 10);
        return arguments->jobs >= 1 && arguments->jobs <= JOBS_MAX;
    case 'p':
        read_profile(arguments, optarg);
        return true;
    case 'a':
        arguments->crash_points = true;
        read_profile(arguments, "calm");
        return true;
    case 'y':
        arguments->story = true;
        return true;
    case 'n':
    case 'h':
        arguments->shrink = option == 'h';
        return true;
    case 'f':
        arguments->fail_fast = true;
        return true;
    case 'k':
        arguments->keep = optarg;
        return true;
    case 'i':
        arguments->plain = (unsigned)strtoul(optarg, NULL, 10);
        return true;
    case 'l':
        (void)log_level_from_name(optarg, level);
        return true;
    case 'x':
        arguments->crash_at = strtoull(optarg, NULL, 10);
        arguments->crash_after = strstr(optarg, "after") != NULL;
        return true;
    default:
        return false;
    }
}

static bool read_arguments(int argc, char **argv, struct arguments *arguments)
{
    static const struct option options[] = {
        {"seed", required_argument, NULL, 's'},
        {"runs", required_argument, NULL, 'c'},
        {"seconds", required_argument, NULL, 't'},
        {"profile", required_argument, NULL, 'p'},
        {"crash-points", no_argument, NULL, 'a'},
        {"story", no_argument, NULL, 'y'},
        {"no-shrink", no_argument, NULL, 'n'},
        {"shrink", no_argument, NULL, 'h'},
        {"keep", required_argument, NULL, 'k'},
        {"plain", required_argument, NULL, 'i'},
        {"fail-fast", no_argument, NULL, 'f'},
        {"log", required_argument, NULL, 'l'},
        {"crash", required_argument, NULL, 'x'},
        {"jobs", required_argument, NULL, 'j'},
        {NULL, 0, NULL, 0},
    };
    enum log_level level = LOG_LEVEL_INFO;
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
        if (!read_option(arguments, option, &level))
            return false;
    }
    log_setup(level, false);
    return optind == argc;
}

#define FAILURES_MAX 10

/* What all processes have played together. Each writes its own only; what is read of the others
 * may be a little late. */
static struct tally sum_of(const struct tally *tallies, unsigned jobs)
{
    struct tally sum = {0};
    for (unsigned i = 0; i < jobs; i++) {
        sum.seeds += tallies[i].seeds;
        sum.runs += tallies[i].runs;
        sum.failed += tallies[i].failed;
        sum.requests += tallies[i].requests;
        sum.writes += tallies[i].writes;
        sum.virtual_ms += tallies[i].virtual_ms;
    }
    return sum;
}

/* Every jobs-th seed, from the number-th on. */
static void play_share(const struct arguments *arguments, struct tally *tallies, unsigned number)
{
    double began = now();
    uint64_t failures = arguments->fail_fast ? 1 : FAILURES_MAX;
    for (uint64_t played = number;; played += arguments->jobs) {
        bool more = arguments->seconds ? now() - began < (double)arguments->seconds
                                       : played < arguments->runs;
        if (!more || sum_of(tallies, arguments->jobs).failed >= failures)
            break;
        if (arguments->crash_points)
            play_crashes(arguments, arguments->seed + played, &tallies[number]);
        else
            play(arguments, arguments->seed + played, &tallies[number]);
        tallies[number].seeds++;
    }
}

/* False: one of the processes has died. */
static bool play_all(const struct arguments *arguments, struct tally *tallies)
{
    if (arguments->jobs == 1) {
        play_share(arguments, tallies, 0);
        return true;
    }
    for (unsigned i = 0; i < arguments->jobs; i++) {
        pid_t child = fork();
        if (child < 0)
            return false;
        if (child == 0) {
            /* A report is written as a whole. */
            setvbuf(stdout, NULL, _IOFBF, 1U << 20);
            play_share(arguments, tallies, i);
            exit(0);
        }
    }
    bool fine = true;
    int status;
    while (wait(&status) > 0)
        fine &= status == 0;
    return fine;
}

int main(int argc, char **argv)
{
    struct arguments arguments = {.runs = 1, .jobs = 1, .shrink = true, .profile_name = "mixed"};
    if (!read_arguments(argc, argv, &arguments)) {
        fputs(usage, stderr);
        return 2;
    }
    if (__sanitizer_set_death_callback)
        __sanitizer_set_death_callback(say_seed);
    signal(SIGABRT, on_abort);
    struct tally *tallies = mmap(NULL, JOBS_MAX * sizeof(*tallies), PROT_READ | PROT_WRITE,
                                 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (tallies == MAP_FAILED)
        abort();
    double began = now();
    bool fine = play_all(&arguments, tallies);
    struct tally tally = sum_of(tallies, arguments.jobs);
    double took = now() - began;
    printf("%" PRIu64 " seeds, %" PRIu64 " schedules, %" PRIu64 " failed; %" PRIu64
           " requests, %" PRIu64 " external writes, %.1f h of virtual time; %.1f s, %.0f "
           "schedules/s, %.0f in a second of CPU\n",
           tally.seeds, tally.runs, tally.failed, tally.requests, tally.writes,
           (double)tally.virtual_ms / 3600000, took, (double)tally.runs / took,
           (double)tally.runs / cpu());
    return tally.failed || !fine ? 1 : 0;
}
