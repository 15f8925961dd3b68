/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "definition.h"
#include "doc.h"
#include "text.h"

/* The event handlers of an OAS document, as a gateway decodes them and writes them out again. */
struct oas_handlers {
    struct oas_handler *items;
    size_t count;
    bool broken; /* one had a wrong type: decoding of the extension stopped there */
};

/* Reads the value of eventHandlers (DOC_NONE: none). doc stays borrowed. */
void oas_handlers_read(struct oas_handlers *handlers, const struct doc *doc, uint32_t node);
void oas_handlers_fini(struct oas_handlers *handlers);

/*
 * Writes them as GET shows them, grouped by trigger. *ret_groups gets a new array with the place of
 * each group in out.
 */
void oas_handlers_write(const struct oas_handlers *handlers, const struct doc *doc,
                        struct text *out, struct span **ret_groups, size_t *ret_count);

/* Writes them as the member events of a Classic definition. */
void oas_handlers_project(const struct oas_handlers *handlers, const struct doc *doc,
                          struct text *out);
