/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Leader election: candidates with clocks of their own over one API server, which is a few lines
 * here. Time goes in steps of 10 ms; after each, at most one candidate may hold leadership.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/json_text.h"
#include "base/log.h"
#include "base/mem.h"
#include "kube/lease.h"
#include "support/fake_http.h"
#include "support/fake_loop.h"

#define STEP_MS 10
#define WALL 1767225600

/* What becomes of requests. */
enum server_mode {
    SERVER_WELL,
    SERVER_REFUSES, /* connections */
    SERVER_HANGS,
    SERVER_LOSES, /* the answers to writes, which it does */
    SERVER_FAILS, /* 500 */
    SERVER_PUTS_OFF,
};

struct server {
    char *object; /* NULL: there is none */
    int64_t version;
    enum server_mode mode;
    unsigned reads;
    unsigned writes; /* that were done */
};

struct candidate {
    struct world *world;
    const char *identity;
    struct loop *loop;
    struct http *http;
    struct kube_config config;
    struct kube_client *client;
    struct lease *lease;
    int rate_percent; /* of its clock */
    bool stopped;     /* SIGSTOP */
    bool is_cut_off;  /* from the server */
    bool leads;       /* as it was told */
    unsigned acquired;
    unsigned lost;
    unsigned set_back;
    int64_t acquired_at; /* real time */
    int64_t lost_at;
    bool was_held_when_lost;
    bool released;
    int64_t released_at;
};

struct world {
    struct server server;
    struct candidate a;
    struct candidate b;
    int64_t now;        /* real time in ms */
    int64_t doubled_ms; /* how long two have held it */
};

/* The server. */

static char *read_member(const char *object, const char *parent, const char *key)
{
    struct span text = {object, strlen(object)};
    struct span value = json_text_get(text, parent, key, NULL);
    return value.ptr ? xstrndup(value.ptr, value.length) : NULL;
}

/* Stores the object under a new version, as long as anything of it differs. */
static void store(struct server *server, struct span text)
{
    CLEANUP(freep) char *version = xasprintf("\"%" PRId64 "\"", ++server->version);
    CLEANUP(json_edit_freep) struct json_edit *edit = json_edit_new(text);
    json_edit_set(edit, json_text_member(text, "metadata"), "resourceVersion", version,
                  strlen(version));
    struct buf out;
    buf_init(&out, BUF_UNLIMITED);
    json_edit_apply(edit, &out);
    free(server->object);
    server->object = buf_take(&out);
    server->writes++;
}

static long write_object(struct server *server, const struct fake_call *call)
{
    bool creates = strcmp(call->method, "POST") == 0;
    if (creates == (server->object != NULL))
        return creates ? 409 : 404;
    CLEANUP(freep) char *body = xstrndup(call->body.ptr, call->body.length);
    CLEANUP(freep) char *is = creates ? NULL : read_member(body, "metadata", "resourceVersion");
    CLEANUP(freep)
    char *want = creates ? NULL : read_member(server->object, "metadata", "resourceVersion");
    if (!creates && (!is || strcmp(is, want) != 0))
        return is ? 409 : 422;
    store(server, call->body);
    return creates ? 201 : 200;
}

static void answer(struct server *server, enum server_mode mode, struct http *http,
                   struct fake_call *call)
{
    assert_string_equal(call->pool, "lease");
    bool reads = strcmp(call->method, "GET") == 0;
    switch (mode) {
    case SERVER_HANGS:
        return;
    case SERVER_REFUSES:
        fake_http_fail(http, call, ERR_TRANSIENT, 7, "refused");
        return;
    case SERVER_FAILS:
        fake_http_answer(http, call, 500, "{}");
        return;
    case SERVER_PUTS_OFF:
        fake_http_answer_with(http, call, 429, (struct span){"{}", 2}, NULL, 20000);
        return;
    case SERVER_LOSES:
    case SERVER_WELL:
        break;
    }
    long status = server->object ? 200 : 404;
    if (reads)
        server->reads++;
    else
        status = write_object(server, call);
    if (mode == SERVER_LOSES && !reads)
        fake_http_fail(http, call, ERR_TRANSIENT, 52, "empty reply");
    else
        fake_http_answer(http, call, status, status / 100 == 2 ? server->object : "{}");
}

static void serve(struct server *server, enum server_mode mode, struct http *http)
{
    while (mode != SERVER_HANGS && fake_http_pending(http))
        answer(server, mode, http, fake_http_nth(http, 0));
}

static void edit_spec(struct server *server, const char *key, const char *value)
{
    CLEANUP(freep) char *before = xstrdup(server->object);
    struct span text = {before, strlen(before)};
    CLEANUP(json_edit_freep) struct json_edit *edit = json_edit_new(text);
    json_edit_set(edit, json_text_member(text, "spec"), key, value, strlen(value));
    CLEANUP(buf_fini) struct buf out;
    buf_init(&out, BUF_UNLIMITED);
    json_edit_apply(edit, &out);
    store(server, (struct span){out.data, out.length});
}

