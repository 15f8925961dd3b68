/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

/* What a webhook may be called with, for messages. */
#define METHOD_HINT "one of GET, PUT, POST, PATCH and DELETE, in capitals"

/* The gateway calls with GET when it does not know the method. */
bool method_is_valid(const char *method);
