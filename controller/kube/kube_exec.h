/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/span.h"
#include "kube/kube_config.h"
#include "ports/loop.h"

/*
 * Runs a program that gives credentials (kubeconfig `exec`), beside the loop and without a shell.
 * What it prints is bounded; after a minute it is killed, with all it has started.
 */
struct kube_exec_run;

struct kube_exec_result {
    char *token;    /* NULL: none */
    char *cert_pem; /* both or none */
    char *key_pem;
    int64_t expires; /* wall clock, seconds; 0: it does not say */
};
void kube_exec_result_fini(struct kube_exec_result *result);

/* `result` is borrowed for the call; NULL when err is set: DENIED (no such program, it failed, its
 * answer is no credential), TRANSIENT (it took too long, no process could be had). */
typedef void kube_exec_done_fn(void *arg, const struct kube_exec_result *result,
                               const struct err *err);

/* Programs that were killed and are not gone yet: one that the kernel holds (a dead file system, a
 * tracer) may stay for as long as that lasts. Nothing waits for them: each start of another one
 * looks whether they are gone. Zeroed at first; what is left at its end is init's. */
struct kube_exec_left {
    pid_t *pids;
    size_t count;
    size_t capacity;
};
void kube_exec_left_reap(struct kube_exec_left *left);
void kube_exec_left_fini(struct kube_exec_left *left);

/* `exec` and `left` are borrowed until done() or kube_exec_cancel(). Never calls back before it
 * returns. */
struct kube_exec_run *kube_exec_start(struct loop *loop, const struct kube_exec *exec,
                                      struct kube_exec_left *left, kube_exec_done_fn *done,
                                      void *arg);
/* Kills the program, and does not wait for it. NULL is fine. */
void kube_exec_cancel(struct kube_exec_run *run);

/* Reads an ExecCredential. Pure. */
int kube_exec_decode(struct span text, const char *api_version, struct kube_exec_result *ret_result,
                     struct err *err) MUST_CHECK;
