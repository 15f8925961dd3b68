/* SPDX-License-Identifier: Apache-2.0 */
/* Routes and permissions. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_text.h"
#include "base/mem.h"
#include "base/str.h"
#include "sim/sim_api_private.h"
#include "sim/sim_json.h"

static void on_request(void *arg, struct sim_exchange *exchange);

static void free_event(void *value)
{
    json_decref(value);
}

struct sim_api *sim_api_new(const struct sim_api_options *options)
{
    struct sim_api *api = xcalloc(1, sizeof(*api));
    api->options = *options;
    api->random = sim_random_of(options->seed, 2);
    api->token = xstrdup(options->token);
    api->bookmark_ms = 60000;
    api->events = strmap_new(free_event);
    LIST_INIT(&api->pages);
    for (size_t i = 0; i < SIM_API_INSTANCES; i++) {
        struct sim_instance *instance = &api->instances[i];
        *instance = (struct sim_instance){.api = api, .lag = 2000};
        instance->seen = instance->known = sim_store_revision(options->store);
        LIST_INIT(&instance->watches);
    }
    sim_store_listen(options->store, sim_watch_change, api);
    api->host = sim_net_add(options->net, SIM_API_HOST, on_request, api);
    return api;
}

void sim_api_free(struct sim_api *api)
{
    for (size_t i = 0; i < SIM_API_INSTANCES; i++)
        sim_instance_break(&api->instances[i]);
    while (!LIST_EMPTY(&api->pages))
        sim_pages_free(LIST_FIRST(&api->pages));
    strmap_free(api->events);
    free(api->token);
    free(api);
}

void sim_api_deny(struct sim_api *api, unsigned kind, unsigned verbs)
{
    api->denied[kind] = verbs;
}

void sim_api_deny_events(struct sim_api *api, bool denied)
{
    api->events_denied = denied;
}

void sim_api_set_token(struct sim_api *api, const char *token)
{
    free(api->token);
    api->token = xstrdup(token);
}

void sim_api_on_body(struct sim_api *api, void (*fn)(void *arg, const char *path, struct span body),
                     void *arg)
{
    api->on_body = fn;
    api->body_arg = arg;
}

/* Routes. */

static void target_fini(struct sim_target *target)
{
    free(target->ns);
    free(target->name);
    free(target->subresource);
}

/* The next segment of a path. Returns owned; NULL: none. */
static char *segment(const char **at)
{
    if (**at != '/')
        return NULL;
    (*at)++;
    size_t length = strcspn(*at, "/?");
    char *text = xstrndup(*at, length);
    *at += length;
    return text;
}

static bool find_kind(const char *root, size_t root_length, const char *plural,
                      struct sim_target *target)
{
    static const char events[] = "/apis/events.k8s.io/v1";
    if (root_length == strlen(events) && strncmp(root, events, root_length) == 0 &&
        strcmp(plural, "events") == 0) {
        target->is_event = true;
        return true;
    }
    for (unsigned kind = 0; kind < SIM_KIND_COUNT; kind++) {
        const struct sim_resource *resource = sim_resource_of(kind);
        if (strlen(resource->root) == root_length &&
            strncmp(resource->root, root, root_length) == 0 &&
            strcmp(resource->plural, plural) == 0) {
            target->kind = kind;
            return true;
        }
    }
    return false;
}

/* "/api/v1/namespaces/NS/PLURAL/NAME/SUB", "/apis/GROUP/VERSION/…", "/api/v1/namespaces/NAME". */
static bool read_path(const char *path, struct sim_target *target)
{
    const char *at = path;
    size_t segments = str_starts(path, "/apis/") ? 3 : 2;
    for (size_t i = 0; i < segments; i++)
        free(segment(&at));
    size_t root = (size_t)(at - path);
    CLEANUP(freep) char *first = segment(&at);
    if (!first)
        return false;
    CLEANUP(freep) char *second = segment(&at);
    CLEANUP(freep) char *third = segment(&at);
    bool in_namespace = strcmp(first, "namespaces") == 0 && third;
    if (in_namespace) {
        target->ns = TAKE(second);
        target->name = segment(&at);
        target->subresource = segment(&at);
        return find_kind(path, root, third, target);
    }
    target->name = TAKE(second);
    target->subresource = TAKE(third);
    return find_kind(path, root, first, target);
}

