/* SPDX-License-Identifier: Apache-2.0 */
#include "support/fake_gateway.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/json_text.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strmap.h"
#include "support/fake_loop.h"

#define MAX_FAULTS 8

struct file {
    bool oas;
    char *text;
};

/* A definition that is loaded: the file it came from, and what GET shows. */
struct loaded {
    bool oas;
    char *source;
    char *shown;
};

struct fake_gateway {
    struct loop *loop;
    struct http *http;
    char *url;
    char *secret;
    struct strmap *disk;
    struct strmap *companions; /* ids of which there is an <id>-oas.json; a set */
    struct strmap *loaded;
    struct fake_gateway_counts counts;
    struct fake_fault_rule faults[MAX_FAULTS];
    size_t fault_count;
    int64_t ready_at;
    bool never_ready;
    int64_t tick_ms;
    int64_t reload_due; /* -1: none asked for */
    struct fake_gateway *other;
    bool turn_of_other;
};

static void free_file(void *value)
{
    struct file *file = value;
    free(file->text);
    free(file);
}

static void free_loaded(void *value)
{
    struct loaded *loaded = value;
    free(loaded->source);
    free(loaded->shown);
    free(loaded);
}

struct fake_gateway *fake_gateway_new(struct loop *loop, struct http *http, const char *url,
                                      const char *secret)
{
    struct fake_gateway *gateway = xcalloc(1, sizeof(*gateway));
    gateway->loop = loop;
    gateway->http = http;
    gateway->url = xstrdup(url);
    gateway->secret = xstrdup(secret);
    gateway->disk = strmap_new(free_file);
    gateway->companions = strset_new();
    gateway->loaded = strmap_new(free_loaded);
    gateway->tick_ms = 1000;
    gateway->reload_due = -1;
    return gateway;
}

void fake_gateway_free(struct fake_gateway *gateway)
{
    strmap_free(gateway->disk);
    strmap_free(gateway->companions);
    strmap_free(gateway->loaded);
    free(gateway->url);
    free(gateway->secret);
    free(gateway);
}

static struct span span_of(const char *text)
{
    return (struct span){text, strlen(text)};
}

static struct span path_of(const struct file *file)
{
    if (file->oas)
        return json_text_get(span_of(file->text), "x-tyk-api-gateway", "server", "listenPath",
                             "value", NULL);
    return json_text_get(span_of(file->text), "proxy", "listen_path", NULL);
}

static bool same_path(const struct file *a, const struct file *b)
{
    CLEANUP(freep) char *left = json_text_string(path_of(a));
    CLEANUP(freep) char *right = json_text_string(path_of(b));
    CLEANUP(freep) char *domain_a = json_text_string(json_text_member(span_of(a->text), "domain"));
    CLEANUP(freep) char *domain_b = json_text_string(json_text_member(span_of(b->text), "domain"));
    return str_equal(left, right) && str_equal(domain_a ? domain_a : "", domain_b ? domain_b : "");
}

/* A handler of a wrong type cuts the Tyk extension off: listen path and upstream are lost. */
static bool is_truncated(const struct file *file)
{
    return file->oas && strstr(file->text, "\"cooldownPeriod\":10");
}

static char *show(const struct file *file, const char *id, bool renamed)
{
    CLEANUP(json_edit_freep) struct json_edit *edit = json_edit_new(span_of(file->text));
    struct buf out;
    buf_init(&out, BUF_UNLIMITED);
    struct span extension = json_text_member(span_of(file->text), "x-tyk-api-gateway");
    if (is_truncated(file)) {
        CLEANUP(freep)
        char *rest = xasprintf(
            "{\"info\":{\"id\":\"%s\"},\"upstream\":{},\"server\":{\"listenPath\":{}}}", id);
        json_edit_replace(edit, extension, rest, strlen(rest));
    } else if (renamed) {
        CLEANUP(freep) char *path = json_text_string(path_of(file));
        CLEANUP(freep) char *other = xasprintf("\"%s-%s\"", path, id);
        json_edit_replace(edit, path_of(file), other, strlen(other));
    }
    json_edit_apply(edit, &out);
    return buf_take(&out);
}

static bool is_loadable(const struct file *file, const char *id)
{
    CLEANUP(freep) char *path = json_text_string(path_of(file));
    return !str_ends(id, "-oas") && path && *path == '/';
}

