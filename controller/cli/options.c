/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/options.h"

#include <ctype.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"

/* getopt_long(3) returns this plus the option's index. */
#define FIRST_OPTION 1000
#define HELP_COLUMN 34
#define INTERVAL_RANGE "1s to 24h"

static void *value_at(void *values, const struct option_spec *option)
{
    return (char *)values + option->offset;
}

static void texts_add(struct option_texts *texts, const char *text, size_t length)
{
    texts->items = xgrow(texts->items, texts->count + 1, &texts->capacity, sizeof(*texts->items));
    texts->items[texts->count++] = xstrndup(text, length);
    texts->items[texts->count] = NULL;
}

static void texts_clear(struct option_texts *texts)
{
    for (size_t i = 0; i < texts->count; i++)
        free(texts->items[i]);
    free(texts->items);
    *texts = (struct option_texts){0};
}

static void texts_add_list(struct option_texts *texts, const char *list)
{
    while (*list) {
        size_t length = strcspn(list, ",");
        if (length)
            texts_add(texts, list, length);
        list += length + (list[length] == ',');
    }
}

void option_texts_add(struct option_texts *texts, const char *text)
{
    texts_add(texts, text, strlen(text));
}

static int read_bool(const char *text, bool *ret_value, struct err *err)
{
    static const struct {
        const char *text;
        bool value;
    } words[] = {{"true", true},   {"1", true},  {"yes", true},
                 {"false", false}, {"0", false}, {"no", false}};
    for (size_t i = 0; i < ARRAY_LENGTH(words); i++) {
        if (strcasecmp(text, words[i].text) == 0) {
            *ret_value = words[i].value;
            return 0;
        }
    }
    return err_set(err, ERR_INVALID, 0, "true or false is expected");
}

#define HOUR_MS INT64_C(3600000)

/* What is done without a pause in between would do nothing else; what is put off for months has
 * been forgotten when it comes. */
static int read_duration(enum option_type type, const char *text, int64_t *ret_ms, struct err *err)
{
    const bool is_interval = type == OPTION_INTERVAL;
    int64_t ms;
    if (str_to_duration_ms(text, &ms, err) < 0)
        return -1;
    if (ms < (is_interval ? 1000 : 0) || ms > (is_interval ? 24 : 720) * HOUR_MS)
        return err_set(err, ERR_INVALID, 0, "%s are possible",
                       is_interval ? INTERVAL_RANGE : "0 to 720h");
    *ret_ms = ms;
    return 0;
}

static int set_value(const struct option_spec *option, void *values, const char *text,
                     struct err *err)
{
    void *place = value_at(values, option);
    switch (option->type) {
    case OPTION_TEXT:
        free(*(char **)place);
        *(char **)place = xstrdup(text);
        return 0;
    case OPTION_TEXTS:
        texts_add_list(place, text);
        return 0;
    case OPTION_BOOL:
        return read_bool(text, place, err);
    case OPTION_DURATION:
    case OPTION_INTERVAL:
        return read_duration(option->type, text, place, err);
    }
    return 0;
}

static bool is_short(const struct option_spec *option)
{
    return option->name[1] == '\0';
}

static char *environment_name(const struct option_spec *option)
{
    char *name = xasprintf("GRAPNEL_%s", option->name);
    for (char *at = name; *at; at++)
        *at = (char)(*at == '-' ? '_' : toupper((unsigned char)*at));
    return name;
}

