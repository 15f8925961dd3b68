/* SPDX-License-Identifier: Apache-2.0 */
#include "core/webhook.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/json_text.h"
#include "base/mem.h"
#include "base/str.h"
#include "core/allowed.h"
#include "core/bounds.h"
#include "core/cooldown.h"
#include "core/members.h"
#include "core/method.h"
#include "core/secret.h"
#include "core/url.h"

struct decoder {
    const struct object *object;
    const struct cache *cache;
    struct webhook *webhook;
    struct copy *copy;
    struct problems *problems;
};

static void follow_secret(struct webhook *webhook, const char *key)
{
    for (size_t i = 0; i < webhook->secret_count; i++) {
        if (strcmp(webhook->secrets[i], key) == 0)
            return;
    }
    webhook->secrets =
        xrealloc(webhook->secrets, (webhook->secret_count + 2) * sizeof(*webhook->secrets));
    webhook->secrets[webhook->secret_count++] = xstrdup(key);
    webhook->secrets[webhook->secret_count] = NULL;
}

/* Names of objects are lower case letters, digits, dashes and dots: nothing that leads into another
 * namespace. */
static bool is_object_name(const char *name)
{
    return *name && name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-.")] == '\0';
}

/* Returns owned: the value that `{secretKeyRef: {name, key}}` stands for, NULL when it cannot be
 * had (a problem says why); *ret_source is "ns/name key". */
static char *read_secret_ref(struct decoder *decoder, struct span from, const char *field,
                             char **ret_source)
{
    static const char *const names[] = {"name", "key"};
    struct span values[2];
    members_read(json_text_member(from, "secretKeyRef"), names, 2, values, NULL, NULL);
    CLEANUP(freep) char *name = json_text_string(values[0]);
    CLEANUP(freep) char *key = json_text_string(values[1]);
    if (!name || !key || !*key || !is_object_name(name)) {
        problems_refuse(decoder->problems, field, "a Secret of the Webhook's own namespace",
                        "a secretKeyRef with name and key is expected");
        return NULL;
    }
    CLEANUP(freep) char *secret_key = object_key_of(decoder->object->ns, name);
    follow_secret(decoder->webhook, secret_key);

    CLEANUP(buf_fini) struct buf value;
    buf_init(&value, BUF_UNLIMITED);
    struct err err;
    const struct object *secret = cache_get(decoder->cache, OBJECT_SECRET, secret_key);
    if (secret_value(secret, key, &value, &err) < 0) {
        bool missing = err.class == ERR_NOT_FOUND;
        problems_add(decoder->problems,
                     &(struct problem_about){.reason = missing ? "SecretNotFound" : "InvalidSpec",
                                             .field = field},
                     "Secret %s: %s", secret_key, err.msg);
        return NULL;
    }
    *ret_source = xasprintf("%s %s", secret_key, key);
    return buf_take(&value);
}

static bool is_placeholder(struct decoder *decoder, const char *value, const char *field,
                           const char *hint)
{
    bool found = secret_is_placeholder(value);
    if (found)
        problems_refuse(
            decoder->problems, field, hint,
            "it is the placeholder of a Secret's value: webhooks would go out without it");
    return found;
}

static void read_url(struct decoder *decoder, struct span url, struct span url_from)
{
    const char *field = url_from.ptr ? "spec.urlFrom" : "spec.url";
    if (!url.ptr == !url_from.ptr) {
        problems_refuse(decoder->problems, "spec.url", NULL,
                        "exactly one of url and urlFrom is expected");
        return;
    }
    CLEANUP(freep) char *source = NULL;
    CLEANUP(freep)
    char *text =
        url_from.ptr ? read_secret_ref(decoder, url_from, field, &source) : json_text_string(url);
    if (!text) {
        if (url.ptr)
            problems_refuse(decoder->problems, field, NULL, "a text is expected, not %s",
                            problem_found(url));
        return;
    }
    if (bounds_exceeds(text, URL_MAX)) {
        problems_refuse(decoder->problems, field, NULL, "the URL is longer than %d characters",
                        URL_MAX);
        return;
    }
    if (is_placeholder(decoder, text, field, "give urlFrom.secretKeyRef, or the URL itself"))
        return;
    bool user_info;
    const char *fault = url_fault(text, &user_info);
    if (fault) {
        problems_refuse(decoder->problems, field, "such as https://pager.example/hook", "%s",
                        fault);
        return;
    }
    if (user_info)
        problems_add(decoder->problems,
                     &(struct problem_about){.severity = PROBLEM_WARNING,
                                             .reason = "UserInfo",
                                             .field = field,
                                             .hint = "use an Authorization header from a Secret"},
                     "the URL holds a name or password");
    decoder->copy->url = TAKE(text);
    decoder->copy->url_secret = TAKE(source);
}

