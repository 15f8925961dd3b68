/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event.h"

#include <stddef.h>
#include <string.h>

#include "base/mem.h"
#include "core/nearest.h"

/* internal/event/event.go and the enum X-Tyk-EventTrigger of the gateway, up to 5.15. */
static const struct event events[] = {
    {"QuotaExceeded", true, false, NULL},
    {"RatelimitExceeded", true, false, NULL},
    {"AuthFailure", true, false, NULL},
    {"KeyExpired", true, false, NULL},
    {"VersionFailure", true, false, NULL},
    {"OrgQuotaExceeded", true, false, NULL},
    {"OrgRateLimitExceeded", true, false, NULL},
    {"RateLimitSmoothingUp", true, false, "5.4"},
    {"RateLimitSmoothingDown", true, false, "5.4"},
    {"BreakerTriggered", true, false, NULL},
    {"BreakerTripped", true, false, NULL},
    {"BreakerReset", true, false, NULL},
    {"HostDown", true, false, NULL},
    {"HostUp", true, false, NULL},
    {"UpstreamOAuthError", true, false, "5.8"},
    {"CertificateExpiringSoon", true, false, "5.10"},
    {"CertificateExpired", true, false, "5.10"},
    {"TriggerExceeded", true, true, NULL},
    {"TokenCreated", true, true, NULL},
    {"TokenUpdated", true, true, NULL},
    {"TokenDeleted", true, true, NULL},
    {"OAuth2ScopeCheckFailed", false, false, "5.14"},
    {"OAuth2ExchangeSucceeded", false, false, "5.15"},
    {"OAuth2ExchangeFailed", false, false, "5.15"},
};

const struct event *event_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LENGTH(events); i++) {
        if (strcmp(events[i].name, name) == 0)
            return &events[i];
    }
    return NULL;
}

const char *event_nearest(const char *name, bool in_oas)
{
    const char *names[ARRAY_LENGTH(events)];
    size_t count = 0;
    for (size_t i = 0; i < ARRAY_LENGTH(events); i++) {
        if (events[i].in_oas || !in_oas)
            names[count++] = events[i].name;
    }
    return nearest_name(name, names, count);
}

/* "v5.8.3" → 5, 8; false when it does not begin with two numbers. A lone "5" is 5.0. */
static bool read_version(const char *text, unsigned *ret_major, unsigned *ret_minor)
{
    unsigned numbers[2] = {0, 0};
    if (*text == 'v')
        text++;
    for (size_t i = 0; i < ARRAY_LENGTH(numbers); i++) {
        if (*text < '0' || *text > '9')
            return false;
        for (; *text >= '0' && *text <= '9' && numbers[i] < 100000; text++)
            numbers[i] = numbers[i] * 10 + (unsigned)(*text - '0');
        if (*text != '.')
            break;
        text++;
    }
    *ret_major = numbers[0];
    *ret_minor = numbers[1];
    return true;
}

/* What may stand behind the numbers: "-rc1", "+build.7". */
static const char digits_and_letters[] = "0123456789.+-"
                                         "abcdefghijklmnopqrstuvwxyz"
                                         "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

bool event_is_version(const char *text)
{
    static const char digits[] = "0123456789";
    const char *at = *text == 'v' ? text + 1 : text;
    size_t length = strspn(at, digits);
    while (length && at[length] == '.') {
        at += length + 1;
        length = strspn(at, digits);
    }
    if (!length)
        return false;
    at += length;
    return !*at || ((*at == '-' || *at == '+') && !at[strspn(at, digits_and_letters)]);
}

bool event_version_is_older(const char *version, const char *since)
{
    unsigned major;
    unsigned minor;
    unsigned since_major;
    unsigned since_minor;
    if (!version || !read_version(version, &major, &minor) ||
        !read_version(since, &since_major, &since_minor))
        return false;
    return major != since_major ? major < since_major : minor < since_minor;
}
