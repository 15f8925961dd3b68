/* SPDX-License-Identifier: Apache-2.0 */
/* What cannot be allocated ends the process at once, with a word; nobody goes on with half of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"

/* The sanitizer's own malloc() would end the process in its own words. */
/* NOLINTBEGIN(bugprone-reserved-identifier,cert-*,readability-identifier-naming): its name */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}
/* NOLINTEND(bugprone-reserved-identifier,cert-*,readability-identifier-naming) */

/* More than there are addresses; not a constant, because compilers know better than to try. */
static size_t too_much(void)
{
    volatile size_t size = PTRDIFF_MAX / 2;
    return size;
}

static void try_malloc(void)
{
    free(xmalloc(too_much()));
}

static void try_calloc(void)
{
    free(xcalloc(too_much(), 16)); /* which would overflow, too */
}

static void try_realloc(void)
{
    free(xrealloc(NULL, too_much()));
}

static void try_grow(void)
{
    size_t capacity = too_much();
    free(xgrow(NULL, capacity, &capacity, 16));
}

static void try_library(void)
{
    mem_exhausted();
}

/* Runs it in a process of its own, which must end by SIGABRT and say why. */
static void expect_end(void (*try)(void))
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        try();
        _exit(0);
    }
    close(ends[1]);
    char said[8192] = "";
    size_t length = 0;
    for (ssize_t got; length < sizeof(said) - 1 &&
                      (got = read(ends[0], said + length, sizeof(said) - 1 - length)) > 0;)
        length += (size_t)got;
    close(ends[0]);
    said[length] = '\0';
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    assert_non_null(strstr(said, "grapnel: out of memory\n"));
}

static void what_cannot_be_allocated_ends_the_process_with_a_word(void **state)
{
    (void)state;
    expect_end(try_malloc);
    expect_end(try_calloc);
    expect_end(try_realloc);
    expect_end(try_grow);
    expect_end(try_library);
}

static void nothing_is_allocated_as_something(void **state)
{
    (void)state;
    free(xmalloc(0));
    free(xcalloc(0, 8));
    free(xrealloc(NULL, 0));
    size_t capacity = 0;
    int *numbers = xgrow(NULL, 0, &capacity, sizeof(int));
    assert_true(capacity >= 1);
    free(numbers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_cannot_be_allocated_ends_the_process_with_a_word),
        cmocka_unit_test(nothing_is_allocated_as_something),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