/* The characters of a token (RFC 9110): Go's HTTP client sends no header of another name. */
static bool is_header_name(const char *name)
{
    static const char token[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "!#$%&'*+-.^_`|~";
    return *name && name[strspn(name, token)] == '\0';
}

static bool is_header_value(const char *value)
{
    for (; *value; value++) {
        unsigned char byte = (unsigned char)*value;
        if ((byte < 0x20 && byte != '\t') || byte == 0x7f)
            return false;
    }
    return true;
}

static void read_header(struct decoder *decoder, struct span header, size_t index)
{
    static const char *const names[] = {"name", "value", "valueFrom"};
    struct span values[3];
    members_read(header, names, 3, values, NULL, NULL);
    CLEANUP(freep) char *field = xasprintf("spec.headers[%zu]", index);
    CLEANUP(freep) char *name = json_text_string(values[0]);
    if (!name || !is_header_name(name)) {
        problems_refuse(decoder->problems, field, "letters, digits and dashes",
                        "name is not the name of a header");
        return;
    }
    if (!values[1].ptr == !values[2].ptr) {
        problems_refuse(decoder->problems, field, NULL,
                        "exactly one of value and valueFrom is expected");
        return;
    }
    CLEANUP(freep) char *source = NULL;
    CLEANUP(freep) char *from = xasprintf("%s.valueFrom", field);
    CLEANUP(freep)
    char *value = values[2].ptr ? read_secret_ref(decoder, values[2], from, &source)
                                : json_text_string(values[1]);
    if (!value) {
        if (values[1].ptr)
            problems_refuse(decoder->problems, field, "quote numbers and booleans",
                            "a text is expected, not %s", problem_found(values[1]));
        return;
    }
    if (bounds_exceeds(value, HEADER_VALUE_MAX)) {
        problems_refuse(decoder->problems, field, NULL, "the value is longer than %d characters",
                        HEADER_VALUE_MAX);
        return;
    }
    if (!is_header_value(value)) {
        problems_refuse(decoder->problems, field, NULL,
                        "the value holds a line break or another control character");
        return;
    }
    if (is_placeholder(decoder, value, field, "give valueFrom.secretKeyRef, or the value itself"))
        return;
    if (strcasecmp(name, "Host") == 0)
        problems_add(decoder->problems,
                     &(struct problem_about){.severity = PROBLEM_WARNING,
                                             .reason = "HeaderIgnored",
                                             .field = field,
                                             .hint = "leave it out, or use another URL"},
                     "the gateway takes Host from the URL: this header is not sent");
    copy_add_header(decoder->copy, TAKE(name), TAKE(value), TAKE(source));
}

/* The gateway keeps headers in a map by canonical name: of two that differ by case one is lost. */
static void check_header_names(struct decoder *decoder)
{
    const struct copy *copy = decoder->copy;
    for (size_t i = 0; i < copy->header_count; i++) {
        for (size_t j = 0; j < i; j++) {
            CLEANUP(freep) char *quoted = xasprintf("\"%s\"", copy->headers[i].name);
            struct span key = {quoted, strlen(quoted)};
            if (members_key_matches(key, copy->headers[j].name))
                problems_refuse(decoder->problems, "spec.headers", "give each header once",
                                "the header %s is there twice (case does not count)",
                                copy->headers[j].name);
        }
    }
}

static void read_headers(struct decoder *decoder, struct span headers)
{
    if (headers.ptr && json_text_type(headers) != JSON_TEXT_ARRAY) {
        problems_refuse(decoder->problems, "spec.headers", NULL, "a list is expected, not %s",
                        problem_found(headers));
        return;
    }
    struct json_text_iter iter = json_text_iterate(headers);
    while (json_text_next(&iter))
        read_header(decoder, iter.value, iter.index);
    check_header_names(decoder);
    copy_sort_headers(decoder->copy);
}

/* Returns owned: a text that may be absent; NULL and a problem when it is something else. */
static char *read_text(struct decoder *decoder, struct span value, const char *field,
                       const char *otherwise)
{
    if (!value.ptr)
        return xstrdup(otherwise);
    char *text = json_text_string(value);
    if (!text)
        problems_refuse(decoder->problems, field, NULL, "a text is expected, not %s",
                        problem_found(value));
    return text;
}

static void read_cooldown(struct decoder *decoder, struct span cooldown)
{
    CLEANUP(freep) char *text = read_text(decoder, cooldown, "spec.cooldownPeriod", "");
    int64_t seconds;
    if (!text || !*text)
        return;
    if (!cooldown_read(text, &seconds)) {
        problems_refuse(decoder->problems, "spec.cooldownPeriod", "such as 10s or 1m30s",
                        "whole hours, minutes and seconds are expected, in this order");
        return;
    }
    if (!seconds)
        problems_add(decoder->problems,
                     &(struct problem_about){.severity = PROBLEM_WARNING,
                                             .reason = "ZeroCooldown",
                                             .field = "spec.cooldownPeriod"},
                     "zero is raised to 1s: a gateway would deliver once and never again");
    decoder->copy->cooldown = TAKE(text);
}

static void read_method(struct decoder *decoder, struct span method)
{
    CLEANUP(freep) char *text = read_text(decoder, method, "spec.method", "POST");
    if (text && method_is_valid(text))
        decoder->copy->method = TAKE(text);
    else if (text)
        problems_refuse(decoder->problems, "spec.method", METHOD_HINT, "no such method: %s", text);
}

static void check_rest(struct decoder *decoder, struct span id, struct span suspend,
                       struct span policy)
{
    if (id.ptr && (json_text_type(id) != JSON_TEXT_STRING || id.length < 3))
        problems_refuse(decoder->problems, "spec.id", NULL, "a text that is not empty is expected");
    enum json_text_type type = json_text_type(suspend);
    if (suspend.ptr && type != JSON_TEXT_TRUE && type != JSON_TEXT_FALSE)
        problems_refuse(decoder->problems, "spec.suspend", NULL, "true or false is expected");
    if (policy.ptr && !json_text_is(policy, "Auto") && !json_text_is(policy, "Rewrite") &&
        !json_text_is(policy, "Retain"))
        problems_refuse(decoder->problems, "spec.conversionPolicy", NULL,
                        "none of Auto, Rewrite and Retain");
}

static void decode(struct decoder *decoder)
{
    enum { ID, NAME, URL, URL_FROM, METHOD, HEADERS, TEMPLATE, COOLDOWN, SUSPEND, ALLOWED, POLICY };
    static const char *const names[] = {
        [ID] = "id",
        [NAME] = "name",
        [URL] = "url",
        [URL_FROM] = "urlFrom",
        [METHOD] = "method",
        [HEADERS] = "headers",
        [TEMPLATE] = "bodyTemplate",
        [COOLDOWN] = "cooldownPeriod",
        [SUSPEND] = "suspend",
        [ALLOWED] = "allowedNamespaces",
        [POLICY] = "conversionPolicy",
    };
    struct span values[ARRAY_LENGTH(names)];
    struct copy *copy = decoder->copy;
    members_read(object_spec(decoder->object), names, ARRAY_LENGTH(names), values, NULL, NULL);
    copy->name = read_text(decoder, values[NAME], "spec.name", "");
    if (copy->name && !*copy->name) {
        free(copy->name);
        copy->name = xstrdup(decoder->object->name);
    }
    read_url(decoder, values[URL], values[URL_FROM]);
    read_method(decoder, values[METHOD]);
    read_headers(decoder, values[HEADERS]);
    copy->body_template = read_text(decoder, values[TEMPLATE], "spec.bodyTemplate", "");
    read_cooldown(decoder, values[COOLDOWN]);
    copy->suspend = json_text_bool(values[SUSPEND], false);
    check_rest(decoder, values[ID], values[SUSPEND], values[POLICY]);
    allowed_check(values[ALLOWED], "spec.allowedNamespaces", decoder->problems);
}

void webhook_decode(const struct object *object, const struct cache *cache,
                    struct webhook *ret_webhook, struct problems *problems)
{
    *ret_webhook = (struct webhook){.copy = NULL};
    if (object->problem) {
        problems_refuse(problems, NULL, NULL, "%s", object->problem);
        return;
    }
    CLEANUP(copy_unrefp) struct copy *copy = copy_new();
    struct problems found = {.count = 0};
    struct decoder decoder = {object, cache, ret_webhook, copy, &found};
    decode(&decoder);
    if (!problems_have_error(&found, NULL))
        ret_webhook->copy = TAKE(copy);
    problems_move(problems, &found);
}

void webhook_fini(struct webhook *webhook)
{
    copy_unref(webhook->copy);
    for (size_t i = 0; i < webhook->secret_count; i++)
        free(webhook->secrets[i]);
    free(webhook->secrets);
    *webhook = (struct webhook){.copy = NULL};
}

bool webhook_permits(const struct object *object, const char *ns, const struct cache *cache)
{
    struct span allowed = json_text_get(object_spec(object), "allowedNamespaces", NULL);
    return allowed_permits(allowed, object->ns, ns, cache);
}
