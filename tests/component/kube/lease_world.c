/* SPDX-License-Identifier: Apache-2.0 */
#include "lease_world.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json_text.h"
#include "base/log.h"
#include "base/mem.h"

/* The server. */

char *read_member(const char *object, const char *parent, const char *key)
{
    struct span text = {object, strlen(object)};
    struct span value = json_text_get(text, parent, key, NULL);
    return value.ptr ? xstrndup(value.ptr, value.length) : NULL;
}

void server_store(struct server *server, struct span text)
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

long server_write(struct server *server, const struct fake_call *call)
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
    server_store(server, call->body);
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
        status = server_write(server, call);
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

void server_edit_spec(struct server *server, const char *key, const char *value)
{
    CLEANUP(freep) char *before = xstrdup(server->object);
    struct span text = {before, strlen(before)};
    CLEANUP(json_edit_freep) struct json_edit *edit = json_edit_new(text);
    json_edit_set(edit, json_text_member(text, "spec"), key, value, strlen(value));
    CLEANUP(buf_fini) struct buf out;
    buf_init(&out, BUF_UNLIMITED);
    json_edit_apply(edit, &out);
    server_store(server, (struct span){out.data, out.length});
}

void server_expect_spec(const struct server *server, const char *key, const char *value)
{
    CLEANUP(freep) char *is = read_member(server->object, "spec", key);
    assert_non_null(is);
    assert_string_equal(is, value);
}

/* Candidates. */

bool candidate_holds(const struct candidate *candidate)
{
    return candidate->lease && leadership_is_held(lease_leadership(candidate->lease));
}

static void on_acquired(void *arg)
{
    struct candidate *candidate = arg;
    assert_false(candidate->leads);
    assert_true(candidate_holds(candidate));
    candidate->leads = true;
    candidate->acquired++;
    candidate->acquired_at = candidate->world->now;
}

static void on_lost(void *arg)
{
    struct candidate *candidate = arg;
    assert_true(candidate->leads);
    candidate->was_held_when_lost |= candidate_holds(candidate);
    candidate->leads = false;
    candidate->lost++;
    candidate->lost_at = candidate->world->now;
}

static void on_set_back(void *arg)
{
    struct candidate *candidate = arg;
    candidate->set_back++;
}

void candidate_on_released(void *arg)
{
    struct candidate *candidate = arg;
    assert_false(candidate->released);
    candidate->released = true;
    candidate->released_at = candidate->world->now;
}

void candidate_start(struct candidate *candidate)
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

void candidate_kill(struct candidate *candidate)
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

int lease_world_set_up(void **state)
{
    struct world *world = xcalloc(1, sizeof(*world));
    log_setup(LOG_LEVEL_ERROR, true);
    make(world, &world->a, "a_1", 11);
    make(world, &world->b, "b_2", 23);
    *state = world;
    return 0;
}

int lease_world_tear_down(void **state)
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

void world_run(struct world *world, int64_t ms)
{
    for (int64_t passed = 0; passed < ms; passed += STEP_MS) {
        world->now += STEP_MS;
        pass(&world->a);
        pass(&world->b);
        if (candidate_holds(&world->a) && candidate_holds(&world->b))
            world->doubled_ms += STEP_MS;
    }
}

void world_run_until_leads(struct world *world, const struct candidate *candidate, int64_t ms)
{
    for (int64_t passed = 0; passed < ms && !candidate->leads; passed += STEP_MS)
        world_run(world, STEP_MS);
    assert_true(candidate->leads);
}

void world_run_until_renewed(struct world *world)
{
    unsigned writes = world->server.writes;
    while (world->server.writes == writes)
        world_run(world, STEP_MS);
}

void candidate_continue(struct candidate *candidate)
{
    candidate->stopped = false;
}

void world_have_two(struct world *world)
{
    candidate_start(&world->a);
    world_run(world, 100);
    candidate_start(&world->b);
    world_run(world, 10000);
    assert_true(world->a.leads);
    assert_false(world->b.leads);
}
