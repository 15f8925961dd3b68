/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "doc.h"
#include "text.h"

/* Writes JSON as Go's encoding/json does, compact. */

/* A string: `< > &` and U+2028/9 escaped, U+FFFD for what is no UTF-8. */
void gojson_string(struct text *out, const char *bytes, size_t len);

/* A C string. */
void gojson_puts(struct text *out, const char *string);

/* A float64: shortest digits that read back the same, exponent below 1e-6 and from 1e21 on. */
void gojson_float(struct text *out, double value);

/* A string node, decoded and written again. */
void gojson_string_node(struct text *out, const struct doc *doc, uint32_t node);

/* Any value as a map[string]any would come back: keys sorted, numbers through float64. */
void gojson_value(struct text *out, const struct doc *doc, uint32_t node);

/* Compact JSON, indented by two spaces a level. */
void gojson_indent(struct text *out, const char *json, size_t len);
