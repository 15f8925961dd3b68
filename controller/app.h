/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "config.h"

/*
 * The composition root: makes the loop, the client, source and store, gateways and reconciler,
 * wires them, and takes them down in order at SIGTERM or SIGINT.
 */

/* Runs until a signal, or with config->once until everything is as wanted or cannot be made so now.
 * Returns the exit code. */
int app_run(const struct config *config);
