/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "doc.h"
#include "text.h"

/* Whether there is a schema for the version that the document names; none named is 3.0. */
bool oas_schema_exists(const char *version);

/*
 * Checks a document as far as the gateway's schema is known here: the root, info, paths, and of the
 * extension what Grapnel reads or writes. What is not described passes. Errors are lines.
 */
bool oas_schema_check(const struct doc *doc, const char *version, struct text *errors);
