/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"
#include "dir/flag_file.h"
#include "support/log_capture.h"
#include "support/temp_folder.h"

struct fixture {
    struct temp_folder folder;
    struct flag_file file;
    char *path;
    struct err err;
};

static int set_up(void **state)
{
    struct fixture *fixture = xcalloc(1, sizeof(*fixture));
    temp_folder_make(&fixture->folder);
    fixture->path = temp_path(&fixture->folder, "secret");
    /* Who waits for a pipe waits for ever. */
    alarm(30);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    alarm(0);
    flag_file_fini(&fixture->file);
    temp_folder_remove(&fixture->folder);
    free(fixture->path);
    free(fixture);
    return 0;
}

static int read_file(struct fixture *fixture)
{
    return flag_file_read(&fixture->file, fixture->path, 64, &fixture->err);
}

/* How often a look says that the file is not read. */
static size_t complaints(struct fixture *fixture, int looks)
{
    struct log_capture capture;
    log_capture_start(&capture);
    for (int i = 0; i < looks; i++)
        assert_false(flag_file_refresh(&fixture->file));
    CLEANUP(freep) char *lines = log_capture_end(&capture);
    size_t count = 0;
    for (const char *at = lines; (at = strstr(at, "file not read")); at++)
        count++;
    return count;
}

static void a_change_is_seen_and_line_ends_are_not_part_of_it(void **state)
{
    struct fixture *fixture = *state;
    temp_write(&fixture->folder, "secret", "one\r\n\n");
    assert_int_equal(read_file(fixture), 0);
    assert_string_equal(fixture->file.text, "one");
    const char *borrowed = fixture->file.text;
    assert_false(flag_file_refresh(&fixture->file));
    assert_ptr_equal(fixture->file.text, borrowed);
    temp_write(&fixture->folder, "secret", "two\n");
    assert_true(flag_file_refresh(&fixture->file));
    assert_string_equal(fixture->file.text, "two");
}

static void without_a_flag_there_is_nothing_to_read(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(flag_file_read(&fixture->file, NULL, 64, &fixture->err), 0);
    assert_null(fixture->file.text);
    assert_false(flag_file_refresh(&fixture->file));
}

/* What a shell makes of <(printf s3cret): its writer is there once. */
static void a_pipe_is_read_once_and_never_again(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(mkfifo(fixture->path, 0600), 0);
    pid_t writer = fork();
    assert_true(writer >= 0);
    if (writer == 0) {
        execl("/bin/sh", "sh", "-c", "printf s3cret >\"$0\"", fixture->path, NULL);
        _exit(1);
    }
    assert_int_equal(read_file(fixture), 0);
    int status;
    assert_int_equal(waitpid(writer, &status, 0), writer);
    assert_int_equal(status, 0);
    assert_string_equal(fixture->file.text, "s3cret");
    assert_int_equal(complaints(fixture, 2), 0);
    assert_string_equal(fixture->file.text, "s3cret");
}

static void a_file_that_becomes_a_pipe_holds_nobody_up(void **state)
{
    struct fixture *fixture = *state;
    temp_write(&fixture->folder, "secret", "s3cret");
    assert_int_equal(read_file(fixture), 0);
    temp_unlink(&fixture->folder, "secret");
    assert_int_equal(mkfifo(fixture->path, 0600), 0);
    assert_int_equal(complaints(fixture, 2), 1);
    assert_string_equal(fixture->file.text, "s3cret");
}

static void an_empty_file_is_refused_at_the_start(void **state)
{
    struct fixture *fixture = *state;
    temp_write(&fixture->folder, "secret", "\n");
    assert_int_equal(read_file(fixture), -1);
    CLEANUP(freep) char *wanted = xasprintf("%s: empty", fixture->path);
    assert_string_equal(fixture->err.msg, wanted);
    temp_unlink(&fixture->folder, "secret");
    assert_int_equal(read_file(fixture), -1);
    assert_true(str_starts(fixture->err.msg, fixture->path));
}

static void a_file_that_is_being_written_keeps_what_it_held(void **state)
{
    struct fixture *fixture = *state;
    temp_write(&fixture->folder, "secret", "s3cret");
    assert_int_equal(read_file(fixture), 0);
    temp_write(&fixture->folder, "secret", "");
    assert_int_equal(complaints(fixture, 3), 1);
    assert_string_equal(fixture->file.text, "s3cret");
    temp_write(&fixture->folder, "secret", "other");
    assert_true(flag_file_refresh(&fixture->file));
    assert_string_equal(fixture->file.text, "other");
}

static void a_file_that_is_gone_is_told_once_a_time(void **state)
{
    struct fixture *fixture = *state;
    temp_write(&fixture->folder, "secret", "s3cret");
    assert_int_equal(read_file(fixture), 0);
    temp_unlink(&fixture->folder, "secret");
    assert_int_equal(complaints(fixture, 3), 1);
    temp_write(&fixture->folder, "secret", "s3cret");
    assert_int_equal(complaints(fixture, 1), 0);
    temp_unlink(&fixture->folder, "secret");
    assert_int_equal(complaints(fixture, 3), 1);
    assert_string_equal(fixture->file.text, "s3cret");
}

static void a_file_over_the_limit_is_refused(void **state)
{
    struct fixture *fixture = *state;
    char text[66];
    memset(text, 'x', 65);
    text[65] = '\0';
    temp_write(&fixture->folder, "secret", text);
    assert_int_equal(read_file(fixture), -1);
    temp_write(&fixture->folder, "secret", text + 1);
    assert_int_equal(read_file(fixture), 0);
    temp_write(&fixture->folder, "secret", text);
    assert_int_equal(complaints(fixture, 2), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(a_change_is_seen_and_line_ends_are_not_part_of_it),
        TEST(without_a_flag_there_is_nothing_to_read),
        TEST(a_pipe_is_read_once_and_never_again),
        TEST(a_file_that_becomes_a_pipe_holds_nobody_up),
        TEST(an_empty_file_is_refused_at_the_start),
        TEST(a_file_that_is_being_written_keeps_what_it_held),
        TEST(a_file_that_is_gone_is_told_once_a_time),
        TEST(a_file_over_the_limit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