static void expect_spec(const struct server *server, const char *key, const char *value)
{
    CLEANUP(freep) char *is = read_member(server->object, "spec", key);
    assert_non_null(is);
    assert_string_equal(is, value);
}

/* Candidates. */

static bool holds(const struct candidate *candidate)
{
    return candidate->lease && leadership_is_held(lease_leadership(candidate->lease));
}

static void on_acquired(void *arg)
{
    struct candidate *candidate = arg;
    assert_false(candidate->leads);
    assert_true(holds(candidate));
    candidate->leads = true;
    candidate->acquired++;
    candidate->acquired_at = candidate->world->now;
}

static void on_lost(void *arg)
{
    struct candidate *candidate = arg;
    assert_true(candidate->leads);
    candidate->was_held_when_lost |= holds(candidate);
    candidate->leads = false;
    candidate->lost++;
    candidate->lost_at = candidate->world->now;
}

static void on_set_back(void *arg)
{
    struct candidate *candidate = arg;
    candidate->set_back++;
}

static void on_released(void *arg)
{
    struct candidate *candidate = arg;
    assert_false(candidate->released);
    candidate->released = true;
    candidate->released_at = candidate->world->now;
}

static void start(struct candidate *candidate)
{
    static const struct lease_callbacks callbacks = {
        .acquired = on_acquired, .lost = on_lost, .set_back = on_set_back};
    const struct lease_options options = {.loop = candidate->loop,
                                          .client = candidate->client,
                                          .ns = "tyk",
                                          .name = "grapnel",
                                          .identity = candidate->identity};
    candidate->lease = lease_new(&options, &callbacks, candidate);
}

/* SIGKILL. */
static void kill(struct candidate *candidate)
{
    lease_free(TAKE(candidate->lease));
    candidate->leads = false;
}

static void make(struct world *world, struct candidate *candidate, const char *identity,
                 uint32_t seed)
{
    *candidate = (struct candidate){
        .world = world, .identity = identity, .rate_percent = 100, .loop = fake_loop_new(seed)};
    candidate->http = fake_http_new(candidate->loop);
    candidate->config.server = xstrdup("https://k");
    candidate->client = kube_client_new(candidate->loop, candidate->http, &candidate->config);
}

static void unmake(struct candidate *candidate)
{
    lease_free(candidate->lease);
    kube_client_free(candidate->client);
    fake_http_free(candidate->http);
    fake_loop_free(candidate->loop);
    kube_config_fini(&candidate->config);
}

static int setup(void **state)
{
    struct world *world = xcalloc(1, sizeof(*world));
    log_setup(LOG_LEVEL_ERROR, true);
    make(world, &world->a, "a_1", 11);
    make(world, &world->b, "b_2", 23);
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    assert_int_equal(world->doubled_ms, 0);
    assert_false(world->a.was_held_when_lost || world->b.was_held_when_lost);
    unmake(&world->a);
    unmake(&world->b);
    free(world->server.object);
    free(world);
    return 0;
}

/* Time. */

static void pass(struct candidate *candidate)
{
    int64_t ms = STEP_MS * candidate->rate_percent / 100;
    if (candidate->stopped) {
        fake_loop_stand(candidate->loop, ms);
        return;
    }
    fake_loop_advance(candidate->loop, ms);
    struct server *server = &candidate->world->server;
    serve(server, candidate->is_cut_off ? SERVER_REFUSES : server->mode, candidate->http);
}

static void run(struct world *world, int64_t ms)
{
    for (int64_t passed = 0; passed < ms; passed += STEP_MS) {
        world->now += STEP_MS;
        pass(&world->a);
        pass(&world->b);
        if (holds(&world->a) && holds(&world->b))
            world->doubled_ms += STEP_MS;
    }
}

/* Runs until the candidate leads; the test fails when that takes longer. */
static void run_until_leads(struct world *world, const struct candidate *candidate, int64_t ms)
{
    for (int64_t passed = 0; passed < ms && !candidate->leads; passed += STEP_MS)
        run(world, STEP_MS);
    assert_true(candidate->leads);
}

static void continue_it(struct candidate *candidate)
{
    candidate->stopped = false;
}

/* A leads, B stands by. */
static void have_two(struct world *world)
{
    start(&world->a);
    run(world, 100);
    start(&world->b);
    run(world, 10000);
    assert_true(world->a.leads);
    assert_false(world->b.leads);
}

/* Acquiring. */

static void the_first_candidate_makes_the_lease_and_leads(void **state)
{
    struct world *world = *state;
    start(&world->a);
    run(world, 50);
    assert_true(world->a.leads);
    expect_spec(&world->server, "holderIdentity", "\"a_1\"");
    expect_spec(&world->server, "leaseDurationSeconds", "15");
    expect_spec(&world->server, "leaseTransitions", "0");
    CLEANUP(freep) char *renewed = read_member(world->server.object, "spec", "renewTime");
    assert_int_equal(strlen(renewed), strlen("\"2026-01-01T00:00:00.000000Z\""));
}

