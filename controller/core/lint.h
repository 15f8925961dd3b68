/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/api.h"
#include "core/context.h"
#include "core/problem.h"

/*
 * What a definition as a whole must not be: refused or lost by the gateway, a danger to it, or
 * weaker than its author believes. Adds errors of reason InvalidSpec, and warnings. `abilities`
 * NULL: the context is unknown, what depends on it is not checked.
 */
void lint_api(const struct api_view *view, const struct gateway_abilities *abilities,
              struct problems *problems);
