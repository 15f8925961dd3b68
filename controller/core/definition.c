/* SPDX-License-Identifier: Apache-2.0 */
#include "core/definition.h"

#include <stdlib.h>
#include <string.h>

#include "base/json_text.h"
#include "base/mem.h"
#include "core/path.h"

/* One pass each over objects that may be large: json_text_member() would scan them once a key. */

static void read_proxy(struct span proxy, struct definition *definition)
{
    struct json_text_iter iter = json_text_iterate(proxy);
    while (json_text_next(&iter)) {
        if (json_text_is(iter.key, "listen_path"))
            definition->listen_path = iter.value;
        else if (json_text_is(iter.key, "target_url"))
            definition->target = iter.value;
    }
}

static void read_classic(struct span text, struct definition *definition)
{
    bool domain_disabled = false;
    struct json_text_iter iter = json_text_iterate(text);
    while (json_text_next(&iter)) {
        if (json_text_is(iter.key, "api_id"))
            definition->api_id = iter.value;
        else if (json_text_is(iter.key, "proxy"))
            read_proxy(iter.value, definition);
        else if (json_text_is(iter.key, "domain"))
            definition->domain = iter.value;
        else if (json_text_is(iter.key, "domain_disabled"))
            domain_disabled = json_text_bool(iter.value, false);
        else if (json_text_is(iter.key, "is_oas"))
            definition->is_oas = json_text_bool(iter.value, false);
        else if (json_text_is(iter.key, "config_data"))
            definition->marker = json_text_member(iter.value, "grapnel");
    }
    if (domain_disabled)
        definition->domain = (struct span){NULL, 0};
}

static void read_server(struct span server, struct definition *definition)
{
    struct json_text_iter iter = json_text_iterate(server);
    while (json_text_next(&iter)) {
        if (json_text_is(iter.key, "listenPath"))
            definition->listen_path = json_text_member(iter.value, "value");
        else if (json_text_is(iter.key, "customDomain") &&
                 json_text_bool(json_text_member(iter.value, "enabled"), false))
            definition->domain = json_text_member(iter.value, "name");
    }
}

static void read_extension(struct span extension, struct definition *definition)
{
    struct json_text_iter iter = json_text_iterate(extension);
    while (json_text_next(&iter)) {
        if (json_text_is(iter.key, "info"))
            definition->api_id = json_text_member(iter.value, "id");
        else if (json_text_is(iter.key, "upstream"))
            definition->target = json_text_member(iter.value, "url");
        else if (json_text_is(iter.key, "server"))
            read_server(iter.value, definition);
    }
}

static void read_oas(struct span text, struct definition *definition)
{
    definition->is_oas = true;
    struct json_text_iter iter = json_text_iterate(text);
    while (json_text_next(&iter)) {
        if (json_text_is(iter.key, "x-grapnel"))
            definition->marker = iter.value;
        else if (json_text_is(iter.key, "x-tyk-api-gateway"))
            read_extension(iter.value, definition);
    }
}

void definition_read(struct span text, enum api_family form, struct definition *ret_definition)
{
    *ret_definition = (struct definition){.text = text};
    if (form == API_OAS)
        read_oas(text, ret_definition);
    else
        read_classic(text, ret_definition);
}

char *listen_path_clean(const char *path)
{
    if (!*path)
        return xstrdup("");
    if (*path == '/')
        return path_clean(path);
    CLEANUP(freep) char *rooted = xasprintf("/%s", path);
    return path_clean(rooted);
}

uint64_t listen_path_claim(const char *path, const char *domain)
{
    CLEANUP(freep) char *clean = listen_path_clean(path);
    uint64_t hash = 14695981039346656037ULL;
    for (const char *at = clean; *at; at++)
        hash = (hash ^ (unsigned char)*at) * 1099511628211ULL;
    hash = (hash ^ 0xff) * 1099511628211ULL;
    for (const char *at = domain; *at; at++) {
        unsigned char byte = (unsigned char)*at;
        if (byte >= 'A' && byte <= 'Z')
            byte = (unsigned char)(byte + 'a' - 'A');
        hash = (hash ^ byte) * 1099511628211ULL;
    }
    return hash ? hash : 1;
}

bool definition_is_looked_up(const char *text)
{
    static const char *const signs[] = {"env://",  "secrets://", "vault://", "consul://",
                                        "file://", "kv://",      "$kv{",     "$secret_",
                                        "$env_",   "$vault_",    "$consul_"};
    for (size_t i = 0; i < ARRAY_LENGTH(signs); i++) {
        if (strstr(text, signs[i]))
            return true;
    }
    return false;
}

static bool same_path(const char *a, const char *b)
{
    if (strcmp(a, b) == 0)
        return true;
    CLEANUP(freep) char *clean_a = listen_path_clean(a);
    CLEANUP(freep) char *clean_b = listen_path_clean(b);
    return strcmp(clean_a, clean_b) == 0;
}

enum listen_path_match listen_path_compare(const char *wanted, const char *shown,
                                           const char *api_id)
{
    if (same_path(wanted, shown) || definition_is_looked_up(wanted))
        return LISTEN_PATH_SAME;
    CLEANUP(freep) char *before = listen_path_before_rename(shown, api_id);
    return before && same_path(wanted, before) ? LISTEN_PATH_RENAMED : LISTEN_PATH_OTHER;
}

char *listen_path_before_rename(const char *shown, const char *api_id)
{
    /* `<path>-<id>`, and underscores behind it where that was taken, too. */
    size_t length = strlen(shown);
    while (length && shown[length - 1] == '_')
        length--;
    CLEANUP(freep) char *suffix = xasprintf("-%s", api_id);
    size_t suffix_length = strlen(suffix);
    if (!*api_id || length <= suffix_length ||
        memcmp(shown + length - suffix_length, suffix, suffix_length) != 0)
        return NULL;
    return xstrndup(shown, length - suffix_length);
}

bool target_is(const char *wanted, const char *shown)
{
    return strcmp(wanted, shown) == 0 || definition_is_looked_up(wanted);
}
