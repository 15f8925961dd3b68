/* SPDX-License-Identifier: Apache-2.0 */
#include "core/method.h"

#include <stddef.h>
#include <string.h>

#include "base/mem.h"

bool method_is_valid(const char *method)
{
    static const char *const methods[] = {"GET", "PUT", "POST", "PATCH", "DELETE"};
    for (size_t i = 0; i < ARRAY_LENGTH(methods); i++) {
        if (strcmp(method, methods[i]) == 0)
            return true;
    }
    return false;
}
