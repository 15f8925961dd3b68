/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"
#include "sim/sim_net_private.h"

#define SLOW_MAX_MS 8000
#define CONNECT_TIMEOUT_US 5000000
#define PIECES_MAX 6

static void host_free(void *value)
{
    struct sim_host *host = value;
    free(host->name);
    free(host);
}

struct sim_net *sim_net_new(struct sim_time *time, uint64_t seed)
{
    struct sim_net *net = xcalloc(1, sizeof(*net));
    net->time = time;
    net->random = sim_random_of(seed, 1);
    net->hosts = strmap_new(host_free);
    net->latency_low = 100;
    net->latency_high = 1000;
    LIST_INIT(&net->exchanges);
    return net;
}

void sim_net_free(struct sim_net *net)
{
    while (!LIST_EMPTY(&net->exchanges)) {
        struct sim_exchange *exchange = LIST_FIRST(&net->exchanges);
        exchange->underway = 0;
        exchange->is_over = true;
        exchange->call = NULL;
        sim_exchange_release(exchange);
    }
    strmap_free(net->hosts);
    free(net);
}

void sim_net_watch(struct sim_net *net, const struct sim_net_watcher *watcher, void *arg)
{
    net->watcher = *watcher;
    net->watcher_arg = arg;
}

uint64_t sim_net_requests(const struct sim_net *net)
{
    return net->requests;
}

void sim_net_set_latency(struct sim_net *net, int64_t low, int64_t high)
{
    net->latency_low = low;
    net->latency_high = high;
}

void sim_net_set_splits(struct sim_net *net, bool splits)
{
    net->splits = splits;
}

/* Hosts. */

struct sim_host *sim_net_add(struct sim_net *net, const char *name, sim_serve_fn *fn, void *arg)
{
    struct sim_host *host = xcalloc(1, sizeof(*host));
    *host = (struct sim_host){.net = net, .name = xstrdup(name), .serve = fn, .arg = arg};
    strmap_set(net->hosts, name, host);
    return host;
}

struct sim_host *sim_net_host(const struct sim_net *net, const char *name)
{
    return strmap_get(net->hosts, name);
}

void sim_net_remove(struct sim_net *net, const char *name)
{
    struct sim_host *host = sim_net_host(net, name);
    if (!host)
        return;
    sim_host_break_all(host);
    struct sim_exchange *exchange;
    LIST_FOREACH(exchange, &net->exchanges, entry)
    {
        if (exchange->host == host)
            exchange->host = NULL;
    }
    strmap_remove(net->hosts, name);
}

void sim_host_add_rule(struct sim_host *host, const struct sim_rule *rule)
{
    if (host->rule_count == SIM_RULES_MAX)
        abort();
    host->rules[host->rule_count++] = *rule;
}

void sim_host_clear_rules(struct sim_host *host)
{
    host->rule_count = 0;
}

void sim_host_set_chaos(struct sim_host *host, const struct sim_chaos *chaos)
{
    host->has_chaos = chaos != NULL;
    if (chaos)
        host->chaos = *chaos;
}

void sim_host_set_state(struct sim_host *host, enum sim_fault state)
{
    host->state = state;
}

void sim_host_break_all(struct sim_host *host)
{
    struct sim_exchange *next;
    struct sim_exchange *exchange;
    for (exchange = LIST_FIRST(&host->net->exchanges); exchange; exchange = next) {
        next = LIST_NEXT(exchange, entry);
        if (exchange->host == host && exchange->is_served && !exchange->is_over) {
            sim_fn *on_gone = exchange->on_gone;
            void *arg = exchange->gone_arg;
            sim_reply_break(exchange);
            if (on_gone)
                on_gone(arg);
        }
    }
}

void sim_host_silence_all(struct sim_host *host)
{
    struct sim_exchange *exchange;
    LIST_FOREACH(exchange, &host->net->exchanges, entry)
    {
        if (exchange->host == host)
            exchange->is_lost = true;
    }
}

/* What becomes of a request. */

