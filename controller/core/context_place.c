/* SPDX-License-Identifier: Apache-2.0 */
#include "core/context_place.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json_text.h"
#include "base/str.h"
#include "core/secret.h"
#include "core/url.h"

static char *key_in_namespace(const struct object *context, struct span name)
{
    CLEANUP(freep) char *text = json_text_string(name);
    return str_is_empty(text) ? NULL : object_key_of(context->ns, text);
}

void context_place_needs(const struct object *context, struct context_place *ret_place)
{
    *ret_place = (struct context_place){0};
    struct span spec = object_spec(context);
    struct span ca = json_text_get(spec, "tls", "caSecretRef", NULL);
    ret_place->secret = key_in_namespace(context, json_text_get(spec, "secretRef", "name", NULL));
    ret_place->ca_secret = key_in_namespace(context, json_text_member(ca, "name"));
    ret_place->ca_entry = json_text_string(json_text_member(ca, "key"));
    if (ret_place->ca_secret && !ret_place->ca_entry)
        ret_place->ca_entry = xstrdup("ca.crt");
}

/* The strings of a JSON array; NULL at the end. */
static char **read_list(struct span array)
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
    list[count] = NULL;
    return list;
}

/* Returns owned value of a Secret's key; NULL when it is missing, empty or no text. */
static char *value_of(const struct object *secret, const char *key)
{
    struct buf value;
    buf_init(&value, BUF_UNLIMITED);
    if (secret_value(secret, key, &value, NULL) == 0 && value.length)
        return buf_take(&value);
    buf_fini(&value);
    return NULL;
}

static void free_list(char **list)
{
    for (size_t i = 0; list && list[i]; i++)
        free(list[i]);
    free(list);
}

static void set_problem(struct context_place *place, const char *reason, const char *field,
                        char *problem)
{
    if (place->problem) {
        free(problem);
        return;
    }
    place->problem = problem;
    place->problem_reason = reason;
    place->problem_field = field;
}

static void read_secrets(const struct object *secret, const struct object *ca_secret,
                         struct context_place *place)
{
    if (place->secret) {
        place->auth = value_of(secret, "TYK_AUTH");
        if (!secret)
            set_problem(place, "SecretNotFound", "spec.secretRef",
                        xasprintf("Secret %s is missing or may not be read", place->secret));
        else if (!place->auth)
            set_problem(place, "SecretNotFound", "spec.secretRef",
                        xasprintf("Secret %s has no key TYK_AUTH", place->secret));
    }
    if (place->ca_secret) {
        place->ca_pem = value_of(ca_secret, place->ca_entry);
        if (!place->ca_pem)
            set_problem(place, "SecretNotFound", "spec.tls.caSecretRef",
                        xasprintf("Secret %s with key %s is missing or may not be read",
                                  place->ca_secret, place->ca_entry));
    }
}

/* Returns owned name or digits: a number may be written in any form. NULL: none. */
static char *read_port(struct span port)
{
    int64_t number;
    return json_text_int64(port, &number) ? xasprintf("%" PRId64, number) : json_text_string(port);
}

/* TYK_URL stands in where the spec names no gateways. */
static void read_place(struct span spec, const struct object *context, const struct object *secret,
                       struct context_place *place)
{
    struct span service = json_text_member(spec, "serviceRef");
    place->service = key_in_namespace(context, json_text_member(service, "name"));
    place->service_port = read_port(json_text_member(service, "port"));
    place->urls = read_list(json_text_member(spec, "urls"));
    CLEANUP(freep) char *url = value_of(secret, "TYK_URL");
    bool from_secret = url && !place->service && !place->urls[0];
    if (from_secret) {
        free_list(place->urls);
        place->urls = xcalloc(2, sizeof(*place->urls));
        place->urls[0] = TAKE(url);
    }
    for (size_t i = 0; place->urls[i]; i++) {
        struct err err;
        char *canonical = context_canonical_url(place->urls[i], &err);
        if (!canonical) {
            set_problem(place, "NoGateways", from_secret ? "spec.secretRef" : "spec.urls",
                        xasprintf("gateway address: %s", err.msg));
            canonical = xstrdup("");
        }
        free(place->urls[i]);
        place->urls[i] = canonical;
    }
    /* A load-balanced URL would send the POST, the reload and the read to different pods. */
    if (from_secret &&
        context_service_of_url(place->urls[0], &place->service, &place->service_port)) {
        place->service_url = place->urls[0];
        place->urls[0] = NULL;
    }
}

void context_place_read(const struct object *context, const struct object *secret,
                        const struct object *ca_secret, struct context_place *ret_place)
{
    context_place_needs(context, ret_place);
    struct span spec = object_spec(context);
    struct span tls = json_text_member(spec, "tls");
    read_secrets(secret, ca_secret, ret_place);
    read_place(spec, context, secret, ret_place);

    CLEANUP(freep)
    char *skip_verify = value_of(secret, "TYK_TLS_INSECURE_SKIP_VERIFY");
    ret_place->insecure = json_text_bool(json_text_member(tls, "insecureSkipVerify"),
                                         str_equal(skip_verify, "true")) ||
                          str_equal(skip_verify, "true");
    ret_place->server_name = json_text_string(json_text_member(tls, "serverName"));
    ret_place->https = ret_place->ca_secret || ret_place->insecure ||
                       !str_is_empty(ret_place->server_name) ||
                       (ret_place->service_url && str_starts(ret_place->service_url, "https:"));
    if (str_is_empty(ret_place->server_name)) {
        free(ret_place->server_name);
        ret_place->server_name = NULL;
    }
    ret_place->allow_adoption = json_text_bool(json_text_member(spec, "allowAdoption"), false);
}

void context_place_fini(struct context_place *place)
{
    free_list(place->urls);
    free(place->service);
    free(place->service_port);
    free(place->service_url);
    free(place->secret);
    free(place->ca_secret);
    free(place->ca_entry);
    free(place->server_name);
    free(place->auth);
    free(place->ca_pem);
    free(place->problem);
    *place = (struct context_place){0};
}

/* The length without the port that the scheme implies, or without the colon of none. */
static size_t without_port(const char *host, size_t length, const char *implied)
{
    size_t port = strlen(implied);
    if (length > port && strncmp(host + length - port, implied, port) == 0)
        return length - port;
    return length > 1 && host[length - 1] == ':' ? length - 1 : length;
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
    size_t kept = without_port(host, authority, http ? ":80" : ":443");
    if (!kept || *host == ':') {
        err_set(err, ERR_INVALID, 0, "the host is missing");
        return NULL;
    }
    const char *fault = url_fault(url, NULL);
    if (fault) {
        err_set(err, ERR_INVALID, 0, "%s", fault);
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

bool context_url_is_ambiguous(const char *url)
{
    const char *host = strstr(url, "://");
    if (!host)
        return false;
    host += 3;
    size_t length = strcspn(host, "/:?#");
    size_t dots = 0;
    for (size_t i = 0; i < length; i++)
        dots += host[i] == '.';
    return dots == 1;
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
