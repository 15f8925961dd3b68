/* SPDX-License-Identifier: Apache-2.0 */
#include "core/line_diff.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/span.h"

/* With more changes than this, what lies between equal beginnings and ends is replaced whole. */
#define MAX_CHANGES 1000
#define INDENT_MAX 64

struct lines {
    struct span *items;
    size_t count;
};

static struct lines split(const char *text)
{
    struct lines lines = {NULL, 0};
    size_t capacity = 0;
    while (*text) {
        size_t length = strcspn(text, "\n");
        lines.items = xgrow(lines.items, lines.count, &capacity, sizeof(*lines.items));
        lines.items[lines.count++] = (struct span){text, length};
        text += length + (text[length] == '\n');
    }
    return lines;
}

static bool same(struct span a, struct span b)
{
    return a.length == b.length && memcmp(a.ptr, b.ptr, a.length) == 0;
}

/* The middle part that differs, and for each of its lines whether it stays. */
struct work {
    struct lines before;
    struct lines after;
    size_t head;    /* equal lines at the beginning */
    long rows;      /* lines of `before` in the middle */
    long columns;   /* of `after` */
    bool *removed;  /* by line of `before` */
    bool *inserted; /* by line of `after` */
};

static bool same_at(const struct work *work, long row, long column)
{
    return same(work->before.items[work->head + (size_t)row],
                work->after.items[work->head + (size_t)column]);
}

/* Myers, "An O(ND) Difference Algorithm": reach[k] is the farthest row on diagonal k. Each step's
 * state is kept, because the way back goes through them. */
struct trace {
    long *steps[MAX_CHANGES + 1];
    long count;
};

static long advance(const struct work *work, const long *reach, long step, long diagonal)
{
    bool down =
        diagonal == -step || (diagonal != step && reach[diagonal - 1] < reach[diagonal + 1]);
    long row = down ? reach[diagonal + 1] : reach[diagonal - 1] + 1;
    long column = row - diagonal;
    while (row < work->rows && column < work->columns && column >= 0 &&
           same_at(work, row, column)) {
        row++;
        column++;
    }
    return row;
}

/* Fills the trace up to the step that reaches the end; false: too many changes. */
static bool search(const struct work *work, struct trace *trace)
{
    size_t width = 2 * (size_t)MAX_CHANGES + 3;
    CLEANUP(freep) long *room = xcalloc(width, sizeof(long));
    long *reach = room + MAX_CHANGES + 1;
    for (long step = 0; step <= MAX_CHANGES; step++) {
        size_t size = (2 * (size_t)step + 3) * sizeof(long);
        trace->steps[step] = xmalloc(size);
        memcpy(trace->steps[step], reach - step - 1, size);
        trace->count = step + 1;
        for (long diagonal = -step; diagonal <= step; diagonal += 2) {
            reach[diagonal] = advance(work, reach, step, diagonal);
            if (reach[diagonal] >= work->rows && reach[diagonal] - diagonal >= work->columns)
                return true;
        }
    }
    return false;
}

static void walk_back(const struct work *work, const struct trace *trace)
{
    long row = work->rows;
    long column = work->columns;
    for (long step = trace->count - 1; step > 0; step--) {
        const long *reach = trace->steps[step] + step + 1;
        long diagonal = row - column;
        bool down =
            diagonal == -step || (diagonal != step && reach[diagonal - 1] < reach[diagonal + 1]);
        long from = down ? diagonal + 1 : diagonal - 1;
        row = reach[from];
        column = row - from;
        if (down)
            work->inserted[work->head + (size_t)column] = true;
        else
            work->removed[work->head + (size_t)row] = true;
    }
}

static void compare(struct work *work)
{
    size_t shorter =
        work->before.count < work->after.count ? work->before.count : work->after.count;
    while (work->head < shorter &&
           same(work->before.items[work->head], work->after.items[work->head]))
        work->head++;
    size_t tail = 0;
    while (tail < shorter - work->head && same(work->before.items[work->before.count - 1 - tail],
                                               work->after.items[work->after.count - 1 - tail]))
        tail++;
    work->rows = (long)(work->before.count - work->head - tail);
    work->columns = (long)(work->after.count - work->head - tail);
    struct trace trace = {.count = 0};
    if (search(work, &trace)) {
        walk_back(work, &trace);
    } else {
        memset(work->removed + work->head, true, (size_t)work->rows);
        memset(work->inserted + work->head, true, (size_t)work->columns);
    }
    for (long i = 0; i < trace.count; i++)
        free(trace.steps[i]);
}

