/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "core/cache.h"

/* What the gateways of a context allow (OperatorContext spec.gateway, or the flags). */
struct gateway_abilities {
    const char *version; /* "" when unknown: no warnings about versions */
    bool jsvm;
    bool kv_references;
    bool folder_owner; /* a folder source or render without a context: jsvm and kv_references are
                          allowed, with a warning */
    const char *const *template_paths; /* prefixes; NULL at the end; NULL: the default ones */
    const char *org_id;                /* the context's TYK_ORG; NULL: none */
};

/* Where body templates may be when nothing else is said; NULL at the end. */
extern const char *const context_template_paths[];

/* The abilities of an OperatorContext, with the texts that they point to. */
struct context {
    struct gateway_abilities abilities;
    char *version;
    char *org_id;
    char **template_paths;
};

/* Reads the OperatorContext `key` for an ApiDefinition of namespace `ns`; its Secret (for TYK_ORG)
 * is looked up in the cache. False when there is none, when it does not permit the namespace (which
 * looks the same), or when it is refused. context_fini() in both cases. */
bool context_read(const struct cache *cache, const char *key, const char *ns,
                  struct context *ret_context);
void context_fini(struct context *context);
