/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_text.h"
#include "core/resolve.h"

/* The field that holds what is fought over; where it is not written, the one to write. */
static const char *field_of(const struct api_facts *facts, const char *over)
{
    bool path = strncmp(over, "listen path", strlen("listen path")) == 0;
    if (facts->form != API_FORM_OAS)
        return path ? "spec.proxy.listen_path" : "spec.api_id";
    if (facts->config_map)
        return path ? "spec.oasRef.x-tyk-api-gateway.server.listenPath.value"
                    : "spec.oasRef.x-tyk-api-gateway.info.id";
    return path ? "spec.oas.x-tyk-api-gateway.server.listenPath.value"
                : "spec.oas.x-tyk-api-gateway.info.id";
}

void resolution_add_conflict(struct resolution *resolution, const struct claims_conflict *conflict)
{
    struct problems problems = {resolution->problems, resolution->problem_count,
                                resolution->problem_count};
    problems_add(&problems,
                 &(struct problem_about){
                     .reason = "Conflict",
                     .field = field_of(&resolution->facts, conflict->over),
                     .hint = conflict->with ? "change it here, or delete that one"
                                            : "its control API is under /tyk/; take another path"},
                 "%s belongs to %s", conflict->over,
                 conflict->with ? conflict->with : "the gateway itself");
    resolution->problems = problems.items;
    resolution->problem_count = problems.count;
    resolution->valid = false;
    resolution->waits = false;
}

void resolution_add_oversize(struct resolution *resolution, const char *api_key, size_t definition,
                             size_t copies)
{
    struct problems problems = {resolution->problems, resolution->problem_count,
                                resolution->problem_count};
    problems_refuse(&problems, NULL,
                    "fewer webhooks or shorter headers, the OAS document in a ConfigMap "
                    "(spec.oasRef), or several APIs",
                    "ApiDefinition %s is larger than the API server stores (etcd: 1.5 MiB unless "
                    "told otherwise): %zu bytes, and %zu of copies of its webhooks",
                    api_key, definition, copies);
    resolution->problems = problems.items;
    resolution->problem_count = problems.count;
    resolution->oversize = true;
    resolution->valid = false;
    resolution->waits = false;
}

void resolution_fini(struct resolution *resolution)
{
    api_facts_fini(&resolution->facts);
    for (size_t i = 0; i < resolution->ref_count; i++)
        resolved_ref_fini(&resolution->refs[i]);
    free(resolution->refs);
    for (size_t i = 0; i < resolution->handler_count; i++) {
        free(resolution->handlers[i].trigger);
        free(resolution->handlers[i].ref);
    }
    free(resolution->handlers);
    struct problems problems = {resolution->problems, resolution->problem_count, 0};
    problems_fini(&problems);
    for (size_t i = 0; resolution->secrets && resolution->secrets[i]; i++)
        free(resolution->secrets[i]);
    free(resolution->secrets);
    *resolution = (struct resolution){.valid = false};
}

static void add_webhook(const struct resolved_ref *ref, struct buf *out)
{
    buf_add_char(out, '{');
    /* The Webhook is gone when its policy is needed. */
    if (ref->policy != CONVERSION_AUTO)
        buf_add_format(out, "\"conversionPolicy\":\"%s\",", conversion_policy_name(ref->policy));
    if (ref->webhook_generation)
        buf_add_format(out, "\"generation\":%" PRId64 ",", ref->webhook_generation);
    buf_add_text(out, "\"name\":");
    json_text_add_string(out, ref->webhook_name);
    buf_add_text(out, ",\"namespace\":");
    json_text_add_string(out, ref->webhook_ns);
    if (*ref->webhook_uid) {
        buf_add_text(out, ",\"uid\":");
        json_text_add_string(out, ref->webhook_uid);
    }
    buf_add_char(out, '}');
}

void resolution_add_webhooks(const struct resolution *resolution, enum copy_form form,
                             const struct seal_key *key, const char *api_key, struct buf *out)
{
    bool first = true;
    buf_add_char(out, '[');
    for (size_t i = 0; i < resolution->ref_count; i++) {
        const struct resolved_ref *ref = &resolution->refs[i];
        if (!ref->copy)
            continue;
        buf_add_text(out, first ? "{\"copy\":" : ",{\"copy\":");
        first = false;
        copy_add_json(ref->copy, form, key, api_key, ref->ref, out);
        buf_add_text(out, ",\"ref\":");
        json_text_add_string(out, ref->ref);
        buf_add_format(out, ",\"source\":\"%s\",\"webhook\":", ref_source_name(ref->source));
        add_webhook(ref, out);
        buf_add_char(out, '}');
    }
    buf_add_char(out, ']');
}

void resolution_add_handlers(const struct resolution *resolution, struct buf *out)
{
    bool first = true;
    buf_add_char(out, '[');
    for (size_t i = 0; i < resolution->handler_count; i++) {
        const struct resolved_handler *handler = &resolution->handlers[i];
        if (!handler->is_webhook)
            continue;
        buf_add_format(out, "%s{\"index\":%zu", first ? "" : ",", handler->index);
        first = false;
        if (handler->ref) {
            buf_add_text(out, ",\"ref\":");
            json_text_add_string(out, handler->ref);
        }
        buf_add_format(out, ",\"source\":\"%s\",\"trigger\":", ref_source_name(handler->source));
        json_text_add_string(out, handler->trigger);
        buf_add_char(out, '}');
    }
    buf_add_char(out, ']');
}
