/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "kube/kube_client.h"
#include "ports/object_store.h"

/*
 * ports/object_store.h over the API server. Every write names the resourceVersion it was computed
 * from, so that it cannot land on a newer state, nor on another object of the same name; what comes
 * back is checked by uid. At most 16 writes are in flight, the others wait in order.
 */
struct kube_store_options {
    struct loop *loop;
    struct kube_client *client; /* borrowed, has to outlive the store */
    const char *instance;       /* reportingInstance of events: the host's name; copied */
};
struct object_store *kube_store_new(const struct kube_store_options *options);
