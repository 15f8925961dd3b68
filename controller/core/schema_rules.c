/* SPDX-License-Identifier: Apache-2.0 */
#include "core/schema_rules.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_text.h"
#include "base/str.h"
#include "core/event.h"
#include "core/members.h"

/* has(self.name): a null, where the schema allows it, is as absent (seen on an API server 1.36). */
static bool has(struct span self, const char *name)
{
    enum json_text_type type = json_text_type(json_text_member(self, name));
    return type != JSON_TEXT_NONE && type != JSON_TEXT_NULL;
}

static bool has_elements(struct span self, const char *name)
{
    struct json_text_iter iter = json_text_iterate(json_text_member(self, name));
    return json_text_next(&iter);
}

/* ---- OperatorContext and Webhook ---- */

static bool one_of_url_and_url_from(struct span self, struct span old)
{
    (void)old;
    return has(self, "url") != has(self, "urlFrom");
}

static bool one_of_value_and_value_from(struct span self, struct span old)
{
    (void)old;
    return has(self, "value") != has(self, "valueFrom");
}

static bool id_stays(struct span self, struct span old)
{
    if (!has(old, "id"))
        return true;
    CLEANUP(freep) char *before = json_text_string(json_text_member(old, "id"));
    CLEANUP(freep) char *now = json_text_string(json_text_member(self, "id"));
    return now && str_equal(before, now);
}

static bool selector_is_given(struct span self, struct span old)
{
    (void)old;
    return !json_text_is(json_text_member(self, "from"), "Selector") || has(self, "selector");
}

static bool operator_fits_values(struct span self, struct span old)
{
    (void)old;
    struct span operator= json_text_member(self, "operator");
    bool needs_values = json_text_is(operator, "In") || json_text_is(operator, "NotIn");
    return needs_values == has_elements(self, "values");
}

static bool is_cooldown(struct span self, struct span old)
{
    (void)old;
    CLEANUP(freep) char *text = json_text_string(self);
    const char *at = text;
    for (const char *unit = "hms"; *unit; unit++) {
        const char *digits = at;
        while (isdigit((unsigned char)*digits))
            digits++;
        if (digits > at && *digits == *unit)
            at = digits + 1;
    }
    return !*at;
}

/* What Go's url.ParseRequestURI takes and what the rule asks for beyond it, for http and https:
 * scheme://[user@]host[:port]rest. */
static bool host_byte_is_allowed(char byte)
{
    return isalnum((unsigned char)byte) || (byte & 0x80) || strchr("-_.~!$&'()*+,;=:[]<>\"%", byte);
}

/* In a path any byte may be escaped; in a host only those beyond ASCII, and % before a zone. */
static bool escapes_are_valid(const char *text, bool is_host)
{
    for (const char *at = text; (at = strchr(at, '%')); at++) {
        if (!isxdigit((unsigned char)at[1]) || !isxdigit((unsigned char)at[2]))
            return false;
        if (is_host && strchr("01234567", at[1]) && (at[1] != '2' || at[2] != '5'))
            return false;
    }
    return true;
}

static bool port_is_valid(const char *port)
{
    size_t length = strlen(port);
    if (length != strspn(port, "0123456789"))
        return false;
    return length == 0 || (length < 6 && strtoll(port, NULL, 10) < 65536);
}

/* 192.0.2.1, without leading zeros. */
static bool is_ipv4(const char *at)
{
    for (int part = 0; part < 4; part++) {
        size_t length = strspn(at, "0123456789");
        if (length < 1 || length > 3 || (length > 1 && *at == '0') || strtoll(at, NULL, 10) > 255)
            return false;
        at += length;
        if (*at != (part < 3 ? '.' : '\0'))
            return false;
        at++;
    }
    return true;
}

/* One group of hex digits, or an IPv4 address at the end; false when there is neither. */
static bool skip_group(const char **at, int *groups)
{
    size_t length = strspn(*at, "0123456789abcdefABCDEF");
    if ((*at)[length] == '.') {
        if (!is_ipv4(*at))
            return false;
        *at += strlen(*at);
        *groups += 2;
        return true;
    }
    *at += length;
    *groups += 1;
    return length >= 1 && length <= 4;
}

/* What stands between groups: a colon with a group behind it, or (once) two colons. */
static bool skip_colons(const char **at, bool *gap)
{
    if (!**at)
        return true;
    if (str_starts(*at, "::")) {
        bool first = !*gap;
        *gap = true;
        *at += 2;
        return first;
    }
    *at += 1;
    return (*at)[-1] == ':' && **at;
}

/* Eight groups, or fewer with one :: among them. */
static bool is_ipv6(const char *text)
{
    bool gap = str_starts(text, "::");
    const char *at = text + (gap ? 2 : 0);
    int groups = 0;
    while (*at) {
        if (!skip_group(&at, &groups) || !skip_colons(&at, &gap))
            return false;
    }
    return gap ? groups < 8 : groups == 8;
}

