/* SPDX-License-Identifier: Apache-2.0 */
#include "core/version.h"

#include <string.h>

static bool is_decimal(const char *version)
{
    return version[0] >= '1' && version[0] <= '9' &&
           strspn(version, "0123456789") == strlen(version);
}

bool version_is_older(const char *a, const char *b)
{
    if (!is_decimal(a) || !is_decimal(b))
        return false;
    size_t length_a = strlen(a);
    size_t length_b = strlen(b);
    return length_a != length_b ? length_a < length_b : strcmp(a, b) < 0;
}
