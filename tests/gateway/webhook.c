/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook.h"

#include <ctype.h>
#include <event2/http.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "gojson.h"
#include "mem.h"

/* Known methods are sent as they are; anything else becomes GET, with a body all the same. */
static const char *method_as_sent(const char *method)
{
    static const char *const known[] = {"GET", "PUT", "POST", "DELETE", "PATCH"};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcasecmp(known[i], method) == 0) {
            return known[i];
        }
    }
    return "GET";
}

/* Go's canonical form: the first letter and those behind a dash large, the others small. */
static char *canonical(const char *name)
{
    char *copy = mem_string(name);
    bool upper = true;
    for (char *at = copy; *at != '\0'; at++) {
        if (isspace((unsigned char)*at) || (unsigned char)*at >= 0x7f) {
            strcpy(copy, name); /* NOLINT: no header name, left as it is */
            break;
        }
        *at = (char)(upper ? toupper((unsigned char)*at) : tolower((unsigned char)*at));
        upper = *at == '-';
    }
    return copy;
}

static struct webhook_header *find_header(struct webhook *webhook, const char *name)
{
    for (size_t i = 0; i < webhook->header_count; i++) {
        if (strcasecmp(webhook->headers[i].name, name) == 0) {
            return &webhook->headers[i];
        }
    }
    return NULL;
}

/* Sets a header; name and value are taken. */
static void set_header(struct webhook *webhook, char *name, char *value)
{
    struct webhook_header *old = find_header(webhook, name);
    if (old != NULL) {
        free(old->name);
        free(old->value);
        *old = (struct webhook_header){name, value};
        return;
    }
    webhook->headers =
        mem_resized(webhook->headers, webhook->header_count + 1, sizeof(*webhook->headers));
    webhook->headers[webhook->header_count++] = (struct webhook_header){name, value};
}

static bool is_string_or_nothing(const struct doc *doc, uint32_t node)
{
    return doc_is_null(doc, node) || doc_is(doc, node, DOC_STRING);
}

static bool read_headers(struct webhook *webhook, const struct doc *doc, uint32_t node)
{
    if (doc_is_null(doc, node)) {
        return true;
    }
    if (!doc_is(doc, node, DOC_OBJECT)) {
        return false;
    }
    size_t count = 0;
    struct doc_member *members = doc_members(doc, node, &count);
    bool good = true;
    for (size_t i = 0; i < count && good; i++) {
        good = is_string_or_nothing(doc, members[i].value);
        if (good && *members[i].key != '\0') {
            set_header(webhook, canonical(members[i].key), doc_string_copy(doc, members[i].value));
        }
    }
    doc_members_free(members, count);
    return good;
}

/* As html/template prints a value between quotes. */
static void put_escaped(struct text *out, const char *value)
{
    static const struct {
        char c;
        const char *escaped;
    } table[] = {{'"', "&#34;"}, {'\'', "&#39;"}, {'&', "&amp;"},
                 {'<', "&lt;"},  {'>', "&gt;"},   {'+', "&#43;"}};
    for (; *value != '\0'; value++) {
        const char *escaped = NULL;
        for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
            if (table[i].c == *value) {
                escaped = table[i].escaped;
            }
        }
        if (escaped != NULL) {
            text_puts(out, escaped);
        } else {
            text_putc(out, *value);
        }
    }
}

/* The body of the default template, as events of keys have it. */
static void render(struct webhook *webhook, const struct fire_event *event)
{
    const struct {
        const char *name;
        const char *value;
    } members[] = {{"event", event->name},
                   {"message", event->message},
                   {"path", event->path},
                   {"origin", event->origin},
                   {"key", event->key}};
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        text_printf(&webhook->body, "%s\"%s\":\"", i > 0 ? "," : "{", members[i].name);
        put_escaped(&webhook->body, members[i].value);
        text_putc(&webhook->body, '"');
    }
    text_putc(&webhook->body, '}');
}

bool webhook_read(struct webhook *webhook, const struct doc *doc, uint32_t meta,
                  const struct fire_event *event)
{
    static const char *const strings[] = {"id", "name", "method", "target_path", "template_path"};
    *webhook = (struct webhook){.method = "GET"};
    for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
        if (!is_string_or_nothing(doc, doc_member(doc, meta, strings[i]))) {
            return false;
        }
    }
    uint32_t disabled = doc_member(doc, meta, "disabled");
    uint32_t timeout = doc_member(doc, meta, "event_timeout");
    bool fits = doc_is_null(doc, disabled) || doc_is(doc, disabled, DOC_TRUE) ||
                doc_is(doc, disabled, DOC_FALSE);
    fits = fits && (doc_is_null(doc, timeout) || doc_integer(doc, timeout, &webhook->cooldown_s));
    set_header(webhook, mem_string("User-Agent"), mem_string("Tyk-Hookshot"));
    if (!fits || !read_headers(webhook, doc, doc_member(doc, meta, "header_map"))) {
        webhook_fini(webhook);
        return false;
    }
    webhook->disabled = doc_bool(doc, disabled);
    webhook->name = doc_string_copy(doc, doc_member(doc, meta, "name"));
    webhook->url = doc_string_copy(doc, doc_member(doc, meta, "target_path"));
    char *method = doc_string_copy(doc, doc_member(doc, meta, "method"));
    webhook->method = method_as_sent(method);
    free(method);
    render(webhook, event);
    if (find_header(webhook, "Content-Type") == NULL) {
        set_header(webhook, mem_string("Content-Type"), mem_string("application/json"));
    }
    return true;
}

void webhook_fini(struct webhook *webhook)
{
    for (size_t i = 0; i < webhook->header_count; i++) {
        free(webhook->headers[i].name);
        free(webhook->headers[i].value);
    }
    free(webhook->headers);
    free(webhook->name);
    free(webhook->url);
    text_fini(&webhook->body);
    *webhook = (struct webhook){0};
}

/* The request line and Host; a URL that cannot be read stands there as it is. */
static void put_target(struct text *out, const struct webhook *webhook)
{
    struct evhttp_uri *uri = evhttp_uri_parse(webhook->url);
    if (uri == NULL) {
        text_printf(out, "%s %s HTTP/1.1\r\nHost: \r\n", webhook->method, webhook->url);
        return;
    }
    const char *host = evhttp_uri_get_host(uri);
    const char *path = evhttp_uri_get_path(uri);
    const char *query = evhttp_uri_get_query(uri);
    text_printf(out, "%s %s%s%s HTTP/1.1\r\nHost: %s:%d\r\n", webhook->method,
                path != NULL && *path != '\0' ? path : "/", query != NULL ? "?" : "",
                query != NULL ? query : "", host != NULL ? host : "", evhttp_uri_get_port(uri));
    evhttp_uri_free(uri);
}

char *webhook_digest(const struct webhook *webhook)
{
    struct text wire = {0};
    put_target(&wire, webhook);
    text_printf(&wire, "User-Agent: Go-http-client/1.1\r\nContent-Length: %zu\r\n\r\n",
                webhook->body.len);
    text_add(&wire, text_string(&webhook->body), webhook->body.len);
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned digest_len = 0;
    EVP_Digest(wire.bytes, wire.len, digest, &digest_len, EVP_md5(), NULL);
    text_fini(&wire);
    char *hex = mem_zeroed(2 * (size_t)digest_len + 1);
    for (unsigned i = 0; i < digest_len; i++) {
        snprintf(hex + (size_t)2 * i, 3, "%02x", digest[i]);
    }
    return hex;
}
