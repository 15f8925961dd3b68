/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kube_exec.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/json_text.h"
#include "base/str.h"

#define OUTPUT_LIMIT (1U << 20)
#define COMPLAINT_LIMIT 1024
#define DEADLINE_MS 60000
#define REAP_MS 20
/* A program that was killed is gone at once; if not, it is not waited for. */
#define GONE_MS 1000

enum { STREAM_OUT, STREAM_ERR, STREAM_COUNT };

struct stream {
    struct kube_exec_run *run;
    int fd; /* -1: closed */
    struct loop_watch *watch;
    struct buf text;
};

struct kube_exec_run {
    struct loop *loop;
    const struct kube_exec *exec;
    struct kube_exec_left *left;
    kube_exec_done_fn *done;
    void *arg;
    pid_t pid; /* 0: not running */
    int64_t deadline;
    struct stream streams[STREAM_COUNT];
    struct loop_timer *timer; /* the deadline, then the exit */
    bool is_killed;
    struct err why; /* killed */
    int start_error;
};

void kube_exec_result_fini(struct kube_exec_result *result)
{
    free(result->token);
    free(result->cert_pem);
    free(result->key_pem);
    *result = (struct kube_exec_result){0};
}

static bool is_plain(const char *text)
{
    for (const unsigned char *at = (const unsigned char *)text; at && *at; at++) {
        if (*at < 0x20 || *at == 0x7f)
            return false;
    }
    return true;
}

int kube_exec_decode(struct span text, const char *api_version, struct kube_exec_result *ret_result,
                     struct err *err)
{
    static const struct json_text_limits limits = {.depth = 32};
    if (json_text_check(text, &limits, NULL, err) < 0)
        return -1;
    if (!json_text_is(json_text_member(text, "kind"), "ExecCredential"))
        return err_set(err, ERR_DENIED, 0, "kind: ExecCredential is expected");
    if (!json_text_is(json_text_member(text, "apiVersion"), api_version))
        return err_set(err, ERR_DENIED, 0, "apiVersion: %s is expected", api_version);
    struct span status = json_text_member(text, "status");
    struct kube_exec_result result = {
        .token = json_text_string(json_text_member(status, "token")),
        .cert_pem = json_text_string(json_text_member(status, "clientCertificateData")),
        .key_pem = json_text_string(json_text_member(status, "clientKeyData")),
    };
    CLEANUP(freep)
    char *expires = json_text_string(json_text_member(status, "expirationTimestamp"));
    const char *fault = NULL;
    if (str_is_empty(result.token) && str_is_empty(result.cert_pem))
        fault = "status: neither a token nor a certificate";
    else if (str_is_empty(result.cert_pem) != str_is_empty(result.key_pem))
        fault = "status: a certificate needs its key";
    else if (!is_plain(result.token))
        fault = "status.token: holds a control character";
    else if (expires && str_parse_time(expires, &result.expires, NULL) < 0)
        fault = "status.expirationTimestamp: a time is expected";
    if (fault) {
        kube_exec_result_fini(&result);
        return err_set(err, ERR_DENIED, 0, "%s", fault);
    }
    *ret_result = result;
    return 0;
}

static void stream_close(struct stream *stream)
{
    loop_watch_free(TAKE(stream->watch));
    if (stream->fd >= 0)
        close(stream->fd);
    stream->fd = -1;
}

static void run_free(struct kube_exec_run *run)
{
    for (int i = 0; i < STREAM_COUNT; i++) {
        stream_close(&run->streams[i]);
        buf_fini(&run->streams[i].text);
    }
    loop_timer_free(run->timer);
    free(run);
}

/* The only way out: judges what the program has left. */
static void finish(struct kube_exec_run *run, int wait_status, const struct err *failure)
{
    struct kube_exec_result result = {0};
    struct err err;
    const struct buf *complaint = &run->streams[STREAM_ERR].text;
    const struct buf *output = &run->streams[STREAM_OUT].text;
    int failed = -1;
    if (failure) {
        err = *failure;
    } else if (!WIFEXITED(wait_status) || WEXITSTATUS(wait_status) != 0) {
        CLEANUP(buf_fini) struct buf words;
        buf_init(&words, BUF_UNLIMITED);
        str_add_printable(&words, buf_text(complaint), complaint->length, 200);
        err_set(&err, ERR_DENIED, 0, "%s %d: %s",
                WIFEXITED(wait_status) ? "exit status" : "killed by signal",
                WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : WTERMSIG(wait_status),
                words.length ? buf_text(&words) : "no message");
    } else {
        struct span text = {buf_text(output), output->length};
        failed = kube_exec_decode(text, run->exec->api_version, &result, &err);
        if (failed)
            err.class = ERR_DENIED;
    }
    if (failed)
        err_wrap(&err, "exec plugin %s", run->exec->command);
    kube_exec_done_fn *done = run->done;
    void *arg = run->arg;
    run_free(run);
    done(arg, failed ? NULL : &result, failed ? &err : NULL);
    kube_exec_result_fini(&result);
}