static void a_lease_is_renewed_by_one_request_every_two_seconds(void **state)
{
    struct world *world = *state;
    start(&world->a);
    run(world, 1000);
    unsigned writes = world->server.writes;
    unsigned reads = world->server.reads;
    CLEANUP(freep) char *acquired = read_member(world->server.object, "spec", "acquireTime");
    CLEANUP(freep) char *before = read_member(world->server.object, "spec", "renewTime");
    run(world, 60000);
    assert_int_equal(world->server.writes - writes, 30);
    assert_int_equal(world->server.reads - reads, 0);
    expect_spec(&world->server, "acquireTime", acquired);
    expect_spec(&world->server, "leaseTransitions", "0");
    CLEANUP(freep) char *after = read_member(world->server.object, "spec", "renewTime");
    assert_string_not_equal(before, after);
    assert_int_equal(world->a.acquired, 1);
    assert_int_equal(world->a.lost, 0);
}

static void of_two_that_begin_at_once_one_leads(void **state)
{
    struct world *world = *state;
    start(&world->a);
    start(&world->b);
    run(world, 60000);
    assert_int_equal(world->a.acquired + world->b.acquired, 1);
    assert_int_equal(world->a.lost + world->b.lost, 0);
}

static void two_that_find_no_lease_at_once_make_one(void **state)
{
    struct world *world = *state;
    start(&world->a);
    start(&world->b);
    world->server.mode = SERVER_HANGS;
    run(world, 20);
    /* Both reads are answered 404 before either creates. */
    fake_http_answer(world->a.http, fake_http_expect(world->a.http, "GET", "/grapnel"), 404, "{}");
    fake_http_answer(world->b.http, fake_http_expect(world->b.http, "GET", "/grapnel"), 404, "{}");
    assert_int_equal(fake_http_count(world->a.http, "POST", "/leases"), 1);
    assert_int_equal(fake_http_count(world->b.http, "POST", "/leases"), 1);
    world->server.mode = SERVER_WELL;
    run(world, 30000);
    assert_int_equal(world->a.acquired + world->b.acquired, 1);
}

/* L1 to L3. */

static void a_dead_leader_is_followed_when_its_lease_has_run_out(void **state)
{
    struct world *world = *state;
    for (int round = 0; round < 20; round++) {
        if (!world->a.lease)
            start(&world->a);
        run_until_leads(world, &world->a, 30000);
        if (!world->b.lease)
            start(&world->b);
        run(world, 5000 + round * 310);
        int64_t died = world->now;
        kill(&world->a);
        run_until_leads(world, &world->b, 25000);
        assert_true(world->now - died >= 13000); /* it had renewed up to two seconds before */
        assert_true(world->now - died <= 24000);
        kill(&world->b);
    }
}

static void a_takeover_counts_a_transition_and_says_when(void **state)
{
    struct world *world = *state;
    have_two(world);
    CLEANUP(freep) char *acquired = read_member(world->server.object, "spec", "acquireTime");
    edit_spec(&world->server, "preferredHolder", "\"b_2\"");
    edit_spec(&world->server, "strategy", "\"OldestEmulationVersion\"");
    run(world, 5000);
    kill(&world->a);
    run_until_leads(world, &world->b, 25000);
    run(world, 5000);
    expect_spec(&world->server, "holderIdentity", "\"b_2\"");
    expect_spec(&world->server, "leaseTransitions", "1");
    expect_spec(&world->server, "preferredHolder", "\"b_2\"");
    expect_spec(&world->server, "strategy", "\"OldestEmulationVersion\"");
    CLEANUP(freep) char *later = read_member(world->server.object, "spec", "acquireTime");
    assert_string_not_equal(acquired, later);
}

static void a_released_lease_is_taken_at_the_next_try(void **state)
{
    struct world *world = *state;
    have_two(world);
    int64_t began = world->now;
    lease_release(world->a.lease, on_released, &world->a);
    assert_false(holds(&world->a));
    run(world, 20);
    assert_true(world->a.released);
    assert_int_equal(world->a.lost, 0);
    run_until_leads(world, &world->b, 4500);
    assert_true(world->now - began <= 4500);
    expect_spec(&world->server, "leaseTransitions", "1");
    run(world, 30000);
    assert_true(world->b.leads);
    assert_int_equal(world->a.acquired, 1);
}

static void a_release_leaves_the_record_of_client_go(void **state)
{
    struct world *world = *state;
    start(&world->a);
    run(world, 5000);
    lease_release(world->a.lease, on_released, &world->a);
    run(world, 20);
    expect_spec(&world->server, "holderIdentity", "\"\"");
    expect_spec(&world->server, "leaseDurationSeconds", "1");
    expect_spec(&world->server, "leaseTransitions", "0");
}

