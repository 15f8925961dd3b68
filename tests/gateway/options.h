/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* The command line. Strings are borrowed from argv. */
struct options {
    const char *listen;
    const char *admin;
    const char *secret;
    const char *app_path;
    const char *version;
    const char *log;
    double reload_interval_s;
    int64_t reload_time_ms;
    int64_t start_delay_ms;
    bool jsvm;
};

enum options_outcome { OPTIONS_RUN, OPTIONS_HELP, OPTIONS_WRONG };

/* Reads the command line; what is wrong, or the help text, has been printed when it returns. */
enum options_outcome options_read(struct options *options, int argc, char **argv);
