/* SPDX-License-Identifier: Apache-2.0 */
#include "core/resolve.h"

#include <stdlib.h>
#include <string.h>

#include "base/json_text.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strmap.h"
#include "core/annotations.h"
#include "core/bounds.h"
#include "core/guards.h"
#include "core/handler.h"
#include "core/lint.h"
#include "core/lookup.h"
#include "core/misspelt.h"
#include "core/webhook.h"

/* One reference while it is resolved: what it becomes, and what is to be said where it is used. */
struct ref_state {
    struct resolved_ref ref;
    const char *reason; /* of the error; NULL: none */
    char *message;
    const char *hint;
    struct problems notes; /* warnings about the global, told once */
};

struct resolver {
    const struct resolve_input *input;
    struct api_view view;
    struct handlers handlers;
    struct problems problems;
    struct ref_state *refs; /* by ref in bytes */
    size_t ref_count;
    struct strmap *secrets;
};

static void fill_from(struct resolved_ref *ref, const struct resolved_ref *accepted,
                      enum ref_source source)
{
    ref->source = source;
    ref->webhook_ns = xstrdup(accepted->webhook_ns);
    ref->webhook_name = xstrdup(accepted->webhook_name);
    ref->webhook_uid = xstrdup(accepted->webhook_uid);
    ref->webhook_generation = accepted->webhook_generation;
    ref->policy = accepted->policy;
    ref->copy = copy_ref(accepted->copy);
}

/* Borrowed: the accepted copy, if the gateways of the context take it. */
static const struct resolved_ref *usable_copy(const struct resolver *resolver, const char *ref)
{
    const struct resolve_input *input = resolver->input;
    const struct resolved_ref *accepted = accepted_get(input->accepted, ref);
    if (accepted && input->abilities && guards_copy_fault(accepted->copy, input->abilities, NULL))
        return NULL;
    return accepted;
}

/* The same words for a Webhook that is not there and one that does not permit the API. */
static void say_missing(const struct resolver *resolver, struct ref_state *state)
{
    state->reason = "WebhookNotFound";
    state->message = xasprintf("there is no Webhook \"%s\" that namespace %s may use",
                               state->ref.ref, resolver->input->api->ns);
    state->hint = "a name, namespace/name or spec.id; see its allowedNamespaces";
}

static void say_invalid(struct ref_state *state, const struct object *webhook,
                        const struct problems *problems, const char *fault)
{
    bool broken = fault || problems_have_error(problems, "InvalidSpec");
    state->reason = broken ? "WebhookInvalid" : "SecretNotFound";
    for (size_t i = 0; i < problems->count && !fault; i++) {
        const struct problem *problem = &problems->items[i];
        if (problem->severity != PROBLEM_ERROR ||
            strcmp(problem->reason, broken ? "InvalidSpec" : "SecretNotFound") != 0)
            continue;
        state->message = xasprintf("Webhook %s: %s%s%s%s%s%s", webhook->key,
                                   problem->field ? problem->field : "", problem->field ? ": " : "",
                                   problem->message, problem->hint ? " (" : "",
                                   problem->hint ? problem->hint : "", problem->hint ? ")" : "");
        return;
    }
    state->message = xasprintf("Webhook %s: %s", webhook->key, fault);
}

/* Is a warning about a Webhook told where it is referred to? A cooldown of zero is told where it
 * counts, not where a handler sets its own; what has no effect concerns its owner alone. */
static bool is_noted(const char *reason)
{
    return !str_equal(reason, "ZeroCooldown") && !str_equal(reason, "HeaderIgnored") &&
           !str_equal(reason, "SelectorIgnored");
}

static void note_warnings(struct ref_state *state, const struct object *webhook,
                          const struct problems *problems, bool has_reference)
{
    for (size_t i = 0; i < problems->count; i++) {
        const struct problem *problem = &problems->items[i];
        if (is_noted(problem->reason))
            problems_add(&state->notes,
                         &(struct problem_about){.severity = PROBLEM_WARNING,
                                                 .reason = problem->reason,
                                                 .hint = problem->hint},
                         "Webhook %s: %s: %s", webhook->key, problem->field, problem->message);
    }
    if (has_reference)
        problems_add(
            &state->notes,
            &(struct problem_about){.severity = PROBLEM_WARNING, .reason = "KvReferencesAssumed"},
            "Webhook %s: it refers to secrets of the gateway, which puts them in", webhook->key);
}

