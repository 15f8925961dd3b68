/* SPDX-License-Identifier: Apache-2.0 */
#include "core/context.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json_text.h"
#include "base/str.h"
#include "core/secret.h"

/* Where the gateway's image and the charts keep webhook templates. */
static const char *const default_template_paths[] = {"templates/", "/opt/tyk-gateway/templates/"};

static char *key_in_namespace(const struct object *context, struct span name)
{
    CLEANUP(freep) char *text = json_text_string(name);
    return str_is_empty(text) ? NULL : object_key_of(context->ns, text);
}

void context_needs(const struct object *context, struct context_facts *ret_facts)
{
    *ret_facts = (struct context_facts){0};
    struct span spec = json_text_member(context->text, "spec");
    struct span ca = json_text_get(spec, "tls", "caSecretRef", NULL);
    ret_facts->secret = key_in_namespace(context, json_text_get(spec, "secretRef", "name", NULL));
    ret_facts->ca_secret = key_in_namespace(context, json_text_member(ca, "name"));
    ret_facts->ca_entry = json_text_string(json_text_member(ca, "key"));
    if (ret_facts->ca_secret && !ret_facts->ca_entry)
        ret_facts->ca_entry = xstrdup("ca.crt");
}

/* The list of a JSON array of strings; `otherwise` when it is absent. NULL at the end. */
static char **read_list(struct span array, const char *const *otherwise, size_t otherwise_count)
{
    size_t count = 0;
    size_t capacity = 0;
    char **list = xgrow(NULL, 0, &capacity, sizeof(*list));
    struct json_text_iter iter = json_text_iterate(array);
    while (json_text_next(&iter)) {
        char *text = json_text_string(iter.value);
        if (!text)
            continue;
        list = xgrow(list, count + 1, &capacity, sizeof(*list));
        list[count++] = text;
    }
    for (size_t i = 0; json_text_type(array) != JSON_TEXT_ARRAY && i < otherwise_count; i++) {
        list = xgrow(list, count + 1, &capacity, sizeof(*list));
        list[count++] = xstrdup(otherwise[i]);
    }
    list[count] = NULL;
    return list;
}

static void free_list(char **list)
{
    for (size_t i = 0; list && list[i]; i++)
        free(list[i]);
    free(list);
}

static void set_problem(struct context_facts *facts, const char *reason, char *problem)
{
    if (facts->problem) {
        free(problem);
        return;
    }
    facts->problem = problem;
    facts->problem_reason = reason;
}

static void read_secrets(const struct object *secret, const struct object *ca_secret,
                         struct context_facts *facts)
{
    if (facts->secret) {
        facts->auth = secret_value(secret, "TYK_AUTH", NULL);
        facts->org_id = secret_value(secret, "TYK_ORG", NULL);
        if (!secret)
            set_problem(facts, "SecretNotFound",
                        xasprintf("Secret %s is missing or may not be read", facts->secret));
        else if (!facts->auth)
            set_problem(facts, "SecretNotFound",
                        xasprintf("Secret %s has no key TYK_AUTH", facts->secret));
    }
    if (facts->ca_secret) {
        facts->ca_pem = secret_value(ca_secret, facts->ca_entry, NULL);
        if (!facts->ca_pem)
            set_problem(facts, "SecretNotFound",
                        xasprintf("Secret %s with key %s is missing or may not be read",
                                  facts->ca_secret, facts->ca_entry));
    }
    if (str_is_empty(facts->org_id)) {
        free(facts->org_id);
        facts->org_id = NULL;
    }
}

/* TYK_URL stands in where the spec names no gateways. */
static void read_place(struct span spec, const struct object *context, const struct object *secret,
                       struct context_facts *facts)
{
    struct span service = json_text_member(spec, "serviceRef");
    facts->service = key_in_namespace(context, json_text_member(service, "name"));
    struct span port = json_text_member(service, "port");
    facts->service_port = json_text_type(port) == JSON_TEXT_NUMBER ? xstrndup(port.ptr, port.length)
                                                                   : json_text_string(port);
    facts->urls = read_list(json_text_member(spec, "urls"), NULL, 0);
    CLEANUP(freep) char *url = secret_value(secret, "TYK_URL", NULL);
    if (!facts->service && !facts->urls[0] && !str_is_empty(url)) {
        free_list(facts->urls);
        facts->urls = xcalloc(2, sizeof(*facts->urls));
        facts->urls[0] = TAKE(url);
    }
    for (size_t i = 0; facts->urls[i]; i++) {
        struct err err;
        char *canonical = context_canonical_url(facts->urls[i], &err);
        if (!canonical) {
            set_problem(facts, "NoGateways", xasprintf("gateway address: %s", err.msg));
            canonical = xstrdup("");
        }
        free(facts->urls[i]);
        facts->urls[i] = canonical;
    }
    /* A load-balanced URL would send the POST, the reload and the read to different pods. */
    if (!facts->service && facts->urls[0] && !facts->urls[1] &&
        context_service_of_url(facts->urls[0], &facts->service, &facts->service_port)) {
        free(facts->urls[0]);
        facts->urls[0] = NULL;
    }
}

