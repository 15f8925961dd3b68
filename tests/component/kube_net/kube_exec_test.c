/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials from programs, on the real loop: processes have no virtual time. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "kube/kube_client.h"
#include "kube/kube_exec.h"
#include "net/http_curl.h"
#include "net/loop.h"
#include "net/loop_base.h"
#include "support/net/test_server.h"

#define V1 "client.authentication.k8s.io/v1"

struct world {
    struct loop *loop;
    char script[64];
    char count_file[64];
    struct kube_exec exec;
    struct kube_exec_left left;
    struct loop_timer *guard;
    int done;
    int stop_at;
    bool failed;
    struct err err;
    char token[256];
    int64_t expires;
};

static void on_guard(void *arg)
{
    (void)arg;
    fail_msg("nothing came for ten seconds");
}

static int setup(void **state)
{
    struct world *world = xcalloc(1, sizeof(*world));
    world->loop = loop_new(NULL);
    world->guard = loop_timer_new(world->loop, on_guard, world);
    loop_timer_arm(world->guard, 10000);
    snprintf(world->script, sizeof(world->script), "/tmp/grapnel-plugin-%d", (int)getpid());
    snprintf(world->count_file, sizeof(world->count_file), "/tmp/grapnel-count-%d", (int)getpid());
    world->exec.command = xstrdup(world->script);
    world->exec.api_version = xstrdup(V1);
    world->exec.info = xstrdup("{\"told\":true}");
    world->stop_at = 1;
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    loop_timer_free(world->guard);
    loop_free(world->loop);
    kube_exec_left_fini(&world->left);
    unlink(world->script);
    unlink(world->count_file);
    free(world->exec.command);
    free(world->exec.api_version);
    free(world->exec.info);
    free(world->exec.install_hint);
    free(world);
    return 0;
}

static void write_script(struct world *world, const char *text)
{
    FILE *file = fopen(world->script, "w");
    assert_non_null(file);
    fprintf(file, "#!/bin/sh\n%s\n", text);
    fclose(file);
    assert_int_equal(chmod(world->script, 0700), 0);
}

static void on_done(void *arg, const struct kube_exec_result *result, const struct err *err)
{
    struct world *world = arg;
    assert_true((result == NULL) == (err != NULL));
    world->failed = err != NULL;
    if (err)
        world->err = *err;
    else
        snprintf(world->token, sizeof(world->token), "%s", result->token ? result->token : "-");
    if (result)
        world->expires = result->expires;
    if (++world->done == world->stop_at)
        loop_stop(world->loop);
}

static void run(struct world *world)
{
    world->done = 0;
    kube_exec_start(world->loop, &world->exec, &world->left, on_done, world);
    assert_int_equal(world->done, 0);
    loop_run(world->loop);
}

static void expect_fault(struct world *world, const char *script, const char *says)
{
    write_script(world, script);
    run(world);
    assert_true(world->failed);
    assert_int_equal(world->err.class, ERR_DENIED);
    if (!strstr(world->err.msg, says))
        fail_msg("\"%s\" is not in \"%s\"", says, world->err.msg);
    assert_non_null(strstr(world->err.msg, world->script));
}

static void a_program_gives_a_token_and_is_told_what_it_needs(void **state)
{
    struct world *world = *state;
    char one[] = "one";
    char two[] = "two; three";
    char added[] = "ADDED=yes";
    char home[] = "HOME=other";
    char *args[] = {one, two, NULL};
    char *env[] = {added, home, NULL};
    world->exec.args = args;
    world->exec.env = env;
    setenv("KUBERNETES_EXEC_INFO", "stale", 1);
    write_script(
        world,
        "read line && exit 9 # stdin is empty\n"
        "printf '{\"apiVersion\":\"" V1 "\",\"kind\":\"ExecCredential\",\"status\":"
        "{\"token\":\"%s %s %s %s %s %s\",\"expirationTimestamp\":\"2026-01-01T00:00:10Z\"}}'"
        " \"$1\" \"$2\" \"$ADDED\" \"$HOME\" \"$(echo $KUBERNETES_EXEC_INFO | tr -d "
        "'\"')\" \"$(tr '\\0' '\\n' < /proc/$$/environ | grep -cE "
        "'^(HOME|KUBERNETES_EXEC_INFO)=')\"");
    int input[2];
    int saved = dup(0);
    assert_int_equal(pipe(input), 0);
    assert_int_equal(write(input[1], "line\n", 5), 5);
    dup2(input[0], 0);
    run(world);
    dup2(saved, 0);
    close(saved);
    close(input[0]);
    close(input[1]);
    unsetenv("KUBERNETES_EXEC_INFO");
    assert_false(world->failed);
    assert_string_equal(world->token, "one two; three yes other {told:true} 2");
    assert_int_equal(world->expires, 1767225610);
}

