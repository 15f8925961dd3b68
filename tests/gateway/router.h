/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

/*
 * Which API takes a path. Routes are prefixes, the longest one wins, and a longer path is found
 * without a look at the others. `{name}` in a route stands for one part of a path.
 */
struct router;

struct router *router_new(void);
void router_free(struct router *router);

/* Adds a route; domain "" is every host. Of two equal routes the first one stays. */
void router_add(struct router *router, const char *domain, const char *prefix, void *target);

/* The target of a decoded path, NULL if none takes it. host may carry a port. */
void *router_find(const struct router *router, const char *host, const char *path);

/* Whether braces in a listen path are such that a route can be made. */
bool router_takes(const char *listen_path);
