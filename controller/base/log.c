/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/json_text.h"
#include "base/str.h"

#define DETAIL_LIMIT 300

static const char *const level_names[] = {"debug", "info", "warn", "error"};

/* The one mutable static of base: what the process was told at its start. */
static struct {
    enum log_level level;
    bool json;
} setup = {LOG_LEVEL_INFO, false};

void log_setup(enum log_level level, bool json)
{
    setup.level = level;
    setup.json = json;
}

bool log_is_on(enum log_level level)
{
    return level >= setup.level;
}

int log_level_from_name(const char *name, enum log_level *ret_level)
{
    for (size_t i = 0; i < ARRAY_LENGTH(level_names); i++) {
        if (strcmp(name, level_names[i]) == 0) {
            *ret_level = (enum log_level)i;
            return 0;
        }
    }
    return -1;
}

/* As logfmt has it: what a reader would take for several fields is in quotes. */
static void add_word(struct buf *line, const char *word)
{
    if (*word && !strpbrk(word, " \"=\\")) {
        buf_add_text(line, word);
        return;
    }
    buf_add_char(line, '"');
    for (; *word; word++) {
        if (*word == '"' || *word == '\\')
            buf_add_char(line, '\\');
        buf_add_char(line, *word);
    }
    buf_add_char(line, '"');
}

static void add_text(struct buf *line, const char *key, const char *value, size_t limit)
{
    if (!value)
        return;
    CLEANUP(buf_fini) struct buf clean;
    buf_init(&clean, BUF_UNLIMITED);
    str_add_printable(&clean, value, strlen(value), limit);
    if (setup.json) {
        buf_add_format(line, ",\"%s\":", key);
        json_text_add_string_n(line, buf_text(&clean), clean.length);
    } else {
        buf_add_format(line, " %s=", key);
        add_word(line, buf_text(&clean));
    }
}

static void add_number(struct buf *line, const char *key, int64_t value)
{
    if (value)
        buf_add_format(line, setup.json ? ",\"%s\":%" PRId64 : " %s=%" PRId64, key, value);
}

static void add_object(struct buf *line, const struct log_fields *fields)
{
    const char *slash = fields->key ? strchr(fields->key, '/') : NULL;
    CLEANUP(freep)
    char *ns = slash ? xstrndup(fields->key, (size_t)(slash - fields->key)) : NULL;
    add_text(line, "kind", fields->kind, DETAIL_LIMIT);
    add_text(line, "ns", ns ? ns : fields->ns, DETAIL_LIMIT);
    add_text(line, "name",
             slash         ? slash + 1
             : fields->key ? fields->key
                           : fields->name,
             DETAIL_LIMIT);
}

void log_line(enum log_level level, const char *message, const struct log_fields *fields)
{
    if (!log_is_on(level))
        return;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    char time[21];
    str_format_time(time, now.tv_sec);
    time[19] = '\0';

    CLEANUP(buf_fini) struct buf line;
    buf_init(&line, 16384);
    if (setup.json) {
        buf_add_format(&line, "{\"ts\":\"%s.%03ldZ\",\"level\":\"%s\",\"msg\":", time,
                       now.tv_nsec / 1000000, level_names[level]);
        json_text_add_string(&line, message);
    } else {
        buf_add_format(&line, "%s %-5s %s", time + 11, level_names[level], message);
    }
    add_object(&line, fields);
    add_text(&line, "endpoint", fields->endpoint, DETAIL_LIMIT);
    add_text(&line, "reason", fields->reason, DETAIL_LIMIT);
    add_number(&line, "count", fields->count);
    add_number(&line, "duration_ms", fields->duration_ms);
    add_number(&line, "attempt", fields->attempt);
    if (fields->err) {
        add_text(&line, "err", fields->err->msg, sizeof(fields->err->msg));
        add_text(&line, "class", err_class_name(fields->err->class), DETAIL_LIMIT);
    }
    add_text(&line, "detail", fields->detail, DETAIL_LIMIT);
    buf_add_text(&line, setup.json ? "}\n" : "\n");
    fwrite(buf_text(&line), 1, line.length, stderr);
}
