/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "definition.h"
#include "doc.h"
#include "text.h"

/* Where a definition comes from. */
enum classic_origin {
    CLASSIC_FROM_CLIENT, /* an id is made when there is none; is_oas is not believed; rules apply */
    CLASSIC_FROM_DISK,   /* also the projection of an OAS document */
};

/*
 * Reads a Classic definition. Returns it with one reference, or NULL and the gateway's words in
 * *problem. doc is memory to work in. An id that is refused is a matter of the caller.
 */
struct definition *classic_read(struct doc *doc, const char *json, size_t len,
                                enum classic_origin origin, struct text *problem);

/* True if api_id in the body is the given one: what PUT wants. */
bool classic_id_is(struct doc *doc, const char *json, size_t len, const char *id);
