/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/offline.h"

#include <stdlib.h>
#include <string.h>

#include "base/json_text.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/line.h"
#include "core/cooldown.h"
#include "core/ids.h"

static const struct object *find_config_map(const struct offline *offline,
                                            const struct api_facts *facts)
{
    return facts->config_map ? cache_get(offline->cache, OBJECT_CONFIGMAP, facts->config_map)
                             : NULL;
}

/* The folder's owner is the gateway's owner: without a context all is allowed, with a warning. */
static void choose_context(const struct offline *offline, const struct offline_options *options,
                           struct offline_api *api)
{
    struct api_facts facts;
    api_facts_read(api->object, NULL, &facts);
    api->config_map = find_config_map(offline, &facts);
    if (facts.context) {
        api->has_context =
            context_read(offline->cache, facts.context, api->object->ns, &api->context);
        api->abilities = api->context.abilities;
        api->context_is_elsewhere = options->contexts_elsewhere && !api->has_context &&
                                    !cache_get(offline->cache, OBJECT_CONTEXT, facts.context);
    } else {
        api->has_context = true;
        api->abilities = options->abilities
                             ? *options->abilities
                             : (struct gateway_abilities){.version = "", .folder_owner = true};
    }
    api_facts_fini(&facts);
}

static void resolve_one(const struct offline *offline, struct offline_api *api)
{
    CLEANUP(accepted_freep)
    struct accepted *before = offline->unopened_copies
                                  ? accepted_read_unopened(api->object)
                                  : accepted_read(api->object, offline->settings.seal_key);
    struct resolve_input input = {
        .api = api->object,
        .cache = offline->cache,
        .settings = &offline->settings,
        .abilities = api->has_context ? &api->abilities : NULL,
        .context_is_elsewhere = api->context_is_elsewhere,
        .accepted = before,
    };
    resolve(&input, &api->resolution);
    api->accepted = accepted_new();
    for (size_t i = 0; i < api->resolution.ref_count; i++)
        accepted_set(api->accepted, &api->resolution.refs[i]);
}

bool offline_resolve_anyway(const struct offline *offline, const struct offline_api *api,
                            struct resolution *ret_resolution)
{
    CLEANUP(object_unrefp) struct object *bare = NULL;
    if (object_new(OBJECT_API, object_text(api->object), NULL, &bare, NULL) < 0)
        return false;
    struct resolve_input input = {
        .api = bare,
        .cache = offline->cache,
        .settings = &offline->settings,
        .abilities = api->has_context ? &api->abilities : NULL,
        .context_is_elsewhere = api->context_is_elsewhere,
    };
    resolve(&input, ret_resolution);
    return true;
}

static void resolve_all(struct offline *offline, const struct offline_options *options)
{
    CLEANUP(freep) const char **keys = cache_sorted_keys(offline->cache, OBJECT_API);
    offline->api_count = cache_count(offline->cache, OBJECT_API);
    offline->apis = xcalloc(offline->api_count + 1, sizeof(*offline->apis));
    for (size_t i = 0; i < offline->api_count; i++) {
        struct offline_api *api = &offline->apis[i];
        api->object = cache_get(offline->cache, OBJECT_API, keys[i]);
        choose_context(offline, options, api);
        resolve_one(offline, api);
        claims_put(offline->claims, api->object, &api->resolution.facts, api->resolution.valid);
    }
    claims_settle(offline->claims);
    for (size_t i = 0; i < offline->api_count; i++) {
        const struct claims_conflict *conflict =
            claims_conflict(offline->claims, offline->apis[i].object->key);
        if (conflict)
            resolution_add_conflict(&offline->apis[i].resolution, conflict);
    }
}

