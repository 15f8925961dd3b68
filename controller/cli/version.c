/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "cli/commands.h"
#include "cli/line.h"
#include "cli/options.h"

static const struct command_spec command = {
    .name = "version",
    .arguments = "",
    .summary = "Prints the version.",
};

int cli_version(int argc, char **argv)
{
    bool help;
    struct err err;
    int rest = options_read(&command, argc, argv, NULL, &help, &err);
    if (rest >= 0 && help) {
        options_print_help(&command, stdout);
        return EXIT_FINE;
    }
    if (rest != argc) {
        line_print(stderr, "grapnel: %s", rest < 0 ? err.msg : "version takes no arguments");
        return EXIT_UNABLE;
    }
    puts("grapnel " GRAPNEL_VERSION);
    return EXIT_FINE;
}
