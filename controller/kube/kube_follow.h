/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "kube/kube_client.h"
#include "ports/object_source.h"

/*
 * Reads Secrets and ConfigMaps by name, again and again, because the operator may not watch them
 * all (nor should it hold them). Of what is told only changes are: by resourceVersion, and by the
 * reason why something is missing. At most eight are asked for at a time.
 */
struct kube_follow;

struct kube_follow *kube_follow_new(struct loop *loop, struct kube_client *client, int64_t poll_ms);
void kube_follow_free(struct kube_follow *follow);
/* From now on, put() and missing() are called; `sink` is borrowed. What is followed already is read
 * now. */
void kube_follow_start(struct kube_follow *follow, const struct object_sink *sink, void *arg);

/* As in ports/object_source.h. */
void kube_follow_add(struct kube_follow *follow, enum object_kind kind, const char *key);
void kube_follow_remove(struct kube_follow *follow, enum object_kind kind, const char *key);