static void take_global(struct resolver *resolver, struct ref_state *state,
                        const struct object *webhook)
{
    const struct resolve_input *input = resolver->input;
    struct webhook decoded;
    struct problems problems = {.count = 0};
    webhook_decode(webhook, input->cache, &decoded, &problems);
    for (size_t i = 0; i < decoded.secret_count; i++)
        strset_add(resolver->secrets, decoded.secrets[i]);
    bool has_reference = false;
    const char *fault = decoded.copy && input->abilities
                            ? guards_copy_fault(decoded.copy, input->abilities, &has_reference)
                            : NULL;
    if (decoded.copy && !fault) {
        state->ref.source = REF_GLOBAL;
        state->ref.webhook_ns = xstrdup(webhook->ns);
        state->ref.webhook_name = xstrdup(webhook->name);
        state->ref.webhook_uid = xstrdup(webhook->uid);
        state->ref.webhook_generation = webhook->generation;
        state->ref.policy =
            conversion_policy_read(json_text_get(object_spec(webhook), "conversionPolicy", NULL));
        state->ref.copy = copy_ref(decoded.copy);
        note_warnings(state, webhook, &problems,
                      has_reference && input->abilities && !input->abilities->kv_references);
    } else {
        say_invalid(state, webhook, &problems, fault);
        const struct resolved_ref *accepted = usable_copy(resolver, state->ref.ref);
        if (accepted)
            fill_from(&state->ref, accepted, accepted->source);
        state->ref.is_refused = !accepted;
    }
    problems_fini(&problems);
    webhook_fini(&decoded);
}

/* The reference leads to no global that may be used, and there is a copy taken from one. */
static void keep_copy(const struct resolver *resolver, struct ref_state *state,
                      const struct resolved_ref *accepted, const struct object *denying)
{
    const struct resolve_input *input = resolver->input;
    CLEANUP(freep) char *key = object_key_of(accepted->webhook_ns, accepted->webhook_name);
    const struct object *webhook = cache_get(input->cache, OBJECT_WEBHOOK, key);
    /* It is there, itself or made anew: the permission (or the id) was withdrawn, no deletion. */
    bool denied = webhook && (!*accepted->webhook_uid || webhook == denying ||
                              strcmp(webhook->uid, accepted->webhook_uid) == 0);
    enum absence absence = ABSENCE_PROVEN;
    if (input->absence)
        absence = input->absence(input->absence_arg, input->api->key, state->ref.ref, key, denied);
    switch (absence) {
    case ABSENCE_PROVEN:
        if (denied)
            say_missing(resolver, state);
        else
            fill_from(&state->ref, accepted, REF_CONVERTED);
        return;
    case ABSENCE_UNKNOWN:
        say_missing(resolver, state);
        break;
    case ABSENCE_PENDING:
        break;
    }
    fill_from(&state->ref, accepted, REF_GLOBAL);
}

static void resolve_ref(struct resolver *resolver, struct ref_state *state)
{
    const struct resolve_input *input = resolver->input;
    struct lookup lookup = {
        .ns = input->api->ns,
        .id_namespaces = input->settings->id_namespaces,
        .all_id_namespaces = input->settings->all_id_namespaces,
    };
    const struct object *webhook;
    enum lookup_result result = lookup_webhook(&lookup, input->cache, state->ref.ref, &webhook);
    if (result == LOOKUP_FOUND) {
        take_global(resolver, state, webhook);
        return;
    }
    const struct resolved_ref *accepted = usable_copy(resolver, state->ref.ref);
    if (!accepted)
        say_missing(resolver, state);
    else if (accepted->source == REF_CONVERTED)
        fill_from(&state->ref, accepted, REF_CONVERTED);
    else
        keep_copy(resolver, state, accepted, webhook);
}