static bool rule_takes(struct sim_rule *rule, const struct sim_request *request)
{
    if ((rule->method && strcmp(rule->method, request->method) != 0) ||
        (rule->part && !strstr(request->path, rule->part)) ||
        (rule->but && strstr(request->path, rule->but)))
        return false;
    if (!rule->skip)
        return true;
    rule->skip--;
    return false;
}

static bool find_rule(struct sim_host *host, const struct sim_request *request,
                      struct sim_rule *ret_rule)
{
    for (size_t i = 0; i < host->rule_count; i++) {
        struct sim_rule *rule = &host->rules[i];
        if (!rule_takes(rule, request))
            continue;
        *ret_rule = *rule;
        if (rule->count && !--rule->count) {
            host->rule_count--;
            memmove(rule, rule + 1, (host->rule_count - i) * sizeof(*rule));
        }
        return true;
    }
    return false;
}

static void make_busy(struct sim_net *net, struct sim_rule *fault)
{
    static const char body[] =
        "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\",\"message\":\"Too many "
        "requests\",\"reason\":\"TooManyRequests\",\"code\":429}";
    *fault = (struct sim_rule){.fault = SIM_STATUS, .status = 429, .body = body};
    if (sim_random_chance(&net->random, 500))
        fault->retry_after_s = sim_random_between(&net->random, 1, 5);
}

static void make_broken(struct sim_net *net, struct sim_rule *fault)
{
    static const long statuses[] = {500, 502, 503, 504};
    *fault = (struct sim_rule){.fault = SIM_STATUS,
                               .status = statuses[sim_random_below(&net->random, 4)],
                               .body = "upstream is not well"};
}

static void roll(struct sim_host *host, const struct sim_request *request,
                 struct sim_rule *ret_fault)
{
    struct sim_net *net = host->net;
    const struct sim_chaos *chaos = &host->chaos;
    const struct {
        uint16_t permille;
        enum sim_fault fault;
    } faults[] = {
        {chaos->refuse, SIM_REFUSE},
        {chaos->hang, SIM_HANG},
        {chaos->reset, SIM_RESET},
        {chaos->lose_answer, SIM_LOSE_ANSWER},
        {chaos->hang_answer, SIM_HANG_ANSWER},
        {chaos->break_answer, SIM_BREAK},
        {chaos->cut, SIM_CUT},
        {chaos->html, SIM_HTML},
        {chaos->busy, SIM_STATUS},
        {chaos->broken, SIM_STATUS},
        {chaos->slow, SIM_SLOW},
    };
    uint32_t number = sim_random_below(&net->random, 1000);
    for (size_t i = 0; i < ARRAY_LENGTH(faults); i++) {
        if (number >= faults[i].permille) {
            number -= faults[i].permille;
            continue;
        }
        *ret_fault = (struct sim_rule){.fault = faults[i].fault};
        if (i == 8)
            make_busy(net, ret_fault);
        else if (i == 9)
            make_broken(net, ret_fault);
        else if (faults[i].fault == SIM_SLOW)
            ret_fault->delay_ms = sim_random_between(&net->random, 20, SLOW_MAX_MS);
        /* A whole watch is never cut short at random: its faults are those of the server. */
        if (request->is_stream && (ret_fault->fault == SIM_CUT || ret_fault->fault == SIM_HTML) &&
            strstr(request->path, "watch=true"))
            *ret_fault = (struct sim_rule){.fault = SIM_FINE};
        return;
    }
}

static int64_t latency(struct sim_net *net)
{
    return sim_random_between(&net->random, net->latency_low, net->latency_high);
}

/* Messages to the client. */

void sim_message_free(void *arg)
{
    struct sim_message *message = arg;
    struct sim_exchange *exchange = message->exchange;
    exchange->underway--;
    free(message->bytes);
    free(message);
    sim_exchange_release(exchange);
}

static void message_arrives(void *arg)
{
    struct sim_message *message = arg;
    struct sim_exchange *exchange = message->exchange;
    if (exchange->call)
        sim_loop_call(exchange->loop, sim_http_take, sim_message_free, message);
    else
        sim_message_free(message);
}

