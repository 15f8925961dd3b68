/* SPDX-License-Identifier: Apache-2.0 */
/* What a run would change on the gateways: reads them, writes nothing. */
#include "cli/diff.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/commands.h"
#include "cli/gateway_options.h"
#include "cli/line.h"
#include "core/context_place.h"
#include "core/event.h"
#include "net/http_curl.h"
#include "net/loop.h"

#define AT(field) offsetof(struct diff_options, field)

static const struct option_spec options[] = {
    {"o", OPTION_TEXT, AT(output), "text", "text|json", "form of the output", true},
    {"show-secrets", OPTION_BOOL, AT(show_secrets), "false", NULL,
     "print values of Secrets, and what the gateways hold in their place", true},
    GATEWAY_OPTIONS(struct diff_options),
    {"owner", OPTION_TEXT, AT(owner), "grapnel", "NAME",
     "whose definitions are ours: the --owner of the run", false},
    {"cluster", OPTION_TEXT, AT(cluster), NULL, "UID",
     "of which cluster: the uid of its namespace kube-system [any]", false},
    {"state-dir", OPTION_TEXT, AT(state_dir), NULL, "PATH",
     "of which folder: the run's state, read for its id and the copies that it remembers", false},
    {"namespace", OPTION_TEXTS, AT(namespaces), NULL, "NS",
     "namespace whose absent objects count as deleted [all]", false},
    {"confirm-prune", OPTION_BOOL, AT(confirm_prune), "false", NULL,
     "as for run: orphans are deleted however many there are", false},
    OFFLINE_OPTIONS(struct diff_options, offline),
};

static const struct command_spec command = {
    .name = "diff",
    .arguments = "FILE|DIR|-…",
    .summary =
        "Prints what a run on these manifests would change on the gateways. Reads them, writes "
        "nothing.\n\n"
        "OperatorContexts are read from the manifests, with their Secrets, and Services with "
        "their\n"
        "EndpointSlices where gateways are pods. Definitions count as ours when they bear the mark "
        "of\nthe owner, whatever the cluster, unless --cluster or --state-dir says which.\n\n"
        "While a manifest cannot be read, or be told by its name, a run deletes nothing, and so it "
        "says.\n\n"
        "Exit codes: 0 no differences, 1 differences or problems, 2 a gateway or an input that is "
        "named\ncould not be read.",
    .options = options,
    .option_count = ARRAY_LENGTH(options),
};

static int check(struct diff_options *values, struct err *err)
{
    if (!str_equal(values->output, "text") && !str_equal(values->output, "json"))
        return err_set(err, ERR_INVALID, 0, "-o %s: text or json is expected", values->output);
    if (str_is_empty(values->owner))
        return err_set(err, ERR_INVALID, 0, "--owner: a name is expected");
    if (values->cluster && values->state_dir)
        return err_set(err, ERR_INVALID, 0, "--cluster: give it or --state-dir, not both");
    const char *url = getenv("TYK_URL");
    if (!values->gateway_urls.count && !str_is_empty(url))
        option_texts_add(&values->gateway_urls, url);
    for (size_t i = 0; i < values->gateway_urls.count; i++) {
        char *canonical = context_canonical_url(values->gateway_urls.items[i], err);
        if (!canonical)
            return err_wrap(err, "--gateway-url %s", values->gateway_urls.items[i]);
        free(values->gateway_urls.items[i]);
        values->gateway_urls.items[i] = canonical;
    }
    if (!str_is_empty(values->gateway_version) && !event_is_version(values->gateway_version))
        return err_set(err, ERR_INVALID, 0, "--gateway-version: a version such as 5.8 is expected");
    if (str_equal(getenv("TYK_TLS_INSECURE_SKIP_VERIFY"), "true"))
        values->gateway_insecure = true;
    return 0;
}

/* Without a cluster, two clusters' definitions look alike: that is said. */
static void note_clusters(const struct diff *diff)
{
    CLEANUP(strmap_freep) struct strmap *clusters = strset_new();
    for (struct strmap_entry *e = strmap_first(diff->gateways); e && !diff->cluster;
         e = strmap_next(e)) {
        const struct diff_gateway *gateway = strmap_entry_value(e);
        for (size_t i = 0; i < gateway->found_count; i++) {
            if (gateway->found[i].whose == PLAN_OURS)
                strset_add(clusters, gateway->found[i].marker.cluster);
        }
    }
    if (strmap_count(clusters) < 2)
        return;
    CLEANUP(buf_fini) struct buf all;
    buf_init(&all, BUF_UNLIMITED);
    CLEANUP(freep) const char **names = strmap_sorted_keys(clusters);
    for (size_t i = 0; names[i]; i++)
        buf_add_format(&all, " %s", names[i]);
    line_print(stderr,
               "definitions of several clusters are taken for ours (name one with "
               "--cluster):%s",
               buf_text(&all));
}

