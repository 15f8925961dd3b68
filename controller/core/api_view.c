/* SPDX-License-Identifier: Apache-2.0 */
#include "core/api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_text.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/yaml.h"
#include "core/members.h"

const char *const api_unsupported[API_UNSUPPORTED_COUNT] = {
    "client_certificate_refs",  "pinned_public_keys_refs", "upstream_certificate_refs",
    "certificate_secret_names", "proxy.target_internal",   "graphql.graph_ref",
};

/* Where problems go; all functions here take `problems` NULL for "nobody asks". */
struct reader {
    struct api_view *view;
    struct problems *problems;
};

static void refuse(const struct reader *reader, const char *path, const char *message,
                   const char *hint)
{
    if (!reader->problems)
        return;
    CLEANUP(freep)
    char *field = xasprintf("%s%s%s", reader->view->prefix, *path ? "." : "", path);
    problems_refuse(reader->problems, field, hint, "%s", message);
}

enum wanted { WANT_OBJECT, WANT_ARRAY, WANT_STRING, WANT_BOOLEAN };

static bool is_wanted(enum wanted wanted, enum json_text_type type)
{
    switch (wanted) {
    case WANT_OBJECT:
        return type == JSON_TEXT_OBJECT;
    case WANT_ARRAY:
        return type == JSON_TEXT_ARRAY;
    case WANT_STRING:
        return type == JSON_TEXT_STRING;
    case WANT_BOOLEAN:
        return type == JSON_TEXT_TRUE || type == JSON_TEXT_FALSE;
    }
    return false;
}

/* The gateway refuses other types, or loses what stands behind them. */
static void want(const struct reader *reader, struct span value, enum wanted wanted,
                 const char *path)
{
    static const char *const words[] = {
        [WANT_OBJECT] = "a map",
        [WANT_ARRAY] = "a list",
        [WANT_STRING] = "a text",
        [WANT_BOOLEAN] = "true or false",
    };
    enum json_text_type type = json_text_type(value);
    if (type == JSON_TEXT_NONE || is_wanted(wanted, type))
        return;
    char message[80];
    snprintf(message, sizeof(message), "%s is expected, not %s", words[wanted],
             problem_found(value));
    refuse(reader, path, message, NULL);
}

static void refuse_variant(const struct reader *reader, const char *path,
                           const struct members_rest *rest)
{
    if (!rest->variant.ptr || !reader->problems)
        return;
    CLEANUP(freep) char *key = json_text_string(rest->variant);
    CLEANUP(freep) char *field = xasprintf("%s%s%s", path, *path ? "." : "", key);
    CLEANUP(freep) char *hint = xasprintf("write %s", rest->variant_of);
    refuse(reader, field, "the gateway ignores the case of keys, Kubernetes does not", hint);
}

/* members_read() that refuses keys which only the gateway would take for ours. */
static void read_members(const struct reader *reader, struct span object, const char *path,
                         const char *const *names, size_t count, struct span *values)
{
    struct members_rest rest;
    members_survey(object, names, count, values, &rest);
    refuse_variant(reader, path, &rest);
}

/* Returns owned key "ns/name", NULL with a problem when the reference is malformed. */
static char *read_context(const struct reader *reader, struct span ref)
{
    static const char *const names[] = {"name", "namespace"};
    struct span values[2];
    members_read(ref, names, 2, values, NULL, NULL);
    CLEANUP(freep) char *name = json_text_string(values[0]);
    CLEANUP(freep)
    char *ns = values[1].ptr ? json_text_string(values[1]) : xstrdup(reader->view->api->ns);
    if (!name || !*name || strchr(name, '/') || !ns || strchr(ns, '/')) {
        refuse(reader, "contextRef", "a name, and perhaps a namespace, are expected", NULL);
        /* A key that nothing has: the reference is there, but leads nowhere. */
        return xstrdup("/");
    }
    return object_key_of(*ns ? ns : reader->view->api->ns, name);
}

/* ---- Classic ---- */

static void read_proxy(const struct reader *reader, struct span proxy)
{
    static const char *const names[] = {"listen_path", "target_url", "target_internal"};
    struct span values[3];
    struct api_view *view = reader->view;
    view->is_whole = view->is_whole && (!proxy.ptr || json_text_type(proxy) == JSON_TEXT_OBJECT);
    read_members(reader, proxy, "proxy", names, 3, values);
    want(reader, values[0], WANT_STRING, "proxy.listen_path");
    want(reader, values[1], WANT_STRING, "proxy.target_url");
    view->proxy = proxy;
    view->listen_path = values[0];
    view->target = values[1];
    view->unsupported[4] = values[2];
}