static void load(struct fake_gateway *gateway, struct strmap *into, const char *id,
                 const struct file *file)
{
    struct loaded *loaded = xcalloc(1, sizeof(*loaded));
    const struct loaded *before = strmap_get(gateway->loaded, id);
    loaded->oas = file->oas;
    loaded->source = xstrdup(file->text);
    if (before && before->oas == file->oas && strcmp(before->source, file->text) == 0) {
        /* An unchanged definition keeps what it was given. */
        loaded->shown = xstrdup(before->shown);
    } else {
        size_t rivals = 0;
        for (struct strmap_entry *entry = strmap_first(gateway->disk); entry;
             entry = strmap_next(entry))
            rivals += same_path(strmap_entry_value(entry), file);
        loaded->shown = show(file, id, rivals > 1);
    }
    strmap_set(into, id, loaded);
}

void fake_gateway_reload(struct fake_gateway *gateway)
{
    struct strmap *fresh = strmap_new(free_loaded);
    for (struct strmap_entry *entry = strmap_first(gateway->disk); entry;
         entry = strmap_next(entry)) {
        const char *id = strmap_entry_key(entry);
        if (is_loadable(strmap_entry_value(entry), id))
            load(gateway, fresh, id, strmap_entry_value(entry));
    }
    strmap_free(gateway->loaded);
    gateway->loaded = fresh;
}

void fake_gateway_put_file(struct fake_gateway *gateway, const char *id, bool oas, const char *text)
{
    struct file *file = xcalloc(1, sizeof(*file));
    file->oas = oas;
    file->text = xstrdup(text);
    strmap_set(gateway->disk, id, file);
    /* One of before stays beside a Classic definition, for ever. */
    if (oas)
        strset_add(gateway->companions, id);
}

void fake_gateway_put(struct fake_gateway *gateway, const char *id, bool oas, const char *text)
{
    fake_gateway_put_file(gateway, id, oas, text);
    fake_gateway_reload(gateway);
}

void fake_gateway_take(struct fake_gateway *gateway, const char *id)
{
    strmap_remove(gateway->disk, id);
    strmap_remove(gateway->companions, id);
    fake_gateway_reload(gateway);
}

static bool is_for(const struct fake_gateway *gateway, const struct fake_call *call)
{
    return str_starts(call->url, gateway->url) && call->url[strlen(gateway->url)] == '/';
}

static struct fake_call *first_call(const struct fake_gateway *gateway)
{
    struct fake_call *call;
    for (size_t i = 0; (call = fake_http_nth(gateway->http, i)); i++) {
        if (is_for(gateway, call))
            return call;
    }
    return NULL;
}

/* Who asks loses the connection. What is asked anew comes behind. */
static void break_calls(struct fake_gateway *gateway)
{
    size_t count = 0;
    struct fake_call *call;
    for (size_t i = 0; (call = fake_http_nth(gateway->http, i)); i++)
        count += is_for(gateway, call);
    while (count-- && (call = first_call(gateway)))
        fake_http_fail(gateway->http, call, ERR_TRANSIENT, 56, "connection reset by peer");
}

void fake_gateway_restart(struct fake_gateway *gateway, bool wipe, int64_t ready_ms)
{
    if (wipe) {
        strmap_clear(gateway->disk);
        strmap_clear(gateway->companions);
    }
    strmap_clear(gateway->loaded);
    gateway->ready_at = loop_now(gateway->loop) + ready_ms;
    gateway->reload_due = -1;
    break_calls(gateway);
    if (!ready_ms)
        fake_gateway_reload(gateway);
}

void fake_gateway_set_tick(struct fake_gateway *gateway, int64_t tick_ms)
{
    gateway->tick_ms = tick_ms;
}

void fake_gateway_set_never_ready(struct fake_gateway *gateway, bool never)
{
    gateway->never_ready = never;
}

const char *fake_gateway_loaded(const struct fake_gateway *gateway, const char *id)
{
    const struct loaded *loaded = strmap_get(gateway->loaded, id);
    return loaded ? loaded->shown : NULL;
}

const char *fake_gateway_file(const struct fake_gateway *gateway, const char *id)
{
    const struct file *file = strmap_get(gateway->disk, id);
    return file ? file->text : NULL;
}

