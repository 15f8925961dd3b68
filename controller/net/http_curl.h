/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ports/http.h"
#include "ports/loop.h"

/*
 * ports/http.h on libcurl's multi interface. HTTP/1.1 only: one connection a stream, so that a dead
 * one stalls nobody else. A peer that has gone is noticed by TCP keep-alive (15 s, then 3 probes
 * 5 s apart) and TCP_USER_TIMEOUT (20 s), which is what still works under a multi handle in libcurl
 * 7.88: its own upkeep does nothing there. Transfers are never paused.
 *
 * Each pool is a multi handle of its own and so has its own connections; one that has had no call
 * for half a minute is closed.
 */

/* `version` is told in User-Agent: "grapnel/VERSION (linux/amd64)". Never NULL. */
struct http *http_curl_new(struct loop *loop, const char *version);
/* Cancels what is still in flight. NULL is fine. */
void http_curl_free(struct http *http);
