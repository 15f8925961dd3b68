/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/mem.h"

/* Returns owned: the line, without the time of day in front. */
static char *line_of(bool json, const struct log_fields *fields)
{
    fflush(stderr);
    int before = dup(2);
    int file = memfd_create("log", MFD_CLOEXEC);
    assert_true(before >= 0 && file >= 0 && dup2(file, 2) == 2);
    log_setup(LOG_LEVEL_INFO, json);
    log_line(LOG_LEVEL_WARN, "said", fields);
    fflush(stderr);
    dup2(before, 2);
    close(before);
    char text[2048] = "";
    ssize_t length = pread(file, text, sizeof(text) - 1, 0);
    close(file);
    log_setup(LOG_LEVEL_ERROR, true);
    char *said = strstr(text, "said");
    assert_true(length > 0 && said);
    return xstrdup(said);
}

static void a_value_cannot_pass_for_a_field(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        const char *line;
    } cases[] = {
        {"plain-1.2/x", "said name=plain-1.2/x\n"},
        {"", "said name=\"\"\n"},
        {"two words", "said name=\"two words\"\n"},
        {"a=b", "said name=\"a=b\"\n"},
        {"x\" reason=\"Synced", "said name=\"x\\\" reason=\\\"Synced\"\n"},
        {"x\\\" reason=Synced", "said name=\"x\\\\\\\" reason=Synced\"\n"},
        {"back\\slash", "said name=\"back\\\\slash\"\n"},
        {"a\nb\x1b[31m", "said name=a?b?[31m\n"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        CLEANUP(freep)
        char *line = line_of(false, &(struct log_fields){.name = cases[i].value});
        assert_string_equal(line, cases[i].line);
    }
}

static void a_value_stays_in_its_string_in_json_too(void **state)
{
    (void)state;
    CLEANUP(freep)
    char *line = line_of(true, &(struct log_fields){.name = "x\",\"reason\":\"Synced\\"});
    assert_string_equal(line, "said\",\"name\":\"x\\\",\\\"reason\\\":\\\"Synced\\\\\"}\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_cannot_pass_for_a_field),
        cmocka_unit_test(a_value_stays_in_its_string_in_json_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