/* Contexts whose gateways cannot be asked. True when there is one that matters. */
static bool note_contexts(const struct diff *diff)
{
    bool found = false;
    for (struct strmap_entry *e = strmap_first(diff->contexts); e; e = strmap_next(e)) {
        const struct diff_context *context = strmap_entry_value(e);
        bool matters = context->problem && (*context->name || context->is_used);
        if (matters)
            line_print(stderr, "%s%s: %s", *context->name ? "OperatorContext " : "default context",
                       context->name, context->problem);
        found |= matters;
    }
    return found;
}

static void note_problems(const struct diff *diff)
{
    offline_print_notes(diff->offline, stderr);
    for (size_t i = 0; i < diff->offline->api_count; i++) {
        const struct diff_want *want = &diff->wants[i];
        offline_print_problems(diff->offline, want->api, stderr);
        if (!want->has_document)
            line_print(stderr, "%s: not compared: what the gateways hold of it would stay",
                       want->api->object->key);
    }
}

static bool gateways_differ(const struct diff *diff, bool *ret_failed)
{
    bool differs = false;
    for (struct strmap_entry *e = strmap_first(diff->gateways); e; e = strmap_next(e)) {
        const struct diff_gateway *gateway = strmap_entry_value(e);
        *ret_failed |= gateway->error != NULL;
        for (size_t i = 0; i < gateway->entry_count; i++)
            differs |= gateway->entries[i].kind != DIFF_FOREIGN;
    }
    return differs;
}

static int report(struct diff *diff)
{
    for (struct strmap_entry *e = strmap_first(diff->gateways); e; e = strmap_next(e)) {
        struct diff_gateway *gateway = strmap_entry_value(e);
        if (!gateway->error)
            diff_plan(gateway);
    }
    note_problems(diff);
    note_clusters(diff);
    bool failed = note_contexts(diff);
    if (str_equal(diff->options->output, "json"))
        diff_print_json(diff, stdout);
    else
        diff_print_text(diff, stdout);
    failed |= fflush(stdout) != 0 || ferror(stdout);
    bool differs = gateways_differ(diff, &failed) || offline_has_errors(diff->offline);
    return failed ? EXIT_UNABLE : differs ? EXIT_PROBLEMS : EXIT_FINE;
}

static int look_and_report(struct diff *diff, struct err *err)
{
    diff->loop = loop_new(err);
    if (!diff->loop)
        return EXIT_UNABLE;
    diff->http = http_curl_new(diff->loop, GRAPNEL_VERSION);
    diff_look(diff);
    return report(diff);
}

static int compare(const char *const *paths, size_t count, struct diff_options *values,
                   struct err *err)
{
    struct dir_peek peek = {.path = NULL};
    if (values->state_dir && dir_peek_open(values->state_dir, &peek, err) < 0)
        return EXIT_UNABLE;
    struct gateway_abilities abilities = {
        .version = values->gateway_version ? values->gateway_version : "",
        .jsvm = values->gateway_jsvm,
        .kv_references = values->gateway_kv_references,
        .folder_owner = true,
        .org_id = getenv("TYK_ORG"),
    };
    values->offline.abilities = &abilities;
    values->offline.peek = values->state_dir ? &peek : NULL;
    struct diff diff = {.options = values,
                        .cluster = values->state_dir ? peek.id : values->cluster};
    int code = EXIT_UNABLE;
    if (diff_gather(&diff, paths, count, err) == 0)
        code = look_and_report(&diff, err);
    diff_fini(&diff);
    http_curl_free(diff.http);
    loop_free(diff.loop);
    dir_peek_fini(&peek);
    return code;
}

static int run(int argc, char **argv, struct diff_options *values, struct err *err)
{
    bool help;
    int first = options_read(&command, argc, argv, values, &help, err);
    if (first < 0)
        return EXIT_UNABLE;
    if (help) {
        options_print_help(&command, stdout);
        return EXIT_FINE;
    }
    if (check(values, err) < 0)
        return EXIT_UNABLE;
    return compare((const char *const *)argv + first, (size_t)(argc - first), values, err);
}

int cli_diff(int argc, char **argv)
{
    struct diff_options values = {.output = NULL};
    struct err err = {.msg = ""};
    int code = run(argc, argv, &values, &err);
    if (code == EXIT_UNABLE && *err.msg)
        line_print(stderr, "grapnel diff: %s", err.msg);
    options_free(&command, &values);
    return code;
}