/* [address] or [address%25zone] */
static bool is_address_in_brackets(const char *host, const char *end)
{
    CLEANUP(freep) char *address = xstrndup(host + 1, (size_t)(end - host - 1));
    char *zone = strchr(address, '%');
    if (zone && !zone[strlen("%25")])
        return false;
    if (zone)
        *zone = '\0';
    return is_ipv6(address);
}

static bool user_is_valid(const char *user)
{
    for (const char *byte = user; *byte; byte++) {
        if (!isalnum((unsigned char)*byte) && !strchr("-._:~!$&'()*+,;=%@", *byte))
            return false;
    }
    return escapes_are_valid(user, false);
}

/* Behind the host; NULL when it is none. */
static const char *end_of_host(const char *host)
{
    for (const char *byte = host; *byte; byte++) {
        if (!host_byte_is_allowed(*byte))
            return NULL;
    }
    if (!escapes_are_valid(host, true))
        return NULL;
    if (*host == '[') {
        const char *end = strchr(host, ']');
        return end && is_address_in_brackets(host, end) ? end + 1 : NULL;
    }
    const char *end = host + strcspn(host, ":");
    return end == host || strchr(host, '[') ? NULL : end;
}

/* [user@]host[:port] */
static bool authority_is_valid(const char *authority)
{
    const char *at = strrchr(authority, '@');
    const char *host = at ? at + 1 : authority;
    CLEANUP(freep) char *user = xstrndup(authority, at ? (size_t)(at - authority) : 0);
    const char *end = user_is_valid(user) ? end_of_host(host) : NULL;
    return end && (!*end || (*end == ':' && port_is_valid(end + 1)));
}

static bool is_base_url(struct span self, struct span old)
{
    (void)old;
    CLEANUP(freep) char *url = json_text_string(self);
    size_t scheme = strncasecmp(url, "http://", 7) == 0    ? 7
                    : strncasecmp(url, "https://", 8) == 0 ? 8
                                                           : 0;
    if (!scheme)
        return false;
    for (const char *at = url; *at; at++) {
        if ((unsigned char)*at < ' ' || *at == 0x7f)
            return false;
    }
    size_t length = strcspn(url + scheme, "/?");
    CLEANUP(freep) char *authority = xstrndup(url + scheme, length);
    const char *rest = url + scheme + length;
    CLEANUP(freep) char *path = xstrndup(rest, strcspn(rest, "?"));
    const char *fragment = strchr(rest, '#');
    return escapes_are_valid(path, false) && (!fragment || escapes_are_valid(fragment, false)) &&
           authority_is_valid(authority);
}

static bool is_plain_url(struct span self, struct span old)
{
    (void)old;
    CLEANUP(freep) char *url = json_text_string(self);
    return !strpbrk(url, "?# ");
}

static bool one_kind_of_gateways(struct span self, struct span old)
{
    (void)old;
    return !(has(self, "serviceRef") && has_elements(self, "urls"));
}

static bool gateways_are_named(struct span self, struct span old)
{
    (void)old;
    return has(self, "serviceRef") || has_elements(self, "urls") || has(self, "secretRef");
}

static bool is_port(struct span self, struct span old)
{
    (void)old;
    int64_t number = 0;
    if (json_text_type(self) == JSON_TEXT_STRING)
        return self.length > 2;
    return json_text_int64(self, &number) && number > 0 && number < 65536;
}

static bool is_version_or_empty(struct span self, struct span old)
{
    (void)old;
    CLEANUP(freep) char *text = json_text_string(self);
    return !*text || event_is_version(text);
}

/* ---- ApiDefinition ---- */

static bool one_of_oas_and_oas_ref(struct span self, struct span old)
{
    static const char *const names[] = {"oas", "oasRef"};
    struct span values[ARRAY_LENGTH(names)];
    (void)old;
    members_read(self, names, ARRAY_LENGTH(names), values, NULL, NULL);
    return !(values[0].ptr && values[1].ptr);
}

static bool no_classic_beside_oas(struct span self, struct span old)
{
    static const char *const names[] = {"oas",
                                        "oasRef",
                                        "name",
                                        "id",
                                        "api_id",
                                        "org_id",
                                        "active",
                                        "internal",
                                        "protocol",
                                        "domain",
                                        "listen_port",
                                        "proxy",
                                        "use_keyless",
                                        "use_standard_auth",
                                        "auth_configs",
                                        "version_data",
                                        "event_handlers",
                                        "config_data",
                                        "graphql",
                                        "certificate_secret_names",
                                        "client_certificate_refs",
                                        "pinned_public_keys_refs",
                                        "upstream_certificate_refs"};
    (void)old;
    /* In one pass: the document may be large. */
    struct span values[ARRAY_LENGTH(names)];
    members_read(self, names, ARRAY_LENGTH(names), values, NULL, NULL);
    if (!values[0].ptr && !values[1].ptr)
        return true;
    for (size_t i = 2; i < ARRAY_LENGTH(names); i++) {
        if (values[i].ptr)
            return false;
    }
    return true;
}