enum spec_field {
    CLIENT_REFS,
    PINNED_REFS,
    UPSTREAM_REFS,
    SECRET_NAMES,
    ID,
    ORG_ID,
    DB_ID,
    ACTIVE,
    PROXY,
    DOMAIN,
    DOMAIN_DISABLED,
    HANDLERS,
    PROTOCOL,
    VERSIONS,
    STANDARD_AUTH,
    AUTH_CONFIGS,
    AUTH,
    CONFIG_DATA,
    GRAPHQL,
    CLASSIC_COUNT,
    /* Grapnel's own. */
    CONTEXT = CLASSIC_COUNT,
    OAS,
    OAS_REF,
    SPEC_COUNT
};

static const char *const spec_names[SPEC_COUNT] = {
    [CLIENT_REFS] = "client_certificate_refs",
    [PINNED_REFS] = "pinned_public_keys_refs",
    [UPSTREAM_REFS] = "upstream_certificate_refs",
    [SECRET_NAMES] = "certificate_secret_names",
    [ID] = "api_id",
    [ORG_ID] = "org_id",
    [DB_ID] = "id",
    [ACTIVE] = "active",
    [PROXY] = "proxy",
    [DOMAIN] = "domain",
    [DOMAIN_DISABLED] = "domain_disabled",
    [HANDLERS] = "event_handlers",
    [PROTOCOL] = "protocol",
    [VERSIONS] = "version_data",
    [STANDARD_AUTH] = "use_standard_auth",
    [AUTH_CONFIGS] = "auth_configs",
    [AUTH] = "auth",
    [CONFIG_DATA] = "config_data",
    [GRAPHQL] = "graphql",
    [CONTEXT] = "contextRef",
    [OAS] = "oas",
    [OAS_REF] = "oasRef",
};

static const enum wanted spec_types[CLASSIC_COUNT] = {
    [CLIENT_REFS] = WANT_ARRAY,
    [PINNED_REFS] = WANT_OBJECT,
    [UPSTREAM_REFS] = WANT_OBJECT,
    [SECRET_NAMES] = WANT_ARRAY,
    [ID] = WANT_STRING,
    [ORG_ID] = WANT_STRING,
    [DB_ID] = WANT_STRING,
    [ACTIVE] = WANT_BOOLEAN,
    [PROXY] = WANT_OBJECT,
    [DOMAIN] = WANT_STRING,
    [DOMAIN_DISABLED] = WANT_BOOLEAN,
    [HANDLERS] = WANT_OBJECT,
    [PROTOCOL] = WANT_STRING,
    [VERSIONS] = WANT_OBJECT,
    [STANDARD_AUTH] = WANT_BOOLEAN,
    [AUTH_CONFIGS] = WANT_OBJECT,
    [AUTH] = WANT_OBJECT,
    [CONFIG_DATA] = WANT_OBJECT,
    [GRAPHQL] = WANT_OBJECT,
};

static void read_classic(const struct reader *reader, const struct span *values)
{
    struct api_view *view = reader->view;
    for (size_t i = 0; i < CLASSIC_COUNT; i++)
        want(reader, values[i], spec_types[i], spec_names[i]);
    memcpy(view->unsupported, values, 4 * sizeof(values[0]));
    view->unsupported[5] = json_text_member(values[GRAPHQL], "graph_ref");
    view->id = values[ID];
    view->org_id = values[ORG_ID];
    view->db_id = values[DB_ID];
    view->active = values[ACTIVE];
    view->domain =
        json_text_bool(values[DOMAIN_DISABLED], false) ? (struct span){NULL, 0} : values[DOMAIN];
    view->handlers = values[HANDLERS];
    view->protocol = values[PROTOCOL];
    view->version_data = values[VERSIONS];
    view->use_standard_auth = values[STANDARD_AUTH];
    view->auth_configs = values[AUTH_CONFIGS];
    view->auth = values[AUTH];
    view->config_data = values[CONFIG_DATA];
    read_proxy(reader, values[PROXY]);
}

/* ---- OAS ---- */

#define EXTENSION "x-tyk-api-gateway"

static void read_info(const struct reader *reader)
{
    static const char *const names[] = {"id", "orgId", "dbId", "state"};
    static const char *const state_names[] = {"active"};
    struct span values[4];
    struct api_view *view = reader->view;
    want(reader, view->info, WANT_OBJECT, EXTENSION ".info");
    read_members(reader, view->info, EXTENSION ".info", names, 4, values);
    want(reader, values[0], WANT_STRING, EXTENSION ".info.id");
    want(reader, values[1], WANT_STRING, EXTENSION ".info.orgId");
    want(reader, values[2], WANT_STRING, EXTENSION ".info.dbId");
    want(reader, values[3], WANT_OBJECT, EXTENSION ".info.state");
    view->id = values[0];
    view->org_id = values[1];
    view->db_id = values[2];
    read_members(reader, values[3], EXTENSION ".info.state", state_names, 1, &view->active);
    want(reader, view->active, WANT_BOOLEAN, EXTENSION ".info.state.active");
}

