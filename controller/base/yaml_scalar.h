/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

/*
 * What a YAML scalar means to kubectl, as JSON text. Private to base/yaml*.c.
 */

/* Appends the JSON of a scalar. `tag` is the long form ("tag:yaml.org,2002:int") or NULL; `plain`
 * says that it stood without quotes. -1, ERR_INVALID: what the tag asks for is not there, or the
 * number is not finite. */
int yaml_scalar_add(struct buf *out, struct span text, const char *tag, bool plain,
                    struct err *err) MUST_CHECK;

/* Appends the JSON string that a scalar (JSON text) becomes as a key: numbers and booleans get the
 * text that Go prints. -1: null and numbers over 2^63-1, which kubectl refuses. */
int yaml_scalar_add_key(struct buf *out, struct span json, struct err *err) MUST_CHECK;

/* Would a reader of YAML take this text, standing plain, for a string and nothing else? Also told
 * for readers of YAML 1.1 and 1.2 other than this one. */
bool yaml_scalar_is_string(const char *text, size_t length);

/* Is this a number by RFC 8259 whose value a double can hold? */
bool yaml_number_is_json(struct span text);