static void a_leader_that_was_stopped_holds_nothing_when_it_goes_on(void **state)
{
    struct world *world = *state;
    have_two(world);
    world->a.stopped = true;
    run(world, 9900 - 2000);
    assert_true(holds(&world->a)); /* had it been asked */
    run(world, 20000);
    assert_true(world->b.leads);
    assert_false(holds(&world->a)); /* before anything else of it has run */
    assert_true(world->a.leads);
    continue_it(&world->a);
    run(world, STEP_MS);
    assert_false(world->a.leads);
    run(world, 30000);
    assert_int_equal(world->a.acquired, 1);
    assert_int_equal(world->b.lost, 0);
}

static void a_renewal_that_was_answered_while_it_was_stopped_comes_too_late(void **state)
{
    struct world *world = *state;
    have_two(world);
    world->server.mode = SERVER_HANGS;
    while (!fake_http_call(world->a.http, "PUT", "/grapnel"))
        run(world, STEP_MS);
    world->server.mode = SERVER_WELL;
    /* The server takes it, and the answer waits in the socket. */
    struct fake_call *call = fake_http_expect(world->a.http, "PUT", "/grapnel");
    assert_int_equal(write_object(&world->server, call), 200);
    CLEANUP(freep) char *body = xstrdup(world->server.object);
    world->a.stopped = true;
    run(world, 25000);
    assert_true(world->b.leads);
    continue_it(&world->a);
    /* The answer is read before any timer runs. */
    fake_http_answer(world->a.http, call, 200, body);
    assert_false(holds(&world->a));
    assert_false(world->a.leads);
    run(world, 10000);
    assert_int_equal(world->a.acquired, 1);
}

static void a_first_write_that_was_answered_too_late_leads_nowhere(void **state)
{
    struct world *world = *state;
    start(&world->a);
    world->server.mode = SERVER_HANGS;
    run(world, 20);
    fake_http_answer(world->a.http, fake_http_expect(world->a.http, "GET", NULL), 404, "{}");
    struct fake_call *call = fake_http_expect(world->a.http, "POST", NULL);
    assert_int_equal(write_object(&world->server, call), 201);
    CLEANUP(freep) char *body = xstrdup(world->server.object);
    world->a.stopped = true;
    run(world, 12000);
    continue_it(&world->a);
    fake_http_answer(world->a.http, call, 201, body);
    assert_int_equal(world->a.acquired, 0);
    assert_false(holds(&world->a));
    world->server.mode = SERVER_WELL;
    run_until_leads(world, &world->a, 4500);
    assert_int_equal(world->a.lost, 0);
}

static void a_stop_shorter_than_the_deadline_does_nothing(void **state)
{
    struct world *world = *state;
    have_two(world);
    world->a.stopped = true;
    run(world, 7500);
    continue_it(&world->a);
    run(world, 30000);
    assert_int_equal(world->a.lost, 0);
    assert_int_equal(world->b.acquired, 0);
}

/* L4. */

/* The moment of the last renewal, to within a step. */
static void run_until_renewed(struct world *world)
{
    unsigned writes = world->server.writes;
    while (world->server.writes == writes)
        run(world, STEP_MS);
}

static void an_outage_of_nine_seconds_is_survived(void **state)
{
    struct world *world = *state;
    static const enum server_mode modes[] = {SERVER_REFUSES, SERVER_FAILS, SERVER_LOSES};
    have_two(world);
    for (size_t i = 0; i < ARRAY_LENGTH(modes); i++) {
        run_until_renewed(world);
        world->server.mode = modes[i];
        run(world, 9000);
        world->server.mode = SERVER_WELL;
        run(world, 20000);
        assert_int_equal(world->a.lost, 0);
        assert_int_equal(world->b.acquired, 0);
    }
}

static void an_outage_of_eleven_seconds_ends_leadership_at_the_deadline(void **state)
{
    struct world *world = *state;
    static const enum server_mode modes[] = {SERVER_REFUSES, SERVER_FAILS, SERVER_HANGS,
                                             SERVER_LOSES, SERVER_PUTS_OFF};
    start(&world->a);
    run(world, 1000);
    for (size_t i = 0; i < ARRAY_LENGTH(modes); i++) {
        run_until_renewed(world);
        int64_t renewed = world->now;
        world->server.mode = modes[i];
        run(world, 11000);
        assert_int_equal(world->a.lost, i + 1);
        assert_in_range(world->a.lost_at - renewed, 10000 - STEP_MS, 10000);
        world->server.mode = SERVER_WELL;
        /* It is back soon: its own record keeps nobody from it. */
        run_until_leads(world, &world->a, i == 2 ? 10000 : 4500);
        expect_spec(&world->server, "leaseTransitions", "0");
    }
}

static void in_an_outage_nobody_leads_and_afterwards_one_does(void **state)
{
    struct world *world = *state;
    have_two(world);
    world->server.mode = SERVER_REFUSES;
    run(world, 60000);
    assert_false(world->a.leads || world->b.leads);
    world->server.mode = SERVER_WELL;
    run(world, 25000);
    assert_true(world->a.leads != world->b.leads);
}

