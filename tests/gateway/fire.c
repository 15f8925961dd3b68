/* SPDX-License-Identifier: Apache-2.0 */
#include "fire.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "gateway.h"
#include "gojson.h"
#include "journal.h"
#include "map.h"
#include "mem.h"
#include "webhook.h"

#define DELIVERY_TIMEOUT_S 30
#define FOR_EVER INT64_MAX

/* A request that was sent once and is not to be sent again before a time. */
struct cooldown {
    char *digest;
    int64_t until_ms;
};

struct delivery {
    struct fire *fire;
    struct evhttp_connection *connection;
    struct event *over; /* evhttp must not lose a connection while it calls back from it */
    char *digest;
    int64_t cooldown_s;
    struct delivery *next;
    struct delivery *previous;
};

struct fire {
    struct event_base *base;
    struct journal *journal;
    struct map cooldowns; /* by digest */
    struct delivery *deliveries;
};

struct fire *fire_new(struct event_base *base, struct journal *journal)
{
    struct fire *fire = mem_zeroed(sizeof(*fire));
    fire->base = base;
    fire->journal = journal;
    return fire;
}

static void delivery_free(struct delivery *delivery)
{
    if (delivery->previous != NULL) {
        delivery->previous->next = delivery->next;
    } else {
        delivery->fire->deliveries = delivery->next;
    }
    if (delivery->next != NULL) {
        delivery->next->previous = delivery->previous;
    }
    evhttp_connection_free(delivery->connection);
    event_free(delivery->over);
    free(delivery->digest);
    free(delivery);
}

void fire_free(struct fire *fire)
{
    if (fire == NULL) {
        return;
    }
    struct delivery *delivery = fire->deliveries;
    while (delivery != NULL) {
        struct delivery *next = delivery->next;
        delivery_free(delivery);
        delivery = next;
    }
    size_t position = 0;
    struct cooldown *cooldown = NULL;
    while ((cooldown = map_next(&fire->cooldowns, &position)) != NULL) {
        free(cooldown->digest);
        free(cooldown);
    }
    map_fini(&fire->cooldowns);
    free(fire);
}

/* A cooldown of zero or less is a key that never expires: delivered once, and never again. */
static void set_cooldown(struct fire *fire, const char *digest, int64_t seconds)
{
    struct cooldown *cooldown = map_get(&fire->cooldowns, digest);
    if (cooldown == NULL) {
        cooldown = mem_zeroed(sizeof(*cooldown));
        cooldown->digest = mem_string(digest);
        map_put(&fire->cooldowns, cooldown->digest, cooldown);
    }
    cooldown->until_ms = seconds > 0 ? gateway_now_ms() + seconds * 1000 : FOR_EVER;
}

static bool is_cooling(const struct fire *fire, const char *digest)
{
    const struct cooldown *cooldown = map_get(&fire->cooldowns, digest);
    return cooldown != NULL && gateway_now_ms() < cooldown->until_ms;
}

/* Delivered or not: the cooldown begins when the request is over. */
static void on_delivered(struct evhttp_request *request, void *arg)
{
    struct delivery *delivery = arg;
    if (request != NULL && evhttp_request_get_response_code(request) != 0) {
        delivery->fire->journal->delivered++;
    }
    set_cooldown(delivery->fire, delivery->digest, delivery->cooldown_s);
    event_active(delivery->over, EV_TIMEOUT, 0);
}

static void on_over(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    delivery_free(arg);
}

static enum evhttp_cmd_type command_of(const char *method)
{
    if (strcmp(method, "POST") == 0) {
        return EVHTTP_REQ_POST;
    }
    if (strcmp(method, "PUT") == 0) {
        return EVHTTP_REQ_PUT;
    }
    if (strcmp(method, "DELETE") == 0) {
        return EVHTTP_REQ_DELETE;
    }
    return strcmp(method, "PATCH") == 0 ? EVHTTP_REQ_PATCH : EVHTTP_REQ_GET;
}