static void post_at(struct sim_exchange *exchange, struct sim_message content, int64_t at)
{
    struct sim_net *net = exchange->net;
    struct sim_message *message = xmalloc(sizeof(*message));
    *message = content;
    message->exchange = exchange;
    exchange->underway++;
    exchange->last_at = at > exchange->last_at ? at : exchange->last_at;
    sim_after(net->time, exchange->last_at - sim_now(net->time), message_arrives, sim_message_free,
              message);
}

static void post(struct sim_exchange *exchange, struct sim_message content)
{
    post_at(exchange, content, sim_now(exchange->net->time) + latency(exchange->net));
}

static void fail_client(struct sim_exchange *exchange, int code, int64_t delay)
{
    post_at(exchange, (struct sim_message){.news = SIM_NEWS_FAILED, .code = code},
            sim_now(exchange->net->time) + delay);
}

/* In one piece, or in several. */
static void post_bytes(struct sim_exchange *exchange, const char *bytes, size_t length)
{
    struct sim_net *net = exchange->net;
    size_t pieces = net->splits && length > 1 ? sim_random_below(&net->random, PIECES_MAX) : 0;
    size_t at = 0;
    for (size_t i = 0; i < pieces && at < length; i++) {
        size_t piece = sim_random_below(&net->random, (uint32_t)(length - at + 1));
        if (!piece)
            continue;
        post(exchange, (struct sim_message){.news = SIM_NEWS_BYTES,
                                            .bytes = xstrndup(bytes + at, piece),
                                            .length = piece});
        at += piece;
    }
    if (at < length)
        post(exchange, (struct sim_message){.news = SIM_NEWS_BYTES,
                                            .bytes = xstrndup(bytes + at, length - at),
                                            .length = length - at});
}

/* The exchange. */

void sim_exchange_release(struct sim_exchange *exchange)
{
    if (exchange->call || exchange->underway || (exchange->is_served && !exchange->is_over))
        return;
    LIST_REMOVE(exchange, entry);
    for (size_t i = 0; exchange->headers[i]; i++)
        free(exchange->headers[i]);
    free(exchange->headers);
    free((void *)(uintptr_t)exchange->request.method);
    free((void *)(uintptr_t)exchange->request.path);
    free((void *)(uintptr_t)exchange->request.body.ptr);
    free(exchange->url_host);
    free(exchange);
}

static void tell_gone(void *arg)
{
    struct sim_exchange *exchange = arg;
    exchange->underway--;
    if (exchange->is_served && !exchange->is_over) {
        exchange->is_over = true;
        if (exchange->on_gone)
            exchange->on_gone(exchange->gone_arg);
    }
    sim_exchange_release(exchange);
}

static void drop_gone(void *arg)
{
    struct sim_exchange *exchange = arg;
    exchange->underway--;
}

void sim_exchange_leave(struct sim_exchange *exchange)
{
    struct sim_net *net = exchange->net;
    if (net->watcher.ended)
        net->watcher.ended(net->watcher_arg, exchange);
    exchange->call = NULL;
    if (exchange->is_served && !exchange->is_over && exchange->on_gone) {
        exchange->underway++;
        sim_after(exchange->net->time, latency(exchange->net), tell_gone, drop_gone, exchange);
        return;
    }
    sim_exchange_release(exchange);
}

/* The end for the server. */
static void close_server(struct sim_exchange *exchange)
{
    exchange->is_over = true;
    sim_exchange_release(exchange);
}

static void tell_obeyed(struct sim_exchange *exchange)
{
    struct sim_net *net = exchange->net;
    if (net->watcher.obeyed)
        net->watcher.obeyed(net->watcher_arg, exchange);
}

static void serve(struct sim_exchange *exchange)
{
    exchange->is_served = true;
    exchange->underway++; /* it stays until we are back */
    exchange->host->serve(exchange->host->arg, exchange);
    if (!exchange->is_later)
        tell_obeyed(exchange);
    exchange->underway--;
    sim_exchange_release(exchange);
}

static void serve_late(void *arg)
{
    struct sim_exchange *exchange = arg;
    exchange->underway--;
    if (exchange->host)
        serve(exchange);
    else
        sim_exchange_release(exchange);
}

