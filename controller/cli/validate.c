/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that is wrong with manifests, at once: files, schemas, and what only the resolver sees
 * (references, conflicts, what a gateway would refuse). */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_text.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/commands.h"
#include "cli/line.h"
#include "cli/offline.h"
#include "cli/options.h"
#include "core/allowed.h"
#include "core/annotations.h"
#include "core/context_place.h"
#include "core/webhook.h"

struct validate_options {
    char *output;
    struct offline_options offline;
};

static const struct option_spec options[] = {
    {"o", OPTION_TEXT, offsetof(struct validate_options, output), "text", "text|json",
     "form of the output", true},
    OFFLINE_OPTIONS(struct validate_options, offline),
};

static const struct command_spec command = {
    .name = "validate",
    .arguments = "FILE|DIR|-…",
    .summary = "Checks manifests: every problem with file, line, field and a hint.",
    .options = options,
    .option_count = ARRAY_LENGTH(options),
};

/* One line of the output; texts are borrowed from the manifests and the resolutions. */
struct finding {
    struct manifest_problem problem;
    const struct object *object; /* NULL: about a file */
    size_t number;               /* in the order in which they were found */
};

struct findings {
    struct finding *items;
    size_t count;
    size_t capacity;
    size_t errors;
    const struct cache *cache; /* of the objects among the manifests */
};

static void add(struct findings *findings, const struct manifest_problem *problem,
                const struct object *object)
{
    findings->items =
        xgrow(findings->items, findings->count, &findings->capacity, sizeof(*findings->items));
    findings->items[findings->count] = (struct finding){*problem, object, findings->count};
    findings->count++;
    findings->errors += problem->severity == PROBLEM_ERROR;
}

static bool has_selector(void *arg, const struct object *object)
{
    struct span from = json_text_get(object_spec(object), "allowedNamespaces", "from", NULL);
    bool *found = arg;
    *found = *found || json_text_is(from, "Selector");
    return !*found;
}

/* Namespaces are not among the manifests, and the labels of one decide. */
static bool lacks_labels(const struct cache *cache, enum object_kind kind)
{
    bool found = false;
    if (!cache_count(cache, OBJECT_NAMESPACE))
        cache_visit(cache, kind, has_selector, &found);
    return found;
}

/*
 * What `kubectl get … -o yaml` prints is seldom all that there is: what it does not hold at all may
 * be in the cluster all the same. The remedy, or NULL. Files are what they are: a reference there
 * must lead somewhere.
 */
static const char *elsewhere(const struct cache *cache, const struct object *object,
                             const struct problem *problem)
{
    const char *reason = problem->reason;
    if (str_is_empty(object->version) || problem->severity != PROBLEM_ERROR)
        return NULL;
    if (str_equal(reason, "WebhookNotFound") && !cache_count(cache, OBJECT_WEBHOOK))
        return "no Webhook is among the manifests: kubectl get tyk,ns -A -o yaml prints them too";
    if ((str_equal(reason, "WebhookNotFound") && lacks_labels(cache, OBJECT_WEBHOOK)) ||
        (str_equal(reason, "ContextNotFound") && lacks_labels(cache, OBJECT_CONTEXT)))
        return "no Namespace is among the manifests: kubectl get tyk,ns -A -o yaml prints them too";
    if (str_equal(reason, "SecretNotFound") && !cache_count(cache, OBJECT_SECRET))
        return "no Secret is among the manifests";
    if (str_equal(reason, "ConfigMapNotFound") && !cache_count(cache, OBJECT_CONFIGMAP))
        return "no ConfigMap is among the manifests";
    return NULL;
}

/* Who keeps Webhooks in another repository has to name it too: nothing tells a reference to one of
 * those from one to a Webhook that was forgotten. */
static const char *hint_of(const struct cache *cache, const struct problem *problem)
{
    bool has_none = !cache_count(cache, OBJECT_WEBHOOK);
    return has_none && str_equal(problem->reason, "WebhookNotFound")
               ? "no Webhook is among the manifests: name the file or folder that holds it too"
               : problem->hint;
}

/* What code that knows objects, not files, says about one. */
static void add_resolved(struct findings *findings, const struct manifest *manifest,
                         const struct problem *problem)
{
    /* The problems of the manifest itself have been told in full. */
    if (str_equal(problem->message, manifest->object->problem))
        return;
    static char nowhere[] = "";
    const char *remedy = elsewhere(findings->cache, manifest->object, problem);
    const char *hint = remedy ? remedy : hint_of(findings->cache, problem);
    struct manifest_problem placed = {
        .severity = remedy ? PROBLEM_WARNING : problem->severity,
        .reason = problem->reason,
        .file = manifest->file,
        .line = problem->field ? manifest_line(manifest, problem->field) : manifest->line,
        .field = problem->field ? problem->field : nowhere,
        .message = problem->message,
        .hint = (char *)(uintptr_t)hint,
    };
    add(findings, &placed, manifest->object);
}

