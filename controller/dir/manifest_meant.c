/* SPDX-License-Identifier: Apache-2.0 */
#include "dir/manifest_meant.h"

#include <string.h>

#include "base/json_text.h"
#include "base/mem.h"
#include "base/str.h"
#include "core/object.h"

#define GROUP "tyk.tyk.io"
#define LETTERS 2 /* so many are a mistake, more are another word */

bool manifest_kind_is_known_elsewhere(const char *kind)
{
    static const char *const kinds[] = {"TykOasApiDefinition",
                                        "TykStreamsApiDefinition",
                                        "TykMcpApiDefinition",
                                        "SecurityPolicy",
                                        "SubGraph",
                                        "SuperGraph",
                                        "PortalAPICatalogue",
                                        "APIDescription",
                                        "PortalConfig"};
    for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
        if (strcmp(kinds[i], kind) == 0)
            return true;
    }
    return false;
}

static bool resembles_group(const char *api_version)
{
    const char *slash = strchr(api_version, '/');
    CLEANUP(freep)
    char *group =
        xstrndup(api_version, slash ? (size_t)(slash - api_version) : strlen(api_version));
    bool is_cut_off = !slash && str_starts(GROUP, group);
    return strcasestr(group, "tyk") || str_distance(group, GROUP) <= LETTERS || is_cut_off;
}

static bool resembles_kind(const char *kind)
{
    static const enum object_kind ours[] = {OBJECT_API, OBJECT_WEBHOOK, OBJECT_CONTEXT};
    for (size_t i = 0; i < ARRAY_LENGTH(ours); i++) {
        const char *name = object_kind_name(ours[i]);
        if (strcasecmp(name, kind) == 0 || str_distance(name, kind) <= LETTERS)
            return true;
    }
    return false;
}

/* Fields that only our kinds have. */
static bool spec_looks_like_ours(struct span item)
{
    static const char *const fields[] = {
        "oas",         "oasRef",       "contextRef",     "event_handlers",   "version_data",
        "use_keyless", "bodyTemplate", "cooldownPeriod", "conversionPolicy", "urlFrom",
        "serviceRef"};
    struct span spec = json_text_member(item, "spec");
    for (size_t i = 0; i < ARRAY_LENGTH(fields); i++) {
        if (json_text_member(spec, fields[i]).ptr)
            return true;
    }
    return json_text_get(spec, "proxy", "listen_path", NULL).ptr != NULL;
}

bool manifest_is_meant(struct span item, const char *api_version, const char *kind)
{
    if (api_version && resembles_group(api_version))
        return !kind || !manifest_kind_is_known_elsewhere(kind);
    bool is_others = api_version && strchr(api_version, '/');
    if (kind)
        return resembles_kind(kind) && (!is_others || spec_looks_like_ours(item));
    if (api_version)
        return !is_others && spec_looks_like_ours(item);
    return spec_looks_like_ours(item) ||
           json_text_type(json_text_get(item, "metadata", "name", NULL)) == JSON_TEXT_STRING;
}

static bool element_is_meant(struct span item)
{
    CLEANUP(freep) char *api_version = json_text_string(json_text_member(item, "apiVersion"));
    CLEANUP(freep) char *kind = json_text_string(json_text_member(item, "kind"));
    return json_text_type(item) == JSON_TEXT_OBJECT && manifest_is_meant(item, api_version, kind);
}

bool manifest_is_meant_text(struct span item)
{
    if (json_text_type(item) == JSON_TEXT_STRING)
        return true;
    struct json_text_iter iter = json_text_iterate(item);
    while (json_text_type(item) == JSON_TEXT_ARRAY && json_text_next(&iter)) {
        if (element_is_meant(iter.value))
            return true;
    }
    return false;
}
