/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"
#include "core/api.h"
#include "core/handler.h"

/*
 * The document that is pushed: the user's text with its handlers, ids and defaults replaced, and
 * without Grapnel's own keys. All other bytes pass as they are.
 */
struct document {
    const struct api_view *view;
    const struct handlers *handlers;
    const struct handler_outcome *outcomes; /* one a handler */
    const struct handler_settings *settings;
    const char *api_id;
    const char *org_id; /* of the context; NULL: none */
};

void document_write(const struct document *document, struct buf *out);
