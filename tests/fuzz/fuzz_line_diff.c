/* SPDX-License-Identifier: Apache-2.0 */
/* Two texts, parted by a NUL. The lines of the differences, read from either side, stand in that
 * text in this order; with all of the text as context they are that text. */
#include <string.h>

#include "base/mem.h"
#include "core/line_diff.h"
#include "expect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct sides {
    const char *before;
    const char *after;
    bool all;    /* every line must be shown */
    bool differ; /* a change has been shown */
};

/* Moves behind a line of the text; it must be the next one (`all`) or one further down. */
static void pass(const char **text, const char *line, size_t length, bool all)
{
    while (**text) {
        size_t own = strcspn(*text, "\n");
        const char *begin = *text;
        *text += own + ((*text)[own] == '\n');
        if (own == length && memcmp(begin, line, length) == 0)
            return;
        expect(!all, "no line is left out");
    }
    expect(!length, "a shown line stands in its text");
}

static void on_line(void *arg, char sign, const char *line, size_t length)
{
    struct sides *sides = arg;
    if (sign == '@')
        return;
    sides->differ = sides->differ || sign != ' ';
    if (sign != '+')
        pass(&sides->before, line, length, sides->all);
    if (sign != '-')
        pass(&sides->after, line, length, sides->all);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(freep) char *text = xstrndup((const char *)data, size);
    const char *before = text;
    const char *after = strlen(text) < size ? text + strlen(text) + 1 : text + size;
    static const size_t contexts[] = {0, 3, 1U << 20};
    for (size_t i = 0; i < ARRAY_LENGTH(contexts); i++) {
        struct sides sides = {before, after, i == 2, false};
        line_diff(before, after, contexts[i], on_line, &sides);
        if (strcmp(before, after) == 0)
            expect(!sides.differ, "equal texts do not differ");
        else if (i == 2 && sides.differ)
            expect(!*sides.before && !*sides.after, "both texts are shown whole");
    }
    return 0;
}
