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
 * there is no such guard (said once in the log).
 */
struct crd_guard;

/* `standing`: the CRD is there and not being deleted (again). `leaving`: it is being deleted, or
 * gone. Told on changes, the first time only if it is leaving. From the loop. */
typedef void crd_guard_fn(void *arg, bool standing);

struct crd_guard *crd_guard_new(struct loop *loop, struct kube_client *client,
                                enum object_kind kind, crd_guard_fn *changed, void *arg);
/* Not from within `changed`. NULL is fine. */
void crd_guard_free(struct crd_guard *guard);
/* Looks at the CRD anew, as reflector_relist() does. */
void crd_guard_relist(struct crd_guard *guard);
/* The error that stands for the kind while its CRD is leaving. */
void crd_guard_describe(enum object_kind kind, struct err *err);
