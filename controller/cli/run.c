/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "app.h"
#include "cli/commands.h"
#include "cli/line.h"
#include "config.h"

int cli_run(int argc, char **argv)
{
    struct config config;
    struct err err;
    bool help = false;
    if (config_read(argc, argv, &config, &help, &err) < 0) {
        line_print(stderr, "grapnel: %s", err.msg);
        return EXIT_UNABLE;
    }
    if (help) {
        options_print_help(&config_command, stdout);
        config_fini(&config);
        return EXIT_FINE;
    }
    log_setup(config.log_level, config.log_json);
    int code = app_run(&config);
    config_fini(&config);
    return code;
}
