/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

/*
 * How many requests to the API server ended how. Bounded by what HTTP has: five methods, codes of
 * three digits.
 */
#define KUBE_REQUESTS_METHODS 5
#define KUBE_REQUESTS_CODES 600

struct kube_requests {
    /* Code 0: no answer came. */
    uint64_t counts[KUBE_REQUESTS_METHODS][KUBE_REQUESTS_CODES];
};

/* A code that HTTP does not have counts as 599; a method that is not used here is not counted. */
void kube_requests_count(struct kube_requests *requests, const char *method, long code);

typedef void kube_requests_visit_fn(void *arg, const char *method, unsigned code, uint64_t count);
/* Those that have occurred. */
void kube_requests_visit(const struct kube_requests *requests, kube_requests_visit_fn *visit,
                         void *arg);