bool fake_gateway_has_companion(const struct fake_gateway *gateway, const char *id)
{
    return strmap_has(gateway->companions, id);
}

size_t fake_gateway_loaded_count(const struct fake_gateway *gateway)
{
    return strmap_count(gateway->loaded);
}

void fake_gateway_dump(const struct fake_gateway *gateway)
{
    for (struct strmap_entry *entry = strmap_first(gateway->disk); entry;
         entry = strmap_next(entry)) {
        const struct loaded *loaded = strmap_get(gateway->loaded, strmap_entry_key(entry));
        print_error("%s: on disk\n  %s\nloaded\n  %s\n", strmap_entry_key(entry),
                    ((struct file *)strmap_entry_value(entry))->text,
                    loaded ? loaded->shown : "nothing");
    }
}

void fake_gateway_balance(struct fake_gateway *gateway, struct fake_gateway *other)
{
    gateway->other = other;
}

const struct fake_gateway_counts *fake_gateway_counts(const struct fake_gateway *gateway)
{
    return &gateway->counts;
}

void fake_gateway_reset_counts(struct fake_gateway *gateway)
{
    gateway->counts = (struct fake_gateway_counts){0};
}

void fake_gateway_fault(struct fake_gateway *gateway, const struct fake_fault_rule *rule)
{
    assert_true(gateway->fault_count < MAX_FAULTS);
    gateway->faults[gateway->fault_count++] = *rule;
}

void fake_gateway_heal(struct fake_gateway *gateway)
{
    gateway->fault_count = 0;
}

static bool concerns(const struct fake_fault_rule *rule, const struct fake_call *call)
{
    return (!rule->method || strcmp(rule->method, call->method) == 0) &&
           (!rule->url_part || strstr(call->url, rule->url_part));
}

static bool is_due_to(const struct fake_fault_rule *rule)
{
    return rule->passed + 1 >= rule->every;
}

static struct fake_fault_rule *fault_for(struct fake_gateway *gateway, const struct fake_call *call)
{
    for (size_t i = gateway->fault_count; i > 0; i--) {
        struct fake_fault_rule *rule = &gateway->faults[i - 1];
        if (concerns(rule, call) && is_due_to(rule))
            return rule;
    }
    return NULL;
}

/* One more request is answered: whose turn is it next? */
static void pass(struct fake_gateway *gateway, const struct fake_call *call)
{
    for (size_t i = 0; i < gateway->fault_count; i++) {
        struct fake_fault_rule *rule = &gateway->faults[i];
        if (concerns(rule, call))
            rule->passed = is_due_to(rule) ? 0 : rule->passed + 1;
    }
}

static void use_up(struct fake_gateway *gateway, struct fake_fault_rule *rule)
{
    if (!rule->count || --rule->count)
        return;
    size_t at = (size_t)(rule - gateway->faults);
    memmove(rule, rule + 1, (gateway->fault_count - at - 1) * sizeof(*rule));
    gateway->fault_count--;
}

/* The answer to one request. */
struct reply {
    long status;
    struct buf body;
};

static void say(struct reply *reply, long status, const char *message)
{
    reply->status = status;
    buf_add_format(&reply->body, "{\"status\":\"error\",\"message\":\"%s\"}", message);
}

static void say_done(struct reply *reply, const char *id, const char *action)
{
    reply->status = 200;
    buf_add_text(&reply->body, "{\"key\":");
    json_text_add_string(&reply->body, id);
    buf_add_format(&reply->body, ",\"status\":\"ok\",\"action\":\"%s\"}", action);
}

/* The Classic form of an OAS API: no marker in it. */
static void add_classic_form(struct buf *out, const char *id, const struct loaded *loaded)
{
    if (!loaded->oas) {
        buf_add_text(out, loaded->shown);
        return;
    }
    struct file file = {.oas = true, .text = loaded->shown};
    CLEANUP(freep) char *path = json_text_string(path_of(&file));
    buf_add_text(out, "{\"api_id\":");
    json_text_add_string(out, id);
    buf_add_text(out, ",\"is_oas\":true,\"proxy\":{\"listen_path\":");
    json_text_add_string(out, path ? path : "");
    buf_add_text(out, ",\"target_url\":\"\"},\"config_data\":null}");
}

