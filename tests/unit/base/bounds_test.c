/* SPDX-License-Identifier: Apache-2.0 */
/* Bounds of what is said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/json_text.h"
#include "base/log.h"
#include "base/mem.h"

/* Returns owned: what log_line() writes to stderr. */
static char *logged(const char *message, const struct log_fields *fields)
{
    FILE *file = tmpfile();
    assert_non_null(file);
    int before = dup(STDERR_FILENO);
    fflush(stderr);
    dup2(fileno(file), STDERR_FILENO);
    log_line(LOG_LEVEL_ERROR, message, fields);
    fflush(stderr);
    dup2(before, STDERR_FILENO);
    close(before);
    long length = ftell(file);
    if (length <= 0) {
        fseek(file, 0, SEEK_END);
        length = ftell(file);
    }
    rewind(file);
    char *text = xcalloc(1, (size_t)length + 1);
    assert_int_equal(fread(text, 1, (size_t)length, file), length);
    fclose(file);
    return text;
}

static void a_line_of_the_log_is_bounded_and_whole(void **state)
{
    (void)state;
    enum { LENGTH = 1 << 20 };
    CLEANUP(freep) char *text = xmalloc(LENGTH + 1);
    memset(text, '\\', LENGTH);
    text[LENGTH] = '\0';
    const struct log_fields fields = {
        .kind = text, .key = text, .endpoint = text, .reason = text, .detail = text};
    log_setup(LOG_LEVEL_ERROR, true);
    CLEANUP(freep) char *line = logged("it happened", &fields);
    static const struct json_text_limits limits = {.depth = 4};
    size_t length = strlen(line);
    assert_true(length > 300 && length < 8192);
    assert_int_equal(line[length - 1], '\n');
    assert_int_equal(json_text_check((struct span){line, length - 1}, &limits, NULL, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_of_the_log_is_bounded_and_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