static void a_renewal_that_hangs_leaves_time_for_another(void **state)
{
    struct world *world = *state;
    start(&world->a);
    run(world, 1000);
    run_until_renewed(world);
    world->server.mode = SERVER_HANGS;
    run(world, 6900); /* sent after 2 s, given up after 5 s */
    assert_int_equal(fake_http_count(world->a.http, "PUT", NULL), 1);
    world->server.mode = SERVER_WELL;
    /* The one that hangs is never answered. */
    struct fake_call *hung = fake_http_expect(world->a.http, "PUT", NULL);
    assert_true(hung != NULL);
    fake_loop_advance(world->a.loop, 200);
    assert_int_equal(fake_http_count(world->a.http, "GET", NULL), 1);
    run(world, 10000);
    assert_int_equal(world->a.lost, 0);
}

static void a_write_of_somebody_else_to_the_object_costs_one_read(void **state)
{
    struct world *world = *state;
    have_two(world);
    for (int i = 0; i < 5; i++) {
        CLEANUP(freep) char *note = xasprintf("\"%d\"", i);
        edit_spec(&world->server, "note", note);
        run(world, 2500);
    }
    assert_int_equal(world->a.lost, 0);
    expect_spec(&world->server, "note", "\"4\"");
    struct lease_stats stats;
    lease_stats(world->a.lease, &stats);
    assert_int_equal(stats.slow_paths, 5);
    assert_true(stats.leads);
}

static void a_lost_answer_to_the_first_write_leads_at_the_next_try(void **state)
{
    struct world *world = *state;
    start(&world->a);
    world->server.mode = SERVER_LOSES;
    run(world, 1000);
    assert_non_null(world->server.object);
    assert_false(world->a.leads);
    world->server.mode = SERVER_WELL;
    run_until_leads(world, &world->a, 4500);
    expect_spec(&world->server, "leaseTransitions", "0");
}

static void what_is_no_lease_is_no_answer(void **state)
{
    struct world *world = *state;
    start(&world->a);
    world->server.mode = SERVER_HANGS;
    run(world, 20);
    fake_http_answer(world->a.http, fake_http_expect(world->a.http, "GET", NULL), 200,
                     "<html>proxy</html>");
    run(world, 4500);
    fake_http_answer(world->a.http, fake_http_expect(world->a.http, "GET", NULL), 403, "{}");
    assert_false(world->a.leads);
    world->server.mode = SERVER_WELL;
    run_until_leads(world, &world->a, 4500);
    /* So it is with a write: the Lease is read, and the renewal stands in it. */
    run_until_renewed(world);
    world->server.mode = SERVER_HANGS;
    while (!fake_http_call(world->a.http, "PUT", NULL))
        run(world, STEP_MS);
    struct fake_call *call = fake_http_expect(world->a.http, "PUT", NULL);
    assert_int_equal(write_object(&world->server, call), 200);
    fake_http_answer(world->a.http, call, 200, "ok");
    world->server.mode = SERVER_WELL;
    run(world, 20000);
    assert_int_equal(world->a.lost, 0);
}

/* L5. */

static void jumps_of_the_wall_clock_change_nothing(void **state)
{
    struct world *world = *state;
    have_two(world);
    static const int64_t jumps[] = {3600, -3600, 100000, -100000};
    for (size_t i = 0; i < ARRAY_LENGTH(jumps); i++) {
        fake_loop_set_wall_time(world->a.loop, loop_wall_time(world->a.loop) + jumps[i]);
        run(world, 20000);
        fake_loop_set_wall_time(world->b.loop, loop_wall_time(world->b.loop) - jumps[i]);
        run(world, 20000);
    }
    assert_int_equal(world->a.lost, 0);
    assert_int_equal(world->b.acquired, 0);
    /* And a takeover takes as long as ever. */
    fake_loop_set_wall_time(world->b.loop, WALL + 360000);
    int64_t died = world->now;
    kill(&world->a);
    run_until_leads(world, &world->b, 24000);
    assert_true(world->now - died >= 13000);
}

/* The worst case: the leader is cut off right after a renewal. Returns for how long two held it. */
static int64_t cut_off(struct world *world, int rate_percent)
{
    world->b.rate_percent = rate_percent;
    if (!world->a.lease)
        have_two(world);
    for (int i = 0; i < 10; i++) {
        run_until_renewed(world);
        world->a.is_cut_off = true;
        run(world, 30000);
        assert_false(world->a.leads);
        assert_true(world->b.leads);
        kill(&world->b);
        world->a.is_cut_off = false;
        run_until_leads(world, &world->a, 25000);
        start(&world->b);
        run(world, 10000 + i * 170);
    }
    return world->doubled_ms;
}

static void a_standby_whose_clock_is_fast_by_two_fifths_waits_long_enough(void **state)
{
    struct world *world = *state;
    assert_int_equal(cut_off(world, 100), 0);
    assert_int_equal(cut_off(world, 140), 0);
}

