/* SPDX-License-Identifier: Apache-2.0 */
#include "core/api_status.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_text.h"
#include "base/str.h"

/* Reasons of ResolvedRefs=False; what stands first holds back most. */
static const char *const unresolved_reasons[] = {
    "ContextNotFound", "ConfigMapNotFound", "WebhookNotFound", "WebhookInvalid", "SecretNotFound",
};

static const struct {
    const char *reason;
    const char *text;
    bool failure; /* Ready names it; the others are just on their way */
} programmed_texts[] = {
    [PROGRAMMED_TRUE] = {"Programmed", "every gateway holds this definition", false},
    [PROGRAMMED_PENDING] = {"Pending", "on its way to the gateways", false},
    [PROGRAMMED_UNREACHABLE] = {"GatewayUnreachable", "a gateway is out of reach or fails", true},
    [PROGRAMMED_UNAUTHORIZED] = {"GatewayUnauthorized", "a gateway refuses the secret", true},
    [PROGRAMMED_REJECTED] = {"GatewayRejected", "a gateway does not take this definition", true},
    [PROGRAMMED_FOREIGN] = {"Pending", "a gateway holds a definition of another owner", false},
    [PROGRAMMED_CONFLICT] = {"Pending", "a definition of another owner has the listen path", false},
    [PROGRAMMED_LOAD_BALANCED] = {"LoadBalancedUrl",
                                  "answers alternate between gateways behind one address", true},
    [PROGRAMMED_NO_GATEWAYS] = {"NoGateways", "there is no gateway to push to", true},
};

/* Messages of the problems with one reason, joined; true when there is one. */
static bool join_problems(const struct resolution *resolution, const char *reason, struct buf *out)
{
    bool found = false;
    for (size_t i = 0; i < resolution->problem_count; i++) {
        const struct problem *problem = &resolution->problems[i];
        if (problem->severity != PROBLEM_ERROR || strcmp(problem->reason, reason) != 0)
            continue;
        if (found)
            buf_add_text(out, "; ");
        found = true;
        if (problem->field)
            buf_add_format(out, "%s: ", problem->field);
        buf_add_text(out, problem->message);
        if (problem->hint)
            buf_add_format(out, " (%s)", problem->hint);
    }
    return found;
}

static void add_resolved_refs(const struct resolution *resolution, struct conditions *conditions)
{
    CLEANUP(buf_fini) struct buf message;
    buf_init(&message, 8192);
    for (size_t i = 0; i < ARRAY_LENGTH(unresolved_reasons); i++) {
        if (join_problems(resolution, unresolved_reasons[i], &message)) {
            conditions_add(conditions, "ResolvedRefs", CONDITION_FALSE, unresolved_reasons[i], "%s",
                           buf_text(&message));
            return;
        }
    }
    size_t converted = 0;
    for (size_t i = 0; i < resolution->ref_count; i++)
        converted += resolution->refs[i].source == REF_CONVERTED;
    if (converted)
        conditions_add(conditions, "ResolvedRefs", CONDITION_TRUE, "Converted",
                       "%zu of %zu references are local webhooks now, their global ones are gone",
                       converted, resolution->ref_count);
    else
        conditions_add(conditions, "ResolvedRefs", CONDITION_TRUE, "Resolved",
                       "references resolved: %zu", resolution->ref_count);
}

/* Stalled: only what the user must edit. */
static void add_stalled(const struct api_status_input *input, struct conditions *stalled)
{
    static const char *const reasons[] = {"InvalidSpec", "Conflict"};
    CLEANUP(buf_fini) struct buf message;
    buf_init(&message, 8192);
    for (size_t i = 0; i < ARRAY_LENGTH(reasons); i++) {
        if (join_problems(input->resolution, reasons[i], &message)) {
            conditions_add(stalled, "Stalled", CONDITION_TRUE, reasons[i], "%s",
                           buf_text(&message));
            return;
        }
    }
    if (input->programmed == PROGRAMMED_FOREIGN)
        conditions_add(stalled, "Stalled", CONDITION_TRUE, "ForeignDefinition",
                       "%s (delete it there, choose another id, or consent to adoption: "
                       "allowAdoption in the context (or --gateway-allow-adoption) and the "
                       "annotation grapnel.dev/adopt: "
                       "\"true\"; what another Grapnel made is never adopted)",
                       input->gateway_detail);
    if (input->programmed == PROGRAMMED_CONFLICT)
        conditions_add(stalled, "Stalled", CONDITION_TRUE, "Conflict",
                       "%s (delete it there, or choose another listen path)",
                       input->gateway_detail);
}