static void read_server(const struct reader *reader)
{
    static const char *const names[] = {"listenPath", "customDomain", "eventHandlers"};
    static const char *const path_names[] = {"value"};
    static const char *const domain_names[] = {"name", "enabled"};
    struct span values[3];
    struct span domain[2];
    struct api_view *view = reader->view;
    want(reader, view->server, WANT_OBJECT, EXTENSION ".server");
    read_members(reader, view->server, EXTENSION ".server", names, 3, values);
    want(reader, values[0], WANT_OBJECT, EXTENSION ".server.listenPath");
    want(reader, values[2], WANT_ARRAY, EXTENSION ".server.eventHandlers");
    view->handlers = values[2];
    read_members(reader, values[0], EXTENSION ".server.listenPath", path_names, 1,
                 &view->listen_path);
    want(reader, view->listen_path, WANT_STRING, EXTENSION ".server.listenPath.value");
    if (json_text_type(values[1]) == JSON_TEXT_STRING) {
        view->domain = values[1];
        return;
    }
    read_members(reader, values[1], EXTENSION ".server.customDomain", domain_names, 2, domain);
    want(reader, domain[0], WANT_STRING, EXTENSION ".server.customDomain.name");
    if (json_text_bool(domain[1], true))
        view->domain = domain[0];
}

static void read_oas(const struct reader *reader)
{
    static const char *const root_names[] = {EXTENSION, "openapi", "swagger", "info", "paths"};
    struct span root[5];
    static const char *const names[] = {"info", "server", "upstream"};
    static const char *const upstream_names[] = {"url"};
    struct span values[3];
    struct api_view *view = reader->view;
    if (json_text_type(view->document) != JSON_TEXT_OBJECT) {
        refuse(reader, "", "an OAS document is expected: a map", NULL);
        return;
    }
    members_read(view->document, root_names, 5, root, NULL, NULL);
    view->extension = root[0];
    view->openapi = root[1];
    view->swagger = root[2];
    view->about = root[3];
    view->paths = root[4];
    if (!view->extension.ptr)
        refuse(reader, "", "the OAS document has no " EXTENSION,
               "a gateway does not take it without");
    want(reader, view->extension, WANT_OBJECT, EXTENSION);
    view->is_whole = json_text_type(view->extension) == JSON_TEXT_OBJECT;
    read_members(reader, view->extension, EXTENSION, names, 3, values);
    view->info = values[0];
    view->server = values[1];
    view->upstream = values[2];
    read_info(reader);
    read_server(reader);
    want(reader, values[2], WANT_OBJECT, EXTENSION ".upstream");
    read_members(reader, values[2], EXTENSION ".upstream", upstream_names, 1, &view->target);
    want(reader, view->target, WANT_STRING, EXTENSION ".upstream.url");
}

/* ---- a document in a ConfigMap ---- */

/* Returns owned: the document as JSON, or NULL and *err set. */
static char *decode_document(struct span text, struct err *err)
{
    struct json_text_limits limits = {.depth = yaml_default_limits.depth, .unique_keys = true};
    size_t blank = strspn(text.ptr, " \t\r\n");
    if (text.ptr[blank] == '{' && json_text_check(text, &limits, NULL, NULL) == 0)
        return xstrndup(text.ptr + blank, text.length - blank);

    struct yaml_documents documents = {.count = 0};
    unsigned line = 0;
    int failed = yaml_read(text, &yaml_default_limits, &documents, &line, err);
    char *json = NULL;
    if (failed && line)
        err_wrap(err, "line %u", line);
    else if (!failed && documents.count != 1)
        err_set(err, ERR_INVALID, 0, "it holds %zu documents, one is expected", documents.count);
    else if (!failed)
        json = TAKE(documents.items[0].json);
    yaml_documents_fini(&documents);
    return json;
}

static void refuse_config_map(const struct reader *reader, const char *reason, const char *message)
{
    const struct api_view *view = reader->view;
    if (!reader->problems)
        return;
    problems_add(reader->problems,
                 &(struct problem_about){.reason = reason, .field = "spec.oasRef"},
                 "ConfigMap %s, key %s: %s", view->config_map, view->config_map_entry, message);
}

/* The document is decoded once for each ConfigMap as it is, not once for each look at it. NULL when
 * there is no such entry. */