/* All problems are told together: the next one goes behind those before it. */
static void add_problem(struct err *problems, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void add_problem(struct err *problems, const char *format, ...)
{
    char text[256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    struct err before = *problems;
    err_set(problems, ERR_INVALID, 0, "%s%s%s", before.msg, *before.msg ? "; " : "", text);
}

static void set_or_add_problem(const struct option_spec *option, void *values, const char *text,
                               const char *shown, struct err *problems)
{
    struct err err;
    if (set_value(option, values, text, &err) < 0)
        add_problem(problems, "%s: %s", shown, err.msg);
}

/* What no flag has set comes from the environment, else it is the default. */
static void fill_in(const struct command_spec *command, const bool *given, void *values,
                    struct err *problems)
{
    for (size_t i = 0; i < command->option_count; i++) {
        const struct option_spec *option = &command->options[i];
        if (given[i])
            continue;
        CLEANUP(freep) char *name = environment_name(option);
        bool read = !option->no_environment && !is_short(option);
        const char *text = read ? getenv(name) : NULL;
        if (text && *text)
            set_or_add_problem(option, values, text, name, problems);
        else if (option->fallback)
            set_or_add_problem(option, values, option->fallback, option->name, problems);
    }
}

static struct option *getopt_table(const struct command_spec *command)
{
    struct option *table = xcalloc(command->option_count + 2, sizeof(*table));
    for (size_t i = 0; i < command->option_count; i++) {
        const struct option_spec *option = &command->options[i];
        table[i] = (struct option){
            .name = option->name,
            .has_arg = option->type == OPTION_BOOL ? optional_argument : required_argument,
            .val = FIRST_OPTION + (int)i,
        };
    }
    table[command->option_count] = (struct option){.name = "help", .val = 'h'};
    return table;
}

/* Returns owned: the letters for getopt_long(3), `-h` among them. */
static char *short_options(const struct command_spec *command)
{
    struct buf letters;
    buf_init(&letters, BUF_UNLIMITED);
    buf_add_text(&letters, ":h");
    for (size_t i = 0; i < command->option_count; i++) {
        const struct option_spec *option = &command->options[i];
        if (is_short(option))
            buf_add_format(&letters, "%s%s", option->name, option->type == OPTION_BOOL ? "" : ":");
    }
    return buf_take(&letters);
}

/* The index of the option that getopt_long(3) returned; option_count when it is none of ours. */
static size_t option_index(const struct command_spec *command, int which)
{
    if (which >= FIRST_OPTION)
        return (size_t)(which - FIRST_OPTION);
    size_t index = 0;
    while (index < command->option_count &&
           !(is_short(&command->options[index]) && command->options[index].name[0] == which))
        index++;
    return index;
}

int options_read(const struct command_spec *command, int argc, char **argv, void *values,
                 bool *ret_help, struct err *err)
{
    CLEANUP(freep) struct option *table = getopt_table(command);
    CLEANUP(freep) char *letters = short_options(command);
    CLEANUP(freep) bool *given = xcalloc(command->option_count + 1, sizeof(*given));
    *ret_help = false;
    optind = 0; /* glibc: start afresh */
    opterr = 0;
    struct err problems = {.class = ERR_INVALID};
    int which;
    while ((which = getopt_long(argc, argv, letters, table, NULL)) != -1) {
        if (which == 'h') {
            *ret_help = true;
            return 0;
        }
        const char *shown = argv[optind - 1];
        if (which == ':') {
            add_problem(&problems, "%s: a value is missing", shown);
            continue;
        }
        size_t index = option_index(command, which);
        if (index == command->option_count) {
            add_problem(&problems, "%s: no such option (see grapnel %s --help)", shown,
                        command->name);
            continue;
        }
        const struct option_spec *option = &command->options[index];
        CLEANUP(freep)
        char *name = xasprintf("%s%s", is_short(option) ? "-" : "--", option->name);
        set_or_add_problem(option, values, optarg ? optarg : "true", name, &problems);
        given[index] = true;
    }
    fill_in(command, given, values, &problems);
    if (*problems.msg)
        return err_set(err, ERR_INVALID, 0, "%s", problems.msg);
    if (command->given_offset)
        memcpy((char *)values + command->given_offset, given,
               command->option_count * sizeof(*given));
    return optind;
}

void options_free(const struct command_spec *command, void *values)
{
    for (size_t i = 0; i < command->option_count; i++) {
        void *place = value_at(values, &command->options[i]);
        if (command->options[i].type == OPTION_TEXT) {
            free(*(char **)place);
            *(char **)place = NULL;
        } else if (command->options[i].type == OPTION_TEXTS) {
            texts_clear(place);
        }
    }
}

void options_print_help(const struct command_spec *command, FILE *out)
{
    fprintf(out, "Usage: grapnel %s%s%s%s\n\n%s\n", command->name,
            command->option_count ? " [OPTIONS]" : "", *command->arguments ? " " : "",
            command->arguments, command->summary);
    if (command->option_count)
        fputs("\nOptions:\n", out);
    for (size_t i = 0; i < command->option_count; i++) {
        const struct option_spec *option = &command->options[i];
        int width = fprintf(out, "  %s%s%s%s", is_short(option) ? "-" : "--", option->name,
                            option->argument ? " " : "", option->argument ? option->argument : "");
        if (width >= HELP_COLUMN)
            fprintf(out, "\n%*s", HELP_COLUMN, "");
        else
            fprintf(out, "%*s", HELP_COLUMN - width, "");
        fputs(option->help, out);
        if (option->type == OPTION_TEXTS)
            fputs(" (repeatable)", out);
        else if (option->type == OPTION_INTERVAL)
            fputs(" (" INTERVAL_RANGE ")", out);
        if (option->fallback && *option->fallback && strcmp(option->fallback, "false") != 0)
            fprintf(out, " [%s]", option->fallback);
        fputc('\n', out);
    }
    if (command->option_count)
        fputs("\nEach option is also read from the environment: --some-option is "
              "GRAPNEL_SOME_OPTION.\n",
              out);
}
