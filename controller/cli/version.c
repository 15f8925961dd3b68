/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "cli/commands.h"

int cli_version(int argc, char **argv)
{
    (void)argv;
    if (argc > 1) {
        fputs("grapnel: version takes no arguments\n", stderr);
        return EXIT_UNABLE;
    }
    puts("grapnel " GRAPNEL_VERSION);
    return EXIT_FINE;
}