static const struct object_memo *find_document(const struct object *config_map, const char *entry)
{
    const struct object_memo *memo = object_memo(config_map, entry);
    if (memo)
        return memo;
    CLEANUP(freep)
    char *text = json_text_string(json_text_get(object_text(config_map), "data", entry, NULL));
    if (!text)
        return NULL;
    struct err err;
    char *json = decode_document((struct span){text, strlen(text)}, &err);
    return object_keep_memo(config_map, entry, json, json ? NULL : xstrdup(err.msg));
}

static void read_config_map(const struct reader *reader, const struct object *config_map)
{
    struct api_view *view = reader->view;
    if (!config_map) {
        refuse_config_map(reader, "ConfigMapNotFound", "it is missing, or may not be read");
        return;
    }
    const struct object_memo *document = find_document(config_map, view->config_map_entry);
    if (!document) {
        refuse_config_map(reader, "ConfigMapNotFound", "the ConfigMap has no such key");
        return;
    }
    if (!document->text) {
        refuse_config_map(reader, "InvalidSpec", document->fault);
        return;
    }
    view->document = (struct span){document->text, strlen(document->text)};
    read_oas(reader);
}

static void read_oas_ref(const struct reader *reader, struct span ref)
{
    static const char *const names[] = {"name", "key"};
    struct span values[2];
    struct api_view *view = reader->view;
    members_read(json_text_member(ref, "configMapKeyRef"), names, 2, values, NULL, NULL);
    CLEANUP(freep) char *name = json_text_string(values[0]);
    view->config_map_entry = json_text_string(values[1]);
    if (!name || !*name || strchr(name, '/') || !view->config_map_entry) {
        refuse(reader, "", "a configMapKeyRef with name and key is expected", NULL);
        return;
    }
    view->config_map = object_key_of(view->api->ns, name);
}

static const char one_form[] = "give Classic fields, or oas, or oasRef";

void api_view_read(const struct object *api, const struct object *config_map,
                   struct api_view *ret_view, struct problems *problems)
{
    struct span values[SPEC_COUNT];
    struct members_rest rest;
    *ret_view = (struct api_view){.api = api, .prefix = "spec"};
    struct reader reader = {ret_view, problems};
    struct span spec = object_spec(api);
    if (json_text_type(spec) != JSON_TEXT_OBJECT) {
        refuse(&reader, "", "a map is expected", one_form);
        return;
    }
    members_survey(spec, spec_names, SPEC_COUNT, values, &rest);
    refuse_variant(&reader, "", &rest);
    bool classic = rest.others;
    for (size_t i = 0; i < CLASSIC_COUNT; i++)
        classic = classic || values[i].ptr;
    if (values[CONTEXT].ptr)
        ret_view->context = read_context(&reader, values[CONTEXT]);
    if (!values[OAS].ptr && !values[OAS_REF].ptr) {
        ret_view->document = spec;
        ret_view->is_whole = classic;
        if (!classic)
            refuse(&reader, "", "there is no definition", one_form);
        read_classic(&reader, values);
        return;
    }
    ret_view->form = API_FORM_OAS;
    bool several = classic || (values[OAS].ptr && values[OAS_REF].ptr);
    if (several)
        refuse(&reader, "", "there is more than one definition", one_form);
    ret_view->prefix = values[OAS].ptr ? "spec.oas" : "spec.oasRef";
    if (values[OAS].ptr) {
        ret_view->document = values[OAS];
        read_oas(&reader);
    } else {
        read_oas_ref(&reader, values[OAS_REF]);
        if (ret_view->config_map)
            read_config_map(&reader, config_map);
    }
    ret_view->is_whole = ret_view->is_whole && !several;
}

void api_links_read(const struct object *api, struct api_links *ret_links)
{
    static const char *const names[] = {"contextRef", "oas", "oasRef"};
    struct span values[3];
    struct api_view view = {.api = api};
    struct reader reader = {&view, NULL};
    members_read(object_spec(api), names, 3, values, NULL, NULL);
    if (values[0].ptr)
        view.context = read_context(&reader, values[0]);
    if (values[2].ptr && !values[1].ptr)
        read_oas_ref(&reader, values[2]);
    *ret_links = (struct api_links){TAKE(view.context), TAKE(view.config_map)};
    api_view_fini(&view);
}

void api_links_fini(struct api_links *links)
{
    free(links->context);
    free(links->config_map);
    *links = (struct api_links){NULL, NULL};
}

void api_view_fini(struct api_view *view)
{
    free(view->context);
    free(view->config_map);
    free(view->config_map_entry);
    *view = (struct api_view){.api = NULL};
}
