/* SPDX-License-Identifier: Apache-2.0 */
#include "core/oas_shape.h"

#include <string.h>

#include "base/json_text.h"
#include "base/mem.h"
#include "base/str.h"

#define EXTENSION "x-tyk-api-gateway"

static void warn(const struct api_view *view, struct problems *problems, const char *member,
                 const char *hint)
{
    CLEANUP(freep) char *field = xasprintf("%s.%s", view->prefix, member);
    problems_add(
        problems,
        &(struct problem_about){
            .severity = PROBLEM_WARNING, .reason = "GatewayRefuses", .field = field, .hint = hint},
        "a gateway refuses an OAS document without it");
}

/* Only "3.0" and "3.1" have a schema, the latter from 5.12 on. */
static void check_version(const struct api_view *view, struct problems *problems)
{
    static const char hint[] =
        "a text such as 3.0.3; a document of an older version must be converted";
    CLEANUP(freep) char *version = json_text_string(view->openapi);
    CLEANUP(freep) char *field = xasprintf("%s.openapi", view->prefix);
    if (!view->openapi.ptr && !view->swagger.ptr)
        warn(view, problems, "openapi", "such as 3.0.3");
    else if (!version || !str_starts(version, "3."))
        problems_refuse(problems, field, hint, "no gateway takes a document that is not OpenAPI 3");
    else if (!str_starts(version, "3.0.") && !str_starts(version, "3.1."))
        problems_add(problems,
                     &(struct problem_about){.severity = PROBLEM_WARNING,
                                             .reason = "GatewayRefuses",
                                             .field = field,
                                             .hint = "such as 3.0.3, or 3.1.0 from 5.12 on"},
                     "gateways know OpenAPI 3.0 and 3.1, not %s", version);
}

/* Is it a text that is not empty? */
static bool has_text(struct span object, const char *member)
{
    struct span value = json_text_member(object, member);
    return json_text_type(value) == JSON_TEXT_STRING && value.length > 2;
}

static bool has_member(struct span object, const char *member)
{
    enum json_text_type type = json_text_type(json_text_member(object, member));
    return type != JSON_TEXT_NONE && type != JSON_TEXT_NULL;
}

static void check_document(const struct api_view *view, struct problems *problems)
{
    if (json_text_type(view->about) != JSON_TEXT_OBJECT) {
        warn(view, problems, "info", "{title: …, version: …}");
    } else {
        if (!has_text(view->about, "title"))
            warn(view, problems, "info.title", "the name of the API");
        if (!has_text(view->about, "version"))
            warn(view, problems, "info.version", "a text, such as \"1.0\"");
    }
    CLEANUP(freep) char *version = json_text_string(view->openapi);
    bool may_lack_paths = version && str_starts(version, "3.1");
    if (json_text_type(view->paths) != JSON_TEXT_OBJECT && !may_lack_paths)
        warn(view, problems, "paths", "{} where no operation needs settings of its own");
}

static void check_extension(const struct api_view *view, struct problems *problems)
{
    if (!has_text(view->info, "name"))
        warn(view, problems, EXTENSION ".info.name", "the name of the API");
    if (!has_member(view->info, "state"))
        warn(view, problems, EXTENSION ".info.state", "{active: true}");
    else if (!view->active.ptr)
        warn(view, problems, EXTENSION ".info.state.active", "true");
    if (!view->target.ptr && !has_member(view->upstream, "loadBalancing"))
        warn(view, problems, EXTENSION ".upstream.url", "where requests go to");
}

void oas_shape_lint(const struct api_view *view, struct problems *problems)
{
    check_version(view, problems);
    check_document(view, problems);
    check_extension(view, problems);
}
