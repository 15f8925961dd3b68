/* SPDX-License-Identifier: Apache-2.0 */
/* Answers that are no objects: Status, in the words of kube-apiserver. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_text.h"
#include "base/mem.h"
#include "sim/sim_api_private.h"

static void add_member(struct buf *out, const char *name, const char *value)
{
    if (!*value)
        return;
    buf_add_format(out, "%s\"%s\":", out->data[out->length - 1] == '{' ? "" : ",", name);
    json_text_add_string(out, value);
}

static void add_details(const struct sim_result *result, struct buf *out)
{
    if (!result->about)
        return;
    buf_add_text(out, ",\"details\":{");
    add_member(out, "name", result->name);
    add_member(out, "group", result->group);
    add_member(out, "kind", result->about);
    add_member(out, "uid", result->uid);
    if (*result->field) {
        buf_add_text(out, ",\"causes\":[{\"reason\":\"FieldValueInvalid\",\"message\":");
        json_text_add_string(out, result->message);
        add_member(out, "field", result->field);
        buf_add_text(out, "}]");
    }
    buf_add_char(out, '}');
}

void sim_answer_result(struct sim_exchange *exchange, const struct sim_result *result)
{
    if (result->object) {
        sim_reply(exchange, result->status, result->object->text, result->object->length);
        return;
    }
    CLEANUP(buf_fini) struct buf body;
    buf_init(&body, BUF_UNLIMITED);
    bool fine = result->status / 100 == 2;
    buf_add_format(&body,
                   "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"%s\"",
                   fine ? "Success" : "Failure");
    add_member(&body, "message", result->message);
    add_member(&body, "reason", result->reason);
    add_details(result, &body);
    if (!fine)
        buf_add_format(&body, ",\"code\":%ld", result->status);
    buf_add_char(&body, '}');
    sim_reply(exchange, result->status, body.data, body.length);
}

void sim_answer_status(struct sim_exchange *exchange, long code, const char *reason,
                       const char *message)
{
    struct sim_result result = {.status = code};
    snprintf(result.reason, sizeof(result.reason), "%s", reason);
    snprintf(result.message, sizeof(result.message), "%s", message);
    sim_answer_result(exchange, &result);
}

void sim_answer_to_come(struct sim_exchange *exchange, const char *version, int64_t current)
{
    CLEANUP(freep)
    char *body = xasprintf(
        "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\","
        "\"message\":\"Timeout: Too large resource version: %s, current: %" PRId64
        "\",\"reason\":\"Timeout\",\"details\":{\"causes\":[{\"reason\":"
        "\"ResourceVersionTooLarge\",\"message\":\"Too large resource version\"}],"
        "\"retryAfterSeconds\":1},\"code\":504}",
        version, current);
    sim_reply(exchange, 504, body, strlen(body));
}

void sim_answer_expired_page(struct sim_exchange *exchange)
{
    static const char body[] =
        "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{\"continue\":\"rest\"},"
        "\"status\":\"Failure\",\"message\":\"The provided continue parameter is too old to "
        "display a consistent list result. You can start a new list without the continue "
        "parameter, or use the continue token in this response to retrieve the remainder of the "
        "results. Continuing with the provided token results in an inconsistent list - objects "
        "that were created, modified, or deleted between the time the first chunk was returned "
        "and now may show up in the list.\",\"reason\":\"Expired\",\"code\":410}";
    sim_reply(exchange, 410, body, strlen(body));
}

void sim_answer_unknown(struct sim_exchange *exchange)
{
    static const char body[] = "404 page not found\n";
    sim_reply(exchange, 404, body, strlen(body));
}

/* "list", "patch": as RBAC has it. */
static const char *verb_name(const struct sim_exchange *exchange, unsigned verb)
{
    static const struct {
        const char *method;
        const char *verb;
    } writes[] = {{"POST", "create"}, {"PUT", "update"}, {"PATCH", "patch"}, {"DELETE", "delete"}};
    const char *method = sim_request_of(exchange)->method;
    for (size_t i = 0; i < ARRAY_LENGTH(writes); i++) {
        if (strcmp(writes[i].method, method) == 0)
            return writes[i].verb;
    }
    return verb == SIM_GET ? "get" : verb == SIM_WATCH ? "watch" : "list";
}

void sim_answer_forbidden(struct sim_exchange *exchange, const struct sim_target *target,
                          unsigned verb)
{
    struct sim_result result = {.status = 403, .reason = "Forbidden"};
    sim_name_target(target, &result);
    CLEANUP(freep) char *name = target->name ? xasprintf(" \"%s\"", target->name) : xstrdup("");
    CLEANUP(freep)
    char *where = target->ns ? xasprintf("in the namespace \"%s\"", target->ns)
                             : xstrdup("at the cluster scope");
    snprintf(result.message, sizeof(result.message),
             "%s%s%s%s is forbidden: User \"grapnel\" cannot %s resource \"%s%s%s\" in API group "
             "\"%s\" %s",
             result.about, *result.group ? "." : "", result.group, name, verb_name(exchange, verb),
             result.about, target->subresource ? "/" : "",
             target->subresource ? target->subresource : "", result.group, where);
    sim_answer_result(exchange, &result);
}

void sim_name_target(const struct sim_target *target, struct sim_result *result)
{
    result->about = target->is_event ? "events" : sim_resource_of(target->kind)->plural;
    result->group = target->is_event ? "events.k8s.io" : sim_group_of(target->kind);
    if (target->name)
        snprintf(result->name, sizeof(result->name), "%s", target->name);
}
