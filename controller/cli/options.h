/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/err.h"

/*
 * Options of a command, from one table: flags, environment, defaults, --help and the reference in
 * the README all come from it. A flag wins over the environment (`GRAPNEL_` and the name in upper
 * case with
 * `_`), that over the default.
 */
enum option_type {
    OPTION_TEXT,     /* char *, NULL when not given and without default */
    OPTION_TEXTS,    /* struct option_texts; several values: repeated, or with commas between */
    OPTION_BOOL,     /* bool; --name, --name=true, --name=false */
    OPTION_DURATION, /* int64_t, milliseconds; `10s`, `1m30s`; how long to wait: 0 to 720h */
    OPTION_INTERVAL, /* likewise; what is done again and again: 1s to 24h */
};

/* NULL behind the last; owned by the values. */
struct option_texts {
    char **items;
    size_t count;
    size_t capacity;
};

void option_texts_add(struct option_texts *texts, const char *text);

struct option_spec {
    const char *name; /* one letter: `-o VALUE`, and not in the environment */
    enum option_type type;
    size_t offset;        /* in the struct of values */
    const char *fallback; /* the default as text; NULL: none */
    const char *argument; /* how --help calls the value; NULL for OPTION_BOOL */
    const char *help;     /* one line */
    bool no_environment;
};

struct command_spec {
    const char *name;
    const char *arguments; /* "FILE|DIR|-…", "" when it takes none */
    const char *summary;
    const struct option_spec *options;
    size_t option_count;
    size_t given_offset; /* in the struct of values, a bool for each option: is it on the command
                            line? 0: nobody asks */
};

/* Fills `values` (zeroed by the caller) and returns the index of the first argument that is no
 * option; -1 with *err set when something is wrong, naming the flag. `--help` sets *ret_help and
 * ends there. argv[0] is the command's name. */
int options_read(const struct command_spec *command, int argc, char **argv, void *values,
                 bool *ret_help, struct err *err);
void options_free(const struct command_spec *command, void *values);

void options_print_help(const struct command_spec *command, FILE *out);
