/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/yaml.h"
#include "cli/commands.h"
#include "cli/line.h"
#include "cli/offline.h"
#include "cli/options.h"

struct render_options {
    char *output;
    bool show_secrets;
    struct offline_options offline;
};

static const struct option_spec options[] = {
    {"o", OPTION_TEXT, offsetof(struct render_options, output), "json", "json|yaml",
     "form of the output", true},
    {"show-secrets", OPTION_BOOL, offsetof(struct render_options, show_secrets), "false", NULL,
     "print values of Secrets instead of <secret NS/NAME KEY>", true},
    OFFLINE_OPTIONS(struct render_options, offline),
};

static const struct command_spec command = {
    .name = "render",
    .arguments = "FILE|DIR|-…",
    .summary = "Prints the documents that would be pushed, with their webhooks and problems.",
    .options = options,
    .option_count = ARRAY_LENGTH(options),
};

static void print(const struct offline *offline, bool yaml, FILE *out)
{
    if (!yaml)
        fputs("[\n", out);
    for (size_t i = 0; i < offline->api_count; i++) {
        CLEANUP(buf_fini) struct buf element;
        CLEANUP(buf_fini) struct buf text;
        buf_init(&element, BUF_UNLIMITED);
        buf_init(&text, BUF_UNLIMITED);
        offline_add_element(offline, &offline->apis[i], &element);
        if (yaml) {
            buf_add_text(&text, "---\n");
            yaml_add_json(&text, (struct span){buf_text(&element), element.length});
            fwrite(buf_text(&text), 1, text.length, out);
        } else {
            line_print_json(out, buf_text(&element), element.length);
            fputs(i + 1 < offline->api_count ? ",\n" : "\n", out);
        }
    }
    if (!yaml)
        fputs("]\n", out);
}

static int run(int argc, char **argv, struct render_options *values, struct err *err)
{
    bool help;
    int first = options_read(&command, argc, argv, values, &help, err);
    if (first < 0)
        return EXIT_UNABLE;
    if (help) {
        options_print_help(&command, stdout);
        return EXIT_FINE;
    }
    bool yaml = str_equal(values->output, "yaml");
    if (!yaml && !str_equal(values->output, "json")) {
        err_set(err, ERR_INVALID, 0, "-o %s: json or yaml is expected", values->output);
        return EXIT_UNABLE;
    }
    CLEANUP(offline_freep)
    struct offline *offline = offline_new((const char *const *)argv + first, (size_t)(argc - first),
                                          &values->offline, !values->show_secrets, err);
    if (!offline)
        return EXIT_UNABLE;
    offline_print_notes(offline, stderr);
    print(offline, yaml, stdout);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        err_set(err, ERR_TRANSIENT, 0, "the output cannot be written");
        return EXIT_UNABLE;
    }
    return offline_has_errors(offline) ? EXIT_PROBLEMS : EXIT_FINE;
}

int cli_render(int argc, char **argv)
{
    struct render_options values = {.output = NULL};
    struct err err = {.msg = ""};
    int code = run(argc, argv, &values, &err);
    if (code == EXIT_UNABLE)
        line_print(stderr, "grapnel render: %s", err.msg);
    options_free(&command, &values);
    return code;
}
