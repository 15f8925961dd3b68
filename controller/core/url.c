/* SPDX-License-Identifier: Apache-2.0 */
#include "core/url.h"

#include <stddef.h>
#include <string.h>

static bool is_hex(char byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'f') ||
           (byte >= 'A' && byte <= 'F');
}

static bool is_letter_or_digit(char byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
           (byte >= 'A' && byte <= 'Z');
}

static bool starts(const char *text, const char *lower)
{
    for (; *lower; text++, lower++) {
        if ((*text >= 'A' && *text <= 'Z' ? *text + 32 : *text) != *lower)
            return false;
    }
    return true;
}

/* url.Parse decodes all parts but the query. */
static bool escapes_are_whole(const char *at, const char *end)
{
    for (; at < end; at++) {
        if (*at != '%')
            continue;
        if (end - at < 3 || !is_hex(at[1]) || !is_hex(at[2]))
            return false;
        at += 2;
    }
    return true;
}

static const char *port_fault(const char *at, const char *end)
{
    static const char fault[] = "the port is not a number up to 65535";
    long port = 0;
    for (; at < end; at++) {
        if (*at < '0' || *at > '9')
            return fault;
        port = port * 10 + (*at - '0');
        if (port > 65535)
            return fault;
    }
    return NULL;
}

/* [2001:db8::1] or [fe80::1%25eth0]; `at` stands behind the bracket. */
static const char *ipv6_fault(const char *at, const char *end)
{
    static const char fault[] = "the address in brackets is not an IPv6 address";
    const char *close = memchr(at, ']', (size_t)(end - at));
    if (!close)
        return "a bracket of the address is missing";
    const char *zone = memchr(at, '%', (size_t)(close - at));
    const char *stop = zone ? zone : close;
    size_t colons = 0;
    for (; at < stop; at++) {
        colons += *at == ':';
        if (!is_hex(*at) && *at != ':' && *at != '.')
            return fault;
    }
    if (colons < 2 || colons > 7)
        return fault;
    if (zone && (close - zone < 4 || strncmp(zone, "%25", 3) != 0))
        return fault;
    if (close + 1 == end)
        return NULL;
    return close[1] == ':' ? port_fault(close + 2, end) : "text stands behind the address";
}

static const char *host_fault(const char *at, const char *end)
{
    if (at >= end)
        return "the host is missing";
    if (*at == '[')
        return ipv6_fault(at + 1, end);
    const char *colon = memchr(at, ':', (size_t)(end - at));
    const char *host_end = colon ? colon : end;
    if (at == host_end)
        return "the host is missing";
    if (!escapes_are_whole(at, host_end))
        return "a percent sign does not begin an escape";
    for (; at < host_end; at++) {
        if (!is_letter_or_digit(*at) && !((unsigned char)*at & 0x80) &&
            !strchr("-._~%!$&'()*+,;=", *at))
            return "the host holds a character that no host has";
    }
    return colon ? port_fault(colon + 1, end) : NULL;
}

const char *url_fault(const char *url, bool *ret_user_info)
{
    if (ret_user_info)
        *ret_user_info = false;
    if (!*url)
        return "the URL is empty";
    for (const char *at = url; *at; at++) {
        if ((unsigned char)*at < 0x20 || *at == 0x7f)
            return "the URL holds a control character";
    }
    size_t scheme = starts(url, "https://") ? 8 : starts(url, "http://") ? 7 : 0;
    if (!scheme)
        return "the URL is not absolute, http or https";
    const char *host = url + scheme;
    const char *end = host + strcspn(host, "/?#");
    const char *at_sign = memrchr(host, '@', (size_t)(end - host));
    if (at_sign) {
        if (ret_user_info)
            *ret_user_info = true;
        if (memchr(host, ' ', (size_t)(at_sign - host)) || !escapes_are_whole(host, at_sign))
            return "the user info before the host is malformed";
        host = at_sign + 1;
    }
    const char *fault = host_fault(host, end);
    if (fault)
        return fault;
    const char *path_end = end + strcspn(end, "?#");
    const char *fragment = strchr(end, '#');
    if (!escapes_are_whole(end, path_end) ||
        (fragment && !escapes_are_whole(fragment, fragment + strlen(fragment))))
        return "a percent sign does not begin an escape (write %25 for the sign itself)";
    return NULL;
}