static void add_headers(struct evhttp_request *request, const struct webhook *webhook,
                        const char *host, int port)
{
    struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
    struct text value = {0};
    text_puts(&value, host);
    if (port > 0) {
        text_printf(&value, ":%d", port);
    }
    evhttp_add_header(headers, "Host", value.bytes);
    for (size_t i = 0; i < webhook->header_count; i++) {
        const char *name = webhook->headers[i].name;
        if (strcmp(name, "Host") != 0 && strcmp(name, "Content-Length") != 0) {
            evhttp_add_header(headers, name, webhook->headers[i].value);
        }
    }
    text_clear(&value);
    text_printf(&value, "%zu", webhook->body.len);
    evhttp_add_header(headers, "Content-Length", value.bytes);
    evhttp_add_header(headers, "Accept-Encoding", "gzip");
    text_fini(&value);
}

static struct delivery *delivery_new(struct fire *fire, const struct webhook *webhook,
                                     const char *digest, const char *host, int port)
{
    struct delivery *delivery = mem_zeroed(sizeof(*delivery));
    delivery->fire = fire;
    delivery->digest = mem_string(digest);
    delivery->cooldown_s = webhook->cooldown_s;
    delivery->over = event_new(fire->base, -1, 0, on_over, delivery);
    delivery->connection =
        evhttp_connection_base_new(fire->base, NULL, host, (ev_uint16_t)(port > 0 ? port : 80));
    evhttp_connection_set_timeout(delivery->connection, DELIVERY_TIMEOUT_S);
    delivery->next = fire->deliveries;
    if (fire->deliveries != NULL) {
        fire->deliveries->previous = delivery;
    }
    fire->deliveries = delivery;
    return delivery;
}

static void send_request(struct fire *fire, const struct webhook *webhook, const char *digest,
                         const struct evhttp_uri *uri)
{
    const char *host = evhttp_uri_get_host(uri);
    int port = evhttp_uri_get_port(uri);
    const char *path = evhttp_uri_get_path(uri);
    const char *query = evhttp_uri_get_query(uri);
    struct text target = {0};
    text_printf(&target, "%s%s%s", path != NULL && *path != '\0' ? path : "/",
                query != NULL ? "?" : "", query != NULL ? query : "");
    struct delivery *delivery = delivery_new(fire, webhook, digest, host, port);
    struct evhttp_request *request = evhttp_request_new(on_delivered, delivery);
    add_headers(request, webhook, host, port);
    evbuffer_add(evhttp_request_get_output_buffer(request), webhook->body.bytes, webhook->body.len);
    evhttp_make_request(delivery->connection, request, command_of(webhook->method), target.bytes);
    text_fini(&target);
}

/* Sends it. Returns NULL, or why it cannot be sent. */
static const char *deliver(struct fire *fire, const struct webhook *webhook, const char *digest)
{
    struct evhttp_uri *uri = evhttp_uri_parse(webhook->url);
    const char *scheme = uri != NULL ? evhttp_uri_get_scheme(uri) : NULL;
    const char *host = uri != NULL ? evhttp_uri_get_host(uri) : NULL;
    const char *problem = NULL;
    if (scheme == NULL || host == NULL || *host == '\0') {
        problem = "the URL names no host";
    } else if (strcasecmp(scheme, "http") != 0) {
        problem = "the stub delivers to http only";
    }
    if (problem != NULL) {
        if (uri != NULL) {
            evhttp_uri_free(uri);
        }
        return problem;
    }
    send_request(fire, webhook, digest, uri);
    evhttp_uri_free(uri);
    return NULL;
}

struct outcome {
    const char *result;
    const char *reason;
};