/* What no lease can do: it takes twice its time for once. */
static void a_standby_whose_clock_runs_at_double_speed_does_not(void **state)
{
    struct world *world = *state;
    assert_true(cut_off(world, 200) > 0);
    world->doubled_ms = 0;
}

/* L6. */

static void a_lease_that_was_deleted_is_made_again_by_its_holder(void **state)
{
    struct world *world = *state;
    start(&world->a);
    run(world, 10000);
    free(TAKE(world->server.object));
    run(world, 20000);
    assert_int_equal(world->a.lost, 0);
    expect_spec(&world->server, "holderIdentity", "\"a_1\"");
    expect_spec(&world->server, "leaseTransitions", "0");
}

static void a_deleted_lease_that_another_made_first_is_lost(void **state)
{
    struct world *world = *state;
    start(&world->a);
    run(world, 10000);
    free(TAKE(world->server.object));
    world->server.mode = SERVER_HANGS;
    while (!fake_http_call(world->a.http, "PUT", NULL))
        run(world, STEP_MS);
    fake_http_answer(world->a.http, fake_http_expect(world->a.http, "PUT", NULL), 404, "{}");
    fake_http_answer(world->a.http, fake_http_expect(world->a.http, "GET", NULL), 404, "{}");
    assert_true(world->a.leads);
    world->server.object =
        xstrdup("{\"metadata\":{\"name\":\"grapnel\",\"resourceVersion\":\"99\"},\"spec\":"
                "{\"holderIdentity\":\"other\",\"leaseDurationSeconds\":15}}");
    world->server.mode = SERVER_WELL;
    run(world, STEP_MS);
    assert_false(world->a.leads);
    assert_int_equal(world->a.lost, 1);
}

static void a_lease_given_to_another_by_hand_is_lost_with_the_next_renewal(void **state)
{
    struct world *world = *state;
    start(&world->a);
    run(world, 10000);
    run_until_renewed(world);
    edit_spec(&world->server, "holderIdentity", "\"b_2\"");
    run(world, 2010);
    assert_false(world->a.leads);
    assert_int_equal(world->a.lost, 1);
    /* And is taken back when that one never comes. */
    run_until_leads(world, &world->a, 24000);
    expect_spec(&world->server, "leaseTransitions", "1");
}

static void an_emptied_lease_is_taken_again_by_its_holder(void **state)
{
    struct world *world = *state;
    start(&world->a);
    run(world, 10000);
    edit_spec(&world->server, "holderIdentity", "\"\"");
    run(world, 10000);
    assert_int_equal(world->a.lost, 0);
    expect_spec(&world->server, "holderIdentity", "\"a_1\"");
    expect_spec(&world->server, "leaseTransitions", "1");
}

static void the_duration_that_stands_in_the_record_counts(void **state)
{
    struct world *world = *state;
    have_two(world);
    edit_spec(&world->server, "leaseDurationSeconds", "3600");
    run(world, 5000);
    expect_spec(&world->server, "leaseDurationSeconds", "15"); /* the holder knows better */
    kill(&world->a);
    edit_spec(&world->server, "leaseDurationSeconds", "40");
    run(world, 40000);
    assert_false(world->b.leads);
    run_until_leads(world, &world->b, 10000);
    kill(&world->b);
    edit_spec(&world->server, "leaseDurationSeconds", "1");
    start(&world->a);
    run_until_leads(world, &world->a, 6000);
}

static void times_in_the_record_decide_nothing(void **state)
{
    struct world *world = *state;
    have_two(world);
    kill(&world->a);
    edit_spec(&world->server, "renewTime", "\"2099-01-01T00:00:00.000000Z\"");
    run_until_leads(world, &world->b, 24000);
    kill(&world->b);
    edit_spec(&world->server, "renewTime", "\"1999-01-01T00:00:00.000000Z\"");
    int64_t died = world->now;
    start(&world->a);
    run_until_leads(world, &world->a, 24000);
    assert_true(world->now - died >= 15000);
}

static void changes_of_the_object_that_are_not_of_the_record_renew_nothing(void **state)
{
    struct world *world = *state;
    have_two(world);
    kill(&world->a);
    int64_t died = world->now;
    while (!world->b.leads && world->now - died < 30000) {
        /* Somebody touches it all the time. */
        struct span text = {world->server.object, strlen(world->server.object)};
        CLEANUP(freep) char *copy = xstrndup(text.ptr, text.length);
        store(&world->server, (struct span){copy, text.length});
        run(world, 500);
    }
    assert_true(world->b.leads);
}

/* The end. */

/* Something between says 200 to everything: nobody has written anything. */
static void a_page_of_a_proxy_makes_no_leader(void **state)
{
    struct world *world = *state;
    start(&world->a);
    world->server.mode = SERVER_HANGS;
    run(world, 20);
    fake_http_answer(world->a.http, fake_http_expect(world->a.http, "GET", NULL), 404, "{}");
    run(world, 20);
    fake_http_answer(world->a.http, fake_http_expect(world->a.http, "POST", NULL), 200,
                     "<html>proxy</html>");
    run(world, 20);
    assert_int_equal(world->a.acquired, 0);
    world->server.mode = SERVER_WELL;
    run_until_leads(world, &world->a, 4500);
    expect_spec(&world->server, "holderIdentity", "\"a_1\"");
}

