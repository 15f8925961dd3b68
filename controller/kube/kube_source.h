/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "kube/kube_client.h"
#include "kube/reflector.h"
#include "ports/object_source.h"

/*
 * ports/object_source.h over the API server: a reflector for each kind, and for each namespace
 * where only some are watched; Secrets and ConfigMaps by kube_follow. Of the kind Namespace only
 * the watched ones are listed, by name. Must not be freed from within a call to the sink.
 */
struct kube_source_options {
    struct loop *loop;
    struct kube_client *client;    /* borrowed, has to outlive the source */
    const char *const *namespaces; /* NULL behind the last (copied); NULL or none: all */
    int64_t secret_poll_ms;
};
struct object_source *kube_source_new(const struct kube_source_options *options);

/* The counters of all reflectors of a kind together. */
void kube_source_stats(const struct object_source *port, enum object_kind kind,
                       struct reflector_stats *ret_stats);