static const char *hint_of(enum programmed programmed)
{
    switch (programmed) {
    case PROGRAMMED_UNAUTHORIZED:
        return " (TYK_AUTH of its context must be the secret of the gateway's own configuration)";
    case PROGRAMMED_REJECTED:
        return " (edit it: the gateway's answer stands in the operator's log)";
    default:
        return "";
    }
}

static void add_programmed(const struct api_status_input *input, bool stalled,
                           struct conditions *conditions)
{
    enum programmed programmed = input->programmed;
    const char *context = input->resolution->facts.context;
    if (stalled)
        conditions_add(conditions, "Programmed", CONDITION_FALSE, "Pending", "%s",
                       input->gateways_synced ? "the last good definition stays on the gateways"
                                              : "it is not pushed as it is now");
    else if (programmed == PROGRAMMED_TRUE)
        conditions_add(conditions, "Programmed", CONDITION_TRUE, "Programmed",
                       "held by %zu of %zu gateways", input->gateways_synced,
                       input->gateways_total);
    else if (programmed == PROGRAMMED_NO_GATEWAYS && context)
        conditions_add(conditions, "Programmed", CONDITION_FALSE, "NoGateways",
                       "%s%s%s (the status of OperatorContext %s says more)",
                       programmed_texts[programmed].text, *input->gateway_detail ? ": " : "",
                       input->gateway_detail, context);
    else if (programmed == PROGRAMMED_NO_GATEWAYS)
        conditions_add(conditions, "Programmed", CONDITION_FALSE, "NoGateways",
                       "%s (start the operator with --gateway-url or --gateway-service, or name an "
                       "OperatorContext in spec.contextRef)",
                       programmed_texts[programmed].text);
    else
        conditions_add(conditions, "Programmed", CONDITION_FALSE,
                       programmed_texts[programmed].reason, "%s%s%s%s",
                       programmed_texts[programmed].text, *input->gateway_detail ? ": " : "",
                       input->gateway_detail, hint_of(programmed));
}

static void decide(const struct api_status_input *input, struct conditions *conditions)
{
    struct conditions rest = {.count = 0};
    add_stalled(input, &rest);
    const struct condition *stalled = conditions_get(&rest, "Stalled");
    add_resolved_refs(input->resolution, &rest);
    add_programmed(input, stalled, &rest);
    const struct condition *refs = conditions_get(&rest, "ResolvedRefs");
    const struct condition *programmed = conditions_get(&rest, "Programmed");

    if (stalled) {
        conditions_add(conditions, "Ready", CONDITION_FALSE, stalled->reason, "%s",
                       stalled->message);
    } else if (refs->status != CONDITION_TRUE) {
        conditions_add(conditions, "Ready", CONDITION_FALSE, refs->reason, "%s", refs->message);
        conditions_add(conditions, "Reconciling", CONDITION_TRUE, "WaitingForReference", "%s",
                       refs->message);
    } else if (programmed->status != CONDITION_TRUE) {
        bool failure = programmed_texts[input->programmed].failure;
        conditions_add(conditions, "Ready", CONDITION_FALSE,
                       failure ? programmed->reason : "Progressing", "%s", programmed->message);
        conditions_add(conditions, "Reconciling", CONDITION_TRUE,
                       failure ? "WaitingForGateway" : "Progressing", "%s", programmed->message);
    } else {
        conditions_add(conditions, "Ready", CONDITION_TRUE, "Synced", "%s", programmed->message);
    }
    /* The messages move over. */
    for (size_t i = 0; i < rest.count; i++)
        conditions->items[conditions->count++] = rest.items[i];
}

/* Members are written in the order in which servers store them: see status_is_current(). */
static void begin_member(struct buf *out, const char *name)
{
    if (out->data[out->length - 1] != '{')
        buf_add_char(out, ',');
    buf_add_char(out, '"');
    buf_add_text(out, name);
    buf_add_text(out, "\":");
}

static void add_member(struct buf *out, const char *name, const char *value)
{
    if (!value)
        return;
    begin_member(out, name);
    json_text_add_string(out, value);
}

static void add_context(const struct api_facts *facts, struct buf *out)
{
    if (!facts->context)
        return;
    CLEANUP(freep) char *ns = object_key_ns(facts->context);
    begin_member(out, "contextRef");
    buf_add_char(out, '{');
    add_member(out, "name", object_key_name(facts->context));
    add_member(out, "namespace", ns);
    buf_add_char(out, '}');
}