static bool a_definition_is_given(struct span self, struct span old)
{
    static const char *const names[] = {"proxy", "oas", "oasRef"};
    struct span values[ARRAY_LENGTH(names)];
    (void)old;
    members_read(self, names, ARRAY_LENGTH(names), values, NULL, NULL);
    return values[0].ptr || values[1].ptr || values[2].ptr;
}

static bool has_the_extension(struct span self, struct span old)
{
    (void)old;
    return has(self, "x-tyk-api-gateway");
}

static bool is_api_id(struct span self, struct span old)
{
    (void)old;
    CLEANUP(freep) char *id = json_text_string(self);
    return !strpbrk(id, "/\\") && !strstr(id, "..") && !str_ends(id, "-oas") &&
           !str_ends(id, "-mcp");
}

static bool is_listen_path(struct span self, struct span old)
{
    (void)old;
    CLEANUP(freep) char *path = json_text_string(self);
    return *path == '/' && !strchr(path, ' ');
}

static bool is_listen_path_or_empty(struct span self, struct span old)
{
    return json_text_is(self, "") || is_listen_path(self, old);
}

static const struct schema_rule rules[] = {
    {"has(self.url) != has(self.urlFrom)", one_of_url_and_url_from, false},
    {"has(self.value) != has(self.valueFrom)", one_of_value_and_value_from, false},
    {"!has(oldSelf.id) || (has(self.id) && self.id == oldSelf.id)", id_stays, true},
    {"self.from != 'Selector' || has(self.selector)", selector_is_given, false},
    {"(self.operator in ['In', 'NotIn']) == (has(self.values) && size(self.values) > 0)",
     operator_fits_values, false},
    {"self.matches('^([0-9]+h)?([0-9]+m)?([0-9]+s)?$')", is_cooldown, false},
    {"isURL(self) && url(self).getScheme() in ['http', 'https'] && url(self).getHostname() != '' "
     "&& "
     "(url(self).getPort() == '' || (size(url(self).getPort()) < 6 && int(url(self).getPort()) < "
     "65536))",
     is_base_url, false},
    {"!self.contains('?') && !self.contains('#') && !self.contains(' ')", is_plain_url, false},
    {"!(has(self.serviceRef) && has(self.urls) && size(self.urls) > 0)", one_kind_of_gateways,
     false},
    {"has(self.serviceRef) || (has(self.urls) && size(self.urls) > 0) || has(self.secretRef)",
     gateways_are_named, false},
    {"type(self) == int ? self > 0 && self < 65536 : size(self) > 0", is_port, false},
    {"self == '' || self.matches('^v?[0-9]+([.][0-9]+)*([-+][0-9A-Za-z.+-]*)?$')",
     is_version_or_empty, false},
    {"!(has(self.oas) && has(self.oasRef))", one_of_oas_and_oas_ref, false},
    {"!(has(self.oas) || has(self.oasRef)) || !(has(self.name) || has(self.id) || "
     "has(self.api_id) || has(self.org_id) || has(self.active) || has(self.internal) || "
     "has(self.protocol) || has(self.domain) || has(self.listen_port) || has(self.proxy) || "
     "has(self.use_keyless) || has(self.use_standard_auth) || has(self.auth_configs) || "
     "has(self.version_data) || has(self.event_handlers) || has(self.config_data) || "
     "has(self.graphql) || has(self.certificate_secret_names) || "
     "has(self.client_certificate_refs) || has(self.pinned_public_keys_refs) || "
     "has(self.upstream_certificate_refs))",
     no_classic_beside_oas, false},
    {"has(self.proxy) || has(self.oas) || has(self.oasRef)", a_definition_is_given, false},
    {"has(self.x__dash__tyk__dash__api__dash__gateway)", has_the_extension, false},
    {"!self.contains('/') && !self.contains('\\\\') && !self.contains('..') && "
     "!self.endsWith('-oas') && !self.endsWith('-mcp')",
     is_api_id, false},
    {"self.startsWith('/') && !self.contains(' ')", is_listen_path, false},
    {"self == '' || (self.startsWith('/') && !self.contains(' '))", is_listen_path_or_empty, false},
};

const struct schema_rule *schema_rule_find(const char *text)
{
    for (size_t i = 0; i < ARRAY_LENGTH(rules); i++) {
        if (strcmp(rules[i].text, text) == 0)
            return &rules[i];
    }
    return NULL;
}

const struct schema_rule *schema_rules_all(size_t *ret_count)
{
    *ret_count = ARRAY_LENGTH(rules);
    return rules;
}