struct offline *offline_new(const char *const *paths, size_t count,
                            const struct offline_options *options, bool placeholders,
                            struct err *err)
{
    if (!count) {
        (void)err_set(err, ERR_INVALID, 0, "name the files or folders to read, or - for stdin");
        return NULL;
    }
    if (!cooldown_read(options->default_cooldown, &(int64_t){0}) || !*options->default_cooldown) {
        (void)err_set(err, ERR_INVALID, 0,
                      "--default-cooldown: hours, minutes and seconds, such as 1m30s");
        return NULL;
    }
    CLEANUP(offline_freep) struct offline *offline = xcalloc(1, sizeof(*offline));
    if (manifests_load(paths, count, &offline->manifests, err) < 0)
        return NULL;
    offline->cache = cache_new();
    offline->claims = claims_new(NULL, NULL);
    offline->settings = (struct resolve_settings){
        .default_cooldown = options->default_cooldown,
        .id_namespaces = (const char *const *)options->id_namespaces.items,
        .all_id_namespaces = !options->id_namespaces.count,
        .placeholders = placeholders,
    };
    offline->unopened_copies = options->unopened_copies;
    manifests_fill_cache(&offline->manifests, offline->cache);
    if (options->peek) {
        offline->settings.seal_key = &options->peek->seal_key;
        dir_peek_join(options->peek, offline->cache);
    }
    resolve_all(offline, options);
    return TAKE(offline);
}

void offline_freep(struct offline **offline)
{
    struct offline *gone = *offline;
    if (!gone)
        return;
    for (size_t i = 0; i < gone->api_count; i++) {
        resolution_fini(&gone->apis[i].resolution);
        accepted_free(gone->apis[i].accepted);
        context_fini(&gone->apis[i].context);
    }
    free(gone->apis);
    claims_free(gone->claims);
    cache_free(gone->cache);
    manifests_fini(&gone->manifests);
    free(gone);
}

static void add_message(const char *field, const char *text, const char *hint, struct buf *out)
{
    CLEANUP(buf_fini) struct buf message;
    buf_init(&message, BUF_UNLIMITED);
    if (!str_is_empty(field))
        buf_add_format(&message, "%s: ", field);
    buf_add_text(&message, text);
    if (hint)
        buf_add_format(&message, " (%s)", hint);
    buf_add_text(out, ",\"message\":");
    json_text_add_string(out, buf_text(&message));
    buf_add_char(out, '}');
}

static void add_problem(const struct problem *problem, struct buf *out)
{
    buf_add_format(out, "{\"severity\":\"%s\",\"reason\":\"%s\"",
                   problem_severity_name(problem->severity), problem->reason);
    if (problem->trigger) {
        buf_add_text(out, ",\"handler\":{\"trigger\":");
        json_text_add_string(out, problem->trigger);
        buf_add_format(out, ",\"index\":%zu}", problem->index);
    }
    add_message(problem->field, problem->message, problem->hint, out);
}

/* A refused manifest: all that is wrong with it, not just the line that the object carries. */
static void add_refusal(const struct offline *offline, const struct offline_api *api,
                        struct buf *out)
{
    const struct manifest *manifest =
        manifests_find(&offline->manifests, OBJECT_API, api->object->key);
    bool first = true;
    for (size_t i = 0; manifest && i < manifest->problem_count; i++) {
        const struct manifest_problem *problem = &manifest->problems[i];
        if (problem->severity != PROBLEM_ERROR)
            continue;
        buf_add_format(out, "%s{\"severity\":\"error\",\"reason\":\"%s\"", first ? "" : ",",
                       problem->reason);
        add_message(problem->field, problem->message, problem->hint, out);
        first = false;
    }
}

static void add_problems(const struct offline *offline, const struct offline_api *api,
                         struct buf *out)
{
    if (api->object->problem) {
        add_refusal(offline, api, out);
        return;
    }
    for (size_t i = 0; i < api->resolution.problem_count; i++) {
        if (i)
            buf_add_char(out, ',');
        add_problem(&api->resolution.problems[i], out);
    }
}

bool offline_document(const struct offline *offline, const struct offline_api *api,
                      bool placeholders, struct buf *out)
{
    struct resolve_settings settings = offline->settings;
    settings.placeholders = placeholders;
    CLEANUP(buf_fini) struct buf document;
    buf_init(&document, BUF_UNLIMITED);
    bool built =
        api->resolution.valid && document_build(api->object, api->config_map, api->accepted,
                                                &settings, &api->abilities, &document, NULL) == 0;
    if (built)
        buf_add(out, buf_text(&document), document.length);
    return built;
}

static void add_document(const struct offline *offline, const struct offline_api *api,
                         struct buf *out)
{
    if (!offline_document(offline, api, offline->settings.placeholders, out))
        buf_add_text(out, "null");
}

