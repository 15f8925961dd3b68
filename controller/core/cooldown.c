/* SPDX-License-Identifier: Apache-2.0 */
#include "core/cooldown.h"

#include <stddef.h>

#include "base/mem.h"

bool cooldown_read(const char *text, int64_t *ret_seconds)
{
    static const struct {
        char name;
        int64_t seconds;
    } units[] = {{'h', 3600}, {'m', 60}, {'s', 1}};
    int64_t total = 0;
    size_t unit = 0;
    while (*text) {
        int64_t number = 0;
        const char *first = text;
        for (; *text >= '0' && *text <= '9'; text++) {
            number = number * 10 + (*text - '0');
            if (number > COOLDOWN_MAX)
                return false;
        }
        while (unit < ARRAY_LENGTH(units) && units[unit].name != *text)
            unit++;
        if (text == first || unit == ARRAY_LENGTH(units))
            return false;
        total += number * units[unit++].seconds;
        if (total > COOLDOWN_MAX)
            return false;
        text++;
    }
    *ret_seconds = total;
    return true;
}