static void answer_list(struct fake_gateway *gateway, bool oas, struct reply *reply)
{
    reply->status = 200;
    const char *separator = "[";
    for (struct strmap_entry *entry = strmap_first(gateway->loaded); entry;
         entry = strmap_next(entry)) {
        const struct loaded *loaded = strmap_entry_value(entry);
        if (oas && !loaded->oas)
            continue;
        buf_add_text(&reply->body, separator);
        if (oas)
            buf_add_text(&reply->body, loaded->shown);
        else
            add_classic_form(&reply->body, strmap_entry_key(entry), loaded);
        separator = ",";
    }
    buf_add_text(&reply->body, *separator == '[' ? "[]" : "]");
}

static void answer_get(struct fake_gateway *gateway, bool oas, const char *id, struct reply *reply)
{
    const struct loaded *loaded = strmap_get(gateway->loaded, id);
    if (!loaded) {
        say(reply, 404, "API not found");
    } else if (oas && !loaded->oas) {
        say(reply, 400, "the requested API definition is in Tyk classic format");
    } else {
        reply->status = 200;
        if (oas)
            buf_add_text(&reply->body, loaded->shown);
        else
            add_classic_form(&reply->body, id, loaded);
    }
}

static void answer_post(struct fake_gateway *gateway, bool oas, struct span body,
                        struct reply *reply)
{
    struct span given = oas ? json_text_get(body, "x-tyk-api-gateway", "info", "id", NULL)
                            : json_text_member(body, "api_id");
    CLEANUP(freep) char *id = json_text_string(given);
    assert_int_equal(json_text_check(body, &(struct json_text_limits){100, true}, NULL, NULL), 0);
    if (oas && !json_text_member(body, "x-tyk-api-gateway").ptr) {
        say(reply, 400, "the payload should contain x-tyk-api-gateway");
        return;
    }
    CLEANUP(freep) char *text = xstrndup(body.ptr, body.length);
    if (strstr(text, "\"dbId\":\"bad\"") || !id) {
        free(id);
        id = xstrdup("0123456789abcdef0123456789abcdef");
    }
    if (strstr(text, "\"refuse\":true")) {
        say(reply, 400, "Request malformed");
        return;
    }
    fake_gateway_put_file(gateway, id, oas, text);
    say_done(reply, id, "added");
}

static void answer_delete(struct fake_gateway *gateway, const char *id, struct reply *reply)
{
    const struct loaded *loaded = strmap_get(gateway->loaded, id);
    if (!loaded) {
        say(reply, 404, "API not found");
    } else if (!strmap_has(gateway->disk, id) ||
               (loaded->oas && !strmap_has(gateway->companions, id))) {
        say(reply, 500, "Delete failed");
    } else {
        /* What is loaded tells which files there should be, not what is on the disk. */
        strmap_remove(gateway->disk, id);
        if (loaded->oas)
            strmap_remove(gateway->companions, id);
        say_done(reply, id, "deleted");
    }
}

static char *decode(const char *text)
{
    struct buf out;
    buf_init(&out, BUF_UNLIMITED);
    for (; *text; text++) {
        if (*text == '%') {
            char digits[3] = {text[1], text[2], '\0'};
            buf_add_char(&out, (char)strtol(digits, NULL, 16));
            text += 2;
        } else {
            buf_add_char(&out, *text);
        }
    }
    return buf_take(&out);
}

/* The route of a request, and what it is counted as. */
enum route { READY, RELOAD, LIST, OAS_LIST, READ, OAS_READ, POST, OAS_POST, DELETE };

static enum route route_of(const struct fake_gateway *gateway, const struct fake_call *call,
                           const char **ret_id)
{
    const char *path = call->url + strlen(gateway->url);
    bool get = strcmp(call->method, "GET") == 0;
    *ret_id = "";
    if (get && strcmp(path, "/ready") == 0)
        return READY;
    if (get && strcmp(path, "/tyk/reload?block=true") == 0)
        return RELOAD;
    if (strcmp(path, "/tyk/apis") == 0)
        return get ? LIST : POST;
    if (strcmp(path, "/tyk/apis/oas") == 0)
        return get ? OAS_LIST : OAS_POST;
    if (str_starts(path, "/tyk/apis/oas/") && get) {
        *ret_id = path + strlen("/tyk/apis/oas/");
        return OAS_READ;
    }
    if (!str_starts(path, "/tyk/apis/"))
        fail_msg("unknown request %s %s", call->method, call->url);
    *ret_id = path + strlen("/tyk/apis/");
    return get ? READ : DELETE;
}

