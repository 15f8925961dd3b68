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

uint64_t version_number(const char *version)
{
    if (!is_decimal(version))
        return 0;
    uint64_t number = 0;
    for (; *version; version++) {
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, (unsigned)(*version - '0'), &number))
            return 0;
    }
    return number;
}
