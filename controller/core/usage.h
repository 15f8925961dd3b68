/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "base/buf.h"

/*
 * Who uses which Webhook, and with how many handlers: what Webhook status.usedBy and
 * status.references say. Pure.
 */
struct usage;

struct usage_count {
    const char *webhook; /* "ns/name" */
    size_t handlers;
};

struct usage *usage_new(void);
void usage_free(struct usage *usage);

typedef void usage_changed_fn(void *arg, const char *webhook);
/* What an API uses from now on; `changed` is called for each Webhook whose figures have changed. */
void usage_set(struct usage *usage, const char *api, const struct usage_count *counts, size_t count,
               usage_changed_fn *changed, void *arg);

/* Appends `"usedBy":{"apis":…,"handlers":…},"references":[…]`, the list by key in bytes, at most
 * `limit` long. */
void usage_add_json(const struct usage *usage, const char *webhook, size_t limit, struct buf *out);