static void count(struct fake_gateway *gateway, enum route route)
{
    struct fake_gateway_counts *counts = &gateway->counts;
    size_t *const fields[] = {&counts->ready,     &counts->reloads,   &counts->lists,
                              &counts->oas_lists, &counts->reads,     &counts->oas_reads,
                              &counts->posts,     &counts->oas_posts, &counts->deletes};
    (*fields[route])++;
}

static void check_secret(const struct fake_gateway *gateway, const struct fake_call *call,
                         struct reply *reply)
{
    const char *secret = fake_call_header(call, "X-Tyk-Authorization");
    if (!str_equal(secret, gateway->secret))
        say(reply, 403, "Attempted administrative access with invalid or missing key!");
}

static void answer_in(struct fake_gateway *gateway, enum route route, const char *id,
                      struct span body, struct reply *reply)
{
    bool ready = !gateway->never_ready && loop_now(gateway->loop) >= gateway->ready_at;
    switch (route) {
    case READY:
        say(reply, ready ? 200 : 503, "");
        break;
    case RELOAD:
        fake_gateway_reload(gateway);
        reply->status = 200;
        buf_add_text(&reply->body, "{\"status\":\"ok\",\"message\":\"\"}");
        break;
    case LIST:
    case OAS_LIST:
        answer_list(gateway, route == OAS_LIST, reply);
        break;
    case READ:
    case OAS_READ:
        answer_get(gateway, route == OAS_READ, id, reply);
        break;
    case POST:
    case OAS_POST:
        answer_post(gateway, route == OAS_POST, body, reply);
        break;
    case DELETE:
        answer_delete(gateway, id, reply);
        break;
    }
}

static void inflict(struct fake_gateway *gateway, struct fake_call *call,
                    struct fake_fault_rule *rule)
{
    struct fake_fault_rule used = *rule;
    use_up(gateway, rule);
    switch (used.fault) {
    case FAKE_REFUSE:
        fake_http_fail(gateway->http, call, ERR_TRANSIENT, 7, "connection refused by peer");
        break;
    case FAKE_RESET:
        fake_http_fail(gateway->http, call, ERR_TRANSIENT, 56, "connection reset by peer");
        break;
    case FAKE_DENY_TLS:
        fake_http_fail(gateway->http, call, ERR_DENIED, 60, "certificate of evil.example");
        break;
    case FAKE_STATUS: {
        const char *body = used.body ? used.body : "{\"status\":\"error\",\"message\":\"sorry\"}";
        fake_http_answer_with(gateway->http, call, used.status, span_of(body), NULL,
                              used.retry_after_ms ? used.retry_after_ms : -1);
        break;
    }
    case FAKE_FINE:
    case FAKE_LOSE:
    case FAKE_HANG:
        break;
    }
}

static size_t pending(const struct fake_gateway *gateway, const char *method, const char *part)
{
    CLEANUP(freep) char *url = xasprintf("%s%s", gateway->url, part);
    return fake_http_count(gateway->http, method, url);
}

/* What a client may not do to a gateway. */
static void check_rules(struct fake_gateway *gateway)
{
    size_t all_posts = pending(gateway, "POST", "/tyk/apis");
    size_t oas_posts = pending(gateway, "POST", "/tyk/apis/oas");
    size_t deletes = pending(gateway, "DELETE", "/tyk/apis");
    size_t reloads = pending(gateway, "GET", "/tyk/reload");
    size_t oas_reads = pending(gateway, "GET", "/tyk/apis/oas");
    assert_true(all_posts - oas_posts + deletes <= 4);
    assert_true(oas_posts <= 2);
    assert_true(oas_reads <= 1);
    assert_true(reloads <= 1);
    if (reloads && all_posts + deletes)
        fail_msg("%s: a write while a reload runs", gateway->url);
}

