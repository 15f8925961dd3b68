/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "core/object.h"
#include "kube/kube_client.h"
#include "ports/loop.h"

/*
 * Watches the CRD of a kind: while it is being deleted its objects go one after the other, and a
 * list of them is still answered. That is no deletion of each. Without permission to read the CRD
 * there is no such guard (said once in the log); one that could look once must be able to, for what
 * is concluded while it cannot.
 */
struct crd_guard;

/* `standing`: the CRD is there and not being deleted (again). `leaving`: it is being deleted, or
 * gone. Told on changes, the first time only if it is leaving. From the loop. */
typedef void crd_guard_fn(void *arg, bool standing);
/* The CRD cannot be looked at now (err says why; again for each failed attempt), or can again:
 * NULL. What it has come to is told before that. From the loop. */
typedef void crd_guard_sight_fn(void *arg, const struct err *err);
struct crd_guard_callbacks {
    crd_guard_fn *changed;
    crd_guard_sight_fn *sight;
};

struct crd_guard *crd_guard_new(struct loop *loop, struct kube_client *client,
                                enum object_kind kind, const struct crd_guard_callbacks *callbacks,
                                void *arg);
/* Not from within a callback. NULL is fine. */
void crd_guard_free(struct crd_guard *guard);
/* Looks at the CRD anew, as reflector_relist() does. */
void crd_guard_relist(struct crd_guard *guard);
/* Has it been seen to stand by a look that began after `since` (loop time)? False: it is looked at
 * soon. True where it may not be read. */
bool crd_guard_stands(struct crd_guard *guard, int64_t since);
/* The error that stands for the kind while its CRD is leaving. */
void crd_guard_describe(enum object_kind kind, struct err *err);