static struct outcome run_webhook(struct fire *fire, const struct webhook *webhook)
{
    if (webhook->disabled) {
        return (struct outcome){"skipped", "disabled"};
    }
    char *digest = webhook_digest(webhook);
    struct outcome outcome = {"sent", ""};
    if (is_cooling(fire, digest)) {
        fire->journal->held_back++;
        outcome = (struct outcome){"held-back", "cooldown"};
    } else {
        const char *problem = deliver(fire, webhook, digest);
        if (problem != NULL) {
            set_cooldown(fire, digest, webhook->cooldown_s);
            outcome = (struct outcome){"failed", problem};
        }
    }
    free(digest);
    return outcome;
}

static void put_member(struct text *out, const char *name, const char *value)
{
    text_printf(out, "%s\"%s\":", out->bytes[out->len - 1] == '{' ? "" : ",", name);
    gojson_puts(out, value);
}

static void report_webhook(struct text *report, const struct webhook *webhook)
{
    put_member(report, "name", webhook->name);
    put_member(report, "method", webhook->method);
    put_member(report, "url", webhook->url);
    text_puts(report, ",\"headers\":{");
    for (size_t i = 0; i < webhook->header_count; i++) {
        put_member(report, webhook->headers[i].name, webhook->headers[i].value);
    }
    text_putc(report, '}');
    put_member(report, "body", text_string(&webhook->body));
}

static void run_handler(struct fire *fire, const struct doc *doc, uint32_t handler,
                        const struct fire_event *event, struct text *report)
{
    char *name = doc_string_copy(doc, doc_member(doc, handler, "handler_name"));
    struct webhook webhook = {0};
    struct outcome outcome = {"skipped", "the stub runs webhooks only"};
    bool is_webhook = strcmp(name, "eh_web_hook_handler") == 0;
    bool readable =
        is_webhook && webhook_read(&webhook, doc, doc_member(doc, handler, "handler_meta"), event);
    if (readable) {
        outcome = run_webhook(fire, &webhook);
    } else if (is_webhook) {
        outcome.reason = "left out at load: a value has a wrong type";
    }
    text_putc(report, '{');
    put_member(report, "handler", name);
    put_member(report, "result", outcome.result);
    put_member(report, "reason", outcome.reason);
    if (readable) {
        report_webhook(report, &webhook);
    }
    text_putc(report, '}');
    webhook_fini(&webhook);
    free(name);
}

void fire_run(struct fire *fire, struct doc *doc, const struct definition *definition,
              const struct fire_event *event, struct text *report)
{
    struct text unread = {0};
    struct text *out = report != NULL ? report : &unread;
    doc_read_whole(doc, definition->classic.bytes, definition->classic.len);
    uint32_t events = doc_path(doc, 0, "event_handlers", "events", NULL);
    uint32_t handlers = DOC_NONE;
    size_t count = 0;
    struct doc_member *members = doc_members(doc, events, &count);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(members[i].key, event->name) == 0) { /* their case counts */
            handlers = members[i].value;
        }
    }
    doc_members_free(members, count);
    text_putc(out, '[');
    uint32_t end = doc_is(doc, handlers, DOC_ARRAY) ? doc->nodes[handlers].next : 0;
    for (uint32_t i = handlers + 1; i < end; i = doc->nodes[i].next) {
        if (i > handlers + 1) {
            text_putc(out, ',');
        }
        run_handler(fire, doc, i, event, out);
    }
    text_putc(out, ']');
    text_fini(&unread);
}

const char *fire_message(const char *event)
{
    static const struct {
        const char *event;
        const char *message;
    } messages[] = {
        {"RatelimitExceeded", "API Rate Limit Exceeded"},
        {"QuotaExceeded", "Key Quota Limit Exceeded"},
        {"AuthFailure", "Auth Failure"},
        {"KeyExpired", "Attempted access from inactive key."},
        {"VersionFailure", "Attempted access to disallowed version / path."},
        {"BreakerTripped", "Breaker Tripped"},
        {"BreakerReset", "Breaker Reset"},
        {"HostDown", "Uptime test failed"},
        {"HostUp", "Uptime test succeeded"},
    };
    for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
        if (strcmp(messages[i].event, event) == 0) {
            return messages[i].message;
        }
    }
    return "";
}
