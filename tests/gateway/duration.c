/* SPDX-License-Identifier: Apache-2.0 */
#include "duration.h"

#include <stdlib.h>
#include <string.h>

#define SECOND_NS 1000000000LL

static const struct {
    const char *name;
    double ns;
} units[] = {
    {"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9},
};

static bool read_unit(const char **at, double *ret_ns)
{
    size_t len = strspn(*at, "abcdefghijklmnopqrstuvwxyz");
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strlen(units[i].name) == len && strncmp(*at, units[i].name, len) == 0) {
            *at += len;
            *ret_ns = units[i].ns;
            return true;
        }
    }
    return false;
}

bool duration_read(const char *text, int64_t *ret_ns)
{
    const char *at = text;
    double sign = *at == '-' ? -1 : 1;
    if (*at == '-' || *at == '+') {
        at++;
    }
    if (strcmp(at, "0") == 0) {
        *ret_ns = 0;
        return true;
    }
    double sum = 0;
    do {
        size_t len = strspn(at, "0123456789.");
        double unit = 0;
        char *end = NULL;
        double value = strtod(at, &end);
        if (len == 0 || end != at + len) {
            return false;
        }
        at += len;
        if (!read_unit(&at, &unit)) {
            return false;
        }
        sum += value * unit;
    } while (*at != '\0');
    if (sum > 9.2e18) {
        return false;
    }
    *ret_ns = (int64_t)(sign * sum);
    return true;
}

void duration_write(struct text *out, int64_t ns)
{
    if (ns < 0) {
        text_putc(out, '-');
        ns = -ns;
    }
    int64_t seconds = ns / SECOND_NS;
    size_t before = out->len;
    if (seconds >= 3600) {
        text_printf(out, "%lldh", (long long)(seconds / 3600));
    }
    if (seconds % 3600 >= 60) {
        text_printf(out, "%lldm", (long long)(seconds % 3600 / 60));
    }
    if (seconds % 60 > 0 || out->len == before) {
        text_printf(out, "%llds", (long long)(seconds % 60));
    }
}
