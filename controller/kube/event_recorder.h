/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "core/object.h"
#include "kube/kube_client.h"
#include "ports/loop.h"
#include "ports/object_store.h"

/*
 * Events (events.k8s.io/v1), best effort: nothing waits for them, and everything is bounded. Equal
 * ones (same object, type, reason and note: a second mistake is not the first one) become one with
 * a series: the second time it is created, later ones are only counted and written every half hour
 * and when it has been quiet for six minutes; so do Kubernetes' own recorders. What an object may
 * say is limited: 25 at once, then one in five minutes.
 */
struct event_recorder;

/* `instance` (copied) tells replicas apart. */
struct event_recorder *event_recorder_new(struct loop *loop, struct kube_client *client,
                                          const char *instance);
/* What is not sent yet is lost. NULL is fine. */
void event_recorder_free(struct event_recorder *recorder);

/* Everything is copied; the note is cut to what the server takes. */
void event_recorder_tell(struct event_recorder *recorder, const struct object *object,
                         enum event_type type, const char *reason, const char *note);

struct event_stats {
    uint64_t sent;       /* created or patched */
    uint64_t aggregated; /* counted into a series */
    uint64_t dropped;    /* over a bound, refused, or tried too often */
};
void event_recorder_stats(const struct event_recorder *recorder, struct event_stats *ret_stats);
