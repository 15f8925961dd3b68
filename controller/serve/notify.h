/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"

/*
 * Tells the service manager how the process fares, as sd_notify(3) does: one datagram on the socket
 * that it names. In a cluster there is none, probes are asked instead.
 */

/* Sends a state, such as "READY=1", to `socket_path`: $NOTIFY_SOCKET, a path, or an abstract name
 * after `@`. NULL or "": nobody listens, nothing is sent, and that is fine. Never blocks; when the
 * manager's queue is full the state is lost, and the error says so. */
int notify_send(const char *socket_path, const char *state, struct err *err);