void context_read(const struct object *context, const struct object *secret,
                  const struct object *ca_secret, struct context_facts *ret_facts)
{
    context_needs(context, ret_facts);
    struct span spec = json_text_member(context->text, "spec");
    struct span tls = json_text_member(spec, "tls");
    struct span gateway = json_text_member(spec, "gateway");
    read_secrets(secret, ca_secret, ret_facts);
    read_place(spec, context, secret, ret_facts);

    CLEANUP(freep)
    char *skip_verify = secret_value(secret, "TYK_TLS_INSECURE_SKIP_VERIFY", NULL);
    ret_facts->insecure = json_text_bool(json_text_member(tls, "insecureSkipVerify"),
                                         str_equal(skip_verify, "true")) ||
                          str_equal(skip_verify, "true");
    ret_facts->server_name = json_text_string(json_text_member(tls, "serverName"));
    if (str_is_empty(ret_facts->server_name)) {
        free(ret_facts->server_name);
        ret_facts->server_name = NULL;
    }
    ret_facts->allow_adoption = json_text_bool(json_text_member(spec, "allowAdoption"), false);
    ret_facts->version = json_text_string(json_text_member(gateway, "version"));
    if (!ret_facts->version)
        ret_facts->version = xstrdup("");
    ret_facts->jsvm = json_text_bool(json_text_member(gateway, "jsvm"), false);
    ret_facts->kv_references = json_text_bool(json_text_member(gateway, "kvReferences"), false);
    ret_facts->template_paths =
        read_list(json_text_member(gateway, "templatePaths"), default_template_paths,
                  ARRAY_LENGTH(default_template_paths));
}

void context_facts_fini(struct context_facts *facts)
{
    free_list(facts->urls);
    free_list(facts->template_paths);
    free(facts->service);
    free(facts->service_port);
    free(facts->secret);
    free(facts->ca_secret);
    free(facts->ca_entry);
    free(facts->server_name);
    free(facts->auth);
    free(facts->ca_pem);
    free(facts->version);
    free(facts->org_id);
    free(facts->problem);
    *facts = (struct context_facts){0};
}

struct gateway_abilities context_abilities(const struct context_facts *facts)
{
    return (struct gateway_abilities){
        .version = facts->version ? facts->version : "",
        .jsvm = facts->jsvm,
        .kv_references = facts->kv_references,
        .template_paths = (const char *const *)facts->template_paths,
        .org_id = facts->org_id,
    };
}

char *context_canonical_url(const char *url, struct err *err)
{
    const char *host = strstr(url, "://");
    size_t scheme = host ? (size_t)(host - url) : 0;
    bool http = scheme == 4 && strncasecmp(url, "http", 4) == 0;
    bool https = scheme == 5 && strncasecmp(url, "https", 5) == 0;
    if (!http && !https) {
        err_set(err, ERR_INVALID, 0, "not an absolute http or https URL");
        return NULL;
    }
    host += 3;
    size_t authority = strcspn(host, "/?#");
    for (const char *at = url; *at; at++) {
        if ((unsigned char)*at <= ' ' || *at == 0x7f) {
            err_set(err, ERR_INVALID, 0, "holds a blank or control character");
            return NULL;
        }
    }
    if (memchr(host, '@', authority) || strpbrk(host, "?#")) {
        err_set(err, ERR_INVALID, 0, "user info, a query or a fragment has no place here");
        return NULL;
    }
    const char *port = http ? ":80" : ":443";
    size_t port_length = strlen(port);
    size_t kept = authority;
    if (kept > port_length && strncmp(host + kept - port_length, port, port_length) == 0)
        kept -= port_length;
    if (!kept || *host == ':') {
        err_set(err, ERR_INVALID, 0, "the host is missing");
        return NULL;
    }
    struct buf out;
    buf_init(&out, BUF_UNLIMITED);
    buf_add_text(&out, http ? "http://" : "https://");
    for (size_t i = 0; i < kept; i++)
        buf_add_char(&out, (char)tolower((unsigned char)host[i]));
    const char *path = host + authority;
    size_t path_length = strlen(path);
    while (path_length && path[path_length - 1] == '/')
        path_length--;
    buf_add(&out, path, path_length);
    return buf_take(&out);
}

bool context_service_of_url(const char *url, char **ret_service, char **ret_port)
{
    const char *host = strstr(url, "://");
    if (!host)
        return false;
    bool https = strncasecmp(url, "https", 5) == 0;
    host += 3;
    size_t length = strcspn(host, "/:?#");
    CLEANUP(freep) char *name = xstrndup(host, length);
    char *ns = strchr(name, '.');
    if (!ns || ns == name)
        return false;
    *ns++ = '\0';
    char *rest = strchr(ns, '.');
    if (rest)
        *rest++ = '\0';
    /* svc.ns is a Service; svc.ns.svc and below too; anything else with dots is an ordinary host. A
     * host of two labels that ends in digits only is part of an IP address. */
    bool in_cluster = !rest || str_equal(rest, "svc") || str_starts(rest, "svc.");
    bool letters = strspn(ns, "0123456789") != strlen(ns);
    if (!*ns || !in_cluster || !letters)
        return false;
    const char *port = host[length] == ':' ? host + length + 1 : NULL;
    *ret_service = object_key_of(ns, name);
    *ret_port = port ? xstrndup(port, strcspn(port, "/?#")) : xstrdup(https ? "443" : "80");
    return true;
}
