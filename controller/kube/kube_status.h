/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "base/span.h"

/*
 * What an answer of the API server means: the one place where HTTP status and `Status` objects
 * become error classes. Pure.
 */
struct kube_status {
    long code;
    int64_t retry_after_ms; /* details.retryAfterSeconds; -1: none */
};

/* Sets *err from an answer that is not 2xx; `body` is a Status where the server made it, but may be
 * anything (a proxy's page). The message holds code, reason and the server's words, cut. */
void kube_status_to_err(long code, struct span body, struct kube_status *ret_status,
                        struct err *err);

/* The same for the Status of an ERROR event in a watch, whose code is in it. */
void kube_status_of_event(struct span status, struct kube_status *ret_status, struct err *err);