static void answer_status(struct sim_exchange *exchange, const struct sim_rule *rule)
{
    exchange->is_served = true;
    exchange->fault.fault = SIM_FINE;
    const char *body = rule->body ? rule->body : "";
    exchange->last_at = sim_now(exchange->net->time) + rule->delay_ms * 1000;
    sim_reply_with(exchange, rule->status, body, strlen(body), rule->retry_after_s);
}

static void inflict(struct sim_exchange *exchange)
{
    static const char page[] = "<html><body>Please log in</body></html>";
    const struct sim_rule rule = exchange->fault;
    switch (rule.fault) {
    case SIM_REFUSE:
        fail_client(exchange, 7, latency(exchange->net));
        break;
    case SIM_UNKNOWN:
        fail_client(exchange, 6, latency(exchange->net));
        break;
    case SIM_DENY_TLS:
        fail_client(exchange, 60, latency(exchange->net));
        break;
    case SIM_RESET:
        fail_client(exchange, 56, latency(exchange->net));
        break;
    case SIM_HANG:
        /* A host that is cut off takes no connection either. */
        if (exchange->host->state == SIM_HANG)
            fail_client(exchange, 28, CONNECT_TIMEOUT_US);
        break;
    case SIM_EMPTY:
        answer_status(exchange, &(struct sim_rule){.status = 200});
        break;
    case SIM_HTML:
        answer_status(exchange, &(struct sim_rule){.status = 200, .body = page});
        break;
    case SIM_STATUS:
        answer_status(exchange, &rule);
        break;
    case SIM_SLOW:
        exchange->underway++;
        sim_after(exchange->net->time, rule.delay_ms * 1000, serve_late, drop_gone, exchange);
        break;
    case SIM_FINE:
    case SIM_LOSE_ANSWER:
    case SIM_HANG_ANSWER:
    case SIM_BREAK:
    case SIM_CUT:
        serve(exchange);
        break;
    }
    /* It may be gone by now. */
}

static void arrive(void *arg)
{
    struct sim_exchange *exchange = arg;
    struct sim_net *net = exchange->net;
    exchange->underway--;
    struct sim_host *host = sim_net_host(net, exchange->url_host);
    exchange->host = host;
    exchange->request.host = exchange->url_host;
    if (!host)
        exchange->fault = (struct sim_rule){.fault = SIM_REFUSE};
    else if (host->state != SIM_FINE)
        exchange->fault = (struct sim_rule){.fault = host->state};
    else if (!find_rule(host, &exchange->request, &exchange->fault) && host->has_chaos)
        roll(host, &exchange->request, &exchange->fault);
    inflict(exchange);
}

void sim_exchange_start(struct sim_exchange *exchange)
{
    struct sim_net *net = exchange->net;
    exchange->number = ++net->requests;
    LIST_INSERT_HEAD(&net->exchanges, exchange, entry);
    if (net->watcher.sent)
        net->watcher.sent(net->watcher_arg, exchange);
    if (sim_loop_is_killed(exchange->loop))
        return; /* nothing leaves it any more */
    exchange->underway++;
    sim_after(net->time, latency(net), arrive, drop_gone, exchange);
}

/* The server's side. */

const struct sim_request *sim_request_of(const struct sim_exchange *exchange)
{
    return &exchange->request;
}

uint64_t sim_request_number(const struct sim_exchange *exchange)
{
    return exchange->number;
}

const char *sim_request_header(const struct sim_exchange *exchange, const char *name)
{
    size_t length = strlen(name);
    for (size_t i = 0; exchange->headers[i]; i++) {
        const char *header = exchange->headers[i];
        if (strncasecmp(header, name, length) == 0 && header[length] == ':')
            return header + length + 1 + (header[length + 1] == ' ');
    }
    return NULL;
}

static char *url_decode(const char *text, size_t length)
{
    char *out = xmalloc(length + 1);
    size_t to = 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '%' && i + 2 < length) {
            char digits[3] = {text[i + 1], text[i + 2], '\0'};
            out[to++] = (char)strtol(digits, NULL, 16);
            i += 2;
        } else {
            out[to++] = text[i];
        }
    }
    out[to] = '\0';
    return out;
}

