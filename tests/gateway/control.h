/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "journal.h"

struct exchange;
struct gateway;

/* The control API: /hello, /ready and all under /tyk/. Paths are decoded. */
bool control_takes(const char *path);

/* What a request is about, whatever becomes of it; traffic too. */
enum request_kind control_kind(const char *method, const char *path);

/* Answers a request. */
void control_handle(struct gateway *gateway, struct exchange *exchange);

/* Whether the body of a request will be read. */
bool control_wants_body(const struct gateway *gateway, const char *method, const char *path,
                        const char *secret);
