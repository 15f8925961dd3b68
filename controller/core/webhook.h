/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "core/cache.h"
#include "core/copy.h"
#include "core/object.h"
#include "core/problem.h"

/*
 * A Webhook, decoded and checked: what its references become.
 */
struct webhook {
    struct copy *copy; /* NULL when it cannot be used: the problems say why */
    char **secrets;    /* "ns/name" of the Secrets that it uses, also of missing ones; NULL at the
                          end, NULL when there is none */
    size_t secret_count;
};

/* Reads the Webhook with the Secrets of its own namespace. Problems are of reason InvalidSpec, or
 * SecretNotFound where a Secret or a key in it is missing; all of them are told. */
void webhook_decode(const struct object *object, const struct cache *cache,
                    struct webhook *ret_webhook, struct problems *problems);
void webhook_fini(struct webhook *webhook);

/* May ApiDefinitions of namespace `ns` refer to the Webhook? */
bool webhook_permits(const struct object *object, const char *ns, const struct cache *cache);
