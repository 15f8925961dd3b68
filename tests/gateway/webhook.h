/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "doc.h"
#include "fire.h"
#include "text.h"

struct webhook_header {
    char *name; /* canonical */
    char *value;
};

/* The request that a webhook sends for one event. */
struct webhook {
    bool disabled;
    char *name;
    char *url;
    const char *method; /* as it is sent: unknown ones become GET */
    int64_t cooldown_s;
    struct text body;
    struct webhook_header *headers;
    size_t header_count;
};

/*
 * Reads handler_meta and renders the request. Returns false if a gateway would leave the handler
 * out at load, because a value has a wrong type.
 */
bool webhook_read(struct webhook *webhook, const struct doc *doc, uint32_t meta,
                  const struct fire_event *event);
void webhook_fini(struct webhook *webhook);

/*
 * The key of its cooldown: the MD5, in hex, of the request on the wire with Go's own User-Agent and
 * without the configured headers. In new memory.
 */
char *webhook_digest(const struct webhook *webhook);
