/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "kube/kube_client.h"
#include "ports/loop.h"
#include "ports/object_source.h"

/*
 * Follows single Services and the EndpointSlices of single Services, each by a list and watch that
 * selects just them: the operator need not see those of the whole cluster.
 */
struct service_watch;

struct service_watch *service_watch_new(struct loop *loop, struct kube_client *client);
/* Not from within a call to the sink. NULL is fine. */
void service_watch_free(struct service_watch *watch);
/* From now on put(), gone(), followed() and missing() are called; `sink` is borrowed. */
void service_watch_start(struct service_watch *watch, const struct object_sink *sink, void *arg);

/* `kind` is OBJECT_SERVICE or OBJECT_ENDPOINTSLICE, `key` the Service's. Not from within a call to
 * the sink. What was told of it is told to be gone when it is removed. */
void service_watch_add(struct service_watch *watch, enum object_kind kind, const char *key);
void service_watch_remove(struct service_watch *watch, enum object_kind kind, const char *key);
/* Reads all Services, or all slices, that are followed anew. */
void service_watch_relist(struct service_watch *watch, enum object_kind kind);