static struct ref_state *find_ref(const struct resolver *resolver, const char *ref)
{
    size_t low = 0;
    size_t high = resolver->ref_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = strcmp(ref, resolver->refs[middle].ref.ref);
        if (!order)
            return &resolver->refs[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

static void resolve_refs(struct resolver *resolver, char *const *refs)
{
    size_t count = 0;
    while (refs[count])
        count++;
    resolver->refs = xcalloc(count + 1, sizeof(*resolver->refs));
    resolver->ref_count = count;
    for (size_t i = 0; i < count; i++) {
        struct ref_state *state = &resolver->refs[i];
        state->ref = (struct resolved_ref){.ref = xstrdup(refs[i]), .source = REF_MISSING};
        resolve_ref(resolver, state);
    }
}

/* ---- handlers ---- */

static void warn(const struct handler_scope *scope, const struct handler *handler,
                 const char *reason, const char *message)
{
    handler_report(scope, handler,
                   &(struct problem_about){.severity = PROBLEM_WARNING, .reason = reason}, "%s",
                   message);
}

/* What becomes of one handler, and what is said about it. */
static enum ref_source decide(struct resolver *resolver, const struct handler_scope *scope,
                              const struct handler *handler)
{
    if (!handler->ref)
        return REF_LOCAL;
    struct ref_state *state = find_ref(resolver, handler->ref);
    if (!state)
        return REF_MISSING; /* cannot be: the list was made of the handlers */
    if (!state->ref.copy && handler->has_local && !state->ref.is_refused) {
        warn(scope, handler, "LocalFields",
             "the id leads to no Webhook: the fields beside it make a local webhook");
        handler_check_local(scope, handler);
        return REF_LOCAL;
    }
    if (state->reason)
        handler_report(scope, handler,
                       &(struct problem_about){.reason = state->reason, .hint = state->hint}, "%s",
                       state->message);
    if (state->ref.source == REF_GLOBAL && handler->has_overruled)
        warn(scope, handler, "ReadOnlyFields",
             "the fields beside the id are read-only: the global webhook's are used");
    for (size_t i = 0; i < state->notes.count; i++)
        handler_report(scope, handler,
                       &(struct problem_about){.severity = PROBLEM_WARNING,
                                               .reason = state->notes.items[i].reason,
                                               .hint = state->notes.items[i].hint},
                       "%s", state->notes.items[i].message);
    problems_fini(&state->notes);
    return state->ref.source;
}

static void record_handlers(struct resolver *resolver, const struct handler_scope *scope,
                            struct resolution *resolution)
{
    const struct handlers *handlers = &resolver->handlers;
    resolution->handlers = xcalloc(handlers->count + 1, sizeof(*resolution->handlers));
    for (size_t i = 0; i < handlers->count; i++) {
        const struct handler *handler = &handlers->items[i];
        struct resolved_handler *record = &resolution->handlers[resolution->handler_count++];
        *record = (struct resolved_handler){
            .trigger = xstrdup(handler->trigger),
            .index = handler->index,
            .source = REF_LOCAL,
            .is_webhook = handler->is_webhook,
        };
        if (!handler->is_webhook)
            continue;
        record->source = decide(resolver, scope, handler);
        if (handler->ref && record->source != REF_LOCAL)
            record->ref = xstrdup(handler->ref);
        if (record->source == REF_MISSING) {
            resolution->waits = true;
            continue;
        }
        const struct ref_state *state = record->ref ? find_ref(resolver, record->ref) : NULL;
        if (!handler_cooldown(handler, state ? state->ref.copy : NULL,
                              resolver->input->settings->default_cooldown))
            warn(scope, handler, "ZeroCooldown",
                 "a cooldown of zero is raised to one second: the gateway would deliver once and "
                 "never again");
    }
}

/* ---- the whole ---- */

/* No object can hold more: the status would be refused, and nothing be heard of the API. */
static void check_size(struct resolver *resolver)
{
    size_t size = 0;
    for (size_t i = 0; i < resolver->ref_count; i++) {
        const struct copy *copy = resolver->refs[i].ref.copy;
        size += copy ? bounds_copy_size(copy) : 0;
    }
    if (size <= COPIES_SIZE_MAX)
        return;
    problems_refuse(&resolver->problems, NULL, "shorter headers, fewer webhooks, or split the API",
                    "the copies of its webhooks are larger than %d bytes together",
                    COPIES_SIZE_MAX);
    for (size_t i = 0; i < resolver->ref_count; i++) {
        copy_unref(resolver->refs[i].ref.copy);
        resolver->refs[i].ref.copy = NULL;
    }
}

static bool is_pushable(const struct problems *problems)
{
    return !problems_have_error(problems, "InvalidSpec") &&
           !problems_have_error(problems, "ConfigMapNotFound") &&
           !problems_have_error(problems, "ContextNotFound") &&
           !problems_have_error(problems, "Conflict");
}

static void check_context(struct resolver *resolver)
{
    const char *context = resolver->view.context;
    if (resolver->input->abilities || str_equal(context, "/")) /* malformed: told already */
        return;
    const struct object *found =
        context ? cache_get(resolver->input->cache, OBJECT_CONTEXT, context) : NULL;
    if (found && found->problem && str_equal(found->ns, resolver->input->api->ns)) {
        problems_add(
            &resolver->problems,
            &(struct problem_about){.reason = "ContextNotFound", .field = "spec.contextRef"},
            "OperatorContext %s is not valid: %s", context, found->problem);
        return;
    }
    if (resolver->input->context_is_elsewhere) {
        problems_add(
            &resolver->problems,
            &(struct problem_about){.severity = PROBLEM_WARNING,
                                    .reason = "ContextNotFound",
                                    .field = "spec.contextRef",
                                    .hint = "give its manifest too, to check that as well"},
            "OperatorContext %s is not among the manifests: whether it permits namespace "
            "%s, and what its gateways allow, is not checked",
            context, resolver->input->api->ns);
        return;
    }
    problems_add(&resolver->problems,
                 &(struct problem_about){.reason = "ContextNotFound",
                                         .field = "spec.contextRef",
                                         .hint = "see its allowedNamespaces"},
                 "there is no OperatorContext %s that namespace %s may use", context ? context : "",
                 resolver->input->api->ns);
}

static void move_results(struct resolver *resolver, struct resolution *resolution)
{
    resolution->refs = xcalloc(resolver->ref_count + 1, sizeof(*resolution->refs));
    resolution->ref_count = resolver->ref_count;
    for (size_t i = 0; i < resolver->ref_count; i++) {
        resolution->refs[i] = resolver->refs[i].ref;
        free(resolver->refs[i].message);
        problems_fini(&resolver->refs[i].notes);
    }
    free(resolver->refs);
    resolution->valid = is_pushable(&resolver->problems);
    resolution->waits = resolution->waits && resolution->valid;
    resolution->problems = resolver->problems.items;
    resolution->problem_count = resolver->problems.count;

    CLEANUP(freep) const char **secrets = strmap_sorted_keys(resolver->secrets);
    resolution->secrets = xcalloc(strmap_count(resolver->secrets) + 1, sizeof(char *));
    for (size_t i = 0; secrets[i]; i++)
        resolution->secrets[i] = xstrdup(secrets[i]);
    strmap_free(resolver->secrets);
    handlers_fini(&resolver->handlers);
    api_view_fini(&resolver->view);
}

static const struct object *config_map_of(const struct resolve_input *input)
{
    struct api_links links;
    api_links_read(input->api, &links);
    const struct object *config_map =
        links.config_map ? cache_get(input->cache, OBJECT_CONFIGMAP, links.config_map) : NULL;
    api_links_fini(&links);
    return config_map;
}

void resolve(const struct resolve_input *input, struct resolution *ret_resolution)
{
    struct resolver resolver = {.input = input, .secrets = strset_new()};
    bool readable = !input->api->problem;
    *ret_resolution = (struct resolution){.valid = false};
    if (!readable)
        problems_refuse(&resolver.problems, NULL, NULL, "%s", input->api->problem);
    api_view_read(input->api, config_map_of(input), &resolver.view,
                  readable ? &resolver.problems : NULL);
    api_facts_from_view(&resolver.view, &ret_resolution->facts);
    if (readable) {
        check_context(&resolver);
        annotations_lint(input->api, &resolver.problems);
        if (resolver.view.is_whole) {
            lint_api(&resolver.view, input->abilities, &resolver.problems);
            misspelt_lint(&resolver.view, &resolver.problems);
        }
        struct handler_scope scope = {&resolver.view, input->abilities, &resolver.problems, true};
        handlers_read(&scope, &resolver.handlers);
        if (bounds_check(&scope, &resolver.handlers)) {
            resolve_refs(&resolver, ret_resolution->facts.refs);
            record_handlers(&resolver, &scope, ret_resolution);
            check_size(&resolver);
        }
    }
    move_results(&resolver, ret_resolution);
}
