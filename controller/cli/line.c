/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/line.h"

#include <stdarg.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"

#define LINE_LIMIT 4096

void line_print(FILE *out, const char *format, ...)
{
    char *text;
    va_list args;
    va_start(args, format);
    int length = vasprintf(&text, format, args);
    va_end(args);
    if (length < 0)
        mem_exhausted();
    CLEANUP(buf_fini) struct buf shown;
    buf_init(&shown, BUF_UNLIMITED);
    str_add_printable(&shown, text, (size_t)length, LINE_LIMIT);
    buf_add_char(&shown, '\n');
    fwrite(buf_text(&shown), 1, shown.length, out);
    free(text);
}

void line_print_json(FILE *out, const char *json, size_t length)
{
    size_t from = 0;
    for (size_t at = 0; at < length; at++) {
        unsigned code;
        /* Beyond ASCII there is nothing but in strings, where every character may be escaped. */
        size_t size = json[at] & 0x80 ? str_obeyed(json + at, length - at, &code) : 0;
        if (!size)
            continue;
        fwrite(json + from, 1, at - from, out);
        fprintf(out, "\\u%04x", code);
        from = at + size;
        at = from - 1;
    }
    fwrite(json + from, 1, length - from, out);
}
