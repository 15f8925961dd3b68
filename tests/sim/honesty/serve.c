/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simulated servers for a client outside: a command per line on stdin (JSON), its answer per
 * line on stdout. Requests go through the port that the controller uses; virtual time passes only
 * while a command waits. README.md of the folder above tells what for.
 *
 *   {"do":"start","name":N,"host":"api"|"gateway","method":M,"path":P,
 *    "headers":["Name: value"],"body":TEXT,"stream":true}           → {}
 *   {"do":"finish","name":N,"ms":M}      → {"status":S,"body":TEXT} or {"lost":LIBCURL'S CODE}
 *   {"do":"lines","name":N,"count":C,"ms":M}  the lines of a stream that have not been read yet,
 *                                        C of them or as many as come: → {"status","lines","over"}
 *   {"do":"cancel","name":N}, {"do":"wait","ms":M}                   → {}
 *   {"do":"world","what":W, …}           what happens to the servers: `happenings` below
 *   {"do":"writes"}                      what a gateway was asked to write since the last time:
 *                                        → {"writes":["ID post", "ID post_oas", "ID delete"]}
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "sim/sim.h"

#define HEADERS_MAX 16
#define BODY_MAX (1U << 24)
#define RELOAD_WAIT_MS 3000

struct call {
    char *name;
    struct http_call *http; /* NULL: it is over */
    struct buf lines;       /* of a stream: not read yet */
    struct buf body;
    long status;
    int code; /* libcurl's, when no answer came */
    LIST_ENTRY(call) entry;
};

struct stand {
    struct sim *sim;
    struct loop *loop;
    struct http *http;
    LIST_HEAD(, call) calls;
    json_t *writes; /* to the gateway, not told yet */
};

/* Requests. */

static void on_done(void *arg, const struct http_response *response, const struct err *err)
{
    struct call *call = arg;
    call->http = NULL;
    if (err) {
        call->code = err->code;
        return;
    }
    call->status = response->status;
    buf_add(&call->body, response->body.ptr, response->body.length);
}

static bool on_bytes(void *arg, const char *bytes, size_t length)
{
    struct call *call = arg;
    buf_add(&call->lines, bytes, length);
    return true;
}

static void on_open(void *arg)
{
    struct call *call = arg;
    call->status = 200;
}

static struct call *find(struct stand *stand, const json_t *command)
{
    const char *name = sim_json_text(command, "name", NULL);
    struct call *call;
    LIST_FOREACH(call, &stand->calls, entry)
    {
        if (strcmp(call->name, name) == 0)
            return call;
    }
    fprintf(stderr, "no request of the name \"%s\" is underway\n", name);
    exit(2);
}

static void call_free(struct call *call)
{
    http_cancel(call->http);
    LIST_REMOVE(call, entry);
    buf_fini(&call->lines);
    buf_fini(&call->body);
    free(call->name);
    free(call);
}

static json_t *start(struct stand *stand, const json_t *command)
{
    bool is_api = strcmp(sim_json_text(command, "host", NULL), "api") == 0;
    const char *host = is_api ? SIM_API_HOST : sim_gateway_host(stand->sim->pods[0].gateway);
    CLEANUP(freep)
    char *url = xasprintf("http://%s%s", host, sim_json_text(command, "path", NULL));
    const char *headers[HEADERS_MAX + 1] = {NULL};
    const json_t *given = json_object_get(command, "headers");
    for (size_t i = 0; i < json_array_size(given) && i < HEADERS_MAX; i++)
        headers[i] = json_string_value(json_array_get(given, i));
    const json_t *given_body = json_object_get(command, "body");
    struct span text = {json_string_value(given_body), json_string_length(given_body)};
    CLEANUP(bytes_unrefp) struct bytes *body = text.ptr ? bytes_copy(text) : NULL;
    bool is_stream = json_is_true(json_object_get(command, "stream"));
    struct call *call = xcalloc(1, sizeof(*call));
    call->name = xstrdup(sim_json_text(command, "name", NULL));
    buf_init(&call->lines, BUF_UNLIMITED);
    buf_init(&call->body, BUF_UNLIMITED);
    const struct http_request request = {
        .method = sim_json_text(command, "method", NULL),
        .url = url,
        .headers = headers,
        .body = body,
        .limit = BODY_MAX,
        .on_bytes = is_stream ? on_bytes : NULL,
        .on_open = is_stream ? on_open : NULL,
    };
    LIST_INSERT_HEAD(&stand->calls, call, entry);
    call->http = http_start(stand->http, &request, on_done, call);
    return json_object();
}

static size_t line_count(const struct buf *lines)
{
    size_t count = 0;
    for (size_t i = 0; i < lines->length; i++)
        count += lines->data[i] == '\n';
    return count;
}

/* Lets time pass until so many lines are there, or the request is over. */
static void await(struct stand *stand, const struct call *call, size_t count, const json_t *command)
{
    struct sim_time *time = stand->sim->time;
    int64_t until = sim_now(time) + sim_json_int(command, "ms", NULL) * 1000;
    while (call->http && line_count(&call->lines) < count && sim_time_step(time, until))
        ;
}

static json_t *finish(struct stand *stand, const json_t *command)
{
    struct call *call = find(stand, command);
    await(stand, call, SIZE_MAX, command);
    json_t *answer = call->http     ? json_pack("{s:b}", "unanswered", true)
                     : call->status ? json_pack("{s:I,s:s%}", "status", (json_int_t)call->status,
                                                "body", buf_text(&call->body), call->body.length)
                                    : json_pack("{s:i}", "lost", call->code);
    call_free(call);
    return answer;
}

static json_t *lines(struct stand *stand, const json_t *command)
{
    struct call *call = find(stand, command);
    await(stand, call, (size_t)sim_json_int(command, "count", NULL), command);
    json_t *all = json_array();
    const char *at = buf_text(&call->lines);
    for (const char *end; (end = strchr(at, '\n')); at = end + 1)
        json_array_append_new(all, json_stringn(at, (size_t)(end - at)));
    json_t *answer = json_pack("{s:I,s:b,s:s}", "status", (json_int_t)call->status, "over",
                               call->http == NULL, "body", buf_text(&call->body));
    json_object_set_new(answer, "lines", all);
    buf_clear(&call->lines);
    return answer;
}

static json_t *cancel(struct stand *stand, const json_t *command)
{
    call_free(find(stand, command));
    return json_object();
}

static json_t *wait(struct stand *stand, const json_t *command)
{
    struct sim_time *time = stand->sim->time;
    int64_t until = sim_now(time) + sim_json_int(command, "ms", NULL) * 1000;
    while (sim_time_step(time, until))
        ;
    return json_object();
}

/* The world. */

static void deny(struct stand *stand, const json_t *command)
{
    unsigned verbs = json_is_true(json_object_get(command, "denied")) ? SIM_ALL_VERBS : 0;
    for (unsigned kind = 0; kind < SIM_KIND_COUNT; kind++)
        sim_api_deny(stand->sim->api, kind, verbs);
    sim_api_deny_events(stand->sim->api, verbs != 0);
}

static void compact(struct stand *stand, const json_t *command)
{
    (void)command;
    sim_api_compact(stand->sim->api);
    for (unsigned i = 0; i < SIM_API_INSTANCES; i++)
        sim_api_restart(stand->sim->api, i);
}

static void set_bookmarks(struct stand *stand, const json_t *command)
{
    sim_api_set_bookmarks(stand->sim->api, sim_json_int(command, "ms", NULL));
}

static void set_expired(struct stand *stand, const json_t *command)
{
    sim_api_set_expired_as_status(stand->sim->api,
                                  json_is_true(json_object_get(command, "status")));
}

static void await_reload(struct stand *stand, const json_t *command)
{
    (void)command;
    struct sim_time *time = stand->sim->time;
    int64_t until = sim_now(time) + INT64_C(1000) * RELOAD_WAIT_MS;
    while (!sim_gateway_is_reloading(stand->sim->pods[0].gateway) && sim_time_step(time, until))
        ;
}

static void restart_gateway(struct stand *stand, const json_t *command)
{
    sim_gateway_restart(stand->sim->pods[0].gateway, json_is_true(json_object_get(command, "wipe")),
                        100);
}

static void start_operator(struct stand *stand, const json_t *command)
{
    (void)command;
    log_setup(LOG_LEVEL_ERROR, false);
    sim_start(stand->sim, 0);
}

static const struct {
    const char *what;
    void (*fn)(struct stand *stand, const json_t *command);
} happenings[] = {
    {"deny", deny}, /* everything, while "denied" */
    {"compact", compact},
    {"bookmarks", set_bookmarks},         /* every "ms" */
    {"expired", set_expired},             /* "status": HTTP 410 in place of an ERROR event */
    {"await-reload", await_reload},       /* until the gateway reloads */
    {"restart-gateway", restart_gateway}, /* "wipe" */
    {"start-operator", start_operator},
};

static json_t *world(struct stand *stand, const json_t *command)
{
    const char *what = sim_json_text(command, "what", NULL);
    for (size_t i = 0; i < ARRAY_LENGTH(happenings); i++) {
        if (strcmp(happenings[i].what, what) == 0) {
            happenings[i].fn(stand, command);
            return json_object();
        }
    }
    fprintf(stderr, "unknown happening \"%s\"\n", what);
    exit(2);
}

static void on_write(void *arg, const struct sim_gateway_write *write)
{
    struct stand *stand = arg;
    const char *verb = write->is_delete ? "delete" : write->oas ? "post_oas" : "post";
    CLEANUP(freep) char *text = xasprintf("%s %s", write->id, verb);
    json_array_append_new(stand->writes, json_string(text));
}

static json_t *writes(struct stand *stand, const json_t *command)
{
    (void)command;
    json_t *answer = json_pack("{s:o}", "writes", stand->writes);
    stand->writes = json_array();
    return answer;
}

static json_t *obey(struct stand *stand, const json_t *command)
{
    static const struct {
        const char *word;
        json_t *(*fn)(struct stand *stand, const json_t *command);
    } words[] = {{"start", start}, {"finish", finish}, {"lines", lines},  {"cancel", cancel},
                 {"wait", wait},   {"world", world},   {"writes", writes}};
    const char *word = sim_json_text(command, "do", NULL);
    for (size_t i = 0; i < ARRAY_LENGTH(words); i++) {
        if (strcmp(words[i].word, word) == 0)
            return words[i].fn(stand, command);
    }
    fprintf(stderr, "unknown command \"%s\"\n", word);
    exit(2);
}

static void serve(struct stand *stand)
{
    char *line = NULL;
    size_t capacity = 0;
    for (ssize_t length; (length = getline(&line, &capacity, stdin)) > 0;) {
        json_t *command = sim_json_parse(line, (size_t)length);
        json_t *answer = obey(stand, command);
        CLEANUP(freep) char *text = sim_json_dump(answer);
        puts(text);
        fflush(stdout);
        json_decref(answer);
        json_decref(command);
    }
    free(line);
}

int main(int argc, char **argv)
{
    if (argc > 2 || (argc == 2 && *argv[1] == '-')) {
        fputs("usage: grapnel-sim-serve [SEED] <commands\n", stderr);
        return 2;
    }
    uint64_t seed = argc == 2 ? strtoull(argv[1], NULL, 10) : 0;
    struct stand stand = {
        .sim = sim_new(&(struct sim_options){
            .seed = seed, .pods = {[SIM_DEFAULT] = 1}, .fixed = true, .without_oracle = true}),
        .writes = json_array(),
    };
    LIST_INIT(&stand.calls);
    sim_gateway_watch(stand.sim->pods[0].gateway, &(struct sim_gateway_watcher){.write = on_write},
                      &stand);
    stand.loop = sim_loop_new(&(struct sim_loop_options){
        .time = stand.sim->time, .random = sim_random_of(seed, 9), .wall_start = SIM_WALL_START});
    stand.http = sim_http_new(stand.sim->net, stand.loop, "client");
    serve(&stand);
    while (!LIST_EMPTY(&stand.calls))
        call_free(LIST_FIRST(&stand.calls));
    sim_http_free(stand.http);
    sim_loop_free(stand.loop);
    sim_free(stand.sim);
    json_decref(stand.writes);
    return 0;
}