char *sim_request_query(const struct sim_exchange *exchange, const char *name)
{
    const char *at = strchr(exchange->request.path, '?');
    size_t length = strlen(name);
    while (at) {
        at++;
        size_t end = strcspn(at, "&");
        if (strncmp(at, name, length) == 0 && at[length] == '=')
            return url_decode(at + length + 1, end - length - 1);
        at = strchr(at, '&');
    }
    return NULL;
}

void sim_exchange_on_gone(struct sim_exchange *exchange, sim_fn *fn, void *arg)
{
    exchange->on_gone = fn;
    exchange->gone_arg = arg;
}

void sim_reply_later(struct sim_exchange *exchange)
{
    exchange->is_later = true;
}

void sim_reply_obeyed(struct sim_exchange *exchange)
{
    tell_obeyed(exchange);
}

/* An answer that does not arrive as it was sent. True: that is all that becomes of it. */
static bool spoil(struct sim_exchange *exchange, long status, const char *body, size_t length)
{
    struct sim_net *net = exchange->net;
    size_t part = sim_random_below(&net->random, (uint32_t)length + 1);
    switch (exchange->fault.fault) {
    case SIM_LOSE_ANSWER:
        fail_client(exchange, sim_random_chance(&net->random, 500) ? 52 : 56, latency(net));
        return true;
    case SIM_HANG_ANSWER:
        exchange->is_lost = true;
        return true;
    case SIM_BREAK:
        if (part)
            post(exchange, (struct sim_message){.news = SIM_NEWS_OPEN, .status = status});
        post_bytes(exchange, body, part);
        fail_client(exchange, 18, latency(net));
        return true;
    case SIM_CUT:
        post(exchange, (struct sim_message){.news = SIM_NEWS_OPEN, .status = status});
        post_bytes(exchange, body, part);
        post(exchange, (struct sim_message){.news = SIM_NEWS_DONE, .retry_after_ms = -1});
        return true;
    default:
        return false;
    }
}

void sim_reply_with(struct sim_exchange *exchange, long status, const char *body, size_t length,
                    int64_t retry_after_s)
{
    struct sim_net *net = exchange->net;
    if (net->watcher.answered)
        net->watcher.answered(net->watcher_arg, exchange, status);
    if (exchange->call && !exchange->is_lost && !spoil(exchange, status, body, length)) {
        post(exchange, (struct sim_message){.news = SIM_NEWS_OPEN, .status = status});
        post_bytes(exchange, body, length);
        post(exchange,
             (struct sim_message){.news = SIM_NEWS_DONE,
                                  .retry_after_ms = retry_after_s ? retry_after_s * 1000 : -1});
    }
    close_server(exchange);
}

void sim_reply(struct sim_exchange *exchange, long status, const char *body, size_t length)
{
    sim_reply_with(exchange, status, body, length, 0);
}

void sim_reply_open(struct sim_exchange *exchange)
{
    struct sim_net *net = exchange->net;
    if (net->watcher.answered)
        net->watcher.answered(net->watcher_arg, exchange, 200);
    /* Streams that never answer, or break at once. */
    if (exchange->fault.fault == SIM_HANG_ANSWER)
        exchange->is_lost = true;
    exchange->is_open = true;
    if (exchange->call && !exchange->is_lost)
        post(exchange, (struct sim_message){.news = SIM_NEWS_OPEN, .status = 200});
}

void sim_reply_bytes(struct sim_exchange *exchange, const char *bytes, size_t length)
{
    if (exchange->call && !exchange->is_lost)
        post_bytes(exchange, bytes, length);
}

void sim_reply_end(struct sim_exchange *exchange)
{
    if (exchange->call && !exchange->is_lost)
        post(exchange, (struct sim_message){.news = SIM_NEWS_DONE, .retry_after_ms = -1});
    close_server(exchange);
}

void sim_reply_break(struct sim_exchange *exchange)
{
    if (exchange->call && !exchange->is_lost)
        fail_client(exchange, exchange->is_open ? 18 : 56, latency(exchange->net));
    close_server(exchange);
}
