/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum option_kind { OPTION_STRING, OPTION_MS, OPTION_SECONDS, OPTION_SWITCH };

static const struct option {
    const char *name;
    enum option_kind kind;
    size_t offset;
    const char *help;
} table[] = {
    {"--listen", OPTION_STRING, offsetof(struct options, listen),
     "ADDR:PORT  control API and traffic; port 0 takes a free one (default 127.0.0.1:8080)"},
    {"--admin", OPTION_STRING, offsetof(struct options, admin),
     "ADDR:PORT  a second listener for /__fault and the like, which no fault touches"},
    {"--secret", OPTION_STRING, offsetof(struct options, secret),
     "TEXT       what X-Tyk-Authorization must be (default s3cret)"},
    {"--app-path", OPTION_STRING, offsetof(struct options, app_path),
     "DIR        folder of definitions (default apps)"},
    {"--version-string", OPTION_STRING, offsetof(struct options, version),
     "TEXT       the version that /hello tells (default v5.14.0)"},
    {"--log", OPTION_STRING, offsetof(struct options, log),
     "FILE       appends a JSON line for each request"},
    {"--reload-interval", OPTION_SECONDS, offsetof(struct options, reload_interval_s),
     "SECONDS    the tick that reloads wait for (default 1)"},
    {"--reload-time", OPTION_MS, offsetof(struct options, reload_time_ms),
     "MS         how long a reload takes; writes meanwhile are lost (default 0)"},
    {"--start-delay", OPTION_MS, offsetof(struct options, start_delay_ms),
     "MS         how long it listens before its definitions are loaded (default 0)"},
    {"--jsvm", OPTION_SWITCH, offsetof(struct options, jsvm),
     "           JS event handlers do not kill it"},
};

static void print_help(void)
{
    puts("grapnel-stub-gateway: answers like an open-source Tyk gateway of 5.14, for tests\n");
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        printf("  %-18s %s\n", table[i].name, table[i].help);
    }
}

static const struct option *find(const char *name)
{
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (strcmp(table[i].name, name) == 0) {
            return &table[i];
        }
    }
    return NULL;
}

static bool read_number(const char *text, double *ret_value)
{
    char *end = NULL;
    *ret_value = strtod(text, &end);
    return end != text && *end == '\0' && *ret_value >= 0 && *ret_value < 1e9;
}

static bool set(struct options *options, const struct option *option, const char *value)
{
    char *field = (char *)options + option->offset;
    double number = 0;
    switch (option->kind) {
    case OPTION_STRING:
        memcpy(field, &value, sizeof(value));
        return true;
    case OPTION_MS: {
        bool good = read_number(value, &number);
        int64_t ms = (int64_t)number;
        memcpy(field, &ms, sizeof(ms));
        return good;
    }
    case OPTION_SECONDS: {
        bool good = read_number(value, &number) && number > 0;
        memcpy(field, &number, sizeof(number));
        return good;
    }
    case OPTION_SWITCH: {
        bool on = true;
        memcpy(field, &on, sizeof(on));
        return true;
    }
    }
    return false;
}

enum options_outcome options_read(struct options *options, int argc, char **argv)
{
    *options = (struct options){.listen = "127.0.0.1:8080",
                                .secret = "s3cret",
                                .app_path = "apps",
                                .version = "v5.14.0",
                                .reload_interval_s = 1};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            print_help();
            return OPTIONS_HELP;
        }
        const struct option *option = find(argv[i]);
        if (option == NULL) {
            fprintf(stderr, "unknown option %s (see --help)\n", argv[i]);
            return OPTIONS_WRONG;
        }
        bool with_value = option->kind != OPTION_SWITCH;
        if (with_value && i + 1 == argc) {
            fprintf(stderr, "%s needs a value\n", argv[i]);
            return OPTIONS_WRONG;
        }
        if (!set(options, option, with_value ? argv[i + 1] : "")) {
            fprintf(stderr, "%s: bad value %s\n", argv[i], argv[i + 1]);
            return OPTIONS_WRONG;
        }
        i += with_value;
    }
    return OPTIONS_RUN;
}