void kube_exec_left_reap(struct kube_exec_left *left)
{
    size_t count = 0;
    for (size_t i = 0; i < left->count; i++) {
        if (waitpid(left->pids[i], NULL, WNOHANG) == 0)
            left->pids[count++] = left->pids[i];
    }
    left->count = count;
}

void kube_exec_left_fini(struct kube_exec_left *left)
{
    free(left->pids);
    *left = (struct kube_exec_left){0};
}

static void leave(struct kube_exec_run *run)
{
    struct kube_exec_left *left = run->left;
    left->pids = xgrow(left->pids, left->count, &left->capacity, sizeof(*left->pids));
    left->pids[left->count++] = run->pid;
    run->pid = 0;
    kube_exec_left_reap(left);
}

/* Ends in finish(), when it is gone or has had its time to go. */
static void fail(struct kube_exec_run *run, enum err_class class, const char *why)
{
    kill(-run->pid, SIGKILL);
    run->is_killed = true;
    err_set(&run->why, class, 0, "%s", why);
    for (int i = 0; i < STREAM_COUNT; i++)
        stream_close(&run->streams[i]);
    run->deadline = loop_now(run->loop) + GONE_MS;
    loop_timer_arm(run->timer, 0);
}

static void on_timer(void *arg)
{
    struct kube_exec_run *run = arg;
    bool is_late = loop_now(run->loop) >= run->deadline;
    if (is_late && !run->is_killed) {
        fail(run, ERR_TRANSIENT, "took more than 60 s");
        return;
    }
    int status;
    pid_t gone = waitpid(run->pid, &status, WNOHANG);
    if (gone == 0 && !is_late) { /* has closed its output and takes its time */
        loop_timer_arm(run->timer, REAP_MS);
        return;
    }
    if (gone == 0)
        leave(run);
    if (gone < 0)
        status = -1;
    run->pid = 0;
    finish(run, status, run->is_killed ? &run->why : NULL);
}

static void on_readable(void *arg)
{
    struct stream *stream = arg;
    struct kube_exec_run *run = stream->run;
    char piece[16384];
    ssize_t length = read(stream->fd, piece, sizeof(piece));
    if (length < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (length > 0) {
        size_t room = stream->text.limit - stream->text.length;
        bool fits = (size_t)length <= room;
        buf_add(&stream->text, piece, fits ? (size_t)length : room);
        if (!fits && stream == &run->streams[STREAM_OUT])
            fail(run, ERR_DENIED, "printed more than 1 MiB");
        return;
    }
    stream_close(stream);
    if (run->streams[STREAM_OUT].fd < 0 && run->streams[STREAM_ERR].fd < 0)
        loop_timer_arm(run->timer, 0);
}

static bool is_set_by(const struct kube_exec *exec, const char *entry)
{
    size_t length = strcspn(entry, "=");
    if (length == strlen("KUBERNETES_EXEC_INFO") &&
        strncmp(entry, "KUBERNETES_EXEC_INFO", length) == 0)
        return true;
    for (size_t i = 0; exec->env && exec->env[i]; i++) {
        if (strncmp(exec->env[i], entry, length) == 0 && exec->env[i][length] == '=')
            return true;
    }
    return false;
}

/* Our environment, what the configuration adds, and what the program is told. The array is owned,
 * `*ret_info` too, all else is borrowed. */
static const char **make_environment(const struct kube_exec *exec, char **ret_info)
{
    size_t ours = 0;
    size_t added = 0;
    while (environ[ours])
        ours++;
    while (exec->env && exec->env[added])
        added++;
    const char **all = xcalloc(ours + added + 2, sizeof(*all));
    size_t count = 0;
    for (size_t i = 0; i < ours; i++) {
        if (!is_set_by(exec, environ[i]))
            all[count++] = environ[i];
    }
    for (size_t i = 0; i < added; i++)
        all[count++] = exec->env[i];
    all[count] = *ret_info = xasprintf("KUBERNETES_EXEC_INFO=%s", exec->info);
    return all;
}

static const char **make_arguments(const struct kube_exec *exec)
{
    size_t count = 0;
    while (exec->args && exec->args[count])
        count++;
    const char **all = xcalloc(count + 2, sizeof(*all));
    all[0] = exec->command;
    for (size_t i = 0; i < count; i++)
        all[i + 1] = exec->args[i];
    return all;
}

/* A process group of its own, so that all of it can be killed; signals as a program expects them.
 */
static int spawn(struct kube_exec_run *run, int (*pipes)[2])
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, pipes[STREAM_OUT][1], 1);
    posix_spawn_file_actions_adddup2(&files, pipes[STREAM_ERR][1], 2);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                              POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    char *info;
    const char **environment = make_environment(run->exec, &info);
    const char **arguments = make_arguments(run->exec);
    int why =
        posix_spawnp(&run->pid, run->exec->command, &files, &attributes,
                     (char *const *)(uintptr_t)arguments, (char *const *)(uintptr_t)environment);
    if (why)
        run->pid = 0;
    free(arguments);
    free(environment);
    free(info);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    return why;
}