static void a_store_that_was_restored_is_noticed_by_both(void **state)
{
    struct world *world = *state;
    have_two(world);
    CLEANUP(freep) char *backup = xstrdup(world->server.object);
    run(world, 20000);
    assert_int_equal(world->a.set_back + world->b.set_back, 0);
    free(world->server.object);
    world->server.object = xstrdup(backup);
    run(world, 3000);
    assert_int_equal(world->a.set_back, 1);
    assert_int_equal(world->b.set_back, 1);
    run(world, 20000);
    assert_int_equal(world->a.set_back + world->b.set_back, 2);
    assert_true(world->a.leads);
}

/* A process that was stopped, whoever leads meanwhile: what its connections have brought may be of
 * before a restore, and the Lease that it finds be the one that it has written itself. */
static void who_has_stood_still_is_told_to_read_everything_anew(void **state)
{
    struct world *world = *state;
    have_two(world);
    world->a.stopped = true;
    run(world, 20000);
    world->a.stopped = false;
    run(world, 5000);
    assert_int_equal(world->a.set_back, 0); /* it cannot have missed much */
    world->a.stopped = true;
    run(world, 60000);
    world->a.stopped = false;
    run(world, 5000);
    assert_int_equal(world->a.set_back, 1);
    run(world, 60000);
    assert_int_equal(world->a.set_back, 1);
    assert_int_equal(world->b.set_back, 0);
    /* An outage of the server is none. */
    world->server.mode = SERVER_HANGS;
    run(world, 60000);
    world->server.mode = SERVER_WELL;
    run(world, 20000);
    assert_int_equal(world->a.set_back + world->b.set_back, 1);
}

static void who_never_led_has_nothing_to_release(void **state)
{
    struct world *world = *state;
    have_two(world);
    world->a.stopped = true; /* so that all writes are B's */
    run(world, 4500);        /* and what it has read is current */
    unsigned writes = world->server.writes;
    lease_release(world->b.lease, on_released, &world->b);
    assert_false(world->b.released); /* never from within */
    run(world, STEP_MS);
    assert_true(world->b.released);
    assert_int_equal(world->server.writes, writes);
    expect_spec(&world->server, "holderIdentity", "\"a_1\"");
}

static void a_release_ends_after_five_seconds_whatever_the_server_does(void **state)
{
    struct world *world = *state;
    static const enum server_mode modes[] = {SERVER_REFUSES, SERVER_HANGS, SERVER_PUTS_OFF};
    for (size_t i = 0; i < ARRAY_LENGTH(modes); i++) {
        start(&world->a);
        run_until_leads(world, &world->a, 24000);
        world->server.mode = modes[i];
        int64_t began = world->now;
        lease_release(world->a.lease, on_released, &world->a);
        run(world, 5050);
        assert_true(world->a.released);
        assert_true(world->a.released_at - began <= 5000 + STEP_MS);
        world->server.mode = SERVER_WELL;
        run(world, 30000);
        assert_int_equal(world->a.lost, 0);
        world->a.released = false;
        kill(&world->a);
    }
}

static void a_release_reads_first_when_the_object_is_another(void **state)
{
    struct world *world = *state;
    start(&world->a);
    run(world, 5000);
    edit_spec(&world->server, "note", "\"x\"");
    lease_release(world->a.lease, on_released, &world->a);
    run(world, 50);
    assert_true(world->a.released);
    expect_spec(&world->server, "holderIdentity", "\"\"");
    expect_spec(&world->server, "note", "\"x\"");
}

static void a_release_leaves_alone_what_another_has_taken(void **state)
{
    struct world *world = *state;
    start(&world->a);
    run(world, 5000);
    edit_spec(&world->server, "holderIdentity", "\"b_2\"");
    lease_release(world->a.lease, on_released, &world->a);
    run(world, 50);
    assert_true(world->a.released);
    expect_spec(&world->server, "holderIdentity", "\"b_2\"");
}

static void a_release_in_the_middle_of_a_renewal_takes_that_back_too(void **state)
{
    struct world *world = *state;
    start(&world->a);
    run(world, 5000);
    world->server.mode = SERVER_HANGS;
    while (!fake_http_call(world->a.http, "PUT", NULL))
        run(world, STEP_MS);
    assert_int_equal(write_object(&world->server, fake_http_expect(world->a.http, "PUT", NULL)),
                     200);
    lease_release(world->a.lease, on_released, &world->a);
    world->server.mode = SERVER_WELL;
    run(world, 50);
    assert_true(world->a.released);
    expect_spec(&world->server, "holderIdentity", "\"\"");
}

