/* SPDX-License-Identifier: Apache-2.0 */
#include "journal.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gojson.h"
#include "mem.h"

#define LINE_COUNT 8192

static const char *const kind_names[REQUEST_KIND_COUNT] = {
    [REQUEST_HELLO] = "hello",       [REQUEST_READY] = "ready",       [REQUEST_LIST] = "list",
    [REQUEST_LIST_OAS] = "list_oas", [REQUEST_GET] = "get",           [REQUEST_GET_OAS] = "get_oas",
    [REQUEST_POST] = "post",         [REQUEST_POST_OAS] = "post_oas", [REQUEST_PUT] = "put",
    [REQUEST_PUT_OAS] = "put_oas",   [REQUEST_PATCH_OAS] = "patch",   [REQUEST_DELETE] = "delete",
    [REQUEST_RELOAD] = "reload",     [REQUEST_OTHER] = "other",       [REQUEST_TRAFFIC] = "traffic",
};

struct journal *journal_new(const char *log_path)
{
    FILE *log = NULL;
    if (log_path != NULL) {
        log = fopen(log_path, "ae");
        if (log == NULL) {
            return NULL;
        }
        setvbuf(log, NULL, _IOLBF, 0);
    }
    struct journal *journal = mem_zeroed(sizeof(*journal));
    journal->lines = mem_zeroed(LINE_COUNT * sizeof(*journal->lines));
    journal->log = log;
    return journal;
}

static void forget_lines(struct journal *journal)
{
    for (size_t i = 0; i < LINE_COUNT; i++) {
        free(journal->lines[i]);
        journal->lines[i] = NULL;
    }
}

void journal_free(struct journal *journal)
{
    if (journal == NULL) {
        return;
    }
    forget_lines(journal);
    free(journal->lines);
    if (journal->log != NULL) {
        fclose(journal->log);
    }
    free(journal);
}

void journal_add(struct journal *journal, const struct journal_entry *entry)
{
    journal->requests[entry->kind]++;
    if (*entry->fault != '\0') {
        journal->faulty++;
    }
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    struct text line = {0};
    text_printf(&line, "{\"n\":%" PRIu64 ",\"time\":%lld.%06ld,\"method\":\"%s\",\"path\":",
                ++journal->number, (long long)now.tv_sec, now.tv_nsec / 1000, entry->method);
    gojson_puts(&line, entry->path);
    text_printf(&line, ",\"kind\":\"%s\",\"id\":", kind_names[entry->kind]);
    gojson_puts(&line, entry->id);
    text_printf(&line, ",\"status\":%d,\"ms\":%.3f", entry->status, (double)entry->took_us / 1000);
    if (*entry->fault != '\0') {
        text_printf(&line, ",\"fault\":\"%s\"", entry->fault);
    }
    text_putc(&line, '}');
    if (journal->log != NULL) {
        fprintf(journal->log, "%s\n", line.bytes);
    }
    char **slot = &journal->lines[journal->number % LINE_COUNT];
    free(*slot);
    *slot = line.bytes;
}

void journal_counters(const struct journal *journal, struct text *out)
{
    text_puts(out, "\"requests\":{");
    for (size_t i = 0; i < REQUEST_KIND_COUNT; i++) {
        text_printf(out, "%s\"%s\":%" PRIu64, i > 0 ? "," : "", kind_names[i],
                    journal->requests[i]);
    }
    text_printf(out,
                "},\"refused\":%" PRIu64 ",\"reloads\":%" PRIu64 ",\"faulty\":%" PRIu64
                ",\"webhooks\":{\"delivered\":%" PRIu64 ",\"held_back\":%" PRIu64 "}",
                journal->refused, journal->reloads, journal->faulty, journal->delivered,
                journal->held_back);
}

void journal_lines(const struct journal *journal, uint64_t since, struct text *out)
{
    uint64_t first = journal->number >= LINE_COUNT ? journal->number - LINE_COUNT + 1 : 1;
    if (first <= since) {
        first = since + 1;
    }
    bool some = false;
    text_putc(out, '[');
    for (uint64_t i = first; i <= journal->number; i++) {
        const char *line = journal->lines[i % LINE_COUNT];
        if (line != NULL) {
            text_printf(out, "%s%s", some ? "," : "", line);
            some = true;
        }
    }
    text_putc(out, ']');
}

void journal_reset(struct journal *journal)
{
    uint64_t number = journal->number;
    char **lines = journal->lines;
    FILE *log = journal->log;
    forget_lines(journal);
    *journal = (struct journal){.number = number, .lines = lines, .log = log};
}
