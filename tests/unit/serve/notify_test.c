/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "serve/notify.h"

/* A service manager's socket: returns the descriptor; `name` as in $NOTIFY_SOCKET. */
static int listen_at(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(name);
    memcpy(address.sun_path, name, length);
    if (*name == '@')
        address.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)),
                     0);
    return fd;
}

static void expect_state(int fd, const char *state)
{
    char got[64] = "";
    assert_int_equal(recv(fd, got, sizeof(got) - 1, 0), strlen(state));
    assert_string_equal(got, state);
}

static void a_state_arrives_at_a_path(void **unused)
{
    (void)unused;
    char folder[] = "/tmp/notify_test.XXXXXX";
    assert_non_null(mkdtemp(folder));
    char path[64];
    snprintf(path, sizeof(path), "%s/socket", folder);
    int fd = listen_at(path);
    struct err err;
    assert_int_equal(notify_send(path, "READY=1", &err), 0);
    expect_state(fd, "READY=1");
    assert_int_equal(notify_send(path, "STOPPING=1", &err), 0);
    expect_state(fd, "STOPPING=1");
    close(fd);
    unlink(path);
    rmdir(folder);
}

static void a_state_arrives_at_an_abstract_name(void **unused)
{
    (void)unused;
    char name[64];
    snprintf(name, sizeof(name), "@notify_test/%ld", (long)getpid());
    int fd = listen_at(name);
    struct err err;
    assert_int_equal(notify_send(name, "READY=1", &err), 0);
    expect_state(fd, "READY=1");
    close(fd);
}

static void nobody_listens_is_fine(void **unused)
{
    (void)unused;
    struct err err;
    assert_int_equal(notify_send(NULL, "READY=1", &err), 0);
    assert_int_equal(notify_send("", "READY=1", &err), 0);
}

static void a_socket_that_is_gone_is_an_error(void **unused)
{
    (void)unused;
    struct err err;
    assert_int_equal(notify_send("/nonexistent/socket", "READY=1", &err), -1);
    assert_int_equal(err.class, ERR_TRANSIENT);
    assert_non_null(strstr(err.msg, "No such file"));
}

static void a_name_that_cannot_be_is_an_error(void **unused)
{
    (void)unused;
    struct err err;
    assert_int_equal(notify_send("relative", "READY=1", &err), -1);
    assert_int_equal(err.class, ERR_INVALID);
    char name[256] = "/";
    memset(name + 1, 'x', sizeof(name) - 2);
    name[sizeof(name) - 1] = '\0';
    assert_int_equal(notify_send(name, "READY=1", &err), -1);
    assert_int_equal(err.class, ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_state_arrives_at_a_path),
        cmocka_unit_test(a_state_arrives_at_an_abstract_name),
        cmocka_unit_test(nobody_listens_is_fine),
        cmocka_unit_test(a_socket_that_is_gone_is_an_error),
        cmocka_unit_test(a_name_that_cannot_be_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
