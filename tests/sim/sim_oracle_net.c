/* SPDX-License-Identifier: Apache-2.0 */
/* Rules about requests: what may be underway at once, how often something may be asked for, which
 * requests are external writes. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "sim/sim_oracle_private.h"

#define WINDOW (10 * SECONDS)
/* Far over what any honest flow asks for one thing in a window; a loop does it in no time. */
#define ASKED_MAX 150

static bool is_gateway(const struct sim_request *request)
{
    return strcmp(request->host, SIM_API_HOST) != 0;
}

static bool is_external_write(const struct sim_request *request)
{
    if (is_gateway(request))
        return strcmp(request->method, "GET") != 0 || str_starts(request->path, "/tyk/reload");
    return strcmp(request->method, "GET") != 0 && !strstr(request->path, "/events") &&
           !strstr(request->path, "/leases");
}

static struct sim_flight *flight_of(struct sim_oracle *oracle, const struct sim_request *request)
{
    CLEANUP(freep) char *key = xasprintf("%s %s", request->client, request->host);
    struct sim_flight *flight = strmap_get(oracle->flights, key);
    if (!flight) {
        flight = xcalloc(1, sizeof(*flight));
        strmap_set(oracle->flights, key, flight);
    }
    return flight;
}

/* The counter that a request to a gateway belongs to; NULL: none. */
static unsigned *counter_of(struct sim_flight *flight, const struct sim_request *request)
{
    bool get = strcmp(request->method, "GET") == 0;
    bool oas = str_starts(request->path, "/tyk/apis/oas");
    if (str_starts(request->path, "/tyk/reload"))
        return &flight->reloads;
    if (strcmp(request->method, "POST") == 0)
        return oas ? &flight->oas_posts : &flight->posts;
    if (strcmp(request->method, "DELETE") == 0)
        return &flight->deletes;
    return get && oas ? &flight->oas_reads : NULL;
}

static void check_flight(struct sim_oracle *oracle, const struct sim_flight *flight,
                         const struct sim_request *request)
{
    if (flight->reloads && flight->posts + flight->oas_posts + flight->deletes)
        sim_fail(oracle->sim, "write-in-reload", "%s writes to %s while its reload runs",
                 request->client, request->host);
    if (flight->reloads > 1 || flight->posts + flight->deletes > 4 || flight->oas_posts > 2 ||
        flight->oas_reads > 1)
        sim_fail(oracle->sim, "too-many",
                 "%s has underway to %s: %u Classic and %u OAS POSTs, %u DELETEs, %u reloads, %u "
                 "reads of OAS documents",
                 request->client, request->host, flight->posts, flight->oas_posts, flight->deletes,
                 flight->reloads, flight->oas_reads);
}

static void check_budget(struct sim_oracle *oracle, const struct sim_request *request)
{
    int64_t now = sim_now(oracle->sim->time);
    if (now - oracle->window > WINDOW) {
        strmap_clear(oracle->asked);
        oracle->window = now;
    }
    CLEANUP(freep)
    char *key = xasprintf("%s %s %s%.*s", request->client, request->method, request->host,
                          (int)strcspn(request->path, "?"), request->path);
    unsigned *count = strmap_get(oracle->asked, key);
    if (!count) {
        count = xcalloc(1, sizeof(*count));
        strmap_set(oracle->asked, key, count);
    }
    if (++*count > ASKED_MAX)
        sim_fail(oracle->sim, "budget", "%s, %u times in ten seconds", key, *count);
}

static bool counts_for_trap(const struct sim_oracle *oracle, const struct sim_request *request)
{
    return oracle->trap_is_of_requests || is_external_write(request);
}

static uint64_t reached(const struct sim_oracle *oracle)
{
    return oracle->trap_is_of_requests ? oracle->requests : oracle->writes;
}

static void spring(struct sim_oracle *oracle, const struct sim_request *request)
{
    oracle->trap = 0;
    oracle->trap_fn(oracle->trap_arg, request->client);
}