static bool is_served(const struct sim_api *api, const struct sim_target *target)
{
    const char *crd = target->is_event ? NULL : sim_resource_of(target->kind)->crd;
    return !crd || sim_store_get(api->options.store, OBJECT_CRD, crd);
}

static unsigned verb_of(const struct sim_exchange *exchange, const struct sim_target *target)
{
    const struct sim_request *request = sim_request_of(exchange);
    if (strcmp(request->method, "GET") != 0)
        return SIM_WRITE;
    if (target->name)
        return SIM_GET;
    return strstr(request->path, "watch=true") ? SIM_WATCH : SIM_LIST;
}

static bool is_let_in(const struct sim_api *api, struct sim_exchange *exchange,
                      const struct sim_target *target, unsigned verb)
{
    const char *given = sim_request_header(exchange, "Authorization");
    CLEANUP(freep) char *wanted = xasprintf("Bearer %s", api->token);
    if (!str_equal(given, wanted)) {
        sim_answer_status(exchange, 401, "Unauthorized", "Unauthorized");
        return false;
    }
    bool denied = target->is_event ? api->events_denied : api->denied[target->kind] & verb;
    if (denied)
        sim_answer_forbidden(exchange, target, verb);
    return !denied;
}

static void answer_get(struct sim_api *api, struct sim_exchange *exchange,
                       const struct sim_target *target)
{
    CLEANUP(freep)
    char *key = target->ns ? xasprintf("%s/%s", target->ns, target->name) : xstrdup(target->name);
    const struct sim_object *object = sim_store_get(api->options.store, target->kind, key);
    if (object)
        sim_reply(exchange, 200, object->text, object->length);
    else {
        struct sim_result result;
        (void)sim_refuse_missing(&result, target->kind, key);
        sim_answer_result(exchange, &result);
    }
}

static void on_request(void *arg, struct sim_exchange *exchange)
{
    struct sim_api *api = arg;
    const struct sim_request *request = sim_request_of(exchange);
    struct sim_target target = {.kind = 0};
    if (api->on_body && request->body.ptr)
        api->on_body(api->body_arg, request->path, request->body);
    if (!read_path(request->path, &target) || !is_served(api, &target)) {
        sim_answer_unknown(exchange);
        target_fini(&target);
        return;
    }
    unsigned verb = verb_of(exchange, &target);
    if (is_let_in(api, exchange, &target, verb)) {
        if (verb == SIM_WRITE && target.is_event)
            sim_api_write_event(api, exchange, &target);
        else if (verb == SIM_WRITE)
            sim_api_write(api, exchange, &target);
        else if (verb == SIM_WATCH)
            sim_api_watch(api, exchange, &target);
        else if (verb == SIM_LIST)
            sim_api_list(api, exchange, &target);
        else
            answer_get(api, exchange, &target);
    }
    target_fini(&target);
}

/* Writes. */

