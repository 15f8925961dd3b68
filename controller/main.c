/* SPDX-License-Identifier: Apache-2.0 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include <jansson.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/commands.h"
#include "cli/line.h"

/* GnuTLS asks this of programs that have it only because some library needs it, as libcurl does for
 * protocols that are never used here: to set itself up at the start takes 0.7 MB and some time. */
/* NOLINTNEXTLINE(bugprone-reserved-identifier,readability-identifier-naming): its own name */
int _gnutls_global_init_skip(void);
int _gnutls_global_init_skip(void)
{
    return 1;
}

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
} commands[] = {
    {"run", cli_run, "reconcile for ever, or --once: converge, print a summary, exit"},
    {"render", cli_render, "print the documents that would be pushed"},
    {"validate", cli_validate, "check manifests: every problem with file, line, field and a hint"},
    {"diff", cli_diff, "print what a run would change on the gateways"},
    {"materialize", cli_materialize, "print manifests with every copy written out, to commit"},
    {"version", cli_version, "print the version"},
};

static void print_help(FILE *out)
{
    fputs("Usage: grapnel COMMAND [OPTIONS] [ARGUMENTS]\n\n"
          "Global webhooks for open-source Tyk gateways.\n\nCommands:\n",
          out);
    for (size_t i = 0; i < ARRAY_LENGTH(commands); i++)
        fprintf(out, "  %-12s %s\n", commands[i].name, commands[i].summary);
    fputs(
        "\nSee grapnel COMMAND --help. Exit codes: 0 fine, 1 problems or differences found or not "
        "converged,\n2 could not run.\n",
        out);
}

/* Secrets and keys are in memory, in the environment too, and what cannot go on aborts. Of a
 * process that is not dumpable there is no image, wherever the system's kernel.core_pattern would
 * have it (prctl(2), core(5): vfs_coredump() asks this first). RLIMIT_CORE 0 would not do: it is
 * not looked at where the image goes to a program, such as systemd-coredump, and its special value
 * 1 cannot be set where an installation has set 0. Other processes of the user cannot look into it
 * either, debuggers among them, hence the way to have it otherwise. */
static void leave_no_core_dump(void)
{
    if (!str_equal(getenv("GRAPNEL_CORE_DUMPS"), "1"))
        (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

int main(int argc, char **argv)
{
    leave_no_core_dump();
    json_set_alloc_funcs(xmalloc, free);
    if (argc < 2) {
        print_help(stderr);
        return EXIT_UNABLE;
    }
    char flag[] = "--help";
    char *of_help[] = {argv[2], flag, NULL}; /* `help COMMAND` is `COMMAND --help` */
    bool asked = argc > 2 && strcmp(argv[1], "help") == 0;
    char **words = asked ? of_help : argv + 1;
    const char *name = words[0];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        print_help(stdout);
        return EXIT_FINE;
    }
    if (strcmp(name, "--version") == 0)
        return cli_version(1, words);
    for (size_t i = 0; i < ARRAY_LENGTH(commands); i++) {
        if (strcmp(name, commands[i].name) == 0)
            return commands[i].run(asked ? 2 : argc - 1, words);
    }
    line_print(stderr, "grapnel: there is no command %s (see grapnel --help)", name);
    return EXIT_UNABLE;
}
