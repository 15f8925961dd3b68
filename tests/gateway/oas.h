/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "definition.h"
#include "doc.h"
#include "text.h"

enum oas_verdict {
    OAS_GOOD,
    OAS_REFUSED, /* 400 with the gateway's words */
    OAS_PANIC,   /* the handler of the gateway dies: the connection is closed without an answer */
};

/*
 * What happens to a body before any handler sees it: syntax, references inside the document, the
 * extension, the schema. extension_needed is false for PATCH.
 */
enum oas_verdict oas_check(struct doc *doc, const char *json, size_t len, bool extension_needed,
                           struct text *problem);

/* True if the body has the extension. */
bool oas_has_extension(struct doc *doc, const char *json, size_t len);

/* The document with the extension of another one, for PATCH. */
void oas_with_extension(struct doc *doc, const char *json, size_t len, const struct definition *of,
                        struct text *out);

struct oas_origin {
    bool from_disk;         /* servers stay as they are */
    const char *base_url;   /* of the gateway, for servers */
    const char *old_listen; /* listen path of the loaded API, NULL if there is none */
};

/*
 * Makes a definition of a document that was checked: what decoding, extracting and filling leave of
 * it, a random id where none is left. Returns it with one reference; NULL if it is no document.
 */
struct definition *oas_read(struct doc *doc, const char *json, size_t len,
                            const struct oas_origin *origin);