/* Telling. */

struct teller {
    const struct work *work;
    size_t context;
    line_diff_fn *fn;
    void *arg;
};

static size_t indent_of(struct span line)
{
    size_t indent = 0;
    while (indent < line.length && (line.ptr[indent] == ' ' || line.ptr[indent] == '-'))
        indent++;
    return indent < INDENT_MAX ? indent : INDENT_MAX;
}

/* The keys above a line, outermost first: "proxy.transport". */
static void tell_head(const struct teller *teller, const struct lines *lines, size_t line)
{
    struct span keys[INDENT_MAX];
    size_t depth = 0;
    size_t indent = indent_of(lines->items[line]);
    for (size_t i = line; i-- > 0 && indent && depth < INDENT_MAX;) {
        struct span above = lines->items[i];
        size_t deep = indent_of(above);
        if (deep >= indent || !above.length || above.ptr[above.length - 1] != ':')
            continue;
        indent = deep;
        keys[depth++] = (struct span){above.ptr + deep, above.length - deep - 1};
    }
    struct buf head;
    buf_init(&head, BUF_UNLIMITED);
    while (depth--) {
        buf_add(&head, keys[depth].ptr, keys[depth].length);
        if (depth)
            buf_add_char(&head, '.');
    }
    teller->fn(teller->arg, '@', buf_text(&head), head.length);
    buf_fini(&head);
}

static void tell_line(const struct teller *teller, char sign, struct span line)
{
    teller->fn(teller->arg, sign, line.ptr, line.length);
}

/* How many lines on is the next change, within the context? -1: there is none. */
static int next_change(const struct teller *teller, size_t row, size_t column)
{
    const struct work *work = teller->work;
    for (size_t i = 0; i <= teller->context; i++) {
        bool removed = row + i < work->before.count && work->removed[row + i];
        bool inserted = column + i < work->after.count && work->inserted[column + i];
        if (removed || inserted)
            return (int)i;
    }
    return -1;
}

static void begin_hunk(const struct teller *teller, size_t row, size_t column)
{
    const struct work *work = teller->work;
    bool removed = row < work->before.count && work->removed[row];
    tell_head(teller, removed ? &work->before : &work->after, removed ? row : column);
}

static void tell(const struct teller *teller)
{
    const struct work *work = teller->work;
    size_t row = 0;
    size_t column = 0;
    size_t since = SIZE_MAX; /* equal lines told since the last change; SIZE_MAX: not in a hunk */
    while (row < work->before.count || column < work->after.count) {
        bool removed = row < work->before.count && work->removed[row];
        bool inserted = column < work->after.count && work->inserted[column];
        int near = next_change(teller, row, column);
        if (since == SIZE_MAX && near >= 0)
            begin_hunk(teller, row + (size_t)near, column + (size_t)near);
        if (removed) {
            tell_line(teller, '-', work->before.items[row++]);
            since = 0;
        } else if (inserted) {
            tell_line(teller, '+', work->after.items[column++]);
            since = 0;
        } else {
            bool is_told = near >= 0 || (since != SIZE_MAX && since < teller->context);
            if (is_told)
                tell_line(teller, ' ', work->before.items[row]);
            since = !is_told ? SIZE_MAX : since == SIZE_MAX ? 0 : since + 1;
            row++;
            column++;
        }
    }
}

void line_diff(const char *before, const char *after, size_t context, line_diff_fn *fn, void *arg)
{
    struct work work = {.before = split(before), .after = split(after)};
    work.removed = xcalloc(work.before.count + 1, sizeof(bool));
    work.inserted = xcalloc(work.after.count + 1, sizeof(bool));
    compare(&work);
    tell(&(struct teller){&work, context, fn, arg});
    free(work.removed);
    free(work.inserted);
    free(work.before.items);
    free(work.after.items);
}
