/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json_text.h"
#include "base/mem.h"
#include "base/yaml.h"
#include "cli/commands.h"
#include "cli/line.h"
#include "cli/manifest_text.h"
#include "cli/offline.h"
#include "cli/options.h"
#include "core/materialize.h"

struct materialize_options {
    bool show_secrets;
    char *state_dir;
    struct dir_peek peek; /* into it */
    struct offline_options offline;
};

static const struct option_spec options[] = {
    {"show-secrets", OPTION_BOOL, offsetof(struct materialize_options, show_secrets), "false", NULL,
     "write values of Secrets in clear instead of <secret NS/NAME KEY>, where they can be opened",
     true},
    {"state-dir", OPTION_TEXT, offsetof(struct materialize_options, state_dir), NULL, "PATH",
     "of a folder: the run's state, read for copies of Webhooks that are gone", false},
    OFFLINE_OPTIONS(struct materialize_options, offline),
};

static const struct command_spec command = {
    .name = "materialize",
    .arguments = "FILE|DIR|-… [NAMESPACE/NAME]",
    .summary = "Prints ApiDefinitions with every copy written out as local handlers, ready to "
               "commit.",
    .options = options,
    .option_count = ARRAY_LENGTH(options),
};

struct run {
    const struct offline *offline;
    struct materialize_options *options;
    bool incomplete; /* something could not be written out */
};

static void print_yaml(struct span json)
{
    CLEANUP(buf_fini) struct buf text;
    buf_init(&text, BUF_UNLIMITED);
    buf_add_text(&text, "---\n");
    yaml_add_json(&text, json);
    fwrite(buf_text(&text), 1, text.length, stdout);
}

static void print_manifest(struct span object)
{
    CLEANUP(buf_fini) struct buf text;
    buf_init(&text, BUF_UNLIMITED);
    manifest_text_clean(object, &text);
    print_yaml((struct span){buf_text(&text), text.length});
}

static void print_config_map(const struct offline_api *api, struct span document)
{
    CLEANUP(buf_fini) struct buf text;
    buf_init(&text, BUF_UNLIMITED);
    manifest_text_with_entry(api->config_map, api->resolution.facts.config_map_entry, document,
                             &text);
    print_manifest((struct span){buf_text(&text), text.length});
}

/* Says where a value stays sealed. Returns whether it is one that --show-secrets would show. */
static bool report_value(struct run *run, const char *api_key, const char *ref, const char *what,
                         const char *secret, const char *value)
{
    if (!copy_is_hidden(secret, value))
        return secret && !run->options->show_secrets;
    run->incomplete = true;
    line_print(stderr,
               "%s: the webhook %s: %s is sealed and cannot be opened here: put it in the place "
               "of <secret> before you commit",
               api_key, ref, what);
    return false;
}

static void report_copy(struct run *run, const char *api_key, const struct resolved_ref *ref)
{
    const struct copy *copy = ref->copy;
    bool not_shown = report_value(run, api_key, ref->ref, "its URL", copy->url_secret, copy->url);
    for (size_t i = 0; i < copy->header_count; i++) {
        const struct copy_header *header = &copy->headers[i];
        CLEANUP(freep) char *what = xasprintf("the value of its header %s", header->name);
        if (report_value(run, api_key, ref->ref, what, header->secret, header->value))
            not_shown = true;
    }
    if (!not_shown)
        return;
    run->incomplete = true;
    line_print(stderr,
               "%s: the webhook %s has values of Secrets: put something in the place of "
               "<secret …> before you commit (or use --show-secrets)",
               api_key, ref->ref);
}

/* What cannot be committed, or is not written out, is said. */
static void report(struct run *run, const struct offline_api *api)
{
    offline_print_problems(run->offline, api, stderr);
    for (size_t i = 0; i < api->resolution.problem_count; i++)
        run->incomplete = run->incomplete || api->resolution.problems[i].severity == PROBLEM_ERROR;
    for (size_t i = 0; i < api->resolution.ref_count; i++) {
        if (api->resolution.refs[i].copy)
            report_copy(run, api->object->key, &api->resolution.refs[i]);
    }
}

static void materialize_one(struct run *run, const struct offline_api *api)
{
    struct materialize_request request = {
        .accepted = api->accepted,
        .default_cooldown = run->options->offline.default_cooldown,
        .placeholders = !run->options->show_secrets,
    };
    CLEANUP(buf_fini) struct buf text;
    buf_init(&text, BUF_UNLIMITED);
    if (materialize_api(api->object, &request, &text))
        print_manifest((struct span){buf_text(&text), text.length});
    else
        print_manifest(object_text(api->object));
    buf_clear(&text);
    if (api->config_map && materialize_config_map(api->object, api->config_map, &request, &text))
        print_config_map(api, (struct span){buf_text(&text), text.length});
    report(run, api);
}

/* The last argument may name one ApiDefinition: it is no file, and looks like NAMESPACE/NAME. */
static const char *take_name(int argc, char **argv, int first, int *ret_end)
{
    const char *last = argv[argc - 1];
    const char *slash = strchr(last, '/');
    bool is_name = argc - first > 1 && slash && slash != last && slash[1] &&
                   !strchr(slash + 1, '/') && access(last, F_OK) != 0;
    *ret_end = is_name ? argc - 1 : argc;
    return is_name ? last : NULL;
}

static int materialize(struct run *run, const char *name, struct err *err)
{
    bool found = false;
    for (size_t i = 0; i < run->offline->api_count; i++) {
        const struct offline_api *api = &run->offline->apis[i];
        if (name && strcmp(api->object->key, name) != 0)
            continue;
        found = true;
        materialize_one(run, api);
    }
    if (name && !found) {
        err_set(err, ERR_NOT_FOUND, 0, "there is no ApiDefinition %s", name);
        return EXIT_UNABLE;
    }
    if (fflush(stdout) != 0 || ferror(stdout)) {
        err_set(err, ERR_TRANSIENT, 0, "the output cannot be written");
        return EXIT_UNABLE;
    }
    return run->incomplete ? EXIT_PROBLEMS : EXIT_FINE;
}

static int run(int argc, char **argv, struct materialize_options *values, struct err *err)
{
    bool help;
    int first = options_read(&command, argc, argv, values, &help, err);
    if (first < 0)
        return EXIT_UNABLE;
    if (help) {
        options_print_help(&command, stdout);
        return EXIT_FINE;
    }
    if (values->state_dir && dir_peek_open(values->state_dir, &values->peek, err) < 0)
        return EXIT_UNABLE;
    values->offline.peek = values->state_dir ? &values->peek : NULL;
    values->offline.hides_sealed = !values->state_dir;
    int end = argc;
    const char *name = first < argc ? take_name(argc, argv, first, &end) : NULL;
    CLEANUP(offline_freep)
    struct offline *offline = offline_new((const char *const *)argv + first, (size_t)(end - first),
                                          &values->offline, !values->show_secrets, err);
    if (!offline)
        return EXIT_UNABLE;
    offline_print_notes(offline, stderr);
    struct run state = {offline, values, offline_input_has_errors(offline)};
    return materialize(&state, name, err);
}

int cli_materialize(int argc, char **argv)
{
    struct materialize_options values = {.show_secrets = false};
    struct err err = {.msg = ""};
    int code = run(argc, argv, &values, &err);
    if (code == EXIT_UNABLE)
        line_print(stderr, "grapnel materialize: %s", err.msg);
    dir_peek_fini(&values.peek);
    options_free(&command, &values);
    return code;
}
