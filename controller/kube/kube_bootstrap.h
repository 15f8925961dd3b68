/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"
#include "base/seal.h"
#include "kube/kube_client.h"

/*
 * What the operator has to know of its cluster before anything else: which one it is (the uid of
 * namespace kube-system, as good an identity as clusters have; where that may not be read, the uid
 * of the operator's own namespace) and the key that seals values of Secrets in status. The key is
 * in the Secret `grapnel-seal` of the operator's own namespace; who finds none makes one, and of
 * several that try at once all take the one that was first.
 */
struct kube_bootstrap;

/* All borrowed for the call; NULL when err is set. TRANSIENT: try again. DENIED: permissions are
 * missing. INVALID: the Secret is there but holds no key: taking another would make every sealed
 * value unreadable, so that is for people to decide. */
typedef void kube_bootstrap_fn(void *arg, const char *cluster_id, const struct seal_key *key,
                               const struct err *err);

/* `ns` (copied) is the operator's own namespace. Never calls back before it returns. */
struct kube_bootstrap *kube_bootstrap_start(struct kube_client *client, const char *ns,
                                            kube_bootstrap_fn *done, void *arg);
/* NULL is fine. */
void kube_bootstrap_cancel(struct kube_bootstrap *bootstrap);
