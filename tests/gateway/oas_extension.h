/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "definition.h"
#include "doc.h"
#include "oas_handlers.h"
#include "text.h"

/*
 * The extension x-tyk-api-gateway as the gateway decodes it. Decoding stops at the first error in a
 * type with a decoder of its own, and what comes later in the order of the keys is lost, silently:
 * a bad dbId loses all, a bad event handler loses listenPath, upstream and some more.
 */
struct oas_extension {
    const struct doc *doc;
    char *id;      /* info.id, or a random one */
    uint32_t info; /* nodes; DOC_NONE for what is absent or lost */
    uint32_t upstream;
    uint32_t server;
    uint32_t middleware;
    struct oas_handlers handlers;
};

/* Reads the extension at node. doc stays borrowed. */
void oas_extension_read(struct oas_extension *extension, const struct doc *doc, uint32_t node);
void oas_extension_fini(struct oas_extension *extension);

/* Decoded values, "" when absent or lost; the caller frees them. */
char *oas_extension_listen_path(const struct oas_extension *extension);
char *oas_extension_domain(const struct oas_extension *extension);

/* Writes it to definition->oas as GET shows it, and notes there where the changing parts are. */
void oas_extension_write(const struct oas_extension *extension, struct definition *definition);

/* Writes the Classic definition that it stands for. */
void oas_extension_project(const struct oas_extension *extension, struct text *out);
