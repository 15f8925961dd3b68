/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

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

/* `exec` is borrowed until done() or kube_exec_cancel(). Never calls back before it returns. */
struct kube_exec_run *kube_exec_start(struct loop *loop, const struct kube_exec *exec,
                                      kube_exec_done_fn *done, void *arg);
/* Kills the program. NULL is fine. */
void kube_exec_cancel(struct kube_exec_run *run);

/* Reads an ExecCredential. Pure. */
int kube_exec_decode(struct span text, const char *api_version, struct kube_exec_result *ret_result,
                     struct err *err) MUST_CHECK;