static void a_program_that_fails_is_quoted(void **state)
{
    struct world *world = *state;
    expect_fault(world, "echo 'please \033[1mlog in' >&2; exit 3",
                 "exit status 3: please ?[1mlog in");
    expect_fault(world, "kill -9 $$", "killed by signal 9");
    expect_fault(world, "head -c 5000 /dev/zero | tr '\\0' x >&2; exit 1", "exit status 1: xxxx");
}

static void an_answer_that_is_no_credential_is_refused(void **state)
{
    struct world *world = *state;
    expect_fault(world, "true", "not JSON");
    expect_fault(world, "echo hello", "not JSON");
    expect_fault(world, "echo '{\"kind\":\"Pod\"}'", "kind: ExecCredential is expected");
    expect_fault(world,
                 "echo '{\"kind\":\"ExecCredential\",\"apiVersion\":"
                 "\"client.authentication.k8s.io/v1beta1\"}'",
                 "apiVersion: " V1 " is expected");
    static const struct {
        const char *status;
        const char *says;
    } rows[] = {
        {"{}", "status: neither a token nor a certificate"},
        {"{\"token\":\"\"}", "status: neither a token nor a certificate"},
        {"{\"token\":7}", "status: neither a token nor a certificate"},
        {"{\"clientCertificateData\":\"x\"}", "status: a certificate needs its key"},
        {"{\"token\":\"t\",\"clientKeyData\":\"x\"}", "status: a certificate needs its key"},
        {"{\"token\":\"a\\\\nb\"}", "status.token: holds a control character"},
        {"{\"token\":\"t\",\"expirationTimestamp\":\"soon\"}",
         "status.expirationTimestamp: a time is expected"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        CLEANUP(freep)
        char *script = xasprintf("printf '{\"kind\":\"ExecCredential\",\"apiVersion\":\"" V1
                                 "\",\"status\":%s}'",
                                 rows[i].status);
        expect_fault(world, script, rows[i].says);
    }
}

static void a_program_that_prints_without_end_is_killed(void **state)
{
    struct world *world = *state;
    expect_fault(world, "yes", "printed more than 1 MiB");
}

static void a_missing_program_is_named_with_the_hint(void **state)
{
    /* valgrind makes of vfork() a fork(): posix_spawn() does not hear of the child's failure. */
    const char *loaded = getenv("LD_PRELOAD");
    if (loaded && strstr(loaded, "vgpreload"))
        skip();
    struct world *world = *state;
    world->exec.install_hint = xstrdup("get it\nhere");
    run(world);
    assert_true(world->failed);
    assert_int_equal(world->err.class, ERR_DENIED);
    assert_non_null(strstr(world->err.msg, "No such file or directory (get it?here)"));
    assert_non_null(strstr(world->err.msg, world->script));
}

static void a_cancelled_program_is_killed_with_its_children(void **state)
{
    struct world *world = *state;
    CLEANUP(freep)
    char *script = xasprintf("sleep 1000 & echo $! > %s; wait", world->count_file);
    write_script(world, script);
    struct kube_exec_run *started =
        kube_exec_start(world->loop, &world->exec, &world->left, on_done, world);
    int child = 0;
    while (child <= 0) { /* until it has written its child's number */
        FILE *file = fopen(world->count_file, "r");
        /* NOLINTNEXTLINE(cert-err34-c): the script writes a number */
        if (file && fscanf(file, "%d", &child) != 1)
            child = 0;
        if (file)
            fclose(file);
        usleep(1000);
    }
    kube_exec_cancel(started);
    for (int i = 0; i < 1000 && kill(child, 0) == 0; i++) {
        /* a zombie until init takes it */
        CLEANUP(freep) char *path = xasprintf("/proc/%d/stat", child);
        FILE *file = fopen(path, "r");
        char status = 'Z';
        if (file && fscanf(file, "%*d %*s %c", &status) != 1)
            status = 'Z';
        if (file)
            fclose(file);
        if (status == 'Z')
            break;
        assert_int_not_equal(i, 999);
        usleep(1000);
    }
    assert_int_equal(world->done, 0);
}

/* A program that is killed and yet not gone, as one that sleeps in the kernel: another process
 * traces it, and does not take notice of its end. Returns that process; -1 where tracing is not
 * permitted. The program begins with WHO. */
#define WHO "echo $$ > %s; while ! [ -e %s.go ]; do sleep 0.01; done; "

static pid_t hold(const struct world *world)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t holder = fork();
    assert_true(holder >= 0);
    if (holder == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        int pid = 0;
        for (int i = 0; i < 5000 && pid <= 0; i++) {
            FILE *file = fopen(world->count_file, "r");
            /* NOLINTNEXTLINE(cert-err34-c): the script writes a number */
            if (file && fscanf(file, "%d", &pid) != 1)
                pid = 0;
            if (file)
                fclose(file);
            usleep(1000);
        }
        char holds = pid > 0 && ptrace(PTRACE_SEIZE, pid, NULL, NULL) == 0;
        (void)!write(ends[1], &holds, 1);
        /* Signals go on to the program; its end is not taken notice of. */
        siginfo_t stop;
        while (waitid(P_PID, (id_t)pid, &stop, WSTOPPED | __WALL) == 0)
            ptrace(PTRACE_CONT, pid, NULL, stop.si_status >> 8 ? 0L : (long)stop.si_status);
        pause();
        _exit(0);
    }
    close(ends[1]);
    char holds = 0;
    assert_int_equal(read(ends[0], &holds, 1), 1);
    close(ends[0]);
    if (holds)
        return holder;
    kill(holder, SIGKILL);
    waitpid(holder, NULL, 0);
    return -1;
}

