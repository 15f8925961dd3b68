/* SPDX-License-Identifier: Apache-2.0 */
#include "faults.h"

#include <event2/buffer.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exchange.h"
#include "gojson.h"
#include "mem.h"

static const char *const names[] = {
    [FAULT_NONE] = "",       [FAULT_HANG] = "hang",         [FAULT_RESET] = "reset",
    [FAULT_CLOSE] = "close", [FAULT_STATUS] = "status",     [FAULT_HTML] = "html",
    [FAULT_SLOW] = "slow",   [FAULT_DELAY] = "delay",       [FAULT_TRUNCATE] = "truncate",
    [FAULT_BREAK] = "break", [FAULT_WRONG_ID] = "wrong-id", [FAULT_NOT_APPLIED] = "not-applied",
};

struct rule {
    struct fault fault;
    char *path;    /* a prefix of the target, "" for all */
    char *method;  /* "" for all */
    int64_t count; /* requests that it still takes, -1: no end */
    struct rule *next;
};

struct faults {
    struct rule *first;
};

const char *fault_name(enum fault_kind kind)
{
    return names[kind];
}

void fault_fini(struct fault *fault)
{
    free(fault->body);
    free(fault->type);
    *fault = (struct fault){0};
}

struct faults *faults_new(void)
{
    return mem_zeroed(sizeof(struct faults));
}

static void rule_free(struct rule *rule)
{
    fault_fini(&rule->fault);
    free(rule->path);
    free(rule->method);
    free(rule);
}

void faults_clear(struct faults *faults)
{
    while (faults->first != NULL) {
        struct rule *rule = faults->first;
        faults->first = rule->next;
        rule_free(rule);
    }
}

void faults_free(struct faults *faults)
{
    if (faults != NULL) {
        faults_clear(faults);
    }
    free(faults);
}

/* The kind by its name; "5xx" is a status of 503, and a number is that status. */
static bool read_kind(const char *name, struct fault *fault)
{
    for (size_t i = 1; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(names[i], name) == 0) {
            fault->kind = (enum fault_kind)i;
            fault->status = 503;
            return true;
        }
    }
    char *end = NULL;
    long status = strcmp(name, "5xx") == 0 ? 503 : strtol(name, &end, 10);
    if ((end != NULL && *end != '\0') || status < 200 || status > 599) {
        return false;
    }
    fault->kind = FAULT_STATUS;
    fault->status = (int)status;
    return true;
}

static char *optional_string(const struct doc *doc, const char *name)
{
    uint32_t node = doc_member(doc, 0, name);
    return doc_is(doc, node, DOC_STRING) ? doc_string_copy(doc, node) : NULL;
}

/* A body may be a text, or JSON as it stands. */
static char *read_body(const struct doc *doc)
{
    uint32_t node = doc_member(doc, 0, "body");
    if (doc_is_null(doc, node) || doc_is(doc, node, DOC_STRING)) {
        return optional_string(doc, "body");
    }
    struct text json = {0};
    gojson_value(&json, doc, node);
    return json.bytes;
}

static void read_number(const struct doc *doc, const char *name, int64_t *value)
{
    int64_t given = 0;
    if (doc_integer(doc, doc_member(doc, 0, name), &given)) {
        *value = given;
    }
}

bool faults_add(struct faults *faults, const struct doc *doc, struct text *problem)
{
    struct rule *rule = mem_zeroed(sizeof(*rule));
    char *name = doc_string_copy(doc, doc_member(doc, 0, "fault"));
    bool known = read_kind(name, &rule->fault);
    if (!known) {
        text_printf(problem, "fault: unknown: \"%s\"", name);
    }
    free(name);
    if (!known) {
        rule_free(rule);
        return false;
    }
    int64_t status = rule->fault.status;
    rule->count = -1;
    rule->fault.ms = 100;
    rule->fault.bytes = 1;
    read_number(doc, "status", &status);
    read_number(doc, "count", &rule->count);
    read_number(doc, "ms", &rule->fault.ms);
    read_number(doc, "bytes", &rule->fault.bytes);
    read_number(doc, "retry_after", &rule->fault.retry_after_s);
    rule->fault.status = (int)status;
    rule->fault.apply = doc_bool(doc, doc_member(doc, 0, "apply"));
    rule->fault.body = read_body(doc);
    rule->fault.type = optional_string(doc, "type");
    rule->path = doc_string_copy(doc, doc_member(doc, 0, "path"));
    rule->method = doc_string_copy(doc, doc_member(doc, 0, "method"));
    if (rule->fault.bytes < 1 || rule->fault.ms < 0 || status < 200 || status > 599) {
        text_puts(problem, "bytes, ms or status: out of range");
        rule_free(rule);
        return false;
    }
    struct rule **end = &faults->first;
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = rule;
    return true;
}