static void add_manifests(struct findings *findings, const struct manifests *manifests)
{
    for (size_t i = 0; i < manifests->problem_count; i++)
        add(findings, &manifests->problems[i], NULL);
    for (size_t i = 0; i < manifests->count; i++) {
        const struct manifest *manifest = &manifests->items[i];
        for (size_t j = 0; j < manifest->problem_count; j++)
            add(findings, &manifest->problems[j], manifest->object);
    }
}

/* Has the schema spoken of this field, of one that holds it or of one in it? */
static bool is_told(const struct manifest *manifest, const char *field)
{
    for (size_t i = 0; i < manifest->problem_count; i++) {
        const char *told = manifest->problems[i].field;
        size_t length = strlen(told);
        bool holds = length && strncmp(told, field, length) == 0;
        bool is_in = strncmp(told, field, strlen(field)) == 0;
        char next = holds ? field[length] : is_in ? told[strlen(field)] : 'x';
        if (!next || next == '.' || next == '[')
            return true;
    }
    return false;
}

/* What else is wrong with an API that the schema refuses: all is told at once. */
static void add_rest(struct findings *findings, const struct offline *offline,
                     const struct offline_api *api, const struct manifest *manifest,
                     struct problems *all)
{
    struct resolution resolution;
    if (!offline_resolve_anyway(offline, api, &resolution))
        return;
    for (size_t i = 0; i < resolution.problem_count; i++) {
        const struct problem *problem = &resolution.problems[i];
        if (problem->field && !is_told(manifest, problem->field))
            add_resolved(findings, manifest, problem);
    }
    struct problems rest = {resolution.problems, resolution.problem_count, 0};
    resolution.problems = NULL;
    resolution.problem_count = 0;
    problems_move(all, &rest);
    resolution_fini(&resolution);
}

static void add_apis(struct findings *findings, const struct offline *offline, struct problems *all)
{
    for (size_t i = 0; i < offline->api_count; i++) {
        const struct offline_api *api = &offline->apis[i];
        const struct manifest *manifest =
            manifests_find(&offline->manifests, OBJECT_API, api->object->key);
        for (size_t j = 0; j < api->resolution.problem_count; j++)
            add_resolved(findings, manifest, &api->resolution.problems[j]);
        if (api->object->problem && manifest->problem_count)
            add_rest(findings, offline, api, manifest, all);
    }
}

static void check_id(const struct offline *offline, const struct object *webhook,
                     struct problems *problems)
{
    const struct object *rival = offline_id_rival(offline, webhook);
    if (rival)
        problems_add(problems,
                     &(struct problem_about){.reason = "DuplicateId",
                                             .field = "spec.id",
                                             .hint = "give each Webhook an id of its own"},
                     "Webhook %s has this id already", rival->key);
}

/* Webhooks are checked whether or not anything refers to them. The problems live until the output
 * is written. */
static void add_webhooks(struct findings *findings, const struct offline *offline,
                         struct problems *all)
{
    for (size_t i = 0; i < offline->manifests.count; i++) {
        const struct manifest *manifest = &offline->manifests.items[i];
        if (manifest->object->kind != OBJECT_WEBHOOK || manifest->object->problem)
            continue;
        struct webhook webhook;
        struct problems problems = {0};
        webhook_decode(manifest->object, offline->cache, &webhook, &problems);
        webhook_fini(&webhook);
        check_id(offline, manifest->object, &problems);
        annotations_lint(manifest->object, &problems);
        for (size_t j = 0; j < problems.count; j++)
            add_resolved(findings, manifest, &problems.items[j]);
        problems_move(all, &problems);
    }
}

static void add_context(const struct offline *offline, struct findings *findings,
                        const struct manifest *manifest, struct problems *all)
{
    struct context_place place = {0};
    context_place_needs(manifest->object, &place);
    const struct object *secret =
        place.secret ? cache_get(offline->cache, OBJECT_SECRET, place.secret) : NULL;
    const struct object *ca_secret =
        place.ca_secret ? cache_get(offline->cache, OBJECT_SECRET, place.ca_secret) : NULL;
    context_place_fini(&place);
    context_place_read(manifest->object, secret, ca_secret, &place);
    struct problems problems = {0};
    if (place.problem)
        problems_add(&problems,
                     &(struct problem_about){.severity = PROBLEM_WARNING,
                                             .reason = place.problem_reason,
                                             .field = place.problem_field},
                     "%s", place.problem);
    context_place_fini(&place);
    annotations_lint(manifest->object, &problems);
    allowed_check(json_text_get(object_spec(manifest->object), "allowedNamespaces", NULL),
                  "spec.allowedNamespaces", &problems);
    for (size_t i = 0; i < problems.count; i++)
        add_resolved(findings, manifest, &problems.items[i]);
    problems_move(all, &problems);
}

