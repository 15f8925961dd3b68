/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/api.h"
#include "core/problem.h"

/*
 * What the schema that a gateway checks OAS documents by wants of any of them. Warns of what is
 * missing (reason GatewayRefuses): the gateway has the last word, and its answer becomes
 * GatewayRejected. A document of OpenAPI 2 or older is an error.
 */
void oas_shape_lint(const struct api_view *view, struct problems *problems);