static void a_release_in_the_middle_of_the_first_write_takes_that_back_too(void **state)
{
    struct world *world = *state;
    start(&world->a);
    world->server.mode = SERVER_HANGS;
    run(world, 20);
    fake_http_answer(world->a.http, fake_http_expect(world->a.http, "GET", NULL), 404, "{}");
    assert_int_equal(write_object(&world->server, fake_http_expect(world->a.http, "POST", NULL)),
                     201);
    lease_release(world->a.lease, on_released, &world->a);
    world->server.mode = SERVER_WELL;
    run(world, 50);
    assert_true(world->a.released);
    expect_spec(&world->server, "holderIdentity", "\"\"");
}

static void it_can_be_freed_at_any_moment(void **state)
{
    struct world *world = *state;
    for (int64_t at = 0; at < 3000; at += STEP_MS) {
        world->server.mode = at % 3 ? SERVER_WELL : SERVER_HANGS;
        start(&world->a);
        run(world, at);
        if (at % 20)
            lease_release(world->a.lease, on_released, &world->a);
        kill(&world->a); /* a call left behind would fail the test at its end */
        assert_int_equal(fake_http_pending(world->a.http), 0);
        world->a.released = false;
        free(TAKE(world->server.object));
    }
}

static void only_a_holder_that_should_have_stopped_is_complained_of(void **state)
{
    struct world *world = *state;
    struct lease_stats stats;
    have_two(world);
    run(world, 60000);
    assert_null(lease_complaint(world->a.lease));
    assert_null(lease_complaint(world->b.lease));
    world->a.stopped = true;
    run(world, 33000);
    assert_null(lease_complaint(world->a.lease));
    run(world, 4000);
    /* Nothing of it has run yet. */
    assert_string_equal(lease_complaint(world->a.lease),
                        "the lease is held and has not been renewed for 35 s");
    continue_it(&world->a);
    run(world, STEP_MS);
    assert_null(lease_complaint(world->a.lease));
    lease_stats(world->a.lease, &stats);
    assert_false(stats.leads);
    assert_int_equal(stats.losses, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_first_candidate_makes_the_lease_and_leads),
        TEST(a_lease_is_renewed_by_one_request_every_two_seconds),
        TEST(of_two_that_begin_at_once_one_leads),
        TEST(two_that_find_no_lease_at_once_make_one),
        TEST(a_dead_leader_is_followed_when_its_lease_has_run_out),
        TEST(a_takeover_counts_a_transition_and_says_when),
        TEST(a_released_lease_is_taken_at_the_next_try),
        TEST(a_release_leaves_the_record_of_client_go),
        TEST(a_leader_that_was_stopped_holds_nothing_when_it_goes_on),
        TEST(a_renewal_that_was_answered_while_it_was_stopped_comes_too_late),
        TEST(a_first_write_that_was_answered_too_late_leads_nowhere),
        TEST(a_stop_shorter_than_the_deadline_does_nothing),
        TEST(an_outage_of_nine_seconds_is_survived),
        TEST(an_outage_of_eleven_seconds_ends_leadership_at_the_deadline),
        TEST(in_an_outage_nobody_leads_and_afterwards_one_does),
        TEST(a_renewal_that_hangs_leaves_time_for_another),
        TEST(a_write_of_somebody_else_to_the_object_costs_one_read),
        TEST(a_lost_answer_to_the_first_write_leads_at_the_next_try),
        TEST(what_is_no_lease_is_no_answer),
        TEST(jumps_of_the_wall_clock_change_nothing),
        TEST(a_standby_whose_clock_is_fast_by_two_fifths_waits_long_enough),
        TEST(a_standby_whose_clock_runs_at_double_speed_does_not),
        TEST(a_lease_that_was_deleted_is_made_again_by_its_holder),
        TEST(a_deleted_lease_that_another_made_first_is_lost),
        TEST(a_lease_given_to_another_by_hand_is_lost_with_the_next_renewal),
        TEST(an_emptied_lease_is_taken_again_by_its_holder),
        TEST(the_duration_that_stands_in_the_record_counts),
        TEST(times_in_the_record_decide_nothing),
        TEST(changes_of_the_object_that_are_not_of_the_record_renew_nothing),
        TEST(a_page_of_a_proxy_makes_no_leader),
        TEST(a_store_that_was_restored_is_noticed_by_both),
        TEST(who_has_stood_still_is_told_to_read_everything_anew),
        TEST(who_never_led_has_nothing_to_release),
        TEST(a_release_ends_after_five_seconds_whatever_the_server_does),
        TEST(a_release_reads_first_when_the_object_is_another),
        TEST(a_release_leaves_alone_what_another_has_taken),
        TEST(a_release_in_the_middle_of_a_renewal_takes_that_back_too),
        TEST(a_release_in_the_middle_of_the_first_write_takes_that_back_too),
        TEST(it_can_be_freed_at_any_moment),
        TEST(only_a_holder_that_should_have_stopped_is_complained_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