/* A warning only: the gateways' Secrets are seldom kept beside the manifests. */
static void add_contexts(struct findings *findings, const struct offline *offline,
                         struct problems *all)
{
    for (size_t i = 0; i < offline->manifests.count; i++) {
        const struct manifest *manifest = &offline->manifests.items[i];
        if (manifest->object->kind == OBJECT_CONTEXT && !manifest->object->problem)
            add_context(offline, findings, manifest, all);
    }
}

static int compare(const void *a, const void *b)
{
    const struct finding *left = a;
    const struct finding *right = b;
    int files = strcmp(left->problem.file, right->problem.file);
    if (files)
        return files;
    if (left->problem.line != right->problem.line)
        return left->problem.line < right->problem.line ? -1 : 1;
    return left->number < right->number ? -1 : 1;
}

static void add_text_member(struct buf *out, const char *name, const char *text)
{
    buf_add_format(out, ",\"%s\":", name);
    json_text_add_string(out, text);
}

static void print_json(const struct findings *findings, FILE *out)
{
    fputs("[\n", out);
    for (size_t i = 0; i < findings->count; i++) {
        const struct finding *finding = &findings->items[i];
        CLEANUP(buf_fini) struct buf line;
        buf_init(&line, BUF_UNLIMITED);
        buf_add_format(&line, "{\"severity\":\"%s\",\"reason\":\"%s\",\"line\":%u",
                       problem_severity_name(finding->problem.severity), finding->problem.reason,
                       finding->problem.line);
        add_text_member(&line, "file", finding->problem.file);
        if (finding->object) {
            add_text_member(&line, "kind", object_kind_name(finding->object->kind));
            add_text_member(&line, "object", finding->object->key);
        }
        add_text_member(&line, "field", finding->problem.field);
        add_text_member(&line, "message", finding->problem.message);
        if (finding->problem.hint)
            add_text_member(&line, "hint", finding->problem.hint);
        buf_add_text(&line, i + 1 < findings->count ? "},\n" : "}\n");
        line_print_json(out, buf_text(&line), line.length);
    }
    fputs("]\n", out);
}

static void print_text(const struct findings *findings, FILE *out)
{
    for (size_t i = 0; i < findings->count; i++)
        offline_print_problem(&findings->items[i].problem, out);
}

static void print_count(size_t count, const char *what, const char *behind)
{
    fprintf(stderr, "%zu %s%s%s", count, what, count == 1 ? "" : "s", behind);
}

static void print_summary(const struct findings *findings, const struct manifests *manifests)
{
    print_count(manifests->count, "object", " in ");
    print_count(manifests->file_count, "file", ": ");
    print_count(findings->errors, "error", ", ");
    print_count(findings->count - findings->errors, "warning", "\n");
}

/* Returns the exit code. */
static int report(const struct offline *offline, bool json)
{
    struct findings findings = {.cache = offline->cache};
    struct problems all = {0};
    add_manifests(&findings, &offline->manifests);
    add_apis(&findings, offline, &all);
    add_webhooks(&findings, offline, &all);
    add_contexts(&findings, offline, &all);
    if (findings.count)
        qsort(findings.items, findings.count, sizeof(*findings.items), compare);
    if (json)
        print_json(&findings, stdout);
    else
        print_text(&findings, stdout);
    bool written = fflush(stdout) == 0 && !ferror(stdout);
    print_summary(&findings, &offline->manifests);
    problems_fini(&all);
    free(findings.items);
    if (!written)
        return EXIT_UNABLE;
    return findings.errors ? EXIT_PROBLEMS : EXIT_FINE;
}

static int run(int argc, char **argv, struct validate_options *values, struct err *err)
{
    bool help;
    int first = options_read(&command, argc, argv, values, &help, err);
    if (first < 0)
        return EXIT_UNABLE;
    if (help) {
        options_print_help(&command, stdout);
        return EXIT_FINE;
    }
    bool json = str_equal(values->output, "json");
    if (!json && !str_equal(values->output, "text")) {
        err_set(err, ERR_INVALID, 0, "-o %s: text or json is expected", values->output);
        return EXIT_UNABLE;
    }
    values->offline.contexts_elsewhere = true; /* seldom kept beside the APIs */
    CLEANUP(offline_freep)
    struct offline *offline = offline_new((const char *const *)argv + first, (size_t)(argc - first),
                                          &values->offline, true, err);
    if (!offline)
        return EXIT_UNABLE;
    int code = report(offline, json);
    if (code == EXIT_UNABLE)
        err_set(err, ERR_TRANSIENT, 0, "the output cannot be written");
    return code;
}

int cli_validate(int argc, char **argv)
{
    struct validate_options values = {.output = NULL};
    struct err err = {.msg = ""};
    int code = run(argc, argv, &values, &err);
    if (code == EXIT_UNABLE)
        line_print(stderr, "grapnel validate: %s", err.msg);
    options_free(&command, &values);
    return code;
}