/* Tyk Operator's field, for tooling that reads it: the time moves when the outcome does. */
static void add_transaction(const struct api_status_input *input,
                            const struct conditions *conditions, struct buf *out)
{
    const struct condition *ready = conditions_get(conditions, "Ready");
    bool good = ready->status == CONDITION_TRUE;
    const struct condition *reconciling = conditions_get(conditions, "Reconciling");
    struct span before = json_text_get(object_status(input->api), "latestTransaction", NULL);
    if (!good && reconciling && strcmp(reconciling->reason, "Progressing") == 0) {
        /* Nothing has ended yet: what ended last stays. */
        if (before.ptr) {
            begin_member(out, "latestTransaction");
            buf_add(out, before.ptr, before.length);
        }
        return;
    }
    const char *status = good ? "Successful" : "Failed";
    struct span time = json_text_member(before, "time");
    char now[21];
    str_format_time(now, input->now_s);
    begin_member(out, "latestTransaction");
    buf_add_char(out, '{');
    if (!good)
        add_member(out, "error", ready->message);
    add_member(out, "status", status);
    begin_member(out, "time");
    if (json_text_is(json_text_member(before, "status"), status) && time.ptr)
        buf_add(out, time.ptr, time.length);
    else
        json_text_add_string(out, now);
    buf_add_char(out, '}');
}

/* What stands in the status now, if it does. */
static void keep_member(const struct api_status_input *input, const char *name, struct buf *out)
{
    struct span before = json_text_member(object_status(input->api), name);
    if (!before.ptr)
        return;
    begin_member(out, name);
    buf_add(out, before.ptr, before.length);
}

/* What the API holds, not what it wants: it is by this record that it goes on holding it against
 * others (core/claims.h). */
static const struct api_facts *held_facts(const struct api_status_input *input)
{
    return input->resolution->valid ? &input->resolution->facts : input->pushed;
}

static void add_held(const struct api_status_input *input, const char *name, const char *value,
                     struct buf *out)
{
    if (held_facts(input))
        add_member(out, name, value);
    else
        keep_member(input, name, out);
}

static void add_held_context(const struct api_status_input *input, struct buf *out)
{
    if (held_facts(input))
        add_context(held_facts(input), out);
    else
        keep_member(input, "contextRef", out);
}

/* What cannot be resolved now keeps the copies that were accepted: nothing is lost by a typing
 * error, nor by the deletion of a global while it lasts. True: there is nothing more to write. */
static bool keep_copies(const struct api_status_input *input, const char *name, struct buf *out)
{
    struct span before = json_text_member(object_status(input->api), name);
    begin_member(out, name);
    if (!input->resolution->valid && before.ptr)
        buf_add(out, before.ptr, before.length);
    else if (input->resolution->oversize)
        buf_add_text(out, "[]");
    else
        return false;
    return true;
}

void api_status_build(const struct api_status_input *input, struct conditions *ret_conditions,
                      struct buf *out)
{
    const struct resolution *resolution = input->resolution;
    *ret_conditions = (struct conditions){.count = 0};
    decide(input, ret_conditions);

    size_t resolved = 0;
    size_t total = 0;
    for (size_t i = 0; i < resolution->handler_count; i++) {
        total += resolution->handlers[i].is_webhook;
        resolved +=
            resolution->handlers[i].is_webhook && resolution->handlers[i].source != REF_MISSING;
    }
    const struct api_facts *held = held_facts(input);
    const char *api_id = held ? held->api_id : NULL;
    buf_add_char(out, '{');
    add_held(input, "apiId", api_id, out);
    add_held(input, "api_id", api_id, out);
    begin_member(out, "conditions");
    conditions_add_json(ret_conditions, input->api, input->now_s, out);
    add_held_context(input, out);
    buf_add_format(out, ",\"gateways\":{\"synced\":%zu,\"total\":%zu}", input->gateways_synced,
                   input->gateways_total);
    buf_add_format(out, ",\"gatewaysSummary\":\"%zu/%zu\"", input->gateways_synced,
                   input->gateways_total);
    if (!keep_copies(input, "handlers", out))
        resolution_add_handlers(resolution, out);
    add_transaction(input, ret_conditions, out);
    add_held(input, "listenPath", held ? held->listen_path : NULL, out);
    buf_add_format(out, ",\"observedGeneration\":%" PRId64, input->api->generation);
    if (!keep_copies(input, "webhooks", out))
        resolution_add_webhooks(resolution, COPY_SEALED, input->seal_key, input->api->key, out);
    buf_add_format(out, ",\"webhooksSummary\":\"%zu/%zu\"", resolved, total);
    buf_add_char(out, '}');
}