/* A reload's turn comes with the next tick. */
static bool is_due(struct fake_gateway *gateway)
{
    int64_t now = loop_now(gateway->loop);
    if (!gateway->tick_ms)
        return true;
    if (gateway->reload_due < 0)
        gateway->reload_due = (now / gateway->tick_ms + 1) * gateway->tick_ms;
    if (now < gateway->reload_due)
        return false;
    gateway->reload_due = -1;
    return true;
}

static void answer(struct fake_gateway *gateway, struct fake_call *call, enum route route,
                   const char *encoded, struct fake_fault_rule *lost)
{
    struct fake_gateway *pod = gateway;
    if (gateway->other) {
        gateway->turn_of_other = !gateway->turn_of_other;
        pod = gateway->turn_of_other ? gateway->other : gateway;
    }
    struct reply reply = {0};
    buf_init(&reply.body, BUF_UNLIMITED);
    CLEANUP(freep) char *id = decode(encoded);
    if (route != READY)
        check_secret(gateway, call, &reply);
    if (!reply.status)
        answer_in(pod, route, id, call->body, &reply);
    struct span body = {buf_text(&reply.body), reply.body.length};
    if (lost)
        fake_http_fail(gateway->http, call, ERR_TRANSIENT, 56, "connection reset by peer");
    else
        fake_http_answer_with(gateway->http, call, reply.status, body, NULL, -1);
    buf_fini(&reply.body);
    if (lost)
        use_up(gateway, lost);
}

/* Answers one pending request; false: there is none that can be answered now. */
static bool serve_one(struct fake_gateway *gateway)
{
    check_rules(gateway);
    for (size_t i = 0;; i++) {
        struct fake_call *call = fake_http_nth(gateway->http, i);
        if (!call)
            return false;
        if (!is_for(gateway, call))
            continue;
        struct fake_fault_rule *rule = fault_for(gateway, call);
        if (rule && rule->fault == FAKE_HANG)
            continue;
        const char *encoded;
        enum route route = route_of(gateway, call, &encoded);
        if (route == RELOAD && !rule && !is_due(gateway))
            continue;
        count(gateway, route);
        pass(gateway, call);
        if (rule && rule->fault != FAKE_LOSE)
            inflict(gateway, call, rule);
        else
            answer(gateway, call, route, encoded, rule);
        return true;
    }
}

static void serve(struct fake_gateway *const *gateways, size_t count)
{
    for (bool served = true; served;) {
        served = false;
        for (size_t i = 0; i < count; i++) {
            struct fake_gateway *gateway = gateways[i];
            /* Ready again: what is on the disk is loaded. */
            if (gateway->ready_at && loop_now(gateway->loop) >= gateway->ready_at) {
                gateway->ready_at = 0;
                fake_gateway_reload(gateway);
            }
            served |= serve_one(gateway);
        }
    }
}

static int64_t next_event(struct fake_gateway *const *gateways, size_t count, int64_t until)
{
    int64_t next = fake_loop_next(gateways[0]->loop);
    if (next < 0 || next > until)
        next = until;
    for (size_t i = 0; i < count; i++) {
        const struct fake_gateway *gateway = gateways[i];
        /* One whose client has gone, or that hangs, is past. */
        bool is_due = gateway->reload_due > loop_now(gateway->loop);
        if (is_due && gateway->reload_due < next)
            next = gateway->reload_due;
        if (gateway->ready_at && gateway->ready_at < next)
            next = gateway->ready_at;
    }
    return next;
}

int64_t fake_gateways_run_until(struct fake_gateway *const *gateways, size_t count,
                                bool (*condition)(void *arg), void *arg, int64_t limit_ms)
{
    struct loop *loop = gateways[0]->loop;
    int64_t start = loop_now(loop);
    int64_t until = start + limit_ms;
    fake_loop_run(loop);
    serve(gateways, count);
    while (!condition || !condition(arg)) {
        int64_t now = loop_now(loop);
        if (now >= until) {
            if (condition)
                fail_msg("it has not come about in %lld ms", (long long)limit_ms);
            break;
        }
        int64_t next = next_event(gateways, count, until);
        fake_loop_advance(loop, next > now ? next - now : 0);
        serve(gateways, count);
    }
    return loop_now(loop) - start;
}

void fake_gateways_run(struct fake_gateway *const *gateways, size_t count, int64_t ms)
{
    (void)fake_gateways_run_until(gateways, count, NULL, NULL, ms);
}