void faults_match(struct faults *faults, const char *method, const char *target,
                  struct fault *ret_fault)
{
    *ret_fault = (struct fault){0};
    for (struct rule *rule = faults->first; rule != NULL; rule = rule->next) {
        if (rule->count == 0 || strncmp(target, rule->path, strlen(rule->path)) != 0 ||
            (*rule->method != '\0' && strcmp(method, rule->method) != 0)) {
            continue;
        }
        if (rule->count > 0) {
            rule->count--;
        }
        *ret_fault = rule->fault;
        ret_fault->body = rule->fault.body != NULL ? mem_string(rule->fault.body) : NULL;
        ret_fault->type = rule->fault.type != NULL ? mem_string(rule->fault.type) : NULL;
        return;
    }
}

void faults_write(const struct faults *faults, struct text *out)
{
    text_putc(out, '[');
    for (const struct rule *rule = faults->first; rule != NULL; rule = rule->next) {
        text_printf(out, "%s{\"fault\":\"%s\",\"path\":", rule != faults->first ? "," : "",
                    names[rule->fault.kind]);
        gojson_puts(out, rule->path);
        text_puts(out, ",\"method\":");
        gojson_puts(out, rule->method);
        text_printf(out, ",\"left\":%" PRId64 "}", rule->count);
    }
    text_putc(out, ']');
}

bool fault_comes_first(const struct fault *fault)
{
    switch (fault->kind) {
    case FAULT_HANG:
    case FAULT_RESET:
    case FAULT_CLOSE:
    case FAULT_STATUS:
    case FAULT_HTML:
        return !fault->apply;
    case FAULT_NONE:
    case FAULT_SLOW:
    case FAULT_DELAY:
    case FAULT_TRUNCATE:
    case FAULT_BREAK:
    case FAULT_WRONG_ID:
    case FAULT_NOT_APPLIED:
        return false;
    }
    return false;
}

static struct evbuffer *text_body(const char *text)
{
    struct evbuffer *body = evbuffer_new();
    evbuffer_add(body, text, strlen(text));
    return body;
}

static void send_status(struct exchange *exchange, const struct fault *fault)
{
    if (fault->retry_after_s > 0) {
        char seconds[24];
        snprintf(seconds, sizeof(seconds), "%" PRId64, fault->retry_after_s);
        exchange_add_header(exchange, "Retry-After", seconds);
    }
    exchange_send(exchange, fault->status, fault->type != NULL ? fault->type : TYPE_JSON,
                  text_body(fault->body != NULL
                                ? fault->body
                                : "{\"status\":\"error\",\"message\":\"injected fault\"}\n"));
}

/* The answer with another key; only answers to writes have one. */
static struct evbuffer *with_wrong_key(struct evbuffer *body)
{
    struct doc doc = {0};
    size_t len = evbuffer_get_length(body);
    const char *json = (const char *)evbuffer_pullup(body, -1);
    if (json == NULL || !doc_read_whole(&doc, json, len) ||
        doc_member(&doc, 0, "key") == DOC_NONE) {
        doc_fini(&doc);
        return body;
    }
    char *action = doc_string_copy(&doc, doc_member(&doc, 0, "action"));
    struct evbuffer *wrong = evbuffer_new();
    evbuffer_add_printf(wrong, "{\"key\":\"%s\",\"status\":\"ok\",\"action\":\"%s\"}\n",
                        "00000000000000000000000000000000", action);
    free(action);
    doc_fini(&doc);
    evbuffer_free(body);
    return wrong;
}

void fault_answer(struct exchange *exchange, int status, const char *type, struct evbuffer *body)
{
    struct fault *fault = &exchange->fault;
    struct evbuffer *answer = body != NULL ? body : evbuffer_new();
    size_t half = evbuffer_get_length(answer) / 2;
    switch (fault->kind) {
    case FAULT_NONE:
    case FAULT_DELAY:
    case FAULT_NOT_APPLIED:
        exchange_send(exchange, status, type, answer);
        return;
    case FAULT_WRONG_ID:
        exchange_send(exchange, status, type, with_wrong_key(answer));
        return;
    case FAULT_SLOW:
        exchange_send_slowly(exchange, status, type, answer, (size_t)fault->bytes, fault->ms);
        return;
    case FAULT_BREAK:
        exchange_send_part(exchange, status, type, answer, half);
        return;
    case FAULT_TRUNCATE: {
        struct evbuffer *part = evbuffer_new();
        evbuffer_remove_buffer(answer, part, half);
        exchange_send(exchange, status, type, part);
        break;
    }
    case FAULT_HANG:
        exchange_hang(exchange);
        break;
    case FAULT_RESET:
        exchange_drop(exchange, true);
        break;
    case FAULT_CLOSE:
        exchange_drop(exchange, false);
        break;
    case FAULT_STATUS:
        send_status(exchange, fault);
        break;
    case FAULT_HTML:
        exchange_send(exchange, 200, "text/html; charset=utf-8",
                      text_body(fault->body != NULL
                                    ? fault->body
                                    : "<!DOCTYPE html><html><body>Not a gateway</body></html>\n"));
        break;
    }
    evbuffer_free(answer);
}
