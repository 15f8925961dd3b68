/* SPDX-License-Identifier: Apache-2.0 */
#include "core/lint.h"

#include <string.h>

#include "base/json_text.h"
#include "base/mem.h"
#include "base/str.h"
#include "core/bounds.h"
#include "core/guards.h"
#include "core/oas_shape.h"

/* References to secrets that are told one by one; the rest is in the count. */
#define REFERENCES_TOLD 8

static void refuse(const struct api_view *view, struct problems *problems, const char *classic,
                   const char *oas, const char *message, const char *hint)
{
    CLEANUP(freep)
    char *field = xasprintf("%s.%s", view->prefix, view->form == API_FORM_OAS ? oas : classic);
    problems_refuse(problems, field, hint, "%s", message);
}

/* Braces stand for parameters, as in the gateway's router. */
static bool braces_match(const char *path)
{
    long depth = 0;
    for (; *path && depth >= 0; path++)
        depth += (*path == '{') - (*path == '}');
    return depth == 0;
}

static const char *listen_path_fault(const char *path)
{
    if (!*path)
        return "it is missing";
    if (*path != '/')
        return "it does not begin with a slash";
    for (const char *at = path; *at; at++) {
        if ((unsigned char)*at <= ' ' || *at == 0x7f)
            return "it holds a blank";
    }
    if (bounds_exceeds(path, LISTEN_PATH_MAX))
        return "it is too long";
    return braces_match(path) ? NULL : "its braces do not match";
}

static void check_listen_path(const struct api_view *view, struct problems *problems)
{
    bool own_port = json_text_is(view->protocol, "tcp") || json_text_is(view->protocol, "tls");
    enum json_text_type type = json_text_type(view->listen_path);
    if (type != JSON_TEXT_NONE && type != JSON_TEXT_STRING)
        return; /* told by api_view_read() */
    CLEANUP(freep) char *path = json_text_string(view->listen_path);
    const char *fault = listen_path_fault(path ? path : "");
    if (fault && !(own_port && str_is_empty(path)))
        refuse(view, problems, "proxy.listen_path", "x-tyk-api-gateway.server.listenPath.value",
               fault, "such as /orders/; the gateway takes others and never serves them");
}

static void check_ids(const struct api_view *view, struct problems *problems)
{
    CLEANUP(freep) char *id = json_text_string(view->id);
    const char *fault = str_is_empty(id) ? NULL : api_id_fault(id, view->form);
    if (fault)
        refuse(view, problems, "api_id", "x-tyk-api-gateway.info.id", fault,
               "the gateway refuses or loses such an API");
    CLEANUP(freep) char *db_id = json_text_string(view->db_id);
    if (!str_is_empty(db_id) &&
        (strlen(db_id) != 24 || strspn(db_id, "0123456789abcdefABCDEF") != 24))
        refuse(view, problems, "id", "x-tyk-api-gateway.info.dbId",
               "it is not 24 hexadecimal digits",
               "leave it out: it is a Dashboard's id of the API, and no other form is read");
}

static bool is_empty(struct span value)
{
    switch (json_text_type(value)) {
    case JSON_TEXT_OBJECT:
    case JSON_TEXT_ARRAY: {
        struct json_text_iter iter = json_text_iterate(value);
        return !json_text_next(&iter);
    }
    case JSON_TEXT_STRING:
        return value.length == 2;
    case JSON_TEXT_NONE:
    case JSON_TEXT_NULL:
        return true;
    case JSON_TEXT_NUMBER:
    case JSON_TEXT_TRUE:
    case JSON_TEXT_FALSE:
        break;
    }
    return false;
}

static void check_unsupported(const struct api_view *view, struct problems *problems)
{
    for (size_t i = 0; view->form == API_FORM_CLASSIC && i < API_UNSUPPORTED_COUNT; i++) {
        if (!is_empty(view->unsupported[i]))
            refuse(view, problems, api_unsupported[i], "", "it is not supported yet",
                   "without it the API would be less protected than it looks");
    }
}

static void check_references(const struct api_view *view, const struct gateway_abilities *abilities,
                             struct problems *problems)
{
    if (!abilities || abilities->kv_references)
        return;
    struct problem_about about = {.severity = PROBLEM_ERROR,
                                  .reason = "InvalidSpec",
                                  .hint = "see spec.gateway.kvReferences of the OperatorContext"};
    if (abilities->folder_owner)
        about =
            (struct problem_about){.severity = PROBLEM_WARNING, .reason = "KvReferencesAssumed"};
    const char *from = NULL;
    for (size_t told = 0; told < REFERENCES_TOLD; told++) {
        const char *mark;
        struct span found = guards_next_reference(view->document, from, &mark);
        if (!found.ptr)
            return;
        CLEANUP(buf_fini) struct buf field;
        buf_init(&field, BUF_UNLIMITED);
        buf_add_text(&field, view->prefix);
        guards_add_path(view->document, found.ptr, &field);
        about.field = buf_text(&field);
        problems_add(problems, &about,
                     "the gateway would put a secret of its own in the place of %s…", mark);
        from = found.ptr + found.length;
    }
}

static void check_marker(const struct api_view *view, struct problems *problems)
{
    struct span marker = view->form == API_FORM_OAS
                             ? json_text_member(view->document, "x-grapnel")
                             : json_text_member(view->config_data, "grapnel");
    CLEANUP(freep)
    char *field = xasprintf("%s.%s", view->prefix,
                            view->form == API_FORM_OAS ? "x-grapnel" : "config_data.grapnel");
    if (marker.ptr)
        problems_add(problems,
                     &(struct problem_about){
                         .severity = PROBLEM_WARNING, .reason = "MarkerIgnored", .field = field},
                     "it is the operator's own mark and is not taken from manifests");
}

void lint_api(const struct api_view *view, const struct gateway_abilities *abilities,
              struct problems *problems)
{
    check_listen_path(view, problems);
    check_ids(view, problems);
    check_unsupported(view, problems);
    check_references(view, abilities, problems);
    check_marker(view, problems);
    if (view->form == API_FORM_OAS)
        oas_shape_lint(view, problems);
    if (json_text_type(view->active) == JSON_TEXT_FALSE) {
        CLEANUP(freep)
        char *field = xasprintf("%s.%s", view->prefix,
                                view->form == API_FORM_OAS ? "x-tyk-api-gateway.info.state.active"
                                                           : "active");
        problems_add(problems,
                     &(struct problem_about){.severity = PROBLEM_WARNING,
                                             .reason = "ActiveIgnored",
                                             .field = field,
                                             .hint = "delete the ApiDefinition to take it off"},
                     "the gateway serves the API all the same");
    }
}
