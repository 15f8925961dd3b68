/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"

/*
 * What the world may ask of us by GET (and HEAD): probes and metrics. serve/ makes the routes,
 * net/http_server.c serves them, the composition root brings both together.
 */

struct http_reply {
    int status;               /* 200 at first */
    const char *content_type; /* static text; "text/plain; charset=utf-8" at first */
    struct buf body;          /* empty at first */
};

struct http_route {
    const char *path; /* exact, without a query */
    /* Fills the reply now; comes from the loop. */
    void (*fill)(void *arg, struct http_reply *reply);
    void *arg;
};
