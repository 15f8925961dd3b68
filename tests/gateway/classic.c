/* SPDX-License-Identifier: Apache-2.0 */
#include "classic.h"

#include <stdlib.h>
#include <string.h>

#include "apiid.h"
#include "classic_shape.h"
#include "gojson.h"
#include "ipnet.h"
#include "mem.h"

static const char malformed[] = "Request malformed";

static void rule_broken(struct text *problem, const char *reason)
{
    text_printf(problem, "Validation of API Definition failed. Reason: %s.", reason);
}

/* The lists count only where their switch is on. */
static bool check_addresses(const struct doc *doc, const char *toggle, const char *list,
                            struct text *problem)
{
    uint32_t addresses = doc_member(doc, 0, list);
    if (!doc_bool(doc, doc_member(doc, 0, toggle)) || !doc_is(doc, addresses, DOC_ARRAY)) {
        return true;
    }
    for (uint32_t i = addresses + 1; i < doc->nodes[addresses].next; i = doc->nodes[i].next) {
        char *address = doc_string_copy(doc, i);
        bool valid = ipnet_is_valid(address);
        if (!valid) {
            struct text reason = {0};
            text_printf(&reason, "invalid IP/CIDR \"%s\"", address);
            rule_broken(problem, reason.bytes);
            text_fini(&reason);
        }
        free(address);
        if (!valid) {
            return false;
        }
    }
    return true;
}

static bool check_auth_sources(const struct doc *doc, struct text *problem)
{
    uint32_t config = doc_path(doc, 0, "auth_configs", "authToken", NULL);
    if (!doc_bool(doc, doc_member(doc, 0, "use_standard_auth")) ||
        !doc_bool(doc, doc_member(doc, config, "disable_header")) ||
        doc_bool(doc, doc_member(doc, config, "use_cookie")) ||
        doc_bool(doc, doc_member(doc, config, "use_param"))) {
        return true;
    }
    rule_broken(problem, "all auth sources are disabled for authToken, at least one of "
                         "header/cookie/query must be enabled");
    return false;
}

static bool check_rules(const struct doc *doc, struct text *problem)
{
    return check_auth_sources(doc, problem) &&
           check_addresses(doc, "enable_ip_whitelisting", "allowed_ips", problem) &&
           check_addresses(doc, "enable_ip_blacklisting", "blacklisted_ips", problem);
}

/* Loading an enabled JS handler goes through the VM, which is not there without jsvm. */
static void note_handlers(const struct doc *doc, uint32_t handlers, struct definition *definition)
{
    if (!doc_is(doc, handlers, DOC_ARRAY)) {
        return;
    }
    for (uint32_t i = handlers + 1; i < doc->nodes[handlers].next; i = doc->nodes[i].next) {
        uint32_t meta = doc_member(doc, i, "handler_meta");
        if (!doc_string_is(doc, doc_member(doc, i, "handler_name"), "eh_dynamic_handler") ||
            doc_bool(doc, doc_member(doc, meta, "disabled"))) {
            continue;
        }
        definition->js_handler = true;
        if (!doc_is(doc, doc_member(doc, meta, "path"), DOC_STRING)) {
            definition->js_handler_no_path = true;
        }
    }
}

static void note_events(const struct doc *doc, struct definition *definition)
{
    uint32_t events = doc_path(doc, 0, "event_handlers", "events", NULL);
    if (!doc_is(doc, events, DOC_OBJECT)) {
        return;
    }
    for (uint32_t key = events + 1; key < doc->nodes[events].next; key = doc->nodes[key + 1].next) {
        note_handlers(doc, key + 1, definition);
    }
}

static struct definition *build(const struct doc *doc)
{
    struct definition *definition = definition_new();
    struct shape_mark mark = {.shape = classic_proxy_shape, .name = "listen_path"};
    text_reserve(&definition->classic, 8192 + 2 * (size_t)doc->nodes[0].len);
    if (!shape_write(&classic_shape, doc, 0, &definition->classic, &mark)) {
        definition_unref(definition);
        return NULL;
    }
    text_shrink(&definition->classic);
    definition->classic_listen = (struct span){mark.start, mark.len};
    uint32_t proxy = doc_member(doc, 0, "proxy");
    definition->api_id = doc_string_copy(doc, doc_member(doc, 0, "api_id"));
    definition->name = doc_string_copy(doc, doc_member(doc, 0, "name"));
    definition->org_id = doc_string_copy(doc, doc_member(doc, 0, "org_id"));
    definition->listen_path = doc_string_copy(doc, doc_member(doc, proxy, "listen_path"));
    definition->target_url = doc_string_copy(doc, doc_member(doc, proxy, "target_url"));
    definition->is_oas = doc_bool(doc, doc_member(doc, 0, "is_oas"));
    definition->internal = doc_bool(doc, doc_member(doc, 0, "internal"));
    bool no_domain = doc_bool(doc, doc_member(doc, 0, "domain_disabled"));
    definition->domain =
        no_domain ? mem_string("") : doc_string_copy(doc, doc_member(doc, 0, "domain"));
    note_events(doc, definition);
    return definition;
}

/* What the gateway sets itself goes to the end of the document: the last of equal keys counts. */
static void amend(const struct doc *doc, const char *json, size_t end, bool without_id,
                  struct text *out)
{
    bool empty = !doc_is(doc, 0, DOC_OBJECT) || doc->nodes[0].next == 1;
    if (empty) {
        text_putc(out, '{');
    } else {
        text_add(out, json, end - 1);
        text_putc(out, ',');
    }
    text_puts(out, "\"is_oas\":false");
    if (without_id) {
        char *id = apiid_random();
        text_printf(out, ",\"api_id\":\"%s\"", id);
        free(id);
    }
    text_putc(out, '}');
}

struct definition *classic_read(struct doc *doc, const char *json, size_t len,
                                enum classic_origin origin, struct text *problem)
{
    size_t end = 0;
    if (!doc_read(doc, json, len, &end) ||
        !(doc_is(doc, 0, DOC_OBJECT) || doc_is(doc, 0, DOC_NULL))) {
        text_puts(problem, malformed);
        return NULL;
    }
    struct text amended = {0};
    if (origin == CLASSIC_FROM_CLIENT) {
        uint32_t id = doc_member(doc, 0, "api_id");
        bool without_id = doc_is_null(doc, id) || doc_string_is(doc, id, "");
        if (without_id || doc_bool(doc, doc_member(doc, 0, "is_oas"))) {
            amend(doc, json, end, without_id, &amended);
            doc_read(doc, amended.bytes, amended.len, &end);
        }
    }
    struct definition *definition = build(doc);
    if (definition == NULL) {
        text_puts(problem, malformed);
    } else if (origin == CLASSIC_FROM_CLIENT && !check_rules(doc, problem)) {
        definition_unref(definition);
        definition = NULL;
    }
    text_fini(&amended);
    return definition;
}

bool classic_id_is(struct doc *doc, const char *json, size_t len, const char *id)
{
    size_t end = 0;
    return doc_read(doc, json, len, &end) && doc_string_is(doc, doc_member(doc, 0, "api_id"), id);
}