static int start(struct kube_exec_run *run)
{
    int pipes[STREAM_COUNT][2];
    if (pipe2(pipes[STREAM_OUT], O_CLOEXEC) < 0)
        return errno;
    if (pipe2(pipes[STREAM_ERR], O_CLOEXEC) < 0) {
        int why = errno;
        close(pipes[STREAM_OUT][0]);
        close(pipes[STREAM_OUT][1]);
        return why;
    }
    int why = spawn(run, pipes);
    for (int i = 0; i < STREAM_COUNT; i++) {
        struct stream *stream = &run->streams[i];
        close(pipes[i][1]);
        stream->fd = pipes[i][0];
        fcntl(stream->fd, F_SETFL, O_NONBLOCK);
        if (!why)
            stream->watch = loop_watch_new(run->loop, stream->fd, on_readable, stream);
    }
    return why;
}

static void fail_start(void *arg)
{
    struct kube_exec_run *run = arg;
    int why = run->start_error;
    const char *hint = run->exec->install_hint;
    bool absent = why == ENOENT || why == EACCES || why == ENOEXEC;
    struct err err;
    if (absent && hint) {
        CLEANUP(buf_fini) struct buf words;
        buf_init(&words, BUF_UNLIMITED);
        str_add_printable(&words, hint, strlen(hint), 200);
        err_set(&err, ERR_DENIED, why, "%s (%s)", strerror(why), buf_text(&words));
    } else {
        err_set(&err, absent ? ERR_DENIED : ERR_TRANSIENT, why, "%s", strerror(why));
    }
    finish(run, 0, &err);
}

struct kube_exec_run *kube_exec_start(struct loop *loop, const struct kube_exec *exec,
                                      struct kube_exec_left *left, kube_exec_done_fn *done,
                                      void *arg)
{
    kube_exec_left_reap(left);
    struct kube_exec_run *run = xcalloc(1, sizeof(*run));
    *run =
        (struct kube_exec_run){.loop = loop, .exec = exec, .left = left, .done = done, .arg = arg};
    run->deadline = loop_now(loop) + DEADLINE_MS;
    run->timer = loop_timer_new(loop, on_timer, run);
    for (int i = 0; i < STREAM_COUNT; i++) {
        run->streams[i] = (struct stream){.run = run, .fd = -1};
        buf_init(&run->streams[i].text, i == STREAM_OUT ? OUTPUT_LIMIT : COMPLAINT_LIMIT);
    }
    run->start_error = start(run);
    if (run->start_error)
        loop_defer(loop, fail_start, run);
    else
        loop_timer_arm(run->timer, DEADLINE_MS);
    return run;
}

void kube_exec_cancel(struct kube_exec_run *run)
{
    if (!run)
        return;
    loop_defer_cancel(run->loop, fail_start, run);
    if (run->pid > 0) {
        kill(-run->pid, SIGKILL);
        leave(run);
    }
    run_free(run);
}
