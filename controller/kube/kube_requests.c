/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kube_requests.h"

#include <string.h>

static const char *const methods[KUBE_REQUESTS_METHODS] = {"GET", "POST", "PUT", "PATCH", "DELETE"};

void kube_requests_count(struct kube_requests *requests, const char *method, long code)
{
    if (code < 0 || code >= KUBE_REQUESTS_CODES)
        code = KUBE_REQUESTS_CODES - 1;
    for (size_t i = 0; i < KUBE_REQUESTS_METHODS; i++) {
        if (strcmp(methods[i], method) == 0)
            requests->counts[i][code]++;
    }
}

void kube_requests_visit(const struct kube_requests *requests, kube_requests_visit_fn *visit,
                         void *arg)
{
    for (size_t i = 0; i < KUBE_REQUESTS_METHODS; i++) {
        for (unsigned code = 0; code < KUBE_REQUESTS_CODES; code++) {
            if (requests->counts[i][code])
                visit(arg, methods[i], code, requests->counts[i][code]);
        }
    }
}