static void let_go(struct world *world, pid_t holder)
{
    assert_int_equal(world->left.count, 1);
    kube_exec_left_reap(&world->left);
    assert_int_equal(world->left.count, 1);
    kill(holder, SIGKILL);
    assert_int_equal(waitpid(holder, NULL, 0), holder);
    for (int i = 0; i < 1000 && world->left.count; i++) {
        usleep(1000);
        kube_exec_left_reap(&world->left);
    }
    assert_int_equal(world->left.count, 0);
}

static void a_killed_program_that_does_not_go_is_not_waited_for(void **state)
{
    struct world *world = *state;
    CLEANUP(freep)
    char *script = xasprintf(WHO "head -c 2000000 /dev/zero", world->count_file, world->count_file);
    CLEANUP(freep) char *go = xasprintf("%s.go", world->count_file);
    write_script(world, script);
    alarm(20); /* who waits for it waits for ever */
    for (int way = 0; way < 2; way++) {
        world->done = 0;
        unlink(world->count_file);
        struct kube_exec_run *started =
            kube_exec_start(world->loop, &world->exec, &world->left, on_done, world);
        pid_t holder = hold(world);
        if (holder < 0) {
            kube_exec_cancel(started);
            skip();
        }
        if (way == 0) {
            kube_exec_cancel(started);
        } else {
            fclose(fopen(go, "w"));
            loop_run(world->loop);
            unlink(go);
            assert_true(world->failed);
            assert_non_null(strstr(world->err.msg, "more than 1 MiB"));
        }
        let_go(world, holder);
    }
    alarm(0);
}

/* Through the client. */

static void on_answer(void *arg, const struct kube_answer *answer, const struct err *err)
{
    struct world *world = arg;
    world->failed = err != NULL;
    if (err)
        world->err = *err;
    assert_true(answer != NULL);
    if (++world->done == world->stop_at)
        loop_stop(world->loop);
}

static size_t runs_of(struct world *world)
{
    FILE *file = fopen(world->count_file, "r");
    size_t count = 0;
    for (int byte; file && (byte = fgetc(file)) != EOF;)
        count += byte == '\n';
    if (file)
        fclose(file);
    return count;
}

static struct kube_config config_for(struct world *world, struct test_server *server)
{
    struct kube_config config = {.server = xstrdup(test_server_url(server, "127.0.0.1", "")),
                                 .proxy = xstrdup("")};
    config.exec = xcalloc(1, sizeof(*config.exec));
    config.exec->command = xstrdup(world->script);
    config.exec->api_version = xstrdup(V1);
    config.exec->info = xstrdup("{}");
    return config;
}

