/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"
#include "config.h"
#include "ports/loop.h"
#include "reconcile/reconciler.h"

/*
 * The default context: gateways from the flags, with a secret and a CA from files (or TYK_AUTH,
 * TYK_ORG). Regular files are read again every five seconds.
 */
struct default_gateways;

typedef void default_gateways_changed_fn(void *arg);

/* NULL with *err set when a file cannot be read now; later, what it held before stays in force.
 * `config` is borrowed; `changed` comes from the loop. */
struct default_gateways *default_gateways_new(struct loop *loop, const struct config *config,
                                              default_gateways_changed_fn *changed, void *arg,
                                              struct err *err);
/* NULL is fine. */
void default_gateways_free(struct default_gateways *defaults);

/* All that it points to is borrowed until the next change. */
struct default_context default_gateways_context(const struct default_gateways *defaults);