void offline_add_element(const struct offline *offline, const struct offline_api *api,
                         struct buf *out)
{
    const struct resolution *resolution = &api->resolution;
    buf_add_text(out, "{\"api\":");
    json_text_add_string(out, api->object->key);
    buf_add_format(out, ",\"kind\":\"%s\",\"apiId\":",
                   resolution->facts.form == API_FORM_OAS ? "oas" : "classic");
    if (resolution->facts.api_id)
        json_text_add_string(out, resolution->facts.api_id);
    else
        buf_add_text(out, "null");
    buf_add_text(out, ",\"document\":");
    add_document(offline, api, out);
    buf_add_text(out, ",\"webhooks\":");
    resolution_add_webhooks(resolution, COPY_SOURCES, NULL, api->object->key, out);
    buf_add_text(out, ",\"handlers\":");
    resolution_add_handlers(resolution, out);
    buf_add_text(out, ",\"problems\":[");
    add_problems(offline, api, out);
    buf_add_text(out, "]}");
}

void offline_print_problems(const struct offline *offline, const struct offline_api *api, FILE *out)
{
    if (api->object->problem) /* told in full with the manifests */
        return;
    static char nowhere[] = "";
    const struct manifest *manifest =
        manifests_find(&offline->manifests, OBJECT_API, api->object->key);
    for (size_t i = 0; manifest && i < api->resolution.problem_count; i++) {
        const struct problem *problem = &api->resolution.problems[i];
        offline_print_problem(
            &(struct manifest_problem){
                .severity = problem->severity,
                .file = manifest->file,
                .line = problem->field ? manifest_line(manifest, problem->field) : manifest->line,
                .field = problem->field ? problem->field : nowhere,
                .message = problem->message,
                .hint = problem->hint,
            },
            out);
    }
}

void offline_print_problem(const struct manifest_problem *problem, FILE *out)
{
    CLEANUP(buf_fini) struct buf line;
    buf_init(&line, BUF_UNLIMITED);
    CLEANUP(freep)
    char *message = xasprintf("%s: %s", problem_severity_name(problem->severity), problem->message);
    struct manifest_problem marked = *problem;
    marked.message = message;
    manifest_problem_print(&marked, &line);
    line_print(out, "%s", buf_text(&line));
}

const struct object *offline_id_rival(const struct offline *offline, const struct object *webhook)
{
    return ids_rival(offline->cache, offline->settings.id_namespaces,
                     offline->settings.all_id_namespaces, webhook);
}

static void print_at(FILE *out, const struct manifest *manifest, const char *holder)
{
    if (manifest)
        line_print(out, "%s:%u: spec.id: error: Webhook %s has this id already", manifest->file,
                   manifest_line(manifest, "spec.id"), holder);
}

static bool print_duplicate(void *arg, const struct object *webhook)
{
    void **context = arg;
    const struct offline *offline = context[0];
    const struct object *rival = offline_id_rival(offline, webhook);
    if (rival)
        print_at(context[1], manifests_find(&offline->manifests, OBJECT_WEBHOOK, webhook->key),
                 rival->key);
    return true;
}

void offline_print_notes(const struct offline *offline, FILE *out)
{
    const struct manifests *manifests = &offline->manifests;
    for (size_t i = 0; i < manifests->problem_count; i++)
        offline_print_problem(&manifests->problems[i], out);
    for (size_t i = 0; i < manifests->count; i++) {
        const struct manifest *manifest = &manifests->items[i];
        for (size_t j = 0; j < manifest->problem_count; j++)
            offline_print_problem(&manifest->problems[j], out);
    }
    void *context[] = {(void *)(uintptr_t)offline, out};
    cache_visit(offline->cache, OBJECT_WEBHOOK, print_duplicate, context);
}

bool offline_input_has_errors(const struct offline *offline)
{
    for (size_t i = 0; i < offline->manifests.count; i++) {
        const struct object *object = offline->manifests.items[i].object;
        if (object->kind == OBJECT_WEBHOOK && offline_id_rival(offline, object))
            return true;
    }
    return manifests_have_errors(&offline->manifests);
}

bool offline_has_errors(const struct offline *offline)
{
    if (offline_input_has_errors(offline))
        return true;
    for (size_t i = 0; i < offline->api_count; i++) {
        const struct resolution *resolution = &offline->apis[i].resolution;
        for (size_t j = 0; j < resolution->problem_count; j++) {
            if (resolution->problems[j].severity == PROBLEM_ERROR)
                return true;
        }
    }
    return false;
}