void sim_api_write(struct sim_api *api, struct sim_exchange *exchange,
                   const struct sim_target *target)
{
    struct sim_store *store = api->options.store;
    const struct sim_request *request = sim_request_of(exchange);
    struct sim_result result = {.status = 405, .reason = "MethodNotAllowed"};
    json_t *body = sim_json_parse(request->body.ptr, request->body.length);
    const char *type = sim_request_header(exchange, "Content-Type");
    bool status = str_equal(target->subresource, "status");
    CLEANUP(freep) char *key = NULL;
    if (target->name)
        key = target->ns ? xasprintf("%s/%s", target->ns, target->name) : xstrdup(target->name);
    if (!body && strcmp(request->method, "DELETE") != 0) {
        sim_answer_status(exchange, 400, "BadRequest", "the body is no JSON");
        return;
    }
    if (strcmp(request->method, "POST") == 0 && !key) {
        /* A mutating webhook, as it were: what is random in the operator follows from the seed. */
        json_t *data = json_object_get(body, "data");
        if (target->kind == OBJECT_SECRET && json_object_get(data, "key"))
            json_object_set_new(data, "key",
                                json_string("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="));
        sim_store_create(store, SIM_OPERATOR, target->kind, target->ns, TAKE(body), &result);
    } else if (strcmp(request->method, "PUT") == 0 && key) {
        sim_store_update(store, SIM_OPERATOR, target->kind, key, TAKE(body), status, &result);
    } else if (strcmp(request->method, "PATCH") == 0 && key) {
        bool json_patch = str_equal(type, "application/json-patch+json");
        sim_store_patch(store, SIM_OPERATOR, target->kind, key, TAKE(body),
                        json_patch ? SIM_JSON_PATCH : SIM_MERGE_PATCH, status, &result);
    } else if (strcmp(request->method, "DELETE") == 0 && key) {
        sim_store_delete(store, SIM_OPERATOR, target->kind, key, NULL, &result);
    }
    json_decref(body);
    sim_answer_result(exchange, &result);
}

static bool event_is_valid(const json_t *event)
{
    return json_string_length(json_object_get(event, "note")) <= 1024 &&
           *sim_json_text(event, "reason", NULL) && *sim_json_text(event, "action", NULL) &&
           *sim_json_text(event, "eventTime", NULL) &&
           *sim_json_text(event, "reportingController", NULL) &&
           *sim_json_text(event, "reportingInstance", NULL) &&
           *sim_json_text(event, "regarding", "uid", NULL);
}

static void refuse_event(struct sim_exchange *exchange, const char *name, long status,
                         const char *reason, const char *what)
{
    struct sim_result result = {.status = status, .about = "events", .group = "events.k8s.io"};
    snprintf(result.reason, sizeof(result.reason), "%s", reason);
    snprintf(result.name, sizeof(result.name), "%s", name);
    snprintf(result.message, sizeof(result.message), "events.events.k8s.io \"%s\" %s", name, what);
    sim_answer_result(exchange, &result);
}

void sim_api_write_event(struct sim_api *api, struct sim_exchange *exchange,
                         const struct sim_target *target)
{
    const struct sim_request *request = sim_request_of(exchange);
    json_t *body = sim_json_parse(request->body.ptr, request->body.length);
    bool create = strcmp(request->method, "POST") == 0;
    const char *name = create ? sim_json_text(body, "metadata", "name", NULL) : target->name;
    CLEANUP(freep) char *key = xasprintf("%s/%s", target->ns, name);
    json_t *there = strmap_get(api->events, key);
    if (!body || (create && !event_is_valid(body))) {
        refuse_event(exchange, name, 422, "Invalid", "is invalid");
    } else if (create && there) {
        refuse_event(exchange, name, 409, "AlreadyExists", "already exists");
    } else if (!create && !there) {
        refuse_event(exchange, name, 404, "NotFound", "not found");
    } else {
        if (create)
            strmap_set(api->events, key, json_incref(body));
        else
            sim_merge_patch(there, body);
        CLEANUP(freep) char *text = sim_json_dump(create ? body : there);
        sim_reply(exchange, create ? 201 : 200, text, strlen(text));
    }
    json_decref(body);
}

unsigned sim_api_events(const struct sim_api *api, const char *key, const char *reason)
{
    unsigned count = 0;
    for (struct strmap_entry *e = strmap_first(api->events); e; e = strmap_next(e)) {
        const json_t *event = strmap_entry_value(e);
        CLEANUP(freep)
        char *about = xasprintf("%s/%s", sim_json_text(event, "regarding", "namespace", NULL),
                                sim_json_text(event, "regarding", "name", NULL));
        count +=
            strcmp(about, key) == 0 && strcmp(sim_json_text(event, "reason", NULL), reason) == 0;
    }
    return count;
}