static void the_client_runs_it_once_for_all_and_again_when_refused(void **state)
{
    struct world *world = *state;
    struct test_server *server = test_server_new(loop_event_base(world->loop), NULL, NULL);
    struct http *http = http_curl_new(world->loop, "0");
    struct kube_config config = config_for(world, server);
    CLEANUP(freep)
    char *script = xasprintf("echo x >> %s\nn=$(wc -l < %s)\n"
                             "echo '{\"kind\":\"ExecCredential\",\"apiVersion\":\"" V1
                             "\",\"status\":{\"token\":\"t'$n'\"}}'",
                             world->count_file, world->count_file);
    write_script(world, script);
    struct kube_client *client = kube_client_new(world->loop, http, &config);
    struct kube_request request = {.method = "GET", .path = "/version"};
    world->stop_at = 3;
    for (int i = 0; i < 3; i++)
        kube_start(client, &request, on_answer, world);
    loop_run(world->loop);
    assert_int_equal(runs_of(world), 1);
    assert_false(world->failed);
    assert_non_null(strstr(test_server_request(server), "Authorization: Bearer t1\r\n"));

    test_server_answer(server, 401, NULL, "");
    world->done = 0;
    world->stop_at = 1;
    kube_start(client, &request, on_answer, world);
    loop_run(world->loop);
    assert_int_equal(runs_of(world), 2);
    assert_false(world->failed);
    assert_non_null(strstr(test_server_request(server), "Authorization: Bearer t2\r\n"));

    kube_client_free(client);
    http_curl_free(http);
    test_server_free(server);
    kube_config_fini(&config);
}

static void calls_fail_when_it_fails_and_it_is_not_run_again_at_once(void **state)
{
    struct world *world = *state;
    struct test_server *server = test_server_new(loop_event_base(world->loop), NULL, NULL);
    struct http *http = http_curl_new(world->loop, "0");
    struct kube_config config = config_for(world, server);
    CLEANUP(freep)
    char *script = xasprintf("echo x >> %s; echo no >&2; exit 1", world->count_file);
    write_script(world, script);
    struct kube_client *client = kube_client_new(world->loop, http, &config);
    struct kube_request request = {.method = "GET", .path = "/version"};
    for (int i = 0; i < 3; i++) {
        world->done = 0;
        kube_start(client, &request, on_answer, world);
        loop_run(world->loop);
        assert_true(world->failed);
        assert_int_equal(world->err.class, ERR_DENIED);
        assert_non_null(strstr(world->err.msg, "exit status 1: no"));
    }
    assert_int_equal(runs_of(world), 1);
    kube_client_free(client);
    http_curl_free(http);
    test_server_free(server);
    kube_config_fini(&config);
}

/* Its clock and ours may differ: the server judges the token. */
static void what_has_run_out_when_it_comes_is_used_all_the_same(void **state)
{
    struct world *world = *state;
    struct test_server *server = test_server_new(loop_event_base(world->loop), NULL, NULL);
    struct http *http = http_curl_new(world->loop, "0");
    struct kube_config config = config_for(world, server);
    CLEANUP(freep)
    char *script = xasprintf("echo x >> %s\n"
                             "echo '{\"kind\":\"ExecCredential\",\"apiVersion\":\"" V1
                             "\",\"status\":{\"token\":\"old\",\"expirationTimestamp\":"
                             "\"2020-01-01T00:00:00Z\"}}'",
                             world->count_file);
    write_script(world, script);
    struct kube_client *client = kube_client_new(world->loop, http, &config);
    struct kube_request request = {.method = "GET", .path = "/version"};
    for (int i = 0; i < 3; i++) {
        world->done = 0;
        kube_start(client, &request, on_answer, world);
        loop_run(world->loop);
        assert_false(world->failed);
    }
    assert_int_equal(runs_of(world), 1);
    assert_non_null(strstr(test_server_request(server), "Authorization: Bearer old\r\n"));
    kube_client_free(client);
    http_curl_free(http);
    test_server_free(server);
    kube_config_fini(&config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(a_program_gives_a_token_and_is_told_what_it_needs),
        TEST(a_program_that_fails_is_quoted),
        TEST(an_answer_that_is_no_credential_is_refused),
        TEST(a_program_that_prints_without_end_is_killed),
        TEST(a_missing_program_is_named_with_the_hint),
        TEST(a_cancelled_program_is_killed_with_its_children),
        TEST(a_killed_program_that_does_not_go_is_not_waited_for),
        TEST(the_client_runs_it_once_for_all_and_again_when_refused),
        TEST(calls_fail_when_it_fails_and_it_is_not_run_again_at_once),
        TEST(what_has_run_out_when_it_comes_is_used_all_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