/* What a status that is written says, for people. */
static void say_conditions(struct sim_oracle *oracle, const struct sim_request *request)
{
    if (!oracle->sim->options.story || !strstr(request->path, "/status"))
        return;
    json_t *body = sim_json_parse(request->body.ptr, request->body.length);
    const json_t *conditions = sim_json_get(body, "status", "conditions", NULL);
    CLEANUP(buf_fini) struct buf text;
    buf_init(&text, BUF_UNLIMITED);
    for (size_t i = 0; i < json_array_size(conditions); i++) {
        const json_t *condition = json_array_get(conditions, i);
        buf_add_format(&text, " %s=%s/%s", sim_json_text(condition, "type", NULL),
                       sim_json_text(condition, "status", NULL),
                       sim_json_text(condition, "reason", NULL));
    }
    sim_say(oracle->sim, "   %s gateways %s webhooks %s", buf_text(&text),
            sim_json_text(body, "status", "gatewaysSummary", NULL),
            sim_json_text(body, "status", "webhooksSummary", NULL));
    json_decref(body);
}

/* Who stood in the lease at the time of a backup leads at once when that is restored; who has led
 * until then finds out with its next renewal. Nobody can keep that apart. */
#define RESTORE_AGE (15 * SECONDS)

/* Whoever leads by its own account may still find another that leads since: it was stopped, and
 * must not write any more. */
static void check_leader(struct sim_oracle *oracle, const struct sim_request *request)
{
    struct sim *sim = oracle->sim;
    if (!sim->options.elect)
        return;
    unsigned number = sim_number_of(request->client);
    int64_t since = sim->leads_since[number];
    if (since < 0)
        sim_fail(sim, "no-leader", "%s writes (%s %s%s) and does not lead", request->client,
                 request->method, request->host, request->path);
    else if (sim->leads_since[!number] > since &&
             sim_now(sim->time) - oracle->restored_at > RESTORE_AGE)
        sim_fail(sim, "two-leaders", "%s writes (%s %s%s) although another leads by now",
                 request->client, request->method, request->host, request->path);
}

static void on_sent(void *arg, struct sim_exchange *exchange)
{
    struct sim_oracle *oracle = arg;
    const struct sim_request *request = sim_request_of(exchange);
    if (is_gateway(request)) {
        struct sim_flight *flight = flight_of(oracle, request);
        unsigned *counter = counter_of(flight, request);
        if (counter) {
            ++*counter;
            check_flight(oracle, flight, request);
        }
    }
    check_budget(oracle, request);
    oracle->requests++;
    oracle->writes += is_external_write(request);
    if (counts_for_trap(oracle, request) && oracle->trap == reached(oracle) &&
        !oracle->trap_is_after)
        spring(oracle, request);
    if (is_external_write(request)) {
        check_leader(oracle, request);
        sim_say(oracle->sim, "%s: %s %s%s", request->client, request->method, request->host,
                request->path);
        say_conditions(oracle, request);
    }
}

static void on_obeyed(void *arg, struct sim_exchange *exchange)
{
    struct sim_oracle *oracle = arg;
    const struct sim_request *request = sim_request_of(exchange);
    /* Requests are numbered when they are sent, so an earlier one may be obeyed now. */
    if (counts_for_trap(oracle, request) && oracle->trap && oracle->trap_is_after &&
        reached(oracle) >= oracle->trap)
        spring(oracle, request);
}

static void on_answered(void *arg, const struct sim_exchange *exchange, long status)
{
    struct sim_oracle *oracle = arg;
    const struct sim_request *request = sim_request_of(exchange);
    if (is_external_write(request) || status / 100 != 2)
        sim_say(oracle->sim, "    %s %s%s answered %ld", request->method, request->host,
                request->path, status);
}

static void on_ended(void *arg, const struct sim_exchange *exchange)
{
    struct sim_oracle *oracle = arg;
    const struct sim_request *request = sim_request_of(exchange);
    unsigned *counter =
        is_gateway(request) ? counter_of(flight_of(oracle, request), request) : NULL;
    if (counter && *counter)
        --*counter;
}

const struct sim_net_watcher sim_oracle_net_watcher = {
    .sent = on_sent, .obeyed = on_obeyed, .answered = on_answered, .ended = on_ended};
